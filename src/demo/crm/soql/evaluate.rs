// SPDX-License-Identifier: Apache-2.0

use std::cmp::Ordering;

use serde_json::Value;

use super::parser::{Condition, Literal, Operator, SortKey, Statement};

impl Statement {
    /// The fields that the condition and the order name, as spelled.
    pub(in crate::demo::crm) fn compared(&self) -> Vec<&str> {
        let mut fields = self.order.iter().map(|key| key.field.as_str()).collect();
        if let Some(condition) = &self.condition {
            condition.fields(&mut fields);
        }
        fields
    }

    /// The rows that the statement finds, in its order; `read` gives a row's field.
    pub(in crate::demo::crm) fn rows<R: Copy>(
        &self,
        rows: impl Iterator<Item = R>,
        read: impl Fn(R, &str) -> Value,
    ) -> Vec<R> {
        let is_match = |row: &R| match &self.condition {
            Some(condition) => condition.holds(&|field| read(*row, field)),
            None => true,
        };
        let mut found: Vec<R> = rows.filter(is_match).collect();
        found.sort_by(|a, b| {
            let keys = self.order.iter();
            let by_key = keys.map(|key| key.compare(&read(*a, &key.field), &read(*b, &key.field)));
            by_key.fold(Ordering::Equal, Ordering::then)
        });
        found.into_iter().skip(self.offset).take(self.limit.unwrap_or(usize::MAX)).collect()
    }
}

impl Condition {
    fn fields<'c>(&'c self, fields: &mut Vec<&'c str>) {
        match self {
            Self::All(operands) | Self::Any(operands) => {
                for operand in operands {
                    operand.fields(fields);
                }
            }
            Self::Not(operand) => operand.fields(fields),
            Self::Compare { field, .. } | Self::In { field, .. } => fields.push(field),
        }
    }

    fn holds(&self, read: &dyn Fn(&str) -> Value) -> bool {
        match self {
            Self::All(operands) => operands.iter().all(|operand| operand.holds(read)),
            Self::Any(operands) => operands.iter().any(|operand| operand.holds(read)),
            Self::Not(operand) => !operand.holds(read),
            Self::Compare { field, operator, literal } => {
                compare(field, &read(field), *operator, literal)
            }
            Self::In { field, literals, is_negated } => {
                let value = read(field);
                let is_in =
                    literals.iter().any(|literal| compare(field, &value, Operator::Equal, literal));
                is_in != *is_negated
            }
        }
    }
}

fn compare(field: &str, value: &Value, operator: Operator, literal: &Literal) -> bool {
    if operator == Operator::Like {
        return match (value, literal) {
            (Value::String(value), Literal::Text(pattern)) => {
                is_like(&folded(value), &folded(pattern))
            }
            _ => false,
        };
    }
    let ordering = order(field, value, literal);
    match operator {
        Operator::Equal => ordering == Some(Ordering::Equal),
        Operator::NotEqual => ordering != Some(Ordering::Equal),
        Operator::Less => ordering == Some(Ordering::Less),
        Operator::LessOrEqual => ordering.is_some_and(Ordering::is_le),
        Operator::Greater => ordering == Some(Ordering::Greater),
        Operator::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
        Operator::Like => false,
    }
}

/// How a value stands to a literal; `None` when they cannot be compared. An empty
/// text is null.
fn order(field: &str, value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Null, Literal::Text(text)) if text.is_empty() => Some(Ordering::Equal),
        (Value::Bool(value), Literal::Bool(literal)) => Some(value.cmp(literal)),
        (Value::String(value), Literal::Text(text)) => Some(folded(value).cmp(&folded(text))),
        // SOQL leaves the year of a birthdate out of comparisons.
        (Value::String(value), Literal::Plain(date)) if field.eq_ignore_ascii_case("Birthdate") => {
            Some(value.get(4..)?.cmp(date.get(4..)?))
        }
        (Value::String(value), Literal::Plain(date)) => Some(value.as_str().cmp(date)),
        (Value::Number(value), Literal::Plain(number)) => {
            value.as_f64()?.partial_cmp(&number.parse().ok()?)
        }
        _ => None,
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// `%` stands for any run of characters, `_` for one; a backslash takes that back.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let mut tails = text.char_indices().map(|(at, _)| text.get(at..).unwrap_or_default());
            tails.any(|tail| is_like(tail, rest.as_str())) || is_like("", rest.as_str())
        }
        Some('_') => {
            let mut text = text.chars();
            text.next().is_some() && is_like(text.as_str(), rest.as_str())
        }
        Some(c) => {
            let literal = if c == '\\' { rest.next().unwrap_or(c) } else { c };
            text.strip_prefix(literal).is_some_and(|text| is_like(text, rest.as_str()))
        }
    }
}

impl SortKey {
    fn compare(&self, a: &Value, b: &Value) -> Ordering {
        match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_last => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) if self.nulls_last => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) if self.is_descending => values(b, a),
            (false, false) => values(a, b),
        }
    }
}

fn values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        // As for English locales ("ORDER BY").
        (Value::String(a), Value::String(b)) => a.to_uppercase().cmp(&b.to_uppercase()),
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
