// SPDX-License-Identifier: Apache-2.0

use clap::Args;

use super::needed::{Needed, stores};
use crate::cli::{ConfigFile, block_on, print};
use crate::keys::{KeyState, Keyset};

/// List the keys of the keyset: what each is for, its version, and what it may still do
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
        for key in keys {
            let since = key.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
            let needed_by = match (key.state, &needed) {
                (KeyState::Destroyed, _) => "-".to_owned(),
                (_, Ok(needed)) => needed.by(key.purpose, key.version),
                (_, Err(_)) => "unknown".to_owned(),
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
}
