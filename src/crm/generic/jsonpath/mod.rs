// SPDX-License-Identifier: Apache-2.0
//! JSONPath (RFC 9535) over values that know where they stand.
//!
//! Paths are parsed by `jsonpath-rust`. Those without filters are matched on the
//! span tree itself; for a path with a filter, `jsonpath-rust` evaluates a copy
//! of the text and what it finds is carried back to the tree. `check` refuses what
//! `jsonpath-rust` accepts but RFC 9535 does not, and what it gets wrong.

mod check;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;

use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

use crate::carrier::json::{Json, Node};

/// A path that has been checked and taken apart.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    query: JpQuery,
    has_filter: bool,
}

/// A path that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("it is not a JSONPath as RFC 9535 has it")]
    Invalid,
    /// Regular expressions would be compiled again for every value of every message.
    #[error("the functions `match` and `search` are not available")]
    RegularExpression,
    #[error("it calls a function that RFC 9535 does not define")]
    UnknownFunction,
    /// `jsonpath-rust` 1.0.12 finds nothing with some of them: values would stay clear.
    #[error("a filter inside a filter is not available")]
    NestedFilter,
}

/// A message that a path cannot be evaluated on: it holds a number that does not
/// fit into 64 bits, so that a filter could compare it wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

/// A JSON text that paths are evaluated on.
pub struct Subject<'a> {
    json: &'a Json<'a>,
    /// Made only when a path with a filter asks for it.
    copy: OnceCell<Option<Value>>,
}

impl<'a> Subject<'a> {
    pub fn new(json: &'a Json<'a>) -> Self {
        Self { json, copy: OnceCell::new() }
    }

    fn copy(&self) -> Result<&Value, OutOfRange> {
        let parse = || serde_json::from_str(self.json.root().raw()).ok();
        self.copy.get_or_init(parse).as_ref().ok_or(OutOfRange)
    }
}

impl Path {
    /// # Errors
    /// [`PathError`] for a path that is not valid or not available here.
    pub fn compile(text: &str) -> Result<Self, PathError> {
        let query = parse_json_path(text).map_err(|_| PathError::Invalid)?;
        let has_filter = check::has_filter(&query.segments)?;
        Ok(Self { text: text.to_owned(), query, has_filter })
    }

    /// The values that the path selects, in its order. One that is selected twice
    /// comes twice.
    pub fn select<'a>(&self, subject: &Subject<'a>) -> Result<Vec<Node<'a>>, OutOfRange> {
        let root = subject.json.root();
        if self.has_filter {
            return select_by_copy(&self.query, subject.copy()?, root);
        }
        let mut nodes = vec![root];
        for segment in &self.query.segments {
            let mut found = Vec::new();
            for node in nodes {
                step(segment, node, &mut found);
            }
            nodes = found;
        }
        Ok(nodes)
    }

    /// Whether both select the same, whatever their spelling.
    pub fn is_same(&self, other: &Self) -> bool {
        self.query == other.query
    }

    /// The name, for a path of just one: `$.name`.
    pub fn single_name(&self) -> Option<&str> {
        match self.query.segments.as_slice() {
            [Segment::Selector(Selector::Name(name))] => Some(name),
            _ => None,
        }
    }
}

/// The path as it was written.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn step<'a>(segment: &Segment, node: Node<'a>, found: &mut Vec<Node<'a>>) {
    match segment {
        Segment::Selector(selector) => pick(selector, node, found),
        Segment::Selectors(selectors) => {
            for selector in selectors {
                pick(selector, node, found);
            }
        }
        Segment::Descendant(inner) => {
            step(inner, node, found);
            for child in node.children() {
                step(segment, child, found);
            }
        }
    }
}

fn pick<'a>(selector: &Selector, node: Node<'a>, found: &mut Vec<Node<'a>>) {
    match selector {
        Selector::Name(name) => found.extend(node.get(name)),
        Selector::Wildcard => found.extend(node.children()),
        Selector::Index(index) => {
            let place = from_either_end(*index, node.elements().count());
            found.extend(place.and_then(|place| node.elements().nth(place)));
        }
        Selector::Slice(start, end, by) => {
            found.extend(slice(*start, *end, *by, &node.elements().collect::<Vec<_>>()));
        }
        // INVARIANT: paths with filters are evaluated on the copy.
        Selector::Filter(_) => {}
    }
}

fn from_either_end(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { length.checked_add(index)? } else { index }).ok()
}

/// RFC 9535 section 2.3.4.2.2.
fn slice<'a>(
    start: Option<i64>,
    end: Option<i64>,
    by: Option<i64>,
    elements: &[Node<'a>],
) -> Vec<Node<'a>> {
    let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let normal = |index: i64| if index < 0 { length.saturating_add(index) } else { index };
    let by = by.unwrap_or(1);
    let range: Vec<i64> = match by {
        0 => Vec::new(),
        1.. => {
            let from = normal(start.unwrap_or(0)).clamp(0, length);
            let to = normal(end.unwrap_or(length)).clamp(0, length);
            (from..to).step_by(usize::try_from(by).unwrap_or(usize::MAX)).collect()
        }
        _ => {
            let from = start.map_or(length - 1, normal).clamp(-1, length - 1);
            let to = end.map_or(-1, normal).clamp(-1, length - 1);
            let by = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
            (to + 1..=from).rev().step_by(by).collect()
        }
    };
    range
        .into_iter()
        .filter_map(|index| elements.get(usize::try_from(index).ok()?).copied())
        .collect()
}

fn select_by_copy<'a>(
    query: &JpQuery,
    copy: &Value,
    root: Node<'a>,
) -> Result<Vec<Node<'a>>, OutOfRange> {
    let mut twins = HashMap::new();
    pair(copy, root, &mut twins);
    let found = js_path_process(query, copy).map_err(|_| OutOfRange)?;
    found
        .into_iter()
        .map(|found| twins.get(&std::ptr::from_ref(found.val)).copied().ok_or(OutOfRange))
        .collect()
}

/// Both trees come from the same text and keep its order, so they have one shape.
fn pair<'a>(copy: &Value, node: Node<'a>, twins: &mut HashMap<*const Value, Node<'a>>) {
    twins.insert(std::ptr::from_ref(copy), node);
    let children: Vec<&Value> = match copy {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => return,
    };
    for (child, twin) in children.into_iter().zip(node.children()) {
        pair(child, twin, twins);
    }
}
