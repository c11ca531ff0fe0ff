// SPDX-License-Identifier: Apache-2.0
//! Jobs: what is said to create or change one, and what the CRM says of one.

use bytes::Bytes;

use crate::carrier::json::{Kind, Node};
use crate::crm::message::{MediaType, parse_json, shown, unparseable};
use crate::crm::salesforce::bulk::job::{self, Job, PLACE};
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::operation::is_path;
use crate::crm::salesforce::schema::is_name;
use crate::crm::salesforce::xml;
use crate::crm::{LocateError, RequestView};

/// What the CRM says of a job.
#[derive(Debug)]
pub(super) struct BatchJob {
    pub job: Job,
    pub contents: MediaType,
    /// Whether its batches are queries.
    pub is_query: bool,
}

const CONTENTS: [(&str, MediaType); 3] =
    [("CSV", MediaType::Csv), ("JSON", MediaType::Json), ("XML", MediaType::Xml)];
/// They hold files that records refer to by name.
const ARCHIVES: [&str; 3] = ["ZIP_CSV", "ZIP_JSON", "ZIP_XML"];
const WRITES: [&str; 5] = ["insert", "update", "upsert", "delete", "hardDelete"];
const QUERIES: [&str; 2] = ["query", "queryAll"];

/// More than a job has.
const MAX_MEMBERS: usize = 64;

impl BatchJob {
    /// What the CRM said of the job with this id when it was asked first.
    ///
    /// # Errors
    /// [`LocateError`] where it said nothing, or not all that is needed.
    pub(super) fn read(request: &RequestView<'_>, id: &str) -> Result<Self, LocateError> {
        let by_crm = job::by_crm(request)?;
        let is_json = by_crm.trim_ascii_start().starts_with(b"{");
        let media_type = if is_json { MediaType::Json } else { MediaType::Xml };
        let members = members(PLACE, by_crm, media_type)?;
        let text = |name: &str| {
            let found = members.iter().find(|(known, _)| known == name);
            found.map(|(_, text)| text.clone())
        };
        let contents = contents(text("contentType").as_deref().unwrap_or("XML"))?;
        let operation = text("operation").unwrap_or_default();
        let is_one_of = |known: &[&str]| known.iter().any(|it| it.eq_ignore_ascii_case(&operation));
        let is_query = is_one_of(&QUERIES);
        if !is_query && !is_one_of(&WRITES) {
            return Err(job::refuse("the CRM does not say what it does"));
        }
        Ok(Self { job: Job::known(request.told.by_caller, id, &text)?, contents, is_query })
    }

    /// # Errors
    /// [`LocateError::UnsupportedMediaType`] for contents of another kind than the job's.
    pub(super) fn check(&self, found: MediaType) -> Result<(), LocateError> {
        if found == self.contents {
            return Ok(());
        }
        let expected = "what its job says, in UTF-8 and not in an archive";
        Err(LocateError::UnsupportedMediaType { place: "the batch", expected })
    }
}

/// A new job: names and words of the API only. The object that it is for.
pub(super) fn read_order(request: &RequestView<'_>) -> Result<String, LocateError> {
    let mut object = None;
    for (name, text) in order(request)? {
        let is_fine = match name.as_str() {
            "object" => is_name(&text),
            "externalIdFieldName" => is_path(&text),
            "operation" => WRITES.iter().chain(&QUERIES).any(|it| it.eq_ignore_ascii_case(&text)),
            "contentType" => contents(&text).map(|_| true)?,
            // simple-salesforce says 0 and 1.
            "concurrencyMode" => matches!(text.as_str(), "Parallel" | "Serial" | "0" | "1"),
            "assignmentRuleId" => is_id(&text),
            _ => false,
        };
        if !is_fine {
            return Err(unknown(&name));
        }
        object = object.or_else(|| Some(text).filter(|_| name == "object"));
    }
    object.ok_or_else(|| unparseable("the body", "it does not say of which object the job is"))
}

/// What becomes of the job with this id.
pub(super) fn read_state(request: &RequestView<'_>, id: &str) -> Result<(), LocateError> {
    for (name, text) in order(request)? {
        let is_fine = match name.as_str() {
            "state" => matches!(text.as_str(), "Closed" | "Aborted"),
            // The Java client of Salesforce repeats it.
            "id" => is_id(&text) && id::canonical(&text) == id::canonical(id),
            _ => false,
        };
        if !is_fine {
            return Err(unknown(&name));
        }
    }
    Ok(())
}

/// The members of the body.
fn order(request: &RequestView<'_>) -> Result<Vec<(String, String)>, LocateError> {
    members("the body", request.body, MediaType::of(request.headers))
}

/// The members of an object, or the elements in a document, that hold something; each
/// stands there once.
pub(super) fn members(
    place: &'static str,
    body: &Bytes,
    media_type: MediaType,
) -> Result<Vec<(String, String)>, LocateError> {
    if media_type == MediaType::Json {
        let json = parse_json(place, body)?;
        let root = json.root();
        if root.kind() != Kind::Object {
            return Err(unparseable(place, "it is no object"));
        }
        let texts = root.members().filter(|member| member.value.kind() != Kind::Null);
        return texts.map(|member| Ok((member.key.into_owned(), word(member.value)?))).collect();
    }
    if media_type != MediaType::Xml {
        let expected = "application/json or application/xml";
        return Err(LocateError::UnsupportedMediaType { place, expected });
    }
    let mut all: Vec<(String, String)> = Vec::new();
    for child in xml::parse_root(place, body, "jobInfo")?.children {
        if all.len() == MAX_MEMBERS {
            return Err(LocateError::TooLarge { place });
        }
        if all.iter().any(|(name, _)| *name == child.name) {
            return Err(xml::refuse(&child, "stands there twice"));
        }
        let text = xml::text(&child)?.to_owned();
        all.push((child.name, text));
    }
    Ok(all)
}

fn word(node: Node<'_>) -> Result<String, LocateError> {
    match (node.text(), node.kind()) {
        (Some(text), _) => Ok(text.into_owned()),
        (None, Kind::Number | Kind::True | Kind::False) => Ok(node.raw().to_owned()),
        _ => {
            let problem = format!("what stands at byte {} is no word", node.span().start);
            Err(unparseable("the body", problem))
        }
    }
}

fn contents(text: &str) -> Result<MediaType, LocateError> {
    if ARCHIVES.contains(&text) {
        let expected = "`CSV`, `JSON` or `XML`; archives (`ZIP_CSV` …) are not read here";
        return Err(LocateError::UnsupportedMediaType { place: "the job", expected });
    }
    let known = CONTENTS.iter().find(|(word, _)| *word == text).map(|(_, contents)| *contents);
    known.ok_or_else(|| job::refuse("its contents are of no known kind"))
}

fn unknown(name: &str) -> LocateError {
    let name = shown(name);
    unparseable("the body", format!("`{name}` is not a property of a job, or holds another word"))
}
