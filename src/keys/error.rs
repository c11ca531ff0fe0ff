// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

use super::{KeyPurpose, Realm, Version};
use crate::base::{Jurisdiction, Tenant};
use crate::upstream::UpstreamSetupError;

/// Keys cannot be made, read or used. Names files, never key material.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(
        "the file `{}` does not exist; without the one that was in use, nothing opens that was \
         sealed under its keys",
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
    #[error(
        "the file `{}` is being changed by another process; try again when that has ended",
        path.display()
    )]
    UnderWay { path: PathBuf },
    #[error(
        "the file `{}` belongs to another user or group, who could not read a new one; run this \
         as its owner, or as root",
        path.display()
    )]
    OtherOwner { path: PathBuf, source: std::io::Error },
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
    /// The key service gives no answer; it may give one later.
    #[error("{service} is away: {problem}")]
    Unavailable { service: String, problem: String },
    /// The key service answers that it does not do it for us.
    #[error("{service} refuses: {problem}")]
    Denied { service: String, problem: String },
    /// The key service answers that the root key does not open any more.
    #[error("{service} does not open keys any more: {problem}")]
    Withdrawn { service: String, problem: String },
    #[error("{service} cannot be reached as it is configured")]
    Unusable { service: String, source: Box<UpstreamSetupError> },
    /// It is not tried again, because tokens lock themselves.
    #[error(
        "{service} refuses the PIN: {problem}; it is not tried again, because tokens lock \
         themselves after a few wrong ones"
    )]
    PinRefused { service: String, problem: String },
    #[error("the PKCS#11 module `{}` cannot be loaded", path.display())]
    Module { path: PathBuf, source: Box<cryptoki::error::Error> },
    #[error("the keyset `{}` cannot be opened", path.display())]
    Unopened { path: PathBuf, source: Box<KeysError> },
    /// The root key at hand is not the one that wrapped the key.
    #[error(
        "it was wrapped by another root key than the one in use; `zollhaus keys rewrap` takes a \
         keyset from one to another"
    )]
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
        "a key `{name}` is prepared already; when every process was started anew since then, \
         `zollhaus keys rotate --purpose {name}` takes it into use",
        name = purpose.name()
    )]
    PreparedAlready { purpose: KeyPurpose },
    #[error(
        "the keyset has no key `{name}` yet; `zollhaus keys rotate --purpose {name}` makes the first",
        name = purpose.name()
    )]
    FirstKey { purpose: KeyPurpose },
    #[error(
        "version {version} of the key `{}` is in use, prepared, destroyed already, or was never made; \
         `zollhaus keys status` lists them",
        purpose.name()
    )]
    NotDestroyable { purpose: KeyPurpose, version: Version },
    /// The keyset is another one than that which is asked for.
    #[error(
        "the keyset `{}` is that of {found}, and not that of {expected}",
        path.display()
    )]
    OtherRealm { path: PathBuf, found: Box<Realm>, expected: Box<Realm> },
    #[error(
        "the keyset `{}` belongs to tenant `{found}`, and not to `{expected}`",
        path.display()
    )]
    OtherTenant { path: PathBuf, found: Tenant, expected: Tenant },
    /// All keys of a jurisdiction were destroyed.
    #[error(
        "the keyset `{}` was destroyed for good, and with it what was kept under it; take \
         `{jurisdiction}` out of `keys.jurisdictions`",
        path.display()
    )]
    Ended { path: PathBuf, jurisdiction: Jurisdiction },
    #[error(
        "the keyset of jurisdiction `{jurisdiction}` has no key `{}`: that is one of the house; \
         leave `--jurisdiction` out",
        purpose.name()
    )]
    OfTheHouse { purpose: KeyPurpose, jurisdiction: Jurisdiction },
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl KeysError {
    /// Whether it may pass without anybody changing the configuration or the keys: a key
    /// service that is away, or that does not know our token or credentials yet.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unopened { source, .. } => source.may_pass(),
            // An agent beside us may be about to write it.
            Self::Unavailable { .. } | Self::Denied { .. } | Self::SecretMissing { .. } => true,
            Self::Missing { .. }
            | Self::Exists { .. }
            | Self::Exposed { .. }
            | Self::Damaged { .. }
            | Self::UnderWay { .. }
            | Self::OtherOwner { .. }
            | Self::Io { .. }
            | Self::Variable { .. }
            | Self::ShortPassphrase { .. }
            | Self::WrongPassphrase { .. }
            | Self::Withdrawn { .. }
            | Self::PinRefused { .. }
            | Self::Module { .. }
            | Self::Unusable { .. }
            | Self::WrongRootKey
            | Self::NotAuthentic
            | Self::NotRotated { .. }
            | Self::TooManyVersions { .. }
            | Self::PreparedAlready { .. }
            | Self::FirstKey { .. }
            | Self::NotDestroyable { .. }
            | Self::OtherRealm { .. }
            | Self::OtherTenant { .. }
            | Self::Ended { .. }
            | Self::OfTheHouse { .. }
            | Self::Random(_) => false,
        }
    }

    /// Whether keys that were unwrapped before may not serve any longer: whoever disables a
    /// root key wants that.
    pub(super) fn ends_lease(&self) -> bool {
        matches!(self, Self::Withdrawn { .. } | Self::WrongRootKey | Self::NotAuthentic)
    }
}
