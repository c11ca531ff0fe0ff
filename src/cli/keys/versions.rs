// SPDX-License-Identifier: Apache-2.0

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use super::needed::{Needed, stores};
use crate::app::open_keyset;
use crate::base::{Clock, SystemClock};
use crate::cli::{ConfigFile, block_on, print};
use crate::config::Config;
use crate::keys::{KeyPurpose, KeyState, KeyStatus, KeysError, Keyset, Version};
use crate::quarantine::Quarantine;

/// List the keys of the keyset: what each is for, its version, and what it may still do
///
/// `active` keys make what is new. `decrypt_only` keys open and find what they have made.
/// Of `destroyed` ones only the number is left. The last column says what still needs a key,
/// where that can be known here.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zollhaus keys status")]
pub struct Status {
    #[command(flatten)]
    file: ConfigFile,
}

/// Put a new key in the place of one in use
///
/// The keyset file is replaced; a process that runs takes the new key at its next start,
/// so start every instance anew. The old key stays, to open and find what it has made.
///
/// A new key for tokens is for values that have none yet: what is stored keeps its token, so
/// nothing in the CRM is found by less than before. The house seals all rows of the vault anew
/// under a new `vault` key, while it runs. A new key for log signing is announced in the
/// transfer log, and signs one checkpoint together with the old one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus keys rotate --purpose vault
  zollhaus keys rotate --purpose log_signing")]
pub struct Rotate {
    /// What the key is for
    #[arg(long, value_enum)]
    purpose: RotatedPurpose,
    #[command(flatten)]
    file: ConfigFile,
}

/// Take a key that is no longer in use out of the keyset for good
///
/// Refused while anything in the vault needs it. What the CRM holds cannot be seen from here:
/// values that were encrypted under the key are lost, so `siv` and `ff1` also take
/// `--encrypted-values-are-lost`, and `token_mac` takes `--hashed-values-are-lost` where a policy
/// compares hashes. Copies of the keyset file elsewhere still hold the key;
/// destroy them too.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zollhaus keys destroy --purpose vault --version 1")]
pub struct Destroy {
    /// What the key is for
    #[arg(long, value_enum)]
    purpose: DestroyedPurpose,
    /// Which of its versions
    #[arg(long)]
    version: Version,
    /// With `siv` and `ff1`: no value that the CRM holds under this key has to be opened again
    #[arg(long)]
    encrypted_values_are_lost: bool,
    /// With `token_mac`: no value that the CRM holds hashed under this key has to be found again
    #[arg(long)]
    hashed_values_are_lost: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// The purposes whose keys can be rotated.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum RotatedPurpose {
    /// The tokens of new values
    TokenMac,
    /// The values that `encrypt` seals
    Siv,
    /// The telephone numbers that `format_preserving` encrypts; makes the first key of a
    /// keyset that has none
    Ff1,
    /// The rows of the vault and what they are found by
    Vault,
    /// The checkpoints of the transfer log
    LogSigning,
}

/// The purposes whose keys can be destroyed: who verifies the transfer log needs all of its.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum DestroyedPurpose {
    /// The tokens of values that are no longer there
    TokenMac,
    /// The values that `encrypt` has sealed
    Siv,
    /// The telephone numbers that `format_preserving` has encrypted
    Ff1,
    /// The rows of the vault and what they are found by
    Vault,
}

impl Status {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let keys = Keyset::status(&config.keys.keyset)?;
        let needed = block_on(async { Needed::read(&config, &keys).await })?;
        print::line(format_args!(
            "{:<12} {:>7}  {:<12}  {:<10}  needed by",
            "purpose", "version", "state", "since"
        ))?;
        for key in keys {
            let since = key.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
            let needed_by = match key.state {
                KeyState::Destroyed => "-".to_owned(),
                KeyState::Active | KeyState::DecryptOnly => needed.by(key.purpose, key.version),
            };
            print::line(format_args!(
                "{:<12} {:>7}  {:<12}  {:<10}  {needed_by}",
                key.purpose.name(),
                key.version,
                key.state.name(),
                since
            ))?;
        }
        Ok(())
    }
}

