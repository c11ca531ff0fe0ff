// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::cursor::Cursor;
use super::functions::{FunctionKind, function};
use super::lexer;
use super::{Column, Comparison, FieldUse, Path, Query, Source, SyntaxError};
use crate::carrier::{Role, Value, Widening};
use crate::query::PRESENCE;
use crate::query::tokens::Kind;

/// Words that may follow a column or a source, so that they are no alias of it.
const CLAUSES: [&str; 11] = [
    "FROM", "USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR",
    "UPDATE",
];

/// More than an object has fields, and than a query has objects. Each name of a condition is
/// looked for among them.
const MAX_COLUMNS: usize = 2_000;
const MAX_SOURCES: usize = 100;

const SEMI_JOIN: &str = "IN (SELECT)";

/// A field, or what functions make of fields.
#[derive(Default)]
pub(super) struct Operand {
    pub fields: Vec<Path>,
    /// The functions around them, outermost first.
    pub functions: Vec<(&'static str, FunctionKind)>,
}

impl Operand {
    /// The function that makes something else of the field than its values.
    fn computation(&self) -> Option<&'static str> {
        let computes = |(_, kind): &&(&str, FunctionKind)| *kind != FunctionKind::Display;
        self.functions.iter().find(computes).map(|(name, _)| *name)
    }
}

struct Operator {
    name: &'static str,
    span: Range<usize>,
    comparing: Comparing,
}

enum Comparing {
    /// With one value; what the operator becomes for several.
    Equality {
        list_form: &'static str,
    },
    Membership,
    Order,
    Pattern,
    /// Members of a multi-select picklist.
    Inclusion,
}

enum Literal {
    Value {
        span: Range<usize>,
        value: Value,
    },
    /// An unquoted word: a date that moves, such as `TODAY`, or an amount with
    /// its currency.
    Word,
    Null,
    /// `true` or `false`.
    Boolean,
}

