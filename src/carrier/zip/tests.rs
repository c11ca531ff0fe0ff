// SPDX-License-Identifier: Apache-2.0

use bytes::Bytes;
use proptest::prelude::*;

use super::{Archive, MAX_ENTRIES, ZipError};
use crate::carrier::coding::{ExpansionLimits, SMALL};
use crate::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot};
use crate::testkit::zip::{Packing, archive};

const LIMITS: ExpansionLimits = ExpansionLimits::FOR_TESTS;

const LEADS: &[u8] = b"Last_Name,Email\nMuster,a@b.de\n";

fn read(bytes: &[u8]) -> Result<Archive, ZipError> {
    Archive::read(&Bytes::copy_from_slice(bytes), LIMITS)
}

fn files(archive: &Archive) -> Vec<(&str, &[u8])> {
    archive.entries().iter().map(|entry| (entry.name(), &entry.content()[..])).collect()
}

/// A document in which the archive stands at `at`, with a value at the start of each entry.
fn document(bytes: &[u8], at: usize, archive: Archive) -> Document {
    let slots = (0..).zip(archive.entries()).map(|(record, entry)| {
        let occurrence = Occurrence {
            object: "leads".into(),
            field: "email".into(),
            record,
            role: Role::Stored,
            value: "x".to_owned().into(),
        };
        let end = entry.content().len().min(1);
        vec![Slot::value(0..end, Codec::Csv, occurrence)]
    });
    let slots = slots.collect();
    let end = bytes.len() - at;
    Document::new(bytes.to_vec(), vec![Slot::archive(at..end, archive, slots)])
}

fn render(document: &Document, replacements: &[Replacement]) -> Vec<u8> {
    document.render(&mut replacements.iter()).unwrap().to_vec()
}

/// One file `Leads.csv`, as other programs write it.
const WRITTEN_BY_OTHERS: [(&str, &str); 4] = [
    (
        "Python's zipfile",
        "504b03041400000008008318225c1e8b4b9e200000001e000000090000004c656164732e637376f3492c2e89f74bcc4dd571cd4dcccce1f22d2d2e492dd2497448d24b49e50200504b010214031400000008008318225c1e8b4b9e200000001e0000000900000000000000000000008001000000004c656164732e637376504b0506000000000100010037000000470000000000",
    ),
    (
        "the same, to a stream",
        "504b03041400080008008318225c000000000000000000000000090000004c656164732e637376f3492c2e89f74bcc4dd571cd4dcccce1f22d2d2e492dd2497448d24b49e50200504b07081e8b4b9e200000001e000000504b010214031400080008008318225c1e8b4b9e200000001e0000000900000000000000000000008001000000004c656164732e637376504b0506000000000100010037000000570000000000",
    ),
    (
        "Java",
        "504b03041400080808006318225c000000000000000000000000090000004c656164732e637376f3492c2e89f74bcc4dd571cd4dcccce1f22d2d2e492dd2497448d24b49e50200504b07081e8b4b9e200000001e000000504b010214001400080808006318225c1e8b4b9e200000001e0000000900000000000000000000000000000000004c656164732e637376504b0506000000000100010037000000570000000000",
    ),
    (
        "Info-ZIP",
        "504b03040a00000000008318225c1e8b4b9e1e0000001e00000009001c004c656164732e6373765554090003a6355769a635576975780b0001040000000004000000004c6173745f4e616d652c456d61696c0a4d75737465722c6140622e64650a504b01021e030a00000000008318225c1e8b4b9e1e0000001e000000090018000000000001000000a481000000004c656164732e6373765554050003a635576975780b000104000000000400000000504b050600000000010001004f000000610000000000",
    ),
];

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn what_other_programs_write_is_read_and_written_anew() {
    for (program, hex) in WRITTEN_BY_OTHERS {
        let bytes = unhex(hex);
        let archive = read(&bytes).unwrap_or_else(|error| panic!("{program}: {error}"));
        assert_eq!(files(&archive), [("Leads.csv", LEADS)], "{program}");
        let document = document(&bytes, 0, archive);
        assert_eq!(render(&document, &[Replacement::Keep]), bytes, "{program}");
        let changed = render(&document, &[Replacement::text("ü")]);
        let changed = read(&changed).unwrap_or_else(|error| panic!("{program}: {error}"));
        let expected = [b"\"\xc3\xbc\"", &LEADS[1..]].concat();
        assert_eq!(files(&changed), [("Leads.csv", &expected[..])], "{program}");
    }
}

