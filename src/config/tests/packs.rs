// SPDX-License-Identifier: Apache-2.0
//! The policies that we ship.

use std::fs;
use std::path::Path;

use crate::config::load_policy;
use crate::crm::Dialect;
use crate::crm::hubspot::HubSpot;
use crate::crm::salesforce::Salesforce;
use crate::testkit::Scratch;

#[test]
fn the_packs_fit_their_dialects() {
    let check = |pack: &str, dialect: &dyn Dialect| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let loaded = load_policy(&folder.join(pack), dialect, "tokens.acme.example")
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    };
    check("salesforce.yaml", &Salesforce);
    check("hubspot.yaml", &HubSpot);
    // It says nothing that needs a dialect with facts.
    check("example-api.yaml", &HubSpot);
}

#[test]
fn the_policy_in_the_readme_is_one() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("```yaml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let folder = Scratch::new();
    let path = folder.file("policy.yaml");
    fs::write(&path, example).unwrap();
    let loaded = load_policy(&path, &Salesforce, "tokens.corp.example")
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.value.objects.len(), 1);
}
