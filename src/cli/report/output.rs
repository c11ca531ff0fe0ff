// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::cli::print;
use crate::report::{Document, Report};

/// What becomes of a report.
#[derive(Debug, Args)]
pub(super) struct Writing {
    /// A page for people, or a table for programs
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// With `--format csv`: which table, if not the first
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Csv,
}

impl Writing {
    /// # Errors
    /// What would keep the report from being written.
    pub fn check(&self, report: &dyn Report) -> anyhow::Result<()> {
        if let Some(table) = &self.table {
            anyhow::ensure!(
                self.format == Format::Csv,
                "`--table` chooses a table for `--format csv`; a page has all of them"
            );
            let names: Vec<_> = report.tables().iter().map(|table| table.name).collect();
            if !names.contains(&&**table) {
                bail!("there is no table `{table}`, only `{}`", names.join("`, `"));
            }
        }
        match &self.output {
            Some(path) if !self.force && path.exists() => Err(exists(path)),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// When the file exists, without `--force`, or cannot be written.
    pub fn write(&self, document: &Document) -> anyhow::Result<()> {
        let bytes = match self.format {
            Format::Html => document.to_html().into_bytes(),
            Format::Csv => {
                let named = |name: &String| document.tables.iter().find(|table| table.name == name);
                let chosen = self.table.as_ref().map_or_else(|| document.tables.first(), named);
                chosen.context("the report has no such table")?.to_csv()?
            }
        };
        let Some(path) = &self.output else {
            return print::to_stdout(|out| Ok(out.write_all(&bytes)?));
        };
        let mut options = File::options();
        options.write(true).create(self.force).truncate(self.force).create_new(!self.force);
        let mut file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(path),
            _ => anyhow::Error::new(error).context(format!("`{}`", path.display())),
        })?;
        file.write_all(&bytes).with_context(|| format!("`{}`", path.display()))
    }
}

fn exists(path: &Path) -> anyhow::Error {
    anyhow::anyhow!("`{}` exists; `--force` replaces it", path.display())
}
