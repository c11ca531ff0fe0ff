// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;

use http::StatusCode;
use smol_str::SmolStr;

use crate::base::{Cleartext, FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot};
use crate::crm::message::{link, link_headers, parse_answer, unparseable};
use crate::crm::{
    AnswerView, Done, LocateError, LocatedAnswer, Origins, ReadAnswer, RecordName, SameRecord,
};

use super::batch::{Input, MAX_INPUTS};
use super::property;
use super::request::scalar;
use super::schema::{canonical_id, is_record_id};

/// Reads answers: records alone, in `results`, or errors.
#[derive(Debug)]
pub(super) struct HubSpotAnswer {
    /// The object whose records are answered.
    pub object: Option<ObjectName>,
    /// The records of the request that the only record of an answer is.
    pub sole: Vec<u32>,
    /// The inputs of a batch, with the number of each record in the request.
    pub inputs: Vec<(u32, Input)>,
    /// What is added to the errors of a batch, for its inputs that were taken out.
    /// It repeats how the caller named them.
    pub refused: Vec<Cleartext>,
}

impl ReadAnswer for HubSpotAnswer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let mut located = LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            ..LocatedAnswer::default()
        };
        let is_error = answer.status.is_client_error() || answer.status.is_server_error();
        let Some(json) = parse_answer(answer)? else {
            if self.refused.is_empty() || is_error {
                return Ok(LocatedAnswer { done: Done::All, ..located });
            }
            return Err(unparseable("the answer", "it has no results"));
        };
        let root = json.root();
        let mut slots = Vec::new();
        if let Some(object) = &self.object {
            let mut found = Found {
                object,
                origins: answer.origins,
                asked: self,
                records: 0,
                slots: &mut slots,
                located: &mut located,
            };
            if is_error {
                found.echoes(root, 0);
            } else {
                found.answer(root)?;
            }
        } else {
            links(root, answer.origins, &mut slots);
        }
        if !self.refused.is_empty() && !is_error {
            located.status = StatusCode::MULTI_STATUS;
            slots.extend(added_errors(root, &self.refused)?);
        }
        located.body = Document::new(answer.body.clone(), slots);
        Ok(located)
    }
}

/// Error texts, down to every string: `message`, `context`, `errors[]`.
pub(super) fn echoes(
    node: Node<'_>,
    object: &ObjectName,
    record: u32,
    origins: &Origins,
    slots: &mut Vec<Slot>,
) {
    if let Some(link) = link(&node, origins) {
        slots.push(link);
    } else if node.kind() == Kind::String {
        let (object, field) = (object.clone(), FieldName::from_static("message"));
        let occurrence =
            Occurrence { object, field, record, role: Role::Echo, value: node.value() };
        let slot = Slot::value(node.span(), Codec::Json, occurrence);
        slots.push(slot.removable(node.removal()));
    } else {
        node.children().for_each(|child| echoes(child, object, record, origins, slots));
    }
}

/// Links to the upstream in all the strings from here on.
pub(super) fn links(node: Node<'_>, origins: &Origins, slots: &mut Vec<Slot>) {
    slots.extend(link(&node, origins));
    node.children().for_each(|child| links(child, origins, slots));
}

