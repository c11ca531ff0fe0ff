// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

use super::KeysError;
use super::files::{self, Readers};
use crate::base::Secret;

/// Where a secret that a key service needs comes from: a passphrase, a token, a PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// Read anew for each use, so that it can be replaced at any time.
    File(PathBuf),
    /// An environment variable, as it was when the configuration was read.
    Environment { name: String, value: Option<Secret> },
}

impl SecretSource {
    /// The secret without the white space around it. Where `readers` says so, a file that
    /// others can read is refused.
    ///
    /// # Errors
    /// [`KeysError::Missing`], [`KeysError::Exposed`], [`KeysError::Damaged`] of a file,
    /// [`KeysError::Variable`] of a variable.
    pub(super) fn read(&self, readers: Readers) -> Result<Secret, KeysError> {
        match self {
            Self::File(path) => {
                let text = files::read(path, readers).map_err(|error| match error {
                    // What [`KeysError::Missing`] says is about keys.
                    KeysError::Missing { path } => KeysError::SecretMissing { path },
                    other => other,
                })?;
                if text.trim().is_empty() {
                    let problem = "it holds no secret".to_owned();
                    return Err(KeysError::Damaged { path: path.clone(), problem });
                }
                Ok(Secret::new(text.trim()))
            }
            Self::Environment { name, value } => {
                let problem = |problem| KeysError::Variable { name: name.clone(), problem };
                let value = value.as_ref().ok_or_else(|| problem("is not set"))?;
                let trimmed = value.expose().trim_ascii();
                if trimmed.is_empty() {
                    return Err(problem("is empty"));
                }
                Ok(Secret::new(trimmed))
            }
        }
    }
}
