// SPDX-License-Identifier: Apache-2.0
//! A small stand-in for the Web API of Dataverse: one table with contacts, so much of
//! the query languages as clients are driven with, batches with change sets.

use serde_json::{Map, Value, json};

use crate::stand_in::{Reply, StandIn};
use crate::world::Seen;

const ROOT: &str = "/api/data/v9.2/";

/// Contacts, by their ids.
#[derive(Default)]
pub struct Dataverse(Vec<(String, Map<String, Value>)>);

impl Dataverse {
    pub async fn start() -> StandIn {
        let mut dataverse = Self::default();
        StandIn::replying(move |seen| dataverse.answer(seen)).await
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        let host = seen.head.lines().find_map(|line| line.strip_prefix("host: "));
        let root = format!("http://{}{ROOT}", host.expect("a host"));
        let path = seen.target.strip_prefix(ROOT).expect("the Web API");
        if path == "$batch" {
            return self.batch(seen, &root);
        }
        self.one(Call {
            method: &seen.method,
            path,
            head: &seen.head,
            body: &seen.body,
            root: &root,
        })
    }

    fn one(&mut self, call: Call<'_>) -> Reply {
        let decoded = percent_encoding::percent_decode_str(call.path).decode_utf8().expect("UTF-8");
        let (resource, query) = decoded.split_once('?').unwrap_or((&decoded, ""));
        if resource == "WhoAmI()" {
            return Reply::json(json!({ "UserId": id(0), "OrganizationId": id(1) }).to_string());
        }
        if resource.contains("$ref") {
            return no_content(String::new());
        }
        let rest = resource.strip_prefix("contacts").expect("the only table");
        let Some((key, column)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        else {
            return match call.method {
                "POST" => self.create(Map::new(), &call),
                _ => self.list(query, &call),
            };
        };
        let condition = key
            .split_once('=')
            .map_or(format!("contactid eq '{key}'"), |(name, value)| format!("{name} eq {value}"));
        let place = self.0.iter().position(|(_, contact)| matches(contact, &condition));
        let column = column.strip_prefix('/');
        let Some(place) = place else {
            let is_upsert = call.method == "PATCH" && !call.head.contains("if-match: *");
            if !is_upsert {
                return error("404 Not Found", &format!("contact With {key} Does Not Exist"));
            }
            let keys = equalities(&condition).map(|(name, value)| (name, value.into()));
            return self.create(keys.collect(), &call);
        };
        match (call.method, column) {
            ("GET", None) => Reply::json(json!(shown(&self.0[place].1)).to_string()),
            ("GET", Some(column)) => {
                Reply::json(json!({ "value": shown(&self.0[place].1)[column] }).to_string())
            }
            ("DELETE", None) => {
                self.0.remove(place);
                no_content(String::new())
            }
            _ => {
                let sent: Map<String, Value> =
                    serde_json::from_str(&call.body_or_null()).expect("an object");
                let contact = &mut self.0[place].1;
                for (name, value) in sent {
                    contact.insert(column.map_or(name, str::to_owned), value);
                }
                let id = self.0[place].0.clone();
                call.written(&id, &self.0[place].1, "200 OK")
            }
        }
    }

    fn create(&mut self, keys: Map<String, Value>, call: &Call<'_>) -> Reply {
        let id = id(self.0.len() + 2);
        let mut contact: Map<String, Value> = serde_json::from_str(call.body).expect("an object");
        contact.extend(keys);
        contact.insert("contactid".to_owned(), id.clone().into());
        let reply = call.written(&id, &contact, "201 Created");
        self.0.push((id, contact));
        reply
    }

    fn list(&self, query: &str, call: &Call<'_>) -> Reply {
        let option = |name: &str| {
            let of_name = query
                .split('&')
                .find_map(|option| option.split_once('=').filter(|(found, _)| *found == name));
            of_name.map(|(_, value)| value)
        };
        let fetched = option("fetchXml")
            .map(|_| conditions(query.split_once("fetchXml=").expect("it is there").1));
        let condition = fetched.or(option("$filter").map(str::to_owned)).unwrap_or_default();
        let found: Vec<Value> = self
            .0
            .iter()
            .filter(|(_, contact)| condition.is_empty() || matches(contact, &condition))
            .map(|(_, contact)| Value::Object(shown(contact)))
            .collect();
        let size = call.head.split("odata.maxpagesize=").nth(1);
        let size =
            size.map(|size| size.chars().take_while(char::is_ascii_digit).collect::<String>());
        let size: usize = size.and_then(|size| size.parse().ok()).unwrap_or(5000);
        let page: usize = query
            .split("pagenumber=\"")
            .nth(1)
            .and_then(|page| page.split('"').next()?.parse().ok())
            .unwrap_or(1);
        let mut answer = json!({ "@odata.context": format!("{}$metadata#contacts", call.root), "@odata.count": found.len() });
        let start = (page - 1) * size;
        if found.len() > start + size {
            let inner = format!(
                "<cookie page=\"{page}\"><contactid last=\"{{{0}}}\" first=\"{{{0}}}\" /></cookie>",
                id(0)
            );
            let encode = |text: &str| {
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                    .to_string()
            };
            let cookie = format!(
                "<cookie pagenumber=\"{}\" pagingcookie=\"{}\" istracking=\"False\" />",
                page + 1,
                encode(&encode(&inner))
            );
            let kept = call.path.split("$skiptoken").next().unwrap_or_default();
            let kept = kept.trim_end_matches(['?', '&']);
            let sign = if kept.contains('?') { '&' } else { '?' };
            answer["@odata.nextLink"] =
                format!("{}{kept}{sign}$skiptoken={}", call.root, encode(&cookie)).into();
        }
        answer["value"] = found.into_iter().skip(start).take(size).collect();
        Reply::json(answer.to_string())
    }

    /// Answers part by part; the ids of change sets stand for what was made.
    fn batch(&mut self, seen: &Seen, root: &str) -> Reply {
        let boundary = seen
            .head
            .split("boundary=")
            .nth(1)
            .expect("a boundary")
            .lines()
            .next()
            .expect("a line");
        let mut answers = String::new();
        for part in parts(&seen.body, boundary) {
            let inner = part
                .split_once("boundary=")
                .filter(|_| part.starts_with("Content-Type: multipart/mixed"));
            if let Some((_, rest)) = inner {
                let boundary = rest.lines().next().expect("a line");
                let mut made: Vec<(String, String)> = Vec::new();
                answers.push_str("--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n");
                for part in parts(rest, boundary) {
                    let content_id = part
                        .split_once("Content-ID: ")
                        .expect("an id")
                        .1
                        .lines()
                        .next()
                        .expect("a line");
                    let mut part = part.clone();
                    for (id, url) in &made {
                        part = part.replace(&format!("${id}"), url);
                    }
                    let (answer, url) = self.in_batch(&part, root);
                    made.extend(url.map(|url| (content_id.to_owned(), url)));
                    answers.extend([format!(
                        "--changesetresponse_1\r\nContent-ID: {content_id}\r\n{answer}"
                    )]);
                }
                answers.push_str("--changesetresponse_1--\r\n");
            } else {
                let (answer, _) = self.in_batch(&part, root);
                answers.extend([format!("--batchresponse_1\r\n{answer}")]);
            }
        }
        let head = "Content-Type: multipart/mixed; boundary=batchresponse_1\r\n".to_owned();
        Reply { status: "200 OK", head, body: format!("{answers}--batchresponse_1--\r\n").into() }
    }

    /// The answer to a part, and the URL of what it made.
    fn in_batch(&mut self, part: &str, root: &str) -> (String, Option<String>) {
        let message = part.split_once("\n\n").expect("a message").1;
        let (line, rest) = message.split_once('\n').expect("a request line");
        let (head, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
        let mut words = line.split(' ');
        let (method, url) = (words.next().expect("a method"), words.next().expect("a URL"));
        let path = url.split_once(ROOT).map_or(url, |(_, path)| path);
        let head = head.to_ascii_lowercase();
        let reply = self.one(Call { method, path, head: &head, body: body.trim(), root });
        let url = reply
            .head
            .split_once("OData-EntityId: ")
            .map(|(_, url)| url.lines().next().expect("a URL").to_owned());
        let answer = format!(
            "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 {}\r\n{}\r\n{}\r\n",
            reply.status,
            reply.head,
            String::from_utf8_lossy(&reply.body)
        );
        (answer, url)
    }
}

#[derive(Clone, Copy)]
struct Call<'c> {
    method: &'c str,
    /// As it was sent, behind the root.
    path: &'c str,
    head: &'c str,
    body: &'c str,
    root: &'c str,
}

impl Call<'_> {
    /// The body; of a deleted column, `null`.
    fn body_or_null(&self) -> String {
        if self.body.is_empty() { "{\"value\":null}".to_owned() } else { self.body.to_owned() }
    }

