// SPDX-License-Identifier: Apache-2.0
//! Whether a connection earns its place: seen from its bytes and its requests,
//! independent of the protocol.
//!
//! hyper's own `header_read_timeout` is not used: its clock starts when the
//! connection falls idle, so one value would have to serve as header time-out
//! and as idle time-out, and it does not cover the bytes by which the protocol
//! is told.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::ConnectionLimits;

/// What a connection is doing.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    state: Arc<watch::Sender<State>>,
    header_timeout: Duration,
    idle_timeout: Duration,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Requests that have no answer yet.
    requests_in_flight: usize,
    /// Answers that the other end has not taken as a whole, and how many parts of answers
    /// it has taken so far: HTTP/2 asks for a part only when there is room for it.
    answers: usize,
    taken: u64,
    /// Bytes of a request have come, but not yet its whole header.
    header_began: bool,
    /// On HTTP/2 bytes come between requests too (pings, window updates).
    is_h2: bool,
    /// The other end does not take the bytes we have for it.
    is_stuck: bool,
}

impl Traffic {
    /// The traffic of a new connection, whose first request is expected at once.
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        let state = State {
            requests_in_flight: 0,
            answers: 0,
            taken: 0,
            header_began: true,
            is_h2: false,
            is_stuck: false,
        };
        Self {
            state: Arc::new(watch::Sender::new(state)),
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
        }
    }

    /// Counts a request until what is returned is dropped.
    pub(super) fn begin(&self, version: http::Version) -> InFlight {
        self.state.send_modify(|state| {
            state.requests_in_flight += 1;
            state.header_began = false;
            state.is_h2 = version == http::Version::HTTP_2;
        });
        InFlight { traffic: self.clone(), is_answered: false }
    }

    /// Returns once the connection has been without a request for too long, or
    /// has taken no byte of its answers for as long as it might have been idle.
    pub(super) async fn exhausted(&self) {
        let mut changes = self.state.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            let patience = match state {
                State { is_stuck: true, .. } => self.idle_timeout,
                State { requests_in_flight: 1.., .. } => Duration::MAX,
                State { answers: 1.., .. } => self.idle_timeout,
                State { header_began: true, .. } => self.header_timeout,
                State { .. } => self.idle_timeout,
            };
            if tokio::time::timeout(patience, changes.changed()).await.is_err() {
                return;
            }
        }
    }

    fn written<T>(&self, polled: &Poll<T>) {
        self.state.send_if_modified(|state| {
            let was_stuck = std::mem::replace(&mut state.is_stuck, polled.is_pending());
            was_stuck != state.is_stuck
        });
    }

    fn bytes_came(&self) {
        self.state.send_if_modified(|state| {
            let begins = state.requests_in_flight == 0 && !state.is_h2 && !state.header_began;
            state.header_began |= begins;
            begins
        });
    }
}

/// A request until its answer is taken.
#[derive(Debug)]
pub(super) struct InFlight {
    traffic: Traffic,
    is_answered: bool,
}

impl InFlight {
    /// The answer is there as a whole: now the other end has to take it.
    pub(super) fn answered(mut self) -> Self {
        self.is_answered = true;
        self.traffic.state.send_modify(|state| {
            state.requests_in_flight -= 1;
            state.answers += 1;
        });
        self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.traffic.state.send_modify(|state| {
            let count =
                if self.is_answered { &mut state.answers } else { &mut state.requests_in_flight };
            *count -= 1;
        });
    }
}

/// A connection that tells its [`Traffic`] when bytes come and go.
#[derive(Debug)]
pub(super) struct Observed<T> {
    pub(super) io: T,
    pub(super) traffic: Traffic,
}

impl<T: AsyncRead + Unpin> AsyncRead for Observed<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.io).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.traffic.bytes_came();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Observed<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(context, bytes);
        this.traffic.written(&polled);
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_flush(context);
        this.traffic.written(&polled);
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write_vectored(context, buffers);
        this.traffic.written(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer; its request is in flight as long as it exists.
#[derive(Debug)]
pub(super) struct AnswerInFlight {
    pub(super) body: UnsyncBoxBody<Bytes, BoxError>,
    pub(super) request: InFlight,
}

impl Body for AnswerInFlight {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        this.request.traffic.state.send_modify(|state| state.taken = state.taken.wrapping_add(1));
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