#[test]
fn what_is_kept_beside_a_change_is_kept_byte_for_byte() {
    let all = [
        ("a.csv", &b"a1"[..], Packing::Streamed),
        ("b.csv", LEADS, Packing::Deflated),
        ("c", b"", Packing::Stored),
        ("d (1).csv", b"d1", Packing::Deflated),
    ];
    let bytes = archive(&all);
    let inside = [b"before", &bytes[..], b"before"].concat();
    let document = document(&inside, 6, read(&bytes).unwrap());
    let shown = format!("{document:?}");
    assert!(!shown.contains("Muster") && !shown.contains(".csv"), "{shown}");
    let (keep, text) = (Replacement::Keep, Replacement::text("y"));
    assert_eq!(render(&document, &[&keep, &keep, &keep, &keep].map(Clone::clone)), inside);
    let changed = render(&document, &[&keep, &text, &text, &keep].map(Clone::clone));
    let changed = changed.strip_prefix(b"before").unwrap().strip_suffix(b"before").unwrap();
    let read_again = read(changed).unwrap();
    let expected: [(&str, &[u8]); 4] = [
        ("a.csv", b"a1"),
        ("b.csv", b"\"y\"ast_Name,Email\nMuster,a@b.de\n"),
        ("c", b"\"y\""),
        ("d (1).csv", b"d1"),
    ];
    assert_eq!(files(&read_again), expected);
    let at = |archive: &Archive, entry: usize| archive.entries()[entry].local.clone();
    let original = read(&bytes).unwrap();
    for entry in [0, 3] {
        assert_eq!(changed[at(&read_again, entry)], bytes[at(&original, entry)]);
    }
    let too_few = document.render(&mut [keep].iter());
    assert!(too_few.is_err());
}

#[test]
fn records_and_uses_of_all_entries_are_counted_through() {
    let bytes = archive(&[("a", b"a", Packing::Stored), ("b", b"b", Packing::Deflated)]);
    let numbered = document(&bytes, 0, read(&bytes).unwrap()).numbered_from(5);
    let records = |document: &Document| {
        document.occurrences().iter().map(|(_, found)| found.record).collect::<Vec<_>>()
    };
    assert_eq!(records(&numbered), [5, 6]);
    let revised = numbered.revised(&mut |found| found.record == 6);
    assert_eq!(records(&revised), [6]);
    let changed = render(&revised, &[Replacement::text("y")]);
    assert_eq!(files(&read(&changed).unwrap()), [("a", &b"a"[..]), ("b", b"\"y\"")]);
}

/// `edit` makes an archive of two entries one that two readers could read differently.
#[track_caller]
fn refused(expected: ZipError, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = archive(&TWO);
    edit(&mut bytes);
    assert_eq!(read(&bytes).map(|archive| archive.entries().len()), Err(expected));
}

