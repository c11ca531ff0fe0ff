// SPDX-License-Identifier: Apache-2.0
//! The query of requests to resources beside objects.

use crate::base::{Cleartext, FieldName, ObjectName};
use crate::carrier::url::{Parameter, Target};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::LocateError;
use crate::crm::message::{shown, unparseable};

use super::request::{Body, Found, NO_FORM};
use super::route::Route;
use super::schema::{canonical_field, is_name, is_opaque, is_record_id, searchable};

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A number, a choice or the name of something.
    Name,
    /// Names with commas between them, or the parameter repeated.
    Names,
    /// A cursor.
    Opaque,
    /// The ids of records, the parameter repeated.
    Records,
    /// The addresses of contacts, the parameter repeated.
    Addresses,
    /// The address of an owner.
    Owner,
    /// What contacts are searched for.
    Query,
    /// The name of the property that contacts are sorted by.
    Sort,
}

/// Of all routes. Where a value may stand, the routes are named as well.
const PARAMETERS: [(&str, Form, Option<&str>); 29] = [
    ("limit", Form::Name, None),
    ("count", Form::Name, None),
    ("offset", Form::Name, None),
    ("vidOffset", Form::Name, None),
    ("timeOffset", Form::Name, None),
    ("before", Form::Opaque, None),
    ("after", Form::Opaque, None),
    ("archived", Form::Name, None),
    ("idProperty", Form::Name, Some("owner.read")),
    ("locale", Form::Name, None),
    ("dataSensitivity", Form::Name, None),
    ("properties", Form::Names, None),
    ("property", Form::Names, None),
    ("propertyMode", Form::Name, None),
    ("formSubmissionMode", Form::Name, None),
    ("showListMemberships", Form::Name, None),
    ("includeDeletes", Form::Name, None),
    ("listIds", Form::Names, None),
    ("businessUnitId", Form::Name, None),
    ("channel", Form::Name, None),
    ("verbose", Form::Name, None),
    ("validateReferencesBeforeDelete", Form::Name, None),
    ("validateDealStageUsagesBeforeDelete", Form::Name, None),
    ("order", Form::Name, None),
    ("sort", Form::Sort, Some("contact_v1.search")),
    ("q", Form::Query, Some("contact_v1.search")),
    ("email", Form::Addresses, Some("contact_v1.batch_read")),
    ("email", Form::Owner, Some("owner.list")),
    ("vid", Form::Records, Some("contact_v1.batch_read")),
];

/// # Errors
/// [`LocateError`] for a parameter that is not known, or has another form.
pub(super) fn locate(
    route: &Route,
    target: &Target,
    found: &mut Found,
) -> Result<Vec<Slot>, LocateError> {
    let mut slots = Vec::new();
    let mut records = 0..;
    for (index, parameter) in target.query.iter().enumerate() {
        let name = parameter.name.as_str();
        let earlier = target.query.iter().take(index).any(|earlier| earlier.name == name);
        let problem = match form_of(name, route) {
            None => "this operation does not take it",
            Some(form) if earlier && !form.may_repeat() => "it is given twice",
            Some(form) if !form.takes(parameter.value.decoded.as_str()) => NO_FORM,
            Some(form) => {
                slots.extend(locate_one(form, parameter, &mut records, found));
                continue;
            }
        };
        return Err(unparseable(format!("parameter `{}`", shown(name)), problem));
    }
    Ok(slots)
}

fn form_of(name: &str, route: &Route) -> Option<Form> {
    let fits = |of: Option<&str>| of.is_none_or(|operation| operation == route.name);
    let known = PARAMETERS.iter().find(|(known, _, of)| *known == name && fits(*of));
    known.map(|(_, form, _)| *form)
}

impl Form {
    fn may_repeat(self) -> bool {
        matches!(self, Self::Names | Self::Records | Self::Addresses)
    }

    fn takes(self, value: &str) -> bool {
        match self {
            Self::Name | Self::Sort => is_name(value),
            Self::Names => value.is_empty() || value.split(',').all(is_name),
            Self::Opaque => is_opaque(value),
            Self::Records => is_record_id(value),
            Self::Addresses | Self::Owner | Self::Query => true,
        }
    }
}

fn locate_one(
    form: Form,
    parameter: &Parameter,
    records: &mut impl Iterator<Item = u32>,
    found: &mut Found,
) -> Option<Slot> {
    let text = parameter.value.decoded.as_str();
    let contact = ObjectName::from_static("contact");
    match form {
        Form::Name | Form::Names | Form::Opaque => {}
        Form::Records => {
            Body { object: &contact, found }.named(records.next()?, text);
        }
        Form::Addresses => {
            let occurrence = Occurrence {
                object: contact,
                field: FieldName::from_static("email"),
                record: records.next()?,
                role: Role::Equality,
                value: Value::Text(Cleartext::new(text)),
            };
            let slot = Slot::value(parameter.value.span.clone(), Codec::Percent, occurrence);
            return Some(slot.removable(Some(parameter.removal.clone())));
        }
        // HubSpot knows its users by their addresses in clear.
        Form::Owner => {
            let mut body = Body { object: &ObjectName::from_static("owner"), found };
            body.use_field(FieldName::from_static("email"), "a search for owners");
        }
        Form::Query => {
            for property in searchable(&contact).unwrap_or_default() {
                let mut body = Body { object: &contact, found };
                body.use_field(FieldName::from_static(property), "query");
            }
        }
        Form::Sort => {
            let mut body = Body { object: &contact, found };
            let field = canonical_field(text);
            body.use_sources(&field, "sort");
            body.use_field(field, "sort");
        }
    }
    None
}
