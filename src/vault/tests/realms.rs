// SPDX-License-Identifier: Apache-2.0
//! Keysets of jurisdictions.

use super::*;
use crate::base::SubjectId;
use crate::keys::{JurisdictionKeys, Realm, Version};

const BRUCE: SubjectId = SubjectId([1; 16]);
const ANNA: SubjectId = SubjectId([2; 16]);

/// A house with two keysets of jurisdictions, in this order.
struct House {
    store: Arc<MemoryStore>,
    keyset: Keyset,
    australia: JurisdictionKeys,
    europe: JurisdictionKeys,
}

impl House {
    fn new() -> Self {
        let [australia, europe] =
            ["AU", "EU"].map(|name| JurisdictionKeys::generate(&"acme".into(), name));
        Self { store: Arc::default(), keyset: keyset(), australia, europe }
    }

    fn vault(&self) -> Vault {
        self.with(&[self.australia.clone(), self.europe.clone()])
    }

    fn with(&self, keysets: &[JurisdictionKeys]) -> Vault {
        Vault::new(self.store.clone(), &self.keyset).with_jurisdictions(keysets)
    }

    /// Whose key that of a data subject is under, and which version of it.
    async fn realm(&self, subject: SubjectId) -> (String, Version) {
        let key = self.store.keys(vec![subject]).await.unwrap().remove(0).unwrap();
        (key.realm.code().to_owned(), key.version)
    }
}

fn au() -> Realm {
    Realm::from_code("AU")
}

fn eu() -> Realm {
    Realm::from_code("EU")
}

async fn keep(
    vault: &Vault,
    text: &str,
    holder: SubjectId,
    realms: &[Realm],
) -> Result<Token, VaultError> {
    let (category, value) = (email(), Cleartext::new(text));
    let item = ToKeep::for_house((&category, &value), Form::Word);
    let kept = vault.keep(&[ToKeep { holder: Some(holder), realms, ..item }]).await;
    kept.map(|mut tokens| tokens.remove(0))
}

async fn opened(vault: &Vault, token: &Token) -> Result<Opened, VaultError> {
    Ok(vault.detokenize(vec![token.clone()]).await?.remove(0).unwrap())
}

async fn text(vault: &Vault, token: &Token) -> Option<String> {
    opened(vault, token).await.unwrap().value.map(|value| value.expose().to_owned())
}

fn named(name: &str, version: Version) -> (String, Version) {
    (name.to_owned(), version)
}

#[tokio::test]
async fn the_laws_of_a_record_say_whose_keyset_it_is() {
    let house = House::new();
    let vault = house.vault();
    let cases: [(&[Realm], &str); 5] = [
        (&[], ""),
        (&[Realm::House], ""),
        (&[au()], "AU"),
        // Of several, the first that the configuration names.
        (&[eu(), au()], "AU"),
        (&[eu()], "EU"),
    ];
    for (number, (realms, expected)) in (10..).zip(cases) {
        let subject = SubjectId([number; 16]);
        keep(&vault, "a@b.example", subject, realms).await.unwrap();
        assert_eq!(house.realm(subject).await, named(expected, 1), "{realms:?}");
    }
    let verified = vault.verify(|_| {}).await.unwrap();
    assert_eq!((verified.damaged, verified.closed.len()), (vec![], 0));
}

#[tokio::test]
async fn whoever_moves_takes_their_key_along() {
    let house = House::new();
    let vault = house.vault();
    let steps: [(&[Realm], &str); 9] = [
        // Nothing is known of them at first.
        (&[], ""),
        (&[au()], "AU"),
        (&[], "AU"),
        // It is one of their laws.
        (&[au(), eu()], "AU"),
        (&[eu()], "EU"),
        (&[au(), eu()], "EU"),
        (&[au()], "AU"),
        // To where there is no keyset of its own.
        (&[Realm::House], ""),
        (&[Realm::House, eu()], "EU"),
    ];
    let mut tokens = Vec::new();
    for (number, (realms, expected)) in (0..).zip(steps) {
        let text = format!("{number}@b.example");
        tokens.push((keep(&vault, &text, BRUCE, realms).await.unwrap(), text));
        assert_eq!(house.realm(BRUCE).await, named(expected, 1), "{number}");
    }
    for (token, expected) in &tokens {
        assert_eq!(text(&vault, token).await.as_ref(), Some(expected), "under the same key");
    }
    // From the house's alone nothing of theirs opens now.
    let without = house.with(std::slice::from_ref(&house.australia));
    assert_eq!(text(&without, &tokens[0].0).await, None);
}

