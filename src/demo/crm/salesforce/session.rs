// SPDX-License-Identifier: Apache-2.0
//! Logging in, and what a client asks before it works.

use http::StatusCode;
use serde_json::{Value, json};

use crate::demo::crm::Desk;
use crate::demo::crm::message::{Answer, Request, form};

pub(super) const ORG: &str = "00DWV0000000001MAA";
pub(super) const USER: &str = "005WV0000000001YAA";

/// The OAuth token answer; every login is taken.
pub(super) fn token(desk: &Desk<'_>, request: &Request) -> Answer {
    let fields = form(&String::from_utf8_lossy(&request.body));
    let grant =
        fields.iter().find(|(name, _)| name == "grant_type").map(|(_, grant)| grant.as_str());
    if !matches!(
        grant,
        Some("password" | "client_credentials" | "refresh_token" | "authorization_code")
    ) {
        let body = json!({
            "error": "unsupported_grant_type",
            "error_description": "grant type not supported",
        });
        return Answer::json(StatusCode::BAD_REQUEST, body);
    }
    let body = json!({
        "access_token": format!("{}!sample", ORG.get(..15).unwrap_or(ORG)),
        "instance_url": desk.origin,
        "id": format!("{}/id/{ORG}/{USER}", desk.origin),
        "token_type": "Bearer",
        "issued_at": desk.now.unix_millis().to_string(),
        "signature": "c2FtcGxlIHNpZ25hdHVyZQ==",
    });
    Answer::json(StatusCode::OK, body)
}

pub(super) fn user_info(desk: &Desk<'_>) -> Answer {
    let origin = desk.origin;
    let body = json!({
        "sub": format!("{origin}/id/{ORG}/{USER}"),
        "user_id": USER,
        "organization_id": ORG,
        "preferred_username": "integration@example.com",
        "name": "Integration User",
        "email": "integration@example.com",
        "profile": format!("{origin}/{USER}"),
        "urls": {
            "rest": format!("{origin}/services/data/v{{version}}/"),
            "sobjects": format!("{origin}/services/data/v{{version}}/sobjects/"),
            "query": format!("{origin}/services/data/v{{version}}/query/"),
        },
    });
    Answer::json(StatusCode::OK, body)
}

pub(super) fn versions() -> Answer {
    let versions = [("59.0", "Winter '24"), ("62.0", "Winter '25")].map(|(version, label)| {
        json!({ "label": label, "url": format!("/services/data/v{version}"), "version": version })
    });
    Answer::json(StatusCode::OK, versions.into_iter().collect())
}

pub(super) fn resources(version: &str) -> Answer {
    let names = ["composite", "limits", "query", "queryAll", "sobjects"];
    let url = |name: &str| Value::from(format!("/services/data/{version}/{name}"));
    let body: Value = names.into_iter().map(|name| (name.to_owned(), url(name))).collect();
    Answer::json(StatusCode::OK, body)
}

pub(super) fn limits(desk: &Desk<'_>) -> Answer {
    let remaining = 15_000_u64.saturating_sub(desk.state.calls);
    let body = json!({ "DailyApiRequests": { "Max": 15_000, "Remaining": remaining } });
    Answer::json(StatusCode::OK, body)
}
