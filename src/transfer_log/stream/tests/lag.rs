// SPDX-License-Identifier: Apache-2.0
//! A sink that does not keep up: requests do not wait for it, and someone is told.

use std::fs;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::{House, OnLag, StreamConfig, Syslog, refused, syslog, transfer, until};
use crate::transfer_log::{Entry, TransferLog};

/// A server that accepts and never reads; its backlog is all it takes.
async fn stuck() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_never_wait_and_transfers_stop_only_where_it_is_asked_for() {
    let (_server, port) = stuck().await;
    for on_lag in [OnLag::Report, OnLag::Refuse] {
        let house = House::new();
        let config = StreamConfig { max_lag: 2, on_lag, ..syslog(Syslog::Tcp, port) };
        let streams = house.start(config);
        let log = streams.guard(Arc::clone(&house.log) as _);
        let append = |entry| log.append(vec![entry]);
        for _ in 0..3 {
            append(Entry::Transfer(transfer("0"))).await.unwrap();
        }
        assert_eq!(house.meter.lags.lock().unwrap()["siem"], 3);
        let problem = streams.health().unwrap_err();
        assert!(problem.starts_with("stream `siem` is 3 entries behind, 2 may be: "), "{problem}");
        let fourth = append(Entry::Transfer(transfer("0"))).await;
        assert_eq!(fourth.is_err(), on_lag == OnLag::Refuse);
        append(Entry::Refused(refused("0"))).await.unwrap();
        assert!(log.health().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_catches_up_is_well_again() {
    let house = House::new();
    house.append(5).await;
    let (server, port) = stuck().await;
    drop(server);
    let config = StreamConfig { max_lag: 4, ..syslog(Syslog::Tcp, port) };
    let streams = house.start(config);
    until("it fails", || *house.meter.failures.lock().unwrap() > 0).await;
    assert!(streams.health().unwrap_err().contains("cannot be reached"));
    drop(streams);
    let mut server = super::stand_ins::syslog(0, None).await;
    let config = StreamConfig { max_lag: 4, ..syslog(Syslog::Tcp, server.port) };
    let streams = house.start(config);
    server.callers_until(4).await;
    until("it is well", || streams.health().is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_set_back_is_not_followed() {
    let house = House::new();
    house.append(3).await;
    let mut server = super::stand_ins::syslog(0, None).await;
    let place = r#"{"origin":"acme.example/one","next":4}"#;
    fs::write(house.folder.file("siem.cursor"), place).unwrap();
    let _streams = house.start(syslog(Syslog::Tcp, server.port));
    until("it is noticed", || *house.meter.failures.lock().unwrap() > 1).await;
    assert!(server.nothing_more());
    assert_eq!(house.cursor(), place);
}
