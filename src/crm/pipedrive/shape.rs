// SPDX-License-Identifier: Apache-2.0
//! What stands at a place: an id, a mark, a record, or words.

use smol_str::SmolStr;

use crate::base::ObjectName;
use crate::carrier::Value;
use crate::carrier::json::{Kind, Node};

use super::schema::{self, ORGANIZATION, PERSON, USER, is_id};

/// What is said about one of several values: `"primary":true`, `"label":"work"`.
pub(super) fn is_mark(name: &str, node: Node<'_>) -> bool {
    match name {
        "primary" => matches!(node.kind(), Kind::True | Kind::False),
        "label" => node.text().is_some_and(|text| LABELS.contains(&text.as_ref())),
        _ => false,
    }
}

/// What Pipedrive itself offers to choose from; anything else is somebody's own words.
const LABELS: [&str; 6] = ["", "work", "home", "mobile", "other", "main"];

/// The id that stands here, or in the record that stands here.
pub(super) fn id_of(node: Node<'_>) -> Option<SmolStr> {
    match node.kind() {
        Kind::Object => node.get("id").or_else(|| node.get("value")).and_then(id_of),
        Kind::String | Kind::Number => match node.value() {
            Value::Text(text) if is_id(text.expose()) => Some(text.expose().into()),
            _ => None,
        },
        _ => None,
    }
}

/// What a custom field refers to, where v1 shows the record in the place of its id.
pub(super) fn referred(name: &str, node: Node<'_>) -> Option<ObjectName> {
    if !schema::is_custom(name) {
        return None;
    }
    let is_record = node.get("name").is_some() && node.get("value").is_some_and(holds_ids);
    let object = match (node.get("email").map(|email| email.kind()), node.get("phone")) {
        (Some(Kind::String), _) => USER,
        (None, None) => ORGANIZATION,
        _ => PERSON,
    };
    is_record.then(|| ObjectName::from_static(object))
}

/// Whether there is nothing but ids, or none.
pub(super) fn holds_ids(node: Node<'_>) -> bool {
    match node.kind() {
        Kind::Array => node.elements().all(holds_ids),
        Kind::String => node.text().is_some_and(|text| is_id(&text)),
        Kind::Number | Kind::Null => true,
        Kind::Object | Kind::True | Kind::False => false,
    }
}

/// Whether there is a text that is no id, alone or in a list.
pub(super) fn holds_words(node: Node<'_>) -> bool {
    match node.text() {
        Some(text) => !text.is_empty() && !is_id(&text),
        None => node.elements().any(holds_words),
    }
}

/// Whether there are fields of this object inside.
pub(super) fn holds_fields(node: Node<'_>, object: &ObjectName) -> bool {
    let is_field = |name: &str| schema::facts(object, &schema::field_name(object, name)).is_some();
    node.members().any(|member| is_field(&member.key))
        || node.children().any(|child| holds_fields(child, object))
}
