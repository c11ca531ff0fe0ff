// SPDX-License-Identifier: Apache-2.0
//! A collector of OpenTelemetry logs, reached by OTLP over HTTP.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use zeroize::Zeroizing;

use crate::upstream::{AnswerBody, UpstreamClient, UpstreamConfig, UpstreamSetupError};

use super::otlp;
use super::sink::SinkError;

/// Of an answer, which says how many records were rejected.
const MAX_ANSWER: usize = 64 << 10;
/// Longer than any token that a collector takes.
const MAX_CREDENTIAL: u64 = 8 << 10;

/// What a collector knows us by. The file is read for every batch, so that it can be
/// replaced at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub file: PathBuf,
    /// The field that the file is the value of; otherwise it is a bearer token.
    pub header: Option<HeaderName>,
}

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
        if let Some(credential) = self.credential.clone() {
            let read = tokio::task::spawn_blocking(move || credential.read()).await;
            let (name, value) =
                read.map_err(std::io::Error::other).map_err(SinkError::Unreachable)??;
            request.headers_mut().insert(name, value);
        }
        let answer = self.client.send(request).await?;
        if !answer.status().is_success() {
            return Err(SinkError::Status(answer.status()));
        }
        Ok(otlp::rejected(&read(answer.into_body()).await))
    }
}

impl Credential {
    fn read(&self) -> Result<(HeaderName, HeaderValue), SinkError> {
        let failed = |problem: String| SinkError::Credential { path: self.file.clone(), problem };
        let secret =
            read_secret(&self.file).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let text = match self.header {
            Some(_) => secret,
            None => Zeroizing::new([b"Bearer ".as_slice(), &secret].concat()),
        };
        let value = HeaderValue::from_bytes(&text);
        let mut value = value.map_err(|_| failed("is not one line of text".to_owned()))?;
        value.set_sensitive(true);
        Ok((self.header.clone().unwrap_or(AUTHORIZATION), value))
    }
}

/// Without the white space around it; there must be something.
fn read_secret(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    std::fs::File::open(path)?.take(MAX_CREDENTIAL + 1).read_to_end(&mut bytes)?;
    let secret = bytes.trim_ascii();
    if secret.is_empty() || bytes.len() as u64 > MAX_CREDENTIAL {
        let problem = format!("it has no bytes, or more than {MAX_CREDENTIAL}");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, problem));
    }
    Ok(Zeroizing::new(secret.to_vec()))
}

/// The start of a body. What cannot be read is not needed: the status has said it all.
async fn read(body: AnswerBody) -> Bytes {
    let (mut body, mut read) = (Limited::new(body, MAX_ANSWER), BytesMut::new());
    while let Some(Ok(frame)) = body.frame().await {
        read.extend(frame.into_data().ok());
    }
    read.freeze()
}
