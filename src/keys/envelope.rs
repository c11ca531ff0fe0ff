// SPDX-License-Identifier: Apache-2.0
//! What is given to services and devices that encrypt for us.
//!
//! A service is told the name of a key as associated data, but whether it minds that depends
//! on its version and on the kind of its key. So the name stands in front of the key as well,
//! in what is encrypted: where the service authenticates at all, the name is bound.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{KeyName, KeysError};
use crate::base::Secret;

/// Bytes of a [`reference()`].
const REFERENCE_BYTES: usize = 8;
const LENGTH_BYTES: usize = 8;

/// A key's name in bytes; no name is the beginning of another.
pub(super) fn name_bytes(name: &KeyName<'_>) -> Vec<u8> {
    let purpose = name.purpose_in_realm();
    let (purpose, tenant) = (purpose.as_bytes(), name.tenant.as_str().as_bytes());
    let mut bytes = b"zollhaus wrapped key 2".to_vec();
    for part in [purpose, tenant, &name.version.to_be_bytes()] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The name, the length of the key, the key, and zeros up to a multiple of eight bytes: some
/// tokens do not take off what AES-KWP fills up with.
pub(super) fn pack(name: &KeyName<'_>, key: &Secret) -> Zeroizing<Vec<u8>> {
    let (name, key) = (name_bytes(name), key.expose());
    let length = (name.len() + LENGTH_BYTES + key.len()).next_multiple_of(8);
    // Never grown, so that no copy stays behind.
    let mut packed = Zeroizing::new(Vec::with_capacity(length));
    packed.extend_from_slice(&name);
    packed.extend_from_slice(&(key.len() as u64).to_be_bytes());
    packed.extend_from_slice(key);
    packed.resize(length, 0);
    packed
}

/// The key, if it was packed with this very name.
///
/// # Errors
/// [`KeysError::NotAuthentic`]
pub(super) fn unpack(name: &KeyName<'_>, packed: &[u8]) -> Result<Secret, KeysError> {
    let key = || {
        let rest = packed.strip_prefix(&*name_bytes(name))?;
        let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (key, filling) = rest.split_at_checked(length)?;
        let is_whole = filling.len() < 8 && filling.iter().all(|byte| *byte == 0);
        is_whole.then(|| Secret::new(key))
    };
    key().ok_or(KeysError::NotAuthentic)
}

/// Which root key a wrapped key belongs to, by what the operator calls it. It only tells
/// which of two errors it is: a root key can have been renamed.
pub(super) fn reference(service: &str, key: &str) -> [u8; REFERENCE_BYTES] {
    let digest = Sha256::new().chain_update(service).chain_update([0]).chain_update(key).finalize();
    let mut reference = [0; REFERENCE_BYTES];
    reference.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    reference
}

/// Splits the reference off, and says whether it is this one.
///
/// # Errors
/// [`KeysError::NotAuthentic`]: it is too short for anything that was wrapped.
pub(super) fn split_reference(
    wrapped: &[u8],
    own: [u8; REFERENCE_BYTES],
) -> Result<(&[u8], Belongs), KeysError> {
    let (reference, rest) =
        wrapped.split_at_checked(REFERENCE_BYTES).ok_or(KeysError::NotAuthentic)?;
    Ok((rest, if reference == own { Belongs::Here } else { Belongs::Elsewhere }))
}

/// What a wrapped key says of the root key that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    Here,
    Elsewhere,
}

impl Belongs {
    /// Why it does not open.
    pub(super) fn unopened(self) -> KeysError {
        match self {
            Self::Here => KeysError::NotAuthentic,
            Self::Elsewhere => KeysError::WrongRootKey,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Tenant;
    use crate::keys::{KeyPurpose, Realm};

    #[test]
    fn no_name_begins_another() {
        let key = Secret::new([7; 32]);
        let tenants = ["a".into(), "ab".into(), "b".into(), "".into()];
        let names: Vec<((&Tenant, KeyPurpose, Realm), u32)> = tenants
            .iter()
            .flat_map(|tenant| KeyPurpose::ALL.map(|purpose| (tenant, purpose)))
            .flat_map(|(tenant, purpose)| {
                let realms = [Realm::House, Realm::from_code("A"), Realm::from_code("AU")];
                let realms = realms.map(|realm| (tenant, purpose, realm));
                realms.into_iter().flat_map(|name| [1, 256].map(|version| (name.clone(), version)))
            })
            .collect();
        let names: Vec<_> = names
            .iter()
            .map(|((tenant, purpose, realm), version)| KeyName {
                tenant,
                realm,
                purpose: *purpose,
                version: *version,
            })
            .collect();
        for (at, name) in names.iter().enumerate() {
            for (other_at, other) in names.iter().enumerate() {
                let opened = unpack(other, &pack(name, &key));
                assert_eq!(opened.is_ok(), at == other_at, "{name:?} as {other:?}");
            }
        }
    }

    #[test]
    fn keys_of_any_length_come_back_whole() {
        let tenant = "acme".into();
        let name = KeyName {
            tenant: &tenant,
            realm: &Realm::House,
            purpose: KeyPurpose::Vault,
            version: 1,
        };
        for length in 0..70 {
            let key = Secret::new(vec![0; length]);
            let packed = pack(&name, &key);
            assert_eq!(packed.len() % 8, 0);
            assert_eq!(unpack(&name, &packed).unwrap(), key);
            let more = [&packed[..], &[0; 8]].concat();
            assert!(unpack(&name, &more).is_err(), "{length}");
            assert!(unpack(&name, &packed[..packed.len() - 8]).is_err(), "{length}");
            assert!(unpack(&name, &[&packed[..], &[1]].concat()).is_err(), "{length}");
        }
    }
}
