// SPDX-License-Identifier: Apache-2.0

use anyhow::{Context, ensure};
use clap::Args;

use super::purpose::{RotatedPurpose, SharedPurpose};
use super::realm::{Change, Whose, change};
use crate::app::open_keyset;
use crate::cli::{ConfigFile, print};
use crate::config::{Config, KeySettings, VaultPlace};
use crate::keys::{KeyPurpose, KeyState, Keyset, Realm, Version};

/// Make a key that is rotated to later, when every process knows it
///
/// For several processes on one vault, none of which has to stop: each is started anew, one
/// after the other, when the key is prepared, and again when `zollhaus keys rotate` has taken
/// it into use. Between the two, those that have it in use and those that have not find and
/// open what the others make.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  zollhaus keys prepare --purpose siv    # then start every process anew
  zollhaus keys rotate --purpose siv     # then start every process anew")]
pub struct Prepare {
    /// What the key is for
    #[arg(long, value_enum)]
    purpose: SharedPurpose,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    file: ConfigFile,
}

/// Put a new key in the place of one in use
///
/// The new key is the one that `zollhaus keys prepare` has made, if there is one. The keyset
/// file is replaced; a process that runs takes the new key at its next start, so start every
/// instance anew. The old key stays, to open and find what it has made.
///
/// A new key for tokens is for values that have none yet: what is stored keeps its token, so
/// nothing in the CRM is found by less than before. The house seals all rows of the vault anew
/// under a new `vault` key, while it runs. A new key for log signing is announced in the
/// transfer log, and signs one checkpoint together with the old one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus keys rotate --purpose vault
  zollhaus keys rotate --purpose vault --jurisdiction AU
  zollhaus keys rotate --purpose log_signing")]
pub struct Rotate {
    /// What the key is for
    #[arg(long, value_enum)]
    purpose: RotatedPurpose,
    /// With a vault for several processes and a key that was not prepared: no process runs
    /// that uses the vault
    #[arg(long)]
    all_stopped: bool,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    file: ConfigFile,
}

impl Prepare {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let (realm, keys) = self.whose.proven(&config)?;
        let purpose = self.purpose.into();
        change(&realm, keys, purpose, &Change::Prepare)?;
        let name = purpose.name();
        print::note(format_args!(
            "Back the keyset up, and start every process anew with it. When the last of them \
             has it, `zollhaus keys rotate --purpose {name}` takes the key into use."
        ));
        let version = version(keys, purpose, KeyState::Prepared)?;
        print::line(format_args!("version {version} of {name} is prepared"))
    }
}

impl Rotate {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let (realm, keys) = self.whose.proven(&config)?;
        let purpose = KeyPurpose::from(self.purpose);
        let name = purpose.name();
        let whose = match &realm {
            Realm::House => String::new(),
            Realm::Of(of) => format!(" --jurisdiction {of}"),
        };
        let status = Keyset::status(&keys.keyset)?;
        let newest = status.iter().rev().find(|key| key.purpose == purpose).map(|key| key.state);
        // Without the first one, whatever needs it is refused.
        let is_missed_by_nobody = matches!(newest, None | Some(KeyState::Prepared));
        ensure!(
            purpose == KeyPurpose::LogSigning
                || self.all_stopped
                || matches!(config.vault.place, VaultPlace::Sqlite(_))
                || is_missed_by_nobody,
            "several processes may use this vault, and one that goes on with older keys does not \
             find what others make: run `zollhaus keys prepare --purpose {name}{whose}` and start \
             each anew before this, or stop all of them and say so with `--all-stopped`",
        );
        change(&realm, keys, purpose, &Change::Rotate)?;
        if purpose == KeyPurpose::LogSigning {
            return announce(&config);
        }
        print::note("Start the house anew, every instance of it, and back the keyset up.");
        let version = version(keys, purpose, KeyState::Active)?;
        print::line(format_args!("{name} is at version {version}"))
    }
}

/// Prints what those who verify the log need to know.
fn announce(config: &Config) -> anyhow::Result<()> {
    let signers = open_keyset(config)?.log_signers(&config.transfer_log.origin)?;
    let signer = signers.last().context("the keyset has no key for log signing")?;
    print::note(
        "The next start of the house announces this key in the transfer log; give it to those \
         who verify the log.",
    );
    print::line(signer.verifier())
}

/// The version of the key that is in this state.
fn version(keys: &KeySettings, purpose: KeyPurpose, state: KeyState) -> anyhow::Result<Version> {
    let status = Keyset::status(&keys.keyset)?;
    let key = status.iter().find(|key| key.purpose == purpose && key.state == state);
    Ok(key.with_context(|| format!("no key `{}` is {}", purpose.name(), state.name()))?.version)
}
