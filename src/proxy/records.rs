// SPDX-License-Identifier: Apache-2.0
//! The records of a message: whom they are about, and whose law covers them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::base::{
    Choice, Cleartext, ConsentState, FieldName, Jurisdiction, ObjectName, Purpose, SubjectId,
    Timestamp, UpstreamName,
};
use crate::border::{Border, Consents, RecordFacts, Window};
use crate::caller::Principal;
use crate::carrier::{Occurrence, Role, Value};
use crate::crm::RecordName;
use crate::policy::Policy;
use crate::subject::{ConsentRecord, Known, Learned, Note, Subjects};

use super::manifest::Record;

/// What a message says of its records, as far as policy and border ask for it. Holds
/// clear values for as long as the request lasts.
#[derive(Default)]
pub struct Statement(BTreeMap<u32, Stated>);

#[derive(Default)]
struct Stated {
    /// The data subject, by each field that names them.
    persons: Vec<SubjectId>,
    /// The CRM's own record.
    named: Option<SubjectId>,
    facts: Vec<(ObjectName, FieldName, Cleartext)>,
    choices: Vec<(Purpose, Choice, Note)>,
    /// The record is only asked for: what is said of it is compared, not stored.
    is_filter: bool,
}

/// Who asks, and when.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    pub caller: &'a Principal,
    pub now: Timestamp,
}

/// Where a message is read.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub policy: &'a Policy,
    pub subjects: &'a Subjects,
    /// The one that was called: records go by the ids that its callers see.
    pub upstream: &'a UpstreamName,
}

impl Statement {
    /// Reads a message: all that is located in it, the values that are known in clear,
    /// and the CRM's names of records.
    pub fn read<'a>(
        reader: Reader<'_>,
        located: impl Iterator<Item = &'a Occurrence>,
        clear: impl Iterator<Item = (&'a Occurrence, &'a Cleartext)>,
        names: &[RecordName],
    ) -> Self {
        let mut statement = Self::default();
        for occurrence in located.filter(|occurrence| !is_of_others(occurrence)) {
            let stated = statement.0.entry(occurrence.record).or_default();
            stated.is_filter |= occurrence.role == Role::Equality;
            if let Value::Flag(flag) = occurrence.value {
                let text = if flag { "true" } else { "false" };
                stated.hear(reader, occurrence, &Cleartext::new(text));
            }
        }
        for (occurrence, value) in clear.filter(|(occurrence, _)| !is_of_others(occurrence)) {
            let stated = statement.0.entry(occurrence.record).or_default();
            stated.hear(reader, occurrence, value);
        }
        for name in names {
            let named = reader.subjects.by_record(reader.upstream, &name.object, &name.id);
            statement.0.entry(name.record).or_default().named = Some(named);
        }
        statement
    }

    /// Counts records of which nothing is said.
    pub fn count(&mut self, records: Range<u32>) {
        for record in records {
            self.0.entry(record).or_default();
        }
    }

    /// Counts a request that names no record, such as a query without a filter, as one
    /// about somebody of whom nothing is known.
    pub fn count_anybody(&mut self) {
        if self.0.is_empty() {
            self.0.insert(0, Stated { is_filter: true, ..Stated::default() });
        }
    }

    /// Whom the message is about, by all their pseudonyms; sorted, each once.
    pub fn subjects(&self) -> Vec<SubjectId> {
        let subjects: BTreeSet<_> = self.0.values().flat_map(Stated::subjects).collect();
        subjects.into_iter().collect()
    }

    /// The pseudonyms of some records only.
    pub fn subjects_of(&self, is_wanted: impl Fn(u32) -> bool) -> Vec<SubjectId> {
        let records = self.0.iter().filter(|(number, _)| is_wanted(**number));
        let subjects: BTreeSet<_> = records.flat_map(|(_, stated)| stated.subjects()).collect();
        subjects.into_iter().collect()
    }

    /// Each record with what is known of it. `known` answers for [`subjects`](Self::subjects).
    pub fn settle(
        &self,
        border: &Border,
        asker: Asker<'_>,
        known: &BTreeMap<SubjectId, Known>,
    ) -> BTreeMap<u32, Record> {
        self.0
            .iter()
            .map(|(number, stated)| (*number, stated.settle(border, asker, known)))
            .collect()
    }

    /// What is to be remembered of the records that `same` leads to: their numbers, and
    /// other pseudonyms of theirs.
    pub fn learned(
        &self,
        records: &BTreeMap<u32, Record>,
        same: &BTreeMap<u32, Option<SubjectId>>,
        now: Timestamp,
    ) -> Vec<Learned> {
        let mut learned = Vec::new();
        for (number, other) in same {
            let Some(stated) = self.0.get(number).filter(|stated| !stated.is_filter) else {
                continue;
            };
            let mut subjects = stated.subjects().chain(*other);
            let Some(id) = subjects.next() else { continue };
            let jurisdictions = records
                .get(number)
                .filter(|record| record.residence.is_from_fields)
                .map(|record| record.residence.jurisdictions.iter().cloned().collect());
            let consents = stated.choices.iter().map(|(purpose, choice, source)| ConsentRecord {
                purpose: purpose.clone(),
                choice: *choice,
                at: now,
                until: None,
                text_version: None,
                source: source.clone(),
            });
            let own = Learned { id, same_as: None, jurisdictions, consents: consents.collect() };
            let says_something = own.jurisdictions.is_some() || !own.consents.is_empty();
            learned.extend(says_something.then_some(own));
            learned.extend(subjects.filter(|other| *other != id).map(|other| Learned {
                id: other,
                same_as: Some(id),
                jurisdictions: None,
                consents: Vec::new(),
            }));
        }
        learned
    }

    /// The CRM's own record with this number, by pseudonym.
    pub fn named(&self, record: u32) -> Option<SubjectId> {
        self.0.get(&record)?.named
    }

    /// The number of the only record, if there is only one.
    pub fn sole(&self) -> Option<u32> {
        let mut numbers = self.0.keys();
        numbers.next().copied().filter(|_| numbers.next().is_none())
    }

    /// The numbers of all records.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }
}

