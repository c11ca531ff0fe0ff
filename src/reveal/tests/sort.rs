// SPDX-License-Identifier: Apache-2.0

use super::super::open_order;
use super::{House, house};
use crate::base::{Cleartext, SubjectId};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot, Value};
use crate::crm::{LocatedAnswer, Row, Rows, SortKey, Sorting, ValueAt};
use crate::protect::Keeper;

/// The fields that rows are sorted by, with what stands behind their names.
fn sorting(keys: &[&str], limit: Option<usize>) -> Sorting {
    let keys = keys.iter().map(|key| SortKey {
        object: "contact".into(),
        field: key.split(' ').next().unwrap().into(),
        compared: Vec::new(),
        is_descending: key.contains("DESC"),
        nulls_last: key.contains("LAST"),
        text: (*key).to_owned(),
        obstacle: None,
    });
    Sorting {
        operator: "ORDER BY",
        keys: keys.collect(),
        limit,
        query: 0..0,
        clauses: 0..0,
        write: |_, _| String::new(),
    }
}

/// A list of rows with these values of these fields; no value where it is empty.
fn answer(fields: &[&str], values: &[Vec<String>]) -> (LocatedAnswer, Rows) {
    let (mut body, mut slots, mut rows) = (String::new(), Vec::new(), Rows::default());
    for (record, values) in values.iter().enumerate() {
        let (start, mut keys) = (body.len(), Vec::new());
        for (field, text) in fields.iter().zip(values) {
            if text.is_empty() {
                keys.push(ValueAt::Null);
                continue;
            }
            let span = body.len()..body.len() + text.len() + 2;
            body.push_str(&Codec::Json.literal(text));
            let occurrence = Occurrence {
                object: "contact".into(),
                field: field.split(' ').next().unwrap().into(),
                record: u32::try_from(record).unwrap(),
                role: Role::Stored,
                value: Value::Text(Cleartext::new(text.as_str())),
            };
            slots.push(Slot::value(span.clone(), Codec::Json, occurrence));
            keys.push(ValueAt::Text(span));
        }
        let record = u32::try_from(record).unwrap();
        rows.rows.push(Row { span: start..body.len(), records: record..record + 1, keys });
        body.push('\n');
    }
    rows.is_complete = true;
    (LocatedAnswer { body: Document::new(body, slots), ..LocatedAnswer::default() }, rows)
}

impl House {
    async fn order(
        &self,
        keys: &[&str],
        limit: Option<usize>,
        values: &[Vec<String>],
    ) -> Result<Vec<usize>, String> {
        let (answer, rows) = answer(keys, values);
        let sorting = sorting(keys, limit);
        let by = (&sorting, keys.len());
        let order = open_order(&answer, &rows, by, &self.policy, &self.protectors).await;
        order.and_then(|order| order.numbers()).map_err(|error| error.to_string())
    }

    /// Rows with one value each, every other one as a surrogate, in their order.
    async fn sorts(&self, key: &str, values: &[&str], expected: &[&str]) {
        let mut rows = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let field = key.split(' ').next().unwrap();
            let is_sealed = at % 2 == 0 && !value.is_empty();
            rows.push(vec![if is_sealed {
                self.seal(field, value).await
            } else {
                (*value).to_owned()
            }]);
        }
        let order = self.order(&[key], None, &rows).await.unwrap();
        let found: Vec<&str> = order.into_iter().map(|number| values[number]).collect();
        assert_eq!(found, expected, "{key}");
    }
}

fn sorting_house() -> House {
    let mut house = house();
    house.policy.sorted_rows = 9;
    house
}

#[tokio::test]
async fn rows_are_sorted_by_what_surrogates_stand_for() {
    let house = sorting_house();
    let names = ["zoe", "Bob", "", "bob", "Özil", "_x", "BOB ", "Adam", "ß"];
    // By upper case; what is equal so stays as it was.
    let up = ["", "Adam", "Bob", "bob", "BOB ", "ß", "zoe", "_x", "Özil"];
    house.sorts("last", &names, &up).await;
    let last = ["Adam", "Bob", "bob", "BOB ", "ß", "zoe", "_x", "Özil", ""];
    house.sorts("last NULLS LAST", &names, &last).await;
    let down = ["", "Özil", "_x", "zoe", "ß", "Bob", "bob", "BOB ", "Adam"];
    house.sorts("last DESC", &names, &down).await;
    // Encrypted, and in the form of addresses, dates and numbers.
    house
        .sorts("street", &["Gasse 2", "Allee 9", "Gasse 1"], &["Allee 9", "Gasse 1", "Gasse 2"])
        .await;
    house.sorts("email", &["b@x.de", "C@x.de", "a@x.de"], &["a@x.de", "b@x.de", "C@x.de"]).await;
    house
        .sorts(
            "hired",
            &["2020-02-01", "1999-12-31", "2001-01-01"],
            &["1999-12-31", "2001-01-01", "2020-02-01"],
        )
        .await;
    house.sorts("phone", &["+49 2", "+49 10", "+49 1"], &["+49 1", "+49 10", "+49 2"]).await;
}

