// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::{CopySettings, MirrorSettings, RemoteSettings, WitnessSettings};
use crate::base::{EntryId, ManualClock, Timestamp};
use crate::telemetry::Metrics;
use crate::testkit::Scratch;
use crate::transfer_log::merkle::{Hash, verify_consistency};
use crate::transfer_log::note::{SignedNote, SignerKey, VerifierKey};
use crate::transfer_log::open_transfers::unknown_outcome;
use crate::transfer_log::{Checkpoint, DirectoryLog, DirectorySettings, OpenError, TransferLog};
use crate::upstream::Credential;

const ORIGIN: &str = "acme.example/one";

/// A place on loopback that answers as it is told.
struct Server {
    url: Uri,
    task: AbortHandle,
}

impl Server {
    async fn start(
        port: u16,
        answer: impl Fn(Parts, String) -> (StatusCode, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let url = format!("http://{}/copies", listener.local_addr().unwrap()).parse().unwrap();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = Arc::clone(&answer);
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = Arc::clone(&answer);
                    async move {
                        let (head, body) = request.into_parts();
                        #[expect(clippy::disallowed_methods, reason = "it is ours")]
                        let body = body.collect().await.unwrap().to_bytes();
                        let body = String::from_utf8(body.to_vec()).unwrap();
                        let (status, text) = answer(head, body);
                        let mut answer = Response::new(Full::new(Bytes::from(text)));
                        *answer.status_mut() = status;
                        Ok::<_, Infallible>(answer)
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { url, task: task.abort_handle() }
    }

    fn remote(&self) -> RemoteSettings {
        RemoteSettings { url: self.url.clone(), ca: None, credential: None }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A mirror that keeps what it is given.
async fn mirror(port: u16, kept: &Arc<Mutex<Option<String>>>) -> Server {
    mirror_for(port, kept, None).await
}

/// A mirror that keeps what it is given, by those who know the secret if there is one.
async fn mirror_for(
    port: u16,
    kept: &Arc<Mutex<Option<String>>>,
    secret: Option<&'static str>,
) -> Server {
    let kept = Arc::clone(kept);
    Server::start(port, move |head, body| {
        assert_eq!(head.uri.path(), "/copies");
        if secret.is_some_and(|secret| head.headers.get("authorization").unwrap() != secret) {
            return (StatusCode::FORBIDDEN, String::new());
        }
        let mut kept = kept.lock().unwrap();
        match (head.method, &*kept) {
            (Method::PUT, _) => {
                *kept = Some(body);
                (StatusCode::NO_CONTENT, String::new())
            }
            (_, Some(text)) => (StatusCode::OK, text.clone()),
            (_, None) => (StatusCode::NOT_FOUND, String::new()),
        }
    })
    .await
}

struct Log {
    scratch: Scratch,
    metrics: Arc<Metrics>,
    copies: CopySettings,
    interval: Duration,
}

impl Log {
    fn new(copies: CopySettings) -> Self {
        let (scratch, metrics) = (Scratch::new(), Arc::new(Metrics::new().unwrap()));
        Self { scratch, metrics, copies, interval: Duration::from_millis(5) }
    }

    fn directory(&self) -> PathBuf {
        self.scratch.file("log")
    }

    async fn open(&self) -> Result<DirectoryLog, OpenError> {
        let settings = DirectorySettings {
            directory: self.directory(),
            origin: ORIGIN.to_owned(),
            interval: self.interval,
            max_unintegrated: 1000,
            retention: None,
            copies: self.copies.clone(),
        };
        let keys = vec![SignerKey::new(ORIGIN, &[1; 32]).unwrap()];
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_millis(1000)));
        DirectoryLog::open(&settings, keys, clock, Arc::clone(&self.metrics)).await
    }

    /// Puts a copy of the directory aside, or one back in its place.
    fn copy(from: &Path, to: &Path) {
        let _ = fs::remove_dir_all(to);
        let done = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(done.unwrap().success());
    }

    fn has_sample(&self, sample: &str) -> bool {
        let text = self.metrics.render().unwrap();
        text.lines().any(|line| line == format!("zollhaus_transfer_log_{sample}"))
    }

    fn checkpoint(&self) -> Option<SignedNote> {
        fs::read_to_string(self.directory().join("checkpoint")).ok()?.parse().ok()
    }
}

async fn append(log: &DirectoryLog, numbers: std::ops::Range<u8>) {
    let time = Timestamp::from_unix_millis(1000);
    let entries = numbers.map(|number| unknown_outcome(EntryId([number; 16]), time));
    log.append(entries.collect()).await.unwrap();
}

/// Waits for what another thread is about to do.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

fn size(note: &str) -> Option<u64> {
    let note: SignedNote = note.parse().ok()?;
    note.text().parse().ok().map(|checkpoint: Checkpoint| checkpoint.size)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_older_than_a_mirror_or_another_one_is_not_used() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror(0, &kept).await;
    let check = async |mirrors: Vec<MirrorSettings>, brought: &dyn Fn() -> Option<u64>| {
        let log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
        let running = log.open().await.unwrap();
        append(&running, 0..9).await;
        until("the mirror has nine entries", || brought() == Some(9)).await;
        drop(running);
        let older = log.scratch.file("older");
        Log::copy(&log.directory(), &older);
        let running = log.open().await.unwrap();
        append(&running, 9..20).await;
        until("the mirror has twenty entries", || brought() == Some(20)).await;
        drop(running);
        let newest = log.scratch.file("newest");
        Log::copy(&log.directory(), &newest);

        Log::copy(&older, &log.directory());
        let error = anyhow::Error::new(log.open().await.unwrap_err());
        assert!(
            format!("{error:#}").contains("covers 9 entries, and a checkpoint of 20"),
            "{error:#}"
        );
        // Nothing was added to it.
        assert_eq!(size(&log.checkpoint().unwrap().to_string()), Some(9));

        // Longer than what was kept, but with other entries.
        let mut log = log;
        let copies = std::mem::take(&mut log.copies);
        let running = log.open().await.unwrap();
        append(&running, 100..200).await;
        drop(running);
        log.copies = copies;
        let error = anyhow::Error::new(log.open().await.unwrap_err());
        assert!(format!("{error:#}").contains("rewritten: its first 20 entries"), "{error:#}");
        Log::copy(&newest, &log.directory());
        drop(log.open().await.unwrap());
    };
    let file = Scratch::new();
    let path = file.file("mirrored");
    let of_file = || size(&fs::read_to_string(file.file("mirrored")).ok()?);
    check(vec![MirrorSettings::File(path.clone())], &of_file).await;

    let of_server = || size(kept.lock().unwrap().as_deref()?);
    check(vec![MirrorSettings::Remote(server.remote())], &of_server).await;

    let mirrors = vec![MirrorSettings::File(path.clone())];
    let other = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    let text = fs::read_to_string(&path).unwrap();
    for (text, expected) in [
        (text.replace("acme.example/one", "acme.example/two"), "no checkpoint of this log"),
        ("garbage".to_owned(), "not a checkpoint"),
    ] {
        fs::write(&path, text).unwrap();
        let error = anyhow::Error::new(other.open().await.unwrap_err());
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_comes_back_with_a_newer_checkpoint_ends_the_appends() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror(0, &kept).await;
    let port = server.url.port_u16().unwrap();
    let mirrors = vec![MirrorSettings::Remote(server.remote())];
    let log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    let older = log.scratch.file("older");
    drop(log.open().await.unwrap());
    Log::copy(&log.directory(), &older);
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    until("the mirror has nine entries", || {
        size(kept.lock().unwrap().as_deref().unwrap_or_default()) == Some(9)
    })
    .await;
    drop((running, server));
    Log::copy(&older, &log.directory());

    // It is away: the house starts, and nothing is brought there before it is asked.
    let running = log.open().await.unwrap();
    append(&running, 0..1).await;
    assert!(running.health().is_ok());
    let error = format!("mirror_errors_total{{mirror=\"http://127.0.0.1:{port}/copies\"}} 1");
    until("the mirror was missed", || log.has_sample(&error)).await;
    let server = mirror(port, &kept).await;
    append(&running, 1..2).await;
    until("the rollback was found", || running.health().is_err()).await;
    let said = running.health().unwrap_err().to_string();
    assert!(said.contains("rolled back"), "{said}");
    assert_eq!(size(kept.lock().unwrap().as_deref().unwrap()), Some(9));
    drop((running, server));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_a_copy_of_the_directory_is_found_out_while_both_run() {
    let mirrored = Scratch::new();
    let path = mirrored.file("mirrored");
    let of_mirror = || size(&fs::read_to_string(&path).ok()?);
    let copies =
        CopySettings { mirrors: vec![MirrorSettings::File(path.clone())], ..Default::default() };
    let (first, second) = (Log::new(copies.clone()), Log::new(copies));
    drop(first.open().await.unwrap());
    Log::copy(&first.directory(), &second.directory());
    let (one, two) = (first.open().await.unwrap(), second.open().await.unwrap());
    append(&one, 0..9).await;
    until("the mirror has nine entries", || of_mirror() == Some(9)).await;
    append(&two, 100..104).await;
    until("the copy was found out", || two.health().is_err()).await;
    assert!(two.health().unwrap_err().to_string().contains("rolled back"));
    append(&one, 9..10).await;
    until("the first one goes on", || of_mirror() == Some(10)).await;
    assert!(one.health().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_another_log_took_over_keeps_what_it_has() {
    let mirrored = Scratch::new();
    let path = mirrored.file("mirrored");
    let copies =
        CopySettings { mirrors: vec![MirrorSettings::File(path.clone())], ..Default::default() };
    let log = Log::new(copies);
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    until("it is mirrored", || path.exists()).await;
    let foreign = Checkpoint {
        origin: "acme.example/two".to_owned(),
        size: 3,
        root: Hash([7; 32]),
        extensions: Vec::new(),
    };
    let foreign = foreign.sign(&[&SignerKey::new("acme.example/two", &[2; 32]).unwrap()]).unwrap();
    until("the mirror has all", || size(&fs::read_to_string(&path).unwrap_or_default()) == Some(9))
        .await;
    fs::write(&path, foreign.to_string()).unwrap();
    append(&running, 9..10).await;
    let error = format!("mirror_errors_total{{mirror=\"{}\"}} 1", path.display());
    until("it is noticed", || log.has_sample(&error)).await;
    assert_eq!(fs::read_to_string(&path).unwrap(), foreign.to_string());
    // Whoever can write there cannot stop the house; but it does not start again.
    assert!(running.health().is_ok());
    drop(running);
    let error = anyhow::Error::new(log.open().await.unwrap_err());
    assert!(format!("{error:#}").contains("no checkpoint of this log"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_shown_the_credential_that_is_in_the_file_now() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror_for(0, &kept, Some("Bearer n3w")).await;
    let folder = Scratch::new();
    let file = folder.file("token");
    fs::write(&file, "0ld\n").unwrap();
    let credential = Some(Credential { file: file.clone(), header: None });
    let remote = RemoteSettings { credential, ..server.remote() };
    let mirrors = vec![MirrorSettings::Remote(remote)];
    let log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    let error = format!("mirror_errors_total{{mirror=\"{}\"}}", server.url);
    until("it is refused", || log.metrics.render().unwrap().contains(&error)).await;
    assert_eq!(*kept.lock().unwrap(), None);
    fs::write(&file, "n3w\n").unwrap();
    append(&running, 9..10).await;
    until("it is mirrored", || {
        size(kept.lock().unwrap().as_deref().unwrap_or_default()) == Some(10)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_checkpoint_arrives_before_the_log_ends() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror(0, &kept).await;
    let mirrors = vec![MirrorSettings::Remote(server.remote())];
    let mut log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    // Only the end takes entries into the tree.
    log.interval = Duration::from_secs(3600);
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    tokio::task::spawn_blocking(|| drop(running)).await.unwrap();
    assert_eq!(size(kept.lock().unwrap().as_deref().unwrap_or_default()), Some(9));
}

/// A witness as C2SP tlog-witness describes it.
struct Witness {
    key: SigningKey,
    name: &'static str,
    seen: Mutex<(u64, Option<Hash>)>,
}

impl Witness {
    const ALGORITHM: u8 = 4;

    fn new(name: &'static str, seed: u8) -> Arc<Self> {
        let key = SigningKey::from_bytes(&[seed; 32]);
        Arc::new(Self { key, name, seen: Mutex::default() })
    }

    fn public(&self) -> Vec<u8> {
        [&[Self::ALGORITHM], self.key.verifying_key().as_bytes().as_slice()].concat()
    }

    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(self.name).chain_update("\n");
        let hash: [u8; 32] = hash.chain_update(self.public()).finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    fn verifier(&self) -> VerifierKey {
        let id = u32::from_be_bytes(self.id());
        let text = format!("{}+{id:08x}+{}", self.name, STANDARD.encode(self.public()));
        text.parse().unwrap()
    }

    fn add_checkpoint(&self, request: &str) -> (StatusCode, String) {
        let (head, note) = request.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<Hash> = lines.map(|line| line.parse().unwrap()).collect();
        let note: SignedNote = note.parse().unwrap();
        let log = SignerKey::new(ORIGIN, &[1; 32]).unwrap();
        note.verify([log.verifier()]).unwrap();
        let checkpoint: Checkpoint = note.text().parse().unwrap();
        let mut seen = self.seen.lock().unwrap();
        if old != seen.0 {
            return (StatusCode::CONFLICT, format!("{}\n", seen.0));
        }
        if let (size @ 1.., Some(root)) = *seen {
            verify_consistency((size, &root), (checkpoint.size, &checkpoint.root), &proof).unwrap();
        } else {
            assert!(proof.is_empty());
        }
        *seen = (checkpoint.size, Some(checkpoint.root));
        let time = 1_700_000_000_u64;
        let message = format!("cosignature/v1\ntime {time}\n{}", note.text());
        let signature = self.key.sign(message.as_bytes()).to_bytes();
        let bytes = [self.id().as_slice(), &time.to_be_bytes(), &signature].concat();
        let stranger = "— stranger.example AAAAAAAA\n";
        (StatusCode::OK, format!("{stranger}— {} {}\n", self.name, STANDARD.encode(bytes)))
    }

    async fn serve(self: &Arc<Self>) -> Server {
        let this = Arc::clone(self);
        Server::start(0, move |head, body| {
            let place = (head.method, head.uri.path());
            assert_eq!(place, (Method::POST, "/copies/add-checkpoint"));
            this.add_checkpoint(&body)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn enough_witnesses_sign_and_one_that_is_away_is_not_waited_for() {
    let witnesses = [Witness::new("w.example/1", 11), Witness::new("w.example/2", 12)];
    let servers = [witnesses[0].serve().await, witnesses[1].serve().await];
    let away = Witness::new("w.example/3", 13);
    let url = "http://127.0.0.1:1/".parse().unwrap();
    let nowhere = RemoteSettings { url, ca: None, credential: None };
    let all = [
        (&witnesses[0], servers[0].remote()),
        (&witnesses[1], servers[1].remote()),
        (&away, nowhere),
    ];
    let witness = |(witness, remote): (&Arc<Witness>, RemoteSettings)| WitnessSettings {
        key: witness.verifier(),
        remote,
    };
    let copies = CopySettings {
        mirrors: Vec::new(),
        witnesses: all.map(witness).to_vec(),
        required_witnesses: 2,
    };
    let log = Log::new(copies);
    let is_cosigned = |entries| {
        let Some(note) = log.checkpoint() else { return false };
        let signed = |witness: &Arc<Witness>| note.verify([&witness.verifier()]).is_ok();
        size(&note.to_string()) == Some(entries) && witnesses.iter().all(signed)
    };
    let running = log.open().await.unwrap();
    append(&running, 0..7).await;
    until("two have signed seven entries", || is_cosigned(7)).await;
    until("it is measured", || log.has_sample("witnessed_entries 7")).await;
    assert!(
        log.metrics.render().unwrap().contains("witness_errors_total{witness=\"w.example/3\"}")
    );
    append(&running, 7..20).await;
    until("two have signed twenty entries", || is_cosigned(20)).await;
    assert!(running.health().is_ok());
    drop(running);
    // The witnesses say where they stand to a process that does not know.
    let running = log.open().await.unwrap();
    append(&running, 20..33).await;
    until("two have signed thirty-three entries", || is_cosigned(33)).await;
    drop(running);
    assert!(log.open().await.is_ok(), "signatures of witnesses do no harm");
}
