// SPDX-License-Identifier: Apache-2.0
//! The public keys of an issuer, kept fresh (RFC 7517).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Full, Limited};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{CallerSetupError, JwksSource};
use crate::upstream::{UpstreamClient, UpstreamConfig};

/// Between two fetches for keys that are not known, so that made-up key ids do
/// not become a load on the issuer.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(30);
const FILE_INTERVAL: Duration = Duration::from_secs(60);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 256 * 1024;

/// The keys of an issuer. Those that were fetched last stay in use when the
/// issuer cannot be reached.
#[derive(Debug)]
pub(super) struct KeySet {
    place: Place,
    interval: Duration,
    keys: ArcSwap<Vec<Key>>,
    /// When they were last asked for; held while asking.
    asked: Mutex<Instant>,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Url { client: Box<UpstreamClient>, url: Uri },
}

/// A public key and the algorithms it may be used with.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

impl KeySet {
    pub(super) async fn load(source: JwksSource) -> Result<Arc<Self>, CallerSetupError> {
        let (place, interval) = match source {
            JwksSource::File(path) => (Place::File(path), FILE_INTERVAL),
            JwksSource::Url { url, ca, refresh } => {
                let config = UpstreamConfig {
                    url: url.clone(),
                    allow_plain: false,
                    ca,
                    connect_timeout: FETCH_TIMEOUT,
                    answer_timeout: FETCH_TIMEOUT,
                    read_timeout: FETCH_TIMEOUT,
                };
                let client = UpstreamClient::new(&config).map_err(CallerSetupError::KeysPlace)?;
                (Place::Url { client: Box::new(client), url }, refresh.max(SHORTEST_INTERVAL))
            }
        };
        let keys = place.fetch().await.map_err(CallerSetupError::Keys)?;
        Ok(Arc::new(Self {
            place,
            interval,
            keys: ArcSwap::from_pointee(keys),
            asked: Mutex::new(Instant::now()),
        }))
    }

    /// The one key that fits the id and the algorithm. An unknown id makes the
    /// issuer be asked again, at most every 30 seconds.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Option<DecodingKey> {
        if let Some(key) = self.find_known(id, algorithm) {
            self.refresh_if_due();
            return Some(key);
        }
        let mut asked = self.asked.lock().await;
        if asked.elapsed() >= SHORTEST_INTERVAL {
            *asked = Instant::now();
            self.refresh().await;
        }
        self.find_known(id, algorithm)
    }

    fn find_known(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let keys = self.keys.load();
        let mut fitting = keys.iter().filter(|key| {
            key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id)
        });
        let first = fitting.next()?;
        fitting.next().is_none().then(|| first.decoding.clone())
    }

    /// Starts a refresh beside the request that found the keys old.
    fn refresh_if_due(self: &Arc<Self>) {
        let Ok(mut asked) = self.asked.try_lock() else {
            return;
        };
        if asked.elapsed() < self.interval {
            return;
        }
        *asked = Instant::now();
        let this = Arc::clone(self);
        tokio::spawn(async move { this.refresh().await });
    }

    async fn refresh(&self) {
        match self.place.fetch().await {
            Ok(keys) => self.keys.store(Arc::new(keys)),
            Err(error) => {
                tracing::warn!(%error, "keys for JWTs cannot be refreshed, the old ones stay");
            }
        }
    }
}

impl Place {
    async fn fetch(&self) -> Result<Vec<Key>, String> {
        let bytes = match self {
            Self::File(path) => read(path).await?,
            Self::Url { client, url } => tokio::time::timeout(FETCH_TIMEOUT, get(client, url))
                .await
                .map_err(|_| format!("`{url}` takes too long"))??,
        };
        parse(&bytes)
    }
}

async fn read(path: &Path) -> Result<Bytes, String> {
    let bytes = tokio::fs::read(path).await;
    bytes.map(Bytes::from).map_err(|error| format!("`{}`: {error}", path.display()))
}

async fn get(client: &UpstreamClient, url: &Uri) -> Result<Bytes, String> {
    let mut request = http::Request::new(Full::default());
    *request.uri_mut() = url.clone();
    let answer = client.send(request).await.map_err(|error| error.to_string())?;
    if answer.status() != http::StatusCode::OK {
        return Err(format!("`{url}` answers {}", answer.status().as_u16()));
    }
    #[expect(clippy::disallowed_methods, reason = "bounded by `Limited`")]
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes())
}

/// Takes the keys that can check a signature. Others (for encryption, of kinds
/// not known, symmetric) are passed over, as issuers publish them side by side.
fn parse(bytes: &[u8]) -> Result<Vec<Key>, String> {
    #[derive(serde::Deserialize)]
    struct Jwks {
        keys: Vec<serde_json::Value>,
    }
    let jwks: Jwks = serde_json::from_slice(bytes).map_err(|_| "it is not a JWK set")?;
    let keys: Vec<_> = jwks.keys.into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err("it holds no key that checks signatures".into());
    }
    Ok(keys)
}

fn key(jwk: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    let common = &jwk.common;
    let is_for_signatures =
        common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let may_verify = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !is_for_signatures || !may_verify {
        return None;
    }
    // SECURITY: the key decides which algorithms it serves, never the token (RFC 8725 section 3.1).
    let by_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(point) => match point.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => &[Algorithm::EdDSA],
        _ => return None,
    };
    let named = common.key_algorithm.map(|algorithm| algorithm.to_string());
    let algorithms: Vec<_> = by_kind
        .iter()
        .copied()
        .filter(|algorithm| named.as_ref().is_none_or(|named| *named == format!("{algorithm:?}")))
        .collect();
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    (!algorithms.is_empty()).then(|| Key { id: common.key_id.clone(), algorithms, decoding })
}
