// SPDX-License-Identifier: Apache-2.0

mod delivery;
mod formats;
mod lag;
mod stand_ins;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smol_str::SmolStr;

use super::follow::Pace;
use super::{Destination, Format, Loss, Meter, OnLag, Source, StreamConfig, Streams, Syslog, Tail};
use crate::base::SubjectId;
use crate::testkit::Scratch;
use crate::testkit::{self, sealed, unlisted};
use crate::transfer_log::{
    BasisUsed, Entry, FieldCount, Ground, MemoryLog, RefusedTransfer, Transfer, TransferLog,
};

/// A test that hangs has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn source() -> Source {
    Source { origin: "acme.example/one".into(), instance: "one".into() }
}

fn transfer(caller: &str) -> Transfer {
    Transfer {
        caller: caller.into(),
        fields: vec![
            FieldCount { ground: Some(0), ..sealed("email", 2) },
            FieldCount { ground: Some(0), ..unlisted("city", 1) },
        ],
        grounds: vec![Ground {
            jurisdictions: vec!["DE".into(), "EU".into()],
            rules: vec!["gdpr/scc".into()],
            bases: vec![BasisUsed {
                name: "scc-2026".into(),
                kind: SmolStr::new_static("scc"),
                reference: None,
                until: None,
            }],
        }],
        subjects: vec![SubjectId([0xcd; 16])],
        ..testkit::transfer()
    }
}

fn refused(caller: &str) -> RefusedTransfer {
    RefusedTransfer { caller: caller.into(), ..testkit::refused() }
}

/// A log, a folder for cursors, and what is measured.
struct House {
    log: Arc<MemoryLog>,
    folder: Scratch,
    meter: Arc<Measured>,
    appended: std::cell::Cell<u64>,
}

#[derive(Default)]
struct Measured {
    lags: Mutex<BTreeMap<String, u64>>,
    failures: Mutex<u64>,
    losses: Mutex<Vec<(u64, Loss)>>,
}

impl Meter for Measured {
    fn stream_lag(&self, stream: &str, entries: u64) {
        self.lags.lock().unwrap().insert(stream.to_owned(), entries);
    }

    fn stream_failed(&self, _: &str) {
        *self.failures.lock().unwrap() += 1;
    }

    fn stream_lost(&self, _: &str, entries: u64, why: Loss) {
        self.losses.lock().unwrap().push((entries, why));
    }
}

impl House {
    fn new() -> Self {
        let (log, meter) = (Arc::default(), Arc::default());
        Self { log, folder: Scratch::new(), meter, appended: 0.into() }
    }

    /// Appends entries whose callers count up from 0.
    async fn append(&self, count: u64) {
        let first = self.appended.replace(self.appended.get() + count);
        let entries = (first..first + count).map(|number| transfer(&number.to_string()));
        self.log.append(entries.map(Entry::Transfer).collect()).await.unwrap();
    }

    fn start(&self, config: StreamConfig) -> Streams {
        self.start_with(config, &(Arc::clone(&self.log) as _))
    }

    fn start_with(&self, config: StreamConfig, tail: &Arc<dyn Tail>) -> Streams {
        let pace = Pace {
            gather: Duration::from_millis(1),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(20),
        };
        let meter: Arc<dyn Meter> = Arc::clone(&self.meter) as _;
        super::start_at(&[config], &self.folder.file(""), &source(), tail, &meter, pace).unwrap()
    }

    fn cursor(&self) -> String {
        std::fs::read_to_string(self.folder.file("siem.cursor")).unwrap_or_default()
    }
}

fn stream(to: Destination) -> StreamConfig {
    StreamConfig { name: "siem".into(), to, max_lag: 1000, on_lag: OnLag::Report }
}

fn syslog(over: Syslog, port: u16) -> StreamConfig {
    stream(Destination::Syslog { over, host: "localhost".into(), port, format: Format::Rfc5424 })
}

/// Polls until it holds: for what happens behind a socket and says nothing.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}
