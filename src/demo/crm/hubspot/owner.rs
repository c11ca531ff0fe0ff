// SPDX-License-Identifier: Apache-2.0
//! The users of the account, who own records.

use http::StatusCode;
use serde_json::{Value, json};

use crate::demo::crm::message::{Answer, Request};

use super::Outcome;
use super::problem::Problem;

const OWNERS: [(&str, &str, &str, &str); 2] = [
    ("71", "sabine.schulz@acme.example", "Sabine", "Schulz"),
    ("72", "tarek.aziz@acme.example", "Tarek", "Aziz"),
];

/// Answers what follows `/crm/v3/owners`.
pub(super) fn answer(request: &Request, path: &[&str]) -> Outcome {
    let owners = OWNERS.iter().filter(|(_, email, ..)| {
        request.parameter("email").is_none_or(|asked| asked.eq_ignore_ascii_case(email))
    });
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let results: Vec<Value> = owners.map(shown).collect();
            Ok(Answer::json(StatusCode::OK, json!({ "results": results })))
        }
        ("GET", [id]) => {
            let found = OWNERS.iter().find(|(owner, ..)| owner == id);
            let found = found.ok_or_else(Problem::no_resource)?;
            Ok(Answer::json(StatusCode::OK, shown(found)))
        }
        _ => Err(Problem::method_not_allowed()),
    }
}

fn shown((id, email, first, last): &(&str, &str, &str, &str)) -> Value {
    json!({
        "id": id,
        "email": email,
        "type": "PERSON",
        "firstName": first,
        "lastName": last,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "archived": false,
    })
}
