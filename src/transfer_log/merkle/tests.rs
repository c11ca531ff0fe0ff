// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;

use proptest::prelude::*;
use serde_json::Value;

use super::{
    Frontier, Hash, HashSource, TreeError, leaf_hash, node_hash, prove_consistency,
    prove_inclusion, root_of, verify_consistency, verify_inclusion,
};
use crate::base::read_hex;
use crate::testkit::{report, shared};

/// A tree in memory, by its leaves.
pub(in super::super) struct Leaves(pub Vec<Hash>);

impl Leaves {
    pub(in super::super) fn numbered(count: u64) -> Self {
        Self((0..count).map(|index| leaf_hash(format!("entry-{index}").as_bytes())).collect())
    }
}

impl HashSource for Leaves {
    type Error = Infallible;

    fn node(&mut self, level: u8, index: u64) -> Result<Hash, TreeError<Infallible>> {
        let start = usize::try_from(index << level).unwrap();
        let leaves = self.0.get(start..start + (1 << level));
        leaves.map(root_of).ok_or(TreeError::Outside)
    }
}

fn hash(value: &Value) -> Hash {
    let text = value.as_str().unwrap();
    text.parse().unwrap_or_else(|_| Hash(read_hex::<32, serde_json::Error>(text).unwrap()))
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    let list = value.as_array().cloned().unwrap_or_default();
    list.iter().map(|hash| hash.as_str()?.parse().ok()).collect()
}

/// What a case says must be; a hash of another length is refused when it is read.
fn check_transparency_dev(kind: &str, verify: impl Fn(&Value, &[Hash]) -> Option<()>) {
    let name = format!("vectors/merkle/transparency_dev_{kind}.json");
    let Some(text) = shared(&name) else { return };
    let set: Value = serde_json::from_slice(&text).unwrap();
    let cases = set["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 98);
    for case in cases {
        let is_right = hashes(&case["proof"]).and_then(|proof| verify(case, &proof)).is_some();
        assert_eq!(is_right, case["wantErr"] == false, "{}", case["name"]);
    }
    report(&format!("transparency-dev {kind}"), cases.len(), cases.len(), "");
}

#[test]
fn inclusion_proofs_of_others_are_judged_rightly() {
    check_transparency_dev("inclusion", |case, proof| {
        let leaf = case["leafHash"].as_str()?.parse().ok()?;
        let root = case["root"].as_str()?.parse().ok()?;
        let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
        verify_inclusion(&leaf, index, size, proof, &root).ok()
    });
}

#[test]
fn consistency_proofs_of_others_are_judged_rightly() {
    check_transparency_dev("consistency", |case, proof| {
        let (old, new) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
        // Some roots are no hashes: whether they are the same still counts.
        let root = |name| case[name].as_str().map(|text| leaf_hash(text.as_bytes()));
        let real = |name| case[name].as_str().and_then(|text| text.parse().ok()).or(root(name));
        let (old_root, new_root) = (real("root1")?, real("root2")?);
        verify_consistency((old, &old_root), (new, &new_root), proof).ok()
    });
}

#[test]
fn reference_trees_give_the_same_roots_and_proofs() {
    let Some(text) = shared("vectors/merkle/rfc6962_reference_trees.json") else { return };
    let set: Value = serde_json::from_slice(&text).unwrap();
    let known = &set["hash_constants"];
    assert_eq!(Hash::of_empty_tree(), hash(&known["empty_root"]));
    assert_eq!(leaf_hash(b""), hash(&known["empty_leaf"]));
    assert_eq!(leaf_hash(b"L123456"), hash(&known["leaf_L123456"]));

    let eight = set["ct8"]["leaves_hex"].as_array().unwrap().iter().map(|leaf| {
        let digits = leaf.as_str().unwrap().as_bytes().chunks(2);
        let bytes = digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap());
        leaf_hash(&bytes.collect::<Vec<_>>())
    });
    let roots = set["ct8"]["roots"].as_array().unwrap().iter().enumerate();
    check_tree(&mut Leaves(eight.collect()), &set["ct8"], roots);
    let roots = set["seq1000"]["roots"].as_object().unwrap();
    let roots = roots.iter().map(|(size, root)| (size.parse().unwrap(), root));
    check_tree(&mut Leaves::numbered(1000), &set["seq1000"], roots);
}

