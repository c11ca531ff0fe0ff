// SPDX-License-Identifier: Apache-2.0
//! A root key in a key service: one that is away at the start, later, and for good.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::stand_in::{Reply, StandIn};
use crate::world::{Answer, Options, World, zollhaus};

const TOKEN: &str = "hvs.canary-token";
const SERVES: u8 = 0;
const SEALED: u8 = 1;
const KEY_DELETED: u8 = 2;

/// HashiCorp Vault's Transit, as far as the house sees it: what it has encrypted, it finds.
async fn vault(mood: Arc<AtomicU8>) -> StandIn {
    let mut kept: HashMap<String, (Value, Value)> = HashMap::new();
    let errors = |status, text: &str| Reply {
        status,
        head: String::new(),
        body: json!({ "errors": [text] }).to_string().into(),
    };
    StandIn::replying(move |seen| {
        if !seen.head.to_ascii_lowercase().contains(&format!("x-vault-token: {TOKEN}")) {
            return errors("403 Forbidden", "permission denied");
        }
        match mood.load(Ordering::SeqCst) {
            SEALED => return errors("503 Service Unavailable", "Vault is sealed"),
            KEY_DELETED => return errors("400 Bad Request", "encryption key not found"),
            _ => {}
        }
        let request: Value = serde_json::from_str(&seen.body).expect("a request is JSON");
        let associated = request["associated_data"].clone();
        let data = if seen.target == "/v1/transit/encrypt/house" {
            let ciphertext = format!("vault:v1:{}", kept.len());
            kept.insert(ciphertext.clone(), (associated, request["plaintext"].clone()));
            json!({ "ciphertext": ciphertext })
        } else {
            assert_eq!(seen.target, "/v1/transit/decrypt/house");
            match kept.get(request["ciphertext"].as_str().expect("a ciphertext")) {
                Some((bound, plaintext)) if *bound == associated => {
                    json!({ "plaintext": plaintext })
                }
                _ => return errors("400 Bad Request", "cipher: message authentication failed"),
            }
        };
        Reply::json(json!({ "data": data }).to_string())
    })
    .await
}

/// Takes the keys of a world whose house does not run to the key service.
fn move_keys(world: &World, vault: &StandIn) {
    let config = fs::read_to_string(world.config()).expect("a configuration");
    let before = "keys: { file: zollhaus.key, keyset: zollhaus.keyset }";
    let after = format!(
        "keys:\n  vault_transit: {{ url: \"http://{}\", key: house, token: {{ file: token }} }}\n  \
         keyset: keyset.transit\n  lease: 1h",
        vault.address
    );
    let changed = config.replace(before, &after);
    assert_ne!(config, changed);
    fs::write(world.folder.join("old.yaml"), config).expect("it can be written");
    fs::write(world.config(), changed).expect("it can be written");
    fs::write(world.folder.join("token"), TOKEN).expect("it can be written");
    let mut rewrap = zollhaus();
    rewrap.args(["keys", "rewrap", "--from"]).arg(world.folder.join("old.yaml"));
    let moved = rewrap.arg("--config").arg(world.config()).stderr(Stdio::piped()).output();
    let moved = moved.expect("it runs");
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    fs::remove_file(world.folder.join("zollhaus.key")).expect("the old root key can go");
}

async fn create(world: &World) -> Answer {
    let contact = json!({ "LastName": "Muster", "Email": "max@muster.example" }).to_string();
    world.post("support", "/sf/services/data/v62.0/sobjects/Contact", contact).await
}

