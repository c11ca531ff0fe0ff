// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use smol_str::SmolStr;

use super::{Loss, Meter, OnLag, StreamConfig, Tail, TransferLogError};

/// How far each stream has come, for those who ask and those who must not go on.
pub(super) struct Progress {
    streams: Vec<Stream>,
    tail: Arc<dyn Tail>,
    meter: Arc<dyn Meter>,
}

struct Stream {
    name: SmolStr,
    max_lag: u64,
    on_lag: OnLag,
    /// The first entry that its sink has not taken.
    next: AtomicU64,
    /// Why the last try did not succeed.
    problem: Mutex<Option<String>>,
}

impl Progress {
    pub fn new<'c>(
        streams: impl Iterator<Item = (&'c StreamConfig, u64)>,
        tail: Arc<dyn Tail>,
        meter: Arc<dyn Meter>,
    ) -> Self {
        let streams = streams.map(|(config, next)| Stream {
            name: config.name.clone(),
            max_lag: config.max_lag,
            on_lag: config.on_lag,
            next: AtomicU64::new(next),
            problem: Mutex::default(),
        });
        let progress = Self { streams: streams.collect(), tail, meter };
        progress.measure();
        progress
    }

    /// The sink of a stream has taken everything before `next`.
    pub fn taken(&self, at: usize, next: u64) {
        let Some(stream) = self.streams.get(at) else { return };
        stream.next.store(next, Ordering::Release);
        if stream.set_problem(None).is_some() {
            tracing::info!(stream = %stream.name, "the stream delivers again");
        }
        self.meter.stream_lag(&stream.name, self.lag(stream));
    }

    /// A try did not succeed.
    pub fn failed(&self, at: usize, problem: &dyn fmt::Display) {
        let Some(stream) = self.streams.get(at) else { return };
        let problem = problem.to_string();
        if stream.set_problem(Some(problem.clone())).is_none() {
            tracing::error!(stream = %stream.name, problem, "the stream is tried again until it delivers");
        }
        self.meter.stream_failed(&stream.name);
        self.meter.stream_lag(&stream.name, self.lag(stream));
    }

    /// The sink of a stream will never have so many entries.
    pub fn lost(&self, at: usize, entries: u64, why: Loss) {
        let Some(stream) = self.streams.get(at) else { return };
        tracing::error!(stream = %stream.name, entries, why = why.as_str(), "the stream's sink will never have these entries");
        self.meter.stream_lost(&stream.name, entries, why);
    }

    /// Reports the lag of every stream: after the log has grown.
    pub fn measure(&self) {
        for stream in &self.streams {
            self.meter.stream_lag(&stream.name, self.lag(stream));
        }
    }

    /// # Errors
    /// Every stream that lags too far, in one line each.
    pub fn health(&self) -> Result<(), String> {
        let lagging: Vec<_> =
            self.streams.iter().filter_map(|stream| self.lagging(stream)).collect();
        if lagging.is_empty() { Ok(()) } else { Err(lagging.join("; ")) }
    }

    /// # Errors
    /// The first stream that lags too far and is to stop transfers then.
    pub fn permit_transfers(&self) -> Result<(), TransferLogError> {
        let mut strict = self.streams.iter().filter(|stream| stream.on_lag == OnLag::Refuse);
        match strict.find_map(|stream| self.lagging(stream)) {
            Some(problem) => Err(TransferLogError::Unavailable(problem)),
            None => Ok(()),
        }
    }

    fn lag(&self, stream: &Stream) -> u64 {
        self.tail.size().saturating_sub(stream.next.load(Ordering::Acquire))
    }

    fn lagging(&self, stream: &Stream) -> Option<String> {
        let (lag, max_lag) = (self.lag(stream), stream.max_lag);
        (lag > max_lag).then(|| {
            let problem = stream.problem.lock().unwrap_or_else(PoisonError::into_inner);
            let problem = problem.as_deref().unwrap_or("its sink is slower than the log grows");
            format!("stream `{}` is {lag} entries behind, {max_lag} may be: {problem}", stream.name)
        })
    }
}

impl Stream {
    fn set_problem(&self, problem: Option<String>) -> Option<String> {
        let mut place = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, problem)
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.streams.iter().map(|stream| &stream.name);
        f.debug_list().entries(names).finish()
    }
}
