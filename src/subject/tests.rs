// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::conformance::{consent, id};
use super::*;
use crate::base::{Category, Choice, Cleartext};
use crate::keys::Keyset;

fn subjects(keyset: &Keyset) -> Subjects {
    Subjects::new(Arc::new(MemorySubjects::default()), keyset)
}

#[test]
fn every_spelling_is_one_person_and_nothing_else_is() {
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    let subjects = subjects(&keyset);
    let by_value = |category: &str, value: &str| {
        subjects.by_value(&Category::new(category), &Cleartext::new(value))
    };
    let max = by_value("email", "max@muster.example");
    for spelling in ["Max@Muster.Example", "MAX@MUSTER.EXAMPLE", " max@muster.example\n"] {
        assert_eq!(by_value("email", spelling), max, "{spelling}");
    }
    assert_eq!(by_value("name", "STRASSE"), by_value("name", "straße"));

    let by_record =
        |upstream: &str, object: &str, id: &str| subjects.by_record(upstream, &object.into(), id);
    let others = [
        max,
        by_value("name", "max@muster.example"),
        by_value("email", "ma@xmuster.example"),
        by_record("email", "max@muster.example", ""),
        by_record("sales", "contact", "003A"),
        by_record("sales", "contact", "003a"),
        by_record("sales", "contact0", "03A"),
        by_record("support", "contact", "003A"),
        self::subjects(&Keyset::generate(&"acme".into()).unwrap())
            .by_value(&"email".into(), &Cleartext::new("max@muster.example")),
        self::subjects(&Keyset { tenant: "bolt".into(), ..keyset })
            .by_value(&"email".into(), &Cleartext::new("max@muster.example")),
    ];
    assert_eq!(others.iter().collect::<BTreeSet<_>>().len(), others.len());
}

/// What a message may say of a few pseudonyms.
fn learned() -> impl Strategy<Value = Learned> {
    let jurisdiction = prop_oneof![Just("EU"), Just("AU"), Just("US-CA")];
    let jurisdictions =
        prop::collection::btree_set(jurisdiction.prop_map(Jurisdiction::from), 0..3);
    let choice = prop_oneof![Just(Choice::Given), Just(Choice::Withdrawn)];
    let record = (choice, 0..5_u64, 0..1000_u16).prop_map(|(choice, at, source)| ConsentRecord {
        source: format!("crm:{source}").parse().unwrap(),
        ..consent(choice, at)
    });
    (0..8_u8, prop::option::of(0..8_u8), prop::option::of(jurisdictions), prop::option::of(record))
        .prop_map(|(of, same_as, jurisdictions, record)| Learned {
            id: id(of),
            same_as: same_as.map(id),
            jurisdictions,
            consents: record.into_iter().collect(),
        })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

async fn all_known(learned: &[Learned]) -> Vec<Dossier> {
    let store = MemorySubjects::default();
    for learned in learned {
        store.learn(vec![learned.clone()]).await.unwrap();
    }
    let mut dossiers = Vec::new();
    for of in 0..8 {
        dossiers.push(store.dossier(id(of)).await.unwrap());
    }
    dossiers
}

proptest! {
    /// Persons as a search through the links finds them, and their facts.
    #[test]
    fn a_person_is_whoever_the_links_reach(learned in prop::collection::vec(learned(), 0..12)) {
        let dossiers = block_on(all_known(&learned));
        for of in 0..8 {
            let mut reached = BTreeSet::from([id(of)]);
            for _ in 0..8 {
                for Learned { id, same_as, .. } in &learned {
                    let ends: Vec<_> = same_as.iter().chain([id]).copied().collect();
                    if ends.iter().any(|end| reached.contains(end)) {
                        reached.extend(ends);
                    }
                }
            }
            let Dossier { known, pseudonyms, history } = &dossiers[usize::from(of)];
            prop_assert!(pseudonyms.iter().eq(&reached));
            prop_assert_eq!(Some(&known.person), reached.first());
            let mut jurisdictions = BTreeSet::new();
            for id in &reached {
                let mut said = learned.iter().filter(|learned| learned.id == *id);
                let last = said.rfind(|learned| learned.jurisdictions.is_some());
                jurisdictions.extend(last.into_iter().flat_map(|last| last.jurisdictions.iter().flatten()));
            }
            prop_assert!(known.jurisdictions.iter().eq(jurisdictions));
            prop_assert!(history.is_sorted_by_key(|record| record.at));
        }
    }

    /// With one message per pseudonym, the order says nothing at all; but for consent,
    /// which counts only where nothing was said before.
    #[test]
    fn the_order_of_messages_does_not_matter(
        mut learned in prop::collection::vec(learned(), 0..12),
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut seen = BTreeSet::new();
        for learned in &mut learned {
            if !seen.insert(learned.id) {
                learned.jurisdictions = None;
                learned.consents.clear();
            }
            learned.consents.retain(|record| record.choice == Choice::Withdrawn);
        }
        let shuffled: Vec<_> = order.iter().filter_map(|at| learned.get(*at).cloned()).collect();
        let expected = block_on(all_known(&learned));
        prop_assert_eq!(block_on(all_known(&shuffled)), expected.clone());
        let twice: Vec<_> = learned.iter().chain(&shuffled).cloned().collect();
        prop_assert_eq!(block_on(all_known(&twice)), expected);
    }
}