async fn ready(world: &World) -> (StatusCode, String) {
    let answer = world.admin("/readyz").await;
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_key_that_is_withdrawn_stops_the_house_until_it_is_back() {
    let mood = Arc::new(AtomicU8::new(SERVES));
    let vault = vault(Arc::clone(&mood)).await;
    let mut world = World::start(Options::default()).await;
    let before = create(&world).await;
    assert_eq!(before.status, StatusCode::CREATED);
    world.kill();
    move_keys(&world, &vault);
    world.run();
    assert_eq!(create(&world).await.status, StatusCode::CREATED);
    assert_eq!(ready(&world).await.0, StatusCode::OK);

    // Away: the keys serve on.
    let asked = vault.count();
    mood.store(SEALED, Ordering::SeqCst);
    world.signal("-HUP");
    world.until("it was asked", async |_| vault.count() > asked).await;
    assert_eq!(create(&world).await.status, StatusCode::CREATED);
    assert_eq!(ready(&world).await.0, StatusCode::OK);

    mood.store(KEY_DELETED, Ordering::SeqCst);
    world.signal("-HUP");
    world.until("not ready", async |world| ready(world).await.0 != StatusCode::OK).await;
    let (_, why) = ready(&world).await;
    assert!(why.contains("\"keys\"") && why.contains("there is no such key"), "{why}");
    let forwarded = world.crm.request_count();
    let refused = create(&world).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.refusal(), Some("keys_unavailable"));
    assert_eq!(refused.json()[0]["errorCode"], "SERVER_UNAVAILABLE");
    assert!(!String::from_utf8_lossy(&refused.body).contains("Vault"), "{refused:?}");
    assert_eq!(world.crm.request_count(), forwarded);
    let codes: Vec<_> = world.entries().iter().map(|entry| entry["code"].clone()).collect();
    assert!(codes.contains(&json!("keys_unavailable")), "{codes:?}");

    mood.store(SERVES, Ordering::SeqCst);
    world.signal("-HUP");
    world.until("ready again", async |world| ready(world).await.0 == StatusCode::OK).await;
    assert_eq!(create(&world).await.status, StatusCode::CREATED);
    let metrics = world.admin("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains("zollhaus_key_service_errors_total 2"), "{metrics}");
    assert!(!metrics.contains("zollhaus_keys_lease_end_time_seconds 0"), "{metrics}");
    for text in [String::from_utf8_lossy(&world.log()).into_owned(), metrics] {
        assert!(!text.contains("canary"), "{text}");
    }
    world.verify_log();
}

/// Ends with the test.
struct House(Child);

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_waits_for_its_key_service_and_says_so() {
    let mood = Arc::new(AtomicU8::new(SERVES));
    let vault = vault(Arc::clone(&mood)).await;
    let mut world = World::start(Options::default()).await;
    world.kill();
    move_keys(&world, &vault);
    mood.store(SEALED, Ordering::SeqCst);

    let mut house = Command::new(env!("CARGO_BIN_EXE_zollhaus"))
        .args(["run", "--config"])
        .arg(world.config())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let lines = BufReader::new(house.stderr.take().expect("stderr is piped")).lines();
    let house = House(house);
    let mut events = lines.map_while(Result::ok).filter_map(|line| {
        assert!(!line.contains("canary"), "{line}");
        serde_json::from_str::<Value>(&line).ok()
    });
    let told = events.find(|event| event["not_ready_at"].is_string()).expect("it waits");
    let problem = told["problem"].as_str().expect("it says why");
    assert!(problem.contains("HashiCorp Vault") && problem.contains("it is sealed"), "{problem}");
    let admin = told["not_ready_at"].as_str().expect("an address").to_owned();
    let ask = async |path: &str| {
        let request = Request::get(format!("http://{admin}{path}"));
        let request = request.body(Full::default()).expect("a sound request");
        let answer = world.send_request(request).await.expect("the admin listener answers");
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    };
    assert_eq!(ask("/healthz").await.0, StatusCode::OK);
    let (status, why) = ask("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(why.contains("\"keys\"") && why.contains("it is sealed"), "{why}");

    mood.store(SERVES, Ordering::SeqCst);
    let open = events.find(|event| event["address"].is_string()).expect("it opens by itself");
    assert_eq!(open["admin"], admin, "the admin listener stays where it is");
    assert_eq!(ask("/readyz").await.0, StatusCode::OK);
    drop(house);

    // What no waiting mends ends the start.
    mood.store(KEY_DELETED, Ordering::SeqCst);
    let mut start = zollhaus();
    let ended = start.args(["run", "--config"]).arg(world.config()).stderr(Stdio::piped()).output();
    let ended = ended.expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.contains("there is no such key"), "{said}");
}
