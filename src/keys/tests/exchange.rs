// SPDX-License-Identifier: Apache-2.0
//! Keysets that are changed: by one process at a time, and into what opens.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use super::*;
use crate::keys::files::Exchange;

/// Wraps, and unwraps nothing, as credentials may do that lack a right.
struct WrapsOnly(MemoryKeyService);

impl KeyService for WrapsOnly {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        self.0.wrap(name, key)
    }

    fn unwrap(&self, _: &KeyName<'_>, _: &[u8]) -> Result<Secret, KeysError> {
        Err(KeysError::Denied { service: "it".into(), problem: "no".into() })
    }
}

/// Unwraps what was there before only.
struct UnwrapsFirst(MemoryKeyService);

impl KeyService for UnwrapsFirst {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        self.0.wrap(name, key)
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        match name.version {
            1 => self.0.unwrap(name, wrapped),
            _ => Err(KeysError::Unavailable { service: "it".into(), problem: "gone".into() }),
        }
    }
}

#[test]
fn what_does_not_open_is_not_written() {
    let scratch = Scratch::new();
    let (path, new) = (scratch.file("keyset.json"), scratch.file("new.json"));
    let service = MemoryKeyService::generate().unwrap();
    let wraps_only = WrapsOnly(service.clone());
    assert!(Keyset::create(&path, &wraps_only, &"acme".into(), today()).is_err());
    assert!(!path.exists());
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    assert!(Keyset::rewrap(&path, &service, (&new, &wraps_only)).is_err());
    assert!(!new.exists());
    let before = fs::read(&path).unwrap();
    let unwraps_first = UnwrapsFirst(service.clone());
    assert!(Keyset::rotate(&path, &unwraps_first, KeyPurpose::Siv, today()).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_keyset_is_changed_by_one_at_a_time() {
    let scratch = Scratch::new();
    let path = scratch.file("keyset.json");
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    let rotate = || Keyset::rotate(&path, &service, KeyPurpose::Siv, today());
    rotate().unwrap();
    let other = Exchange::begin(&path).unwrap();
    let refused = [
        rotate().map(drop),
        Keyset::destroy(&path, KeyPurpose::Siv, 1),
        Keyset::rewrap(&path, &service, (&scratch.file("new.json"), &service)),
    ];
    assert!(refused.iter().all(|it| matches!(it, Err(KeysError::UnderWay { .. }))), "{refused:?}");
    drop(other);

    // No version is lost, however many are at it.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| while let Err(KeysError::UnderWay { .. }) = rotate() {});
        }
    });
    let opened = Keyset::open(&path, &service).unwrap();
    let versions: Vec<Version> = opened.siv.iter().map(|(version, _)| version).collect();
    assert_eq!(versions, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_changed_keyset_stays_where_it_is_and_whose_it_is() {
    let scratch = Scratch::new();
    let (path, link) = (scratch.file("keyset.json"), scratch.file("link.json"));
    let service = MemoryKeyService::generate().unwrap();
    Keyset::create(&path, &service, &"acme".into(), today()).unwrap();
    symlink(&path, &link).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    // Only root may give a file away.
    let owner =
        if chown(&path, Some(4_711), Some(4_712)).is_ok() { Some((4_711, 4_712)) } else { None };
    Keyset::rotate(&link, &service, KeyPurpose::Siv, today()).unwrap();
    Keyset::destroy(&link, KeyPurpose::Siv, 1).unwrap();
    assert!(link.is_symlink());
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o640);
    assert!(owner.is_none_or(|owner| owner == (metadata.uid(), metadata.gid())));
    assert_eq!(Keyset::open(&path, &service).unwrap().siv.active_version(), 2);
    assert!(!scratch.file("keyset.json.new").exists());
}
