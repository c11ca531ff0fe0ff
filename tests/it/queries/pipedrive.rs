// SPDX-License-Identifier: Apache-2.0
//! Terms of Pipedrive's searches, over persons, deals and organizations.

mod reader;

use http::Method;
use serde_json::{Value, json};

use super::house::{Crm, House, Question};
use super::people::{FIRST_NAMES, LAST_NAMES, RECORDS, address, asked, asked_address, percent};
use super::queries;
use crate::random::Random;

const BASE: &str = "/api/v2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_of_pipedrive_find_what_they_find_in_clear_data() {
    let random = &mut Random(0x9D);
    let house = house(random).await;
    let questions: Vec<Question> = (0..queries()).map(|_| question(random)).collect();
    let rows = |said: &Value| said["data"]["items"].as_array().map_or(0, Vec::len);
    house.compare(&questions, rows).await.check();
}

async fn house(random: &mut Random) -> House {
    const POLICY: &str = include_str!("../../../policies/pipedrive.yaml");
    const CRM: Crm = reader::answer;
    let house = House::start("pipedrive", POLICY, CRM).await;
    for number in 0..RECORDS {
        let mut person = json!({ "name": name(random), "owner_id": 1 });
        let addresses: Vec<Value> = (0..random.below(3))
            .map(|other| json!({ "value": address(random, number + other), "label": "work" }))
            .collect();
        if !addresses.is_empty() {
            person["emails"] = addresses.into();
        }
        if random.below(3) == 0 {
            person["phones"] = json!([{ "value": phone(number) }]);
        }
        house.both(&format!("{BASE}/persons"), &person).await;
    }
    for number in 0..20 {
        let title = format!("{} deal", random.pick(LAST_NAMES));
        house.both(&format!("{BASE}/deals"), &json!({ "title": title })).await;
        let name = random.pick(&["Acme", "ACME", "Acme Tea", "Anna", "Person1"]);
        let organization = json!({ "name": name, "address": format!("{number} Main St.") });
        house.both(&format!("{BASE}/organizations"), &organization).await;
    }
    house
}

fn name(random: &mut Random) -> String {
    let (first, last) = (random.pick(FIRST_NAMES), random.pick(LAST_NAMES));
    if first.is_empty() { last.to_owned() } else { format!("{first} {last}") }
}

fn phone(number: usize) -> String {
    format!("+49 (30) 23125 {:02}", number % 10)
}

fn question(random: &mut Random) -> Question {
    let mut fields = match random.below(12) {
        0..=3 => "email",
        4..=6 => "name",
        7 => "phone",
        8 => "title",
        9 => "address",
        10 => "email,phone",
        _ => "",
    };
    let term = term(random, fields);
    let (path, types) = match fields {
        "title" => (random.pick(&["deals/search", "itemSearch"]), "deal"),
        "address" => (random.pick(&["organizations/search", "itemSearch"]), "organization"),
        "name" => match random.below(3) {
            0 => ("organizations/search", "organization"),
            1 => ("itemSearch", random.pick(&["person", "organization", "person,organization"])),
            _ => ("persons/search", "person"),
        },
        _ => (random.pick(&["persons/search", "itemSearch"]), "person"),
    };
    let types = if path == "itemSearch" { format!("&item_types={types}") } else { String::new() };
    if fields.is_empty() && random.below(2) == 0 {
        fields = "name,email,phone";
    }
    let list = if fields.is_empty() { String::new() } else { format!("&fields={fields}") };
    let exact = random.pick(&[
        "&exact_match=true",
        "&exact_match=true",
        "&exact_match=1",
        "",
        "&exact_match=false",
    ]);
    let limit = random.pick(&["", "", "&limit=3"]);
    let text = format!("{path} {term}{list}{exact}{types}{limit}");
    let target =
        format!("{BASE}/{path}?term={}{list}{exact}{types}{limit}", percent(random, &term));
    Question { method: Method::GET, target, body: String::new(), text }
}

fn term(random: &mut Random, fields: &str) -> String {
    let term = match fields {
        "name" => match random.below(4) {
            0 => asked(random, &["Acme", "acme tea", "Anna"]),
            1 => asked(random, LAST_NAMES),
            2 => name(random).to_lowercase(),
            _ => name(random),
        },
        "phone" => phone(random.below(12)),
        "title" => match random.below(3) {
            0 => "deal".to_owned(),
            _ => format!("{} deal", asked(random, LAST_NAMES)),
        },
        "address" => random.pick(&["1 main st.", "Main", "3 Main St."]).to_owned(),
        _ => asked_address(random),
    };
    match random.below(10) {
        0 => format!("{term} "),
        1 => term.replace(' ', "  "),
        2 => term.chars().take(4).collect(),
        _ => term,
    }
}
