// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::{Read, stdin};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{ArgGroup, Args, Subcommand};
use zeroize::Zeroizing;

use crate::app::{Stores, open_keyset};
use crate::base::{Cleartext, SubjectId, read_hex};
use crate::config::{Config, VaultPlace};
use crate::subject::{Subjects, Vocabulary};
use crate::vault::{Erased, Vault};

use super::{ConfigFile, print};

/// Longer values name nobody.
const MAX_VALUE_BYTES: u64 = 4096;

/// Find out by which pseudonym a person goes, and erase their values
#[derive(Debug, Args)]
pub struct Subject {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Id(Id),
    Erase(Erase),
}

/// Destroy the keys under which the values of a person are kept
///
/// All values that the vault keeps for them, under whichever of their pseudonyms, are gone for
/// good: nothing opens them again, not even a backup of the vault, once the copies of its keys
/// of data subjects are replaced (`vault backup`). Equal values of others go on. The tokens
/// that the CRM holds stand for nothing then, and for no other value ever.
///
/// A person is whoever was seen under one address or in one record: people who share an address
/// are erased together. Without `--for-good`, it says how many pseudonyms that is, and erases
/// nothing.
///
/// What the policy encrypts (`encrypt`, `format_preserving`) or hashes is not in the vault: the
/// CRM holds it, and has to delete it. What was stored where nothing said whose it is stays, and
/// so do rows of uploads that were left out (they go after 30 days), pseudonyms, consent records
/// and the transfer log. Works while the house runs; what is written for the person later is
/// kept again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus subject erase --category email --for-good < address.txt
  zollhaus subject erase --subject 2f6c0b1d9a5e4c3f8b7a6d5e4f3c2b1a --for-good")]
struct Erase {
    #[command(flatten)]
    whom: Whom,
    /// Nothing of it comes back
    #[arg(long)]
    for_good: bool,
    #[command(flatten)]
    file: ConfigFile,
}

/// Print the pseudonym of a person, by which the transfer log names them
///
/// The value is read from standard input, so that it stays out of the shell's history.
/// A person goes by one pseudonym for each value and each record: `consent list` shows
/// all of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus subject id --category email < address.txt
  zollhaus subject id --category email --value-file address.txt")]
struct Id {
    #[command(flatten)]
    whom: ByValue,
    #[command(flatten)]
    file: ConfigFile,
}

/// A person by a value that names them.
#[derive(Debug, Args)]
struct ByValue {
    /// The category of the value that names the person; the value itself is read from
    /// standard input
    #[arg(long)]
    category: String,
    /// Read the value from a file
    #[arg(long, value_name = "FILE")]
    value_file: Option<PathBuf>,
}

/// A person by a value or a pseudonym.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").required(true).args(["category", "subject"]))]
pub struct Whom {
    /// The category of the value that names the person; the value itself is read from
    /// standard input
    #[arg(long)]
    category: Option<String>,
    /// Read the value from a file
    #[arg(long, value_name = "FILE", requires = "category")]
    value_file: Option<PathBuf>,
    /// The pseudonym of the person, as the transfer log has it
    #[arg(long, value_name = "PSEUDONYM", value_parser = pseudonym, conflicts_with = "value_file")]
    subject: Option<SubjectId>,
}

fn pseudonym(text: &str) -> Result<SubjectId, &'static str> {
    let digits = read_hex::<16, serde::de::value::Error>(text);
    digits.map(SubjectId).map_err(|_| "a pseudonym has 32 hexadecimal digits")
}

impl Subject {
    pub fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Id(Id { whom, file }) => {
                let config = file.load()?.value;
                super::block_on(async move {
                    let subjects = open(&config).await?;
                    print::line(whom.identify(&config, &subjects)?)
                })
            }
            Command::Erase(Erase { whom, for_good, file }) => {
                let config = file.load()?.value;
                super::block_on(async move { erase(&config, whom, for_good).await })
            }
        }
    }
}

