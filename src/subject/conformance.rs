// SPDX-License-Identifier: Apache-2.0
//! What every [`SubjectStore`] must do.

use std::sync::Arc;

use super::{ConsentRecord, Learned, SubjectStore};
use crate::base::{Choice, ConsentState, Jurisdiction, SubjectId, Timestamp};

use Choice::{Given, Withdrawn};

/// Runs the whole suite on an empty storage. `open` gives a store on the same
/// storage each time it is called, as after a restart.
pub async fn run<S: SubjectStore + 'static>(open: impl Fn() -> Arc<S>) {
    nothing_is_known_of_strangers(&*open()).await;
    records_answer_with_the_facts_of_their_person(&*open()).await;
    two_persons_become_one(&*open()).await;
    jurisdictions_of_a_pseudonym_are_replaced(&*open()).await;
    a_field_that_repeats_itself_is_no_new_choice(&*open()).await;
    a_choice_counts_over_earlier_ones_whatever_the_clock(&*open()).await;
    many_writers_agree(open()).await;

    open().append(id(90), consent(Given, 1)).await.unwrap();
    open().learn(vec![linked(91, 90)]).await.unwrap();
    assert_eq!(state(&*open(), 91).await, ConsentState::Given, "after opening again");
}

pub fn id(number: u8) -> SubjectId {
    SubjectId([number; 16])
}

pub fn linked(one: u8, other: u8) -> Learned {
    Learned { same_as: Some(id(other)), ..said(one, None) }
}

pub fn consent(choice: Choice, at: u64) -> ConsentRecord {
    ConsentRecord {
        purpose: "news".into(),
        choice,
        at: Timestamp::from_unix_millis(at),
        until: None,
        text_version: Some("v1".parse().unwrap()),
        source: "form".parse().unwrap(),
    }
}

fn said(of: u8, jurisdictions: Option<&[&str]>) -> Learned {
    let jurisdictions = jurisdictions.map(|all| all.iter().map(Jurisdiction::new).collect());
    Learned { id: id(of), same_as: None, jurisdictions, consents: vec![] }
}

async fn jurisdictions(store: &dyn SubjectStore, of: u8) -> Vec<String> {
    let known = store.known(vec![id(of)]).await.unwrap().remove(0);
    known.jurisdictions.iter().map(ToString::to_string).collect()
}

async fn state(store: &dyn SubjectStore, of: u8) -> ConsentState {
    let known = store.known(vec![id(of)]).await.unwrap().remove(0);
    known.consents.state(&"news".into(), Timestamp::from_unix_millis(1000))
}

async fn nothing_is_known_of_strangers(store: &dyn SubjectStore) {
    let known = store.known(vec![id(1), id(2), id(1)]).await.unwrap();
    assert_eq!(known.iter().map(|known| known.person).collect::<Vec<_>>(), [id(1), id(2), id(1)]);
    assert!(known.iter().all(|known| known.jurisdictions.is_empty()));
    assert_eq!(state(store, 1).await, ConsentState::None);
    assert_eq!(store.dossier(id(1)).await.unwrap().pseudonyms, [id(1)]);
    assert_eq!(store.others(vec![id(1)], 9).await.unwrap(), [vec![]]);
    assert!(store.others(vec![], 9).await.unwrap().is_empty());
    assert!(store.known(vec![]).await.unwrap().is_empty());
    store.learn(vec![]).await.unwrap();
}

async fn records_answer_with_the_facts_of_their_person(store: &dyn SubjectStore) {
    // The value is learned of first, or the record; linked by either.
    store.append(id(11), consent(Given, 1)).await.unwrap();
    store.learn(vec![said(12, Some(&["EU"])), linked(12, 11), linked(11, 13)]).await.unwrap();
    for of in [11, 12, 13] {
        assert_eq!(jurisdictions(store, of).await, ["EU"], "{of}");
        assert_eq!(state(store, of).await, ConsentState::Given, "{of}");
        assert_eq!(store.known(vec![id(of)]).await.unwrap()[0].person, id(11), "{of}");
        let pseudonyms = store.dossier(id(of)).await.unwrap().pseudonyms;
        assert_eq!(pseudonyms, [id(11), id(12), id(13)], "{of}");
    }
    let others = store.others(vec![id(13), id(1), id(11), id(13)], 9).await.unwrap();
    let of_13 = vec![id(11), id(12)];
    assert_eq!(others, [of_13.clone(), vec![], vec![id(12), id(13)], of_13]);
    let others = store.others(vec![id(12), id(13)], 1).await.unwrap();
    assert_eq!(others, [[id(11)], [id(11)]]);
}

async fn two_persons_become_one(store: &dyn SubjectStore) {
    store.learn(vec![linked(23, 24), linked(21, 22)]).await.unwrap();
    store.learn(vec![said(24, Some(&["EU"])), said(21, Some(&["AU"]))]).await.unwrap();
    store.append(id(24), consent(Given, 5)).await.unwrap();
    store.append(id(21), consent(Withdrawn, 7)).await.unwrap();
    assert_eq!(state(store, 23).await, ConsentState::Given);
    store.learn(vec![linked(22, 23), linked(22, 22)]).await.unwrap();
    for of in 21..=24 {
        assert_eq!(jurisdictions(store, of).await, ["AU", "EU"], "{of}");
        assert_eq!(state(store, of).await, ConsentState::Withdrawn, "{of}");
        let dossier = store.dossier(id(of)).await.unwrap();
        assert_eq!(dossier.known.person, id(21), "{of}");
        assert_eq!(dossier.pseudonyms, [21, 22, 23, 24].map(id), "{of}");
        assert_eq!(dossier.history, [consent(Given, 5), consent(Withdrawn, 7)], "{of}");
    }
}

