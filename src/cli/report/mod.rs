// SPDX-License-Identifier: Apache-2.0

mod log;
mod output;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::base::{Clock, Date, SubjectId, SystemClock, Timestamp};
use crate::report::{
    Bases, Coverage, CoveredUpstream, DeclaredBasis, Document, Period, Processing, Provenance,
    Refusals, Report, Subject, read,
};

use super::subject::{self, Whom};
use super::{ConfigFile, print};
use crate::transfer_log::BasisUsed;
use output::Writing;

/// Make a report from the transfer log
///
/// A report is one page of HTML, which prints well, or a table as CSV. It is made from
/// the log alone and says which, so that it can be checked against the log.
#[derive(Debug, Args)]
pub struct MakeReport {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What went where, on which basis and under which protection (GDPR Art. 30)
    ///
    /// CSV tables: `transfers` (what was sent), `reveals` (what callers were shown).
    #[command(after_help = "\
Examples:
  zollhaus report processing --output processing.html
  zollhaus report processing --from 2026-01-01 --until 2026-12-31 --format csv --table reveals")]
    Processing(Options),
    /// Every transfer about one data subject, with its number in the log
    ///
    /// Entries under each pseudonym of the person that the house knows; with
    /// `--directory`, under the one that is given.
    #[command(after_help = "\
Examples:
  zollhaus report subject --category email --output subject.html < address.txt
  zollhaus report subject --subject 0f2c91d3a8b64e57a1c08e9d5b7f3642 --directory copy-of-log")]
    Subject {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        options: Options,
    },
    /// What was turned back, by whom, why and when
    ///
    /// CSV tables: `refusals`, `days`.
    #[command(after_help = "Example:\n  zollhaus report refusals --from 2026-11-01")]
    Refusals(Options),
    /// The legal bases that transfers rely on, those that end first at the top
    #[command(after_help = "Example:\n  zollhaus report bases --warn-days 90")]
    Bases {
        /// Mark bases that end within so many days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        warn_days: u32,
        #[command(flatten)]
        options: Options,
    },
    /// What the policies list, next to what traffic showed
    ///
    /// CSV tables: `fields`, `unprotected`, `clear`.
    #[command(after_help = "Example:\n  zollhaus report coverage --format csv --table unprotected")]
    Coverage(Options),
}

#[derive(Debug, Args)]
struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// Read a log at another place, such as a copy, instead of the configured one.
    /// The configuration is then read for `coverage` only
    #[arg(long, value_name = "PATH")]
    directory: Option<PathBuf>,
    /// The first day (UTC), such as 2026-01-01
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// The last day (UTC)
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    #[command(flatten)]
    writing: Writing,
}

impl MakeReport {
    pub fn execute(self) -> anyhow::Result<()> {
        let now = SystemClock.now();
        match self.command {
            Command::Processing(options) => options.make(now, &mut Processing::default()),
            Command::Subject { whom, options } => {
                let pseudonyms = options.pseudonyms(whom)?;
                options.make(now, &mut Subject::new(pseudonyms))
            }
            Command::Refusals(options) => options.make(now, &mut Refusals::default()),
            Command::Bases { warn_days, options } => {
                let declared = options.declared_bases()?;
                options.make(now, &mut Bases::new(now.date(), warn_days, declared))
            }
            Command::Coverage(options) => {
                let config = options.file.load()?.value;
                let upstreams = config.upstreams.iter();
                let covered = upstreams.map(|upstream| CoveredUpstream {
                    name: &upstream.name,
                    policy: &upstream.policy,
                });
                options.make(now, &mut Coverage::new(covered))
            }
        }
    }
}

impl Options {
    /// All by which a person goes.
    fn pseudonyms(&self, whom: Whom) -> anyhow::Result<Vec<SubjectId>> {
        if self.directory.is_some() {
            let subject = whom.pseudonym().context(
                "with `--directory`, name the person by `--subject`: a copy of the log has no keys",
            )?;
            return Ok(vec![subject]);
        }
        let config = self.file.load()?.value;
        crate::cli::block_on(async move {
            let subjects = subject::open(&config).await?;
            let id = whom.identify(&config, &subjects)?;
            Ok(subjects.dossier(id).await?.pseudonyms)
        })
    }

    /// What the borders of the policies define, unless only a copy of the log is there.
    fn declared_bases(&self) -> anyhow::Result<Option<Vec<DeclaredBasis>>> {
        if self.directory.is_some() {
            return Ok(None);
        }
        let config = self.file.load()?.value;
        let of_upstreams = config.upstreams.iter().flat_map(|upstream| {
            let borders = upstream.policy.border.iter().flat_map(|border| border.bases());
            borders.map(|basis| DeclaredBasis {
                upstream: upstream.name.clone(),
                basis: BasisUsed::from(basis),
            })
        });
        Ok(Some(of_upstreams.collect()))
    }

    fn make(&self, now: Timestamp, report: &mut dyn Report) -> anyhow::Result<()> {
        let period = Period { from: self.from, until: self.until };
        if let (Some(from), Some(until)) = (self.from, self.until) {
            anyhow::ensure!(from <= until, "`--from` is later than `--until`");
        }
        // Before the log is read, which may take long.
        self.writing.check(report)?;
        let (log, tenant) = if let Some(directory) = &self.directory {
            (log::open(directory)?, None)
        } else {
            let config = self.file.load()?.value;
            (log::open(&config.transfer_log.directory)?, Some(config.tenant))
        };
        let checkpoint = log.checkpoint;
        let mut progress = print::Progress::new("entries read", checkpoint.size);
        let extent = read(log.entries, period, report, |index| progress.at(index + 1));
        drop(progress);
        let provenance = Provenance {
            tenant,
            checkpoint,
            first_entry: log.first,
            period,
            extent: extent?,
            made: now,
        };
        let document = Document::new(report, provenance);
        self.writing.write(&document).context("the report cannot be written")
    }
}
