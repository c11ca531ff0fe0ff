// SPDX-License-Identifier: Apache-2.0
//! Whose values are whose.

use super::*;
use crate::base::{Jurisdiction, Scope, SubjectId};
use crate::keys::{JurisdictionKeys, Realm};
use crate::policy::{FindingKind, ScanRules};

const ANNA: SubjectId = SubjectId([1; 16]);
const BERT: SubjectId = SubjectId([2; 16]);
const AUSTRALIA: &[Realm] = &[Realm::Of(Jurisdiction::from_static("AU"))];
const THEIRS_ALONE: Protection = Protection::Tokenize { shape: Shape::Text, scope: Scope::Subject };
const THEIR_DAY: Protection = Protection::Tokenize { shape: Shape::Date, scope: Scope::Subject };

impl House {
    async fn of(&self, whose: SubjectId, protection: Protection, value: &str) -> Sealed {
        let keeper = Keeper::Of(whose, &[]);
        self.seal_at(protection, Role::Stored, value, |item| item.keeper = keeper).await.unwrap()
    }

    /// Writes a text to somebody's record, in which these kinds are looked for.
    async fn write(
        &self,
        whose: SubjectId,
        kinds: &[FindingKind],
        text: &str,
    ) -> Result<(), ProtectError> {
        let (rules, text) = (found_addresses(), Cleartext::new(text));
        let rule = rule("note", Protection::Scan(kinds.iter().copied().collect()));
        let keeper = |_: &Category| Keeper::Of(whose, &[]);
        let written = [Written { rule: &rule, text: &text, keeper }];
        self.protectors.hold_written(&written, &rules).await
    }

