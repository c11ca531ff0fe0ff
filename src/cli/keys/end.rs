// SPDX-License-Identifier: Apache-2.0
//! A jurisdiction whose keyset is destroyed, and what is kept under it with it.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};

use super::needed::stores;
use super::realm;
use crate::app::{Stores, open_jurisdiction, open_keyset};
use crate::base::Jurisdiction;
use crate::cli::subject::note_what_stays;
use crate::cli::vault::stopped;
use crate::cli::{block_on, print};
use crate::config::{Config, KeySettings, VaultPlace};
use crate::keys::{JurisdictionKeys, KeysError, Realm};
use crate::vault::{Erased, KeyCounts, Vault};

/// What is said to it on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub for_good: bool,
    pub all_stopped: bool,
}

pub fn end(config: &Config, whose: &Realm, said: Said) -> anyhow::Result<()> {
    let Realm::Of(jurisdiction) = whose else {
        bail!(
            "name what is to be destroyed: a `--purpose` and a `--version`, or a `--jurisdiction`"
        )
    };
    let named = realm::settings(config, whose);
    let stores = block_on(stores(config))?;
    let kept = match &stores {
        Some(stores) => block_on(async { Ok(stores.tokens.count_keys().await?) })?,
        None => KeyCounts::default(),
    };
    let kept: u64 =
        kept.iter().filter(|((realm, _), _)| realm == whose).map(|(_, keys)| keys).sum();
    ensure!(
        named.is_some() || kept > 0,
        "`keys.jurisdictions` names no keyset of {whose}, and nothing is kept under one"
    );
    if !said.for_good {
        bail!(
            "nothing is destroyed without `--for-good`: the values of data subjects that are kept \
             under the keyset of {whose} never open again ({kept} keys of theirs)"
        );
    }
    if let (Some(settings), Some(stores)) = (named, &stores) {
        ensure!(
            !is_another(config, jurisdiction, settings, stores)?,
            "`{0}` is not the keyset that the vault's keys of {whose} are under (another one, or one \
             from before a rotation), so destroying it would leave the true one: put that in its \
             place; or take `{jurisdiction}` out of `keys.jurisdictions`, say this again, and destroy \
             the true file yourself",
            settings.keyset.display()
        );
    }
    ensure!(
        said.all_stopped || matches!(config.vault.place, VaultPlace::Sqlite(_)),
        "several processes may use this vault, and one that goes on would keep values under keys \
         that are destroyed: stop all of them and say so with `--all-stopped`",
    );
    let _stopped = stopped(&config.transfer_log.directory)?;
    if let Some(settings) = named {
        match JurisdictionKeys::end(&settings.keyset, (&config.tenant, jurisdiction)) {
            Err(KeysError::Missing { .. }) => {}
            done => done?,
        }
    }
    let erased = match stores {
        Some(stores) => block_on(async move { Ok(stores.tokens.end(jurisdiction.clone()).await?) })
            .context("the keyset is destroyed, and the vault still holds what it opened")?,
        None => Erased::default(),
    };
    print::note(format_args!(
        "Copies of this keyset elsewhere, with its root key, still open copies of the vault; \
         destroy them too. Take `{jurisdiction}` out of `keys.jurisdictions` before the next start."
    ));
    let Erased { keys, copies, tokens, stays_in_files } = erased;
    if stays_in_files {
        note_what_stays(&config.vault.place);
    }
    print::line(format_args!(
        "the keyset of {whose} is destroyed; erased: {copies} values under {keys} keys; {tokens} \
         tokens stand for nothing any more"
    ))
}

/// Whether the keyset at hand opens nothing of what the vault holds. What does not open itself,
/// because its root key is gone, cannot be told.
fn is_another(
    config: &Config,
    jurisdiction: &Jurisdiction,
    settings: &KeySettings,
    stores: &Stores,
) -> anyhow::Result<bool> {
    let own = open_jurisdiction(&config.tenant, jurisdiction, settings);
    let (Ok(house), Ok(own)) = (open_keyset(config), own) else { return Ok(false) };
    let vault = Vault::new(Arc::clone(&stores.tokens), &house).with_jurisdictions(&[own]);
    block_on(async move { Ok(!vault.prove_keysets().await?.is_empty()) })
}