/// Two records of one person in a request.
#[tokio::test]
async fn what_stands_in_several_records_follows_the_laws_of_all() {
    let house = House::new();
    let (category, values) = (email(), values(["a@b.example", "c@d.example"]));
    let item = |at: usize, realms| ToKeep {
        holder: Some(BRUCE),
        realms,
        ..ToKeep::for_house((&category, &values[at]), Form::Word)
    };
    let (europe, australia, nowhere) = ([eu()], [au()], []);
    house.vault().keep(&[item(0, &nowhere), item(1, &europe)]).await.unwrap();
    assert_eq!(house.realm(BRUCE).await, named("EU", 1));
    house.vault().keep(&[item(0, &europe), item(1, &australia)]).await.unwrap();
    assert_eq!(house.realm(BRUCE).await, named("EU", 1));
}

#[tokio::test]
async fn without_a_keyset_what_it_holds_stays_closed_and_the_rest_does_not() {
    let house = House::new();
    let vault = house.vault();
    let own = keep(&vault, "bruce@b.example", BRUCE, &[au()]).await.unwrap();
    let of_both = keep(&vault, "info@b.example", BRUCE, &[au()]).await.unwrap();
    keep(&vault, "info@b.example", ANNA, &[eu()]).await.unwrap();
    let other = JurisdictionKeys::generate(&"acme".into(), "AU");
    for keysets in [vec![house.europe.clone()], vec![other, house.europe.clone()]] {
        let vault = house.with(&keysets);
        let closed = opened(&vault, &own).await.unwrap();
        assert_eq!((closed.value, closed.is_closed), (None, true));
        assert_eq!(text(&vault, &of_both).await.as_deref(), Some("info@b.example"), "Anna's");
        // Nothing is written for them, and no search passes over them in silence.
        let written = keep(&vault, "new@b.example", BRUCE, &[]).await;
        assert!(matches!(&written, Err(VaultError::Closed(of)) if of.as_str() == "AU"));
        let value = Cleartext::new("Bruce@b.example");
        let sought = vault.spellings(&[(&email(), &value)]).await;
        assert!(matches!(sought, Err(VaultError::Closed(_))), "{sought:?}");
        // It is not taken for another value, nor another for it.
        assert_eq!(keep(&vault, "bruce@b.example", ANNA, &[eu()]).await.unwrap(), own);
        assert_eq!(text(&vault, &own).await.as_deref(), Some("bruce@b.example"));
        let verified = vault.verify(|_| {}).await.unwrap();
        assert_eq!((verified.tokens, verified.damaged), (2, vec![]));
        assert_eq!(verified.closed, [("AU".into(), 2)].into());
        vault.erase(&[ANNA]).await.unwrap();
        keep(&house.vault(), "info@b.example", ANNA, &[eu()]).await.unwrap();
    }
    assert_eq!(text(&house.vault(), &own).await.as_deref(), Some("bruce@b.example"));
}

#[tokio::test]
async fn nothing_is_kept_under_another_keyset_of_a_jurisdiction() {
    let house = House::new();
    assert!(house.vault().prove_keysets().await.unwrap().is_empty(), "none is known yet");
    keep(&house.vault(), "bruce@b.example", BRUCE, &[au()]).await.unwrap();
    assert!(house.vault().prove_keysets().await.unwrap().is_empty());
    let other = JurisdictionKeys::generate(&"acme".into(), "AU");
    let vault = house.with(&[other, house.europe.clone()]);
    assert_eq!(vault.prove_keysets().await.unwrap(), ["AU".into()]);
    let again = keep(&vault, "bruce@b.example", ANNA, &[eu()]).await;
    assert!(again.is_ok(), "{again:?}");
    let new = SubjectId([3; 16]);
    let refused = keep(&vault, "new@b.example", new, &[au()]).await;
    assert!(matches!(refused, Err(VaultError::Closed(_))), "{refused:?}");
    keep(&vault, "new@b.example", new, &[eu()]).await.unwrap();
    let refused = keep(&vault, "new@b.example", new, &[au()]).await;
    assert!(matches!(refused, Err(VaultError::Closed(_))), "nor moves there: {refused:?}");
}

