// SPDX-License-Identifier: Apache-2.0
//! FetchXML, as Dataverse has it.

mod reader;
mod xml;

use http::Method;

use super::dataverse::{comparison, house, records};
use super::house::Question;
use super::people::{part, pattern, percent};
use super::queries;
use crate::random::Random;

pub use reader::rows;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetchxml_finds_what_it_finds_in_clear_data() {
    let random = &mut Random(0xFE7C);
    let house = house(random).await;
    let questions: Vec<Question> = (0..queries()).map(|_| question(random)).collect();
    house.compare(&questions, |said| said["value"].as_array().map_or(0, Vec::len)).await.check();
}

fn question(random: &mut Random) -> Question {
    let is_of_contacts = random.below(3) > 0;
    let (set, entity, link) = if is_of_contacts {
        ("contacts", "contact", "name='account' from='accountid' to='parentcustomerid'")
    } else {
        ("accounts", "account", "name='contact' from='contactid' to='primarycontactid'")
    };
    let own = if is_of_contacts { person } else { company };
    let linked = if is_of_contacts { company } else { person };
    let mut inside = String::new();
    let alias = random.pick(&["", "p", "p"]);
    if random.below(3) == 0 {
        inside.push_str(random.pick(&["<attribute name='department'/>", "<all-attributes/>"]));
    }
    inside.push_str(&filter(random, 2, own, ""));
    if !is_of_contacts || random.below(2) == 0 {
        let kind = random.pick(&["", " link-type='inner'", " link-type=\"outer\""]);
        let inner = if random.below(3) > 0 { filter(random, 1, linked, "") } else { String::new() };
        let name = if alias.is_empty() { String::new() } else { format!(" alias='{alias}'") };
        inside.extend([format!("<link-entity {link}{kind}{name}>{inner}</link-entity>")]);
        if !alias.is_empty() && random.below(2) == 0 {
            inside.push_str(&filter(random, 1, linked, &format!(" entityname='{alias}'")));
        }
    }
    let order = match random.below(12) {
        0 => "<order attribute='emailaddress1'/>",
        1 | 2 => "<order attribute=\"name\"/>",
        3 | 4 => "<order attribute='department' descending='true'/>",
        _ => "",
    };
    inside.push_str(order);
    let top = random.pick(&["", "", " top='7'", " mapping='logical' version='1.0'"]);
    let head = match random.below(20) {
        0 => "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
        1 => "<!-- all -->",
        _ => "",
    };
    let text = format!("{head}<fetch{top}>\n <entity name='{entity}'>{inside}</entity></fetch>");
    let target = format!("{}?fetchXml={}", records(random, set), percent(random, &text));
    Question { method: Method::GET, target, body: String::new(), text }
}

type Comparison = fn(&mut Random) -> (&'static str, String);

fn person(random: &mut Random) -> (&'static str, String) {
    match random.below(8) {
        0 => ("numberofchildren", random.below(4).to_string()),
        _ => comparison(random),
    }
}

fn company(random: &mut Random) -> (&'static str, String) {
    if random.below(3) == 0 {
        return ("name", random.pick(&["company 1", "Shop 2", "none"]).to_owned());
    }
    let number = random.below(6);
    ("emailaddress1", super::people::address(random, number))
}

fn filter(random: &mut Random, depth: usize, of: Comparison, entity: &str) -> String {
    let kind = random.pick(&["", " type='and'", " type=\"or\""]);
    let count = 1 + random.below(3);
    let conditions: Vec<String> = (0..count)
        .map(|_| {
            if depth > 0 && random.below(4) == 0 {
                filter(random, depth - 1, of, entity)
            } else {
                condition(random, of, entity)
            }
        })
        .collect();
    format!("<filter{kind}>{}</filter>", conditions.join(random.pick(&["", "\n  "])))
}

fn condition(random: &mut Random, of: Comparison, entity: &str) -> String {
    let (column, value) = of(random);
    let operator = match random.below(48) {
        35 | 40..=43 => "like",
        36 | 44 | 45 => "begins-with",
        46 => "ends-with",
        47 => "not-begin-with",
        0..=16 => "eq",
        17..=19 => "ne",
        20 => "neq",
        21..=28 => "in",
        29..=31 => "not-in",
        32 | 33 => "null",
        34 => "not-null",
        37 => "gt",
        38 => "le",
        _ => "not-like",
    };
    let start = format!("<condition{entity} attribute='{column}' operator='{operator}'");
    match operator {
        "null" | "not-null" => format!("{start}/>"),
        "in" | "not-in" => {
            let mut values = vec![value];
            while random.below(3) > 0 {
                let (other, value) = of(random);
                values.extend(Some(value).filter(|_| other == column));
            }
            let values: Vec<String> = values
                .iter()
                .map(|value| format!("<value>{}</value>", escaped(random, value, '<')))
                .collect();
            format!("{start}>{}</condition>", values.join(random.pick(&["", "\n"])))
        }
        _ => {
            let quote = if random.below(2) == 0 { '"' } else { '\'' };
            let value = match operator {
                "like" | "not-like" => pattern(random, &value),
                "begins-with" | "ends-with" | "not-begin-with" => part(random, &value),
                _ => value,
            };
            let value = escaped(random, &value, quote);
            match random.below(6) {
                0 => format!("{start} uiname='{}' value={quote}{value}{quote}/>", "Zo&#235;"),
                1 => format!("{start}  value = {quote}{value}{quote} ></condition>"),
                _ => format!("{start} value={quote}{value}{quote}/>"),
            }
        }
    }
}

/// As an attribute in such quotes, or a text, holds it.
fn escaped(random: &mut Random, text: &str, quote: char) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        let must = matches!(character, '&' | '<') || character == quote;
        let code = u32::from(character);
        match (character, random.below(if must { 3 } else { 12 })) {
            (_, 0) => escaped.extend([format!("&#{code};")]),
            (_, 1) => escaped.extend([format!("&#x{code:X};")]),
            ('&', _) => escaped.push_str("&amp;"),
            ('<', _) => escaped.push_str("&lt;"),
            ('"', _) => escaped.push_str("&quot;"),
            ('\'', _) => escaped.push_str("&apos;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
