// SPDX-License-Identifier: Apache-2.0
//! SOSL, the search language of Salesforce ("SOQL and SOSL Reference", "Salesforce Object
//! Search Language").
//!
//! [`parse`] takes a search apart into the term, the scope it is looked for in, and what
//! is returned of each object, which reads like a SOQL query and becomes one. Searches
//! travel over the REST API with the term in braces. Snippets, highlights, divisions and
//! data categories are refused like anything else it does not know.

mod term;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::SyntaxError;
use super::soql::cursor::Cursor;
use super::soql::lexer::tokens;
use super::tokens::Kind;
use crate::carrier::DecodedText;

pub use term::Term;

/// `FIND {term} IN EMAIL FIELDS RETURNING Contact(Id, Name WHERE …), Lead`
#[derive(Debug, PartialEq, Eq)]
pub struct Search {
    pub term: Term,
    pub scope: Scope,
    /// Empty where all objects are looked at.
    pub returning: Vec<Returning>,
}

/// The kinds of fields that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Name,
    Email,
    Phone,
    Sidebar,
}

/// One object, and what is returned of its records.
#[derive(Debug, PartialEq, Eq)]
pub struct Returning {
    pub object: String,
    pub fields: Option<Fields>,
}

/// `Id, Name WHERE Email = 'x'`, between parentheses.
#[derive(Debug, PartialEq, Eq)]
pub struct Fields {
    pub span: Range<usize>,
    /// The same as a query, with the way back to where it stood in the span.
    pub query: DecodedText,
}

/// Takes a search apart.
///
/// # Errors
/// [`SyntaxError`] when any part of it is not understood.
pub fn parse(search: &str) -> Result<Search, SyntaxError> {
    let term = Term::find(search)?;
    // The rest has the words of SOQL, at the places where they stand.
    let masked = " ".repeat(term.behind());
    let rest = search.get(masked.len()..).unwrap_or_default();
    let masked = masked + rest;
    let mut cursor = Cursor::new(&masked, tokens(&masked)?);
    let scope = cursor.scope()?;
    let mut returning = Vec::new();
    if cursor.take_keywords(&["RETURNING"]) {
        cursor.list(|cursor| {
            returning.push(cursor.returning()?);
            Ok(())
        })?;
    }
    while cursor.take_keywords(&["WITH"]) {
        cursor.with()?;
    }
    if cursor.take_keywords(&["LIMIT"]) {
        cursor.count()?;
    }
    if cursor.take_keywords(&["UPDATE"]) {
        cursor.list(|cursor| cursor.one_of(&["TRACKING", "VIEWSTAT"]))?;
    }
    cursor.end("the end of the search")?;
    Ok(Search { term, scope, returning })
}

impl Cursor<'_> {
    fn scope(&mut self) -> Result<Scope, SyntaxError> {
        const SCOPES: [(&str, Scope); 5] = [
            ("ALL", Scope::All),
            ("NAME", Scope::Name),
            ("EMAIL", Scope::Email),
            ("PHONE", Scope::Phone),
            ("SIDEBAR", Scope::Sidebar),
        ];
        if !self.take_keywords(&["IN"]) {
            return Ok(Scope::All);
        }
        let known = SCOPES.into_iter().find(|(name, _)| self.take_keywords(&[*name, "FIELDS"]));
        known.map(|(_, scope)| scope).ok_or_else(|| self.expected("a scope"))
    }

    fn returning(&mut self) -> Result<Returning, SyntaxError> {
        let object = self.word("an object")?.to_owned();
        if !self.take_sign("(") {
            return Ok(Returning { object, fields: None });
        }
        let start = self.at();
        let (mut depth, mut behind_fields) = (0, None);
        loop {
            let is_clause = || CLAUSES.iter().any(|it| self.is_keyword_at(self.position, it));
            if depth == 0 && behind_fields.is_none() && is_clause() {
                behind_fields = Some(self.at());
            }
            // Of another object than the one that it is returned of.
            if depth == 0 && self.is_keyword_at(self.position, "FROM") {
                return Err(self.expected("a field"));
            }
            let token = self.take();
            let at = token.span.start;
            match token.kind {
                Kind::Sign("(") => depth += 1,
                Kind::Sign(")") if depth == 0 => {
                    let fields = start..behind_fields.unwrap_or(at);
                    let fields = self.as_query(&object, fields, at);
                    return Ok(Returning { object, fields: Some(fields) });
                }
                Kind::Sign(")") => depth -= 1,
                Kind::End => return Err(SyntaxError::Expected { expected: ")", at }),
                _ => {}
            }
        }
    }

    /// `SELECT fields FROM object clauses`, whose words stand between here and `end`.
    fn as_query(&self, object: &str, fields: Range<usize>, end: usize) -> Fields {
        let start = fields.start;
        let stands = |own: Range<usize>| self.raw(own);
        let (list, clauses) = (fields.clone(), fields.end..end);
        let text =
            format!("SELECT {} FROM {object} {}", stands(list.clone()), stands(clauses.clone()));
        let behind = text.len() - clauses.len() - "SELECT ".len() - list.len();
        let mut origin = vec![0; "SELECT ".len()];
        origin.extend(list.map(|at| at - start));
        origin.extend(std::iter::repeat_n(fields.end - start, behind));
        origin.extend(clauses.map(|at| at - start));
        origin.push(end - start);
        Fields { span: start..end, query: DecodedText::new(text, origin) }
    }

    /// What says how to search, and nothing of what for.
    fn with(&mut self) -> Result<(), SyntaxError> {
        self.keyword("SPELL_CORRECTION")?;
        self.sign("=")?;
        self.one_of(&["TRUE", "FALSE"])
    }
}

/// What may stand behind the fields.
const CLAUSES: [&str; 5] = ["USING", "WHERE", "ORDER", "LIMIT", "OFFSET"];