async fn erase(config: &Config, whom: Whom, for_good: bool) -> anyhow::Result<()> {
    if let VaultPlace::Sqlite(path) = &config.vault.place {
        ensure!(path.exists(), "there is no vault `{}`; `zollhaus run` makes one", path.display());
    }
    let keyset = open_keyset(config)?;
    let stores = Stores::open_existing(&config.vault.place, &config.tenant).await?;
    let subjects = Subjects::new(stores.subjects, &keyset);
    let vault = Vault::new(stores.tokens, &keyset);
    let id = whom.identify(config, &subjects)?;
    if !for_good {
        let pseudonyms = subjects.dossier(id).await?.pseudonyms;
        let keys = vault.count_keys_of(&pseudonyms).await?;
        bail!(
            "nothing is erased without `--for-good`; pseudonyms of this person (one for each address \
             and each record): {}, of which {keys} have a key that values are kept under",
            pseudonyms.len()
        );
    }
    let (mut erased, mut known) = (Erased::default(), 0);
    // Another pseudonym of theirs may become known meanwhile.
    loop {
        let pseudonyms = subjects.dossier(id).await?.pseudonyms;
        if pseudonyms.len() == known {
            break;
        }
        known = pseudonyms.len();
        let more = vault.erase(&pseudonyms).await?;
        erased = Erased {
            keys: erased.keys + more.keys,
            copies: erased.copies + more.copies,
            tokens: erased.tokens + more.tokens,
            // What was left by the one before is gone with what this one deletes.
            stays_in_files: more.stays_in_files,
        };
    }
    let Erased { keys, copies, tokens, stays_in_files } = erased;
    if stays_in_files {
        note_what_stays(&config.vault.place);
    }
    print::note(
        "Not looked at: values that were stored where nothing said whose they are, rows of uploads \
         that were left out (they go after 30 days), and what the CRM holds that is no token.",
    );
    if let VaultPlace::Postgres(_) = &config.vault.place {
        print::note(
            "PostgreSQL keeps what was deleted in its files until VACUUM, and in its write-ahead \
             log, archives of that, and base backups.",
        );
    }
    if keys == 0 {
        return print::line("nothing is kept for this person");
    }
    print::note(
        "Copies of the vault's keys of data subjects that were made before still hold theirs: \
         replace or destroy them (docs/ERASURE.md).",
    );
    print::line(format_args!(
        "erased: {copies} values under {keys} keys; {tokens} tokens stand for nothing any more"
    ))
}

impl Whom {
    /// The pseudonym, if it was given as such.
    pub const fn pseudonym(&self) -> Option<SubjectId> {
        self.subject
    }

    pub fn identify(self, config: &Config, subjects: &Subjects) -> anyhow::Result<SubjectId> {
        match (self.subject, self.category) {
            (Some(subject), _) => Ok(subject),
            (None, Some(category)) => {
                ByValue { category, value_file: self.value_file }.identify(config, subjects)
            }
            (None, None) => anyhow::bail!("name the person by `--category` or `--subject`"),
        }
    }
}

impl ByValue {
    fn identify(self, config: &Config, subjects: &Subjects) -> anyhow::Result<SubjectId> {
        let category = vocabulary(config).category(&self.category)?;
        let value = match &self.value_file {
            Some(path) => {
                let failed = || format!("{} cannot be read", path.display());
                read_value(File::open(path).with_context(failed)?).with_context(failed)?
            }
            None => read_value(stdin().lock()).context("the value cannot be read")?,
        };
        Ok(subjects.by_value(&category, &value))
    }
}

fn read_value(source: impl Read) -> anyhow::Result<Cleartext> {
    let mut text = Zeroizing::new(String::new());
    let length = source.take(MAX_VALUE_BYTES + 1).read_to_string(&mut text)?;
    ensure!(length as u64 <= MAX_VALUE_BYTES, "it is longer than {MAX_VALUE_BYTES} bytes");
    ensure!(!text.trim().is_empty(), "it is empty");
    Ok(Cleartext::new(std::mem::take(&mut *text)))
}

pub fn vocabulary(config: &Config) -> Vocabulary {
    Vocabulary::of(config.upstreams.iter().map(|upstream| &upstream.policy))
}

/// The data subjects of a house, whether it runs or not.
pub async fn open(config: &Config) -> anyhow::Result<Subjects> {
    let keyset = open_keyset(config)?;
    let stores = Stores::open(&config.vault, &config.tenant).await?;
    Ok(Subjects::new(stores.subjects, &keyset))
}

/// Says that what was erased is not gone from the files yet.
pub(super) fn note_what_stays(place: &VaultPlace) {
    let VaultPlace::Sqlite(path) = place else { return };
    print::note(format_args!(
        "What was deleted may still stand in `{0}` or `{0}-wal`, because something has been \
         reading the vault all this time, such as a backup or a copy. Say this again when that \
         has ended.",
        path.display()
    ));
}
