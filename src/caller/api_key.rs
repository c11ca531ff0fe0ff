// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{ApiKey, CREDENTIAL_HEADERS, CallerError};
use crate::base::Secret;

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The road to the CRMs.
    Caller,
    /// The admin API.
    Admin,
}

const RANDOM_BYTES: usize = 32;

/// A new API key: `zhk_` (of an administrator `zha_`) and 256 random bits in base64url.
///
/// # Errors
/// The system has no randomness to give.
pub fn generate_api_key(kind: KeyKind) -> Result<Secret, getrandom::Error> {
    let mut random = Zeroizing::new([0; RANDOM_BYTES]);
    getrandom::fill(&mut *random)?;
    let digits = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random));
    Ok(Secret::new([kind.prefix().as_bytes(), digits.as_bytes()].concat()))
}

/// What is kept of an API key. A key has 256 random bits, so a fast MAC is
/// enough; a slow password hash would only cost time on every request.
pub fn api_key_mac(caller_mac: &Secret, key: impl AsRef<[u8]>) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(caller_mac.expose()).expect("any key length");
    mac.update(key.as_ref());
    mac.finalize().into_bytes().into()
}

impl KeyKind {
    /// Tells scanners for leaked credentials, and people, what it is.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Caller => "zhk_",
            Self::Admin => "zha_",
        }
    }
}

/// The API keys of a kind that are in force.
#[derive(Debug)]
pub struct ApiKeys<P> {
    kind: KeyKind,
    caller_mac: Secret,
    keys: ArcSwap<Vec<ApiKey<P>>>,
}

impl<P: Clone> ApiKeys<P> {
    /// `caller_mac` is the key under which API keys are kept.
    pub fn new(kind: KeyKind, caller_mac: Secret, keys: Vec<ApiKey<P>>) -> Self {
        Self { kind, caller_mac, keys: ArcSwap::from_pointee(keys) }
    }

    /// Puts other keys in force; requests under way are not affected.
    pub fn replace(&self, keys: Vec<ApiKey<P>>) {
        self.keys.store(Arc::new(keys));
    }

    /// Whose key is presented in the `Zollhaus-Key` header of a request.
    ///
    /// # Errors
    /// [`CallerError::Unknown`] for none, a wrong one, or more than one.
    pub fn identify(&self, headers: &HeaderMap) -> Result<P, CallerError> {
        let [header, _] = &CREDENTIAL_HEADERS;
        let key = only(headers, header)?.ok_or(CallerError::Unknown("there is no API key"))?;
        self.find(key).ok_or(CallerError::Unknown("the API key is not in force"))
    }

    pub(super) fn find(&self, presented: &[u8]) -> Option<P> {
        // A key opens nothing of the other kind, whatever file its MAC is put in.
        if !presented.starts_with(self.kind.prefix().as_bytes()) {
            return None;
        }
        let mac = api_key_mac(&self.caller_mac, presented);
        let keys = self.keys.load();
        let mut found = None;
        // SECURITY: all keys are compared, whichever matches, each in constant time.
        for key in keys.iter() {
            if bool::from(key.mac.ct_eq(&mac)) {
                found = Some(&key.principal);
            }
        }
        found.cloned()
    }
}

/// The value of a header that may be there once.
pub(super) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a [u8]>, CallerError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(http::HeaderValue::as_bytes);
    match values.next() {
        None => Ok(first),
        Some(_) => Err(CallerError::Unknown("a credential is presented twice")),
    }
}
