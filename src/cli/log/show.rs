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

/// Goes through the wanted entries that are there, with those that say the same together
/// with one of them. An entry of an unknown version is said, and passed on if such are
/// wanted.
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
    let mut whole = Whole::default();
    for entry in directory.entries(first)? {
        let (index, bytes) = entry?;
        let (entry, is_wanted) = match parse_entry(&bytes) {
            Ok(entry) => {
                let is_wanted = wants(&entry);
                (Some(entry), is_wanted)
            }
            Err(EntryError::Unsupported { version }) => {
                found = Finding::Unsupported;
                print::note(format!(
                    "warning: entry {index} has version {version}, which is unknown"
                ));
                (None, wants_unknown)
            }
            Err(EntryError::NotAnEntry) => {
                anyhow::bail!("entry {index} of the log is not an entry")
            }
        };
        if !whole.is_continued_by(entry.as_ref()) {
            std::mem::take(&mut whole).pass_on(&mut take)?;
        }
        whole.is_wanted |= is_wanted;
        whole.last = entry;
        whole.entries.push((index, bytes));
    }
    whole.pass_on(&mut take)?;
    Ok(found)
}

/// Entries that say one thing together: whoever wants one of them wants all.
#[derive(Default)]
struct Whole {
    entries: Vec<(u64, Vec<u8>)>,
    last: Option<Entry>,
    is_wanted: bool,
}

impl Whole {
    fn is_continued_by(&self, entry: Option<&Entry>) -> bool {
        self.last.as_ref().zip(entry).is_some_and(|(last, entry)| entry.continues(last))
    }

    fn pass_on(
        self,
        take: &mut impl FnMut(u64, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let wanted = self.entries.iter().filter(|_| self.is_wanted);
        wanted.into_iter().try_for_each(|(index, entry)| take(*index, entry))
    }
}
