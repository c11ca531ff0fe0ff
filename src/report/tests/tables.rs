// SPDX-License-Identifier: Apache-2.0
//! What each report makes of the small log, as CSV.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use proptest::prelude::*;

use super::{ANNA, BELA, at, field, read_log, refused, scc, sent, shown};
use crate::policy::{
    CategoryRule, Digest, FieldRule, ObjectRule, Policy, Protection, Shape, Unlisted,
};
use crate::report::{
    Bases, Cell, Coverage, CoveredUpstream, DeclaredBasis, Extent, Period, Processing, Refusals,
    Report, Subject, Table, read,
};
use crate::transfer_log::Entry;

fn check(mut report: impl Report, table: &str, expected: &[&str]) {
    read_log(Period::default(), &mut report);
    check_table(&report, table, expected);
}

/// Times are written without their day's start, `2026-11-`, and end, `:00.000Z`.
fn check_table(report: &impl Report, table: &str, expected: &[&str]) {
    let tables = report.tables();
    let table = tables.iter().find(|found| found.name == table).unwrap();
    let csv = String::from_utf8(table.to_csv().unwrap()).unwrap();
    let csv = csv.replace(":00.000Z", "").replace("2026-11-", "");
    assert_eq!(csv.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_request_of_several_entries_counts_once() {
    let fields = |name, count| vec![field(name, Some(name), "tokenize", count)];
    let part = |name, count| Entry::Transfer(sent(1, at(1, 0), "billing", fields(name, count)));
    let rest = |records| Entry::Refused(refused(1, at(1, 0), None, Some(records)));
    let entries = [
        part("email", 2),
        part("email", 3),
        part("name", 1),
        rest(7),
        rest(0),
        Entry::Outcome(shown(1, at(1, 1), vec![ANNA])),
        Entry::Outcome(shown(1, at(1, 1), vec![BELA])),
        Entry::Refused(refused(2, at(1, 2), None, Some(1))),
    ];
    let read_all = |report: &mut dyn Report| {
        let entries = (0..).zip(entries.clone()).map(Ok::<_, Infallible>);
        let Ok(_) = read(entries, Period::default(), report, |_| {});
    };
    let cells = |report: &dyn Report, table: &str, columns: [&str; 2]| {
        let tables = report.tables();
        let table = tables.iter().find(|found| found.name == table).unwrap();
        let column = |name| table.columns.iter().position(|found| *found == name).unwrap();
        let row = |row: &Vec<Cell>| columns.map(|name| row[column(name)].plain());
        table.rows.iter().map(row).collect::<Vec<_>>()
    };
    let mut processing = Processing::default();
    read_all(&mut processing);
    let sums = cells(&processing, "transfers", ["Values", "Transfers"]);
    assert_eq!(sums, [["5", "1"], ["1", "1"]]);
    let sums = cells(&processing, "reveals", ["Values", "Answers"]);
    assert_eq!(sums, [["8", "1"], ["2", "1"]]);
    let callers = cells(&processing, "reveals", ["Caller", "Upstream"]);
    assert_eq!(callers, [["billing", "sf"], ["billing", "sf"]]);
    let mut refusals = Refusals::default();
    read_all(&mut refusals);
    let sums = cells(&refusals, "refusals", ["Requests", "In part"]);
    assert_eq!(sums, [["2", "2"]]);
    assert_eq!(cells(&refusals, "days", ["Code", "Requests"]), [["forbidden", "2"]]);
    let mut bases = Bases::new(at(1, 0).date(), 30, None);
    read_all(&mut bases);
    assert_eq!(cells(&bases, "bases", ["Values", "Transfers"]), [["6", "1"]]);
    let mut subject = Subject::new([BELA]);
    read_all(&mut subject);
    // Each of several entries says a part of what was sent or shown of all that they name.
    let callers = cells(&subject, "entries", ["Caller", "Entry"]);
    let expected = [("etl", "3"), ("etl", "4"), ("billing", "5"), ("billing", "6"), ("etl", "7")];
    assert_eq!(callers, expected.map(|(caller, entry)| [caller, entry]));
}

#[test]
fn processing_sums_by_upstream_category_ground_and_purpose() {
    check(
        Processing::default(),
        "transfers",
        &[
            "Upstream,Region,Category,Jurisdiction,Basis,Rule,Purpose,Protection,Values,Transfers,First,Last,Callers",
            r#"sf,US,birthdate,DE; EU,"scc-2026 (scc), SCC-2026-014, until 2028-12-31",gdpr/scc,crm,drop 1,1,1,04T00:00,04T00:00,etl"#,
            r#"sf,US,email,DE; EU,"scc-2026 (scc), SCC-2026-014, until 2026-12-10",gdpr/scc,crm,tokenize 3,3,2,01T00:00,05T00:00,billing; etl"#,
            r#"sf,US,email,DE; EU,"scc-2026 (scc), SCC-2026-014, until 2028-12-31",gdpr/scc,crm,tokenize 5,5,1,04T00:00,04T00:00,etl"#,
            "sf,US,not in the policy,,,,crm,none (field_unlisted) 3,3,1,01T00:00,01T00:00,billing",
            "sf,US,surrogates sent back,,,,crm,none (already_protected) 1,1,1,01T00:00,01T00:00,billing",
            "sf,US,not inspected,,,,crm,,0,1,03T00:00,03T00:00,etl",
        ],
    );
    check(
        Processing::default(),
        "reveals",
        &[
            "Upstream,Category,Caller,Role,Shown as,Held in the CRM,Values,Answers,First,Last",
            ",email,,support,full,protected,4,1,06T00:00,06T00:00",
            ",name,,,mask,clear,1,1,06T00:00,06T00:00",
            "sf,email,billing,support,full,protected,4,1,01T00:01,01T00:01",
            "sf,name,billing,,mask,clear,1,1,01T00:01,01T00:01",
        ],
    );
}

#[test]
fn a_subject_finds_every_entry_by_its_number() {
    check(
        Subject::new([ANNA]),
        "entries",
        &[
            "Entry,Time,What,Caller,Purpose,Upstream,Region,Operation,Fields,Basis,Result",
            r#"100,01T00:00,sent,billing,crm,sf,US,sobject.create,contact.email: tokenize 2; contact.city: none (field_unlisted) 3; contact.email: none (already_protected) 1; contact.phone: none (empty) 7,"scc-2026 (scc), SCC-2026-014, until 2026-12-10","#,
            "101,01T00:01,shown,billing,crm,sf,US,sobject.create,contact.email: full 4; contact.lastname: mask (held in the clear) 1,,answered 200",
            r#"104,04T00:00,sent,etl,crm,sf,US,sobject.create,contact.email: tokenize 5; contact.birthdate: drop 1,"scc-2026 (scc), SCC-2026-014, until 2028-12-31","#,
            r#"105,05T00:00,sent,etl,crm,sf,US,sobject.create,contact.email: tokenize 1,"scc-2026 (scc), SCC-2026-014, until 2026-12-10","#,
        ],
    );
    check(
        Subject::new([BELA]),
        "entries",
        &[
            "Entry,Time,What,Caller,Purpose,Upstream,Region,Operation,Fields,Basis,Result",
            "101,01T00:01,shown,billing,crm,sf,US,sobject.create,contact.email: full 4; contact.lastname: mask (held in the clear) 1,,answered 200",
            r#"102,02T00:00,turned back,etl,,sf,,query,,,"forbidden, house/no-russia""#,
            "106,05T00:01,turned back,etl,,sf,,query,,,forbidden",
            r#"107,05T00:02,turned back,etl,,sf,,query,,,"forbidden, house/no-russia""#,
            "108,06T00:00,shown,,,,,,contact.email: full 4; contact.lastname: mask (held in the clear) 1,,answered 200",
        ],
    );
}

#[test]
fn refusals_are_summed_by_what_turned_them_back_and_by_day() {
    check(
        Refusals::default(),
        "refusals",
        &[
            "Code,Rules,Caller,Upstream,Operation,Requests,In part,Records,First,Last",
            "forbidden,,etl,sf,query,1,0,0,05T00:01,05T00:01",
            "forbidden,house/no-russia,etl,sf,query,2,1,2,02T00:00,05T00:02",
        ],
    );
    check(Refusals::default(), "days", &["Day,Code,Requests", "02,forbidden,1", "05,forbidden,2"]);
}

#[test]
fn bases_are_listed_by_their_end() {
    let declared = |until| DeclaredBasis { upstream: "hub".into(), basis: scc(until) };
    let bases = |today: &str| {
        let declared = ["2028-12-31", "2026-11-20"].map(declared).to_vec();
        Bases::new(today.parse().unwrap(), 30, Some(declared))
    };
    check(
        bases("2026-11-20"),
        "bases",
        &[
            "State,Until,Basis,Kind,Reference,Jurisdiction,Upstream,Region,Values,Transfers,First,Last,In the policy",
            "ends today,20,scc-2026,scc,SCC-2026-014,,hub,,0,0,,,yes",
            "20 days left,2026-12-10,scc-2026,scc,SCC-2026-014,DE; EU,sf,US,3,2,01T00:00,05T00:00,no",
            "772 days left,2028-12-31,scc-2026,scc,SCC-2026-014,DE; EU,hub; sf,US,6,1,04T00:00,04T00:00,yes",
        ],
    );
    let table = Bases::new(at(1, 0).date(), 30, None).tables().remove(0);
    assert_eq!((table.rows.len(), table.columns.last()), (0, Some(&"Last")));
    let states = |today: &str| {
        let table = bases(today).tables().remove(0);
        table.rows.iter().map(|row| row[0].plain()).collect::<Vec<_>>()
    };
    assert_eq!(states("2026-11-21"), ["expired", "771 days left"]);
    assert_eq!(states("2026-11-19"), ["1 day left", "773 days left"]);
}

#[test]
fn coverage_sets_the_policy_against_traffic() {
    let rule = |category: &str, protection| {
        Arc::new(FieldRule {
            id: String::new(),
            category: category.into(),
            protection,
            search: BTreeSet::new(),
        })
    };
    let fields = HashMap::from([
        ("email".into(), rule("email", Protection::tokenize(Shape::Email))),
        ("mobile".into(), rule("phone", Protection::Mask)),
    ]);
    let policy = Policy {
        border: None,
        scan: crate::policy::ScanRules::default(),
        residual: None,
        sorted_rows: 0,
        digest: Digest([0; 32]),
        categories: HashMap::from([("email".into(), CategoryRule::default())]),
        objects: HashMap::from([(
            "contact".into(),
            ObjectRule {
                fields,
                unlisted: Unlisted::Pass,
                subject: Vec::new(),
                consents: HashMap::new(),
            },
        )]),
    };
    let name = "sf".into();
    let coverage = || Coverage::new([CoveredUpstream { name: &name, policy: &policy }]);
    check(
        coverage(),
        "fields",
        &[
            "Upstream,Object,Field,Category,Protection,In traffic,Values protected,First,Last",
            "sf,contact,(others),,none,,,,",
            "sf,contact,email,email,tokenize,seen,9,01T00:00,05T00:00",
            "sf,contact,mobile,phone,mask,never seen,0,,",
        ],
    );
    check(
        coverage(),
        "unprotected",
        &[
            "Upstream,Object,Field,Reason,Values,First,Last,Listed now",
            "sf,contact,city,field_unlisted,3,01T00:00,01T00:00,no",
        ],
    );
    check(
        coverage(),
        "clear",
        &[
            "Upstream,Object,Field,Category,Values,First,Last",
            ",contact,lastname,name,1,06T00:00,06T00:00",
            "sf,contact,lastname,name,1,01T00:01,01T00:01",
        ],
    );
}

#[test]
fn a_period_has_both_of_its_days_and_outcomes_know_requests_before_it() {
    let day = |day: &str| Some(format!("2026-11-{day}").parse().unwrap());
    let mut refusals = Refusals::default();
    let extent = read_log(Period { from: day("02"), until: day("04") }, &mut refusals);
    let expected = Extent { entries: 3, first: Some(at(2, 0)), last: Some(at(4, 0)) };
    assert_eq!(extent, expected);
    check_table(&refusals, "days", &["Day,Code,Requests", "02,forbidden,1"]);
}

#[test]
fn a_log_that_cannot_be_read_to_its_end_gives_no_report() {
    let entries = super::log().into_iter().map(|entry| Ok((0, entry)));
    let broken = entries.take(2).chain([Err("damaged")]);
    assert_eq!(read(broken, Period::default(), &mut Refusals::default(), |_| {}), Err("damaged"));
}

fn csv_of(cell: &str) -> String {
    let rows = vec![vec![Cell::text(cell), Cell::text("")]];
    let table = Table { name: "t", title: "", note: "", columns: vec!["a", "b"], rows };
    String::from_utf8(table.to_csv().unwrap()).unwrap()
}

#[test]
fn cells_are_quoted_and_are_no_formulas() {
    let check = |cell: &str, expected: &str| {
        assert_eq!(csv_of(cell), format!("a,b\r\n{expected},\r\n"), "{cell:?}");
    };
    check("plain", "plain");
    check("a,b", "\"a,b\"");
    check("a\"b", "\"a\"\"b\"");
    check("a\r\nb", "\"a\r\nb\"");
    check("=1+1", "'=1+1");
    check("+1", "'+1");
    check("-1", "'-1");
    check("@sum", "'@sum");
    check("\tx", "'\tx");
    check("\rx", "\"'\rx\"");
    check("＝1", "'＝1");
    check("=\"a\"", "\"'=\"\"a\"\"\"");
    check("1-1", "1-1");
}

proptest! {
    #[test]
    fn what_programs_read_is_what_was_written(cell in "\\PC{0,20}|[=+@\",\r\n\t-]{0,8}") {
        let csv = csv_of(&cell);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        let read = record.get(0).unwrap();
        prop_assert!(read == cell || read.strip_prefix('\'') == Some(&*cell));
        prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r']));
    }
}
