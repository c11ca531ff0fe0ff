// SPDX-License-Identifier: Apache-2.0
//! Zoho CRM: its REST API in the versions 2 to 8 ("Zoho CRM API", zoho.com/crm/developer).
//!
//! Read here: records of every module (lists, single ones, inserts, updates, upserts,
//! deletion, what was deleted, timelines, converting leads), related records, notes, the
//! list of attachments, searches and counts, COQL, composite requests of these, users,
//! the organization, metadata, the OAuth token, and bulk jobs (`bulk`). Everything else is
//! an unknown operation; other files are refused by name.
//!
//! What makes Zoho special, and where it is minded:
//! - A lookup shows what another record is called by: that is a value of the other
//!   record. Where custom lookups lead is not known; what they show is a value of the
//!   lookup itself (`record`).
//! - `Full_Name` is composed and read-only. Clients send it back with the rest of a
//!   record, and Zoho ignores it: it is emptied (`record`).
//! - A subform's rows are records of a module of their own (`record`).
//! - A search by `email` or `phone` looks at all such fields, so those that Zoho has by
//!   itself are one field here (`schema`); one by `word` looks at everything (`search`).
//! - A batch is answered row by row, with the place of each error in the request
//!   (`batch`, `answer`).
//!
//! Record ids are not treated as values anywhere.

mod answer;
mod batch;
mod bulk;
mod composite;
mod coql;
mod coverage;
mod error;
mod operation;
mod parameter;
mod part;
mod record;
mod refusal;
mod request;
mod schema;
mod search;
mod timeline;
mod value;
#[cfg(test)]
mod tests;

use http::HeaderMap;

use self::answer::{Answer, Holds, Reply, Told};
use self::batch::{MAX_RECORDS, Rows};
use self::operation::{Verb, classify};
use self::part::Part;
use self::record::{Records, Side};
use crate::base::{FieldName, ObjectName, OperationName, Refusal};
use crate::carrier::{Document, Slot};
use crate::crm::message::{self, unparseable};
use crate::crm::{
    About, Batch, BodyForm, Dialect, FieldFacts, LocateError, LocatedRequest, NativeAnswer,
    Operation, Question, RequestView,
};

/// The dialect of `www.zohoapis.com`, `accounts.zoho.com`, `content.zohoapis.com` and
/// `download-accl.zoho.com`, in every data centre.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zoho;

impl Dialect for Zoho {
    fn name(&self) -> &'static str {
        "zoho"
    }

    fn asks_first(&self, request: &RequestView<'_>) -> Option<Question> {
        let target = message::parse_target(request.target).ok()?;
        let call = bulk::classify(request.method, &target, &target.path()).ok()??;
        bulk::asks_first(request, call)
    }

    fn body_form(&self, request: &RequestView<'_>) -> BodyForm {
        let target = message::parse_target(request.target).ok();
        target.map_or(BodyForm::Whole, |target| {
            let call = bulk::classify(request.method, &target, &target.path());
            call.ok().flatten().map_or(BodyForm::Whole, bulk::body_form)
        })
    }

    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
        let target = message::parse_target(request.target)?;
        if let Some(call) = bulk::classify(request.method, &target, &target.path())? {
            return bulk::locate(request, call);
        }
        let call = classify(request.method, &target, false)?;
        let query = parameter::of_query(&target);
        let verb = call.verb;
        let json = match verb {
            Verb::Query | Verb::Composite => Some(request::parse_body(request)?),
            _ if verb.has_records() => Some(request::parse_body(request)?),
            Verb::OAuthToken | Verb::OAuthRevoke => {
                request::check_login(request, !query.is_empty())?;
                None
            }
            _ => {
                message::refuse_body(request.body)?;
                None
            }
        };
        let body = json.as_ref().map(|json| json.root());
        let external = external(request.headers)?;
        if let (Verb::Composite, Some(root)) = (verb, body) {
            if external.is_some() {
                let problem = "parts of a composite request have headers of their own";
                return Err(unparseable("the header `X-EXTERNAL`", problem));
            }
            parameter::check(verb, query.iter())?;
            let mut records = Records::on(Side::Part);
            let replies = composite::locate(root, &mut records)?;
            records.elements.clear();
            let answer = Answer::Composite(replies);
            return Ok(located(request, (verb, None), Vec::new(), records, answer, None));
        }
        let mut records = Records::default();
        let part = Part { call: &call, query, params: Vec::new(), body, external };
        let found = part.locate(&mut records)?;
        let mut reply = found.reply;
        if matches!(verb, Verb::OAuthToken | Verb::OAuthRevoke) {
            reply.holds = Holds::Login;
        }
        let batch = rows(&reply, call.key.is_none());
        let operation = (verb, Some(reply.object.clone()).filter(|_| verb != Verb::Metadata));
        let operation = if matches!(reply.holds, Holds::Login) { (verb, None) } else { operation };
        Ok(located(request, operation, found.target, records, Answer::One(reply), batch))
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

    /// `{"code":…,"details":{},"message":…,"status":"error"}`.
    fn refuse(&self, refusal: &Refusal) -> NativeAnswer {
        refusal::native(refusal)
    }
}

fn located(
    request: &RequestView<'_>,
    (verb, object): (Verb, Option<ObjectName>),
    target: Vec<Slot>,
    records: Records,
    answer: Answer,
    batch: Option<Box<dyn Batch>>,
) -> LocatedRequest {
    LocatedRequest {
        operation: Operation {
            name: OperationName::from_static(verb.name()),
            object,
            about: About::named_if(verb.is_about_records()).and_others_if(records.finds_others),
        },
        target: Document::new(request.target.clone(), target),
        headers: Vec::new(),
        body: Document::new(request.body.clone(), records.slots).with_elements(records.elements),
        uses: records.uses,
        records: records.names,
        referred: records.referred,
        batch,
        answer: Box::new(answer),
    }
}

/// A list of records, if single ones can be refused.
fn rows(reply: &Reply, is_list: bool) -> Option<Box<dyn Batch>> {
    let is_split = is_list
        && matches!(reply.holds, Holds::Rows)
        && (1..=MAX_RECORDS).contains(&reply.places.len())
        && reply.places.iter().all(|place| matches!(place, Told::Forwarded(_)));
    is_split.then(|| Box::new(Rows(reply.clone())) as Box<dyn Batch>)
}

/// The header that says that a field of one's own names records.
fn external(headers: &HeaderMap) -> Result<Option<&str>, LocateError> {
    let mut fields = headers.get_all("x-external").iter();
    let text = match (fields.next(), fields.next()) {
        (None, _) => return Ok(None),
        (Some(field), None) => field.to_str().ok(),
        (Some(_), Some(_)) => None,
    };
    let refuse = || unparseable("the header `X-EXTERNAL`", "it is not one list of fields");
    text.filter(|text| part::is_list_of_fields(text)).map(Some).ok_or_else(refuse)
}
