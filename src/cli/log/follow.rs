// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use clap::Args;

use crate::cli::print;
use crate::transfer_log::read::parse_entry;

use super::select::Select;
use super::{Finding, Place, line};

/// Show entries as they come
///
/// Begins with the last ones and goes on until it is stopped or nobody reads it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zollhaus log follow --kind refused --json")]
pub struct Follow {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// Show the entries themselves, as JSON
    #[arg(long)]
    json: bool,
    /// With how many entries to begin, before those that are not wanted are left out
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    last: u64,
    /// How many seconds to wait before looking again
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=60))]
    every: u64,
}

impl Follow {
    pub fn execute(mut self) -> anyhow::Result<Finding> {
        let directory = self.place.open()?;
        let first = directory.first_entry()?;
        let begin = directory.length()?.saturating_sub(self.last).max(first);
        let mut entries = directory.entries(begin)?;
        print::to_stdout(|out| {
            loop {
                for entry in &mut entries {
                    let (index, entry) = entry?;
                    let is_wanted = match parse_entry(&entry) {
                        Ok(entry) => self.select.wants(&entry),
                        Err(_) => true,
                    };
                    if is_wanted {
                        writeln!(out, "{}", line(index, &entry, self.json)?)?;
                    }
                }
                out.flush()?;
                std::thread::sleep(Duration::from_secs(self.every));
            }
        })?;
        Ok(Finding::Sound)
    }
}
