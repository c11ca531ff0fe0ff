// SPDX-License-Identifier: Apache-2.0

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::Algorithm;

use super::CallerSetupError::{Keys, KeysPlace, NoAlgorithm, SymmetricAlgorithm};
use super::*;
use crate::base::{ManualClock, Secret, Timestamp};
use crate::listener::Peer;

mod tokens;

fn principal(name: &str) -> Principal {
    Principal { name: name.into(), roles: vec!["support".into()], purpose: None, region: None }
}

fn mac_key() -> Secret {
    Secret::new(*b"a key for macs of callers, tests")
}

fn peer(certificate_names: &[&str]) -> Peer {
    Peer {
        address: "127.0.0.1:9".parse().unwrap(),
        is_tls: true,
        server_name: None,
        certificate_names: certificate_names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

async fn callers(config: CallersConfig) -> Callers {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_millis(0)));
    Callers::new(config, mac_key(), clock).await.unwrap()
}

/// Two keys (`one`, `two`), two certificates, and an anonymous principal if asked for.
async fn example(anonymous: Option<&str>) -> Callers {
    let key = |name: &str| ApiKey {
        principal: principal(name),
        mac: api_key_mac(&mac_key(), format!("zhk_{name}")),
    };
    let certificate = |name: &str, owner: &str| CertificateCaller {
        name: name.to_owned(),
        principal: principal(owner),
    };
    callers(CallersConfig {
        api_keys: vec![key("one"), key("two")],
        certificates: vec![certificate("dns:a.test", "a"), certificate("uri:b", "b")],
        anonymous: anonymous.map(principal),
        ..CallersConfig::default()
    })
    .await
}

