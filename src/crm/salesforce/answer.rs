// SPDX-License-Identifier: Apache-2.0
//! Answers: read by their structure, which is the same for all operations.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::id::{self, is_id};
use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Json, Kind, Node};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot};
use crate::crm::message::{link_headers, parse_answer, unparseable};
use crate::crm::{
    AnswerView, Done, LocateError, LocatedAnswer, Origins, ReadAnswer, RecordName, SameRecord,
};

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
        let headers = link_headers(answer)?;
        let json = parse_answer(answer)?;
        let mut reader = Reader {
            origins: answer.origins,
            columns: self.columns.as_ref(),
            slots: Vec::new(),
            records: 0,
            names: Vec::new(),
            done: Done::default(),
        };
        if answer.status.is_success() {
            reader.success(self, json.as_ref())?;
        } else if let Some(json) = &json {
            reader.walk(json.root(), None)?;
        }
        Ok(LocatedAnswer {
            status: answer.status,
            headers,
            body: Document::new(answer.body.clone(), reader.slots),
            records: reader.names,
            done: reader.done,
        })
    }
}

/// What a place of the answer holds, if it holds records.
#[derive(Clone, Copy)]
enum Expected<'a> {
    /// What the request asked for; its columns may have other names.
    Asked(&'a ObjectName),
    Related(&'a ObjectName),
}

struct Reader<'a> {
    origins: &'a Origins,
    columns: Option<&'a Columns>,
    slots: Vec<Slot>,
    records: u32,
    names: Vec<RecordName>,
    done: Done,
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

    fn walk(&mut self, node: Node<'_>, expected: Option<Expected<'_>>) -> Result<(), LocateError> {
        match node.kind() {
            Kind::String => {
                self.link(node);
                Ok(())
            }
            Kind::Array => node.elements().try_for_each(|element| self.walk(element, expected)),
            Kind::Object => self.object(node, expected),
            Kind::Number | Kind::True | Kind::False | Kind::Null => Ok(()),
        }
    }

    fn object(
        &mut self,
        node: Node<'_>,
        expected: Option<Expected<'_>>,
    ) -> Result<(), LocateError> {
        let is_error = node.get("message").is_some()
            && (node.get("errorCode").is_some() || node.get("statusCode").is_some());
        if let Some(object) = stated_object(node) {
            let is_asked = matches!(expected, Some(Expected::Asked(_)));
            self.record(node, &object, is_asked)
        } else if is_error {
            let number = self.next_record();
            self.error(node, number)
        } else if node.get("records").is_some() {
            node.members().try_for_each(|member| {
                self.walk(member.value, expected.filter(|_| member.key == "records"))
            })
        } else if let Some(Expected::Asked(object) | Expected::Related(object)) = expected {
            self.record(node, object, matches!(expected, Some(Expected::Asked(_))))
        } else {
            node.members().try_for_each(|member| match member.key.as_ref() {
                "errorMessage" => {
                    let number = self.next_record();
                    self.echo(member.value, number);
                    Ok(())
                }
                _ => self.walk(member.value, None),
            })
        }
    }

    fn record(
        &mut self,
        record: Node<'_>,
        object: &ObjectName,
        is_asked: bool,
    ) -> Result<(), LocateError> {
        let number = self.next_record();
        let columns = self.columns.filter(|_| is_asked);
        if object.as_str() != GROUP {
            if let Some(id) = id_of(record) {
                self.name(number, object, &id);
            }
        } else if columns.is_none() {
            return Err(unparseable("the answer", "it has rows of groups that no query explains"));
        }
        let mut others = Vec::new();
        for member in record.members() {
            let value = member.value;
            let column = columns.and_then(|columns| columns.get(&member.key.to_ascii_lowercase()));
            let Column { object: of, field, path } = column.cloned().unwrap_or_else(|| {
                let (object, field) = schema::original(object, &member.key);
                Column { object, field, path: String::new() }
            });
            let number = if of == *object {
                number
            } else {
                self.other(&mut others, (&of, &path), record, columns)
            };
            let object = of;
            match value.kind() {
                Kind::Object if member.key == "attributes" => self.walk(value, None)?,
                Kind::Object => self.nested(value, number, &object, &field)?,
                Kind::Array if value.elements().any(|element| element.kind() == Kind::Object) => {
                    self.walk(value, None)?;
                }
                Kind::Array | Kind::String | Kind::Number | Kind::True | Kind::False => {
                    self.value(value, number, object, field);
                }
                Kind::Null => {}
            }
        }
        Ok(())
    }

    /// The number of the record that a value is copied from, one for each object and way
    /// to it. What is known of one person must not be taken for what is known of another.
    fn other(
        &mut self,
        others: &mut Vec<(ObjectName, String, u32)>,
        (object, path): (&ObjectName, &str),
        record: Node<'_>,
        columns: Option<&Columns>,
    ) -> u32 {
        let known = others.iter().find(|(of, by, _)| of == object && by == path);
        if let Some((.., number)) = known {
            return *number;
        }
        let number = self.next_record();
        others.push((object.clone(), path.to_owned(), number));
        // The columns of groups may have any name.
        for member in record.members().filter(|_| columns.is_none()) {
            let referred = schema::copied_by(object, &member.key);
            let id = member.value.text().filter(|id| is_id(id));
            if let (Some(referred), Some(id)) = (referred, id) {
                self.name(number, &referred, &id);
            }
        }
        number
    }

    /// A related record, the records of a sub-select, or the parts of a compound field.
    fn nested(
        &mut self,
        node: Node<'_>,
        number: u32,
        object: &ObjectName,
        field: &FieldName,
    ) -> Result<(), LocateError> {
        let name = field.as_str();
        let is_part = schema::part_of(field, "").is_some();
        if is_part && stated_object(node).is_none() {
            for member in node.members() {
                if let Some(part) = schema::part_of(field, &member.key) {
                    self.value(member.value, number, object.clone(), part);
                }
            }
            return Ok(());
        }
        let related = schema::related(object, name);
        self.walk(node, related.as_ref().map(Expected::Related))
    }

    fn value(&mut self, node: Node<'_>, record: u32, object: ObjectName, field: FieldName) {
        let is_id = || field.as_str() == "id" && node.text().is_some_and(|text| is_id(&text));
        // What else begins like a link to the upstream is what somebody has written.
        let is_link = field.as_str().ends_with("photourl") && self.link(node);
        if is_link || is_id() {
            return;
        }
        let role = match schema::composed_from(&object, &field) {
            [] => Role::Stored,
            from => Role::Composed { from },
        };
        let occurrence = Occurrence { object, field, record, role, value: node.value() };
        self.slots.push(Slot::value(node.span(), Codec::Json, occurrence));
    }

    fn error(&mut self, error: Node<'_>, record: u32) -> Result<(), LocateError> {
        error.members().try_for_each(|member| match member.key.as_ref() {
            "message" => {
                self.echo(member.value, record);
                Ok(())
            }
            _ => self.walk(member.value, None),
        })
    }

    /// A message to readers. It belongs to no field.
    fn echo(&mut self, node: Node<'_>, record: u32) {
        if node.kind() != Kind::String || self.link(node) {
            return;
        }
        let occurrence = Occurrence {
            object: ObjectName::from_static("error"),
            field: FieldName::from_static("message"),
            record,
            role: Role::Echo,
            value: node.value(),
        };
        self.slots.push(Slot::value(node.span(), Codec::Json, occurrence));
    }

    fn name(&mut self, record: u32, object: &ObjectName, id: &str) {
        let id = id::canonical(id);
        self.names.push(RecordName { record, object: object.clone(), id });
    }

    fn insert(&mut self, at: usize, text: String) {
        self.slots.push(Slot::rewritten(at..at, Codec::Plain, text));
    }

    /// Exchanges the origin of a URL that points to the upstream.
    fn link(&mut self, node: Node<'_>) -> bool {
        let public = node.text().and_then(|text| self.origins.to_public(&text));
        let is_link = public.is_some();
        self.slots.extend(public.map(|url| Slot::rewritten(node.span(), Codec::Json, url)));
        is_link
    }

    /// What is said of the user who logged in are fields of that user.
    ///
    /// `instance_url` and `id` name hosts of Salesforce that need not be the
    /// upstream; a client that followed them would leave the proxy.
    fn login(&mut self, node: Node<'_>) -> Result<(), LocateError> {
        let number = self.next_record();
        for member in node.members() {
            let claim = CLAIMS.iter().find(|(claim, _)| *claim == member.key);
            if let Some((_, field)) = claim.filter(|_| member.value.kind() != Kind::Null) {
                let user = ObjectName::from_static("user");
                self.value(member.value, number, user, FieldName::from_static(field));
                continue;
            }
            let is_ours = matches!(member.key.as_ref(), "instance_url" | "id");
            let text = member.value.text().filter(|_| is_ours);
            match text.as_deref().and_then(path_of) {
                Some(path) => {
                    let url = format!("{}{path}", self.origins.public);
                    self.slots.push(Slot::rewritten(member.value.span(), Codec::Json, url));
                }
                None => self.walk(member.value, None)?,
            }
        }
        Ok(())
    }

    fn next_record(&mut self) -> u32 {
        let record = self.records;
        self.records += 1;
        record
    }
}

