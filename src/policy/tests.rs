// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use super::{
    ConsentRule, Decision, Digest, FieldRule, ObjectRule, Policy, Protection, Reason, Shape,
    Unlisted,
};
use crate::base::FieldName;
use crate::carrier::{Occurrence, Role, Value};
use crate::crm::{FieldUse, SortKey, Sorting};

fn rule(id: &str) -> Arc<FieldRule> {
    let protection = Protection::tokenize(Shape::Text);
    Arc::new(FieldRule {
        id: id.to_owned(),
        category: "name".into(),
        protection,
        search: BTreeSet::new(),
    })
}

fn policy(fields: &[&str], unlisted: Unlisted) -> Policy {
    let fields = fields.iter().map(|name| ((*name).into(), rule(&format!("contacts.{name}"))));
    let contacts = ObjectRule {
        fields: fields.collect(),
        unlisted,
        subject: Vec::new(),
        consents: HashMap::new(),
    };
    Policy {
        digest: Digest([0; 32]),
        categories: HashMap::new(),
        objects: HashMap::from([("contacts".into(), contacts)]),
        border: None,
        scan: super::ScanRules::default(),
        residual: None,
        sorted_rows: 0,
    }
}

#[test]
fn a_use_of_every_field_is_one_of_the_protected_ones() {
    let check = |policy: &Policy, object: &str, expected: Option<&str>| {
        let field = FieldUse::EVERY_FIELD.into();
        let field_use = FieldUse { object: object.into(), field, operator: "word" };
        let refused = policy.permit_use(&field_use).err().map(|error| error.to_string());
        let expected =
            expected.map(|field| format!("word is not available on protected field `{field}`"));
        assert_eq!(refused, expected);
    };
    let two = policy(&["last_name", "email"], Unlisted::Pass);
    check(&two, "contacts", Some("contacts.email"));
    check(&two, "products", None);
    check(&policy(&[], Unlisted::Pass), "contacts", None);
    check(&policy(&[], Unlisted::Refuse), "contacts", Some("contacts.*"));
    check(&policy(&[], Unlisted::Protect(rule("contacts.*"))), "contacts", Some("contacts.*"));
}

#[test]
fn what_tells_of_a_record_is_one_text_or_number() {
    let mut policy = policy(&[], Unlisted::Pass);
    let contacts = policy.objects.values_mut().next().unwrap();
    let rule = ConsentRule { purpose: "news".into(), given: Vec::new(), withdrawn: Vec::new() };
    contacts.consents.insert("optout".into(), rule);
    let check = |field: &str, value: Value, expected: Option<&str>| {
        let (object, field) = ("contacts".into(), field.into());
        let occurrence = Occurrence { object, field, record: 0, role: Role::Stored, value };
        let refused = policy.decide(&occurrence).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), expected);
    };
    let said =
        "a list is not available on `contacts.optout`, which tells of whose law or consent counts";
    check("optout", Value::Structured("a list"), Some(said));
    check("optout", Value::Flag(true), None);
    check("tags", Value::Structured("a list"), None);
}

#[test]
fn a_field_of_an_uncertain_object_is_judged_by_the_strictest() {
    let check = |policy: &Policy, object: &str, field: &str, expected: Option<&str>| {
        let (object, field) = (object.into(), field.into());
        let field_use = FieldUse { object, field, operator: FieldUse::HEARSAY };
        let refused = policy.permit_use(&field_use).err().map(|error| error.to_string());
        match expected {
            Some(expected) => assert!(refused.is_some_and(|error| error.contains(expected))),
            None => assert_eq!(refused, None),
        }
    };
    let strict = policy(&[], Unlisted::Refuse);
    let mut policy = policy(&["phone"], Unlisted::Pass);
    let contacts = policy.objects.values_mut().next().unwrap();
    let rule = ConsentRule { purpose: "news".into(), given: Vec::new(), withdrawn: Vec::new() };
    contacts.consents.insert("optout".into(), rule);
    check(&policy, "contacts", "phone", None);
    check(&policy, "accounts", "phone", Some("protected field `contacts.phone`"));
    check(&policy, "accounts", "size", None);
    check(&policy, "accounts", "optout", Some("`contacts.optout`, which tells"));
    check(&policy, "contacts", "optout", None);
    check(&strict, "accounts", "size", Some("`contacts.*`"));
}

