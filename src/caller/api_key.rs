// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{ApiKey, Principal};
use crate::base::Secret;

/// Tells scanners for leaked credentials, and people, what it is.
const PREFIX: &str = "zhk_";
const RANDOM_BYTES: usize = 32;

/// A new API key: `zhk_` and 256 random bits in base64url.
///
/// # Errors
/// The system has no randomness to give.
pub fn generate_api_key() -> Result<Secret, getrandom::Error> {
    let mut random = Zeroizing::new([0; RANDOM_BYTES]);
    getrandom::fill(&mut *random)?;
    let digits = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random));
    Ok(Secret::new([PREFIX.as_bytes(), digits.as_bytes()].concat()))
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

/// The API keys in force.
#[derive(Debug)]
pub(super) struct ApiKeys {
    caller_mac: Secret,
    keys: ArcSwap<Vec<ApiKey>>,
}

impl ApiKeys {
    pub(super) fn new(caller_mac: Secret, keys: Vec<ApiKey>) -> Self {
        Self { caller_mac, keys: ArcSwap::from_pointee(keys) }
    }

    pub(super) fn replace(&self, keys: Vec<ApiKey>) {
        self.keys.store(Arc::new(keys));
    }

    pub(super) fn identify(&self, presented: &[u8]) -> Option<Principal> {
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
