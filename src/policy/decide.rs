// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use crate::base::{FieldName, ObjectName, Role as CallerRole, is_identifier};
use crate::carrier::{Occurrence, Role, Value};
use crate::crm::FieldUse;

use super::{FieldRule, Hashed, ObjectRule, Policy, Protection, Unlisted};

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
    /// It repeats what the request protects, or holds what looks personal; the policy has
    /// that counted only.
    Residual,
}

impl Reason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ObjectUnlisted => "object_unlisted",
            Self::FieldUnlisted => "field_unlisted",
            Self::Empty => "empty",
            Self::AlreadyProtected => "already_protected",
            Self::Residual => "residual",
        }
    }
}

/// The policy does not let the request pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// An operator that needs more than equality of surrogates.
    #[error("{operator} is not available on protected field `{field}`")]
    Operator { field: String, operator: &'static str },
    /// A name in the answer for a field, or that of a field, which says something of the
    /// whole record: another value could be taken for it.
    #[error("{operator} is not available on `{field}`, which tells of whose law or consent counts")]
    Decisive { field: String, operator: &'static str },
    /// A search for parts of values, or an order by them, for a caller who may not see them.
    #[error(
        "{operator} on protected field `{field}` is for callers who may see it in full: others \
         could find values out by it"
    )]
    Probing { field: String, operator: &'static str },
    /// An order that cannot be made here.
    #[error("{operator} on protected field `{field}` is not possible: {because}")]
    Sorting { field: String, operator: &'static str, because: &'static str },
    /// Equality on a field whose protection cannot answer it exactly.
    #[error("comparing with protected field `{field}` is not possible: {because}")]
    Equality { field: String, because: &'static str },
    /// A field that the policy refuses by `unlisted: refuse`.
    #[error("field `{field}` is not listed in the policy")]
    UnlistedField { field: String },
    /// Personal data in what would leave in clear.
    #[error(
        "{place} holds personal data in clear: a value that the request protects elsewhere or that is kept for whom it is about, or what looks like an e-mail address, phone number, IBAN or card"
    )]
    Residual { place: String },
    /// A value that is not one text or number.
    #[error("protected field `{field}` holds {found} where one text or number was expected")]
    Structured { field: String, found: &'static str },
}

/// How much of a value a caller sees.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
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

/// What a caller sees of a field, and the role that gave it the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visibility<'r> {
    pub reveal: Reveal,
    /// `None` when no role of the caller is named for the category.
    pub role: Option<&'r CallerRole>,
    /// Values of the category that nobody has, whoever is shown one.
    pub poison: &'r [String],
}

impl Visibility<'_> {
    /// What everyone sees.
    pub const SURROGATE: Self = Self { reveal: Reveal::Surrogate, role: None, poison: &[] };
}

impl Policy {
    /// Decides about one occurrence of a request.
    ///
    /// # Errors
    /// [`Forbidden`] when the request may not pass at all.
    pub fn decide(&self, occurrence: &Occurrence) -> Result<Decision, Forbidden> {
        let rule = match self.rule(&occurrence.object, &occurrence.field)? {
            Ok(rule) => rule,
            Err(reason) => return self.pass(occurrence, reason),
        };
        match &occurrence.value {
            // Every record would match: none has a value.
            Value::Empty
                if occurrence.role == Role::Equality && rule.protection == Protection::Drop =>
            {
                let operator = FieldUse::PRESENCE;
                return Err(Forbidden::Operator { field: rule.id.clone(), operator });
            }
            Value::Empty => return Ok(Decision::Untouched(Reason::Empty)),
            Value::Text(_) => {}
            Value::Flag(_) => {
                let found = Value::A_FLAG;
                return Err(Forbidden::Structured { field: rule.id.clone(), found });
            }
            Value::Structured(found) => {
                return Err(Forbidden::Structured { field: rule.id.clone(), found });
            }
        }
        match &occurrence.role {
            Role::Stored | Role::Former | Role::Composed { .. } | Role::Echo => {}
            Role::Pattern { pattern, operator } => {
                if rule.search_for(pattern).is_none() {
                    return Err(Forbidden::Operator { field: rule.id.clone(), operator });
                }
            }
            Role::Key | Role::Equality => {
                if let Some(because) = no_equality(rule.protection) {
                    return Err(Forbidden::Equality { field: rule.id.clone(), because });
                }
            }
        }
        Ok(Decision::Protect(Arc::clone(rule)))
    }

    /// What nothing protects passes, if it is read where it says something of its record.
    fn pass(&self, occurrence: &Occurrence, reason: Reason) -> Result<Decision, Forbidden> {
        match occurrence.value {
            Value::Structured(found) if self.asks(&occurrence.object, &occurrence.field) => {
                let field = format!("{}.{}", occurrence.object, occurrence.field);
                Err(Forbidden::Decisive { field, operator: found })
            }
            _ => Ok(Decision::Untouched(reason)),
        }
    }