    fn written(&self, id: &str, contact: &Map<String, Value>, status: &'static str) -> Reply {
        if self.head.contains("return=representation") {
            return Reply { status, ..Reply::json(json!(shown(contact)).to_string()) };
        }
        let url = format!("{}contacts({id})", self.root);
        no_content(format!("OData-EntityId: {url}\r\nLocation: {url}\r\n"))
    }
}

fn id(number: usize) -> String {
    format!("70bf4d48-34cb-ed11-b596-{number:012x}")
}

fn no_content(head: String) -> Reply {
    Reply { status: "204 No Content", head, body: bytes::Bytes::new() }
}

fn error(status: &'static str, message: &str) -> Reply {
    Reply {
        status,
        ..Reply::json(json!({ "error": { "code": "0x80040217", "message": message } }).to_string())
    }
}

/// A contact with what Dataverse composes.
fn shown(contact: &Map<String, Value>) -> Map<String, Value> {
    let names = ["firstname", "lastname"].map(|name| contact.get(name).and_then(Value::as_str));
    let names: Vec<&str> = names.into_iter().flatten().collect();
    let mut shown = contact.clone();
    shown.insert("fullname".to_owned(), names.join(" ").into());
    shown.insert("@odata.etag".to_owned(), "W/\"1\"".into());
    shown
}

