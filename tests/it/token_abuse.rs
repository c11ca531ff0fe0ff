// SPDX-License-Identifier: Apache-2.0
//! `scenarios/token_abuse.json`: surrogates that are moved, planted, guessed and enumerated,
//! against the house.

mod answers;
mod callers;
mod forms;
mod places;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;
use zollhaus::base::{Category, Cleartext};
use zollhaus::keys::Keyset;
use zollhaus::vault::{MemoryStore, Vault};

use crate::world::World;

const SF: &str = "/sf/services/data/v62.0";

/// What shows that a scenario passes: a test, by its file and its name.
const SHOWN: &[(&str, &str, &str)] = &[
    ("TOK-001", "token_abuse/places.rs", "a_token_of_another_field_stays_closed"),
    ("TOK-002", "token_abuse/places.rs", "what_another_tenant_sealed_stays_closed"),
    ("TOK-003", "token_abuse/places.rs", "a_token_in_another_text_opens_by_its_own_category_only"),
    ("TOK-004", "token_abuse/places.rs", "a_token_in_another_text_opens_by_its_own_category_only"),
    ("TOK-005", "token_abuse/places.rs", "a_search_for_a_token_does_not_open_it"),
    ("TOK-006", "token_abuse/answers.rs", "errors_headers_and_pages_open_nothing"),
    ("TOK-007", "token_abuse/answers.rs", "errors_headers_and_pages_open_nothing"),
    ("TOK-008", "token_abuse/answers.rs", "errors_headers_and_pages_open_nothing"),
    ("TOK-009", "token_abuse/answers.rs", "formulas_stay_in_their_cell"),
    ("TOK-010", "token_abuse/answers.rs", "whatever_a_value_holds_the_answer_is_json"),
    ("TOK-011", "token_abuse/callers.rs", "guessed_tokens_open_nothing_and_raise_an_alarm"),
    ("TOK-012", "token_abuse/forms.rs", "tokens_tell_no_order"),
    ("TOK-013", "token_abuse/forms.rs", "a_variant_is_the_same_token_or_a_text"),
    ("TOK-014", "token_abuse/forms.rs", "a_variant_is_the_same_token_or_a_text"),
    ("TOK-015", "token_abuse/forms.rs", "what_only_looks_like_a_token_is_a_value"),
    ("TOK-016", "token_abuse/forms.rs", "what_only_looks_like_a_token_is_a_value"),
    ("TOK-018", "token_abuse/callers.rs", "a_poison_value_raises_an_alarm_when_it_is_shown"),
    ("TOK-019", "token_abuse/callers.rs", "who_is_revoked_is_refused_at_once"),
    ("TOK-020", "erasure.rs", "what_is_erased_is_gone_from_the_vault_and_from_its_backups"),
    ("TOK-022", "token_abuse/forms.rs", "fields_of_few_values_and_small_domains_are_refused"),
    ("TOK-023", "token_abuse/forms.rs", "fields_of_few_values_and_small_domains_are_refused"),
    ("TOK-025", "token_abuse/forms.rs", "tokens_of_all_lengths_have_one_length"),
    ("TOK-028", "token_abuse/answers.rs", "what_is_opened_is_not_compressed_cached_or_cut"),
    ("TOK-029", "token_abuse/answers.rs", "what_is_opened_is_not_compressed_cached_or_cut"),
    ("TOK-030", "token_abuse/answers.rs", "what_is_opened_is_not_compressed_cached_or_cut"),
    ("TOK-031", "token_abuse/answers.rs", "what_is_opened_is_not_compressed_cached_or_cut"),
    ("TOK-032", "token_abuse/callers.rs", "a_request_that_is_repeated_stores_nothing_twice"),
    ("TOK-033", "postgres.rs", "several_processes_give_one_token_and_open_each_others"),
];

/// Those that no test passes, and why.
const NOT_PASSED: &[(&str, &str)] = &[
    ("TOK-017", "no limit on how much a caller is shown in an hour"),
    ("TOK-021", "`tokenize` shows equality unless it has `scope: subject`"),
    (
        "TOK-024",
        "FF1 tells tenants and categories apart, not two fields of one category: a value that the \
         CRM copies from one into the other has to open there",
    ),
    (
        "TOK-026",
        "tests measure no time: a benchmark does (`benches/timing.rs`), and finds no difference; \
         HMACs of all keys are compared, each in constant time",
    ),
    (
        "TOK-027",
        "what opens takes some microseconds longer (`benches/timing.rs`); the store is asked the \
         same whatever a token stands for (`src/vault/tests/holders.rs`)",
    ),
];

#[test]
fn every_scenario_of_token_abuse_is_shown_or_named() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/scenarios/token_abuse.json");
    let Ok(text) = fs::read(&file) else {
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!is_ci, "{} is missing", file.display());
        eprintln!("SKIPPED: {} is missing", file.display());
        return;
    };
    let set: Value = serde_json::from_slice(&text).expect("JSON");
    let scenarios = set["scenarios"].as_array().expect("a list");
    let given: BTreeSet<&str> = scenarios.iter().filter_map(|it| it["id"].as_str()).collect();
    let shown = SHOWN.iter().map(|(id, ..)| *id);
    let here: Vec<&str> = shown.chain(NOT_PASSED.iter().map(|(id, _)| *id)).collect();
    assert_eq!(here.iter().copied().collect::<BTreeSet<_>>(), given);
    assert_eq!(here.len(), scenarios.len(), "one is here twice");
    for (id, file, test) in SHOWN {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file);
        let source = fs::read_to_string(path).expect("a source");
        assert!(source.contains(&format!("fn {test}(")), "{id} has no test `{test}`");
    }
    let why: Vec<String> = NOT_PASSED.iter().map(|(id, why)| format!("{id}: {why}")).collect();
    let (cases, passed) = (scenarios.len(), SHOWN.len());
    eprintln!("suite: token abuse | {cases} | {passed} | {}", why.join("; "));
}

async fn create(world: &World, contact: Value) -> String {
    let path = format!("{SF}/sobjects/Contact");
    let created = world.post("support", &path, contact.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    created.json()["id"].as_str().expect("an id").to_owned()
}

async fn read(world: &World, caller: &str, id: &str) -> Value {
    let read = world.get(caller, &format!("{SF}/sobjects/Contact/{id}")).await;
    assert_eq!(read.status, StatusCode::OK, "{read:?}");
    read.json()
}

/// What the CRM holds of the record that was made last.
fn stored(world: &World, field: &str) -> String {
    let record = world.crm.stored().pop().expect("a record");
    record.fields[field].as_str().expect("a text").to_owned()
}

/// How often there was an alarm of this kind.
async fn alarms(world: &World, kind: &str) -> usize {
    let metrics = String::from_utf8(world.admin("/metrics").await.body.to_vec()).expect("text");
    let name = format!("zollhaus_surrogate_alarms_total{{alarm=\"{kind}\"}} ");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
    count.expect("there from the start")
}

/// Tokens of values under keys that this house does not have.
async fn tokens_of_others(values: impl Iterator<Item = String>) -> Vec<String> {
    let keyset = Keyset::generate(&"other".into()).expect("random bytes");
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset);
    let (category, values) = (Category::from("name"), values.map(Cleartext::new));
    let values: Vec<Cleartext> = values.collect();
    let items: Vec<_> = values.iter().map(|value| (&category, value)).collect();
    let tokens = vault.tokenize(&items).await.expect("a store in memory");
    tokens.iter().map(ToString::to_string).collect()
}
