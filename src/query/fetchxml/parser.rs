// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::check::check;
use super::operators::{Operator, operator as named_operator};
use super::{Column, Comparison, Fetch, FetchError, Field, FieldUse, Link};
use crate::carrier::xml::{Element, Piece, parse};
use crate::carrier::{Role, Value, Widening};
use crate::query::{LONGEST_REPEATED, PRESENCE};

pub(super) struct Parser<'t> {
    text: &'t str,
    found: Fetch,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: Fetch::default() }
    }

    pub(super) fn run(mut self) -> Result<Fetch, FetchError> {
        let root = parse(self.text)?;
        check(&root, "fetch", &["paging-cookie"])?;
        self.found.cookie = root.attribute("paging-cookie").cloned();
        let [entity] = root.children.as_slice() else {
            return Err(missing(&root, "one entity"));
        };
        check(entity, "entity", &[])?;
        self.found.table = required(entity, "name")?;
        self.links(entity)?;
        let table = self.found.table.clone();
        self.table(entity, &table, None)?;
        self.found.finds_others |= !self.found.links.is_empty();
        Ok(self.found)
    }

    /// The links of all levels: conditions may name them before they stand.
    fn links(&mut self, element: &Element) -> Result<(), FetchError> {
        for child in &element.children {
            if child.name == "link-entity" {
                let link =
                    Link { table: required(child, "name")?, alias: optional(child, "alias") };
                if self.found.links.iter().any(|other| link.is_mistakable(other))
                    || (link.alias.is_some() && link.may_be(&self.found.table))
                {
                    return Err(FetchError::Link(child.span.start));
                }
                self.found.links.push(link);
            }
            self.links(child)?;
        }
        Ok(())
    }

    /// What an entity holds, or a link of this name.
    fn table(
        &mut self,
        element: &Element,
        table: &str,
        link: Option<&str>,
    ) -> Result<(), FetchError> {
        for child in &element.children {
            match child.name.as_str() {
                "all-attributes" => check(child, "all-attributes", &[])?,
                "attribute" => self.attribute(child, table, link)?,
                "order" => self.order(child, table)?,
                "filter" => self.filter(child, table)?,
                "link-entity" => self.link(child, table)?,
                _ => return Err(FetchError::Element(child.span.start)),
            }
        }
        Ok(())
    }

    /// A table that is joined to `joined`.
    fn link(&mut self, element: &Element, joined: &str) -> Result<(), FetchError> {
        check(element, "link-entity", &[])?;
        let table = required(element, "name")?;
        let side = |table: &str, attribute: &str| {
            let column = optional(element, attribute)?;
            Some(Field { table: table.to_owned(), column })
        };
        self.found.joins.extend(side(&table, "from").zip(side(joined, "to")));
        // A number that no name has, because there may be several links to one table.
        let link = optional(element, "alias");
        let link = link.unwrap_or_else(|| format!("{table}#{}", element.span.start));
        self.table(element, &table, Some(&link))
    }

    fn attribute(
        &mut self,
        element: &Element,
        table: &str,
        link: Option<&str>,
    ) -> Result<(), FetchError> {
        check(element, "attribute", &[])?;
        let column = required(element, "name")?;
        let field = Field { table: table.to_owned(), column };
        let aggregate =
            optional(element, "aggregate").or_else(|| optional(element, "rowaggregate"));
        let is_dated = optional(element, "dategrouping").is_some();
        let operator = match aggregate {
            Some(_) => Some("aggregate"),
            None if is_dated || optional(element, "groupby").is_some() => Some("groupby"),
            None => None,
        };
        let uses = operator.map(|operator| FieldUse { field: field.clone(), operator });
        self.found.uses.extend(uses);
        let computes = is_dated
            || aggregate.is_some_and(|aggregate| !matches!(aggregate.as_str(), "min" | "max"));
        if let Some(alias) = optional(element, "alias") {
            let field = Some(field).filter(|_| !computes);
            let link = link.map(str::to_owned);
            self.found.columns.push(Column { field, alias, link });
        }
        Ok(())
    }

    fn order(&mut self, element: &Element, table: &str) -> Result<(), FetchError> {
        check(element, "order", &[])?;
        let table = self.named_table(element, table)?;
        let operator = "order";
        match (optional(element, "attribute"), optional(element, "alias")) {
            (Some(column), _) => {
                self.found.uses.push(FieldUse { field: Field { table, column }, operator });
            }
            // Of a column that has this name, which is used already where it is computed.
            (None, Some(alias)) => {
                let column = self.found.columns.iter().find(|column| column.alias == alias);
                let field = match column {
                    Some(column) => column.field.clone(),
                    None => Some(Field { table, column: alias }),
                };
                self.found.uses.extend(field.map(|field| FieldUse { field, operator }));
            }
            (None, None) => return Err(missing(element, "an attribute")),
        }
        Ok(())
    }

    fn filter(&mut self, element: &Element, table: &str) -> Result<(), FetchError> {
        check(element, "filter", &[])?;
        self.found.finds_others |= optional(element, "type").is_some_and(|kind| kind != "and");
        for child in &element.children {
            match child.name.as_str() {
                "filter" => self.filter(child, table)?,
                "condition" => self.condition(child, table)?,
                "link-entity" => self.link(child, table)?,
                _ => return Err(FetchError::Element(child.span.start)),
            }
        }
        Ok(())
    }

    fn condition(&mut self, element: &Element, table: &str) -> Result<(), FetchError> {
        check(element, "condition", &["uiname", "value"])?;
        let table = self.named_table(element, table)?;
        let column = required(element, "attribute")?;
        let field = Field { table: table.clone(), column };
        let operator = required(element, "operator")?;
        self.found.finds_others |=
            matches!(operator.as_str(), "ne" | "neq") || operator.starts_with("not-");
        let operator = named_operator(&operator);
        let has_label = self.label(element);
        if let Some(other) = optional(element, "valueof") {
            no_value(element)?;
            let (table, column) = match other.split_once('.') {
                Some((link, column)) => (self.linked(link, element)?, column.to_owned()),
                None => (table, other),
            };
            for field in [field, Field { table, column }] {
                let operator = "comparing columns";
                self.found.uses.push(FieldUse { field, operator });
            }
            return Ok(());
        }
        match operator {
            Operator::Presence => {
                no_value(element)?;
                self.found.uses.push(FieldUse { field: field.clone(), operator: PRESENCE });
            }
            Operator::Other(operator) => {
                self.found.uses.push(FieldUse { field: field.clone(), operator });
            }
            Operator::Part { name, .. } => match self.part(operator, element, &field, has_label) {
                Some(comparison) => self.found.comparisons.push(comparison),
                None => {
                    self.found.uses.push(FieldUse { field: field.clone(), operator: name });
                }
            },
            Operator::Equality { .. } | Operator::Membership => {}
        }
        let is_exact = matches!(operator, Operator::Equality { .. } | Operator::Membership);
        if let Some(value) = element.attribute("value").filter(|_| is_exact) {
            let open = match operator {
                Operator::Equality { joint } => joint,
                _ => "",
            };
            let is_single = matches!(operator, Operator::Equality { .. })
                && element.children.is_empty()
                && !has_label;
            let repeated = || self.repeated(&element.span, value, open, "</filter>");
            let widening = is_single.then(repeated).flatten();
            let (field, role, value) = (field.clone(), Role::Equality, value.clone());
            self.found.comparisons.push(Comparison { field, role, value, widening });
        }
        for child in &element.children {
            check(child, "value", &["uiname"])?;
            let has_label = self.label(child);
            let text = child.text.as_ref().filter(|_| child.children.is_empty());
            let Some(value) = text else { return Err(missing(child, "a text")) };
            if is_exact {
                let is_listed = operator == Operator::Membership && !has_label;
                let repeated = || self.repeated(&child.span, value, "", "");
                let widening = is_listed.then(repeated).flatten();
                let (field, role, value) = (field.clone(), Role::Equality, value.clone());
                self.found.comparisons.push(Comparison { field, role, value, widening });
            }
        }
        Ok(())
    }

    /// A comparison with a part of the value; `None` where what is compared is not one text
    /// that is understood.
    fn part(
        &self,
        operator: Operator,
        element: &Element,
        field: &Field,
        has_label: bool,
    ) -> Option<Comparison> {
        let Operator::Part { name, joint, before, after } = operator else { return None };
        let value = element.attribute("value")?;
        if has_label || !element.children.is_empty() {
            return None;
        }
        let text = value.as_str();
        // A sign of a pattern in what is no pattern may be one all the same.
        if (before, after) != ("", "") && text.contains('%') {
            return None;
        }
        let role = Role::like(&Value::from(format!("{before}{text}{after}")), name)?;
        let widening = self.repeated(&element.span, value, joint, "</filter>");
        Some(Comparison { field: field.clone(), role, value: value.clone(), widening })
    }

    /// The element once for each of several values; `None` where it is too long for that.
    fn repeated(
        &self,
        whole: &Range<usize>,
        value: &Piece,
        open: &'static str,
        close: &'static str,
    ) -> Option<Widening> {
        let part = |span: Range<usize>| self.text.get(span).unwrap_or_default();
        let between =
            format!("{}{}", part(value.span.end..whole.end), part(whole.start..value.span.start));
        (between.len() <= LONGEST_REPEATED).then(|| {
            let whole = whole.clone();
            Widening::Repetition { whole, open, between, close }
        })
    }

    /// Takes note of `uiname`, if there is one.
    fn label(&mut self, element: &Element) -> bool {
        let label = element.attributes.iter().find(|attribute| attribute.name == "uiname");
        self.found.labels.extend(label.map(|attribute| attribute.span.clone()));
        label.is_some()
    }

    /// The table that `entityname` names, or else `table`.
    fn named_table(&self, element: &Element, table: &str) -> Result<String, FetchError> {
        match optional(element, "entityname") {
            Some(name) => self.linked(&name, element),
            None => Ok(table.to_owned()),
        }
    }

    fn linked(&self, name: &str, element: &Element) -> Result<String, FetchError> {
        let table = self
            .found
            .link(name)
            .or_else(|| Some(self.found.table.as_str()).filter(|table| *table == name));
        table.map(str::to_owned).ok_or(FetchError::Link(element.span.start))
    }
}

/// A value that is compared with nothing would not be located.
fn no_value(element: &Element) -> Result<(), FetchError> {
    match (optional(element, "value"), element.children.first()) {
        (None, None) => Ok(()),
        (Some(_), _) => Err(FetchError::Attribute(element.span.start)),
        (None, Some(child)) => Err(FetchError::Element(child.span.start)),
    }
}

fn optional(element: &Element, name: &str) -> Option<String> {
    let value = element.attribute(name)?.as_str();
    (!value.is_empty()).then(|| value.to_owned())
}

fn required(element: &Element, name: &'static str) -> Result<String, FetchError> {
    optional(element, name).ok_or_else(|| missing(element, name))
}

fn missing(element: &Element, expected: &'static str) -> FetchError {
    FetchError::Missing { expected, at: element.span.start }
}
