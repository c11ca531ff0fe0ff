// SPDX-License-Identifier: Apache-2.0
//! Text searches: `search` and `parameterizedSearch`.
//!
//! A term is compared, word by word, with many fields of many objects, and a surrogate
//! stands for the whole value of one. So a search is a use of every field of each object
//! that it looks at, and is refused where one of them is protected. The one exception is
//! an e-mail address that is looked for in the e-mail fields of a single object with one
//! standard field of that kind: it is compared with this field, and a custom e-mail field
//! is found by it only if its surrogates are the same.

use std::ops::Range;

use http::Method;

use super::answer::Answer;
use super::filter::{self, Found};
use super::operation::is_path;
use super::schema::{self, is_name};
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::url::{Parameter, Piece, Target};
use crate::carrier::{Codec, DecodedText, Document, Occurrence, Role, Slot, Value};
use crate::crm::message::{MediaType, parse_json, refuse_body, unparseable};
use crate::crm::{About, FieldUse, LocateError, LocatedRequest, Operation, RequestView};
use crate::query::sosl::{self, Scope, Search};

/// # Errors
/// [`LocateError`] for a search that does not say which objects it looks at, or of which
/// a part is not understood.
pub(super) fn locate(
    request: &RequestView<'_>,
    target: &Target,
    path: &[&str],
) -> Result<LocatedRequest, LocateError> {
    let path = path.strip_suffix(&[""]).unwrap_or(path);
    let (name, [in_target, in_body]) = match (request.method, path) {
        (&Method::GET, ["search"]) => ("search", [of_query(target)?, Found::default()]),
        (&Method::GET, ["parameterizedSearch"]) => {
            ("search.parameterized", [of_parameters(target)?, Found::default()])
        }
        (&Method::POST, ["parameterizedSearch"]) if target.query.is_empty() => {
            ("search.parameterized", [Found::default(), of_body(request)?])
        }
        _ => return Err(LocateError::UnknownOperation),
    };
    if request.method == Method::GET {
        refuse_body(request.body)?;
    }
    let uses = in_target.uses.into_iter().chain(in_body.uses).collect();
    let names = in_target.names.into_iter().chain(in_body.names).collect();
    Ok(LocatedRequest {
        operation: Operation { name: name.into(), object: None, about: About::Anybody },
        target: Document::new(request.target.clone(), in_target.slots),
        headers: Vec::new(),
        body: Document::new(request.body.clone(), in_body.slots),
        uses,
        records: names,
        referred: Vec::new(),
        batch: None,
        answer: Box::new(Answer::default()),
    })
}

/// `search?q=FIND {…} …`
fn of_query(target: &Target) -> Result<Found, LocateError> {
    let [Parameter { name, value, .. }] = target.query.as_slice() else {
        return Err(unparseable("the query", "it has not just the parameter `q`"));
    };
    if name != "q" {
        return Err(unparseable("the query", "it has not just the parameter `q`"));
    }
    let found = of_text(value.decoded.as_str())?;
    let slot = Slot::nested(value.span.clone(), Codec::Percent, value.decoded.clone(), found.slots);
    Ok(Found { slots: vec![slot], ..found })
}

/// A search, with slots for its text.
pub(super) fn of_text(text: &str) -> Result<Found, LocateError> {
    let search =
        sosl::parse(text).map_err(|error| unparseable("parameter `q`", error.to_string()))?;
    let mut found = Found::default();
    if search.returning.is_empty() {
        return Err(without_objects("parameter `q`", "RETURNING"));
    }
    if let Some((object, field)) = email_of(&search) {
        let value = Value::from(search.term.words.clone().unwrap_or_default());
        let occurrence = Occurrence { object, field, record: 0, role: Role::Equality, value };
        found.slots.push(Slot::value(search.term.span.clone(), Codec::Sosl, occurrence));
    } else {
        let objects = search.returning.iter().map(|it| schema::object_name(&it.object));
        found.uses.extend(objects.flat_map(uses_of));
    }
    for fields in search.returning.iter().filter_map(|returning| returning.fields.as_ref()) {
        let query = fields.query.clone();
        found.take(fields.span.clone(), Codec::Plain, query)?;
    }
    Ok(found)
}

/// The only field that a search looks at, if it looks there for an address.
fn email_of(search: &Search) -> Option<(ObjectName, FieldName)> {
    let [returning] = search.returning.as_slice() else { return None };
    let words = search.term.words.as_deref()?;
    let (local, domain) = words.split_once('@')?;
    let is_part = |part: &str| {
        !part.is_empty() && !part.contains(|it: char| it == '@' || it == ',' || it.is_whitespace())
    };
    let is_address = is_part(local) && is_part(domain);
    let object = schema::object_name(&returning.object);
    let field = schema::sole_email_field(&object)?;
    (search.scope == Scope::Email && is_address).then_some((object, field))
}

/// `{"q":…,"in":…,"fields":[…],"sobjects":[{"name":…,"fields":[…],"where":…}]}`
fn of_body(request: &RequestView<'_>) -> Result<Found, LocateError> {
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = parse_json("the body", request.body)?;
    let mut found = Found::default();
    let mut has_objects = false;
    for member in json.root().members() {
        let (key, value) = (member.key.as_ref(), member.value);
        match (key, value.kind()) {
            ("q", Kind::String) => {}
            ("in", _) if is_scope(&value.text().unwrap_or_default()) => {}
            ("fields", Kind::Array) => check_fields(value)?,
            ("sobjects", Kind::Array) => {
                for object in value.elements() {
                    has_objects = true;
                    found.object_in_body(object)?;
                }
            }
            _ if is_setting(key, value) => {}
            _ => return Err(refuse(value, "is not a property of a search")),
        }
    }
    if has_objects { Ok(found) } else { Err(without_objects("the body", "sobjects")) }
}