/// CRMs that take space off what they store hold nothing then.
#[test]
fn space_alone_is_no_value() {
    let policy = policy(&["last_name"], Unlisted::Pass);
    let decide = |text: &str| {
        let (object, field) = ("contacts".into(), "last_name".into());
        let value = Value::from(text.to_owned());
        policy.decide(&Occurrence { object, field, record: 0, role: Role::Stored, value }).unwrap()
    };
    for text in ["", " ", "\t\r\n", "\u{a0} \u{3000}"] {
        assert_eq!(decide(text), Decision::Untouched(Reason::Empty), "{text:?}");
    }
    for text in ["a", " a ", "\u{200b}"] {
        assert!(matches!(decide(text), Decision::Protect(_)), "{text:?}");
    }
}

/// Fields of contacts to sort by; those with a `+` are composed of what follows.
fn sorting(keys: &[&str]) -> Sorting {
    let keys = keys.iter().map(|key| {
        let compared = key.split('+').map(FieldName::new);
        let compared: Vec<FieldName> = compared.filter(|name| name.as_str() != "id").collect();
        SortKey {
            object: "contacts".into(),
            field: compared.first().cloned().unwrap_or("id".into()),
            compared,
            is_descending: false,
            nulls_last: false,
            text: (*key).to_owned(),
            obstacle: key.contains('+').then_some("it is composed"),
        }
    });
    Sorting {
        operator: "ORDER BY",
        keys: keys.collect(),
        limit: None,
        query: 0..0,
        clauses: 0..0,
        write: |_, _| String::new(),
    }
}

#[test]
fn what_is_protected_and_comes_first_is_sorted_by_here() {
    let mut policy = policy(&["last_name", "email", "note"], Unlisted::Pass);
    policy.sorted_rows = 10;
    let contacts = policy.objects.values_mut().next().unwrap();
    let note = contacts.fields.get_mut("note").unwrap();
    *note = Arc::new(FieldRule { protection: Protection::Mask, ..FieldRule::clone(note) });
    let check = |keys: &[&str], expected: Result<&[&str], &str>| {
        let found = policy.sort(&sorting(keys)).map_err(|error| error.to_string());
        let ids = found.map(|rules| rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>());
        let of = |ids: &[&str]| ids.iter().map(|id| format!("contacts.{id}")).collect();
        assert_eq!(ids, expected.map(of).map_err(str::to_owned), "{keys:?}");
    };
    check(&[], Ok(&[]));
    check(&["city"], Ok(&[]));
    check(&["last_name", "email", "city", "town"], Ok(&["last_name", "email"]));
    check(&["name+city"], Ok(&[]));
    check(&["last_name", "id"], Ok(&["last_name"]));
    let refused = |field: &str, because: &str| {
        format!("ORDER BY on protected field `contacts.{field}` is not possible: {because}")
    };
    let behind = "a field that is not protected comes before it";
    check(&["city", "email"], Err(&refused("email", behind)));
    check(&["last_name", "city", "last_name"], Err(&refused("last_name", behind)));
    check(&["name+city+email"], Err(&refused("email", "it is composed")));
    check(&["note"], Err(&refused("note", "only a mask of it is stored")));

    // What is not sorted by here is refused wherever it is used.
    let uses = |fields: &[&str], operator| {
        let of =
            |field: &&str| FieldUse { object: "contacts".into(), field: (*field).into(), operator };
        fields.iter().map(of).collect::<Vec<_>>()
    };
    let sorting = sorting(&["last_name", "email"]);
    let permit = |uses: &[FieldUse], count| policy.permit_uses(uses, Some(&sorting), count).is_ok();
    assert!(permit(&uses(&["last_name", "email", "city"], "ORDER BY"), 2));
    assert!(!permit(&uses(&["last_name", "email"], "ORDER BY"), 1));
    assert!(!permit(&uses(&["last_name"], "LIKE"), 2));
    assert!(policy.permit_uses(&uses(&["last_name"], "ORDER BY"), None, 2).is_err());
    // An id is no value, whatever becomes of what is not listed.
    let strict = self::policy(&[], Unlisted::Refuse);
    assert_eq!(strict.sort(&self::sorting(&["id"])), Ok(Vec::new()));
    assert!(strict.sort(&self::sorting(&["city"])).is_err());
    policy.sorted_rows = 0;
    assert_eq!(
        policy.sort(&sorting).map_err(|error| error.to_string()).unwrap_err(),
        "ORDER BY is not available on protected field `contacts.last_name`"
    );
}
