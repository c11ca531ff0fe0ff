// SPDX-License-Identifier: Apache-2.0
//! Answers: records in `data`, one row for each record that was written, or errors.

use std::ops::Range;

use http::StatusCode;

use crate::base::ObjectName;
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Document, Slot};
use crate::crm::message::{link, link_headers, parse_answer, unparseable};
use crate::crm::{AnswerView, Done, LocateError, LocatedAnswer, Origins, ReadAnswer, SameRecord};

use super::coql::Columns;
use super::record::{Records, Side, id_of, scalar};
use super::schema::{self, USERS, is_id};

/// What a request says about its answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub holds: Holds,
    /// Whose records an answer without an error holds.
    pub object: ObjectName,
    /// The records of the request that the answer tells about, in order.
    pub places: Vec<Told>,
}

/// What an answer without an error holds.
#[derive(Clone, Debug)]
pub(super) enum Holds {
    Records,
    /// A row for each record of the request.
    Rows,
    Query(Columns),
    /// What was changed in a record, and by whom.
    Timeline,
    Metadata,
    /// What a bulk job says of itself.
    Job,
    /// The URL that the client uses from now on.
    Login,
}

/// A record of the request that the answer tells about.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// Its number, and those of the records nested in it.
    Forwarded(Range<u32>),
    /// It was taken out of the request, and this row is written in its place.
    Refused(String),
}

impl Told {
    fn number(&self) -> Option<u32> {
        match self {
            Self::Forwarded(records) => Some(records.start),
            Self::Refused(_) => None,
        }
    }
}

/// Reads the answer to one request, or to each part of a composite one.
#[derive(Debug)]
pub(super) enum Answer {
    One(Reply),
    Composite(Vec<Reply>),
}

impl ReadAnswer for Answer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let mut located = LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            ..LocatedAnswer::default()
        };
        let Some(json) = parse_answer(answer)? else {
            return match self {
                Self::One(reply) if reply.has_refused() && answer.status.is_success() => {
                    Err(unparseable("the answer", "it has no row for each record"))
                }
                Self::One(Reply { holds: Holds::Rows | Holds::Job, .. }) | Self::Composite(_) => {
                    Ok(located)
                }
                Self::One(_) => Ok(LocatedAnswer { done: Done::All, ..located }),
            };
        };
        let mut reader = Reader {
            origins: answer.origins,
            found: Records::on(Side::Answer),
            done: Done::default(),
        };
        let root = json.root();
        match self {
            Self::One(reply) => {
                let has_rows = matches!(reply.holds, Holds::Rows);
                let is_job = matches!(reply.holds, Holds::Job);
                if !has_rows && !is_job && !has_failed(root, answer.status) {
                    reader.done = Done::All;
                }
                reader.read(reply, root, answer.status)?;
                if reply.has_refused() && answer.status.is_success() {
                    located.status = StatusCode::MULTI_STATUS;
                }
            }
            Self::Composite(replies) => reader.composite(replies, root, answer.status)?,
        }
        located.body = Document::new(answer.body.clone(), reader.found.slots);
        located.records = reader.found.names;
        located.done = reader.done;
        Ok(located)
    }
}

impl Reply {
    fn has_refused(&self) -> bool {
        self.places.iter().any(|place| place.number().is_none())
    }
}

pub(super) struct Reader<'a> {
    origins: &'a Origins,
    pub found: Records,
    done: Done,
}

