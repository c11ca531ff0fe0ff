// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

use crate::upstream::{CredentialError, UpstreamError};

use super::collector::Collector;
use super::event::Record;
use super::syslog::{MAX_DATAGRAM, SyslogSink};
use super::{Destination, Format, Source, StreamConfig, StreamSetupError, file, otlp, rfc5424};

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
    Otlp(Box<Collector>),
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
    #[error(transparent)]
    Credential(#[from] CredentialError),
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
            Destination::Otlp { client, credential } => {
                let collector = Collector::new(client, credential.clone());
                Kind::Otlp(Box::new(collector.map_err(|source| StreamSetupError::Client {
                    stream: config.name.clone(),
                    source,
                })?))
            }
        };
        Ok(Self { kind, source: source.clone() })
    }

    /// Hands over a batch, and returns when all of it is taken: how many of its entries
    /// were rejected for good, and must not be sent again.
    ///
    /// # Errors
    /// [`SinkError`]; some of it may have been taken.
    pub async fn deliver(&self, batch: &[Record]) -> Result<u64, SinkError> {
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
                datagrams.send(fitting).await?;
            }
            Kind::Syslog { sink: SyslogSink::Connections(connections), format } => {
                let framed: Vec<u8> =
                    messages(*format).flat_map(|message| rfc5424::frame(&message)).collect();
                connections.send(&framed).await?;
            }
            Kind::File { path, format } => {
                let lines = messages(*format).flat_map(|message| [message, "\n".to_owned()]);
                file::append(path.clone(), lines.collect()).await?;
            }
            Kind::Otlp(collector) => {
                return collector.export(otlp::request(batch, &self.source)).await;
            }
        }
        Ok(0)
    }
}
