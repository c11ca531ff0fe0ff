// SPDX-License-Identifier: Apache-2.0
//! Published attack corpora that are about what a request says, sent as raw
//! bytes through the whole proxy. Those about framing run beside the listener.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::world::{Options, World};

const CONTACT: &str = "/sf/services/data/v62.0/sobjects/Contact";
/// How long the answer to one case may take on a busy machine.
const PER_CASE: Duration = Duration::from_secs(2);
/// The same for what is long or expands: in a debug build 16 MiB of gzip alone need 2 s.
const PER_LONG_CASE: Duration = Duration::from_secs(20);
const LONG: usize = 32 << 10;
/// What the process may hold at most, after all bombs. Bodies have 16 MiB by default.
const MOST_MEMORY: u64 = 400 << 20;

/// Cases of the policy-bypass corpus that come out otherwise, each with its reason.
const KNOWN: &[(&str, &str)] = &[];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_policy_bypass_reaches_an_upstream() {
    let Some(cases) = bypass_cases() else { return };
    let recorder = Recorder::start().await;
    let world = bypass_world(&recorder).await;
    let mut deviations = Vec::new();
    let mut protected = 0;
    for case in &cases {
        let id = text(case, "id");
        let outcome = play(&world, &recorder, "", case).await;
        protected += usize::from(outcome == Ok("protect"));
        let found = outcome.err();
        let known = KNOWN.iter().find(|(known, _)| *known == id);
        match (found, known) {
            (Some(found), None) => {
                deviations.push(format!("{id} ({}): {found}", text(case, "title")));
            }
            (None, Some(_)) => deviations.push(format!("{id}: no longer deviates")),
            (Some(_), Some((_, reason))) => eprintln!("{id}: known: {reason}"),
            (None, None) => {}
        }
    }
    let as_allowed = cases.len() - deviations.len() - KNOWN.len();
    println!("suite: policy bypass | {} | {as_allowed} | through the whole proxy", cases.len());
    eprintln!("policy bypass: {protected} protected, {} refused", as_allowed - protected);
    let mut canaries: Vec<String> = cases.iter().flat_map(canaries).collect();
    canaries.sort();
    canaries.dedup();
    let transfers = fs::read(world.journal()).expect("a log");
    for (name, bytes) in [
        ("log", world.log()),
        ("transfer log", transfers),
        ("metrics", world.admin("/metrics").await.body.to_vec()),
    ] {
        let found = reading_of(&bytes, &canaries);
        deviations.extend(found.map(|reading| format!("a canary is in the {name} ({reading})")));
    }
    assert!(deviations.is_empty(), "{}", deviations.join("\n"));
    assert!(cases.len() >= 159, "only {} cases", cases.len());
}

/// The negative control: with the same requests and a policy that protects next
/// to nothing, the judge finds the canaries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_policy_is_found_out() {
    let Some(cases) = bypass_cases() else { return };
    let recorder = Recorder::start().await;
    let world = bypass_world(&recorder).await;
    for id in [
        "BYP-CONTROL-001",
        "BYP-JSON-006",
        "BYP-JSON-066",
        "BYP-JSON-068",
        "BYP-CODING-001",
        "BYP-STREAM-001",
        "BYP-STREAM-004",
        "BYP-URL-002",
    ] {
        let case = cases.iter().find(|case| case["id"] == id).expect("a case of the corpus");
        let found = play(&world, &recorder, "/open", case).await;
        assert!(
            found.as_ref().is_err_and(|found| found.contains("canary")),
            "{id} is not found out: {found:?}"
        );
    }
}

