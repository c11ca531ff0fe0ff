// SPDX-License-Identifier: Apache-2.0
//! The answer to a batch: a multipart with an answer for each request, in order, and a
//! multipart for each change set. Of a change set that failed there is one answer only,
//! and behind a failure there may be none.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::part::embedded;
use super::{Asked, Expected, refuse};
use crate::carrier::coding::ExpansionLimits;
use crate::carrier::multipart::{Message, Part, boundary, parts};
use crate::carrier::{Codec, DecodedText, Document, Slot};
use crate::crm::dynamics::fetch::Columns;
use crate::crm::dynamics::shown::Shown;
use crate::crm::message::{link_headers, parse_answer, unparseable};
use crate::crm::room::Room;
use crate::crm::{
    AnswerView, Done, LocateError, LocatedAnswer, Origins, ReadAnswer, RecordName, SameRecord,
};

#[derive(Debug)]
pub(super) struct BatchAnswer {
    pub expected: Arc<Vec<Expected>>,
    /// What is written for the parts that were taken out of the request, by their places.
    pub refused: BTreeMap<usize, String>,
}

impl ReadAnswer for BatchAnswer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let headers = link_headers(answer)?;
        let media = answer.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        let Some(boundary) = media.and_then(boundary) else {
            return failed(answer, headers);
        };
        let text = std::str::from_utf8(answer.body)
            .map_err(|_| unparseable("the answer", "it is not in UTF-8"))?;
        let mut reader = Reader {
            text,
            origins: answer.origins,
            room: Room::default(),
            next: 0,
            slots: Vec::new(),
            names: Vec::new(),
            done: Done::default(),
        };
        let found = parts(text.as_bytes(), 0..text.len(), boundary).map_err(refuse)?;
        let forwarded = self.expected.len() - self.refused.len();
        let is_whole = found.len() == forwarded || self.refused.is_empty();
        if found.len() > forwarded || !is_whole {
            return Err(unparseable("the answer", "it has not one part for each request"));
        }
        let mut answers = found.iter();
        let mut end = found.first().map_or(0, |part| part.span.start);
        for (place, expected) in self.expected.iter().enumerate() {
            if let Some(part) = self.refused.get(&place) {
                let part = format!("--{boundary}\r\n{part}");
                reader.slots.push(Slot::rewritten(end..end, Codec::Plain, part));
            } else if let Some(part) = answers.next() {
                reader.part(part, expected)?;
                end = part.span.end;
            }
        }
        Ok(LocatedAnswer {
            status: answer.status,
            headers,
            body: Document::new(answer.body.clone(), reader.slots),
            records: reader.names,
            done: reader.done,
            ..LocatedAnswer::default()
        })
    }
}

/// The batch as such was refused.
fn failed(
    answer: &AnswerView<'_>,
    headers: Vec<(HeaderName, Document)>,
) -> Result<LocatedAnswer, LocateError> {
    let columns = Columns::default();
    let mut shown = Shown::new(answer.origins, 0, &columns);
    if let Some(json) = parse_answer(answer)? {
        if answer.status.is_success() {
            return Err(unparseable("the answer", "it is no answer to a batch"));
        }
        shown.echoes(json.root());
    }
    Ok(LocatedAnswer {
        status: answer.status,
        headers,
        body: Document::new(answer.body.clone(), shown.slots),
        ..LocatedAnswer::default()
    })
}

struct Reader<'a> {
    text: &'a str,
    origins: &'a Origins,
    room: Room,
    next: u32,
    slots: Vec<Slot>,
    names: Vec<RecordName>,
    done: Done,
}

