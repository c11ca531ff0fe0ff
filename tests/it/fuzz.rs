// SPDX-License-Identifier: Apache-2.0
//! Each carrier, query language and dialect against bytes that nobody would send: seeds
//! that are cut, doubled, mixed and broken. Nothing may panic, find more places than
//! there are bytes, or change a byte that is to be kept.
//!
//! A run is the same each time; `tests/run --long` tries fifty times as much.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use zollhaus::carrier::csv::{Csv, Delimiter, LineEnding};
use zollhaus::carrier::json::Json;
use zollhaus::carrier::multipart;
use zollhaus::carrier::url::Target;
use zollhaus::carrier::{Content, Document, Replacement, Slot};
use zollhaus::crm::dynamics::Dynamics;
use zollhaus::crm::hubspot::HubSpot;
use zollhaus::crm::pipedrive::Pipedrive;
use zollhaus::crm::salesforce::Salesforce;
use zollhaus::crm::zoho::Zoho;
use zollhaus::crm::{AnswerView, Dialect, LocatedRequest, Origins, RequestView, Told};
use zollhaus::query::odata::{self, Clause};
use zollhaus::query::{coql, fetchxml, soql, sosl, zoho_criteria};

use crate::random::Random;

mod zoho;

const ROUNDS: usize = 4_000;
/// Longer inputs find nothing that shorter ones do not, and take longer.
const LONGEST: usize = 16 * 1024;

/// Pieces of all the syntaxes: delimiters, keywords, what is nearly valid.
const WORDS: &[&str] = &[
    "\"",
    "'",
    "''",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "[[[[",
    ":",
    ",",
    ";",
    "|",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "(",
    ")",
    "((((",
    "%",
    "%2",
    "%00",
    "%27",
    "%25",
    "+",
    "/",
    "..",
    "?",
    "&",
    "=",
    "#",
    "<",
    ">",
    "<!DOCTYPE x>",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#0;",
    "<!--",
    "-->",
    "--",
    "\r\n--",
    "null",
    "true",
    "1e999",
    "-0",
    "9999999999999999999999999999999999999999",
    " AND ",
    " OR ",
    " NOT ",
    " IN (",
    " LIKE '",
    "SELECT ",
    "${EMPTY}",
    "->",
    ":equals:",
    ":not_in:",
    "\\,",
    ")and(",
    "FROM ",
    " WHERE ",
    " eq ",
    " ne ",
    "contains(",
    "startswith(",
    "any(x:",
    "$filter=",
    "$expand=",
    "$batch",
    "$1",
    "@{ref.id}",
    "FIND {",
    "RETURNING ",
    "ORDER BY ",
    "LIMIT 99999999999999999999",
    "\u{feff}",
    "\u{202e}",
    "ß",
    "İ",
    "😀",
    "\u{301}",
    "\u{85}",
    "\u{2028}",
    "é",
];

fn rounds() -> usize {
    if std::env::var_os("ZOLLHAUS_TEST_LONG").is_some() { 50 * ROUNDS } else { ROUNDS }
}

impl Random {
    /// A seed with a few accidents.
    fn broken(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(20)).min(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
                4 if at < bytes.len() => bytes[at] = self.next() as u8,
                5 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                6 => {
                    let word = self.pick(WORDS);
                    let many = word.repeat(1 + self.below(300));
                    bytes.splice(at..at, many.into_bytes());
                }
                _ => {
                    let word = self.pick(WORDS);
                    bytes.splice(at..end, word.bytes());
                }
            }
        }
        bytes.truncate(LONGEST);
        bytes
    }
}

fn check(document: &Document) {
    let occurrences = document.occurrences();
    assert!(occurrences.len() <= document.bytes().len() + 1, "more places than bytes");
    let keep = vec![Replacement::Keep; occurrences.len()];
    let rendered = document.render(&mut keep.iter()).expect("kept as it is");
    if document.slots().iter().all(keeps) {
        assert_eq!(rendered, *document.bytes(), "kept bytes have changed");
    }
    // What is replaced is replaced: the old text is not left beside the new one.
    let all = vec![Replacement::text("ZHT"); occurrences.len()];
    let _ = document.render(&mut all.iter());
}

/// Whether the slot may be left as it is: links are written anew.
fn keeps(slot: &Slot) -> bool {
    match &slot.content {
        // A length is that of what stands there, unless something else changes.
        Content::Value(_) | Content::Length { .. } => true,
        Content::Nested { document, .. } => document.slots().iter().all(keeps),
        Content::Rewritten(_) => false,
    }
}

