// SPDX-License-Identifier: Apache-2.0
//! What a search found.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::base::ObjectName;
use crate::carrier::json::{DEFAULT_MAX_DEPTH, Json, Kind, Node};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot, Value};
use crate::crm::dynamics::answer::echo;
use crate::crm::dynamics::path::canonical_id;
use crate::crm::dynamics::schema::{self, is_name};
use crate::crm::dynamics::shown::role_of;
use crate::crm::message::{link_headers, parse_answer, unparseable};
use crate::crm::{AnswerView, Done, LocateError, LocatedAnswer, ReadAnswer, RecordName};

/// Around what a term was found in.
const MARKS: [&str; 2] = ["{crmhit}", "{/crmhit}"];

/// Reads the answer to a search.
#[derive(Debug)]
pub(super) struct SearchAnswer;

impl ReadAnswer for SearchAnswer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let mut found = Found::default();
        if let Some(json) = parse_answer(answer)? {
            if answer.status.is_success() {
                found.answer(json.root())?;
            } else {
                found.echoes(json.root());
            }
        }
        let is_success = answer.status.is_success();
        Ok(LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            body: Document::new(answer.body.clone(), found.slots),
            records: found.names,
            done: if is_success { Done::All } else { Done::default() },
            ..LocatedAnswer::default()
        })
    }
}

/// The columns of a record that hold ids, by their names.
type Ids<'n> = HashMap<Cow<'n, str>, Node<'n>>;

#[derive(Default)]
struct Found {
    slots: Vec<Slot>,
    names: Vec<RecordName>,
    next: u32,
}

impl Found {
    /// Since version 2.0, a text with JSON in it: `{"response":"{…}"}`.
    fn answer(&mut self, root: Node<'_>) -> Result<(), LocateError> {
        let response = root.get("response").and_then(|node| Some((node, node.decoded()?)));
        let Some((node, decoded)) = response else { return self.results(root) };
        let json = Json::parse(decoded.as_str().as_bytes(), DEFAULT_MAX_DEPTH)
            .map_err(|error| unparseable("member `response`", error.to_string()))?;
        self.results(json.root())?;
        let inside = std::mem::take(&mut self.slots);
        self.slots.push(Slot::nested(node.inner_span(), Codec::Json, decoded, inside));
        Ok(())
    }

    fn results(&mut self, root: Node<'_>) -> Result<(), LocateError> {
        for member in root.members() {
            let (name, value) = (member.key.to_ascii_lowercase(), member.value);
            match (name.as_str(), value.kind()) {
                ("value", Kind::Array) => {
                    value.elements().try_for_each(|result| self.result(result))?;
                }
                // Of tables and dates only.
                ("facets" | "count" | "totalrecordcount", _) => {}
                _ if name.starts_with('@') => {}
                // A completed term, or how it was understood.
                _ => self.echoes(value),
            }
        }
        Ok(())
    }

    /// A record, or a suggestion with one beside it.
    fn result(&mut self, result: Node<'_>) -> Result<(), LocateError> {
        if result.kind() != Kind::Object {
            return Err(unparseable("the answer", "it has a list of what are no records"));
        }
        let part = |name: &str| {
            let is_it = |key: &str| key.eq_ignore_ascii_case(name);
            result.members().find(|member| is_it(&member.key)).map(|member| member.value)
        };
        if let Some(document) = part("document") {
            if let Some(text) = part("text") {
                self.echoes(text);
            }
            self.record(document, document)?;
        } else {
            let number = self.record(result, part("attributes").unwrap_or(result))?;
            let highlights = part("highlights").or_else(|| result.get("@search.highlights"));
            self.highlights(&table_of(result, result), number, highlights);
        }
        Ok(())
    }

