// SPDX-License-Identifier: Apache-2.0
//! Bodies of requests: `{"data":[…],"trigger":[…]}`.

use crate::base::{FieldName, ObjectName};
use crate::carrier::Element;
use crate::carrier::json::{Json, Kind, Node};
use crate::crm::message::{self, MediaType, shown, unparseable};
use crate::crm::{LocateError, RequestView};

use super::operation::Verb;
use super::record::{Records, scalar};
use super::schema::{duplicate_check, field_name, is_id, is_name};

/// # Errors
/// [`LocateError`] unless the body is JSON. Zoho's own libraries do not say what theirs
/// is, and its examples call it a form.
pub(super) fn parse_body<'a>(request: &RequestView<'a>) -> Result<Json<'a>, LocateError> {
    match MediaType::of(request.headers) {
        MediaType::Json | MediaType::Form | MediaType::Missing => {
            message::parse_json("the body", request.body)
        }
        MediaType::JsonSuffix
        | MediaType::JsonLines
        | MediaType::Csv
        | MediaType::Xml
        | MediaType::Other => {
            let expected = "application/json in UTF-8";
            Err(LocateError::UnsupportedMediaType { place: "the body", expected })
        }
    }
}

impl Records {
    /// # Errors
    /// [`LocateError`] for a member that is not known here, or a name that could be a
    /// value.
    pub fn body(
        &mut self,
        verb: Verb,
        is_named_by_path: bool,
        root: Node<'_>,
        object: &ObjectName,
    ) -> Result<(), LocateError> {
        if root.kind() != Kind::Object {
            return Err(unparseable("the body", "it is not an object"));
        }
        self.are_named =
            verb == Verb::UpdateMany || (verb == Verb::UpdateRelated && !is_named_by_path);
        if verb == Verb::Upsert {
            self.keys = keys(root.get("duplicate_check_fields"), object)?;
        }
        for member in root.members() {
            match member.key.as_ref() {
                "data" => self.data(member.value, object)?,
                "trigger"
                | "process"
                | "duplicate_check_fields"
                | "wf_trigger"
                | "lar_id"
                | "apply_feature_execution"
                | "skip_feature_execution"
                    if holds_names(member.value) => {}
                name => {
                    let place = format!("member `{}` of the body", shown(name));
                    return Err(unparseable(place, "this operation does not take it"));
                }
            }
        }
        Ok(())
    }

    fn data(&mut self, node: Node<'_>, object: &ObjectName) -> Result<(), LocateError> {
        if node.kind() != Kind::Array {
            return Err(unparseable("member `data` of the body", "it is not a list"));
        }
        for record in node.elements() {
            let number = self.record(record, object)?;
            let records = number..self.count;
            self.elements.extend(record.removal().map(|removal| Element { records, removal }));
        }
        Ok(())
    }
}

/// Each field of a request is looked for among them.
const MAX_KEYS: usize = 100;

/// What an upsert compares: these fields, or those that Zoho takes by itself.
fn keys(node: Option<Node<'_>>, object: &ObjectName) -> Result<Vec<FieldName>, LocateError> {
    match node.filter(|node| node.kind() != Kind::Null) {
        None => Ok(vec![duplicate_check(object)]),
        Some(node) if node.kind() == Kind::Array && holds_names(node) => {
            let names = node.elements().map(scalar).filter(|name| !name.is_empty());
            let keys: Vec<FieldName> =
                names.take(MAX_KEYS + 1).map(|name| field_name(&name)).collect();
            match keys.len() {
                0 => Ok(vec![duplicate_check(object)]),
                1..=MAX_KEYS => Ok(keys),
                _ => Err(LocateError::TooLarge { place: "member `duplicate_check_fields`" }),
            }
        }
        Some(_) => Err(unparseable("member `duplicate_check_fields`", "it is no list of names")),
    }
}

/// Nothing but names, ids and flags.
fn holds_names(node: Node<'_>) -> bool {
    match node.kind() {
        Kind::Object => {
            node.members().all(|member| is_name(&member.key) && holds_names(member.value))
        }
        Kind::Array => node.elements().all(holds_names),
        Kind::String => is_name(&scalar(node)) || scalar(node).is_empty(),
        Kind::Number => is_id(node.raw()),
        Kind::True | Kind::False | Kind::Null => true,
    }
}

/// # Errors
/// [`LocateError`] for what OAuth does not ask for, in the query or in a form.
pub(super) fn check_login(
    request: &RequestView<'_>,
    has_parameters: bool,
) -> Result<(), LocateError> {
    if has_parameters && request.body.is_empty() {
        return Ok(());
    }
    message::check_token_request(request)
}
