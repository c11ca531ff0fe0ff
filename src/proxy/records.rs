// SPDX-License-Identifier: Apache-2.0
//! The records of a message: whom they are about, and whose law covers them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::base::{
    Choice, Cleartext, ConsentState, FieldName, Jurisdiction, ObjectName, Purpose, SubjectId,
    Timestamp,
};
use crate::border::{Border, Consents, RecordFacts, Window};
use crate::caller::Principal;
use crate::carrier::{Occurrence, Role, Value};
use crate::crm::RecordName;
use crate::policy::Policy;
use crate::protect::is_mask;
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
    /// Whom the record may be about: the subjects that a filter compares a field with.
    asked: Vec<(ObjectName, FieldName, SubjectId)>,
    /// The CRM's own records; more than one where a filter names several.
    named: BTreeSet<SubjectId>,
    facts: Vec<(ObjectName, FieldName, Cleartext)>,
    choices: Vec<(Purpose, Choice, Note)>,
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
    /// Within what the CRM's ids of records are unique.
    pub namespace: &'a str,
    pub message: Message,
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    Request,
    /// It shows what was stored at any time: of what it says of a consent, only a
    /// withdrawal is believed.
    Answer,
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
        for occurrence in located.filter(|occurrence| is_of_record(occurrence)) {
            let stated = statement.0.entry(occurrence.record).or_default();
            if let Value::Flag(flag) = occurrence.value {
                let text = if flag { "true" } else { "false" };
                stated.hear(reader, occurrence, &Cleartext::new(text));
            }
        }
        for (occurrence, value) in clear.filter(|(occurrence, _)| is_of_record(occurrence)) {
            let stated = statement.0.entry(occurrence.record).or_default();
            stated.hear(reader, occurrence, value);
        }
        for name in names {
            let named = reader.subjects.by_record(reader.namespace, &name.object, &name.id);
            statement.0.entry(name.record).or_default().named.insert(named);
        }
        statement
    }

    /// Gives a pseudonym to somebody whom nothing names yet, such as who is created without
    /// an address: what the CRM names them is learned from its answer.
    pub fn welcome(&mut self, record: u32, pseudonym: SubjectId) {
        self.0.entry(record).or_default().persons.push(pseudonym);
    }

    /// A pseudonym of the person whom a record is about.
    pub fn person(&self, record: u32) -> Option<SubjectId> {
        let stated = self.0.get(&record)?;
        self.named(record).or_else(|| stated.persons.first().copied())
    }

    /// All pseudonyms by which the message names the person whom a record is about.
    pub fn pseudonyms(&self, record: u32) -> impl Iterator<Item = SubjectId> {
        let stated = self.0.get(&record).into_iter();
        stated.flat_map(|stated| stated.named.iter().chain(&stated.persons).copied())
    }

    /// Counts records of which nothing is said.
    pub fn count(&mut self, records: Range<u32>) {
        for record in records {
            self.0.entry(record).or_default();
        }
    }

    /// Counts somebody of whom nothing is known, such as a query without a filter may find.
    pub fn count_anybody(&mut self) {
        let next = self.0.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        self.0.entry(next).or_default();
    }

    /// Whom the message is about, by all their pseudonyms; sorted, each once.
    pub fn subjects(&self) -> Vec<SubjectId> {
        self.subjects_of(|_| true).into_iter().collect()
    }

    /// The pseudonyms of some records only.
    pub fn subjects_of(&self, is_wanted: impl Fn(u32) -> bool) -> BTreeSet<SubjectId> {
        let records = self.0.iter().filter(|(number, _)| is_wanted(**number));
        records.flat_map(|(_, stated)| stated.subjects()).collect()
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

    /// The records that the message says nothing of: no id, no subject, no fact.
    pub fn silent(&self) -> impl Iterator<Item = u32> {
        let is_silent =
            |stated: &Stated| stated.facts.is_empty() && stated.subjects().next().is_none();
        self.0.iter().filter(move |(_, stated)| is_silent(stated)).map(|(number, _)| *number)
    }

    /// What is to be remembered of the records that `same` leads to: their numbers, and
    /// the pseudonyms that the CRM's record of each has got.
    ///
    /// Facts stay with the CRM's record, so that those of another record about the same
    /// person are not taken for outdated ones of this. Links come first: a choice is
    /// news only where the person has said nothing before.
    pub fn learned(
        &self,
        records: &BTreeMap<u32, Record>,
        same: &BTreeMap<u32, Option<SubjectId>>,
        now: Timestamp,
    ) -> Vec<Learned> {
        let mut learned = Vec::new();
        for (number, created) in same {
            let Some(stated) = self.0.get(number).filter(|stated| stated.named.len() <= 1) else {
                continue;
            };
            let own = created.iter().chain(&stated.named).chain(&stated.persons);
            let mut own = own.copied();
            let Some(id) = own.next() else { continue };
            let nothing = Learned { id, same_as: None, jurisdictions: None, consents: Vec::new() };
            learned.extend(own.filter(|other| *other != id).map(|other| Learned {
                id: other,
                same_as: Some(id),
                ..nothing.clone()
            }));
            let jurisdictions = records
                .get(number)
                .filter(|it| it.residence.is_from_fields && !it.residence.jurisdictions.is_empty())
                .map(|record| record.residence.jurisdictions.iter().cloned().collect());
            let consents = stated.choices.iter().map(|(purpose, choice, source)| ConsentRecord {
                purpose: purpose.clone(),
                choice: *choice,
                at: now,
                until: None,
                text_version: None,
                source: source.clone(),
            });
            let own = Learned { jurisdictions, consents: consents.collect(), ..nothing };
            let says_something = own.jurisdictions.is_some() || !own.consents.is_empty();
            learned.extend(says_something.then_some(own));
        }
        unite(&mut learned);
        learned
    }

    /// The CRM's own record with this number, by pseudonym, if there is just one.
    pub fn named(&self, record: u32) -> Option<SubjectId> {
        let named = &self.0.get(&record)?.named;
        named.first().filter(|_| named.len() == 1).copied()
    }

    /// Whether all that is said of a record is said of one person: of what has no id, two
    /// addresses may be those of two people.
    pub fn is_of_one(&self, record: u32) -> bool {
        let Some(stated) = self.0.get(&record) else { return false };
        !stated.named.is_empty()
            || stated.persons.windows(2).all(|pair| pair.first() == pair.last())
    }

    /// The numbers of all records.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }
}

