// SPDX-License-Identifier: Apache-2.0
//! The Merkle tree over the entries: RFC 6962 section 2.1, and RFC 9162 section 2.1
//! for how proofs are verified.
//!
//! A node is named by its level and its index in that level: node (l, i) is the hash
//! of the 2^l leaves from i · 2^l. Only complete subtrees have a node; those on the
//! right edge of the tree are put together when they are needed. Nothing here knows
//! where hashes are kept: that is a [`HashSource`].

mod frontier;
mod proof;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub use frontier::Frontier;
pub use proof::{
    InvalidProof, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};

/// A SHA-256 hash; as text in base64, as checkpoints have it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; Hash::BYTES]);

impl Hash {
    pub const BYTES: usize = 32;

    /// The root of the tree without leaves: the hash of no bytes.
    pub fn of_empty_tree() -> Self {
        Self(Sha256::digest([]).into())
    }
}

/// Not 32 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of 32 bytes in base64")]
pub struct InvalidHash;

impl FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidHash)?;
        bytes.try_into().map(Self).map_err(|_| InvalidHash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an entry is in the tree. The first byte keeps leaves and inner nodes apart.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([1])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The root of the tree whose leaves have these hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(*leaf, |_, _, _| {});
    }
    frontier.root()
}

/// Where the hashes of complete subtrees come from.
pub trait HashSource {
    type Error;

    /// Node (`level`, `index`).
    ///
    /// # Errors
    /// [`TreeError::Outside`] for a node that the tree does not have.
    fn node(&mut self, level: u8, index: u64) -> Result<Hash, TreeError<Self::Error>>;
}

/// Why a hash or a proof cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    #[error("the tree is not large enough")]
    Outside,
    #[error(transparent)]
    Source(E),
}
