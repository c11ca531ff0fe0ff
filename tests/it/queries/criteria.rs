// SPDX-License-Identifier: Apache-2.0
//! `criteria`, `email` and `phone` of Zoho's searches.

mod reader;

use http::Method;

use super::house::Question;
use super::people::{asked, asked_address, part, percent};
use super::queries;
use super::zoho::{BASE, comparison, comparison_of, house};
use crate::random::Random;

pub use reader::rows;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_of_zoho_find_what_they_find_in_clear_data() {
    let random = &mut Random(0x20_40);
    let house = house(random).await;
    let questions: Vec<Question> = (0..queries()).map(|_| question(random)).collect();
    house.compare(&questions, |said| said["data"].as_array().map_or(0, Vec::len)).await.check();
}

fn question(random: &mut Random) -> Question {
    let is_of_contacts = random.below(4) > 0;
    let (module, base) = if is_of_contacts { ("Contacts", "") } else { ("Deals", "Contact_Name.") };
    let (name, text) = match random.below(20) {
        0 if is_of_contacts => ("email", asked_address(random)),
        1 if is_of_contacts => ("phone", comparison_of(random, "Mobile")),
        2 => ("word", asked(random, &["Anna", "Deal", "open"])),
        _ => ("criteria", criteria(random, 2, base)),
    };
    let order = match random.below(16) {
        0 => "&sort_by=Email",
        1 => "&sort_by=id&sort_order=desc",
        _ => "",
    };
    let target = format!("{BASE}/{module}/search?{name}={}{order}", percent(random, &text));
    Question {
        method: Method::GET,
        target,
        body: String::new(),
        text: format!("{module} {name}: {text}{order}"),
    }
}

fn criteria(random: &mut Random, depth: usize, base: &str) -> String {
    if depth > 0 && random.below(2) == 0 {
        let joint = random.pick(&["and", "or", " and ", " or "]);
        let (left, right) = (criteria(random, depth - 1, base), criteria(random, depth - 1, base));
        return format!("({left}{joint}{right})");
    }
    let (field, value) = comparison(random);
    let operator = match random.below(24) {
        18 | 20 | 21 => "starts_with",
        22 => "ends_with",
        23 => "contains",
        0..=9 => "equals",
        10..=12 => "not_equal",
        13..=16 => "in",
        17 => "not_in",
        _ => "greater_than",
    };
    let is_part = ["starts_with", "ends_with", "contains"].contains(&operator);
    let mut values = vec![if is_part { part(random, &value) } else { value }];
    if operator.ends_with("in") {
        values.extend((0..random.below(4)).map(|_| comparison_of(random, field)));
    }
    let values: Vec<String> = values.iter().map(|value| escaped(value)).collect();
    let between = random.pick(&[",", ",", ", "]);
    format!("({base}{field}:{operator}:{})", values.join(between))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(character, '(' | ')' | ',' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
