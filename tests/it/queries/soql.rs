// SPDX-License-Identifier: Apache-2.0
//! SOQL.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::twins::{CITIES, FIRST_NAMES, LAST_NAMES, RECORDS, STRANGERS, TITLES, Twins, folded};
use super::{Outcomes, percent, queries};
use crate::random::Random;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soql_finds_what_it_finds_in_clear_data() {
    let twins = Twins::start().await;
    let random = &mut Random(0x50_51);
    for number in 0..RECORDS {
        let record = contact(random, number);
        twins.store("/sf", "/services/data/v62.0/sobjects/Contact", &record).await;
    }

    let mut outcomes = Outcomes::default();
    for _ in 0..queries() {
        let order = random.pick(&["", " ORDER BY Department", " ORDER BY Title, Department DESC"]);
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
        let (found, expected) = (rows(&answer.json()), rows(&expected));
        assert!(found == expected, "{query}");
        outcomes.count(expected.len());
    }
    outcomes.check();
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

/// A contact whose fields others may share.
pub(super) fn contact(random: &mut Random, number: usize) -> Value {
    let mut record = json!({
        "LastName": random.pick(LAST_NAMES),
        "Department": format!("D{number:03}"),
    });
    let optional = [("FirstName", FIRST_NAMES), ("MailingCity", CITIES), ("Title", TITLES)];
    for (field, values) in optional {
        let value = random.pick(values);
        if !value.is_empty() {
            record[field] = value.into();
        }
    }
    if random.below(4) > 0 {
        record["Email"] = address(random, number).into();
    }
    record
}

/// One of a few addresses in one of a few spellings, or one of its own.
pub(super) fn address(random: &mut Random, number: usize) -> String {
    match random.below(3) {
        0 => format!("person{}@example.org", number % 5),
        1 => format!("Person{}@Example.org", number % 5),
        _ => format!("own{number}@example.org"),
    }
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
    let (field, values): (&str, &[&str]) = match random.below(5) {
        0 => ("FirstName", FIRST_NAMES),
        1 => ("LastName", LAST_NAMES),
        2 => ("MailingCity", CITIES),
        3 => ("Title", TITLES),
        _ => ("Email", &[]),
    };
    let literal = |random: &mut Random| {
        let text = match random.below(6) {
            0 => random.pick(STRANGERS).to_owned(),
            _ if values.is_empty() => {
                let number = random.below(RECORDS);
                address(random, number)
            }
            _ => random.pick(values).to_owned(),
        };
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
    };
    match random.below(12) {
        0..=4 => format!("{field} = {}", literal(random)),
        5 => format!("{field} != {}", literal(random)),
        6 | 7 => {
            let list: Vec<String> = (0..=random.below(4)).map(|_| literal(random)).collect();
            let not = random.pick(&["", "NOT "]);
            format!("{field} {not}IN ({})", list.join(", "))
        }
        8 => format!("{field} {} null", random.pick(&["=", "!="])),
        9 => format!("{field} LIKE {}", literal(random)),
        10 => format!("{field} > {}", literal(random)),
        _ => format!("Title = {}", literal(random)),
    }
}
