// SPDX-License-Identifier: Apache-2.0
//! The policies that we ship.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::base::{Jurisdiction, Purpose, Region, RuleName};
use crate::border::{Border, Consents, Shipment, Strength, Window};
use crate::config::{Code, load_policy};
use crate::crm::Dialect;
use crate::crm::dynamics::Dynamics;
use crate::crm::hubspot::HubSpot;
use crate::crm::pipedrive::Pipedrive;
use crate::crm::salesforce::Salesforce;
use crate::crm::zoho::Zoho;
use crate::testkit::Scratch;

use super::complete::keys;

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
    check("pipedrive.yaml", &Pipedrive);
    check("dynamics.yaml", &Dynamics);
    check("zoho.yaml", &Zoho);
    // It says nothing that needs a dialect with facts.
    check("example-api.yaml", &Pipedrive);
}

#[test]
fn a_policy_for_another_crm_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let packs: [(&str, &dyn Dialect); 5] = [
        ("salesforce", &Salesforce),
        ("hubspot", &HubSpot),
        ("pipedrive", &Pipedrive),
        ("dynamics", &Dynamics),
        ("zoho", &Zoho),
    ];
    for (pack, _) in packs {
        for (name, dialect) in packs {
            let found =
                match load_policy(&folder.join(format!("{pack}.yaml")), dialect, "a.example") {
                    Ok(loaded) => loaded.warnings,
                    Err(problems) => problems,
                };
            let told = found.iter().filter(|found| found.problem.code == Code::OtherCrm);
            let told: Vec<&str> = told.map(|found| found.problem.message.as_str()).collect();
            let expected = format!("this looks like a policy for `{pack}`, not for `{name}`");
            assert_eq!(told, if pack == name { vec![] } else { vec![&*expected] });
        }
    }
}

/// Columns of the standard tables that hold persons beside contacts and leads.
#[test]
fn the_pack_of_dataverse_knows_where_persons_stand() {
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/dynamics.yaml");
    let policy = load_policy(&pack, &Dynamics, "tokens.acme.example").unwrap().value;
    for (object, field) in [
        ("leadaddress", "line1"),
        ("quote", "billto_contactname"),
        ("salesorder", "shipto_line1"),
        ("invoice", "emailaddress"),
        ("opportunity", "emailaddress"),
        ("campaignresponse", "lastname"),
        ("recurringappointmentmaster", "location"),
        ("serviceappointment", "subject"),
        ("systemuser", "governmentid"),
    ] {
        assert!(policy.rule_of(&object.into(), &field.into()).is_some(), "{object}.{field}");
    }
}

/// Properties of HubSpot's own that hold persons beside those of contacts.
#[test]
fn the_pack_of_hubspot_knows_where_persons_stand() {
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/hubspot.yaml");
    let policy = load_policy(&pack, &HubSpot, "tokens.acme.example").unwrap().value;
    for (object, field) in [
        ("contact", "hs_whatsapp_phone_number"),
        ("lead", "hs_lead_name"),
        ("lead", "hs_associated_contact_email"),
        ("order", "hs_billing_address_email"),
        ("order", "hs_shipping_address_street"),
        ("invoice", "hs_recipient_shipping_address"),
    ] {
        assert!(policy.rule_of(&object.into(), &field.into()).is_some(), "{object}.{field}");
    }
}

/// As an operator would use them: the own document first.
const HOUSE: &str = "
version: 1
law: GDPR
jurisdiction: [{ name: rest, otherwise: DE }]
confirmed:
  - { scope: us-dpf, upstreams: [sf], reference: looked up, until: 2026-12-31 }
bases:
  scc: { kind: scc, reference: SCC-1, until: 2027-06-30 }
transfers:
  - { name: scc, to: IN, action: allow, basis: scc, require: protected }
";

/// All packs behind [`HOUSE`].
fn all_laws() -> Arc<Border> {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/border");
    let folder = Scratch::new();
    let policy = folder.file("policy.yaml");
    let listed: Vec<String> = ["gdpr", "ccpa", "australia", "groups"]
        .map(|pack| format!("{}/{pack}.yaml", packs.display()))
        .into();
    let text = "version: 1\ncategories: { email: {}, health: {} }\nobjects:\n  Contact:\n    \
                fields:\n      Email: { category: email, protect: tokenize }\n      \
                Health__c: { category: health, protect: tokenize }\n    unlisted: pass\n";
    fs::write(&policy, format!("{text}border: [house.yaml, {}]\n", listed.join(", "))).unwrap();
    fs::write(folder.file("house.yaml"), HOUSE).unwrap();
    let loaded = load_policy(&policy, &Salesforce, "tokens.acme.example")
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    loaded.value.border.unwrap()
}

/// Data of some jurisdictions on their way.
struct Parcel<'p> {
    of: &'p [&'p str],
    to: &'p str,
    vault: &'p str,
    category: &'p str,
    purpose: &'p str,
    consents: Consents,
    day: &'p str,
}

