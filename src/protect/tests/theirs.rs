// SPDX-License-Identifier: Apache-2.0
//! What the vault holds for whom a text is about, looked for in it.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::base::{Scope, SubjectId};
use crate::policy::{
    Digest, FindingKind, ObjectRule, Policy, ScanRules, Sought as Kinds, Unlisted,
};
use crate::protect::scan::{Holdings, SoughtValues, Theirs};
use crate::vault::{Form, ToKeep};

const ANNA: SubjectId = SubjectId([1; 16]);
const ALIAS: SubjectId = SubjectId([2; 16]);
const BERT: SubjectId = SubjectId([3; 16]);

/// Scans for names and phone numbers, and protects a number of its own.
fn policy(scope: Scope) -> Policy {
    let token = Protection::Tokenize { shape: Shape::Text, scope };
    let kinds = [(FindingKind::Name, "name"), (FindingKind::Phone, "phone")];
    let rules = kinds.map(|(kind, category)| (kind, rule(category, token))).into();
    let fields = [("number".into(), rule("number", token)), ("city".into(), rule("city", ENCRYPT))];
    let object = ObjectRule {
        fields: fields.into(),
        unlisted: Unlisted::Pass,
        subject: vec!["number".into()],
        consents: HashMap::new(),
    };
    Policy {
        digest: Digest([0; 32]),
        categories: HashMap::new(),
        objects: [("contact".into(), object)].into(),
        border: None,
        scan: ScanRules { rules, ..ScanRules::default() },
        residual: None,
        sorted_rows: 0,
    }
}

impl House {
    async fn keep(&self, whose: SubjectId, category: &str, values: &[String]) {
        let category = Category::from(category);
        let values: Vec<Cleartext> = values.iter().map(Cleartext::new).collect();
        let kept = values.iter().map(|value| {
            let kept = ToKeep::for_house((&category, value), Form::Word);
            ToKeep { holder: Some(whose), ..kept }
        });
        self.vault.keep(&kept.collect::<Vec<_>>()).await.unwrap();
    }

    async fn held_by(&self, person: &[SubjectId], sought: &SoughtValues) -> Holdings {
        let person = person.iter().copied().collect();
        self.protectors.held_by(&[&person], sought).await.unwrap().remove(0)
    }
}

fn sought(kinds: &[FindingKind], has_residual: bool) -> SoughtValues {
    let kinds: Kinds = kinds.iter().copied().collect();
    SoughtValues::new(&policy(Scope::Tenant), kinds, has_residual)
}

