// SPDX-License-Identifier: Apache-2.0
//! Entries to where companies look: syslog, files, OpenTelemetry collectors.
//!
//! Each stream is a task that follows the log: it reads entries behind its
//! cursor, hands them to its sink in batches, and moves the cursor
//! durably when the sink has taken them. Nothing is queued in memory, so nothing is
//! lost when the process or the sink stops, and appends never wait for a sink.
//!
//! Invariants:
//! - Every entry arrives at least once, in the order of the log; after an outage some
//!   arrive again. The exceptions: UDP loses datagrams without telling; what a collector
//!   rejects for good, and what retention takes out of the log before a sink has taken
//!   it, is counted as a [`Loss`].
//! - What bounds a stream is `max_lag`, in entries. Beyond it the stream is named as
//!   not ready, and with [`OnLag::Refuse`] nothing is transferred any more.
//!
//! What "taken" means: a collector answered with success; a file is synced; a syslog
//! server that reads over TCP or TLS has closed the connection after us, which it does
//! only when it has read to the end. UDP: the datagram left.

mod cef;
mod collector;
mod config;
mod cursor;
mod directory;
mod event;
mod file;
mod follow;
mod guard;
mod otlp;
mod progress;
mod rfc5424;
mod sink;
mod syslog;
mod tail;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use smol_str::SmolStr;
use tokio::task::JoinSet;

pub use config::{Destination, Format, OnLag, StreamConfig, Syslog};
pub use directory::DirectoryTail;
pub use guard::GuardedLog;
pub use tail::{Tail, TailError};

use crate::base::InstanceName;
use crate::upstream::UpstreamSetupError;

use super::{TransferLog, TransferLogError};
use cursor::Cursor;
use follow::{Follower, Pace};
use progress::Progress;
use sink::Sink;

/// Whose log it is.
#[derive(Clone, Debug)]
pub struct Source {
    /// The log's name, by which its checkpoints are known: `acme.example/one`.
    pub origin: SmolStr,
    pub instance: InstanceName,
}

/// Where streams report what is measured.
pub trait Meter: Send + Sync {
    /// So many entries are durable that the sink has not taken yet.
    fn stream_lag(&self, stream: &str, entries: u64);
    /// The sink did not take a batch; it will be tried again.
    fn stream_failed(&self, stream: &str);
    /// The sink will never have so many entries.
    fn stream_lost(&self, stream: &str, entries: u64, why: Loss);
}

/// Why a sink never has an entry. The log has it, or has had it for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// A collector rejected it for good.
    Rejected,
    /// Its time in the log was over before the sink took it.
    Expired,
}

impl Loss {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// Why streams cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StreamSetupError {
    #[error("stream `{stream}`")]
    Client { stream: SmolStr, source: UpstreamSetupError },
    #[error("stream `{stream}`: `{host}` is not a name that a certificate can have")]
    Host { stream: SmolStr, host: String },
    #[error("stream `{stream}`: the cursor `{path}` cannot be used: {problem}")]
    Cursor { stream: SmolStr, path: PathBuf, problem: String },
}

/// The running streams. Dropping them stops them where they are; they go on from
/// there when they are started again.
#[derive(Debug)]
pub struct Streams {
    progress: Arc<Progress>,
    _tasks: JoinSet<()>,
}

/// Starts a task for each stream. Their cursors are files in the folder `cursors`,
/// named after the streams. Must be called within a runtime; blocks to read the files.
///
/// # Errors
/// [`StreamSetupError`]: the first stream that cannot be set up. None is started then.
pub fn start(
    streams: &[StreamConfig],
    cursors: &std::path::Path,
    source: &Source,
    tail: &Arc<dyn Tail>,
    meter: &Arc<dyn Meter>,
) -> Result<Streams, StreamSetupError> {
    start_at(streams, cursors, source, tail, meter, Pace::default())
}

fn start_at(
    streams: &[StreamConfig],
    cursors: &std::path::Path,
    source: &Source,
    tail: &Arc<dyn Tail>,
    meter: &Arc<dyn Meter>,
    pace: Pace,
) -> Result<Streams, StreamSetupError> {
    let mut opened = Vec::new();
    for config in streams {
        let path = cursors.join(format!("{}.cursor", config.name));
        let cursor = Cursor::open(path.clone(), &source.origin).map_err(|problem| {
            StreamSetupError::Cursor { stream: config.name.clone(), path, problem }
        })?;
        opened.push((Sink::new(config, source)?, cursor));
    }
    let starts = opened.iter().map(|(_, cursor)| cursor.next());
    let progress =
        Arc::new(Progress::new(streams.iter().zip(starts), Arc::clone(tail), Arc::clone(meter)));
    let mut tasks = JoinSet::new();
    for (at, (sink, cursor)) in opened.into_iter().enumerate() {
        let progress = Arc::clone(&progress);
        let follower = Follower { at, sink, cursor, tail: Arc::clone(tail), progress, pace };
        tasks.spawn(follower.run());
    }
    Ok(Streams { progress, _tasks: tasks })
}

impl Streams {
    /// Whether every stream keeps within its `max_lag`.
    ///
    /// # Errors
    /// What to tell the operator: which stream lags, by how much, and why.
    pub fn health(&self) -> Result<(), String> {
        self.progress.health()
    }

    /// The same log, which refuses transfers while a stream lags that is configured
    /// with [`OnLag::Refuse`]. Outcomes and refusals are always taken.
    pub fn guard(&self, log: Arc<dyn TransferLog>) -> GuardedLog {
        GuardedLog::new(log, Arc::clone(&self.progress))
    }
}
