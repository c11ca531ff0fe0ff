// SPDX-License-Identifier: Apache-2.0

use super::files::Readers;
use super::root::RootKey;
use super::{KeyName, KeyService, KeysError, SecretSource};
use crate::base::Secret;

/// A root key in an environment variable, for containers: the line of a
/// [`KeyFile`](super::KeyFile).
#[derive(Debug)]
pub struct KeyVariable(RootKey);

impl KeyVariable {
    /// # Errors
    /// [`KeysError::Variable`] when the variable is not set or holds no root key.
    pub fn open(name: &str, value: Option<&Secret>) -> Result<Self, KeysError> {
        let source = SecretSource::Environment { name: name.to_owned(), value: value.cloned() };
        let line = source.read(Readers::Any)?;
        let problem = |problem| KeysError::Variable { name: name.to_owned(), problem };
        let line = std::str::from_utf8(line.expose()).map_err(|_| problem("is not text"))?;
        RootKey::from_line(line).map(Self).map_err(|_| {
            problem("holds no root key: one line that begins with `zollhaus-root-key-1`")
        })
    }
}

impl KeyService for KeyVariable {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        Ok(self.0.wrap(name, key))
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        self.0.unwrap(name, wrapped)
    }
}