/// What is found, as `kind text`, each once.
fn found(theirs: &Theirs, text: &str) -> Vec<String> {
    let found = theirs.find(text, 99).unwrap().into_iter().map(|mention| {
        format!("{} {}", mention.kind.map_or("-", FindingKind::name), &text[mention.span])
    });
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[tokio::test]
async fn what_is_held_under_any_pseudonym_is_found_by_what_is_looked_for() {
    let house = house();
    house.keep(ANNA, "name", &texts(&["Anna Li Muster", "Jo", "Phone"])).await;
    house.keep(ALIAS, "phone", &texts(&["DW 47-11x", "x12", "phone"])).await;
    house.keep(ALIAS, "number", &texts(&["K-4711", &"y".repeat(300)])).await;
    house.keep(ALIAS, "city", &texts(&["Nirgendwo"])).await;
    house.keep(BERT, "name", &texts(&["Bert"])).await;
    let names = HashSet::from(["phone".to_owned()]);
    let check = async |sought: &SoughtValues, text: &str, expected: &[&str]| {
        let held = house.held_by(&[ANNA, ALIAS], sought).await;
        assert!(!held.has_more);
        assert_eq!(found(&Theirs::new(&[&held], sought, &names), text), expected, "{text}");
    };
    let text = "Muster, ÄNNA li & Jo: dw 47-11X, K-4711, x12, Phone; Bert, Nirgendwo";
    check(&sought(&[FindingKind::Name], false), text, &["name Muster", "name Phone", "name ÄNNA"])
        .await;
    check(&sought(&[FindingKind::Phone], false), text, &["phone dw 47-11X"]).await;
    check(&sought(&[], true), text, &["- K-4711"]).await;
    let all = sought(&[FindingKind::Name, FindingKind::Phone], true);
    check(&all, "Anna Li Muster", &["- Anna Li Muster", "name Anna Li Muster"]).await;
    check(&all, "<b>An</b>na", &["name An</b>na"]).await;
    check(&all, "K&#45;4711", &["- K&#45;4711"]).await;
    check(&sought(&[], false), text, &[]).await;
    let held = house.held_by(&[BERT, SubjectId([9; 16])], &all).await;
    assert_eq!(found(&Theirs::new(&[&held], &all, &names), "Bert, Anna"), ["- Bert", "name Bert"]);

    house.vault.erase(&[ANNA]).await.unwrap();
    check(&all, text, &["- K-4711", "phone dw 47-11X"]).await;
}

#[tokio::test]
async fn of_one_who_holds_very_much_names_are_looked_for_first() {
    let house = house();
    let phones: Vec<String> = (0..256).map(|number| format!("DW {number:04}")).collect();
    house.keep(ANNA, "phone", &phones).await;
    let all = sought(&[FindingKind::Name, FindingKind::Phone], false);
    let held = house.held_by(&[ANNA, ALIAS], &all).await;
    assert!(!held.has_more);
    house.keep(ALIAS, "name", &texts(&["Zuletzt"])).await;
    let held = house.held_by(&[ANNA, ALIAS], &all).await;
    assert!(held.has_more);
    assert_eq!(held.size().0, 256);
    let theirs = Theirs::new(&[&held], &all, &HashSet::new());
    assert_eq!(found(&theirs, "Zuletzt"), ["- Zuletzt", "name Zuletzt"]);
}

/// What does not fit into one answer is asked for again.
#[tokio::test]
async fn many_persons_are_asked_for_at_once() {
    let house = house();
    let persons: Vec<BTreeSet<SubjectId>> =
        (10..43).map(|number| [SubjectId([number; 16])].into()).collect();
    for (number, person) in persons.iter().enumerate() {
        let names = (0..250).map(|at| format!("Name{number}x{at}"));
        house.keep(person.first().copied().unwrap(), "name", &names.collect::<Vec<_>>()).await;
    }
    take(&house.calls);
    let all = sought(&[FindingKind::Name], false);
    let ask = async |persons: &[BTreeSet<SubjectId>]| {
        let persons: Vec<&BTreeSet<SubjectId>> = persons.iter().collect();
        let held = house.protectors.held_by(&persons, &all).await.unwrap();
        held.iter().map(|held| held.size().0).collect::<Vec<_>>()
    };
    assert_eq!(ask(&persons[1..]).await, [250; 32]);
    assert_eq!(take(&house.calls), ["held_by"]);
    assert_eq!(ask(&persons).await, [250; 33]);
    assert_eq!(take(&house.calls), ["held_by"; 2]);
    assert_eq!(ask(&[]).await, [0; 0]);
    assert_eq!(take(&house.calls), [""; 0]);
}

/// Whoever may not see that two people have one name, does not see it in texts.
#[tokio::test]
async fn a_finding_has_the_token_of_the_field_that_it_is_from() {
    let house = house();
    for scope in [Scope::Tenant, Scope::Subject] {
        let policy = policy(scope);
        let field = rule("name", Protection::Tokenize { shape: Shape::Text, scope });
        let name = Cleartext::new("Muster");
        let seal = async |rule: &Arc<FieldRule>, whose| {
            let item = ToSeal {
                rule,
                role: &Role::Stored,
                value: &name,
                can_widen: false,
                equality: Equality::Case,
                can_remove: false,
                max_length: None,
                keeper: Keeper::Of(whose, &[]),
            };
            text(&house.protectors.seal(&[item]).await.unwrap()[0])
        };
        let (annas, berts) = (seal(&field, ANNA).await, seal(&field, BERT).await);
        assert_eq!(annas == berts, scope == Scope::Tenant);
        let all = SoughtValues::new(&policy, Kinds::ALL, false);
        let held = house.held_by(&[ANNA], &all).await;
        let note = Cleartext::new("call Muster");
        let mentions =
            Theirs::new(&[&held], &all, &HashSet::new()).find(note.expose(), 99).unwrap();
        let scan = rule("note", Protection::Scan(Kinds::ALL));
        let scanned = house.protectors.scan(&scan, &policy.scan, &[], &mentions, &note);
        let to_seal = scanned.to_seal(|_, holder| Keeper::Of(holder.unwrap(), &[]));
        let sealed = house.protectors.seal(&to_seal.collect::<Vec<_>>()).await.unwrap();
        let replaced = scanned.replaced("note", &note, &sealed, None).unwrap();
        assert_eq!(replaced, Replacement::text(format!("call {annas}")));
        house.vault.erase(&[ANNA, BERT]).await.unwrap();
    }
}
