// SPDX-License-Identifier: Apache-2.0
//! What carries syslog messages: UDP (RFC 5426), TCP (RFC 6587), TLS (RFC 5425).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use smol_str::SmolStr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use crate::upstream::client_tls;

use super::sink::SinkError;
use super::{StreamSetupError, Syslog};

const CONNECT_TIME: Duration = Duration::from_secs(10);
const SEND_TIME: Duration = Duration::from_secs(30);
/// Until the server closes in turn.
const CLOSE_TIME: Duration = Duration::from_secs(10);

/// The most that a datagram carries over IPv4.
pub(super) const MAX_DATAGRAM: usize = 65_507;

#[derive(Debug)]
pub(super) enum SyslogSink {
    Datagrams(Datagrams),
    Connections(Connections),
}

#[derive(Debug)]
pub(super) struct Datagrams {
    host: String,
    port: u16,
}

pub(super) struct Connections {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    shows_certificate: bool,
}

impl SyslogSink {
    pub fn new(
        stream: &SmolStr,
        over: &Syslog,
        host: &str,
        port: u16,
    ) -> Result<Self, StreamSetupError> {
        let host = host.to_owned();
        let shows_certificate = matches!(over, Syslog::Tls { identity: Some(_), .. });
        let tls = match over {
            Syslog::Udp => return Ok(Self::Datagrams(Datagrams { host, port })),
            Syslog::Tcp => None,
            Syslog::Tls { ca, identity } => {
                let config = client_tls(ca.as_deref(), identity.as_ref());
                let config = config.map_err(|source| StreamSetupError::Client {
                    stream: stream.clone(),
                    source,
                })?;
                let name = ServerName::try_from(host.clone()).map_err(|_| {
                    StreamSetupError::Host { stream: stream.clone(), host: host.clone() }
                })?;
                Some((TlsConnector::from(Arc::new(config)), name))
            }
        };
        Ok(Self::Connections(Connections { host, port, tls, shows_certificate }))
    }
}

impl Datagrams {
    /// Sends messages of at most [`MAX_DATAGRAM`] bytes, one after the other.
    pub async fn send(&self, messages: impl Iterator<Item = String>) -> Result<(), SinkError> {
        let resolved = tokio::net::lookup_host((&*self.host, self.port)).await;
        let address = resolved
            .and_then(|mut found| found.next().ok_or(io::ErrorKind::HostUnreachable.into()))
            .map_err(SinkError::Unreachable)?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).await.map_err(SinkError::Unreachable)?;
        for message in messages {
            socket.send_to(message.as_bytes(), address).await.map_err(SinkError::BrokenOff)?;
        }
        Ok(())
    }
}

impl Connections {
    /// Sends a batch over a connection of its own, so that its end can be confirmed:
    /// syslog has no answers, and what lies in the buffers of a connection that breaks
    /// is lost without a word.
    pub async fn send(&self, framed: &[u8]) -> Result<(), SinkError> {
        let tcp = within(CONNECT_TIME, "accept a connection", async {
            TcpStream::connect((&*self.host, self.port)).await.map_err(SinkError::Unreachable)
        });
        let tcp = tcp.await?;
        let Some((connector, name)) = &self.tls else {
            return hand_over(tcp, framed, Farewell::OfTcp).await;
        };
        let tls = within(CONNECT_TIME, "finish the TLS handshake", async {
            connector.connect(name.clone(), tcp).await.map_err(SinkError::Unreachable)
        });
        let tls = tls.await?;
        let is_settled = tls.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_2);
        let farewell =
            if is_settled || !self.shows_certificate { Farewell::OfTcp } else { Farewell::OfTls };
        hand_over(tls, framed, farewell).await
    }
}

/// What says that the server has read to the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Farewell {
    /// Its closing the connection in order, since not every server says `close_notify`
    /// as RFC 5425 section 4.4 asks for.
    OfTcp,
    /// `close_notify`. In TLS 1.3 a server that does not accept our certificate can close
    /// in order when all is sent already.
    OfTls,
}

/// Writes, says that this was all, and waits until the server has read to the end and
/// closes too. A server that closes with bytes unread resets the connection instead.
async fn hand_over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    framed: &[u8],
    farewell: Farewell,
) -> Result<(), SinkError> {
    within(SEND_TIME, "read a batch", async {
        stream.write_all(framed).await.map_err(SinkError::BrokenOff)?;
        stream.shutdown().await.map_err(SinkError::BrokenOff)
    })
    .await?;
    within(CLOSE_TIME, "close the connection after a batch", async {
        let mut ignored = [0; 256];
        loop {
            match stream.read(&mut ignored).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error)
                    if error.kind() == io::ErrorKind::UnexpectedEof
                        && farewell == Farewell::OfTcp =>
                {
                    return Ok(());
                }
                Err(error) => return Err(SinkError::BrokenOff(error)),
            }
        }
    })
    .await
}

async fn within<T>(
    time: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, SinkError>>,
) -> Result<T, SinkError> {
    tokio::time::timeout(time, work).await.map_err(|_| SinkError::TimedOut(what, time))?
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("is_tls", &self.tls.is_some())
            .field("shows_certificate", &self.shows_certificate)
            .finish()
    }
}
