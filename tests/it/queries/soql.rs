// SPDX-License-Identifier: Apache-2.0
//! SOQL.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::Value;

use super::people::pattern;
use super::twins::{RECORDS, Twins, compared_field, compared_value, contact, folded};
use super::{Outcomes, percent, queries};
use crate::random::Random;

/// By fields that are in clear, by protected ones, and by both.
const ORDERS: &[&str] = &[
    "",
    " ORDER BY Department",
    " ORDER BY Title, Department DESC",
    " ORDER BY LastName",
    " ORDER BY lastname DESC, Department",
    " ORDER BY FirstName NULLS LAST, LastName DESC, Title DESC NULLS LAST, Department",
    " ORDER BY Email DESC",
    " ORDER BY Title, LastName",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soql_finds_what_it_finds_in_clear_data() {
    let twins = Twins::start().await;
    let random = &mut Random(0x50_51);
    for number in 0..RECORDS {
        let record = contact(random, number);
        twins.store("/sf", "/services/data/v62.0/sobjects/Contact", &record).await;
    }

    let mut outcomes = Outcomes::default();
    let mut sorted = 0;
    for _ in 0..queries() {
        let order = random.pick(ORDERS);
        let limit = random.pick(&["", "", " LIMIT 7"]);
        let filter = soql_filter(random, 2);
        let query = format!(
            "SELECT Department, LastName, FirstName, Email, Title FROM Contact WHERE {filter}{order}{limit}"
        );
        let path = format!("/services/data/v62.0/query?q={}", percent(&query));
        let answer = twins.world.get("support", &format!("/sf{path}")).await;
        if answer.refusal().is_some() {
            outcomes.refused += 1;
            continue;
        }
        let (status, expected) = twins.ask_clear(Method::GET, &path, "").await;
        assert_eq!(answer.status, status, "{query}\n{answer:?}");
        if status != StatusCode::OK {
            continue;
        }
        let sizes = (&answer.json()["totalSize"], &expected["totalSize"]);
        assert_eq!(sizes.0, sizes.1, "{query}");
        let (found, expected) = (rows(&answer.json()), rows(&expected));
        assert!(found == expected, "{query}\n{found:#?}\n{expected:#?}");
        outcomes.count(expected.len());
        sorted += usize::from(order.contains("BY LastName") && expected.len() > 1);
    }
    outcomes.check();
    assert!(sorted > queries() / 20, "{sorted}");
}

/// What the rows show, in their order; not the ids.
fn rows(answer: &Value) -> Vec<BTreeMap<String, Value>> {
    let records = answer["records"].as_array().expect("records").iter();
    let shown = |record: &Value| {
        let members = record.as_object().expect("a record").iter();
        members.filter(|(name, _)| *name != "attributes").map(folded).collect()
    };
    records.map(shown).collect()
}

fn soql_filter(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.below(3) == 0 {
        let joint = random.pick(&[" AND ", " OR "]);
        let (left, right) = (soql_filter(random, depth - 1), soql_filter(random, depth - 1));
        return format!("({left}){joint}({right})");
    }
    if depth > 0 && random.below(8) == 0 {
        return format!("NOT ({})", soql_filter(random, depth - 1));
    }
    let (field, values) = compared_field(random);
    let literal = |random: &mut Random| {
        let text = compared_value(random, values);
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
    };
    match random.below(14) {
        0..=4 => format!("{field} = {}", literal(random)),
        5 => format!("{field} != {}", literal(random)),
        6 | 7 => {
            let list: Vec<String> = (0..=random.below(4)).map(|_| literal(random)).collect();
            let not = random.pick(&["", "NOT "]);
            format!("{field} {not}IN ({})", list.join(", "))
        }
        8 => format!("{field} {} null", random.pick(&["=", "!="])),
        9 | 12 | 13 => {
            let value = compared_value(random, values);
            let text = pattern(random, &value).replace('\\', "\\\\").replace('\'', "\\'");
            format!("{field} LIKE '{text}'")
        }
        10 => format!("{field} > {}", literal(random)),
        11 => format!("{field} LIKE {}", literal(random)),
        _ => format!("Title = {}", literal(random)),
    }
}
