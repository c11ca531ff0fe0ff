// SPDX-License-Identifier: Apache-2.0
//! `docs/COVERAGE.md` says what the dialects and the policies that we ship say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::base::{FieldName, ObjectName};
use crate::config::load_policy;
use crate::crm::Dialect;
use crate::crm::dynamics::Dynamics;
use crate::crm::hubspot::HubSpot;
use crate::crm::pipedrive::Pipedrive;
use crate::crm::salesforce::Salesforce;
use crate::crm::zoho::Zoho;
use crate::policy::{Policy, Unlisted};

const HEAD: &str = "# What is covered

Made from the dialects and the policies in `policies/`; a test compares it. Every other
operation is refused, and so is every request of these that cannot be read beyond doubt.

";

#[test]
#[expect(clippy::disallowed_methods, reason = "a test is told to write the page")]
fn the_docs_list_every_operation_and_field() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = HEAD.to_owned();
    let crms: [(&str, &dyn Dialect); 5] = [
        ("Salesforce", &Salesforce),
        ("HubSpot", &HubSpot),
        ("Dynamics 365", &Dynamics),
        ("Pipedrive", &Pipedrive),
        ("Zoho CRM", &Zoho),
    ];
    for (title, dialect) in crms {
        let file = root.join(format!("policies/{}.yaml", dialect.name()));
        let policy = load_policy(&file, dialect, "tokens.acme.example").unwrap().value;
        let text = fs::read_to_string(&file).unwrap();
        let _ = write!(
            page,
            "## {title}\n\n{}\n{}",
            operations(dialect),
            fields(&policy, &text, dialect)
        );
    }
    let file = root.join("docs/COVERAGE.md");
    if std::env::var_os("ZOLLHAUS_WRITE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "docs/COVERAGE.md is not up to date: run \
         `ZOLLHAUS_WRITE_DOCS=1 cargo test --lib config::tests::coverage` and look at the difference"
    );
}

fn operations(dialect: &dyn Dialect) -> String {
    assert!(!dialect.operations().is_empty());
    let mut table = "| operation | request |\n| --- | --- |\n".to_owned();
    for (name, request) in dialect.operations() {
        let _ = writeln!(table, "| `{name}` | `{request}` |");
    }
    table
}

/// Of each object its fields, what happens to them, and the reason that the policy gives.
fn fields(policy: &Policy, text: &str, dialect: &dyn Dialect) -> String {
    let mut table = String::new();
    let objects: BTreeMap<_, _> = policy.objects.iter().collect();
    for (object, rules) in objects {
        let others = match &rules.unlisted {
            Unlisted::Pass => "pass",
            Unlisted::Refuse => "are refused",
            Unlisted::Protect(_) => "are protected",
        };
        let _ = write!(
            table,
            "\n`{object}`: other fields {others}.\n\n| field | category | protection | why |\n\
             | --- | --- | --- | --- |\n"
        );
        let fields: BTreeMap<_, _> = rules.fields.iter().collect();
        for (field, rule) in fields {
            let (category, protection) = (&rule.category, rule.protection.name());
            let why = reason(text, dialect, (object, field));
            assert!(!why.is_empty(), "{object}.{field} has no reason");
            let _ = writeln!(table, "| `{field}` | {category} | {protection} | {why} |");
        }
    }
    table.push('\n');
    table
}

/// The comment behind a field of an object.
fn reason<'t>(
    text: &'t str,
    dialect: &dyn Dialect,
    (object, field): (&ObjectName, &FieldName),
) -> &'t str {
    let mut lines = text.lines().skip_while(|line| {
        let name = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'));
        name.is_none_or(|name| dialect.canonical_object(name) != *object)
    });
    let line = lines.find(|line| {
        let name = line.strip_prefix("      ").and_then(|line| line.split_once(':'));
        name.is_some_and(|(name, _)| dialect.canonical_field(object, name) == *field)
    });
    line.and_then(|line| line.split_once(" # ")).map_or("", |(_, why)| why.trim())
}
