// SPDX-License-Identifier: Apache-2.0
//! How many entries a second are made durable, and how long each waits for that, next to
//! how long the disk needs for a bare fdatasync: both in one run, on one disk.
//!
//!     taskset --cpu-list 0 cargo bench --bench transfer_log -- [DIRECTORY [APPENDERS [SECONDS]]]
//!
//! Entries are taken into the tree meanwhile, as in a running house.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program for a terminal"
)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zollhaus::base::{EntryId, SubjectId, SystemClock, Timestamp};
use zollhaus::policy::Digest;
use zollhaus::telemetry::Metrics;
use zollhaus::transfer_log::note::SignerKey;
use zollhaus::transfer_log::{
    CopySettings, DirectoryLog, DirectorySettings, ENTRY_VERSION, Entry, FieldCount, Transfer,
    TransferLog,
};

const ORIGIN: &str = "bench.example/log";
const SYNCS: usize = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |at: usize, usual: u64| {
        arguments.get(at).map_or(usual, |text| text.parse().expect("a number"))
    };
    let parent = arguments.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("zollhaus-bench-{}", std::process::id()));
    let (appenders, seconds) = (number(1, 512), Duration::from_secs(number(2, 10)));
    fs::create_dir(&folder).expect("the folder can be made");

    let before = bare_syncs(&folder);
    let (mut waits, elapsed, cpu) = appends(&folder.join("log"), appenders, seconds).await;
    let after = bare_syncs(&folder);
    fs::remove_dir_all(&folder).expect("the folder can be removed");

    let count = waits.len() as f64;
    let bytes = entry(0).to_canonical_json().expect("it is JSON").len();
    println!("{appenders} appenders, entries of {bytes} bytes, {:.1} s", elapsed.as_secs_f64());
    println!("{:>10.0} entries/s durable", count / elapsed.as_secs_f64());
    println!("{:>10.1} µs of CPU time per entry, integration included", cpu * 1e6 / count);
    show("append", &mut waits);
    show("fdatasync of 4 KiB, before", &mut before.clone());
    show("fdatasync of 4 KiB, after", &mut after.clone());
}

/// Appends from many tasks at once. How long each append took, how long all did, and how
/// many seconds of CPU time it cost.
async fn appends(
    directory: &Path,
    appenders: u64,
    duration: Duration,
) -> (Vec<Duration>, Duration, f64) {
    let settings = DirectorySettings {
        directory: directory.to_owned(),
        origin: ORIGIN.to_owned(),
        interval: Duration::from_secs(1),
        max_unintegrated: 100_000_000,
        retention: None,
        copies: CopySettings::default(),
    };
    let keys = vec![SignerKey::new(ORIGIN, &[1; 32]).expect("a key")];
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let log = DirectoryLog::open(&settings, keys, Arc::new(SystemClock), metrics).await;
    let log = Arc::new(log.expect("the log opens"));
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let tasks: Vec<_> = (0..appenders)
        .map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while start.elapsed() < duration {
                    let entry = entry(u128::from(task) << 64 | waits.len() as u128);
                    let asked = Instant::now();
                    log.append(vec![entry]).await.expect("it is durable");
                    waits.push(asked.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.append(&mut task.await.expect("a task ends"));
    }
    let elapsed = start.elapsed();
    // What is left is integrated, and counts.
    drop(log);
    (waits, elapsed, cpu_seconds() - cpu)
}

/// A transfer of a contact with six fields.
fn entry(number: u128) -> Entry {
    let field = |name: &str| FieldCount {
        object: "contact".into(),
        field: name.into(),
        category: Some("email".into()),
        protection: "tokenize".into(),
        reason: None,
        ground: None,
        count: 1,
    };
    let fields = ["email", "last_name", "phone", "birthdate", "street", "city"].map(field).to_vec();
    Entry::Transfer(Transfer {
        version: ENTRY_VERSION,
        id: EntryId(number.to_be_bytes()),
        time: Timestamp::from_unix_millis(1_767_225_600_000),
        instance: ORIGIN.into(),
        caller: "billing".into(),
        purpose: Some("crm".into()),
        upstream: "salesforce".into(),
        region: "US".into(),
        operation: "sobject.create".into(),
        object: Some("contact".into()),
        policy: Digest([7; 32]),
        uninspected: false,
        fields,
        grounds: Vec::new(),
        subjects: vec![SubjectId(number.to_be_bytes())],
    })
}

/// What the disk needs to make a page at the end of a file durable, and nothing else.
fn bare_syncs(folder: &Path) -> Vec<Duration> {
    let path = folder.join("bare");
    let mut file = File::create(&path).expect("a file can be made");
    let sync = |_| {
        let start = Instant::now();
        file.write_all(&[b'x'; 4096]).expect("it can be written");
        file.sync_data().expect("it can be synced");
        start.elapsed()
    };
    let waits = (0..SYNCS).map(sync).collect();
    fs::remove_file(path).expect("it can be removed");
    waits
}

fn show(what: &str, waits: &mut [Duration]) {
    waits.sort_unstable();
    let at = |share: usize| {
        let wait = waits.get(waits.len() * share / 100).copied().unwrap_or_default();
        wait.as_secs_f64() * 1e3
    };
    println!("{:>10.2} ms p50, {:.2} ms p99: {what}", at(50), at(99));
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that is in use.
    ticks as f64 / 100.0
}
