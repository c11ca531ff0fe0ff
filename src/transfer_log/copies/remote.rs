// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};

use crate::upstream::{
    Credential, CredentialError, UpstreamClient, UpstreamConfig, UpstreamError, UpstreamSetupError,
};

/// For each of: the connection, the head of the answer, a pause in its body.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Far more than any checkpoint.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// A place that is reached by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSettings {
    pub url: Uri,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    pub credential: Option<Credential>,
}

#[derive(Debug)]
pub(super) struct Remote {
    client: UpstreamClient,
    url: Uri,
    credential: Option<Credential>,
}

#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer is not what it should be")]
    Answer,
}

impl Remote {
    pub(super) fn new(settings: &RemoteSettings) -> Result<Self, UpstreamSetupError> {
        let client = UpstreamClient::new(&UpstreamConfig {
            url: settings.url.clone(),
            allow_plain: false,
            ca: settings.ca.clone(),
            connect_timeout: TIMEOUT,
            answer_timeout: TIMEOUT,
            read_timeout: TIMEOUT,
        })?;
        let RemoteSettings { url, credential, .. } = settings.clone();
        Ok(Self { client, url, credential })
    }

    /// Sends a text to the URL, or a place below it, and reads the whole answer.
    pub(super) async fn send(
        &self,
        method: Method,
        below: &str,
        text: String,
    ) -> Result<(StatusCode, String), RemoteError> {
        let url = format!("{}{below}", self.url.to_string().trim_end_matches('/'));
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(text)))
            .map_err(|_| RemoteError::Answer)?;
        if let Some(credential) = &self.credential {
            credential.show(request.headers_mut()).await?;
        }
        let (head, body) = self.client.send(request).await?.into_parts();
        #[expect(clippy::disallowed_methods, reason = "bounded by `Limited`")]
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|_| RemoteError::Answer)?.to_bytes();
        let text = String::from_utf8(body.to_vec()).map_err(|_| RemoteError::Answer)?;
        Ok((head.status, text))
    }
}
