// SPDX-License-Identifier: Apache-2.0
//! What the older APIs of Salesforce share: documents in XML, and records in them.
//!
//! An element names its field by its local name, in any case. Namespaces are looked at so
//! that nothing of another vocabulary is taken for a field, or a field for something else;
//! attributes say of what type an element is, or that it has no value, and nothing else.

mod reader;
mod record;

use bytes::Bytes;

use crate::carrier::xml::{self, Element, INSTANCE, Piece, XmlError};
use crate::crm::message::{MediaType, refuse_part, unparseable};
use crate::crm::salesforce::schema::is_name;
use crate::crm::{AnswerView, LocateError};

/// Source: "Bulk API 2.0 and Bulk API Developer Guide", "XML".
pub(super) const BULK: &str = "http://www.force.com/2009/06/asyncapi/dataload";
/// SOAP 1.1.
pub(super) const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(super) const PARTNER: &str = "urn:partner.soap.sforce.com";
pub(super) const PARTNER_RECORDS: &str = "urn:sobject.partner.soap.sforce.com";
pub(super) const ENTERPRISE: &str = "urn:enterprise.soap.sforce.com";
pub(super) const ENTERPRISE_RECORDS: &str = "urn:sobject.enterprise.soap.sforce.com";

const NAMESPACES: [&str; 6] = ["", BULK, PARTNER, PARTNER_RECORDS, ENTERPRISE, ENTERPRISE_RECORDS];

/// The type of a record that says by a `type` in it what it is.
const ANY_RECORD: &str = "sObject";
/// The element that says it.
const TYPE: &str = "type";
/// Types of what is inside of records, and is none: compound values, and lists of records.
const COMPOUND: [&str; 2] = ["address", "location"];
const LIST: &str = "QueryResult";

fn is_no_record(stated_type: &str) -> bool {
    COMPOUND.contains(&stated_type) || stated_type == LIST
}

/// # Errors
/// [`LocateError`] for anything that is not one XML document beyond doubt.
pub(super) fn parse(place: &'static str, body: &Bytes) -> Result<Element, LocateError> {
    xml::parse_namespaced(document(place, body)?).map_err(|error| match error {
        XmlError::TooDeep(_) | XmlError::TooMany => LocateError::TooLarge { place },
        _ => unparseable(place, error.to_string()),
    })
}

/// # Errors
/// [`LocateError::Unparseable`] for a body in another encoding than UTF-8.
pub(super) fn document<'b>(place: &'static str, body: &'b Bytes) -> Result<&'b str, LocateError> {
    std::str::from_utf8(body).map_err(|_| unparseable(place, "it is not UTF-8"))
}

/// A document whose root holds elements only.
///
/// # Errors
/// [`LocateError`] for another root, and as [`parse()`].
pub(super) fn parse_root(
    place: &'static str,
    body: &Bytes,
    name: &str,
) -> Result<Element, LocateError> {
    let root = parse(place, body)?;
    check(&root)?;
    if root.name != name {
        return Err(unparseable(place, format!("its root is no `{name}`")));
    }
    refuse_text(&root)?;
    Ok(root)
}

/// # Errors
/// [`LocateError::Unparseable`] for text where elements stand.
pub(super) fn refuse_text(element: &Element) -> Result<(), LocateError> {
    match &element.text {
        Some(text) if !text.as_str().trim().is_empty() => {
            Err(refuse(element, "is a text, where elements are expected"))
        }
        _ => Ok(()),
    }
}

/// The document of an answer; `None` when it has no body.
///
/// # Errors
/// [`LocateError`] for a body that is not XML, or only a part of it.
pub(super) fn parse_answer(answer: &AnswerView<'_>) -> Result<Option<Element>, LocateError> {
    const PLACE: &str = "the answer";
    if answer.body.is_empty() {
        return Ok(None);
    }
    refuse_part(answer)?;
    match MediaType::of(answer.headers) {
        MediaType::Xml => parse(PLACE, answer.body).map(Some),
        _ => Err(LocateError::UnsupportedMediaType { place: PLACE, expected: "XML in UTF-8" }),
    }
}

/// # Errors
/// [`LocateError::Unparseable`] for an element of another vocabulary, or one with an
/// attribute that could say what it holds.
pub(super) fn check(element: &Element) -> Result<(), LocateError> {
    if !NAMESPACES.contains(&element.namespace.as_str()) {
        return Err(refuse(element, "is of a namespace that is not known here"));
    }
    let is_known = element.attributes.iter().all(|attribute| {
        let value = attribute.value.as_str();
        attribute.namespace == INSTANCE
            && match attribute.name.as_str() {
                "type" => true,
                "nil" => matches!(value, "true" | "false" | "1" | "0"),
                _ => false,
            }
    });
    let has_type = element.stated_type.as_ref().is_none_or(|(_, name)| is_name(name));
    if !is_known || !has_type {
        return Err(refuse(element, "has an attribute that is not known here"));
    }
    let has_text = element.text.as_ref().is_some_and(|text| !text.as_str().is_empty());
    if is_nil(element) && (has_text || !element.children.is_empty()) {
        return Err(refuse(element, "is nil, and holds something"));
    }
    Ok(())
}

/// An element that holds text only, as [`check`] lets it pass. Nothing where it is empty.
///
/// # Errors
/// As [`check`], and for elements inside.
pub(super) fn text(element: &Element) -> Result<&str, LocateError> {
    check(element)?;
    if !element.children.is_empty() {
        return Err(refuse(element, "holds more than text"));
    }
    Ok(element.text.as_ref().map(Piece::as_str).unwrap_or_default())
}

fn is_nil(element: &Element) -> bool {
    let mut attributes = element.attributes.iter();
    attributes.any(|attribute| {
        attribute.namespace == INSTANCE
            && attribute.name == "nil"
            && matches!(attribute.value.as_str(), "true" | "1")
    })
}

pub(super) fn refuse(element: &Element, problem: &str) -> LocateError {
    unparseable("the body", format!("what stands at byte {} {problem}", element.span.start))
}
