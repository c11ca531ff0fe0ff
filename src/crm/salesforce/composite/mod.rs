// SPDX-License-Identifier: Apache-2.0
//! Composite resources: several requests in one ("REST API Developer Guide", "Composite
//! Resources").
//!
//! Each request inside is located as if it had come alone, by the same code. Results of
//! one can stand in another as `@{reference.field}`: such a value is known to the CRM
//! only, so it is a use of the field that it is written to or compared with.
//!
//! A request inside that may not pass is refused in its place of the answer, and with it
//! those that refer to it. All of them are where the caller wants all or nothing: a whole
//! composite, or one of its graphs.
//!
//! Not read: composites inside one another, binary parts, and header fields whose words
//! are not fixed.

mod answer;
mod plan;
mod reference;
mod request;
mod written;

pub(super) use reference::{has_reference, is_reference};

use std::sync::Arc;

use self::answer::Composite;
use self::plan::{Form, Plan};
use self::request::Requests;
use crate::carrier::Document;
use crate::crm::message::{MediaType, parse_json};
use crate::crm::{About, LocateError, LocatedRequest, Operation, RequestView};

/// # Errors
/// [`LocateError::UnknownOperation`] for another resource or method; any other where one
/// of the requests inside cannot be read.
pub(super) fn locate(
    request: &RequestView<'_>,
    path: &[&str],
) -> Result<LocatedRequest, LocateError> {
    let path = path.strip_suffix(&[""]).unwrap_or(path);
    let (name, form) = match path {
        [] => ("composite", Form::Composite),
        ["batch"] => ("composite.batch", Form::Batch),
        ["graph"] => ("composite.graph", Form::Graph),
        _ => return Err(LocateError::UnknownOperation),
    };
    if request.method != http::Method::POST || request.target.contains(&b'?') {
        return Err(LocateError::UnknownOperation);
    }
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = parse_json("the body", request.body)?;
    let mut requests = Requests::new(request);
    let groups = match form {
        Form::Composite => requests.composite(json.root())?,
        Form::Batch => requests.batch(json.root())?,
        Form::Graph => requests.graphs(json.root())?,
    };
    let plan = Arc::new(Plan { form, groups });
    Ok(LocatedRequest {
        operation: Operation {
            name: name.into(),
            object: None,
            // Each part has numbers for all that it is about.
            about: About::named_if(requests.is_about_records),
        },
        target: Document::new(request.target.clone(), Vec::new()),
        headers: Vec::new(),
        body: Document::new(request.body.clone(), requests.slots).with_elements(requests.elements),
        uses: requests.uses,
        records: requests.names,
        referred: Vec::new(),
        batch: Some(Box::new(Arc::clone(&plan))),
        answer: Box::new(Composite::new(plan)),
    })
}
