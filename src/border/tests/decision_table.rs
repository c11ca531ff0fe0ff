// SPDX-License-Identifier: Apache-2.0
//! Generated laws × records × regions × bases × consents × purposes × dates: the border,
//! read from its documents, against the naive reference.

use std::collections::BTreeMap;
use std::fs;

use crate::base::{
    Category, Date, FieldName, Jurisdiction, ObjectName, OperationName, Purpose, Region,
    UpstreamName,
};
use crate::border::{Action, Border, Consents, Shipment, Strength, Window};
use crate::config::{Code, load_policy};
use crate::crm::salesforce::Salesforce;
use crate::testkit::Scratch;

use super::generate::{CATEGORIES, Cargo, Days, Dice, FIELDS, FIRST_DAY, World};
use super::reference::{Expected, Reference};

const CASES: usize = 100_000;
const CASES_OF_A_WORLD: usize = 250;

#[test]
fn no_difference_to_the_reference() {
    let Table { cases, differences, actions } = run(CASES, false);
    assert!(cases >= CASES);
    assert_eq!(differences.first(), None, "the first of {}", differences.len());
    // Every answer is met often enough to mean something.
    for word in ["allow", "tokenize", "drop", "route", "refuse"] {
        let met = actions.get(word).copied().unwrap_or_default();
        assert!(met > CASES / 200, "{word}: {met}");
    }
}

/// That the table would show a mistake: a reference that ends bases a day early.
#[test]
fn a_planted_mistake_is_seen() {
    assert!(!run(CASES / 20, true).differences.is_empty());
}

struct Table {
    cases: usize,
    differences: Vec<String>,
    /// How often each action was decided.
    actions: BTreeMap<String, usize>,
}

fn run(at_least: usize, ends_too_early: bool) -> Table {
    let mut dice = Dice(20_261_124);
    let folder = Scratch::new();
    let (mut cases, mut differences, mut actions) = (0, Vec::new(), BTreeMap::new());
    while cases < at_least {
        let world = dice.world();
        let Some(border) = read(&folder, &world) else { continue };
        for _ in 0..CASES_OF_A_WORLD {
            let cargo = dice.cargo();
            let expected = Reference { world: &world, cargo: &cargo, ends_too_early }.decide();
            let actual = judge(&border, &cargo);
            let word = actual.action.split(' ').next().unwrap();
            *actions.entry(word.to_owned()).or_default() += 1;
            if actual != expected {
                let documents = world.documents().join("\n");
                differences.push(format!("{cargo:?}\n{actual:?}\n{expected:?}\n{documents}"));
            }
            cases += 1;
        }
    }
    Table { cases, differences, actions }
}

/// `None` for rules that contradict each other, which are refused.
fn read(folder: &Scratch, world: &World) -> Option<Border> {
    let documents = world.documents();
    let names: Vec<String> = (0..documents.len()).map(|at| format!("{at}.yaml")).collect();
    for (name, document) in names.iter().zip(&documents) {
        fs::write(folder.file(name), document).unwrap();
    }
    let policy = format!(
        "version: 1\ncategories: {{ email: {{}}, phone: {{}}, health: {{}} }}\nobjects:\n  \
         Contact:\n    fields:\n      Email: {{ category: email, protect: tokenize }}\n      \
         Phone: {{ category: phone, protect: tokenize }}\n      \
         Health__c: {{ category: health, protect: tokenize }}\n    unlisted: pass\n\
         border: [{}]\n",
        names.join(", ")
    );
    let path = folder.file("policy.yaml");
    fs::write(&path, policy).unwrap();
    match load_policy(&path, &Salesforce, "t.example.com") {
        Ok(loaded) => loaded.value.border.map(|border| Border::clone(&border)),
        Err(problems) => {
            let expected = [Code::Contradictory, Code::Unreachable, Code::NoJurisdiction];
            let is_expected = problems.iter().all(|found| expected.contains(&found.problem.code));
            assert!(is_expected, "{problems}\n{}", documents.join("\n"));
            None
        }
    }
}

fn judge(border: &Border, cargo: &Cargo) -> Expected {
    let jurisdictions: Vec<_> = cargo.jurisdictions.iter().map(Jurisdiction::new).collect();
    let field = cargo.field.map(|at| {
        let (object, field) = FIELDS[at].split_once('.').unwrap();
        (ObjectName::new(object.to_lowercase()), FieldName::new(field.to_lowercase()))
    });
    let category =
        cargo.field.filter(|_| cargo.has_category).map(|at| Category::new(CATEGORIES[at]));
    let operation = cargo.operation.map(OperationName::new);
    let purpose = cargo.purpose.map(Purpose::new);
    let consents = cargo.consents.iter().fold(Consents::default(), |state, consent| {
        let (purpose, is_given, days) = consent;
        let purpose = Purpose::new(purpose);
        if *is_given { state.given(purpose, window(*days)) } else { state.withdrawn(purpose) }
    });
    let verdict = border.judge(&Shipment {
        jurisdictions: &jurisdictions,
        upstream: &UpstreamName::new(cargo.upstream),
        region: &Region::new(cargo.region),
        vault: cargo.vault.map(Region::new).as_ref(),
        operation: operation.as_ref(),
        field: field.as_ref().map(|(object, field)| (object, field)),
        category: category.as_ref(),
        protection: match cargo.protection {
            "clear" => Strength::Clear,
            "sealed" => Strength::Sealed,
            "token" => Strength::Token,
            _ => Strength::Gone,
        },
        purpose: purpose.as_ref(),
        consents: &consents,
        today: Date::from_days(FIRST_DAY + cargo.today),
    });
    Expected {
        action: match verdict.action {
            Action::Allow => "allow".into(),
            Action::Tokenize => "tokenize".into(),
            Action::Drop => "drop".into(),
            Action::Route(upstream) => format!("route {upstream}"),
            Action::Refuse { .. } => "refuse".into(),
        },
        rules: verdict.rules.iter().map(ToString::to_string).collect(),
        bases: verdict.bases.iter().map(|basis| basis.name.to_string()).collect(),
    }
}

fn window((from, until): Days) -> Window {
    let date = |day| Date::from_days(FIRST_DAY + day);
    Window { from: from.map(date), until: until.map(date) }
}
