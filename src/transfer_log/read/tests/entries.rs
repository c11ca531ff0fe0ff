// SPDX-License-Identifier: Apache-2.0

use super::world::{TestLog, outcome};
use crate::transfer_log::read::{
    Entries, EntryError, LogDirectory, ProveError, ReadError, parse_entry, prove,
};

fn indices(entries: &mut Entries) -> Vec<u64> {
    entries.map(|entry| entry.unwrap().0).collect()
}

#[test]
fn entries_come_in_order_from_the_tree_and_the_journal() {
    let log = TestLog::usual();
    let all: Vec<_> = log.directory().entries(0).unwrap().map(Result::unwrap).collect();
    assert!(all.iter().map(|(index, _)| *index).eq(0..603));
    assert!(all.iter().skip(1).all(|(index, entry)| *entry == outcome(*index)));
    assert!(indices(&mut log.directory().entries(255).unwrap()).into_iter().eq(255..603));
    assert_eq!(indices(&mut log.directory().entries(601).unwrap()), [601, 602]);
    assert_eq!(indices(&mut log.directory().entries(700).unwrap()), [0_u64; 0]);
}

#[test]
fn a_reader_follows_a_log_that_grows() {
    let mut log = TestLog::usual();
    let mut entries = log.directory().entries(598).unwrap();
    assert_eq!(indices(&mut entries), [598, 599, 600, 601, 602]);
    // A line that is not complete is not there yet, and may be cut off by a crash.
    let journal = "journal/00000000000000000600.jsonl";
    log.change(journal, |bytes| bytes.extend(b"{\"torn"));
    assert_eq!(indices(&mut entries), [0_u64; 0]);
    log.change(journal, |bytes| {
        bytes.truncate(bytes.len() - 6);
        bytes.extend([outcome(603), b"\n".to_vec()].concat());
    });
    assert_eq!(indices(&mut entries), [603]);
    log.write_journal(604, &[outcome(604)]);
    assert_eq!(indices(&mut entries), [604]);
    // All of it comes into the tree, with more, and leaves the journal.
    log.grow_to(800, &[800]);
    log.remove("journal");
    assert!(indices(&mut entries).into_iter().eq(605..800));
    log.write_journal(801, &[outcome(801)]);
    assert!(matches!(entries.next(), Some(Err(ReadError::Missing { index: 800, .. }))));
}

#[test]
fn entries_whose_time_is_over_are_passed_over() {
    let log = TestLog::usual();
    assert_eq!(log.directory().first_entry().unwrap(), 0);
    log.remove("tile/entries/000");
    let directory = log.directory();
    assert_eq!(directory.first_entry().unwrap(), 256);
    assert!(matches!(directory.entries(0).unwrap().next(), Some(Err(ReadError::Missing { .. }))));
    assert!(matches!(prove(&directory, 3), Err(ProveError::Pruned { index: 3, first: 256 })));
    log.remove("tile/entries/001");
    assert_eq!(directory.first_entry().unwrap(), 512);
}

#[test]
fn every_entry_of_the_tree_has_a_proof_and_no_other() {
    let log = TestLog::usual();
    let directory = log.directory();
    let keys = log.options().keys;
    for index in [0, 1, 255, 256, 511, 512, 599] {
        let proof = prove(&directory, index).unwrap();
        assert_eq!(proof.verify(&log.origin, &keys, &[]).unwrap().size, 600, "{index}");
    }
    let waiting = prove(&directory, 600);
    assert!(matches!(waiting, Err(ProveError::NotSigned { index: 600, size: 600 })));
    log.change("tile/0/000", |bytes| bytes[32] ^= 1);
    assert!(matches!(prove(&directory, 0), Err(ProveError::Damaged { index: 0 })));
}

#[test]
fn what_is_no_log_is_not_opened_and_too_much_is_not_read() {
    let log = TestLog::usual();
    let nowhere = LogDirectory::open(&log.path().join("nowhere"));
    assert!(matches!(nowhere, Err(ReadError::NoLog { .. })));
    log.write("checkpoint", &vec![b'\n'; (1 << 20) + 1]);
    assert!(matches!(log.directory().checkpoint(), Err(ReadError::Damaged { .. })));
    log.remove("checkpoint");
    log.write_journal(0, &[vec![b'x'; 70_000]]);
    let entry = log.directory().entries(0).unwrap().next();
    assert!(matches!(entry, Some(Err(ReadError::Damaged { .. }))));
}

#[test]
fn a_form_of_the_future_is_told_from_what_is_no_entry() {
    let check = |text: &str, expected| assert_eq!(parse_entry(text.as_bytes()), Err(expected));
    check(r#"{"kind":"transfer","version":2}"#, EntryError::Unsupported { version: 2 });
    check(r#"{"version":4294967297}"#, EntryError::Unsupported { version: 1 << 32 | 1 });
    check(r#"{"kind":"transfer","version":1}"#, EntryError::NotAnEntry);
    let later = String::from_utf8(outcome(1)).unwrap().replace("\"version\":1", "\"version\":9");
    check(&later, EntryError::Unsupported { version: 9 });
    check("{}", EntryError::NotAnEntry);
    check("", EntryError::NotAnEntry);
    assert!(parse_entry(&outcome(1)).is_ok());
}
