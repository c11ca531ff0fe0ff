// SPDX-License-Identifier: Apache-2.0

mod aws_kms;
mod exchange;
mod jurisdiction;
mod pkcs11;
mod pkcs11_vectors;
mod rotation;
pub(crate) mod stand_in;
mod transit;

use std::path::Path;

use super::*;
use crate::base::{Date, Secret, Tenant};
use crate::testkit::Scratch;

/// A name to wrap keys under.
pub(super) fn sample_name(tenant: &Tenant) -> KeyName<'_> {
    KeyName { tenant, realm: &Realm::House, purpose: KeyPurpose::Siv, version: 1 }
}

/// What every key service must do. `open` gives a service with the same root key
/// each time, `other` one with another.
pub(super) fn check_service(open: impl Fn() -> Box<dyn KeyService>, other: &dyn KeyService) {
    let (acme, bolt) = (Tenant::from("acme"), Tenant::from("bolt"));
    let name = KeyName { purpose: KeyPurpose::Vault, ..sample_name(&acme) };
    let australia = Realm::from_code("AU");
    let key = Secret::new([7; 64]);
    let wrapped = open().wrap(&name, &key).unwrap();
    assert!(!wrapped.windows(8).any(|part| part == [7; 8]), "the key stands in the wrapped form");
    assert_eq!(open().unwrap(&name, &wrapped).unwrap(), key);

    assert!(matches!(other.unwrap(&name, &wrapped), Err(KeysError::WrongRootKey)));
    // What another kind of service has wrapped: somebody has forgotten to rewrap.
    let foreign = MemoryKeyService::generate().unwrap().wrap(&name, &key).unwrap();
    assert!(matches!(open().unwrap(&name, &foreign), Err(KeysError::WrongRootKey)));
    for wrong in [
        KeyName { tenant: &bolt, ..name },
        KeyName { purpose: KeyPurpose::Siv, ..name },
        KeyName { realm: &australia, ..name },
        KeyName { version: 2, ..name },
    ] {
        assert!(matches!(open().unwrap(&wrong, &wrapped), Err(KeysError::NotAuthentic)));
    }
    let mut changed = wrapped.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(matches!(open().unwrap(&name, &changed), Err(KeysError::NotAuthentic)));
    assert!(matches!(open().unwrap(&name, &wrapped[..3]), Err(KeysError::NotAuthentic)));
}

#[test]
fn key_files_conform() {
    let scratch = Scratch::new();
    let path = scratch.file("root.key");
    KeyFile::create(&path).unwrap();
    let other = KeyFile::create(&scratch.file("other.key")).unwrap();
    check_service(|| Box::new(KeyFile::open(&path).unwrap()), &other);
}

