// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use serde_json::{Value, json};

use super::stand_in::{Reply, StandIn};
use super::{check_service, sample_name};
use crate::base::{Secret, Timestamp};
use crate::keys::aws_signature::{AwsCredentials, Scope, authorization};
use crate::keys::{
    AwsCredentialsSource, AwsKms, KeyService, KeysError, KmsSettings, SecretSource, Siv,
};
use crate::testkit::Scratch;

const ID: &str = "AKIDEXAMPLE";
const KEY: &str = "wJalrXUtnFEMI-canary-key";
const TOKEN: &str = "session-canary-token==";
const REGION: &str = "eu-central-1";

/// KMS as far as it is used: symmetric keys behind aliases, an encryption context that is
/// authenticated, ciphertexts that say which key they are of, and checked signatures.
struct Kms(BTreeMap<&'static str, Siv>);

fn error(kind: &str) -> Reply {
    (400, json!({ "__type": kind, "message": "canary" }).to_string())
}

impl Kms {
    fn start() -> StandIn {
        let keys = ["alias/one", "alias/two"].map(|name| (name, Siv::random().unwrap()));
        let kms = Self(keys.into());
        StandIn::start(move |head, body| kms.answer(head, body))
    }

    fn answer(&self, head: &Parts, body: &[u8]) -> Reply {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/"));
        assert_eq!(header("content-type"), Some("application/x-amz-json-1.1"));
        if let Some(refused) = check_signature(head, body) {
            return error(refused);
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let context = request["EncryptionContext"].as_object().unwrap();
        assert_eq!(context.len(), 3);
        let context = serde_json::to_vec(context).unwrap();
        let id = request["KeyId"].as_str().unwrap();
        let Some(siv) = self.0.get(id) else { return error("NotFoundException") };
        let bytes = |member: &str| STANDARD.decode(request[member].as_str().unwrap()).unwrap();
        match header("x-amz-target") {
            Some("TrentService.Encrypt") => {
                let sealed = siv.seal([&context], &bytes("Plaintext"));
                let blob = [id.as_bytes(), b"\0", &sealed].concat();
                let blob = STANDARD.encode(blob);
                (200, json!({ "CiphertextBlob": blob, "KeyId": id }).to_string())
            }
            Some("TrentService.Decrypt") => {
                let blob = bytes("CiphertextBlob");
                let mut parts = blob.splitn(2, |byte| *byte == 0);
                let (of, sealed) = (parts.next().unwrap(), parts.next());
                match self.0.keys().find(|key| key.as_bytes() == of) {
                    None => return error("com.amazonaws.kms#InvalidCiphertextException"),
                    Some(other) if *other != id => return error("IncorrectKeyException"),
                    Some(_) => {}
                }
                match sealed.and_then(|sealed| siv.open([&context], sealed)) {
                    Some(clear) => (
                        200,
                        json!({ "KeyId": id, "Plaintext": STANDARD.encode(&clear) }).to_string(),
                    ),
                    None => error("InvalidCiphertextException"),
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

/// As KMS does: by the header fields that the signature says it covers.
fn check_signature(head: &Parts, body: &[u8]) -> Option<&'static str> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(signature) = header("authorization") else {
        return Some("MissingAuthenticationTokenException");
    };
    if !signature.contains(&format!("Credential={ID}/")) {
        return Some("UnrecognizedClientException");
    }
    if header("x-amz-security-token") != Some(TOKEN) {
        return Some("UnrecognizedClientException");
    }
    let names = signature.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    for needed in ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"] {
        assert!(names.split(';').any(|name| name == needed), "{needed} in {names}");
    }
    // HTTP/2 has the host in its target.
    let authority = head.uri.authority().map(|it| it.as_str().to_owned());
    let host = authority.unwrap_or_else(|| header("host").unwrap().to_owned());
    let value = |name: &str| if name == "host" { Some(&*host) } else { header(name) };
    let signed: Vec<_> = names.split(';').map(|name| (name, value(name).unwrap())).collect();
    let date = header("x-amz-date").unwrap();
    let (day, time) = (&date[..8], &date[9..15]);
    let now = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &day[..4],
        &day[4..6],
        &day[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    );
    let now = Timestamp::from_rfc3339(&now).unwrap();
    let credentials = AwsCredentials {
        access_key_id: ID.to_owned(),
        secret_access_key: Secret::new(KEY),
        session_token: None,
    };
    let scope = Scope { region: REGION, service: "kms", now };
    let expected = authorization(&credentials, scope, &signed, body);
    (expected != signature).then_some("InvalidSignatureException")
}

fn variable(name: &str, value: &str) -> SecretSource {
    SecretSource::Environment { name: name.to_owned(), value: Some(Secret::new(value)) }
}

fn settings(kms: &StandIn, key: &str) -> KmsSettings {
    KmsSettings {
        region: REGION.into(),
        key: key.into(),
        endpoint: kms.url.parse().unwrap(),
        ca: Some(kms.ca()),
        credentials: AwsCredentialsSource::Environment {
            id: variable("AWS_ACCESS_KEY_ID", ID),
            key: variable("AWS_SECRET_ACCESS_KEY", KEY),
            session_token: Some(Secret::new(TOKEN)),
        },
    }
}

#[test]
fn kms_conforms() {
    let kms = Kms::start();
    let open = |key| Box::new(AwsKms::new(settings(&kms, key)));
    check_service(|| open("alias/one"), &*open("alias/two"));
}

#[test]
fn credentials_are_read_anew_from_their_file() {
    let (kms, scratch, tenant) = (Kms::start(), Scratch::new(), "acme".into());
    let path = scratch.file("credentials");
    let credentials = AwsCredentialsSource::File { path: path.clone(), profile: "house".into() };
    let service = AwsKms::new(KmsSettings { credentials, ..settings(&kms, "alias/one") });
    let wrap = || service.wrap(&sample_name(&tenant), &Secret::new([7; 32]));
    let write = |key: &str| {
        let text = format!(
            "[default]\naws_access_key_id = x\n[house]\naws_access_key_id = {ID}\n\
             aws_secret_access_key = {key}\naws_session_token = {TOKEN}\n"
        );
        std::fs::write(&path, text).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).unwrap();
    };
    assert!(matches!(wrap(), Err(KeysError::SecretMissing { .. })));
    write("wrong");
    let denied = wrap().unwrap_err();
    assert!(denied.to_string().contains("clock") && denied.may_pass(), "{denied}");
    write(KEY);
    assert!(wrap().is_ok());
    let exposed = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&path, exposed).unwrap();
    assert!(matches!(wrap(), Err(KeysError::Exposed { .. })));
}

#[test]
fn errors_say_what_to_do_and_nothing_secret() {
    let (mut kms, tenant) = (Kms::start(), "acme".into());
    let service = AwsKms::new(settings(&kms, "alias/one"));
    let name = sample_name(&tenant);
    let wrapped = service.wrap(&name, &Secret::new([7; 32])).unwrap();
    let check = |error: &KeysError, may_pass: bool, says: &str| {
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains("canary"), "{text}");
        assert_eq!(error.may_pass(), may_pass, "{text}");
    };
    let answered = |reply: Reply, may_pass: bool, says: &str| {
        kms.answer_instead(Some(reply));
        check(&service.unwrap(&name, &wrapped).unwrap_err(), may_pass, says);
    };
    answered(error("AccessDeniedException"), true, "`kms:Decrypt`");
    answered(error("ExpiredTokenException"), true, "has expired");
    answered(error("UnrecognizedClientException"), true, "the access key is not known");
    answered(error("DisabledException"), false, "the key is disabled");
    let state = |message: &str| {
        let message = format!("arn:aws:kms:eu-central-1:1:key/canary {message}");
        (400, json!({ "__type": "KMSInvalidStateException", "message": message }).to_string())
    };
    answered(state("is pending deletion."), false, "pending deletion");
    answered(state("is pending import."), false, "its material is gone");
    answered(state("is not in the connected state."), true, "custom key store");
    answered(error("com.amazonaws.kms#NotFoundException"), false, "there is no such key");
    answered(error("IncorrectKeyException"), false, "another root key");
    answered(error("InvalidCiphertextException"), false, "a wrapped key was changed");
    answered(error("InvalidKeyUsageException"), true, "SYMMETRIC_DEFAULT");
    answered(error("ThrottlingException"), true, "too much");
    answered(error("SomethingNewException"), true, "it answered 400");
    answered((500, "{\"__type\":\"KMSInternalException\"}".into()), true, "with AWS");
    answered((503, "canary".into()), true, "it answered 503");
    for strange in ["", "{}", "{\"Plaintext\":1}", "{\"Plaintext\":\"canary!\"}"] {
        answered((200, strange.into()), true, "none that KMS gives");
    }
    kms.answer_instead(None);
    let other =
        AwsKms::new(KmsSettings { region: "us-east-1".into(), ..settings(&kms, "alias/one") });
    check(&other.unwrap(&name, &wrapped).unwrap_err(), true, "check secret key, `region`");
    kms.end();
    let away = service.unwrap(&name, &wrapped).unwrap_err();
    check(&away, true, "it cannot be reached");
    check(&away, true, &format!("AWS KMS (`{}`, key `alias/one`)", kms.url));
}
