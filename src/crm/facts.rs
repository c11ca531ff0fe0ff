// SPDX-License-Identifier: Apache-2.0

use crate::base::{FieldName, ObjectName};

/// What a CRM is known to accept in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFacts {
    /// In characters (Unicode scalar values).
    pub max_length: Option<u32>,
    pub kind: FieldKind,
}

/// How a CRM checks what is written to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Email,
    Phone,
    Date,
    /// One of a configured list of values.
    Picklist,
    /// Read-only: the CRM composes it.
    Composed,
}

/// A field of a dialect's tables: its object, its name, both canonical, and what is known.
pub(super) type Row<N = &'static str> = (&'static str, N, FieldFacts);

/// What the tables say of a field.
pub(super) fn find<N: AsRef<str>>(
    mut rows: impl Iterator<Item = Row<N>>,
    object: &ObjectName,
    field: &FieldName,
) -> Option<FieldFacts> {
    let found =
        rows.find(|(of, name, _)| (*of, name.as_ref()) == (object.as_str(), field.as_str()));
    found.map(|(.., facts)| facts)
}

/// The names of all fields of the tables.
pub(super) fn names<N: AsRef<str>>(
    rows: impl Iterator<Item = Row<N>>,
) -> Vec<(ObjectName, FieldName)> {
    let name = |(object, field, _): Row<N>| {
        (ObjectName::from_static(object), FieldName::new(field.as_ref()))
    };
    rows.map(name).collect()
}
