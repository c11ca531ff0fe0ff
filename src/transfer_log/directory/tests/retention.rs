// SPDX-License-Identifier: Apache-2.0
//! What goes when its time is over, and what does not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{DIRECTORY, House, NOW, Step, empty_disk, key, open, open_with, outcome};
use crate::base::Timestamp;
use crate::transfer_log::directory::Recovered;
use crate::transfer_log::disk::Disk;
use crate::transfer_log::integrate::Pruner;
use crate::transfer_log::journal::Lines;
use crate::transfer_log::tile::{TILE_WIDTH, TileId, TileKind};
use crate::transfer_log::tile_files::TileFiles;
use crate::transfer_log::{Entry, Outcome};

#[test]
fn bundles_go_when_all_their_entries_are_too_old() {
    let (disk, mut house) = (empty_disk(), House::default());
    let mut log = open(&disk).unwrap();
    for _ in 0..4 {
        assert!(house.play(&mut log, &[Step::Leave(150), Step::Return(150), Step::Integrate]));
    }
    let files = TileFiles::new(Arc::new(disk.clone()), Path::new(DIRECTORY));
    let left = || -> Vec<u64> {
        let has = |index: &u64| files.has(TileId::full(TileKind::Entries, *index)).unwrap();
        (0..5).filter(has).collect()
    };
    let day = 86_400_000;
    let at = |days: u64, millis: u64| {
        Timestamp::from_unix_millis(NOW.unix_millis() + days * day + millis)
    };
    let pruner = || Pruner::new(Duration::from_millis(30 * day), files.clone());
    let size = log.writer.next();
    pruner().prune(size, at(30, 0)).unwrap();
    assert_eq!(left(), [0, 1, 2, 3]);
    // Not all that are over at once: it fails in between, and goes on.
    disk.fail(15..1000);
    assert!(pruner().prune(size, at(30, 1)).is_err());
    disk.fail(0..0);
    assert!((1..4).contains(&left().len()));
    pruner().prune(size, at(30, 1)).unwrap();
    assert_eq!(left(), [0; 0]);
    // The log goes on, and what is left of it agrees.
    assert!(house.play(&mut log, &[Step::Leave(100), Step::Integrate]));
    drop(log);
    assert!(open(&disk).is_ok());
}

/// A log of full bundles, one for each of these times, and what is left of it.
struct Dated {
    log: Recovered,
    files: TileFiles,
}

impl Dated {
    fn new(times: &[u64]) -> Self {
        let disk = empty_disk();
        let mut log = open(&disk).unwrap();
        for (bundle, time) in (0_u128..).zip(times) {
            let time = Timestamp::from_unix_millis(*time);
            let entry = |number| match outcome(number) {
                Entry::Outcome(outcome) => Entry::Outcome(Outcome { time, ..outcome }),
                other => other,
            };
            let entries = (bundle * 256..(bundle + 1) * 256).map(entry).collect();
            let lines = Lines::of(entries).unwrap();
            log.writer.append(&lines.bytes, lines.count).unwrap();
        }
        let files = TileFiles::new(Arc::new(disk.clone()), Path::new(DIRECTORY));
        let mut dated = Self { log, files };
        dated.integrate();
        dated
    }

    fn integrate(&mut self) {
        self.log.integrator.integrate(self.log.writer.next()).unwrap();
    }

    fn pruner(&self, retention: u64) -> Pruner {
        Pruner::new(Duration::from_millis(retention), self.files.clone())
    }

    fn prune(&self, pruner: &mut Pruner, now: u64) -> Vec<u64> {
        pruner.prune(self.log.writer.next(), Timestamp::from_unix_millis(now)).unwrap();
        let has = |index: &u64| self.files.has(TileId::full(TileKind::Entries, *index)).unwrap();
        (0..self.log.writer.next() / TILE_WIDTH).filter(has).collect()
    }
}

const HOUR: u64 = 3_600_000;

#[test]
fn a_clock_that_was_wrong_for_a_while_does_not_keep_entries_for_good() {
    let dated = Dated::new(&[10 * HOUR, 9000 * HOUR, 9000 * HOUR, 20 * HOUR, 30 * HOUR]);
    let mut pruner = dated.pruner(HOUR);
    // What was written in between is as old as what stands behind it.
    assert_eq!(dated.prune(&mut pruner, 11 * HOUR + 1), [1, 2, 3, 4]);
    assert_eq!(dated.prune(&mut pruner, 19 * HOUR), [1, 2, 3, 4]);
    assert_eq!(dated.prune(&mut pruner, 21 * HOUR + 1), [4]);
    // Looked at while the clock was ahead, and again once it is right.
    let dated = Dated::new(&[10 * HOUR]);
    let mut pruner = dated.pruner(10_000 * HOUR);
    assert_eq!(dated.prune(&mut pruner, 10_009 * HOUR), [0]);
    assert_eq!(dated.prune(&mut pruner, 10_008 * HOUR), [0]);
    let mut pruner = dated.pruner(HOUR);
    assert_eq!(dated.prune(&mut pruner, 9 * HOUR), [0]);
    assert_eq!(dated.prune(&mut pruner, HOUR), [0]);
    assert_eq!(dated.prune(&mut pruner, 12 * HOUR), [0; 0]);
}

#[test]
fn nothing_of_a_bundle_stays_but_what_announces_a_key() {
    let disk = empty_disk();
    drop(open(&disk).unwrap());
    let mut house = House::default();
    let mut log = open_with(&disk, &[1]).unwrap();
    assert!(house.play(&mut log, &[Step::Leave(1), Step::Return(1), Step::Integrate]));
    // What a crash leaves of a tree that was never published.
    let left = Path::new(DIRECTORY).join("tile/entries/000.p/7");
    disk.put(&left, b"left behind");
    let mut log = open_with(&disk, &[1, 2]).unwrap();
    assert!(house.play(&mut log, &[Step::Integrate, Step::Leave(200), Step::Return(200)]));
    // The folder of partial bundles went when the bundle was full; a crash brings it back.
    assert!(house.step(&mut log, Step::Integrate));
    disk.make_folder(left.parent().unwrap()).unwrap();
    disk.put(&left, b"left behind");
    let files = TileFiles::new(Arc::new(disk.clone()), Path::new(DIRECTORY));
    let mut pruner = Pruner::new(Duration::from_millis(1), files);
    pruner.prune(log.writer.next(), Timestamp::from_unix_millis(NOW.unix_millis() + HOUR)).unwrap();
    let paths = disk.paths();
    assert!(!paths.iter().any(|path| path.starts_with(left.parent().unwrap())), "{paths:?}");
    let kept = Path::new(DIRECTORY).join("announcements/00000000000000000002");
    let kept = String::from_utf8(disk.durable(&kept)).unwrap();
    assert!(kept.contains(&key(2).verifier().to_string()), "{kept}");
}
