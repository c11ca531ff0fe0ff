// SPDX-License-Identifier: Apache-2.0
//! The requests inside a composite one.

use std::collections::HashMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use super::plan::{Group, Part};
use super::reference::{has_reference, record_of, referred};
use super::written::{Written, name, named, parts, refuse, unnamed};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, DecodedText, Document, Element, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::room::Room;
use crate::crm::salesforce::locate_part;
use crate::crm::{About, FieldUse, LocateError, LocatedRequest, RecordName, RequestView, Told};

/// Salesforce refuses more as a whole. Shortened, they would pass where they should not.
const MAX_PARTS: usize = 25;
const MAX_GRAPHS: usize = 75;
/// In all graphs of a request.
const MAX_NODES: usize = 500;
const TOO_MANY: &str = "holds more requests than Salesforce takes";

/// Collects what is found in the requests inside.
pub(super) struct Requests<'r, 'a> {
    request: &'r RequestView<'a>,
    next_record: u32,
    room: Room,
    /// The record that a part is about, by the name of the part.
    known: HashMap<String, u32>,
    pub slots: Vec<Slot>,
    pub elements: Vec<Element>,
    pub uses: Vec<FieldUse>,
    pub names: Vec<RecordName>,
    pub is_about_records: bool,
}

impl<'r, 'a> Requests<'r, 'a> {
    pub(super) fn new(request: &'r RequestView<'a>) -> Self {
        Self {
            request,
            next_record: 0,
            room: Room::default(),
            known: HashMap::new(),
            slots: Vec::new(),
            elements: Vec::new(),
            uses: Vec::new(),
            names: Vec::new(),
            is_about_records: false,
        }
    }

    /// `{"allOrNone":…,"compositeRequest":[…]}`
    pub(super) fn composite(&mut self, root: Node<'_>) -> Result<Vec<Group>, LocateError> {
        let (list, is_one) = parts(root, "compositeRequest", "allOrNone", "collateSubrequests")?;
        self.groups(list, is_one, named)
    }

    /// `{"haltOnError":…,"batchRequests":[…]}`
    pub(super) fn batch(&mut self, root: Node<'_>) -> Result<Vec<Group>, LocateError> {
        let (list, is_one) = parts(root, "batchRequests", "haltOnError", "haltOnError")?;
        self.groups(list, is_one, unnamed)
    }

    /// `{"graphs":[{"graphId":…,"compositeRequest":[…]}]}`
    pub(super) fn graphs(&mut self, root: Node<'_>) -> Result<Vec<Group>, LocateError> {
        let mut groups: Vec<Group> = Vec::new();
        let mut nodes = 0;
        for member in root.members() {
            if member.key != "graphs" || member.value.kind() != Kind::Array {
                return Err(refuse(member.value, "is no member of a graph request"));
            }
            if member.value.elements().count() > MAX_GRAPHS {
                return Err(refuse(member.value, TOO_MANY));
            }
            for graph in member.value.elements() {
                let mut group = Group { id: String::new(), parts: Vec::new(), records: 0..0 };
                let first = self.next_record;
                self.known.clear();
                for member in graph.members() {
                    match member.key.as_ref() {
                        "graphId" => group.id = name(member.value)?,
                        "compositeRequest" if member.value.kind() == Kind::Array => {
                            for part in member.value.elements() {
                                nodes += 1;
                                if nodes > MAX_NODES {
                                    return Err(refuse(root, TOO_MANY));
                                }
                                group.parts.push(self.part(&named(part)?)?);
                            }
                        }
                        _ => return Err(refuse(member.value, "is no member of a graph")),
                    }
                }
                check_names(&group.parts)?;
                if group.id.is_empty() || groups.iter().any(|other| other.id == group.id) {
                    return Err(refuse(graph, "has no id of its own"));
                }
                group.records = first..self.next_record;
                self.element(graph, group.records.clone());
                groups.push(group);
            }
        }
        if groups.is_empty() {
            return Err(refuse(root, "has no graph"));
        }
        Ok(groups)
    }

