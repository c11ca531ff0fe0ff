// SPDX-License-Identifier: Apache-2.0
//! A reader of FetchXML that finds rows.

use super::xml::{Element, parse};
use crate::queries::dataverse::{Collation, behind};
use crate::queries::house::{Data, Record};
use crate::queries::reading::{Truth, and, folded, like, or, text};

pub fn rows(data: &Data, collation: Collation, query: &str) -> Result<Vec<Record>, String> {
    let fetch = parse(query)?;
    let entity = fetch.all("entity").next().ok_or("no entity")?;
    let table = required(entity, "name")?;
    let mut found = Vec::new();
    for record in data.get(table).into_iter().flatten() {
        let mut truth = Some(true);
        let mut joined = Vec::new();
        for link in entity.all("link-entity") {
            let target = required(link, "name")?;
            let lookup = format!("_{}_value", required(link, "to")?);
            let other = behind(data, record, &lookup, target).map_or(Ok(None), |other| {
                // What a link asks belongs to its join.
                let scope = Scope { collation, record: Some(other), joined: &[] };
                scope.filters(link).map(|truth| (truth == Some(true)).then_some(other))
            })?;
            if link.get("link-type") != Some("outer") {
                truth = and(truth, Some(other.is_some()));
            }
            joined.push((link.get("alias").unwrap_or(target), other));
        }
        let scope = Scope { collation, record: Some(record), joined: &joined };
        if and(truth, scope.filters(entity)?) == Some(true) {
            found.push(record.clone());
        }
    }
    for order in entity.all("order") {
        let column = required(order, "attribute")?;
        found.sort_by_key(|record| text(record, column).map(|text| folded(&text)));
        if order.get("descending") == Some("true") {
            found.reverse();
        }
    }
    if let Some(top) = fetch.get("top") {
        found.truncate(top.parse().map_err(|_| "no count")?);
    }
    Ok(found)
}

struct Scope<'s> {
    collation: Collation,
    /// Nothing, where a link found nothing.
    record: Option<&'s Record>,
    joined: &'s [(&'s str, Option<&'s Record>)],
}

impl Scope<'_> {
    fn filters(&self, of: &Element) -> Result<Truth, String> {
        of.all("filter").try_fold(Some(true), |truth, filter| Ok(and(truth, self.filter(filter)?)))
    }

    fn filter(&self, filter: &Element) -> Result<Truth, String> {
        let is_or = filter.get("type") == Some("or");
        let mut truth = Some(!is_or);
        for child in &filter.children {
            let holds = match child.name.as_str() {
                "filter" => self.filter(child)?,
                "condition" => self.condition(child)?,
                other => return Err(format!("{other} is nothing to ask")),
            };
            truth = if is_or { or(truth, holds) } else { and(truth, holds) };
        }
        Ok(truth)
    }

    fn condition(&self, condition: &Element) -> Result<Truth, String> {
        let record = match condition.get("entityname") {
            None => self.record,
            Some(alias) => {
                let link = self.joined.iter().find(|(known, _)| *known == alias);
                link.ok_or("no such link")?.1
            }
        };
        let column = required(condition, "attribute")?;
        let field = record.and_then(|record| text(record, column));
        let operator = required(condition, "operator")?;
        let listed = condition.all("value").map(|value| value.text.as_str());
        let values: Vec<&str> = condition.get("value").into_iter().chain(listed).collect();
        if matches!(operator, "null" | "not-null") {
            return Ok(Some(field.is_none() == (operator == "null")));
        }
        let [first, ..] = values.as_slice() else { return Err("no value".to_owned()) };
        if matches!(operator, "eq" | "ne" | "neq") && values.len() > 1 {
            return Err("too many values".to_owned());
        }
        let Some(field) = field else { return Ok(None) };
        let is_one = values.iter().any(|value| self.collation.same(value, &field));
        let order = folded(&field).cmp(&folded(first));
        Ok(Some(match operator {
            "eq" | "in" => is_one,
            "ne" | "neq" | "not-in" => !is_one,
            "like" => like(first, &field),
            "not-like" => !like(first, &field),
            "begins-with" => like(&format!("{first}%"), &field),
            "ends-with" => like(&format!("%{first}"), &field),
            "not-begin-with" => !like(&format!("{first}%"), &field),
            "gt" => order.is_gt(),
            "le" => order.is_le(),
            other => return Err(format!("{other} is no operator")),
        }))
    }
}

fn required<'e>(element: &'e Element, name: &str) -> Result<&'e str, String> {
    element.get(name).ok_or_else(|| format!("{name} is missing"))
}
