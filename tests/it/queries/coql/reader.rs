// SPDX-License-Identifier: Apache-2.0
//! A reader of COQL that finds rows.

use serde_json::Value;

use crate::queries::house::{Data, Record};
use crate::queries::reading::{Conditions, Reader, Truth, folded, like, text};
use crate::queries::zoho::{contact_of, same};

pub fn rows(data: &Data, query: &str) -> Result<Vec<Record>, String> {
    let mut select = Reader { rest: query };
    if !select.keyword("select") {
        return Err("no select".to_owned());
    }
    let mut columns = vec![path(&mut select)?];
    while select.take(",") {
        columns.push(path(&mut select)?);
    }
    if !select.keyword("from") {
        return Err("no from".to_owned());
    }
    let module = select.word("")?;
    if !select.keyword("where") {
        return Err("no where".to_owned());
    }
    let behind = select.rest;
    let mut found = Vec::new();
    for record in data.get(module).into_iter().flatten() {
        let mut row = Row { data, record, text: Reader { rest: behind } };
        let truth = row.alternatives()?;
        select.rest = row.text.rest;
        if truth == Some(true) {
            found.push(record);
        }
    }
    order(&mut select, &mut found)?;
    limit(&mut select, &mut found)?;
    let shown = |record: &Record| {
        let row = Row { data, record, text: Reader { rest: "" } };
        columns
            .iter()
            .map(|column| (column.clone(), row.value(column)))
            .chain([id(record)])
            .collect()
    };
    Ok(found.into_iter().map(shown).collect())
}

fn id(record: &Record) -> (String, Value) {
    ("id".to_owned(), record["id"].clone())
}

fn order(select: &mut Reader<'_>, found: &mut [&Record]) -> Result<(), String> {
    let mut orders = Vec::new();
    if select.keyword("order") {
        select.keyword("by");
        loop {
            let column = path(select)?;
            let is_descending = select.keyword("desc");
            select.keyword("asc");
            orders.push((column, is_descending));
            if !select.take(",") {
                break;
            }
        }
    }
    for (column, is_descending) in orders.iter().rev() {
        found.sort_by_key(|record| text(record, column).map(|text| folded(&text)));
        if *is_descending {
            found.reverse();
        }
    }
    Ok(())
}

fn limit(select: &mut Reader<'_>, found: &mut Vec<&Record>) -> Result<(), String> {
    let count = |select: &mut Reader<'_>| {
        select.word("")?.parse::<usize>().map_err(|error| error.to_string())
    };
    let (mut skipped, mut most) = (0, 200);
    if select.keyword("limit") {
        most = count(select)?;
        if select.take(",") {
            skipped = most;
            most = count(select)?;
        }
    }
    if select.keyword("offset") {
        skipped = count(select)?;
    }
    found.drain(..skipped.min(found.len()));
    found.truncate(most);
    select.end()
}

/// A name, also in quotes.
fn path(reader: &mut Reader<'_>) -> Result<String, String> {
    reader.skip();
    if reader.rest.starts_with('\'') {
        reader.quoted('\'')
    } else {
        reader.word(".").map(str::to_owned)
    }
}

struct Row<'r> {
    data: &'r Data,
    record: &'r Record,
    text: Reader<'r>,
}

impl<'r> Conditions<'r> for Row<'r> {
    fn text(&mut self) -> &mut Reader<'r> {
        &mut self.text
    }

    fn one(&mut self) -> Result<Truth, String> {
        if self.text.take("(") {
            let truth = self.alternatives()?;
            self.text.expect(")")?;
            return Ok(truth);
        }
        let column = path(&mut self.text)?;
        let field = self.value(&column);
        let field = field.as_str().filter(|text| !text.is_empty());
        if self.text.keyword("is") {
            let is_negated = self.text.keyword("not");
            self.text.keyword("null");
            return Ok(Some(field.is_none() != is_negated));
        }
        for sign in ["!=", "<=", ">=", "=", "<", ">"] {
            if self.text.take(sign) {
                let value = self.literal()?;
                return Ok(field.map(|field| {
                    let order = folded(field).cmp(&folded(&value));
                    match sign {
                        "=" => same(field, &value),
                        "!=" => !same(field, &value),
                        "<=" => order.is_le(),
                        ">=" => order.is_ge(),
                        "<" => order.is_lt(),
                        _ => order.is_gt(),
                    }
                }));
            }
        }
        let is_negated = self.text.keyword("not");
        let truth = match self.text.word("")?.to_ascii_lowercase().as_str() {
            "in" => {
                self.text.expect("(")?;
                let mut values = vec![self.literal()?];
                while self.text.take(",") {
                    values.push(self.literal()?);
                }
                self.text.expect(")")?;
                field.map(|field| values.iter().any(|value| same(field, value)))
            }
            "like" => {
                let pattern = self.literal()?;
                field.map(|field| like(&pattern, field))
            }
            "between" => {
                let from = folded(&self.literal()?);
                self.text.keyword("and");
                let to = folded(&self.literal()?);
                field.map(|field| (from..=to).contains(&folded(field)))
            }
            other => return Err(format!("{other} is no operator")),
        };
        Ok(truth.map(|truth| truth != is_negated))
    }
}

impl Row<'_> {
    fn value(&self, column: &str) -> Value {
        let (record, field) = match column.split_once('.') {
            Some(("Contact_Name", field)) => (contact_of(self.data, self.record), field),
            Some(_) => (None, column),
            None => (Some(self.record), column),
        };
        record.and_then(|record| record.get(field)).cloned().unwrap_or_default()
    }

    fn literal(&mut self) -> Result<String, String> {
        self.text.skip();
        match self.text.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => self.text.quoted(quote),
            _ => self.text.word("").map(str::to_owned),
        }
    }
}
