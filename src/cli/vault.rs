// SPDX-License-Identifier: Apache-2.0

mod backup;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};

use crate::app::{Keysets, Stores, open_keysets};
use crate::config::{Config, VaultPlace};
use crate::quarantine::Quarantine;
use crate::sqlite::Database;
use crate::vault::{self, Verified};

use super::run::ended;
use super::{ConfigFile, print};
use backup::{Whole, may_replace};

/// Verify, back up and restore what holds the values of tokens
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
/// Also that rows of uploads open that were left out, and that pages and indexes of a file
/// are whole, as SQLite knows it. Reads all of it; the house may run meanwhile. Names the
/// first hundred tokens that are damaged, never values.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus vault verify
  zollhaus vault verify --file /backup/vault-2026-11-30")]
struct Verify {
    /// A backup of a file, in the place of the vault that the configuration names; needs room
    /// for a copy of it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    keys: SubjectKeys,
    #[command(flatten)]
    config: ConfigFile,
}

/// Write a copy of the vault to a new file, while the house runs
///
/// The copy holds one state: tokens, what is known of data subjects, and rows of uploads
/// that were left out. It opens under the same keys only, and they are not in it: keep the
/// keyset and the root key elsewhere. The keys of data subjects go to a file of their own,
/// which takes the place of the one before: an older one would open what was erased since.
/// It replaces no other file, and none with keys that this vault does not know.
/// A vault in PostgreSQL is backed up by its own tools.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  zollhaus vault backup /backup/vault-2026-11-30")]
struct Backup {
    /// The new file; one that exists is not replaced
    to: PathBuf,
    #[command(flatten)]
    keys: SubjectKeys,
    #[command(flatten)]
    config: ConfigFile,
}

/// Put a backup into the place of the vault
///
/// The house must not run, and no vault may be there: move it away first, with the files
/// beside it that end with `-wal` and `-shm`. The backup is verified before. With the newest
/// file of the keys of data subjects, what was erased after the backup stays erased.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  zollhaus vault restore /backup/vault-2026-11-30")]
struct Restore {
    /// The backup
    from: PathBuf,
    #[command(flatten)]
    keys: SubjectKeys,
    #[command(flatten)]
    config: ConfigFile,
}

/// Where the keys of data subjects are backed up.
#[derive(Debug, Args)]
struct SubjectKeys {
    /// The file of the keys of data subjects [default: `subject-keys` beside the backup]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl SubjectKeys {
    fn of(self, backup: &Path) -> PathBuf {
        self.keys.unwrap_or_else(|| backup.with_file_name("subject-keys"))
    }
}

impl Vault {
    pub fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Verify(Verify { file: None, keys, config }) => {
                ensure!(keys.keys.is_none(), "`--keys` goes with `--file`");
                let config = config.load()?.value;
                super::block_on(async move {
                    let place = &config.vault.place;
                    let damaged = || format!("`{place}` is damaged; restore a backup of it");
                    verify(&config, place, damaged).await
                })
            }
            Command::Verify(Verify { file: Some(file), keys, config }) => {
                let config = config.load()?.value;
                super::block_on(until_ended(async move {
                    Whole::of(&config, &file, &keys.of(&file)).await?.verify(&config).await
                }))
            }
            Command::Backup(Backup { to, keys, config }) => {
                let config = config.load()?.value;
                super::block_on(async move {
                    let keys = keys.of(&to);
                    ensure!(
                        !is_same(&keys, &to),
                        "the keys of data subjects need a file of their own"
                    );
                    let database = open(&config, file(&config)?)?;
                    is_free(&to)?;
                    may_replace(&database, &keys)?;
                    let failed = || format!("the copy `{}` cannot be made", to.display());
                    let copied = || vault::back_up(&database, &to, &keys);
                    tokio::task::block_in_place(copied).with_context(failed)?;
                    print::line(format_args!(
                        "backed up to {}, and the keys of data subjects to {}",
                        to.display(),
                        keys.display()
                    ))
                })
            }
            Command::Restore(Restore { from, keys, config }) => {
                let config = config.load()?.value;
                super::block_on(until_ended(async move {
                    let to = file(&config)?;
                    let _stopped = stopped(&config.transfer_log.directory)?;
                    is_free(to)?;
                    let whole = Whole::of(&config, &from, &keys.of(&from)).await?;
                    whole.verify(&config).await?;
                    copy(&open(&config, &whole.path)?, to)?;
                    print::line(format_args!("restored to {}", to.display()))
                }))
            }
        }
    }
}

