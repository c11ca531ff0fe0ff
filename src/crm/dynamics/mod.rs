// SPDX-License-Identifier: Apache-2.0
//! Dynamics 365 and Dataverse: the Web API at `/api/data/v9.x/` (Microsoft, "Use the
//! Microsoft Dataverse Web API").
//!
//! Read here: records by id and by alternate key, lists with OData query options and with
//! FetchXML, single columns, references, deep insert, `CreateMultiple` and its kin,
//! batches with change sets, searches, metadata and `WhoAmI`. Everything else (other
//! actions and functions, saved queries, the Organization service in SOAP …) is an unknown
//! operation.
//!
//! What makes Dataverse special, and where it is minded:
//! - Keys of records stand in paths and, as references, inside of bodies, with an origin
//!   in front that is exchanged (`link`, `path`).
//! - Names, addresses and the formatted values of lookups are composed; a lookup shows
//!   the name of another record (`schema`, `shown`).
//! - A filter reaches other tables through relationships. Where one leads is known for
//!   standard relationships only; a value behind any other is refused (`query`).
//! - The name of an entity set does not tell that of its table by a rule that is always
//!   kept. Standard tables are listed; of others, both names are brought to one form
//!   (`schema`).
//!
//! Ids of records are GUIDs. They name records and are not treated as values.

mod answer;
mod batch;
mod coverage;
mod fetch;
mod link;
mod operation;
mod path;
mod query;
mod record;
mod refusal;
mod schema;
mod search;
mod shown;
mod walk;
#[cfg(test)]
mod tests;

use self::answer::Answer;
use self::operation::{Answered, Body, Call, classify};
use self::record::Records;
use crate::base::{Equality, FieldName, ObjectName, OperationName, Refusal};
use crate::carrier::Document;
use crate::crm::message::{self, MediaType};
use crate::crm::{
    About, Dialect, FieldFacts, FieldUse, LocateError, LocatedRequest, NativeAnswer, Operation,
    RecordName, Referred, RequestView,
};

/// The dialect of the Dataverse Web API.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dynamics;

impl Dialect for Dynamics {
    fn name(&self) -> &'static str {
        "dynamics"
    }

    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
        let target = message::parse_target(request.target)?;
        if let Some(name) = search::classify(request.method, &target)? {
            return search::locate(request, &target, name);
        }
        let one = One::locate(request, 0)?;
        let is_batch = one.answer.answered == Answered::Batch;
        let operation = Operation {
            name: OperationName::from_static(one.name),
            object: one.answer.object.clone(),
            about: one.about,
        };
        let mut located = LocatedRequest {
            operation,
            target: one.target,
            headers: Vec::new(),
            body: one.body,
            uses: one.uses,
            records: one.names,
            referred: one.referred,
            batch: None,
            answer: Box::new(one.answer),
        };
        if is_batch {
            let batch = batch::locate(request)?;
            located.operation.about = batch.about;
            located.body = batch.body;
            located.uses = batch.uses;
            located.records = batch.names;
            located.referred = batch.referred;
            located.batch = batch.split;
            located.answer = batch.answer;
        }
        Ok(located)
    }

    fn canonical_object(&self, name: &str) -> ObjectName {
        schema::object_name(name)
    }

    fn canonical_field(&self, _object: &ObjectName, name: &str) -> FieldName {
        schema::field_name(name)
    }

    fn operations(&self) -> Vec<(&'static str, String)> {
        crate::crm::listed(coverage::OPERATIONS)
    }

    fn field_facts(&self, object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
        schema::facts(object, field)
    }

    fn known_fields(&self) -> Vec<(ObjectName, FieldName)> {
        schema::known_fields()
    }

    /// The collation of an environment follows from its language: all ignore case, most
    /// accents ("Dataverse language collations"). SQL Server ignores space at the end (SQL-92,
    /// 8.2).
    fn equality(&self) -> Equality {
        Equality::Collated
    }

    /// Outside of batches ("Query data using the Web API").
    fn longest_target(&self) -> usize {
        32 * 1024
    }

    fn refuse(&self, refusal: &Refusal) -> NativeAnswer {
        refusal::native(refusal)
    }
}

/// One request with everything found in it.
struct One {
    name: &'static str,
    target: Document,
    body: Document,
    uses: Vec<FieldUse>,
    names: Vec<RecordName>,
    referred: Vec<Referred>,
    answer: Answer,
    about: About,
    /// The number of the record that comes next.
    next: u32,
}

impl One {
    /// Whether it neither holds nor names records, so that it may be about anybody.
    fn is_open(&self) -> bool {
        let holds = |document: &Document| !document.occurrences().is_empty();
        self.names.is_empty() && !holds(&self.target) && !holds(&self.body)
    }

    /// Reads a request whose records are numbered from `first`. The parts of a batch are
    /// left to [`batch`].
    fn locate(request: &RequestView<'_>, first: u32) -> Result<Self, LocateError> {
        let target = message::parse_target(request.target)?;
        let call = classify(request.method, &target, first)?;
        let bound = query::bind(&call, &target, request.origins, first)?;
        let keys = u32::try_from(call.keys.len()).unwrap_or(u32::MAX);
        let after_keys = first.saturating_add(keys);
        let next = match call.body {
            // It has a record of its own.
            Body::Record => after_keys.max(call.record + 1),
            _ => after_keys,
        };
        let mut records = Records::new(request.origins, next);
        body(request, &call, &mut records)?;

        let next = records.next.max(call.record + 1 + u32::from(bound.refers));
        let Records { slots, mut uses, mut names, mut referred, mut asked, .. } = records;
        let mut in_target = bound.slots;
        uses.extend(bound.uses);
        names.extend(bound.names);
        for (record, (object, key)) in (first..).zip(call.keys) {
            // A note that is made under a contact is about that.
            let is_about = record < call.record && !schema::is_user(&object);
            if let Some(id) = key.id.clone().filter(|_| is_about) {
                referred.push(Referred { by: call.record, object: object.clone(), id });
            }
            names.extend(key.name(&object, record));
            in_target.extend(key.slots);
            uses.extend(key.uses);
        }
        let is_one = !matches!(call.name, "record.list" | "record.count" | "reference.list");
        if asked.is_empty() && is_one && call.object.is_some() {
            asked.push(call.record);
        }
        let about = About::named_if(call.object.is_some())
            .and_others_if(bound.finds_others || call.leads_away);
        let answer = Answer {
            answered: call.answer,
            object: call.object,
            columns: bound.columns.unwrap_or_default(),
            asked,
        };
        Ok(Self {
            name: call.name,
            target: Document::new(request.target.clone(), in_target),
            body: Document::new(request.body.clone(), slots),
            uses,
            names,
            referred,
            answer,
            about,
            next,
        })
    }
}

/// What the body of a request holds.
fn body(
    request: &RequestView<'_>,
    call: &Call,
    records: &mut Records<'_>,
) -> Result<(), LocateError> {
    match call.body {
        Body::None => return message::refuse_body(request.body),
        // Its parts are requests of their own.
        Body::Batch => return Ok(()),
        _ => {}
    }
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json in UTF-8";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = message::parse_json("the body", request.body)?;
    let root = json.root();
    match (&call.body, &call.object) {
        (Body::Record, object) => records.record(root, object.as_ref(), call.record),
        (Body::Targets, Some(object)) => records.targets(root, object),
        (Body::Property(field), Some(object)) => records.property(root, object, field, call.record),
        (Body::Reference, _) => records.reference_body(root),
        _ => Err(LocateError::UnknownOperation),
    }
}
