// SPDX-License-Identifier: Apache-2.0

use http::Method;

use super::composite::is_reference;
use super::id::is_id;
use super::schema::is_name;
use crate::carrier::url::{Parameter, Target};
use crate::crm::LocateError;

/// One operation of the REST API: what its request and its answer are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation<'t> {
    pub name: &'static str,
    pub object: Option<&'t str>,
    /// The id of the record, where it is the last segment of the path.
    pub id: Option<&'t str>,
    /// A record by its id, and the relationship that leads from it to those asked for.
    pub related: Option<(&'t str, &'t str)>,
    /// The field that names records: its value is the last segment of the path, or
    /// in a collection a member of each record.
    pub key: Option<&'t str>,
    /// The query parameters it takes; any other is refused.
    pub parameters: &'static [&'static str],
    pub body: Body,
    pub answer: Answered,
}

impl Operation<'_> {
    /// Whether all that the request says is about one record.
    pub fn is_about_one_record(&self) -> bool {
        self.body == Body::Record
            || self.id.is_some()
            || (self.key.is_some() && self.body == Body::None)
    }

    pub fn is_about_records(&self) -> bool {
        matches!(self.answer, Answered::Records | Answered::Outcomes)
    }

    pub fn writes_collection(&self) -> bool {
        self.body == Body::Records || self.name == COLLECTION_DELETE
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    /// The fields of one record.
    Record,
    /// `{"allOrNone":…,"records":[…]}`
    Records,
    /// `{"ids":[…],"fields":[…]}`
    Selection,
    /// `{"records":[…]}`, each with records inside.
    Tree,
    /// Credentials of the caller's own staff and software: passed as they are.
    Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// The record or records asked for.
    Records,
    /// What became of what was written.
    Outcomes,
    Metadata,
    /// URLs that tell the client where to go next.
    Login,
}

/// The operation of a request.
///
/// # Errors
/// [`LocateError::UnknownOperation`], or another when the operation is asked for
/// in a form that is not read here.
pub(super) fn classify<'t>(
    method: &Method,
    target: &'t Target,
) -> Result<Operation<'t>, LocateError> {
    let mut path = target.path();
    if path.last() == Some(&"") {
        path.pop();
    }
    let last = path.last().copied().unwrap_or_default();
    let (stem, suffix) = last.rsplit_once('.').unwrap_or((last, ""));
    if suffix.eq_ignore_ascii_case("xml") {
        let (place, expected) = ("the path", "the suffix `.json` or none");
        return Err(LocateError::UnsupportedMediaType { place, expected });
    }
    let has_suffix = suffix.eq_ignore_ascii_case("json");
    if has_suffix {
        path.pop();
        path.push(stem);
    }
    let method = overridden(method, target)?;
    let operation = known(&method, &path).ok_or(LocateError::UnknownOperation)?;
    if !operation.object.is_none_or(is_name) {
        return Err(LocateError::UnknownOperation);
    }
    if has_suffix && operation.key.is_some() {
        // Salesforce takes the suffix off, and would look for another value.
        let problem = "a key that ends like a format suffix can be read in two ways".to_owned();
        return Err(LocateError::Unparseable { place: "the path".to_owned(), problem });
    }
    target.query.iter().enumerate().try_for_each(|(position, parameter)| {
        let is_first =
            !target.query.iter().take(position).any(|other| other.name == parameter.name);
        let is_known = operation.parameters.contains(&parameter.name.as_str())
            || (parameter.name == METHOD_OVERRIDE);
        if is_first && is_known && is_well_formed(parameter) {
            return Ok(());
        }
        let place = format!("the query at byte {}", parameter.removal.member.start);
        let problem = "it is not a parameter that this operation takes once".to_owned();
        Err(LocateError::Unparseable { place, problem })
    })?;
    Ok(operation)
}

/// For clients that cannot send `PATCH`.
const METHOD_OVERRIDE: &str = "_HttpMethod";

