// SPDX-License-Identifier: Apache-2.0

use super::{Hash, HashSource, TreeError, node_hash};

/// The proof shows nothing: it does not lead to the root that it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct InvalidProof;

/// That leaf `index` is in the tree of the first `size` leaves (RFC 6962, 2.1.1):
/// from the sibling of the leaf to the child of the root.
///
/// # Errors
/// [`TreeError::Outside`] if the tree has no such leaf; those of the source.
pub fn prove_inclusion<S: HashSource>(
    source: &mut S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, TreeError<S::Error>> {
    if index >= size {
        return Err(TreeError::Outside);
    }
    let mut proof = Vec::new();
    include(source, index, Span { start: 0, end: size }, &mut proof)?;
    Ok(proof)
}

/// That the tree of the first `old` leaves is the beginning of that of the first
/// `new` (RFC 6962, 2.1.2).
///
/// # Errors
/// [`TreeError::Outside`] unless 0 < `old` ≤ `new`: of the empty tree there is
/// nothing to show. Those of the source.
pub fn prove_consistency<S: HashSource>(
    source: &mut S,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, TreeError<S::Error>> {
    if old == 0 || old > new {
        return Err(TreeError::Outside);
    }
    let mut proof = Vec::new();
    extend(source, old, Span { start: 0, end: new }, &mut proof)?;
    Ok(proof)
}

/// RFC 9162, 2.1.3.2.
///
/// # Errors
/// [`InvalidProof`], also for an index outside the tree and for hashes that are
/// missing or left over.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), InvalidProof> {
    let mut climb = Climb { at: index, last: size.checked_sub(1).ok_or(InvalidProof)? };
    if climb.at > climb.last {
        return Err(InvalidProof);
    }
    let mut hash = *leaf;
    for sibling in proof {
        hash = match climb.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    if climb.last == 0 && hash == *root { Ok(()) } else { Err(InvalidProof) }
}

/// RFC 9162, 2.1.4.2.
///
/// # Errors
/// [`InvalidProof`], also for sizes that no proof is about and for hashes that are
/// missing or left over.
pub fn verify_consistency(
    (old_size, old_root): (u64, &Hash),
    (new_size, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), InvalidProof> {
    if old_size == 0 || old_size > new_size {
        return Err(InvalidProof);
    }
    if old_size == new_size {
        let is_same = proof.is_empty() && old_root == new_root;
        return if is_same { Ok(()) } else { Err(InvalidProof) };
    }
    // The old tree's last complete subtree: it is the old tree itself, or comes first
    // in the proof.
    let (first, siblings) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(InvalidProof)?
    };
    let mut climb = Climb { at: old_size - 1, last: new_size - 1 };
    climb.skip(climb.at.trailing_ones());
    let (mut old, mut new) = (*first, *first);
    for sibling in siblings {
        match climb.step()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    let is_proven = climb.last == 0 && old == *old_root && new == *new_root;
    if is_proven { Ok(()) } else { Err(InvalidProof) }
}

/// The way from a node to the root: its index and that of the last node of its level.
struct Climb {
    at: u64,
    last: u64,
}

/// Where the sibling stands.
enum Side {
    Left,
    Right,
}

impl Climb {
    /// Goes to the parent, past levels at which a node on the right edge has no
    /// sibling.
    fn step(&mut self) -> Result<Side, InvalidProof> {
        if self.last == 0 {
            return Err(InvalidProof);
        }
        let is_right_child = self.at & 1 == 1;
        let side = if is_right_child || self.at == self.last { Side::Left } else { Side::Right };
        if !is_right_child && self.at == self.last {
            self.skip(self.at.trailing_zeros());
        }
        self.skip(1);
        Ok(side)
    }

    fn skip(&mut self, levels: u32) {
        self.at = self.at.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }
}

/// The leaves of one subtree: a complete one, or one on the right edge.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// Its left child is the largest complete subtree that is smaller than it.
    fn children(self) -> (Self, Self) {
        let left = (self.end - self.start).next_power_of_two() / 2;
        let middle = self.start + left;
        (Self { end: middle, ..self }, Self { start: middle, ..self })
    }

    fn hash<S: HashSource>(self, source: &mut S) -> Result<Hash, TreeError<S::Error>> {
        let size = self.end - self.start;
        if size.is_power_of_two() {
            let level = size.trailing_zeros() as u8;
            return source.node(level, self.start >> level);
        }
        let (left, right) = self.children();
        Ok(node_hash(&left.hash(source)?, &right.hash(source)?))
    }
}

/// PATH of RFC 6962.
fn include<S: HashSource>(
    source: &mut S,
    index: u64,
    span: Span,
    proof: &mut Vec<Hash>,
) -> Result<(), TreeError<S::Error>> {
    if span.end - span.start == 1 {
        return Ok(());
    }
    let (left, right) = span.children();
    let (own, sibling) = if index < left.end { (left, right) } else { (right, left) };
    include(source, index, own, proof)?;
    proof.push(sibling.hash(source)?);
    Ok(())
}

/// SUBPROOF of RFC 6962.
fn extend<S: HashSource>(
    source: &mut S,
    old: u64,
    span: Span,
    proof: &mut Vec<Hash>,
) -> Result<(), TreeError<S::Error>> {
    if span.end == old {
        // Whoever asks knows the root of the old tree.
        if span.start > 0 {
            proof.push(span.hash(source)?);
        }
        return Ok(());
    }
    let (left, right) = span.children();
    let (own, sibling) = if old <= left.end { (left, right) } else { (right, left) };
    extend(source, old, own, proof)?;
    proof.push(sibling.hash(source)?);
    Ok(())
}