async fn jurisdictions_of_a_pseudonym_are_replaced(store: &dyn SubjectStore) {
    store.learn(vec![said(31, Some(&["DE", "EU"])), linked(31, 32)]).await.unwrap();
    store.learn(vec![said(32, Some(&["AU"]))]).await.unwrap();
    assert_eq!(jurisdictions(store, 31).await, ["AU", "DE", "EU"]);
    store.learn(vec![said(31, Some(&["FR"])), said(32, None)]).await.unwrap();
    assert_eq!(jurisdictions(store, 31).await, ["AU", "FR"]);
    store.learn(vec![said(31, Some(&[]))]).await.unwrap();
    assert_eq!(jurisdictions(store, 32).await, ["AU"]);
}

async fn a_field_that_repeats_itself_is_no_new_choice(store: &dyn SubjectStore) {
    let field = |choice, at| {
        let source = "crm:contact.optout".parse().unwrap();
        let record = ConsentRecord { source, text_version: None, ..consent(choice, at) };
        Learned { consents: vec![record], ..said(41, None) }
    };
    let learned = vec![field(Given, 1), field(Given, 2), field(Given, 1)];
    store.learn(learned.clone()).await.unwrap();
    assert_eq!(store.dossier(id(41)).await.unwrap().history.len(), 1);
    // Withdrawn elsewhere; the CRM, which has not heard of it, is updated.
    store.append(id(41), consent(Withdrawn, 5)).await.unwrap();
    store.learn(vec![field(Given, 6)]).await.unwrap();
    assert_eq!(state(store, 41).await, ConsentState::Withdrawn);
    // The field changes twice: the person chose again there.
    store.learn(vec![field(Withdrawn, 7), field(Given, 8)]).await.unwrap();
    assert_eq!(state(store, 41).await, ConsentState::Given);
    // Another record of the same person, which was never heard of, does not outdo it.
    store.learn(vec![linked(42, 41), field(Withdrawn, 9)]).await.unwrap();
    let other = |choice| Learned { id: id(42), ..field(choice, 10) };
    store.learn(vec![other(Given)]).await.unwrap();
    assert_eq!(state(store, 41).await, ConsentState::Withdrawn);
    store.learn(vec![other(Withdrawn)]).await.unwrap();
    assert_eq!(store.dossier(id(41)).await.unwrap().history.len(), 6);
    // Nor does one that turns out to be theirs only afterwards.
    let mut stray = other(Given);
    stray.id = id(43);
    store.learn(vec![stray]).await.unwrap();
    assert_eq!(state(store, 43).await, ConsentState::Given);
    store.learn(vec![linked(43, 41)]).await.unwrap();
    assert_eq!(state(store, 43).await, ConsentState::Withdrawn);
    // Of another purpose.
    let mut other = field(Given, 9);
    other.consents[0].purpose = "crm".into();
    store.learn(vec![other.clone(), other]).await.unwrap();
    assert_eq!(store.dossier(id(41)).await.unwrap().history.len(), 8);
}

async fn a_choice_counts_over_earlier_ones_whatever_the_clock(store: &dyn SubjectStore) {
    store.learn(vec![linked(51, 52)]).await.unwrap();
    let given = store.append(id(51), consent(Given, 500)).await.unwrap();
    assert_eq!(given, consent(Given, 500));
    // The clock was set back, and the person is known by another name.
    let withdrawn = store.append(id(52), consent(Withdrawn, 3)).await.unwrap();
    assert_eq!(withdrawn, consent(Withdrawn, 501));
    assert_eq!(state(store, 51).await, ConsentState::Withdrawn);
    // Time of one purpose says nothing about another.
    let other = ConsentRecord { purpose: "crm".into(), ..consent(Given, 3) };
    assert_eq!(store.append(id(52), other.clone()).await.unwrap(), other);
    // A field tells a withdrawal.
    assert_eq!(store.append(id(51), consent(Given, 600)).await.unwrap(), consent(Given, 600));
    let field =
        ConsentRecord { source: "crm:contact.optout".parse().unwrap(), ..consent(Withdrawn, 4) };
    store.learn(vec![Learned { consents: vec![field], ..said(52, None) }]).await.unwrap();
    assert_eq!(state(store, 51).await, ConsentState::Withdrawn);
}

/// Links in a ring from both ends, and the same choice from all.
async fn many_writers_agree<S: SubjectStore + 'static>(store: Arc<S>) {
    let writers: Vec<_> = (0..16_u8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let at = |step| 60 + (writer + step) % 16;
                let learned =
                    Learned { jurisdictions: Some(["EU".into()].into()), ..linked(at(0), at(1)) };
                store.learn(vec![learned, linked(at(1), at(2))]).await.unwrap();
                store.append(id(at(0)), consent(Given, 1)).await.unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let dossier = store.dossier(id(70)).await.unwrap();
    assert_eq!(dossier.known.person, id(60));
    assert_eq!(dossier.pseudonyms, (60..76).map(id).collect::<Vec<_>>());
    assert_eq!(dossier.known.jurisdictions, ["EU".into()]);
    assert_eq!(dossier.history.len(), 16);
}