/// The file that the vault is.
fn file(config: &Config) -> anyhow::Result<&Path> {
    match &config.vault.place {
        VaultPlace::Sqlite(path) => Ok(path),
        VaultPlace::Postgres(settings) => bail!(
            "the vault is in PostgreSQL ({settings}), which backs up and restores by its own tools: \
             `pg_dump --schema={schema}` and `pg_restore`, or a base backup with the write-ahead \
             log (docs/BACKUP.md)",
            schema = settings.schema
        ),
    }
}

fn open(config: &Config, path: &Path) -> anyhow::Result<Database> {
    ensure!(path.exists(), "there is no vault `{}`; `zollhaus run` makes one", path.display());
    Ok(Database::open_existing(path, &config.tenant)?)
}

/// Does some work, unless it is to end: what it leaves behind then goes, too.
async fn until_ended(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let ended = ended()?;
    tokio::select! {
        done = work => done,
        () = ended => bail!("stopped before it was done"),
    }
}

/// Keeps the house from running: it holds this lock while it does.
pub(super) fn stopped(log: &Path) -> anyhow::Result<Option<File>> {
    let Ok(lock) = File::open(log.join("lock")) else { return Ok(None) };
    let is_free = lock.try_lock().is_ok();
    ensure!(is_free, "the house runs: its transfer log `{}` is in use", log.display());
    Ok(Some(lock))
}

/// The files that a database is.
fn files(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|beside| {
        let mut path = path.as_os_str().to_owned();
        path.push(beside);
        path.into()
    })
}

fn is_free(path: &Path) -> anyhow::Result<()> {
    for path in files(path) {
        ensure!(!path.exists(), "`{}` is there already; nothing is replaced", path.display());
    }
    Ok(())
}

/// Whether two names are those of one file, be it there or not.
fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    one == other || whole(one).is_some_and(|one| Some(one) == whole(other))
}

fn copy(database: &Database, to: &Path) -> anyhow::Result<()> {
    let failed = || format!("the copy `{}` cannot be made", to.display());
    tokio::task::block_in_place(|| database.copy_to(to, &[])).with_context(failed)
}

/// `damaged` says what is wrong where something is.
async fn verify(
    config: &Config,
    place: &VaultPlace,
    damaged: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let Keysets { house: keyset, jurisdictions } = open_keysets(config)?;
    let stores = match place {
        VaultPlace::Sqlite(path) => {
            let database = open(config, path)?;
            tokio::task::block_in_place(|| database.verify())?;
            Stores::in_file(&database)?
        }
        VaultPlace::Postgres(_) => Stores::open_existing(place, &config.tenant).await?,
    };
    let vault = vault::Vault::new(stores.tokens, &keyset).with_jurisdictions(&jurisdictions);
    let mut progress = print::Progress::new("tokens", vault.count().await?);
    let Verified { tokens, damaged: rows, closed } = vault.verify(|done| progress.at(done)).await?;
    drop(progress);
    for (jurisdiction, copies) in &closed {
        print::line(format_args!(
            "{copies} values of jurisdiction `{jurisdiction}` stay closed: its keyset is not at hand"
        ))?;
    }
    let other = jurisdictions.iter().map(|it| &it.jurisdiction).find(|it| closed.contains_key(*it));
    if let Some(of) = other {
        bail!(
            "the keyset of `{of}` that `keys.jurisdictions` names does not open what is kept under \
             it: it is another one, or lacks a version"
        );
    }
    for (token, damage) in &rows {
        print::line(format_args!("{token}  {damage}"))?;
    }
    ensure!(rows.is_empty(), damaged());
    let rows = Quarantine::new(stores.quarantine, &keyset).verify().await?;
    let but = if closed.is_empty() { "" } else { " but for the values that stay closed" };
    print::line(format_args!("verified: {tokens} tokens{but}, {rows} uploads with rows left out"))
}
