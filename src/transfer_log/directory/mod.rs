// SPDX-License-Identifier: Apache-2.0
//! A transfer log in a directory of its own, in the formats of C2SP tlog-tiles.
//!
//! | path | what it is |
//! | --- | --- |
//! | `journal/<first>.jsonl` | entries that are durable; they leave it when they are in the tree and settled |
//! | `tile/…` | the tree and its entries |
//! | `checkpoint`, `checkpoints/<size>` | what the log commits to, now and before |
//! | `announcements/<index>` | entries that announce a key and whose bundle is gone since its time is over |
//! | `keys` | the keys that checkpoints are verified with, a line each |
//! | `lock` | held by the process that writes |

mod recover;
#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::copies::{self, ContinuityError, Copies, CopySettings, Log, MirrorError};
use super::disk::{Disk, FileSystem};
use super::integrate::{IntegrateError, Integration, Pruner, Work};
use super::journal::{Journal, JournalError};
use super::note::SignerKey;
use super::progress::Progress;
use super::tile_files::{TileError, TileFiles};
use super::{BoxFuture, Entry, TransferLog, TransferLogError};
use crate::base::Clock;
use crate::telemetry::Metrics;
use crate::upstream::UpstreamSetupError;
pub use recover::{Identity, Recovered, recover};

/// When a file of the journal is full: small enough to go soon, large enough that a new
/// one is rare.
const MAX_SEGMENT_BYTES: u64 = 16 << 20;

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySettings {
    pub directory: PathBuf,
    /// The log's name in its checkpoints.
    pub origin: String,
    /// How often entries are taken into the tree.
    pub interval: Duration,
    /// How many entries may wait for that; with more, appends are refused.
    pub max_unintegrated: u64,
    /// How long entries are kept; for good if it is not said.
    pub retention: Option<Duration>,
    pub copies: CopySettings,
}

/// A log that appends to a journal, with one fsync for all that wait, and takes what is
/// there into a signed tree behind it.
#[derive(Debug)]
pub struct DirectoryLog {
    // In the order in which they end: what was appended is still integrated.
    journal: Journal,
    _integration: Integration,
    _copies: Copies,
    _lock: File,
    progress: Arc<Progress>,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{path}` of the transfer log cannot be read or written")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the transfer log `{directory}` is in use by another process; give every process a log of \
         its own"
    )]
    InUse { directory: PathBuf },
    #[error("the thread of the transfer log cannot be started")]
    Thread(#[source] io::Error),
    #[error("there is no key to sign the transfer log with")]
    NoKey,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Integrate(#[from] IntegrateError),
    #[error("`{path}` is not a checkpoint; bring back a copy of the log that verifies")]
    UnsoundCheckpoint { path: PathBuf },
    #[error(
        "`{path}` is of the log `{found}`, and `transfer_log.origin` is `{expected}`; a log keeps \
         its origin"
    )]
    OtherLog { path: PathBuf, found: String, expected: String },
    #[error(
        "`{path}` is not signed by a key of this keyset; bring back the keyset that belongs to the log"
    )]
    ForeignCheckpoint { path: PathBuf },
    #[error(
        "the transfer log `{directory}` has entries and no checkpoint; bring back a copy of the \
         log that verifies"
    )]
    NoCheckpoint { directory: PathBuf },
    #[error(
        "the transfer log `{directory}` was shortened: {signed} entries were signed for, {found} \
         are there; bring back a copy that has them"
    )]
    Shortened { directory: PathBuf, signed: u64, found: u64 },
    #[error(
        "entry {index} in the journal of the transfer log is not the one in its tree; keep the \
         directory as evidence and bring back a copy"
    )]
    Disagree { index: u64 },
    #[error("the mirror `{mirror}` of the transfer log cannot be used")]
    Mirror { mirror: String, source: MirrorError },
    #[error("a place for copies of checkpoints cannot be reached as it is configured")]
    Copies(#[from] UpstreamSetupError),
    #[error("the transfer log does not continue the checkpoint in `{place}`")]
    NotContinued { place: String, source: ContinuityError },
    #[error(
        "the tiles of the transfer log are not those of its checkpoint of {size} entries; keep the \
         directory as evidence and bring back a copy"
    )]
    OtherTree { size: u64 },
}

impl DirectoryLog {
    /// Opens a log, or makes one, in a folder that exists. `keys` are those that have
    /// signed its checkpoints, the one that signs from now on last.
    ///
    /// Reads the journal once, in constant memory. Blocks: call it on start.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(
        settings: &DirectorySettings,
        keys: Vec<SignerKey>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        let DirectorySettings { directory, origin, interval, max_unintegrated, retention, copies } =
            settings;
        let disk: Arc<dyn Disk> = Arc::new(FileSystem);
        let lock = lock(&*disk, directory)?;
        let kept = copies::fetch(copies).await?;
        let verifiers = keys.iter().map(|key| key.verifier().clone()).collect();
        let identity = Identity {
            directory: directory.clone(),
            origin: origin.clone(),
            keys,
            segment_bytes: MAX_SEGMENT_BYTES,
            kept,
        };
        let recovered = recover(&disk, identity, clock.now())?;
        let Recovered { writer, integrator, checkpoint } = recovered;
        let progress = Progress::new(writer.next(), integrator.size(), *max_unintegrated, metrics);
        let progress = Arc::new(progress);
        let (published, checkpoint) = watch::channel(checkpoint);
        let files = TileFiles::new(disk, directory);
        let copies = Copies::start(
            copies.clone(),
            Log {
                files: files.clone(),
                keys: verifiers,
                published: integrator.checkpoints(),
                checkpoint,
                progress: Arc::clone(&progress),
            },
        )
        .map_err(OpenError::Thread)?;
        let work = Work {
            integrator,
            pruner: retention.map(|retention| Pruner::new(retention, files)),
            clock: Arc::clone(&clock),
            progress: Arc::clone(&progress),
            published,
        };
        let integration = Integration::start(work, *interval).map_err(OpenError::Thread)?;
        let kept = Arc::clone(&progress);
        let journal = Journal::start(writer, clock, kept).map_err(OpenError::Thread)?;
        Ok(Self { journal, _integration: integration, _copies: copies, _lock: lock, progress })
    }

    /// How many entries are durable, now and whenever it is asked.
    pub fn durable(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let progress = Arc::clone(&self.progress);
        move || progress.durable()
    }
}

impl TransferLog for DirectoryLog {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), TransferLogError>> {
        Box::pin(self.journal.append(entries))
    }

    fn health(&self) -> Result<(), TransferLogError> {
        self.journal.health()
    }
}

fn lock(disk: &dyn Disk, directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("lock");
    let failed = |source| OpenError::Io { path: path.clone(), source };
    disk.make_folder(directory).map_err(failed)?;
    disk.create(&path).map_err(failed)?;
    let lock = File::open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
