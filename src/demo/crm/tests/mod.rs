// SPDX-License-Identifier: Apache-2.0
//! The sample CRM over real HTTP.

mod behaviour;
mod bulk;
mod hubspot;
mod salesforce;
mod soql;
mod split;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::{CrmOptions, Fault, SampleCrm};
use crate::base::{ManualClock, Timestamp};
use crate::demo::client::{Client, ClientError, Reply};

struct Fixture {
    crm: SampleCrm,
    client: Client,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(CrmOptions::default()).await
    }

    async fn with(options: CrmOptions) -> Self {
        let clock = ManualClock::at(Timestamp::from_unix_millis(1_767_225_600_000));
        let options = CrmOptions { clock: std::sync::Arc::new(clock), ..options };
        Self { crm: SampleCrm::start(options).await.unwrap(), client: Client::new() }
    }

    /// Sends a request as a logged-in client; `body` is JSON unless it is null.
    async fn call(&self, method: &str, target: &str, body: Value) -> (u16, Value) {
        let reply =
            self.send(method, target, &[("authorization", "Bearer x")], body).await.unwrap();
        let body = if reply.body.is_empty() { Value::Null } else { json_of(&reply) };
        (reply.status.as_u16(), body)
    }

    async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Result<Reply, ClientError> {
        let uri = format!("{}{target}", self.crm.origin());
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Bytes::new()
        } else {
            request = request.header("content-type", "application/json");
            Bytes::from(body.to_string())
        };
        self.client.send(request.body(body).unwrap()).await
    }

    /// Creates a Salesforce record and gives its id.
    async fn sobject(&self, object: &str, fields: Value) -> String {
        let target = format!("/services/data/v62.0/sobjects/{object}/");
        let (status, body) = self.call("POST", &target, fields).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}
