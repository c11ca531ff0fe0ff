// SPDX-License-Identifier: Apache-2.0
//! What still needs which key, as far as it can be known here.

use std::collections::BTreeMap;

use crate::app::Stores;
use crate::cli::print;
use crate::config::{Config, VaultPlace};
use crate::keys::{KeyPurpose, KeyStatus, Realm, Version};
use crate::vault::{KeyCounts, Place};

/// `None` where no vault was made yet. Of a shared one nobody can say so: it may be away.
pub async fn stores(config: &Config) -> anyhow::Result<Option<Stores>> {
    if let VaultPlace::Sqlite(path) = &config.vault.place
        && !path.exists()
    {
        return Ok(None);
    }
    Ok(Some(Stores::open_existing(&config.vault.place, &config.tenant).await?))
}

/// How much of the vault needs which version of a key.
#[derive(Debug, Default)]
pub struct Needed {
    rows: BTreeMap<Version, u64>,
    tokens: BTreeMap<Version, u64>,
    keys: KeyCounts,
}

/// Rows that are read at one time.
const PAGE: u32 = 10_000;

impl Needed {
    pub async fn read(stores: &Stores, keys: &[KeyStatus]) -> anyhow::Result<Self> {
        let store = &stores.tokens;
        let rows = store.count().await?;
        let mut progress = print::Progress::new("tokens", rows.values().sum());
        let under = store.count_keys().await?;
        let (mut tokens, mut after, mut read) = (BTreeMap::new(), None, 0);
        loop {
            let page = store.list(after.clone(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            for (place, row) in page {
                // Each is listed once for everybody who holds it.
                if after.replace(place).is_some_and(|before: Place| before.0 == row.token) {
                    continue;
                }
                read += 1;
                progress.at(read);
                let of = keys.iter().filter(|key| {
                    key.purpose == KeyPurpose::TokenMac && row.token.is_of(key.version)
                });
                of.for_each(|key| *tokens.entry(key.version).or_default() += 1);
            }
        }
        Ok(Self { rows, tokens, keys: under })
    }

    /// How many keys of data subjects are under the keyset of each jurisdiction.
    pub fn of_jurisdictions(&self) -> BTreeMap<&Realm, u64> {
        let mut counts = BTreeMap::new();
        for ((realm, _), keys) in self.keys.iter().filter(|((realm, _), _)| *realm != Realm::House)
        {
            *counts.entry(realm).or_default() += keys;
        }
        counts
    }

    pub fn count(&self, realm: &Realm, purpose: KeyPurpose, version: Version) -> u64 {
        let of = |counts: &BTreeMap<Version, u64>| counts.get(&version).copied().unwrap_or(0);
        let keys = || self.keys.get(&(realm.clone(), version)).copied().unwrap_or(0);
        match purpose {
            KeyPurpose::Vault | KeyPurpose::IndexMac if *realm == Realm::House => {
                of(&self.rows) + keys()
            }
            KeyPurpose::Vault | KeyPurpose::IndexMac => keys(),
            KeyPurpose::TokenMac => of(&self.tokens),
            KeyPurpose::Siv
            | KeyPurpose::Ff1
            | KeyPurpose::CallerMac
            | KeyPurpose::SubjectMac
            | KeyPurpose::LogSigning => 0,
        }
    }

    pub fn by(&self, realm: &Realm, purpose: KeyPurpose, version: Version) -> String {
        let count = self.count(realm, purpose, version);
        match purpose {
            KeyPurpose::Vault | KeyPurpose::IndexMac if *realm != Realm::House => {
                format!("{count} keys of data subjects")
            }
            KeyPurpose::Vault | KeyPurpose::IndexMac => {
                format!("{count} rows and keys of the vault")
            }
            KeyPurpose::TokenMac => format!("{count} tokens, and what the CRM holds hashed"),
            KeyPurpose::Siv => "what the CRM holds encrypted".to_owned(),
            KeyPurpose::Ff1 => "what the CRM holds in the same format".to_owned(),
            KeyPurpose::CallerMac => "the files of API keys".to_owned(),
            KeyPurpose::SubjectMac => "what is known of data subjects".to_owned(),
            KeyPurpose::LogSigning => "who verifies the transfer log".to_owned(),
        }
    }
}
