// SPDX-License-Identifier: Apache-2.0
//! Search bodies: `filterGroups`, `sorts` and the free-text `query`.
//!
//! Surrogates answer equality, and through the vault the search for a word. Every other
//! operator is reported as a use of its field, so that it is refused where the field is
//! protected.

use crate::base::{Cleartext, FieldName, Pattern};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Role, Widening};
use crate::crm::LocateError;
use crate::crm::message::unparseable;
use crate::query::PRESENCE;

use super::request::{
    Body, check_names, check_opaque, list, member, members, property_name, refuse_several, scalar,
};
use super::schema::{RECORD_ID, is_name, is_record_id, listed, searchable};

/// What a filter operator compares.
#[derive(PartialEq, Eq)]
enum Comparison {
    /// One value; the operator of the same sense for several, as a JSON text.
    One { several: &'static str },
    /// Each of a list.
    Several,
    /// Nothing but whether there is a value.
    Presence,
    /// A word of the value.
    Token(Token),
    /// More than equality.
    Other,
}

/// How a filter looks for a word.
#[derive(PartialEq, Eq)]
struct Token {
    /// The operator for whole values, as a JSON text.
    values: &'static str,
    /// What the search is called where it is not answered.
    doubt: &'static str,
}

const CONTAINS: Token = Token {
    values: "\"IN\"",
    doubt: "CONTAINS_TOKEN of anything but one word, with or without `*` at its ends,",
};

const CONTAINS_NOT: Token = Token {
    values: "\"NOT_IN\"",
    doubt: "NOT_CONTAINS_TOKEN without HAS_PROPERTY beside it, or of anything but one word,",
};

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
    ("CONTAINS_TOKEN", Comparison::Token(CONTAINS)),
    ("NOT_CONTAINS_TOKEN", Comparison::Token(CONTAINS_NOT)),
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
                        let filters = list(group.get("filters"), "filters")?;
                        for filter in &filters {
                            self.filter(*filter, &filters)?;
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

    fn filter(&mut self, filter: Node<'_>, group: &[Node<'_>]) -> Result<(), LocateError> {
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
        self.found.finds_others |= ["NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN"].contains(name);
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
            Comparison::Token(token) => {
                self.use_sources(&field, name);
                let is_known = token == &CONTAINS || has_value(&field, group);
                let value = find("value").filter(|_| values.len() == 1 && is_known);
                match value.and_then(|value| Some((value, self.pattern(&field, value)?))) {
                    Some((value, pattern)) => {
                        let role = Role::Pattern { pattern, operator: name };
                        let mut slot = self.slot(value, field, 0, role);
                        slot.widening = widening(comparison, filter, operator, value);
                        self.push(slot);
                    }
                    None => self.use_field(field, token.doubt),
                }
            }
            Comparison::One { .. } | Comparison::Several => {
                self.use_sources(&field, name);
                let is_list = *comparison == Comparison::Several
                    && find("value").is_some_and(|value| scalar(value).contains(';'));
                if is_list {
                    self.use_field(field.clone(), "a list of several");
                }
                for value in values {
                    // The search is about these records.
                    if field.as_str() == RECORD_ID && ["EQ", "IN"].contains(name) {
                        self.named(0, &scalar(value));
                    }
                    let mut slot = self.slot(value, field.clone(), 0, Role::Equality);
                    slot.widening = widening(comparison, filter, operator, value);
                    self.push(slot);
                }
            }
        }
        Ok(())
    }

    /// What a property looks like that holds this token; `None` where that is not known, as of
    /// a property that holds several values.
    fn pattern(&self, field: &FieldName, token: Node<'_>) -> Option<Pattern> {
        let text = token.text().filter(|_| listed(self.object, field).is_none())?;
        let is_address = (self.object.as_str(), field.as_str()) == ("contact", "email");
        match text.strip_prefix('*').filter(|end| is_address && is_end_of_address(end)) {
            Some(end) => Some(Pattern::end_of_address(Cleartext::new(end))),
            None => Pattern::word(&text),
        }
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

/// "Use the value `*@hubspot.com` to retrieve contacts with a HubSpot email address" (HubSpot,
/// "Search the CRM").
fn is_end_of_address(text: &str) -> bool {
    let is_of_domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.strip_prefix('@')
        .is_some_and(|domain| !domain.is_empty() && domain.chars().all(is_of_domain))
}

/// Whether a group asks that a property has a value. Whether a record without one holds no
/// word, or is left out, nobody says.
fn has_value(field: &FieldName, group: &[Node<'_>]) -> bool {
    group.iter().any(|filter| {
        let property = filter.get("propertyName").map(|name| property_name(&scalar(name)));
        property == Some(Ok(field.clone()))
            && filter.get("operator").is_some_and(|it| scalar(it) == "HAS_PROPERTY")
    })
}

/// How a filter takes several values instead of one: beside those of its list, or
/// as `"operator":"IN","values":[x,y]` in the place of `"operator":"EQ","value":x`.
fn widening(
    comparison: &Comparison,
    filter: Node<'_>,
    operator: Node<'_>,
    value: Node<'_>,
) -> Option<Widening> {
    let is_element = value.key_span().is_empty();
    // Property, operator and value: no `values` that would then stand there twice.
    let is_alone = filter.children().count() == 3;
    match comparison {
        _ if is_element => Some(Widening::Elements),
        Comparison::One { several } | Comparison::Token(Token { values: several, .. })
            if is_alone =>
        {
            Some(Widening::List(vec![(operator.span(), several), (value.key_span(), "\"values\"")]))
        }
        _ => None,
    }
}