impl Parcel<'_> {
    /// The verdict, and the rules that decided.
    fn before(&self, border: &Border) -> String {
        let jurisdictions: Vec<_> = self.of.iter().map(Jurisdiction::new).collect();
        let purpose = Some(Purpose::new(self.purpose)).filter(|it| !it.as_str().is_empty());
        let verdict = border.judge(&Shipment {
            jurisdictions: &jurisdictions,
            upstream: &"sf".into(),
            region: &Region::new(self.to),
            vault: Some(&Region::new(self.vault)),
            operation: None,
            field: None,
            category: Some(&self.category.into()),
            protection: Strength::Sealed,
            purpose: purpose.as_ref(),
            consents: &self.consents,
            today: self.day.parse().unwrap(),
        });
        let rules: Vec<&str> = verdict.rules.iter().map(RuleName::as_str).collect();
        format!("{} {}", verdict.action.as_str(), rules.join(" "))
    }
}

#[test]
fn special_categories_stay_in_a_vault_in_the_eea() {
    let border = all_laws();
    for (vault, expected) in
        [("FR", "tokenize"), ("EU", "tokenize"), ("US", "refuse"), ("?", "refuse")]
    {
        let consents = Consents::default().given("special_categories".into(), Window::ALWAYS);
        let (of, to, day) = (&["DE"], "US", "2026-11-24");
        let parcel = Parcel { of, to, vault, category: "health", purpose: "", consents, day };
        assert_eq!(
            parcel.before(&border),
            format!("{expected} gdpr/special-categories"),
            "{vault}"
        );
    }
}

#[test]
fn the_laws_hold_at_the_same_time() {
    let border = all_laws();
    let check =
        |of: &[&str], to: &str, category: &str, purpose: &str, day: &str, expected: &str| {
            let consents = Consents::default()
                .given("special_categories".into(), Window::ALWAYS)
                .withdrawn("sale".into());
            let parcel = Parcel { of, to, vault: "EEA", category, purpose, consents, day };
            assert_eq!(parcel.before(&border), expected, "{of:?} {to}");
        };
    let day = "2026-11-24";
    check(&["DE"], "FR", "email", "", day, "allow gdpr/within-eea");
    check(&["EU"], "EEA", "email", "", day, "allow gdpr/within-eea");
    check(&["DE"], "US", "email", "", day, "allow gdpr/adequacy");
    check(&["DE"], "US", "health", "", day, "tokenize gdpr/special-categories");
    // The confirmation has ended; nothing else covers the US.
    check(&["DE"], "US", "email", "", "2027-01-01", "refuse gdpr/otherwise");
    check(&["DE"], "IN", "email", "", day, "allow gdpr/scc");
    check(&["DE"], "IN", "email", "", "2027-07-01", "refuse gdpr/scc");
    check(&["DE"], "GB", "email", "", "2032-01-01", "refuse gdpr/otherwise");
    check(&["DE"], "US", "email", "newsletter", day, "refuse gdpr/marketing-consent");
    check(&["US-CA"], "IN", "email", "", day, "refuse ccpa/stated-purpose");
    check(&["US-CA"], "IN", "email", "crm", day, "allow ccpa/otherwise ccpa/stated-purpose");
    check(&["US-CA"], "IN", "email", "sale", day, "refuse ccpa/do-not-sell");
    check(&["US-NY"], "US", "email", "crm", day, "refuse border/no-law");
    check(&["DE"], "GB", "email", "", "2031-12-27", "allow gdpr/adequacy");
    check(&["DE"], "CH", "email", "", day, "allow gdpr/adequacy");
    // Found adequate in part, and nobody confirmed for which part the upstream stands.
    for partly in ["BR", "CA", "FO", "IL", "JP", "KR"] {
        check(&["DE"], partly, "email", "", day, "refuse gdpr/otherwise");
    }
    check(&["AU"], "AU", "email", "", day, "allow australia/within-australia");
    check(&["AU"], "US", "email", "", day, "refuse australia/otherwise");
    check(&["AU", "DE"], "US", "email", "", day, "refuse australia/otherwise gdpr/adequacy");
}

#[test]
fn an_opt_out_counts_for_all_that_it_may_mean() {
    let border = all_laws();
    let check = |of: &str, given: &str, withdrawn: &str, purpose: &str, expected: &str| {
        let consents =
            Consents::default().given(given.into(), Window::ALWAYS).withdrawn(withdrawn.into());
        let to = if of == "AU" { "AU" } else { "FR" };
        let (category, day) = ("email", "2026-11-24");
        let vault = "EEA";
        let parcel = Parcel { of: &[of], to, vault, category, purpose, consents, day };
        let said = parcel.before(&border);
        assert!(said.starts_with(expected), "{of} {purpose}: {said}");
    };
    check("DE", "newsletter", "other", "newsletter", "allow");
    check("DE", "other", "another", "direct_marketing", "allow");
    check("DE", "other", "another", "email_marketing", "refuse gdpr/marketing-consent");
    check("DE", "other", "direct_marketing", "direct_marketing", "refuse gdpr/marketing-objection");
    let of_all = "refuse gdpr/direct-marketing-objection";
    check("DE", "newsletter", "direct_marketing", "newsletter", of_all);
    check("DE", "newsletter", "email_marketing", "newsletter", "refuse gdpr/email-objection");
    check("DE", "marketing", "email_marketing", "marketing", "refuse gdpr/email-objection");
    check("DE", "other", "email_marketing", "direct_marketing", "refuse gdpr/email-objection");
    check("DE", "other", "email_marketing", "crm", "allow");

    check("AU", "other", "another", "newsletter", "allow");
    check("AU", "other", "newsletter", "newsletter", "refuse australia/marketing-opt-out");
    check("AU", "other", "email_marketing", "newsletter", "refuse australia/email-opt-out");
    let of_all = "refuse australia/direct-marketing-opt-out";
    check("AU", "other", "direct_marketing", "email_marketing", of_all);

    check("US-CA", "other", "another", "sharing", "allow");
    check("US-CA", "other", "sale", "sharing", "refuse ccpa/do-not-sell");
    check("US-CA", "other", "sharing", "sale", "refuse ccpa/do-not-share");
}

