// SPDX-License-Identifier: Apache-2.0

use super::PostgresStore;
use super::columns::{column, damaged, key_of, read_key, read_keys, version};
use super::given::Keys;
use super::permit::ALONE;
use super::statements::{
    COUNT_KEYS, DESTROY_KEYS, DESTROY_KEYS_OF, END_EPOCH, FORGET_COPIES, FORGET_NEWEST,
    FORGET_TOKENS, KEYS, KEYS_BEFORE, REWRAP,
};
use super::work::{Answer, Once, Values};
use crate::base::{Jurisdiction, SubjectId};
use crate::keys::{Realm, Version};
use crate::postgres::Query;
use crate::vault::{
    BoxFuture, Erased, Index, KeyCounts, KeyId, Rewrapped, SubjectKey, SubjectKeyStore, Under,
    VaultError,
};

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

    fn count_keys(&self) -> BoxFuture<'_, Result<KeyCounts, VaultError>> {
        Box::pin(async move {
            let counts = self.0.read_long(Query(COUNT_KEYS, &[])).await?;
            let count = |row: &tokio_postgres::Row| {
                let realm = Realm::from_code(column(row, 0)?);
                Ok(((realm, version(row, 1)?), column::<i64>(row, 2)? as u64))
            };
            counts.iter().map(count).collect()
        })
    }

    fn keys_before(
        &self,
        (realm, version): (Realm, Version),
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        Box::pin(async move {
            let (version, limit) = (i64::from(version), i64::from(limit));
            let after = key_of(after.as_ref());
            let realm = realm.code();
            let values: Values<'_> = vec![&realm, &version, &after, &limit];
            let rows = self.rows(KEYS_BEFORE, &values).await?;
            rows.iter().map(|row| read_key(row, 0)).collect()
        })
    }

    fn rewrap(&self, keys: Vec<Rewrapped>) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(());
            }
            let given = Keys::rewrapped(&keys);
            let rewrap = [(REWRAP, given.wrapped()), (END_EPOCH, vec![])];
            let under = Under::of(keys.iter().map(|it| (&it.key.realm, it.key.version)));
            self.write_under(&under, &rewrap).await.map(drop)
        })
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        Box::pin(async move {
            let asked: Vec<&[u8]> = subjects.iter().map(|subject| &subject.0[..]).collect();
            self.destroy(&[(DESTROY_KEYS, vec![&asked])]).await
        })
    }

    fn end(&self, jurisdiction: Jurisdiction) -> BoxFuture<'_, Result<Erased, VaultError>> {
        Box::pin(async move {
            let realm = jurisdiction.as_str();
            let forget: (_, Values<'_>) = (FORGET_NEWEST, vec![&realm]);
            self.destroy(&[(DESTROY_KEYS_OF, vec![&realm]), forget]).await
        })
    }
}

impl PostgresStore {
    /// Destroys keys, which the first statement does and counts, and forgets what they opened.
    async fn destroy(&self, destroy: &[(&str, Values<'_>)]) -> Result<Erased, VaultError> {
        let none = &Index::NONE.0[..];
        let forget: [(&str, Values<'_>); 3] =
            [(END_EPOCH, vec![]), (FORGET_TOKENS, vec![&none]), (FORGET_COPIES, vec![])];
        let statements: Vec<_> = destroy.iter().cloned().chain(forget).collect();
        let answers = self.0.transaction_long(Once(ALONE, &statements)).await?;
        let [keys, .., tokens, copies] = &answers[..] else { return Err(damaged("count")) };
        let count = |answer: &Answer| {
            let row = answer.first().ok_or_else(|| damaged("count"))?;
            Ok::<_, VaultError>(column::<i64>(row, 0)? as u64)
        };
        let (keys, copies, tokens) = (count(keys)?, count(copies)?, count(tokens)?);
        Ok(Erased { keys, copies, tokens, stays_in_files: false })
    }
}
