// SPDX-License-Identifier: Apache-2.0
//! Several requests in one: `/composite`, with `@{reference.field}` between them.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::demo::crm::message::{Answer, Request};

use super::problem::Problem;
use super::{Api, Outcome, route};

const MAX_PARTS: usize = 25;

impl Api<'_, '_> {
    pub(super) fn composite(&mut self) -> Outcome {
        let body = self.body()?;
        let all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
        let Some(Value::Array(parts)) = body.get("compositeRequest") else {
            return Err(Problem::malformed_json("`compositeRequest` is expected"));
        };
        if parts.len() > MAX_PARTS {
            return Err(Problem::too_many_records(MAX_PARTS));
        }
        let before = all_or_none.then(|| self.desk.state.store.clone());
        let mut known = Map::new();
        let mut results = Vec::new();
        for part in parts {
            let reference =
                part.get("referenceId").and_then(Value::as_str).unwrap_or_default().to_owned();
            let answer = match self.part(part, &known) {
                Ok(answer) => answer,
                Err(problem) => problem.into_answer(),
            };
            let body = answer.body.unwrap_or_default();
            if answer.status.is_success() {
                known.insert(reference.clone(), body.clone());
            }
            results.push(json!({
                "body": body,
                "httpHeaders": {},
                "httpStatusCode": answer.status.as_u16(),
                "referenceId": reference,
            }));
        }
        if let Some(before) = before.filter(|_| known.len() < parts.len()) {
            self.desk.state.store = before;
        }
        Ok(Answer::json(StatusCode::OK, json!({ "compositeResponse": results })))
    }

    fn part(&mut self, part: &Value, known: &Map<String, Value>) -> Outcome {
        let text = |name: &str| {
            let text = part.get(name).and_then(Value::as_str).unwrap_or_default();
            resolve(text, known).ok_or_else(Problem::halted)
        };
        let body = part.get("body").map(Value::to_string).unwrap_or_default();
        let body = resolve(&body, known).ok_or_else(Problem::halted)?;
        let method = text("method")?.parse().map_err(|_| Problem::no_resource())?;
        let target = text("url")?.parse().map_err(|_| Problem::no_resource())?;
        let mut headers = self.request.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        route(self.desk, &Request::new(method, &target, headers, Bytes::from(body)))
    }
}

/// A text with its references exchanged for what they lead to.
fn resolve(text: &str, known: &Map<String, Value>) -> Option<String> {
    let mut parts = text.split("@{");
    let mut resolved = parts.next()?.to_owned();
    for part in parts {
        let (path, rest) = part.split_once('}')?;
        let mut names = path.split(['.', '[']).map(|name| name.trim_end_matches(']'));
        let value = known.get(names.next()?)?;
        let value = names.try_fold(value, |value, name| match name.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(name),
        });
        resolved.push_str(value?.as_str()?);
        resolved.push_str(rest);
    }
    Some(resolved)
}
