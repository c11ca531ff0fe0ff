// SPDX-License-Identifier: Apache-2.0
//! What HubSpot checks and normalises before it stores anything.

use serde_json::{Map, Value};

use crate::demo::crm::email;

use super::object::ObjectType;
use super::problem::Problem;

const MAX_LENGTH: usize = 65_536;

/// Top-level names that no registry gives out (RFC 2606, RFC 6762, RFC 9476).
/// HubSpot checks against the list of those that exist.
const UNREGISTERED: [&str; 8] =
    ["invalid", "local", "localhost", "test", "example", "internal", "lan", "alt"];

/// Checks the properties of a write: all become texts; null and the empty text
/// clear a property.
pub(super) fn properties(
    object: ObjectType,
    properties: &Map<String, Value>,
) -> Result<Map<String, Value>, Problem> {
    let clean = properties.iter().map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        if !object.is_writable(&name) {
            let message = format!("Property \"{name}\" does not exist");
            return Err(Problem::property(&name, "PROPERTY_DOESNT_EXIST", &message));
        }
        let value = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(_) | Value::Object(_) => return Err(Problem::malformed_json()),
        };
        if value.chars().count() > MAX_LENGTH {
            let message = format!("{name} is longer than {MAX_LENGTH} characters");
            return Err(Problem::property(&name, "INVALID_LENGTH", &message));
        }
        if object == ObjectType::Contacts && name == "email" && !value.is_empty() {
            return Ok((name, email_address(&value)?.into()));
        }
        Ok((name, value.into()))
    });
    clean.collect()
}

fn email_address(address: &str) -> Result<String, Problem> {
    let is_registered = |domain: &str| {
        let top = domain.rsplit('.').next().unwrap_or_default();
        let is_name = top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic());
        (is_name || top.starts_with("xn--")) && !UNREGISTERED.contains(&top)
    };
    let address = address.to_lowercase();
    match email::parse(&address) {
        Some((_, domain)) if is_registered(domain) => Ok(address),
        _ => {
            let message = format!("Email address {address} is invalid");
            Err(Problem::property("email", "INVALID_EMAIL", &message))
        }
    }
}
