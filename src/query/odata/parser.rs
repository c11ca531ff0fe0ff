// SPDX-License-Identifier: Apache-2.0
//! Boolean expressions.

use std::ops::Range;

use super::cursor::{Constant, Cursor};
use super::functions::{computed, query_function};
use super::lexer::Token;
use super::{Clause, Comparison, FieldUse, Found, Literal, Operand, Path, SyntaxError};
use crate::base::Pattern;
use crate::carrier::{Role, Value, Widening};
use crate::query::tokens::MAX_STEPS;
use crate::query::{LONGEST_REPEATED, PRESENCE};

/// Reads one query option.
pub(super) struct Parser<'t, 'a> {
    pub cursor: Cursor<'t>,
    pub alias: &'a dyn Fn(&str) -> Option<String>,
    pub found: Found,
    /// The navigation that paths start from: that of the expanded property.
    pub base: Vec<String>,
    /// Range variables, and where each leads.
    variables: Vec<(&'t str, Vec<String>)>,
}

/// One side of a comparison.
pub(super) enum Side {
    Field(Path),
    /// What functions make of these.
    Computed(&'static str, Vec<Path>),
    /// Whether a property looks like this text in part: the call as a whole.
    Search(&'static str, Path, Literal, Range<usize>),
    Constant(Constant),
}

/// A relation of two sides.
#[derive(Clone, Copy)]
enum Relation {
    /// How alternatives are joined.
    Equality {
        joint: &'static str,
    },
    Order(&'static str),
}

/// Between alternatives.
const OR: &str = " or ";

/// Between alternatives none of which may be.
const AND: &str = " and ";

const RELATIONS: [(&str, Relation); 6] = [
    ("eq", Relation::Equality { joint: OR }),
    ("ne", Relation::Equality { joint: AND }),
    ("gt", Relation::Order("gt")),
    ("ge", Relation::Order("ge")),
    ("lt", Relation::Order("lt")),
    ("le", Relation::Order("le")),
];

impl<'t, 'a> Parser<'t, 'a> {
    pub(super) fn new(
        text: &'t str,
        tokens: Vec<Token>,
        alias: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let cursor = Cursor::new(text, tokens);
        Self { cursor, alias, found: Found::default(), base: Vec::new(), variables: Vec::new() }
    }

    pub(super) fn option(mut self, clause: Clause) -> Result<Found, SyntaxError> {
        self.clause(clause)?;
        self.cursor.end("the end")?;
        let leads_away = |comparison: &Comparison| comparison.field.names.len() > 1;
        self.found.finds_others |= self.found.comparisons.iter().any(leads_away);
        self.found.finds_others |= matches!(clause, Clause::Expand | Clause::Apply);
        Ok(self.found)
    }

    /// Comparisons joined by `and` and `or`. Their precedence is left open: it changes
    /// no property that a literal is compared with.
    pub(super) fn condition(&mut self) -> Result<(), SyntaxError> {
        loop {
            while self.cursor.take_word("not") {
                self.found.finds_others = true;
            }
            if self.cursor.take_sign("(") {
                self.cursor.enter()?;
                self.condition()?;
                self.cursor.leave();
                self.cursor.sign(")")?;
            } else {
                self.comparison()?;
            }
            if self.cursor.take_word("and") {
                continue;
            }
            if !self.cursor.take_word("or") {
                return Ok(());
            }
            self.found.finds_others = true;
        }
    }

    fn comparison(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.at();
        let Some(left) = self.side()? else { return Ok(()) };
        let relation = RELATIONS.into_iter().find(|(name, _)| self.cursor.take_word(name));
        let Some((_, relation)) = relation else {
            return self.truth(left);
        };
        let right = self.side()?.ok_or_else(|| self.cursor.expected("a value"))?;
        let whole = start..self.cursor.end_of_last();
        match (left, right) {
            (Side::Field(field), Side::Constant(constant))
            | (Side::Constant(constant), Side::Field(field)) => {
                self.relate(field, constant, relation, whole);
                Ok(())
            }
            (Side::Constant(_), Side::Constant(_)) => Err(self.cursor.expected("a property")),
            (left, right) => {
                let named = match relation {
                    Relation::Equality { .. } => "comparing properties",
                    Relation::Order(name) => name,
                };
                for side in [left, right] {
                    match side {
                        Side::Field(field) => self.use_all([field], named),
                        Side::Computed(function, fields) => self.use_all(fields, function),
                        Side::Search(function, field, ..) => self.use_all([field], function),
                        Side::Constant(_) => {}
                    }
                }
                Ok(())
            }
        }
    }

    /// A side that stands for itself, or that goes on with `in (…)`.
    fn truth(&mut self, side: Side) -> Result<(), SyntaxError> {
        match side {
            Side::Computed(function, fields) => {
                self.use_all(fields, function);
                Ok(())
            }
            Side::Search(function, field, literal, whole) => {
                match search(function, &literal.value) {
                    Some(role) => {
                        let with = self.repeated(literal, whole, OR);
                        self.found.comparisons.push(Comparison { field, role, with });
                    }
                    None => self.use_all([field], function),
                }
                Ok(())
            }
            Side::Field(field) if self.cursor.take_word("in") => self.values(&field, "(", ")"),
            // `donotemail` alone asks whether it is true.
            Side::Field(_) => Ok(()),
            Side::Constant(_) => Err(self.cursor.expected("an operator")),
        }
    }

    fn relate(&mut self, field: Path, constant: Constant, relation: Relation, whole: Range<usize>) {
        let joint = match (&constant, relation) {
            (_, Relation::Order(name)) => {
                if let Constant::Alias(alias) = constant {
                    self.found.passed.push(alias);
                }
                return self.use_all([field], name);
            }
            (Constant::Null, _) => return self.use_all([field], PRESENCE),
            (Constant::Flag, _) => return,
            (_, Relation::Equality { joint }) => {
                self.found.finds_others |= joint == AND;
                joint
            }
        };
        let with = match constant {
            Constant::Alias(name) => Operand::Alias(name),
            Constant::Literal(literal) => self.repeated(literal, whole, joint),
            Constant::Null | Constant::Flag => return,
        };
        self.found.comparisons.push(Comparison { field, role: Role::Equality, with });
    }

    /// A literal whose comparison is written once for each of several values, unless it is
    /// too long for that.
    fn repeated(&self, literal: Literal, whole: Range<usize>, joint: &'static str) -> Operand {
        let before = self.cursor.raw(whole.start..literal.span.start);
        let after = self.cursor.raw(literal.span.end..whole.end);
        let between = format!("{after}{joint}{before}");
        let widening = (between.len() <= LONGEST_REPEATED).then_some(Widening::Repetition {
            whole,
            open: "(",
            between,
            close: ")",
        });
        Operand::Literal { literal, widening }
    }

    /// A list of values that a property is compared with.
    pub(super) fn values(
        &mut self,
        field: &Path,
        open: &'static str,
        close: &'static str,
    ) -> Result<(), SyntaxError> {
        if !self.cursor.take_sign(open) {
            return Err(self.cursor.expected("a list"));
        }
        let Self { cursor, found, .. } = self;
        cursor.list(|cursor| {
            match cursor.take_constant(open == "[")?.ok_or_else(|| cursor.expected("a value"))? {
                Constant::Literal(literal) => {
                    let widening = Some(Widening::Elements);
                    let with = Operand::Literal { literal, widening };
                    let (field, role) = (field.clone(), Role::Equality);
                    found.comparisons.push(Comparison { field, role, with });
                }
                Constant::Null => {
                    found.uses.push(FieldUse { field: field.clone(), operator: PRESENCE });
                }
                Constant::Flag => {}
                Constant::Alias(_) => return Err(cursor.expected("a value")),
            }
            Ok(())
        })?;
        self.cursor.sign(close)
    }

    /// A property, a value, or a function; `None` behind what is a condition by itself.
    pub(super) fn side(&mut self) -> Result<Option<Side>, SyntaxError> {
        if let Some(constant) = self.cursor.take_constant(false)? {
            return Ok(Some(Side::Constant(constant)));
        }
        let at = self.cursor.at();
        let mut names = Vec::new();
        loop {
            let word = self.cursor.next_word().ok_or_else(|| self.cursor.expected("a name"))?;
            let is_call = self.cursor.second_is("(");
            match word {
                "any" | "all" if is_call && !names.is_empty() => {
                    return self.lambda(&names).map(|()| None);
                }
                _ if is_call => {
                    if let Some(function) = query_function(word) {
                        return self.query_function(function, names).map(|()| None);
                    }
                    let name = computed(word).filter(|_| names.is_empty());
                    let name = name.ok_or_else(|| self.cursor.expected("a known function"))?;
                    return self.computed(name).map(Some);
                }
                _ => names.push(self.cursor.name()?),
            }
            if !self.cursor.take_sign("/") {
                if let [only] = names.as_slice()
                    && self.variables.iter().any(|(variable, _)| variable == only)
                {
                    // It stands for a record, which is compared with nothing.
                    return Err(self.cursor.expected("a property"));
                }
                return Ok(Some(Side::Field(self.path(&names, at)?)));
            }
        }
    }

    /// `any(c:c/lastname eq 'x')`, after the navigation that leads there.
    fn lambda(&mut self, names: &[&'t str]) -> Result<(), SyntaxError> {
        let at = self.cursor.at();
        self.cursor.any_word()?;
        self.cursor.sign("(")?;
        if self.cursor.take_sign(")") {
            return Ok(());
        }
        let variable = self.cursor.name()?;
        self.cursor.sign(":")?;
        if self.variables.iter().any(|(taken, _)| *taken == variable) {
            return Err(SyntaxError::Expected { expected: "a variable of its own", at });
        }
        let leads_to = self.path(names, at)?.names;
        self.variables.push((variable, leads_to));
        self.cursor.enter()?;
        self.condition()?;
        self.cursor.leave();
        self.variables.pop();
        self.cursor.sign(")")
    }

    /// The path from the resource of the request.
    pub(super) fn path<S: AsRef<str>>(&self, names: &[S], at: usize) -> Result<Path, SyntaxError> {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let variable = names
            .first()
            .and_then(|first| self.variables.iter().find(|(variable, _)| variable == first));
        let (start, rest) = match (variable, names.split_first()) {
            (Some((_, leads_to)), Some((_, rest))) => (leads_to, rest),
            _ => (&self.base, names.as_slice()),
        };
        if start.len() + rest.len() > MAX_STEPS {
            return Err(SyntaxError::TooDeep(at));
        }
        let names = start.iter().cloned().chain(rest.iter().map(|name| (*name).to_owned()));
        Ok(Path { names: names.collect(), at })
    }

    pub(super) fn use_all(
        &mut self,
        fields: impl IntoIterator<Item = Path>,
        operator: &'static str,
    ) {
        let uses = fields.into_iter().map(|field| FieldUse { field, operator });
        self.found.uses.extend(uses);
    }
}

/// What a text is to a property that is given to this function with it. Dataverse takes some
/// signs in it for wildcards ("Use wildcard characters in conditions for string values").
fn search(function: &'static str, value: &Value) -> Option<Role> {
    let Value::Text(text) = value else { return None };
    if text.expose().contains(['%', '_', '[', '\\']) {
        return None;
    }
    let pattern = match function {
        "contains" => Pattern::contains(text.clone()),
        "startswith" => Pattern::begins_with(text.clone()),
        "endswith" => Pattern::ends_with(text.clone()),
        _ => return None,
    };
    Some(Role::Pattern { pattern, operator: function })
}
