// SPDX-License-Identifier: Apache-2.0
//! Signed JWTs (RFC 7519) by the rules of RFC 8725.
//!
//! The signature is checked by `jsonwebtoken`; the header and the claims are
//! read here, because they must be parsed strictly and judged by our own clock.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily};

use super::jwks::KeySet;
use super::{CallerError, CallerSetupError, JwtConfig, Principal};
use crate::base::{PrincipalName, Purpose, Region, Role, Timestamp, is_identifier};
use crate::carrier::json::{Json, Kind, Node};

const MAX_TOKEN_BYTES: usize = 8 * 1024;
const MAX_NAME_BYTES: usize = 255;
const MAX_DEPTH: usize = 16;

type Checked<T> = Result<T, CallerError>;

fn refuse<T>(reason: &'static str) -> Checked<T> {
    Err(CallerError::Unknown(reason))
}

/// Checks JWTs of one issuer.
#[derive(Debug)]
pub(super) struct Jwts {
    config: JwtConfig,
    keys: Arc<KeySet>,
}

impl Jwts {
    pub(super) async fn new(config: JwtConfig) -> Result<Self, CallerSetupError> {
        if config.algorithms.is_empty() {
            return Err(CallerSetupError::NoAlgorithm);
        }
        let is_symmetric = |algorithm: &&Algorithm| algorithm.family() == AlgorithmFamily::Hmac;
        if let Some(algorithm) = config.algorithms.iter().find(is_symmetric) {
            return Err(CallerSetupError::SymmetricAlgorithm(*algorithm));
        }
        let keys = KeySet::load(config.jwks.clone()).await?;
        Ok(Self { config, keys })
    }

    pub(super) async fn identify(&self, token: &str, now: Timestamp) -> Checked<Principal> {
        let claims = self.verify(token).await?;
        self.principal(&claims, now)
    }

    /// Checks form, header and signature; returns the payload.
    pub(super) async fn verify(&self, token: &str) -> Checked<Vec<u8>> {
        if token.len() > MAX_TOKEN_BYTES {
            return refuse("the JWT is too long");
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return refuse("the JWT is not a compact JWS");
        };
        let header = decode(header)?;
        let payload_bytes = decode(payload)?;
        decode(signature)?;
        let (algorithm, key_id) = read_header(&header)?;
        if !self.config.algorithms.contains(&algorithm) {
            return refuse("the algorithm of the JWT is not accepted");
        }
        let Some(key) = self.keys.find(key_id.as_deref(), algorithm).await else {
            return refuse("no key fits the JWT");
        };
        let signed = token.rsplit_once('.').map(|(signed, _)| signed).unwrap_or_default();
        match jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm) {
            Ok(true) => Ok(payload_bytes),
            _ => refuse("the signature of the JWT does not hold"),
        }
    }

    fn principal(&self, claims: &[u8], now: Timestamp) -> Checked<Principal> {
        let claims = parse_object(claims)?;
        let claims = claims.root();
        self.check_times(&claims, now)?;
        if text(&claims, "iss").as_deref() != Some(&*self.config.issuer) {
            return refuse("the JWT is from another issuer");
        }
        if !is_audience(&claims, &self.config.audience) {
            return refuse("the JWT is for another audience");
        }
        let Some(subject) = text(&claims, "sub").filter(|subject| is_name(subject)) else {
            return refuse("the JWT has no usable subject");
        };
        for claim in &self.config.required_claims {
            if !text(&claims, claim).is_some_and(|value| is_name(&value)) {
                return refuse("a required claim of the JWT is missing or not usable");
            }
        }
        let roles = roles(&claims, &self.config.roles_claim)?;
        let config = &self.config;
        let purpose = attribute(&claims, config.purpose_claim.as_deref())?.map(Purpose::new);
        let region = attribute(&claims, config.region_claim.as_deref())?.map(Region::new);
        Ok(Principal { name: PrincipalName::new(subject), roles, purpose, region })
    }

    /// `exp` is required; `nbf` and `iat` must not lie in the future.
    fn check_times(&self, claims: &Node<'_>, now: Timestamp) -> Checked<()> {
        let leeway = self.config.leeway.as_secs_f64();
        let now = Duration::from_millis(now.unix_millis()).as_secs_f64();
        match time(claims, "exp")? {
            Some(expiry) if now < expiry + leeway => {}
            Some(_) => return refuse("the JWT has expired"),
            None => return refuse("the JWT never expires"),
        }
        for claim in ["nbf", "iat"] {
            if time(claims, claim)?.is_some_and(|time| time > now + leeway) {
                return refuse("the JWT is not valid yet");
            }
        }
        Ok(())
    }
}

