// SPDX-License-Identifier: Apache-2.0
//! A Zoho CRM with contacts and deals.

use serde_json::{Value, json};

use super::house::{Call, Crm, Data, House, Record, Said};
use super::people::{
    CITIES, FIRST_NAMES, LAST_NAMES, RECORDS, TITLES, address, asked, asked_address, searchable,
};
use super::{coql, criteria};
use crate::random::Random;

pub const BASE: &str = "/crm/v8";

pub async fn house(random: &mut Random) -> House {
    const POLICY: &str = include_str!("../../../policies/zoho.yaml");
    const CRM: Crm = answer;
    let house = House::start("zoho", searchable(POLICY, &["Last_Name", "Email"]), CRM).await;
    let contacts: Vec<Value> = (0..RECORDS).map(|number| contact(random, number)).collect();
    house.both(&format!("{BASE}/Contacts"), &json!({ "data": contacts })).await;
    let deals = (0..30).map(|number| {
        let mut deal = json!({ "Deal_Name": format!("Deal {}", number % 7), "Stage": "Open" });
        if number % 5 > 0 {
            deal["Contact_Name"] = json!({ "id": id("Contacts", random.below(RECORDS)) });
        }
        deal
    });
    let deals: Vec<Value> = deals.collect();
    house.both(&format!("{BASE}/Deals"), &json!({ "data": deals })).await;
    house
}

fn contact(random: &mut Random, number: usize) -> Value {
    let mut contact = json!({
        "Department": format!("D{number:03}"),
        "Last_Name": random.pick(LAST_NAMES),
    });
    let optional = [("First_Name", FIRST_NAMES), ("Mailing_City", CITIES), ("Title", TITLES)];
    for (field, values) in optional {
        let value = random.pick(values);
        contact[field] = if value.is_empty() { Value::Null } else { value.into() };
    }
    if random.below(4) > 0 {
        contact["Email"] = address(random, number).into();
    }
    if random.below(3) == 0 {
        contact["Mobile"] = format!("+49 (30) 23125 {:02}", number % 10).into();
    }
    contact
}

/// A field of contacts and a value to compare it with. Few are not protected.
pub fn comparison(random: &mut Random) -> (&'static str, String) {
    match random.below(10) {
        0 | 1 => ("First_Name", asked(random, FIRST_NAMES)),
        2 | 3 => ("Last_Name", asked(random, LAST_NAMES)),
        4 => ("Mailing_City", asked(random, CITIES)),
        5 => ("Title", asked(random, TITLES)),
        6 => ("Department", format!("D{:03}", random.below(RECORDS))),
        7 => ("Mobile", format!("+49 (30) 23125 {:02}", random.below(12))),
        _ => ("Email", asked_address(random)),
    }
}

/// Another value for the same field.
pub fn comparison_of(random: &mut Random, field: &str) -> String {
    loop {
        let (other, value) = comparison(random);
        if other == field {
            return value;
        }
    }
}

fn id(module: &str, number: usize) -> String {
    format!("{}{number:05}", if module == "Contacts" { 5550 } else { 7770 })
}

fn answer(data: &mut Data, call: &Call) -> Result<Said, String> {
    let path = call.path.strip_prefix(BASE).unwrap_or_default().trim_start_matches('/');
    let found = match (call.method.as_str(), path) {
        ("POST", "coql") => {
            let body: Value =
                serde_json::from_str(&call.body).map_err(|error| error.to_string())?;
            coql::rows(data, body["select_query"].as_str().ok_or("no query")?)?
        }
        ("POST", module) => return create(data, module, &call.body),
        (_, path) => {
            let module = path.strip_suffix("/search").ok_or("no search")?;
            criteria::rows(data, module, call)?
        }
    };
    if found.is_empty() {
        return Ok(Said("204 No Content", Value::Null));
    }
    let info = json!({ "count": found.len(), "more_records": false });
    Ok(Said("200 OK", json!({ "data": found, "info": info })))
}

fn create(data: &mut Data, module: &str, body: &str) -> Result<Said, String> {
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let rows = data.entry(module.to_owned()).or_default();
    let mut said = Vec::new();
    for record in body["data"].as_array().ok_or("no records")? {
        let mut record: Record = record.as_object().ok_or("no record")?.clone();
        let id = id(module, rows.len());
        record.insert("id".to_owned(), id.clone().into());
        rows.push(record);
        said.push(json!({ "code": "SUCCESS", "details": { "id": id }, "status": "success" }));
    }
    Ok(Said("201 Created", json!({ "data": said })))
}

/// The contact of a deal.
pub fn contact_of<'d>(data: &'d Data, deal: &Record) -> Option<&'d Record> {
    let id = deal.get("Contact_Name")?.get("id")?;
    data.get("Contacts")?.iter().find(|contact| contact.get("id") == Some(id))
}

/// Of two texts, whether Zoho takes them for the same.
pub fn same(left: &str, right: &str) -> bool {
    super::reading::folded(left) == super::reading::folded(right)
}
