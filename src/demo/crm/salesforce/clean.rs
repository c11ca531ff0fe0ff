// SPDX-License-Identifier: Apache-2.0
//! What Salesforce checks and normalises before it stores anything.

use serde_json::{Map, Value};

use crate::demo::crm::email;

use super::id;
use super::problem::Problem;
use super::schema::{Field, Kind, Object, is_custom};

/// The longest text that a custom field takes.
const CUSTOM_LENGTH: usize = 255;

/// Checks a new record.
pub(super) fn creation(
    object: &Object,
    body: Map<String, Value>,
) -> Result<Map<String, Value>, Problem> {
    let fields = change(object, body)?;
    let is_missing = |name: &&&str| fields.get(**name).is_none_or(Value::is_null);
    let missing: Vec<_> =
        object.required.iter().filter(is_missing).map(|&name| name.to_owned()).collect();
    if missing.is_empty() { Ok(fields) } else { Err(Problem::required(missing)) }
}

/// Checks changes to a record: canonical names, normalised values.
pub(super) fn change(
    object: &Object,
    body: Map<String, Value>,
) -> Result<Map<String, Value>, Problem> {
    let mut fields = Map::new();
    for (name, value) in body {
        if name == "attributes" {
            continue;
        }
        let column = object.column(&name)?;
        let value = match object.field(&name) {
            Some(field) => clean(field, value)?,
            None if is_custom(&name) => clean_custom(&name, value)?,
            None if column == "Id" => return Err(Problem::id_in_body()),
            None => return Err(Problem::read_only(&column)),
        };
        if value.is_null() && object.required.contains(&column.as_str()) {
            return Err(Problem::required(vec![column]));
        }
        fields.insert(column, value);
    }
    Ok(fields)
}

fn clean(field: &Field, value: Value) -> Result<Value, Problem> {
    let text = match value {
        Value::Null => return Ok(Value::Null),
        // No space is stored around a text.
        Value::String(text) if text.trim().is_empty() => return Ok(Value::Null),
        Value::String(text) => text.trim().to_owned(),
        other => return Err(Problem::not_deserialisable(field.kind.word(), &other)),
    };
    if text.chars().count() > field.length && field.kind != Kind::Date {
        return Err(Problem::too_long(field.name, field.label, &text, field.length));
    }
    match field.kind {
        Kind::Text | Kind::LongText | Kind::Phone => Ok(text.into()),
        Kind::Email if email::parse(&text).is_some() => Ok(text.to_lowercase().into()),
        Kind::Email => Err(Problem::no_email(field.name, field.label, &text)),
        Kind::Date if is_date(&text) => Ok(text.into()),
        Kind::Date => Err(Problem::not_deserialisable("date", &text.into())),
        Kind::Country if is_country_code(&text) => Ok(text.into()),
        Kind::Country => Err(Problem::not_in_picklist(field.name, field.label, &text)),
        Kind::Reference => match id::long(&text) {
            Some(id) => Ok(id.into()),
            None => Err(Problem::no_id(field.name, field.label, &text)),
        },
    }
}

/// Custom fields take any scalar.
fn clean_custom(name: &str, value: Value) -> Result<Value, Problem> {
    match value {
        Value::String(text) if text.is_empty() => Ok(Value::Null),
        Value::String(text) if text.chars().count() > CUSTOM_LENGTH => {
            Err(Problem::too_long(name, name, &text, CUSTOM_LENGTH))
        }
        Value::Array(_) | Value::Object(_) => Err(Problem::not_deserialisable("string", &value)),
        scalar => Ok(scalar),
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |part: &str, digits: usize| {
        let is_number = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<u16>().ok()).flatten()
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

fn is_country_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}
