// SPDX-License-Identifier: Apache-2.0
//! The keysets that a configuration names, opened at once.

use crate::base::{Jurisdiction, Tenant};
use crate::config::{Config, KeySettings};
use crate::keys::{JurisdictionKeys, Keyset};

use super::StartError;

/// All keys of a house.
#[derive(Debug)]
pub struct Keysets {
    pub house: Keyset,
    /// In the order of the configuration.
    pub jurisdictions: Vec<JurisdictionKeys>,
}

/// Opens all keys that the configuration names.
///
/// # Errors
/// [`StartError::Keys`] or [`StartError::OtherTenant`].
pub fn open_keysets(config: &Config) -> Result<Keysets, StartError> {
    let jurisdictions =
        config.jurisdictions.iter().map(|(of, keys)| open_jurisdiction(&config.tenant, of, keys));
    let jurisdictions = jurisdictions.collect::<Result<_, _>>()?;
    Ok(Keysets { house: open_keyset(config)?, jurisdictions })
}

/// Opens the keys of the house.
///
/// # Errors
/// As [`open_keysets`].
pub fn open_keyset(config: &Config) -> Result<Keyset, StartError> {
    let keys = &config.keys;
    let keyset = Keyset::open(&keys.keyset, &*keys.service.open()?)?;
    of_tenant(&config.tenant, keys, &keyset.tenant)?;
    Ok(keyset)
}

/// Opens the keys of a jurisdiction, as `keys` says where they are.
///
/// # Errors
/// As [`open_keysets`].
pub fn open_jurisdiction(
    tenant: &Tenant,
    jurisdiction: &Jurisdiction,
    keys: &KeySettings,
) -> Result<JurisdictionKeys, StartError> {
    let opened = JurisdictionKeys::open(&keys.keyset, &*keys.service.open()?, jurisdiction)?;
    of_tenant(tenant, keys, &opened.tenant)?;
    Ok(opened)
}

/// # Errors
/// [`StartError::OtherTenant`]: they are of another one.
pub(super) fn of_tenant(
    expected: &Tenant,
    keys: &KeySettings,
    found: &Tenant,
) -> Result<(), StartError> {
    if found == expected {
        return Ok(());
    }
    Err(StartError::OtherTenant {
        path: keys.keyset.clone(),
        found: found.clone(),
        expected: expected.clone(),
    })
}
