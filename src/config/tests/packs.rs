// SPDX-License-Identifier: Apache-2.0
//! The policies that we ship.

use std::path::Path;

use crate::config::load_policy;
use crate::crm::Dialect;
use crate::crm::hubspot::HubSpot;
use crate::crm::salesforce::Salesforce;

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
