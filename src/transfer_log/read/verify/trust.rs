// SPDX-License-Identifier: Apache-2.0

use super::{Damage, LogDirectory, NoteFile, VerifyError, VerifyOptions};
use crate::transfer_log::Checkpoint;
use crate::transfer_log::merkle::Hash;
use crate::transfer_log::note::{KeyKind, NoteError, SignedNote, VerifierKey};

/// Whose signatures count.
pub(super) struct Trust<'a> {
    given: &'a [VerifierKey],
    origin: &'a str,
    /// Keys named by `key_change` entries, with the indices of these.
    announced: Vec<(u64, VerifierKey)>,
    /// A trusted key signed the tree of so many entries.
    believed: u64,
}

/// A checkpoint of this log, by its own words.
pub(super) struct Signed {
    file: NoteFile,
    note: SignedNote,
    pub(super) checkpoint: Checkpoint,
}

/// A key by its text, and when it signed if it is that of a witness.
type SignedBy = (String, Option<u64>);

impl<'a> Trust<'a> {
    pub(super) fn new(options: &'a VerifyOptions) -> Result<Self, VerifyError> {
        let first = options.keys.first().ok_or(VerifyError::NoKey)?;
        let origin = options.origin.as_deref().unwrap_or(first.name());
        Ok(Self { given: &options.keys, origin, announced: Vec::new(), believed: 0 })
    }

    /// A checkpoint that must be there and be of this log; who signed it is open.
    pub(super) fn read(
        &self,
        file: NoteFile,
        note: Option<SignedNote>,
    ) -> Result<Signed, VerifyError> {
        let note = note.ok_or(Damage::NoCheckpoint { file })?;
        let checkpoint: Result<Checkpoint, _> = note.text().parse();
        let checkpoint = checkpoint.map_err(|_| Damage::NotACheckpoint { file })?;
        if checkpoint.origin != self.origin {
            let (found, expected) = (checkpoint.origin, self.origin.to_owned());
            return Err(Damage::Origin { file, found, expected }.into());
        }
        match file {
            NoteFile::Kept(size) if size != checkpoint.size => Err(Damage::Size { file }.into()),
            _ => Ok(Signed { file, note, checkpoint }),
        }
    }

    /// `None` if it is gone since it was listed: a log in use keeps only some.
    pub(super) fn read_kept(
        &self,
        directory: &LogDirectory,
        size: u64,
    ) -> Result<Option<Signed>, VerifyError> {
        let note = directory.earlier_checkpoint(size)?;
        note.map(|note| self.read(NoteFile::Kept(size), Some(note))).transpose()
    }

    /// Who of those that are trusted by now signed it; `None` if nobody did.
    pub(super) fn signers(&self, signed: &Signed) -> Result<Option<Vec<SignedBy>>, VerifyError> {
        let size = signed.checkpoint.size;
        let announced = self.announced.iter().filter(|(index, _)| *index < self.believed.min(size));
        let keys = self.given.iter().chain(announced.map(|(_, key)| key));
        match signed.verify(keys) {
            Err(Damage::Note { problem: NoteError::UnknownKeys, .. }) => Ok(None),
            signers => Ok(Some(signers?)),
        }
    }

    /// An entry names a key. One of another name, or of a witness, is not the log's.
    pub(super) fn announce(&mut self, index: u64, key: VerifierKey) {
        let is_of_log = key.name() == self.origin && key.kind() == KeyKind::Note;
        if is_of_log && !self.given.contains(&key) {
            self.announced.push((index, key));
        }
    }

    /// What the first `size` entries announce is to be trusted.
    pub(super) fn believe(&mut self, size: u64) {
        self.believed = self.believed.max(size);
    }

    pub(super) fn announced(&self) -> impl Iterator<Item = &VerifierKey> {
        self.announced.iter().map(|(_, key)| key)
    }
}

impl Signed {
    /// `agreed`: up to there the log is known to be as it was.
    pub(super) fn check_root(&self, root: Hash, agreed: u64) -> Result<(), Damage> {
        let size = self.checkpoint.size;
        match self.file {
            _ if root == self.checkpoint.root => Ok(()),
            NoteFile::Older => Err(Damage::Forked { size }),
            file => Err(Damage::Root { file, entries: agreed.min(size)..size }),
        }
    }

    pub(super) const fn unknown_keys(&self) -> Damage {
        Damage::Note { file: self.file, problem: NoteError::UnknownKeys }
    }

    /// All of these witnesses must have signed it.
    pub(super) fn cosigned_by(&self, witnesses: &[VerifierKey]) -> Result<Vec<SignedBy>, Damage> {
        let cosigned = witnesses.iter().map(|witness| {
            self.verify([witness]).map_err(|damage| match damage {
                Damage::Note { problem: NoteError::UnknownKeys, .. } => {
                    Damage::NotCosigned { witness: witness.name().to_owned() }
                }
                damage => damage,
            })
        });
        Ok(cosigned.collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Vec<SignedBy>, Damage> {
        let signers = self.note.verify(keys);
        let signers = signers.map_err(|problem| Damage::Note { file: self.file, problem })?;
        Ok(signers.into_iter().map(|by| (by.key.to_string(), by.time)).collect())
    }
}