    /// One group for each part, or one for all.
    fn groups(
        &mut self,
        list: Node<'_>,
        is_one: bool,
        read: fn(Node<'_>) -> Result<Written<'_>, LocateError>,
    ) -> Result<Vec<Group>, LocateError> {
        if list.elements().count() > MAX_PARTS {
            return Err(refuse(list, TOO_MANY));
        }
        let mut parts = Vec::new();
        for node in list.elements() {
            let part = self.part(&read(node)?)?;
            self.element(node, part.records.clone());
            parts.push(part);
        }
        check_names(&parts)?;
        if parts.is_empty() {
            return Err(refuse(list, "holds no request"));
        }
        let group = |parts: Vec<Part>, records| Group { id: String::new(), parts, records };
        if is_one {
            return Ok(vec![group(parts, 0..self.next_record)]);
        }
        let one = |part: Part| {
            let records = part.records.clone();
            group(vec![part], records)
        };
        Ok(parts.into_iter().map(one).collect())
    }

    fn element(&mut self, node: Node<'_>, records: std::ops::Range<u32>) {
        self.elements.extend(node.removal().map(|removal| Element { records, removal }));
    }

    /// Locates one request, and takes over what is found in it.
    fn part(&mut self, written: &Written<'_>) -> Result<Part, LocateError> {
        let decoded = written.url.decoded().unwrap_or(DecodedText::verbatim(String::new()));
        let url = match decoded.as_str() {
            text if text.starts_with('/') => decoded,
            // In a batch, URLs begin with the version.
            _ => decoded.behind("/services/data/"),
        };
        let method = written.method.text().unwrap_or_default();
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| refuse(written.method, "is no method"))?;
        let mut headers = HeaderMap::new();
        let body = written.body.map_or(Bytes::new(), |body| {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            self.request.body.slice(body.span())
        });
        let target = Bytes::copy_from_slice(url.as_str().as_bytes());
        let located = locate_part(&RequestView {
            method: &method,
            target: &target,
            headers: &headers,
            body: &body,
            origins: self.request.origins,
            expansion: self.request.expansion,
            told: Told::default(),
        })
        .map_err(|error| inside(written.url, error))?;

        for document in located.documents() {
            self.room.hold("the body", document.slots())?;
        }
        let mut needs = referred(url.as_str());
        needs.extend(referred(written.body.map_or("", |body| body.raw())));
        let first = self.next_record;
        let count = record_count(&located, !needs.is_empty());
        self.next_record += count;
        let other = record_of(url.as_str()).and_then(|name| self.known.get(name)).copied();
        let record = other.unwrap_or(first);
        if is_about_one(located.operation.name.as_str()) {
            self.known.insert(written.reference.clone(), record);
        }
        self.is_about_records |= located.operation.about != About::Nobody;
        let number = |own: u32| if own == 0 { record } else { own + first };
        let names = located.records.into_iter();
        self.names.extend(names.map(|name| RecordName { record: number(name.record), ..name }));
        self.uses.extend(located.uses);
        let target = self.own(located.target, first, record);
        self.slots.push(Slot::holding(written.url.inner_span(), Codec::Json, url, target));
        if let Some(node) = written.body {
            let text = DecodedText::verbatim(node.raw().to_owned());
            let body = self.own(located.body, first, record);
            self.slots.push(Slot::holding(node.span(), Codec::Plain, text, body));
        }
        Ok(Part {
            reference: written.reference.clone(),
            needs,
            records: first..self.next_record,
            is_about_other: other.is_some(),
            answer: located.answer,
        })
    }

    /// A document of a request inside as a part of this one. Its records are numbered from
    /// `first` on; its own first one is `record`.
    fn own(&mut self, document: Document, first: u32, record: u32) -> Document {
        const REFERENCE: &str = "a reference to another result";
        let uses = &mut self.uses;
        document.numbered_from(first).revised(&mut |found| {
            if found.record == first {
                found.record = record;
            }
            let Value::Text(text) = &found.value else { return true };
            let is_reference = has_reference(text.expose());
            if is_reference {
                let (object, field) = (found.object.clone(), found.field.clone());
                uses.push(FieldUse { object, field, operator: REFERENCE });
            }
            !is_reference
        })
    }
}

/// Whether what a request is about is one record, whose id its answer tells.
fn is_about_one(operation: &str) -> bool {
    matches!(operation, "sobject.create" | "sobject.read" | "sobject.update" | "sobject.upsert")
}

/// How many records a request tells of. One that names none, or may find others, is about
/// somebody, too; and what refers to others needs a number to be refused by.
fn record_count(located: &LocatedRequest, refers: bool) -> u32 {
    let values = located.documents().flat_map(Document::occurrences);
    let values = values.map(|(_, found)| found.record + 1);
    let names = located.records.iter().map(|name| name.record + 1);
    let elements = located.batch.iter().flat_map(|batch| batch.elements());
    let elements = elements.map(|records| records.end);
    let told = values.chain(names).chain(elements).max().unwrap_or_default();
    match located.operation.about {
        About::Anybody => told + 1,
        About::Named => told.max(1),
        About::Nobody => told.max(u32::from(refers)),
    }
}

fn check_names(parts: &[Part]) -> Result<(), LocateError> {
    let mut names: Vec<&str> = parts.iter().map(|part| part.reference.as_str()).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    if names.iter().zip(names.iter().skip(1)).any(|(a, b)| a == b) {
        return Err(unparseable("the body", "two requests inside have one `referenceId`"));
    }
    Ok(())
}

/// The same problem, of a request inside.
fn inside(url: Node<'_>, error: LocateError) -> LocateError {
    let at = url.span().start;
    match error {
        LocateError::UnknownOperation => {
            refuse(url, "leads to an operation that is not known, or not inside another")
        }
        LocateError::Unparseable { place, problem } => {
            unparseable(format!("{place} of the request whose URL stands at byte {at}"), problem)
        }
        other => other,
    }
}
