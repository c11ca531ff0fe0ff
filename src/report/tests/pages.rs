// SPDX-License-Identifier: Apache-2.0

use super::{ANNA, at, log, read_log, refused, sent};
use crate::report::{
    Bases, Coverage, Document, Period, Processing, Provenance, Refusals, Report, Subject, read,
};
use crate::transfer_log::{Checkpoint, Entry, Transfer};

fn page(mut report: impl Report) -> String {
    let extent = read_log(Period::default(), &mut report);
    let provenance = Provenance {
        tenant: Some("acme".into()),
        checkpoint: checkpoint("acme.example/one"),
        first_entry: 0,
        period: Period::default(),
        extent,
        made: at(30, 0),
    };
    Document::new(&report, provenance).to_html()
}

const ROOT: &str = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";

fn checkpoint(origin: &str) -> Checkpoint {
    format!("{origin}\n1234567\n{ROOT}\n").parse().unwrap()
}

#[test]
fn a_page_stands_alone_and_says_what_it_was_made_from() {
    let pages = [
        page(Processing::default()),
        page(Subject::new([ANNA])),
        page(Refusals::default()),
        page(Bases::new("2026-11-20".parse().unwrap(), 30, None)),
        page(Coverage::new([])),
    ];
    for page in pages {
        for foreign in ["<script", "http:", "https:", "src=", "href=", "url(", "@import", "onload"]
        {
            assert!(!page.contains(foreign), "`{foreign}` in {page}");
        }
        for known in [
            "acme",
            "acme.example/one",
            "1\u{202f}234\u{202f}567",
            ROOT,
            "2026-11-01 00:00:00",
            "2026-11-06 00:00:00",
            "2026-11-30 00:00:00",
        ] {
            assert!(page.contains(known), "no `{known}` in {page}");
        }
    }
}

#[test]
fn the_same_log_gives_the_same_page() {
    assert_eq!(page(Processing::default()), page(Processing::default()));
    assert_eq!(page(Refusals::default()), page(Refusals::default()));
}

#[test]
fn names_from_the_log_are_text() {
    let mut report = Refusals::default();
    let mut entry = refused(1, at(1, 0), Some("<img src=x>"), None);
    entry.caller = "a&b\"<script>alert(1)</script>".into();
    let entries = [Ok::<_, ()>((0, Entry::Refused(entry)))];
    let extent = read(entries, Period::default(), &mut report, |_| {}).unwrap();
    let provenance = Provenance {
        tenant: None,
        checkpoint: checkpoint("<b>"),
        first_entry: 7,
        period: Period::default(),
        extent,
        made: at(1, 0),
    };
    let page = Document::new(&report, provenance).to_html();
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"));
    assert!(page.contains("a&amp;b&quot;&lt;script&gt;"), "{page}");
}

/// Memory grows with what is distinct: a long log gives the tables of a short one.
#[test]
fn repetition_adds_to_sums_only() {
    let rows = |times: u64| {
        let mut report = Processing::default();
        let entries = (0..times).map(|_| sent(1, at(1, 0), "etl", transfer().fields));
        let entries = (0..).zip(entries.map(Entry::Transfer)).map(Ok::<_, ()>);
        read(entries, Period::default(), &mut report, |_| {}).unwrap();
        report.tables().iter().map(|table| table.rows.len()).collect::<Vec<_>>()
    };
    assert_eq!(rows(1), rows(1000));
}

fn transfer() -> Transfer {
    match log().remove(0) {
        Entry::Transfer(transfer) => transfer,
        other => panic!("unexpected {other:?}"),
    }
}