#[test]
fn key_variables_conform_and_say_what_is_wrong() {
    let scratch = Scratch::new();
    let path = scratch.file("root.key");
    let other = KeyFile::create(&path).unwrap();
    let line = Secret::new(std::fs::read(&path).unwrap());
    let opened = KeyVariable::open("ROOT", Some(&line)).unwrap();
    // The same root key in another place opens the same.
    let acme = "acme".into();
    let name = sample_name(&acme);
    let wrapped = other.wrap(&name, &Secret::new([7; 64])).unwrap();
    assert_eq!(opened.unwrap(&name, &wrapped).unwrap(), Secret::new([7; 64]));

    let other = KeyFile::create(&scratch.file("other.key")).unwrap();
    check_service(|| Box::new(KeyVariable::open("ROOT", Some(&line)).unwrap()), &other);
    for (value, problem) in [
        (None, "the environment variable `ROOT` is not set"),
        (Some(" \n"), "is empty"),
        (Some("zollhaus-root-key-1 AAAA"), "holds no root key"),
        (Some("hunter2"), "holds no root key"),
    ] {
        let error = KeyVariable::open("ROOT", value.map(Secret::new).as_ref()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(problem) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn memory_conforms() {
    let service = MemoryKeyService::generate().unwrap();
    let other = MemoryKeyService::generate().unwrap();
    check_service(|| Box::new(service.clone()), &other);
}

#[test]
fn key_files_are_for_their_owner_and_never_overwritten() {
    let scratch = Scratch::new();
    let path = scratch.file("root.key");
    KeyFile::create(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(KeyFile::create(&path), Err(KeysError::Exists { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        for exposed in [0o640, 0o604, 0o660, 0o777] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(exposed)).unwrap();
            let error = KeyFile::open(&path).unwrap_err();
            let advice = format!("chmod 600 {}", path.display());
            assert!(error.to_string().contains(&advice), "{exposed:o}: {error}");
        }
    }
}

#[test]
fn broken_key_files_are_refused_by_name() {
    let scratch = Scratch::new();
    let path = scratch.file("root.key");
    KeyFile::create(&path).unwrap();
    let right = std::fs::read_to_string(&path).unwrap();
    let check = |content: &str, problem: &str| {
        std::fs::write(&path, content).unwrap();
        let error = KeyFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("root.key") && error.contains(problem), "{error}");
    };
    check("", "does not begin");
    check("something else\n", "does not begin");
    check(&right[..right.len() - 4], "base64");
    check(&format!("{right}{right}"), "base64");
    check("zollhaus-root-key-1 AAAA\n", "256 bits");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(KeyFile::open(&path), Err(KeysError::Missing { .. })));
}

#[test]
fn keysets_open_as_they_were_created() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    let created = Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    let opened = Keyset::open(&path, &service).unwrap();

    assert_eq!(opened.tenant, created.tenant);
    assert_eq!(opened.token_mac.active().code(&[b"x"]), created.token_mac.active().code(&[b"x"]));
    assert_eq!(opened.index_mac.active().code(&[b"x"]), created.index_mac.active().code(&[b"x"]));
    assert_eq!(opened.siv.active().seal([], b"x"), created.siv.active().seal([], b"x"));
    assert_eq!(opened.vault.active().seal([], b"x"), created.vault.active().seal([], b"x"));
    assert_eq!(opened.caller_mac, created.caller_mac);
    assert_ne!(opened.token_mac.active().code(&[b"x"]), opened.index_mac.active().code(&[b"x"]));
    assert_ne!(opened.siv.active().seal([], b"x"), opened.vault.active().seal([], b"x"));

    let exists = Keyset::create(&path, &service, &"acme".into(), today());
    assert!(matches!(exists, Err(KeysError::Exists { .. })));
}

#[test]
fn a_rotated_keyset_keeps_the_keys_before_and_uses_the_new_one() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    let first = Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    // What an attempt left that was cut off.
    std::fs::write(scratch.file("keyset.json.new"), "half").unwrap();
    let rotate = |purpose| Keyset::rotate(&path, &service, purpose, today());
    rotate(KeyPurpose::LogSigning).unwrap();
    rotate(KeyPurpose::Vault).unwrap();
    let third = rotate(KeyPurpose::LogSigning).unwrap();

    let seeds = |keyset: &Keyset| {
        keyset.log_signing.iter().map(|(_, seed)| seed.clone()).collect::<Vec<_>>()
    };
    assert_eq!(seeds(&third).len(), 3);
    assert_eq!(seeds(&third)[2..], seeds(&first));
    assert_ne!(seeds(&third)[0], seeds(&third)[1]);
    assert_eq!(third.caller_mac, first.caller_mac);
    assert_eq!(seeds(&Keyset::open(&path, &service).unwrap()), seeds(&third));
    let signers = third.log_signers("acme.example/one").unwrap();
    let oldest = first.log_signers("acme.example/one").unwrap();
    assert_eq!(signers[0].verifier().to_string(), oldest[0].verifier().to_string());

    // A row of the vault and what it is found by are of one version.
    let (macs, before) = (&third.index_mac, &first.index_mac);
    assert_eq!((macs.active_version(), third.vault.active_version()), (2, 2));
    assert_ne!(macs.active().code(&[b"x"]), before.active().code(&[b"x"]));
    assert_eq!(macs.get(1).unwrap().code(&[b"x"]), before.active().code(&[b"x"]));
    let sealed = first.vault.active().seal([], b"x");
    assert_eq!(*third.vault.get(1).unwrap().open([], &sealed).unwrap(), b"x");
    assert!(third.vault.active().open([], &sealed).is_none());
    assert_eq!((third.token_mac.active_version(), third.siv.active_version()), (1, 1));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // No other root key, and no keyset with two keys in use, is rotated.
    let other = MemoryKeyService::generate().unwrap();
    assert!(Keyset::rotate(&path, &other, KeyPurpose::Siv, today()).is_err());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"decrypt_only\"", "\"active\"", 1)).unwrap();
    assert!(rotate(KeyPurpose::Siv).is_err());
}

