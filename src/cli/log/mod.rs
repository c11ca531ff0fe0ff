// SPDX-License-Identifier: Apache-2.0
//! The commands about the transfer log. They read its folder, be it the one in use
//! or a copy, and never write to it.

mod export;
mod follow;
mod prove;
mod row;
mod select;
mod show;
mod sum;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::config::Config;
use crate::transfer_log::note::VerifierKey;
use crate::transfer_log::read::{EntryError, LogDirectory, parse_entry};

use super::print;
use row::Row;

/// Read, verify and export the transfer log
///
/// Exits with 0 when all is well, 1 when something does not verify, 2 when the log
/// cannot be read or the command line is wrong, and 3 when the log has entries of a
/// version that this program does not know.
#[derive(Debug, Args)]
pub struct Log {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Show),
    Follow(follow::Follow),
    Verify(verify::Verify),
    Prove(prove::Prove),
    Export(export::Export),
}

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Sound = 0,
    NotVerified = 1,
    Unsupported = 3,
}

const UNREADABLE: u8 = 2;

impl Log {
    pub fn execute(self) -> ExitCode {
        let found = match self.command {
            Command::Show(show) => show.execute(),
            Command::Follow(follow) => follow.execute(),
            Command::Verify(verify) => verify.execute(),
            Command::Prove(prove) => prove.execute(),
            Command::Export(export) => export.execute(),
        };
        found.map_or_else(
            |error| {
                print::error(&error);
                UNREADABLE.into()
            },
            |found| ExitCode::from(found as u8),
        )
    }
}

/// Which log a command is about.
#[derive(Debug, Args)]
struct Place {
    /// The configuration that names the log
    #[arg(long, value_name = "FILE", default_value = "zollhaus.yaml")]
    config: PathBuf,
    /// The folder of the log itself, such as a copy; needs no configuration
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    directory: Option<PathBuf>,
}

impl Place {
    fn open(&self) -> anyhow::Result<LogDirectory> {
        let path = match &self.directory {
            Some(path) => path.clone(),
            None => Config::load(&self.config)?.value.transfer_log.directory,
        };
        Ok(LogDirectory::open(&path)?)
    }
}

/// Whose signatures count.
#[derive(Debug, Args)]
struct Trust {
    /// A key of the log, as its owner published it: `name+hash+key`; give it again for
    /// more than one
    #[arg(long = "key", value_name = "VKEY")]
    keys: Vec<VerifierKey>,
    /// The name of the log; if none is given, that of the first key
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// A witness that must have signed the checkpoint too; give it again for more
    #[arg(long = "witness", value_name = "VKEY")]
    witnesses: Vec<VerifierKey>,
}

impl Trust {
    fn origin(&self) -> anyhow::Result<&str> {
        let first = self.keys.first().map(VerifierKey::name);
        self.origin.as_deref().or(first).context("a key of the log is needed: give `--key`")
    }
}

/// One line about an entry: for a person, or the entry itself for a program.
fn line(index: u64, entry: &[u8], is_json: bool) -> anyhow::Result<String> {
    Ok(match parse_entry(entry) {
        Err(EntryError::NotAnEntry) => anyhow::bail!("entry {index} of the log is not an entry"),
        _ if is_json => format!(r#"{{"index":{index},"entry":{}}}"#, str::from_utf8(entry)?),
        Ok(entry) => Row::new(index, &entry).to_string(),
        Err(error) => format!("{index:>8}  {error}"),
    })
}

#[cfg(test)]
mod tests;
