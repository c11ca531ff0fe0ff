// SPDX-License-Identifier: Apache-2.0
//! Archives whose bytes are broken: nothing panics, and what is read is read alike when it
//! is written again.

use bytes::Bytes;
use zollhaus::carrier::coding::ExpansionLimits;
use zollhaus::carrier::zip::Archive;
use zollhaus::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot};

use crate::random::Random;

use super::{check, rounds};
use writer::{Packing, archive};

#[path = "../../../src/testkit/zip.rs"]
pub mod writer;

pub const LIMITS: ExpansionLimits = ExpansionLimits { max_bytes: 1 << 20, max_ratio: 100 };

fn seeds() -> Vec<Vec<u8>> {
    let of = |first, second| {
        let rows = b"Last_Name,Email\nMuster,a@b.de\n";
        archive(&[("Leads.csv", &rows[..], first), ("Kids.csv", b"Id\n5\n", second)])
    };
    vec![
        of(Packing::Stored, Packing::Streamed),
        of(Packing::Deflated, Packing::Stored),
        of(Packing::Streamed, Packing::Deflated),
        archive(&[]),
    ]
}

/// A value at the start of each entry.
fn document(bytes: &Bytes, archive: Archive) -> Document {
    let slots = archive.entries().iter().map(|entry| {
        let occurrence = Occurrence {
            object: "leads".into(),
            field: "email".into(),
            record: 0,
            role: Role::Stored,
            value: "x".to_owned().into(),
        };
        vec![Slot::value(0..entry.content().len().min(1), Codec::Csv, occurrence)]
    });
    let slots = slots.collect();
    Document::new(bytes.clone(), vec![Slot::archive(0..bytes.len(), archive, slots)])
}

#[test]
fn broken_archives_are_refused_or_read_alike() {
    let seeds = seeds();
    let mut random = Random(0x5a_49_50);
    let mut read = 0;
    for round in 0..20 * rounds() {
        let mut bytes = match random.below(4) {
            0 => random.broken(&seeds),
            _ => seeds[round % seeds.len()].clone(),
        };
        // A bit of a header is more often looked at than one of the content.
        for _ in 0..random.below(3) {
            let at = random.below(bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        let bytes = Bytes::from(bytes);
        let Ok(archive) = Archive::read(&bytes, LIMITS) else { continue };
        read += 1;
        let count = archive.entries().len();
        let document = document(&bytes, archive);
        check(&document);
        let all = vec![Replacement::text("ZHT"); count];
        let changed = document.render(&mut all.iter()).expect("small");
        let again = Archive::read(&changed, LIMITS).expect("what is written can be read");
        assert!(again.entries().iter().all(|entry| entry.content().starts_with(b"\"ZHT\"")));
        assert_eq!(again.entries().len(), count);
    }
    assert!(read > rounds(), "only {read} archives were read");
}
