// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use smol_str::SmolStr;

use crate::base::{Category, FieldName, ObjectName, is_identifier};
use crate::carrier::{Occurrence, Role, Value};
use crate::policy::{Decision, Reason};
use crate::transfer_log::FieldCount;

/// How often each field was treated in which way, for the transfer log.
#[derive(Debug, Default)]
pub struct FieldCounts(BTreeMap<Key, FieldCount>);

/// A text that was scanned holds values of several categories.
type Key =
    (ObjectName, FieldName, &'static str, Option<&'static str>, Option<u32>, Option<Category>);

/// Distinct unprotected fields that one entry names; the rest count as one.
const MAX_NAMES: usize = 200;

/// Stands in the log for names that are not fit for it.
const OTHER: &str = "(other)";

impl FieldCounts {
    /// `reason` says why the value stays as it is, where it does.
    /// `ground` is the place in the entry of what permits the transfer.
    pub fn add(
        &mut self,
        occurrence: &Occurrence,
        decision: &Decision,
        reason: Option<Reason>,
        ground: Option<u32>,
    ) {
        let (category, protection) = match decision {
            Decision::Protect(rule) => (Some(rule.category.clone()), rule.protection.name()),
            Decision::Untouched(_) => (None, "none"),
        };
        // SECURITY: the policy vouches for the names it lists. Other names are
        // the caller's words, and a value may stand where a name should.
        let (mut object, mut field) = (occurrence.object.clone(), occurrence.field.clone());
        let is_listed = matches!(decision, Decision::Protect(rule) if rule.is_listed());
        if !is_listed {
            if !is_identifier(object.as_str()) {
                object = ObjectName::from_static(OTHER);
            }
            if !is_identifier(field.as_str()) || self.0.len() >= MAX_NAMES {
                field = FieldName::from_static(OTHER);
            }
        }
        let reason = reason.map(Reason::as_str);
        self.0
            .entry((object.clone(), field.clone(), protection, reason, ground, category.clone()))
            .or_insert_with(|| FieldCount {
                object,
                field,
                category,
                protection: SmolStr::new_static(protection),
                reason: reason.map(SmolStr::new_static),
                ground,
                count: 0,
            })
            .count += 1;
    }

    /// Counts a place that is no value of a field and repeats what the request protects.
    pub fn add_residual(&mut self) {
        let occurrence = Occurrence {
            object: ObjectName::from_static(OTHER),
            field: FieldName::from_static(OTHER),
            record: 0,
            role: Role::Stored,
            value: Value::Empty,
        };
        let reason = Reason::Residual;
        self.add(&occurrence, &Decision::Untouched(reason), Some(reason), None);
    }

    /// Adds what others count. `grounds` says which place each of their grounds has here.
    pub fn add_all(&mut self, others: Self, grounds: &[u32]) {
        for ((object, mut field, protection, reason, _, category), mut count) in others.0 {
            count.ground = count.ground.and_then(|at| grounds.get(at as usize).copied());
            if count.category.is_none() && self.0.len() >= MAX_NAMES {
                let key = (object.clone(), field.clone(), protection, reason, count.ground, None);
                if !self.0.contains_key(&key) {
                    field = FieldName::from_static(OTHER);
                    count.field = field.clone();
                }
            }
            let key = (object, field, protection, reason, count.ground, category);
            match self.0.entry(key) {
                Entry::Vacant(place) => _ = place.insert(count),
                Entry::Occupied(mut known) => known.get_mut().count += count.count,
            }
        }
    }

    pub fn into_entries(self) -> Vec<FieldCount> {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Cleartext;
    use crate::carrier::{Occurrence, Role, Value};
    use crate::policy::{Decision, Reason};

    use super::FieldCounts;

    fn field_of(object: &str, field: &str) -> (String, String) {
        let mut counts = FieldCounts::default();
        let occurrence = Occurrence {
            object: object.into(),
            field: field.into(),
            record: 0,
            role: Role::Stored,
            value: Value::Text(Cleartext::new("x")),
        };
        let reason = Reason::FieldUnlisted;
        counts.add(&occurrence, &Decision::Untouched(reason), Some(reason), None);
        let entry = counts.into_entries().remove(0);
        (entry.object.to_string(), entry.field.to_string())
    }

    #[test]
    fn a_value_in_the_place_of_a_name_is_not_logged() {
        let check = |object: &str, field: &str, expected: (&str, &str)| {
            assert_eq!(field_of(object, field), (expected.0.to_owned(), expected.1.to_owned()));
        };
        check("contact", "custom__c", ("contact", "custom__c"));
        check("contact", "anna@example.org", ("contact", "(other)"));
        check("contact", "Anna Muster", ("contact", "(other)"));
        check("contact", "+49301234", ("contact", "(other)"));
        check("Anna Muster", "x", ("(other)", "x"));
    }
}
