// SPDX-License-Identifier: Apache-2.0
//! `POST /crm/bulk/v8/read`: what a job is to read.

use crate::base::ObjectName;
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Role, Slot, Widening};
use crate::crm::message::{parse_json, unparseable};
use crate::crm::zoho::record::{Records, scalar};
use crate::crm::zoho::schema::{is_id, is_name};
use crate::crm::zoho::search::{called, compared, resolve};
use crate::crm::zoho::value::{Place, use_of, uses_of_parts};
use crate::crm::{LocateError, RequestView};

use super::job::{check_callback, members, module, refuse};

/// What a comparator asks, and the one that asks the same of several values.
const COMPARATORS: [(&str, Option<&str>); 14] = [
    ("equal", Some("\"in\"")),
    ("in", Some("\"in\"")),
    ("not_equal", Some("\"not_in\"")),
    ("not_in", Some("\"not_in\"")),
    ("between", None),
    ("contains", None),
    ("ends_with", None),
    ("greater_equal", None),
    ("greater_than", None),
    ("less_equal", None),
    ("less_than", None),
    ("not_between", None),
    ("not_contains", None),
    ("starts_with", None),
];

/// The module that is read.
///
/// # Errors
/// [`LocateError`] for a query that is not understood, or that leads to a module that is
/// not known.
pub(super) fn locate(root: Node<'_>, records: &mut Records) -> Result<ObjectName, LocateError> {
    let mut object = None;
    for (name, value) in members(root)? {
        match name.as_ref() {
            "callback" => check_callback(value)?,
            "file_type" if scalar(value) == "csv" => {}
            "query" => object = Some(query(value, records)?),
            other => return Err(refuse(other)),
        }
    }
    object.ok_or_else(|| refuse("query"))
}

/// The module of the job whose result is asked for, as the CRM says it.
///
/// # Errors
/// [`LocateError`] where it was not asked, or does not say it.
pub(super) fn told(request: &RequestView<'_>) -> Result<ObjectName, LocateError> {
    let refuse = || unparseable("the job", "it does not tell of which module it is");
    let told = request.told.by_crm.ok_or_else(refuse)?;
    let json = parse_json("the job", told)?;
    let job = json.root().get("data").and_then(|data| data.elements().next());
    let query = job.and_then(|job| job.get("query"));
    query.and_then(|query| module(query).ok()).ok_or_else(refuse)
}

fn query(query: Node<'_>, records: &mut Records) -> Result<ObjectName, LocateError> {
    let object = module(query)?;
    let record = records.next_record();
    records.finds_others = true;
    for (name, value) in members(query)? {
        match name.as_ref() {
            "module" => {}
            "fields" if value.kind() == Kind::Array => {
                if !value.elements().all(|field| is_name(&scalar(field))) {
                    return Err(refuse("fields"));
                }
            }
            "page" | "cvid" if is_id(&scalar(value)) => {}
            "page_token" if is_name(&scalar(value)) => {}
            "criteria" => {
                let mut criteria = Criteria { object: &object, record, records: &mut *records };
                let is_named = criteria.read(value)?;
                records.finds_others = !is_named;
            }
            "file_type" if scalar(value) == "csv" => {}
            other => return Err(refuse(other)),
        }
    }
    Ok(object)
}

struct Criteria<'r> {
    object: &'r ObjectName,
    record: u32,
    records: &'r mut Records,
}

impl Criteria<'_> {
    /// A condition, or a group of them: `{"group_operator":"and","group":[…]}`. Whether it
    /// finds only what is equal to its values.
    fn read(&mut self, node: Node<'_>) -> Result<bool, LocateError> {
        let Some(group) = node.get("group") else { return self.condition(node) };
        let mut is_and = false;
        for (name, value) in members(node)? {
            match (name.as_ref(), scalar(value).to_ascii_lowercase().as_str()) {
                ("group", _) if value.kind() == Kind::Array => {}
                ("group_operator", "and") => is_and = true,
                ("group_operator", "or") => {}
                (other, _) => return Err(refuse(other)),
            }
        }
        let mut is_named = false;
        for condition in group.elements() {
            is_named |= self.read(condition)?;
        }
        Ok(is_named && is_and)
    }

    /// `{"field":{"api_name":"Email"},"comparator":"equal","value":"a@b.de"}`; in older
    /// versions the name stands beside the comparator.
    fn condition(&mut self, node: Node<'_>) -> Result<bool, LocateError> {
        for (name, value) in members(node)? {
            match name.as_ref() {
                "api_name" | "comparator" | "value" => {}
                "type" if is_name(&scalar(value)) => {}
                "field" if value.kind() == Kind::Object => {
                    for (name, value) in members(value)? {
                        if !matches!(name.as_ref(), "api_name" | "id") || !is_name(&scalar(value)) {
                            return Err(refuse("field"));
                        }
                    }
                }
                other => return Err(refuse(other)),
            }
        }
        let field = node.get("field").unwrap_or(node).get("api_name").map(scalar);
        let field = field.filter(|name| is_name(name)).ok_or_else(|| refuse("api_name"))?;
        let place = resolve(self.object, &field, self.record).ok_or_else(|| {
            unparseable("member `criteria`", "it leads to records of a module that is not known")
        })?;
        let comparator = node.get("comparator").ok_or_else(|| refuse("comparator"))?;
        let known = COMPARATORS.iter().find(|(name, _)| *name == scalar(comparator));
        let (name, several) = known.ok_or_else(|| refuse("comparator"))?;
        let value = node.get("value").ok_or_else(|| refuse("value"))?;
        let is_list = value.kind() == Kind::Array;
        let widening = match several {
            Some(_) if is_list => Some(Widening::Elements),
            Some(list) => Some(Widening::List(vec![(comparator.span(), list)])),
            None => None,
        };
        let mut is_named =
            matches!(*name, "equal" | "in") && called(&place).is_none() && !field.contains('.');
        let values: Vec<Node<'_>> = if is_list { value.elements().collect() } else { vec![value] };
        for value in values {
            is_named &= self.value(&place, value, name, widening.clone())?;
        }
        Ok(is_named)
    }

    /// Whether records are compared with it.
    fn value(
        &mut self,
        place: &Place,
        value: Node<'_>,
        operator: &'static str,
        widening: Option<Widening>,
    ) -> Result<bool, LocateError> {
        if matches!(value.kind(), Kind::Object | Kind::Array) {
            return Err(refuse("value"));
        }
        let text = scalar(value);
        let Some(place) = compared(place, &text) else { return Ok(false) };
        self.records.uses.extend(uses_of_parts(&place, operator));
        if widening.is_none() || text.starts_with("${") {
            self.records.uses.push(use_of(&place, operator));
            return Ok(false);
        }
        let occurrence = place.occurrence(Role::Equality, value.value());
        let mut slot = Slot::value(value.span(), Codec::Json, occurrence);
        slot.widening = widening;
        self.records.slots.push(slot);
        Ok(true)
    }
}
