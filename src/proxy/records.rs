// SPDX-License-Identifier: Apache-2.0
//! The records of a message: whom they are about, and whose law covers them.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{
    Choice, Cleartext, ConsentState as Standing, Date, FieldName, Jurisdiction, ObjectName,
    Purpose, SubjectId, Timestamp, UpstreamName,
};
use crate::border::{Border, ConsentState, RecordFacts, Window};
use crate::caller::Principal;
use crate::carrier::{Occurrence, Role};
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

impl Statement {
    /// Reads values in clear, and the CRM's names of records.
    pub fn read<'a>(
        policy: &Policy,
        subjects: &Subjects,
        upstream: &UpstreamName,
        values: impl Iterator<Item = (&'a Occurrence, &'a Cleartext)>,
        names: &[RecordName],
    ) -> Self {
        let mut records: BTreeMap<u32, Stated> = BTreeMap::new();
        for (occurrence, value) in values {
            let (object, field) = (&occurrence.object, &occurrence.field);
            if matches!(occurrence.role, Role::Composed { .. } | Role::Echo) {
                continue;
            }
            let stated = records.entry(occurrence.record).or_default();
            stated.is_filter |= occurrence.role == Role::Equality;
            if !policy.asks(object, field) {
                continue;
            }
            stated.facts.push((object.clone(), field.clone(), value.clone()));
            let Some(rules) = policy.objects.get(object) else { continue };
            if rules.subject.contains(field)
                && let Some(rule) = rules.fields.get(field)
            {
                stated.persons.push(subjects.by_value(&rule.category, value));
            }
            if let Some(rule) = rules.consents.get(field)
                && let Some(choice) = rule.choice(value.expose())
                && let Ok(source) = format!("crm:{object}.{field}").parse()
            {
                stated.choices.push((rule.purpose.clone(), choice, source));
            }
        }
        for name in names {
            let named = subjects.by_record(upstream, &name.object, &name.id);
            records.entry(name.record).or_default().named = Some(named);
        }
        Self(records)
    }

    /// Counts a request that names no record, such as a query without a filter, as one
    /// about somebody of whom nothing is known.
    pub fn or_anybody(mut self) -> Self {
        if self.0.is_empty() {
            self.0.insert(0, Stated { is_filter: true, ..Stated::default() });
        }
        self
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

impl Stated {
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
    fn consents(&self, known: &[&Known], now: Timestamp) -> ConsentState {
        let recorded = known.iter().flat_map(|known| known.consents.latest());
        let told = self.choices.iter().map(|(purpose, ..)| purpose);
        let purposes: BTreeSet<&Purpose> =
            recorded.map(|record| &record.purpose).chain(told).collect();
        purposes.into_iter().fold(ConsentState::default(), |consents, purpose| {
            match self.standing(purpose, known, now) {
                Standing::None => consents,
                Standing::Given => consents.given(purpose.clone(), Window::ALWAYS),
                Standing::Withdrawn => consents.withdrawn(purpose.clone()),
                Standing::Expired => consents.given(purpose.clone(), ended(now.date())),
            }
        })
    }

    fn standing(&self, purpose: &Purpose, known: &[&Known], now: Timestamp) -> Standing {
        let strictness = |standing: &Standing| match standing {
            Standing::Given => 0,
            Standing::None => 1,
            Standing::Expired => 2,
            Standing::Withdrawn => 3,
        };
        let recorded = known.iter().map(|known| known.consents.state(purpose, now));
        let recorded = recorded.max_by_key(strictness).unwrap_or(Standing::None);
        let told: Vec<Choice> = self
            .choices
            .iter()
            .filter(|(of, ..)| of == purpose)
            .map(|(_, choice, _)| *choice)
            .collect();
        if told.contains(&Choice::Withdrawn) {
            Standing::Withdrawn
        } else if recorded == Standing::None && told.contains(&Choice::Given) {
            Standing::Given
        } else {
            recorded
        }
    }
}

/// A time that was over before this day.
fn ended(today: Date) -> Window {
    Window { from: None, until: Some(Date::from_days(today.days().saturating_sub(1))) }
}
