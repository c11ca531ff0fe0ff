// SPDX-License-Identifier: Apache-2.0

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use http::{Method, StatusCode};
use sha2::{Digest, Sha256};

use super::{Log, ORIGIN, Server, append, size, until};
use crate::transfer_log::copies::{CopySettings, RemoteSettings, WitnessSettings};
use crate::transfer_log::merkle::{Hash, verify_consistency};
use crate::transfer_log::note::{SignedNote, SignerKey, VerifierKey};
use crate::transfer_log::{Checkpoint, TransferLog};

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
