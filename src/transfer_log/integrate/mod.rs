// SPDX-License-Identifier: Apache-2.0
//! From the journal into the tree: tiles, entry bundles, and the signed checkpoint.
//!
//! A thread of its own takes in, at every interval, what has become durable in the
//! journal. Requests never wait for it; if it falls behind by more than the
//! bound in [`Progress`], they are refused.
//!
//! Invariants:
//! - A checkpoint is signed only for what was read back from the disk, and only after
//!   all its tiles are durable. Two for one size are the same tree.
//! - No file that a published checkpoint needs is ever written again. What a crash
//!   leaves of a tree that was not published is written anew from the journal.

mod checkpoints;
mod integrator;
mod prune;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

pub use checkpoints::Checkpoints;
pub use integrator::{Integrator, Parts, Signers, Tree};
pub use prune::Pruner;

use super::note::{NoteError, SignedNote};
use super::progress::Progress;
use super::tile::EntryTooLong;
use super::tile_files::TileError;
use crate::base::Clock;

/// Why entries are not in the tree yet. They stay in the journal.
#[derive(Debug, thiserror::Error)]
pub enum IntegrateError {
    #[error("the journal cannot be read")]
    Journal(#[source] io::Error),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Entry(EntryTooLong),
    #[error("the tiles do not make up the tree that was written; their disk is at fault")]
    NotAsWritten,
    #[error("the checkpoint cannot be signed")]
    Sign(#[source] NoteError),
    #[error("the checkpoint cannot be written")]
    Publish(#[source] io::Error),
}

/// The thread that integrates.
#[derive(Debug)]
pub struct Integration {
    /// Dropping it ends the thread.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works on.
pub struct Work {
    pub integrator: Integrator,
    pub pruner: Option<Pruner>,
    pub clock: Arc<dyn Clock>,
    pub progress: Arc<Progress>,
    /// Gets each checkpoint that is published.
    pub published: watch::Sender<SignedNote>,
}

impl Integration {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut work: Work, interval: Duration) -> io::Result<Self> {
        work.progress.metrics().transfer_log_checkpoint(work.clock.now());
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("transfer-log-tree".to_owned());
        let thread = thread.spawn(move || {
            let mut is_well = true;
            loop {
                let end = stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout);
                let result = work.step();
                if result.is_err() {
                    work.progress.metrics().transfer_log_integration_failed();
                }
                tell(&mut is_well, &result);
                if end {
                    return;
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

/// Takes in what is left in the journal.
impl Drop for Integration {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; what it did not do is done at the next start.
            let _ = thread.join();
        }
    }
}

impl Work {
    fn step(&mut self) -> Result<(), IntegrateError> {
        let durable = self.progress.durable();
        if durable > self.integrator.size() {
            let checkpoint = self.integrator.integrate(durable)?;
            self.progress.set_integrated(durable);
            self.progress.metrics().transfer_log_checkpoint(self.clock.now());
            self.published.send_replace(checkpoint);
            self.integrator.tidy()?;
        }
        if let Some(pruner) = &mut self.pruner {
            pruner.prune(self.integrator.size(), self.clock.now())?;
        }
        Ok(())
    }
}

fn tell(is_well: &mut bool, result: &Result<(), IntegrateError>) {
    match (*is_well, result) {
        (true, Err(error)) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, cause, "entries wait in the journal until they can be integrated");
        }
        (false, Ok(())) => tracing::info!("entries are integrated again"),
        (true, Ok(())) | (false, Err(_)) => {}
    }
    *is_well = result.is_ok();
}
