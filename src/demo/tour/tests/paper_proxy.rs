// SPDX-License-Identifier: Apache-2.0
//! A proxy on paper: it knows the tour's person by heart and exchanges words.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::person;
use super::super::scene::readable;
use super::LogTail;
use crate::demo::body::receive;
use crate::demo::client::Client;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    SealsNothing,
    OpensForEveryone,
    OpensForNobody,
    RefusesNothing,
    ForwardsNothing,
    LogsNothing,
    LogsValues,
}

/// A value, its surrogate, and its mask where the policy has one.
const WORDS: [(&str, &str, Option<&str>); 7] = [
    (person::EMAIL, "zh1em0000000000000000@tokens.example.com", Some("e•••@example.com")),
    (person::EMAIL_SPELLED_OTHERWISE, "zh1em0000000000000000@tokens.example.com", None),
    (person::FIRST_NAME, "zh1fn0000000000000000", None),
    (person::LAST_NAME, "zh1ln0000000000000000", None),
    (person::PHONE, "zh1ph0000000000000000", Some("••••014")),
    (person::NEW_PHONE, "zh1pn0000000000000000", Some("••••777")),
    (person::STREET, "zh1st0000000000000000", None),
];

#[derive(Clone)]
pub(super) struct PaperProxy {
    address: SocketAddr,
    crm: String,
    flaw: Flaw,
    log: Arc<Mutex<Vec<String>>>,
}

impl PaperProxy {
    pub(super) async fn start(crm: String, flaw: Flaw) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Self { address, crm, flaw, log: Arc::default() };
        let served = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = served.clone();
                let service = service_fn(move |request| proxy.clone().serve(request));
                let builder = auto::Builder::new(TokioExecutor::new());
                tokio::spawn(async move {
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        proxy
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn serve(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().unwrap().as_str().to_owned();
        let body = String::from_utf8(receive(body, 1 << 20).await.bytes.to_vec()).unwrap();
        if let Some(refusal) = self.refuse(&readable(target.as_bytes())) {
            return Ok(refusal);
        }
        let (sealed_target, sealed_body) = self.seal(&target, &body);
        self.record(&body);
        if self.flaw == Flaw::ForwardsNothing {
            return Ok(Response::new(Full::default()));
        }
        let forwarded = Request::builder()
            .method(head.method)
            .uri(format!("{}{sealed_target}", self.crm))
            .header("authorization", &head.headers["authorization"])
            .header("content-type", "application/json")
            .body(Bytes::from(sealed_body))
            .unwrap();
        let reply = Client::new().send(forwarded).await.unwrap();
        let caller = head.headers["zollhaus-key"].to_str().unwrap();
        let answer = self.open(caller, std::str::from_utf8(&reply.body).unwrap());
        let mut response = Response::new(Full::from(answer));
        *response.status_mut() = reply.status;
        Ok(response)
    }

    fn refuse(&self, target: &str) -> Option<Response<Full<Bytes>>> {
        let (status, code) = match target {
            _ if self.flaw == Flaw::RefusesNothing => return None,
            _ if target.contains("LIKE") => (StatusCode::BAD_REQUEST, "operator_unsupported"),
            _ if target.contains("analytics") => (StatusCode::FORBIDDEN, "unknown_operation"),
            _ => return None,
        };
        self.append(&json!({ "kind": "refused", "code": code }));
        let body = json!([{ "message": "Zollhaus: no", "errorCode": "INVALID_FIELD" }]);
        let response = Response::builder().status(status).header("zollhaus-refusal", code);
        Some(response.body(Full::from(body.to_string())).unwrap())
    }

    fn seal(&self, target: &str, body: &str) -> (String, String) {
        let (mut target, mut body) = (target.to_owned(), body.to_owned());
        for (clear, surrogate, _) in WORDS.iter().filter(|_| self.flaw != Flaw::SealsNothing) {
            let encoded = utf8_percent_encode(clear, NON_ALPHANUMERIC).to_string();
            target = target.replace(&encoded, surrogate);
            body = body.replace(&escaped(clear), surrogate);
        }
        (target, body)
    }

    fn open(&self, caller: &str, answer: &str) -> String {
        let mut answer = answer.to_owned();
        for (clear, surrogate, mask) in WORDS {
            let shown = match caller {
                _ if self.flaw == Flaw::OpensForNobody => None,
                _ if self.flaw == Flaw::OpensForEveryone => Some(clear),
                "support" => Some(clear),
                "marketing" => mask,
                _ => None,
            };
            if let Some(shown) = shown {
                answer = answer.replace(surrogate, &escaped(shown));
            }
        }
        answer
    }

    fn record(&self, body: &str) {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let members = body.get("properties").unwrap_or(&body).as_object().cloned();
        let members = members.unwrap_or_default();
        let fields = members.iter().map(|(field, value)| {
            let value = if self.flaw == Flaw::LogsValues { value.clone() } else { Value::Null };
            json!({ "field": field.to_lowercase(), "protection": "tokenize", "value": value })
        });
        self.append(&json!({ "kind": "transfer", "id": "1", "fields": fields.collect::<Value>() }));
        self.append(&json!({ "kind": "outcome", "id": "1" }));
    }

    fn append(&self, entry: &Value) {
        if self.flaw != Flaw::LogsNothing {
            self.log.lock().unwrap().push(entry.to_string());
        }
    }
}

impl LogTail for PaperProxy {
    fn mark(&self) -> std::io::Result<u64> {
        Ok(self.log.lock().unwrap().len() as u64)
    }

    fn since(&self, mark: u64) -> std::io::Result<Vec<String>> {
        Ok(self.log.lock().unwrap()[mark as usize..].to_vec())
    }
}

/// A text as it stands inside a JSON string.
fn escaped(text: &str) -> String {
    json!(text).to_string().trim_matches('"').to_owned()
}
