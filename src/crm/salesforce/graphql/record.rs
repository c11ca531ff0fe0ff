// SPDX-License-Identifier: Apache-2.0
//! The fields of records, and what groups of records are counted by.

use std::collections::HashMap;

use super::answer::{Record, Shape};
use super::asked::{Asked, Sets, TYPE_NAME, without_arguments};
use super::selection::Selecting;
use crate::base::ObjectName;
use crate::crm::LocateError;
use crate::crm::salesforce::schema;
use crate::query::graphql::Field;

/// What a field is wrapped in: its value, and forms of it for readers.
const WRAPPER: [&str; 5] = ["value", "displayValue", "label", "format", TYPE_NAME];

/// Source: "Aggregate Functions for Field Types".
const FUNCTIONS: [&str; 20] = [
    "avg",
    "calendarMonth",
    "calendarQuarter",
    "calendarYear",
    "count",
    "countDistinct",
    "dayInMonth",
    "dayInWeek",
    "dayInYear",
    "dayOnly",
    "fiscalMonth",
    "fiscalQuarter",
    "fiscalYear",
    "grouping",
    "hourInDay",
    "max",
    "min",
    "sum",
    "weekInMonth",
    "weekInYear",
];

impl<'a> Selecting<'a, '_, '_> {
    /// The fields of records. `context` is their object, unless a fragment says another.
    pub fn record(
        &mut self,
        sets: Sets<'a>,
        context: Option<&ObjectName>,
        is_aggregate: bool,
    ) -> Result<Record, LocateError> {
        let (mut members, mut stated, mut id) = (HashMap::new(), None, None);
        let mut needs_type = None;
        for asked in self.flattened(sets)? {
            let key = asked.key.to_owned();
            match asked.name {
                TYPE_NAME | "ApiName" => stated = Some(key.clone()),
                "Id" => id = Some(key.clone()),
                _ => {}
            }
            let mut objects: Vec<Option<ObjectName>> = Vec::new();
            for (object, _) in &asked.fields {
                let object = object.clone().or_else(|| context.cloned());
                if !objects.contains(&object) {
                    objects.push(object);
                }
            }
            let mut shapes = Vec::new();
            for object in objects {
                let is_of = |(own, _): &&(Option<ObjectName>, &'a Field)| {
                    own.as_ref().or(context) == object.as_ref()
                };
                let fields = asked.fields.iter().filter(is_of).cloned().collect();
                let own = Asked { fields, ..asked };
                let shape = self.field(&own, object.as_ref(), is_aggregate)?;
                shapes.push((object, shape));
            }
            if shapes.len() > 1 && shapes.iter().any(|(_, shape)| !shape.is_formal()) {
                needs_type = Some(asked);
            }
            members.insert(key, shapes);
        }
        if let Some(asked) = needs_type.filter(|_| stated.is_none()) {
            return Err(asked.refuse("is of one of several objects; ask for `__typename` as well"));
        }
        Ok(Record { object: context.cloned(), stated, id, members })
    }

    fn field(
        &mut self,
        asked: &Asked<'a>,
        object: Option<&ObjectName>,
        is_aggregate: bool,
    ) -> Result<Shape, LocateError> {
        match asked.name {
            TYPE_NAME | "ApiName" | "WeakEtag" => return asked.leaf(Shape::Plain),
            // Records are counted by their ids.
            "Id" if !is_aggregate => return asked.leaf(Shape::Id),
            _ => {}
        }
        let names = self.names(asked.inner())?;
        let is_page = ["edges", "pageInfo", "totalCount", "pageResultCount"];
        if is_page.iter().any(|name| names.contains(name)) {
            self.found.finds_others = true;
            let children = schema::children(asked.name);
            return self.connection(asked, children.as_ref(), is_aggregate);
        }
        self.each(asked, Self::flags)?;
        if let Some(parent) = object.and_then(|object| schema::parent(object, asked.name)) {
            self.found.finds_others = true;
            return self.record(asked.inner(), Some(&parent), is_aggregate).map(Shape::Record);
        }
        let is_wrapper = names.iter().all(|name| WRAPPER.contains(name));
        let is_function = |name: &&str| FUNCTIONS.contains(name) || WRAPPER.contains(name);
        let is_aggregated = is_aggregate && names.iter().all(is_function);
        let is_related = || !is_wrapper && !is_aggregated;
        let Some(object) = object else {
            return Err(asked.refuse("is of an object that is not known; say it by `... on`"));
        };
        // What a record is called in lists.
        let name = if asked.name == "DisplayValue" { "Name" } else { asked.name };
        let field = schema::field_name(name);
        if is_related() && !schema::has_parts(object, &field) {
            self.found.finds_others = true;
            return self.record(asked.inner(), None, is_aggregate).map(Shape::Record);
        }
        if names.is_empty() {
            return Ok(value(object, name));
        }
        self.object(asked.inner(), |selecting, asked| {
            if is_wrapper || (is_aggregated && WRAPPER.contains(&asked.name)) {
                return selecting.wrapped(asked, object, name);
            }
            if !is_aggregated {
                let part = schema::member_of(object, &field, asked.name);
                let part = part.ok_or_else(|| asked.refuse("is no part of a field"))?;
                return selecting.wrapped(asked, object, part.as_str());
            }
            selecting.each(asked, |_, field| without_arguments(field))?;
            let function = FUNCTIONS.into_iter().find(|function| *function == asked.name);
            selecting.found.field_use(object, name, function.unwrap_or_default());
            match asked.name {
                "max" | "min" => selecting.wrapped(asked, object, name),
                _ => selecting.metadata(asked),
            }
        })
    }

    /// A value, or what it is wrapped in.
    fn wrapped(
        &mut self,
        asked: &Asked<'a>,
        object: &ObjectName,
        name: &str,
    ) -> Result<Shape, LocateError> {
        self.each(asked, Self::flags)?;
        if asked.fields.iter().all(|(_, field)| field.selections.is_empty()) {
            return Ok(value(object, name));
        }
        self.object(asked.inner(), |_, asked| {
            if WRAPPER.contains(&asked.name) {
                return asked.leaf(value(object, name));
            }
            Err(asked.refuse("is no part of a value"))
        })
    }
}

fn value(own: &ObjectName, name: &str) -> Shape {
    let (object, field) = schema::original(own, name);
    let is_copy = object != *own;
    Shape::Value { object, field, is_copy }
}