impl Cursor<'_> {
    pub(super) fn run(mut self) -> Result<Query, SyntaxError> {
        self.keyword("SELECT")?;
        let query = self.select()?;
        self.end("the end of the query").map(|()| query)
    }

    /// A query after its `SELECT`.
    fn select(&mut self) -> Result<Query, SyntaxError> {
        let mut query = Query::default();
        self.list(|cursor| cursor.column(&mut query))?;
        self.keyword("FROM")?;
        self.list(|cursor| {
            if query.from.len() == MAX_SOURCES {
                return Err(SyntaxError::TooMany(cursor.at()));
            }
            query.from.push(Source { path: cursor.path()?, alias: cursor.alias()? });
            Ok(())
        })?;
        if self.take_keywords(&["USING", "SCOPE"]) {
            self.word("a scope")?;
        }
        if self.take_keywords(&["WHERE"]) {
            self.condition(&mut query)?;
        }
        if self.take_keywords(&["WITH"]) {
            self.one_of(&["SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"])?;
        }
        if self.take_keywords(&["GROUP", "BY"]) {
            query.is_aggregate = true;
            self.grouping(&mut query)?;
        }
        if self.take_keywords(&["HAVING"]) {
            self.condition(&mut query)?;
        }
        self.order(&mut query)?;
        Ok(query)
    }

    fn column(&mut self, query: &mut Query) -> Result<(), SyntaxError> {
        if self.take_sign("(") {
            self.keyword("SELECT")?;
            query.children.push(self.deeper(Self::select)?);
            return self.sign(")");
        }
        if self.take_keywords(&["TYPEOF"]) {
            return self.type_of();
        }
        if self.take_call("FIELDS") {
            self.one_of(&["ALL", "STANDARD", "CUSTOM"])?;
            return self.sign(")");
        }
        let operand = self.operand()?;
        let alias = self.alias()?;
        if let Some(operator) = operand.computation() {
            query.use_all(&operand.fields, operator);
        }
        let any = |wanted: &[FunctionKind]| {
            operand.functions.iter().any(|(_, kind)| wanted.contains(kind))
        };
        // A lone `COUNT()` answers with a number and no rows.
        query.is_aggregate |=
            any(&[FunctionKind::Extreme, FunctionKind::Aggregate]) && !operand.fields.is_empty();
        let yields_values = !any(&[FunctionKind::Aggregate, FunctionKind::Computed]);
        if query.columns.len() == MAX_COLUMNS {
            return Err(SyntaxError::TooMany(self.at()));
        }
        query.columns.push(Column {
            is_computed: !operand.functions.is_empty(),
            field: operand.fields.into_iter().next().filter(|_| yields_values),
            alias,
        });
        Ok(())
    }

    /// `TYPEOF What WHEN Account THEN Phone, Name ELSE Name END`, after its first word.
    fn type_of(&mut self) -> Result<(), SyntaxError> {
        self.path()?;
        self.keyword("WHEN")?;
        loop {
            self.word("an object")?;
            self.keyword("THEN")?;
            self.list(|cursor| cursor.path().map(drop))?;
            if !self.take_keywords(&["WHEN"]) {
                break;
            }
        }
        if self.take_keywords(&["ELSE"]) {
            self.list(|cursor| cursor.path().map(drop))?;
        }
        self.keyword("END")
    }

    /// Conditions joined by `AND` and `OR`. Their precedence is left open: it
    /// changes no field that a literal is compared with.
    fn condition(&mut self, query: &mut Query) -> Result<(), SyntaxError> {
        loop {
            while self.take_keywords(&["NOT"]) {
                query.finds_others = true;
            }
            if self.take_sign("(") {
                self.deeper(|cursor| cursor.condition(query))?;
                self.sign(")")?;
            } else {
                self.comparison(query)?;
            }
            if self.take_keywords(&["AND"]) {
                continue;
            }
            if !self.take_keywords(&["OR"]) {
                return Ok(());
            }
            query.finds_others = true;
        }
    }

    fn comparison(&mut self, query: &mut Query) -> Result<(), SyntaxError> {
        let operand = self.operand()?;
        let operator = self.operator()?;
        query.finds_others |= ["!=", "<>", "NOT IN", "EXCLUDES"].contains(&operator.name);
        let function = operand.functions.first().map(|(name, _)| *name);
        let is_exact = function.is_none()
            && matches!(operator.comparing, Comparing::Equality { .. } | Comparing::Membership);
        if matches!(operator.comparing, Comparing::Pattern) && function.is_none() {
            return self.like(query, &operand, operator);
        }
        if !is_exact {
            query.use_all(&operand.fields, function.unwrap_or(operator.name));
        }
        let exact = operand.fields.first().filter(|_| is_exact);
        match operator.comparing {
            Comparing::Membership if self.take_opening_select() => {
                query.use_all(&operand.fields, SEMI_JOIN);
                let mut inner = self.deeper(Self::select)?;
                let compared = inner.columns.iter().find_map(|column| column.field.clone());
                inner.use_all(compared.as_slice(), SEMI_JOIN);
                query.semi_joins.push(inner);
                self.sign(")")
            }
            Comparing::Membership | Comparing::Inclusion => {
                self.sign("(")?;
                self.list(|cursor| {
                    let literal = cursor.literal(false)?;
                    query.compare(exact, literal, Role::Equality, Widening::Elements);
                    Ok(())
                })?;
                self.sign(")")
            }
            Comparing::Equality { list_form } => {
                let literal = self.literal(false)?;
                let widening = Widening::List(vec![(operator.span, list_form)]);
                query.compare(exact, literal, Role::Equality, widening);
                Ok(())
            }
            Comparing::Order => self.literal(false).map(drop),
            Comparing::Pattern => self.literal(true).map(drop),
        }
    }

    /// `LIKE` on a field itself.
    fn like(
        &mut self,
        query: &mut Query,
        operand: &Operand,
        operator: Operator,
    ) -> Result<(), SyntaxError> {
        let is_escaped = matches!(
            &self.token().kind,
            Kind::Literal(lexer::Literal::Text { is_pattern: true, .. })
        );
        let literal = self.literal(true)?;
        let role = match &literal {
            Literal::Value { value, .. } if !is_escaped => Role::like(value, operator.name),
            _ => None,
        };
        match role {
            Some(role) => {
                let widening = Widening::List(vec![(operator.span, " IN ")]);
                query.compare(operand.fields.first(), literal, role, widening);
            }
            None => query.use_all(&operand.fields, operator.name),
        }
        Ok(())
    }

    fn operator(&mut self) -> Result<Operator, SyntaxError> {
        /// What stands for them when several values may match, with spaces
        /// around it because none need be there now.
        const IN: Comparing = Comparing::Equality { list_form: " IN " };
        const NOT_IN: Comparing = Comparing::Equality { list_form: " NOT IN " };
        let span = self.token().span.clone();
        let signs = [
            ("=", IN),
            ("!=", NOT_IN),
            ("<>", NOT_IN),
            ("<=", Comparing::Order),
            (">=", Comparing::Order),
            ("<", Comparing::Order),
            (">", Comparing::Order),
        ];
        for (name, comparing) in signs {
            if self.take_sign(name) {
                return Ok(Operator { name, span, comparing });
            }
        }
        let words: [(&str, &[&str], Comparing); 5] = [
            ("LIKE", &["LIKE"], Comparing::Pattern),
            ("IN", &["IN"], Comparing::Membership),
            ("NOT IN", &["NOT", "IN"], Comparing::Membership),
            ("INCLUDES", &["INCLUDES"], Comparing::Inclusion),
            ("EXCLUDES", &["EXCLUDES"], Comparing::Inclusion),
        ];
        for (name, keywords, comparing) in words {
            if self.take_keywords(keywords) {
                return Ok(Operator { name, span, comparing });
            }
        }
        Err(self.expected("an operator"))
    }

    fn literal(&mut self, takes_pattern: bool) -> Result<Literal, SyntaxError> {
        let span = self.token().span.clone();
        let raw = self.raw(span.clone());
        let is = |word: &str| raw.eq_ignore_ascii_case(word);
        let literal = match &self.token().kind {
            Kind::Literal(lexer::Literal::Text { is_pattern: true, .. }) if !takes_pattern => {
                return Err(SyntaxError::Literal(span.start));
            }
            Kind::Literal(lexer::Literal::Text { value, .. }) => {
                Literal::Value { value: value.clone(), span }
            }
            Kind::Literal(lexer::Literal::Number) => {
                Literal::Value { value: Value::from(raw.to_owned()), span }
            }
            Kind::Word if is("null") => Literal::Null,
            Kind::Word if is("true") || is("false") => Literal::Boolean,
            Kind::Word => Literal::Word,
            Kind::Sign(_) | Kind::End => return Err(self.expected("a value")),
        };
        self.position += 1;
        Ok(literal)
    }

    fn grouping(&mut self, query: &mut Query) -> Result<(), SyntaxError> {
        let is_nested = self.take_call("ROLLUP") || self.take_call("CUBE");
        self.list(|cursor| {
            query.use_all(&cursor.operand()?.fields, "GROUP BY");
            Ok(())
        })?;
        if is_nested { self.sign(")") } else { Ok(()) }
    }

    /// A field path, or a function call.
    pub(super) fn operand(&mut self) -> Result<Operand, SyntaxError> {
        if !self.second_is("(") {
            return Ok(Operand { fields: vec![self.path()?], functions: Vec::new() });
        }
        let at = self.at();
        let name = self.word("a function")?;
        let (name, kind) =
            function(name).ok_or(SyntaxError::Expected { expected: "a known function", at })?;
        self.sign("(")?;
        let mut operand = Operand { fields: Vec::new(), functions: vec![(name, kind)] };
        if name == "COUNT" && self.take_sign(")") {
            return Ok(operand);
        }
        let takes_literals = matches!(name, "DISTANCE" | "GEOLOCATION");
        self.deeper(|cursor| {
            cursor.list(|cursor| {
                if takes_literals && cursor.take_measure() {
                    return Ok(());
                }
                let inner = cursor.operand()?;
                operand.fields.extend(inner.fields);
                operand.functions.extend(inner.functions);
                Ok(())
            })
        })?;
        self.sign(")")?;
        Ok(operand)
    }

    /// A number, or a unit of length.
    fn take_measure(&mut self) -> bool {
        let token = self.token();
        let is_measure = token.kind == Kind::Literal(lexer::Literal::Number)
            || matches!(self.raw(token.span.clone()), "'mi'" | "'km'");
        self.position += usize::from(is_measure);
        is_measure
    }

    fn path(&mut self) -> Result<Path, SyntaxError> {
        let at = self.at();
        let mut names = vec![self.word("a name")?.to_owned()];
        while self.take_sign(".") {
            names.push(self.word("a name")?.to_owned());
        }
        Ok(Path { names, at })
    }

    fn alias(&mut self) -> Result<Option<String>, SyntaxError> {
        let is_clause = CLAUSES.iter().any(|clause| self.is_keyword_at(self.position, clause));
        if is_clause || self.next_word().is_none() {
            return Ok(None);
        }
        Ok(Some(self.word("an alias")?.to_owned()))
    }
}

impl Query {
    pub(super) fn use_all(&mut self, fields: &[Path], operator: &'static str) {
        let uses = fields.iter().map(|field| FieldUse { field: field.clone(), operator });
        self.uses.extend(uses);
    }

    /// Takes up a literal that a field is compared with.
    fn compare(&mut self, field: Option<&Path>, literal: Literal, role: Role, widening: Widening) {
        let Some(field) = field else { return };
        match literal {
            Literal::Value { span, value } => self.comparisons.push(Comparison {
                field: field.clone(),
                span,
                value,
                role,
                widening,
            }),
            Literal::Word => self.use_all(std::slice::from_ref(field), "a relative date"),
            Literal::Null => self.use_all(std::slice::from_ref(field), PRESENCE),
            Literal::Boolean => {}
        }
    }
}
