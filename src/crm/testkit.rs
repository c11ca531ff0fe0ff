// SPDX-License-Identifier: Apache-2.0
//! What the tests of all dialects do: send a message through one, and write down what
//! was found.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::{
    AnswerView, Dialect, LocateError, LocatedAnswer, LocatedRequest, Origins, RequestView, Told,
};
use crate::base::ObjectName;
use crate::carrier::coding::ExpansionLimits;
use crate::carrier::{Content, Document, Replacement, Role, Slot, Value};

/// Has a request seen as a dialect sees it.
pub fn see<T>(
    origins: &Origins,
    (method, target): (&str, &str),
    headers: &HeaderMap,
    body: impl AsRef<[u8]>,
    told: Told<'_>,
    by: impl FnOnce(&RequestView<'_>) -> T,
) -> T {
    by(&RequestView {
        method: &method.parse().unwrap(),
        target: &Bytes::copy_from_slice(target.as_bytes()),
        headers,
        body: &Bytes::copy_from_slice(body.as_ref()),
        origins,
        expansion: ExpansionLimits::FOR_TESTS,
        told,
    })
}

pub fn locate(
    dialect: &dyn Dialect,
    origins: &Origins,
    (method, target): (&Method, &str),
    headers: &HeaderMap,
    body: &str,
) -> Result<LocatedRequest, LocateError> {
    let request = (method.as_str(), target);
    let located =
        see(origins, request, headers, body, Told::default(), |view| dialect.locate(view))?;
    let name = located.operation.name.as_str();
    let known = dialect.operations();
    let is_listed = |(listed, _): &(&str, String)| *listed == name;
    assert!(known.is_empty() || known.iter().any(is_listed), "`{name}` is not listed");
    Ok(located)
}

pub fn read_answer(
    located: &LocatedRequest,
    origins: &Origins,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<LocatedAnswer, LocateError> {
    located.answer.locate(&AnswerView {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: &Bytes::copy_from_slice(body),
        origins,
        expansion: ExpansionLimits::FOR_TESTS,
        sorted: None,
    })
}

/// What stands in a document, one line per slot: `record object.field role value`, or `link text`.
pub fn lines(document: &Document) -> Vec<String> {
    let line = |slot: &Slot| match &slot.content {
        Content::Value(found) => {
            let mark = if slot.widening.is_some() { "*" } else { "" };
            let (record, object, field, role) =
                (found.record, &found.object, &found.field, &found.role);
            format!("{record} {object}.{field} {role:?}{mark} {}", spelled(&found.value))
        }
        Content::Rewritten(text) => format!("link {text}"),
        Content::Nested { .. } => "nested".to_owned(),
        Content::Archive { .. } => "archive".to_owned(),
        Content::Length { .. } => "length".to_owned(),
    };
    document.slots().iter().map(line).collect()
}

/// As [`lines`], also of what is nested.
pub fn all_lines(document: &Document) -> Vec<String> {
    let line = |slot: &Slot| match &slot.content {
        Content::Nested { document, .. } => all_lines(document),
        Content::Archive { documents, .. } => documents.iter().flat_map(all_lines).collect(),
        _ => lines(&Document::new(document.bytes().clone(), vec![slot.clone()])),
    };
    document.slots().iter().flat_map(line).collect()
}

/// The document with this in the place of every value.
pub fn render(document: &Document, replacement: &Replacement) -> String {
    let replacements = vec![replacement.clone(); document.occurrences().len()];
    let rendered = document.render(&mut replacements.iter()).unwrap();
    String::from_utf8(rendered.into()).unwrap()
}

pub fn spelled(value: &Value) -> &str {
    match value {
        Value::Empty => "-",
        Value::Text(text) => text.expose(),
        Value::Flag(_) => Value::A_FLAG,
        Value::Structured(found) => found,
    }
}

/// The operation, what is located, and the uses of fields, one line each.
pub fn described(
    located: &LocatedRequest,
    lines: impl Fn(&Document) -> Vec<String>,
) -> Vec<String> {
    let object = located.operation.object.as_ref().map_or("-", ObjectName::as_str);
    let mut described = vec![format!("{} {object}", located.operation.name)];
    described.extend(located.documents().flat_map(lines));
    let uses = located.uses.iter();
    described.extend(
        uses.map(|found| format!("use {}.{} {}", found.object, found.field, found.operator)),
    );
    described
}

/// The occurrences in order: `0 contact.email = value`.
pub fn occurrences(document: &Document) -> Vec<String> {
    document
        .occurrences()
        .into_iter()
        .map(|(_, found)| {
            let role = match found.role {
                Role::Stored => "=",
                Role::Former => "was",
                Role::Key => "key",
                Role::Equality => "==",
                Role::Pattern { operator, .. } => operator,
                Role::Composed { .. } => "from",
                Role::Echo => "echo",
            };
            let value = spelled(&found.value);
            format!("{} {}.{} {role} {value}", found.record, found.object, found.field)
        })
        .collect()
}

/// The uses of fields in order.
pub fn uses(located: &LocatedRequest) -> Vec<String> {
    located
        .uses
        .iter()
        .map(|field_use| {
            format!("{}.{} by {}", field_use.object, field_use.field, field_use.operator)
        })
        .collect()
}

/// Whom the records of a request refer to: `0 contact 101`.
pub fn referred(located: &LocatedRequest) -> Vec<String> {
    located.referred.iter().map(|it| format!("{} {} {}", it.by, it.object, it.id)).collect()
}
