// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

/// Keys cannot be made, read or used. Names files, never key material.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(
        "the file `{}` does not exist; without the one that was in use, nothing that was sealed \
         opens",
        path.display()
    )]
    Missing { path: PathBuf },
    #[error("the file `{}` exists already and is never overwritten", path.display())]
    Exists { path: PathBuf },
    #[error(
        "the key file `{}` can be read by other users; run `chmod 600 {}`",
        path.display(), path.display()
    )]
    Exposed { path: PathBuf },
    #[error("the file `{}` is damaged: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("the file `{}` cannot be read or written", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(
        "the file `{}`, which a secret of the key service is to be in, does not exist",
        path.display()
    )]
    SecretMissing { path: PathBuf },
    #[error("the environment variable `{name}` {problem}")]
    Variable { name: String, problem: &'static str },
    #[error("a root key is sealed with a passphrase of at least {at_least} bytes")]
    ShortPassphrase { at_least: usize },
    #[error(
        "the passphrase does not open the key file `{}`: it is another one, or the file was changed",
        path.display()
    )]
    WrongPassphrase { path: PathBuf },
    #[error("the keyset `{}` cannot be opened", path.display())]
    Unopened { path: PathBuf, source: Box<KeysError> },
    /// The root key at hand is not the one that wrapped the key.
    #[error("it was wrapped by another root key than the one in use")]
    WrongRootKey,
    /// The right root key, but the wrapped key was changed or belongs elsewhere.
    #[error("a wrapped key was changed, or is of another tenant, purpose or version")]
    NotAuthentic,
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
}
