// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use super::PostgresStore;
use super::columns::{column, damaged, key_of, read_key, read_keys};
use super::given::Keys;
use super::permit::ALONE;
use super::statements::{
    COUNT_KEYS, DESTROY_KEYS, FORGET_COPIES, FORGET_TOKENS, KEYS, KEYS_BEFORE, REWRAP,
};
use super::work::{Once, Values};

use crate::base::SubjectId;
use crate::keys::Version;
use crate::vault::{BoxFuture, Erased, Index, KeyId, SubjectKey, SubjectKeyStore, VaultError};

impl SubjectKeyStore for PostgresStore {
    fn keys(
        &self,
        subjects: Vec<SubjectId>,
    ) -> BoxFuture<'_, Result<Vec<Option<SubjectKey>>, VaultError>> {
        Box::pin(async move {
            let asked: Vec<&[u8]> = subjects.iter().map(|subject| &subject.0[..]).collect();
            let keys = read_keys(&self.rows(KEYS, &[&asked]).await?)?;
            Ok(subjects.iter().map(|subject| keys.get(subject).cloned()).collect())
        })
    }

    fn count_keys(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        Box::pin(self.count_of(COUNT_KEYS))
    }

    fn keys_before(
        &self,
        version: Version,
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        Box::pin(async move {
            let (version, limit) = (i64::from(version), i64::from(limit));
            let after = key_of(after.as_ref());
            let values: Values<'_> = vec![&version, &after, &limit];
            let rows = self.rows(KEYS_BEFORE, &values).await?;
            rows.iter().map(|row| read_key(row, 0)).collect()
        })
    }

    fn rewrap(&self, keys: Vec<SubjectKey>) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(());
            }
            let given = Keys::of(&keys);
            let rewrap = [(REWRAP, given.wrapped())];
            self.write_under((given.oldest, given.newest), &rewrap).await.map(drop)
        })
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        Box::pin(async move {
            let asked: Vec<&[u8]> = subjects.iter().map(|subject| &subject.0[..]).collect();
            let none = &Index::NONE.0[..];
            let statements: [(&str, Values<'_>); 3] = [
                (DESTROY_KEYS, vec![&asked]),
                (FORGET_TOKENS, vec![&none]),
                (FORGET_COPIES, vec![]),
            ];
            let counts = self.0.transaction_long(Once(ALONE, &statements)).await?;
            let mut counts = counts.iter().map(|rows| {
                let row = rows.first().ok_or_else(|| damaged("count"))?;
                Ok(column::<i64>(row, 0)? as u64)
            });
            let mut count = || counts.next().unwrap_or_else(|| Err(damaged("count")));
            let (keys, tokens, copies) = (count()?, count()?, count()?);
            Ok(Erased { keys, copies, tokens, stays_in_files: false })
        })
    }
}
