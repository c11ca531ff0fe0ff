// SPDX-License-Identifier: Apache-2.0
//! Each carrier, query language and dialect against bytes that nobody would send: seeds
//! that are cut, doubled, mixed and broken. Nothing may panic, find more places than
//! there are bytes, or change a byte that is to be kept.
//!
//! A run is the same each time; `tests/run --long` tries fifty times as much.

use std::path::Path;

use bytes::Bytes;
use zollhaus::carrier::{Content, Document, Replacement, Slot};
use zollhaus::crm::dynamics::Dynamics;
use zollhaus::crm::hubspot::HubSpot;
use zollhaus::crm::pipedrive::Pipedrive;
use zollhaus::crm::salesforce::Salesforce;
use zollhaus::crm::zoho::Zoho;
use zollhaus::crm::{AnswerView, Dialect, LocatedRequest, Origins, RequestView, Told};

use crate::random::Random;

use examples::{Example, examples};
use parsers::PARSERS;

pub mod archives;
mod broken;
mod examples;
mod parsers;
mod graphql;
mod salesforce;
mod zoho;

const ROUNDS: usize = 4_000;

fn rounds() -> usize {
    if std::env::var_os("ZOLLHAUS_TEST_LONG").is_some() { 50 * ROUNDS } else { ROUNDS }
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
        Content::Archive { documents, .. } => documents.iter().flat_map(Document::slots).all(keeps),
        Content::Rewritten(_) => false,
    }
}

#[test]
fn no_parser_panics() {
    for (name, parse) in PARSERS {
        let seeds = seeds(name);
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

fn seeds(parser: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(parser);
    let files = std::fs::read_dir(&folder).expect("a folder of seeds");
    let mut paths: Vec<_> = files.map(|file| file.expect("a seed").path()).collect();
    paths.sort_unstable();
    assert!(!paths.is_empty(), "{parser}");
    paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
}

/// What Salesforce says of the job of most of its examples.
const JOB: &[u8] = br#"{"id":"750WV000000demoYAA","object":"Contact","operation":"insert",
    "columnDelimiter":"COMMA","lineEnding":"LF"}"#;

/// The same of the examples of the Bulk API 1.0.
const BATCH_JOB: &[u8] = br#"{"id":"750WV000000demoXAA","object":"Contact","operation":"insert",
    "contentType":"XML"}"#;

fn job_of(target: &[u8]) -> Bytes {
    Bytes::from_static(if target.starts_with(b"/services/async") { BATCH_JOB } else { JOB })
}

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
        siblings: Vec::new(),
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
        for round in 0..rounds() * 10 {
            let example = &examples[round % examples.len()];
            let (mut target, mut body) = (example.target.clone(), example.body.clone());
            match random.below(4) {
                0 => target = random.broken(&targets),
                1 | 2 => body = random.broken(&bodies),
                _ => {}
            }
            let job = job_of(&target);
            let view = RequestView {
                method: &example.method,
                target: &target.into(),
                headers: &example.headers,
                body: &body.into(),
                origins: &origins,
                expansion: archives::LIMITS,
                told: Told { by_crm: Some(&job), by_caller: Some("contact"), quarantined: &[] },
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
        expansion: archives::LIMITS,
        sorted: None,
    };
    let Ok(answer) = request.answer.locate(&view) else { return false };
    answer.documents().for_each(check);
    true
}
