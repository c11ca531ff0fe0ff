// SPDX-License-Identifier: Apache-2.0
//! A `zollhaus` process with its files, the sample CRM behind it, and a client.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use zollhaus::demo::crm::{CrmOptions, SampleCrm};
use zollhaus::transfer_log::read::LogDirectory;

/// How long anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The roles of the policy packs, each with a caller of the same name.
pub const CALLERS: [&str; 3] = ["support", "marketing", "analyst"];

/// Where a world differs from the usual one.
#[derive(Default)]
pub struct Options {
    /// Edits the Salesforce policy before it is written.
    pub salesforce_policy: Option<fn(String) -> String>,
    /// Edits the HubSpot policy.
    pub hubspot_policy: Option<fn(String) -> String>,
    /// Further entries of `upstreams`, indented by two.
    pub upstreams: String,
    /// A policy of theirs, as `policies/further.yaml`.
    pub further_policy: &'static str,
    /// A document of a border, as `policies/house.yaml`.
    pub house_rules: &'static str,
    /// Further lines for the end of `zollhaus.yaml`.
    pub settings: String,
    /// A `timeouts:` line for the upstreams.
    pub timeouts: &'static str,
    pub observe: bool,
    pub tls: bool,
    /// The role of callers without a credential, for clients that cannot send one.
    pub anonymous_role: Option<&'static str>,
    /// Where the vault is, in the place of a file.
    pub vault: Option<String>,
    pub crm: CrmOptions,
}

pub struct World {
    pub crm: Arc<SampleCrm>,
    pub folder: PathBuf,
    keys: Vec<String>,
    process: Option<Process>,
    client: Client,
    log: Arc<Mutex<Vec<u8>>>,
}

pub type Client = HyperClient<HttpConnector, Full<Bytes>>;

struct Process {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub fn refusal(&self) -> Option<&str> {
        self.headers.get("zollhaus-refusal").map(|code| code.to_str().expect("a code is ASCII"))
    }
}

impl World {
    pub async fn start(options: Options) -> Self {
        let crm = SampleCrm::start(options.crm.clone()).await.expect("the sample CRM starts");
        let folder = fresh_folder();
        write_files(&folder, crm.origin(), &options);
        let mut world = Self {
            crm: Arc::new(crm),
            keys: CALLERS.iter().map(|role| new_caller(&folder, role)).collect(),
            folder,
            process: None,
            client: client(),
            log: Arc::default(),
        };
        world.run();
        world
    }

    /// Starts another process of the same house, before the same CRM: with the same keys and
    /// callers, and a transfer log of its own.
    pub fn another(&self) -> Self {
        let folder = fresh_folder();
        let copied = Command::new("cp").arg("-r").arg(self.folder.join(".")).arg(&folder).status();
        assert!(copied.expect("cp runs").success());
        let _ = fs::remove_dir_all(folder.join("log"));
        let config = fs::read_to_string(folder.join("zollhaus.yaml")).expect("a configuration");
        let other = config.replace("acme.example/zollhaus/one", "acme.example/zollhaus/two");
        assert_ne!(other, config, "its log has another name");
        fs::write(folder.join("zollhaus.yaml"), other).expect("it can be written");
        let (crm, keys) = (Arc::clone(&self.crm), self.keys.clone());
        let client = client();
        let mut world = Self { crm, keys, folder, process: None, client, log: Arc::default() };
        world.run();
        world
    }

    /// Starts the process; it must not be running.
    pub fn run(&mut self) {
        let is_open = self.run_under(&[]);
        assert!(is_open, "it did not start: {}", String::from_utf8_lossy(&self.log()));
    }

