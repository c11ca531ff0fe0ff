// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ConsentRecord, Dossier, Known, Learned, SubjectError, SubjectStore};
use crate::base::{Jurisdiction, SubjectId};
use crate::vault::BoxFuture;

/// What is known until the process ends.
#[derive(Debug, Default)]
pub struct MemorySubjects(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    /// The smallest pseudonym of the person; none for those that are not linked.
    persons: BTreeMap<SubjectId, SubjectId>,
    jurisdictions: HashMap<SubjectId, BTreeSet<Jurisdiction>>,
    consents: HashMap<SubjectId, Vec<ConsentRecord>>,
}

impl MemorySubjects {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubjectStore for MemorySubjects {
    fn known(&self, ids: Vec<SubjectId>) -> BoxFuture<'_, Result<Vec<Known>, SubjectError>> {
        Box::pin(async move {
            let rows = self.rows();
            Ok(ids.into_iter().map(|id| rows.dossier(id).known).collect())
        })
    }

    fn dossier(&self, id: SubjectId) -> BoxFuture<'_, Result<Dossier, SubjectError>> {
        Box::pin(async move { Ok(self.rows().dossier(id)) })
    }

    fn learn(&self, learned: Vec<Learned>) -> BoxFuture<'_, Result<(), SubjectError>> {
        Box::pin(async move {
            let mut rows = self.rows();
            for learned in learned {
                rows.learn(learned);
            }
            Ok(())
        })
    }

    fn append(
        &self,
        id: SubjectId,
        record: ConsentRecord,
    ) -> BoxFuture<'_, Result<ConsentRecord, SubjectError>> {
        Box::pin(async move {
            let mut rows = self.rows();
            let record = record.after(&rows.dossier(id).history);
            rows.consents.entry(id).or_default().push(record.clone());
            Ok(record)
        })
    }
}

impl Rows {
    fn person(&self, id: SubjectId) -> SubjectId {
        self.persons.get(&id).copied().unwrap_or(id)
    }

    fn dossier(&self, id: SubjectId) -> Dossier {
        let person = self.person(id);
        let linked = self.persons.iter().filter(|(_, of)| **of == person).map(|(id, _)| *id);
        let pseudonyms: BTreeSet<_> = linked.chain([person]).collect();
        let facts = |id| self.jurisdictions.get(id).into_iter().flatten().cloned();
        let jurisdictions: BTreeSet<_> = pseudonyms.iter().flat_map(facts).collect();
        let histories: Vec<_> =
            pseudonyms.iter().filter_map(|id| self.consents.get(id)).cloned().collect();
        Dossier::new(person, pseudonyms, jurisdictions, &histories)
    }

    fn learn(&mut self, learned: Learned) {
        let Learned { id, same_as, jurisdictions, consents } = learned;
        if let Some(other) = same_as.filter(|other| *other != id) {
            let persons = [self.person(id), self.person(other)];
            let person = persons.into_iter().min().unwrap_or(id);
            self.persons.values_mut().filter(|of| persons.contains(of)).for_each(|of| *of = person);
            self.persons.extend([(id, person), (other, person)]);
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        let store = Arc::new(MemorySubjects::default());
        super::super::conformance::run(|| store.clone()).await;
    }
}
