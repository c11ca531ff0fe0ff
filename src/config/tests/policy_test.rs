// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Style, test_policy};
use crate::testkit::Scratch;

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

/// The YAML files in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect()
}

#[test]
fn the_packs_decide_as_their_tests_expect() {
    let packs = files(&policies()).into_iter().chain(files(&policies().join("border")));
    let mut count = 0;
    for pack in packs.filter(|pack| !pack.ends_with("groups.yaml")) {
        let name = pack.file_stem().unwrap().to_string_lossy();
        let test = policies().join(format!("tests/{name}.test.yaml"));
        let tested = test_policy(&test).unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
        assert!(tested.warnings.is_empty(), "{name}: {}", tested.warnings);
        assert!(tested.value > 3, "{name}: {}", tested.value);
        count += 1;
    }
    let tests = files(&policies().join("tests"));
    let tests = tests.iter().filter(|path| path.to_string_lossy().ends_with(".test.yaml"));
    assert_eq!(count, tests.count(), "every test is that of a pack");
}

/// Rules for categories that no policy of ours has; `packs` asks for them.
const OF_OTHER_CATEGORIES: [&str; 3] =
    ["gdpr/special-categories", "gdpr/special-categories-consent", "australia/sensitive-marketing"];

#[test]
fn each_rule_of_a_pack_decides_in_its_tests() {
    for law in ["gdpr", "ccpa", "australia"] {
        let read = |path: String| fs::read_to_string(policies().join(path)).unwrap();
        let (pack, test) =
            (read(format!("border/{law}.yaml")), read(format!("tests/{law}.test.yaml")));
        let names = pack.lines().filter_map(|line| line.strip_prefix("  - name: "));
        let rules: Vec<String> = names.map(|name| format!("{law}/{name}")).collect();
        assert!(rules.len() > 2, "{law}");
        for rule in rules.iter().filter(|rule| !OF_OTHER_CATEGORIES.contains(&rule.as_str())) {
            assert!(
                test.contains(&format!("rule: {rule} "))
                    || test.contains(&format!("rule: {rule},")),
                "{rule}"
            );
        }
    }
}

const HOUSE: &str = "version: 1\nlaw: house\napplies_to: anyone\nbases: { scc: { kind: scc } }\n\
    jurisdiction: [{ name: rest, otherwise: DE }]\n\
    transfers: [{ name: us, to: US, action: allow, require: protected }]\n\
    reveal: [{ name: home, to: DE }]\n";

/// What is said of a test beside our Salesforce policy and a border.
fn said(test: &str) -> String {
    let folder = Scratch::new();
    fs::copy(policies().join("salesforce.yaml"), folder.file("salesforce.yaml")).unwrap();
    fs::write(folder.file("house.yaml"), HOUSE).unwrap();
    let path = folder.file("a.test.yaml");
    fs::write(&path, test).unwrap();
    let said = match test_policy(&path) {
        Ok(tested) => format!("{} as expected\n{}", tested.value, tested.warnings),
        Err(problems) => problems.render(Style::Plain),
    };
    said.replace(&*folder.file("").to_string_lossy(), "")
}

#[test]
fn what_is_not_as_expected_is_told_with_its_rule() {
    let said = said(include_str!("golden/policy_test.yaml"));
    if said != include_str!("golden/policy_test.txt").trim_end() {
        let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/policy_test.txt");
        fs::write(&at, format!("{said}\n")).unwrap();
        panic!("this was said instead (also in {}):\n{said}", at.display());
    }
}

#[test]
fn a_test_without_expectations_is_none() {
    let head = "version: 1\npolicy: salesforce.yaml\ndialect: salesforce\n";
    assert!(said(&format!("{head}cases: []\n")).contains("nothing is expected"));
    let case = "cases: [{ name: x, object: Contact, expect: {} }]\n";
    assert!(said(&format!("{head}{case}")).contains("nothing is expected"));
    let border = "cases: [{ name: x, object: Contact, expect: { Email: { border: allow } } }]\n";
    assert!(said(&format!("{head}{border}")).contains("the policy has no border"));
    let nowhere = format!("{head}border: [house.yaml]\n{border}");
    assert!(said(&nowhere).contains("the border asks where and when"));
}

#[test]
fn each_case_and_each_field_expects_something() {
    let head = "version: 1\npolicy: salesforce.yaml\ndialect: salesforce\ncases:\n  \
                - { name: a, object: Contact, expect: { Email: tokenize } }\n";
    let second = |expect: &str| {
        said(&format!("{head}  - {{ name: b, object: Contact, expect: {expect} }}\n"))
    };
    assert!(second("{}").contains("nothing is expected"));
    assert!(second("{ Phone: {} }").contains("nothing is expected of `Phone`"));
}

/// What is said of a case with a border.
fn said_of_case(case: &str) -> String {
    said(&format!(
        "version: 1\npolicy: salesforce.yaml\ndialect: salesforce\nborder: [house.yaml]\n\
         region: US\ndate: 2026-12-01\ncases: [{{ name: x, {case} }}]\n"
    ))
}

#[test]
fn what_holds_because_a_name_is_misspelt_is_told() {
    let check = |case: &str, expected: &str| {
        let said = said_of_case(case);
        assert!(said.contains(expected), "{case}: {said}");
    };
    check("object: Contact, expect: { Emial: none }", "did you mean `email`?");
    check("object: Contcat, expect: { Email: none }", "did you mean `contact`?");
    let sees = "expect: { Email: { reveal: surrogate } }";
    check(&format!("object: Contact, roles: [suport], {sees}"), "did you mean `support`?");
    let passes = "object: Contact, jurisdiction: DE, expect: { Email: { border: allow } }";
    check(&format!("operation: sobject.craete, {passes}"), "did you mean `sobject.create`?");
    check(&format!("operation: other, {passes}"), "has no operation `other`");
    check(&format!("purpose: email_marketng, {passes}"), "did you mean `email_marketing`?");
    check(
        &format!("consent: {{ email_marketng: given }}, {passes}"),
        "did you mean `email_marketing`?",
    );
    // Names of one's own, and of those who see nothing, are fine.
    for case in [
        "object: Contact, roles: [billing], expect: { Ext__c: none, Email: { reveal: surrogate } }",
        "object: Invoice__c, expect: { Amount__c: none }",
        &format!("operation: sobject.create, purpose: tax, consent: {{ tax: given }}, {passes}"),
    ] {
        let said = said_of_case(case);
        assert!(said.ends_with(" as expected\n"), "{case}: {said}");
    }
}

#[test]
fn nothing_is_expected_of_what_is_composed_of_other_fields() {
    for case in [
        "object: Case, expect: { ContactEmail: none }",
        "object: Contact, expect: { Name: none }",
        "object: Contact, expect: { MailingAddress: { reveal: full } }",
    ] {
        let said = said_of_case(case);
        assert!(said.contains("is composed of other fields"), "{case}: {said}");
    }
}

#[test]
fn the_test_in_the_docs_is_one() {
    let docs = include_str!("../../../docs/POLICY.md");
    let (_, rest) = docs.split_once("## Tests").unwrap();
    let (_, rest) = rest.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    assert_eq!(said(example), "8 as expected\n");
}
