// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::config::test_policy;

use super::print;

/// Of files with tests.
const ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// Check that policies decide as their tests expect
///
/// Reads tests from files, and from files `*.test.yaml` and `*.test.yml` in folders and in
/// those below. They say what is expected of fields: how they are protected, who sees them,
/// and what the border decides. Nothing is sent anywhere. Exits with 1 if something is not as expected.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  zollhaus test policies
  zollhaus test policies/salesforce.test.yaml")]
pub struct Test {
    /// Files with tests, or folders that hold some
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

impl Test {
    pub fn execute(self) -> anyhow::Result<()> {
        let mut files = Vec::new();
        for path in self.paths {
            let before = files.len();
            if path.is_dir() {
                collect(&path, &mut files)?;
            } else {
                files.push(path.clone());
            }
            if files.len() == before {
                bail!("there is no file `*.test.yaml` in `{}`", path.display());
            }
        }
        let mut failed = 0;
        for file in &files {
            let name = file.display();
            match test_policy(file) {
                Ok(tested) => {
                    print::diagnostics(&tested.warnings);
                    print::line(format!("{name}: {} as expected", tested.value))?;
                }
                Err(problems) => {
                    failed += 1;
                    print::diagnostics(&problems);
                }
            }
        }
        if failed > 0 {
            bail!("{failed} of {} files have tests that fail", files.len());
        }
        Ok(())
    }
}

/// The tests in a folder and in those below it, by name. Links are not followed.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let read = || fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>();
    let mut entries = read().with_context(|| format!("`{}` cannot be read", folder.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let is_test = ENDINGS.iter().any(|ending| name.to_string_lossy().ends_with(ending));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), files)?;
        } else if is_test {
            files.push(entry.path());
        }
    }
    Ok(())
}
