// SPDX-License-Identifier: Apache-2.0
//! Who is calling: API key, client certificate or JWT → [`Principal`].
//!
//! Our own credentials travel in headers of ours (`Zollhaus-Key`,
//! `Zollhaus-Token`) or in the TLS handshake; they never reach an upstream. The
//! CRM credentials in `Authorization` are not looked at here.

use crate::base::{PrincipalName, Role};

/// A caller, once identified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub name: PrincipalName,
    pub roles: Vec<Role>,
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
pub struct ApiKey {
    pub principal: Principal,
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
    /// Accepted signature algorithms, such as `RS256`, `ES256`, `EdDSA`.
    pub algorithms: Vec<jsonwebtoken::Algorithm>,
    /// Claims that must be there and be non-empty strings, besides `exp`, `iss`, `aud`, `sub`.
    pub required_claims: Vec<String>,
    /// The claim that lists roles: an array of strings, or one string with spaces.
    pub roles_claim: String,
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