/// Whether one of the equalities in a filter, which are joined by `or`, holds.
fn matches(contact: &Map<String, Value>, filter: &str) -> bool {
    equalities(filter).any(|(name, value)| {
        let held = contact.get(&name).and_then(Value::as_str).unwrap_or_default();
        held.eq_ignore_ascii_case(&value)
    })
}

fn equalities(filter: &str) -> impl Iterator<Item = (String, String)> {
    filter.split(" or ").filter_map(|part| {
        let (name, value) = part.trim_matches(['(', ')']).split_once(" eq ")?;
        Some((name.to_owned(), value.trim_matches('\'').replace("''", "'")))
    })
}

/// The conditions of FetchXML as a filter.
fn conditions(xml: &str) -> String {
    let attribute = |element: &str, name: &str| {
        let (_, rest) = element.split_once(&format!("{name}="))?;
        let quote = rest.chars().next()?;
        rest.get(1..)?.split(quote).next().map(str::to_owned)
    };
    let conditions = xml.split("<condition ").skip(1).filter_map(|element| {
        let value = attribute(element, "value")?;
        Some(format!("{} eq '{value}'", attribute(element, "attribute")?))
    });
    conditions.collect::<Vec<_>>().join(" or ")
}

/// The parts of a multipart, with lines that end in LF.
fn parts(body: &str, boundary: &str) -> Vec<String> {
    let body = body.replace("\r\n", "\n");
    let delimiter = format!("--{boundary}");
    let parts = body.split(&delimiter).skip(1).take_while(|part| !part.starts_with("--"));
    parts.map(|part| part.trim_start_matches('\n').to_owned()).collect()
}
