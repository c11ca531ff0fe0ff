// SPDX-License-Identifier: Apache-2.0
//! Search bodies: `filterGroups`, `sorts` and the free-text `query`.
//!
//! Surrogates answer equality only. Every other operator is reported as a use of
//! its field, so that it is refused where the field is protected.

use crate::base::FieldName;
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Role, Widening};
use crate::crm::LocateError;
use crate::crm::message::unparseable;
use crate::query::PRESENCE;

use super::request::{
    Body, check_names, check_opaque, list, member, members, property_name, refuse_several, scalar,
};
use super::schema::{RECORD_ID, is_name, is_record_id, searchable};

/// What a filter operator compares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// One value; the operator of the same sense for several, as a JSON text.
    One { several: &'static str },
    /// Each of a list.
    Several,
    /// Nothing but whether there is a value.
    Presence,
    /// More than equality.
    Other,
}

/// Source: HubSpot, "Search the CRM", filter operators.
const OPERATORS: &[(&str, Comparison)] = &[
    ("EQ", Comparison::One { several: "\"IN\"" }),
    ("NEQ", Comparison::One { several: "\"NOT_IN\"" }),
    ("IN", Comparison::Several),
    ("NOT_IN", Comparison::Several),
    ("HAS_PROPERTY", Comparison::Presence),
    ("NOT_HAS_PROPERTY", Comparison::Presence),
    ("LT", Comparison::Other),
    ("LTE", Comparison::Other),
    ("GT", Comparison::Other),
    ("GTE", Comparison::Other),
    ("BETWEEN", Comparison::Other),
    ("CONTAINS_TOKEN", Comparison::Other),
    ("NOT_CONTAINS_TOKEN", Comparison::Other),
];

impl Body<'_> {
    pub fn search(&mut self, root: Node<'_>) -> Result<(), LocateError> {
        let known = ["filterGroups", "sorts", "query", "properties", "limit", "after"];
        for (name, value) in members(root, &known)? {
            match name.as_ref() {
                "filterGroups" => {
                    let groups = list(Some(value), &name)?;
                    self.found.finds_others |= groups.len() > 1;
                    for group in groups {
                        members(group, &["filters"])?;
                        for filter in list(group.get("filters"), "filters")? {
                            self.filter(filter)?;
                        }
                    }
                }
                "sorts" => {
                    for sort in list(Some(value), &name)? {
                        self.sort(sort)?;
                    }
                }
                "query" => self.query(value)?,
                "properties" => check_names(Some(value))?,
                _ => check_opaque(&name, value)?,
            }
        }
        Ok(())
    }

    fn filter(&mut self, filter: Node<'_>) -> Result<(), LocateError> {
        let known = ["propertyName", "operator", "value", "values", "highValue"];
        let given = members(filter, &known)?;
        let find =
            |name: &str| given.iter().find(|(found, _)| found == name).map(|(_, node)| *node);
        let field = property_name(&find("propertyName").map(scalar).unwrap_or_default())?;
        let operator = find("operator");
        let known = |node| OPERATORS.iter().find(|(name, _)| *name == scalar(node));
        let (Some(operator), Some((name, comparison))) = (operator, operator.and_then(known))
        else {
            return Err(unparseable(member("operator"), "it is not a known operator"));
        };
        let mut values: Vec<Node<'_>> =
            find("value").into_iter().chain(find("highValue")).collect();
        values.extend(list(find("values"), "values")?);
        values.iter().try_for_each(|value| refuse_several(*value, || member("value")))?;

        if field.as_str().starts_with("associations.") {
            if values.into_iter().all(|id| is_record_id(&scalar(id))) {
                return Ok(());
            }
            return Err(unparseable(member("value"), "it is not the id of a record"));
        }
        self.found.finds_others |= ["NEQ", "NOT_IN"].contains(name);
        match comparison {
            Comparison::Presence if values.is_empty() => {
                self.use_sources(&field, PRESENCE);
                self.use_field(field, PRESENCE);
            }
            Comparison::Presence => {
                return Err(unparseable(member("value"), "this operator does not take it"));
            }
            Comparison::Other => {
                self.use_sources(&field, name);
                self.use_field(field, name);
            }
            Comparison::One { .. } | Comparison::Several => {
                self.use_sources(&field, name);
                for value in values {
                    // The search is about these records.
                    if field.as_str() == RECORD_ID && ["EQ", "IN"].contains(name) {
                        self.named(0, &scalar(value));
                    }
                    let mut slot = self.slot(value, field.clone(), 0, Role::Equality);
                    slot.widening = widening(*comparison, filter, operator, value);
                    self.push(slot);
                }
            }
        }
        Ok(())
    }

    fn sort(&mut self, sort: Node<'_>) -> Result<(), LocateError> {
        let name = if sort.kind() == Kind::Object {
            let given = members(sort, &["propertyName", "direction"])?;
            if !given.iter().all(|(_, value)| is_name(&scalar(*value))) {
                return Err(unparseable(member("sorts"), "it holds more than names"));
            }
            sort.get("propertyName").map(scalar).unwrap_or_default()
        } else {
            scalar(sort)
        };
        let field = property_name(name.strip_prefix('-').unwrap_or(&name))?;
        self.use_sources(&field, "sort");
        self.use_field(field, "sort");
        Ok(())
    }

    /// Free text is looked for in several properties, in ways that no surrogate
    /// answers.
    fn query(&mut self, query: Node<'_>) -> Result<(), LocateError> {
        if scalar(query).is_empty() && query.kind() == Kind::String {
            return Ok(());
        }
        let properties = searchable(self.object).ok_or_else(|| {
            let problem = "which properties it looks at is not known for this object";
            unparseable(member("query"), problem)
        })?;
        for property in properties {
            self.use_field(FieldName::from_static(property), "query");
        }
        Ok(())
    }
}

/// How a filter takes several values instead of one: beside those of its list, or
/// as `"operator":"IN","values":[x,y]` in the place of `"operator":"EQ","value":x`.
fn widening(
    comparison: Comparison,
    filter: Node<'_>,
    operator: Node<'_>,
    value: Node<'_>,
) -> Option<Widening> {
    let is_element = value.key_span().is_empty();
    // Property, operator and value: no `values` that would then stand there twice.
    let is_alone = filter.children().count() == 3;
    match comparison {
        _ if is_element => Some(Widening::Elements),
        Comparison::One { several } if is_alone => {
            Some(Widening::List(vec![(operator.span(), several), (value.key_span(), "\"values\"")]))
        }
        _ => None,
    }
}
