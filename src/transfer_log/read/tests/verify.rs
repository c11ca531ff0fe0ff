// SPDX-License-Identifier: Apache-2.0

use super::world::{TestLog, key_change, outcome};
use crate::transfer_log::note::SignerKey;
use crate::transfer_log::read::{Damage, Report, VerifyError, VerifyOptions, verify};

fn check(log: &TestLog, options: &VerifyOptions) -> Report {
    verify(&log.directory(), options).unwrap()
}

#[test]
fn the_report_says_what_was_checked_and_what_was_not() {
    let log = TestLog::usual();
    let report = check(&log, &log.options());
    assert_eq!((report.checkpoint.size, report.hashed), (600, 0..600));
    assert_eq!((report.kept_checkpoints, report.older_checkpoints), (3, 0));
    assert_eq!((report.waiting, report.is_torn, report.pruned), (3, false, 0));
    assert_eq!(report.signed_by, [(log.keys[0].verifier().to_string(), None)]);
    assert_eq!((report.clock_went_back, report.is_stale), (None, false));
    assert_eq!(report.announced_keys, []);
}

#[test]
fn with_older_checkpoints_only_what_is_new_is_read() {
    let log = TestLog::usual();
    let older = |size| log.directory().earlier_checkpoint(size).unwrap().unwrap();
    let older = vec![older(300), older(5)];
    let options = VerifyOptions { older, ..log.options() };
    // What the older checkpoint covers is not even looked at.
    log.remove("tile/entries/000");
    log.remove("tile/0/000");
    log.remove("checkpoints/00000000000000000005");
    log.change("tile/entries/001", |bytes| bytes[5] ^= 1);
    let missing = verify(&log.directory(), &options).unwrap_err();
    // The tree of 5 is proven from the first tile.
    assert!(matches!(missing, VerifyError::Damaged(Damage::Unreadable { .. })), "{missing}");

    let options = VerifyOptions { older: options.older[..1].to_vec(), ..options };
    let report = check(&log, &options);
    assert_eq!((report.hashed, report.older_checkpoints), (300..600, 1));
    assert_eq!((report.kept_checkpoints, report.pruned), (1, 0));
}

#[test]
fn an_older_checkpoint_that_nobody_known_signed_is_not_relied_on() {
    let log = TestLog::usual();
    let mut stranger = TestLog::of("zollhaus.example/one", 9);
    stranger.grow_to(5, &[5]);
    let older = vec![stranger.directory().checkpoint().unwrap().unwrap()];
    let result = verify(&log.directory(), &VerifyOptions { older, ..log.options() });
    assert!(matches!(result, Err(VerifyError::UnusableCheckpoint(_))));
    let result = verify(&log.directory(), &VerifyOptions::default());
    assert!(matches!(result, Err(VerifyError::NoKey)));
}

#[test]
fn an_empty_log_verifies() {
    let mut log = TestLog::new();
    log.sign();
    assert_eq!(check(&log, &log.options()).hashed, 0..0);
}

#[test]
fn a_checkpoint_that_is_not_the_newest_is_noticed() {
    let log = TestLog::usual();
    let older = log.read("checkpoints/00000000000000000300");
    log.write("checkpoint", &older);
    let report = check(&log, &log.options());
    assert_eq!((report.checkpoint.size, report.is_stale), (600, true));
}

#[test]
fn a_clock_that_goes_back_is_noticed() {
    let mut log = TestLog::new();
    log.grow_to(10, &[]);
    for number in [3, 12, 11] {
        log.append(&outcome(number));
    }
    log.sign();
    assert_eq!(check(&log, &log.options()).clock_went_back, Some((10, 2)));
}

#[test]
fn a_witness_that_is_asked_for_must_have_signed() {
    let log = TestLog::usual();
    let witness = SignerKey::new("witness.example", &[3; 32]).unwrap().verifier().clone();
    let options = VerifyOptions { witnesses: vec![witness.clone()], ..log.options() };
    let missing = Damage::NotCosigned { witness: "witness.example".to_owned() };
    let result = verify(&log.directory(), &options);
    assert!(matches!(result, Err(VerifyError::Damaged(damage)) if damage == missing));

    let mut log = TestLog::new();
    log.keys.push(SignerKey::new("witness.example", &[3; 32]).unwrap());
    log.grow_to(3, &[3]);
    assert_eq!(check(&log, &options).signed_by[1], (witness.to_string(), None));
}

#[test]
fn an_announced_key_of_another_name_is_not_one_of_the_log() {
    let mut log = TestLog::new();
    let options = log.options();
    let stranger = SignerKey::new("zollhaus.example/two", &[5; 32]).unwrap();
    log.append(&key_change(0, &stranger));
    log.sign();
    log.keys = vec![stranger];
    log.append(&outcome(1));
    log.sign();
    let result = verify(&log.directory(), &options).unwrap_err();
    assert!(matches!(result, VerifyError::Damaged(Damage::Note { .. })), "{result}");
}

#[test]
fn a_key_is_trusted_only_from_its_announcement_on() {
    // The announcement comes after a checkpoint that the key has signed already.
    let mut log = TestLog::new();
    let next = SignerKey::new("zollhaus.example/one", &[5; 32]).unwrap();
    let options = log.options();
    log.grow_to(3, &[3]);
    let first = std::mem::replace(&mut log.keys, vec![next]);
    log.grow_to(4, &[4]);
    log.append(&key_change(4, &log.keys[0]));
    log.keys = first;
    log.sign();
    let result = verify(&log.directory(), &options).unwrap_err();
    assert!(matches!(result, VerifyError::Damaged(Damage::Note { .. })), "{result}");
}

#[test]
fn a_checkpoint_that_goes_while_the_log_is_read_is_not_missed() {
    // Listed, and not there any more when its turn comes.
    let log = TestLog::usual();
    for size in [300, 700] {
        let name = format!("checkpoints/{size:020}");
        let _ = std::fs::remove_file(log.path().join(&name));
        std::os::unix::fs::symlink("gone", log.path().join(&name)).unwrap();
    }
    let report = check(&log, &log.options());
    assert_eq!((report.checkpoint.size, report.kept_checkpoints), (600, 2));
    assert!(!report.is_stale);
}
