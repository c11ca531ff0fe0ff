// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::cursor::Cursor;
use super::lexer::{self, Token};
use super::{Column, Comparison, FieldUse, Path, Query, SyntaxError};
use crate::carrier::{Role, Value, Widening};
use crate::query::PRESENCE;
use crate::query::tokens::Kind;

/// Functions of columns, and whether they yield one of the field's values.
const FUNCTIONS: [(&str, bool); 5] =
    [("COUNT", false), ("SUM", false), ("AVG", false), ("MIN", true), ("MAX", true)];

/// What stands for `=` and `!=` when several values may match, with spaces around it
/// because none need be there now.
const SIGNS: [(&str, Option<&str>); 6] = [
    ("=", Some(" in ")),
    ("!=", Some(" not in ")),
    ("<=", None),
    (">=", None),
    ("<", None),
    (">", None),
];

/// Values of a list that every version of the API takes; from 7 on it is 100 ("COQL API's
/// Enhancements in Zoho CRM API Version 7").
const MAX_VALUES: usize = 50;

/// More than Zoho answers with. Each name of a condition is looked for among them.
const MAX_COLUMNS: usize = 1000;

struct Literal {
    span: Range<usize>,
    value: Literally,
}

enum Literally {
    Value(Value),
    /// `true` or `false`.
    Flag,
    Null,
}

pub(super) fn parse(mut cursor: Cursor<'_>) -> Result<Query, SyntaxError> {
    let mut query = Query::default();
    cursor.word("select")?;
    cursor.list(|cursor| query.column(cursor))?;
    cursor.word("from")?;
    cursor.name()?.clone_into(&mut query.module);
    if cursor.take_word("where") {
        query.condition(&mut cursor)?;
    }
    if cursor.take_word("group") {
        cursor.word("by")?;
        cursor.list(|cursor| {
            let field = cursor.path()?;
            query.uses.push(FieldUse { field, operator: "group by" });
            Ok(())
        })?;
    }
    if cursor.take_word("order") {
        cursor.word("by")?;
        cursor.list(|cursor| query.order(cursor))?;
    }
    if cursor.take_word("limit") {
        cursor.count()?;
        if cursor.take_sign(",") {
            cursor.count()?;
        }
    }
    if cursor.take_word("offset") {
        cursor.count()?;
    }
    cursor.end("the end of the query").map(|()| query)
}

impl Query {
    /// `Last_Name`, `COUNT(id) as n`
    fn column(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        let path = cursor.path()?;
        let mut column = match function(&path).filter(|_| cursor.take_sign("(")) {
            None => Column { key: key(&path), field: Some(path), has_alias: false },
            Some((name, yields_values)) => {
                let is_count = name == "COUNT" && cursor.take_sign("*");
                let field = if is_count { None } else { Some(cursor.path()?) };
                cursor.sign(")")?;
                let uses = field.iter().cloned();
                self.uses.extend(uses.map(|field| FieldUse { field, operator: name }));
                let inner = field.as_ref().map_or_else(|| "*".to_owned(), key);
                let key = format!("{name}({inner})");
                Column { key, field: field.filter(|_| yields_values), has_alias: false }
            }
        };
        if cursor.take_word("as") {
            cursor.name()?.clone_into(&mut column.key);
            column.has_alias = true;
        }
        if self.columns.len() == MAX_COLUMNS {
            return Err(SyntaxError::TooMany(cursor.at()));
        }
        self.columns.push(column);
        Ok(())
    }

    /// Conditions joined by `and` and `or`. Their precedence is left open: it changes no
    /// field that a literal is compared with.
    fn condition(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        loop {
            if cursor.take_sign("(") {
                cursor.deeper(|cursor| self.condition(cursor))?;
                cursor.sign(")")?;
            } else {
                self.comparison(cursor)?;
            }
            if cursor.take_word("and") {
                continue;
            }
            if !cursor.take_word("or") {
                return Ok(());
            }
            self.finds_others = true;
        }
    }

