// SPDX-License-Identifier: Apache-2.0
//! Everything arrives at least once and in order, whatever ends in between.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, UdpSocket};

use super::stand_ins::{self, caller};
use super::{Destination, Format, House, Loss, StreamConfig, Syslog, Tail, stream, syslog, until};
use crate::base::SubjectId;
use crate::listener::tests::certificates::Certificates;
use crate::transfer_log::stream::TailError;
use crate::transfer_log::{BoxFuture, Entry, MemoryLog, Transfer, TransferLog};
use crate::upstream::{ClientIdentity, Credential, UpstreamConfig};

/// Nothing is left out, and what comes again comes again from somewhere before.
fn assert_complete(callers: &[u64], first: u64, last: u64) {
    let mut expected = first;
    for caller in callers {
        assert!(*caller <= expected, "{expected} was left out: {callers:?}");
        expected = expected.max(caller + 1);
    }
    assert_eq!(expected, last + 1, "{callers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_over_tcp_outlives_resets_and_restarts() {
    let house = House::new();
    let mut server = stand_ins::syslog(3, None).await;
    let config = syslog(Syslog::Tcp, server.port);
    house.append(2500).await;
    let streams = house.start(config.clone());
    assert_complete(&server.callers_until(2499).await, 0, 2499);
    until("the cursor moves", || house.cursor().contains("2500")).await;
    assert!(*house.meter.failures.lock().unwrap() >= 3);
    until("there is no lag", || house.meter.lags.lock().unwrap()["siem"] == 0).await;
    drop(streams);

    house.append(10).await;
    let _streams = house.start(config);
    // Not from the beginning, and nothing twice: the cursor was durable.
    let again = server.callers_until(2509).await;
    assert_eq!(again, (2500..2510).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_before_the_cursor_moved_comes_again() {
    let house = House::new();
    let mut server = stand_ins::syslog(0, None).await;
    let config = syslog(Syslog::Tcp, server.port);
    house.append(5).await;
    let streams = house.start(config.clone());
    server.callers_until(4).await;
    until("the cursor moves", || house.cursor().contains('5')).await;
    let before = house.cursor();
    house.append(5).await;
    server.callers_until(9).await;
    until("the cursor moves", || house.cursor().contains("10")).await;
    drop(streams);

    // A crash behind the sink's taking them and before the renaming.
    fs::write(house.folder.file("siem.cursor"), before).unwrap();
    let _streams = house.start(config);
    assert_eq!(server.callers_until(9).await, [5, 6, 7, 8, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_late_gets_all() {
    let house = House::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let to = |port| StreamConfig {
        to: Destination::Syslog {
            over: Syslog::Tcp,
            host: "127.0.0.1".into(),
            port,
            format: Format::Rfc5424,
        },
        ..syslog(Syslog::Tcp, port)
    };
    house.append(3).await;
    let streams = house.start(to(port));
    until("tries fail", || *house.meter.failures.lock().unwrap() > 3).await;
    assert_eq!(house.cursor(), "");
    drop(streams);
    let mut server = stand_ins::syslog(0, None).await;
    let _streams = house.start(syslog(Syslog::Tcp, server.port));
    assert_eq!(server.callers_until(2).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_over_tls_trusts_only_its_authorities_and_shows_its_certificate() {
    let house = House::new();
    let (right, wrong) = (Certificates::make(), Certificates::make());
    let mut server = stand_ins::syslog(0, Some(&right)).await;
    let port = server.port;
    let config = |trusted: &Certificates, own: Option<&Certificates>| {
        let identity = own.map(|own| ClientIdentity {
            certificate: own.path("client.pem"),
            key: own.path("client.key"),
        });
        let ca = Some(trusted.path("ca.pem"));
        syslog(Syslog::Tls { ca, identity }, port)
    };
    house.append(20).await;
    for config in [config(&wrong, Some(&right)), config(&right, None), config(&right, Some(&wrong))]
    {
        let before = *house.meter.failures.lock().unwrap();
        let streams = house.start(config);
        until("the handshake fails", || *house.meter.failures.lock().unwrap() > before).await;
        drop(streams);
    }
    assert!(server.nothing_more());
    let _streams = house.start(config(&right, Some(&right)));
    assert_eq!(server.callers_until(19).await, (0..20).collect::<Vec<_>>());
    until("the cursor moves", || house.cursor().contains("20")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_have_refused_our_certificate_has_taken_nothing() {
    let house = House::new();
    let certificates = Certificates::make();
    let server = stand_ins::rude_syslog(&certificates).await;
    let identity = ClientIdentity {
        certificate: certificates.path("client.pem"),
        key: certificates.path("client.key"),
    };
    let over = Syslog::Tls { ca: Some(certificates.path("ca.pem")), identity: Some(identity) };
    house.append(3).await;
    let _streams = house.start(syslog(over, server.port));
    until("tries fail", || *house.meter.failures.lock().unwrap() > 2).await;
    assert_eq!(house.cursor(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_holds_one_message_or_points_at_it() {
    let house = House::new();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    house.append(2).await;
    let subjects = vec![SubjectId([0; 16]); 3000];
    let large = Transfer { subjects, ..super::transfer("2") };
    house.log.append(vec![Entry::Transfer(large)]).await.unwrap();
    let to = Destination::Syslog {
        over: Syslog::Udp,
        host: "127.0.0.1".into(),
        port,
        format: Format::Rfc5424,
    };
    let _streams = house.start(stream(to));
    let mut bytes = vec![0; 65_536];
    for number in 0..3 {
        let read = tokio::time::timeout(super::PATIENCE, socket.recv(&mut bytes)).await;
        let message = std::str::from_utf8(&bytes[..read.unwrap().unwrap()]).unwrap();
        assert!(message.starts_with("<110>1 "), "{message}");
        if number < 2 {
            assert_eq!(caller(message), number);
        } else {
            assert!(message.ends_with(r#""too_large":true}"#), "{message}");
        }
    }
}

fn collector(port: u16, credential: Option<Credential>) -> StreamConfig {
    let time = super::PATIENCE;
    let client = UpstreamConfig {
        url: format!("http://localhost:{port}/v1/logs").parse().unwrap(),
        allow_plain: false,
        ca: None,
        connect_timeout: time,
        answer_timeout: time,
        read_timeout: time,
    };
    stream(Destination::Otlp { client, credential })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_what_it_did_not_take_again() {
    let house = House::new();
    // Loki answers 204.
    let mut server = stand_ins::collector(&[(503, ""), (400, ""), (204, "")], None).await;
    house.append(30).await;
    let _streams = house.start(collector(server.port, None));
    assert_eq!(server.callers_until(29).await, (0..30).collect::<Vec<_>>());
    assert_eq!(*house.meter.failures.lock().unwrap(), 2);
    house.append(1).await;
    assert_eq!(server.callers_until(30).await, [30]);
    assert!(house.meter.losses.lock().unwrap().is_empty());
}

const PARTLY: &str = r#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"no"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_rejects_for_good_is_not_sent_again_but_counted() {
    let house = House::new();
    let mut server = stand_ins::collector(&[(200, PARTLY)], None).await;
    house.append(5).await;
    let _streams = house.start(collector(server.port, None));
    assert_eq!(server.callers_until(4).await, [0, 1, 2, 3, 4]);
    until("it is counted", || *house.meter.losses.lock().unwrap() == [(2, Loss::Rejected)]).await;
    house.append(1).await;
    assert_eq!(server.callers_until(5).await, [5]);
    assert_eq!(*house.meter.failures.lock().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_read_anew_for_every_batch_and_never_shown() {
    let house = House::new();
    let file = house.folder.file("token");
    for (header, field) in
        [(None, "authorization: bearer s3cret"), (Some("api-key"), "api-key: s3cret")]
    {
        let mut server = stand_ins::collector(&[], Some(field)).await;
        let header = header.map(http::HeaderName::from_static);
        let credential = Credential { file: file.clone(), header };
        let _ = fs::remove_file(&file);
        house.append(1).await;
        let before = *house.meter.failures.lock().unwrap();
        let streams =
            house.start(StreamConfig { max_lag: 0, ..collector(server.port, Some(credential)) });
        // Without a file, with one that says nothing or too much, and with a wrong one.
        for text in ["", " \n", "s3cret\nx", &"x".repeat(9000), "wr0ng"] {
            let failures = *house.meter.failures.lock().unwrap();
            until("it fails again", || *house.meter.failures.lock().unwrap() > failures + 1).await;
            let said = streams.health().unwrap_err();
            assert!(!said.contains("cret") && !said.contains("wr0ng"), "{said}");
            fs::write(&file, text).unwrap();
        }
        until("it is refused", || streams.health().unwrap_err().contains("401")).await;
        assert!(server.nothing_more());
        assert!(*house.meter.failures.lock().unwrap() > before);
        fs::write(&file, "s3cret\n").unwrap();
        server.next().await;
        until("it is well", || streams.health().is_ok()).await;
    }
}

/// A log whose first entries are gone since their time is over.
struct Pruned(Arc<MemoryLog>, AtomicU64);

impl Tail for Pruned {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, from: u64, max: usize) -> BoxFuture<'_, Result<Vec<Entry>, TailError>> {
        let first = self.1.load(Ordering::SeqCst);
        if from < first {
            return Box::pin(async move { Err(TailError::Gone { first }) });
        }
        self.0.read(from, max)
    }

    fn grown_beyond(&self, size: u64) -> BoxFuture<'_, ()> {
        self.0.grown_beyond(size)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_the_log_does_and_says_what_it_has_lost() {
    let house = House::new();
    let mut server = stand_ins::syslog(0, None).await;
    let config = syslog(Syslog::Tcp, server.port);
    let pruned = Arc::new(Pruned(Arc::clone(&house.log), 7.into()));
    house.append(10).await;
    // A new stream has lost nothing.
    let streams = house.start_with(config.clone(), &(Arc::clone(&pruned) as _));
    assert_eq!(server.callers_until(9).await, [7, 8, 9]);
    until("the cursor moves", || house.cursor().contains("10")).await;
    assert!(house.meter.losses.lock().unwrap().is_empty());
    drop(streams);
    house.append(20).await;
    pruned.1.store(25, Ordering::SeqCst);
    let _streams = house.start_with(config, &(pruned as _));
    assert_eq!(server.callers_until(29).await, [25, 26, 27, 28, 29]);
    assert_eq!(*house.meter.losses.lock().unwrap(), [(15, Loss::Expired)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_mended_after_a_crash_and_made_again_after_rotation() {
    let house = House::new();
    let path = house.folder.file("entries.log");
    fs::write(&path, "<110>1 half a li").unwrap();
    house.append(2).await;
    let to = Destination::File { path: path.clone(), format: Format::Rfc5424 };
    let _streams = house.start(stream(to));
    until("the cursor moves", || house.cursor().contains('2')).await;
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "<110>1 half a li"));
    assert_eq!([caller(lines[1]), caller(lines[2])], [0, 1]);

    fs::rename(&path, house.folder.file("entries.log.1")).unwrap();
    house.append(1).await;
    until("the cursor moves", || house.cursor().contains('3')).await;
    assert_eq!(caller(&fs::read_to_string(&path).unwrap()), 2);
}
