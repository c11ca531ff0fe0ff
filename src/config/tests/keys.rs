// SPDX-License-Identifier: Apache-2.0
//! The places that a root key can be in: what is read, that it is documented, and mistakes.

use std::fs;
use std::time::Duration;

use super::complete::keys;
use super::folder;
use crate::config::{Code, Config, KeySettings};
use crate::keys::{AwsCredentialsSource, KeyServiceSettings, SecretSource};

const COMPLETE: &str = include_str!("golden/config_keys_variable.yaml");
const DOCS: &str = include_str!("../../../docs/CONFIG.md");

/// The configuration whose `keys` are these, and the codes of what is wrong with it.
fn load(keys: &str) -> (Option<KeySettings>, Vec<Code>) {
    let folder = folder();
    let (others, _) = COMPLETE.split_once("keys:\n").unwrap();
    let path = folder.file("zollhaus.yaml");
    fs::write(&path, format!("{others}keys: {keys}\n")).unwrap();
    let loaded = Config::load(&path);
    let problems = match &loaded {
        Ok(loaded) => &loaded.warnings,
        Err(problems) => problems,
    };
    let codes = problems.iter().map(|found| found.problem.code);
    let codes = codes.filter(|code| *code != Code::NoCaller).collect();
    if loaded.is_ok() {
        for key in self::keys(&path).iter().filter(|key| *key != "salesforce") {
            assert!(DOCS.contains(&format!("`{key}`")), "`{key}` is not in docs/CONFIG.md");
        }
    }
    (loaded.ok().map(|loaded| loaded.value.keys), codes)
}

fn sound(keys: &str) -> (KeyServiceSettings, Vec<Code>) {
    let (settings, codes) = load(keys);
    (settings.unwrap_or_else(|| panic!("{keys}: {codes:?}")).service, codes)
}

#[test]
fn vault_transit() {
    let (service, codes) = sound(
        "{ keyset: zollhaus.keyset, lease: 24h, vault_transit: { url: \"https://vault.test:8200\", key: house, \
         mount: a/transit, namespace: team/a, token: { file: zollhaus.key }, ca: zollhaus.key } }",
    );
    assert_eq!(codes, []);
    let KeyServiceSettings::VaultTransit(found) = service else { panic!("{service:?}") };
    assert_eq!(found.url, "https://vault.test:8200");
    assert_eq!((&*found.key, &*found.mount), ("house", "a/transit"));
    assert_eq!(found.namespace.as_deref(), Some("team/a"));
    assert!(matches!(&found.token, SecretSource::File(path) if path.ends_with("zollhaus.key")));
    assert!(found.ca.unwrap().ends_with("zollhaus.key"));

    let (service, codes) = sound(
        "{ keyset: zollhaus.keyset, lease: 24h, vault_transit: { url: \"http://127.0.0.1:8200\", key: house, \
         token: { environment: PATH } } }",
    );
    assert_eq!(codes, []);
    let KeyServiceSettings::VaultTransit(found) = service else { panic!("{service:?}") };
    assert_eq!((&*found.mount, found.namespace, found.ca), ("transit", None, None));
    assert!(matches!(&found.token, SecretSource::Environment { name, value: Some(_) }
        if name == "PATH"));

    for (wrong, code) in [
        ("url: \"http://vault.test:8200\"", Code::PlainHttp),
        ("url: \"https://vault.test/v1\"", Code::InvalidValue),
        ("url: \"https://vault.test\", mount: ../sys", Code::InvalidValue),
        ("url: \"https://vault.test\", mount: /transit", Code::InvalidValue),
        ("url: \"https://vault.test\", namespace: \"a b\"", Code::InvalidValue),
        ("url: \"https://vault.test\", nmespace: a", Code::UnknownKey),
    ] {
        let (found, codes) = load(&format!(
            "{{ keyset: zollhaus.keyset, lease: 24h, vault_transit: {{ {wrong}, key: house, token: {{ file: \
             zollhaus.key }} }} }}"
        ));
        assert!(found.is_none(), "{wrong}");
        assert_eq!(codes, [code], "{wrong}");
    }
}

