// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::aws_credentials::AwsCredentialsSource;
use super::aws_signature::{Scope, amz_date, authorization};
use super::envelope::{self, Belongs};
use super::remote::{Answer, Remote};
use super::{KeyName, KeyService, KeysError};
use crate::base::{Clock, Secret, SystemClock};

const JSON: &str = "application/x-amz-json-1.1";

/// How a key of AWS KMS is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsSettings {
    pub region: String,
    /// An ARN, an id, or an alias (`alias/zollhaus`) of a symmetric key.
    pub key: String,
    /// `https://kms.eu-central-1.amazonaws.com`
    pub endpoint: Uri,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    pub credentials: AwsCredentialsSource,
}

/// A symmetric key of AWS KMS, which does not leave KMS.
///
/// A wrapped key is eight bytes that refer to the key as the configuration calls it, then the
/// ciphertext as KMS writes it. Tenant, purpose and version are the encryption context, by
/// which key policies can decide and which stands in CloudTrail.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html>,
/// `API_Decrypt.html` and `CommonErrors.html` beside it.
#[derive(Debug)]
pub struct AwsKms {
    remote: Remote,
    settings: KmsSettings,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: Zeroizing<String>,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl AwsKms {
    /// Nothing is asked yet.
    pub fn new(settings: KmsSettings) -> Self {
        let key = format!("key `{}`", settings.key);
        let remote = Remote::new("AWS KMS", &settings.endpoint, &key, settings.ca.clone());
        Self { remote, settings }
    }

    fn call<T: for<'de> Deserialize<'de>>(
        &self,
        operation: &str,
        body: &serde_json::Value,
        belongs: Belongs,
    ) -> Result<T, KeysError> {
        let body = body.to_string().into_bytes();
        let headers = self.headers(&format!("TrentService.{operation}"), &body)?;
        let answer = self.remote.post("/", headers, body)?;
        if answer.status != StatusCode::OK {
            return Err(self.failure(&answer, belongs));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.strange())
    }

    fn headers(&self, target: &str, body: &[u8]) -> Result<HeaderMap, KeysError> {
        let credentials = self.settings.credentials.read(&self.remote)?;
        let now = SystemClock.now();
        let (date, host) = (amz_date(now), host(&self.settings.endpoint));
        let token = credentials
            .session_token
            .as_ref()
            .map(|token| std::str::from_utf8(token.expose()).unwrap_or_default());
        let mut signed = vec![("content-type", JSON), ("host", &*host), ("x-amz-date", &*date)];
        signed.extend(token.map(|token| ("x-amz-security-token", token)));
        signed.push(("x-amz-target", target));
        let scope = Scope { region: &self.settings.region, service: "kms", now };
        let authorization = authorization(&credentials, scope, &signed, body);

        let value = |text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| {
                self.remote.denied("the credentials cannot be sent; are they what AWS gave you?")
            })?;
            value.set_sensitive(true);
            Ok::<_, KeysError>(value)
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(AUTHORIZATION, value(&authorization)?);
        for (name, text) in signed {
            // The others are set by what sends them.
            if name.starts_with("x-amz-") {
                headers.insert(
                    HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.strange())?,
                    value(text)?,
                );
            }
        }
        Ok(headers)
    }

    /// An error is recognized by its kind, and by its message where that says too little, which
    /// is never repeated.
    fn failure(&self, answer: &Answer, belongs: Belongs) -> KeysError {
        let Failure { kind, message } = serde_json::from_slice(&answer.body).unwrap_or_default();
        let remote = &self.remote;
        let status = answer.status;
        // Some answers have the namespace of the type in front.
        match kind.rsplit('#').next().unwrap_or_default() {
            "InvalidCiphertextException" => belongs.unopened(),
            "IncorrectKeyException" => KeysError::WrongRootKey,
            "NotFoundException" => {
                remote.withdrawn("there is no such key in this region and account")
            }
            "DisabledException" => remote.withdrawn("the key is disabled"),
            "KMSInvalidStateException"
                if ["pending deletion", "pending import"].iter().any(|it| message.contains(it)) =>
            {
                remote.withdrawn("the key is pending deletion, or its material is gone")
            }
            // Of keys in custom key stores, it is any failure.
            "KMSInvalidStateException" => remote.away(
                "the key is in a state that permits no use; if it is in a custom key store, is \
                 that connected?",
            ),
            "InvalidKeyUsageException" => remote
                .denied("the key is not for encryption; use a symmetric one (SYMMETRIC_DEFAULT)"),
            "AccessDeniedException" => remote.denied(
                "these credentials may not `kms:Decrypt` with this key (and `kms:Encrypt`, to make \
                 keys)",
            ),
            "ExpiredTokenException" => remote.denied("the session token has expired"),
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "MissingAuthenticationToken" => remote
                .denied("the access key is not known; a temporary one needs its session token"),
            "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "IncompleteSignature"
            | "SignatureDoesNotMatch"
            | "RequestExpired" => remote.denied(
                "the signature does not hold; check secret key, `region`, and the machine's clock",
            ),
            "ThrottlingException" | "LimitExceededException" => {
                remote.away("too much is asked of it")
            }
            "KMSInternalException"
            | "DependencyTimeoutException"
            | "KeyUnavailableException"
            | "InternalFailure"
            | "ServiceUnavailable" => {
                remote.away(&format!("it answered {status}; the fault is with AWS"))
            }
            "ValidationException" => {
                remote.denied("it does not take `key`; it is an ARN, an id or `alias/…`")
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                remote.away(&format!("it answered {}", status.as_u16()))
            }
            _ => remote.denied(&format!("it answered {}; CloudTrail may say why", status.as_u16())),
        }
    }

    fn strange(&self) -> KeysError {
        self.remote.away("its answer is none that KMS gives; does `endpoint` lead to it?")
    }

    fn reference(&self) -> [u8; 8] {
        envelope::reference("aws_kms", &self.settings.key)
    }
}

impl KeyService for AwsKms {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        let body = serde_json::json!({
            "KeyId": self.settings.key,
            "Plaintext": STANDARD.encode(envelope::pack(name, key)),
            "EncryptionContext": context(name),
        });
        let encrypted: Encrypted = self.call("Encrypt", &body, Belongs::Here)?;
        let blob = STANDARD.decode(encrypted.ciphertext_blob).map_err(|_| self.strange())?;
        Ok([&self.reference()[..], &blob].concat())
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        let (blob, belongs) = envelope::split_reference(wrapped, self.reference())?;
        let body = serde_json::json!({
            "KeyId": self.settings.key,
            "CiphertextBlob": STANDARD.encode(blob),
            "EncryptionContext": context(name),
        });
        let decrypted: Decrypted = self.call("Decrypt", &body, belongs)?;
        let packed = STANDARD.decode(decrypted.plaintext.as_bytes()).map(Zeroizing::new);
        envelope::unpack(name, &packed.map_err(|_| self.strange())?)
    }
}

fn context(name: &KeyName<'_>) -> serde_json::Value {
    serde_json::json!({
        "zollhaus:tenant": name.tenant.as_str(),
        "zollhaus:purpose": name.purpose_in_realm(),
        "zollhaus:version": name.version.to_string(),
    })
}

/// As the HTTP client writes it: with a port only if it is not the scheme's own.
fn host(endpoint: &Uri) -> String {
    let name = endpoint.host().unwrap_or_default();
    match (endpoint.port_u16(), endpoint.scheme_str()) {
        (None | Some(443), Some("https")) | (None | Some(80), _) => name.to_owned(),
        (Some(port), _) => format!("{name}:{port}"),
    }
}
