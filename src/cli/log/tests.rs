// SPDX-License-Identifier: Apache-2.0

use std::ffi::OsStr;
use std::fs;
use std::process::ExitCode;

use clap::Parser;
use proptest::prelude::*;

use super::row::{COLUMNS, Row};
use super::select::Select;
use super::sum::{NotWhole, Summed, check};
use super::{export, line};
use crate::base::{EntryId, SubjectId};
use crate::cli::Cli;
use crate::testkit::Scratch;
use crate::testkit::{self, masked, unlisted};
use crate::transfer_log::read::tests::{TestLog, outcome};
use crate::transfer_log::{Entry, Ground, Outcome, RefusedTransfer, Transfer};

/// The exit code of a command line.
fn run(arguments: &[&dyn AsRef<OsStr>]) -> ExitCode {
    let arguments = arguments.iter().map(AsRef::as_ref);
    let words = ["zollhaus", "log"].map(OsStr::new).into_iter().chain(arguments);
    Cli::try_parse_from(words).unwrap().execute()
}

fn log() -> TestLog {
    let mut log = TestLog::new();
    log.grow_to(300, &[200, 300]);
    log.write_journal(300, &[outcome(300)]);
    log
}

const SOUND: u8 = 0;
const NOT_VERIFIED: u8 = 1;
const UNREADABLE: u8 = 2;
const UNSUPPORTED: u8 = 3;