    /// Starts the process under a tool that ends in it. Whether it came so far that it
    /// is open.
    pub fn run_under(&mut self, tool: &[&str]) -> bool {
        assert!(self.process.is_none(), "it is running already");
        // A file that may not grow is to fail as a full disk does, not to end the process.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .args(tool)
            .args([env!("CARGO_BIN_EXE_zollhaus"), "run", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let (found, addresses) = std::sync::mpsc::channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                if let Ok(Value::Object(event)) = serde_json::from_slice(&line) {
                    let field = |name| event.get(name)?.as_str()?.parse::<SocketAddr>().ok();
                    if let (Some(address), Some(admin)) = (field("address"), field("admin")) {
                        let _ = found.send((address, admin));
                    }
                }
                let mut log = log.lock().expect("no writer panicked");
                log.extend_from_slice(&line);
                log.push(b'\n');
            }
        });
        let Ok((address, admin)) = addresses.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            child.wait().expect("it ends");
            return false;
        };
        self.process = Some(Process { child, address, admin });
        true
    }

    /// Ends the process at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.child.kill().expect("it can be killed");
            process.child.wait().expect("it ends");
        }
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().expect("it runs").child.id().to_string();
        let done = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(done.success());
    }

    /// Waits until the process has ended by itself.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = process.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").child.id()
    }

    pub fn config(&self) -> PathBuf {
        self.folder.join("zollhaus.yaml")
    }

    pub fn address(&self) -> SocketAddr {
        self.process.as_ref().expect("it runs").address
    }

    pub fn key(&self, caller: &str) -> &str {
        let index = CALLERS.iter().position(|name| *name == caller).expect("a known caller");
        &self.keys[index]
    }

    /// Sends a request as `caller`; `path` starts with the route's prefix (`/sf`, `/hs`).
    pub async fn send(
        &self,
        caller: &str,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        let body = body.into();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address()))
            .header("zollhaus-key", self.key(caller))
            .header("authorization", "Bearer 00Dxx0000001gPL!session");
        if !body.is_empty() {
            let kind = match path.rsplit('/').next() {
                Some("forms") => "application/x-www-form-urlencoded",
                Some("imports" | "upload") => "multipart/form-data; boundary=xXx",
                _ => "application/json",
            };
            request = request.header("content-type", kind);
        }
        let request = request.body(Full::new(body)).expect("a sound request");
        self.send_request(request).await.expect("an answer")
    }

    pub async fn send_request(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
            let (head, body) = answer.into_parts();
            let body = collect(body).await?;
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| "no answer in time".to_owned())?
    }

    pub async fn get(&self, caller: &str, path: &str) -> Answer {
        self.send(caller, Method::GET, path, "").await
    }

    pub async fn post(&self, caller: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(caller, Method::POST, path, body).await
    }

    /// `GET` on the admin listener.
    pub async fn admin(&self, path: &str) -> Answer {
        let address = self.process.as_ref().expect("it runs").admin;
        let request = Request::get(format!("http://{address}{path}"))
            .body(Full::default())
            .expect("a sound request");
        self.send_request(request).await.expect("the admin listener answers")
    }

    /// The first file of the transfer log's journal.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("log/journal/00000000000000000000.jsonl")
    }

    /// Every entry of the transfer log.
    pub fn entries(&self) -> Vec<Value> {
        let log = LogDirectory::open(&self.folder.join("log")).expect("a transfer log");
        let entries = log.entries(0).expect("it can be read");
        let value = |entry: Vec<u8>| serde_json::from_slice(&entry).expect("an entry is JSON");
        entries.map(|entry| value(entry.expect("it can be read").1)).collect()
    }

    /// Ends the process, and has the log verified by the product and by a program that
    /// shares no code with it.
    pub fn verify_log(&mut self) {
        if self.process.is_some() {
            self.signal("-TERM");
            assert!(self.ended().success());
        }
        verify_copy(&self.folder.join("log"));
    }

    /// What the process wrote to stderr.
    pub fn log(&self) -> Vec<u8> {
        self.log.lock().expect("no writer panicked").clone()
    }

    /// Waits until the condition holds.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&World) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self).await {
            assert!(Instant::now() < deadline, "never happened: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

pub fn client() -> Client {
    HyperClient::builder(TokioExecutor::new()).build_http()
}

async fn collect(body: hyper::body::Incoming) -> Result<Bytes, String> {
    Ok(body.collect().await.map_err(|error| error.to_string())?.to_bytes())
}

pub fn zollhaus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zollhaus"));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Has a log verified, by the first key that it had, by the product and by a program that
/// shares no code with it.
pub fn verify_copy(log: &Path) {
    let keys = fs::read_to_string(log.join("keys")).expect("the log has keys");
    let key = keys.lines().next().expect("a key");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifier/verify_log.py");
    let mut own = zollhaus();
    own.args(["log", "verify", "--key", key, "--directory"]).arg(log);
    let mut other = Command::new("python3");
    other.arg(program).arg(log).args(["--key", key, "--proofs", "100"]);
    for mut verifier in [own, other] {
        let output = verifier.output().expect("a verifier runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

/// The parts of a log in the order in which they are copied while it is in use: what each
/// refers to comes after it.
pub const PARTS: [&str; 5] = ["journal", "checkpoint", "checkpoints", "keys", "tile"];

/// Copies once more where a full bundle has taken the place of its beginnings meanwhile.
pub fn copy_part(part: &str, from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for attempt in 1.. {
        let copied = Command::new("cp").arg("-r").arg(from.join(part)).arg(to).output();
        let copied = copied.expect("cp runs");
        if copied.status.success() {
            return;
        }
        let said = String::from_utf8_lossy(&copied.stderr);
        let gone = said.lines().all(|line| line.ends_with("No such file or directory"));
        assert!(gone && attempt < 10, "{said}");
    }
}

pub fn fresh_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("world-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

fn write_files(folder: &Path, crm: &str, options: &Options) {
    let init =
        zollhaus().arg("init").arg(folder).stderr(Stdio::piped()).output().expect("init runs");
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for pack in ["salesforce", "hubspot"] {
        let mut text =
            fs::read_to_string(packs.join(format!("{pack}.yaml"))).expect("a policy pack");
        let edits =
            [("salesforce", options.salesforce_policy), ("hubspot", options.hubspot_policy)];
        let edit = edits.into_iter().find(|(edited, _)| *edited == pack);
        if let Some(edit) = edit.and_then(|(_, edit)| edit) {
            let edited = edit(text.clone());
            assert_ne!(edited, text, "the edit changes the policy");
            text = edited;
        }
        fs::write(folder.join("policies").join(format!("{pack}.yaml")), text)
            .expect("a policy can be written");
    }
    fs::write(
        folder.join("policies/example-api.yaml"),
        fs::read(packs.join("example-api.yaml")).expect("a policy"),
    )
    .expect("a policy can be written");
    let borders = folder.join("policies/border");
    fs::create_dir_all(&borders).expect("a folder can be made");
    for entry in fs::read_dir(packs.join("border")).expect("packs of laws") {
        let path = entry.expect("a pack").path();
        let name = path.file_name().expect("a name");
        fs::copy(&path, borders.join(name)).expect("a pack can be copied");
    }
    if !options.house_rules.is_empty() {
        fs::write(folder.join("policies/house.yaml"), options.house_rules)
            .expect("a document can be written");
    }
    if !options.further_policy.is_empty() {
        fs::write(folder.join("policies/further.yaml"), options.further_policy)
            .expect("a policy can be written");
    }
    if options.tls {
        make_certificates(&folder.join("certs"));
    }
    // simple-salesforce keeps nothing but the host of the URL it is pointed at.
    let salesforce = if options.tls { "hosts: [localhost]" } else { "path_prefix: /sf" };
    let mode = if options.observe { "observe" } else { "enforce" };
    let tls = if options.tls {
        "tls: { certificate: certs/server.pem, key: certs/server.key, client_certificates: { mode: optional, ca: certs/ca.pem } }"
    } else {
        ""
    };
    let anonymous = options
        .anonymous_role
        .map(|role| format!("anonymous: {{ principal: local-service, roles: [{role}] }}"));
    let anonymous = anonymous.unwrap_or_default();
    let certificates = if options.tls {
        "certificates: [{ name: \"uri:spiffe://zollhaus.dev/client\", principal: etl, roles: [support] }]"
    } else {
        ""
    };
    let timeouts = options.timeouts;
    let vault = options.vault.as_deref().unwrap_or("sqlite: zollhaus.vault");
    let upstreams = options.upstreams.replace("{crm}", crm);
    let config = format!(
        "version: 1
tenant: acme
listen:
  bind: 127.0.0.1:0
  {tls}
admin: {{ bind: 127.0.0.1:0 }}
upstreams:
  salesforce:
    dialect: salesforce
    url: {crm}
    region: US
    match: {{ {salesforce} }}
    policy: policies/salesforce.yaml
    mode: {mode}
    {timeouts}
  hubspot:
    dialect: hubspot
    url: {crm}
    region: US
    match: {{ path_prefix: /hs }}
    policy: policies/hubspot.yaml
    mode: {mode}
  people:
    dialect: generic
    url: {crm}
    region: US
    match: {{ path_prefix: /any }}
    policy: policies/example-api.yaml
    routes:
      POST /v1/people:
        object: person
        request: {{ person: {{ email: $.email, name: $.name, notes: \"$.notes[*].text\" }} }}
      GET /v1/people/{{email}}:
        path: {{ email: person.email }}
      GET /v1/people:
        parameters: {{ \"filter[email]\": person.email, page: pass }}
      POST /v1/forms:
        object: person
        body: form
        request: {{ person: {{ email: $.email, name: $.name }} }}
{upstreams}
callers:
  api_keys: zollhaus.callers
  {certificates}
  {anonymous}
keys: {{ file: zollhaus.key, keyset: zollhaus.keyset }}
vault: {{ {vault}, region: IT }}
transfer_log: {{ directory: log, origin: acme.example/zollhaus/one, integrate: 50ms }}
surrogates: {{ email_domain: tokens.example.com }}
log: {{ format: json, level: debug }}
{}
",
        options.settings
    );
    fs::write(folder.join("zollhaus.yaml"), config).expect("a configuration can be written");
}

pub fn make_certificates(folder: &Path) {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/make-dev-certs");
    let made = Command::new(recipe).arg(folder).output().expect("the recipe runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn new_caller(folder: &Path, role: &str) -> String {
    let output = zollhaus()
        .args(["keys", "new-caller", role, "--role", role, "--config"])
        .arg(folder.join("zollhaus.yaml"))
        .stderr(Stdio::piped())
        .output()
        .expect("new-caller runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a key is text").trim().to_owned()
}

/// A request as an upstream sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// The header lines.
    pub head: String,
    /// As a text, whatever it is.
    pub body: String,
    pub bytes: Bytes,
}

/// The request on a connection to a CRM.
pub async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let Some((head, body)) = end.map(|end| (&bytes[..end], &bytes[end + 4..])) else {
            continue;
        };
        let (head, text) = (String::from_utf8_lossy(head), String::from_utf8_lossy(body));
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            let (line, head) = head.split_once("\r\n")?;
            let mut words = line.split(' ').map(str::to_owned);
            let (method, target) = (words.next()?, words.next()?);
            let (head, bytes) = (head.to_owned(), Bytes::copy_from_slice(body));
            return Some(Seen { method, target, head, body: text.into_owned(), bytes });
        }
    }
}
