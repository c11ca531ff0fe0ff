// SPDX-License-Identifier: Apache-2.0
//! Answers: results by their order, records by what they say they are, faults.

use crate::base::{FieldName, ObjectName};
use crate::carrier::xml::Element;
use crate::carrier::{Codec, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::salesforce::answer::{Asked, Columns, Place};
use crate::crm::salesforce::id::is_id;
use crate::crm::salesforce::login::path_of;
use crate::crm::salesforce::reader::Reader;
use crate::crm::salesforce::xml::{self, SOAP};
use crate::crm::{AnswerView, Done, LocateError, LocatedAnswer, ReadAnswer, SameRecord};

/// What a call is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// URLs that tell the client where to go next, and who logs in.
    Login,
    /// Who is logged in.
    User,
    Records,
    /// What became of what was written.
    Outcomes,
    Metadata,
}

/// Reads the answer to a call.
#[derive(Debug)]
pub(super) struct Answer {
    pub answered: Answered,
    /// Whose records it holds, where they do not say it.
    pub object: Option<ObjectName>,
    /// `None` where it has no rows of groups.
    pub columns: Option<Columns>,
    /// What the results are about, in order.
    pub places: Vec<Place>,
}

impl ReadAnswer for Answer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let mut reader = Reader::new(answer.origins, self.columns.as_ref());
        let root = xml::parse_answer(answer)?;
        let mut has_failed = !answer.status.is_success();
        match root.as_ref().and_then(inside) {
            Some(response) if response.namespace != SOAP && !has_failed => {
                reader.response(self, response)?;
            }
            other => {
                has_failed |= other.is_some_and(|it| it.namespace == SOAP && it.name == "Fault");
                root.iter().try_for_each(|root| reader.element(root, None))?;
            }
        }
        // Where all has failed, no refused record seems to have passed.
        if reader.done == Done::default() && self.has_refused() && !has_failed {
            return Err(unparseable("the answer", "it has not one result for each record"));
        }
        reader.into_answer(answer)
    }
}

impl Answer {
    fn has_refused(&self) -> bool {
        self.places.iter().any(|place| place.asked().is_none())
    }
}

/// What is in the body of an envelope: a response, or a fault.
fn inside(root: &Element) -> Option<&Element> {
    let body = root.named("Body").find(|body| body.namespace == SOAP)?;
    match body.children.as_slice() {
        [inside] => Some(inside),
        _ => None,
    }
}

impl Reader<'_> {
    fn response(&mut self, answer: &Answer, response: &Element) -> Result<(), LocateError> {
        let results: Vec<&Element> = response.named("result").collect();
        let forwarded = answer.places.iter().filter(|place| place.asked().is_some()).count();
        let expected = answer.object.as_ref();
        match answer.answered {
            Answered::Login | Answered::User => {
                results.iter().try_for_each(|result| self.logged_in(result))
            }
            _ if forwarded > 0 && results.len() == forwarded => {
                self.each(&answer.places, &results, expected)
            }
            _ if answer.has_refused() => {
                Err(unparseable("the answer", "it has not one result for each record"))
            }
            // Each result is a record.
            Answered::Records if forwarded > 0 => {
                results.iter().try_for_each(|result| self.related(result, expected))
            }
            _ => self.element(response, expected),
        }
    }

    /// One result for each record that was forwarded, in their order; those of refused
    /// ones are written between them.
    fn each(
        &mut self,
        places: &[Place],
        results: &[&Element],
        expected: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        let mut at = results.first().map_or(0, |first| first.span.start);
        let mut results = results.iter();
        for place in places {
            match place {
                Place::Refused(result) => self.insert(at, result.clone()),
                Place::Forwarded(asked) => {
                    let Some(result) = results.next() else { break };
                    self.outcome(result, asked, expected)?;
                    at = result.span.end;
                }
            }
        }
        Ok(())
    }

    /// What the answer says of one record: the record itself, or what became of it.
    fn outcome(
        &mut self,
        result: &Element,
        asked: &Asked,
        expected: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        let number = self.records;
        let success = result.text_of("success");
        if success.is_some() && result.named("type").next().is_none() {
            self.next_record();
            let id = result.text_of("id").filter(|id| is_id(id));
            if let (Some(id), Some(object)) = (id, &asked.object) {
                self.name(number, object, id);
            }
            result.children.iter().try_for_each(|child| self.outcome_part(child, number))?;
        } else {
            self.related(result, expected)?;
        }
        if self.records > number {
            let is_taken = success.is_none_or(|success| success == "true");
            let in_request = asked.records.start;
            self.done.add([SameRecord { in_answer: number, in_request, is_taken }]);
        }
        Ok(())
    }

    /// An error names what it is about; a duplicate that was found is a record of its own.
    fn outcome_part(&mut self, part: &Element, number: u32) -> Result<(), LocateError> {
        if part.name != "errors" {
            return self.element(part, None);
        }
        part.children.iter().try_for_each(|child| match (&child.text, child.name.as_str()) {
            (Some(text), "message") => {
                self.told(text, number);
                Ok(())
            }
            _ => self.element(child, None),
        })
    }

    /// `serverUrl` names a host of Salesforce that need not be the upstream; a client that
    /// followed it would leave the proxy.
    fn logged_in(&mut self, result: &Element) -> Result<(), LocateError> {
        let number = self.next_record();
        let parts = result.children.iter().flat_map(|part| match part.name.as_str() {
            "userInfo" => part.children.iter().collect(),
            _ => vec![part],
        });
        for part in parts {
            let Some(text) = &part.text else {
                self.element(part, None)?;
                continue;
            };
            let name = part.name.as_str();
            let claim = CLAIMS.iter().find(|(claim, _)| *claim == name);
            if let Some((_, field)) = claim {
                let (user, field) =
                    (ObjectName::from_static("user"), FieldName::from_static(field));
                let value = Value::from(text.as_str().to_owned());
                self.found((text.span.clone(), Codec::Xml), number, user, field, value);
            } else if let Some(path) = path_of(text.as_str()).filter(|_| name.ends_with("Url")) {
                let url = format!("{}{path}", self.origins.public);
                self.slots.push(Slot::rewritten(text.span.clone(), Codec::Xml, url));
            }
        }
        Ok(())
    }
}

/// What is said of a user, and the fields that it comes from. Source: "GetUserInfoResult".
const CLAIMS: [(&str, &str); 4] = [
    ("userEmail", "email"),
    ("userFullName", "name"),
    ("userName", "username"),
    ("userTimeZone", "timezonesidkey"),
];