/// A carrier or a query language: its name, what it reads, and its parser.
type Parser = (&'static str, &'static [&'static str], fn(&[u8]));

const PARSERS: &[Parser] = &[
    (
        "json",
        &[
            r#"{"a":"b","c":[1,2.50,-0,true,null,{"d":"\u00fc\ud83d\ude00\n"}]}"#,
            r#"[[],{},"",0,{"a":{"a":{"a":[[[]]]}}}]"#,
        ],
        |bytes| drop(Json::parse(bytes, 64)),
    ),
    (
        "url",
        &["/a/b%20c;d?e=f&g=h+i&e=%C3%BC#j", "/contacts(emailaddress1='a%27%27b@c.de')?$top=1"],
        |bytes| drop(Target::parse(&Bytes::copy_from_slice(bytes))),
    ),
    (
        "soql",
        &[
            "SELECT Id, (SELECT Email FROM Contacts c WHERE c.Email = 'a\\'b') FROM Account a, a.Owner o \
             WHERE (a.Name IN ('x', 'y') OR NOT Phone != null) AND Id IN (SELECT AccountId FROM Contact) \
             GROUP BY ROLLUP(Name) HAVING COUNT(Id) > 1 ORDER BY Name NULLS LAST LIMIT 5 OFFSET 2",
            "SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END, toLabel(a) b FROM Event \
             WHERE CreatedDate = LAST_N_DAYS:30 AND x INCLUDES ('a;b') USING SCOPE mine FOR VIEW",
        ],
        |bytes| drop(soql::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "coql",
        &[
            "select Last_Name, 'What_Id->Leads.Email' as x, !Tasks.Owner, COUNT(id) as n, max(Phone) from \
             Tasks where ((a = 'O''N' and b in(\"c\", d, 1.5)) or e != true) and f not like '%x' group by a \
             order by n desc, a limit 10, 20",
            "select id from Leads where a is not null and b between 1 and -2 or c not in ('x') offset 3",
        ],
        |bytes| drop(coql::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "zoho_criteria",
        &[
            "((Email:equals:a+b@c.de)and((Last_Name:in:Burns\\,B,C)or(A.b:not_equal:\\(x\\))))",
            "Created_Time:between:2024-02-01T18:52:56+00:00,2024-02-20T18:52:56Z and $x:starts_with:",
        ],
        |bytes| drop(zoho_criteria::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "odata",
        &[
            "lastname eq 'O''Brien' and not (a in ('x',1) or contains(b,'c')) and \
             d/any(e:e/f ne 2026-11-24T10:00:00Z) and g eq 70bf4d48-34cb-ed11-b596-0022481d68cd",
            "Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=['a',\"b\\u00fc\"])",
            "a($select=b;$filter=c eq 'd';$expand=e($orderby=f desc);$top=3),g/$ref",
            "filter(a eq 'b')/groupby((c,d/e),aggregate($count as n,f with sum as g))",
            "contacts(lastname='x',emailaddress1=@p1)",
        ],
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let alias = |_: &str| Some("'lastname'".to_owned());
            for clause in
                [Clause::Filter, Clause::OrderBy, Clause::Select, Clause::Expand, Clause::Apply]
            {
                drop(odata::parse(clause, &text, &alias));
            }
            drop((odata::segment(&text), odata::literals(&text)));
        },
    ),
    (
        "fetchxml",
        &[
            "<?xml version='1.0'?><fetch top='5' paging-cookie='&lt;cookie/&gt;'><entity name='contact'>\
           <attribute name='a' alias='b'/><order attribute='c'/><filter type='or'>\
           <condition attribute='d' operator='eq' uiname='e' value='f&amp;&#228;'/>\
           <condition entityname='l' attribute='g' operator='in'><value>h</value></condition></filter>\
           <link-entity name='account' from='i' to='j' alias='l'/></entity></fetch>",
        ],
        |bytes| drop(fetchxml::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "multipart",
        &["--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
           POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\r\n--b\nA: b\n\nGET /b HTTP/1.1\n\n--b--\n"],
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            for part in multipart::parts(&text, 0..text.len(), "b").into_iter().flatten() {
                drop(part.message(&text));
            }
        },
    ),
    (
        "sosl",
        &[
            "FIND {\"a\\-b@c.de\"} IN EMAIL FIELDS RETURNING Contact(Id, toLabel(x) WHERE \
             Email IN ('a', 'b') ORDER BY Name LIMIT 5), Lead WITH SPELL_CORRECTION = false LIMIT 9",
            "find {(a OR b*) AND NOT \"c d\"} returning Account(Name USING ListView=x) UPDATE VIEWSTAT",
        ],
        |bytes| drop(sosl::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "csv",
        &["a,b\n\"x, \"\"y\"\"\nz\",\n,\"\"\n", "Id;Account.Ext__c\r\n1;\"2;3\"\r\n"],
        |bytes| {
            for delimiter in [Delimiter::Comma, Delimiter::Semicolon] {
                drop(Csv::parse(bytes, delimiter, LineEnding::Either));
            }
        },
    ),
];

#[test]
fn no_parser_panics() {
    for (name, seeds, parse) in PARSERS {
        let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
        for seed in &seeds {
            parse(seed);
        }
        let mut random = Random(0x46_55_5a_5a);
        for _ in 0..10 * rounds() {
            let bytes = random.broken(&seeds);
            let outcome = std::panic::catch_unwind(|| parse(&bytes));
            assert!(outcome.is_ok(), "{name}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// An exchange of `../shared/crm`.
struct Example {
    method: Method,
    target: Vec<u8>,
    headers: HeaderMap,
    body: Vec<u8>,
    status: StatusCode,
    answer_headers: HeaderMap,
    answer: Vec<u8>,
}

/// What the examples of a CRM send and get; `None` where they are absent.
fn examples(vendor: &str) -> Option<Vec<Example>> {
    if vendor == "zoho" {
        return Some(zoho::examples());
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
    Some(paths.iter().filter_map(read).collect())
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

/// What Salesforce says of the job of most of its examples.
const JOB: &[u8] = br#"{"id":"750WV000000demoYAA","object":"Contact","operation":"insert",
    "columnDelimiter":"COMMA","lineEnding":"LF"}"#;

fn dialects() -> [(&'static str, Box<dyn Dialect>); 5] {
    [
        ("salesforce", Box::new(Salesforce)),
        ("hubspot", Box::new(HubSpot)),
        ("pipedrive", Box::new(Pipedrive)),
        ("zoho", Box::new(Zoho)),
        ("dynamics", Box::new(Dynamics)),
    ]
}

#[test]
fn no_dialect_panics_or_changes_what_is_kept() {
    let origins = Origins {
        upstream: "https://crm.example".to_owned(),
        public: "https://zoll.example/x".to_owned(),
    };
    for (vendor, dialect) in dialects() {
        let Some(examples) = examples(vendor) else { continue };
        let pick = |of: fn(&Example) -> &Vec<u8>| -> Vec<Vec<u8>> {
            examples.iter().map(of).cloned().collect()
        };
        let (targets, bodies, answers) =
            (pick(|it| &it.target), pick(|it| &it.body), pick(|it| &it.answer));
        let mut random = Random(0x43_52_4d);
        let (mut requests, mut read) = (0, 0);
        let job = Bytes::from_static(JOB);
        for round in 0..rounds() * 10 {
            let example = &examples[round % examples.len()];
            let (mut target, mut body) = (example.target.clone(), example.body.clone());
            match random.below(4) {
                0 => target = random.broken(&targets),
                1 | 2 => body = random.broken(&bodies),
                _ => {}
            }
            let view = RequestView {
                method: &example.method,
                target: &target.into(),
                headers: &example.headers,
                body: &body.into(),
                origins: &origins,
                told: Some(Told { by_crm: &job, by_caller: Some("contact") }),
            };
            let Ok(request) = dialect.locate(&view) else { continue };
            requests += 1;
            request.documents().for_each(check);
            let answer = match random.below(3) {
                0 => example.answer.clone(),
                _ => random.broken(&answers),
            };
            read += usize::from(read_answer(&request, example, answer, &origins));
        }
        assert!(requests > rounds(), "{vendor}: only {requests} requests were read");
        assert!(read > rounds() / 2, "{vendor}: only {read} answers were read");
    }
}

fn read_answer(
    request: &LocatedRequest,
    example: &Example,
    body: Vec<u8>,
    origins: &Origins,
) -> bool {
    let view = AnswerView {
        status: example.status,
        headers: &example.answer_headers,
        body: &body.into(),
        origins,
    };
    let Ok(answer) = request.answer.locate(&view) else { return false };
    answer.documents().for_each(check);
    true
}
