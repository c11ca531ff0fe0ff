// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::app::open_keyset;
use crate::config::Config;
use crate::quarantine::Quarantine;
use crate::sqlite::Database;
use crate::vault::{self, SqliteStore, Verified};

use super::{ConfigFile, print};

/// Verify, back up and restore the file that holds the values of tokens
#[derive(Debug, Args)]
pub struct Vault {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Verify),
    Backup(Backup),
    Restore(Restore),
}

/// Check that every token opens under the keys, and is found by its value
///
/// Also that rows of uploads open that were left out, and that pages and indexes are whole,
/// as SQLite knows it. Reads the whole file; the house may run meanwhile. Names the first
/// hundred tokens that are damaged, never values.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus vault verify
  zollhaus vault verify --file /backup/vault-2026-11-30")]
struct Verify {
    /// A backup, in the place of the vault that the configuration names
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Write a copy of the vault to a new file, while the house runs
///
/// The copy holds one state: tokens, what is known of data subjects, and rows of uploads
/// that were left out. It opens under the same keys only, and they are not in it: keep the
/// keyset and the root key elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  zollhaus vault backup /backup/vault-2026-11-30")]
struct Backup {
    /// The new file; one that exists is not replaced
    to: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// Put a backup into the place of the vault
///
/// The house must not run, and no vault may be there: move it away first, with the files
/// beside it that end with `-wal` and `-shm`. The backup is verified before.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  zollhaus vault restore /backup/vault-2026-11-30")]
struct Restore {
    /// The backup
    from: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

impl Vault {
    pub fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Verify(Verify { file, config }) => {
                let config = config.load()?.value;
                let path = file.unwrap_or_else(|| config.vault.sqlite.clone());
                super::block_on(async move { verify(&config, &path).await })
            }
            Command::Backup(Backup { to, config }) => {
                let config = config.load()?.value;
                super::block_on(async move {
                    back_up(&open(&config, &config.vault.sqlite)?, &to)?;
                    print::line(format_args!("backed up to {}", to.display()))
                })
            }
            Command::Restore(Restore { from, config }) => {
                let config = config.load()?.value;
                super::block_on(async move {
                    let to = &config.vault.sqlite;
                    let _stopped = stopped(&config.transfer_log.directory)?;
                    verify(&config, &from).await?;
                    back_up(&open(&config, &from)?, to)?;
                    print::line(format_args!("restored to {}", to.display()))
                })
            }
        }
    }
}

fn open(config: &Config, path: &Path) -> anyhow::Result<Database> {
    ensure!(path.exists(), "there is no vault `{}`; `zollhaus run` makes one", path.display());
    Ok(Database::open_existing(path, &config.tenant)?)
}

/// Keeps the house from running: it holds this lock while it does.
fn stopped(log: &Path) -> anyhow::Result<Option<File>> {
    let Ok(lock) = File::open(log.join("lock")) else { return Ok(None) };
    let is_free = lock.try_lock().is_ok();
    ensure!(is_free, "the house runs: its transfer log `{}` is in use", log.display());
    Ok(Some(lock))
}

fn back_up(database: &Database, to: &Path) -> anyhow::Result<()> {
    for beside in ["", "-wal", "-shm", "-journal"] {
        let mut path = to.as_os_str().to_owned();
        path.push(beside);
        let path = PathBuf::from(path);
        ensure!(!path.exists(), "`{}` is there already; nothing is replaced", path.display());
    }
    let failed = || format!("the copy `{}` cannot be made", to.display());
    tokio::task::block_in_place(|| database.copy_to(to)).with_context(failed)
}

async fn verify(config: &Config, path: &Path) -> anyhow::Result<()> {
    let keyset = open_keyset(config)?;
    let database = open(config, path)?;
    tokio::task::block_in_place(|| database.verify())?;
    let store = SqliteStore::new(&database)?;
    let vault = vault::Vault::new(Arc::new(store), &keyset);
    let mut progress = print::Progress::new("tokens", vault.count().await?);
    let Verified { tokens, damaged } = vault.verify(|done| progress.at(done)).await?;
    drop(progress);
    for (token, damage) in &damaged {
        print::line(format_args!("{token}  {damage}"))?;
    }
    ensure!(damaged.is_empty(), "`{}` is damaged; restore a backup of it", path.display());
    let rows = Quarantine::new(&database, &keyset)?.verify().await?;
    print::line(format_args!("verified: {tokens} tokens, {rows} uploads with rows left out"))
}