/// Of the few that a day can have, one may be another value's.
#[tokio::test]
async fn a_short_token_that_stays_closed_is_not_compared_with() {
    let house = House::new();
    let (category, value) = ("birthdate".into(), Cleartext::new("1985-02-23"));
    let item = ToKeep::for_house((&category, &value), Form::Date);
    let whose = |holder| ToKeep { holder: Some(holder), ..item };
    let realms = [au()];
    house.vault().keep(&[ToKeep { realms: &realms, ..whose(BRUCE) }]).await.unwrap();
    let refused = house.with(&[]).keep(&[whose(ANNA)]).await;
    assert!(matches!(refused, Err(VaultError::Closed(_))), "{refused:?}");

    // Unless somebody else's copy opens, whichever is the first.
    let europe = [eu()];
    for number in 10..20 {
        let bert = ToKeep { realms: &europe, ..whose(SubjectId([number; 16])) };
        house.vault().keep(&[bert]).await.unwrap();
        let without = house.with(std::slice::from_ref(&house.europe));
        without.keep(&[ToKeep { realms: &europe, ..whose(ANNA) }]).await.unwrap();
        let found = without.spellings(&[item.item]).await.unwrap();
        assert_eq!(found[0].as_ref().map(|found| found.len()), Some(1));
    }
}

#[tokio::test]
async fn the_keys_of_one_jurisdiction_are_rotated_alone() {
    let house = House::new();
    let vault = house.vault();
    let token = keep(&vault, "bruce@b.example", BRUCE, &[au()]).await.unwrap();
    keep(&vault, "anna@b.example", ANNA, &[eu()]).await.unwrap();
    let second = house.australia.rotated();
    let prepared = house.with(&[house.australia.preparing(&second), house.europe.clone()]);
    let rotated = house.with(&[second.clone(), house.europe.clone()]);
    assert_eq!(rotated.due().await.unwrap().under_older_keys, 1);
    let unopened = rotated.keep_up(1, |_| {}).await.unwrap();
    assert_eq!(unopened.count, 0);
    assert!(rotated.due().await.unwrap().is_nothing());
    assert_eq!(house.realm(BRUCE).await, named("AU", 2));
    assert_eq!(house.realm(ANNA).await, named("EU", 1));
    let alone = house.with(&[second.without_older(), house.europe.clone()]);
    assert_eq!(text(&alone, &token).await.as_deref(), Some("bruce@b.example"));

    // Who has the older key only does not go on with it.
    let is_gone = |error: Option<VaultError>| matches!(error, Some(VaultError::JurisdictionKeyGone(of, 2)) if of.as_str() == "AU");
    assert!(is_gone(opened(&vault, &token).await.err()));
    assert!(is_gone(vault.due().await.err()));
    let new = SubjectId([3; 16]);
    assert!(is_gone(keep(&vault, "new@b.example", new, &[au()]).await.err()));
    keep(&vault, "new@b.example", new, &[eu()]).await.unwrap();
    assert!(is_gone(keep(&vault, "new@b.example", new, &[au()]).await.err()), "nor moves there");
    // Who has it prepared does.
    keep(&prepared, "new@b.example", new, &[au()]).await.unwrap();
    assert_eq!(house.realm(new).await, named("AU", 2));
    assert!(prepared.due().await.unwrap().is_nothing());
}

#[tokio::test]
async fn a_jurisdiction_that_ends_takes_its_values_along() {
    let house = House::new();
    let vault = house.vault();
    let own = keep(&vault, "bruce@b.example", BRUCE, &[au()]).await.unwrap();
    let of_both = keep(&vault, "info@b.example", BRUCE, &[au()]).await.unwrap();
    keep(&vault, "info@b.example", ANNA, &[eu()]).await.unwrap();
    let ended = house.store.end("AU".into()).await.unwrap();
    assert_eq!(ended, Erased { keys: 1, copies: 2, tokens: 1, stays_in_files: false });
    let after = house.with(std::slice::from_ref(&house.europe));
    let lost = opened(&after, &own).await.unwrap();
    assert_eq!((lost.value, lost.is_closed), (None, false));
    assert_eq!(text(&after, &of_both).await.as_deref(), Some("info@b.example"));
    let verified = after.verify(|_| {}).await.unwrap();
    assert_eq!((verified.damaged, verified.closed.len()), (vec![], 0));
    assert_ne!(keep(&after, "bruce@b.example", BRUCE, &[]).await.unwrap(), own);
}

/// A wrapped key is bound to its keyset: one that is taken for that of another does not open.
#[tokio::test]
async fn a_key_opens_under_its_own_keyset_only() {
    let house = House::new();
    let europe = JurisdictionKeys { jurisdiction: "EU".into(), ..house.australia.clone() };
    let vault = house.with(&[house.australia.clone(), europe]);
    let token = keep(&vault, "bruce@b.example", BRUCE, &[au()]).await.unwrap();
    let key = house.store.keys(vec![BRUCE]).await.unwrap().remove(0).unwrap();
    let moved = Rewrapped { from: au(), key: SubjectKey { realm: eu(), ..key } };
    house.store.rewrap(vec![moved]).await.unwrap();
    assert_eq!(text(&vault, &token).await, None);
}
