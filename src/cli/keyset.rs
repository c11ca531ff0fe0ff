// SPDX-License-Identifier: Apache-2.0
//! The keyset as a whole: made, and taken from one key service to another.

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Args;

use crate::base::{Clock, SystemClock};
use crate::config::{Config, KeySettings};
use crate::keys::{JurisdictionKeys, Keyset, Realm};

use super::keys::realm::Whose;
use super::{ConfigFile, print};

/// Make the keyset that the configuration names
///
/// Its keys are new, and wrapped by the key service that `keys` names. A root key that is a
/// file of ours is made as well, if it is not there; in other services it has to be there.
/// Nothing is overwritten: keys that are in use are not to be replaced, for without them
/// nothing opens that was sealed. That of a jurisdiction is made by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  zollhaus init /etc/zollhaus --without-keys
  zollhaus keys create --config /etc/zollhaus/zollhaus.yaml
  zollhaus keys create --jurisdiction AU --config /etc/zollhaus/zollhaus.yaml")]
pub struct Create {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    file: ConfigFile,
}

/// Take the keyset to another key service
///
/// The keys stay the same, so everything opens as before; what changes is the root key that
/// wraps them. Opens the keyset that the old configuration names, and writes the one that the
/// new configuration names, which must not be there yet. A root key that is a file of ours is
/// made, if it is not there. The old keyset and its root key stay, and still open everything:
/// destroy them when the new ones have proved themselves.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: the root key moves from a file to HashiCorp Vault.
  cp zollhaus.yaml old.yaml
  # In zollhaus.yaml: keys: { vault_transit: {…}, keyset: zollhaus.keyset.transit }
  zollhaus keys rewrap --from old.yaml")]
pub struct Rewrap {
    /// The configuration that names the keyset at hand and its key service
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    file: ConfigFile,
}

impl Create {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let (realm, settings) = self.whose.settings(&config)?;
        let path = &settings.keyset;
        refuse_to_overwrite(settings)?;
        let (service, today) = (settings.service.open_or_create()?, SystemClock.now().date());
        match &realm {
            Realm::House => drop(Keyset::create(path, &*service, &config.tenant, today)?),
            Realm::Of(of) => {
                drop(JurisdictionKeys::create(path, &*service, (&config.tenant, of), today)?);
            }
        }
        print::note(
            "Keep a copy of the keyset, apart from the vault. Without it and its root key \
             nothing that is kept under it can be opened again.",
        );
        print::line(path.display())
    }
}

impl Rewrap {
    pub fn execute(self) -> anyhow::Result<()> {
        let old = Config::load(&self.from)?.value;
        let new = self.file.load()?.value;
        ensure!(
            old.tenant == new.tenant,
            "{} is for tenant `{}`, and the new configuration for `{}`",
            self.from.display(),
            old.tenant,
            new.tenant,
        );
        let (_, to) = self.whose.settings(&new)?;
        refuse_to_overwrite(to)?;
        // Before anything is made for it.
        let (_, at) = self.whose.proven(&old)?;
        let (from, by, to) = (at.service.open()?, to.service.open_or_create()?, &to.keyset);
        Keyset::rewrap(&at.keyset, &*from, (to, &*by))?;
        print::note(
            "The house takes it at its next start. The old keyset and its root key still open \
             everything: destroy both when the new ones are backed up and in use.",
        );
        print::line(to.display())
    }
}

fn refuse_to_overwrite(KeySettings { keyset: path, .. }: &KeySettings) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("the keyset {} is there already and is never overwritten", path.display());
    }
    Ok(())
}
