// SPDX-License-Identifier: Apache-2.0
//! COQL, as Zoho has it.

mod reader;

use http::Method;
use serde_json::json;

use super::house::Question;
use super::people::pattern;
use super::queries;
use super::zoho::{BASE, comparison, comparison_of, house};
use crate::random::Random;

pub use reader::rows;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coql_finds_what_it_finds_in_clear_data() {
    let random = &mut Random(0xC0C1);
    let house = house(random).await;
    let questions: Vec<Question> = (0..queries()).map(|_| question(random)).collect();
    house.compare(&questions, |said| said["data"].as_array().map_or(0, Vec::len)).await.check();
}

fn question(random: &mut Random) -> Question {
    let is_of_contacts = random.below(3) > 0;
    let columns = if is_of_contacts {
        random.pick(&["id, Last_Name, Email", "Department,First_Name , Mobile", "'Last_Name', id"])
    } else {
        random.pick(&[
            "id, Deal_Name",
            "Deal_Name, Contact_Name.Email",
            "Contact_Name.Last_Name, Contact_Name, Stage",
        ])
    };
    let (module, base) = if is_of_contacts { ("Contacts", "") } else { ("Deals", "Contact_Name.") };
    let [select, from, keyword] = if random.below(4) == 0 {
        ["SELECT", "FROM", "WHERE"]
    } else {
        ["select", "from", "where"]
    };
    let filter = filter(random, 2, base);
    let order = match random.below(12) {
        0 => " order by Email",
        1 | 2 if is_of_contacts => " order by Department desc",
        3 if is_of_contacts => " ORDER BY Title asc, Department",
        _ => "",
    };
    let limit = random.pick(&["", "", " limit 7", " limit 3, 5", " limit 200 offset 2"]);
    let text = format!("{select} {columns} {from} {module} {keyword} {filter}{order}{limit}");
    let body = json!({ "select_query": text }).to_string();
    Question { method: Method::POST, target: format!("{BASE}/coql"), body, text }
}

fn filter(random: &mut Random, depth: usize, base: &str) -> String {
    if depth > 0 && random.below(2) == 0 {
        let joint = random.pick(&["and", "or", "AND"]);
        let (left, right) = (filter(random, depth - 1, base), filter(random, depth - 1, base));
        return match random.below(3) {
            0 => format!("({left} {joint} {right})"),
            1 => format!("(({left}) {joint} ({right}))"),
            _ => format!("( {left}  {joint}  {right} )"),
        };
    }
    let (field, value) = comparison(random);
    let path =
        if random.below(10) == 0 { format!("'{base}{field}'") } else { format!("{base}{field}") };
    match random.below(24) {
        0..=7 => {
            let sign = random.pick(&[" = ", "=", " = "]);
            format!("{path}{sign}{}", literal(random, &value))
        }
        8..=10 => {
            let sign = random.pick(&[" != ", "!="]);
            format!("{path}{sign}{}", literal(random, &value))
        }
        11..=14 => {
            let count = random.below(4);
            let values: Vec<String> = (0..=count)
                .map(|_| {
                    let value = comparison_of(random, field);
                    literal(random, &value)
                })
                .collect();
            let negated = random.pick(&["", "", "not "]);
            format!("{path} {negated}in ({})", values.join(random.pick(&[",", ", "])))
        }
        15 => format!("{path} is {}null", random.pick(&["", "not "])),
        16 | 20..=23 => {
            let text = pattern(random, &value);
            format!("{path} {}like {}", random.pick(&["", "", "not "]), literal(random, &text))
        }
        17 => format!("{path} {} {}", random.pick(&[">", "<="]), literal(random, &value)),
        18 if base.is_empty() => {
            format!("Department between 'D010' and 'D0{}'", 20 + random.below(20))
        }
        18 => format!("Deal_Name = 'deal {}'", random.below(9)),
        _ => format!("{base}Title = {}", literal(random, "ceo")),
    }
}

/// A value in some quotes.
fn literal(random: &mut Random, text: &str) -> String {
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_keyword =
        ["or", "in", "null", "true"].iter().any(|word| text.eq_ignore_ascii_case(word));
    match random.below(6) {
        0 if is_word && !is_keyword => text.to_owned(),
        1 | 2 => format!("\"{}\"", text.replace('"', "\"\"")),
        _ => format!("'{}'", text.replace('\'', "''")),
    }
}
