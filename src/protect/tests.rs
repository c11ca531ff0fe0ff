// SPDX-License-Identifier: Apache-2.0

mod holders;
mod shapes;
mod theirs;

use std::collections::BTreeSet;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::base::{Category, Equality, Pattern, SearchKind};
use crate::carrier::{Replacement, Role};
use crate::policy::{FieldRule, Kept, Protection, Shape};
use crate::vault::{HookedStore, Kinds, MAX_FOUND};

const TOKENIZE: Protection = Protection::tokenize(Shape::Text);
const TOKENIZE_EMAIL: Protection = Protection::tokenize(Shape::Email);
const ENCRYPT: Protection = Protection::Encrypt { shape: Shape::Text, searchable: true };
const ENCRYPT_EMAIL: Protection = Protection::Encrypt { shape: Shape::Email, searchable: true };

const YEAR: Protection = Protection::Generalize(Kept::Year);
const DATE: Protection = Protection::tokenize(Shape::Date);
const DATE_TIME: Protection = Protection::tokenize(Shape::DateTime);
const PHONE: Protection = Protection::tokenize(Shape::Phone);

/// What a store was asked, by the names of its calls.
type Calls = Arc<Mutex<Vec<&'static str>>>;

fn take(calls: &Calls) -> Vec<&'static str> {
    std::mem::take(&mut calls.lock().unwrap())
}

struct House {
    store: Arc<HookedStore>,
    calls: Calls,
    keyset: Keyset,
    vault: Vault,
    protectors: Protectors,
}

fn house() -> House {
    let calls = Calls::default();
    let heard = Arc::clone(&calls);
    let store = Arc::new(HookedStore::new(move |call, _, _| {
        heard.lock().unwrap().push(call);
        Ok(())
    }));
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    let vault = Vault::new(store.clone(), &keyset);
    let protectors = Protectors::new(vault.clone(), &keyset, "pii.Acme.example");
    House { store, calls, keyset, vault, protectors }
}

fn over(store: &Arc<HookedStore>, keyset: &Keyset) -> Protectors {
    Protectors::new(Vault::new(store.clone(), keyset), keyset, "pii.Acme.example")
}

fn rule(category: &str, protection: Protection) -> Arc<FieldRule> {
    let id = format!("contact.{category}");
    Arc::new(FieldRule { id, category: category.into(), protection, search: BTreeSet::new() })
}

impl House {
    /// Seals one value; `adapt` says what is special about its place.
    async fn seal_at(
        &self,
        protection: Protection,
        role: Role,
        value: &str,
        adapt: impl FnOnce(&mut ToSeal<'_>),
    ) -> Result<Sealed, ProtectError> {
        let (rule, value) = (rule("email", protection), Cleartext::new(value));
        let (can_widen, can_remove, max_length) = (true, true, None);
        let mut item = ToSeal {
            rule: &rule,
            role: &role,
            value: &value,
            can_widen,
            equality: Equality::Case,
            can_remove,
            max_length,
            keeper: Keeper::House,
        };
        adapt(&mut item);
        let mut sealed = self.protectors.seal(&[item]).await?;
        assert_eq!(sealed.len(), 1);
        Ok(sealed.remove(0))
    }

    async fn seal(&self, protection: Protection, role: Role, value: &str) -> Sealed {
        self.seal_at(protection, role, value, |_| {}).await.unwrap()
    }

    /// What is written for a value that is stored.
    async fn surrogate(&self, protection: Protection, value: &str) -> String {
        text(&self.seal(protection, Role::Stored, value).await)
    }

    async fn open(&self, text: &str, category: &str) -> Option<Cleartext> {
        open(&self.protectors, text, category).await
    }
}

async fn open(protectors: &Protectors, text: &str, category: &str) -> Option<Cleartext> {
    let category = Category::from(category);
    let found = protectors.find(text, Sought::WordsAndMoments);
    let asked: Vec<_> = found.iter().map(|found| (&found.surrogate, &category)).collect();
    let opened = protectors.open(&asked).await.unwrap();
    found.first()?.clear(&opened, &category).map(std::borrow::Cow::into_owned)
}

fn text(sealed: &Sealed) -> String {
    match &sealed.replacement {
        Replacement::Text(text) => text.to_string(),
        other => panic!("{other:?} where a text was expected"),
    }
}

fn already() -> Sealed {
    Sealed { replacement: Replacement::Keep, state: SealedState::AlreadyProtected }
}

#[tokio::test]
async fn surrogates_have_their_shape_and_open() {
    let house = house();
    let value = "Max.Müller@example.de";
    let check = async |protection, form: &str, suffix: &str| {
        let surrogate = house.surrogate(protection, value).await;
        assert!(surrogate.starts_with(form) && surrogate.ends_with(suffix), "{surrogate}");
        let length = surrogate_length(protection, value.len(), "pii.acme.example".len());
        assert_eq!(surrogate.len(), length, "{surrogate}");
        let word = surrogate.strip_suffix(suffix).unwrap();
        assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        let found = house.protectors.find(&surrogate, Sought::Words);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].span, 0..surrogate.len());
        let expected = Some(Cleartext::new(value));
        assert_eq!(house.open(&surrogate, "email").await, expected);
        assert_eq!(house.open(&surrogate.to_uppercase(), "email").await, expected);
    };
    check(TOKENIZE, "zht", "").await;
    check(TOKENIZE_EMAIL, "zht", "@pii.acme.example").await;
    check(ENCRYPT, "zhe", "").await;
    let value = "m@example.de";
    let surrogate = house.surrogate(ENCRYPT_EMAIL, value).await;
    assert!(surrogate.ends_with("@pii.acme.example"), "{surrogate}");
    assert_eq!(house.open(&surrogate, "email").await, Some(Cleartext::new(value)));
}

