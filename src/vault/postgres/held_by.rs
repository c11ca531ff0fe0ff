// SPDX-License-Identifier: Apache-2.0
//! What data subjects hold.

use super::columns::{answer_of, column, read};
use crate::vault::{HeldRows, Row, VaultError, Wanted};

/// What is answered for each data subject, as far as all of it is there.
pub(super) fn held_by(
    found: &[tokio_postgres::Row],
    wanted: &Wanted,
) -> Result<Vec<HeldRows>, VaultError> {
    let mut of_each: Vec<(Vec<Row>, bool)> = vec![(Vec::new(), true); wanted.subjects.len()];
    let (mut count, mut last) = (0, 0);
    for found in found {
        let (rows, is_all_looked_at) = answer_of(&mut of_each, found)?;
        if column::<Option<&str>>(found, FIRST)?.is_none() {
            *is_all_looked_at = !column::<bool>(found, 0)?;
            continue;
        }
        rows.push(read(found, FIRST)?);
        (count, last) = (count + 1, column::<i64>(found, 1)?);
    }
    let limits = wanted.limits;
    if count > limits.of_all {
        // Of the last one, and of those behind, not all of them are there.
        of_each.truncate(usize::try_from(last - 1).unwrap_or_default().max(1));
    }
    let of_each = of_each.into_iter();
    Ok(of_each.map(|(rows, is_all)| HeldRows::of(rows, limits, is_all)).collect())
}

/// The column that rows begin in.
const FIRST: usize = 3;
