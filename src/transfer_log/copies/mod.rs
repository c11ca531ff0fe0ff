// SPDX-License-Identifier: Apache-2.0
//! Checkpoints leave the machine: to mirrors, and to witnesses that sign them.
//!
//! Whoever holds the directory and the key can rewrite the whole log; only a checkpoint
//! elsewhere shows it. What a mirror holds is compared at the start, and a directory
//! that does not continue it is not used. It is compared again before anything is
//! brought there: a second process may run on a copy of the directory. Nothing here is
//! waited for: entries are appended and integrated whether a mirror or witness answers
//! or not. Only at the end the last checkpoint has [`FAREWELL`] to get there.

mod continuity;
mod mirror;
mod remote;
#[cfg(test)]
mod tests;
mod witness;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;

pub use continuity::{ContinuityError, check_continuity};
pub use mirror::{MirrorError, MirrorSettings};
pub use remote::RemoteSettings;
pub use witness::WitnessSettings;

use super::Checkpoint;
use super::directory::OpenError;
use super::integrate::Checkpoints;
use super::note::{SignedNote, VerifierKey};
use super::progress::Progress;
use super::tile_files::TileFiles;
use crate::upstream::UpstreamSetupError;
use mirror::Mirror;
use witness::Witness;

/// How long after a failure it is tried again, unless there is a newer checkpoint.
const RETRY: Duration = Duration::from_secs(10);

/// How long the end may wait for the last checkpoint to arrive.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where checkpoints go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopySettings {
    pub mirrors: Vec<MirrorSettings>,
    pub witnesses: Vec<WitnessSettings>,
    /// How many witnesses are enough.
    pub required_witnesses: usize,
}

/// The log whose checkpoints are copied.
pub struct Log {
    pub files: TileFiles,
    pub keys: Vec<VerifierKey>,
    pub published: Arc<Mutex<Checkpoints>>,
    /// The checkpoint that was published last.
    pub checkpoint: watch::Receiver<SignedNote>,
    pub progress: Arc<Progress>,
}

/// What the mirrors hold, with their names. One that cannot be reached now is left
/// out: it is compared before anything is brought there.
pub async fn fetch(settings: &CopySettings) -> Result<Vec<(String, SignedNote)>, OpenError> {
    let mut kept = Vec::new();
    for settings in &settings.mirrors {
        let mirror = Mirror::new(settings)?;
        match mirror.fetch().await {
            Ok(note) => kept.extend(note.map(|note| (mirror.name().to_owned(), note))),
            Err(MirrorError::Remote(error)) => {
                tracing::warn!(mirror = mirror.name(), %error, "the mirror cannot be asked for its checkpoint; it will be before it gets another");
            }
            Err(source) => {
                return Err(OpenError::Mirror { mirror: mirror.name().to_owned(), source });
            }
        }
    }
    Ok(kept)
}

/// The thread that brings checkpoints to other places.
#[derive(Debug)]
pub struct Copies(Option<JoinHandle<()>>);

impl Copies {
    /// It ends when no more checkpoints can come and the last one has been tried once,
    /// within [`FAREWELL`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(settings: CopySettings, log: Log) -> io::Result<Self> {
        if settings.mirrors.is_empty() && settings.witnesses.is_empty() {
            return Ok(Self(None));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("transfer-log-copies".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async {
                // Made when the log was opened; they cannot fail now.
                if let Ok(courier) = Courier::new(&settings, log) {
                    let closed = closed(courier.log.checkpoint.clone());
                    tokio::select! {
                        () = closed => {}
                        () = courier.run() => {}
                    }
                }
            });
        })?;
        Ok(Self(Some(thread)))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic of the thread has been printed.
            let _ = thread.join();
        }
    }
}

async fn closed(mut checkpoint: watch::Receiver<SignedNote>) {
    while checkpoint.changed().await.is_ok() {}
    tokio::time::sleep(FAREWELL).await;
}

struct Courier {
    mirrors: Vec<Mirror>,
    witnesses: Vec<Witness>,
    required_witnesses: usize,
    log: Log,
}

