// SPDX-License-Identifier: Apache-2.0
//! A Pipedrive that looks for terms.

use serde_json::{Value, json};

use crate::queries::house::{Call, Data, Record, Said};
use crate::queries::reading::folded;

pub fn answer(data: &mut Data, call: &Call) -> Result<Said, String> {
    let path = call.path.strip_prefix(super::BASE).unwrap_or_default().trim_start_matches('/');
    if call.method == "POST" {
        return create(data, path, &call.body);
    }
    let types = call.parameter("item_types").unwrap_or("deal,person,organization");
    let tables: Vec<String> = match path.split_once('/') {
        Some((table, "search")) => vec![table.to_owned()],
        Some(_) | None => types.split(',').map(|kind| format!("{kind}s")).collect(),
    };
    let asked = folded(call.parameter("term").ok_or("no term")?);
    let is_exact = matches!(call.parameter("exact_match"), Some("true" | "1"));
    let fields = call.parameter("fields").unwrap_or("name,email,phone,title,address");
    let mut items = Vec::new();
    for table in tables {
        for record in data.get(&table).into_iter().flatten() {
            let mut values = fields.split(',').flat_map(|field| values(record, field));
            let is_found = values.any(|value| {
                let value = folded(&value);
                if is_exact { value == asked } else { value.contains(&asked) }
            });
            if is_found {
                items.push(json!({ "result_score": 0.5, "item": item(&table, record) }));
            }
        }
    }
    if let Some(limit) = call.parameter("limit") {
        items.truncate(limit.parse().map_err(|_| "no count")?);
    }
    let data = json!({ "items": items });
    Ok(Said(
        "200 OK",
        json!({ "success": true, "data": data, "additional_data": { "next_cursor": null } }),
    ))
}

fn create(data: &mut Data, table: &str, body: &str) -> Result<Said, String> {
    let mut record: Record = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let rows = data.entry(table.to_owned()).or_default();
    record.insert("id".to_owned(), (rows.len() + 1).into());
    rows.push(record.clone());
    Ok(Said("200 OK", json!({ "success": true, "data": record })))
}

fn values(record: &Record, field: &str) -> Vec<String> {
    match field {
        "email" => listed(record, "emails"),
        "phone" => listed(record, "phones"),
        other => record.get(other).and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
    }
}

fn listed(record: &Record, field: &str) -> Vec<String> {
    let entries = record.get(field).and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| entry["value"].as_str()).map(str::to_owned).collect()
}

/// A record as searches show it.
fn item(table: &str, record: &Record) -> Value {
    let mut item = json!({ "type": table.trim_end_matches('s'), "id": record["id"] });
    for field in ["name", "title", "address"] {
        if let Some(value) = record.get(field) {
            item[field] = value.clone();
        }
    }
    if table == "persons" {
        item["emails"] = listed(record, "emails").into();
        item["phones"] = listed(record, "phones").into();
    }
    item
}
