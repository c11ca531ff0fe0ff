// SPDX-License-Identifier: Apache-2.0
//! Surrogates that callers send back.

use super::{ProtectError, Protectors, Sought, Surrogate, ToSeal, surrogate};
use crate::base::Cleartext;
use crate::carrier::Role;
use crate::policy::Protection;

/// A surrogate that a caller sends back.
pub(super) struct CameBack {
    surrogate: Surrogate,
    pub(super) value: Cleartext,
}

impl CameBack {
    /// What is encrypted holds its value. Where only a token may be stored, by the policy or
    /// by law, it is not the surrogate that is asked for.
    pub(super) fn holds_too_much_for(&self, item: &ToSeal<'_>) -> bool {
        let holds_value =
            matches!(self.surrogate, Surrogate::Encrypted(_) | Surrogate::Preserved(_));
        let is_compared = matches!(item.role, Role::Key | Role::Equality | Role::Pattern { .. });
        match item.rule.protection {
            Protection::Tokenize { .. } => holds_value && !is_compared,
            // What can be opened may not stand where nothing is to be.
            Protection::Hash { .. } => true,
            Protection::Encrypt { .. }
            | Protection::FormatPreserving { .. }
            | Protection::Mask
            | Protection::Generalize(_)
            | Protection::Scan(_)
            | Protection::Drop => false,
        }
    }
}

impl Protectors {
    /// For each item that is a surrogate of its category, which, and what it stands for.
    pub(super) async fn came_back(
        &self,
        batch: &[ToSeal<'_>],
    ) -> Result<Vec<Option<CameBack>>, ProtectError> {
        let whole: Vec<_> = batch
            .iter()
            .map(|item| {
                let sought = Sought::of(item.rule.protection);
                surrogate::whole(item.value.expose(), &self.email_domain, sought)
            })
            .collect();
        let asked: Vec<_> = batch
            .iter()
            .zip(&whole)
            .filter_map(|(item, found)| Some((&found.as_ref()?.surrogate, &item.rule.category)))
            .collect();
        let opened = self.open(&asked).await?;
        let came_back = batch.iter().zip(whole).map(|(item, found)| {
            let found = found?;
            let value = found.clear(&opened, &item.rule.category)?.into_owned();
            Some(CameBack { surrogate: found.surrogate, value })
        });
        Ok(came_back.collect())
    }
}
