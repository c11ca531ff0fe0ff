// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use crate::base::{FieldName, ObjectName, Role as CallerRole};
use crate::carrier::{Occurrence, Role, Value};
use crate::crm::FieldUse;

use super::{FieldRule, Policy, Protection, Unlisted};

/// What happens to one occurrence on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Protect(Arc<FieldRule>),
    Untouched(Reason),
}

/// Why a value stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The policy does not list the object.
    ObjectUnlisted,
    /// The policy does not list the field, and passes what it does not list.
    FieldUnlisted,
    /// There is no value: null or an empty string.
    Empty,
    /// The value is a surrogate of ours for this very field's category.
    AlreadyProtected,
}

impl Reason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ObjectUnlisted => "object_unlisted",
            Self::FieldUnlisted => "field_unlisted",
            Self::Empty => "empty",
            Self::AlreadyProtected => "already_protected",
        }
    }
}

/// The policy does not let the request pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// An operator that needs more than equality of surrogates.
    #[error("{operator} is not available on protected field `{field}`")]
    Operator { field: String, operator: &'static str },
    /// Equality on a field whose protection cannot answer it exactly.
    #[error("comparing with protected field `{field}` is not possible: {because}")]
    Equality { field: String, because: &'static str },
    /// A field that the policy refuses by `unlisted: refuse`.
    #[error("field `{field}` is not listed in the policy")]
    UnlistedField { field: String },
    /// A value that is not one text or number.
    #[error("protected field `{field}` holds {found} where one text or number was expected")]
    Structured { field: String, found: &'static str },
}

/// How much of a value a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reveal {
    /// What the CRM stores.
    Surrogate,
    Mask,
    Full,
}

impl Reveal {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Surrogate => "surrogate",
            Self::Mask => "mask",
            Self::Full => "full",
        }
    }
}

impl Policy {
    /// Decides about one occurrence of a request.
    ///
    /// # Errors
    /// [`Forbidden`] when the request may not pass at all.
    pub fn decide(&self, occurrence: &Occurrence) -> Result<Decision, Forbidden> {
        let rule = match self.rule(&occurrence.object, &occurrence.field)? {
            Ok(rule) => rule,
            Err(reason) => return Ok(Decision::Untouched(reason)),
        };
        match &occurrence.value {
            Value::Empty => return Ok(Decision::Untouched(Reason::Empty)),
            Value::Text(_) => {}
            Value::Structured(found) => {
                return Err(Forbidden::Structured { field: rule.id.clone(), found });
            }
        }
        match occurrence.role {
            Role::Stored | Role::Composed { .. } | Role::Echo => {}
            Role::Key | Role::Equality => {
                if let Some(because) = no_equality(rule.protection) {
                    return Err(Forbidden::Equality { field: rule.id.clone(), because });
                }
            }
        }
        Ok(Decision::Protect(Arc::clone(rule)))
    }

    /// Refuses a use of a field that its protection cannot answer exactly.
    ///
    /// # Errors
    /// [`Forbidden`] when the field is protected or may not be named at all.
    pub fn permit_use(&self, field_use: &FieldUse) -> Result<(), Forbidden> {
        match self.rule(&field_use.object, &field_use.field)? {
            Err(_) => Ok(()),
            Ok(rule) => {
                Err(Forbidden::Operator { field: rule.id.clone(), operator: field_use.operator })
            }
        }
    }

    /// How much of a field's value a caller with these roles sees: the most that
    /// any of the roles may.
    pub fn reveal(&self, rule: &FieldRule, roles: &[CallerRole]) -> Reveal {
        let Some(category) = self.categories.get(&rule.category) else { return Reveal::Surrogate };
        roles
            .iter()
            .filter_map(|role| category.reveal.get(role))
            .copied()
            .max()
            .unwrap_or(Reveal::Surrogate)
    }

    /// The rule for a field, or the reason why there is none.
    pub fn rule(
        &self,
        object: &ObjectName,
        field: &FieldName,
    ) -> Result<Result<&Arc<FieldRule>, Reason>, Forbidden> {
        let Some(object_rule) = self.objects.get(object) else {
            return Ok(Err(Reason::ObjectUnlisted));
        };
        if let Some(rule) = object_rule.fields.get(field) {
            return Ok(Ok(rule));
        }
        match &object_rule.unlisted {
            Unlisted::Pass => Ok(Err(Reason::FieldUnlisted)),
            Unlisted::Refuse => {
                Err(Forbidden::UnlistedField { field: format!("{object}.{field}") })
            }
            Unlisted::Protect(rule) => Ok(Ok(rule)),
        }
    }
}

/// Why a protection cannot answer equality, or `None` when it can.
const fn no_equality(protection: Protection) -> Option<&'static str> {
    match protection {
        Protection::Tokenize { .. } | Protection::Encrypt { searchable: true, .. } => None,
        Protection::Encrypt { searchable: false, .. } => Some(
            "it is encrypted; `search: [exact]` in the policy permits equality in the exact spelling",
        ),
        Protection::Mask => Some("only a mask of it is stored"),
        Protection::Drop => Some("it is never stored"),
    }
}
