// SPDX-License-Identifier: Apache-2.0
//! Links between records, under `/crm/v4`. A link leads both ways, as HubSpot's do.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::demo::crm::Desk;
use crate::demo::crm::message::{Answer, Request};

use super::object::ObjectType;
use super::problem::Problem;
use super::{Outcome, body_of};

/// A record by its type and id.
type End = (&'static str, String);

/// Two linked records. The type of a link is not kept.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::demo::crm) struct Link([End; 2]);

impl Link {
    fn new(from: End, to: End) -> Self {
        let mut ends = [from, to];
        ends.sort();
        Self(ends)
    }

    /// The other end, seen from this one.
    fn from(&self, end: &End) -> Option<&End> {
        match &self.0 {
            [one, other] if one == end => Some(other),
            [other, one] if one == end => Some(other),
            _ => None,
        }
    }
}

/// Answers what follows `/crm/v4/`; `None` where there are no links.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request, path: &[&str]) -> Option<Outcome> {
    let ends = |from: &str, to: &str| Some((ObjectType::named(from)?, ObjectType::named(to)?));
    let method = request.method.as_str();
    Some(match (method, path) {
        ("GET", ["objects", from, id, "associations", to]) => {
            let (from, to) = ends(from, to)?;
            let linked = linked(desk, &(from.name(), (*id).to_owned()), to);
            Ok(Answer::json(StatusCode::OK, json!({ "results": linked })))
        }
        (
            _,
            ["objects", from, id, "associations", "default", to, other]
            | ["objects", from, id, "associations", to, other],
        ) => {
            let (from, to) = ends(from, to)?;
            let link = Link::new((from.name(), (*id).to_owned()), (to.name(), (*other).to_owned()));
            let is_default = path.contains(&"default");
            let made = if is_default { StatusCode::OK } else { StatusCode::CREATED };
            change(desk, method, link, made)
        }
        ("POST", ["associations", from, to, "batch", verb]) => {
            let (from, to) = ends(from, to)?;
            batch(desk, request, (from, to), verb)
        }
        _ => return None,
    })
}

fn change(desk: &mut Desk<'_>, method: &str, link: Link, made: StatusCode) -> Outcome {
    let links = &mut desk.state.links;
    links.retain(|known| *known != link);
    match method {
        "PUT" => {
            links.push(link);
            Ok(Answer::json(made, json!({ "status": "COMPLETE", "results": [] })))
        }
        "DELETE" => Ok(Answer::empty(StatusCode::NO_CONTENT)),
        _ => Err(Problem::method_not_allowed()),
    }
}

fn batch(
    desk: &mut Desk<'_>,
    request: &Request,
    (from, to): (ObjectType, ObjectType),
    verb: &str,
) -> Outcome {
    let body = body_of(request)?;
    let inputs =
        body.get("inputs").and_then(Value::as_array).ok_or_else(Problem::malformed_json)?;
    let mut results = Vec::new();
    for input in inputs {
        match verb {
            "read" => {
                let id = id_of(input)?;
                let linked = linked(desk, &(from.name(), id.clone()), to);
                results.push(json!({ "from": { "id": id }, "to": linked }));
            }
            "create" => {
                let ends = [("from", from), ("to", to)].map(|(name, object)| {
                    Ok((object.name(), id_of(input.get(name).unwrap_or(&Value::Null))?))
                });
                let [from, to]: [Result<End, Problem>; 2] = ends;
                change(desk, "PUT", Link::new(from?, to?), StatusCode::CREATED)?;
            }
            _ => return Err(Problem::no_resource()),
        }
    }
    let status = if verb == "create" { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Answer::json(status, json!({ "status": "COMPLETE", "results": results })))
}

fn linked(desk: &Desk<'_>, end: &End, to: ObjectType) -> Vec<Value> {
    let others = desk.state.links.iter().filter_map(|link| link.from(end));
    let others = others.filter(|(object, _)| *object == to.name());
    let types = json!([{ "category": "HUBSPOT_DEFINED", "typeId": 1, "label": null }]);
    others.map(|(_, id)| json!({ "toObjectId": id, "associationTypes": types })).collect()
}

/// Links a new record to what its `associations` name. Of which type these are, only the
/// type of the link tells; here, the id does.
pub(super) fn link_new(desk: &mut Desk<'_>, end: &End, body: &Map<String, Value>) {
    let named = body.get("associations").and_then(Value::as_array).into_iter().flatten();
    for id in named.filter_map(|it| it.get("to").and_then(|to| id_of(to).ok())) {
        let types = ObjectType::ALL.map(ObjectType::name);
        let found = types.into_iter().find(|name| desk.state.store.get(name, &id).is_some());
        if let Some(name) = found {
            desk.state.links.push(Link::new(end.clone(), (name, id)));
        }
    }
}

fn id_of(node: &Value) -> Result<String, Problem> {
    match node.get("id") {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Number(id)) => Ok(id.to_string()),
        _ => Err(Problem::malformed_json()),
    }
}
