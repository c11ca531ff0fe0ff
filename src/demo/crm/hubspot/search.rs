// SPDX-License-Identifier: Apache-2.0
//! `/search`: groups of filters (any group, all filters of it), free text, sorts.

use std::cmp::Ordering;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;
use crate::demo::crm::store::Record;

use super::object::ObjectType;
use super::problem::Problem;
use super::{Api, Outcome};

/// What free text is looked for in.
const SEARCHABLE: [&str; 6] = ["email", "firstname", "lastname", "phone", "company", "name"];

impl Api<'_, '_> {
    pub(super) fn search(&mut self) -> Outcome {
        let body = self.body()?;
        let groups = list(&body, "filterGroups").map(|group| {
            let filters = group.get("filters").and_then(Value::as_array).into_iter().flatten();
            filters.map(Filter::read).collect::<Result<Vec<_>, _>>()
        });
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let query = body.get("query").and_then(Value::as_str).map(str::to_lowercase);
        let is_match = |record: &&Record| {
            let in_group = groups.is_empty()
                || groups.iter().any(|group| group.iter().all(|f| f.holds(self.object, record)));
            in_group && query.as_deref().is_none_or(|query| self.mentions(record, query))
        };
        let mut found: Vec<&Record> = self.live().filter(is_match).collect();
        for sort in list(&body, "sorts") {
            self.sort(&mut found, sort);
        }
        let limit = body.get("limit").and_then(count).unwrap_or(10).clamp(1, 200);
        let start = body.get("after").and_then(count).unwrap_or(0);
        let wanted: Vec<&str> = list(&body, "properties").filter_map(Value::as_str).collect();
        let page = found.iter().skip(start).take(limit);
        let results: Vec<Value> = page.map(|record| self.render(record, &wanted)).collect();
        let mut answer = Map::new();
        answer.insert("total".to_owned(), found.len().into());
        answer.insert("results".to_owned(), results.into());
        if start + limit < found.len() {
            let after = (start + limit).to_string();
            answer.insert("paging".to_owned(), json!({ "next": { "after": after } }));
        }
        Ok(Answer::json(StatusCode::OK, answer.into()))
    }

    fn mentions(&self, record: &Record, query: &str) -> bool {
        let properties = SEARCHABLE.into_iter();
        properties
            .filter_map(|name| text(self.object, record, name))
            .any(|text| text.contains(query))
    }

    /// By `{propertyName, direction}` or by a name alone; records without the
    /// property come last.
    fn sort(&self, found: &mut [&Record], sort: &Value) {
        let name = sort.get("propertyName").unwrap_or(sort).as_str().unwrap_or_default();
        let is_descending = sort.get("direction").and_then(Value::as_str) == Some("DESCENDING");
        let key = |record: &Record| text(self.object, record, name);
        found.sort_by(|a, b| match (key(a), key(b)) {
            (Some(a), Some(b)) if is_descending => compare(&b, &a),
            (Some(a), Some(b)) => compare(&a, &b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
    }
}

struct Filter {
    property: String,
    test: Test,
}

/// Values are in lower case.
enum Test {
    Compare(Comparison, String),
    Between(String, String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Has,
    HasNot,
    Contains(String),
    ContainsNot(String),
}

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    fn read(filter: &Value) -> Result<Self, Problem> {
        let word = |name: &str| filter.get(name).and_then(Value::as_str).unwrap_or_default();
        let value = |name: &str| match filter.get(name) {
            Some(Value::String(text)) => Ok(text.to_lowercase()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(Problem::invalid(format!("a filter needs `{name}`"))),
        };
        let values = || {
            let values = filter.get("values").and_then(Value::as_array);
            let values = values.ok_or_else(|| Problem::invalid("a filter needs `values`"))?;
            Ok(values.iter().filter_map(Value::as_str).map(str::to_lowercase).collect())
        };
        let compare = |comparison| Ok(Test::Compare(comparison, value("value")?));
        let test = match word("operator") {
            "EQ" => compare(Comparison::Equal)?,
            "NEQ" => compare(Comparison::NotEqual)?,
            "LT" => compare(Comparison::Less)?,
            "LTE" => compare(Comparison::LessOrEqual)?,
            "GT" => compare(Comparison::Greater)?,
            "GTE" => compare(Comparison::GreaterOrEqual)?,
            "BETWEEN" => Test::Between(value("value")?, value("highValue")?),
            "IN" => Test::In(values()?),
            "NOT_IN" => Test::NotIn(values()?),
            "HAS_PROPERTY" => Test::Has,
            "NOT_HAS_PROPERTY" => Test::HasNot,
            "CONTAINS_TOKEN" => Test::Contains(value("value")?),
            "NOT_CONTAINS_TOKEN" => Test::ContainsNot(value("value")?),
            other => return Err(Problem::invalid(format!("unknown operator {other}"))),
        };
        Ok(Self { property: word("propertyName").to_lowercase(), test })
    }

    /// A record without the property passes none but `NOT_HAS_PROPERTY`.
    fn holds(&self, object: ObjectType, record: &Record) -> bool {
        let Some(value) = text(object, record, &self.property) else {
            return matches!(self.test, Test::HasNot);
        };
        match &self.test {
            Test::Compare(comparison, other) => {
                let ordering = compare(&value, other);
                match comparison {
                    Comparison::Equal => ordering.is_eq(),
                    Comparison::NotEqual => ordering.is_ne(),
                    Comparison::Less => ordering.is_lt(),
                    Comparison::LessOrEqual => ordering.is_le(),
                    Comparison::Greater => ordering.is_gt(),
                    Comparison::GreaterOrEqual => ordering.is_ge(),
                }
            }
            Test::Between(low, high) => {
                compare(&value, low).is_ge() && compare(&value, high).is_le()
            }
            Test::In(values) => values.contains(&value),
            Test::NotIn(values) => !values.contains(&value),
            Test::Has => true,
            Test::HasNot => false,
            Test::Contains(pattern) => contains(&value, pattern),
            Test::ContainsNot(pattern) => !contains(&value, pattern),
        }
    }
}

/// A property's value in lower case; an empty one is no value.
fn text(object: ObjectType, record: &Record, property: &str) -> Option<String> {
    let value = object.value(record, property)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_lowercase)
}

/// By size where both are numbers.
fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        _ => a.cmp(b),
    }
}

/// Whether one word of the text is the pattern; a star at either end of it stands
/// for anything.
fn contains(text: &str, pattern: &str) -> bool {
    let core = pattern.trim_matches('*');
    let words = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    words.chain([text]).any(|word| match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => word.contains(core),
        (true, false) => word.ends_with(core),
        (false, true) => word.starts_with(core),
        (false, false) => {
            word == core || word.split(|c: char| !c.is_alphanumeric()).any(|part| part == core)
        }
    })
}

fn list<'v>(body: &'v Map<String, Value>, name: &str) -> impl Iterator<Item = &'v Value> {
    body.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A number, or a text that holds one.
fn count(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|n| usize::try_from(n).ok()),
    }
}
