// SPDX-License-Identifier: Apache-2.0

use anyhow::{Context, ensure};
use clap::Args;

use super::end::{Said, end};
use super::needed::{Needed, stores};
use super::purpose::SharedPurpose;
use super::realm::Whose;
use crate::app::open_keyset;
use crate::cli::{ConfigFile, block_on, print};
use crate::config::Config;
use crate::keys::{KeyPurpose, KeyState, KeyStatus, KeysError, Keyset, Realm, Version};
use crate::quarantine::Quarantine;

/// Take a key that is no longer in use out of a keyset for good, or all of a jurisdiction
///
/// Refused while anything in the vault needs it. What the CRM holds cannot be seen from here:
/// values that were encrypted under the key are lost, so `siv` and `ff1` also take
/// `--encrypted-values-are-lost`; those that were hashed are found no more, so `token_mac`
/// takes `--hashed-values-are-lost` where a policy compares hashes. Copies of the keyset file elsewhere still hold the key;
/// destroy them too.
///
/// With `--jurisdiction` and `--for-good`, and without a purpose, it destroys the whole keyset
/// of a jurisdiction, whatever needs it: no value opens again that is kept under it, in the
/// vault and in any backup; their tokens stand for nothing from then on. The house must not run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus keys destroy --purpose vault --version 1
  zollhaus keys destroy --jurisdiction AU --for-good")]
pub struct Destroy {
    /// What the key is for
    #[arg(long, value_enum, requires = "version")]
    purpose: Option<SharedPurpose>,
    /// Which of its versions
    #[arg(long, requires = "purpose")]
    version: Option<Version>,
    /// With `siv` and `ff1`: no value that the CRM holds under this key has to be opened again
    #[arg(long)]
    encrypted_values_are_lost: bool,
    /// With `token_mac`: no value that the CRM holds hashed under this key has to be found again
    #[arg(long)]
    hashed_values_are_lost: bool,
    /// With a jurisdiction alone: all values under its keyset are lost
    #[arg(long, conflicts_with = "purpose")]
    for_good: bool,
    /// With `--for-good` and a vault for several processes: no process runs that uses the vault
    #[arg(long, conflicts_with = "purpose")]
    all_stopped: bool,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    file: ConfigFile,
}

impl Destroy {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let (Some(shared), Some(version)) = (self.purpose, self.version) else {
            let said = Said { for_good: self.for_good, all_stopped: self.all_stopped };
            return end(&config, &self.whose.realm(), said);
        };
        let (realm, settings) = self.whose.proven(&config)?;
        let purpose = KeyPurpose::from(shared);
        let keys = Keyset::status(&settings.keyset)?;
        let is_meant = |key: &&KeyStatus| key.purpose == purpose && key.version == version;
        let state = keys.iter().find(is_meant).map(|key| key.state);
        if state != Some(KeyState::DecryptOnly) {
            return Err(KeysError::NotDestroyable { purpose, version }.into());
        }
        ensure!(
            purpose != KeyPurpose::TokenMac
                || self.hashed_values_are_lost
                || !config.upstreams.iter().any(|upstream| upstream.policy.compares_hashes()),
            "a policy compares hashes, and what the CRM holds hashed under version {version} is not found \
             without this key; say so with `--hashed-values-are-lost`",
        );
        match shared {
            SharedPurpose::Siv | SharedPurpose::Ff1 => ensure!(
                self.encrypted_values_are_lost,
                "what the CRM holds of version {version} cannot be opened without this key; say \
                 so with `--encrypted-values-are-lost`",
            ),
            SharedPurpose::TokenMac | SharedPurpose::Vault => {
                block_on(refuse_if_needed(&config, &realm, &keys, (purpose, version)))?;
            }
        }
        Keyset::destroy(&settings.keyset, purpose, version)?;
        print::note("Copies of the keyset file elsewhere still hold this key; destroy them too.");
        let of = match &realm {
            Realm::House => String::new(),
            Realm::Of(of) => format!(" of jurisdiction `{of}`"),
        };
        print::line(format_args!("version {version} of {}{of} is destroyed", purpose.name()))
    }
}

/// Looks for what needs a key of the vault or of its tokens.
async fn refuse_if_needed(
    config: &Config,
    realm: &Realm,
    keys: &[KeyStatus],
    (purpose, version): (KeyPurpose, Version),
) -> anyhow::Result<()> {
    let stores = stores(config).await?.context(
        "there is no vault where the configuration says, so nobody can tell what needs the key",
    )?;
    let needed = Needed::read(&stores, keys).await?;
    let what_then = match purpose {
        KeyPurpose::Vault => "the house seals them anew while it runs",
        _ => "the CRM holds them",
    };
    let count = needed.count(realm, purpose, version);
    let what = match (purpose, realm) {
        (KeyPurpose::Vault, Realm::House) => "rows of the vault",
        (KeyPurpose::Vault, Realm::Of(_)) => "keys of data subjects",
        _ => "tokens",
    };
    ensure!(
        count == 0,
        "version {version} of `{}` is needed by {count} {what}; {what_then}",
        purpose.name(),
    );
    if purpose != KeyPurpose::Vault {
        return Ok(());
    }
    // From then on the vault takes nothing from whoever has the older key only.
    let active = keys.iter().find(|key| key.purpose == purpose && key.state == KeyState::Active);
    ensure!(
        active.is_some_and(|key| needed.count(realm, purpose, key.version) > 0),
        "nothing is stored under the new key of the vault yet, so a process that was not started \
         anew may still store under version {version}; destroy it when the house has stored \
         something",
    );
    if *realm != Realm::House {
        return Ok(());
    }
    let keyset = open_keyset(config)?;
    let left_out = Quarantine::new(stores.quarantine, &keyset).count_under(version).await?;
    ensure!(
        left_out == 0,
        "version {version} of `vault` is needed by {left_out} pieces of uploads that were left \
         out; they are deleted 30 days after their upload",
    );
    Ok(())
}
