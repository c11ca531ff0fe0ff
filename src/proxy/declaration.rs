// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;

use crate::base::{RefusalCode, SubjectId};
use crate::transfer_log::Ground;

use super::field_counts::FieldCounts;

/// What the transfer log is going to say of a request, or of a piece of one.
#[derive(Debug, Default)]
pub struct Declaration {
    pub fields: FieldCounts,
    pub grounds: Vec<Ground>,
    /// Whose data leaves.
    pub subjects: BTreeSet<SubjectId>,
    /// Why the first of those records does not leave that are taken out.
    pub turned_back: Option<RefusalCode>,
    /// Whose data does not leave.
    pub turned_back_subjects: BTreeSet<SubjectId>,
}

impl Declaration {
    /// What is said of several pieces.
    pub fn add(&mut self, other: Self) {
        let Self { fields, grounds, subjects, turned_back, turned_back_subjects } = other;
        let places: Vec<u32> = grounds.into_iter().map(|ground| self.ground(ground)).collect();
        self.fields.add_all(fields, &places);
        self.subjects.extend(subjects);
        self.turned_back = self.turned_back.or(turned_back);
        self.turned_back_subjects.extend(turned_back_subjects);
    }

    /// The place of a ground.
    fn ground(&mut self, ground: Ground) -> u32 {
        let at = self.grounds.iter().position(|known| *known == ground).unwrap_or_else(|| {
            self.grounds.push(ground);
            self.grounds.len() - 1
        });
        at as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::{Occurrence, Role, Value};
    use crate::policy::{Decision, Reason};

    fn ground(jurisdiction: &str) -> Ground {
        let jurisdictions = vec![jurisdiction.into()];
        Ground { jurisdictions, rules: Vec::new(), bases: Vec::new() }
    }

    fn piece(fields: &[(&str, u32)], grounds: &[&str], code: Option<RefusalCode>) -> Declaration {
        let mut counts = FieldCounts::default();
        for (field, ground) in fields {
            let occurrence = Occurrence {
                object: "contact".into(),
                field: (*field).into(),
                record: 0,
                role: Role::Stored,
                value: Value::Empty,
            };
            let decision = Decision::Untouched(Reason::FieldUnlisted);
            counts.add(&occurrence, &decision, None, Some(*ground));
        }
        Declaration {
            fields: counts,
            grounds: grounds.iter().map(|it| ground(it)).collect(),
            turned_back: code,
            ..Declaration::default()
        }
    }

    #[test]
    fn pieces_add_up_with_each_count_on_its_ground() {
        let mut sum = piece(&[("a", 0), ("a", 0), ("b", 1)], &["DE", "CH"], None);
        let code = Some(RefusalCode::ConsentMissing);
        sum.add(piece(&[("a", 0), ("b", 1), ("c", 1)], &["CH", "FR"], code));
        sum.add(piece(&[("a", 0)], &["DE"], Some(RefusalCode::TransferRefused)));
        assert_eq!(sum.grounds, ["DE", "CH", "FR"].map(ground));
        assert_eq!(sum.turned_back, code);
        let counts = sum.fields.into_entries().into_iter();
        let counts: Vec<_> =
            counts.map(|it| (it.field.to_string(), it.ground.unwrap(), it.count)).collect();
        let expected = [("a", 0, 3), ("a", 1, 1), ("b", 1, 1), ("b", 2, 1), ("c", 2, 1)];
        assert_eq!(
            counts,
            expected.map(|(field, ground, count)| (field.to_owned(), ground, count))
        );
    }
}
