// SPDX-License-Identifier: Apache-2.0
//! What data subjects hold.

use rusqlite::{Connection, params};

use super::rows::{COLUMNS, WITH_KEY, read};
use crate::base::SubjectId;
use crate::vault::{HeldRows, Wanted};

/// The copies of a data subject, the oldest tokens first.
const COPIES: &str = "SELECT * FROM copy
    WHERE key <> x'' AND key = (SELECT id FROM subject_key WHERE subject = ?1)
    ORDER BY token LIMIT ?2";

pub(super) fn held_by(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<Vec<HeldRows>> {
    let categories: String =
        wanted.categories.iter().map(|category| format!("\n{category}\n")).collect();
    let (mut answers, mut found) = (Vec::with_capacity(wanted.subjects.len()), 0);
    for subject in &wanted.subjects {
        let held = held_by_one(connection, *subject, wanted, &categories)?;
        found += held.rows.len();
        if found > wanted.limits.of_all as usize && !answers.is_empty() {
            break;
        }
        answers.push(held);
    }
    Ok(answers)
}

fn held_by_one(
    connection: &Connection,
    subject: SubjectId,
    wanted: &Wanted,
    categories: &str,
) -> rusqlite::Result<HeldRows> {
    let limits = wanted.limits;
    let sql = format!("SELECT count(*) FROM ({COPIES})");
    let one_more = limits.looked_at.saturating_add(1);
    let count: u32 = connection
        .prepare_cached(&sql)?
        .query_row(params![subject.0, one_more], |row| row.get(0))?;
    if count == 0 {
        return Ok(HeldRows::default());
    }
    // A `CROSS JOIN` is done in the order in which it is written.
    let sql = format!(
        "SELECT {COLUMNS} FROM ({COPIES}) AS copy
         CROSS JOIN token ON token.number = copy.token {WITH_KEY}
         WHERE length(copy.sealed) <= ?3 AND instr(?4, char(10) || token.category || char(10)) > 0
         ORDER BY instr(?4, char(10) || token.category || char(10)), token.word LIMIT ?5"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let one_more = limits.of_one.saturating_add(1);
    let values = params![subject.0, limits.looked_at, wanted.longest_copy(), categories, one_more];
    let rows = statement.query_map(values, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(HeldRows::of(rows, limits, count <= limits.looked_at))
}