fn overridden(method: &Method, target: &Target) -> Result<Method, LocateError> {
    match (method, target.parameter(METHOD_OVERRIDE)) {
        (&Method::HEAD, None) => Ok(Method::GET),
        (method, None) => Ok(method.clone()),
        (&Method::POST, Some(parameter)) => match parameter.value.decoded.as_str() {
            "PATCH" => Ok(Method::PATCH),
            "DELETE" => Ok(Method::DELETE),
            _ => Err(LocateError::UnknownOperation),
        },
        _ => Err(LocateError::UnknownOperation),
    }
}

/// Whether a parameter holds what its name says. Names and ids are checked,
/// because nothing else of them is.
fn is_well_formed(parameter: &Parameter) -> bool {
    let value = parameter.value.decoded.as_str();
    let all = |is_fine: fn(&str) -> bool| value.split(',').all(|item| is_fine(item.trim()));
    match parameter.name.as_str() {
        "fields" => all(is_path),
        "ids" => all(is_id),
        "allOrNone" | "updateOnly" => matches!(value, "true" | "false"),
        "format" => value == "json",
        "start" | "end" => is_time(value),
        "version" => value == "latest" || is_version(value),
        _ => true,
    }
}

/// `Account.Owner.Name`
pub(super) fn is_path(text: &str) -> bool {
    text.split('.').all(is_name)
}

/// `2026-03-01T09:00:00+00:00`
fn is_time(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_digit() || b"TZtz:.+- ".contains(&byte);
    (10..=32).contains(&text.len()) && text.bytes().all(is_part)
}

/// `v62.0`
pub(super) fn is_api_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(is_version)
}

/// `62.0`
pub(super) fn is_version(text: &str) -> bool {
    let is_number = |text: &str| {
        (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split_once('.').is_some_and(|(major, minor)| {
        is_number(major) && is_number(minor) && major.parse().is_ok_and(|major: u16| major >= 20)
    })
}

const READ: Operation<'static> = Operation {
    name: "",
    object: None,
    id: None,
    related: None,
    key: None,
    parameters: &[],
    body: Body::None,
    answer: Answered::Records,
};

const WRITE: Operation<'static> =
    Operation { body: Body::Record, answer: Answered::Outcomes, ..READ };

fn metadata(name: &'static str) -> Operation<'static> {
    Operation { name, answer: Answered::Metadata, ..READ }
}

fn known<'t>(method: &Method, path: &[&'t str]) -> Option<Operation<'t>> {
    let method = method.as_str();
    let login = Operation { answer: Answered::Login, ..READ };
    Some(match (method, path) {
        ("GET", ["services", "data"]) => metadata("versions"),
        ("POST", ["services", "oauth2", "token"]) => {
            Operation { name: "oauth.token", body: Body::Form, ..login }
        }
        ("POST", ["services", "oauth2", "revoke"]) => {
            Operation { name: "oauth.revoke", body: Body::Form, ..login }
        }
        ("GET", ["services", "oauth2", "revoke"]) => {
            Operation { name: "oauth.revoke", parameters: &["token"], ..login }
        }
        ("GET", ["services", "oauth2", "userinfo"]) => {
            Operation { name: "oauth.userinfo", ..login }
        }
        ("GET", ["id", organization, user]) if is_id(organization) && is_id(user) => {
            Operation { name: "identity", parameters: &["format", "version"], ..login }
        }
        (_, ["services", "data", version, resource @ ..]) if is_api_version(version) => {
            return data(method, resource);
        }
        _ => return None,
    })
}

/// What follows `/services/data/v62.0`.
fn data<'t>(method: &str, resource: &[&'t str]) -> Option<Operation<'t>> {
    match resource {
        ["sobjects", object, rest @ ..] => {
            let operation = sobject(method, rest)?;
            Some(Operation { object: Some(object), ..operation })
        }
        ["composite", "sobjects", rest @ ..] => collection(method, rest),
        ["composite", "tree", object] if method == "POST" => {
            let object = Some(*object);
            Some(Operation { name: "composite.tree", object, body: Body::Tree, ..WRITE })
        }
        _ if method != "GET" => None,
        [] => Some(metadata("resources")),
        ["limits"] => Some(metadata("limits")),
        ["sobjects"] => Some(metadata("sobjects")),
        ["query"] => Some(Operation { name: "query", parameters: &["q"], ..READ }),
        ["queryAll"] => Some(Operation { name: "query_all", parameters: &["q"], ..READ }),
        ["query" | "queryAll", locator] if is_locator(locator) => {
            Some(Operation { name: "query_more", ..READ })
        }
        _ => None,
    }
}

