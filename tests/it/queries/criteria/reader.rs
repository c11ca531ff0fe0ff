// SPDX-License-Identifier: Apache-2.0
//! A reader of searches that finds rows.

use crate::queries::house::{Call, Data, Record};
use crate::queries::reading::{Reader, folded, text};
use crate::queries::zoho::{contact_of, same};

pub fn rows(data: &Data, module: &str, call: &Call) -> Result<Vec<Record>, String> {
    let mut found = Vec::new();
    for record in data.get(module).into_iter().flatten() {
        let equals = |fields: &[&str], asked: &str| {
            fields.iter().filter_map(|field| text(record, field)).any(|value| same(&value, asked))
        };
        let is_found = match call.query.first().map(|(name, asked)| (name.as_str(), asked.as_str()))
        {
            Some(("email", asked)) => equals(&["Email", "Secondary_Email"], asked),
            Some(("phone", asked)) => equals(&["Phone", "Mobile"], asked),
            Some(("word", asked)) => {
                let mut values = record.values().filter_map(|value| value.as_str());
                values.any(|value| folded(value).contains(&folded(asked)))
            }
            Some(("criteria", asked)) => {
                let mut row = Row { data, record, text: Reader { rest: asked } };
                let truth = row.terms()?;
                row.text.end()?;
                truth
            }
            _ => return Err("nothing is asked for".to_owned()),
        };
        if is_found {
            found.push(record.clone());
        }
    }
    if let Some(field) = call.parameter("sort_by") {
        found.sort_by_key(|record| text(record, field));
    }
    if call.parameter("sort_order") == Some("desc") {
        found.reverse();
    }
    Ok(found)
}

struct Row<'r> {
    data: &'r Data,
    record: &'r Record,
    text: Reader<'r>,
}

impl Row<'_> {
    /// From left to right.
    fn terms(&mut self) -> Result<bool, String> {
        let mut truth = self.term()?;
        loop {
            if self.text.keyword("and") {
                truth &= self.term()?;
            } else if self.text.keyword("or") {
                truth |= self.term()?;
            } else {
                return Ok(truth);
            }
        }
    }

    fn term(&mut self) -> Result<bool, String> {
        if self.text.take("(") {
            let truth = self.terms()?;
            self.text.expect(")")?;
            return Ok(truth);
        }
        let path = self.text.word(".")?;
        self.text.expect(":")?;
        let operator = self.text.word("")?;
        self.text.expect(":")?;
        let mut values = vec![self.value()?];
        while self.text.take(",") {
            values.push(self.value()?);
        }
        let field = match path.split_once('.') {
            Some((_, field)) => contact_of(self.data, self.record).and_then(|it| text(it, field)),
            None => text(self.record, path),
        };
        let is_one = field.iter().any(|field| values.iter().any(|value| same(field, value)));
        let holds = |relation: fn(&str, &str) -> bool| {
            field.iter().any(|field| relation(&folded(field), &folded(&values[0])))
        };
        Ok(match operator {
            "equals" | "not_equal" | "starts_with" | "ends_with" | "contains" | "greater_than"
                if values.len() > 1 =>
            {
                return Err("too many values".to_owned());
            }
            "equals" | "in" => is_one,
            "not_equal" | "not_in" => !is_one,
            "starts_with" => holds(|field, value| field.starts_with(value)),
            "ends_with" => holds(|field, value| field.ends_with(value)),
            "contains" => holds(|field, value| field.contains(value)),
            "greater_than" => holds(|field, value| field > value),
            other => return Err(format!("{other} is no operator")),
        })
    }

    /// Up to a sign that no backslash stands before.
    fn value(&mut self) -> Result<String, String> {
        let mut value = String::new();
        let mut rest = self.text.rest.chars();
        loop {
            let before = rest.as_str();
            match rest.next() {
                Some('\\') => value.extend(rest.next()),
                Some(',' | ')') => {
                    self.text.rest = before;
                    return Ok(value.trim().to_owned());
                }
                Some(character) => value.push(character),
                None => return Err("no end".to_owned()),
            }
        }
    }
}
