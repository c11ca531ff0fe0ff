// SPDX-License-Identifier: Apache-2.0
//! A collector of OpenTelemetry logs, reached by OTLP over HTTP.

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};

use crate::upstream::{AnswerBody, Credential, UpstreamClient, UpstreamConfig, UpstreamSetupError};

use super::otlp;
use super::sink::SinkError;

/// Of an answer, which says how many records were rejected.
const MAX_ANSWER: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Collector {
    client: UpstreamClient,
    url: Uri,
    credential: Option<Credential>,
}

impl Collector {
    pub fn new(
        config: &UpstreamConfig,
        credential: Option<Credential>,
    ) -> Result<Self, UpstreamSetupError> {
        Ok(Self { client: UpstreamClient::new(config)?, url: config.url.clone(), credential })
    }

    /// Sends a request; how many of its records were rejected for good.
    ///
    /// A collector's "not now" and "never" are tried again alike, although OTLP asks for
    /// that only with 429, 502, 503 and 504: dropping is not ours to decide, and the
    /// stream is reported until somebody looks. Any 2xx is success, since there are
    /// collectors that answer 204 where OTLP asks for 200 (Grafana Loki).
    pub async fn export(&self, body: Vec<u8>) -> Result<u64, SinkError> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json.clone());
        request.headers_mut().insert(ACCEPT, json);
        if let Some(credential) = &self.credential {
            credential.show(request.headers_mut()).await?;
        }
        let answer = self.client.send(request).await?;
        if !answer.status().is_success() {
            return Err(SinkError::Status(answer.status()));
        }
        Ok(otlp::rejected(&read(answer.into_body()).await))
    }
}

/// The start of a body. What cannot be read is not needed: the status has said it all.
async fn read(body: AnswerBody) -> Bytes {
    let (mut body, mut read) = (Limited::new(body, MAX_ANSWER), BytesMut::new());
    while let Some(Ok(frame)) = body.frame().await {
        read.extend(frame.into_data().ok());
    }
    read.freeze()
}