#[tokio::test]
async fn surrogates_do_not_open_elsewhere() {
    let house = house();
    for protection in [TOKENIZE, ENCRYPT] {
        let surrogate = house.surrogate(protection, "a@b.example").await;
        assert_eq!(house.open(&surrogate, "name").await, None, "moved to another category");

        // The same rows, as if another tenant or key shared the database.
        let bolt = Keyset { tenant: "bolt".into(), ..house.keyset.clone() };
        let other_key = Keyset::generate(&"acme".into()).unwrap();
        for keyset in [bolt, other_key] {
            let found = house.protectors.find(&surrogate, Sought::Words);
            let category = Category::from("email");
            let asked = [(&found[0].surrogate, &category)];
            let value = match over(&house.store, &keyset).open(&asked).await {
                Ok(opened) => opened.get(asked[0].0, asked[0].1).cloned(),
                Err(_) => None,
            };
            assert_eq!(value, None, "{protection:?}");
        }
    }
}

#[tokio::test]
async fn what_comes_back_is_recognised() {
    let house = house();
    for protection in [TOKENIZE, TOKENIZE_EMAIL, ENCRYPT] {
        let surrogate = house.surrogate(protection, "a@b.example").await;
        for role in [Role::Stored, Role::Key, Role::Equality] {
            for spelling in [surrogate.clone(), surrogate.to_uppercase()] {
                let sealed = house.seal(protection, role.clone(), &spelling).await;
                assert_eq!(sealed, already(), "{protection:?} {role:?} {spelling}");
            }
        }
        // A token is still ours after the field's protection was changed.
        let masked = house.seal_at(Protection::Mask, Role::Stored, &surrogate, |_| {}).await;
        if protection == ENCRYPT {
            assert!(matches!(masked, Err(ProtectError::Unprotectable { .. })), "{masked:?}");
        } else {
            assert_eq!(masked.unwrap(), already());
        }
    }
    // An encrypted word is as long as its field may take; sealing it again would not fit.
    let surrogate = house.surrogate(ENCRYPT, "a@b.example").await;
    let limit = Some(surrogate.len() as u32);
    let sealed = house.seal_at(ENCRYPT, Role::Stored, &surrogate, |item| item.max_length = limit);
    assert_eq!(sealed.await.unwrap(), already());
}

