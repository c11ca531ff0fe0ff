// SPDX-License-Identifier: Apache-2.0

use serde::{Deserialize, Serialize};

use super::KeysError;
use crate::base::{Secret, Tenant};

/// Wraps keys under a root key that stays where it is.
///
/// Called when the process starts and when keys are made or rotated, never per
/// request; implementations may block.
pub trait KeyService: Send + Sync {
    /// The key, encrypted and bound to its name.
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError>;

    /// The key that [`wrap`](Self::wrap) was given under this very name.
    ///
    /// # Errors
    /// [`KeysError::WrongRootKey`] when another root key wrapped it,
    /// [`KeysError::NotAuthentic`] when it was changed or has another name.
    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError>;
}

/// What a wrapped key is bound to.
#[derive(Clone, Copy, Debug)]
pub struct KeyName<'a> {
    pub tenant: &'a Tenant,
    pub purpose: KeyPurpose,
    pub version: u32,
}

/// What a key of a keyset is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPurpose {
    TokenMac,
    IndexMac,
    Siv,
    Vault,
    CallerMac,
    SubjectMac,
    LogSigning,
}

impl KeyPurpose {
    pub const ALL: [Self; 7] = [
        Self::TokenMac,
        Self::IndexMac,
        Self::Siv,
        Self::Vault,
        Self::CallerMac,
        Self::SubjectMac,
        Self::LogSigning,
    ];

    /// The word in the keyset file, which a wrapped key is bound to.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenMac => "token_mac",
            Self::IndexMac => "index_mac",
            Self::Siv => "siv",
            Self::Vault => "vault",
            Self::CallerMac => "caller_mac",
            Self::SubjectMac => "subject_mac",
            Self::LogSigning => "log_signing",
        }
    }
}
