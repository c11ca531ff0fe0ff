// SPDX-License-Identifier: Apache-2.0
//! `ORDER BY`, and the clauses behind it.

use std::ops::Range;

use super::cursor::Cursor;
use super::{Path, Query, SyntaxError};

/// In which order rows are answered, and which of them.
#[derive(Debug, Default)]
pub struct Order {
    /// From `ORDER` to the end of the last key.
    pub span: Range<usize>,
    pub keys: Vec<SortKey>,
    pub limit: Option<Limit>,
    /// That there is a clause which does something with the rows that are answered, or leaves
    /// the first ones out.
    pub other: Option<&'static str>,
}

/// `LastName DESC NULLS LAST`
#[derive(Debug)]
pub struct SortKey {
    /// `None` for what is computed.
    pub field: Option<Path>,
    pub is_descending: bool,
    pub nulls_last: bool,
    pub span: Range<usize>,
}

/// `LIMIT 10`
#[derive(Debug)]
pub struct Limit {
    pub rows: usize,
    pub span: Range<usize>,
}

impl Cursor<'_> {
    /// What may stand behind the conditions of a query.
    pub(super) fn order(&mut self, query: &mut Query) -> Result<(), SyntaxError> {
        let start = self.at();
        if self.take_keywords(&["ORDER", "BY"]) {
            self.list(|cursor| cursor.sort_key(query))?;
            query.order.span = start..self.end_of_last();
        }
        let start = self.at();
        if self.take_keywords(&["LIMIT"]) {
            let rows = self.raw(self.token().span.clone()).parse().unwrap_or(usize::MAX);
            self.count()?;
            query.order.limit = Some(Limit { rows, span: start..self.end_of_last() });
        }
        if self.take_keywords(&["OFFSET"]) {
            self.count()?;
            query.order.other = Some("the query has an OFFSET");
        }
        while self.take_keywords(&["FOR"]) {
            self.one_of(&["VIEW", "REFERENCE", "UPDATE"])?;
            query.order.other = Some("the query has a FOR clause");
        }
        if self.take_keywords(&["UPDATE"]) {
            self.list(|cursor| cursor.one_of(&["TRACKING", "VIEWSTAT"]))?;
            query.order.other = Some("the query has an UPDATE clause");
        }
        Ok(())
    }

    fn sort_key(&mut self, query: &mut Query) -> Result<(), SyntaxError> {
        let start = self.at();
        let operand = self.operand()?;
        query.use_all(&operand.fields, "ORDER BY");
        let is_descending = !self.take_keywords(&["ASC"]) && self.take_keywords(&["DESC"]);
        let mut nulls_last = false;
        if self.take_keywords(&["NULLS"]) {
            nulls_last = self.take_keywords(&["LAST"]);
            if !nulls_last {
                self.keyword("FIRST")?;
            }
        }
        let is_computed = !operand.functions.is_empty();
        query.order.keys.push(SortKey {
            field: operand.fields.into_iter().next().filter(|_| !is_computed),
            is_descending,
            nulls_last,
            span: start..self.end_of_last(),
        });
        Ok(())
    }
}