/// `parameterizedSearch?q=…&sobject=Contact&Contact.fields=Id&Contact.where=…`; objects may
/// be named in one parameter or in several.
fn of_parameters(target: &Target) -> Result<Found, LocateError> {
    let mut found = Found::default();
    let mut has_objects = false;
    for (at, parameter) in target.query.iter().enumerate() {
        let is_first = parameter.name == "sobject"
            || !target.query.iter().take(at).any(|other| other.name == parameter.name);
        let text = parameter.value.decoded.as_str();
        let paths = || text.split(',').all(|path| is_path(path.trim()));
        let digits = || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_fine = match (parameter.name.as_str(), parameter.name.rsplit_once('.')) {
            ("q", _) => true,
            ("in", _) => is_scope(text),
            ("fields", _) => paths(),
            ("sobject", _) => {
                has_objects = true;
                let objects = text.split(',').map(|name| schema::object_name(name.trim()));
                found.uses.extend(objects.flat_map(uses_of));
                text.split(',').all(|name| is_name(name.trim()))
            }
            ("overallLimit" | "defaultLimit" | "offset", _) => digits(),
            ("spellCorrection", _) => matches!(text, "true" | "false"),
            (_, Some((object, "fields"))) => is_name(object) && paths(),
            (_, Some((object, "limit"))) => is_name(object) && digits(),
            (_, Some((object, "where"))) if is_name(object) => {
                let Piece { span, decoded } = &parameter.value;
                found.take_clause(object, "WHERE", span.clone(), Codec::Percent, decoded)?;
                true
            }
            _ => false,
        };
        if !is_first || !is_fine {
            let place = format!("the query at byte {}", parameter.removal.member.start);
            return Err(unparseable(place, "it is not a parameter that a search takes once"));
        }
    }
    if has_objects { Ok(found) } else { Err(without_objects("the query", "sobject")) }
}

impl Found {
    /// Takes up a clause of what is returned of an object.
    fn take_clause(
        &mut self,
        object: &str,
        clause: &str,
        span: Range<usize>,
        codec: Codec,
        text: &DecodedText,
    ) -> Result<(), LocateError> {
        self.take(span, codec, text.behind(&format!("SELECT Id FROM {object} {clause} ")))
    }

    /// Takes up what a part of a search returns, written as a query.
    fn take(
        &mut self,
        span: Range<usize>,
        codec: Codec,
        query: DecodedText,
    ) -> Result<(), LocateError> {
        let inner = filter::bind(query.as_str()).map_err(|error| match error {
            LocateError::Unparseable { problem, .. } => {
                let place = format!("what is returned at byte {} of the search", span.start);
                unparseable(place, problem)
            }
            other => other,
        })?;
        self.uses.extend(inner.uses);
        self.names.extend(inner.names);
        self.slots.push(Slot::nested(span, codec, query, inner.slots));
        Ok(())
    }

    fn object_in_body(&mut self, node: Node<'_>) -> Result<(), LocateError> {
        let name = node.get("name").and_then(|name| name.text()).filter(|name| is_name(name));
        let name = name.ok_or_else(|| refuse(node, "does not name its object"))?;
        self.uses.extend(uses_of(schema::object_name(&name)));
        for member in node.members() {
            let value = member.value;
            match (member.key.as_ref(), value.kind()) {
                ("name", _) => {}
                ("fields", Kind::Array) => check_fields(value)?,
                (key @ ("where" | "orderBy"), Kind::String) => {
                    let clause = if key == "where" { "WHERE" } else { "ORDER BY" };
                    let text = value.decoded().unwrap_or(DecodedText::verbatim(String::new()));
                    self.take_clause(&name, clause, value.inner_span(), Codec::Json, &text)?;
                }
                (key, _) if is_setting(key, value) => {}
                _ => return Err(refuse(value, "is not a property of a searched object")),
            }
        }
        Ok(())
    }
}

/// What looking at an object uses: all of its fields, and those that they are copied from.
fn uses_of(object: ObjectName) -> impl Iterator<Item = FieldUse> {
    const OPERATOR: &str = "a text search";
    let copied = schema::copied_from(&object).iter().copied().map(ObjectName::from_static);
    std::iter::once(object).chain(copied).map(|object| {
        let field = FieldName::from_static(FieldUse::EVERY_FIELD);
        FieldUse { object, field, operator: OPERATOR }
    })
}

fn is_scope(text: &str) -> bool {
    ["ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR"].iter().any(|it| it.eq_ignore_ascii_case(text))
}

/// How much is returned, and how spelling is treated.
fn is_setting(name: &str, value: Node<'_>) -> bool {
    match name {
        "limit" | "overallLimit" | "defaultLimit" | "offset" => {
            value.raw().bytes().all(|byte| byte.is_ascii_digit())
        }
        "spellCorrection" => matches!(value.kind(), Kind::True | Kind::False),
        _ => false,
    }
}

fn check_fields(fields: Node<'_>) -> Result<(), LocateError> {
    let mut all = fields.elements();
    match all.find(|field| !field.text().is_some_and(|text| is_path(&text))) {
        Some(other) => Err(refuse(other, "is no name of a field")),
        None => Ok(()),
    }
}

fn without_objects(place: &str, member: &str) -> LocateError {
    let problem = format!("it looks at all objects; say in `{member}` at which");
    unparseable(place, problem)
}

fn refuse(node: Node<'_>, problem: &str) -> LocateError {
    unparseable("the body", format!("what stands at byte {} {problem}", node.span().start))
}
