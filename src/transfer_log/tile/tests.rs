// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    BundleReader, EntryTooLong, MAX_ENTRY_BYTES, RightEdge, TileHashes, TileId, TileKind,
    TileSource, TornBundle, push_entry, tile_bytes, tile_hashes,
};
use crate::transfer_log::merkle::tests::Leaves;
use crate::transfer_log::merkle::{Hash, TreeError, prove_consistency, prove_inclusion, root_of};

#[test]
fn a_tile_is_named_as_the_specification_says() {
    let check = |id: TileId, path: &str| {
        assert_eq!(id.to_string(), path);
        assert_eq!(path.parse(), Ok(id));
    };
    let in_tree = |kind, index, size| TileId::in_tree(kind, index, size).unwrap();
    check(TileId::full(TileKind::Hashes(0), 1_234_067), "tile/0/x001/x234/067");
    check(TileId::full(TileKind::Entries, 0), "tile/entries/000");
    check(TileId::full(TileKind::Hashes(7), 1000), "tile/7/x001/000");
    // The example of the specification: a tree of 70,000.
    check(in_tree(TileKind::Hashes(0), 272, 70_000), "tile/0/272");
    check(in_tree(TileKind::Hashes(0), 273, 70_000), "tile/0/273.p/112");
    check(in_tree(TileKind::Hashes(1), 1, 70_000), "tile/1/001.p/17");
    check(in_tree(TileKind::Hashes(2), 0, 70_000), "tile/2/000.p/1");
    check(in_tree(TileKind::Entries, 273, 70_000), "tile/entries/273.p/112");
    assert_eq!(TileId::in_tree(TileKind::Hashes(0), 274, 70_000), None);
    assert_eq!(TileId::in_tree(TileKind::Hashes(3), 0, 70_000), None);
    assert_eq!(TileId::in_tree(TileKind::Hashes(0), 1, 256), None);
    assert_eq!(TileId::in_tree(TileKind::Hashes(0), u64::MAX, u64::MAX), None);
}

#[test]
fn another_spelling_names_no_tile() {
    for path in [
        "tile/0/0",
        "tile/00/000",
        "tile/8/000",
        "tile/x/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/xx01/002",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/+1",
        "tile/0/000/",
        "tile/0/000.p/12/1",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "/tile/0/000",
        "tile/0/../000",
    ] {
        assert!(path.parse::<TileId>().is_err(), "{path}");
    }
}

#[test]
fn a_bundle_gives_back_its_entries_and_says_when_it_is_torn() {
    let longest = vec![b'x'; MAX_ENTRY_BYTES];
    let entries = [b"{}".as_slice(), b"", &longest];
    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry).unwrap();
    }
    assert!(BundleReader::new(&bundle).eq(entries.map(Ok)));
    let too_long = EntryTooLong { length: MAX_ENTRY_BYTES + 1 };
    let length = bundle.len();
    assert_eq!(push_entry(&mut bundle, &vec![0; MAX_ENTRY_BYTES + 1]), Err(too_long));
    assert_eq!(bundle.len(), length);
    for end in [1, 3, bundle.len() - 1] {
        let read: Vec<_> = BundleReader::new(&bundle[..end]).collect();
        assert_eq!(read.last(), Some(&Err(TornBundle)), "{end}");
    }
}

/// Tiles by path, as they would lie on a disk.
#[derive(Default)]
struct Tiles(BTreeMap<String, Vec<u8>>);

impl Tiles {
    fn put(&mut self, id: TileId, hashes: &[Hash]) {
        assert_eq!(hashes.len(), id.width());
        self.0.insert(id.to_string(), tile_bytes(hashes));
    }
}

impl TileSource for &Tiles {
    type Error = String;

    fn tile(&mut self, id: TileId) -> Result<Vec<Hash>, String> {
        let bytes = self.0.get(&id.to_string()).ok_or_else(|| id.to_string())?;
        Ok(tile_hashes(bytes).unwrap())
    }
}

/// All tiles of a tree, and its edge, grown in two steps.
fn grow(tree: &Leaves, first: usize) -> (Tiles, RightEdge) {
    let mut tiles = Tiles::default();
    let mut edge = RightEdge::new();
    for (start, end) in [(0, first), (first, tree.0.len())] {
        for leaf in &tree.0[start..end] {
            for (id, hashes) in edge.push(*leaf) {
                tiles.put(id, &hashes);
            }
        }
        for (id, hashes) in edge.partial_tiles() {
            tiles.put(id, hashes);
        }
        let resumed = RightEdge::resume(&mut &tiles, edge.size()).unwrap();
        assert_eq!((resumed.root(), resumed.size()), (edge.root(), edge.size()));
        edge = resumed;
    }
    (tiles, edge)
}

#[test]
fn a_tree_of_70_000_has_the_tiles_that_the_specification_names() {
    let tree = Leaves::numbered(70_000);
    let (tiles, edge) = grow(&tree, 70_000);
    let full = tiles.0.keys().filter(|path| !path.contains(".p/"));
    assert_eq!(full.count(), 273 + 1);
    let partial: Vec<_> = edge.partial_tiles().map(|(id, _)| id.to_string()).collect();
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(edge.root(), root_of(&tree.0));
}

#[test]
fn a_missing_or_short_tile_is_an_error() {
    let (mut tiles, _) = grow(&Leaves::numbered(300), 300);
    let mut hashes = TileHashes::new(&tiles, 300);
    assert_eq!(prove_inclusion(&mut hashes, 0, 302), Err(TreeError::Outside));
    tiles.0.insert("tile/0/001.p/44".to_owned(), vec![0; 32]);
    let mut hashes = TileHashes::new(&tiles, 300);
    assert_eq!(prove_inclusion(&mut hashes, 299, 300), Err(TreeError::Outside));
    assert!(RightEdge::resume(&mut &tiles, 300).is_err());
    tiles.0.remove("tile/0/000");
    let missing = TreeError::Source("tile/0/000".to_owned());
    let mut hashes = TileHashes::new(&tiles, 300);
    assert_eq!(prove_inclusion(&mut hashes, 5, 300), Err(missing));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn tiles_give_the_proofs_that_the_leaves_give(
        (size, first, index) in (1_u64..1500).prop_flat_map(|size| (Just(size), 1..=size, 0..size)),
    ) {
        let mut tree = Leaves::numbered(size);
        let (tiles, edge) = grow(&tree, first as usize);
        prop_assert_eq!(edge.root(), root_of(&tree.0));
        let mut hashes = TileHashes::new(&tiles, size);
        prop_assert_eq!(
            prove_inclusion(&mut hashes, index, size).unwrap(),
            prove_inclusion(&mut tree, index, size).unwrap()
        );
        prop_assert_eq!(
            prove_consistency(&mut hashes, first, size).unwrap(),
            prove_consistency(&mut tree, first, size).unwrap()
        );
    }
}