    /// The columns of a record, which says of itself what it is. Its number.
    fn record(&mut self, record: Node<'_>, columns: Node<'_>) -> Result<u32, LocateError> {
        let object = table_of(record, columns);
        let number = self.next;
        self.next += 1;
        self.name(number, &object, stated(record, columns, ["@search.objectid", "Id"]));
        let ids: Ids<'_> = columns
            .members()
            .filter(|member| canonical_id(&member.value.value()).is_some())
            .map(|member| (member.key, member.value))
            .collect();
        for member in columns.members() {
            // Words for a choice stand beside it: `statecode@stringcollection`.
            let name = member.key.split('@').next().unwrap_or_default();
            let values = std::iter::once(member.value).chain(member.value.elements());
            for value in values.filter(|_| !name.is_empty()) {
                match value.kind() {
                    Kind::Array | Kind::Null => {}
                    Kind::Object => {
                        return Err(unparseable("the answer", "it has a column that is a record"));
                    }
                    _ => self.column(name, value, &ids, (&object, number)),
                }
            }
        }
        Ok(number)
    }

    fn column(
        &mut self,
        name: &str,
        value: Node<'_>,
        ids: &Ids<'_>,
        (object, record): (&ObjectName, u32),
    ) {
        let field = schema::field_name(name);
        if canonical_id(&value.value()).is_some() && schema::holds_ids(&field) {
            return;
        }
        // `owneridname` is what the record is called by that `ownerid` names.
        let lookup = field.as_str().strip_suffix("name");
        let lookup = lookup.and_then(|lookup| Some((lookup, *ids.get(lookup)?)));
        let (object, field, record) = match lookup {
            Some((lookup, id)) => {
                let led = schema::navigation(object, lookup).map(|led| led.object);
                let target = led.unwrap_or_else(|| ObjectName::from_static(schema::CONTACT));
                let record = self.next;
                self.next += 1;
                self.name(record, &target, Some(id));
                let (object, field) = schema::name_of(&target);
                (object, field, record)
            }
            None => (object.clone(), field, record),
        };
        let role = role_of(&object, &field);
        let occurrence = Occurrence { object, field, record, role, value: value.value() };
        self.slots.push(Slot::value(value.span(), Codec::Json, occurrence));
    }

    /// Pieces of columns in which a term was found. The marks around it would cut a
    /// surrogate; a piece that holds one is read, and shown, without them.
    fn highlights(&mut self, object: &ObjectName, record: u32, highlights: Option<Node<'_>>) {
        for member in highlights.into_iter().flat_map(|highlights| highlights.members()) {
            let name = member.key.split('@').next().unwrap_or_default();
            for piece in member.value.elements() {
                let Some(text) = piece.text() else { continue };
                let text =
                    MARKS.iter().fold(text.into_owned(), |text, mark| text.replace(mark, ""));
                let (object, field) = (object.clone(), schema::field_name(name));
                let role = Role::Composed { from: &[] };
                let value = Value::from(text);
                let occurrence = Occurrence { object, field, record, role, value };
                self.slots.push(Slot::value(piece.span(), Codec::Json, occurrence));
            }
        }
    }

    fn name(&mut self, record: u32, object: &ObjectName, id: Option<Node<'_>>) {
        if let Some(id) = id.and_then(|id| canonical_id(&id.value())) {
            self.names.push(RecordName { record, object: object.clone(), id });
        }
    }

    fn echoes(&mut self, node: Node<'_>) {
        if node.kind() == Kind::String {
            self.slots.push(echo(node));
        } else {
            node.children().for_each(|child| self.echoes(child));
        }
    }
}

fn stated<'n>(record: Node<'n>, columns: Node<'n>, names: [&str; 2]) -> Option<Node<'n>> {
    names.into_iter().find_map(|name| record.get(name).or_else(|| columns.get(name)))
}

/// The table that a result names.
fn table_of(record: Node<'_>, columns: Node<'_>) -> ObjectName {
    let name = stated(record, columns, ["@search.entityname", "EntityName"]);
    let name = name.and_then(|name| name.text()).filter(|name| is_name(name));
    name.map_or_else(|| ObjectName::from_static("unknown"), |name| schema::object_name(&name))
}