    fn comparison(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        let is_quoted = cursor.quoted().is_some();
        let from = cursor.at();
        let field = cursor.path()?;
        if let Some((name, list_form)) = operator(cursor.token()) {
            let span = cursor.take().span.clone();
            self.finds_others |= name == "!=";
            // `'Ulm' = City` has its sides exchanged.
            if is_quoted && cursor.next_word().is_some() {
                return Err(cursor.expected("a value in quotes"));
            }
            let literal = literal(cursor)?;
            match list_form {
                Some(list_form) => {
                    let head = cursor.raw(from..span.start);
                    let joint = if name == "!=" { "and" } else { "or" };
                    let between = format!(" {joint} {head}{list_form}");
                    let widening = lists((span, list_form), from, between);
                    self.compare(&field, literal, Role::Equality, widening);
                }
                None => self.uses.push(FieldUse { field, operator: name }),
            }
            return Ok(());
        }
        if cursor.take_word("is") {
            let _ = cursor.take_word("not");
            cursor.word("null")?;
            self.uses.push(FieldUse { field, operator: PRESENCE });
            return Ok(());
        }
        let is_not = cursor.take_word("not");
        self.finds_others |= is_not;
        if cursor.take_word("in") {
            cursor.sign("(")?;
            cursor.list(|cursor| {
                let literal = literal(cursor)?;
                self.compare(&field, literal, Role::Equality, Widening::Elements);
                Ok(())
            })?;
            return cursor.sign(")");
        }
        let like = cursor.token().span.clone();
        let operator = if cursor.take_word("like") {
            let literal = literal(cursor)?;
            // `not` before `like` stays before `in`.
            let role = match &literal.value {
                Literally::Value(value) => Role::like(value, "like"),
                Literally::Null | Literally::Flag => None,
            };
            if let Some(role) = role {
                let joint = if is_not { "and" } else { "or" };
                let between = format!(" {joint} {}in ", cursor.raw(from..like.start));
                self.compare(&field, literal, role, lists((like, "in"), from, between));
                return Ok(());
            }
            if is_not { "not like" } else { "like" }
        } else if cursor.take_word("between") {
            literal(cursor)?;
            cursor.word("and")?;
            literal(cursor)?;
            if is_not { "not between" } else { "between" }
        } else {
            return Err(cursor.expected("an operator"));
        };
        self.uses.push(FieldUse { field, operator });
        Ok(())
    }

    fn compare(&mut self, field: &Path, literal: Literal, role: Role, widening: Widening) {
        let (field, span) = (field.clone(), literal.span);
        match literal.value {
            Literally::Value(value) => {
                self.comparisons.push(Comparison { field, span, value, role, widening });
            }
            Literally::Null => self.uses.push(FieldUse { field, operator: PRESENCE }),
            Literally::Flag => {}
        }
    }

    fn order(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        let field = cursor.path()?;
        self.uses.push(FieldUse { field, operator: "order by" });
        let _ = cursor.take_word("asc") || cursor.take_word("desc");
        Ok(())
    }
}

fn lists(operator: (Range<usize>, &'static str), from: usize, between: String) -> Widening {
    Widening::Lists { further: vec![operator], from, between, most: MAX_VALUES }
}

fn function(path: &Path) -> Option<(&'static str, bool)> {
    let [step] = path.steps.as_slice() else { return None };
    FUNCTIONS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(&step.name))
}

/// What the answer calls a column without an alias.
fn key(path: &Path) -> String {
    let step = |step: &super::Step| match &step.module {
        Some(module) => format!("{}->{module}", step.name),
        None => step.name.clone(),
    };
    path.steps.iter().map(step).collect::<Vec<_>>().join(".")
}

fn operator(token: &Token) -> Option<(&'static str, Option<&'static str>)> {
    SIGNS.into_iter().find(|(sign, _)| token.kind == Kind::Sign(sign))
}

fn literal(cursor: &mut Cursor<'_>) -> Result<Literal, SyntaxError> {
    let span = cursor.token().span.clone();
    let raw = cursor.raw(span.clone());
    let is = |word: &str| raw.eq_ignore_ascii_case(word);
    let value = match &cursor.token().kind {
        Kind::Word if is("true") || is("false") => Literally::Flag,
        Kind::Word if is("null") => Literally::Null,
        Kind::Word | Kind::Literal(lexer::Literal::Number) => {
            Literally::Value(Value::from(raw.to_owned()))
        }
        Kind::Literal(lexer::Literal::Quoted(text)) => Literally::Value(Value::from(text.clone())),
        Kind::Sign(_) | Kind::End => return Err(cursor.expected("a value")),
    };
    cursor.position += 1;
    Ok(Literal { span, value })
}