impl Reader<'_> {
    fn read(
        &mut self,
        reply: &Reply,
        root: Node<'_>,
        status: StatusCode,
    ) -> Result<(), LocateError> {
        if root.kind() != Kind::Object {
            return Err(unparseable("the answer", "it is not an object"));
        }
        let rows = root.get("data").filter(|data| data.kind() == Kind::Array);
        match (&reply.holds, rows) {
            (Holds::Rows, Some(rows)) => self.rows(reply, rows),
            _ if has_failed(root, status) => self.error(root, reply, None),
            (Holds::Rows, None) if reply.has_refused() => {
                Err(unparseable("the answer", "it has no row for each record"))
            }
            (Holds::Login, _) => {
                self.login(root);
                Ok(())
            }
            (Holds::Timeline, _) => {
                let entries = root.get("__timeline").into_iter().flat_map(|list| list.elements());
                entries.into_iter().try_for_each(|entry| self.found.change(entry, &reply.object))
            }
            (Holds::Job, _) => self.job(root, &reply.object),
            (Holds::Metadata | Holds::Rows, _) => self.metadata(root, reply),
            (Holds::Records | Holds::Query(_), _) => {
                root.members().try_for_each(|member| self.list(reply, &member.key, member.value))
            }
        }
    }

    /// `data`, `users`, `org`; `info` holds page tokens and counts.
    fn list(&mut self, reply: &Reply, key: &str, node: Node<'_>) -> Result<(), LocateError> {
        let is_sole = node.elements().count() == 1;
        for record in node.elements().filter(|one| one.kind() == Kind::Object) {
            let number = match &reply.holds {
                Holds::Query(columns) => self.found.row_of_query(record, &reply.object, columns)?,
                _ => self.found.record(record, &reply.object)?,
            };
            let asked = reply.places.iter().find_map(Told::number);
            if let Some(in_request) = asked.filter(|_| is_sole && key != "info") {
                self.tell_same(number, Some(in_request), true);
            }
        }
        if node.kind() == Kind::Object && key != "info" {
            self.found.record(node, &reply.object)?;
        }
        Ok(())
    }

    /// One row for each record that was forwarded, in their order.
    fn rows(&mut self, reply: &Reply, list: Node<'_>) -> Result<(), LocateError> {
        let indexes: Vec<usize> = (0..)
            .zip(&reply.places)
            .filter_map(|(index, place)| place.number().map(|_| index))
            .collect();
        let is_told_apart = list.elements().count() == indexes.len();
        if !is_told_apart {
            if reply.has_refused() {
                return Err(unparseable("the answer", "it has not one row for each record"));
            }
            return list.elements().try_for_each(|row| self.row(row, reply, None, None));
        }
        let start = list.span().start + 1;
        let (mut rows, mut end) = (list.elements(), start);
        for place in &reply.places {
            match place {
                // At least one record was forwarded, so there is a neighbour.
                Told::Refused(row) if end == start => self.insert(end, format!("{row},")),
                Told::Refused(row) => self.insert(end, format!(",{row}")),
                Told::Forwarded(records) => {
                    let Some(row) = rows.next() else { break };
                    let indexes = Some(indexes.as_slice()).filter(|_| reply.has_refused());
                    self.row(row, reply, Some(records.start), indexes)?;
                    end = row.span().end;
                }
            }
        }
        Ok(())
    }

    /// `{"code":…,"details":{…},"message":…,"status":"success"}`. `indexes` are the places
    /// that the forwarded records had before others were taken out.
    fn row(
        &mut self,
        row: Node<'_>,
        reply: &Reply,
        in_request: Option<u32>,
        indexes: Option<&[usize]>,
    ) -> Result<(), LocateError> {
        let is_taken = match row.get("status") {
            Some(status) => scalar(status) == "success",
            // What a lead was converted to says no more.
            None => row.get("code").is_none(),
        };
        let details = row.get("details").or(Some(row).filter(|_| row.get("status").is_none()));
        let Some(details) = details.filter(|_| is_taken) else {
            let number = self.found.next_record();
            self.tell_same(number, in_request, false);
            return self.error_of(row, reply, number, indexes);
        };
        let number = self.found.record(details, &reply.object)?;
        self.tell_same(number, in_request, true);
        for member in row.members().filter(|member| member.key == "message") {
            self.echo(member.value, number);
        }
        Ok(())
    }

    fn tell_same(&mut self, in_answer: u32, in_request: Option<u32>, is_taken: bool) {
        let same = in_request.map(|in_request| SameRecord { in_answer, in_request, is_taken });
        self.done.add(same);
    }

    pub fn link(&mut self, node: Node<'_>) -> bool {
        let link = link(&node, self.origins);
        let is_link = link.is_some();
        self.found.slots.extend(link);
        is_link
    }

    /// What fields and modules there are; users are named where they changed something.
    fn metadata(&mut self, node: Node<'_>, reply: &Reply) -> Result<(), LocateError> {
        self.link(node);
        if let (Some(field), Some(value)) = (node.get("field"), node.get("value")) {
            return self.filtered(field, value, reply);
        }
        node.elements().try_for_each(|element| self.metadata(element, reply))?;
        for member in node.members() {
            let target = schema::lookup(&reply.object, &member.key.to_ascii_lowercase());
            let names_user = target.is_some_and(|target| target.as_str() == USERS);
            if names_user && is_id(&id_of(member.value)) {
                let number = self.found.next_record();
                self.found.member(&member.key, member.value, &reply.object, number, None)?;
            } else {
                self.metadata(member.value, reply)?;
            }
        }
        Ok(())
    }

    /// What a view or a territory filters by: `{"comparator":…,"field":{"api_name":"City"},
    /// "value":"Ulm"}`.
    fn filtered(
        &mut self,
        field: Node<'_>,
        value: Node<'_>,
        reply: &Reply,
    ) -> Result<(), LocateError> {
        let name = scalar(field.get("api_name").unwrap_or(field));
        let record = self.found.next_record();
        self.found.member(&name, value, &reply.object, record, None)
    }

    /// `api_domain` is another host than the one that hands out tokens; a client that
    /// followed it would leave the proxy.
    fn login(&mut self, root: Node<'_>) {
        for member in root.members() {
            if member.key == "api_domain" && member.value.kind() == Kind::String {
                let (span, public) = (member.value.span(), self.origins.public.clone());
                self.found.slots.push(Slot::rewritten(span, Codec::Json, public));
            }
        }
    }

    /// `{"__composite_requests":[{"details":{"response":{"status_code":200,"body":{…}}}}]}`
    fn composite(
        &mut self,
        replies: &[Reply],
        root: Node<'_>,
        status: StatusCode,
    ) -> Result<(), LocateError> {
        let no_parts = || unparseable("the answer", "it has not one part for each that was asked");
        let Some(parts) = root.get("__composite_requests") else {
            if !has_failed(root, status) {
                return Err(no_parts());
            }
            let none = Reply::of_nothing();
            return self.error(root, &none, None);
        };
        if parts.elements().count() != replies.len() {
            return Err(no_parts());
        }
        for (part, reply) in parts.elements().zip(replies) {
            let response = part.get("details").and_then(|details| details.get("response"));
            let Some(response) = response else {
                self.error(part, reply, None)?;
                continue;
            };
            let status = scalar_of(response, "status_code").parse::<u16>().ok();
            let status = status.and_then(|status| StatusCode::from_u16(status).ok());
            match response.get("body") {
                Some(body) if body.kind() == Kind::Object => {
                    self.read(reply, body, status.ok_or_else(no_parts)?)?;
                }
                Some(body) if body.kind() != Kind::Null => return Err(no_parts()),
                _ => {}
            }
        }
        Ok(())
    }

    fn insert(&mut self, at: usize, text: String) {
        self.found.slots.push(Slot::rewritten(at..at, Codec::Plain, text));
    }
}

impl Reply {
    pub fn of_nothing() -> Self {
        let object = ObjectName::from_static("settings");
        Self { holds: Holds::Metadata, object, places: Vec::new() }
    }
}

fn has_failed(root: Node<'_>, status: StatusCode) -> bool {
    !status.is_success() || scalar_of(root, "status") == "error" || root.get("error").is_some()
}

fn scalar_of(node: Node<'_>, name: &str) -> String {
    node.get(name).map(|value| scalar(value).into_owned()).unwrap_or_default()
}