/// The policy asks for tokens now, or a law does of this record.
#[tokio::test]
async fn an_encrypted_word_becomes_a_token_where_tokens_are_asked_for() {
    let house = house();
    let word = house.surrogate(ENCRYPT, "a@b.example").await;
    let token = house.surrogate(TOKENIZE, "a@b.example").await;
    assert_eq!(house.surrogate(TOKENIZE, &word).await, token);
    // What is stored as the word is found by it.
    assert_eq!(house.seal(TOKENIZE, Role::Equality, &word).await, already());
    assert_eq!(house.seal(ENCRYPT, Role::Stored, &token).await, already());
}

#[tokio::test]
async fn what_only_looks_like_ours_is_an_ordinary_value() {
    let house = house();
    let foreign = self::house();
    for protection in [TOKENIZE, ENCRYPT] {
        let foreign = foreign.surrogate(protection, "a@b.example").await;
        let with_rest = format!("{} Jr.", house.surrogate(protection, "a@b.example").await);
        for value in [foreign, with_rest] {
            let surrogate = house.surrogate(protection, &value).await;
            assert_eq!(house.open(&surrogate, "email").await, Some(Cleartext::new(value)));
        }
    }
    // Ours, but of another category.
    let (name, value) = (rule("name", TOKENIZE), Cleartext::new("Max"));
    let item = ToSeal {
        rule: &name,
        role: &Role::Stored,
        value: &value,
        can_widen: false,
        equality: Equality::Case,
        can_remove: false,
        max_length: None,
        keeper: Keeper::House,
    };
    let planted = text(&house.protectors.seal(&[item]).await.unwrap()[0]);
    let surrogate = house.surrogate(TOKENIZE, &planted).await;
    assert_eq!(house.open(&surrogate, "email").await, Some(Cleartext::new(planted)));
}

#[tokio::test]
async fn masks_never_take_the_place_of_what_they_hide() {
    let house = house();
    assert_eq!(house.surrogate(Protection::Mask, "Mustermann").await, "M•••");
    assert_eq!(house.seal(Protection::Mask, Role::Stored, "M•••").await, already());
    for (protection, value) in [
        (TOKENIZE, "M•••"),
        (ENCRYPT, "m•••@•••.de"),
        (TOKENIZE, "Dr. M••• jun."),
        (Protection::Mask, "Dr. M•••"),
    ] {
        let sealed = house.seal_at(protection, Role::Stored, value, |_| {}).await;
        assert!(matches!(sealed, Err(ProtectError::Masked { .. })), "{value}: {sealed:?}");
    }
}

#[tokio::test]
async fn dropped_values_go_away_or_the_request_does() {
    let house = house();
    let sealed = house.seal(Protection::Drop, Role::Stored, "x").await;
    assert_eq!(sealed.replacement, Replacement::Remove);
    let surrogate = house.surrogate(TOKENIZE, "x").await;
    let sealed = house.seal(Protection::Drop, Role::Stored, &surrogate).await;
    assert_eq!(sealed.replacement, Replacement::Remove);

    let kept = house.seal_at(Protection::Drop, Role::Stored, "x", |item| item.can_remove = false);
    assert!(matches!(kept.await, Err(ProtectError::Unprotectable { .. })));
    for protection in [Protection::Drop, Protection::Mask, YEAR] {
        for role in [Role::Key, Role::Equality] {
            let sealed = house.seal_at(protection, role, "x", |_| {}).await;
            assert!(matches!(sealed, Err(ProtectError::Unprotectable { .. })));
        }
    }
}

