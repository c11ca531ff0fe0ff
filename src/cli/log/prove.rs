// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgGroup, Args};

use crate::base::{EntryId, SubjectId};
use crate::cli::print;
use crate::transfer_log::read::{self, EntryError, LogDirectory, ProveError, parse_entry};
use crate::transfer_log::{Entry, EntryProof};

use super::select::{entry_id, subject};
use super::show::each;
use super::{Finding, Place, Trust, line};

/// Prove that entries are in the log, or check such a proof
///
/// A proof is a file that stands for itself (C2SP tlog-proof): the entry, its place
/// and the signed checkpoint. Whoever has it and the log's key needs nothing else.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["index", "id", "subjects", "check"]),
    after_help = "\
Examples:
  zollhaus log prove --index 412 > 412.tlog-proof
  zollhaus log prove --subject 5f0c4f2be3b1d7a4a1c29be0d3f6e871 --out proofs
  zollhaus log prove --check proofs/412.tlog-proof --key zollhaus.example/one+8c51d3f3+AT8D…"
)]
pub struct Prove {
    #[command(flatten)]
    place: Place,
    /// Prove the entry at this index
    #[arg(long, value_name = "INDEX")]
    index: Option<u64>,
    /// Prove the entries of a request: its transfer, outcome and refusals
    #[arg(long, value_name = "ID", value_parser = entry_id)]
    id: Option<EntryId>,
    /// Prove the entries about a data subject: its pseudonym in the log; give it again for
    /// further ones, which `zollhaus consent list` shows
    #[arg(long = "subject", value_name = "PSEUDONYM", value_parser = subject)]
    subjects: Vec<SubjectId>,
    /// Write each proof to a file `<index>.tlog-proof` in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    out: Option<PathBuf>,
    /// Check proofs; needs a key and no log
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "keys")]
    check: Vec<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

impl Prove {
    pub fn execute(self) -> anyhow::Result<Finding> {
        if !self.check.is_empty() {
            return self.check_all();
        }
        let directory = self.place.open()?;
        let mut indices = Vec::from_iter(self.index);
        let mut found = Finding::Sound;
        if indices.is_empty() {
            let mut wants = |entry: &Entry| self.wants(entry);
            found = each(&directory, &mut wants, false, |index, _| {
                indices.push(index);
                Ok(())
            })?;
        }
        anyhow::ensure!(!indices.is_empty(), "there is no such entry in the log");
        match (&self.out, indices.as_slice()) {
            (Some(folder), _) => write_all(&directory, &indices, folder)?,
            (None, [index]) => {
                print::line(read::prove(&directory, *index)?.to_string().trim_end())?;
            }
            (None, many) => {
                anyhow::bail!("there are {} such entries: name a folder with `--out`", many.len())
            }
        }
        Ok(found)
    }

    fn wants(&self, entry: &Entry) -> bool {
        let id = match entry {
            Entry::Transfer(entry) => entry.id,
            Entry::Outcome(entry) => entry.id,
            Entry::Refused(entry) => entry.id,
            Entry::KeyChange(_) => return false,
        };
        let subjects = entry.subjects();
        self.id == Some(id) || self.subjects.iter().any(|subject| subjects.contains(subject))
    }

    fn check_all(&self) -> anyhow::Result<Finding> {
        let mut worst = Finding::Sound;
        for path in &self.check {
            let found = self.check(path)?;
            if worst == Finding::Sound || found == Finding::NotVerified {
                worst = found;
            }
        }
        Ok(worst)
    }

    fn check(&self, path: &Path) -> anyhow::Result<Finding> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("`{}` cannot be read", path.display()))?;
        let origin = self.trust.origin()?;
        let checked = text.parse::<EntryProof>().and_then(|proof| {
            let checkpoint = proof.verify(origin, &self.trust.keys, &self.trust.witnesses)?;
            Ok((proof, checkpoint))
        });
        let (proof, checkpoint) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                let error = anyhow::Error::new(error);
                print::error(&error.context(format!("`{}` proves nothing", path.display())));
                return Ok(Finding::NotVerified);
            }
        };
        let EntryProof { index, entry, .. } = &proof;
        print::line(format!(
            "proven: entry {index} of `{}`, by its checkpoint of {} entries",
            checkpoint.origin, checkpoint.size
        ))?;
        match parse_entry(entry) {
            Err(EntryError::NotAnEntry) => {
                print::note(format!("error: what is logged as entry {index} is not an entry"));
                Ok(Finding::NotVerified)
            }
            Err(EntryError::Unsupported { .. }) => {
                print::line(line(*index, entry, false)?)?;
                Ok(Finding::Unsupported)
            }
            Ok(_) => {
                print::line(line(*index, entry, false)?)?;
                Ok(Finding::Sound)
            }
        }
    }
}

fn write_all(directory: &LogDirectory, indices: &[u64], folder: &Path) -> anyhow::Result<()> {
    let context = || format!("`{}` cannot be written", folder.display());
    fs::create_dir_all(folder).with_context(context)?;
    let mut written = 0;
    for index in indices {
        match read::prove(directory, *index) {
            Ok(proof) => {
                let path = folder.join(format!("{index}.tlog-proof"));
                fs::write(path, proof.to_string()).with_context(context)?;
                written += 1;
            }
            Err(error @ ProveError::NotSigned { .. }) => print::note(format!("warning: {error}")),
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::ensure!(written > 0, "nothing is proven: wait until a checkpoint is signed");
    print::line(format!("{written} proofs are in {}", folder.display()))
}