fn check_tree<'a>(tree: &mut Leaves, set: &Value, roots: impl Iterator<Item = (usize, &'a Value)>) {
    let mut count = 0;
    for (size, root) in roots {
        assert_eq!(root_of(&tree.0[..size]), hash(root), "root {size}");
        assert_eq!(Frontier::resume(tree, size as u64).unwrap().root(), hash(root));
        count += 1;
    }
    let proof =
        |case: &Value| case["proof"].as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
    for case in set["inclusion"].as_array().unwrap() {
        let (index, size) = (case["leaf_index"].as_u64(), case["tree_size"].as_u64());
        let made = prove_inclusion(tree, index.unwrap(), size.unwrap()).unwrap();
        assert_eq!(made, proof(case), "{index:?} in {size:?}");
        count += 1;
    }
    for case in set["consistency"].as_array().unwrap() {
        let (old, new) = (case["old_size"].as_u64(), case["new_size"].as_u64());
        let made = prove_consistency(tree, old.unwrap(), new.unwrap()).unwrap();
        assert_eq!(made, proof(case), "{old:?} to {new:?}");
        count += 1;
    }
    report("RFC 6962 reference tree", count, count, "");
}

#[test]
fn a_node_is_not_a_leaf() {
    // LOG-021: a tree of two is not a tree of one whose entry is the two hashes.
    let (left, right) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let both = [left.0, right.0].concat();
    let root = node_hash(&left, &right);
    assert_ne!(leaf_hash(&both), root);
    assert!(verify_inclusion(&leaf_hash(&both), 0, 1, &[], &root).is_err());
}

#[test]
fn there_are_no_proofs_of_what_is_not_in_the_tree() {
    let tree = &mut Leaves::numbered(3);
    let outside = Err(TreeError::Outside);
    assert_eq!(prove_inclusion(tree, 0, 0), outside);
    assert_eq!(prove_inclusion(tree, 3, 3), outside);
    assert_eq!(prove_inclusion(tree, 1, 4), outside);
    assert_eq!(prove_consistency(tree, 0, 3), outside);
    assert_eq!(prove_consistency(tree, 3, 2), outside);
    assert_eq!(prove_consistency(tree, 3, 3), Ok(Vec::new()));
}

proptest! {
    /// LOG-022: nothing but the proof that was made will do.
    #[test]
    fn a_proof_holds_and_no_change_of_it_does(
        (size, old, index) in (1_u64..300).prop_flat_map(|size| (Just(size), 1..=size, 0..size)),
        (at, bit) in (any::<prop::sample::Index>(), 0_usize..256),
    ) {
        let tree = &mut Leaves::numbered(size);
        let (leaf, root) = (tree.0[index as usize], root_of(&tree.0));
        let old_root = root_of(&tree.0[..old as usize]);
        let included = |index, size, proof: &[Hash]| {
            verify_inclusion(&leaf, index, size, proof, &root).is_ok()
        };
        let consistent = |old, size, proof: &[Hash]| {
            verify_consistency((old, &old_root), (size, &root), proof).is_ok()
        };
        let inclusion = prove_inclusion(tree, index, size).unwrap();
        let consistency = prove_consistency(tree, old, size).unwrap();
        prop_assert!(included(index, size, &inclusion));
        prop_assert!(consistent(old, size, &consistency));

        let elsewhere = (0..size).filter(|other| *other != index);
        for other in elsewhere {
            prop_assert!(!included(other, size, &inclusion));
        }
        prop_assert!(!included(size, size, &inclusion));
        prop_assert!(!consistent(size + 1, size, &consistency));
        for changed in changes(&inclusion, at, bit) {
            prop_assert!(!included(index, size, &changed));
        }
        for changed in changes(&consistency, at, bit) {
            prop_assert!(!consistent(old, size, &changed));
        }
    }
}

/// The proof with a bit flipped, one hash less, and one hash more.
fn changes(proof: &[Hash], at: prop::sample::Index, bit: usize) -> Vec<Vec<Hash>> {
    let mut longer = proof.to_vec();
    longer.push(leaf_hash(b""));
    let mut changes = vec![longer];
    if !proof.is_empty() {
        let mut flipped = proof.to_vec();
        at.get_mut(&mut flipped).0[bit / 8] ^= 1 << (bit % 8);
        let mut shorter = proof.to_vec();
        shorter.remove(at.index(proof.len()));
        changes.extend([flipped, shorter]);
    }
    changes
}
