// SPDX-License-Identifier: Apache-2.0
//! The order of rows by values that the CRM does not know.

use std::cmp::Ordering;
use std::fmt;

use zeroize::Zeroizing;

use super::place::Place;
use crate::base::{Cleartext, Moment};
use crate::carrier::{Content, Role, Slot, Value};
use crate::crm::{LocatedAnswer, Rows, SortKey, Sorting, ValueAt};
use crate::policy::{Policy, Shape};
use crate::protect::{OpenedSurrogates, ProtectError, Protectors};

/// Rows that are not sorted. Then nothing of the answer may be passed on.
#[derive(Debug, thiserror::Error)]
pub enum SortError {
    #[error(transparent)]
    Protect(#[from] ProtectError),
    #[error(
        "{operator} on protected field `{field}` is possible for at most {rows} rows, and the \
         query finds more; narrow its filter"
    )]
    TooMany { operator: &'static str, field: String, rows: usize },
    #[error(
        "{operator} on protected field `{field}` is possible for at most {rows} rows, and where the \
         CRM answers with all of them at once; it does not, so narrow the filter of the query"
    )]
    Paged { operator: &'static str, field: String, rows: usize },
    #[error(
        "{operator} on protected field `{field}` is not possible: a row holds a value of it that \
         does not open here"
    )]
    Closed { operator: &'static str, field: String },
}

/// What the rows of an answer are sorted by, opened. Holds clear values.
pub struct RowOrder<'a> {
    sorting: &'a Sorting,
    keys: &'a [SortKey],
    /// For each row, what it holds of each key; nothing where that is null.
    places: Vec<Option<Place<'a>>>,
    opened: OpenedSurrogates,
}

/// Names the size only: it holds clear values.
impl fmt::Debug for RowOrder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowOrder({} values)", self.places.len())
    }
}

/// Opens what the first `count` keys are in each row: one round trip to the vault.
///
/// # Errors
/// [`SortError`] where not all rows are there, or one does not hold a text.
pub async fn open_order<'a>(
    answer: &'a LocatedAnswer,
    rows: &Rows,
    (sorting, count): (&'a Sorting, usize),
    policy: &'a Policy,
    protectors: &Protectors,
) -> Result<RowOrder<'a>, SortError> {
    let keys = sorting.keys.get(..count).unwrap_or_default();
    let (operator, field) = (sorting.operator, keys.first().map(name_of).unwrap_or_default());
    let most = policy.sorted_rows;
    if rows.rows.len().max(rows.total.unwrap_or_default()) > most {
        return Err(SortError::TooMany { operator, field, rows: most });
    }
    if !rows.is_complete {
        return Err(SortError::Paged { operator, field, rows: most });
    }
    let mut places: Vec<Option<Place<'_>>> = Vec::with_capacity(rows.rows.len() * count);
    for row in &rows.rows {
        for (key, value) in keys.iter().zip(&row.keys) {
            places.push(match value {
                ValueAt::Null => None,
                ValueAt::Text(span) => {
                    let slots = answer.body.slots();
                    let at = slots.partition_point(|slot| slot.span.start < span.start);
                    let slot = slots.get(at).filter(|slot| slot.span == *span);
                    let place = slot.and_then(|slot| place_of(key, slot, policy, protectors));
                    Some(place.ok_or_else(|| closed(operator, key))?)
                }
                ValueAt::Other => return Err(closed(operator, key)),
            });
        }
    }
    let asked: Vec<_> = places.iter().flatten().flat_map(Place::asked).collect();
    let opened = protectors.open(&asked).await?;
    for place in places.iter_mut().flatten() {
        place.settle(&opened);
    }
    Ok(RowOrder { sorting, keys, places, opened })
}

impl RowOrder<'_> {
    /// The numbers of the rows in their order, and no more than are wanted. Rows that are equal
    /// by the keys stay as they are: the CRM has sorted by the other ones.
    ///
    /// # Errors
    /// [`SortError::Closed`] where a value does not open.
    pub fn numbers(&self) -> Result<Vec<usize>, SortError> {
        let mut sorted: Vec<(usize, Vec<Sortable>)> = Vec::new();
        for (number, row) in self.places.chunks(self.keys.len().max(1)).enumerate() {
            let values = self.keys.iter().zip(row).map(|(key, place)| match place {
                Some(place) => {
                    sortable(place, &self.opened).ok_or_else(|| closed(self.sorting.operator, key))
                }
                None => Ok(Sortable::Null),
            });
            sorted.push((number, values.collect::<Result<_, _>>()?));
        }
        sorted.sort_by(|(_, one), (_, other)| {
            let by_key = self.keys.iter().zip(one.iter().zip(other));
            let mut by_key = by_key.map(|(key, (one, other))| compare(key, one, other));
            by_key.find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
        });
        let wanted = self.sorting.limit.unwrap_or(usize::MAX);
        Ok(sorted.into_iter().map(|(number, _)| number).take(wanted).collect())
    }
}

fn name_of(key: &SortKey) -> String {
    format!("{}.{}", key.object, key.field)
}

fn closed(operator: &'static str, key: &SortKey) -> SortError {
    SortError::Closed { operator, field: name_of(key) }
}

/// The place of a value of the very field that is sorted by.
fn place_of<'a>(
    key: &SortKey,
    slot: &'a Slot,
    policy: &'a Policy,
    protectors: &Protectors,
) -> Option<Place<'a>> {
    let Content::Value(occurrence) = &slot.content else { return None };
    let is_meant = (&occurrence.object, &occurrence.field, &occurrence.role)
        == (&key.object, &key.field, &Role::Stored);
    is_meant.then(|| Place::new(slot, occurrence, policy, &[], protectors))
}

/// What a value is compared by.
enum Sortable {
    Null,
    Text(Zeroizing<String>),
    Moment(Moment),
}

/// `None` for a value that does not open or is not what the field holds. One of somebody who is
/// erased is none any more.
fn sortable(place: &Place<'_>, opened: &OpenedSurrogates) -> Option<Sortable> {
    if place.occurrence.value == Value::Empty || place.is_erased(opened) {
        return Some(Sortable::Null);
    }
    let clear = place.clear(opened)?;
    let source = place.sources.first()?;
    let is_moment = source.rule.protection.shape().is_some_and(Shape::is_moment);
    Some(if is_moment {
        Sortable::Moment(Moment::read(clear.expose().trim())?.0)
    } else {
        Sortable::Text(collated(&clear))
    })
}

/// As Salesforce sorts for English locales (SOQL, "ORDER BY"): by the UTF-8 of upper case. What
/// it stores has no space around it.
fn collated(text: &Cleartext) -> Zeroizing<String> {
    Zeroizing::new(text.expose().trim().to_uppercase())
}

fn compare(key: &SortKey, one: &Sortable, other: &Sortable) -> Ordering {
    let nulls = if key.nulls_last { Ordering::Greater } else { Ordering::Less };
    let ordering = match (one, other) {
        (Sortable::Null, Sortable::Null) => return Ordering::Equal,
        (Sortable::Null, _) => return nulls,
        (_, Sortable::Null) => return nulls.reverse(),
        (Sortable::Text(one), Sortable::Text(other)) => one.cmp(other),
        (Sortable::Moment(one), Sortable::Moment(other)) => one.cmp(other),
        // All values of one field are of one kind.
        (Sortable::Text(_), Sortable::Moment(_)) => Ordering::Less,
        (Sortable::Moment(_), Sortable::Text(_)) => Ordering::Greater,
    };
    if key.is_descending { ordering.reverse() } else { ordering }
}