#[test]
fn verify_tells_apart_what_it_finds() {
    let mut log = log();
    let folder = log.path();
    let key = log.keys[0].verifier().to_string();
    let older = folder.join("checkpoints/00000000000000000200");
    let verify = |more: &[&dyn AsRef<OsStr>]| {
        run(&[&[&"verify" as &dyn AsRef<OsStr>, &"--directory", &folder], more].concat())
    };
    assert_eq!(verify(&[&"--key", &key]), SOUND.into());
    assert_eq!(verify(&[&"--key", &key, &"--checkpoint", &older]), SOUND.into());
    assert_eq!(verify(&[&"--key", &key, &"--origin", &"other"]), NOT_VERIFIED.into());
    assert_eq!(verify(&[]), UNREADABLE.into());
    assert_eq!(verify(&[&"--trust-own-keys"]), UNREADABLE.into());
    log.write("keys", format!("{key}\n").as_bytes());
    assert_eq!(verify(&[&"--trust-own-keys"]), SOUND.into());
    assert_eq!(verify(&[&"--key", &key, &"--checkpoint", &folder.join("keys")]), UNREADABLE.into());

    let mut later = TestLog::of("zollhaus.example/one", 9);
    later.grow_to(5, &[5]);
    let later = later.path().join("checkpoint");
    assert_eq!(verify(&[&"--key", &key, &"--checkpoint", &later]), UNREADABLE.into());

    log.append(br#"{"kind":"new","version":2}"#);
    log.sign();
    log.write_journal(300, &[br#"{"kind":"new","version":2}"#.to_vec()]);
    assert_eq!(verify(&[&"--key", &key]), UNSUPPORTED.into());
    assert_eq!(run(&[&"show", &"--directory", &folder]), UNSUPPORTED.into());
    log.write("tile/entries/000", b"");
    assert_eq!(verify(&[&"--key", &key]), NOT_VERIFIED.into());
    let nowhere = folder.join("nowhere");
    assert_eq!(run(&[&"show", &"--directory", &nowhere]), UNREADABLE.into());
}

#[test]
fn a_proof_stands_for_itself() {
    let log = log();
    let scratch = Scratch::new();
    let (folder, out) = (log.path(), scratch.file("proofs"));
    let prove = |what: &[&dyn AsRef<OsStr>]| {
        let place: [&dyn AsRef<OsStr>; 5] = [&"prove", &"--directory", &folder, &"--out", &out];
        run(&[&place, what].concat())
    };
    let id = "00000000000000000000000000000007";
    assert_eq!(prove(&[&"--index", &"299"]), SOUND.into());
    assert_eq!(prove(&[&"--id", &id]), SOUND.into());
    assert_eq!(prove(&[&"--index", &"1000"]), UNREADABLE.into());
    assert_eq!(prove(&[&"--subject", &"00000000000000000000000000000007"]), UNREADABLE.into());
    let mut proofs: Vec<_> = fs::read_dir(&out).unwrap().map(|file| file.unwrap().path()).collect();
    proofs.sort();
    assert_eq!(proofs, [out.join("299.tlog-proof"), out.join("7.tlog-proof")]);

    let key = log.keys[0].verifier().to_string();
    drop(log);
    let check = |path| run(&[&"prove", &"--key", &key, &"--check", path]);
    assert_eq!(check(&proofs[0]), SOUND.into());
    let proof = fs::read_to_string(&proofs[1]).unwrap();
    fs::write(&proofs[1], proof.replace("index 7", "index 6")).unwrap();
    assert_eq!(check(&proofs[1]), NOT_VERIFIED.into());
    assert_eq!(check(&out.join("no.tlog-proof")), UNREADABLE.into());
}

const SUBJECT: SubjectId = SubjectId([0xcd; 16]);

fn entries() -> [Entry; 3] {
    let transfer = Transfer {
        caller: "bil\nling".into(),
        purpose: Some("=1+1".into()),
        object: None,
        fields: vec![unlisted("email", 2)],
        grounds: vec![Ground {
            jurisdictions: vec!["DE".into()],
            rules: vec!["gdpr/scc".into()],
            bases: Vec::new(),
        }],
        subjects: vec![SUBJECT],
        ..testkit::transfer()
    };
    let outcome = Outcome { reveals: vec![masked(3)], ..testkit::outcome() };
    let refused = RefusedTransfer {
        id: EntryId([2; 16]),
        caller: "other".into(),
        upstream: None,
        rules: vec!["house/no-russia".into(), "gdpr/consent".into()],
        ..testkit::refused()
    };
    [Entry::Transfer(transfer), Entry::Outcome(outcome), Entry::Refused(refused)]
}

#[test]
fn an_entry_is_one_line_whatever_stands_in_it() {
    let lines = entries().map(|entry| {
        let entry = entry.to_canonical_json().unwrap();
        assert!(line(7, &entry, true).unwrap().starts_with(r#"{"index":7,"entry":{""#));
        line(7, &entry, false).unwrap()
    });
    let id = "abababababababababababababababab";
    let subject = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
    let expected = [
        format!(
            r"       7  2026-01-01T00:00:00.001Z  transfer    bil\nling → sf  US  sobject.create  contact.email none (field_unlisted) 2  DE gdpr/scc  id {id}  about {subject}"
        ),
        format!(
            "       7  2026-01-01T00:00:00.001Z  outcome     answered 201  contact.email mask to marketing (stored clear) 3  id {id}"
        ),
        "       7  2026-01-01T00:00:00.001Z  refused     forbidden 2 records  other → -  house/no-russia; gdpr/consent  id 02020202020202020202020202020202".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert!(line(7, b"{}", true).is_err());
    let later = line(7, br#"{"version":2}"#, true).unwrap();
    assert_eq!(later, r#"{"index":7,"entry":{"version":2}}"#);
}

#[test]
fn a_row_of_a_table_has_all_columns_and_no_formula() {
    let [transfer, ..] = entries();
    let row = export::csv(&Row::new(7, &transfer));
    assert_eq!(row.split(',').count(), COLUMNS.len());
    assert!(row.starts_with(r"7,2026-01-01T00:00:00.001Z,transfer,"), "{row}");
    assert!(row.contains(r",one,bil\nling,'=1+1,sf,US,"), "{row}");
    let Entry::Transfer(transfer) = transfer else { panic!() };
    // Spreadsheets take full-width signs for signs.
    let wide = Transfer { purpose: Some("\u{ff1d}1+1".into()), ..transfer };
    let row = export::csv(&Row::new(7, &Entry::Transfer(wide)));
    assert!(row.contains(",'\u{ff1d}1+1,"), "{row}");
}

#[derive(Debug, Parser)]
struct Filters {
    #[command(flatten)]
    select: Select,
}

#[test]
fn only_wanted_entries_are_selected_and_outcomes_go_with_their_transfers() {
    let check = |arguments: &[&str], expected: [bool; 3]| {
        let words = std::iter::once(&"show").chain(arguments);
        let mut select = Filters::try_parse_from(words).unwrap().select;
        assert_eq!(entries().map(|entry| select.wants(&entry)), expected, "{arguments:?}");
        assert_eq!(select.is_everything(), arguments.is_empty());
    };
    check(&[], [true, true, true]);
    check(&["--caller", "bil\nling"], [true, true, false]);
    check(&["--caller", "other"], [false, false, true]);
    check(&["--upstream", "sf"], [true, true, false]);
    check(&["--upstream", "sf", "--kind", "outcome"], [false, true, false]);
    check(&["--subject", "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"], [true, true, false]);
    check(&["--subject", "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdce"], [false, false, false]);
    check(
        &[
            "--subject",
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdce",
            "--subject",
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        ],
        [true, true, false],
    );
    check(&["--kind", "refused", "--kind", "transfer"], [true, false, true]);
    check(&["--since", "2026-01-01"], [true, true, true]);
    check(&["--since", "2026-01-01T00:00:00.002Z"], [false, false, false]);
    for wrong in [["--since", "soon"], ["--subject", "jane"], ["--kind", "any"]] {
        assert!(Filters::try_parse_from(std::iter::once("show").chain(wrong)).is_err());
    }
}

#[test]
fn an_outcome_of_several_entries_is_selected_as_a_whole() {
    let mut select = Filters::try_parse_from(["show", "--caller", "bil\nling"]).unwrap().select;
    let [transfer, outcome, _] = entries();
    let other = Entry::Outcome(Outcome { id: EntryId([9; 16]), ..testkit::outcome() });
    let wanted = [transfer, outcome.clone(), outcome, other].map(|entry| select.wants(&entry));
    assert_eq!(wanted, [true, true, true, false]);
}

#[test]
fn what_is_proven_about_a_person_is_all_that_is_known_or_said_not_to_be() {
    let mut log = TestLog::new();
    let about = |id: u8, subject: u8| {
        let (id, subjects) = (EntryId([id; 16]), vec![SubjectId([subject; 16])]);
        let transfer = Transfer { id, subjects, ..testkit::transfer() };
        Entry::Transfer(transfer).to_canonical_json().unwrap()
    };
    (1..4).for_each(|number| log.append(&about(number, number)));
    // What else was sent of the third stands in another entry.
    log.append(&about(3, 4));
    log.append(&about(4, 5));
    log.sign();
    let scratch = Scratch::new();
    let (folder, out) = (log.path(), scratch.file("proofs"));
    let (first, second) = (SubjectId([1; 16]).to_string(), SubjectId([3; 16]).to_string());
    let prove = |folder: &dyn AsRef<OsStr>| {
        run(&[
            &"prove",
            &"--directory",
            folder,
            &"--out",
            &out,
            &"--subject",
            &first,
            &"--subject",
            &second,
        ])
    };
    assert_eq!(prove(&folder), SOUND.into());
    let proven = ["0.tlog-proof", "2.tlog-proof", "3.tlog-proof"];
    assert!(proven.iter().all(|name| out.join(name).exists()));
    assert_eq!(fs::read_dir(&out).unwrap().count(), proven.len());
    // It may be about them.
    log.append(br#"{"kind":"new","version":2}"#);
    log.sign();
    assert_eq!(prove(&folder), UNSUPPORTED.into());
}

fn export_of(is_csv: bool, lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut summed = Summed::new(&mut out);
    for line in lines {
        std::io::Write::write_all(&mut summed, format!("{line}\n").as_bytes()).unwrap();
    }
    let count = lines.len() - usize::from(is_csv);
    let (_, sum) = summed.finish();
    out.extend(export::end(is_csv, count as u64, &sum).into_bytes());
    out
}

proptest! {
    /// LOG-024
    #[test]
    fn an_export_that_was_cut_or_changed_is_not_whole(
        is_csv in any::<bool>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let lines = if is_csv { ["index,time", "1,2"] } else { [r#"{"index":1}"#, r#"{"index":2}"#] };
        let whole = export_of(is_csv, &lines);
        prop_assert_eq!(check(whole.as_slice()).unwrap(), Ok(if is_csv { 1 } else { 2 }));
        let at = at.index(whole.len());
        prop_assert_eq!(check(&whole[..at]).unwrap(), Err(NotWhole::Cut));
        let mut changed = whole;
        changed[at] ^= 1 << bit;
        prop_assert!(check(changed.as_slice()).unwrap().is_err());
    }
}

#[test]
fn an_export_is_whole_even_if_it_is_empty() {
    assert_eq!(check(export_of(false, &[]).as_slice()).unwrap(), Ok(0));
    let less = export_of(false, &[r#"{"index":1}"#]);
    let mut twice = br#"{"index":1}"#.to_vec();
    twice.push(b'\n');
    twice.extend(less);
    assert_eq!(check(twice.as_slice()).unwrap(), Err(NotWhole::Count { said: 1, found: 2 }));
}
