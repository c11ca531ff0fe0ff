// SPDX-License-Identifier: Apache-2.0
//! Against SoftHSM, where `tests/run` has unpacked it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;

use super::{check_service, sample_name};
use crate::base::Secret;
use crate::keys::pkcs11_cipher::Cipher;
use crate::keys::{KeyService, KeysError, Pkcs11Settings, Pkcs11Token, SecretSource};

const MODULE: &str = "ZOLLHAUS_TEST_SOFTHSM";
pub(super) const PIN: &str = "canary-4711";

/// The module, and the turn to use it: SoftHSM does not bear a new token while another thread
/// looks for one. `None` on a machine where nobody asked for SoftHSM; never in CI.
pub(super) fn module() -> Option<(PathBuf, MutexGuard<'static, ()>)> {
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let found = std::env::vars_os().find(|(name, _)| name == MODULE);
    if found.is_none() {
        let is_ci = std::env::vars_os().any(|(name, value)| name == "CI" && value == "true");
        assert!(!is_ci, "{MODULE} is not set; run the tests by tests/run");
        println!("SKIPPED: {MODULE} is not set; tests/run unpacks SoftHSM");
    }
    let turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    found.map(|(_, module)| (module.into(), turn))
}

pub(super) fn initialized(module: &Path) -> Pkcs11 {
    let context = Pkcs11::new(module).unwrap();
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => panic!("{error}"),
    }
    context
}

/// A new token with AES keys, of which `odd` may do nothing and `twin` is there twice.
pub(super) fn token(module: &Path) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let label = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let context = initialized(module);
    let used = context.get_slots_with_initialized_token().unwrap();
    let slots = context.get_slots_with_token().unwrap();
    let slot = slots.into_iter().find(|slot| !used.contains(slot)).unwrap();
    let (officer, user) = ("12345678".into(), PIN.into());
    context.init_token(slot, &officer, &label).unwrap();
    let session = context.open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&officer)).unwrap();
    session.init_pin(&user).unwrap();
    session.logout().unwrap();
    session.login(UserType::User, Some(&user)).unwrap();
    let length: std::ffi::c_ulong = 32;
    for (key, is_permitted) in
        [("one", true), ("two", true), ("odd", false), ("twin", true), ("twin", true)]
    {
        let template = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Label(key.into()),
            Attribute::ValueLen(length.into()),
            Attribute::Encrypt(is_permitted),
            Attribute::Decrypt(is_permitted),
            Attribute::Wrap(is_permitted),
            Attribute::Unwrap(is_permitted),
        ];
        session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
    }
    label
}

fn settings(module: &Path, token: &str, key: &str) -> Pkcs11Settings {
    let value = Some(Secret::new(PIN));
    Pkcs11Settings {
        module: module.to_owned(),
        token: token.to_owned(),
        key: key.to_owned(),
        pin: SecretSource::Environment { name: "PIN".into(), value },
    }
}

#[test]
fn tokens_conform_with_each_cipher() {
    let Some((module, _turn)) = module() else { return };
    let token = token(&module);
    for ciphers in [&[Cipher::Gcm], &[Cipher::KeyWrap]] {
        let open =
            |key| Box::new(Pkcs11Token::with_ciphers(settings(&module, &token, key), ciphers));
        check_service(|| open("one"), &*open("two"));
        // What is made with one cipher opens also where another one is the best.
        let tenant = "acme".into();
        let wrapped = open("one").wrap(&sample_name(&tenant), &Secret::new([7; 64])).unwrap();
        let usual = Pkcs11Token::new(settings(&module, &token, "one"));
        assert_eq!(usual.unwrap(&sample_name(&tenant), &wrapped).unwrap(), Secret::new([7; 64]));
        assert_eq!(wrapped[8], ciphers[0].id());
        let made_now = usual.wrap(&sample_name(&tenant), &Secret::new([7; 64])).unwrap();
        assert_eq!(made_now[8], Cipher::Gcm.id());
    }
}

#[test]
fn errors_say_what_to_do_and_nothing_secret() {
    let Some((module, _turn)) = module() else { return };
    let (token, tenant) = (token(&module), "acme".into());
    let error = |settings: Pkcs11Settings| {
        let wrapped = Pkcs11Token::new(settings).wrap(&sample_name(&tenant), &Secret::new([7; 32]));
        wrapped.unwrap_err()
    };
    let check = |settings: Pkcs11Settings, may_pass: bool, says: &str| {
        let error = error(settings);
        let text = error.to_string();
        assert!(text.contains(says) && !text.contains("canary"), "{text}");
        assert_eq!(error.may_pass(), may_pass, "{text}");
    };
    let usual = |key| settings(&module, &token, key);
    check(usual("none"), false, "it has no AES key with this label");
    check(usual("twin"), true, "several AES keys");
    check(usual("odd"), true, "the key has to permit");
    check(settings(&module, "nowhere", "one"), true, "no slot holds a token with this label");
    check(
        settings(Path::new("/missing.so"), &token, "one"),
        false,
        "`/missing.so` cannot be loaded",
    );
}

#[test]
fn a_wrong_pin_is_tried_once() {
    let Some((module, _turn)) = module() else { return };
    let (token, tenant, scratch) = (token(&module), "acme".into(), crate::testkit::Scratch::new());
    let pin = scratch.file("pin");
    let write = |text: &str| {
        std::fs::write(&pin, text).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&pin, private).unwrap();
    };
    let settings =
        Pkcs11Settings { pin: SecretSource::File(pin.clone()), ..settings(&module, &token, "one") };
    let service = Pkcs11Token::new(settings);
    let refused = || match service.wrap(&sample_name(&tenant), &Secret::new([7; 32])) {
        Err(error @ KeysError::PinRefused { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    write("wrong-4711");
    assert!(refused().contains("PinIncorrect"));
    for _ in 0..20 {
        assert!(refused().contains("refused before"));
    }
    write(PIN);
    assert!(service.wrap(&sample_name(&tenant), &Secret::new([7; 32])).is_ok());
}