/// Base64url as RFC 7515 wants it: no padding, no stray bits, no other alphabet.
fn decode(part: &str) -> Checked<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).or_else(|_| refuse("the JWT is not in strict base64url"))
}

/// Strict: a member that occurs twice could be read either way.
fn parse_object(bytes: &[u8]) -> Checked<Json<'_>> {
    match Json::parse(bytes, MAX_DEPTH) {
        Ok(json) if json.root().kind() == Kind::Object => Ok(json),
        _ => refuse("a part of the JWT is not one strict JSON object"),
    }
}

/// The algorithm and the key id. Members that name keys or places of keys
/// (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
fn read_header(header: &[u8]) -> Checked<(Algorithm, Option<String>)> {
    let header = parse_object(header)?;
    let header = header.root();
    if ["crit", "b64", "cty", "enc"].iter().any(|member| header.get(member).is_some()) {
        return refuse("the JWT wants more than a plain signature check");
    }
    if let Some(kind) = header.get("typ") {
        let kind = kind.text().unwrap_or_default().to_ascii_lowercase();
        if !["jwt", "at+jwt"].contains(&kind.trim_start_matches("application/")) {
            return refuse("the JWT is a token of another kind");
        }
    }
    let Some(algorithm) = text(&header, "alg").and_then(|name| name.parse().ok()) else {
        return refuse("the JWT names no algorithm that is known");
    };
    let key_id = match header.get("kid") {
        None => None,
        Some(id) => match id.text() {
            Some(id) => Some(id.into_owned()),
            None => return refuse("the key id of the JWT is not text"),
        },
    };
    Ok((algorithm, key_id))
}

fn text(object: &Node<'_>, member: &str) -> Option<String> {
    object.get(member)?.text().map(std::borrow::Cow::into_owned)
}

/// Whether a claim can name somebody: it may end up in log lines and paths.
fn is_name(text: &str) -> bool {
    let is_traversal = |segment: &str| segment == "." || segment == "..";
    !text.is_empty()
        && text.len() <= MAX_NAME_BYTES
        && !text.chars().any(char::is_control)
        && !text.split(['/', '\\']).any(is_traversal)
}

/// What a claim says that tokens may leave out.
fn attribute(claims: &Node<'_>, claim: Option<&str>) -> Checked<Option<String>> {
    let Some(node) = claim.and_then(|claim| claims.get(claim)) else {
        return Ok(None);
    };
    match node.text().filter(|text| is_identifier(text)) {
        Some(text) => Ok(Some(text.into_owned())),
        None => refuse("the purpose or region of the JWT is not a name"),
    }
}

/// A `NumericDate` (RFC 7519 section 2): seconds, maybe with a fraction.
fn time(claims: &Node<'_>, claim: &str) -> Checked<Option<f64>> {
    let Some(node) = claims.get(claim) else {
        return Ok(None);
    };
    let seconds = (node.kind() == Kind::Number).then(|| node.raw().parse::<f64>().ok()).flatten();
    match seconds {
        Some(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(Some(seconds)),
        _ => refuse("a time in the JWT is not one"),
    }
}

fn is_audience(claims: &Node<'_>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(node) if node.kind() == Kind::Array => {
            node.elements().all(|element| element.kind() == Kind::String)
                && node.elements().any(|element| element.text().as_deref() == Some(audience))
        }
        Some(node) => node.text().as_deref() == Some(audience),
        None => false,
    }
}

/// An array of strings, or one string with spaces between; none if it is missing.
fn roles(claims: &Node<'_>, claim: &str) -> Checked<Vec<Role>> {
    let Some(node) = claims.get(claim) else {
        return Ok(Vec::new());
    };
    let names: Option<Vec<_>> = match node.kind() {
        Kind::Array => node.elements().map(|element| element.text()).collect(),
        _ => node.text().map(|text| text.split_whitespace().map(|n| n.to_owned().into()).collect()),
    };
    match names {
        Some(names) => Ok(names.iter().map(Role::new).collect()),
        None => refuse("the roles of the JWT are not a list of names"),
    }
}
