// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::Arc;

use super::{ConsentRecord, Dossier, Known, Learned, SubjectError, SubjectStore};
use crate::base::{Category, Cleartext, FieldName, ObjectName, SubjectId, Tenant, fold};
use crate::keys::{Keyset, Mac};

/// Derives pseudonyms and keeps what is known; over any store.
#[derive(Clone)]
pub struct Subjects {
    store: Arc<dyn SubjectStore>,
    tenant: Tenant,
    mac: Mac,
}

impl Subjects {
    pub fn new(store: Arc<dyn SubjectStore>, keyset: &Keyset) -> Self {
        Self { store, tenant: keyset.tenant.clone(), mac: keyset.subject_mac.clone() }
    }

    /// The pseudonym of a person by a value of a category that names them: the same
    /// for every spelling that differs in case or in space around it.
    pub fn by_value(&self, category: &Category, value: &Cleartext) -> SubjectId {
        let folded = fold(value.expose().trim());
        self.derive(b"zollhaus subject value 1", &[category.as_str(), &folded])
    }

    /// The pseudonym of a CRM record that is about a person. Within `namespace`, no two
    /// records of an object have one id; `id` is in the dialect's canonical form.
    pub fn by_record(&self, namespace: &str, object: &ObjectName, id: &str) -> SubjectId {
        self.derive(b"zollhaus subject record 1", &[namespace, object.as_str(), id])
    }

    /// The pseudonym of a person by what the CRM tells their record from all others of an
    /// object by: the fields of a key, in a fixed order, with their values as they are written.
    pub fn by_key(
        &self,
        namespace: &str,
        object: &ObjectName,
        key: &[(&FieldName, &Cleartext)],
    ) -> SubjectId {
        let mut parts = vec![namespace, object.as_str()];
        parts.extend(key.iter().flat_map(|(field, value)| [field.as_str(), value.expose().trim()]));
        self.derive(b"zollhaus subject key value 1", &parts)
    }

    fn derive(&self, kind: &[u8], parts: &[&str]) -> SubjectId {
        let mut message = vec![kind, self.tenant.as_str().as_bytes()];
        message.extend(parts.iter().map(|part| part.as_bytes()));
        let mut id = [0; 16];
        id.copy_from_slice(self.mac.code(&message).split_at(16).0);
        SubjectId(id)
    }

    /// What is known of each, in order; a record's pseudonym answers with the facts of
    /// its person.
    ///
    /// # Errors
    /// [`SubjectError`]; then nothing may be taken for known.
    pub async fn known(&self, ids: &[SubjectId]) -> Result<Vec<Known>, SubjectError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.store.known(ids.to_vec()).await
    }

    /// By what other pseudonyms the person behind each is known, in order; no more than `limit`
    /// of each.
    ///
    /// # Errors
    /// [`SubjectError`]; then nothing may be taken for known.
    pub async fn others(
        &self,
        ids: &[SubjectId],
        limit: u32,
    ) -> Result<Vec<Vec<SubjectId>>, SubjectError> {
        self.store.others(ids.to_vec(), limit).await
    }

    /// Everything that is kept of a person, for those who may see it.
    pub async fn dossier(&self, id: SubjectId) -> Result<Dossier, SubjectError> {
        self.store.dossier(id).await
    }

    /// Keeps what a batch of messages says: links, jurisdictions, choices in CRM
    /// fields. Durable on return; idempotent; writes only what is new.
    pub async fn learn(&self, learned: &[Learned]) -> Result<(), SubjectError> {
        if learned.is_empty() {
            return Ok(());
        }
        self.store.learn(learned.to_vec()).await
    }

    /// Keeps a choice that was made now, and returns its record as it is stored. It
    /// counts over every earlier one; durable on return.
    pub async fn record(
        &self,
        id: SubjectId,
        record: ConsentRecord,
    ) -> Result<ConsentRecord, SubjectError> {
        self.store.append(id, record).await
    }
}

impl fmt::Debug for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subjects").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