/// Whether a text is put together of other values, which stand elsewhere.
fn is_of_others(occurrence: &Occurrence) -> bool {
    matches!(occurrence.role, Role::Composed { .. } | Role::Echo)
}

impl Stated {
    fn hear(&mut self, reader: Reader<'_>, occurrence: &Occurrence, value: &Cleartext) {
        let (object, field) = (&occurrence.object, &occurrence.field);
        if !reader.policy.asks(object, field) {
            return;
        }
        self.facts.push((object.clone(), field.clone(), value.clone()));
        let Some(rules) = reader.policy.objects.get(object) else { return };
        if rules.subject.contains(field)
            && let Some(rule) = rules.fields.get(field)
        {
            self.persons.push(reader.subjects.by_value(&rule.category, value));
        }
        if let Some(rule) = rules.consents.get(field)
            && let Some(choice) = rule.choice(value.expose())
            && let Ok(source) = format!("crm:{object}.{field}").parse()
        {
            self.choices.push((rule.purpose.clone(), choice, source));
        }
    }

    fn subjects(&self) -> impl Iterator<Item = SubjectId> {
        self.persons.iter().copied().chain(self.named)
    }

    fn settle(
        &self,
        border: &Border,
        Asker { caller, now }: Asker<'_>,
        known: &BTreeMap<SubjectId, Known>,
    ) -> Record {
        let of_record: Vec<&Known> =
            self.subjects().filter_map(|subject| known.get(&subject)).collect();
        let jurisdictions: BTreeSet<&Jurisdiction> =
            of_record.iter().flat_map(|known| &known.jurisdictions).collect();
        let jurisdictions: Vec<Jurisdiction> = jurisdictions.into_iter().cloned().collect();
        let facts: Vec<_> = self
            .facts
            .iter()
            .filter(|_| !self.is_filter)
            .map(|(object, field, value)| (object, field, value.expose()))
            .collect();
        let residence = border.residence(&RecordFacts {
            fields: &facts,
            known: &jurisdictions,
            caller: &caller.name,
            roles: &caller.roles,
            caller_region: caller.region.as_ref(),
            today: now.date(),
        });
        Record { residence, consents: self.consents(&of_record, now) }
    }

