// SPDX-License-Identifier: Apache-2.0

use clap::Args;

use super::needed::{Needed, stores};
use super::realm;
use crate::cli::{ConfigFile, block_on, print};
use crate::keys::{KeyState, KeyStatus, Keyset, Realm};

/// List the keys of all keysets: what each is for, its version, and what it may still do
///
/// `active` keys make what is new. `prepared` ones open and find what other processes make
/// with them already; `decrypt_only` ones what they have made. Of `destroyed` ones only the
/// number is left. The last column says what still needs a key, where that can be known here.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zollhaus keys status")]
pub struct Status {
    #[command(flatten)]
    file: ConfigFile,
}

impl Status {
    pub fn execute(self) -> anyhow::Result<()> {
        let config = self.file.load()?.value;
        let keys = Keyset::status(&config.keys.keyset)?;
        let of_jurisdictions =
            config.jurisdictions.iter().map(|(of, keys)| (of, Keyset::status(&keys.keyset)));
        let of_jurisdictions: Vec<_> = of_jurisdictions.collect();
        let needed = block_on(async {
            match stores(&config).await? {
                Some(stores) => Needed::read(&stores, &keys).await,
                None => Ok(Needed::default()),
            }
        });
        if let Err(error) = &needed {
            print::note(format_args!("what needs the keys cannot be told: {error:#}"));
        }
        print::line(format_args!(
            "{:<12} {:>7}  {:<12}  {:<10}  needed by",
            "purpose", "version", "state", "since"
        ))?;
        list(&Realm::House, keys, needed.as_ref().ok())?;
        for (jurisdiction, keys) in of_jurisdictions {
            let realm = Realm::Of(jurisdiction.clone());
            print::line(format_args!("{realm}:"))?;
            match keys {
                Ok(keys) => list(&realm, keys, needed.as_ref().ok())?,
                Err(error) => print::note(format_args!("its keys cannot be listed: {error}")),
            }
        }
        for (realm, keys) in needed.iter().flat_map(Needed::of_jurisdictions) {
            if realm::settings(&config, realm).is_none() {
                print::note(format_args!(
                    "{keys} keys of data subjects are under the keyset of {realm}, which \
                     `keys.jurisdictions` does not name: what they open stays closed"
                ));
            }
        }
        Ok(())
    }
}

fn list(realm: &Realm, keys: Vec<KeyStatus>, needed: Option<&Needed>) -> anyhow::Result<()> {
    for key in keys {
        let since = key.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
        let needed_by = match (key.state, needed) {
            (KeyState::Destroyed, _) => "-".to_owned(),
            (_, Some(needed)) => needed.by(realm, key.purpose, key.version),
            (_, None) => "unknown".to_owned(),
        };
        print::line(format_args!(
            "{:<12} {:>7}  {:<12}  {:<10}  {needed_by}",
            key.purpose.name(),
            key.version,
            key.state.name(),
            since
        ))?;
    }
    Ok(())
}
