// SPDX-License-Identifier: Apache-2.0
//! A Dataverse with contacts and accounts. Of the environments behind it, which hold the
//! same, one minds accents: it is asked in version 9.1.

use serde_json::{Value, json};

use super::house::{Call, Crm, Data, House, Record, Said};
use super::people::{
    CITIES, FIRST_NAMES, LAST_NAMES, RECORDS, TITLES, address, asked, asked_address, searchable,
};
use super::{fetchxml, odata};
use crate::random::Random;

const BASE: &str = "/api/data/v9.2";

pub async fn house(random: &mut Random) -> House {
    const POLICY: &str = include_str!("../../../policies/dynamics.yaml");
    const CRM: Crm = answer;
    let house =
        House::start("dynamics", searchable(POLICY, &["lastname", "emailaddress1"]), CRM).await;
    let accounts = format!("{BASE}/accounts");
    for number in 0..6 {
        let mut account = json!({ "name": format!("Company {}", number % 4) });
        if number % 3 > 0 {
            account["emailaddress1"] = address(random, number).into();
        }
        house.both(&accounts, &account).await;
    }
    for number in 0..RECORDS {
        let mut contact = json!({
            "department": format!("D{number:03}"),
            "numberofchildren": random.below(4),
            "lastname": random.pick(LAST_NAMES),
        });
        let optional =
            [("firstname", FIRST_NAMES), ("address1_city", CITIES), ("jobtitle", TITLES)];
        for (column, values) in optional {
            let value = random.pick(values);
            contact[column] = if value.is_empty() { Value::Null } else { value.into() };
        }
        if random.below(4) > 0 {
            contact["emailaddress1"] = address(random, number).into();
        }
        if random.below(3) > 0 {
            let account = id("account", random.below(6));
            contact["parentcustomerid_account@odata.bind"] = format!("accounts({account})").into();
        }
        house.both(&format!("{BASE}/contacts"), &contact).await;
    }
    for number in 0..12 {
        let mut account = json!({ "name": format!("Shop {}", number % 5) });
        if number % 4 > 0 {
            let contact = id("contact", random.below(RECORDS));
            account["primarycontactid@odata.bind"] = format!("contacts({contact})").into();
        }
        house.both(&accounts, &account).await;
    }
    house
}

/// A column of contacts and a value to compare it with. Few are not protected.
pub fn comparison(random: &mut Random) -> (&'static str, String) {
    match random.below(9) {
        0 | 1 => ("firstname", asked(random, FIRST_NAMES)),
        2 | 3 => ("lastname", asked(random, LAST_NAMES)),
        4 => ("address1_city", asked(random, CITIES)),
        5 => ("jobtitle", asked(random, TITLES)),
        6 => ("department", format!("D{:03}", random.below(RECORDS))),
        _ => ("emailaddress1", asked_address(random)),
    }
}

fn id(table: &str, number: usize) -> String {
    let kind = if table == "contact" { 'c' } else { 'a' };
    format!("{kind}0000000-34cb-ed11-b596-{number:012}")
}

fn answer(data: &mut Data, call: &Call) -> Result<Said, String> {
    let path = call.path.strip_prefix("/api/data/v9.").ok_or("no such version")?;
    let (version, set) = path.split_once('/').ok_or("no set")?;
    let collation = Collation { minds_accents: version == "1" };
    let table = match set {
        "contacts" => "contact",
        "accounts" => "account",
        _ => return Err("no such table".to_owned()),
    };
    if call.method == "POST" {
        return create(data, table, &call.body);
    }
    let found = match call.parameter("fetchXml") {
        Some(text) => fetchxml::rows(data, collation, text)?,
        None => odata::rows(data, collation, table, call)?,
    };
    Ok(Said("200 OK", json!({ "value": found })))
}

fn create(data: &mut Data, table: &str, body: &str) -> Result<Said, String> {
    let mut record: Record = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let rows = data.entry(table.to_owned()).or_default();
    record.insert(format!("{table}id"), id(table, rows.len()).into());
    for (bind, lookup) in [
        ("parentcustomerid_account@odata.bind", "_parentcustomerid_value"),
        ("primarycontactid@odata.bind", "_primarycontactid_value"),
    ] {
        if let Some(Value::String(link)) = record.remove(bind) {
            let id = link.split(['(', ')']).nth(1).ok_or("a link to nothing")?;
            record.insert(lookup.to_owned(), id.into());
        }
    }
    rows.push(record.clone());
    Ok(Said("201 Created", record.into()))
}

/// How SQL Server compares by the collations of Dataverse: without regard to case and to
/// space at the end.
#[derive(Clone, Copy)]
pub struct Collation {
    minds_accents: bool,
}

impl Collation {
    pub fn same(self, left: &str, right: &str) -> bool {
        self.weights(left) == self.weights(right)
    }

    fn weights(self, text: &str) -> String {
        let text = super::reading::folded(text.trim_end_matches(' '));
        if self.minds_accents {
            return text;
        }
        let bare = |letter| match letter {
            'ü' => Some('u'),
            'ö' => Some('o'),
            'ë' | 'é' => Some('e'),
            '\u{301}' | '\u{308}' => None,
            '\u{a0}' => Some(' '),
            other => Some(other),
        };
        text.chars().filter_map(bare).collect()
    }
}

/// Where one of the environments is asked for the records of a set.
pub fn records(random: &mut Random, set: &str) -> String {
    format!("{}/{set}", random.pick(&[BASE, "/api/data/v9.1"]))
}

/// The record that a lookup of another one names.
pub fn behind<'d>(
    data: &'d Data,
    record: &Record,
    lookup: &str,
    table: &str,
) -> Option<&'d Record> {
    let id = record.get(lookup)?;
    data.get(table)?.iter().find(|other| other.get(&format!("{table}id")) == Some(id))
}
