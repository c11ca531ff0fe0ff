// SPDX-License-Identifier: Apache-2.0
//! Which indexes there are, and whether they are complete.

use std::collections::BTreeSet;

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, params};

use crate::base::{Category, SearchKind};
use crate::vault::{Built, IndexState};

pub(super) fn built(connection: &Connection) -> rusqlite::Result<Vec<Built>> {
    let mut statement = connection
        .prepare_cached("SELECT category, kind, build FROM search_index ORDER BY category, kind")?;
    let index = |row: &rusqlite::Row<'_>| {
        let kind = SearchKind::from_name(row.get_ref(1)?.as_str()?);
        Ok(Built {
            category: Category::new(row.get_ref(0)?.as_str()?),
            kind: kind.ok_or(FromSqlError::InvalidType)?,
            state: IndexState::from_code(row.get(2)?),
        })
    };
    statement.query_map([], index)?.collect()
}

/// Sees to it that the indexes of a category are known.
pub(super) fn note(category: &Category, kinds: &BTreeSet<SearchKind>, built: &mut Vec<Built>) {
    for kind in kinds {
        if !built.iter().any(|it| (&it.category, it.kind) == (category, *kind)) {
            let state = IndexState::Left;
            built.push(Built { category: category.clone(), kind: *kind, state });
        }
    }
}

/// Takes up which indexes a row is written for; one that is there already is missing from no
/// other because of that.
pub(super) fn spoil(
    connection: &Connection,
    (category, kinds): (&Category, &BTreeSet<SearchKind>),
    is_new: bool,
    built: &mut Vec<Built>,
) -> rusqlite::Result<()> {
    let known = built.len();
    note(category, kinds, built);
    for (at, index) in built.iter_mut().enumerate() {
        let is_for_it = kinds.contains(&index.kind);
        if index.category != *category || !(is_new || is_for_it) {
            continue;
        }
        let after = index.state.after(is_for_it);
        let is_news = std::mem::replace(&mut index.state, after) != after;
        if is_news || at >= known {
            keep(connection, index)?;
        }
    }
    Ok(())
}

pub(super) fn keep(connection: &Connection, index: &Built) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO search_index (category, kind, build) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET build = excluded.build",
    )?;
    let (category, kind) = (index.category.as_str(), index.kind.name());
    statement.execute(params![category, kind, index.state.code()]).map(drop)
}

pub(super) fn forget(connection: &Connection, index: &Built) -> rusqlite::Result<()> {
    let sql = "DELETE FROM search_index WHERE category = ?1 AND kind = ?2";
    connection.execute(sql, [index.category.as_str(), index.kind.name()]).map(drop)
}
