// SPDX-License-Identifier: Apache-2.0
//! Nothing protected leaves: thousands of generated requests with canaries in
//! every protected field, then a search of everything that the upstream, the
//! logs, the metrics and the transfer log hold, in every encoding.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::Method;
use serde_json::{Value, json};

use crate::random::Random;
use crate::world::{Options, World};

mod graphql;
mod salesforce;
mod zoho;

/// Stands in every canary; the search looks for it, whatever surrounds it.
pub const MARK: &str = "zqKanari";

/// Requests in one run; a long run is ten times that.
const REQUESTS: usize = 3000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_leaves_the_house() {
    let world = World::start(Options::default()).await;
    let long = std::env::var_os("ZOLLHAUS_TEST_LONG").is_some();
    let requests = if long { 10 * REQUESTS } else { REQUESTS };
    let forwarded = play(&world, &["support", "marketing", "analyst"], requests, 0x5eed).await;
    eprintln!("leak: {forwarded} of {requests} generated requests were forwarded");
    assert!(
        forwarded * 10 > requests * 8,
        "too few requests got through to mean anything: {forwarded} of {requests}"
    );
    let seen = everything(&world).await;
    let leaks = leaks(&seen);
    assert!(leaks.is_empty(), "canaries were found:\n{}", leaks.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_search_finds_a_field_that_is_not_protected() {
    let unprotect: fn(String) -> String = |policy| {
        let kept: Vec<&str> =
            policy.lines().filter(|line| !line.trim_start().starts_with("LastName:")).collect();
        kept.join("\n")
    };
    let world =
        World::start(Options { salesforce_policy: Some(unprotect), ..Options::default() }).await;
    play(&world, &["support"], 60, 0xbad).await;
    let leaks = leaks(&everything(&world).await);
    assert!(
        leaks.iter().any(|leak| leak.contains("upstream")),
        "the leak was not noticed: {leaks:?}"
    );
}

#[test]
fn the_search_sees_through_encodings() {
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let twice = percent(&percent(MARK));
    let unicode: String = MARK.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let hex: String = MARK.bytes().map(|byte| format!("{byte:02x}")).collect();
    let wide: Vec<u8> = MARK.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let check = |what: &str, bytes: &[u8]| {
        let mut haystack = b"before ".to_vec();
        haystack.extend_from_slice(bytes);
        assert!(finds(&haystack).is_some(), "{what} was not seen through");
    };
    check("raw", MARK.as_bytes());
    check("upper case", MARK.to_uppercase().as_bytes());
    check("percent", percent(MARK).as_bytes());
    check("percent twice", twice.as_bytes());
    check("JSON escapes", unicode.as_bytes());
    check("hex", hex.as_bytes());
    check("UTF-16", &wide);
    for offset in 0..3 {
        let padded = format!("{}{MARK}!!", "x".repeat(offset));
        check("base64", STANDARD.encode(&padded).as_bytes());
        check("base64url", URL_SAFE.encode(&padded).as_bytes());
    }
    assert_eq!(finds(b"nothing to see"), None);
}

impl Random {
    /// A text with the mark and something difficult around it.
    pub fn text(&mut self) -> String {
        let number = self.next() % 100_000;
        let around = self.pick(&[
            "",
            "Müller",
            "O'Brien \"x\"",
            "\\back\\slash",
            "😀👩‍👩‍👧",
            "a & b = c + d",
            "100 %25",
            "<b>x</b>",
            "{}[],:",
            "Ştraße İı",
            "\t tab",
            "日本語",
        ]);
        match self.below(3) {
            0 => format!("{MARK}{number} {around}"),
            1 => format!("{around} {MARK}{number}"),
            _ => format!("{around}{MARK}{number}{around}"),
        }
    }

    pub fn long_text(&mut self) -> String {
        let part = self.text();
        part.repeat(1 + self.below(20))
    }

    pub fn email(&mut self) -> String {
        let number = self.next() % 1_000_000;
        let local = self.pick(&["", "first.", "a+tag-", "x_y."]);
        let mark = if self.below(2) == 0 { MARK.to_owned() } else { MARK.to_lowercase() };
        format!("{local}{mark}{number}@example.org")
    }

    /// A field name as some client spells it; Salesforce does not mind.
    fn spelled(&mut self, name: &str) -> String {
        match self.below(4) {
            0 => name.to_lowercase(),
            1 => name.to_uppercase(),
            _ => name.to_owned(),
        }
    }

    fn contact(&mut self) -> Value {
        let (email, last, first) = (self.email(), self.text(), self.text());
        let mut fields = serde_json::Map::new();
        fields.insert(self.spelled("LastName"), last.into());
        fields.insert(self.spelled("Email"), email.into());
        if self.below(2) == 0 {
            fields.insert(self.spelled("FirstName"), first.into());
        }
        if self.below(3) == 0 {
            let phone = self.text();
            fields.insert(self.spelled("Phone"), phone.into());
        }
        if self.below(4) == 0 {
            fields.insert("Description".to_owned(), self.long_text().into());
        }
        fields.insert("Ext_Id__c".to_owned(), format!("X{}", self.next()).into());
        Value::Object(fields)
    }

    fn properties(&mut self) -> Value {
        json!({ "email": self.email(), "lastname": self.text(), "firstname": self.text(), "phone": self.text() })
    }

    /// JSON text, sometimes with every character of its strings escaped.
    pub fn spell(&mut self, value: &Value) -> String {
        if self.below(3) > 0 {
            return value.to_string();
        }
        match value {
            Value::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{}:{}", escaped(key), Self::spell_escaped(value)))
                    .collect();
                format!("{{{}}}", members.join(" , "))
            }
            other => Self::spell_escaped(other),
        }
    }

    fn spell_escaped(value: &Value) -> String {
        match value {
            Value::String(text) => escaped(text),
            other => other.to_string(),
        }
    }
}

fn escaped(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{units}\"")
}

