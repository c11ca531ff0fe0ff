// SPDX-License-Identifier: Apache-2.0
//! What data subjects hold.

use super::holders::{held_row, key, subject_of};
use super::*;
use crate::vault::{HeldRows, Holder, Limits, NewCopy, Wanted};

const LIMITS: Limits = Limits { longest: 4, looked_at: 9, of_one: 9, of_all: 99 };

/// Of nobody else; leaves nothing behind.
pub(super) async fn run(store: &dyn TokenStore) {
    let [anna, bert, carl] = [81, 82, 83];
    let of = |token, whose, category: &str, length| Row {
        category: category.into(),
        ..held_row(
            token,
            Held { by: Holder::Subject(key(whose, whose)), sealed: vec![token; length] },
        )
    };
    let name = of(250, anna, "name", 20);
    let phones = [248, 249].map(|token| of(token, anna, "phone", 20));
    let others = [of(247, anna, "city", 9), of(251, anna, "phone", 21)];
    let (berts, carls) = (of(252, bert, "name", 17), of(253, carl, "city", 17));
    let all = [&[name.clone(), berts.clone(), carls][..], &phones, &others].concat();
    insert(store, all).await.unwrap();
    // What several hold, each has a copy of.
    let shared = of(250, bert, "name", 18);
    let copy = NewCopy { token: shared.token.clone(), held: shared.held.clone().unwrap() };
    store.hold(vec![copy]).await.unwrap();

    let ask = async |whose: &[u8], categories: &[&str], limits| {
        let subjects = whose.iter().map(|whose| subject_of(*whose)).collect();
        let categories = categories.iter().map(Category::new).collect();
        store.held_by(Wanted { subjects, categories, limits }).await.unwrap()
    };
    let rows = |rows: &[&Row], has_more| HeldRows {
        rows: rows.iter().map(|row| (*row).clone()).collect(),
        has_more,
    };
    let [first, second] = [&phones[0], &phones[1]];
    // In the order of the categories, then of the tokens.
    let annas = rows(&[&name, first, second], false);
    let berts = rows(&[&shared, &berts], false);
    let nothing = HeldRows::default();
    let wanted = ["name", "phone"];
    let found = ask(&[bert, 84, anna, carl, bert], &wanted, LIMITS).await;
    assert_eq!(found, [&berts, &nothing, &annas, &nothing, &berts].map(HeldRows::clone));
    let found = ask(&[anna], &["phone", "name"], LIMITS).await;
    assert_eq!(found, [rows(&[first, second, &name], false)]);
    assert_eq!(ask(&[anna, bert], &["nam"], LIMITS).await, [nothing.clone(), nothing.clone()]);
    assert_eq!(ask(&[], &wanted, LIMITS).await, []);

    let few = Limits { of_one: 2, ..LIMITS };
    assert_eq!(ask(&[anna], &wanted, few).await, [rows(&[&name, first], true)]);
    assert_eq!(ask(&[bert], &wanted, few).await, std::slice::from_ref(&berts));
    // Whichever are looked at.
    let seen = ask(&[anna], &wanted, Limits { looked_at: 4, ..LIMITS }).await.remove(0);
    assert!(seen.has_more && seen.rows.len() < 4, "{seen:?}");
    assert!(!ask(&[anna], &wanted, Limits { looked_at: 5, ..LIMITS }).await[0].has_more);
    assert!(ask(&[anna], &["none"], Limits { looked_at: 4, ..LIMITS }).await[0].has_more);
    // Whoever is left out may be asked for again.
    let five = Limits { of_one: 4, of_all: 5, ..LIMITS };
    assert_eq!(ask(&[anna, bert, 84], &wanted, five).await.len(), 3);
    let four = Limits { of_one: 4, of_all: 4, ..LIMITS };
    assert_eq!(ask(&[84, anna, bert, 84], &wanted, four).await, [nothing.clone(), annas]);
    let two = Limits { of_one: 2, of_all: 2, ..LIMITS };
    assert_eq!(ask(&[anna, bert], &wanted, two).await, [rows(&[&name, first], true)]);

    store.erase(vec![subject_of(anna)]).await.unwrap();
    assert_eq!(ask(&[anna, bert], &wanted, LIMITS).await, [nothing, berts]);
    store.erase(vec![subject_of(bert), subject_of(carl)]).await.unwrap();
}
