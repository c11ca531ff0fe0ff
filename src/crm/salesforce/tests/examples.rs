// SPDX-License-Identifier: Apache-2.0
//! The recorded and written exchanges of `../shared/crm/salesforce/examples`, all the way
//! with the policy that we ship.

use http::HeaderMap;
use serde_json::Value as Tree;

use super::{locate, locate_told, origins, read_answer, render};
use crate::carrier::Replacement;
use crate::crm::salesforce::Salesforce;
use crate::crm::{LocateError, LocatedRequest};
use crate::testkit::house::{
    Answer, House, Passed, Personal, body, check_passed, examples, header_map, left, refusals,
    strings,
};

/// Requests that surrogates do not answer, what is said of them, and which of their values
/// the refused use stands for. Their answers are checked all the same.
const REFUSED: &[(&str, &str, &[&str])] = &[
    (
        "composite",
        "a reference to another result is not available on protected field `contact.phone`",
        &[],
    ),
    (
        "parameterized-search-post",
        "a text search is not available on protected field `contact.assistantname`",
        &["+49 89 99998-123"],
    ),
    ("query-aggregate-alias", "GROUP BY is not available on protected field `contact.email`", &[]),
    ("query-email-equals", "ORDER BY is not available on protected field `contact.lastname`", &[]),
    ("query-escapes-in-like", "LIKE is not available on protected field `contact.phone`", &[]),
    (
        "query-semijoin-typeof",
        "comparing without the year, as Salesforce does, is not available on protected field `contact.birthdate`",
        &[],
    ),
];

/// What an example calls personal, and passes in clear on purpose.
const PASSED: &Passed<'_> = &[
    ("composite", &["Müller-Özdemir Consulting"], "the name of an organisation"),
    ("composite-sobjects-create", &["García y Hijos"], "the name of an organisation"),
    ("composite-tree", &["Weingut Großmann"], "the name of an organisation"),
    ("soap-login", &["a.schulz@example.com"], "who logs in, staff"),
    (
        "userinfo",
        &["a.schulz@example.com", "Annegret Schulz"],
        "what a user of the CRM, staff, is called",
    ),
];

/// What the CRM says of the job that an example is about.
fn job_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "bulk2-ingest-upload" | "bulk2-ingest-failed-results" => {
            r#"{"id":"750WV000000demoYAA","object":"Contact","operation":"insert",
                "columnDelimiter":"COMMA","lineEnding":"LF"}"#
        }
        "bulk2-ingest-upload-semicolon-crlf" => {
            r#"{"id":"750WV000000demoZAA","object":"Contact","operation":"upsert",
                "externalIdFieldName":"Email","columnDelimiter":"SEMICOLON","lineEnding":"CRLF"}"#
        }
        "bulk2-query-results" | "bulk2-query-results-last" => {
            r#"{"id":"750WV000000demoQAA","object":"Contact","operation":"query",
                "columnDelimiter":"PIPE","lineEnding":"CRLF"}"#
        }
        "bulk1-batch-xml" => {
            r#"{"id":"750WV000000demoXAA","object":"Contact","operation":"insert",
                "contentType":"XML"}"#
        }
        _ => return None,
    })
}

fn located(name: &str, request: &Tree) -> Result<LocatedRequest, LocateError> {
    let method = request["method"].as_str().unwrap();
    let target = request["target"].as_str().unwrap();
    let told = job_of(name).map(|job| (job, Some("contact")));
    let sent = body(request);
    let located = locate_told((method, target), &header_map(request), &sent, told)?;
    assert_eq!(render(&located.target, &Replacement::Keep), target, "{name}");
    assert_eq!(render(&located.body, &Replacement::Keep), sent, "{name}");
    Ok(located)
}

#[tokio::test]
async fn nothing_personal_leaves_and_everything_comes_back() {
    let house = House::new(&Salesforce, origins());
    let examples = examples("salesforce");
    let mut refused = Vec::new();
    for (name, example) in examples.iter().filter(|(_, example)| example["request"].is_object()) {
        let request = located(name, &example["request"]);
        let request = request.unwrap_or_else(|error| panic!("{name}: {error}"));
        let personal = Personal::listed(name, example, PASSED);
        refused.extend(house.check_request(name, &request, &personal).await);

        let answer = Answer::of(&example["response"]);
        let shown = house.check_answer(name, &request, &answer, &personal).await;
        assert_eq!(left(&strings(&example["upstream_urls"]), &shown.written()), [""; 0], "{name}");
    }
    if examples.is_empty() {
        return;
    }
    assert_eq!(refusals(&refused), REFUSED);
    check_passed(PASSED, &examples);
}

/// Answers without their requests, of objects that are not protected: whatever they are,
/// they stay as they are. Only rows of groups mean nothing without their query.
#[tokio::test]
async fn every_answer_of_the_fixtures_stays_as_it_is() {
    const BY_LOCATOR: [&str; 2] = ["/services/data/v62.0/query/01g", "/services/data/v62.0/limits"];
    const BY_QUERY: [&str; 1] = ["/services/data/v62.0/query?q=SELECT+CampaignId,AVG(Amount)\
                                  +FROM+Opportunity+GROUP+BY+CampaignId"];
    let house = House::new(&Salesforce, origins());
    let examples = examples("salesforce");
    for (name, example) in examples.iter().filter(|(_, example)| example["request"].is_null()) {
        let answer = Answer::of(&example["response"]);
        let has_groups = name == "fixture-query-aggregate-success-response";
        if has_groups {
            for target in BY_LOCATOR {
                let located = locate("GET", target, "").unwrap();
                let body = std::str::from_utf8(&answer.body).unwrap();
                assert!(read_answer(&located, 200, &HeaderMap::new(), body).is_err());
            }
        }
        let targets: &[&str] = if has_groups { &BY_QUERY } else { &BY_LOCATOR };
        for target in targets {
            let located = locate("GET", target, "").unwrap();
            house.check_answer(name, &located, &answer, &Personal::of(example, &[])).await;
        }
    }
}
