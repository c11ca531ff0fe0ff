// SPDX-License-Identifier: Apache-2.0
//! What breaks is answered in native shape, forwards nothing it should not, and
//! recovers by itself.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zollhaus::demo::crm::Fault;

use crate::world::{Answer, Options, World};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

fn contact(name: &str) -> String {
    json!({ "LastName": name, "Email": format!("{name}@example.org") }).to_string()
}

async fn create(world: &World, name: &str) -> Answer {
    world.post("support", CONTACTS, contact(name)).await
}

#[track_caller]
fn refused(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!((answer.status, answer.refusal()), (status, Some(code)), "{answer:?}");
    assert!(
        answer.json()[0]["errorCode"].is_string(),
        "not in the shape of Salesforce: {answer:?}"
    );
}

async fn is_ready(world: &World) -> bool {
    world.admin("/readyz").await.status == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_vault_refuses_and_recovers() {
    let world = World::start(Options::default()).await;
    assert_eq!(create(&world, "before").await.status, StatusCode::CREATED);
    let other =
        rusqlite::Connection::open(world.folder.join("zollhaus.vault")).expect("the vault opens");
    other.execute_batch("BEGIN EXCLUSIVE").expect("the vault can be locked");
    refused(&create(&world, "during").await, StatusCode::SERVICE_UNAVAILABLE, "vault_unavailable");
    assert!(!is_ready(&world).await);
    assert_eq!(world.crm.request_count(), 1);
    other.execute_batch("ROLLBACK").expect("the lock is given back");
    world.until("ready again", is_ready).await;
    assert_eq!(create(&world, "after").await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_recovers() {
    let world = World::start(Options::default()).await;
    assert_eq!(create(&world, "before").await.status, StatusCode::CREATED);
    let entries = world.entries().len();
    let length = fs::metadata(world.journal()).expect("a log").len();
    limit_file_size(&world, &length.to_string());
    let answer = create(&world, "during").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(world.crm.request_count(), 1, "nothing leaves that cannot be recorded");
    assert!(!is_ready(&world).await);
    limit_file_size(&world, "unlimited");
    world.until("ready again", is_ready).await;
    assert_eq!(create(&world, "after").await.status, StatusCode::CREATED);
    assert!(world.entries().len() > entries, "the log is whole and goes on");
}

/// Bounds the size of files that the process may write, as a full disk would.
fn limit_file_size(world: &World, soft: &str) {
    let done = Command::new("prlimit")
        .args(["--pid", &world.pid().to_string(), &format!("--fsize={soft}:unlimited")])
        .status()
        .expect("prlimit runs");
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_upstream_is_told_apart_and_recorded() {
    let world = World::start(Options {
        settings: String::new(),
        timeouts: "timeouts: { connect: 1s, answer: 1s, read: 1s, total: 2s }",
        ..Options::default()
    })
    .await;
    let check = async |fault: Fault, status, code| {
        world.crm.set_fault(fault);
        refused(&create(&world, "lost").await, status, code);
    };
    check(Fault::Down, StatusCode::BAD_GATEWAY, "upstream_unavailable").await;
    // It has acted; the caller must not repeat it unawares.
    check(Fault::ResetMidBody, StatusCode::BAD_GATEWAY, "answer_withheld").await;
    check(Fault::Slow(Duration::from_secs(3)), StatusCode::GATEWAY_TIMEOUT, "upstream_timeout")
        .await;
    check(Fault::Garbage, StatusCode::BAD_GATEWAY, "upstream_unreadable").await;
    // Each piece comes in time, the whole does not.
    let drip = Fault::Drip(Duration::from_millis(500));
    check(drip, StatusCode::BAD_GATEWAY, "answer_withheld").await;
    world.crm.set_fault(Fault::None);
    assert_eq!(create(&world, "found").await.status, StatusCode::CREATED);

    let entries = world.entries();
    let of_kind = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((of_kind("transfer"), of_kind("outcome")), (6, 6), "each transfer has its outcome");
    let failed = entries.iter().filter(|entry| entry["result"] == "failed").count();
    assert!(failed >= 2, "{entries:?}");
}

/// More than the sockets between hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_still_sends_reads_the_refusal_when_it_is_done() {
    let settings = "limits: { max_body_bytes: 64KiB, max_rows_bytes: 64KiB }".to_owned();
    let world = World::start(Options { settings, ..Options::default() }).await;
    let body = vec![b'x'; 64 << 20];
    // By its head, and by what arrives.
    for length in [format!("Content-Length: {}", body.len()), "Transfer-Encoding: chunked".into()] {
        let is_chunked = length.starts_with("Transfer");
        let mut client = TcpStream::connect(world.address()).await.expect("it accepts");
        let head = format!(
            "POST {CONTACTS} HTTP/1.1\r\nHost: x\r\nZollhaus-Key: {}\r\n\
             Content-Type: application/json\r\n{length}\r\n\r\n",
            world.key("support")
        );
        client.write_all(head.as_bytes()).await.expect("it reads");
        if is_chunked {
            client.write_all(format!("{:x}\r\n", body.len()).as_bytes()).await.expect("it reads");
        }
        client.write_all(&body).await.expect("it takes all of the body");
        if is_chunked {
            client.write_all(b"\r\n0\r\n\r\n").await.expect("it reads");
        }
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.expect("it answers");
        assert_eq!(&answer, b"HTTP/1.1 413", "{length}");
    }
    assert_eq!(world.crm.request_count(), 0);
}

/// What follows would be read as a request of its own, or as a part of the body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_where_it_is_in_doubt_what_a_body_is() {
    let world = World::start(Options::default()).await;
    let mut client = TcpStream::connect(world.address()).await.expect("it accepts");
    let next = "GET /sf/services/data HTTP/1.1\r\nHost: x\r\n\r\n";
    let doubtful = format!(
        "POST {CONTACTS} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{next}",
        5 + next.len()
    );
    client.write_all(doubtful.as_bytes()).await.expect("it reads");
    let mut answers = Vec::new();
    // It may be cut off, too.
    let _ = client.read_to_end(&mut answers).await;
    let answers = String::from_utf8_lossy(&answers);
    assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{answers}");
    assert!(answers.is_empty() || answers.starts_with("HTTP/1.1 4"), "{answers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_first_is_not_told_to_send_what_is_refused() {
    let settings = "limits: { max_body_bytes: 64KiB, max_rows_bytes: 64KiB }".to_owned();
    let world = World::start(Options { settings, ..Options::default() }).await;
    let mut client = TcpStream::connect(world.address()).await.expect("it accepts");
    let head = format!(
        "POST {CONTACTS} HTTP/1.1\r\nHost: x\r\nZollhaus-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100000\r\n\
         Expect: 100-continue\r\n\r\n",
        world.key("support")
    );
    client.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_beyond_the_limits_are_refused() {
    let world = World::start(Options {
        settings: "limits: { max_body_bytes: 64KiB, max_expansion_ratio: 20, body_timeout: 1s, header_timeout: 1s, idle_timeout: 2s }".to_owned(),
        ..Options::default()
    })
    .await;
    let large = json!({ "LastName": "x".repeat(100_000) }).to_string();
    let answer = world.post("support", CONTACTS, large).await;
    assert_eq!(
        (answer.status, answer.refusal()),
        (StatusCode::PAYLOAD_TOO_LARGE, Some("too_large"))
    );

    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(world.post("support", CONTACTS, deep).await.refusal(), Some("too_large"));

    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 500_000]).expect("it compresses");
    let bomb = bomb.finish().expect("it compresses");
    let request = Request::post(format!("http://{}{CONTACTS}", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(Full::from(bomb))
        .expect("a sound request");
    let answer = world.send_request(request).await.expect("an answer");
    refused(&answer, StatusCode::PAYLOAD_TOO_LARGE, "too_large");

    for head in [
        "POST /sf/services/data/v62.0/sobjects/Contact HTTP/1.1\r\nHost: x\r\n".to_owned(),
        format!(
            "POST {CONTACTS} HTTP/1.1\r\nHost: x\r\nZollhaus-Key: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"Last",
            world.key("support")
        ),
    ] {
        let mut slow = TcpStream::connect(world.address()).await.expect("it accepts");
        slow.write_all(head.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut answer))
            .await
            .expect("a slow client is cut off")
            .expect("it closes in order");
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
    assert_eq!(world.crm.request_count(), 0);
    assert_eq!(create(&world, "sound").await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_very_many_values_are_refused_before_they_fill_the_memory() {
    let world = World::start(Options::default()).await;
    let many = format!("{{\"LastName\":\"x\",\"Many__c\":[{}1]}}", "1,".repeat(5_000_000));
    let answer = world.post("support", CONTACTS, many).await;
    refused(&answer, StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    let status = fs::read_to_string(format!("/proc/{}/status", world.pid())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kib < 300 * 1024, "10 MB took {kib} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_recorded_is_not_to_be_asked_for_again() {
    let world = World::start(Options::default()).await;
    world.crm.set_fault(Fault::Slow(Duration::from_millis(600)));
    let full = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let log = fs::metadata(world.journal()).expect("a log");
        limit_file_size(&world, &log.len().to_string());
    };
    let (answer, ()) = tokio::join!(create(&world, "made"), full);
    refused(&answer, StatusCode::BAD_GATEWAY, "answer_withheld");
    assert!(!answer.headers.contains_key("retry-after"));
    assert_eq!(world.crm.stored().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_house_sheds_load_and_recovers() {
    let world = World::start(Options {
        settings: "limits: { max_concurrent_requests: 1 }".to_owned(),
        ..Options::default()
    })
    .await;
    world.crm.set_fault(Fault::Slow(Duration::from_millis(800)));
    let (one, two) = tokio::join!(create(&world, "one"), create(&world, "two"));
    let shed: Vec<&Answer> =
        [&one, &two].into_iter().filter(|answer| answer.refusal().is_some()).collect();
    assert_eq!(shed.len(), 1, "{one:?} {two:?}");
    refused(shed[0], StatusCode::SERVICE_UNAVAILABLE, "overloaded");
    assert!(shed[0].headers.contains_key("retry-after"));
    world.crm.set_fault(Fault::None);
    assert_eq!(create(&world, "three").await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_does_not_compile_leaves_the_running_one() {
    let world = World::start(Options::default()).await;
    let path = world.folder.join("policies/salesforce.yaml");
    let sound = fs::read_to_string(&path).expect("a policy");
    let reloads = async |world: &World, result: &str| {
        let metrics = String::from_utf8(world.admin("/metrics").await.body.to_vec()).expect("text");
        let line =
            format!("zollhaus_policy_reloads_total{{result=\"{result}\",upstream=\"salesforce\"}}");
        metrics
            .lines()
            .find_map(|found| found.strip_prefix(&line))
            .and_then(|count| count.trim().parse::<u32>().ok())
            .unwrap_or(0)
    };

    fs::write(&path, sound.replacen("LastName:", "LastNam€: [", 1))
        .expect("a policy can be written");
    world.signal("-HUP");
    world
        .until("the broken policy was seen", async |world| reloads(world, "rejected").await > 0)
        .await;
    assert_eq!(create(&world, "secret").await.status, StatusCode::CREATED);
    assert!(!String::from_utf8_lossy(&world.crm.requests()[0].body).contains("secret"));

    let digest = |world: &World| -> Value { world.entries().last_mut().expect("an entry").take() };
    let before = digest(&world);
    fs::write(&path, format!("{sound}\n# a sound change\n")).expect("a policy can be written");
    world.signal("-HUP");
    world
        .until("the sound policy was taken", async |world| reloads(world, "applied").await > 0)
        .await;
    assert_eq!(create(&world, "secret2").await.status, StatusCode::CREATED);
    let policies: Vec<Value> = world
        .entries()
        .iter()
        .filter(|entry| entry["kind"] == "transfer")
        .map(|entry| entry["policy"].clone())
        .collect();
    assert_ne!(policies[0], policies[1], "the log names the policy that held: {before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_cannot_write_one_log() {
    let world = World::start(Options::default()).await;
    let second = crate::world::zollhaus()
        .args(["run", "--config"])
        .arg(world.config())
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("it runs");
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("in use by another process"), "{said}");
    assert_eq!(create(&world, "first").await.status, StatusCode::CREATED);
    assert_eq!(world.send("support", Method::GET, CONTACTS, "").await.refusal(), None);
}
