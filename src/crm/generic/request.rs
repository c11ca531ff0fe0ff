// SPDX-License-Identifier: Apache-2.0

use http::HeaderMap;

use crate::base::{FieldName, ObjectName};
use crate::carrier::url::{Parameter as UrlParameter, Piece, Target};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::{LocateError, RequestView};

use super::lines::locate_lines;
use super::route::{BodySyntax, FieldRef, FieldSelector, Parameter, Route, Segment};
use super::values::{Unselected, locate_values};
use crate::crm::message::{self, MediaType};

const PLACE: &str = "the body";

pub(super) fn locate_target(route: &Route, target: &Target) -> Result<Vec<Slot>, LocateError> {
    let mut slots = Vec::new();
    for (segment, piece) in route.template.iter().zip(&target.segments) {
        if let Segment::Variable(Some(field)) = segment {
            slots.push(slot(piece, field.clone(), Role::Key));
        }
    }
    for parameter in &target.query {
        let (field, role) = match route.parameters.get(&parameter.name) {
            Some(Parameter::Pass) => continue,
            Some(Parameter::Compares(field)) => (field, Role::Equality),
            Some(Parameter::Stores(field)) => (field, Role::Stored),
            None => {
                let place = format!("parameter `{}`", message::shown(&parameter.name));
                return Err(message::unparseable(place, "the route does not list it"));
            }
        };
        slots.push(parameter_slot(parameter, field.clone(), role));
    }
    Ok(slots)
}

pub(super) fn locate_body(
    route: &Route,
    request: &RequestView<'_>,
) -> Result<Vec<Slot>, LocateError> {
    match &route.request {
        None => message::refuse_body(request.body).map(|()| Vec::new()),
        Some(_) if request.body.is_empty() => Ok(Vec::new()),
        Some((BodySyntax::Json, selectors)) => {
            let types = [MediaType::Json, MediaType::JsonSuffix, MediaType::JsonLines];
            expect_media_type(request.headers, &types, "JSON in UTF-8, or lines of it")?;
            let unselected = Unselected::Request(route.object.as_ref());
            if MediaType::of(request.headers) == MediaType::JsonLines {
                return locate_lines(PLACE, request.body, |json| {
                    locate_values(json, selectors, unselected)
                });
            }
            locate_values(&message::parse_json(PLACE, request.body)?, selectors, unselected)
        }
        Some((BodySyntax::Form, selectors)) => {
            let expected = "application/x-www-form-urlencoded in UTF-8";
            expect_media_type(request.headers, &[MediaType::Form], expected)?;
            let parameters = message::parse_form(request.body)?;
            let located = |parameter| form_slot(parameter, selectors, route.object.as_ref());
            Ok(parameters.iter().filter_map(located).collect())
        }
    }
}

fn expect_media_type(
    headers: &HeaderMap,
    types: &[MediaType],
    expected: &'static str,
) -> Result<(), LocateError> {
    if types.contains(&MediaType::of(headers)) {
        return Ok(());
    }
    Err(LocateError::UnsupportedMediaType { place: PLACE, expected })
}

fn form_slot(
    parameter: &UrlParameter,
    selectors: &[FieldSelector],
    object: Option<&ObjectName>,
) -> Option<Slot> {
    let name = parameter.name.as_str();
    let selector = selectors.iter().find(|selector| selector.path.single_name() == Some(name));
    let (field, role) = if let Some(selector) = selector {
        (selector.field.clone(), selector.role.clone())
    } else {
        (FieldRef { object: object?.clone(), field: FieldName::new(name) }, Role::Stored)
    };
    Some(parameter_slot(parameter, field, role))
}

fn parameter_slot(parameter: &UrlParameter, field: FieldRef, role: Role) -> Slot {
    slot(&parameter.value, field, role).removable(Some(parameter.removal.clone()))
}

fn slot(piece: &Piece, FieldRef { object, field }: FieldRef, role: Role) -> Slot {
    let value = Value::from(piece.decoded.as_str().to_owned());
    let occurrence = Occurrence { object, field, record: 0, role, value };
    Slot::value(piece.span.clone(), Codec::Percent, occurrence)
}