#[test]
fn what_the_policies_learn_is_what_the_laws_ask_for() {
    let border = all_laws();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let dialects: [(&str, &dyn Dialect); 3] =
        [("salesforce.yaml", &Salesforce), ("hubspot.yaml", &HubSpot), ("zoho.yaml", &Zoho)];
    for (pack, dialect) in dialects {
        let loaded = load_policy(&folder.join(pack), dialect, "tokens.acme.example").unwrap();
        let mut learned = loaded.value.objects.values().flat_map(|object| &object.consents);
        assert!(loaded.value.objects.values().any(|object| !object.consents.is_empty()), "{pack}");
        assert!(
            learned.all(|(_, consent)| border.purposes().any(|known| *known == consent.purpose)),
            "{pack}"
        );
    }
}

/// The example that stands below a mark of a document.
fn example<'d>(document: &'d str, mark: &str) -> &'d str {
    let (_, rest) = document.split_once(&format!("<!-- {mark} -->\n```yaml\n")).expect(mark);
    rest.split_once("```").expect("its end").0
}

#[test]
fn the_border_in_the_docs_is_one_and_every_key_is_documented() {
    let docs = include_str!("../../../docs/POLICY.md");
    let folder = Scratch::new();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    fs::create_dir(folder.file("border")).unwrap();
    let packs = ["gdpr", "ccpa", "australia", "groups"].map(|pack| format!("border/{pack}.yaml"));
    for pack in &packs {
        fs::copy(policies.join(pack), folder.file(pack)).unwrap();
    }
    fs::write(folder.file("house.yaml"), example(docs, "house.yaml")).unwrap();
    let policy = folder.file("policy.yaml");
    let text = fs::read_to_string(policies.join("salesforce.yaml")).unwrap();
    fs::write(&policy, format!("{text}\n{}", example(docs, "policy"))).unwrap();
    let loaded = load_policy(&policy, &Salesforce, "tokens.acme.example")
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let laws = &loaded.value.border.as_ref().unwrap().laws;
    assert_eq!(laws.iter().map(|law| law.name.as_str()).collect::<Vec<_>>(), ["gdpr", "ccpa"]);

    let (_, chapter) = docs.split_once("## Border").unwrap();
    for document in packs.iter().map(String::as_str).chain(["house.yaml"]) {
        for key in keys(&folder.file(document)) {
            // Fields, groups and bases have names of their own.
            let is_made_up = key.contains(['.', '-'])
                || ["EU", "EEA", "adequate", "adequacy"].contains(&key.as_str());
            assert!(is_made_up || chapter.contains(&format!("`{key}`")), "{document}: `{key}`");
        }
    }
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

#[test]
fn what_a_whole_value_is_asked_for_is_not_generalized() {
    let folder = Scratch::new();
    let house = "version: 1
law: house
applies_to: anyone
jurisdiction:
  - { name: country, code_in: [Contact.Country__c] }
  - { name: rest, otherwise: DE }
transfers:
  - { name: all, to: anywhere, action: allow }
";
    fs::write(folder.file("house.yaml"), house).unwrap();
    let problems = |field: &str, protect: &str| {
        let policy = format!(
            "version: 1
border: [house.yaml]
categories: {{ any: {{}} }}
objects:
  Contact:
    fields: {{ {field}: {{ category: any, {protect} }} }}
    consents: {{ News__c: {{ purpose: news, given: [yes] }} }}
    unlisted: {{ category: any, protect: encrypt }}
"
        );
        let path = folder.file("policy.yaml");
        fs::write(&path, policy).unwrap();
        let loaded = load_policy(&path, &Salesforce, "tokens.corp.example");
        loaded.err().map(|problems| problems.to_string()).unwrap_or_default()
    };
    let generalize = "protect: generalize, keep: 2";
    for field in ["Country__c", "News__c"] {
        assert_eq!(problems(field, "protect: tokenize, few_values: accepted"), "");
        let found = problems(field, generalize);
        assert!(found.contains(&format!("`contact.{}` says", field.to_lowercase())), "{found}");
    }
    assert_eq!(problems("Other__c", generalize), "");
}
