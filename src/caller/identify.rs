// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;

use super::api_key::only;
use super::jwt::Jwts;
use super::rate::Rates;
use super::{
    ApiKey, ApiKeys, CREDENTIAL_HEADERS, CallerError, CallerSetupError, CallersConfig,
    CertificateCaller, KeyKind, Principal,
};
use crate::base::{Clock, Secret};
use crate::listener::Peer;

/// Knows callers and their request rates.
pub struct Callers {
    api_keys: ApiKeys<Principal>,
    certificates: Vec<CertificateCaller>,
    jwts: Option<Jwts>,
    anonymous: Option<Principal>,
    rates: Option<Rates>,
    clock: Arc<dyn Clock>,
}

/// The one credential that a request carries in a header.
enum Presented<'a> {
    ApiKey(&'a [u8]),
    Jwt(&'a str),
}

impl Callers {
    /// Loads the keys for JWTs, if there are to be any. `caller_mac` is the key
    /// under which API keys are kept.
    ///
    /// # Errors
    /// [`CallerSetupError`] if JWTs could not be checked.
    pub async fn new(
        config: CallersConfig,
        caller_mac: Secret,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CallerSetupError> {
        let jwts = match config.jwt {
            Some(jwt) => Some(Jwts::new(jwt).await?),
            None => None,
        };
        Ok(Self {
            api_keys: ApiKeys::new(KeyKind::Caller, caller_mac, config.api_keys),
            certificates: config.certificates,
            jwts,
            anonymous: config.anonymous,
            rates: config.rate.map(Rates::new),
            clock,
        })
    }

    /// Puts other API keys in force; requests under way are not affected.
    pub fn replace_api_keys(&self, api_keys: Vec<ApiKey>) {
        self.api_keys.replace(api_keys);
    }

    /// Identifies the caller of a request and counts the request against its rate.
    ///
    /// A header of ours decides before a client certificate, and that before the
    /// anonymous principal; the first that is presented must hold. A client
    /// certificate counts as presented if any certificate callers are configured.
    ///
    /// # Errors
    /// [`CallerError::Unknown`] for no credential, a wrong one, or more than one
    /// in headers; [`CallerError::RateLimited`] with the time to wait.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
    ) -> Result<Principal, CallerError> {
        let principal = match presented(headers)? {
            Some(Presented::ApiKey(key)) => self
                .api_keys
                .find(key)
                .ok_or(CallerError::Unknown("the API key is not in force"))?,
            Some(Presented::Jwt(token)) => match &self.jwts {
                Some(jwts) => jwts.identify(token, self.clock.now()).await?,
                None => return Err(CallerError::Unknown("JWTs are not accepted")),
            },
            None if !self.certificates.is_empty() && !peer.certificate_names.is_empty() => {
                self.identify_certificate(&peer.certificate_names)?
            }
            None => self.anonymous.clone().ok_or(CallerError::Unknown("there is no credential"))?,
        };
        if let Some(rates) = &self.rates {
            rates.count(&principal.name)?;
        }
        Ok(principal)
    }

    fn identify_certificate(&self, names: &[String]) -> Result<Principal, CallerError> {
        let mut matching = self.certificates.iter().filter(|caller| names.contains(&caller.name));
        let Some(first) = matching.next() else {
            return Err(CallerError::Unknown("no caller has a name of the client certificate"));
        };
        if matching.any(|other| other.principal != first.principal) {
            return Err(CallerError::Unknown(
                "several callers have names of the client certificate",
            ));
        }
        Ok(first.principal.clone())
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers")
            .field("api_keys", &self.api_keys)
            .field("certificates", &self.certificates)
            .field("jwts", &self.jwts)
            .field("anonymous", &self.anonymous)
            .field("rates", &self.rates)
            .finish_non_exhaustive()
    }
}

fn presented(headers: &HeaderMap) -> Result<Option<Presented<'_>>, CallerError> {
    let [key, token] = &CREDENTIAL_HEADERS;
    match (only(headers, key)?, only(headers, token)?) {
        (None, None) => Ok(None),
        (Some(key), None) => Ok(Some(Presented::ApiKey(key))),
        (None, Some(token)) => {
            let token = std::str::from_utf8(token)
                .map_err(|_| CallerError::Unknown("the JWT is not text"))?;
            let token = match token.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
                _ => token,
            };
            Ok(Some(Presented::Jwt(token)))
        }
        (Some(_), Some(_)) => {
            Err(CallerError::Unknown("an API key and a JWT are presented together"))
        }
    }
}