impl Rotate {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let purpose = match self.purpose {
            RotatedPurpose::TokenMac => KeyPurpose::TokenMac,
            RotatedPurpose::Siv => KeyPurpose::Siv,
            RotatedPurpose::Ff1 => KeyPurpose::Ff1,
            RotatedPurpose::Vault => KeyPurpose::Vault,
            RotatedPurpose::LogSigning => KeyPurpose::LogSigning,
        };
        let service = config.keys.service.open()?;
        let today = SystemClock.now().date();
        let keyset = Keyset::rotate(&config.keys.keyset, &*service, purpose, today)?;
        let version = match purpose {
            KeyPurpose::TokenMac => keyset.token_mac.active_version(),
            KeyPurpose::Siv => keyset.siv.active_version(),
            KeyPurpose::Ff1 => keyset.ff1.map_or(0, |keys| keys.active_version()),
            KeyPurpose::Vault => keyset.vault.active_version(),
            _ => return announce(&config, &keyset),
        };
        print::note("Start the house anew, every instance of it, and back the keyset up.");
        print::line(format_args!("{} is at version {version}", purpose.name()))
    }
}

/// Prints what those who verify the log need to know.
fn announce(config: &Config, keyset: &Keyset) -> anyhow::Result<()> {
    let signers = keyset.log_signers(&config.transfer_log.origin)?;
    let signer = signers.last().context("the keyset has no key for log signing")?;
    print::note(
        "The next start of the house announces this key in the transfer log; give it to those \
         who verify the log.",
    );
    print::line(signer.verifier())
}

impl Destroy {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let purpose = match self.purpose {
            DestroyedPurpose::TokenMac => KeyPurpose::TokenMac,
            DestroyedPurpose::Siv => KeyPurpose::Siv,
            DestroyedPurpose::Ff1 => KeyPurpose::Ff1,
            DestroyedPurpose::Vault => KeyPurpose::Vault,
        };
        ensure!(
            !matches!(purpose, KeyPurpose::Siv | KeyPurpose::Ff1) || self.encrypted_values_are_lost,
            "what the CRM holds of version {} cannot be opened without this key; say so with \
             `--encrypted-values-are-lost`",
            self.version
        );
        ensure!(
            purpose != KeyPurpose::TokenMac
                || self.hashed_values_are_lost
                || !config.upstreams.iter().any(|upstream| upstream.policy.compares_hashes()),
            "a policy compares hashes, and what the CRM holds hashed under version {} is not found \
             without this key; say so with `--hashed-values-are-lost`",
            self.version
        );
        let keys = Keyset::status(&config.keys.keyset)?;
        let is_meant = |key: &&KeyStatus| key.purpose == purpose && key.version == self.version;
        let state = keys.iter().find(is_meant).map(|key| key.state);
        if state != Some(KeyState::DecryptOnly) {
            return Err(KeysError::NotDestroyable { purpose, version: self.version }.into());
        }
        block_on(async {
            let needed = Needed::read(&config, &keys).await?;
            let what_then = match purpose {
                KeyPurpose::Vault => "the house seals them anew while it runs",
                _ => "the CRM holds them",
            };
            ensure!(
                needed.count(purpose, self.version) == 0,
                "version {} of `{}` is needed by {}; {what_then}",
                self.version,
                purpose.name(),
                needed.by(purpose, self.version),
            );
            // From then on the vault takes nothing from whoever has the older key only.
            let active = keys
                .iter()
                .find(|key| key.purpose == KeyPurpose::Vault && key.state == KeyState::Active);
            ensure!(
                purpose != KeyPurpose::Vault
                    || active.is_some_and(|key| needed.count(purpose, key.version) > 0),
                "nothing is stored under the new key of the vault yet, so a process that was not \
                 started anew may still store under version {}; destroy it when the house has \
                 stored something",
                self.version,
            );
            if purpose == KeyPurpose::Vault
                && let Some(stores) = stores(&config).await?
            {
                let uploads = Quarantine::new(stores.quarantine, &open_keyset(&config)?);
                let left_out = uploads.count_under(self.version).await?;
                ensure!(
                    left_out == 0,
                    "version {} of `vault` is needed by {left_out} pieces of uploads that were left \
                     out; they are deleted 30 days after their upload",
                    self.version,
                );
            }
            Ok(())
        })?;
        Keyset::destroy(&config.keys.keyset, purpose, self.version)?;
        print::note("Copies of the keyset file elsewhere still hold this key; destroy them too.");
        print::line(format_args!("version {} of {} is destroyed", self.version, purpose.name()))
    }
}
