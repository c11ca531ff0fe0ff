// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{KeysError, Realm, Version};
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
    pub realm: &'a Realm,
    pub purpose: KeyPurpose,
    pub version: Version,
}

impl KeyName<'_> {
    /// What it is for, and for whom: `vault`, or `vault:AU` in the keyset of a jurisdiction.
    pub(super) fn purpose_in_realm(&self) -> Cow<'static, str> {
        match self.realm {
            Realm::House => Cow::Borrowed(self.purpose.name()),
            Realm::Of(jurisdiction) => {
                Cow::Owned(format!("{}:{jurisdiction}", self.purpose.name()))
            }
        }
    }
}

/// What a key of a keyset is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPurpose {
    TokenMac,
    IndexMac,
    Siv,
    Ff1,
    Vault,
    CallerMac,
    SubjectMac,
    LogSigning,
}

impl KeyPurpose {
    pub const ALL: [Self; 8] = [
        Self::TokenMac,
        Self::IndexMac,
        Self::Siv,
        Self::Ff1,
        Self::Vault,
        Self::CallerMac,
        Self::SubjectMac,
        Self::LogSigning,
    ];

    /// The purposes of a keyset. What a jurisdiction has keys of its own for are the keys of
    /// data subjects: tokens and indexes are of the house, since a filter asks for people
    /// whose law nobody knows.
    pub(super) const fn all_of(realm: &Realm) -> &'static [Self] {
        match realm {
            Realm::House => &Self::ALL,
            Realm::Of(_) => &[Self::Vault],
        }
    }

    /// The purposes whose keys change when that of this one does, itself among them.
    ///
    /// # Errors
    /// [`KeysError::NotRotated`] for a purpose whose key stays: what it has made would have
    /// to be made anew.
    pub(super) const fn rotated_together(self) -> Result<&'static [Self], KeysError> {
        match self {
            Self::TokenMac => Ok(&[Self::TokenMac]),
            // What is wrong is told of the one that commands name.
            Self::IndexMac | Self::Vault => Ok(&[Self::Vault, Self::IndexMac]),
            Self::Siv => Ok(&[Self::Siv]),
            Self::Ff1 => Ok(&[Self::Ff1]),
            Self::LogSigning => Ok(&[Self::LogSigning]),
            Self::CallerMac | Self::SubjectMac => Err(KeysError::NotRotated { purpose: self }),
        }
    }

    /// The word in the keyset file, which a wrapped key is bound to.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenMac => "token_mac",
            Self::IndexMac => "index_mac",
            Self::Siv => "siv",
            Self::Ff1 => "ff1",
            Self::Vault => "vault",
            Self::CallerMac => "caller_mac",
            Self::SubjectMac => "subject_mac",
            Self::LogSigning => "log_signing",
        }
    }
}

/// More keys of one purpose would make each look-up a search through them.
pub(super) const MAX_LIVE: usize = 8;

/// What a key of a keyset may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It makes what is new. There is exactly one such key per purpose.
    Active,
    /// It opens and finds what other processes make with it, and makes nothing yet. It is the
    /// newest of its purpose.
    Prepared,
    /// What it has made is opened, found and verified; it makes nothing new.
    #[serde(alias = "retired")]
    DecryptOnly,
    /// It is gone. Only its number stays, so that no other key gets it.
    Destroyed,
}

impl KeyState {
    /// The word in the keyset file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Prepared => "prepared",
            Self::DecryptOnly => "decrypt_only",
            Self::Destroyed => "destroyed",
        }
    }
}
