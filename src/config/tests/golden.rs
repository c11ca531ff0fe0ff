// SPDX-License-Identifier: Apache-2.0
//! What people are shown. Each document lies beside what is said about it.

use std::fs;
use std::path::Path;

use crate::config::{Config, Style, load_policy};
use crate::crm::salesforce::Salesforce;

use super::folder;

/// `text` is `zollhaus.yaml`, or else the Salesforce policy, with files `beside` it.
fn check(name: &str, is_config: bool, text: &str, beside: &[(&str, &str)], expected: &str) {
    let folder = folder();
    let file = if is_config { "zollhaus.yaml" } else { "policies/salesforce.yaml" };
    let path = folder.file(file);
    fs::write(&path, text).unwrap();
    for (name, text) in beside {
        fs::write(folder.file("policies").join(name), text).unwrap();
    }
    let found = if is_config {
        Config::load(&path).map(|loaded| loaded.warnings)
    } else {
        load_policy(&path, &Salesforce, "tokens.acme.com").map(|loaded| loaded.warnings)
    };
    let (verdict, found) = match found {
        Ok(warnings) => ("usable", warnings),
        Err(problems) => ("refused", problems),
    };
    let prefix = folder.file("");
    let shown = found.render(Style::Plain).replace(&*prefix.to_string_lossy(), "");
    let actual = format!("{verdict}\n\n{shown}\n");
    if actual != expected {
        let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(format!("{name}.txt"));
        fs::write(&at, &actual).unwrap();
        panic!("{name}: this was shown instead (also in {}):\n{actual}", at.display());
    }
}

macro_rules! golden {
    ($($name:ident: $is_config:expr;)+) => {$(
        #[test]
        fn $name() {
            check(
                stringify!($name),
                $is_config,
                include_str!(concat!("golden/", stringify!($name), ".yaml")),
                &[],
                include_str!(concat!("golden/", stringify!($name), ".txt")),
            );
        }
    )+};
}

const CONFIG: bool = true;
const POLICY: bool = false;

golden! {
    config_misspelt: CONFIG;
    config_contradictory: CONFIG;
    config_unusual: CONFIG;
    config_not_yaml: CONFIG;
    config_tab: CONFIG;
    config_complete: CONFIG;
    config_routes: CONFIG;
    config_streams: CONFIG;
    config_keys: CONFIG;
    config_keys_misspelt: CONFIG;
    config_keys_variable: CONFIG;
    config_jurisdictions: CONFIG;
    config_jurisdictions_twice: CONFIG;
    config_vault: CONFIG;
    config_vault_twice: CONFIG;
    config_vault_misspelt: CONFIG;
    config_vault_nowhere: CONFIG;
    config_vault_password: CONFIG;
    config_vault_variable: CONFIG;
    policy_misspelt: POLICY;
    policy_misfits: POLICY;
    policy_tricks: POLICY;
    policy_subjects: POLICY;
    policy_of_the_future: POLICY;
    policy_scan: POLICY;
    policy_names: POLICY;
}

/// `text` is `zollhaus.yaml`, whose policy has a border.
fn check_bordered(name: &str, text: &str, expected: &str) {
    let law = "version: 1\nlaw: house\napplies_to: anyone\njurisdiction: [{ name: rest, otherwise: \
        DE }]\ntransfers: [{ name: local, to: DE, action: keep_local }]\nconsent: [{ name: c, \
        purposes: [newsletter], needs: consent, without: refuse }]\n";
    let policy =
        include_str!("golden/policy_border.yaml").replace("groups.yaml, own.yaml", "groups.yaml");
    let beside = [
        ("bordered.yaml", &*policy),
        ("groups.yaml", include_str!("golden/border_sound.yaml")),
        ("law.yaml", law),
    ];
    check(name, CONFIG, text, &beside, expected);
}

#[test]
fn config_callers() {
    let config = include_str!("golden/config_callers.yaml");
    check_bordered("config_callers", config, include_str!("golden/config_callers.txt"));
}

#[test]
fn config_jurisdictions_unused() {
    let config = include_str!("golden/config_jurisdictions_unused.yaml");
    let expected = include_str!("golden/config_jurisdictions_unused.txt");
    check_bordered("config_jurisdictions_unused", config, expected);
}

/// A policy whose border consists of these documents.
fn check_border(name: &str, documents: &[(&str, &str)], expected: &str) {
    let names: Vec<&str> = documents.iter().map(|(name, _)| *name).collect();
    let policy = include_str!("golden/policy_border.yaml")
        .replace("groups.yaml, own.yaml, law.yaml", &names.join(", "));
    check(name, POLICY, &policy, documents, expected);
}

#[test]
fn border_misspelt() {
    let documents = [
        ("sound.yaml", include_str!("golden/border_sound.yaml")),
        ("own.yaml", include_str!("golden/border_own.yaml")),
        ("law.yaml", include_str!("golden/border_law.yaml")),
    ];
    check_border("border_misspelt", &documents, include_str!("golden/border_misspelt.txt"));
}

#[test]
fn border_rules() {
    let documents = [
        ("sound.yaml", include_str!("golden/border_sound.yaml")),
        ("own.yaml", include_str!("golden/border_own.yaml")),
        ("rules.yaml", include_str!("golden/border_rules.yaml")),
    ];
    check_border("border_rules", &documents, include_str!("golden/border_rules.txt"));
}

#[test]
fn border_groups() {
    let documents = [
        ("own.yaml", include_str!("golden/border_own.yaml")),
        ("groups.yaml", include_str!("golden/border_groups.yaml")),
        ("sound.yaml", include_str!("golden/border_sound.yaml")),
    ];
    check_border("border_groups", &documents, include_str!("golden/border_groups.txt"));
}

#[test]
fn border_without_a_law() {
    let documents = [("own.yaml", include_str!("golden/border_own.yaml"))];
    check_border(
        "border_without_a_law",
        &documents,
        include_str!("golden/border_without_a_law.txt"),
    );
}