impl Reader<'_> {
    fn part(&mut self, part: &Part, expected: &Expected) -> Result<(), LocateError> {
        let media =
            part.header(self.text.as_bytes(), "content-type").map_err(refuse)?.unwrap_or_default();
        match (expected, boundary(media)) {
            (Expected::One(asked), None) => self.answer(part, asked).map(drop),
            (Expected::ChangeSet(all), Some(boundary)) => {
                let found =
                    parts(self.text.as_bytes(), part.body.clone(), boundary).map_err(refuse)?;
                for (at, inner) in found.iter().enumerate() {
                    let id = inner.header(self.text.as_bytes(), "content-id").map_err(refuse)?;
                    let by_id = |asked: &&Asked| asked.content_id.as_deref() == id;
                    let asked = if id.is_some() { all.iter().find(by_id) } else { all.get(at) };
                    let asked = asked
                        .ok_or_else(|| unparseable("the answer", "a part answers no request"))?;
                    self.answer(inner, asked)?;
                }
                Ok(())
            }
            (Expected::ChangeSet(all), None) => {
                // Whichever request it is about: none of them was done.
                let Some(first) = all.first() else { return Ok(()) };
                let status = self.answer(part, first)?;
                if status.is_success() {
                    return Err(unparseable("the answer", "a change set has one answer for all"));
                }
                Ok(())
            }
            (Expected::One(_), Some(_)) => {
                Err(unparseable("the answer", "a request has several answers"))
            }
        }
    }

    fn answer(&mut self, part: &Part, asked: &Asked) -> Result<StatusCode, LocateError> {
        let message = part.message(self.text.as_bytes()).map_err(refuse)?;
        let line = self.text.get(message.start_line.clone()).unwrap_or_default();
        let status = status(line)
            .ok_or_else(|| unparseable("the answer", "a part of it has no status line"))?;
        let headers = self.headers(&message);
        let body = self.text.get(message.body.clone()).unwrap_or_default().to_owned().into();
        let view = AnswerView {
            status,
            headers: &headers,
            body: &body,
            origins: self.origins,
            expansion: ExpansionLimits::NOTHING,
            sorted: None,
        };
        let first = self.next;
        let (located, next) = asked.answer.read(&view, first)?;
        self.room.hold("the answer", located.body.slots())?;
        self.next = next;
        self.names.extend(located.records);
        match located.done {
            Done::Each(same) => self.done.add(same),
            Done::All => {
                // A number of its own: the answer tells nothing of them.
                let in_answer = self.next;
                self.next += 1;
                let same = |in_request| SameRecord { in_answer, in_request, is_taken: true };
                self.done.add(asked.records.clone().map(same));
            }
        }
        self.rewrite(&message, located.headers);
        self.slots.extend(embedded(self.text, &message, located.body));
        Ok(status)
    }

    fn headers(&self, message: &Message) -> HeaderMap {
        let fields = message.headers.iter().filter_map(|header| {
            let value = self.text.get(header.value.clone())?;
            let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value);
        }
        headers
    }

    /// Header fields that hold links or keys, each in its place.
    fn rewrite(&mut self, message: &Message, rewritten: Vec<(HeaderName, Document)>) {
        let mut taken = vec![false; message.headers.len()];
        for (name, document) in rewritten {
            let same = message.headers.iter().zip(&mut taken);
            let mut place = same.filter(|(header, _)| header.name == name.as_str());
            let Some((header, is_taken)) = place.find(|(_, is_taken)| !**is_taken) else {
                continue;
            };
            *is_taken = true;
            let span = header.value.clone();
            let value = self.text.get(span.clone()).unwrap_or_default();
            if document.bytes() != value.as_bytes() {
                // A link that is rewritten as a whole.
                let text = String::from_utf8_lossy(document.bytes()).into_owned();
                self.slots.push(Slot::rewritten(span, Codec::Plain, text));
            } else if !document.slots().is_empty() {
                let decoded = DecodedText::verbatim(value.to_owned());
                self.slots.push(Slot::holding(span, Codec::Plain, decoded, document));
            }
        }
    }
}

/// `HTTP/1.1 204 No Content`
fn status(line: &str) -> Option<StatusCode> {
    let rest = line.strip_prefix("HTTP/1.1 ")?;
    let code = rest.split(' ').next()?;
    StatusCode::from_bytes(code.as_bytes()).ok()
}
