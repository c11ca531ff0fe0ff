// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::envelope::{self, Belongs};
use super::files::Readers;
use super::remote::{Answer, Remote};
use super::{KeyName, KeyService, KeysError, SecretSource};
use crate::base::Secret;

/// How a key of HashiCorp Vault's Transit engine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitSettings {
    /// `https://vault.acme.example:8200`
    pub url: Uri,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Of Vault Enterprise and HCP.
    pub namespace: Option<String>,
    /// Where the engine is mounted: `transit`.
    pub mount: String,
    pub key: String,
    pub token: SecretSource,
}

/// A key of HashiCorp Vault's Transit secrets engine, which does not leave Vault.
///
/// Its kind is one that takes associated data: `aes256-gcm96`, `aes128-gcm96` or
/// `chacha20-poly1305`, derived or not. A wrapped key is eight bytes that refer to mount and
/// key, then the ciphertext as Vault writes it (`vault:v1:…`).
///
/// Source: <https://developer.hashicorp.com/vault/api-docs/secret/transit>; error texts from
/// `sdk/helper/keysutil/policy.go` and `builtin/logical/transit` of hashicorp/vault.
#[derive(Debug)]
pub struct Transit {
    remote: Remote,
    settings: TransitSettings,
}

#[derive(Deserialize)]
struct Success<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Failure {
    errors: Vec<String>,
}

impl Transit {
    /// Nothing is asked yet.
    pub fn new(settings: TransitSettings) -> Self {
        let key = format!("key `{}` of `{}`", settings.key, settings.mount);
        let remote = Remote::new("HashiCorp Vault", &settings.url, &key, settings.ca.clone());
        Self { remote, settings }
    }

    /// Calls `encrypt` or `decrypt`, and gives back what a success holds.
    fn call<T: for<'de> Deserialize<'de>>(
        &self,
        operation: &str,
        body: &serde_json::Value,
        belongs: Belongs,
    ) -> Result<T, KeysError> {
        let TransitSettings { mount, key, .. } = &self.settings;
        let path = format!("/v1/{mount}/{operation}/{key}");
        let answer = self.remote.post(&path, self.headers()?, body.to_string().into_bytes())?;
        if answer.status != StatusCode::OK {
            return Err(self.failure(&answer, belongs));
        }
        let success: Success<T> =
            serde_json::from_slice(&answer.body).map_err(|_| self.strange())?;
        Ok(success.data)
    }

    fn headers(&self) -> Result<HeaderMap, KeysError> {
        let token = self.settings.token.read(Readers::Any)?;
        let problem = "its token is not one line of text";
        let mut token =
            HeaderValue::from_bytes(token.expose()).map_err(|_| self.remote.denied(problem))?;
        token.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("x-vault-token"), token);
        // Agents and proxies of Vault can demand it.
        headers
            .insert(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
        if let Some(namespace) = &self.settings.namespace {
            let namespace = HeaderValue::from_str(namespace)
                .map_err(|_| self.remote.denied("its namespace cannot be sent"))?;
            headers.insert(HeaderName::from_static("x-vault-namespace"), namespace);
        }
        Ok(headers)
    }

    /// Vault's texts are recognized, never repeated: they may say what they were given.
    fn failure(&self, answer: &Answer, belongs: Belongs) -> KeysError {
        let errors: Failure =
            serde_json::from_slice(&answer.body).unwrap_or_else(|_| Failure { errors: Vec::new() });
        let says = |text: &str| errors.errors.iter().any(|error| error.contains(text));
        let remote = &self.remote;
        match answer.status.as_u16() {
            400 if says("message authentication failed")
                || says("invalid ciphertext")
                || says("unable to decrypt") =>
            {
                if says("version is too new") {
                    return KeysError::WrongRootKey;
                }
                belongs.unopened()
            }
            400 if says("encryption key not found") || says("policy not found") => {
                remote.withdrawn("there is no such key; is it the right name, and was it deleted?")
            }
            400 if says("too old") => remote.withdrawn(
                "its `min_decryption_version` is above the version that wrapped the keys",
            ),
            400 if says("associated data") || says("not supported") => remote
                .denied("its kind takes no associated data; use a key of the type `aes256-gcm96`"),
            400 => remote.denied("it answered 400; `vault audit` says what it minds"),
            403 => remote.denied(
                "the token is not known, has expired, or may not update `encrypt` and `decrypt` of \
                 this key",
            ),
            404 => remote.denied("nothing is mounted there; check `mount` and `namespace`"),
            status @ (301 | 302 | 307 | 308) => remote.away(&format!(
                "it answered {status} and names another node, which is not followed; give the \
                 address of a load balancer or of the active node"
            )),
            503 => remote.away("it is sealed, or in maintenance"),
            status => remote.away(&format!("it answered {status}")),
        }
    }

    fn strange(&self) -> KeysError {
        self.remote.away("its answer is none that Transit gives; does `url` lead to Vault?")
    }
}

impl KeyService for Transit {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        let bound = STANDARD.encode(envelope::name_bytes(name));
        let body = serde_json::json!({
            "plaintext": STANDARD.encode(envelope::pack(name, key)),
            // Of a derived key this makes the key, of any other it is passed over.
            "context": bound,
            "associated_data": bound,
        });
        let encrypted: Encrypted = self.call("encrypt", &body, Belongs::Here)?;
        Ok([&self.reference()[..], encrypted.ciphertext.as_bytes()].concat())
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        let (ciphertext, belongs) = envelope::split_reference(wrapped, self.reference())?;
        let ciphertext = std::str::from_utf8(ciphertext).map_err(|_| belongs.unopened())?;
        let bound = STANDARD.encode(envelope::name_bytes(name));
        let body = serde_json::json!({
            "ciphertext": ciphertext,
            "context": bound,
            "associated_data": bound,
        });
        let decrypted: Decrypted = self.call("decrypt", &body, belongs)?;
        let packed = STANDARD.decode(decrypted.plaintext.as_bytes()).map(Zeroizing::new);
        envelope::unpack(name, &packed.map_err(|_| self.strange())?)
    }
}

impl Transit {
    fn reference(&self) -> [u8; 8] {
        let TransitSettings { mount, key, .. } = &self.settings;
        envelope::reference("vault_transit", &format!("{mount}/{key}"))
    }
}
