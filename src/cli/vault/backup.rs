// SPDX-License-Identifier: Apache-2.0
//! A backup is of two files: rows, and the keys of data subjects.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::app::{Stores, open_keyset};
use crate::config::{Config, VaultPlace};
use crate::sqlite::Database;
use crate::vault;

use super::{copy, files, open, verify};

/// Whether the keys of data subjects may be written to a file: what is there is an older copy of
/// them, and nothing else that somebody needs.
pub fn may_replace(database: &Database, keys: &Path) -> anyhow::Result<()> {
    if !keys.exists() {
        return Ok(());
    }
    let known = || vault::knows_keys(database, keys);
    let is_known = tokio::task::block_in_place(known).with_context(|| {
        format!("`{}` is not replaced: it does not hold the keys of data subjects", keys.display())
    })?;
    ensure!(
        is_known,
        "`{}` is not replaced: it is no older copy of the keys of this vault, but of another one, \
         or this one was put back from an older copy; say with `--keys` where else they are to go",
        keys.display()
    );
    Ok(())
}

/// A backup with the keys of data subjects in it, and without what they were destroyed of.
/// Ends with this value.
pub struct Whole {
    pub path: PathBuf,
    /// What it is made of.
    backup: PathBuf,
    keys: PathBuf,
}

impl Whole {
    pub async fn of(config: &Config, backup: &Path, keys: &Path) -> anyhow::Result<Self> {
        ensure!(
            keys.exists(),
            "there is no file `{}` with the keys of data subjects; say with `--keys` where the \
             newest is",
            keys.display()
        );
        let mut path = backup.as_os_str().to_owned();
        path.push(".whole");
        let path = PathBuf::from(path);
        // What is there is somebody else's, and does not end with this value.
        for file in files(&path) {
            ensure!(
                !file.exists(),
                "`{}` is there: the backup is being read, or that was cut off; then remove it, \
                 for it holds keys of data subjects",
                file.display()
            );
        }
        let whole = Self { path, backup: backup.to_owned(), keys: keys.to_owned() };
        let rows = open(config, backup)?;
        ensure!(
            tokio::task::block_in_place(|| vault::holds_rows(&rows))?,
            "`{}` holds the keys of data subjects, and no values: name the backup itself",
            backup.display()
        );
        copy(&rows, &whole.path)?;
        let database = open(config, &whole.path)?;
        let failed = || format!("the keys `{}` cannot be read", keys.display());
        let taken = || vault::take_keys(&database, keys);
        tokio::task::block_in_place(taken).with_context(failed)?;
        let stores = Stores::in_file(&database)?;
        vault::Vault::new(stores.tokens, &open_keyset(config)?).erase(&[]).await?;
        Ok(whole)
    }

    pub async fn verify(&self, config: &Config) -> anyhow::Result<()> {
        let damaged = || {
            format!(
                "`{}` is damaged, or `{}` does not hold the keys of its data subjects; take \
                 another backup, or say with `--keys` where the newest keys are",
                self.backup.display(),
                self.keys.display()
            )
        };
        verify(config, &VaultPlace::Sqlite(self.path.clone()), damaged).await
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        for file in files(&self.path) {
            let _ = std::fs::remove_file(file);
        }
    }
}
