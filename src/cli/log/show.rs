// SPDX-License-Identifier: Apache-2.0

use clap::Args;

use crate::cli::print;
use crate::transfer_log::Entry;
use crate::transfer_log::read::{EntryError, LogDirectory, parse_entry};

use super::select::Select;
use super::{Finding, Place, line};

/// Show entries, one a line
///
/// Shows what is on the disk; whether it is what was logged, `verify` says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus log show --since 2026-11-24 --caller billing
  zollhaus log show --subject 5f0c4f2be3b1d7a4a1c29be0d3f6e871 --json
  zollhaus log show --directory /backup/log --kind refused")]
pub struct Show {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// Show the entries themselves, as JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn execute(mut self) -> anyhow::Result<Finding> {
        let directory = self.place.open()?;
        let mut found = Finding::Sound;
        print::to_stdout(|out| {
            let is_everything = self.select.is_everything();
            let mut wants = |entry: &Entry| self.select.wants(entry);
            found = each(&directory, &mut wants, is_everything, |index, entry| {
                writeln!(out, "{}", line(index, entry, self.json)?)?;
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(found)
    }
}

/// Goes through the wanted entries that are there. An entry of an unknown version is
/// said, and passed on if such are wanted.
pub fn each(
    directory: &LogDirectory,
    wants: &mut dyn FnMut(&Entry) -> bool,
    wants_unknown: bool,
    mut take: impl FnMut(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<Finding> {
    let first = directory.first_entry()?;
    if first > 0 {
        print::note(format!("note: the entries before {first} are gone since their time is over"));
    }
    let mut found = Finding::Sound;
    for entry in directory.entries(first)? {
        let (index, entry) = entry?;
        let is_wanted = match parse_entry(&entry) {
            Ok(entry) => wants(&entry),
            Err(EntryError::Unsupported { version }) => {
                found = Finding::Unsupported;
                print::note(format!(
                    "warning: entry {index} has version {version}, which is unknown"
                ));
                wants_unknown
            }
            Err(EntryError::NotAnEntry) => {
                anyhow::bail!("entry {index} of the log is not an entry")
            }
        };
        if is_wanted {
            take(index, &entry)?;
        }
    }
    Ok(found)
}
