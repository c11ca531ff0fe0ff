// SPDX-License-Identifier: Apache-2.0
//! Keys in paths and in references.

use smol_str::{SmolStr, ToSmolStr};

use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::carrier::url::Piece;
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError, RecordName};
use crate::query::odata::{Argument, Literal, Operand, is_guid};

/// The key of a record.
pub(super) struct Key {
    /// Its values, in the text that the segment stands in.
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    /// The record's own id, where that is the key.
    pub id: Option<SmolStr>,
    /// Parameter aliases in it, and the columns that they are compared with.
    pub aliases: Vec<(String, FieldName)>,
}

impl Key {
    pub(super) fn name(&self, object: &ObjectName, record: u32) -> Option<RecordName> {
        let id = self.id.clone()?;
        Some(RecordName { record, object: object.clone(), id })
    }
}

/// Reads the arguments of a segment as the key of a record. `codec` is how the segment
/// is written.
///
/// # Errors
/// [`LocateError`] for a key without a name that is no id.
pub(super) fn key(
    (piece, codec): (&Piece, Codec),
    arguments: &[Argument<'_>],
    object: &ObjectName,
    record: u32,
) -> Result<Key, LocateError> {
    const OPERATOR: &str = "a key in a composed column";
    let mut key = Key { slots: Vec::new(), uses: Vec::new(), id: None, aliases: Vec::new() };
    let mut inner = Vec::new();
    let primary = schema::primary_key(object);
    for argument in arguments {
        let field = match argument.name {
            Some(name) => schema::field_name(name),
            None if arguments.len() == 1 => primary.clone(),
            None => return Err(unparseable("a key", "a part of it has no name")),
        };
        match &argument.value {
            Operand::Alias(name) => key.aliases.push((name.clone(), field.clone())),
            Operand::Literal { literal, .. } if is_id(literal, &field) => {
                if field == primary {
                    key.id = canonical_id(&literal.value);
                }
            }
            Operand::Literal { .. } if field == primary => {
                return Err(unparseable("a key", "it has not the form of an id"));
            }
            Operand::Literal { literal, .. } => {
                let occurrence = Occurrence {
                    object: object.clone(),
                    field: field.clone(),
                    record,
                    role: Role::Key,
                    value: literal.value.clone(),
                };
                inner.push(Slot::value(literal.span.clone(), literal.codec, occurrence));
            }
        }
        key.uses.extend(schema::uses_of_parts(object, &field, OPERATOR));
    }
    if !inner.is_empty() {
        let slot = Slot::nested(piece.span.clone(), codec, piece.decoded.clone(), inner);
        key.slots.push(slot);
    }
    Ok(key)
}

/// Whether a literal is the id of a record, which is no value of anybody.
pub(super) fn is_id(literal: &Literal, field: &FieldName) -> bool {
    schema::holds_ids(field)
        && matches!(&literal.value, Value::Text(text) if is_guid(text.expose()))
}

/// The one spelling of an id.
pub(super) fn canonical_id(value: &Value) -> Option<SmolStr> {
    match value {
        Value::Text(text) if is_guid(text.expose()) => {
            Some(text.expose().to_ascii_lowercase().to_smolstr())
        }
        _ => None,
    }
}
