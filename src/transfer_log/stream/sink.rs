// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};

use crate::upstream::{AnswerBody, UpstreamClient, UpstreamError};

use super::event::Record;
use super::syslog::{MAX_DATAGRAM, SyslogSink};
use super::{Destination, Format, Source, StreamConfig, StreamSetupError, file, otlp, rfc5424};

/// Of a collector's answer, which says how many records it rejected.
const MAX_ANSWER: usize = 64 << 10;

/// What takes entries.
#[derive(Debug)]
pub(super) struct Sink {
    kind: Kind,
    source: Source,
}

#[derive(Debug)]
enum Kind {
    Syslog { sink: SyslogSink, format: Format },
    File { path: PathBuf, format: Format },
    Otlp { client: Box<UpstreamClient>, url: Uri },
}

/// Why a batch may not have been taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    #[error("it cannot be reached: {0}")]
    Unreachable(std::io::Error),
    #[error("it broke off: {0}")]
    BrokenOff(std::io::Error),
    #[error("it did not {0} within {seconds} seconds", seconds = .1.as_secs())]
    TimedOut(&'static str, Duration),
    #[error(transparent)]
    Collector(#[from] UpstreamError),
    #[error("the collector answers with {0}")]
    Status(StatusCode),
    #[error("`{path}` cannot be written: {source}")]
    File { path: PathBuf, source: std::io::Error },
}

impl Sink {
    pub fn new(config: &StreamConfig, source: &Source) -> Result<Self, StreamSetupError> {
        let kind = match &config.to {
            Destination::Syslog { over, host, port, format } => Kind::Syslog {
                sink: SyslogSink::new(&config.name, over, host, *port)?,
                format: *format,
            },
            Destination::File { path, format } => {
                Kind::File { path: path.clone(), format: *format }
            }
            Destination::Otlp(client) => Kind::Otlp {
                client: Box::new(UpstreamClient::new(client).map_err(|source| {
                    StreamSetupError::Client { stream: config.name.clone(), source }
                })?),
                url: client.url.clone(),
            },
        };
        Ok(Self { kind, source: source.clone() })
    }

    /// Hands over a batch, and returns when all of it is taken.
    ///
    /// # Errors
    /// [`SinkError`]; some of it may have been taken.
    pub async fn deliver(&self, batch: &[Record]) -> Result<(), SinkError> {
        let messages =
            |format| batch.iter().map(move |record| rfc5424::message(record, format, &self.source));
        match &self.kind {
            Kind::Syslog { sink: SyslogSink::Datagrams(datagrams), format } => {
                let fitting = batch.iter().zip(messages(*format)).map(|(record, message)| {
                    if message.len() <= MAX_DATAGRAM {
                        return message;
                    }
                    rfc5424::pointer(record, &self.source)
                });
                datagrams.send(fitting).await
            }
            Kind::Syslog { sink: SyslogSink::Connections(connections), format } => {
                let framed: Vec<u8> =
                    messages(*format).flat_map(|message| rfc5424::frame(&message)).collect();
                connections.send(&framed).await
            }
            Kind::File { path, format } => {
                let lines = messages(*format).flat_map(|message| [message, "\n".to_owned()]);
                file::append(path.clone(), lines.collect()).await
            }
            Kind::Otlp { client, url } => {
                export(client, url, otlp::request(batch, &self.source)).await
            }
        }
    }
}

/// A collector's "not now" and "never" are tried again alike: dropping is not ours to
/// decide, and the stream is reported until somebody looks.
async fn export(client: &UpstreamClient, url: &Uri, body: Vec<u8>) -> Result<(), SinkError> {
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.clone();
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(CONTENT_TYPE, json.clone());
    request.headers_mut().insert(ACCEPT, json);
    let answer = client.send(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(SinkError::Status(answer.status()));
    }
    let rejected = otlp::rejected(&read(answer.into_body()).await);
    if rejected > 0 {
        tracing::warn!(%url, rejected, "the collector rejected entries for good; they stay in the log");
    }
    Ok(())
}

/// The start of a body. What cannot be read is not needed: the status has said it all.
async fn read(body: AnswerBody) -> Bytes {
    let (mut body, mut read) = (Limited::new(body, MAX_ANSWER), BytesMut::new());
    while let Some(Ok(frame)) = body.frame().await {
        read.extend(frame.into_data().ok());
    }
    read.freeze()
}
