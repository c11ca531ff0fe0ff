// SPDX-License-Identifier: Apache-2.0

mod aws_kms;
mod pkcs11;
pub(crate) mod stand_in;
mod transit;

use std::path::Path;

use super::*;
use crate::base::{Secret, Tenant};
use crate::testkit::Scratch;

/// A name to wrap keys under.
pub(super) fn sample_name(tenant: &Tenant) -> KeyName<'_> {
    KeyName { tenant, purpose: KeyPurpose::Siv, version: 1 }
}

/// What every key service must do. `open` gives a service with the same root key
/// each time, `other` one with another.
pub(super) fn check_service(open: impl Fn() -> Box<dyn KeyService>, other: &dyn KeyService) {
    let (acme, bolt) = (Tenant::from("acme"), Tenant::from("bolt"));
    let name = KeyName { tenant: &acme, purpose: KeyPurpose::Vault, version: 1 };
    let key = Secret::new([7; 64]);
    let wrapped = open().wrap(&name, &key).unwrap();
    assert!(!wrapped.windows(8).any(|part| part == [7; 8]), "the key stands in the wrapped form");
    assert_eq!(open().unwrap(&name, &wrapped).unwrap(), key);

    assert!(matches!(other.unwrap(&name, &wrapped), Err(KeysError::WrongRootKey)));
    for wrong in [
        KeyName { tenant: &bolt, ..name },
        KeyName { purpose: KeyPurpose::Siv, ..name },
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
    let name = KeyName { tenant: &"acme".into(), purpose: KeyPurpose::Siv, version: 1 };
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
    let created = Keyset::create(&path, &service, &"acme".into()).unwrap();
    let opened = Keyset::open(&path, &service).unwrap();

    assert_eq!(opened.tenant, created.tenant);
    assert_eq!(opened.token_mac.code(&[b"x"]), created.token_mac.code(&[b"x"]));
    assert_eq!(opened.index_mac.code(&[b"x"]), created.index_mac.code(&[b"x"]));
    assert_eq!(opened.siv.seal([], b"x"), created.siv.seal([], b"x"));
    assert_eq!(opened.vault.seal([], b"x"), created.vault.seal([], b"x"));
    assert_eq!(opened.caller_mac, created.caller_mac);
    assert_ne!(opened.token_mac.code(&[b"x"]), opened.index_mac.code(&[b"x"]));
    assert_ne!(opened.siv.seal([], b"x"), opened.vault.seal([], b"x"));

    let exists = Keyset::create(&path, &service, &"acme".into());
    assert!(matches!(exists, Err(KeysError::Exists { .. })));
}

#[test]
fn a_rotated_keyset_keeps_the_keys_before_and_signs_with_the_new_one() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    let first = Keyset::create(&path, &service, &"acme".into()).unwrap();
    // What an attempt left that was cut off.
    std::fs::write(scratch.file("keyset.json.new"), "half").unwrap();
    let second = Keyset::rotate_log_signing(&path, &service).unwrap();
    let third = Keyset::rotate_log_signing(&path, &service).unwrap();
    assert_eq!(third.log_signing.len(), 3);
    assert_eq!(third.log_signing[..2], second.log_signing);
    assert_eq!(second.log_signing[..1], first.log_signing);
    assert_ne!(second.log_signing[0], second.log_signing[1]);
    assert_eq!(third.caller_mac, first.caller_mac);
    let opened = Keyset::open(&path, &service).unwrap();
    assert_eq!(opened.log_signing, third.log_signing);
    let names = |keyset: &Keyset| -> Vec<String> {
        let signers = keyset.log_signers("acme.example/one").unwrap();
        signers.iter().map(|signer| signer.verifier().to_string()).collect()
    };
    assert_eq!(names(&opened)[..2], names(&second));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    // No other root key, and no keyset with two keys in use, is rotated.
    let other = MemoryKeyService::generate().unwrap();
    assert!(Keyset::rotate_log_signing(&path, &other).is_err());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"retired\"", "\"active\"", 1)).unwrap();
    assert!(Keyset::rotate_log_signing(&path, &service).is_err());
}

#[test]
fn keysets_do_not_open_with_another_key_or_when_changed() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into()).unwrap();
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
