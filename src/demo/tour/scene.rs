// SPDX-License-Identifier: Apache-2.0
//! One request of the tour, and everything that can be seen of it.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, Method, Request, StatusCode};
use percent_encoding::percent_decode;
use serde_json::Value;

use crate::demo::client::Client;
use crate::demo::crm::{RecordedRequest, StoredRecord};

use super::{DemoError, Step, World};

const KEY: HeaderName = HeaderName::from_static("zollhaus-key");
const REFUSAL: HeaderName = HeaderName::from_static("zollhaus-refusal");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Support,
    Marketing,
    Analyst,
}

impl Caller {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Marketing => "marketing",
            Self::Analyst => "analyst",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    Salesforce,
    HubSpot,
}

/// What an application asks for.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), body: None }
    }

    pub(super) fn post(target: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, target: target.into(), body: Some(body) }
    }

    pub(super) fn patch(target: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PATCH, target: target.into(), body: Some(body) }
    }

    fn request(&self, base: &str, key: &str) -> Result<Request<Bytes>, http::Error> {
        Request::builder()
            .method(&self.method)
            .uri(format!("{base}{}", self.target))
            .header(KEY, key)
            .header(AUTHORIZATION, "Bearer sample")
            .header(CONTENT_TYPE, "application/json")
            .body(self.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default())
    }
}

/// The ids that the CRM gave to the tour's contacts, as an application would note them.
#[derive(Default)]
pub(super) struct Ids {
    salesforce: String,
    hubspot: String,
}

impl Ids {
    pub(super) fn of(&self, vendor: Vendor) -> &str {
        match vendor {
            Vendor::Salesforce => &self.salesforce,
            Vendor::HubSpot => &self.hubspot,
        }
    }

    /// Keeps the id of a contact that was created.
    pub(super) fn note(&mut self, scene: &Scene) {
        let id = scene.answer.get("id").and_then(Value::as_str);
        if let Some(id) = id.filter(|_| scene.status == StatusCode::CREATED) {
            match scene.vendor {
                Vendor::Salesforce => id.clone_into(&mut self.salesforce),
                Vendor::HubSpot => id.clone_into(&mut self.hubspot),
            }
        }
    }
}

/// What can be seen of one step.
pub(super) struct Scene {
    pub(super) caller: Caller,
    pub(super) vendor: Vendor,
    pub(super) sent: Call,
    pub(super) status: StatusCode,
    /// The code of a refusal by the proxy.
    pub(super) refusal: Option<String>,
    /// The answer's body; null when it is no JSON.
    pub(super) answer: Value,
    /// What reached the CRM.
    pub(super) received: Vec<RecordedRequest>,
    /// The contact as the CRM held it before and holds it now.
    pub(super) before: Option<StoredRecord>,
    pub(super) stored: Option<StoredRecord>,
    /// Transfer-log entries, as they stand there.
    pub(super) log: Vec<String>,
}

/// Lets a step happen.
pub(super) async fn act(
    step: &Step,
    world: &World,
    client: &Client,
    ids: &Ids,
) -> Result<Scene, DemoError> {
    let base = match step.vendor {
        Vendor::Salesforce => &world.salesforce,
        Vendor::HubSpot => &world.hubspot,
    };
    let sent = (step.call)(ids.of(step.vendor));
    let request = sent
        .request(base, world.callers.of(step.caller))
        .map_err(|source| DemoError::Unsendable { step: step.title, source })?;
    let before = contact(world, step.vendor);
    let mark = world.log.mark().map_err(DemoError::Log)?;
    world.crm.forget_requests();
    let reply = client
        .send(request)
        .await
        .map_err(|error| DemoError::Unanswered { step: step.title, source: error.into() })?;
    let refusal = reply.headers.get(REFUSAL).and_then(|code| code.to_str().ok());
    Ok(Scene {
        caller: step.caller,
        vendor: step.vendor,
        sent,
        status: reply.status,
        refusal: refusal.map(str::to_owned),
        answer: serde_json::from_slice(&reply.body).unwrap_or_default(),
        received: world.crm.requests(),
        before,
        stored: contact(world, step.vendor),
        log: world.log.since(mark).map_err(DemoError::Log)?,
    })
}

/// The tour's contact: the only one in each CRM.
fn contact(world: &World, vendor: Vendor) -> Option<StoredRecord> {
    let object = match vendor {
        Vendor::Salesforce => "Contact",
        Vendor::HubSpot => "contacts",
    };
    world.crm.stored().into_iter().find(|record| record.object == object)
}

impl Scene {
    /// Whether the request wrote fields of the contact.
    pub(super) fn writes(&self) -> bool {
        let fields = self.stored.iter().flat_map(|record| record.fields.keys());
        fields.into_iter().any(|field| self.sent_value(field).is_some())
    }

    /// What the application sent in a field.
    pub(super) fn sent_value(&self, field: &str) -> Option<String> {
        value(self.sent.body.as_ref()?, field)
    }

    /// What the CRM holds in a field.
    pub(super) fn stored_value(&self, field: &str) -> Option<String> {
        text(self.stored.as_ref()?.fields.get(field)?)
    }

    /// What the caller got back in a field.
    pub(super) fn answered_value(&self, field: &str) -> Option<String> {
        value(&self.answer, field)
    }
}

/// The first member of this name, however deep.
fn value(json: &Value, name: &str) -> Option<String> {
    match json {
        Value::Object(members) => members
            .get(name)
            .and_then(text)
            .or_else(|| members.values().find_map(|member| value(member, name))),
        Value::Array(items) => items.iter().find_map(|item| value(item, name)),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A target as a person reads it.
pub(super) fn readable(target: &[u8]) -> String {
    let (path, query) = match target.iter().position(|byte| *byte == b'?') {
        Some(at) => target.split_at(at),
        None => (target, &[][..]),
    };
    let query: Vec<u8> = query.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let decode = |bytes: &[u8]| percent_decode(bytes).decode_utf8_lossy().into_owned();
    format!("{}{}", decode(path), decode(&query))
}
