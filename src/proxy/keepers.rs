// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Category, Date, Jurisdiction, SubjectId};
use crate::border::Border;
use crate::carrier::Occurrence;
use crate::keys::Realm;
use crate::policy::Policy;
use crate::protect::Keeper;
use crate::subject::Subjects;

use super::Proxy;
use super::manifest::Record;
use super::records::Statement;

/// Whom the values of a message are kept for: the data subject whose record they stand in,
/// else whom they name themselves, else the house. And whose keysets, by the laws of the record.
pub struct Keepers<'a> {
    policy: &'a Policy,
    statement: &'a Statement,
    subjects: &'a Subjects,
    naming: BTreeSet<Category>,
    realms: BTreeMap<u32, Vec<Realm>>,
}

impl Proxy {
    /// For a message whose records are these.
    pub(super) fn keepers<'a>(
        &'a self,
        policy: &'a Policy,
        statement: &'a Statement,
        records: &BTreeMap<u32, Record>,
    ) -> Keepers<'a> {
        let keysets: Vec<&Jurisdiction> = self.protectors.jurisdictions().collect();
        let border = policy.border.as_ref().filter(|_| !keysets.is_empty());
        let today = self.clock.now().date();
        let realms = records.iter().filter_map(|(number, record)| {
            let laws = &record.residence.jurisdictions;
            Some((*number, realms(border?, laws, &keysets, today)))
        });
        let (naming, realms) = (policy.subject_categories(), realms.collect());
        Keepers { policy, statement, subjects: &self.subjects, naming, realms }
    }
}

impl Keepers<'_> {
    /// Of the value of a field.
    pub fn of(&self, occurrence: &Occurrence, category: &Category) -> Keeper<'_> {
        let of_record = self
            .policy
            .is_about_person(&occurrence.object)
            .then(|| self.statement.person(occurrence.record))
            .flatten();
        match of_record {
            Some(person) => Keeper::Of(person, self.realms_of(occurrence)),
            None if self.naming.contains(category) => Keeper::Named(self.subjects),
            None => Keeper::House,
        }
    }

    /// Of what was found in the text of a field: it may be about somebody else. `holder` is whom
    /// the text is about, where they hold it already. The law of a record is not that of whom it
    /// only mentions.
    pub fn of_finding(
        &self,
        occurrence: &Occurrence,
        category: &Category,
        holder: Option<SubjectId>,
    ) -> Keeper<'_> {
        match holder {
            _ if self.naming.contains(category) => Keeper::Named(self.subjects),
            Some(holder) => Keeper::Of(holder, &[]),
            None => self.of(occurrence, category),
        }
    }

    fn realms_of(&self, occurrence: &Occurrence) -> &[Realm] {
        self.realms.get(&occurrence.record).map_or(&[], Vec::as_slice)
    }
}

/// Whose keysets the key of a data subject may be under; none where no law is known.
fn realms(
    border: &Border,
    laws: &[Jurisdiction],
    keysets: &[&Jurisdiction],
    today: Date,
) -> Vec<Realm> {
    let is_law = |of: &Jurisdiction| {
        laws.iter().any(|law| border.atlas.is_part(law.as_str(), of.as_str(), today))
    };
    let own = keysets.iter().filter(|of| is_law(of)).map(|of| Realm::Of((*of).clone()));
    let own: Vec<Realm> = own.collect();
    match (laws, own.as_slice()) {
        ([], _) => Vec::new(),
        (_, []) => vec![Realm::House],
        _ => own,
    }
}