#[test]
fn aws_kms() {
    let (service, codes) = sound(
        "{ keyset: zollhaus.keyset, lease: 24h, aws_kms: { region: eu-central-1, key: alias/house, endpoint: \
         \"https://kms.test\", ca: zollhaus.key, credentials: { file: zollhaus.key, profile: house \
         } } }",
    );
    assert_eq!(codes, []);
    let KeyServiceSettings::AwsKms(found) = service else { panic!("{service:?}") };
    assert_eq!((&*found.region, &*found.key), ("eu-central-1", "alias/house"));
    assert_eq!(found.endpoint, "https://kms.test");
    assert!(found.ca.unwrap().ends_with("zollhaus.key"));
    assert!(matches!(&found.credentials, AwsCredentialsSource::File { path, profile }
        if path.ends_with("zollhaus.key") && profile == "house"));

    for (region, endpoint) in [
        ("us-gov-west-1", "https://kms.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "https://kms.cn-north-1.amazonaws.com.cn"),
    ] {
        let (service, _) = sound(&format!(
            "{{ keyset: zollhaus.keyset, lease: 24h, aws_kms: {{ region: {region}, key: \
             \"arn:aws:kms:x:1:key/2-a\" }} }}"
        ));
        let KeyServiceSettings::AwsKms(found) = service else { panic!("{service:?}") };
        assert_eq!(found.endpoint, endpoint);
        assert!(matches!(found.credentials, AwsCredentialsSource::Environment { .. }));
    }

    for (wrong, code) in [
        ("region: Frankfurt, key: alias/house", Code::InvalidValue),
        ("region: eu-central-1/x, key: alias/house", Code::InvalidValue),
        ("region: eu-central-1, key: \"alias/my house\"", Code::InvalidValue),
        ("region: eu-central-1, key: a, endpoint: \"http://kms.test\"", Code::PlainHttp),
        ("region: eu-central-1, key: a, profile: b", Code::UnknownKey),
    ] {
        let (found, codes) = load(&format!(
            "{{ keyset: zollhaus.keyset, lease: 24h, aws_kms: {{ {wrong}, credentials: {{ file: zollhaus.key }} \
             }} }}"
        ));
        assert!(found.is_none(), "{wrong}");
        assert_eq!(codes, [code], "{wrong}");
    }
}

#[test]
fn pkcs11() {
    let whole = |rest: &str| {
        format!(
            "{{ keyset: zollhaus.keyset, lease: 24h, pkcs11: {{ module: zollhaus.key, key: \"the key\", pin: {{ \
             file: zollhaus.key }}, {rest} }} }}"
        )
    };
    let (service, codes) = sound(&whole("token: house"));
    assert_eq!(codes, []);
    let KeyServiceSettings::Pkcs11(found) = service else { panic!("{service:?}") };
    assert_eq!((&*found.token, &*found.key), ("house", "the key"));
    assert!(found.module.ends_with("zollhaus.key"));
    assert!(matches!(&found.pin, SecretSource::File(path) if path.ends_with("zollhaus.key")));
    for (wrong, code) in [
        ("token: \"house \"", Code::InvalidValue),
        ("token: a-label-of-more-than-thirty-two-bytes", Code::InvalidValue),
        ("token: house, lable: a", Code::UnknownKey),
        ("token: house, slot: 0", Code::UnknownKey),
    ] {
        let (found, codes) = load(&whole(wrong));
        assert!(found.is_none(), "{wrong}");
        assert_eq!(codes[0], code, "{wrong}: {codes:?}");
    }
}

#[test]
fn whoever_has_a_key_service_says_how_long_keys_serve_without_it() {
    let transit = "vault_transit: { url: \"https://vault.test\", key: a, token: { file: \
        zollhaus.key } }";
    let keys = |rest: &str| format!("{{ keyset: zollhaus.keyset, {rest} }}");
    let (found, codes) = load(&keys(&format!("{transit}, lease: 90m")));
    assert_eq!((found.unwrap().lease, codes), (Some(Duration::from_secs(5400)), vec![]));
    let (found, codes) = load(&keys("file: zollhaus.key"));
    assert_eq!((found.unwrap().lease, codes), (None, vec![]));
    for (wrong, code) in [
        (transit.to_owned(), Code::MissingKey),
        (format!("{transit}, lease: 59s"), Code::InvalidValue),
        (format!("{transit}, lease: 721h"), Code::InvalidValue),
        (format!("{transit}, lease: forever"), Code::InvalidValue),
        ("file: zollhaus.key, lease: 1h".to_owned(), Code::Contradiction),
        ("environment: PATH, lease: 1h".to_owned(), Code::Contradiction),
    ] {
        let (found, codes) = load(&keys(&wrong));
        assert!(found.is_none(), "{wrong}");
        assert_eq!(codes, [code], "{wrong}");
    }
}

#[test]
fn one_place_and_no_more() {
    for (wrong, code) in [
        ("{ keyset: zollhaus.keyset }", Code::MissingKey),
        ("{ keyset: zollhaus.keyset, aws_kmss: { region: a } }", Code::UnknownKey),
        (
            "{ keyset: zollhaus.keyset, environment: PATH, passphrase: { file: \
             zollhaus.key } }",
            Code::Contradiction,
        ),
        ("{ keyset: zollhaus.keyset, environment: \"1A\" }", Code::InvalidValue),
        ("{ keyset: zollhaus.keyset, environment: \"\" }", Code::InvalidValue),
        ("{ keyset: zollhaus.keyset, file: zollhaus.key, passphrase: {} }", Code::MissingKey),
    ] {
        let (found, codes) = load(wrong);
        assert!(found.is_none(), "{wrong}");
        assert_eq!(codes, [code], "{wrong}");
    }
}
