// SPDX-License-Identifier: Apache-2.0
//! Answers of the Web API.

use http::HeaderName;
use http::header::LOCATION;

use super::fetch::Columns;
use super::link::shown_link;
use super::operation::Answered;
use super::shown::Shown;
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Json, Kind, Node};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot, Value};
use crate::crm::message::{link_headers, parse_answer, unparseable};
use crate::crm::{
    AnswerView, Done, LocateError, LocatedAnswer, ReadAnswer, RecordName, SameRecord,
};

/// What the request says about its answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub answered: Answered,
    /// Whose records it holds, where they do not say it.
    pub object: Option<ObjectName>,
    /// What the query says of its columns.
    pub columns: Columns,
    /// The records of the request that it tells about, in order.
    pub asked: Vec<u32>,
}

impl ReadAnswer for Answer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        self.read(answer, 0).map(|(located, _)| located)
    }
}

impl Answer {
    /// Reads an answer whose records are numbered from `first`, and says which number
    /// comes next.
    pub(super) fn read(
        &self,
        answer: &AnswerView<'_>,
        first: u32,
    ) -> Result<(LocatedAnswer, u32), LocateError> {
        let mut shown = Shown::new(answer.origins, first, &self.columns);
        let mut headers = link_headers(answer)?;
        headers.retain(|(name, _)| name != LOCATION);
        let made = entity_headers(answer, first, &mut headers)?;
        let is_success = answer.status.is_success();
        let is_text = is_success
            && matches!(
                self.answered,
                Answered::RawProperty(_) | Answered::Count | Answered::Metadata
            );
        if is_text && !answer.body.is_empty() {
            self.text(answer, first, &mut shown)?;
        } else if let Some(json) = parse_answer(answer)? {
            if is_success {
                self.success(&json, &mut shown)?;
            } else {
                shown.echoes(json.root());
            }
        }
        let mut names = shown.names;
        let mut done = if is_success { Done::All } else { Done::default() };
        if is_success {
            let is_single = matches!(self.asked.as_slice(), [_]);
            if let (Some(made), true) = (made, is_single)
                && !names.iter().any(|name| name.record == first)
            {
                names.push(made);
            }
            let in_answer = first..;
            let told = in_answer
                .zip(&self.asked)
                .filter(|(number, _)| names.iter().any(|name| name.record == *number));
            done.add(told.map(|(in_answer, in_request)| SameRecord {
                in_answer,
                in_request: *in_request,
                is_taken: true,
            }));
        }
        let next = shown.next.max(first + 1);
        let located = LocatedAnswer {
            status: answer.status,
            headers,
            body: Document::new(answer.body.clone(), shown.slots),
            records: names,
            done,
            ..LocatedAnswer::default()
        };
        Ok((located, next))
    }

    fn success(&self, json: &Json<'_>, shown: &mut Shown<'_>) -> Result<(), LocateError> {
        let root = json.root();
        match (&self.answered, &self.object) {
            (Answered::Records, object) => shown.records(root, object.as_ref()),
            (Answered::Property(field), Some(object)) => {
                let value = root.get("value");
                let is_scalar =
                    |node: &Node<'_>| !matches!(node.kind(), Kind::Object | Kind::Array);
                match value.filter(is_scalar) {
                    Some(value) => {
                        let record = shown.next_record();
                        shown.value(value, None, (object.clone(), field.clone()), record);
                        shown.links(root);
                    }
                    None => shown.records(root, None)?,
                }
                Ok(())
            }
            (Answered::Ids, Some(object)) => {
                for id in root.get("Ids").iter().flat_map(Node::elements) {
                    let record = shown.next_record();
                    shown.named(record, object, &id.value());
                }
                shown.links(root);
                Ok(())
            }
            (Answered::Batch, _) => Err(unparseable("the answer", "it is no answer to a batch")),
            _ => {
                shown.links(root);
                Ok(())
            }
        }
    }

    /// An answer that is no JSON.
    fn text(
        &self,
        answer: &AnswerView<'_>,
        first: u32,
        shown: &mut Shown<'_>,
    ) -> Result<(), LocateError> {
        let text = std::str::from_utf8(answer.body)
            .map_err(|_| unparseable("the answer", "it is not in UTF-8"))?;
        match (&self.answered, &self.object) {
            (Answered::RawProperty(field), Some(object)) => {
                let role = super::shown::role_of(object, field);
                let value = Value::from(text.to_owned());
                let (object, field) = (object.clone(), field.clone());
                let occurrence = Occurrence { object, field, record: first, role, value };
                shown.slots.push(Slot::value(0..text.len(), Codec::Plain, occurrence));
                Ok(())
            }
            (Answered::Count, _) => {
                let digits = text.trim_start_matches('\u{feff}').trim();
                if digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    Ok(())
                } else {
                    Err(unparseable("the answer", "it is no count"))
                }
            }
            // A schema: it describes tables and holds none of their rows.
            _ if text.trim_start_matches('\u{feff}').starts_with("<?xml")
                || text.trim_start_matches('\u{feff}').starts_with("<edmx:Edmx") =>
            {
                Ok(())
            }
            _ => Err(unparseable("the answer", "it is no metadata")),
        }
    }
}

/// `Location` and `OData-EntityId`: the record that was made or changed.
fn entity_headers(
    answer: &AnswerView<'_>,
    record: u32,
    headers: &mut Vec<(HeaderName, Document)>,
) -> Result<Option<RecordName>, LocateError> {
    let mut made = None;
    for name in [LOCATION, HeaderName::from_static("odata-entityid")] {
        for value in answer.headers.get_all(&name) {
            let text = value.to_str().map_err(|_| {
                unparseable(format!("header `{name}` of the answer"), "it is not visible ASCII")
            })?;
            let found = shown_link(text, answer.origins, record);
            let of_record = found.object.as_ref().zip(found.key.as_ref());
            made = made.or_else(|| of_record.and_then(|(object, key)| key.name(object, record)));
            headers.push((name.clone(), Document::new(text.to_owned(), found.slots)));
        }
    }
    Ok(made)
}

/// Where a message to readers stands: it belongs to no column.
pub(super) fn echo(node: Node<'_>) -> Slot {
    let occurrence = Occurrence {
        object: ObjectName::from_static("error"),
        field: FieldName::from_static("message"),
        record: 0,
        role: Role::Echo,
        value: node.value(),
    };
    Slot::value(node.span(), Codec::Json, occurrence)
}
