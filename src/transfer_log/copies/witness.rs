// SPDX-License-Identifier: Apache-2.0
//! C2SP tlog-witness: `add-checkpoint`.

use std::fmt::Write;

use http::{Method, StatusCode};

use super::remote::{Remote, RemoteError, RemoteSettings};
use crate::transfer_log::Checkpoint;
use crate::transfer_log::merkle::prove_consistency;
use crate::transfer_log::note::{Signature, SignedNote, VerifierKey};
use crate::transfer_log::tile::TileHashes;
use crate::transfer_log::tile_files::TileFiles;
use crate::upstream::UpstreamSetupError;

/// Who confirms that the log only grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessSettings {
    pub key: VerifierKey,
    /// Its submission prefix.
    pub remote: RemoteSettings,
}

#[derive(Debug)]
pub(super) struct Witness {
    key: VerifierKey,
    remote: Remote,
    /// How many entries the checkpoint covers that it has signed last.
    seen: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("it says that it has seen {seen} entries of this log, which covers {size}")]
    SawMore { seen: u64, size: u64 },
    #[error("it cannot be proven that the log continues its first {seen} entries")]
    NoProof { seen: u64 },
    #[error("its answer holds no signature of its key")]
    NotSigned,
}

impl Witness {
    pub(super) fn new(settings: &WitnessSettings) -> Result<Self, UpstreamSetupError> {
        let WitnessSettings { key, remote } = settings;
        Ok(Self { key: key.clone(), remote: Remote::new(remote)?, seen: 0 })
    }

    pub(super) fn name(&self) -> &str {
        self.key.name()
    }

    /// Its signatures on a checkpoint.
    pub(super) async fn cosign(
        &mut self,
        files: &TileFiles,
        note: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Signature>, WitnessError> {
        // It says where it stands, if it is not where we think.
        for _ in 0..2 {
            let request = self.request(files, note, checkpoint.size)?;
            let answer = self.remote.send(Method::POST, "/add-checkpoint", request).await?;
            match answer {
                (StatusCode::OK, signatures) => {
                    let signatures = self.verified(note, &signatures)?;
                    self.seen = checkpoint.size;
                    return Ok(signatures);
                }
                (StatusCode::CONFLICT, size) => {
                    let seen = size.strip_suffix('\n').and_then(|size| size.parse().ok());
                    self.seen = seen.ok_or(RemoteError::Answer)?;
                }
                (status, _) => return Err(RemoteError::Status(status).into()),
            }
        }
        Err(RemoteError::Status(StatusCode::CONFLICT).into())
    }

    fn request(
        &mut self,
        files: &TileFiles,
        note: &SignedNote,
        size: u64,
    ) -> Result<String, WitnessError> {
        let seen = self.seen;
        if seen > size {
            // It is asked anew next time.
            self.seen = 0;
            return Err(WitnessError::SawMore { seen, size });
        }
        let mut request = format!("old {seen}\n");
        if seen > 0 {
            let proof = prove_consistency(&mut TileHashes::new(files, size), seen, size);
            for hash in proof.map_err(|_| WitnessError::NoProof { seen })? {
                // Writing to a string does not fail.
                let _ = writeln!(request, "{hash}");
            }
        }
        Ok(format!("{request}\n{note}"))
    }

    /// Those of the lines that are right signatures of its key.
    fn verified(&self, note: &SignedNote, lines: &str) -> Result<Vec<Signature>, WitnessError> {
        let is_right = |signature: &Signature| {
            SignedNote::sign(note.text().to_owned(), &[]).is_ok_and(|mut alone| {
                alone.push(signature.clone());
                alone.verify([&self.key]).is_ok()
            })
        };
        let signatures = lines.lines().filter_map(|line| line.parse().ok());
        let signatures: Vec<Signature> = signatures.filter(is_right).collect();
        if signatures.is_empty() { Err(WitnessError::NotSigned) } else { Ok(signatures) }
    }
}