#[tokio::test]
async fn of_generalized_values_the_policys_part_leaves_or_nothing() {
    let house = house();
    assert_eq!(house.surrogate(YEAR, "1985-02-23").await, "1985-01-01");
    assert_eq!(house.surrogate(YEAR, "1985-01-01").await, "1985-01-01");
    let domain = Protection::Generalize(Kept::Domain);
    assert_eq!(house.surrogate(domain, "anna@corp.example").await, "@corp.example");
    // What a surrogate stands for is not shown, not even a part of it, to who sends it back.
    for protection in [TOKENIZE, ENCRYPT] {
        let surrogate = house.surrogate(protection, "1985-02-23").await;
        for kept in [Kept::Year, Kept::First(2)] {
            let planted = Protection::Generalize(kept);
            let sealed = house.seal_at(planted, Role::Stored, &surrogate, |_| {}).await;
            assert!(matches!(sealed, Err(ProtectError::Unprotectable { .. })), "{sealed:?}");
        }
    }
    for (protection, value) in [(YEAR, "23.02.1985"), (domain, "Anna Muster"), (YEAR, "1•••")]
    {
        let error = house.seal_at(protection, Role::Stored, value, |_| {}).await.unwrap_err();
        assert!(!error.to_string().contains(value), "{error}");
    }
    assert_eq!(take(&house.calls).iter().filter(|call| **call == "insert").count(), 1);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_field_and_limit() {
    let house = house();
    let check = async |protection, value: &str, max_length, refused: Option<&str>| {
        let sealed =
            house.seal_at(protection, Role::Stored, value, |item| item.max_length = max_length);
        match (sealed.await, refused) {
            (Ok(_), None) => {}
            (Err(error @ ProtectError::Unprotectable { .. }), Some(part)) => {
                let message = error.to_string();
                assert!(message.contains("`contact.email`"), "{message}");
                assert!(message.contains(part) && !message.contains(value), "{message}");
            }
            (result, _) => panic!("{protection:?} {max_length:?}: {result:?}"),
        }
    };
    check(TOKENIZE, &"ä".repeat(5000), Some(20), None).await;
    check(TOKENIZE, "Muster", Some(19), Some("limit of 19")).await;
    check(ENCRYPT, "Muster", Some(40), None).await;
    check(ENCRYPT, "Mustera", Some(40), Some("limit of 40")).await;
    check(ENCRYPT, "Müstera", Some(40), Some("limit of 40")).await;
    check(ENCRYPT_EMAIL, "21-bytes-@example.com", None, None).await;
    check(ENCRYPT_EMAIL, "22-bytes--@example.com", None, Some("limit of 64")).await;
    check(Protection::Mask, "Muster", Some(4), None).await;
    check(Protection::Mask, "m.muster@example.de", Some(4), Some("limit of 4")).await;
}

#[tokio::test]
async fn what_a_value_stands_for_depends_on_how_the_crm_compares() {
    let house = house();
    let compared = async |equality, role: &Role, value: &str| {
        let by = |item: &mut ToSeal<'_>| item.equality = equality;
        house.seal_at(TOKENIZE, role.clone(), value, by).await
    };
    let anna = house.surrogate(TOKENIZE, "Anna").await;
    let spaced = house.surrogate(TOKENIZE, "anna ").await;
    let mut both = vec![anna.clone(), spaced];
    both.sort();
    for role in [Role::Equality, Role::Key] {
        let exact = compared(Equality::Exact, &role, "Anna").await.unwrap();
        assert_eq!(text(&exact), anna);
        assert_eq!(text(&compared(Equality::Case, &role, "ANNA").await.unwrap()), anna);
        for equality in [Equality::Trimmed, Equality::Collated] {
            let found = compared(equality, &role, "ANNA").await.unwrap();
            assert_eq!(found.replacement, Replacement::AnyOf(both.clone()), "{equality:?}");
        }
    }

    house.surrogate(TOKENIZE, "Jürgen").await;
    for role in [Role::Equality, Role::Key] {
        let doubtful = compared(Equality::Collated, &role, "Jurgen").await;
        assert!(matches!(doubtful, Err(ProtectError::Doubtful { .. })), "{doubtful:?}");
        compared(Equality::Collated, &role, "JÜRGEN").await.expect("it is known in one form");
        compared(Equality::Case, &role, "jörgen").await.expect("another value");
    }
}

#[tokio::test]
async fn new_keys_that_may_be_the_same_are_not_told_apart() {
    let house = house();
    let tokenize = rule("name", TOKENIZE);
    for (values, expected) in [(["Zoë", "ZOË "], Some(true)), (["Zoë", "Zoe"], None)] {
        let values = values.map(Cleartext::new);
        let batch = values.each_ref().map(|value| ToSeal {
            rule: &tokenize,
            role: &Role::Key,
            value,
            can_widen: false,
            equality: Equality::Collated,
            can_remove: false,
            max_length: None,
            keeper: Keeper::House,
        });
        let sealed = house.protectors.seal(&batch).await;
        assert_eq!(sealed.ok().map(|sealed| sealed[0] == sealed[1]), expected);
    }
}

#[tokio::test]
async fn filters_and_keys_stand_for_every_stored_spelling() {
    let house = house();
    for (role, stored) in [(Role::Equality, false), (Role::Key, true)] {
        let unknown = format!("Nobody@{role:?}.example");
        let token = text(&house.seal(TOKENIZE_EMAIL, role.clone(), &unknown).await);
        let opened = house.open(&token, "email").await;
        assert_eq!(opened, stored.then(|| Cleartext::new(&*unknown)), "a key may be stored");
        assert_eq!(token, house.surrogate(TOKENIZE_EMAIL, &unknown).await);
    }

    let lower = house.surrogate(TOKENIZE_EMAIL, "max@x.example").await;
    for role in [Role::Equality, Role::Key] {
        let sealed = house.seal(TOKENIZE_EMAIL, role, "MAX@x.example").await;
        assert_eq!(text(&sealed), lower, "the one spelling that is stored");
    }

    let upper = house.surrogate(TOKENIZE_EMAIL, "MAX@X.EXAMPLE").await;
    let mut both = vec![lower, upper];
    both.sort();
    for role in [Role::Equality, Role::Key] {
        let sealed = house.seal(TOKENIZE_EMAIL, role.clone(), "Max@x.example").await;
        assert_eq!(sealed.replacement, Replacement::AnyOf(both.clone()));
        let single = |item: &mut ToSeal<'_>| item.can_widen = false;
        let sealed = house.seal_at(TOKENIZE_EMAIL, role, "Max@x.example", single).await;
        assert!(matches!(sealed, Err(ProtectError::Ambiguous { .. })), "{sealed:?}");
    }

    for number in 2..4 * u32::from(MAX_FOUND) {
        let spelling: String = "max@x.example"
            .chars()
            .enumerate()
            .map(|(at, c)| if number >> at & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        house.surrogate(TOKENIZE_EMAIL, &spelling).await;
    }
    let any = |_: &mut ToSeal<'_>| ();
    let sealed = house.seal_at(TOKENIZE_EMAIL, Role::Equality, "max@x.example", any).await;
    assert!(matches!(sealed, Err(ProtectError::TooManySpellings { .. })), "{sealed:?}");

    let exact = house.surrogate(ENCRYPT, "max@x.example").await;
    assert_eq!(text(&house.seal(ENCRYPT, Role::Equality, "max@x.example").await), exact);
    assert_ne!(text(&house.seal(ENCRYPT, Role::Equality, "Max@x.example").await), exact);
}

/// Two of them would be two records, and one address ambiguous from then on.
#[tokio::test]
async fn new_keys_of_one_request_that_differ_in_case_only_are_one() {
    let house = house();
    let (email, mail) = (rule("email", TOKENIZE_EMAIL), rule("mail", TOKENIZE_EMAIL));
    let spellings = ["Neu@x.example", "NEU@x.example", "neu@x.example"].map(Cleartext::new);
    let rules = [&email, &email, &mail];
    let batch: Vec<_> = spellings
        .iter()
        .zip(rules)
        .map(|(value, rule)| ToSeal {
            rule,
            role: &Role::Key,
            value,
            can_widen: false,
            equality: Equality::Case,
            can_remove: false,
            max_length: None,
            keeper: Keeper::House,
        })
        .collect();
    let sealed = house.protectors.seal(&batch).await.unwrap();
    let tokens: Vec<String> = sealed.iter().map(text).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[0], tokens[2], "of another category");
    assert_eq!(house.open(&tokens[0], "email").await, Some(Cleartext::new("Neu@x.example")));
    let again = house.protectors.seal(&batch).await.unwrap();
    assert_eq!(again, sealed);
}

#[tokio::test]
async fn a_filter_finds_what_the_same_request_stores() {
    let house = house();
    let tokenize = rule("email", TOKENIZE_EMAIL);
    let known = house.surrogate(TOKENIZE_EMAIL, "Max@x.example").await;
    let spellings = ["max@x.example", "MAX@x.example", "mAX@x.example"].map(Cleartext::new);
    let roles = [Role::Stored, Role::Equality, Role::Key];
    let batch: Vec<_> = spellings
        .iter()
        .zip(&roles)
        .map(|(value, role)| ToSeal {
            rule: &tokenize,
            role,
            value,
            can_widen: *role == Role::Equality,
            equality: Equality::Case,
            can_remove: false,
            max_length: None,
            keeper: Keeper::House,
        })
        .collect();
    let sealed = house.protectors.seal(&batch).await.unwrap();
    let mut both = vec![known.clone(), text(&sealed[0])];
    both.sort();
    assert_eq!(sealed[1].replacement, Replacement::AnyOf(both));
    assert_eq!(text(&sealed[2]), known, "a key names what was there before");
}

#[tokio::test]
async fn a_batch_takes_one_round_trip_of_each_kind() {
    let house = house();
    let tokenize = rule("email", TOKENIZE);
    let values: Vec<Cleartext> =
        (0..50).map(|number| Cleartext::new(format!("{number}@x.example"))).collect();
    let item = |value, role| ToSeal {
        rule: &tokenize,
        role,
        value,
        can_widen: true,
        equality: Equality::Case,
        can_remove: true,
        max_length: None,
        keeper: Keeper::House,
    };
    let batch: Vec<_> = values.iter().map(|value| item(value, &Role::Stored)).collect();
    let sealed = house.protectors.seal(&batch).await.unwrap();
    assert_eq!(take(&house.calls), ["insert"]);

    let back: Vec<Cleartext> = sealed.iter().map(|s| Cleartext::new(text(s))).collect();
    let fresh = Cleartext::new("new@x.example");
    let mut batch: Vec<_> = back.iter().map(|value| item(value, &Role::Stored)).collect();
    batch.extend(values.iter().map(|value| item(value, &Role::Equality)));
    batch.push(item(&fresh, &Role::Stored));
    let sealed = house.protectors.seal(&batch).await.unwrap();
    assert_eq!(take(&house.calls), ["find", "insert", "find_by_index"]);
    assert_eq!(sealed.len(), 101);
    assert!(sealed[..50].iter().all(|sealed| *sealed == already()));
    for (value, sealed) in values.iter().chain([&fresh]).zip(&sealed[50..]) {
        assert_eq!(house.open(&text(sealed), "email").await.as_ref(), Some(value));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_value_comes_back(value in "\\PC{1,40}|.{1,40}") {
        prop_assume!(!value.contains(MARKER));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = house();
            for protection in [TOKENIZE, TOKENIZE_EMAIL, ENCRYPT] {
                let surrogate = house.surrogate(protection, &value).await;
                assert_eq!(house.open(&surrogate, "email").await, Some(Cleartext::new(&*value)));
                assert!(value.len() < 3 || !surrogate.contains(&value));
            }
        });
    }
}

#[tokio::test]
async fn a_request_takes_so_many_patterns() {
    let house = house();
    let mut rule = rule("name", TOKENIZE).as_ref().clone();
    rule.search.insert(SearchKind::Prefix);
    house.vault.index_for(Kinds::from([(rule.category.clone(), rule.search.clone())]));
    house.vault.keep_up(1, |_| {}).await.unwrap();
    let (rule, value) = (Arc::new(rule), Cleartext::new("A%"));
    let role = Role::Pattern { pattern: Pattern::like("A%").unwrap(), operator: "LIKE" };
    let item = ToSeal {
        rule: &rule,
        role: &role,
        value: &value,
        can_widen: true,
        equality: Equality::Case,
        can_remove: false,
        max_length: None,
        keeper: Keeper::House,
    };
    assert_eq!(house.protectors.seal(&[item; 50]).await.unwrap().len(), 50);
    let refused = house.protectors.seal(&[item; 51]).await.unwrap_err();
    assert!(refused.to_string().contains("a request takes 50 searches"), "{refused}");
}
