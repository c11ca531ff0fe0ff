// SPDX-License-Identifier: Apache-2.0

use std::fs;

use crate::config::load_policy;
use crate::crm::Dialect;
use crate::crm::hubspot::HubSpot;
use crate::crm::salesforce::Salesforce;
use crate::testkit::Scratch;

#[test]
fn a_policy_says_how_many_rows_are_sorted() {
    let folder = Scratch::new();
    let check = |dialect: &dyn Dialect, key: &str, expected: Result<usize, &str>| {
        let text = format!(
            "version: 1\n{key}\ncategories: {{ name: {{}} }}\nobjects:\n  Contact:\n    \
             fields: {{ Nick: {{ category: name, protect: tokenize }} }}\n    unlisted: pass\n"
        );
        fs::write(folder.file("policy.yaml"), text).unwrap();
        let loaded = load_policy(&folder.file("policy.yaml"), dialect, "tokens.acme.com");
        match (loaded, expected) {
            (Ok(loaded), Ok(rows)) => assert_eq!(loaded.value.sorted_rows, rows, "{key}"),
            (Err(problems), Err(said)) => {
                assert!(problems.to_string().contains(said), "{key}: {problems}");
            }
            (found, _) => panic!("{key}: {:?}", found.map(|it| it.value.sorted_rows)),
        }
    };
    check(&Salesforce, "", Ok(2000));
    check(&Salesforce, "sorted_rows: 0", Ok(0));
    check(&Salesforce, "sorted_rows: 1", Ok(1));
    check(&Salesforce, "sorted_rows: 2001", Err("2001"));
    check(&Salesforce, "sorted_rows: many", Err("a whole number in decimal digits"));
    check(&HubSpot, "sorted_rows: 5", Err("queries to hubspot are not sorted here"));
}