impl Courier {
    fn new(settings: &CopySettings, log: Log) -> Result<Self, UpstreamSetupError> {
        Ok(Self {
            mirrors: settings.mirrors.iter().map(Mirror::new).collect::<Result<_, _>>()?,
            witnesses: settings.witnesses.iter().map(Witness::new).collect::<Result<_, _>>()?,
            required_witnesses: settings.required_witnesses,
            log,
        })
    }

    async fn run(mut self) {
        loop {
            let note = self.log.checkpoint.borrow_and_update().clone();
            let is_done = match note.text().parse() {
                Ok(checkpoint) => self.copy(&note, &checkpoint).await,
                // We have written it ourselves.
                Err(_) => true,
            };
            let changed = self.log.checkpoint.changed();
            let waited = if is_done {
                changed.await
            } else {
                // After the pause, the same again.
                tokio::time::timeout(RETRY, changed).await.unwrap_or(Ok(()))
            };
            if waited.is_err() {
                return;
            }
        }
    }

    /// Whether it is everywhere.
    async fn copy(&mut self, note: &SignedNote, checkpoint: &Checkpoint) -> bool {
        let Self { mirrors, witnesses, required_witnesses, log } = self;
        let log = &*log;
        let mirrored = join_all(mirrors.iter().map(|mirror| bring(mirror, note, checkpoint, log)));
        let witnessed = witness(witnesses, *required_witnesses, note, checkpoint, log);
        let (mirrored, witnessed) = tokio::join!(mirrored, witnessed);
        witnessed && mirrored.into_iter().all(|is_done| is_done)
    }
}

/// Whether the mirror has the checkpoint now.
async fn bring(mirror: &Mirror, note: &SignedNote, checkpoint: &Checkpoint, log: &Log) -> bool {
    let metrics = log.progress.metrics();
    let name = mirror.name();
    let stored = async {
        if let Some(kept) = mirror.fetch().await? {
            match check_continuity(&log.files, checkpoint, &log.keys, &kept) {
                Ok(()) => {}
                Err(ContinuityError::Tile(error)) => return Err(error.into()),
                // It shows nothing of this log: whoever can write there must not be able
                // to stop the house. A start refuses it.
                Err(ContinuityError::Foreign) => return Err(MirrorError::Foreign),
                Err(error) => {
                    let reason =
                        format!("it does not continue the checkpoint in `{name}`: {error}");
                    log.progress.halt(reason);
                    return Err(MirrorError::NotContinued);
                }
            }
        }
        mirror.store(note).await
    };
    let result = stored.await;
    metrics.transfer_log_mirror(name, result.is_ok().then_some(checkpoint.size));
    if let Err(error) = &result {
        tracing::warn!(mirror = name, %error, "the checkpoint could not be brought to a mirror");
    }
    result.is_ok()
}

/// Asks every witness. Whether all have signed.
async fn witness(
    witnesses: &mut [Witness],
    required: usize,
    note: &SignedNote,
    checkpoint: &Checkpoint,
    log: &Log,
) -> bool {
    let asked = witnesses.iter_mut().map(async |witness| {
        let signed = witness.cosign(&log.files, note, checkpoint).await;
        if let Err(error) = &signed {
            log.progress.metrics().transfer_log_witness_failed(witness.name());
            tracing::warn!(witness = witness.name(), %error, "a witness has not signed the checkpoint");
        }
        signed.ok()
    });
    let asked = join_all(asked).await;
    let signed: Vec<_> = asked.iter().flatten().collect();
    if signed.is_empty() {
        return asked.is_empty();
    }
    let mut cosigned = note.clone();
    signed.iter().copied().flatten().for_each(|signature| cosigned.push(signature.clone()));
    let published = log.published.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = published.cosigned(checkpoint.size, &cosigned) {
        tracing::warn!(%error, "the signatures of witnesses could not be written");
        return false;
    }
    if signed.len() >= required {
        log.progress.metrics().transfer_log_witnessed(checkpoint.size);
    }
    signed.len() == asked.len()
}
