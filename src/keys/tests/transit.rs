// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use serde_json::{Value, json};

use super::stand_in::{Reply, StandIn};
use super::{check_service, sample_name};
use crate::base::Secret;
use crate::keys::{KeyService, KeysError, SecretSource, Siv, Transit, TransitSettings};
use crate::testkit::Scratch;

const TOKEN: &str = "hvs.CAESI-canary-token";

/// Vault's Transit as far as it is used: two keys of the type `aes256-gcm96`, and `old`, as
/// versions before 1.13 have it, which passes over `associated_data`.
struct Vault(BTreeMap<&'static str, Siv>);

fn errors(text: &str) -> String {
    json!({ "errors": [text] }).to_string()
}

impl Vault {
    fn start() -> StandIn {
        let keys = ["one", "two", "old"].map(|name| (name, Siv::random().unwrap()));
        let vault = Self(keys.into());
        StandIn::start(move |head, body| vault.answer(head, body))
    }

    fn answer(&self, head: &Parts, body: &[u8]) -> Reply {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        if header("x-vault-token") != Some(TOKEN) || header("x-vault-namespace") != Some("team/a") {
            return (403, errors("permission denied"));
        }
        assert_eq!(header("x-vault-request"), Some("true"));
        assert_eq!(head.method, http::Method::POST);
        let path: Vec<&str> = head.uri.path().split('/').collect();
        let ["", "v1", "mounted", "transit", operation, key] = path[..] else {
            return (404, errors("no handler for route \"x\". route entry not found."));
        };
        let request: Value = serde_json::from_slice(body).unwrap();
        let bytes = |member: &str| STANDARD.decode(request[member].as_str().unwrap());
        let Some(siv) = self.0.get(key) else {
            return (400, errors("encryption key not found"));
        };
        let associated = if key == "old" { Vec::new() } else { bytes("associated_data").unwrap() };
        let data = match operation {
            "encrypt" => {
                let sealed = siv.seal([&associated], &bytes("plaintext").unwrap());
                json!({ "ciphertext": format!("vault:v1:{}", STANDARD.encode(sealed)), "key_version": 1 })
            }
            "decrypt" => {
                let ciphertext = request["ciphertext"].as_str().unwrap();
                let Some(digits) = ciphertext.strip_prefix("vault:v1:") else {
                    return (400, errors("invalid ciphertext: no prefix"));
                };
                let Ok(sealed) = STANDARD.decode(digits) else {
                    return (400, errors("invalid ciphertext: could not decode base64"));
                };
                match siv.open([&associated], &sealed) {
                    Some(plaintext) => json!({ "plaintext": STANDARD.encode(&plaintext) }),
                    None => return (400, errors("cipher: message authentication failed")),
                }
            }
            _ => return (404, errors("unsupported path")),
        };
        let answer = json!({ "request_id": "0", "lease_id": "", "renewable": false, "data": data });
        (200, answer.to_string())
    }
}

fn settings(vault: &StandIn, key: &str) -> TransitSettings {
    TransitSettings {
        url: vault.url.parse().unwrap(),
        ca: Some(vault.ca()),
        namespace: Some("team/a".into()),
        mount: "mounted/transit".into(),
        key: key.into(),
        token: SecretSource::Environment {
            name: "VAULT_TOKEN".into(),
            value: Some(Secret::new(TOKEN)),
        },
    }
}

#[test]
fn transit_conforms() {
    let vault = Vault::start();
    let open = |key| Box::new(Transit::new(settings(&vault, key)));
    check_service(|| open("one"), &*open("two"));
    // What the service does not bind is bound by what is encrypted.
    check_service(|| open("old"), &*open("two"));
}

#[tokio::test]
async fn it_blocks_where_a_runtime_is_at_work() {
    let vault = Vault::start();
    let service = Transit::new(settings(&vault, "one"));
    let tenant = "acme".into();
    let wrapped = service.wrap(&sample_name(&tenant), &Secret::new([7; 32])).unwrap();
    assert_eq!(service.unwrap(&sample_name(&tenant), &wrapped).unwrap(), Secret::new([7; 32]));
}

#[test]
fn the_token_is_read_anew_for_each_use() {
    let (vault, scratch, tenant) = (Vault::start(), Scratch::new(), "acme".into());
    let file = scratch.file("token");
    let token = SecretSource::File(file.clone());
    let service = Transit::new(TransitSettings { token, ..settings(&vault, "one") });
    let wrap = || service.wrap(&sample_name(&tenant), &Secret::new([7; 32]));
    let missing = wrap().unwrap_err();
    assert!(matches!(missing, KeysError::SecretMissing { .. }) && missing.may_pass());
    std::fs::write(&file, "hvs.another").unwrap();
    assert!(matches!(wrap(), Err(KeysError::Denied { .. })));
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    assert!(wrap().is_ok());
    std::fs::write(&file, "two\nlines").unwrap();
    assert!(matches!(wrap(), Err(KeysError::Denied { .. })));
}

/// Whether waiting may help, and what is said; never what Vault said, or was sent.
#[track_caller]
fn check_error(error: &KeysError, may_pass: bool, says: &str) {
    let text = error.to_string();
    assert!(text.contains(says), "{text}");
    assert_eq!(error.may_pass(), may_pass, "{text}");
    for secret in [TOKEN, "canary"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn errors_say_what_to_do_and_nothing_secret() {
    let (mut vault, tenant) = (Vault::start(), "acme".into());
    let service = Transit::new(settings(&vault, "one"));
    let name = sample_name(&tenant);
    let wrapped = service.wrap(&name, &Secret::new([7; 32])).unwrap();
    let unwrapped = |reply: Option<Reply>| {
        vault.answer_instead(reply);
        service.unwrap(&name, &wrapped).unwrap_err()
    };
    let answered = |status: u16, text: &str, may_pass, says: &str| {
        let error = unwrapped(Some((status, errors(&format!("{text} canary")))));
        check_error(&error, may_pass, says);
    };
    answered(403, "permission denied", true, "the token is not known");
    answered(404, "no handler for route", true, "check `mount` and `namespace`");
    answered(503, "Vault is sealed", true, "it is sealed");
    answered(500, "internal error", true, "it answered 500");
    answered(429, "", true, "it answered 429");
    answered(307, "", true, "names another node");
    answered(400, "encryption key not found", false, "there is no such key");
    answered(
        400,
        "ciphertext or signature version is disallowed by policy (too old)",
        false,
        "min_decryption_version",
    );
    answered(400, "invalid ciphertext: version is too new", false, "another root key");
    answered(400, "cipher: message authentication failed", false, "a wrapped key was changed");
    answered(400, "something new", true, "it answered 400");
    let data = json!({ "data": { "plaintext": "canary!" } }).to_string();
    for strange in ["", "canary", "{}", "{\"data\":{}}", &data] {
        check_error(&unwrapped(Some((200, strange.to_owned()))), true, "none that Transit gives");
    }
    check_error(&unwrapped(Some((200, "a".repeat(100_000)))), true, "too long");

    let service = Transit::new(settings(&vault, "three"));
    vault.answer_instead(None);
    check_error(&service.unwrap(&name, &wrapped).unwrap_err(), false, "there is no such key");
    let elsewhere = TransitSettings { mount: "mounted/kv".into(), ..settings(&vault, "one") };
    check_error(&Transit::new(elsewhere).unwrap(&name, &wrapped).unwrap_err(), true, "`mount`");
    let other = Vault::start();
    let untrusted = TransitSettings { ca: Some(other.ca()), ..settings(&vault, "one") };
    let untrusted = Transit::new(untrusted).unwrap(&name, &wrapped).unwrap_err();
    check_error(&untrusted, true, "cannot be reached");
    let unusable = TransitSettings { ca: Some("/missing.pem".into()), ..settings(&vault, "one") };
    let unusable = Transit::new(unusable).unwrap(&name, &wrapped).unwrap_err();
    check_error(&unusable, false, "as it is configured");

    let service = Transit::new(settings(&vault, "one"));
    vault.end();
    let error = service.unwrap(&name, &wrapped).unwrap_err();
    check_error(&error, true, "it cannot be reached");
    check_error(&error, true, &format!("HashiCorp Vault (`{}`, key `one` of", vault.url));
}
