// SPDX-License-Identifier: Apache-2.0
//! Every field of the catalogue under every protection: the CRM takes what it leaves, or the
//! policy does not compile.

use std::fs;
use std::sync::Arc;

use crate::base::{Cleartext, Moment};
use crate::carrier::{Replacement, Role};
use crate::config::load_policy;
use crate::crm::dynamics::Dynamics;
use crate::crm::hubspot::HubSpot;
use crate::crm::pipedrive::Pipedrive;
use crate::crm::salesforce::Salesforce;
use crate::crm::zoho::Zoho;
use crate::crm::{Dialect, FieldFacts, FieldKind};
use crate::keys::Keyset;
use crate::policy::{FieldRule, Protection};
use crate::protect::{Keeper, Protectors, ToSeal};
use crate::testkit::Scratch;
use crate::vault::{MemoryStore, Vault};

const DOMAIN: &str = "tokens.acme.com";

const PROTECTIONS: [&str; 21] = [
    "auto",
    "tokenize",
    "tokenize, shape: text",
    "tokenize, shape: email",
    "tokenize, shape: date",
    "tokenize, shape: date_time",
    "tokenize, shape: phone",
    "tokenize, shape: card",
    "tokenize, shape: iban",
    "tokenize, shape: url",
    "encrypt, shape: url",
    "encrypt",
    "encrypt, shape: email",
    "format_preserving",
    "format_preserving, shape: phone",
    "hash",
    "hash, search: [folded]",
    "mask",
    "generalize, keep: year",
    "generalize, keep: 2",
    "drop",
];

/// Why a CRM would not take this, by what is known of it; `None` where it does.
fn complaint(facts: FieldFacts, text: &str) -> Option<&'static str> {
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if facts.max_length.is_some_and(|limit| text.chars().count() > limit as usize) {
        return Some("it is too long");
    }
    match facts.kind {
        FieldKind::Email => match text.split_once('@') {
            Some((local, DOMAIN)) if is_word(local) && local.len() <= 64 => None,
            _ => Some("it is no e-mail address"),
        },
        FieldKind::Date => match Moment::read(text) {
            // What Salesforce takes, which is least.
            Some((moment, _)) if (-98_615..=741_800).contains(&moment.days()) => None,
            _ => Some("it is no date"),
        },
        FieldKind::Composed | FieldKind::Picklist => Some("it is not written"),
        FieldKind::Text | FieldKind::Phone => None,
    }
}

/// The shortest and the longest value that the field holds.
fn values(facts: FieldFacts) -> [String; 2] {
    let length = facts.max_length.unwrap_or(300).min(300) as usize;
    match facts.kind {
        FieldKind::Email => {
            ["a@b.de".to_owned(), format!("{}@corp.example", "x".repeat(length.min(77) - 13))]
        }
        FieldKind::Date => ["1985-02-23".to_owned(), "1700-01-01".to_owned()],
        FieldKind::Phone => ["1".to_owned(), format!("+{}", "4".repeat(length.min(20)))],
        FieldKind::Text | FieldKind::Picklist | FieldKind::Composed => {
            ["1".to_owned(), "x".repeat(length)]
        }
    }
}

fn rule(
    folder: &Scratch,
    dialect: &dyn Dialect,
    (object, field): (&str, &str),
    how: &str,
) -> Option<Arc<FieldRule>> {
    let policy = format!(
        "version: 1\ncategories:\n  kind: {{}}\nobjects:\n  {object}:\n    fields:\n      {field}: \
         {{ category: kind, protect: {how} }}\n    unlisted: pass\n"
    );
    let path = folder.file("policy.yaml");
    fs::write(&path, policy).unwrap();
    let policy = load_policy(&path, dialect, DOMAIN).ok()?.value;
    let object = dialect.canonical_object(object);
    policy.rule_of(&object, &dialect.canonical_field(&object, field)).cloned()
}

#[tokio::test]
async fn what_a_policy_lets_into_a_field_the_crm_takes() {
    let Some(catalogue) = crate::testkit::shared("crm/fields.csv") else { return };
    let catalogue = String::from_utf8(catalogue).unwrap();
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset);
    let protectors = Protectors::new(vault, &keyset, DOMAIN);
    let folder = Scratch::new();
    let (mut fields, mut taken, mut refused) = (0, 0, 0);
    for row in catalogue.lines().skip(1) {
        let columns: Vec<&str> = row.split(',').collect();
        let dialect: &dyn Dialect = match columns[0] {
            "salesforce" => &Salesforce,
            "hubspot" => &HubSpot,
            "dynamics" => &Dynamics,
            "pipedrive" => &Pipedrive,
            "zoho" => &Zoho,
            other => panic!("{other}"),
        };
        let field = columns[2].replace("_..3", "").replace(" (computed)", "");
        let field = field.trim_end_matches("[].value");
        let object = dialect.canonical_object(columns[1]);
        let facts = dialect.field_facts(&object, &dialect.canonical_field(&object, field));
        let facts = facts.unwrap_or_else(|| panic!("{row}"));
        fields += 1;
        for how in PROTECTIONS {
            let Some(rule) = rule(&folder, dialect, (columns[1], field), how) else {
                refused += 1;
                continue;
            };
            taken += 1;
            for value in values(facts).map(Cleartext::new) {
                let item = ToSeal {
                    rule: &rule,
                    role: &Role::Stored,
                    value: &value,
                    can_widen: false,
                    equality: dialect.equality(),
                    can_remove: true,
                    max_length: facts.max_length,
                    keeper: Keeper::House,
                };
                let at = format!("{row}: {how}, {} bytes", value.expose().len());
                match protectors.seal(&[item]).await {
                    Ok(sealed) => match &sealed[0].replacement {
                        Replacement::Text(text) => {
                            assert_eq!(complaint(facts, text), None, "{at}: {}", **text);
                        }
                        other => assert_eq!(*other, Replacement::Remove, "{at}"),
                    },
                    // Only what is longer than `check` has said, or has another form.
                    Err(error) => assert!(
                        matches!(rule.protection, Protection::Encrypt { .. })
                            || how.contains("date")
                            || how.contains("year"),
                        "{at}: {error}"
                    ),
                }
            }
        }
    }
    assert_eq!(fields, 105);
    assert!(taken > 1000 && refused > 200, "{taken} taken, {refused} refused");
}