#[test]
fn the_judge_reads_every_encoding() {
    use std::io::Write;
    let canary = "Müllerová-Beispiel";
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let percent = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let hex = |bytes: &[u8]| -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    let escaped =
        canary.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(format!(r#"{{"x":"{escaped}"}}"#).as_bytes()).expect("memory takes it");
    let forms: [Vec<u8>; 10] = [
        canary.to_uppercase().into(),
        percent(canary).into(),
        percent(&percent(canary)).into(),
        escaped.clone().into(),
        escaped.replace('\\', "\\\\").into(),
        STANDARD.encode(format!("a{canary}b")).into(),
        STANDARD.encode(percent(canary)).into(),
        hex(canary.as_bytes()).to_uppercase().into(),
        utf16(canary),
        packed.finish().expect("memory takes it"),
    ];
    for form in forms {
        let sent = [b"POST /x HTTP/1.1\r\n\r\n{\"a\":\"", &form[..], b"\"}"].concat();
        assert!(
            reading_of(&sent, &[canary.into()]).is_some(),
            "{}",
            String::from_utf8_lossy(&form)
        );
        assert_eq!(reading_of(&sent, &["nobody".into()]), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_are_refused_in_bounded_memory() {
    let Some(bytes) = vector("bombs/bombs.json") else { return };
    let bombs: Value = serde_json::from_slice(&bytes).expect("a corpus is JSON");
    let bombs = bombs["cases"].as_array().expect("a list of bombs");
    let world = World::start(Options::default()).await;
    let mut deviations = Vec::new();
    for bomb in bombs {
        let is_multipart = text(bomb, "title").starts_with("multipart");
        let kind =
            if is_multipart { "multipart/form-data; boundary=b" } else { "application/json" };
        let mut headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        if let Some(coding) = bomb["content_encoding"].as_str() {
            headers.push(("Content-Encoding".to_owned(), coding.to_owned()));
        }
        let body = parts(&bomb["parts"]);
        // A length lets the proxy refuse before it reads; chunks do not.
        for chunk_size in [None, Some(1 << 16)] {
            let framing = Framing { chunk_size, trailers: Vec::new() };
            let request = request(&world, "POST", CONTACT, &headers, &body, &framing);
            let status = status(&exchange(world.address(), &request).await.unwrap_or_default());
            if !status.is_some_and(|status| (400..500).contains(&status)) {
                deviations.push(format!(
                    "{} ({}, chunks {chunk_size:?}): {status:?}",
                    text(bomb, "id"),
                    text(bomb, "title")
                ));
            }
        }
    }
    let peak = peak_memory(world.pid());
    println!("suite: bombs | {0} | {0} | through the whole proxy, in two framings", bombs.len());
    eprintln!("bombs: {} cases in two framings, peak {} MiB", bombs.len(), peak >> 20);
    assert!(deviations.is_empty(), "{}", deviations.join("\n"));
    assert_eq!(world.crm.request_count(), 0, "something was forwarded");
    assert!(peak < MOST_MEMORY, "{} MiB", peak >> 20);
    assert_eq!(world.admin("/readyz").await.status, StatusCode::OK);
    let after = world.post("support", CONTACT, json!({ "LastName": "After" }).to_string()).await;
    assert_eq!(after.status, StatusCode::CREATED, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_json_is_not_forwarded() {
    let Some(folder) = vectors("json/test_parsing") else { return };
    let world = World::start(Options::default()).await;
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    let mut deviations = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if !name.starts_with("n_") {
            continue;
        }
        count += 1;
        let body = fs::read(&path).expect("a vector can be read");
        let request = request(&world, "POST", CONTACT, &headers, &body, &Framing::default());
        let status = status(&exchange(world.address(), &request).await.unwrap_or_default());
        let forwarded = world.crm.requests().len();
        world.crm.forget_requests();
        if forwarded > 0 || !status.is_some_and(|status| (400..500).contains(&status)) {
            deviations.push(format!("{name}: {status:?}, {forwarded} forwarded"));
        }
    }
    eprintln!("JSONTestSuite: {count} n_ files, {} forwarded or not refused", deviations.len());
    assert!(deviations.is_empty(), "{}", deviations.join("\n"));
    assert_eq!(world.crm.request_count(), 0);
    assert!(count >= 187, "only {count} files");
    let after = world.post("support", CONTACT, json!({ "LastName": "After" }).to_string()).await;
    assert_eq!(after.status, StatusCode::CREATED, "{after:?}");
    assert_eq!(world.crm.request_count(), 1);
}

/// A path below the vectors; `None` where they are not beside the checkout, which
/// only CI may not do without.
#[expect(clippy::disallowed_methods, reason = "CI says so by an environment variable")]
fn vectors(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "`{}` is missing", path.display());
    eprintln!("SKIPPED: `{}` is missing", path.display());
    None
}

fn vector(name: &str) -> Option<Vec<u8>> {
    vectors(name).map(|path| fs::read(path).expect("a vector can be read"))
}

fn bypass_cases() -> Option<Vec<Value>> {
    let packed = vector("http/policy_bypass.jsonl.gz")?;
    let mut lines = String::new();
    MultiGzDecoder::new(&packed[..]).read_to_string(&mut lines).expect("the corpus is gzip");
    Some(lines.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect())
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().expect("a text")
}

fn canaries(case: &Value) -> Vec<String> {
    let canaries = case["canaries"].as_array().expect("a list of canaries");
    canaries.iter().map(|canary| canary.as_str().expect("a text").to_owned()).collect()
}

fn decode(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("a text")).expect("base64")
}

fn parts(parts: &Value) -> Vec<u8> {
    let repeat = |part: &Value| part["repeat"].as_u64().expect("a count") as usize;
    let parts = parts.as_array().expect("a list of parts");
    let parts: Vec<_> =
        parts.iter().map(|part| decode(&part["b64"]).repeat(repeat(part))).collect();
    parts.concat()
}

/// `policy_bypass_policy.json` in the product's own words.
const POLICY: &str = "version: 1
categories:
  name: { reveal: { support: full } }
  email: { reveal: { support: full } }
  phone: { reveal: { support: full } }
  iban: { reveal: { support: full } }
  birth: { reveal: { support: full } }
  notes: { reveal: { support: full } }
objects:
  contact:
    fields:
      email: { category: email, protect: tokenize }
      lastName: { category: name, protect: tokenize }
      phone: { category: phone, protect: tokenize }
      iban: { category: iban, protect: tokenize }
      birthDate: { category: birth, protect: encrypt }
      notes: { category: notes, protect: encrypt, search: [exact] }
    unlisted: { category: notes, protect: encrypt }
  guarded:
    fields:
      nothing: { category: name, protect: tokenize }
    unlisted: pass
";

/// A world with the recorder behind it, by the policy and, under `/open`, without one.
async fn bypass_world(recorder: &Recorder) -> World {
    let upstream = |name: &str, matches: &str, object: &str| {
        let fields = |object: &str, names: &[&str]| {
            let selectors: Vec<String> =
                names.iter().map(|name| format!("{name}: \"$..{name}\"")).collect();
            format!("{object}: {{ {} }}", selectors.join(", "))
        };
        let personal =
            fields(object, &["email", "lastName", "phone", "iban", "birthDate", "notes"]);
        let harmless = fields("deal", &["stage", "amount"]);
        let written = format!("{{ object: {object}, request: {{ {personal}, {harmless} }} }}");
        format!(
            "  {name}:
    dialect: generic
    url: http://{}
    region: US
    {matches}
    policy: policies/further.yaml
    routes:
      POST /api/v1/contacts: {written}
      PATCH /api/v1/contacts/{{id}}: {written}
      GET /api/v1/contacts: {{ parameters: {{ email: {object}.email, q: {object}.notes }} }}
      GET /api/v1/contacts/{{email}}: {{ path: {{ email: {object}.email }} }}
",
            recorder.address
        )
    };
    let guarded = upstream("recorder", "", "contact");
    let open = upstream("open", "match: { path_prefix: /open }", "guarded");
    let upstreams = guarded + &open;
    // The corpus takes a custom field for personal that no shipped policy can know.
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| {
        let fields = "  Contact:\n    subject: [Email]";
        let at = policy.find(fields).and_then(|at| Some(at + policy[at..].find("fields:\n")? + 8));
        let (head, tail) = policy.split_at(at.expect("the policy lists the fields of contacts"));
        format!("{head}      Email__c: {{ category: email, protect: tokenize }}\n{tail}")
    });
    let options =
        Options { upstreams, further_policy: POLICY, salesforce_policy, ..Options::default() };
    World::start(options).await
}

/// Sends a case and judges what came of it; `prefix` leads to an upstream.
async fn play(
    world: &World,
    recorder: &Recorder,
    prefix: &str,
    case: &Value,
) -> Result<&'static str, String> {
    let path = text(case, "path");
    let prefix = match path {
        _ if path.starts_with("/services/") => "/sf",
        _ if path.starts_with("/crm/v3/") || path.starts_with("/contacts/v1/") => "/hs",
        _ => prefix,
    };
    let fields = |list: &Value| -> Vec<(String, String)> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let part = |value: &Value| value.as_str().expect("a text").to_owned();
        list.iter().map(|field| (part(&field[0]), part(&field[1]))).collect()
    };
    let is_chunked = case["framing"]["chunked"] == true;
    let size = case["framing"]["chunk_size"].as_u64().map_or(1 << 16, |size| size as usize);
    let framing = Framing {
        chunk_size: is_chunked.then_some(size),
        trailers: fields(&case["framing"]["trailers"]),
    };
    let body = match &case["body_parts"] {
        Value::Null => decode(&case["body_b64"]),
        list => parts(list),
    };
    let request = request(
        world,
        text(case, "method"),
        &format!("{prefix}{path}"),
        &fields(&case["headers"]),
        &body,
        &framing,
    );
    let answer = exchange(world.address(), &request).await;
    let status = answer.as_deref().and_then(status);

    let mut upstream = recorder.take();
    for request in world.crm.requests() {
        let mut bytes = request.target.to_vec();
        for (name, value) in &request.headers {
            bytes.extend_from_slice(format!("\r\n{name}: ").as_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&request.body);
        upstream.push(bytes);
    }
    world.crm.forget_requests();

    if answer.is_none() {
        return Err("no answer in time".to_owned());
    }
    let canaries = canaries(case);
    for bytes in &upstream {
        if let Some(reading) = reading_of(bytes, &canaries) {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
            return Err(format!("a canary is upstream ({reading}): {head:?}"));
        }
    }
    let outcome = match status {
        _ if !upstream.is_empty() => "protect",
        Some(400..500) => "reject",
        // SOAP clients read faults from answers with this status only.
        Some(500) if answer.as_deref().is_some_and(is_refused_by_fault) => "reject",
        _ => return Err(format!("nothing forwarded, but the status is {status:?}")),
    };
    let allowed = case["expect"]["allowed"].as_array().expect("a list of outcomes");
    if !allowed.iter().any(|allowed| allowed == outcome) {
        return Err(format!("{outcome} (status {status:?}), allowed is {allowed:?}"));
    }
    let is_harmless = case["category"] == "control" && canaries.is_empty();
    if is_harmless && !upstream.iter().all(|bytes| bytes.ends_with(&body)) {
        return Err("what holds nothing personal was changed".to_owned());
    }
    Ok(outcome)
}

fn is_refused_by_fault(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let is_refused = answer.contains("zollhaus-refusal: ") && !answer.contains(": internal\r\n");
    is_refused && answer.contains("<soapenv:Fault>")
}

#[derive(Default)]
struct Framing {
    /// With chunks of this size, and not with a length.
    chunk_size: Option<usize>,
    trailers: Vec<(String, String)>,
}

fn request(
    world: &World,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
    framing: &Framing,
) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Zollhaus-Key: {}\r\nAuthorization: Bearer 00Dxx0000001gPL!session\r\n",
        world.address(),
        world.key("support")
    )
    .into_bytes();
    let field = |(name, value): &(String, String)| format!("{name}: {value}\r\n").into_bytes();
    bytes.extend(headers.iter().flat_map(field));
    let Some(size) = framing.chunk_size else {
        if !body.is_empty() || method != "GET" {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        return bytes;
    };
    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n");
    bytes.extend(framing.trailers.iter().flat_map(field));
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Sends and returns all that came until the proxy closed; `None` if it did not in time.
async fn exchange(proxy: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
    let stream = TcpStream::connect(proxy).await.expect("the proxy accepts");
    let (mut reader, mut writer) = stream.into_split();
    let read = async {
        let mut answer = Vec::new();
        // A reset ends the answer as well as a close does.
        let _ = reader.read_to_end(&mut answer).await;
        answer
    };
    // Who is refused early cannot write everything.
    let write = async {
        let _ = writer.write_all(request).await;
        std::future::pending::<()>().await;
    };
    let both = async {
        tokio::select! {
            answer = read => answer,
            () = write => unreachable!("it does not end"),
        }
    };
    let patience = if request.len() < LONG { PER_CASE } else { PER_LONG_CASE };
    tokio::time::timeout(patience, both).await.ok()
}

fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kibibytes: u64 =
        line.trim().trim_end_matches(" kB").parse().expect("a number of kibibytes");
    kibibytes << 10
}

/// An upstream that keeps every byte and answers `200 {}`.
struct Recorder {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Vec<u8>>>>,
    _tasks: JoinSet<()>,
}

impl Recorder {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let connections: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let log = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut log = log.lock().expect("no writer panicked");
                    log.push(Vec::new());
                    log.len() - 1
                };
                serving.spawn(record(stream, index, Arc::clone(&log)));
            }
        });
        Self { address, connections, _tasks: tasks }
    }

    /// What has come since the last time, by connection.
    fn take(&self) -> Vec<Vec<u8>> {
        let mut connections = self.connections.lock().expect("no writer panicked");
        connections.iter_mut().map(std::mem::take).filter(|bytes| !bytes.is_empty()).collect()
    }
}