/// Where a message names one person twice and no record, both say whose law covers them.
fn unite(learned: &mut [Learned]) {
    let mut told: BTreeMap<SubjectId, BTreeSet<Jurisdiction>> = BTreeMap::new();
    for Learned { id, jurisdictions, .. } in &*learned {
        told.entry(*id).or_default().extend(jurisdictions.iter().flatten().cloned());
    }
    for Learned { id, jurisdictions, .. } in learned {
        if let (Some(own), Some(all)) = (jurisdictions, told.get(id)) {
            own.clone_from(all);
        }
    }
}

/// Whether a value is what its record holds now, or what it is compared with: other
/// texts are put together of values that stand elsewhere, or tell of the past.
fn is_of_record(occurrence: &Occurrence) -> bool {
    matches!(occurrence.role, Role::Stored | Role::Key | Role::Equality | Role::Pattern { .. })
}

impl Stated {
    fn hear(&mut self, reader: Reader<'_>, occurrence: &Occurrence, value: &Cleartext) {
        let (object, field) = (&occurrence.object, &occurrence.field);
        let text = value.expose().trim();
        if !reader.policy.asks(object, field) || text.is_empty() || is_mask(text) {
            return;
        }
        // A part of a value says of no record what it holds.
        if matches!(occurrence.role, Role::Pattern { .. }) {
            return;
        }
        let rules = reader.policy.objects.get(object);
        let person = rules
            .filter(|rules| rules.subject.contains(field))
            .and_then(|rules| rules.fields.get(field))
            .map(|rule| reader.subjects.by_value(&rule.category, value));
        if occurrence.role == Role::Equality {
            self.asked.extend(person.map(|person| (object.clone(), field.clone(), person)));
            return;
        }
        self.persons.extend(person);
        self.facts.push((object.clone(), field.clone(), value.clone()));
        if let Some(rule) = rules.and_then(|rules| rules.consents.get(field))
            && let Some(choice) = rule.choice(text)
            && (reader.message == Message::Request || choice == Choice::Withdrawn)
            && let Ok(source) = format!("crm:{object}.{field}").parse()
        {
            self.choices.push((rule.purpose.clone(), choice, source));
        }
    }

    fn subjects(&self) -> impl Iterator<Item = SubjectId> {
        let asked = self.asked.iter().map(|(.., person)| person);
        self.persons.iter().chain(asked).chain(&self.named).copied()
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
        let has_law = |subject: &SubjectId| {
            known.get(subject).is_some_and(|known| !known.jurisdictions.is_empty())
        };
        let facts: Vec<_> = self
            .facts
            .iter()
            .map(|(object, field, value)| (object, field, value.expose()))
            .collect();
        let record = RecordFacts {
            fields: &facts,
            known: &jurisdictions,
            caller: &caller.name,
            roles: &caller.roles,
            caller_region: caller.region.as_ref(),
            today: now.date(),
        };
        let mut residence = border.residence(&record);
        if self.may_be_others(has_law) {
            residence = residence.and(border.residence(&RecordFacts { known: &[], ..record }));
        }
        Record { residence, consents: self.consents(&of_record, now) }
    }

    /// Whether the record may be about somebody of whom nothing is known, though something
    /// is of others: each field that a filter lists values of has such a one among them.
    fn may_be_others(&self, is_known: impl Fn(&SubjectId) -> bool) -> bool {
        let mut lists: BTreeMap<Option<(&ObjectName, &FieldName)>, bool> = BTreeMap::new();
        for (object, field, person) in &self.asked {
            *lists.entry(Some((object, field))).or_insert(true) &= is_known(person);
        }
        if !self.named.is_empty() && (!lists.is_empty() || self.named.len() > 1) {
            lists.insert(None, self.named.iter().all(is_known));
        }
        !lists.is_empty() && !lists.values().any(|is_told| *is_told)
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
