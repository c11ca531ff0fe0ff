// SPDX-License-Identifier: Apache-2.0
//! A disk that fails: single system calls of the real process fail, or end it. Whatever
//! happens, what the upstream saw is in the log, the log verifies, and surrogates open.

use std::process::Command;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::world::{Options, World};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

/// What happens to the n-th call of its kind.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The process is killed in the n-th sync.
    Kill,
    /// The n-th sync fails.
    SyncFails,
    /// There is no room for the n-th write, and for those that follow.
    DiskFull,
}

impl Fault {
    fn injection(self, number: usize) -> String {
        match self {
            Self::Kill => format!("inject=fsync,fdatasync:signal=KILL:when={number}"),
            Self::SyncFails => format!("inject=fsync,fdatasync:error=EIO:when={number}"),
            Self::DiskFull => format!("inject=pwrite64:error=ENOSPC:when={number}..{}", number + 4),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_any_sync_loses_nothing() {
    check(Fault::Kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_loses_nothing() {
    check(Fault::SyncFails).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_at_any_write_loses_nothing() {
    check(Fault::DiskFull).await;
}

async fn check(fault: Fault) {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "strace is not there; run the tests by tests/run"
        );
        eprintln!("SKIPPED: strace is not there; tests/run installs it");
        return;
    }
    let mut world = World::start(Options::default()).await;
    let is_long = std::env::var_os("ZOLLHAUS_TEST_LONG").is_some();
    let numbers: Vec<usize> =
        if is_long { (1..=150).collect() } else { (1..=60).step_by(7).collect() };
    let (mut created, mut failures) = (Vec::new(), 0);
    for number in numbers {
        world.kill();
        let injection = fault.injection(number);
        // With -D, the process is our child, and strace ends with it.
        let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e"];
        let tool = [strace.as_slice(), &["trace=fsync,fdatasync,pwrite64", "-e", &injection]];
        if world.run_under(&tool.concat()) {
            for turn in 0..12 {
                let name = format!("Muster {number} {turn}");
                match create(&world, &name).await {
                    Some(StatusCode::CREATED) => created.push(name),
                    Some(status) => {
                        assert!(status.is_server_error(), "{fault:?} {number}: {status}");
                        failures += 1;
                    }
                    // The process was killed.
                    None => {
                        failures += 1;
                        break;
                    }
                }
            }
        } else {
            failures += 1;
        }
        world.kill();
        world.run();
        let name = format!("Muster {number} afterwards");
        assert_eq!(create(&world, &name).await, Some(StatusCode::CREATED), "{fault:?} {number}");
        created.push(name);
    }
    assert!(failures > 0, "{fault:?}: no fault was felt");
    let found = world
        .get("support", "/sf/services/data/v62.0/query/?q=SELECT+LastName+FROM+Contact")
        .await
        .json();
    let found = found["records"].as_array().expect("records");
    let opened: Vec<&str> =
        found.iter().map(|record| record["LastName"].as_str().expect("a name")).collect();
    for name in &created {
        assert!(opened.contains(&name.as_str()), "{fault:?}: `{name}` does not open");
    }
    let (entries, seen) = (world.entries(), world.crm.requests().len());
    let transfers = entries.iter().filter(|entry| entry["kind"] == "transfer").count();
    assert!(transfers >= seen, "{fault:?}: {seen} requests left, {transfers} are in the log");
    world.verify_log();
    let entries = world.entries();
    let of_kind = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!(of_kind("transfer"), of_kind("outcome"), "{fault:?}");
}

/// The status of the answer, if there is one.
async fn create(world: &World, name: &str) -> Option<StatusCode> {
    let body = json!({ "LastName": name, "Email": "muster@example.org" }).to_string();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}{CONTACTS}", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer session")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("a sound request");
    world.send_request(request).await.ok().map(|answer| answer.status)
}