pub fn percent(text: &str, random: &mut Random) -> String {
    let all = random.below(2) == 0;
    text.bytes()
        .map(|byte| {
            if !all && byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect()
}

fn soql_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\t', "\\t"))
}

/// Plays generated requests over all operations; returns how many the upstream got.
async fn play(world: &World, callers: &[&str], requests: usize, seed: u64) -> usize {
    let mut random = Random(seed);
    let before = world.crm.request_count();
    for _ in 0..requests {
        let caller = random.pick(callers);
        let (method, path, body) = generate(&mut random);
        let sent = body.clone();
        let answer = world.send(caller, method, &path, body).await;
        if caller == "analyst" {
            let shown = foreign_marks(&answer.body, &format!("{path} {sent}"));
            assert!(
                shown.is_empty(),
                "a caller without a role saw {shown:?} in the answer to {path}"
            );
        }
    }
    usize::try_from(world.crm.request_count() - before).expect("a count")
}

/// The canaries in an answer that its own request did not send: an error may
/// repeat what the caller said.
fn foreign_marks(answer: &[u8], request: &str) -> Vec<String> {
    let plain = |bytes: &[u8]| String::from_utf8_lossy(&unescape(bytes)).to_lowercase();
    let sent = plain(&unpercent(request.as_bytes()));
    let answer = plain(answer);
    let wanted = MARK.to_lowercase();
    let marks = answer.match_indices(&wanted).map(|(at, mark)| {
        let digits = answer[at + mark.len()..].chars().take_while(char::is_ascii_digit);
        format!("{mark}{}", digits.collect::<String>())
    });
    marks.filter(|mark| !sent.contains(mark)).collect()
}

fn generate(random: &mut Random) -> (Method, String, String) {
    const SF: &str = "/sf/services/data/v62.0";
    const HS: &str = "/hs/crm/v3/objects/contacts";
    let email = random.email();
    let key = percent(&email, random);
    match random.below(30) {
        0 | 1 => {
            let contact = random.contact();
            (Method::POST, format!("{SF}/sobjects/Contact/"), random.spell(&contact))
        }
        2 => {
            let contact = random.contact();
            (
                Method::PATCH,
                format!("{SF}/sobjects/Contact/003000000000001AAA"),
                random.spell(&contact),
            )
        }
        3 => {
            let mut contact = random.contact();
            contact
                .as_object_mut()
                .expect("an object")
                .retain(|name, _| !name.eq_ignore_ascii_case("email"));
            (Method::PATCH, format!("{SF}/sobjects/Contact/Email/{key}"), contact.to_string())
        }
        4 => (Method::GET, format!("{SF}/sobjects/Contact/Email/{key}"), String::new()),
        5 => {
            let records: Vec<Value> = (0..3)
                .map(|_| {
                    let mut contact = random.contact();
                    contact["attributes"] = json!({ "type": "Contact" });
                    contact
                })
                .collect();
            (
                Method::POST,
                format!("{SF}/composite/sobjects"),
                json!({ "allOrNone": false, "records": records }).to_string(),
            )
        }
        6 => {
            let records: Vec<Value> = (0..2)
                .map(|_| {
                    let mut contact = random.contact();
                    contact["attributes"] = json!({ "type": "Contact" });
                    contact
                })
                .collect();
            (
                Method::PATCH,
                format!("{SF}/composite/sobjects/Contact/Ext_Id__c"),
                json!({ "records": records }).to_string(),
            )
        }
        7..=9 => {
            let field = random.pick(&["Email", "LastName", "FirstName", "email", "LASTNAME"]);
            let value = if field.eq_ignore_ascii_case("email") { email } else { random.text() };
            let other = random.text();
            let condition = match random.below(4) {
                0 => format!("{field} != {}", soql_literal(&value)),
                1 => format!("{field} IN ({}, {})", soql_literal(&value), soql_literal(&other)),
                2 => format!(
                    "{field} = {} OR (NOT LastName = {})",
                    soql_literal(&value),
                    soql_literal(&other)
                ),
                _ => format!("{field} = {}", soql_literal(&value)),
            };
            let soql =
                format!("SELECT Id, Name, Email, LastName FROM Contact WHERE {condition} LIMIT 5");
            let query = percent(&soql, random).replace("%20", "+");
            (Method::GET, format!("{SF}/query/?q={query}"), String::new())
        }
        22 => {
            let url = format!("/services/data/v62.0/sobjects/Contact/Email/{key}");
            let literal = soql_literal(&random.text());
            let query = percent(&format!("SELECT Id FROM Lead WHERE LastName = {literal}"), random);
            let query = format!("/services/data/v62.0/query?q={query}");
            let parts = json!({ "compositeRequest": [
                { "method": "POST", "url": "/services/data/v62.0/sobjects/Contact",
                  "referenceId": "a", "body": random.contact() },
                { "method": "GET", "url": url, "referenceId": "b" },
                { "method": "GET", "url": query, "referenceId": "c" },
            ]});
            (Method::POST, format!("{SF}/composite"), random.spell(&parts))
        }
        23 => {
            let where_name = soql_literal(&random.text());
            let search = format!(
                "FIND {{\"{}\"}} IN EMAIL FIELDS RETURNING Lead(Id WHERE LastName = {where_name})",
                email.replace('-', "\\-").replace('+', "\\+")
            );
            let query = percent(&search, random);
            (Method::GET, format!("{SF}/search?q={query}"), String::new())
        }
        10 => {
            (Method::POST, HS.to_owned(), json!({ "properties": random.properties() }).to_string())
        }
        11 => (
            Method::PATCH,
            format!("{HS}/{key}?idProperty=email"),
            json!({ "properties": { "lastname": random.text() } }).to_string(),
        ),
        12 => (
            Method::GET,
            format!("{HS}/{key}?idProperty=email&properties=email,lastname"),
            String::new(),
        ),
        13 => {
            let inputs: Vec<Value> =
                (0..3).map(|_| json!({ "properties": random.properties() })).collect();
            (Method::POST, format!("{HS}/batch/create"), json!({ "inputs": inputs }).to_string())
        }
        14 => {
            let input = json!({ "idProperty": "email", "id": email, "properties": { "lastname": random.text() } });
            (Method::POST, format!("{HS}/batch/upsert"), json!({ "inputs": [input] }).to_string())
        }
        15 => {
            let body = json!({ "idProperty": "email", "properties": ["email", "lastname"], "inputs": [{ "id": email }] });
            (Method::POST, format!("{HS}/batch/read"), body.to_string())
        }
        16 => {
            let operator = random.pick(&["EQ", "NEQ"]);
            let filter = json!({ "propertyName": "email", "operator": operator, "value": email });
            let body = json!({ "filterGroups": [{ "filters": [filter] }], "properties": ["email", "firstname"], "limit": 5 });
            (Method::POST, format!("{HS}/search"), body.to_string())
        }
        17 => {
            let person = json!({ "email": email, "name": random.text(), "notes": [{ "text": random.long_text() }] });
            (Method::POST, "/any/v1/people".to_owned(), random.spell(&person))
        }
        18 => (Method::GET, format!("/any/v1/people/{key}"), String::new()),
        19 => {
            (Method::GET, format!("/any/v1/people?page=2&filter%5Bemail%5D={key}"), String::new())
        }
        20 => {
            let name = random.text();
            let name = percent(&name, random).replace("%20", "+");
            (Method::POST, "/any/v1/forms".to_owned(), format!("email={key}&name={name}"))
        }
        24..=26 => beside_contacts(random, &email, &key),
        27..=29 => graphql::graphql(random),
        _ => {
            let filter = json!({ "propertyName": "lastname", "operator": "IN", "values": [random.text(), random.text()] });
            (
                Method::POST,
                format!("{HS}/search"),
                json!({ "filterGroups": [{ "filters": [filter] }], "limit": 5 }).to_string(),
            )
        }
    }
}

/// What HubSpot keeps of people elsewhere than in contacts, and in older forms.
fn beside_contacts(random: &mut Random, email: &str, key: &str) -> (Method, String, String) {
    const V1: &str = "/hs/contacts/v1";
    const PREFERENCES: &str = "/hs/communication-preferences";
    let (post, get) = (Method::POST, Method::GET);
    match random.below(9) {
        8 => (post, "/hs/crm/v3/imports".to_owned(), import(random)),
        0 | 1 => {
            let person =
                json!({ "email": email, "firstName": random.text(), "raw": random.text() });
            let other = json!({ "email": random.email(), "lastName": random.text() });
            let headers = random.spell(&json!({ "from": person, "to": [other], "cc": [] }));
            let properties = json!({ "hs_email_headers": headers, "hs_email_text": random.long_text(), "hs_email_subject": random.text() });
            let body = json!({ "properties": properties });
            (post, "/hs/crm/v3/objects/emails".to_owned(), random.spell(&body))
        }
        2 => {
            let properties = json!({ "hs_note_body": random.long_text() });
            let body = json!({ "properties": properties, "associations": [] });
            (post, "/hs/crm/v3/objects/notes".to_owned(), random.spell(&body))
        }
        3 | 4 => {
            let pair = |property, value| json!({ "property": property, "value": value });
            let pairs = [pair("lastname", random.text()), pair("email", random.email())];
            let path = format!("{V1}/contact/createOrUpdate/email/{key}/");
            (post, path, random.spell(&json!({ "properties": pairs })))
        }
        5 => (get, format!("{V1}/contact/email/{key}/profile?property=email"), String::new()),
        6 => (get, format!("{PREFERENCES}/v3/status/email/{key}"), String::new()),
        _ => {
            let body = json!({ "emailAddress": email, "subscriptionId": "7", "legalBasisExplanation": random.text() });
            (post, format!("{PREFERENCES}/v3/unsubscribe"), random.spell(&body))
        }
    }
}

/// A form with a file of two contacts.
fn import(random: &mut Random) -> String {
    let column = |name, property| json!({ "columnObjectTypeId": "0-1", "columnName": name, "propertyName": property });
    let columns = [column("Nachname", "lastname"), column("E-Mail", "email")];
    let page = json!({ "hasHeader": true, "columnMappings": columns });
    let file = json!({ "fileName": "c.csv", "fileFormat": "CSV", "fileImportPage": page });
    let order =
        json!({ "name": "March", "importOperations": { "0-1": "UPSERT" }, "files": [file] });
    let order = random.spell(&order);
    let rows: String = (0..2)
        .map(|_| {
            let (email, name) = (random.email(), random.text().replace('"', "\"\""));
            format!("{email},\"{name}\"\n")
        })
        .collect();
    format!(
        "--xXx\r\nContent-Disposition: form-data; name=\"importRequest\"\r\n\r\n{order}\r\n--xXx\r\nContent-Disposition: form-data; name=\"files\"; filename=\"c.csv\"\r\n\r\nE-Mail,\"Nachname\"\n{rows}\r\n--xXx--\r\n"
    )
}

/// Everything that was written outside the house or beside it, by name.
async fn everything(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    let requests = world.crm.requests();
    assert_eq!(requests.len() as u64, world.crm.request_count(), "the recorder has lost requests");
    for (number, request) in requests.into_iter().enumerate() {
        let mut bytes = request.target.to_vec();
        for (name, value) in &request.headers {
            bytes.extend_from_slice(format!("\n{name}: ").as_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes.extend_from_slice(b"\n\n");
        bytes.extend_from_slice(&request.body);
        seen.push((
            format!(
                "upstream request {number} ({} {})",
                request.method,
                String::from_utf8_lossy(&request.target)
            ),
            bytes,
        ));
    }
    seen.push(("metrics".to_owned(), world.admin("/metrics").await.body.to_vec()));
    seen.push(("log".to_owned(), world.log()));
    for entry in std::fs::read_dir(&world.folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_file() {
            seen.push((
                path.display().to_string(),
                std::fs::read(&path).expect("the file can be read"),
            ));
        }
    }
    seen
}

fn leaks(seen: &[(String, Vec<u8>)]) -> Vec<String> {
    seen.iter()
        .filter_map(|(name, bytes)| finds(bytes).map(|encoding| format!("{name}: {encoding}")))
        .collect()
}

/// The encoding in which the mark stands in `haystack`, if it does.
pub fn finds(haystack: &[u8]) -> Option<&'static str> {
    let mark = MARK.to_lowercase();
    let has = |bytes: &[u8]| {
        let lower = bytes.to_ascii_lowercase();
        lower.windows(mark.len()).any(|window| window == mark.as_bytes())
    };
    let once = unpercent(haystack);
    let twice = unpercent(&once);
    let narrow: Vec<u8> = haystack.iter().copied().filter(|byte| *byte != 0).collect();
    let hex_lower: Vec<u8> =
        mark.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    let hex_mark: Vec<u8> =
        MARK.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
    let lower = haystack.to_ascii_lowercase();
    let contains = |needle: &[u8]| lower.windows(needle.len()).any(|window| window == needle);
    if has(haystack) {
        Some("raw")
    } else if has(&once) || has(&twice) {
        Some("percent-encoded")
    } else if has(&unescape(haystack)) || has(&unescape(&once)) {
        Some("JSON escapes")
    } else if has(&narrow) {
        Some("UTF-16")
    } else if contains(&hex_mark) || contains(&hex_lower) {
        Some("hexadecimal")
    } else if base64_forms()
        .iter()
        .any(|form| haystack.windows(form.len()).any(|window| window == form.as_bytes()))
    {
        Some("base64")
    } else {
        None
    }
}

/// The middle of the mark's base64 at each offset, which no neighbour changes.
fn base64_forms() -> Vec<String> {
    let mut forms = Vec::new();
    for mark in [MARK.to_owned(), MARK.to_lowercase(), MARK.to_uppercase()] {
        for offset in 0..3 {
            let encoded = STANDARD.encode(format!("{}{mark}", "\0".repeat(offset)));
            let first = (offset * 8).div_ceil(6);
            let last = (offset + mark.len()) * 8 / 6;
            forms.push(encoded[first..last].to_owned());
        }
    }
    forms
}

fn unpercent(bytes: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(bytes).collect()
}

fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let unit = (bytes[at..].starts_with(b"\\u"))
            .then(|| bytes.get(at + 2..at + 6))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .and_then(char::from_u32);
        if let Some(character) = unit {
            out.extend_from_slice(character.to_string().as_bytes());
            at += 6;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}
