// SPDX-License-Identifier: Apache-2.0
//! Answers: what the request says about them, and which part is about which record.

use std::collections::HashMap;
use std::ops::Range;

use super::id::is_id;
use super::reader::{Expected, Reader};
use super::sort::Order;
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Json, Kind, Node};
use crate::crm::message::{parse_answer, unparseable};
use crate::crm::{AnswerView, Done, LocateError, LocatedAnswer, ReadAnswer, SameRecord, Sorting};

/// What the columns of rows of groups show, by the name of the column in lower case.
pub(super) type Columns = HashMap<String, Column>;

/// The field behind a column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub object: ObjectName,
    pub field: FieldName,
    /// The relationships that lead to its record, in lower case: another contact than that
    /// of the row has the same fields.
    pub path: String,
}

/// What the request says about its answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Whose records a successful answer holds, where they do not say it.
    pub object: Option<ObjectName>,
    /// `None` where the answer has no rows of groups.
    pub columns: Option<Columns>,
    /// The answer tells the client which URLs to use from now on.
    pub is_login: bool,
    /// What a successful answer tells about, in order: a list has one element for
    /// each record, an object is about the only one.
    pub places: Vec<Place>,
    /// How its records can be sorted.
    pub order: Option<Order>,
}

/// A place in the answer for one record of the request.
#[derive(Debug)]
pub(super) enum Place {
    Forwarded(Asked),
    /// It was taken out of the request, and this result is written in its place.
    Refused(String),
}

/// A record of the request that the answer tells about.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its number, and those of the records that are nested in it.
    pub records: Range<u32>,
    pub object: Option<ObjectName>,
}

impl ReadAnswer for Answer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let json = parse_answer(answer)?;
        let mut reader = Reader::new(answer.origins, self.columns.as_ref());
        let mut rows = None;
        if answer.status.is_success() {
            let page = json.as_ref().map(Json::root).filter(|root| Order::reads(*root));
            if let (Some(order), Some(sorted), Some(page)) = (&self.order, answer.sorted, page) {
                let expected = self.object.as_ref().map(Expected::Asked);
                rows = Some(reader.sorted(page, (order, sorted), expected)?);
            } else {
                reader.success(self, json.as_ref())?;
            }
        } else if let Some(json) = &json {
            reader.walk(json.root(), None)?;
        }
        Ok(LocatedAnswer { rows, ..reader.into_answer(answer)? })
    }

    fn sorting(&self) -> Option<&Sorting> {
        self.order.as_ref().map(|order| &order.sorting)
    }
}

impl Reader<'_> {
    fn success(&mut self, answer: &Answer, json: Option<&Json<'_>>) -> Result<(), LocateError> {
        let expected = answer.object.as_ref().map(Expected::Asked);
        let forwarded = answer.places.iter().filter(|place| place.asked().is_some()).count();
        match (json.map(Json::root), answer.places.as_slice()) {
            (Some(root), _) if answer.is_login => self.login(root),
            (Some(root), [Place::Forwarded(asked)]) if root.kind() == Kind::Object => {
                self.result(root, asked, expected)
            }
            (Some(root), places)
                if root.kind() == Kind::Array && root.elements().count() == forwarded =>
            {
                self.results(root, places, expected)
            }
            // Without a place for each, a refused record would seem to have passed.
            _ if forwarded < answer.places.len() => {
                Err(unparseable("the answer", "it has not one result for each record"))
            }
            (Some(root), _) => self.walk(root, expected),
            (None, _) => {
                self.done = Done::All;
                Ok(())
            }
        }
    }

    /// One result for each record that was forwarded, in their order.
    fn results(
        &mut self,
        list: Node<'_>,
        places: &[Place],
        expected: Option<Expected<'_>>,
    ) -> Result<(), LocateError> {
        let mut elements = list.elements();
        let start = list.span().start + 1;
        let mut end = start;
        for place in places {
            match place {
                // At least one record was forwarded, so there is a neighbour.
                Place::Refused(result) if end == start => self.insert(end, format!("{result},")),
                Place::Refused(result) => self.insert(end, format!(",{result}")),
                Place::Forwarded(asked) => {
                    let Some(element) = elements.next() else { break };
                    self.result(element, asked, expected)?;
                    end = element.span().end;
                }
            }
        }
        Ok(())
    }

    /// What the answer says of one record: the record itself, or
    /// `{"id":…,"success":true,"errors":[]}`.
    fn result(
        &mut self,
        node: Node<'_>,
        asked: &Asked,
        expected: Option<Expected<'_>>,
    ) -> Result<(), LocateError> {
        let number = self.records;
        if expected.is_none() && node.get("success").is_some() {
            self.next_record();
            let id = node.get("id").and_then(|id| id.text()).filter(|id| is_id(id));
            if let (Some(id), Some(object)) = (id, &asked.object) {
                self.name(number, object, &id);
            }
            for member in node.members() {
                match member.key.as_ref() {
                    "errors" => {
                        member.value.elements().try_for_each(|error| self.error(error, number))?;
                    }
                    _ => self.walk(member.value, None)?,
                }
            }
        } else {
            self.walk(node, expected)?;
        }
        if self.records > number {
            let is_taken = node.get("success").is_none_or(|success| success.kind() == Kind::True);
            let in_request = asked.records.start;
            self.done.add([SameRecord { in_answer: number, in_request, is_taken }]);
        }
        Ok(())
    }
}

impl Place {
    pub(super) fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Forwarded(asked) => Some(asked),
            Self::Refused(_) => None,
        }
    }
}