/// `01gD0000002HU6KIAW-2000`
fn is_locator(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(is_part)
}

/// Which records changed in a span of time.
fn changes(name: &'static str) -> Operation<'static> {
    Operation { name, parameters: &["start", "end"], answer: Answered::Outcomes, ..READ }
}

/// What follows `/sobjects/{object}`.
fn sobject<'t>(method: &str, rest: &[&'t str]) -> Option<Operation<'t>> {
    const CREATE: Operation<'static> = Operation { name: "sobject.create", ..WRITE };
    const UPDATE: Operation<'static> = Operation { name: "sobject.update", ..WRITE };
    const UPSERT: Operation<'static> =
        Operation { name: "sobject.upsert", parameters: &["updateOnly"], ..WRITE };
    const DELETE: Operation<'static> =
        Operation { name: "sobject.delete", body: Body::None, ..WRITE };
    const FETCH: Operation<'static> =
        Operation { name: "sobject.read", parameters: &["fields"], ..READ };
    Some(match (method, rest) {
        // What was looked at recently is told with it.
        ("GET", []) => Operation { name: "sobject.info", answer: Answered::Outcomes, ..READ },
        ("GET", ["describe"]) => metadata("sobject.describe"),
        ("POST", [] | ["Id"]) => CREATE,
        ("GET", [id]) if is_record(id) => Operation { id: Some(id), ..FETCH },
        ("PATCH", [id]) if is_record(id) => Operation { id: Some(id), ..UPDATE },
        ("DELETE", [id]) if is_record(id) => Operation { id: Some(id), ..DELETE },
        // Of each record there is its own id only, and when.
        ("GET", ["deleted"]) => changes("sobject.deleted"),
        ("GET", ["updated"]) => changes("sobject.updated"),
        ("GET", [id, relationship]) if is_record(id) && is_name(relationship) => {
            let related = Some((*id, *relationship));
            Operation { name: "sobject.related", related, ..FETCH }
        }
        ("GET", [field, _]) if is_key(field) => Operation { key: Some(field), ..FETCH },
        ("PATCH", [field, _]) if is_key(field) => Operation { key: Some(field), ..UPSERT },
        ("DELETE", [field, _]) if is_key(field) => Operation { key: Some(field), ..DELETE },
        _ => return None,
    })
}

/// An id, or in a composite request what stands for one.
fn is_record(segment: &str) -> bool {
    is_id(segment) || is_reference(segment)
}

/// Whether the segment before a key can be a field. Other resources have the same
/// form: `{id}/{relationship}`, `describe/layouts`, `listviews/{id}`.
fn is_key(field: &str) -> bool {
    let resources = ["describe", "listviews", "quickActions", "deleted", "updated"];
    let is_resource = resources.iter().any(|resource| resource.eq_ignore_ascii_case(field));
    is_name(field) && !is_id(field) && !is_resource
}

const COLLECTION_DELETE: &str = "collection.delete";

/// What follows `/composite/sobjects`.
fn collection<'t>(method: &str, rest: &[&'t str]) -> Option<Operation<'t>> {
    const WRITE_ALL: Operation<'static> = Operation { body: Body::Records, ..WRITE };
    let retrieve = Operation { name: "collection.retrieve", ..READ };
    Some(match (method, rest) {
        ("POST", []) => Operation { name: "collection.create", ..WRITE_ALL },
        ("PATCH", []) => Operation { name: "collection.update", ..WRITE_ALL },
        ("DELETE", []) => Operation {
            name: COLLECTION_DELETE,
            parameters: &["ids", "allOrNone"],
            body: Body::None,
            ..WRITE
        },
        ("GET", [object]) => {
            Operation { object: Some(object), parameters: &["ids", "fields"], ..retrieve }
        }
        ("POST", [object]) => Operation { object: Some(object), body: Body::Selection, ..retrieve },
        ("PATCH", [object, field]) if is_name(field) => Operation {
            name: "collection.upsert",
            object: Some(object),
            key: Some(field),
            ..WRITE_ALL
        },
        _ => return None,
    })
}
