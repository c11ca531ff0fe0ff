// SPDX-License-Identifier: Apache-2.0

use clap::ValueEnum;

use crate::keys::KeyPurpose;

/// The purposes whose keys all processes on one vault use.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum SharedPurpose {
    /// Tokens, and the words of `hash`
    TokenMac,
    /// The values that `encrypt` seals
    Siv,
    /// The telephone numbers that `format_preserving` encrypts
    Ff1,
    /// The rows of the vault and what they are found by
    Vault,
}

/// The purposes whose keys can be rotated.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum RotatedPurpose {
    /// The tokens of new values, and the words of `hash`
    TokenMac,
    /// The values that `encrypt` seals
    Siv,
    /// The telephone numbers that `format_preserving` encrypts; makes the first key of a
    /// keyset that has none
    Ff1,
    /// The rows of the vault and what they are found by
    Vault,
    /// The checkpoints of the transfer log
    LogSigning,
}

impl From<SharedPurpose> for KeyPurpose {
    fn from(purpose: SharedPurpose) -> Self {
        match purpose {
            SharedPurpose::TokenMac => Self::TokenMac,
            SharedPurpose::Siv => Self::Siv,
            SharedPurpose::Ff1 => Self::Ff1,
            SharedPurpose::Vault => Self::Vault,
        }
    }
}

impl From<RotatedPurpose> for KeyPurpose {
    fn from(purpose: RotatedPurpose) -> Self {
        match purpose {
            RotatedPurpose::TokenMac => Self::TokenMac,
            RotatedPurpose::Siv => Self::Siv,
            RotatedPurpose::Ff1 => Self::Ff1,
            RotatedPurpose::Vault => Self::Vault,
            RotatedPurpose::LogSigning => Self::LogSigning,
        }
    }
}
