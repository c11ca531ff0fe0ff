// SPDX-License-Identifier: Apache-2.0
//! A disk that fails: single system calls of the real process fail, or end it. Whatever
//! happens, what the upstream saw is in the log, the log verifies, and surrogates open.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::world::{Options, PARTS, World, copy_part};

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
    check_names(&world, &created).await;
    check_log(&mut world);
}

/// Every name that was stored opens.
async fn check_names(world: &World, created: &[String]) {
    let found = world
        .get("support", "/sf/services/data/v62.0/query/?q=SELECT+LastName+FROM+Contact")
        .await
        .json();
    let found = found["records"].as_array().expect("records");
    let opened: Vec<&str> =
        found.iter().map(|record| record["LastName"].as_str().expect("a name")).collect();
    for name in created {
        assert!(opened.contains(&name.as_str()), "`{name}` does not open");
    }
}

/// What the upstream saw is in the log, each transfer with one outcome, and it verifies.
fn check_log(world: &mut World) {
    let seen = world.crm.requests().len();
    world.verify_log();
    let entries = world.entries();
    let of_kind = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    let transfers = of_kind("transfer");
    assert!(transfers >= seen, "{seen} requests left, {transfers} are in the log");
    assert_eq!(transfers, of_kind("outcome"));
}

/// The real thing beside the calls that are made to fail: log and vault lie on a small
/// tmpfs, which only the process has mounted, and which is full again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_tmpfs_loses_nothing_and_the_house_goes_on_when_there_is_room() {
    let mount = "mount -t tmpfs -o size=32m tmpfs \"$0\" && exec \"$@\"";
    let tool = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount];
    let can_mount = Command::new(tool[0]).args(&tool[1..]).args(["/mnt", "true"]).output();
    if !can_mount.is_ok_and(|output| output.status.success()) {
        // Containers often forbid it; the simulated disk of the unit tests fills everywhere.
        eprintln!("SKIPPED: a tmpfs cannot be mounted here");
        return;
    }
    let mut world = World::start(Options::default()).await;
    world.kill();
    let small = world.folder.join("small");
    fs::create_dir(&small).expect("a folder");
    let config = fs::read_to_string(world.config()).expect("a configuration");
    let moved = config
        .replace("sqlite: zollhaus.vault", "sqlite: small/zollhaus.vault")
        .replace("directory: log", "directory: small/log");
    assert_eq!(moved.matches("small/").count(), 2);
    fs::write(world.config(), moved).expect("it is changed");
    let tool = [tool.as_slice(), &[small.to_str().expect("a path")]].concat();
    assert!(world.run_under(&tool), "{}", String::from_utf8_lossy(&world.log()));
    // The folder as the process sees it.
    let inside = Path::new("/proc").join(world.pid().to_string()).join("root");
    let inside = inside.join(small.strip_prefix("/").expect("an absolute path"));
    let ballast = inside.join("ballast");

    let (mut created, mut failures) = (Vec::new(), 0);
    for room in (0..24).map(|pages| pages * 4096) {
        fill(&ballast, room);
        for turn in 0..8 {
            let name = format!("Muster {room} {turn}");
            match create(&world, &name).await {
                Some(StatusCode::CREATED) => created.push(name),
                Some(status) => {
                    assert!(status.is_server_error(), "{room}: {status}");
                    failures += 1;
                }
                None => panic!("{room}: the process is gone"),
            }
        }
        fs::remove_file(&ballast).expect("it is there");
        let name = format!("Muster {room} afterwards");
        world
            .until("it goes on", async |world| {
                create(world, &name).await == Some(StatusCode::CREATED)
            })
            .await;
        created.push(name);
    }
    assert!(failures > 0 && created.len() > 24, "{failures} failures");
    check_names(&world, &created).await;
    let log = world.folder.join("log");
    fs::remove_dir_all(&log).expect("that of the start");
    for part in PARTS {
        copy_part(part, &inside.join("log"), &log);
    }
    world.kill();
    check_log(&mut world);
}

/// Takes all room but so many bytes.
fn fill(path: &Path, room: u64) {
    let mut ballast = fs::File::create(path).expect("a file");
    while ballast.write_all(&[0; 4096]).is_ok() {}
    let length = ballast.metadata().expect("its length").len();
    ballast.set_len(length.saturating_sub(room)).expect("it is cut");
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
