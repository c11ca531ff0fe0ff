// SPDX-License-Identifier: Apache-2.0
//! Whose law covers a record.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::base::{
    Date, FieldName, Jurisdiction, ObjectName, PrincipalName, Region, Role, RuleName,
};

use super::Border;
use super::law::RuleInfo;
use super::places::{Code, Moment, Places};

/// What is known of a record when it is asked whose law covers it.
#[derive(Clone, Copy)]
pub struct RecordFacts<'a> {
    /// Of this record in this request, in the clear, by canonical names.
    pub fields: &'a [(&'a ObjectName, &'a FieldName, &'a str)],
    /// What was learned of the data subject before; empty if nothing.
    pub known: &'a [Jurisdiction],
    pub caller: &'a PrincipalName,
    pub roles: &'a [Role],
    pub caller_region: Option<&'a Region>,
    pub today: Date,
}

impl RecordFacts<'_> {
    /// More than one where the record holds a list.
    fn values_of(&self, object: &ObjectName, field: &FieldName) -> impl Iterator<Item = &str> {
        let is_it = move |(o, f, _): &&(&ObjectName, &FieldName, &str)| (*o, *f) == (object, field);
        self.fields.iter().filter(is_it).map(|(_, _, value)| *value)
    }
}

/// Names the fields only: they hold values.
impl fmt::Debug for RecordFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields.iter().map(|(object, field, _)| format!("{object}.{field}"));
        write!(f, "RecordFacts({})", fields.collect::<Vec<_>>().join(", "))
    }
}

/// Whose law covers a record, and how that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residence {
    /// Empty when no rule could tell; then [`Border::judge`] refuses.
    pub jurisdictions: Vec<Jurisdiction>,
    pub rule: RuleName,
    /// Whether a field told it, so that it is worth remembering of the data subject.
    pub is_from_fields: bool,
}

impl Residence {
    /// Of a record that may be one of two.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        if other.jurisdictions.is_empty() {
            return other;
        }
        if !self.jurisdictions.is_empty() {
            self.jurisdictions.extend(other.jurisdictions);
            self.jurisdictions.sort();
            self.jurisdictions.dedup();
        }
        self
    }
}

/// A way to tell whose law covers a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResidenceRule {
    pub rule: Arc<RuleInfo>,
    /// All have to be met.
    pub when: Vec<Condition>,
    pub finding: Finding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The field is in the request, and a value of it is one of these: trimmed, lower case.
    Field {
        object: ObjectName,
        field: FieldName,
        values: Vec<String>,
    },
    Caller(Vec<PrincipalName>),
    /// The caller has one of them.
    Role(Vec<Role>),
    CallerRegion(Places),
    /// The data subject is known to belong to one of them.
    Known(Places),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Are(Vec<Jurisdiction>),
    /// The first of these fields that is in the request; none if it holds anything but
    /// ISO 3166 codes.
    CodeIn(Vec<(ObjectName, FieldName)>),
    /// What was learned before.
    Known,
}

/// The rule of a record that no rule covers.
pub(super) const NO_JURISDICTION: RuleName = RuleName::from_static("border/no-jurisdiction");

impl Border {
    /// Whose law covers a record: what the first rule that matches says.
    pub fn residence(&self, record: &RecordFacts<'_>) -> Residence {
        let told = self.residence.iter().find_map(|rule| {
            let jurisdictions = self.told_by(rule, record)?;
            let by_condition = |it: &Condition| matches!(it, Condition::Field { .. });
            let is_from_fields =
                matches!(rule.finding, Finding::CodeIn(_)) || rule.when.iter().any(by_condition);
            Some(Residence { jurisdictions, rule: rule.rule.name.clone(), is_from_fields })
        });
        told.unwrap_or(Residence {
            jurisdictions: Vec::new(),
            rule: NO_JURISDICTION,
            is_from_fields: false,
        })
    }

    /// Whether the law that covers a record depends on what is said or known of it.
    pub fn tells_records_apart(&self) -> bool {
        self.residence.iter().any(ResidenceRule::is_about_record)
    }

    /// Whether some rule may say that a record is under the law of this place.
    pub fn may_tell(&self, of: &Jurisdiction, today: Date) -> bool {
        let of = of.as_str();
        self.residence.iter().any(|rule| match &rule.finding {
            Finding::Are(laws) => {
                laws.iter().any(|law| self.atlas.is_part(law.as_str(), of, today))
            }
            Finding::CodeIn(_) => !self.atlas.parts(of, today).is_empty(),
            // It was learned by other rules.
            Finding::Known => false,
        })
    }

    fn told_by(&self, rule: &ResidenceRule, record: &RecordFacts<'_>) -> Option<Vec<Jurisdiction>> {
        if !rule.when.iter().all(|condition| self.is_met(condition, record)) {
            return None;
        }
        match &rule.finding {
            Finding::Are(jurisdictions) => Some(jurisdictions.clone()),
            Finding::Known => (!record.known.is_empty()).then(|| record.known.to_vec()),
            Finding::CodeIn(fields) => fields.iter().find_map(|(object, field)| {
                let mut values = record.values_of(object, field).peekable();
                values.peek()?;
                let codes = values.map(|value| Code::parse(value.trim()));
                let codes: BTreeSet<Code> = codes.collect::<Option<_>>().unwrap_or_default();
                Some(codes.iter().map(|code| Jurisdiction::new(code.as_str())).collect())
            }),
        }
    }

    fn is_met(&self, condition: &Condition, record: &RecordFacts<'_>) -> bool {
        let is_in = |place: &str, places: &Places| {
            self.atlas.is_within(place, places, &Moment::on(record.today))
        };
        match condition {
            Condition::Field { object, field, values } => {
                record.values_of(object, field).any(|value| values.contains(&fold(value)))
            }
            Condition::Caller(callers) => callers.contains(record.caller),
            Condition::Role(roles) => roles.iter().any(|role| record.roles.contains(role)),
            Condition::CallerRegion(places) => {
                record.caller_region.is_some_and(|region| is_in(region.as_str(), places))
            }
            Condition::Known(places) => {
                record.known.iter().any(|known| is_in(known.as_str(), places))
            }
        }
    }
}

impl ResidenceRule {
    fn is_about_record(&self) -> bool {
        let by_condition =
            |it: &Condition| matches!(it, Condition::Field { .. } | Condition::Known(_));
        matches!(self.finding, Finding::CodeIn(_) | Finding::Known)
            || self.when.iter().any(by_condition)
    }

    /// The fields that it reads.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&ObjectName, &FieldName)> {
        let conditions = self.when.iter().filter_map(|condition| match condition {
            Condition::Field { object, field, .. } => Some((object, field)),
            Condition::Caller(_)
            | Condition::Role(_)
            | Condition::CallerRegion(_)
            | Condition::Known(_) => None,
        });
        let sources = match &self.finding {
            Finding::CodeIn(fields) => fields.as_slice(),
            Finding::Are(_) | Finding::Known => &[],
        };
        conditions.chain(sources.iter().map(|(object, field)| (object, field)))
    }
}

/// How values are compared: without regard to case and surrounding space.
pub fn fold(value: &str) -> String {
    value.trim().to_lowercase()
}
