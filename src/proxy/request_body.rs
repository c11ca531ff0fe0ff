// SPDX-License-Identifier: Apache-2.0

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::EXPECT;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// The body of a request. What nobody has read of it is taken and forgotten for a while:
/// a client that is cut off while it still sends may never read why.
#[derive(Debug)]
pub struct RequestBody {
    /// Gone with its end.
    body: Option<Incoming>,
    patience: Duration,
    /// The client sends it only once it is told to, which reading it does.
    is_held_back: bool,
}

impl RequestBody {
    /// `patience` is for what is not read; with none, the connection ends.
    pub fn of(request: Request<Incoming>, patience: Duration) -> Request<Self> {
        let is_held_back = request.headers().contains_key(EXPECT);
        request.map(|body| Self { body: Some(body), patience, is_held_back })
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        this.is_held_back = false;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            this.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        if self.patience.is_zero() || self.is_held_back {
            return;
        }
        // At the very end of the process, nobody is left to be told.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let rest = async move { while let Some(Ok(_)) = body.frame().await {} };
        runtime.spawn(tokio::time::timeout(self.patience, rest));
    }
}
