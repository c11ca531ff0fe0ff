// SPDX-License-Identifier: Apache-2.0
//! SOSL and the parameterized search of Salesforce, over contacts and products.

mod reader;

use http::Method;
use serde_json::{Value, json};

use super::house::{Crm, House, Question};
use super::people::{
    FIRST_NAMES, LAST_NAMES, RECORDS, TITLES, address, asked, asked_address, percent,
};
use super::queries;
use crate::random::Random;

const BASE: &str = "/services/data/v62.0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_of_salesforce_find_what_they_find_in_clear_data() {
    let random = &mut Random(0x50_51);
    let house = house(random).await;
    let questions: Vec<Question> = (0..queries()).map(|_| question(random)).collect();
    house
        .compare(&questions, |said| said["searchRecords"].as_array().map_or(0, Vec::len))
        .await
        .check();
}

async fn house(random: &mut Random) -> House {
    const POLICY: &str = include_str!("../../../policies/salesforce.yaml");
    const CRM: Crm = reader::answer;
    let house = House::start("salesforce", POLICY, CRM).await;
    for number in 0..RECORDS {
        let mut contact = json!({
            "Department": format!("D{number:03}"),
            "LastName": random.pick(LAST_NAMES),
            "Title": random.pick(TITLES),
        });
        let first = random.pick(FIRST_NAMES);
        contact["FirstName"] = if first.is_empty() { Value::Null } else { first.into() };
        if random.below(4) > 0 {
            contact["Email"] = address(random, number).into();
        }
        // Where it is looked for in all fields, it is found here.
        if number % 5 == 0 {
            contact["Title"] = address(random, number).into();
        }
        house.both(&format!("{BASE}/sobjects/Contact"), &contact).await;
    }
    for number in 0..20 {
        let name = format!("{} {}", random.pick(WORDS), random.pick(WORDS));
        let product = json!({ "Name": name, "ProductCode": format!("P{number:02}") });
        house.both(&format!("{BASE}/sobjects/Product2"), &product).await;
    }
    house
}

/// Of products.
const WORDS: &[&str] = &["Tea", "tea-pot", "Cup", "CUP", "Anna", "person1@example.org", "Zoë"];

fn question(random: &mut Random) -> Question {
    match random.below(8) {
        0..=4 => sosl(random),
        5 | 6 => by_parameters(random),
        _ => by_body(random),
    }
}

fn sosl(random: &mut Random) -> Question {
    let is_address = random.below(2) == 0;
    let term = if is_address { email_term(random) } else { words(random) };
    let scope = if is_address {
        random.pick(&[" IN EMAIL FIELDS", " in Email Fields", " IN EMAIL FIELDS", " IN ALL FIELDS"])
    } else {
        random.pick(&["", " IN ALL FIELDS", " IN NAME FIELDS", " IN EMAIL FIELDS"])
    };
    let object = if is_address || random.below(4) == 0 { "Contact" } else { "Product2" };
    let filter = match random.below(3) {
        0 => format!(" WHERE {}", filter(random, object)),
        _ => String::new(),
    };
    let order = random.pick(&["", "", " LIMIT 3"]);
    let fields = match (object, random.below(4)) {
        (_, 0) if filter.is_empty() && order.is_empty() => String::new(),
        ("Contact", _) => format!("(Id, LastName, FirstName, Email{filter}{order})"),
        _ => format!("(Id, Name, ProductCode{filter}{order})"),
    };
    let further = if random.below(12) == 0 { ", Product2(Name)" } else { "" };
    let text = format!("FIND {{{term}}}{scope} RETURNING {object}{fields}{further}");
    get(format!("{BASE}/search?q={}", percent(random, &text)), text)
}

fn by_parameters(random: &mut Random) -> Question {
    let term = plain_words(random);
    let object = if random.below(4) == 0 { "Contact" } else { "Product2" };
    let limit = random.pick(&["", "&overallLimit=5", "&Product2.limit=2"]);
    let scope = random.pick(&["", "&in=ALL", "&in=NAME"]);
    let text = format!("q={term} {object}{scope}{limit}");
    let q = percent(random, &term);
    get(
        format!(
            "{BASE}/parameterizedSearch?q={q}&sobject={object}&{object}.fields=Id{scope}{limit}"
        ),
        text,
    )
}

fn by_body(random: &mut Random) -> Question {
    let object = if random.below(4) == 0 { "Contact" } else { "Product2" };
    let mut sought = json!({ "name": object, "fields": ["Id"] });
    if random.below(2) == 0 {
        sought["where"] = filter(random, object).into();
    }
    let body = json!({ "q": plain_words(random), "sobjects": [sought] }).to_string();
    let target = format!("{BASE}/parameterizedSearch");
    Question { method: Method::POST, target, text: body.clone(), body }
}

fn get(target: String, text: String) -> Question {
    Question { method: Method::GET, target, body: String::new(), text }
}

/// An address, mostly alone, as a term holds it.
fn email_term(random: &mut Random) -> String {
    let escaped = reserved(&asked_address(random));
    match random.below(8) {
        0 => format!("\"{escaped}\""),
        1 => format!(" {escaped} "),
        2 => format!("{escaped} OR {}", reserved(&asked_address(random))),
        3 => escaped.split('@').next().unwrap_or_default().to_owned(),
        4 => format!("{}*", &escaped[..3]),
        _ => escaped,
    }
}

fn words(random: &mut Random) -> String {
    let word = |random: &mut Random| reserved(&plain_words(random));
    match random.below(6) {
        0 => format!("{} AND {}", word(random), word(random)),
        1 => format!("{} or {}", word(random), word(random)),
        2 => "te*".to_owned(),
        3 => format!("\"{}\"", word(random)),
        _ => word(random),
    }
}

fn plain_words(random: &mut Random) -> String {
    loop {
        let text = match random.below(3) {
            0 => asked(random, FIRST_NAMES),
            _ => asked(random, WORDS),
        };
        // What has no word finds an error.
        if text.chars().filter(|it| it.is_alphanumeric()).count() > 1 {
            return text;
        }
    }
}

/// With a backslash before what means something in a search.
fn reserved(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if "?&|!{}[]()^~*:\\\"'+".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn filter(random: &mut Random, object: &str) -> String {
    let (field, value) = match (object, random.below(3)) {
        ("Contact", 0) => ("LastName", asked(random, LAST_NAMES)),
        ("Contact", 1) => ("FirstName", asked(random, FIRST_NAMES)),
        ("Contact", _) => ("Department", format!("D0{}", random.below(60))),
        (_, _) => ("Name", format!("{} {}", random.pick(WORDS), random.pick(WORDS))),
    };
    let literal = format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
    match random.below(4) {
        0 => format!("{field} != {literal}"),
        1 => format!("{field} IN ({literal}, 'Anna')"),
        _ => format!("{field} = {literal}"),
    }
}
