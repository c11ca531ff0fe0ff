// SPDX-License-Identifier: Apache-2.0
//! Queries whose records can be sorted here: `ORDER BY` at the top of a query that is
//! answered with records.

use std::ops::Range;

use super::filter::Scope;
use super::reader::{Expected, Reader};
use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::crm::{FieldKind, LocateError, Row, Rows, SortKey, Sorted, Sorting, ValueAt};
use crate::query::soql::{Path, Query};

/// More than anybody sorts by. Each is looked for in each record.
const MAX_KEYS: usize = 32;

/// A text area of more characters is a long one, which Salesforce does not sort by.
const LONGEST: u32 = 255;

/// How the records of an answer are to be sorted, and where they hold what by.
#[derive(Debug)]
pub(super) struct Order {
    pub sorting: Sorting,
    /// For each key, the members of a record that lead to it, in lower case.
    paths: Vec<Vec<String>>,
}

/// `None` where records are not sorted, or by what no single field tells.
pub(super) fn order(
    text: &str,
    query: &Query,
    scope: &Scope<'_>,
) -> Result<Option<Order>, LocateError> {
    let order = &query.order;
    let is_sorted = (1..=MAX_KEYS).contains(&order.keys.len());
    // What is sorted inside is a use of a field that could be taken for one of ours.
    if !is_sorted || query.is_aggregate || sorts_inside(query) {
        return Ok(None);
    }
    let mut keys = Vec::with_capacity(order.keys.len());
    let mut paths = Vec::with_capacity(order.keys.len());
    for key in &order.keys {
        let Some(path) = &key.field else { return Ok(None) };
        let (object, field) = scope.resolve(path)?;
        let way = way(scope, path);
        let facts = schema::facts(&object, &field);
        let is_id = field.as_str() == "id";
        let parts = schema::uses_of_parts(&object, &field, "").map(|part| part.field);
        let own = (!is_id).then(|| field.clone());
        let compared: Vec<FieldName> = own.into_iter().chain(parts).collect();
        let obstacle = if let Some(clause) = order.other {
            Some(clause)
        } else if compared.len() > 1 {
            Some("the query sorts by what Salesforce composes of it and others")
        } else if scope.uses_of_copy(path).is_some() {
            Some("it is a copy of another record")
        } else if facts.is_some_and(|facts| facts.kind == FieldKind::Picklist) {
            Some("only Salesforce knows the order of a picklist")
        } else if facts.and_then(|facts| facts.max_length).is_some_and(|most| most > LONGEST) {
            Some("Salesforce does not sort by a long text")
        } else if !is_selected(scope, way.as_ref()) {
            Some("it is not among the fields that the query selects by their own names")
        } else {
            None
        };
        keys.push(SortKey {
            object,
            field,
            compared,
            is_descending: key.is_descending,
            nulls_last: key.nulls_last,
            text: text.get(key.span.clone()).unwrap_or_default().to_owned(),
            obstacle,
        });
        paths.push(way.unwrap_or_default());
    }
    let end = order.limit.as_ref().map_or(order.span.end, |limit| limit.span.end);
    let sorting = Sorting {
        operator: "ORDER BY",
        keys,
        limit: order.limit.as_ref().map(|limit| limit.rows),
        query: 0..0,
        clauses: order.span.start..end,
        write,
    };
    Ok(Some(Order { sorting, paths }))
}

fn write(keys: &[SortKey], rows: usize) -> String {
    let keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
    match keys.as_slice() {
        [] => format!("LIMIT {rows}"),
        keys => format!("ORDER BY {} LIMIT {rows}", keys.join(", ")),
    }
}

fn sorts_inside(query: &Query) -> bool {
    let mut inner = query.children.iter().chain(&query.semi_joins);
    inner.any(|inner| !inner.order.keys.is_empty() || sorts_inside(inner))
}

fn is_selected(scope: &Scope<'_>, key: Option<&Vec<String>>) -> bool {
    let mut columns = scope.query.columns.iter();
    key.is_some()
        && columns.any(|column| {
            let path = column.field.as_ref().filter(|_| !column.is_computed);
            column.alias.is_none() && path.and_then(|path| way(scope, path)).as_ref() == key
        })
}

/// The members of a record that lead to a field, in lower case; `None` behind an alias of
/// another object.
fn way(scope: &Scope<'_>, path: &Path) -> Option<Vec<String>> {
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let names = match path.names.as_slice() {
        [first, rest @ ..] if !rest.is_empty() => {
            let mut sources = scope.query.from.iter();
            let own = sources.next().and_then(|source| source.alias.as_deref());
            let mut others = sources.filter_map(|source| source.alias.as_deref());
            if others.any(|alias| is(alias, first)) {
                return None;
            }
            let object = scope.object.as_ref().map(ObjectName::as_str);
            let is_own = own.into_iter().chain(object).any(|own| is(own, first));
            if is_own { rest } else { path.names.as_slice() }
        }
        names => names,
    };
    Some(names.iter().map(|name| name.to_ascii_lowercase()).collect())
}

impl Order {
    /// The same of a query in this place of the target.
    pub(super) fn nested_at(mut self, query: Range<usize>) -> Self {
        self.sorting.query = query;
        self
    }

    /// Whether this is a page of records and nothing else.
    pub(super) fn reads(page: Node<'_>) -> bool {
        page.get("records").is_some_and(|records| records.kind() == Kind::Array)
            && page.get("attributes").is_none()
            && page.get("message").is_none()
    }
}

impl Reader<'_> {
    /// As [`walk`](Self::walk), for a page that [`Order::reads`]; and where its rows stand.
    pub(super) fn sorted(
        &mut self,
        page: Node<'_>,
        (order, sorted): (&Order, Sorted),
        expected: Option<Expected<'_>>,
    ) -> Result<Rows, LocateError> {
        let mut rows = Vec::new();
        for member in page.members() {
            if member.key != "records" {
                self.walk(member.value, None)?;
                continue;
            }
            for record in member.value.elements() {
                let first = self.records;
                self.walk(record, expected)?;
                // Too many are refused by their number.
                if rows.len() == sorted.rows {
                    continue;
                }
                let paths = order.paths.iter().take(sorted.keys);
                let keys = paths.map(|path| value_at(record, path)).collect();
                rows.push(Row { span: record.span(), records: first..self.records, keys });
            }
        }
        let count = page.get("totalSize");
        let total = count.and_then(|count| count.raw().parse().ok());
        let is_complete = total == Some(rows.len())
            && page.get("done").is_some_and(|done| done.kind() == Kind::True)
            && page.get("nextRecordsUrl").is_none();
        Ok(Rows { rows, total, is_complete, count: count.map(|count| count.span()) })
    }
}

/// What a record holds of a key.
fn value_at(record: Node<'_>, path: &[String]) -> ValueAt {
    let mut node = record;
    for name in path {
        if node.kind() == Kind::Null {
            break;
        }
        let mut members = node.members();
        let Some(member) = members.find(|member| member.key.eq_ignore_ascii_case(name)) else {
            return ValueAt::Other;
        };
        node = member.value;
    }
    match node.kind() {
        Kind::Null => ValueAt::Null,
        Kind::String => ValueAt::Text(node.span()),
        _ => ValueAt::Other,
    }
}