    /// What everybody that the record may be about has consented to. What its own fields
    /// say counts where nothing was said before; a withdrawal counts at once.
    fn consents(&self, known: &[&Known], now: Timestamp) -> Consents {
        let recorded = known.iter().flat_map(|known| known.consents.latest());
        let told = self.choices.iter().map(|(purpose, ..)| purpose);
        let purposes: BTreeSet<&Purpose> =
            recorded.map(|record| &record.purpose).chain(told).collect();
        purposes.into_iter().fold(Consents::default(), |consents, purpose| {
            match self.consent(purpose, known, now) {
                ConsentState::None => consents,
                ConsentState::Given => consents.given(purpose.clone(), Window::ALWAYS),
                ConsentState::Withdrawn => consents.withdrawn(purpose.clone()),
                ConsentState::Expired => consents.expired(purpose.clone()),
            }
        })
    }

    fn consent(&self, purpose: &Purpose, known: &[&Known], now: Timestamp) -> ConsentState {
        let strictness = |state: &ConsentState| match state {
            ConsentState::Given => 0,
            ConsentState::None => 1,
            ConsentState::Expired => 2,
            ConsentState::Withdrawn => 3,
        };
        let recorded = known.iter().map(|known| known.consents.state(purpose, now));
        let recorded = recorded.max_by_key(strictness).unwrap_or(ConsentState::None);
        let told: Vec<Choice> = self
            .choices
            .iter()
            .filter(|(of, ..)| of == purpose)
            .map(|(_, choice, _)| *choice)
            .collect();
        if told.contains(&Choice::Withdrawn) {
            ConsentState::Withdrawn
        } else if recorded == ConsentState::None && told.contains(&Choice::Given) {
            ConsentState::Given
        } else {
            recorded
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::{Reader, Statement};
    use crate::base::Cleartext;
    use crate::carrier::{Occurrence, Role, Value};
    use crate::crm::RecordName;
    use crate::keys::Keyset;
    use crate::policy::{
        ConsentRule, Digest, FieldRule, ObjectRule, Policy, Protection, Shape, Unlisted,
    };
    use crate::subject::{MemorySubjects, Subjects};

    fn policy() -> Policy {
        let email = FieldRule {
            id: "contact.email".to_owned(),
            category: "email".into(),
            protection: Protection::Tokenize { shape: Shape::Email },
        };
        let opted_out = ConsentRule {
            purpose: "news".into(),
            given: Vec::new(),
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
        }
    }

    fn occurrence(record: u32, field: &str, role: Role, value: Value) -> Occurrence {
        Occurrence { object: "contact".into(), field: field.into(), record, role, value }
    }

    #[test]
    fn every_record_is_counted_and_flags_are_heard() {
        let subjects = Subjects::new(
            Arc::new(MemorySubjects::default()),
            &Keyset::generate(&"t".into()).unwrap(),
        );
        let (policy, upstream) = (policy(), "sf".into());
        let reader = Reader { policy: &policy, subjects: &subjects, upstream: &upstream };
        let email = Cleartext::new("a@b.example");
        let located = [
            occurrence(0, "email", Role::Stored, Value::Text(email.clone())),
            occurrence(1, "optedout", Role::Stored, Value::Flag(true)),
            occurrence(2, "other", Role::Stored, Value::Empty),
            occurrence(3, "address", Role::Stored, Value::Structured("an object")),
            occurrence(4, "email", Role::Equality, Value::Text(email.clone())),
            occurrence(9, "message", Role::Echo, Value::Text(email.clone())),
        ];
        let clear = [(&located[0], &email), (&located[4], &email)];
        let name = RecordName { record: 5, object: "contact".into(), id: "003".into() };
        let mut statement = Statement::read(reader, located.iter(), clear.into_iter(), &[name]);
        statement.count(6..8);
        statement.count_anybody();
        assert_eq!(statement.numbers().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);

        let person = subjects.by_value(&"email".into(), &email);
        assert_eq!(statement.subjects_of(|record| record == 0), [person]);
        assert_eq!(statement.0[&1].choices.len(), 1, "true is what opts out");
        assert!(statement.0[&4].is_filter && !statement.0[&0].is_filter);
        assert_eq!(statement.named(5), statement.subjects_of(|record| record == 5).pop());
    }

    #[test]
    fn a_request_that_names_no_record_is_about_somebody() {
        let mut statement = Statement::default();
        statement.count_anybody();
        assert_eq!(statement.sole(), Some(0));
        assert!(statement.0[&0].is_filter, "nothing is learned of them");
    }
}
