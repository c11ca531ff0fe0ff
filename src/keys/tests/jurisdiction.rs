// SPDX-License-Identifier: Apache-2.0
//! Keysets of jurisdictions.

use super::*;
use crate::keys::JurisdictionKeys;

#[test]
fn a_keyset_is_that_of_one_jurisdiction_and_of_nobody_else() {
    let scratch = Scratch::new();
    let [path, house] = ["au.json", "house.json"].map(|name| scratch.file(name));
    let service = MemoryKeyService::generate().unwrap();
    let (tenant, australia) = ("acme".into(), "AU".into());
    let made = JurisdictionKeys::create(&path, &service, (&tenant, &australia), today()).unwrap();
    Keyset::create(&house, &service, &tenant, today()).unwrap();
    let exists = JurisdictionKeys::create(&path, &service, (&tenant, &australia), today());
    assert!(matches!(exists, Err(KeysError::Exists { .. })));
    let opened = JurisdictionKeys::open(&path, &service, &australia).unwrap();
    assert_eq!(opened.vault.active().seal([], b"x"), made.vault.active().seal([], b"x"));
    let status = Keyset::status(&path).unwrap();
    assert_eq!(status.iter().map(|key| key.purpose).collect::<Vec<_>>(), [KeyPurpose::Vault]);

    let refused = |error: KeysError, found: &str, expected: &str| {
        let said = error.to_string();
        assert!(matches!(error, KeysError::OtherRealm { .. }), "{said}");
        assert!(said.contains(&format!("that of {found}, and not that of {expected}")), "{said}");
    };
    let open = |path, of: &str| JurisdictionKeys::open(path, &service, &of.into()).unwrap_err();
    refused(open(&path, "EU"), "jurisdiction `AU`", "jurisdiction `EU`");
    refused(open(&house, "AU"), "the house", "jurisdiction `AU`");
    refused(Keyset::open(&path, &service).unwrap_err(), "jurisdiction `AU`", "the house");
    // Its name is bound to its keys.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"AU\"", "\"EU\"")).unwrap();
    assert!(matches!(open(&path, "EU"), KeysError::Unopened { .. }));
}

#[test]
fn its_key_is_rotated_and_ends() {
    let scratch = Scratch::new();
    let [path, moved] = ["au.json", "moved.json"].map(|name| scratch.file(name));
    let service = MemoryKeyService::generate().unwrap();
    let (tenant, australia) = ("acme".into(), "AU".into());
    let first = JurisdictionKeys::create(&path, &service, (&tenant, &australia), today()).unwrap();
    let sealed = first.vault.active().seal([], b"x");
    JurisdictionKeys::prepare(&path, &service, KeyPurpose::Vault, today()).unwrap();
    let second = JurisdictionKeys::rotate(&path, &service, KeyPurpose::Vault, today()).unwrap();
    assert_eq!(second.vault.active_version(), 2);
    assert_eq!(*second.vault.get(1).unwrap().open([], &sealed).unwrap(), b"x");
    let of_house = JurisdictionKeys::rotate(&path, &service, KeyPurpose::Siv, today());
    assert!(matches!(of_house, Err(KeysError::OfTheHouse { .. })), "{of_house:?}");
    Keyset::destroy(&path, KeyPurpose::Vault, 1).unwrap();
    let opened = JurisdictionKeys::open(&path, &service, &australia).unwrap();
    assert!(opened.vault.get(1).is_none());

    let other = MemoryKeyService::generate().unwrap();
    Keyset::rewrap(&path, &service, (&moved, &other)).unwrap();
    let opened = JurisdictionKeys::open(&moved, &other, &australia).unwrap();
    let sealed = second.vault.active().seal([], b"x");
    assert_eq!(*opened.vault.active().open([], &sealed).unwrap(), b"x");

    let wrong = JurisdictionKeys::end(&path, (&tenant, &"EU".into()));
    assert!(matches!(wrong, Err(KeysError::OtherRealm { .. })), "{wrong:?}");
    let wrong = JurisdictionKeys::end(&path, (&"bolt".into(), &australia));
    assert!(matches!(wrong, Err(KeysError::OtherTenant { .. })), "{wrong:?}");
    JurisdictionKeys::open(&path, &service, &australia).unwrap();
    for _ in 0..2 {
        JurisdictionKeys::end(&path, (&tenant, &australia)).unwrap();
        let ended = JurisdictionKeys::open(&path, &service, &australia).unwrap_err();
        assert!(ended.to_string().contains("take `AU` out of `keys.jurisdictions`"), "{ended}");
    }
    assert!(!std::fs::read_to_string(&path).unwrap().contains("wrapped"));
}
