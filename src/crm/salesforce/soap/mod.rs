// SPDX-License-Identifier: Apache-2.0
//! The SOAP API ("SOAP API Developer Guide"), partner (`/services/Soap/u/…`) and enterprise
//! (`/services/Soap/c/…`): logging in, records by id and by query, merging and converting
//! them, text searches, descriptions.
//!
//! An envelope holds one call. What it may hold is written down here, call by call and
//! header by header, and all else is refused by name: a parameter that is not known could
//! hold a value, and a header could change what fields are called (`CallOptions`) or cut
//! surrogates (`AllowFieldTruncationHeader`).

mod answer;
mod batch;
mod call;
mod envelope;
mod header;
mod lead;
mod word;

use http::Method;

use self::answer::{Answer, Answered};
use self::batch::Collection;
use self::call::{Call, Located, known};
use super::answer::Place;
use super::id::is_id;
use super::operation::is_version;
use super::xml::{self, ENTERPRISE, PARTNER};
use super::{batch as collections, refusal};
use crate::base::ObjectName;
use crate::carrier::url::Target;
use crate::carrier::xml::Element;
use crate::carrier::{Codec, Document, Slot};
use crate::crm::message::{MediaType, method_not_allowed, unparseable};
use crate::crm::{About, Batch, LocateError, LocatedRequest, Operation, RefusalForm, RequestView};

/// Which of both forms of the API is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Partner,
    Enterprise,
}

impl Form {
    /// The form that a path under `/services/Soap` names.
    pub(super) fn of(segment: &str) -> Option<Self> {
        match segment {
            "u" => Some(Self::Partner),
            "c" => Some(Self::Enterprise),
            _ => None,
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Partner => PARTNER,
            Self::Enterprise => ENTERPRISE,
        }
    }

    pub(super) fn refusal_form(self) -> RefusalForm {
        match self {
            Self::Partner => refusal::partner_fault,
            Self::Enterprise => refusal::enterprise_fault,
        }
    }
}

/// # Errors
/// [`LocateError`] for a call that is not known, or of which a part is not understood.
pub(super) fn locate(
    request: &RequestView<'_>,
    target: &Target,
    form: Form,
) -> Result<LocatedRequest, LocateError> {
    if request.method != Method::POST {
        return Err(method_not_allowed(request.method));
    }
    if !target.query.is_empty() {
        return Err(unparseable("the query", "a call has no parameters in its URL"));
    }
    if MediaType::of(request.headers) != MediaType::Xml {
        let expected = "text/xml in UTF-8";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let document = xml::document("the body", request.body)?;
    let root = xml::parse("the body", request.body)?;
    let envelope = envelope::open(&root, form)?;
    let call = known(&envelope.call.name).ok_or(LocateError::UnknownOperation)?;
    let options = header::read(envelope.headers, form, call.answered == Answered::Login)?;
    let Located { records, found } = Located::of(document, envelope.call, call)?;

    let answer = Answer {
        answered: call.answered,
        object: found.object.clone(),
        columns: found.columns,
        places: records.asked.iter().cloned().map(Place::Forwarded).collect(),
    };
    let is_split = call.is_collection
        && !options.all_or_none
        && records.asked.len() <= collections::MAX_RECORDS;
    let batch = Collection { asked: records.asked, form, call: envelope.call.name.clone() };
    Ok(LocatedRequest {
        operation: operation(call, found.object, found.finds_others),
        target: Document::new(request.target.clone(), Vec::new()),
        headers: Vec::new(),
        body: Document::new(
            request.body.clone(),
            records.slots.into_iter().chain(found.slots).collect(),
        )
        .with_elements(records.elements),
        uses: records.uses.into_iter().chain(found.uses).collect(),
        records: records.names.into_iter().chain(found.names).collect(),
        referred: Vec::new(),
        batch: is_split.then(|| Box::new(batch) as Box<dyn Batch>),
        answer: Box::new(answer),
    })
}

fn operation(call: &Call, object: Option<ObjectName>, finds_others: bool) -> Operation {
    Operation {
        name: call.operation.into(),
        object,
        about: match call.answered {
            Answered::Records | Answered::Outcomes => {
                About::named_if(true).and_others_if(finds_others)
            }
            Answered::Login | Answered::User | Answered::Metadata => About::Nobody,
        },
    }
}

/// What is written around a call, or around an answer of ours.
fn enveloped(form: Form, call: &str, inside: &str) -> String {
    let (soap, namespace) = (xml::SOAP, form.namespace());
    format!(
        "{}<soapenv:Envelope xmlns:soapenv=\"{soap}\" xmlns=\"{namespace}\"><soapenv:Body>\
         <{call}Response>{inside}</{call}Response></soapenv:Body></soapenv:Envelope>",
        refusal::DECLARATION
    )
}

/// Whether a path under `/services/Soap` is one of the API: its form, its version, and
/// perhaps an organisation, a package, or both.
pub(super) fn form_of(path: &[&str]) -> Option<Form> {
    let path = path.strip_suffix(&[""]).unwrap_or(path);
    let is_known = match path {
        [_, version, ids @ ..] => {
            is_version(version) && ids.len() <= 2 && ids.iter().all(|id| is_id(id))
        }
        _ => false,
    };
    path.first().and_then(|form| Form::of(form)).filter(|_| is_known)
}

/// A text that is a document of its own, such as a query.
fn nested(document: &str, element: &Element, slots: Vec<Slot>) -> Result<Vec<Slot>, LocateError> {
    let Some(text) = &element.text else { return Ok(Vec::new()) };
    if text.has_sections {
        // What is written into one must not be escaped, beside one it must.
        return Err(xml::refuse(element, "has a CDATA section; write `&lt;` and the like"));
    }
    Ok(vec![Slot::nested(text.span.clone(), Codec::Xml, text.decoded(document), slots)])
}