#[test]
fn a_destroyed_key_is_gone_and_its_number_is_not_used_again() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    let rotate = |purpose| Keyset::rotate(&path, &service, purpose, today());
    let destroy = |purpose, version| Keyset::destroy(&path, purpose, version);
    let is_refused = |result| matches!(result, Err(KeysError::NotDestroyable { .. }));
    assert!(is_refused(destroy(KeyPurpose::Vault, 1)), "it is in use");
    rotate(KeyPurpose::Vault).unwrap();
    rotate(KeyPurpose::Vault).unwrap();
    destroy(KeyPurpose::Vault, 2).unwrap();
    assert!(is_refused(destroy(KeyPurpose::Vault, 2)), "it is destroyed");
    assert!(is_refused(destroy(KeyPurpose::Vault, 4)), "it was never made");
    assert!(matches!(
        destroy(KeyPurpose::SubjectMac, 1),
        Err(KeysError::NotRotated { purpose: KeyPurpose::SubjectMac })
    ));

    let opened = rotate(KeyPurpose::Vault).unwrap();
    for versions in [
        opened.vault.iter().map(|(version, _)| version).collect::<Vec<_>>(),
        opened.index_mac.iter().map(|(version, _)| version).collect(),
    ] {
        assert_eq!(versions, [4, 3, 1]);
    }
    let status = Keyset::status(&path).unwrap();
    let of_vault = status.iter().filter(|key| key.purpose == KeyPurpose::Vault);
    let of_vault: Vec<_> = of_vault.map(|key| (key.version, key.state, key.since)).collect();
    let states =
        [KeyState::DecryptOnly, KeyState::Destroyed, KeyState::DecryptOnly, KeyState::Active];
    let expected = states.iter().zip(1..).map(|(state, version)| (version, *state, Some(today())));
    assert_eq!(of_vault, expected.collect::<Vec<_>>());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("wrapped").count(), status.len() - 2, "no wrapped form is left");
    for _ in 0..5 {
        rotate(KeyPurpose::Vault).unwrap();
    }
    let full = rotate(KeyPurpose::Vault);
    assert!(matches!(full, Err(KeysError::TooManyVersions { limit: 8, .. })), "{full:?}");
}

#[test]
fn keysets_that_do_not_say_when_keys_were_made_open() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    Keyset::rotate(&path, &service, KeyPurpose::LogSigning, today()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let since = format!("      \"since\": \"{}\",\n", today());
    let older = text.replace(&since, "").replace("decrypt_only", "retired");
    assert!(!older.contains("since"));
    std::fs::write(&path, older).unwrap();
    assert_eq!(Keyset::open(&path, &service).unwrap().log_signing.iter().count(), 2);
    assert!(Keyset::status(&path).unwrap().iter().all(|key| key.since.is_none()));
}

fn today() -> Date {
    "2026-11-30".parse().unwrap()
}

#[test]
fn keysets_do_not_open_with_another_key_or_when_changed() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    let right = std::fs::read_to_string(&path).unwrap();

    let other = MemoryKeyService::generate().unwrap();
    let Err(KeysError::Unopened { source, .. }) = Keyset::open(&path, &other) else {
        panic!("it opened with another root key");
    };
    assert!(matches!(*source, KeysError::WrongRootKey));

    let check = |from: &str, to: &str| {
        assert!(right.contains(from), "{from}");
        std::fs::write(&path, right.replacen(from, to, 1)).unwrap();
        let error = Keyset::open(&path, &service).unwrap_err();
        assert!(error.to_string().contains("keyset.json"), "{error}");
    };
    check("acme", "bolt");
    check("\"version\": 1", "\"version\": 2");
    check("\"zollhaus_keyset\": 1", "\"zollhaus_keyset\": 2");
    check("\"active\"", "\"unheard_of\"");
    check("\"siv\"", "\"vault\"");
    check("\"wrapped\": \"", "\"wrapped\": \"AAAA");
    check("{", "");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(Keyset::open(&path, &service), Err(KeysError::Missing { .. })));
}
