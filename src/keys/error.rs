// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

use super::{KeyPurpose, Version};

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
    #[error("the keyset `{}` cannot be opened", path.display())]
    Unopened { path: PathBuf, source: Box<KeysError> },
    /// The root key at hand is not the one that wrapped the key.
    #[error("it was wrapped by another root key than the one in use")]
    WrongRootKey,
    /// The right root key, but the wrapped key was changed or belongs elsewhere.
    #[error("a wrapped key was changed, or is of another tenant, purpose or version")]
    NotAuthentic,
    #[error("the key `{}` stays what it is: what it has made would have to be made anew", purpose.name())]
    NotRotated { purpose: KeyPurpose },
    #[error(
        "{limit} keys `{}` are not destroyed yet; destroy those that nothing needs with \
         `zollhaus keys destroy`",
        purpose.name()
    )]
    TooManyVersions { purpose: KeyPurpose, limit: usize },
    #[error(
        "version {version} of the key `{}` is in use, destroyed already, or was never made; \
         `zollhaus keys status` lists them",
        purpose.name()
    )]
    NotDestroyable { purpose: KeyPurpose, version: Version },
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
}