async fn record(mut stream: TcpStream, index: usize, log: Arc<Mutex<Vec<Vec<u8>>>>) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let mut pending = Vec::new();
    loop {
        let before = pending.len();
        if !matches!(stream.read_buf(&mut pending).await, Ok(1..)) {
            return;
        }
        log.lock().expect("no writer panicked")[index].extend_from_slice(&pending[before..]);
        while let Some(length) = complete(&pending) {
            pending.drain(..length);
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }
}

/// The length of the first request, if all of it is there.
fn complete(bytes: &[u8]) -> Option<usize> {
    let end = find(bytes, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length = match field("transfer-encoding:") {
        Some(_) => find(&bytes[end..], b"0\r\n\r\n")? + 5,
        None => {
            field("content-length:").map_or(0, |length| length.trim().parse().expect("a length"))
        }
    };
    (bytes.len() >= end + length).then_some(end + length)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

type Reading = (&'static str, fn(&[u8]) -> Vec<u8>);

const READINGS: [Reading; 6] = [
    ("percent", |bytes| percent_encoding::percent_decode(bytes).collect()),
    ("JSON escapes", unescape),
    ("UTF-16 or 32", wide),
    ("base64", unbase64),
    ("hexadecimal", unhex),
    ("compressed", inflate),
];

/// How `sent` has to be read for a canary to be found in it, if one can be.
fn reading_of(sent: &[u8], canaries: &[String]) -> Option<String> {
    let canaries: Vec<String> = canaries.iter().map(|canary| fold(canary.as_bytes())).collect();
    let depth = if sent.len() > 1 << 15 { 1 } else { 3 };
    let mut seen = HashSet::new();
    let mut open = vec![(sent.to_vec(), Vec::new())];
    while let Some((bytes, path)) = open.pop() {
        let text = fold(&bytes);
        if canaries.iter().any(|canary| text.contains(canary)) {
            return Some(if path.is_empty() { "raw".to_owned() } else { path.join(", ") });
        }
        if path.len() < depth {
            for (name, read) in READINGS {
                let read = read(&bytes);
                if !read.is_empty() && seen.insert(read.clone()) {
                    open.push((read, [&path[..], &[name]].concat()));
                }
            }
        }
    }
    None
}

/// Without regard to case, full width, and `+` for a space.
fn fold(bytes: &[u8]) -> String {
    let narrow = |character: char| match u32::from(character) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(character),
        0x2b => ' ',
        _ => character,
    };
    String::from_utf8_lossy(bytes).chars().map(narrow).flat_map(char::to_lowercase).collect()
}

fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let unit = after
            .strip_prefix(b"u")
            .and_then(|digits| digits.get(..4))
            .and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        rest = match (first, unit.and_then(char::from_u32), after.first()) {
            (b'\\', Some(character), _) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                &after[5..]
            }
            (b'\\', None, Some(&escaped)) => {
                out.push(escaped);
                &after[1..]
            }
            _ => {
                out.push(first);
                after
            }
        };
    }
    out
}

