// SPDX-License-Identifier: Apache-2.0
//! Jobs: what is said to create one, and what the CRM says of one.

use std::borrow::Cow;

use bytes::Bytes;

use crate::base::{FieldName, ObjectName};
use crate::carrier::csv::{Delimiter, LineEnding};
use crate::carrier::json::{Json, Kind, Node};
use crate::carrier::{Codec, Slot};
use crate::crm::message::{parse_json, unparseable};
use crate::crm::salesforce::filter::{self, Found};
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::operation::is_path;
use crate::crm::salesforce::schema::{self, is_name};
use crate::crm::{LocateError, RequestView};
use crate::query::soql;

/// A JSON text that creates or changes a job.
pub(super) type Order<'a> = Json<'a>;

/// What the CRM says of a job, as far as it tells how its data is read.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub object: ObjectName,
    /// Whether the caller said so, too.
    pub is_certain: bool,
    /// The field that names each record of an upsert.
    pub key: Option<FieldName>,
    pub delimiter: Delimiter,
    pub line_ending: LineEnding,
}

const DELIMITERS: [(&str, Delimiter); 6] = [
    ("BACKQUOTE", Delimiter::Backquote),
    ("CARET", Delimiter::Caret),
    ("COMMA", Delimiter::Comma),
    ("PIPE", Delimiter::Pipe),
    ("SEMICOLON", Delimiter::Semicolon),
    ("TAB", Delimiter::Tab),
];

const LINE_ENDINGS: [(&str, LineEnding); 2] = [("LF", LineEnding::Lf), ("CRLF", LineEnding::CrLf)];

impl Job {
    /// What the CRM said of the job with this id when it was asked first.
    ///
    /// # Errors
    /// [`LocateError::Unparseable`] where it said nothing, or not all that is needed.
    pub(super) fn read(request: &RequestView<'_>, id: &str) -> Result<Self, LocateError> {
        let json = parse_json(PLACE, by_crm(request)?)?;
        let text =
            |name: &str| json.root().get(name).and_then(|value| value.text()).map(Cow::into_owned);
        let delimiter = word(&DELIMITERS, text("columnDelimiter").as_deref());
        let delimiter = delimiter.ok_or_else(|| refuse("the CRM does not say its delimiter"));
        let line_ending = word(&LINE_ENDINGS, text("lineEnding").as_deref());
        let job = Self::known(request.told.by_caller, id, &text)?;
        Ok(Self {
            delimiter: delimiter?,
            line_ending: line_ending.ok_or_else(|| refuse("the CRM does not say its line end"))?,
            ..job
        })
    }

    /// What is said of any job, by the members of what the CRM told. Its data is written
    /// as that of version 1.0.
    ///
    /// # Errors
    /// [`LocateError::Unparseable`] where it is not said of which object this very job is.
    pub(super) fn known(
        by_caller: Option<&str>,
        id: &str,
        text: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, LocateError> {
        let is_this = |told: &str| is_id(told) && id::canonical(told) == id::canonical(id);
        if !text("id").is_some_and(|told| is_this(&told)) {
            return Err(refuse("the CRM told of another one"));
        }
        let object = text("object").filter(|object| is_name(object));
        let object = object.ok_or_else(|| refuse("the CRM does not say of which object it is"))?;
        let object = schema::object_name(&object);
        if by_caller.is_some_and(|created| created != object.as_str()) {
            return Err(refuse("the CRM tells of another object than it was created for"));
        }
        let key =
            text("externalIdFieldName").filter(|_| text("operation").as_deref() == Some("upsert"));
        Ok(Self {
            object,
            is_certain: by_caller.is_some(),
            key: key.map(|key| schema::field_name(&key)),
            delimiter: Delimiter::Comma,
            line_ending: LineEnding::Either,
        })
    }
}

/// What the CRM said when it was asked first.
///
/// # Errors
/// [`LocateError::Unparseable`] where it was not asked.
pub(super) fn by_crm<'a>(request: &RequestView<'a>) -> Result<&'a Bytes, LocateError> {
    request.told.by_crm.ok_or_else(|| refuse("the CRM was not asked what it holds"))
}

pub(super) const PLACE: &str = "the job";

pub(super) fn refuse(problem: &str) -> LocateError {
    unparseable(PLACE, problem)
}

fn word<T: Copy>(words: &[(&str, T)], text: Option<&str>) -> Option<T> {
    words.iter().find(|(word, _)| Some(*word) == text).map(|(_, meaning)| *meaning)
}

