// SPDX-License-Identifier: Apache-2.0

mod pages;
mod tables;

use std::convert::Infallible;

use smol_str::SmolStr;

use crate::base::{EntryId, SubjectId, Timestamp};
use crate::policy::Reveal;
use crate::report::{Extent, Period, Report, read};
use crate::testkit;
use crate::transfer_log::{
    BasisUsed, Entry, FieldCount, Ground, Outcome, RefusedTransfer, Revealed, Transfer,
};

const ANNA: SubjectId = SubjectId([0xaa; 16]);
const BELA: SubjectId = SubjectId([0xbb; 16]);

/// On a day of November 2026, at a minute of it.
fn at(day: u64, minute: u64) -> Timestamp {
    let november = Timestamp::from_rfc3339("2026-11-01T00:00:00Z").unwrap().unix_millis();
    Timestamp::from_unix_millis(november + ((day - 1) * 1440 + minute) * 60_000)
}

fn field(name: &str, category: Option<&str>, treated: &str, count: u32) -> FieldCount {
    let (protection, reason) =
        treated.split_once('/').map_or((treated, None), |(p, r)| (p, Some(r)));
    FieldCount {
        object: "contact".into(),
        field: name.into(),
        category: category.map(Into::into),
        protection: SmolStr::new(protection),
        reason: reason.map(SmolStr::new),
        ground: category.map(|_| 0),
        count,
    }
}

fn scc(until: &str) -> BasisUsed {
    BasisUsed {
        name: "scc-2026".into(),
        kind: SmolStr::new_static("scc"),
        reference: Some("SCC-2026-014".into()),
        until: Some(until.parse().unwrap()),
    }
}

fn sent(id: u8, time: Timestamp, caller: &str, fields: Vec<FieldCount>) -> Transfer {
    Transfer {
        id: EntryId([id; 16]),
        time,
        caller: caller.into(),
        fields,
        grounds: vec![Ground {
            jurisdictions: vec!["DE".into(), "EU".into()],
            rules: vec!["gdpr/scc".into()],
            bases: vec![scc("2026-12-10")],
        }],
        subjects: vec![ANNA],
        ..testkit::transfer()
    }
}

fn shown(id: u8, time: Timestamp, subjects: Vec<SubjectId>) -> Outcome {
    let email = Revealed {
        object: "contact".into(),
        field: "email".into(),
        category: "email".into(),
        reveal: Reveal::Full,
        role: Some("support".into()),
        found_clear: false,
        count: 4,
    };
    let name = Revealed {
        field: "lastname".into(),
        category: "name".into(),
        reveal: Reveal::Mask,
        role: None,
        found_clear: true,
        count: 1,
        ..email.clone()
    };
    Outcome {
        id: EntryId([id; 16]),
        time,
        status: Some(200),
        reveals: vec![email, name],
        subjects,
        ..testkit::outcome()
    }
}

fn refused(id: u8, time: Timestamp, rule: Option<&str>, records: Option<u32>) -> RefusedTransfer {
    RefusedTransfer {
        id: EntryId([id; 16]),
        time,
        caller: "etl".into(),
        operation: Some("query".into()),
        rules: rule.into_iter().map(Into::into).collect(),
        records,
        subjects: vec![BELA],
        ..testkit::refused()
    }
}

/// A small log that has everything once.
fn log() -> Vec<Entry> {
    let email = |count| field("email", Some("email"), "tokenize", count);
    let city = field("city", None, "none/field_unlisted", 3);
    let again = field("email", None, "none/already_protected", 1);
    let empty = field("phone", None, "none/empty", 7);
    let renewed = Ground {
        bases: vec![scc("2028-12-31")],
        ..sent(0, at(1, 0), "", Vec::new()).grounds.remove(0)
    };
    let unread = Transfer {
        uninspected: true,
        fields: Vec::new(),
        grounds: Vec::new(),
        subjects: Vec::new(),
        ..sent(3, at(3, 0), "etl", Vec::new())
    };
    vec![
        Entry::Transfer(sent(1, at(1, 0), "billing", vec![email(2), city, again, empty])),
        Entry::Outcome(shown(1, at(1, 1), vec![ANNA, BELA])),
        Entry::Refused(refused(2, at(2, 0), Some("house/no-russia"), Some(2))),
        Entry::Transfer(unread),
        Entry::Transfer(Transfer {
            grounds: vec![renewed],
            ..sent(
                4,
                at(4, 0),
                "etl",
                vec![email(5), field("birthdate", Some("birthdate"), "drop", 1)],
            )
        }),
        Entry::Transfer(sent(5, at(5, 0), "etl", vec![email(1)])),
        Entry::Refused(refused(6, at(5, 1), None, None)),
        Entry::Refused(refused(7, at(5, 2), Some("house/no-russia"), None)),
        // Of a request that was logged before what was kept of the log.
        Entry::Outcome(shown(9, at(6, 0), vec![BELA])),
    ]
}

/// Shows the log, whose first entry has index 100, to a report.
fn read_log(period: Period, report: &mut dyn Report) -> Extent {
    let entries = (100..).zip(log()).map(Ok::<_, Infallible>);
    let Ok(extent) = read(entries, period, report, |_| {});
    extent
}
