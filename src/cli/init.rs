// SPDX-License-Identifier: Apache-2.0

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::base::{Clock, SystemClock, Tenant};
use crate::config::is_name;
use crate::keys::{KeyFile, Keyset};

use super::print;

/// Write a first configuration, policies and keys
///
/// Never overwrites anything: if one of the files is there, nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus init /etc/zollhaus --tenant acme
  zollhaus init /etc/zollhaus --without-keys")]
pub struct Init {
    /// Where to write
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Whose data this is; part of every key, so it stays
    #[arg(long, value_name = "NAME", default_value = "acme", value_parser = name)]
    tenant: String,
    /// Write no root key and no keyset: name a key service or a passphrase under `keys` first,
    /// then run `zollhaus keys create`
    #[arg(long)]
    without_keys: bool,
}

const CONFIG: &str = "zollhaus.yaml";
const ROOT_KEY: &str = "zollhaus.key";
const KEYSET: &str = "zollhaus.keyset";

/// Files for everyone, with what is written to them.
const OPEN_FILES: [(&str, &str); 10] = [
    (CONFIG, include_str!("init/zollhaus.yaml")),
    ("policies/salesforce.yaml", include_str!("../../policies/salesforce.yaml")),
    ("policies/hubspot.yaml", include_str!("../../policies/hubspot.yaml")),
    ("policies/dynamics.yaml", include_str!("../../policies/dynamics.yaml")),
    ("policies/pipedrive.yaml", include_str!("../../policies/pipedrive.yaml")),
    ("policies/zoho.yaml", include_str!("../../policies/zoho.yaml")),
    ("policies/border/gdpr.yaml", include_str!("../../policies/border/gdpr.yaml")),
    ("policies/border/ccpa.yaml", include_str!("../../policies/border/ccpa.yaml")),
    ("policies/border/australia.yaml", include_str!("../../policies/border/australia.yaml")),
    ("policies/border/groups.yaml", include_str!("../../policies/border/groups.yaml")),
];

/// Files of API keys, for the owner only.
const KEY_FILES: [(&str, &str); 2] = [
    ("zollhaus.callers", include_str!("init/zollhaus.callers")),
    ("zollhaus.admins", include_str!("init/zollhaus.admins")),
];

impl Init {
    pub fn execute(self) -> anyhow::Result<()> {
        self.refuse_to_overwrite()?;
        let borders = self.folder.join("policies/border");
        fs::create_dir_all(&borders)
            .with_context(|| format!("{} cannot be made", borders.display()))?;
        if !self.without_keys {
            let root = KeyFile::create(&self.folder.join(ROOT_KEY))?;
            let (keyset, tenant) = (self.folder.join(KEYSET), Tenant::new(&self.tenant));
            Keyset::create(&keyset, &root, &tenant, SystemClock.now().date())?;
        }
        for (name, text) in KEY_FILES {
            write(&self.folder.join(name), text, 0o600)?;
        }
        for (name, text) in OPEN_FILES {
            let text = text.replace("tenant: acme", &format!("tenant: \"{}\"", self.tenant));
            write(&self.folder.join(name), &text, 0o644)?;
        }
        for name in self.files() {
            print::line(self.folder.join(name).display())?;
        }
        print::note(self.next_steps());
        Ok(())
    }

    fn refuse_to_overwrite(&self) -> anyhow::Result<()> {
        let there: Vec<String> = self
            .files()
            .map(|name| self.folder.join(name))
            .filter(|path| path.symlink_metadata().is_ok())
            .map(|path| path.display().to_string())
            .collect();
        if !there.is_empty() {
            bail!("nothing was written, because this is there already: {}", there.join(", "));
        }
        Ok(())
    }

    /// What is written.
    fn files(&self) -> impl Iterator<Item = &'static str> {
        let keys: &[_] = if self.without_keys { &[] } else { &[ROOT_KEY, KEYSET] };
        OPEN_FILES.into_iter().chain(KEY_FILES).map(|(name, _)| name).chain(keys.iter().copied())
    }

    fn next_steps(&self) -> String {
        let config = self.folder.join(CONFIG);
        let config = config.display();
        let (keys, copies) = if self.without_keys {
            let create = format!(
                "
     Say under `keys` where the root key is, then
     zollhaus keys create --config {config}"
            );
            (create, String::new())
        } else {
            let copies = format!(
                "

Keep {ROOT_KEY} and {KEYSET} apart from the vault, and a copy of both: without
them nothing that was sealed can be opened again."
            );
            (String::new(), copies)
        };
        format!(
            "
Next:
  1. Name your CRM, its region and a domain of yours in {config}.{keys}
  2. zollhaus keys new-caller billing --role support --config {config}
  3. zollhaus check --config {config}
  4. zollhaus run --config {config}{copies}"
        )
    }
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// A name on the command line, as in the configuration.
pub fn name(text: &str) -> Result<String, &'static str> {
    let problem = "a name has up to 80 ASCII letters, digits, `_`, `-` and `.`";
    is_name(text).then(|| text.to_owned()).ok_or(problem)
}