const TWO: [(&str, &[u8], Packing); 2] =
    [("a.csv", b"aaaa", Packing::Stored), ("b.csv", b"bbbb", Packing::Streamed)];

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let bytes = archive(&TWO);
    let (second, directory) = (39, read(&bytes).unwrap().entries()[0].central.start);
    let next = directory + 46 + 5;
    let end = bytes.len() - 22;
    let put = |at: usize, field: &[u8]| {
        let field = field.to_vec();
        move |bytes: &mut Vec<u8>| bytes[at..at + field.len()].copy_from_slice(&field)
    };
    // Before, between and behind the entries.
    refused(ZipError::End, |bytes| bytes.insert(0, b'x'));
    refused(ZipError::End, |bytes| bytes.insert(second, b'x'));
    refused(ZipError::End, |bytes| bytes.insert(directory, b'x'));
    refused(ZipError::End, |bytes| bytes.push(b'x'));
    refused(ZipError::Gap(second), |bytes| {
        bytes.splice(second..second, *b"PK");
        for at in [next + 42 + 2, end + 16 + 2] {
            bytes[at] += 2;
        }
    });
    refused(ZipError::Gap(directory), |bytes| {
        bytes.insert(directory, b'x');
        bytes[end + 17] += 1;
    });
    // Of two entries, a reader of the directory sees one.
    refused(ZipError::Gap(second), |bytes| {
        bytes.drain(next..end);
        let end = bytes.len() - 22;
        (bytes[end + 8], bytes[end + 10], bytes[end + 12]) = (1, 1, 51);
    });
    refused(ZipError::Gap(second), |bytes| (bytes[end + 8], bytes[end + 10]) = (1, 1));
    refused(ZipError::Header(end), |bytes| (bytes[end + 8], bytes[end + 10]) = (3, 3));
    refused(ZipError::Gap(second), put(next + 42, &[0]));
    // The end.
    refused(ZipError::End, put(end + 4, &[1]));
    refused(ZipError::End, put(end + 8, &[1]));
    refused(ZipError::End, put(end + 12, &[1]));
    refused(ZipError::End, |bytes| {
        bytes[end + 20] = 1;
        bytes.push(b'x');
    });
    // Headers that do not agree.
    for (field, value) in [(6, 2), (10, 1), (14, 1), (18, 1), (22, 1), (30, b'x')] {
        refused(ZipError::Disagreement(0), put(field, &[value]));
    }
    refused(ZipError::Disagreement(0), put(8, &[8]));
    refused(ZipError::Disagreement(second), put(second + 22, &[4]));
    refused(ZipError::Header(0), put(0, b"X"));
    refused(ZipError::Header(directory), put(directory, b"X"));
    refused(ZipError::Disagreement(directory - 12), put(directory - 12, b"X"));
    refused(ZipError::Disagreement(directory - 16), put(directory - 16, b"X"));
    // Content.
    let both = |bytes: &mut Vec<u8>, at: usize, value: u8| {
        (bytes[at], bytes[directory + at + 2]) = (value, value);
    };
    refused(ZipError::Content(35), put(35, b"b"));
    refused(ZipError::Content(35), |bytes| both(bytes, 22, 3));
    // What is not read.
    for (field, value) in [(4, 45), (6, 1), (7, 0x20), (8, 12)] {
        refused(ZipError::Feature(directory + 6), |bytes| both(bytes, field, value));
    }
    refused(ZipError::Feature(directory + 6), |bytes| both(bytes, 6, 8));
    refused(ZipError::Feature(directory), put(directory + 32, &[1]));
    refused(ZipError::Feature(directory), put(directory + 34, &[1]));
    refused(ZipError::Feature(directory), put(directory + 38, &[0x10]));
    refused(ZipError::Feature(directory), put(directory + 38, &[0, 0, 0, 0xa0]));
    refused(ZipError::Feature(end + 20), |bytes| {
        bytes.splice(end..end, [&b"PK\x06\x07"[..], &[0; 16]].concat());
    });
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn names_are_plain_and_told_apart() {
    let check = |names: [&str; 2], is_read: bool| {
        let files = names.map(|name| (name, &b"x"[..], Packing::Stored));
        assert_eq!(read(&archive(&files)).is_ok(), is_read, "{names:?}");
    };
    check(["a.csv", "b-1_2 (3).csv"], true);
    check(["a.csv", "A.CSV"], false);
    for bad in ["", "..", "../a", "/a", "a/b", "a\\b", "C:a", ".a", " a", "ü.csv", "a\0", "a\n"] {
        check(["a.csv", bad], false);
    }
    check(["a.csv", &"n".repeat(256)], false);
}

