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
use super::{Destination, Format, Meter, OnLag, Source, StreamConfig, Streams, Syslog, Tail};
use crate::base::{EntryId, SubjectId, Timestamp};
use crate::policy::Digest;
use crate::testkit::Scratch;
use crate::transfer_log::{
    BasisUsed, ENTRY_VERSION, Entry, FieldCount, Ground, MemoryLog, RefusedTransfer, Transfer,
    TransferLog,
};

/// A test that hangs has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn source() -> Source {
    Source { origin: "acme.example/one".into(), instance: "one".into() }
}

fn transfer(caller: &str) -> Transfer {
    let email = FieldCount {
        object: "contact".into(),
        field: "email".into(),
        category: Some("email".into()),
        protection: SmolStr::new_static("tokenize"),
        reason: None,
        ground: Some(0),
        count: 2,
    };
    let city = FieldCount {
        field: "city".into(),
        category: None,
        protection: SmolStr::new_static("none"),
        reason: Some(SmolStr::new_static("field_unlisted")),
        count: 1,
        ..email.clone()
    };
    Transfer {
        version: ENTRY_VERSION,
        id: EntryId([0xab; 16]),
        time: Timestamp::from_unix_millis(1_767_225_600_001),
        instance: "one".into(),
        caller: caller.into(),
        purpose: Some("crm".into()),
        upstream: "sf".into(),
        region: "US".into(),
        operation: "sobject.create".into(),
        object: Some("contact".into()),
        policy: Digest([1; 32]),
        uninspected: false,
        fields: vec![email, city],
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
    }
}

fn refused(caller: &str) -> RefusedTransfer {
    RefusedTransfer {
        version: ENTRY_VERSION,
        id: EntryId([0xab; 16]),
        time: Timestamp::from_unix_millis(1_767_225_600_001),
        instance: "one".into(),
        caller: caller.into(),
        purpose: None,
        upstream: Some("sf".into()),
        operation: None,
        code: crate::base::RefusalCode::Forbidden,
        rules: vec!["house/no-russia".into()],
        records: Some(2),
        subjects: Vec::new(),
    }
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
}

impl Meter for Measured {
    fn stream_lag(&self, stream: &str, entries: u64) {
        self.lags.lock().unwrap().insert(stream.to_owned(), entries);
    }

    fn stream_failed(&self, _: &str) {
        *self.failures.lock().unwrap() += 1;
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
        let pace = Pace {
            gather: Duration::from_millis(1),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(20),
        };
        let tail: Arc<dyn Tail> = Arc::clone(&self.log) as _;
        let meter: Arc<dyn Meter> = Arc::clone(&self.meter) as _;
        super::start_at(&[config], &self.folder.file(""), &source(), &tail, &meter, pace).unwrap()
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
