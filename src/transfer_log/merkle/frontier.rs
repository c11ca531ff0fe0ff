// SPDX-License-Identifier: Apache-2.0

use super::{Hash, HashSource, TreeError, node_hash};

/// What has to be known of a tree to append to it: the roots of the largest complete
/// subtrees that it consists of, from the left. At most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One for each bit that is set in `size`, from the highest.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// That of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// That of the tree of the first `size` leaves.
    ///
    /// # Errors
    /// Those of the source.
    pub fn resume<S: HashSource>(source: &mut S, size: u64) -> Result<Self, TreeError<S::Error>> {
        let levels = (0..u64::BITS as u8).rev().filter(|level| size >> level & 1 == 1);
        let peaks = levels.map(|level| source.node(level, (size >> level) - 1));
        Ok(Self { size, peaks: peaks.collect::<Result<_, _>>()? })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf. `completed` is told each node that is now final, from the leaf
    /// upwards: level, index and hash.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(u8, u64, Hash)) {
        completed(0, self.size, leaf);
        let mut hash = leaf;
        for level in 1..=self.size.trailing_ones() as u8 {
            #[expect(clippy::expect_used, reason = "every bit that is set has its peak")]
            let left = self.peaks.pop().expect("a peak");
            hash = node_hash(&left, &hash);
            completed(level, self.size >> level, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let peaks = self.peaks.iter().rev().copied();
        peaks.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(Hash::of_empty_tree)
    }
}
