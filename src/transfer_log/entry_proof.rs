// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Checkpoint;
use super::checkpoint::decimal;
use super::merkle::{Hash, leaf_hash, verify_inclusion};
use super::note::{NoteError, SignedNote, VerifierKey};

/// An entry with all that shows that it is in the log; as text a C2SP tlog-proof, with
/// the entry itself as its extra data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProof {
    /// The bytes that are in the tree.
    pub entry: Vec<u8>,
    pub index: u64,
    /// From the sibling of the entry's hash to the child of the root.
    pub hashes: Vec<Hash>,
    pub checkpoint: SignedNote,
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryProofError {
    #[error("it is not a proof of an entry")]
    Malformed,
    #[error("its checkpoint: {0}")]
    Checkpoint(NoteError),
    #[error("its checkpoint is not signed by the witness `{witness}`")]
    NotCosigned { witness: String },
    #[error("it is of the log `{found}`, not of `{expected}`")]
    Origin { found: String, expected: String },
    #[error("the entry is not the one at index {index} in the tree of the checkpoint")]
    NotIncluded { index: u64 },
}

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

impl EntryProof {
    /// Shows that the entry is in the tree of the checkpoint, that the checkpoint is of
    /// the log `origin` and signed by one of its `keys`, and by all `witnesses`.
    ///
    /// # Errors
    /// What is not so.
    pub fn verify(
        &self,
        origin: &str,
        keys: &[VerifierKey],
        witnesses: &[VerifierKey],
    ) -> Result<Checkpoint, EntryProofError> {
        self.checkpoint.verify(keys).map_err(EntryProofError::Checkpoint)?;
        for witness in witnesses {
            self.checkpoint.verify([witness]).map_err(|error| match error {
                NoteError::UnknownKeys => {
                    EntryProofError::NotCosigned { witness: witness.name().to_owned() }
                }
                error => EntryProofError::Checkpoint(error),
            })?;
        }
        let checkpoint: Result<Checkpoint, _> = self.checkpoint.text().parse();
        let checkpoint = checkpoint.map_err(|_| EntryProofError::Malformed)?;
        if checkpoint.origin != origin {
            let (found, expected) = (checkpoint.origin, origin.to_owned());
            return Err(EntryProofError::Origin { found, expected });
        }
        let leaf = leaf_hash(&self.entry);
        verify_inclusion(&leaf, self.index, checkpoint.size, &self.hashes, &checkpoint.root)
            .map_err(|_| EntryProofError::NotIncluded { index: self.index })?;
        Ok(checkpoint)
    }
}

impl fmt::Display for EntryProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nextra {}\nindex {}", STANDARD.encode(&self.entry), self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for EntryProof {
    type Err = EntryProofError;

    fn from_str(text: &str) -> Result<Self, EntryProofError> {
        read(text).ok_or(EntryProofError::Malformed)
    }
}

fn read(text: &str) -> Option<EntryProof> {
    let (head, checkpoint) = text.split_once("\n\n")?;
    let mut lines = head.split('\n');
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let entry = STANDARD.decode(lines.next()?.strip_prefix("extra ")?).ok()?;
    let index = decimal(lines.next()?.strip_prefix("index ")?)?;
    let hashes = lines.map(str::parse).collect::<Result<_, _>>().ok()?;
    Some(EntryProof { entry, index, hashes, checkpoint: checkpoint.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::{EntryProof, EntryProofError};
    use crate::transfer_log::Checkpoint;
    use crate::transfer_log::merkle::{leaf_hash, prove_inclusion, root_of, tests::Leaves};
    use crate::transfer_log::note::{NoteError, SignerKey};

    #[test]
    fn a_proof_is_read_as_it_is_written_and_nothing_in_it_can_be_changed() {
        let key = SignerKey::new("log", &[1; 32]).unwrap();
        let mut tree = Leaves::numbered(11);
        tree.0[6] = leaf_hash(b"{}");
        let root = root_of(&tree.0);
        let checkpoint = Checkpoint { origin: "log".into(), size: 11, root, extensions: vec![] };
        let proof = EntryProof {
            entry: b"{}".to_vec(),
            index: 6,
            hashes: prove_inclusion(&mut tree, 6, 11).unwrap(),
            checkpoint: checkpoint.sign(&[&key]).unwrap(),
        };
        let text = proof.to_string();
        let read: EntryProof = text.parse().unwrap();
        assert_eq!(read, proof);
        let keys = [key.verifier().clone()];
        assert_eq!(read.verify("log", &keys, &[]), Ok(checkpoint));

        let other = SignerKey::new("log", &[2; 32]).unwrap().verifier().clone();
        let expected = EntryProofError::Checkpoint(NoteError::UnknownKeys);
        assert_eq!(read.verify("log", std::slice::from_ref(&other), &[]), Err(expected));
        let expected = EntryProofError::NotCosigned { witness: "log".to_owned() };
        assert_eq!(read.verify("log", &keys, &[other]), Err(expected));
        let expected = EntryProofError::Origin { found: "log".into(), expected: "other".into() };
        assert_eq!(read.verify("other", &keys, &[]), Err(expected));

        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            let read = String::from_utf8(changed).ok().and_then(|text| text.parse().ok());
            let shown =
                read.is_some_and(|proof: EntryProof| proof.verify("log", &keys, &[]).is_ok());
            assert!(!shown, "a change of byte {at} was not noticed");
        }
        for end in 0..text.len() {
            let read = text.get(..end).map(str::parse::<EntryProof>);
            assert!(!matches!(read, Some(Ok(_))), "a cut after {end} bytes was not noticed");
        }
    }
}