impl Place {
    fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Forwarded(asked) => Some(asked),
            Self::Refused(_) => None,
        }
    }
}

/// What the answers of userinfo and of the identity URL say of a user, and the fields
/// that it comes from. Source: "Identity URLs", "UserInfo Endpoint".
const CLAIMS: [(&str, &str); 14] = [
    ("display_name", "name"),
    ("email", "email"),
    ("family_name", "lastname"),
    ("first_name", "firstname"),
    ("given_name", "firstname"),
    ("last_name", "lastname"),
    ("mobile_phone", "mobilephone"),
    ("name", "name"),
    ("nick_name", "communitynickname"),
    ("nickname", "communitynickname"),
    ("phone_number", "phone"),
    ("preferred_username", "username"),
    ("username", "username"),
    ("zoneinfo", "timezonesidkey"),
];

/// What rows of groups state as their object.
const GROUP: &str = "aggregateresult";

/// The id that a record states, itself or by its URL.
fn id_of(record: Node<'_>) -> Option<Cow<'_, str>> {
    let own = record.members().find(|member| member.key.eq_ignore_ascii_case("Id"));
    let own = own.and_then(|member| member.value.text()).filter(|id| is_id(id));
    own.or_else(|| {
        let url = record.get("attributes")?.get("url")?.text()?;
        let (_, id) = url.rsplit_once('/')?;
        is_id(id).then(|| Cow::Owned(id.to_owned()))
    })
}

/// What follows the origin of an absolute URL.
fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default())
}

/// The object that a record states. A polymorphic relationship states `Name`, and
/// the URL of the record says more.
fn stated_object(record: Node<'_>) -> Option<ObjectName> {
    let attributes = record.get("attributes")?;
    let stated = attributes.get("type")?.text()?;
    if stated.eq_ignore_ascii_case("Name") {
        let url = attributes.get("url").and_then(|url| url.text()).unwrap_or_default();
        let mut parts = url.split('/').skip_while(|part| *part != "sobjects").skip(1);
        if let Some(object) = parts.next() {
            return Some(schema::object_name(object));
        }
    }
    Some(schema::object_name(&stated))
}
