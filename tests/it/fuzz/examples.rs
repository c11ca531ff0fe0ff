// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

/// An exchange of `../shared/crm`.
pub struct Example {
    pub method: Method,
    pub target: Vec<u8>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub status: StatusCode,
    pub answer_headers: HeaderMap,
    pub answer: Vec<u8>,
}

/// What the examples of a CRM send and get; `None` where they are absent.
pub fn examples(vendor: &str) -> Option<Vec<Example>> {
    if vendor == "zoho" {
        return Some(super::zoho::examples());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/crm");
    let Ok(entries) = fs::read_dir(folder.join(vendor).join("examples")) else {
        assert!(std::env::var_os("CI").is_none(), "the examples of {vendor} are absent");
        eprintln!("SKIPPED: the examples of {vendor} are absent");
        return None;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read(path).expect("an example can be read");
        let example: Value = serde_json::from_slice(&text).expect("an example is JSON");
        let request = example.get("request")?;
        let (headers, body) = message(request);
        let (answer_headers, answer) = message(&example["response"]);
        let status = example["response"]["status"].as_u64().unwrap_or(200) as u16;
        Some(Example {
            method: request["method"].as_str()?.parse().ok()?,
            target: request["target"].as_str()?.as_bytes().to_vec(),
            headers,
            body,
            status: StatusCode::from_u16(status).ok()?,
            answer_headers,
            answer,
        })
    };
    let mut examples: Vec<Example> = paths.iter().filter_map(read).collect();
    if vendor == "salesforce" {
        examples.extend(super::salesforce::examples());
        examples.extend(super::graphql::examples());
    }
    Some(examples)
}

fn message(message: &Value) -> (HeaderMap, Vec<u8>) {
    let mut headers = HeaderMap::new();
    for (name, value) in message["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    let body = match (&message["body"], message["body_text"].as_str()) {
        (Value::Null, text) => text.unwrap_or_default().to_owned(),
        (body, _) => body.to_string(),
    };
    (headers, body.into_bytes())
}
