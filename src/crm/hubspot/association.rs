// SPDX-License-Identifier: Apache-2.0
//! Links between records, and members of lists: ids only.

use crate::base::ObjectName;
use crate::carrier::json::{Kind, Node};
use crate::crm::message::unparseable;
use crate::crm::{LocateError, RecordName, Referred};

use super::association_type::leads_to;
use super::request::{Found, list, members, scalar};
use super::route::Key;
use super::schema::{canonical_id, is_name, is_opaque, is_record_id};

/// Members that hold ids, types, or objects of these.
const KNOWN: [&str; 11] = [
    "inputs",
    "from",
    "to",
    "id",
    "type",
    "types",
    "after",
    "associationCategory",
    "associationTypeId",
    "recordIdsToAdd",
    "recordIdsToRemove",
];

/// The records that a body names.
///
/// # Errors
/// [`LocateError`] for anything but ids and types.
pub(super) fn locate(
    root: Node<'_>,
    keys: &[Key<'_>],
    found: &mut Found,
) -> Result<(), LocateError> {
    check(root)?;
    let mut types = keys.iter().filter_map(|key| match key {
        Key::Type(object) => Some(object),
        Key::Record(..) | Key::Value(..) => None,
    });
    let (Some(from), Some(to)) = (types.next(), types.next()) else { return Ok(()) };
    let inputs = root.get("inputs").filter(|_| root.kind() == Kind::Object);
    for input in list(inputs, "inputs")? {
        name(input.get("id"), from, found);
        name(input.get("from"), from, found);
        name(input.get("to"), to, found);
    }
    Ok(())
}

/// An id, an object that holds one, or a list of such.
fn name(node: Option<Node<'_>>, object: &ObjectName, found: &mut Found) {
    let Some(node) = node else { return };
    match node.kind() {
        Kind::Object => name(node.get("id"), object, found),
        Kind::Array => node.elements().for_each(|it| name(Some(it), object, found)),
        _ => {
            let record = u32::try_from(found.names.len()).unwrap_or(u32::MAX);
            let id = canonical_id(&scalar(node));
            found.names.push(RecordName { record, object: object.clone(), id });
        }
    }
}

/// Whom a record is about by its associations: `[{"to":{"id":…},"types":[…]}]`. Only types
/// that HubSpot defines tell to what object an id belongs.
pub(super) fn referred(node: Node<'_>, record: u32) -> impl Iterator<Item = Referred> {
    node.elements().filter_map(move |association| {
        let id = scalar(association.get("to")?.get("id")?);
        let text =
            |kind: Node<'_>, name| kind.get(name).map(scalar).unwrap_or_default().into_owned();
        let object = association.get("types")?.elements().find_map(|kind| {
            leads_to(&text(kind, "associationCategory"), &text(kind, "associationTypeId"))
        })?;
        is_record_id(&id).then(|| Referred { by: record, object, id: canonical_id(&id) })
    })
}

/// Whether there are ids and types only: nothing is located here.
///
/// # Errors
/// [`LocateError`] for anything else.
pub(super) fn check(node: Node<'_>) -> Result<(), LocateError> {
    match node.kind() {
        Kind::Array => node.elements().try_for_each(check),
        Kind::Object => {
            members(node, &KNOWN)?.into_iter().try_for_each(|(name, value)| match name.as_ref() {
                "type" if is_name(&scalar(value)) => Ok(()),
                "after" if is_opaque(&scalar(value)) => Ok(()),
                "associationCategory" if is_category(&scalar(value)) => Ok(()),
                _ => check(value),
            })
        }
        Kind::Number => Ok(()),
        Kind::String if is_record_id(&scalar(node)) => Ok(()),
        _ => Err(unparseable("an association", "it holds more than ids and types")),
    }
}

/// `HUBSPOT_DEFINED`
fn is_category(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
