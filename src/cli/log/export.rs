// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::cli::print;
use crate::report::inert;
use crate::transfer_log::Entry;
use crate::transfer_log::read::parse_entry;

use super::row::{COLUMNS, Row};
use super::select::Select;
use super::show::each;
use super::sum::{Summed, check};
use super::{Finding, Place, line};

/// Export entries for other programs
///
/// The last line says how many entries there are and has the SHA-256 of all lines
/// before it, so that `--check` notices a file that was cut. An export proves nothing:
/// for that there are `prove`, and a copy of the folder with `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus log export --since 2026-01-01 > 2026.ndjson
  zollhaus log export --format csv --kind transfer > transfers.csv
  zollhaus log export --check 2026.ndjson")]
pub struct Export {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// Check that an export is whole; needs no log
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An object a line, with the index and the entry
    Ndjson,
    /// A row an entry, for spreadsheets
    Csv,
}

impl Export {
    pub fn execute(mut self) -> anyhow::Result<Finding> {
        if let Some(path) = &self.check {
            return check_file(path);
        }
        let directory = self.place.open()?;
        let mut found = Finding::Sound;
        print::to_stdout(|out| {
            let mut out = Summed::new(out);
            if self.format == Format::Csv {
                writeln!(out, "{}", COLUMNS.join(","))?;
            }
            let mut count = 0_u64;
            let is_everything = self.select.is_everything();
            let mut wants = |entry: &Entry| self.select.wants(entry);
            found = each(&directory, &mut wants, is_everything, |index, entry| {
                let row = match self.format {
                    Format::Ndjson => line(index, entry, true)?,
                    // An unknown version has no columns; it was said.
                    Format::Csv => match parse_entry(entry) {
                        Ok(entry) => csv(&Row::new(index, &entry)),
                        Err(_) => return Ok(()),
                    },
                };
                count += 1;
                Ok(writeln!(out, "{row}")?)
            })?;
            let (out, sum) = out.finish();
            write!(out, "{}", end(self.format == Format::Csv, count, &sum))?;
            Ok(())
        })?;
        Ok(found)
    }
}

/// The last line: how many entries there are, and the sum of what stands before it.
pub fn end(is_csv: bool, count: u64, sum: &str) -> String {
    if is_csv {
        format!("end,{count},{sum}\n")
    } else {
        format!("{{\"end\":true,\"entries\":{count},\"sha256\":\"{sum}\"}}\n")
    }
}

fn check_file(path: &Path) -> anyhow::Result<Finding> {
    let context = || format!("`{}` cannot be read", path.display());
    let file = File::open(path).with_context(context)?;
    match check(BufReader::new(file)).with_context(context)? {
        Ok(count) => {
            print::line(format!("whole: {} has {count} entries", path.display()))?;
            Ok(Finding::Sound)
        }
        Err(problem) => {
            let error = anyhow::Error::new(problem);
            print::error(&error.context(format!("the export `{}` is not whole", path.display())));
            Ok(Finding::NotVerified)
        }
    }
}

/// RFC 4180. What a spreadsheet would take for a formula gets an apostrophe.
pub fn csv(row: &Row) -> String {
    let cell = |cell: String| {
        let cell = inert(&cell);
        if cell.contains(['"', ',']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.into_owned()
        }
    };
    row.cells().map(cell).join(",")
}
