// SPDX-License-Identifier: Apache-2.0

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::people::People;
use super::{ConsentRecord, Dossier, Known, Learned, SubjectError, SubjectStore};
use crate::base::SubjectId;
use crate::vault::BoxFuture;

/// What is known until the process ends.
#[derive(Debug, Default)]
pub struct MemorySubjects(Mutex<People>);

impl MemorySubjects {
    fn people(&self) -> MutexGuard<'_, People> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubjectStore for MemorySubjects {
    fn known(&self, ids: Vec<SubjectId>) -> BoxFuture<'_, Result<Vec<Known>, SubjectError>> {
        Box::pin(async move {
            let people = self.people();
            Ok(ids.into_iter().map(|id| people.dossier(id).known).collect())
        })
    }

    fn others(
        &self,
        ids: Vec<SubjectId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Vec<SubjectId>>, SubjectError>> {
        Box::pin(async move {
            let people = self.people();
            Ok(ids.into_iter().map(|id| people.others(id).take(limit as usize).collect()).collect())
        })
    }

    fn dossier(&self, id: SubjectId) -> BoxFuture<'_, Result<Dossier, SubjectError>> {
        Box::pin(async move { Ok(self.people().dossier(id)) })
    }

    fn learn(&self, learned: Vec<Learned>) -> BoxFuture<'_, Result<(), SubjectError>> {
        Box::pin(async move {
            let mut people = self.people();
            for learned in learned {
                people.learn(learned);
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
            let mut people = self.people();
            let record = record.after(&people.dossier(id).history);
            people.put_consent(id, record.clone());
            Ok(record)
        })
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
