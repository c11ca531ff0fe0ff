// SPDX-License-Identifier: Apache-2.0

use crate::base::{Cleartext, FieldName, ObjectName, Pattern};

/// One value of one field at one place in the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub object: ObjectName,
    pub field: FieldName,
    /// Which record of the message the value belongs to, counted from 0; values
    /// of one record share a number. Filters and keys of one operation count as
    /// one record.
    pub record: u32,
    pub role: Role,
    pub value: Value,
}

/// What the message does with the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The value is the content of the field, on its way in or out.
    Stored,
    /// The value names a record (a path key, an `id` with `idProperty`); the CRM
    /// compares it and may store it.
    Key,
    /// The value is compared for equality with what is stored.
    Equality,
    /// The value is compared with what is stored in part.
    Pattern {
        pattern: Pattern,
        /// As the language has it: `LIKE`, `startswith`.
        operator: &'static str,
    },
    /// The field held the value once: answers show what changed.
    Former,
    /// Text in an answer that the CRM composed from these fields of the same
    /// object, such as a full name. `field` is the composed field itself.
    Composed { from: &'static [&'static str] },
    /// Text in an answer that may repeat what this very request sent, such as an
    /// error message.
    Echo,
}

impl Role {
    /// What a text is to a field that it is compared with by SQL's `LIKE` (`operator`);
    /// `None` where it has signs that are not understood.
    pub fn like(value: &Value, operator: &'static str) -> Option<Self> {
        let Value::Text(text) = value else { return None };
        let pattern = Pattern::like(text.expose())?;
        let is_one_text = pattern.is_one_text();
        Some(if is_one_text { Self::Equality } else { Self::Pattern { pattern, operator } })
    }
}

/// A value as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// No value: `null`, an empty string or one of space alone, or the CRM's own mark for
    /// null.
    Empty,
    /// Text, or a number in its spelling.
    Text(Cleartext),
    /// A truth value. It cannot be protected, and is refused where the field is protected.
    Flag(bool),
    /// Something that is not one value (an object, a list): it cannot be protected as a
    /// whole and is refused where the field is protected. Holds what was found, for the
    /// message: `an object`.
    Structured(&'static str),
}

impl Value {
    /// What messages call a truth value.
    pub const A_FLAG: &str = "a boolean";
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        if text.trim().is_empty() { Self::Empty } else { Self::Text(Cleartext::new(text)) }
    }
}
