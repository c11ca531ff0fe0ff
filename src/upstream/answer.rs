// SPDX-License-Identifier: Apache-2.0

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::UpstreamError;

/// The body of an answer, as it arrives. Fails with [`UpstreamError::TimedOut`]
/// when it pauses for too long, with [`UpstreamError::BrokenOff`] when it ends
/// early. Trailers are dropped.
#[derive(Debug)]
pub struct AnswerBody {
    body: Incoming,
    longest_pause: Duration,
    /// Runs only while somebody waits for the upstream.
    pause: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    pub(super) fn new(body: Incoming, longest_pause: Duration) -> Self {
        Self { body, longest_pause, pause: None }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let this = self.get_mut();
        while let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.pause = None;
            match frame {
                Some(Ok(frame)) if !frame.is_data() => {}
                Some(Ok(frame)) => return Poll::Ready(Some(Ok(frame))),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(UpstreamError::BrokenOff(causes(&error)))));
                }
                None => return Poll::Ready(None),
            }
        }
        let longest_pause = this.longest_pause;
        let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(longest_pause)));
        pause.as_mut().poll(context).map(|()| Some(Err(UpstreamError::TimedOut)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether an answer's header can be taken at its word, beyond what hyper
/// refuses by itself (RFC 9112 section 6.3).
pub(super) fn check_head<B>(answer: &http::Response<B>) -> Result<(), &'static str> {
    let headers = answer.headers();
    if answer.status().is_informational() {
        return Err("it switches protocols, which nobody asked for");
    }
    if headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err("it has more than one Content-Length");
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(_), None) if headers.contains_key(CONTENT_LENGTH) => {
            Err("it has both Content-Length and Transfer-Encoding")
        }
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err("its Transfer-Encoding is not just `chunked`"),
    }
}

/// An error with everything that led to it, on one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