/// Puts further errors into the answer to a batch.
fn added_errors(root: Node<'_>, added: &[Cleartext]) -> Result<Vec<Slot>, LocateError> {
    let no_batch = || unparseable("the answer", "it is not the answer to a batch");
    if root.get("results").is_none_or(|results| results.kind() != Kind::Array) {
        return Err(no_batch());
    }
    let list = added.iter().map(Cleartext::expose).collect::<Vec<_>>().join(",");
    let write = |span, text| Slot::rewritten(span, Codec::Plain, text);
    let mut slots = Vec::new();
    let mut members = String::new();
    let mut count = 0;
    match root.get("errors") {
        Some(errors) if errors.kind() == Kind::Array => {
            count = errors.elements().count();
            let end = errors.span().end - 1;
            let comma = if count > 0 { "," } else { "" };
            slots.push(write(end..end, format!("{comma}{list}")));
        }
        Some(errors) if errors.kind() == Kind::Null => {
            slots.push(write(errors.span(), format!("[{list}]")));
        }
        Some(_) => return Err(no_batch()),
        None => members = format!(r#","errors":[{list}]"#),
    }
    match root.get("numErrors") {
        Some(node) => {
            let found: usize = node.raw().parse().map_err(|_| no_batch())?;
            slots.push(write(node.span(), found.saturating_add(added.len()).to_string()));
        }
        None => {
            members = format!(r#","numErrors":{}{members}"#, count + added.len());
        }
    }
    // `results` stands before them.
    let end = root.span().end - 1;
    slots.push(write(end..end, members));
    Ok(slots)
}

struct Found<'a> {
    object: &'a ObjectName,
    origins: &'a Origins,
    asked: &'a HubSpotAnswer,
    /// How many records and errors were counted so far.
    records: u32,
    slots: &'a mut Vec<Slot>,
    located: &'a mut LocatedAnswer,
}

impl Found<'_> {
    /// One record, or the answer about several: then each of `results` is one.
    fn answer(&mut self, root: Node<'_>) -> Result<(), LocateError> {
        if root.kind() != Kind::Object {
            return Err(unparseable("the answer", "it is not an object"));
        }
        let Some(results) = root.get("results") else {
            let record = self.named_record(root);
            let same = |in_request: &u32| SameRecord {
                in_answer: record,
                in_request: *in_request,
                is_taken: true,
            };
            self.located.done.add(self.asked.sole.iter().map(same));
            return self.members(root, record);
        };
        let inputs = ByName::new(&self.asked.inputs);
        for result in results.children() {
            let record = self.named_record(result);
            let same = inputs.same(result, record);
            self.located.done.add(same);
            self.members(result, record)?;
        }
        // A batch of which a part failed (207).
        for error in root.get("errors").into_iter().flat_map(|errors| errors.children()) {
            let record = self.next_record();
            self.echoes(error, record);
        }
        let record = self.next_record();
        root.members()
            .filter(|member| !matches!(member.key.as_ref(), "results" | "errors"))
            .try_for_each(|member| self.member(&member.key, member.value, record))
    }

    /// The number of a record, which the answer names by its id.
    fn named_record(&mut self, node: Node<'_>) -> u32 {
        let record = self.next_record();
        let id = node.get("id").map(scalar).filter(|id| is_record_id(id));
        let object = self.object.clone();
        let name = id.map(|id| RecordName { record, object, id: canonical_id(&id) });
        self.located.records.extend(name);
        record
    }

    fn members(&mut self, node: Node<'_>, record: u32) -> Result<(), LocateError> {
        node.members().try_for_each(|member| self.member(&member.key, member.value, record))
    }

    fn member(&mut self, name: &str, node: Node<'_>, record: u32) -> Result<(), LocateError> {
        if !matches!(name, "properties" | "propertiesWithHistory") {
            links(node, self.origins, self.slots);
            return Ok(());
        }
        if !matches!(node.kind(), Kind::Object | Kind::Null) {
            return Err(unparseable("the answer", "it has properties without names"));
        }
        for property in node.members() {
            match name {
                "properties" => self.value(&property.key, property.value, record, Role::Stored),
                _ => self.history(&property.key, property.value, record),
            }
        }
        Ok(())
    }

    /// `[{"value":…,"timestamp":…}]`
    fn history(&mut self, property: &str, node: Node<'_>, record: u32) {
        match node.kind() {
            Kind::Array => {
                node.elements().for_each(|version| self.history(property, version, record));
            }
            Kind::Object => {
                for member in node.members() {
                    if member.key == "value" {
                        self.value(property, member.value, record, Role::Former);
                    } else if let Some(source) = property::source(&member.key, member.value, record)
                    {
                        self.slots.push(source);
                    } else {
                        links(member.value, self.origins, self.slots);
                    }
                }
            }
            _ => self.value(property, node, record, Role::Former),
        }
    }

    fn value(&mut self, property: &str, node: Node<'_>, record: u32, role: Role) {
        self.slots.push(property::answered(self.object, property, node, record, role));
    }

    fn echoes(&mut self, node: Node<'_>, record: u32) {
        echoes(node, self.object, record, self.origins, self.slots);
    }

    fn next_record(&mut self) -> u32 {
        let record = self.records;
        self.records += 1;
        record
    }
}

/// The inputs of a batch by what a result can name them with. The order of results
/// says nothing, and the value of a property was replaced on its way out.
struct ByName<'a> {
    ids: HashMap<SmolStr, Vec<u32>>,
    traces: HashMap<&'a str, Vec<u32>>,
}

impl<'a> ByName<'a> {
    fn new(inputs: &'a [(u32, Input)]) -> Self {
        let mut named = Self { ids: HashMap::new(), traces: HashMap::new() };
        for (record, input) in inputs.iter().take(MAX_INPUTS) {
            if let Some(id) = input.id.as_ref().filter(|_| input.is_record_id) {
                named.ids.entry(canonical_id(id.expose())).or_default().push(*record);
            }
            if let Some(trace) = &input.trace {
                named.traces.entry(trace).or_default().push(*record);
            }
        }
        named
    }

    fn same(&self, result: Node<'_>, in_answer: u32) -> Vec<SameRecord> {
        let text = |name| result.get(name).map(scalar).unwrap_or_default();
        let by_id = self.ids.get(&canonical_id(&text("id")));
        let found = by_id.or_else(|| self.traces.get(text("objectWriteTraceId").as_ref()));
        let found = found.into_iter().flatten();
        let same =
            |in_request: &u32| SameRecord { in_answer, in_request: *in_request, is_taken: true };
        found.map(same).collect()
    }
}
