// SPDX-License-Identifier: Apache-2.0
//! Published vectors through the calls that a token is asked by: SoftHSM computes, and what
//! stands where in a message is ours.

use std::path::Path;

use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use serde_json::Value;

use super::pkcs11::{PIN, initialized, module, token};
use crate::keys::pkcs11_cipher::Cipher;
use crate::keys::vectors::{bytes, suite};

/// A session with a new token.
fn session(module: &Path) -> Session {
    let label = token(module);
    let context = initialized(module);
    let slots = context.get_slots_with_initialized_token().unwrap();
    let is_it = |slot: &_| context.get_token_info(*slot).unwrap().label() == label;
    let session = context.open_rw_session(slots.into_iter().find(is_it).unwrap()).unwrap();
    session.login(UserType::User, Some(&PIN.into())).unwrap();
    session
}

fn key(session: &Session, value: &Value) -> ObjectHandle {
    let permitted = [Attribute::Encrypt, Attribute::Decrypt, Attribute::Wrap, Attribute::Unwrap];
    let mut template = permitted.map(|attribute| attribute(true)).to_vec();
    template.extend([
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Value(bytes(value)),
    ]);
    session.create_object(&template).unwrap()
}

/// Opens what each test of a file says was made, if `made` takes it, and compares.
fn check(
    (path, name, expected): (&str, &str, (usize, usize)),
    cipher: Cipher,
    made: impl Fn(&Value) -> Option<Vec<u8>>,
    check_valid: impl Fn(&Session, ObjectHandle, &Value),
) {
    let (Some(suite), Some((module, _turn))) = (suite(path), module()) else { return };
    let session = session(&module);
    let (mut passed, mut skipped) = (0, 0);
    for group in suite["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let Some(made) = made(test) else {
                skipped += 1;
                continue;
            };
            let key = key(&session, &test["key"]);
            let associated = test.get("aad").map(bytes).unwrap_or_default();
            let opened = cipher.decrypt(&session, key, &associated, &made);
            let opened = opened.ok().map(|clear| clear.to_vec());
            let is_valid = test["result"] == "valid";
            assert_eq!(opened, is_valid.then(|| bytes(&test["msg"])), "{name} {}", test["tcId"]);
            if is_valid {
                check_valid(&session, key, test);
            }
            session.destroy_object(key).unwrap();
            passed += 1;
        }
    }
    assert_eq!((passed, skipped), expected, "{name}");
    let note = "the rest have initialization vectors of other lengths than 96 bits";
    let note = if skipped > 0 { note } else { "" };
    crate::testkit::report(name, passed + skipped, passed, note);
}

#[test]
fn wycheproof_key_wrap_with_padding() {
    let path = "kdf-mac-aead/wycheproof_aes_kwp_test.json.gz";
    let named = (path, "Wycheproof AES-KWP, by PKCS#11", (254, 0));
    check(
        named,
        Cipher::KeyWrap,
        |test| Some(bytes(&test["ct"])),
        |session, key, test| {
            let made = Cipher::KeyWrap.encrypt(session, key, &[], &bytes(&test["msg"])).unwrap();
            // Of other lengths, SoftHSM wraps zeros with them. Keys here have 32 and 64 bytes.
            if bytes(&test["msg"]).len().is_multiple_of(8) {
                assert_eq!(made, bytes(&test["ct"]), "{}", test["tcId"]);
            }
        },
    );
}

/// What is made has an initialization vector of its own, so it is compared by opening it.
#[test]
fn wycheproof_gcm() {
    let path = "kdf-mac-aead/wycheproof_aes_gcm_test.json.gz";
    let named = (path, "Wycheproof AES-GCM, by PKCS#11", (197, 119));
    let made = |test: &Value| {
        let iv = bytes(&test["iv"]);
        (iv.len() == 12).then(|| [iv, bytes(&test["ct"]), bytes(&test["tag"])].concat())
    };
    check(named, Cipher::Gcm, made, |session, key, test| {
        let (associated, clear) = (bytes(&test["aad"]), bytes(&test["msg"]));
        let made = Cipher::Gcm.encrypt(session, key, &associated, &clear).unwrap();
        assert_eq!(made.len(), 12 + clear.len() + 16);
        let opened = Cipher::Gcm.decrypt(session, key, &associated, &made).unwrap();
        assert_eq!(*opened, clear, "{}", test["tcId"]);
    });
}
