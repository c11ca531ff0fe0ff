// SPDX-License-Identifier: Apache-2.0
//! Properties of records in answers.

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::Node;
use crate::carrier::{Codec, Occurrence, Role, Slot};

use super::email_headers;
use super::schema::{canonical_field, composed_from, listed};

/// Who a version of a property comes from, where that is told by an address: of a
/// contact, of a user, or of an integration.
pub(super) fn source(name: &str, node: Node<'_>, record: u32) -> Option<Slot> {
    const NAMES: [&str; 4] = ["sourceId", "sourceLabel", "source-id", "source-label"];
    let is_address = NAMES.contains(&name) && node.text()?.contains('@');
    is_address.then(|| {
        let occurrence = Occurrence {
            object: ObjectName::from_static("contact"),
            field: FieldName::from_static("email"),
            record,
            role: Role::Composed { from: &["email"] },
            value: node.value(),
        };
        Slot::value(node.span(), Codec::Json, occurrence)
    })
}

/// The place of a property. `role` is that of a value which is stored as it was sent.
pub(super) fn answered(
    object: &ObjectName,
    name: &str,
    node: Node<'_>,
    record: u32,
    role: Role,
) -> Slot {
    let field = canonical_field(name);
    if email_headers::is_headers(object, &field)
        && let Some(headers) = email_headers::answered(object, node, record, &role)
    {
        return headers;
    }
    let from = listed(object, &field).unwrap_or_else(|| composed_from(object, &field));
    let role = if from.is_empty() { role } else { Role::Composed { from } };
    let occurrence =
        Occurrence { object: object.clone(), field, record, role, value: node.value() };
    Slot::value(node.span(), Codec::Json, occurrence).removable(node.removal())
}