#[test]
fn other_names_and_sizes_in_extra_fields_are_refused() {
    let with_extra = |extra: &[u8]| {
        let mut bytes = archive(&[("a", b"x", Packing::Stored)]);
        let directory = 32;
        let end = bytes.len() - 22;
        bytes[end + 12] += extra.len() as u8;
        bytes[directory + 30] = extra.len() as u8;
        bytes.splice(end..end, extra.iter().copied());
        read(&bytes).map(|archive| archive.entries().len())
    };
    assert_eq!(with_extra(&[0x55, 0x54, 5, 0, 1, 0, 0, 0, 0]), Ok(1));
    assert_eq!(with_extra(&[0xfe, 0xca, 0, 0]), Ok(1));
    for bad in [
        &[0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, b'b'][..],
        &[1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x55, 0x54, 6, 0, 1, 0, 0, 0, 0, 0],
        &[0x55, 0x54, 9, 0, 1, 0, 0, 0, 0],
        &[0xfe],
    ] {
        assert!(with_extra(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn what_it_opens_to_is_bounded() {
    let open = |bytes: &[u8], max_bytes, max_ratio| {
        let limits = ExpansionLimits { max_bytes, max_ratio };
        Archive::read(&Bytes::copy_from_slice(bytes), limits).map(|_| ())
    };
    let content = vec![b'a'; SMALL];
    let bytes = archive(&[("a", &content, Packing::Deflated), ("b", b"b", Packing::Stored)]);
    assert_eq!(open(&bytes, SMALL + 1, 1_000), Ok(()));
    assert_eq!(open(&bytes, SMALL, 1_000), Err(ZipError::TooLarge), "in all");
    assert_eq!(open(&bytes, SMALL + 1, 1), Err(ZipError::TooLarge));
    let one = archive(&[("a", &content, Packing::Deflated)]);
    assert_eq!(open(&one, SMALL, 1), Ok(()));
    // One that says that it is smaller than it is.
    let mut lying = one.clone();
    let directory = lying.len() - 22 - 47;
    (lying[22..26]).copy_from_slice(&[1, 0, 0, 0]);
    (lying[directory + 24..directory + 28]).copy_from_slice(&[1, 0, 0, 0]);
    assert_eq!(read(&lying).map(|_| ()), Err(ZipError::Content(31)));

    let names: Vec<String> = (0..=MAX_ENTRIES).map(|number| number.to_string()).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..], Packing::Stored)).collect();
    assert_eq!(read(&archive(&all[1..])).map(|it| it.entries().len()), Ok(MAX_ENTRIES));
    assert_eq!(read(&archive(&all)).map(|_| ()), Err(ZipError::TooMany));
    assert_eq!(read(&archive(&[])).map(|it| it.entries().len()), Ok(0));
}

proptest! {
    #[test]
    fn what_is_written_anew_is_read_alike(
        contents in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..200), 0..3_u8, any::<bool>()), 1..5)
    ) {
        let names: Vec<String> = (0..contents.len()).map(|number| format!("{number}.csv")).collect();
        let files: Vec<(&str, &[u8], Packing)> = names.iter().zip(&contents).map(|(name, (content, packing, _))| {
            let packing = [Packing::Stored, Packing::Deflated, Packing::Streamed][usize::from(*packing)];
            (name.as_str(), content.as_slice(), packing)
        }).collect();
        let bytes = archive(&files);
        let read_once = read(&bytes).unwrap();
        let same = vec![None; files.len()];
        prop_assert_eq!(read_once.with_contents(&same).unwrap(), bytes);
        let changed: Vec<_> = contents.iter().map(|(content, _, is_new)| {
            is_new.then(|| [content.as_slice(), b"!"].concat())
        }).collect();
        let read_again = read(&read_once.with_contents(&changed).unwrap()).unwrap();
        for (entry, ((content, ..), changed)) in read_again.entries().iter().zip(contents.iter().zip(&changed)) {
            prop_assert_eq!(&entry.content()[..], changed.as_ref().unwrap_or(content).as_slice());
        }
    }
}
