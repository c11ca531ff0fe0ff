// SPDX-License-Identifier: Apache-2.0
//! Who is calling: API key, client certificate or JWT → [`Principal`].
//!
//! Our own credentials travel in headers of ours (`Zollhaus-Key`,
//! `Zollhaus-Token`) or in the TLS handshake; they never reach an upstream. The
//! CRM credentials in `Authorization` are not looked at here.
//!
//! A credential that is presented must hold: a wrong one is never overlooked in
//! favour of another kind or of the anonymous principal.

use crate::base::{PrincipalName, Purpose, Region, Role};

mod api_key;
mod identify;
mod jwks;
mod jwt;
mod rate;

pub use api_key::{ApiKeys, KeyKind, api_key_mac, generate_api_key};
pub use identify::Callers;

/// A caller, once identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub name: PrincipalName,
    pub roles: Vec<Role>,
    /// What it uses data for, if that never changes.
    pub purpose: Option<Purpose>,
    /// Where it asks from.
    pub region: Option<Region>,
}

/// Everything by which callers are known.
#[derive(Clone, Debug, Default)]
pub struct CallersConfig {
    pub api_keys: Vec<ApiKey>,
    pub certificates: Vec<CertificateCaller>,
    pub jwt: Option<JwtConfig>,
    /// Who a request without any credential is taken for.
    pub anonymous: Option<Principal>,
    /// Requests per second and burst allowed to each principal; `None` is no limit.
    pub rate: Option<Rate>,
}

/// An API key is 256 random bits; what is kept of it is HMAC-SHA-256 under the
/// keyset's caller key, so that neither the file nor its backup lets anyone in.
#[derive(Clone, Debug)]
pub struct ApiKey<P = Principal> {
    /// Whose it is: a caller, or the name of an administrator.
    pub principal: P,
    pub mac: [u8; 32],
}

/// A client certificate with this name (`dns:…`, `uri:…`, `email:…`).
#[derive(Clone, Debug)]
pub struct CertificateCaller {
    pub name: String,
    pub principal: Principal,
}

/// JWTs in `Zollhaus-Token: <token>` (`Bearer ` in front is accepted).
#[derive(Clone, Debug)]
pub struct JwtConfig {
    pub issuer: String,
    pub audience: String,
    pub jwks: JwksSource,
    /// Accepted signature algorithms: `RS…`, `PS…`, `ES…`, `EdDSA`.
    pub algorithms: Vec<jsonwebtoken::Algorithm>,
    /// Claims that must be there and be non-empty strings, besides `exp`, `iss`, `aud`, `sub`.
    pub required_claims: Vec<String>,
    /// The claim that lists roles: an array of strings, or one string with spaces.
    pub roles_claim: String,
    /// The claims that name purpose and region, if tokens are to say them.
    pub purpose_claim: Option<String>,
    pub region_claim: Option<String>,
    pub leeway: std::time::Duration,
}

#[derive(Clone, Debug)]
pub enum JwksSource {
    File(std::path::PathBuf),
    Url { url: http::Uri, ca: Option<std::path::PathBuf>, refresh: std::time::Duration },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_second: std::num::NonZeroU32,
    pub burst: std::num::NonZeroU32,
}

/// The headers that carry our own credentials; they never reach an upstream.
pub const CREDENTIAL_HEADERS: [http::HeaderName; 2] = [
    http::HeaderName::from_static("zollhaus-key"),
    http::HeaderName::from_static("zollhaus-token"),
];

/// In which a caller may say what it needs data for; it never reaches an upstream.
pub const PURPOSE_HEADER: http::HeaderName = http::HeaderName::from_static("zollhaus-purpose");

/// A configuration by which nobody could be identified safely.
#[derive(Debug, thiserror::Error)]
pub enum CallerSetupError {
    #[error("no signature algorithm is accepted for JWTs")]
    NoAlgorithm,
    #[error("`{0:?}` is a symmetric algorithm; whoever checks such JWTs could also make them")]
    SymmetricAlgorithm(jsonwebtoken::Algorithm),
    #[error("the keys for JWTs cannot be loaded: {0}")]
    Keys(String),
    #[error("the place of the keys for JWTs cannot be used")]
    KeysPlace(#[source] crate::upstream::UpstreamSetupError),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// No credential that holds. The reason is for the operator's log only.
    #[error("the caller is not known: {0}")]
    Unknown(&'static str),
    #[error("the caller exceeds its request rate")]
    RateLimited { retry_after: std::time::Duration },
}

#[cfg(test)]
mod tests;
