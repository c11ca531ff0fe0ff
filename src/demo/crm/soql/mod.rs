// SPDX-License-Identifier: Apache-2.0
//! A small SOQL evaluator, independent of the proxy's reader of the same language.
//!
//! `SELECT` fields or `COUNT()`, `FROM` one object, `WHERE` with `AND`, `OR`,
//! `NOT`, `=`, `!=`, `<>`, `<`, `<=`, `>`, `>=`, `LIKE`, `IN`, `NOT IN`,
//! `ORDER BY`, `LIMIT`, `OFFSET`. As in Salesforce, `AND` and `OR` do not mix
//! without parentheses, and texts compare without regard to case.

mod evaluate;
mod lexer;
mod parser;

pub(super) use parser::{Selection, Statement, parse};
