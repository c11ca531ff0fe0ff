// SPDX-License-Identifier: Apache-2.0
//! Keys that are prepared before they are taken into use.

use std::fs;

use super::*;

#[test]
fn a_prepared_key_opens_and_is_in_use_when_it_is_rotated_to() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    let first = Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    let prepare = |purpose| Keyset::prepare(&path, &service, purpose, today());
    let prepared = prepare(KeyPurpose::Vault).unwrap();
    for versions in [
        prepared.vault.iter().map(|(version, _)| version).collect::<Vec<_>>(),
        prepared.index_mac.iter().map(|(version, _)| version).collect(),
    ] {
        assert_eq!(versions, [1, 2]);
    }
    let seal = |keyset: &Keyset| keyset.vault.active().seal([], b"x");
    assert_eq!(seal(&prepared), seal(&first), "it is not in use");
    let again = prepare(KeyPurpose::Vault).unwrap_err().to_string();
    assert!(again.contains("rotate --purpose vault"), "{again}");
    let destroyed = Keyset::destroy(&path, KeyPurpose::Vault, 2);
    assert!(matches!(destroyed, Err(KeysError::NotDestroyable { .. })), "{destroyed:?}");

    let rotated = Keyset::rotate(&path, &service, KeyPurpose::Vault, today()).unwrap();
    assert_eq!((rotated.vault.active_version(), rotated.index_mac.active_version()), (2, 2));
    assert_eq!(*prepared.vault.get(2).unwrap().open([], &seal(&rotated)).unwrap(), b"x");
    assert_eq!(*rotated.vault.get(1).unwrap().open([], &seal(&first)).unwrap(), b"x");
    let status = Keyset::status(&path).unwrap();
    assert!(status.iter().all(|key| key.state != KeyState::Prepared));
    prepare(KeyPurpose::Siv).unwrap();
    assert!(matches!(prepare(KeyPurpose::CallerMac), Err(KeysError::NotRotated { .. })));
}

#[test]
fn states_that_no_command_makes_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    Keyset::rotate(&path, &service, KeyPurpose::Siv, today()).unwrap();
    Keyset::prepare(&path, &service, KeyPurpose::Siv, today()).unwrap();
    let sound: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let states = |states: [&str; 3]| {
        let mut keyset = sound.clone();
        let keys = keyset["keys"].as_array_mut().unwrap().iter_mut();
        for (key, state) in keys.filter(|key| key["purpose"] == "siv").zip(states) {
            key["state"] = state.into();
        }
        fs::write(&path, keyset.to_string()).unwrap();
        Keyset::open(&path, &service).map(|keyset| keyset.siv.active_version())
    };
    assert_eq!(states(["decrypt_only", "active", "prepared"]).unwrap(), 2);
    assert_eq!(states(["decrypt_only", "decrypt_only", "active"]).unwrap(), 3);
    for wrong in [
        ["decrypt_only", "decrypt_only", "prepared"],
        ["active", "decrypt_only", "prepared"],
        ["decrypt_only", "prepared", "active"],
        ["active", "prepared", "prepared"],
        ["decrypt_only", "active", "active"],
        ["decrypt_only", "active", "decrypt_only"],
    ] {
        let refused = states(wrong);
        assert!(matches!(refused, Err(KeysError::Damaged { .. })), "{wrong:?}: {refused:?}");
    }
}

#[test]
fn a_keyset_from_before_there_was_a_key_gets_it_by_rotating() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    let mut keyset: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    keyset["keys"].as_array_mut().unwrap().retain(|key| key["purpose"] != "ff1");
    fs::write(&path, keyset.to_string()).unwrap();
    let refused = Keyset::prepare(&path, &service, KeyPurpose::Ff1, today()).unwrap_err();
    assert!(refused.to_string().contains("rotate --purpose ff1"), "{refused}");
    let rotated = Keyset::rotate(&path, &service, KeyPurpose::Ff1, today()).unwrap();
    assert_eq!(rotated.ff1.unwrap().active_version(), 1);
}