    /// Refuses a use of a field that its protection cannot answer exactly.
    ///
    /// # Errors
    /// [`Forbidden`] when the field is protected or may not be named at all.
    pub fn permit_use(&self, field_use: &FieldUse) -> Result<(), Forbidden> {
        let FieldUse { object, field, operator } = field_use;
        if matches!(*operator, FieldUse::HEARSAY | FieldUse::FILE_NAME) {
            return self.permit_hearsay(field_use);
        }
        if field.as_str() == FieldUse::EVERY_FIELD {
            return self.permit_use_of_all(field_use);
        }
        match self.rule(object, field)? {
            Err(_) if *operator == FieldUse::ALIAS && self.asks(object, field) => {
                Err(Forbidden::Decisive { field: format!("{object}.{field}"), operator })
            }
            Err(_) => Ok(()),
            Ok(rule) if *operator == FieldUse::PRESENCE && rule.protection != Protection::Drop => {
                Ok(())
            }
            Ok(rule) => Err(Forbidden::Operator { field: rule.id.clone(), operator }),
        }
    }

    fn permit_use_of_all(&self, field_use: &FieldUse) -> Result<(), Forbidden> {
        let Some(object) = self.objects.get(&field_use.object) else { return Ok(()) };
        let first = object.fields.values().map(|rule| rule.id.as_str()).min();
        let field = match (first, &object.unlisted) {
            (None, Unlisted::Pass) => return Ok(()),
            (Some(id), _) => id.to_owned(),
            (None, Unlisted::Refuse | Unlisted::Protect(_)) => {
                format!("{}{}", field_use.object, FieldRule::UNLISTED)
            }
        };
        Err(Forbidden::Operator { field, operator: field_use.operator })
    }

    /// A field that its object does not protect, or that does not decide about its record,
    /// while another object's would.
    fn permit_hearsay(&self, field_use: &FieldUse) -> Result<(), Forbidden> {
        let FieldUse { object, field, operator } = field_use;
        let is_protected = self.rule(object, field)?.is_ok();
        let decides = self.objects.keys().filter(|other| self.asks(other, field));
        if let Some(other) = decides.min().filter(|_| !self.asks(object, field)) {
            return Err(Forbidden::Decisive { field: format!("{other}.{field}"), operator });
        }
        let protects = self.objects.iter().filter_map(|(other, rules)| {
            match (rules.fields.get(field), &rules.unlisted) {
                (Some(rule), _) => Some(rule.id.clone()),
                (None, Unlisted::Pass) => None,
                (None, _) => Some(format!("{other}{}", FieldRule::UNLISTED)),
            }
        });
        match protects.min().filter(|_| !is_protected) {
            Some(field) => Err(Forbidden::Operator { field, operator }),
            None => Ok(()),
        }
    }

    /// How much of a field's value a caller with these roles sees: the most that
    /// any of the roles may.
    pub fn visibility<'r>(&'r self, rule: &FieldRule, roles: &'r [CallerRole]) -> Visibility<'r> {
        let granted = self.categories.get(&rule.category).and_then(|category| {
            let grant = |role| category.reveal.get(role).map(|reveal| (*reveal, role));
            let granted = roles.iter().filter_map(grant).max_by_key(|(reveal, _)| *reveal);
            granted.map(|(reveal, role)| (reveal, role, &category.poison))
        });
        match granted {
            Some((reveal, role, poison)) => Visibility { reveal, role: Some(role), poison },
            None => Visibility::SURROGATE,
        }
    }

    /// Whether the value of a field says something of a whole record: whom it is about,
    /// whose law covers it, what they consented to.
    pub fn asks(&self, object: &ObjectName, field: &FieldName) -> bool {
        let is_asked =
            |rule: &ObjectRule| rule.subject.contains(field) || rule.consents.contains_key(field);
        self.objects.get(object).is_some_and(is_asked)
            || self.border.as_ref().is_some_and(|border| border.is_asked(object, field))
    }

    /// The rule by which a field is protected, if it is.
    pub fn rule_of(&self, object: &ObjectName, field: &FieldName) -> Option<&Arc<FieldRule>> {
        self.rule(object, field).ok()?.ok()
    }

    /// The rule for a field, or the reason why there is none.
    ///
    /// # Errors
    /// [`Forbidden::UnlistedField`] where requests that name it are refused.
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
            // A value that stands where a name should would leave as it is.
            Unlisted::Refuse | Unlisted::Protect(_) if !is_identifier(field.as_str()) => {
                Err(Forbidden::UnlistedField { field: format!("{object}.(other)") })
            }
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
        Protection::Tokenize { .. }
        | Protection::Encrypt { searchable: true, .. }
        | Protection::FormatPreserving { searchable: true }
        | Protection::Hash { of: Hashed::Exact | Hashed::Folded, .. } => None,
        Protection::Encrypt { searchable: false, .. }
        | Protection::FormatPreserving { searchable: false } => Some(
            "it is encrypted; `search: [exact]` in the policy permits equality in the exact spelling",
        ),
        Protection::Hash { of: Hashed::Whole, .. } => {
            Some("it is hashed; `search: [exact]` or `[folded]` in the policy permits equality")
        }
        Protection::Mask => Some("only a mask of it is stored"),
        Protection::Generalize(_) => Some("only what the policy keeps of it is stored"),
        Protection::Scan(_) => Some("what is found in its text is stored as tokens"),
        Protection::Drop => Some("it is never stored"),
    }
}
