// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{ConsentRecord, Dossier, Learned};
use crate::base::{Jurisdiction, SubjectId};

/// What is known of some persons: all of each, or nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    /// The smallest pseudonym of the person; none for those that are not linked.
    persons: BTreeMap<SubjectId, SubjectId>,
    /// The same from the other end.
    pseudonyms: BTreeMap<SubjectId, BTreeSet<SubjectId>>,
    jurisdictions: HashMap<SubjectId, BTreeSet<Jurisdiction>>,
    consents: HashMap<SubjectId, Vec<ConsentRecord>>,
}

/// What has become known.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Pseudonyms that have another person now.
    pub(super) persons: Vec<(SubjectId, SubjectId)>,
    /// Pseudonyms that say something else now, and all that they say.
    pub(super) jurisdictions: Vec<(SubjectId, BTreeSet<Jurisdiction>)>,
    /// In the order in which each pseudonym got them.
    pub(super) consents: Vec<(SubjectId, ConsentRecord)>,
}

impl Changes {
    pub(super) fn are_none(&self) -> bool {
        self.persons.is_empty() && self.jurisdictions.is_empty() && self.consents.is_empty()
    }
}

impl People {
    pub(super) fn person(&self, id: SubjectId) -> SubjectId {
        self.persons.get(&id).copied().unwrap_or(id)
    }

    pub(super) fn dossier(&self, id: SubjectId) -> Dossier {
        let person = self.person(id);
        let mut pseudonyms = self.pseudonyms.get(&person).cloned().unwrap_or_default();
        pseudonyms.insert(person);
        let facts = |id| self.jurisdictions.get(id).into_iter().flatten().cloned();
        let jurisdictions: BTreeSet<_> = pseudonyms.iter().flat_map(facts).collect();
        let histories: Vec<_> =
            pseudonyms.iter().filter_map(|id| self.consents.get(id)).cloned().collect();
        Dossier::new(person, pseudonyms, jurisdictions, &histories)
    }

    pub(super) fn others(&self, id: SubjectId) -> impl Iterator<Item = SubjectId> {
        let all = self.pseudonyms.get(&self.person(id)).into_iter().flatten().copied();
        all.filter(move |other| *other != id)
    }

    pub(super) fn learn(&mut self, learned: Learned) {
        let Learned { id, same_as, jurisdictions, consents } = learned;
        if let Some(other) = same_as.filter(|other| *other != id) {
            self.link(id, other);
        }
        if let Some(jurisdictions) = jurisdictions {
            self.jurisdictions.insert(id, jurisdictions);
        }
        for record in consents {
            let of_person = self.dossier(id).history;
            let history = self.consents.entry(id).or_default();
            if record.is_news(history, &of_person) {
                history.push(record.told_after(&of_person));
            }
        }
    }

    fn link(&mut self, one: SubjectId, other: SubjectId) {
        let (of_one, of_other) = (self.person(one), self.person(other));
        let (kept, merged) = (of_one.min(of_other), of_one.max(of_other));
        let mut ids = self.pseudonyms.remove(&merged).unwrap_or_default();
        ids.extend([one, other]);
        for id in ids {
            self.put(id, kept);
        }
    }

    /// Says whose pseudonym one is.
    pub(super) fn put(&mut self, id: SubjectId, person: SubjectId) {
        self.persons.insert(id, person);
        self.pseudonyms.entry(person).or_default().insert(id);
    }

    /// Adds to what a pseudonym says.
    pub(super) fn put_jurisdiction(&mut self, id: SubjectId, jurisdiction: Jurisdiction) {
        self.jurisdictions.entry(id).or_default().insert(jurisdiction);
    }

    /// Adds a record behind the others of a pseudonym.
    pub(super) fn put_consent(&mut self, id: SubjectId, record: ConsentRecord) {
        self.consents.entry(id).or_default().push(record);
    }

    /// What has become known since it was `before`.
    pub(super) fn changes_since(&self, before: &Self) -> Changes {
        let persons = self.persons.iter().filter(|(id, of)| before.persons.get(id) != Some(of));
        let none = BTreeSet::new();
        let said = self
            .jurisdictions
            .iter()
            .filter(|(id, said)| before.jurisdictions.get(id).unwrap_or(&none) != *said);
        let consents = self.consents.iter().flat_map(|(id, history)| {
            let known = before.consents.get(id).map_or(0, Vec::len);
            history.iter().skip(known).map(|record| (*id, record.clone()))
        });
        Changes {
            persons: persons.map(|(id, of)| (*id, *of)).collect(),
            jurisdictions: said.map(|(id, said)| (*id, said.clone())).collect(),
            consents: consents.collect(),
        }
    }
}