/// A new job for records: names and words of the API only. The object that it is for, if
/// it says so.
pub(super) fn read_order(order: Node<'_>) -> Result<Option<ObjectName>, LocateError> {
    const OPERATIONS: [&str; 5] = ["insert", "update", "upsert", "delete", "hardDelete"];
    members(order, |name, text| match name {
        "object" => is_name(text),
        "externalIdFieldName" => is_path(text),
        "operation" => OPERATIONS.contains(&text),
        "assignmentRuleId" => is_id(text),
        _ => is_format(name, text),
    })?;
    let object = order.get("object").and_then(|object| object.text());
    Ok(object.map(|object| schema::object_name(&object)))
}

/// What becomes of a job.
pub(super) fn read_state(change: Node<'_>) -> Result<(), LocateError> {
    members(change, |name, text| name == "state" && matches!(text, "UploadComplete" | "Aborted"))
}

/// A new job for a query.
pub(super) fn read_query(order: Node<'_>) -> Result<Found, LocateError> {
    members(order, |name, text| match name {
        "query" => true,
        "operation" => matches!(text, "query" | "queryAll"),
        _ => is_format(name, text),
    })?;
    let query = order.get("query");
    let Some((node, decoded)) = query.and_then(|node| Some((node, node.decoded()?))) else {
        return Err(unparseable("the body", "it has no `query`"));
    };
    let found = query_text("member `query`", decoded.as_str())?;
    let slot = Slot::nested(node.inner_span(), Codec::Json, decoded, found.slots);
    Ok(Found { slots: vec![slot], ..found })
}

/// A query whose results come in a job.
///
/// # Errors
/// [`LocateError::Unparseable`], of this place, for a query that is not understood, or
/// whose results would not say what they hold.
pub(super) fn query_text(place: &'static str, text: &str) -> Result<Found, LocateError> {
    let found = filter::bind(text).map_err(|error| match error {
        LocateError::Unparseable { problem, .. } => unparseable(place, problem),
        other => other,
    })?;
    check_columns(place, text)?;
    Ok(found)
}

/// Results name their columns, and nothing else tells what these hold: so each must be a
/// field that its name leads to from the object of the query.
fn check_columns(place: &'static str, text: &str) -> Result<(), LocateError> {
    let refuse = |problem: &str| Err(unparseable(place, problem));
    let query = soql::parse(text).map_err(|error| unparseable(place, error.to_string()))?;
    let [source] = query.from.as_slice() else {
        return refuse("it names relationships after `FROM`, which results would not show");
    };
    let object = schema::object_name(source.path.split().1);
    if query.is_aggregate || !query.children.is_empty() {
        return refuse("it has groups or sub-selects, which this API does not answer");
    }
    for column in &query.columns {
        let Some(path) = column.field.as_ref().filter(|_| !column.is_computed) else {
            return refuse("it has a computed column, which results would not explain");
        };
        let (relationships, field) = path.split();
        if schema::is_compound(&schema::field_name(field)) {
            return refuse("it has a compound column, whose parts results would not tell apart");
        }
        let own = relationships.split_first().filter(|(first, _)| {
            let alias = source.alias.as_deref().unwrap_or(object.as_str());
            first.eq_ignore_ascii_case(alias) || first.eq_ignore_ascii_case(object.as_str())
        });
        let relationships = own.map_or(relationships, |(_, rest)| rest);
        let mut names = relationships.iter();
        if names.try_fold(object.clone(), |object, name| schema::parent(&object, name)).is_none() {
            return refuse("it has a column of an object that is not known");
        }
    }
    Ok(())
}

fn is_format(name: &str, text: &str) -> bool {
    match name {
        "contentType" => text == "CSV",
        "columnDelimiter" => word(&DELIMITERS, Some(text)).is_some(),
        "lineEnding" => word(&LINE_ENDINGS, Some(text)).is_some(),
        "concurrencyMode" => matches!(text, "Parallel" | "Serial"),
        _ => false,
    }
}

/// Checks each member of an object that is not null.
fn members(order: Node<'_>, is_fine: impl Fn(&str, &str) -> bool) -> Result<(), LocateError> {
    if order.kind() != Kind::Object {
        return Err(unparseable("the body", "it is no object"));
    }
    for member in order.members().filter(|member| member.value.kind() != Kind::Null) {
        let text = member.value.text();
        if !text.is_some_and(|text| is_fine(&member.key, &text)) {
            let at = member.value.span().start;
            let problem = format!("what stands at byte {at} is not a property of a job");
            return Err(unparseable("the body", problem));
        }
    }
    Ok(())
}
