// SPDX-License-Identifier: Apache-2.0

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::body::{End, receive};

const MAX_ANSWER: usize = 32 << 20;

/// A plain HTTP client, as an application would use one.
pub(super) struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

/// A complete answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("no answer came")]
    NoAnswer(#[source] legacy::Error),
    #[error("the answer broke off")]
    BrokenOff,
    #[error("the answer is too long")]
    TooLong,
}

impl Client {
    pub(super) fn new() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build_http())
    }

    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Reply, ClientError> {
        let response =
            self.0.request(request.map(Full::new)).await.map_err(ClientError::NoAnswer)?;
        let (head, body) = response.into_parts();
        let received = receive(body, MAX_ANSWER).await;
        match received.end {
            End::Complete => {
                Ok(Reply { status: head.status, headers: head.headers, body: received.bytes })
            }
            End::BrokenOff => Err(ClientError::BrokenOff),
            End::TooLong => Err(ClientError::TooLong),
        }
    }
}