#[tokio::test]
async fn the_credential_presented_decides_and_must_hold() {
    let check = async |fields: &[(&'static str, &str)], names: &[&str], expected: Option<&str>| {
        for anonymous in [None, Some("anyone")] {
            let known = example(anonymous).await.identify(&headers(fields), &peer(names)).await;
            let known = known.ok().map(|principal| principal.name.to_string());
            assert_eq!(known.as_deref(), expected, "{fields:?} {names:?}");
        }
    };
    check(&[("zollhaus-key", "zhk_one")], &[], Some("one")).await;
    check(&[("zollhaus-key", "zhk_two")], &["dns:a.test"], Some("two")).await;
    check(&[], &["dns:a.test"], Some("a")).await;
    check(&[], &["dns:other", "uri:b"], Some("b")).await;

    check(&[("zollhaus-key", "zhk_three")], &["dns:a.test"], None).await;
    check(&[("zollhaus-key", "")], &[], None).await;
    check(&[("zollhaus-key", "zhk_one"), ("zollhaus-key", "zhk_one")], &[], None).await;
    check(&[("zollhaus-key", "zhk_one"), ("zollhaus-token", "x.y.z")], &[], None).await;
    check(&[("zollhaus-token", "x.y.z")], &[], None).await;
    check(&[], &["dns:other"], None).await;
    check(&[], &["dns:a.test", "uri:b"], None).await;
}

#[tokio::test]
async fn without_a_credential_only_a_configured_anonymous_principal_passes() {
    let identify =
        async |anonymous| example(anonymous).await.identify(&HeaderMap::new(), &peer(&[])).await;
    assert_eq!(identify(Some("anyone")).await, Ok(principal("anyone")));
    assert!(matches!(identify(None).await, Err(CallerError::Unknown(_))));
}

#[tokio::test]
async fn api_keys_can_be_exchanged_while_running() {
    let callers = example(None).await;
    let key = generate_api_key(KeyKind::Caller).unwrap();
    let mac = api_key_mac(&mac_key(), key.expose());
    callers.replace_api_keys(vec![ApiKey { principal: principal("new"), mac }]);
    let text = std::str::from_utf8(key.expose()).unwrap().to_owned();
    let identify = async |key: &str| {
        callers.identify(&headers(&[("zollhaus-key", key)]), &peer(&[])).await.ok()
    };
    assert_eq!(identify(&text).await, Some(principal("new")));
    assert_eq!(identify("zhk_one").await, None);
}

#[test]
fn a_key_opens_what_it_was_made_for() {
    let (caller, admin) =
        (generate_api_key(KeyKind::Caller).unwrap(), generate_api_key(KeyKind::Admin).unwrap());
    // Whatever file its line was copied to.
    let both = [&caller, &admin]
        .map(|key| ApiKey { principal: (), mac: api_key_mac(&mac_key(), key.expose()) });
    let opens = |kind, key: &Secret| {
        let key = std::str::from_utf8(key.expose()).unwrap();
        let keys = ApiKeys::new(kind, mac_key(), both.to_vec());
        keys.identify(&headers(&[("zollhaus-key", key)])).is_ok()
    };
    assert!(opens(KeyKind::Caller, &caller) && opens(KeyKind::Admin, &admin));
    assert!(!opens(KeyKind::Caller, &admin) && !opens(KeyKind::Admin, &caller));
}

#[test]
fn api_keys_are_long_random_and_recognisable() {
    let one = generate_api_key(KeyKind::Caller).unwrap();
    assert_eq!(one.expose().len(), "zhk_".len() + 43);
    assert!(one.expose().starts_with(b"zhk_"));
    assert_ne!(one, generate_api_key(KeyKind::Caller).unwrap());
    assert_ne!(api_key_mac(&mac_key(), one.expose()), api_key_mac(&Secret::new("x"), one.expose()));
}

#[tokio::test]
async fn each_principal_has_its_own_rate() {
    let one = NonZeroU32::MIN;
    let key = |name: &str| ApiKey {
        principal: principal(name),
        mac: api_key_mac(&mac_key(), format!("zhk_{name}")),
    };
    let callers = callers(CallersConfig {
        api_keys: vec![key("busy"), key("calm")],
        rate: Some(Rate { per_second: one, burst: one }),
        ..CallersConfig::default()
    })
    .await;
    let call = async |name: &str| {
        let key = format!("zhk_{name}");
        callers.identify(&headers(&[("zollhaus-key", &key)]), &peer(&[])).await
    };
    let mut limited = None;
    for _ in 0..100 {
        if let Err(error) = call("busy").await {
            limited = Some(error);
            break;
        }
    }
    match limited {
        Some(CallerError::RateLimited { retry_after }) => {
            assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(1));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(call("calm").await, Ok(principal("calm")));
    assert!(matches!(call("nobody").await, Err(CallerError::Unknown(_))));
}

#[tokio::test]
async fn a_jwt_configuration_that_is_not_safe_is_refused() {
    let setup = async |algorithms: Vec<Algorithm>, jwks: &str| {
        let jwt = JwtConfig {
            issuer: "i".into(),
            audience: "a".into(),
            jwks: if jwks.contains("://") {
                let (url, refresh) = (jwks.parse().unwrap(), Duration::from_secs(60));
                JwksSource::Url { url, ca: None, refresh }
            } else {
                JwksSource::File(PathBuf::from(jwks))
            },
            algorithms,
            required_claims: Vec::new(),
            roles_claim: "roles".into(),
            purpose_claim: None,
            region_claim: None,
            leeway: Duration::ZERO,
        };
        let config = CallersConfig { jwt: Some(jwt), ..CallersConfig::default() };
        let clock = Arc::new(ManualClock::default());
        Callers::new(config, mac_key(), clock).await.unwrap_err()
    };
    assert!(matches!(setup(vec![], "x").await, NoAlgorithm));
    let mixed = vec![Algorithm::RS256, Algorithm::HS256];
    assert!(matches!(setup(mixed, "x").await, SymmetricAlgorithm(Algorithm::HS256)));
    assert!(matches!(setup(vec![Algorithm::RS256], "/missing").await, Keys(_)));
    let plain = setup(vec![Algorithm::RS256], "http://idp.test/jwks").await;
    assert!(matches!(plain, KeysPlace(_)));
}
