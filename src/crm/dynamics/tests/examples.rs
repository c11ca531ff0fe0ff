// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/dynamics/examples`, all the way with the policy that
//! we ship.

use serde_json::Value as Tree;

use super::{locate_with, origins, render};
use crate::carrier::Replacement;
use crate::crm::dynamics::Dynamics;
use crate::crm::{LocateError, LocatedRequest};
use crate::testkit::house::{
    Answer, House, Passed, Personal, body, check_passed, examples, header_map, left, refusals,
    strings,
};

/// Other APIs than the Web API: they are refused as unknown.
const NOT_READ: [&str; 1] = ["soap-organization-create"];

/// Parts that are no requests of the Web API.
const NO_REQUESTS: [(&str, &str); 5] = [
    (
        "fixture-batch",
        "the path cannot be parsed: it has a character that the language does not have there at byte 0",
    ),
    ("fixture-batch-create-content-i-d", "POST is not a method of this resource"),
    ("fixture-batch-create-content-i-d-no-collection", "POST is not a method of this resource"),
    ("fixture-batch-create-content-i-d-u-r-l-replace", "POST is not a method of this resource"),
    (
        "fixture-batch-error-change-set",
        "the body cannot be parsed: it has no delimiter where one must be, at byte 351",
    ),
];

/// Filters and orders that surrogates do not answer, what is said of them, and which of
/// their values the refused use stands for. Their answers are checked all the same.
const REFUSED: [(&str, &str, &[&str]); 3] = [
    (
        "contacts-filter-contains",
        "contains is not available on protected field `contact.firstname`",
        &[],
    ),
    (
        "contacts-paged-first",
        "$orderby is not available on protected field `contact.firstname`",
        &[],
    ),
    (
        "dataverse-search-query",
        "a text search is not available on protected field `contact.address1_city`",
        &[],
    ),
];

/// What an example calls personal, and passes in clear on purpose.
const PASSED: &Passed<'_> = &[
    ("contacts-filter-navigation", &["Weingut Großmann"], "the name of an organisation"),
    ("error-with-annotations", &["Ärztehaus Mitte"], "the name of an organisation"),
];

fn located(name: &str, request: &Tree) -> Result<LocatedRequest, LocateError> {
    // No client puts a space in a request line.
    let target = request["target"].as_str().unwrap().replace(' ', "%20");
    let method = request["method"].as_str().unwrap();
    let sent = body(request).replace("http://testorg.crm.dynamics.com", &origins().upstream);
    let located = locate_with(method, &target, &header_map(request), &sent)?;
    assert_eq!(render(&located.target, &Replacement::Keep), target, "{name}");
    // Fields of parts that are not known are taken out.
    let kept = sent.replace("my-header: success!\n", "").replace("custom: header\n", "");
    assert_eq!(render(&located.body, &Replacement::Keep), kept, "{name}");
    Ok(located)
}

/// The response, without the cookie of its next page: a Dataverse writes the values there
/// that it sorts by, and an order by protected columns is refused. Nor are there marks
/// around what a search has found, which would stand inside of surrogates.
fn response(example: &Tree) -> Tree {
    let mut response = example["response"].clone();
    if let Some(Tree::String(next)) = response["body"].get_mut("@odata.nextLink") {
        let end = next.find("$skiptoken=").unwrap() + "$skiptoken=".len();
        next.truncate(end);
    }
    let text = response.to_string().replace("{crmhit}", "").replace("{/crmhit}", "");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn nothing_personal_leaves_and_everything_comes_back() {
    let house = House::new(&Dynamics, origins());
    let examples = examples("dynamics");
    let (mut not_read, mut no_requests, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (name, example) in &examples {
        let request = match located(name, &example["request"]) {
            Ok(request) => request,
            Err(LocateError::UnknownOperation) => {
                not_read.push(name.as_str());
                continue;
            }
            Err(error) => {
                no_requests.push((name.as_str(), error.to_string()));
                continue;
            }
        };
        let personal = Personal::listed(name, example, PASSED);
        refused.extend(house.check_request(name, &request, &personal).await);

        let response = response(example);
        if response["status"].is_null() {
            continue;
        }
        let answer = Answer::of(&response);
        let shown = house.check_answer(name, &request, &answer, &personal).await;
        assert_eq!(left(&strings(&example["upstream_urls"]), &shown.written()), [""; 0], "{name}");
    }
    if examples.is_empty() {
        return;
    }
    assert_eq!(not_read, NOT_READ);
    let no_requests: Vec<_> = no_requests.iter().map(|(name, why)| (*name, &**why)).collect();
    assert_eq!(no_requests, NO_REQUESTS);
    assert_eq!(refusals(&refused), REFUSED);
    check_passed(PASSED, &examples);
}
