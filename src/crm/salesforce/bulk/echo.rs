// SPDX-License-Identifier: Apache-2.0
//! Messages that repeat values of their own row.

use std::ops::Range;

use super::columns::{Column, Numbers};
use crate::carrier::csv::Cell;
use crate::carrier::{Codec, Occurrence, Slot, Value};

/// Finds the values of a row in the message about it. Each is an occurrence of its own
/// field there too, so that it is shown to those who may see it, and to nobody else.
///
/// # Errors
/// What is wrong with a message that nothing could be written into.
pub(super) fn locate<'c, 'a: 'c>(
    message: &Cell<'_>,
    numbers: &Numbers,
    row: impl Iterator<Item = (&'c Column, &'c Cell<'a>)>,
) -> Result<Option<Slot>, &'static str> {
    let mut values: Vec<(&Column, String)> = row
        .filter(|(column, _)| matches!(column, Column::Field { .. }))
        .map(|(column, cell)| (column, cell.text().into_owned()))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    values.sort_by_key(|(_, text)| std::cmp::Reverse(text.len()));
    let decoded = message.decoded();
    let found = repeated(decoded.as_str(), &values);
    if found.is_empty() {
        return Ok(None);
    }
    if !message.is_quoted() {
        return Err("it has a message without quotes that repeats a value");
    }
    let slots = found.into_iter().filter_map(|(span, column)| {
        let Column::Field { object, field, role, record, .. } = column else { return None };
        let text = decoded.as_str().get(span.clone()).unwrap_or_default();
        let occurrence = Occurrence {
            object: object.clone(),
            field: field.clone(),
            record: numbers.of(*record),
            role: role.clone(),
            value: Value::from(text.to_owned()),
        };
        Some(Slot::value(span, Codec::Plain, occurrence))
    });
    let slots = slots.collect();
    Ok(Some(Slot::nested(message.inner_span(), Codec::Csv, decoded, slots)))
}

/// Where values stand in a text as whole words, in any case: the longest at each place.
fn repeated<'c>(text: &str, values: &[(&'c Column, String)]) -> Vec<(Range<usize>, &'c Column)> {
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let before = text.get(..position).unwrap_or_default();
        let stands_here = |value: &str| {
            let part = rest.get(..value.len());
            part.is_some_and(|part| part.eq_ignore_ascii_case(value))
                && !joins(before.chars().next_back(), value.chars().next())
                && !joins(
                    value.chars().next_back(),
                    rest.get(value.len()..).and_then(|rest| rest.chars().next()),
                )
        };
        match values.iter().find(|(_, value)| stands_here(value)) {
            Some((column, value)) => {
                found.push((position..position + value.len(), *column));
                position += value.len();
            }
            None => position += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// Whether two neighbours belong to one word.
fn joins(left: Option<char>, right: Option<char>) -> bool {
    let is_part = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    is_part(left) && is_part(right)
}