    /// What a filter for a value asks the CRM for.
    async fn sought(&self, protection: Protection, value: &str) -> Vec<String> {
        match self.seal(protection, Role::Equality, value).await.replacement {
            Replacement::Text(text) => vec![text.to_string()],
            Replacement::AnyOf(mut texts) => {
                texts.sort();
                texts
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn equal_values_of_two_are_told_apart_by_nobody_but_found_together() {
    let house = house();
    for (protection, value) in [(THEIRS_ALONE, "Muster"), (THEIR_DAY, "1985-02-23")] {
        let annas = text(&house.of(ANNA, protection, value).await);
        let berts = text(&house.of(BERT, protection, value).await);
        assert_ne!(annas, berts);
        assert_eq!(text(&house.of(ANNA, protection, value).await), annas, "the same for her");
        let mut both = vec![annas.clone(), berts.clone()];
        both.sort();
        assert_eq!(house.sought(protection, value).await, both);
        assert_eq!(house.open(&berts, "email").await, Some(Cleartext::new(value)));
    }
    // Also where the CRM compares every spelling for itself.
    let exact = house.seal_at(THEIRS_ALONE, Role::Equality, "Muster", |item| {
        item.equality = Equality::Exact;
    });
    let Replacement::AnyOf(found) = exact.await.unwrap().replacement else { panic!("one") };
    assert_eq!(found.len(), 2);
    let shared = text(&house.of(ANNA, TOKENIZE, "Meier").await);
    assert_eq!(text(&house.of(BERT, TOKENIZE, "Meier").await), shared);
}

#[tokio::test]
async fn a_token_that_is_written_to_the_record_of_another_is_theirs_too() {
    let house = house();
    let token = text(&house.of(ANNA, TOKENIZE, "Muster").await);
    assert_eq!(house.of(BERT, TOKENIZE, &token).await, already());
    // What is only compared is nobody's.
    assert_eq!(house.seal(TOKENIZE, Role::Equality, &token).await, already());
    assert_eq!(house.vault.erase(&[ANNA]).await.unwrap().tokens, 0);
    assert_eq!(house.open(&token, "email").await, Some(Cleartext::new("Muster")));
    assert_eq!(house.vault.erase(&[BERT]).await.unwrap().tokens, 1);
    assert_eq!(house.open(&token, "email").await, None);
}

fn found_addresses() -> ScanRules {
    let rules = [(FindingKind::Email, rule("email", TOKENIZE))].into();
    ScanRules { rules, ..ScanRules::default() }
}

#[tokio::test]
async fn a_token_in_a_text_that_is_written_to_the_record_of_another_is_theirs_too() {
    let house = house();
    let token = text(&house.of(ANNA, TOKENIZE, "Muster").await);
    let phone = text(&house.of(ANNA, PHONE, "+43 1 58858").await);
    let erased = text(&house.of(SubjectId([3; 16]), TOKENIZE, "Neumann").await);
    house.vault.erase(&[SubjectId([3; 16])]).await.unwrap();
    let note = format!("<b>{token}</b>, {phone} or {token}; {erased}");
    let nobodys = text(&house.of(ANNA, TOKENIZE, "Meier").await);
    // Where it does not open, nobody is shown it.
    house.write(BERT, &[FindingKind::Name], &nobodys).await.unwrap();
    house.write(BERT, &[FindingKind::Email], &note).await.unwrap();
    assert_eq!(house.vault.erase(&[ANNA]).await.unwrap().tokens, 1);
    assert_eq!(house.open(&token, "email").await, Some(Cleartext::new("Muster")));
    assert_eq!(house.open(&phone, "email").await, Some(Cleartext::new("+43 1 58858")));
    assert_eq!(house.open(&nobodys, "email").await, None);
    assert_eq!(house.vault.erase(&[BERT]).await.unwrap().tokens, 2);
    assert_eq!(house.open(&token, "email").await, None);

    take(&house.calls);
    house.write(BERT, &[FindingKind::Email], "nothing of ours").await.unwrap();
    assert_eq!(take(&house.calls), [""; 0]);
}

#[tokio::test]
async fn what_is_erased_stays_as_it_is_when_it_comes_back() {
    let house = house();
    for (protection, value) in [(TOKENIZE, "Muster"), (DATE, "1985-02-23"), (PHONE, "+43 1 58858")]
    {
        let token = text(&house.of(ANNA, protection, value).await);
        house.vault.erase(&[ANNA]).await.unwrap();
        assert_eq!(house.of(BERT, protection, &token).await, already(), "{value}");
        assert_eq!(house.open(&token, "email").await, None, "{value}");
        assert_ne!(house.sought(protection, value).await, [token], "{value}");
    }
}

/// A CRM that compares bytes finds, too, what was stored while the policy had another scope.
#[tokio::test]
async fn what_was_theirs_alone_is_found_when_the_policy_changes() {
    let house = house();
    let annas = text(&house.of(ANNA, THEIRS_ALONE, "Muster").await);
    let shared = text(&house.of(BERT, TOKENIZE, "Muster").await);
    let mut both = vec![annas, shared];
    both.sort();
    for protection in [TOKENIZE, THEIRS_ALONE] {
        let exact = house.seal_at(protection, Role::Equality, "Muster", |item| {
            item.equality = Equality::Exact;
        });
        let Replacement::AnyOf(mut found) = exact.await.unwrap().replacement else { panic!("one") };
        found.sort();
        assert_eq!(found, both);
    }
}

/// The token itself is no value that could be hashed.
#[tokio::test]
async fn what_is_erased_is_not_hashed() {
    let house = house();
    let token = text(&house.of(ANNA, TOKENIZE, "Muster").await);
    let hash = Protection::Hash { shape: Shape::Text, of: crate::policy::Hashed::Exact };
    let hashed = house.seal(hash, Role::Stored, "Muster").await;
    assert_eq!(house.seal(hash, Role::Stored, &token).await, hashed);
    house.vault.erase(&[ANNA]).await.unwrap();
    assert_eq!(house.seal(hash, Role::Stored, &token).await, already());
}

/// It is not gone: nothing may be decided as if there were no value.
#[tokio::test]
async fn what_stays_closed_comes_back_as_it_is_and_is_not_taken_for_erased() {
    let house = house();
    let keyset = JurisdictionKeys::generate(&"acme".into(), "AU");
    let vault = house.vault.clone().with_jurisdictions(&[keyset]);
    let with = Protectors::new(vault, &house.keyset, "pii.Acme.example");
    let with = House { protectors: with, ..house };
    let keeper = |item: &mut ToSeal<'_>| item.keeper = Keeper::Of(ANNA, AUSTRALIA);
    let sealed = with.seal_at(TOKENIZE, Role::Stored, "Muster", keeper).await.unwrap();
    let token = text(&sealed);
    assert_eq!(with.open(&token, "email").await, Some(Cleartext::new("Muster")));

    let without = over(&with.store, &with.keyset);
    let without = House { protectors: without, ..with };
    assert_eq!(without.open(&token, "email").await, None);
    assert_eq!(without.of(BERT, TOKENIZE, &token).await, already());
    let hash = Protection::Hash { shape: Shape::Text, of: crate::policy::Hashed::Exact };
    assert_eq!(without.seal(hash, Role::Stored, &token).await, already());
    let (surrogate, category) = (Surrogate::parse(&token).unwrap(), "email".into());
    let opened = without.protectors.open(&[(&surrogate, &category)]).await.unwrap();
    assert!(opened.knows(&surrogate, &category) && !opened.has_lost(&surrogate, &category));
}

/// A value that names somebody is kept for them, in whichever spelling.
#[tokio::test]
async fn a_value_that_names_somebody_is_theirs() {
    let house = house();
    let store = Arc::new(crate::subject::MemorySubjects::default());
    let subjects = Box::new(crate::subject::Subjects::new(store, &house.keyset));
    let subjects: &'static _ = Box::leak(subjects);
    let seal = async |value: &str| {
        let named = |item: &mut ToSeal<'_>| item.keeper = Keeper::Named(subjects);
        text(&house.seal_at(TOKENIZE, Role::Stored, value, named).await.unwrap())
    };
    let tokens = [seal("anna@example.org").await, seal(" Anna@Example.ORG ").await];
    let id = subjects.by_value(&"email".into(), &Cleartext::new("ANNA@example.org"));
    assert_eq!(house.vault.erase(&[id]).await.unwrap().tokens, 2);
    for token in tokens {
        assert_eq!(house.open(&token, "email").await, None);
    }
}

/// Short tokens can stand for long values, which would be kept once for each.
#[tokio::test]
async fn what_is_kept_for_others_is_bounded() {
    let house = house();
    let long = "x".repeat(9 << 20);
    let token = Cleartext::new(text(&house.of(ANNA, TOKENIZE, &long).await));
    let rule = rule("email", TOKENIZE);
    let item = |whose| ToSeal {
        rule: &rule,
        role: &Role::Stored,
        value: &token,
        can_widen: false,
        equality: Equality::Case,
        can_remove: false,
        max_length: None,
        keeper: Keeper::Of(whose, &[]),
    };
    let seal = async |of: &[SubjectId]| {
        let batch: Vec<_> = of.iter().map(|whose| item(*whose)).collect();
        house.protectors.seal(&batch).await
    };
    seal(&[ANNA, ANNA, BERT, BERT]).await.unwrap();
    let too_much = seal(&[SubjectId([3; 16]), SubjectId([4; 16])]).await;
    assert!(matches!(too_much, Err(ProtectError::TooMuch { .. })), "{too_much:?}");
    let other = text(&house.of(ANNA, TOKENIZE, &"y".repeat(9 << 20)).await);
    let note = format!("{}, {other}", token.expose());
    let too_much = house.write(SubjectId([5; 16]), &[FindingKind::Email], &note).await;
    assert!(matches!(too_much, Err(ProtectError::TooMuch { .. })), "{too_much:?}");
}

/// What is kept is the value as it was, however the CRM writes it.
#[tokio::test]
async fn a_day_that_is_written_to_the_record_of_another_stays_the_day_that_it_was() {
    let house = house();
    let token = text(&house.of(ANNA, DATE_TIME, "2026-11-30T10:00:00Z").await);
    let other_form = token.replace('Z', ".000+0000");
    assert_ne!(other_form, token);
    house.of(BERT, DATE_TIME, &other_form).await;
    house.vault.erase(&[ANNA]).await.unwrap();
    let verified = house.vault.verify(|_| {}).await.unwrap();
    assert_eq!((verified.tokens, verified.damaged), (1, vec![]));
    let opened = house.open(&token, "email").await;
    assert_eq!(opened, Some(Cleartext::new("2026-11-30T10:00:00Z")));
}

/// What does not leave is kept for nobody.
#[tokio::test]
async fn a_token_in_a_field_that_is_dropped_is_nobodys() {
    let house = house();
    let token = text(&house.of(ANNA, TOKENIZE, "Muster").await);
    let dropped = house.of(BERT, Protection::Drop, &token).await;
    assert_eq!(dropped.replacement, Replacement::Remove);
    assert_eq!(house.vault.erase(&[ANNA]).await.unwrap().tokens, 1);
    assert_eq!(house.open(&token, "email").await, None);
}
