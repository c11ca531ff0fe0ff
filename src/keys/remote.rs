// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use zeroize::Zeroizing;

use super::KeysError;
use crate::upstream::{UpstreamClient, UpstreamConfig, UpstreamError};

/// For each of: the connection, the head of the answer, a pause in its body.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For all of it.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// Far more than any wrapped key, or any error.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// A key service that is asked by HTTP. Every request has a connection of its own: they are
/// few, and what has changed since the last one (certificates, addresses) counts.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    /// What messages call it.
    name: String,
    /// Without a slash at the end.
    url: String,
    /// PEM file of the authorities to trust instead of the system's.
    ca: Option<PathBuf>,
}

/// A whole answer, of whatever status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Remote {
    /// `key` says in messages which key of the service it is about.
    pub(super) fn new(service: &str, url: &Uri, key: &str, ca: Option<PathBuf>) -> Self {
        let url = url.to_string().trim_end_matches('/').to_owned();
        Self { name: format!("{service} (`{url}`, {key})"), url, ca }
    }

    /// Sends a body and waits for the answer. It blocks, also where a runtime is at work.
    ///
    /// # Errors
    /// [`KeysError::Unavailable`] when there is no answer, [`KeysError::Unusable`] when there
    /// could be none.
    pub(super) fn post(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, KeysError> {
        let url: Uri = format!("{}{path}", self.url)
            .parse()
            .map_err(|_| self.away("its URL cannot be formed"))?;
        let client = UpstreamConfig {
            url: url.clone(),
            allow_plain: false,
            ca: self.ca.clone(),
            connect_timeout: TIMEOUT,
            answer_timeout: TIMEOUT,
            read_timeout: TIMEOUT,
        };
        let mut request = Request::new(Full::new(Bytes::from(body)));
        (*request.method_mut(), *request.uri_mut()) = (Method::POST, url);
        *request.headers_mut() = headers;
        // A runtime cannot be started where another one is at work, so it gets a thread.
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| self.away(&format!("nothing can be sent: {error}")))?;
                let answer = runtime.block_on(self.ask(&client, request));
                // It would wait for a name that is still being looked up.
                runtime.shutdown_background();
                answer
            });
            asked.join().unwrap_or_else(|_| Err(self.away("the request ended in a panic")))
        })
    }

    async fn ask(
        &self,
        config: &UpstreamConfig,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, KeysError> {
        let client = UpstreamClient::new(config).map_err(|source| KeysError::Unusable {
            service: self.name.clone(),
            source: Box::new(source),
        })?;
        let exchange = async {
            let (head, body) = client
                .send(request)
                .await
                .map_err(|error| match error {
                    UpstreamError::Unreachable(why) => {
                        self.away(&format!("it cannot be reached: {why}"))
                    }
                    UpstreamError::BrokenOff(why) => self.away(&format!("it broke off: {why}")),
                    UpstreamError::TimedOut => self.away("it did not answer in time"),
                })?
                .into_parts();
            #[expect(clippy::disallowed_methods, reason = "bounded by `Limited`")]
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|_| self.away("its answer broke off, or is too long"))?;
            Ok(Answer { status: head.status, body: Zeroizing::new(body.to_bytes().to_vec()) })
        };
        let answered = tokio::time::timeout(TOTAL_TIMEOUT, exchange).await;
        answered.unwrap_or_else(|_| Err(self.away("it did not answer in time")))
    }

    /// It may answer later.
    pub(super) fn away(&self, problem: &str) -> KeysError {
        KeysError::Unavailable { service: self.name.clone(), problem: problem.to_owned() }
    }

    /// It has answered, and does not do it for us.
    pub(super) fn denied(&self, problem: &str) -> KeysError {
        KeysError::Denied { service: self.name.clone(), problem: problem.to_owned() }
    }

    /// It has answered that the root key does not open any more.
    pub(super) fn withdrawn(&self, problem: &str) -> KeysError {
        KeysError::Withdrawn { service: self.name.clone(), problem: problem.to_owned() }
    }
}