/// Both byte orders at both offsets, and what is left without NULs.
fn wide(bytes: &[u8]) -> Vec<u8> {
    if !bytes.contains(&0) {
        return Vec::new();
    }
    let mut out: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    for offset in 0..2.min(bytes.len()) {
        for join in [u16::from_le_bytes, u16::from_be_bytes] {
            let units: Vec<u16> =
                bytes[offset..].chunks_exact(2).map(|pair| join([pair[0], pair[1]])).collect();
            out.push(b'\n');
            out.extend_from_slice(String::from_utf16_lossy(&units).as_bytes());
        }
    }
    out
}

fn unbase64(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    runs(bytes, digit, 4, |four| {
        let bits = four.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit));
        bits.to_be_bytes()[1..].to_vec()
    })
}

fn unhex(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    runs(bytes, digit, 2, |two| vec![two[0] << 4 | two[1]])
}

/// Every long run of digits, read in groups, from each place where one could start.
fn runs(
    bytes: &[u8],
    digit: impl Fn(u8) -> Option<u8>,
    group: usize,
    read: impl Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for run in bytes.split(|byte| digit(*byte).is_none()).filter(|run| run.len() >= 12) {
        let digits: Vec<u8> = run.iter().filter_map(|byte| digit(*byte)).collect();
        for offset in 0..group {
            // The last group may be short; what is missing counts as zeros.
            let padded = [&digits[offset..], &vec![0; group][..]].concat();
            out.extend(padded.chunks_exact(group).flat_map(&read));
            out.push(b'\n');
        }
    }
    out
}

/// Whatever gzip, zlib and, behind a head, deflate make of it; broken ends too.
fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut read = |reader: &mut dyn Read| {
        let _ = reader.take(1 << 20).read_to_end(&mut out);
    };
    for at in 0..bytes.len() {
        match &bytes[at..] {
            rest @ [0x1f, 0x8b, 8, ..] => read(&mut MultiGzDecoder::new(rest)),
            rest @ [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => read(&mut ZlibDecoder::new(rest)),
            [b'\r', b'\n', b'\r', b'\n', rest @ ..] => read(&mut DeflateDecoder::new(rest)),
            _ => {}
        }
    }
    out
}
