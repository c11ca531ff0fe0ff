// SPDX-License-Identifier: Apache-2.0
//! What a request says of the records that it is about, before anything is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Cleartext, FieldName, ObjectName, Refusal, SubjectId};
use crate::carrier::{Occurrence, Role, Value};
use crate::crm::About;

use super::Proxy;
use super::receive::random_id;
use super::records::{Message, Reader, Statement};
use super::stage::{Located, occurrences};

impl Proxy {
    /// What the request says of its records.
    pub(super) async fn statement(&self, located: &Located) -> Result<Statement, Refusal> {
        let policy = &located.complete.policy;
        let occurrences = occurrences(located.request.documents());
        let is_key = |at: &Occurrence| at.role == Role::Key && policy.is_about_person(&at.object);
        let asked: Vec<(&Occurrence, &Cleartext)> = occurrences
            .iter()
            .filter_map(|(_, at)| match &at.value {
                Value::Text(text) if policy.asks(&at.object, &at.field) || is_key(at) => {
                    Some((*at, text))
                }
                _ => None,
            })
            .collect();
        let sealed: Vec<_> = asked
            .iter()
            .map(|(at, text)| (*text, policy.rule_of(&at.object, &at.field).map(Arc::as_ref)))
            .collect();
        let clear = self.protectors.clear(&sealed).await?;
        let values = asked.iter().zip(&clear);
        let values: Vec<(&Occurrence, &Cleartext)> =
            values.filter_map(|((at, _), clear)| Some((*at, clear.as_ref()?))).collect();

        let request = &located.request;
        let reader = Reader {
            policy,
            subjects: &self.subjects,
            namespace: located.complete.upstream.record_namespace(),
            message: Message::Request,
        };
        let all = occurrences.iter().map(|(_, at)| *at);
        let mut statement = Statement::read(reader, all, values.iter().copied(), &request.records);
        for records in request.batch.iter().flat_map(|batch| batch.elements()) {
            statement.count(records);
        }
        let stored = occurrences.iter().map(|(_, at)| at).filter(|at| {
            matches!(at.role, Role::Stored | Role::Key) && policy.is_about_person(&at.object)
        });
        let mut keys = keys_of(reader, values.into_iter().filter(|(at, _)| is_key(at)));
        for record in stored.map(|at| at.record).collect::<BTreeSet<u32>>() {
            if statement.person(record).is_none() {
                let by_key = keys.remove(&record);
                statement.welcome(record, by_key.map_or_else(|| random_id().map(SubjectId), Ok)?);
            }
        }
        match request.operation.about {
            About::Nobody => {}
            About::Named if statement.numbers().next().is_some() => {}
            About::Named | About::Anybody => statement.count_anybody(),
        }
        Ok(statement)
    }
}

/// The pseudonyms of records by what the CRM is to find each by, so that it is the same
/// however often that is asked for.
fn keys_of<'a>(
    reader: Reader<'_>,
    values: impl Iterator<Item = (&'a Occurrence, &'a Cleartext)>,
) -> BTreeMap<u32, SubjectId> {
    let mut keys: BTreeMap<(u32, &ObjectName), BTreeMap<&FieldName, &Cleartext>> = BTreeMap::new();
    for (at, value) in values {
        keys.entry((at.record, &at.object)).or_default().insert(&at.field, value);
    }
    let by_key = |((record, object), key): ((u32, &ObjectName), BTreeMap<_, _>)| {
        let key: Vec<_> = key.into_iter().collect();
        (record, reader.subjects.by_key(reader.namespace, object, &key))
    };
    keys.into_iter().map(by_key).collect()
}
