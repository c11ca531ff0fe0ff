// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Message, Reader, Statement};
use crate::base::{Cleartext, SubjectId, Timestamp};
use crate::carrier::{Occurrence, Role, Value};
use crate::crm::RecordName;
use crate::keys::Keyset;
use crate::policy::{
    ConsentRule, Digest, FieldRule, ObjectRule, Policy, Protection, Shape, Unlisted,
};
use crate::subject::{Learned, MemorySubjects, Subjects};

fn policy() -> Policy {
    let email = FieldRule {
        id: "contact.email".to_owned(),
        category: "email".into(),
        protection: Protection::tokenize(Shape::Email),
        search: BTreeSet::new(),
    };
    let opted_out = ConsentRule {
        purpose: "news".into(),
        given: vec!["false".to_owned()],
        withdrawn: vec!["true".to_owned()],
    };
    let contact = ObjectRule {
        fields: HashMap::from([("email".into(), Arc::new(email))]),
        unlisted: Unlisted::Pass,
        subject: vec!["email".into()],
        consents: HashMap::from([("optedout".into(), opted_out)]),
    };
    Policy {
        digest: Digest([0; 32]),
        categories: HashMap::new(),
        objects: HashMap::from([("contact".into(), contact)]),
        border: None,
        scan: crate::policy::ScanRules::default(),
        residual: None,
        sorted_rows: 0,
    }
}

fn occurrence(record: u32, field: &str, role: Role, value: Value) -> Occurrence {
    Occurrence { object: "contact".into(), field: field.into(), record, role, value }
}

fn subjects() -> Subjects {
    let keyset = Keyset::generate(&"t".into()).unwrap();
    Subjects::new(Arc::new(MemorySubjects::default()), &keyset)
}

fn said(record: u32, field: &str, role: Role, text: &str) -> Occurrence {
    occurrence(record, field, role, Value::Text(Cleartext::new(text)))
}

fn name(record: u32, id: &str) -> RecordName {
    RecordName { record, object: "contact".into(), id: id.into() }
}

/// Everything in it is known in clear.
fn read(
    subjects: &Subjects,
    message: Message,
    located: &[Occurrence],
    names: &[RecordName],
) -> Statement {
    let reader = Reader { policy: &policy(), subjects, namespace: "sf", message };
    let clear = located.iter().filter_map(|found| match &found.value {
        Value::Text(text) => Some((found, text)),
        _ => None,
    });
    Statement::read(reader, located.iter(), clear, names)
}

fn learned(statement: &Statement, created: Option<SubjectId>) -> Vec<Learned> {
    let same = statement.numbers().map(|number| (number, created)).collect();
    statement.learned(&BTreeMap::new(), &same, Timestamp::from_unix_millis(1))
}

fn link(of: SubjectId, to: SubjectId) -> Learned {
    Learned { id: of, same_as: Some(to), jurisdictions: None, consents: Vec::new() }
}

#[test]
fn every_record_is_counted_and_flags_are_heard() {
    let subjects = subjects();
    let mail = "a@b.example";
    let located = [
        said(0, "email", Role::Stored, mail),
        occurrence(1, "optedout", Role::Stored, Value::Flag(true)),
        occurrence(2, "other", Role::Stored, Value::Empty),
        occurrence(3, "address", Role::Stored, Value::Structured("an object")),
        said(4, "email", Role::Equality, mail),
        said(8, "email", Role::Former, mail),
        said(9, "message", Role::Echo, mail),
    ];
    let mut statement = read(&subjects, Message::Request, &located, &[name(5, "003")]);
    statement.count(6..8);
    statement.count_anybody();
    assert_eq!(statement.numbers().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(statement.silent().collect::<Vec<_>>(), [2, 3, 6, 7, 8]);

    let person = subjects.by_value(&"email".into(), &Cleartext::new(mail));
    assert_eq!(statement.subjects_of(|record| record == 0), BTreeSet::from([person]));
    assert_eq!(statement.subjects_of(|record| record == 4), BTreeSet::from([person]));
    assert_eq!(statement.0[&1].choices.len(), 1, "true is what opts out");
    assert_eq!(statement.named(5), statement.subjects_of(|record| record == 5).pop_last());
}

#[test]
fn a_request_that_names_no_record_is_about_somebody() {
    let mut statement = Statement::default();
    statement.count_anybody();
    assert_eq!(statement.numbers().collect::<Vec<_>>(), [0]);
    assert!(learned(&statement, None).is_empty());
}

#[test]
fn what_is_compared_is_not_learned() {
    let subjects = subjects();
    let asks = [
        said(0, "email", Role::Equality, "a@b.example"),
        said(0, "email", Role::Equality, "c@d.example"),
        said(0, "optedout", Role::Equality, "true"),
    ];
    let statement = read(&subjects, Message::Request, &asks, &[name(0, "1")]);
    assert_eq!(statement.subjects().len(), 3, "but whose law covers it is asked");
    assert!(learned(&statement, None).is_empty());
    // A condition does not unsay what the same record is given.
    let writes = [
        said(0, "optedout", Role::Stored, "true"),
        said(0, "email", Role::Equality, "a@b.example"),
    ];
    let statement = read(&subjects, Message::Request, &writes, &[name(0, "1")]);
    assert_eq!(learned(&statement, None)[0].consents.len(), 1);
    let names = [name(0, "1"), name(0, "2")];
    let statement = read(&subjects, Message::Request, &writes, &names);
    assert!(learned(&statement, None).is_empty(), "which record it is of is not known");
}

#[test]
fn facts_are_learned_of_the_record_and_after_links() {
    let subjects = subjects();
    let writes =
        [said(0, "email", Role::Stored, "a@b.example"), said(0, "optedout", Role::Stored, "true")];
    let person = subjects.by_value(&"email".into(), &Cleartext::new("a@b.example"));
    let record = |id| subjects.by_record("sf", &"contact".into(), id);
    let statement = read(&subjects, Message::Request, &writes, &[]);
    let found = learned(&statement, Some(record("1")));
    assert_eq!(found[0], link(person, record("1")));
    assert_eq!((found[1].id, found[1].consents.len()), (record("1"), 1));

    let statement = read(&subjects, Message::Request, &writes, &[name(0, "2")]);
    let found = learned(&statement, None);
    assert_eq!(found[0], link(person, record("2")));
    assert_eq!((found[1].id, found.len()), (record("2"), 2));
}

#[test]
fn an_answer_withdraws_consent_and_gives_none() {
    let subjects = subjects();
    for (text, in_request, in_answer) in
        [("true", 1, 1), ("false", 1, 0), (" TRUE ", 1, 1), ("maybe", 0, 0)]
    {
        let located = [said(0, "optedout", Role::Stored, text)];
        let heard = |message| read(&subjects, message, &located, &[]).0[&0].choices.len();
        let found = (heard(Message::Request), heard(Message::Answer));
        assert_eq!(found, (in_request, in_answer), "{text}");
    }
}

#[test]
fn nothing_is_nobody() {
    let subjects = subjects();
    for text in [" ", "•••", "a•••"] {
        let located = [said(0, "email", Role::Stored, text)];
        let statement = read(&subjects, Message::Answer, &located, &[]);
        assert!(statement.subjects().is_empty(), "{text}");
    }
}
