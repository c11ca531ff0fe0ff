// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::base::Timestamp;
use crate::cli::print;
use crate::transfer_log::note::{SignedNote, VerifierKey};
use crate::transfer_log::read::{self, Damage, LogDirectory, Report, VerifyError, VerifyOptions};

use super::{Finding, Place, Trust};

/// Verify that the log is what it says
///
/// Hashes every entry and compares the tree with the signed checkpoint and with every
/// checkpoint that was kept. With a checkpoint from elsewhere, the log must continue
/// it, and only what came after it is hashed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus log verify --key zollhaus.example/one+8c51d3f3+AT8D…
  zollhaus log verify --directory /audit/log --key … --checkpoint last-year.checkpoint

Keep the checkpoint of each audit: it is what shows a rollback or a rewritten log.")]
pub struct Verify {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    trust: Trust,
    /// Believe the keys in the log's own folder: shows damage, but not that someone
    /// replaced the log and its keys
    #[arg(long)]
    trust_own_keys: bool,
    /// An older checkpoint of this log that was kept elsewhere; give it again for more
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Hash also what an older checkpoint covers
    #[arg(long)]
    from_start: bool,
}

impl Verify {
    pub fn execute(self) -> anyhow::Result<Finding> {
        let directory = self.place.open()?;
        let mut keys = self.trust.keys;
        if self.trust_own_keys {
            keys.extend(own_keys(&directory)?);
        }
        let older = self.checkpoints.iter().map(|path| read_note(path));
        let options = VerifyOptions {
            keys,
            origin: self.trust.origin,
            witnesses: self.trust.witnesses,
            older: older.collect::<anyhow::Result<_>>()?,
            from_start: self.from_start,
        };
        match read::verify(&directory, &options) {
            Ok(report) => {
                print::line(describe(&report, self.trust_own_keys))?;
                Ok(Finding::Sound)
            }
            Err(VerifyError::Damaged(damage)) => {
                let first = damage.first_bad();
                print::error(&anyhow::Error::new(damage).context("the log does not verify"));
                if let Some(first) = first {
                    print::note(format!("the first bad entry is {first} or a later one"));
                }
                Ok(Finding::NotVerified)
            }
            Err(error @ VerifyError::Unsupported { .. }) => {
                print::error(&error.into());
                Ok(Finding::Unsupported)
            }
            Err(VerifyError::NoKey) => anyhow::bail!(
                "no key of the log was given: give `--key` with the key that its owner published, \
                 or `--trust-own-keys`"
            ),
            Err(error @ VerifyError::UnusableCheckpoint(Damage::Note { .. })) => anyhow::bail!(
                "{error}; if a later key of the log signed it, give that key too by another `--key`"
            ),
            Err(error) => Err(error.into()),
        }
    }
}

fn read_note(path: &Path) -> anyhow::Result<SignedNote> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("`{}` cannot be read", path.display()))?;
    text.parse().with_context(|| format!("`{}` is not a checkpoint", path.display()))
}

/// Those that the folder names.
fn own_keys(directory: &LogDirectory) -> anyhow::Result<Vec<VerifierKey>> {
    let path = directory.path().join("keys");
    let text = fs::read_to_string(&path);
    let text = text.with_context(|| format!("`{}` cannot be read", path.display()))?;
    let keys = text.lines().filter(|line| !line.is_empty()).map(str::parse);
    keys.collect::<Result<_, _>>().with_context(|| format!("in `{}`", path.display()))
}

/// What was checked, and what was not.
fn describe(report: &Report, trusts_own_keys: bool) -> String {
    let Report { checkpoint, hashed, pruned, .. } = report;
    let mut lines = vec![format!("verified: `{}`, {} entries", checkpoint.origin, checkpoint.size)];
    let mut say = |what: &str, words: String| lines.push(format!("  {what:<12} {words}"));
    say("root", checkpoint.root.to_string());
    for (key, time) in &report.signed_by {
        let time = time.map(|time| Timestamp::from_unix_millis(time.saturating_mul(1000)));
        let time = time.map(|time| format!(", at {}", time.to_rfc3339())).unwrap_or_default();
        say("signed by", format!("{key}{time}"));
    }
    for key in &report.announced_keys {
        say("announced", format!("{key}, by an entry"));
    }
    if !hashed.is_empty() {
        say("hashed", format!("entries {} to {}", hashed.start, hashed.end - 1));
    }
    say(
        "agree",
        format!(
            "{} checkpoints kept in the log, {} from elsewhere",
            report.kept_checkpoints, report.older_checkpoints
        ),
    );
    if hashed.start > 0 {
        say(
            "not read",
            format!("entries before {}: an older checkpoint covers them", hashed.start),
        );
    }
    if *pruned > 0 {
        say(
            "not read",
            format!(
                "{pruned} entries that are gone since their time is over; their hashes are right"
            ),
        );
    }
    if report.waiting > 0 {
        say(
            "not proven",
            format!("{} entries in the journal: no checkpoint covers them yet", report.waiting),
        );
    }
    if report.is_torn {
        say("note", "the journal ends within an entry, which was never confirmed".to_owned());
    }
    if report.is_stale {
        say("note", "the file `checkpoint` is older than the newest in `checkpoints/`".to_owned());
    }
    if let Some((first, count)) = report.clock_went_back {
        say("note", format!("the clock went back {count} times, first at entry {first}"));
    }
    if report.older_checkpoints == 0 {
        say("note", "nothing from elsewhere was given (`--checkpoint`): a log that was cut or rewritten by its owner cannot be told".to_owned());
    }
    if trusts_own_keys {
        say("note", "the keys were those in the log's own folder".to_owned());
    }
    lines.join("\n")
}
