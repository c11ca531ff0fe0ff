// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;

use crate::base::{Category, SubjectId};
use crate::carrier::Occurrence;
use crate::policy::Policy;
use crate::protect::Keeper;
use crate::subject::Subjects;

use super::records::Statement;

/// Whom the values of a message are kept for: the data subject whose record they stand in,
/// else whom they name themselves, else the house.
pub struct Keepers<'a> {
    policy: &'a Policy,
    statement: &'a Statement,
    subjects: &'a Subjects,
    naming: BTreeSet<Category>,
}

impl<'a> Keepers<'a> {
    pub fn new(policy: &'a Policy, statement: &'a Statement, subjects: &'a Subjects) -> Self {
        Self { policy, statement, subjects, naming: policy.subject_categories() }
    }

    /// Of the value of a field.
    pub fn of(&self, occurrence: &Occurrence, category: &Category) -> Keeper<'a> {
        let of_record = self
            .policy
            .is_about_person(&occurrence.object)
            .then(|| self.statement.person(occurrence.record))
            .flatten();
        match of_record {
            Some(person) => Keeper::Of(person),
            None if self.naming.contains(category) => Keeper::Named(self.subjects),
            None => Keeper::House,
        }
    }

    /// Of what was found in the text of a field: it may be about somebody else. `holder` is whom
    /// the text is about, where they hold it already.
    pub fn of_finding(
        &self,
        occurrence: &Occurrence,
        category: &Category,
        holder: Option<SubjectId>,
    ) -> Keeper<'a> {
        match holder {
            _ if self.naming.contains(category) => Keeper::Named(self.subjects),
            Some(holder) => Keeper::Of(holder),
            None => self.of(occurrence, category),
        }
    }
}
