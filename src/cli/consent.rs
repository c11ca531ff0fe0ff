// SPDX-License-Identifier: Apache-2.0

use std::fmt::Write;

use clap::{Args, Subcommand};

use crate::base::{Choice, Clock, SystemClock, Timestamp};
use crate::subject::{ConsentRecord, Dossier, Note};

use super::subject::{self, Whom};
use super::{ConfigFile, print};

/// Record, withdraw and list the consent of a person
///
/// Works on the store itself, so it works while the house runs and while it does not:
/// SQLite lets both write, and a withdrawal counts for the next request. It needs what
/// the house needs: to read the keys, and to write the vault. The value that names the
/// person is read from standard input, so that it stays out of the shell's history.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus consent give newsletter --category email --text-version 2026-03 --source web-form < address.txt
  zollhaus consent withdraw newsletter --category email --source phone < address.txt
  zollhaus consent list --subject 2f6c0b1d9a5e4c3f8b7a6d5e4f3c2b1a")]
pub struct Consent {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Give(Give),
    Withdraw(Withdraw),
    List(List),
}

/// Record that a person has consented to a purpose
#[derive(Debug, Args)]
struct Give {
    /// A purpose that the policies know
    purpose: String,
    #[command(flatten)]
    whom: Whom,
    /// Which version of the text they agreed to
    #[arg(long, value_name = "VERSION")]
    text_version: Note,
    /// Where they did: `web-form:42`
    #[arg(long)]
    source: Note,
    /// When it ends by itself: `2027-12-31T23:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    #[command(flatten)]
    file: ConfigFile,
}

/// Record that a person has withdrawn their consent to a purpose
#[derive(Debug, Args)]
struct Withdraw {
    /// A purpose that the policies know
    purpose: String,
    #[command(flatten)]
    whom: Whom,
    /// Where they did: `phone`
    #[arg(long)]
    source: Note,
    #[command(flatten)]
    file: ConfigFile,
}

/// Show what a person has consented to, and by which pseudonyms they go
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    file: ConfigFile,
}

/// What a person chose, before it is known who and when.
struct Chosen {
    purpose: String,
    choice: Choice,
    until: Option<Timestamp>,
    text_version: Option<Note>,
    source: Note,
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::from_rfc3339(text).ok_or("a time in UTC looks like `2027-12-31T23:00:00Z`")
}

impl Consent {
    pub fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Give(Give { purpose, whom, text_version, source, until, file }) => {
                let text_version = Some(text_version);
                record(
                    whom,
                    &file,
                    Chosen { purpose, choice: Choice::Given, until, text_version, source },
                )
            }
            Command::Withdraw(Withdraw { purpose, whom, source, file }) => {
                let (choice, until, text_version) = (Choice::Withdrawn, None, None);
                record(whom, &file, Chosen { purpose, choice, until, text_version, source })
            }
            Command::List(List { whom, file }) => list(whom, &file),
        }
    }
}

fn record(whom: Whom, file: &ConfigFile, chosen: Chosen) -> anyhow::Result<()> {
    let config = file.load()?.value;
    let Chosen { purpose, choice, until, text_version, source } = chosen;
    let purpose = subject::vocabulary(&config).purpose(&purpose)?;
    super::block_on(async move {
        let subjects = subject::open(&config).await?;
        let id = whom.identify(&config, &subjects)?;
        let now = SystemClock.now();
        let record = ConsentRecord::new(purpose, choice, now, until, text_version, source)?;
        let record = subjects.record(id, record).await?;
        print::line(format!("{id} {} {}", record.purpose, show(&record)))
    })
}

fn list(whom: Whom, file: &ConfigFile) -> anyhow::Result<()> {
    let config = file.load()?.value;
    super::block_on(async move {
        let subjects = subject::open(&config).await?;
        let id = whom.identify(&config, &subjects)?;
        let dossier = subjects.dossier(id).await?;
        print::line(summary(&dossier, SystemClock.now()).trim_end())
    })
}

/// What is kept, line by line: never a value, because there is none.
fn summary(dossier: &Dossier, now: Timestamp) -> String {
    let mut text = String::new();
    for pseudonym in &dossier.pseudonyms {
        let _ = writeln!(text, "pseudonym     {pseudonym}");
    }
    for jurisdiction in &dossier.known.jurisdictions {
        let _ = writeln!(text, "jurisdiction  {jurisdiction}");
    }
    for latest in dossier.known.consents.latest() {
        let purpose = &latest.purpose;
        let state = dossier.known.consents.state(purpose, now);
        let _ = writeln!(text, "\n{purpose}: {}", state.as_str());
        for record in dossier.history.iter().filter(|record| record.purpose == *purpose) {
            let _ = writeln!(text, "  {}", show(record));
        }
    }
    text
}

/// `given at 2026-11-24T09:00:00.000Z, text 2026-03, source web-form`
fn show(record: &ConsentRecord) -> String {
    let mut text = format!("{} at {}", record.choice.as_str(), record.at.to_rfc3339());
    if let Some(until) = record.until {
        let _ = write!(text, ", until {}", until.to_rfc3339());
    }
    if let Some(version) = &record.text_version {
        let _ = write!(text, ", text {version}");
    }
    let _ = write!(text, ", source {}", record.source);
    text
}
