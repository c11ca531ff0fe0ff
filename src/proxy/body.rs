// SPDX-License-Identifier: Apache-2.0
//! Reading bodies with a bound on size, time and total memory.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as HttpBody;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;

use crate::carrier::coding::{self, CodingError, ExpansionLimits};

use super::budget::{BufferBudget, Exhausted, Lease};
use super::spool::{Spool, SpoolError};

/// A body that leaves, to an upstream or a caller.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What a body that leaves is made of.
#[derive(Debug)]
pub enum Content {
    Whole(Bytes),
    Spooled(Spool),
}

impl Content {
    /// The bytes, if they are in memory.
    pub fn whole(&self) -> Option<&Bytes> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Spooled(_) => None,
        }
    }

    /// As a body that holds `lease` for as long as it is there.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn into_body(self, lease: Lease) -> Result<Body, SpoolError> {
        Ok(match self {
            Self::Whole(bytes) => leased(bytes, lease),
            Self::Spooled(spool) => spool.replay()?.boxed_unsync(),
        })
    }
}

/// A body that is in memory.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body whose share of the buffer budget is given back with the last of its bytes: the
/// connection holds them for as long as the caller does not take them.
fn leased(bytes: impl Into<Bytes>, lease: Lease) -> Body {
    whole(Bytes::from_owner(Leased { bytes: bytes.into(), _lease: lease }))
}

struct Leased {
    bytes: Bytes,
    _lease: Lease,
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Work on more bytes than this is done off the threads that serve other requests.
const LONG_WORK: usize = 256 * 1024;

/// Does `work` on so many bytes without holding up other requests.
pub fn work_on<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes > LONG_WORK { tokio::task::block_in_place(work) } else { work() }
}

/// As [`work_on`], for work that asks the vault in between.
pub async fn work_through<T>(bytes: usize, work: impl Future<Output = T>) -> T {
    if bytes > LONG_WORK {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
    } else {
        work.await
    }
}

/// Bounds on one body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    pub expansion: ExpansionLimits,
    /// Longest pause between two pieces.
    pub pause: Duration,
    /// When it must be complete.
    pub deadline: Option<Instant>,
}

/// A complete body without content coding, and its share of the buffer budget.
#[derive(Debug)]
pub struct Buffered {
    pub bytes: Bytes,
    pub lease: Lease,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    TooLarge,
    TimedOut,
    /// The sender broke off, or sent what is not a body.
    Broken,
    BudgetExhausted,
    Coding(CodingError),
}

impl From<CodingError> for BodyError {
    fn from(error: CodingError) -> Self {
        Self::Coding(error)
    }
}

impl From<Exhausted> for BodyError {
    fn from(_: Exhausted) -> Self {
        Self::BudgetExhausted
    }
}

/// Reads `body` to its end and takes its content coding off. Trailers are dropped.
///
/// # Errors
/// [`BodyError`]; what was read until then is dropped.
pub async fn read<B>(
    body: B,
    content_encoding: Option<&str>,
    limits: BodyLimits,
    budget: &BufferBudget,
) -> Result<Buffered, BodyError>
where
    B: HttpBody<Data = Bytes>,
{
    let mut lease = Lease::default();
    let raw = read_raw(body, limits, budget, &mut lease).await?;
    if raw.is_empty() {
        return Ok(Buffered { bytes: raw, lease });
    }
    let held = raw.len();
    let expanded = limits.expansion.allowed(held);
    if content_encoding.is_some() {
        budget.resize(&mut lease, held + expanded)?;
    }
    let work = if content_encoding.is_some() { expanded } else { 0 };
    let decode = || coding::decode(content_encoding, raw, limits.expansion);
    let bytes = work_on(work, decode)?;
    budget.resize(&mut lease, bytes.len())?;
    Ok(Buffered { bytes, lease })
}

async fn read_raw<B>(
    body: B,
    limits: BodyLimits,
    budget: &BufferBudget,
    lease: &mut Lease,
) -> Result<Bytes, BodyError>
where
    B: HttpBody<Data = Bytes>,
{
    let mut body = std::pin::pin!(body);
    let max_bytes = limits.expansion.max_bytes;
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut read = BytesMut::new();
    while let Some(data) = next_data(body.as_mut(), limits.pause, limits.deadline).await? {
        if data.len() > max_bytes - read.len() {
            return Err(BodyError::TooLarge);
        }
        budget.resize(lease, read.len() + data.len())?;
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// What comes next of a body.
pub(super) async fn next_data<B>(
    mut body: Pin<&mut B>,
    pause: Duration,
    deadline: Option<Instant>,
) -> Result<Option<Bytes>, BodyError>
where
    B: HttpBody<Data = Bytes>,
{
    let pause = Instant::now() + pause;
    let until = deadline.map_or(pause, |deadline| deadline.min(pause));
    loop {
        let frame = tokio::time::timeout_at(until, body.as_mut().frame()).await;
        let Some(frame) = frame.map_err(|_| BodyError::TimedOut)? else { return Ok(None) };
        if let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use http_body_util::BodyExt;

    use super::{LONG_WORK, leased, work_through};
    use crate::proxy::BufferBudget;
    use crate::proxy::budget::{Exhausted, Lease};
    use crate::telemetry::{Metrics, Place};

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn long_work_holds_no_other_request_up() {
        let is_served = Arc::new(AtomicBool::new(false));
        let work = {
            let is_served = Arc::clone(&is_served);
            async move {
                let begun = Instant::now();
                while !is_served.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(9)
                {
                    std::thread::yield_now();
                }
                is_served.load(Ordering::Relaxed)
            }
        };
        let long = tokio::spawn(work_through(LONG_WORK + 1, work));
        let other = tokio::spawn(async move { is_served.store(true, Ordering::Relaxed) });
        assert!(long.await.unwrap());
        other.await.unwrap();
    }

    #[tokio::test]
    async fn what_a_connection_still_holds_of_an_answer_is_counted() {
        let budget = BufferBudget::new(Place::Memory, 2048, Arc::new(Metrics::new().unwrap()));
        let mut lease = Lease::default();
        budget.resize(&mut lease, 2048).unwrap();
        let mut body = leased("an answer", lease);
        let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
        drop(body);
        let unwritten = bytes.slice(3..);
        drop(bytes);
        assert_eq!(unwritten, Bytes::from_static(b"answer"));
        assert_eq!(budget.resize(&mut Lease::default(), 1), Err(Exhausted));
        drop(unwritten);
        assert_eq!(budget.resize(&mut Lease::default(), 1), Ok(()));
    }
}
