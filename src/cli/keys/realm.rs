// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use anyhow::Context;
use clap::Args;

use crate::app::{open_jurisdiction, open_keyset};
use crate::base::{Clock, Jurisdiction, SystemClock};
use crate::cli::init;
use crate::config::{Config, KeySettings};
use crate::keys::{JurisdictionKeys, KeyPurpose, Keyset, Realm};

/// Whose keyset a command is about.
#[derive(Debug, Args)]
pub struct Whose {
    /// The keyset of this jurisdiction, as `keys.jurisdictions` names it, in the place of that
    /// of the house
    #[arg(long, value_name = "NAME", value_parser = init::name)]
    jurisdiction: Option<String>,
}

impl Whose {
    pub fn realm(&self) -> Realm {
        Realm::from_code(self.jurisdiction.as_deref().unwrap_or_default())
    }

    /// Where it is.
    pub fn settings<'c>(&self, config: &'c Config) -> anyhow::Result<(Realm, &'c KeySettings)> {
        let realm = self.realm();
        let settings = settings(config, &realm).with_context(|| {
            let named = config.jurisdictions.iter().map(|(of, _)| format!("`{of}`"));
            let named = named.collect::<Vec<_>>().join(", ");
            let named = if named.is_empty() { "none".to_owned() } else { named };
            format!("`keys.jurisdictions` names no keyset of {realm}; it names {named}")
        })?;
        Ok((realm, settings))
    }

    /// The same, once it is known to be that of this house and to open: whoever changes it
    /// could use it.
    pub fn proven<'c>(&self, config: &'c Config) -> anyhow::Result<(Realm, &'c KeySettings)> {
        let (realm, settings) = self.settings(config)?;
        match &realm {
            Realm::House => drop(open_keyset(config)?),
            Realm::Of(of) => drop(open_jurisdiction(&config.tenant, of, settings)?),
        }
        Ok((realm, settings))
    }
}

/// Where the keyset of a realm is, if the configuration names it.
pub fn settings<'c>(config: &'c Config, realm: &Realm) -> Option<&'c KeySettings> {
    let named = |of: &Jurisdiction| config.jurisdictions.iter().find(|(named, _)| named == of);
    match realm {
        Realm::House => Some(&config.keys),
        Realm::Of(of) => named(of).map(|(_, settings)| settings),
    }
}

/// A change of a keyset file that makes a key.
pub enum Change {
    Prepare,
    Rotate,
}

/// Changes the keyset of a realm.
pub fn change(
    realm: &Realm,
    KeySettings { keyset, service, .. }: &KeySettings,
    purpose: KeyPurpose,
    change: &Change,
) -> anyhow::Result<()> {
    let (path, service, today): (&Path, _, _) = (keyset, service.open()?, SystemClock.now().date());
    match (realm, change) {
        (Realm::House, Change::Prepare) => {
            drop(Keyset::prepare(path, &*service, purpose, today)?);
        }
        (Realm::House, Change::Rotate) => drop(Keyset::rotate(path, &*service, purpose, today)?),
        (Realm::Of(_), Change::Prepare) => {
            drop(JurisdictionKeys::prepare(path, &*service, purpose, today)?);
        }
        (Realm::Of(_), Change::Rotate) => {
            drop(JurisdictionKeys::rotate(path, &*service, purpose, today)?);
        }
    }
    Ok(())
}
