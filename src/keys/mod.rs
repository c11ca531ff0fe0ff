// SPDX-License-Identifier: Apache-2.0
//! Keys: where they come from, how they are kept, and what is done with them.
//!
//! A [`KeyService`] holds the root key and wraps other keys with it; it is the
//! seam for services and devices that never give their root key away. A
//! [`Keyset`] is what one tenant works with: it lies on disk wrapped, and in
//! memory as keys that can only be used for what they are made for ([`Mac`],
//! [`Siv`]).
//!
//! Invariants:
//! - Key files are created readable by their owner only, and never overwritten; a
//!   rotation puts a whole keyset, with the keys before it, in the place of another.
//! - A key that others can read is not used.
//! - A key can be prepared in every process before the first of them uses it.
//! - A new version of a key does not take away what the ones before it have made: they open
//!   it until they are destroyed, which is a command of its own.
//! - A wrapped key opens only for the tenant, realm, purpose and version it was made for.
//! - The keys of data subjects whose jurisdiction has a keyset open with that alone
//!   ([`JurisdictionKeys`]); everything else is under that of the house.
//! - Keys that a service has unwrapped serve no longer than the [`Lease`] says; only the
//!   transfer log goes on being signed, with what was refused since then.

mod aws_credentials;
mod aws_kms;
mod aws_signature;
mod envelope;
mod environment;
mod error;
mod ff1;
mod files;
mod jurisdiction;
mod keyset;
mod keyset_file;
mod lease;
mod mac;
mod passphrase;
mod pkcs11;
mod pkcs11_cipher;
mod realm;
mod remote;
mod root;
mod rotation;
mod service;
mod settings;
mod siv;
mod source;
#[cfg(test)]
mod tests;
mod transit;
#[cfg(test)]
mod vectors;
mod versions;

pub use aws_credentials::AwsCredentialsSource;
pub use aws_kms::{AwsKms, KmsSettings};
pub use environment::KeyVariable;
pub use error::KeysError;
pub use ff1::Ff1;
pub(crate) use files::{create_private, keep_access, lock_in_place, sync_directory};
pub use jurisdiction::JurisdictionKeys;
pub use keyset::{KeyStatus, Keyset};
pub use lease::{Lease, LeaseOver, Renewal};
pub use mac::Mac;
pub use passphrase::SealedKeyFile;
pub use pkcs11::{Pkcs11Settings, Pkcs11Token};
pub use realm::Realm;
pub use root::{KeyFile, MemoryKeyService};
pub use service::{KeyName, KeyPurpose, KeyService, KeyState};
pub use settings::{KeyServiceSettings, leased};
pub use siv::Siv;
pub use source::SecretSource;
pub use transit::{Transit, TransitSettings};
pub use versions::{InUse, Version, Versions};

use zeroize::Zeroizing;

/// Fresh random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeysError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut()).map_err(KeysError::Random)?;
    Ok(bytes)
}