#[tokio::test]
async fn the_next_key_decides_between_equals_and_no_more_are_wanted() {
    let house = sorting_house();
    let mut rows = Vec::new();
    for (first, last) in [("b", "x"), ("A", "y"), ("a", "X"), ("", "z"), ("a", "Z")] {
        let first = if first.is_empty() { String::new() } else { house.seal("first", first).await };
        rows.push(vec![house.seal("last", last).await, first]);
    }
    let keys = ["last", "first DESC NULLS LAST"];
    assert_eq!(house.order(&keys, None, &rows).await.unwrap(), [0, 2, 1, 4, 3]);
    assert_eq!(house.order(&keys, Some(2), &rows).await.unwrap(), [0, 2]);
    assert_eq!(house.order(&keys, Some(0), &rows).await.unwrap(), [0; 0]);
    assert_eq!(house.order(&keys, Some(usize::MAX), &[]).await.unwrap(), [0; 0]);
    assert_eq!(house.order(&["last"], None, &rows).await.unwrap(), [0, 2, 1, 3, 4]);
}

/// Else one erased person would close the list for ever.
#[tokio::test]
async fn what_is_erased_is_sorted_as_no_value() {
    let house = sorting_house();
    let anna = SubjectId([1; 16]);
    for (field, values) in
        [("last", ["Muster", "Adam", "Zoe"]), ("hired", ["2001-01-01", "1999-01-01", "2020-01-01"])]
    {
        let mut rows = vec![vec![house.seal_for(Keeper::Of(anna, &[]), field, values[0]).await]];
        for value in &values[1..] {
            rows.push(vec![house.seal(field, value).await]);
        }
        assert_eq!(house.order(&[field], None, &rows).await.unwrap(), [1, 0, 2]);
        house.vault.erase(&[anna]).await.unwrap();
        assert_eq!(house.order(&[field], None, &rows).await.unwrap(), [0, 1, 2]);
        let last = format!("{field} NULLS LAST");
        assert_eq!(house.order(&[&last], None, &rows).await.unwrap(), [1, 2, 0]);
    }
}

#[tokio::test]
async fn rows_of_which_not_all_is_known_are_not_sorted() {
    let house = sorting_house();
    let refused = async |key: &str, value: &str| {
        let rows = [vec!["x".to_owned()], vec![value.to_owned()]];
        house.order(&[key], None, &rows).await.unwrap_err()
    };
    let closed = |field: &str| {
        format!(
            "ORDER BY on protected field `contact.{field}` is not possible: a row holds a value of \
             it that does not open here"
        )
    };
    // Of another category, of a key that is gone, and with something around it.
    let moved = house.seal("owner", "x").await;
    assert_eq!(refused("last", &moved).await, closed("last"));
    let foreign = super::house().seal("last", "x").await;
    assert_eq!(refused("last", &foreign).await, closed("last"));
    let around = format!("Dr. {}", house.seal("last", "x").await);
    assert_eq!(refused("last", &around).await, closed("last"));
    assert_eq!(refused("hired", "soon").await, closed("hired"));

    let many = vec![vec!["x".to_owned()]; 10];
    assert!(house.order(&["last"], Some(1), &many[..9]).await.is_ok());
    assert_eq!(
        house.order(&["last"], Some(1), &many).await.unwrap_err(),
        "ORDER BY on protected field `contact.last` is possible for at most 9 rows, and the query \
         finds more; narrow its filter"
    );
    let (answer, mut rows) = answer(&["last"], &many[..2]);
    let (sorting, policy) = (sorting(&["last"], None), &house.policy);
    let sorted = async |answer: &LocatedAnswer, rows: &Rows| {
        let order = open_order(answer, rows, (&sorting, 1), policy, &house.protectors).await;
        order.and_then(|order| order.numbers()).map_err(|error| error.to_string())
    };
    assert_eq!(sorted(&answer, &rows).await.unwrap(), [0, 1]);
    rows.is_complete = false;
    let paged =
        "is possible for at most 9 rows, and where the CRM answers with all of them at once";
    assert!(sorted(&answer, &rows).await.unwrap_err().contains(paged));
    rows.total = Some(10);
    assert!(sorted(&answer, &rows).await.unwrap_err().contains("9 rows, and the query finds more"));
    (rows.total, rows.is_complete) = (None, true);
    for at in [ValueAt::Other, ValueAt::Text(0..1)] {
        rows.rows[1].keys = vec![at];
        assert_eq!(sorted(&answer, &rows).await.unwrap_err(), closed("last"));
    }
}
