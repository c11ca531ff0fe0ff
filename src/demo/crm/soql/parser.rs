// SPDX-License-Identifier: Apache-2.0

use super::lexer::{Token, tokens};

#[derive(Debug, PartialEq)]
pub(in crate::demo::crm) struct Statement {
    pub(in crate::demo::crm) selection: Selection,
    pub(in crate::demo::crm) object: String,
    pub(super) condition: Option<Condition>,
    pub(super) order: Vec<SortKey>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

#[derive(Debug, PartialEq)]
pub(in crate::demo::crm) enum Selection {
    Count,
    Fields(Vec<String>),
}

#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare { field: String, operator: Operator, literal: Literal },
    In { field: String, literals: Vec<Literal>, is_negated: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Plain(String),
    Bool(bool),
    Null,
}

#[derive(Debug, PartialEq)]
pub(super) struct SortKey {
    pub(super) field: String,
    pub(super) is_descending: bool,
    pub(super) nulls_last: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::demo::crm) enum SoqlError {
    #[error("unexpected token: '{0}'")]
    Unexpected(String),
    #[error("unexpected token: '<EOF>'")]
    Ended,
    #[error("expecting a right quote, found '<EOF>'")]
    UnclosedText,
    #[error("the statement is too deeply nested")]
    TooDeep,
}

impl SoqlError {
    pub(super) fn unexpected(found: impl Into<String>) -> Self {
        Self::Unexpected(found.into())
    }
}

const MAX_DEPTH: usize = 64;

pub(in crate::demo::crm) fn parse(text: &str) -> Result<Statement, SoqlError> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable() };
    parser.keyword("SELECT")?;
    let selection = parser.selection()?;
    parser.keyword("FROM")?;
    let object = parser.word()?;
    let condition = if parser.takes("WHERE") { Some(parser.condition(0)?) } else { None };
    let order = if parser.takes("ORDER") { parser.order()? } else { Vec::new() };
    let limit = if parser.takes("LIMIT") { Some(parser.count()?) } else { None };
    let offset = if parser.takes("OFFSET") { parser.count()? } else { 0 };
    match parser.tokens.next() {
        None => Ok(Statement { selection, object, condition, order, limit, offset }),
        Some(token) => Err(unexpected(token)),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn selection(&mut self) -> Result<Selection, SoqlError> {
        let mut fields = vec![self.word()?];
        if self.takes_symbol("(") {
            self.symbol(")")?;
            return match fields.pop() {
                Some(name) if name.eq_ignore_ascii_case("COUNT") => Ok(Selection::Count),
                name => Err(SoqlError::unexpected(name.unwrap_or_default())),
            };
        }
        while self.takes_symbol(",") {
            fields.push(self.word()?);
        }
        Ok(Selection::Fields(fields))
    }

    fn condition(&mut self, depth: usize) -> Result<Condition, SoqlError> {
        let first = self.operand(depth)?;
        for (keyword, other) in [("AND", "OR"), ("OR", "AND")] {
            if !self.peeks(keyword) {
                continue;
            }
            let mut operands = vec![first];
            while self.takes(keyword) {
                operands.push(self.operand(depth)?);
            }
            if self.peeks(other) {
                return Err(SoqlError::unexpected(other));
            }
            return Ok(match keyword {
                "AND" => Condition::All(operands),
                _ => Condition::Any(operands),
            });
        }
        Ok(first)
    }

    fn operand(&mut self, depth: usize) -> Result<Condition, SoqlError> {
        if depth > MAX_DEPTH {
            return Err(SoqlError::TooDeep);
        }
        if self.takes("NOT") {
            return Ok(Condition::Not(Box::new(self.operand(depth + 1)?)));
        }
        if self.takes_symbol("(") {
            let inner = self.condition(depth + 1)?;
            self.symbol(")")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, SoqlError> {
        let field = self.word()?;
        if self.takes("IN") {
            return Ok(Condition::In { field, literals: self.literals()?, is_negated: false });
        }
        if self.takes("NOT") {
            self.keyword("IN")?;
            return Ok(Condition::In { field, literals: self.literals()?, is_negated: true });
        }
        let operator = match self.next()? {
            Token::Symbol("=") => Operator::Equal,
            Token::Symbol("!=" | "<>") => Operator::NotEqual,
            Token::Symbol("<") => Operator::Less,
            Token::Symbol("<=") => Operator::LessOrEqual,
            Token::Symbol(">") => Operator::Greater,
            Token::Symbol(">=") => Operator::GreaterOrEqual,
            Token::Word(word) if word.eq_ignore_ascii_case("LIKE") => Operator::Like,
            token => return Err(unexpected(token)),
        };
        Ok(Condition::Compare { field, operator, literal: self.literal()? })
    }

    fn literals(&mut self) -> Result<Vec<Literal>, SoqlError> {
        self.symbol("(")?;
        let mut literals = vec![self.literal()?];
        while self.takes_symbol(",") {
            literals.push(self.literal()?);
        }
        self.symbol(")")?;
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal, SoqlError> {
        match self.next()? {
            Token::Text(text) => Ok(Literal::Text(text)),
            Token::Plain(text) => Ok(Literal::Plain(text)),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Ok(Literal::Null),
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Ok(Literal::Bool(true)),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Ok(Literal::Bool(false)),
            token => Err(unexpected(token)),
        }
    }

    fn order(&mut self) -> Result<Vec<SortKey>, SoqlError> {
        self.keyword("BY")?;
        let mut keys = Vec::new();
        loop {
            let field = self.word()?;
            let is_descending = self.takes("DESC");
            if !is_descending {
                self.takes("ASC");
            }
            let nulls_last = if self.takes("NULLS") {
                let is_last = self.takes("LAST");
                if !is_last {
                    self.keyword("FIRST")?;
                }
                is_last
            } else {
                false
            };
            keys.push(SortKey { field, is_descending, nulls_last });
            if !self.takes_symbol(",") {
                return Ok(keys);
            }
        }
    }

    fn count(&mut self) -> Result<usize, SoqlError> {
        match self.next()? {
            Token::Plain(text) => text.parse().map_err(|_| SoqlError::Unexpected(text)),
            token => Err(unexpected(token)),
        }
    }

    fn next(&mut self) -> Result<Token, SoqlError> {
        self.tokens.next().ok_or(SoqlError::Ended)
    }

    fn word(&mut self) -> Result<String, SoqlError> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            token => Err(unexpected(token)),
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), SoqlError> {
        match self.next()? {
            Token::Word(word) if word.eq_ignore_ascii_case(keyword) => Ok(()),
            token => Err(unexpected(token)),
        }
    }

    fn symbol(&mut self, symbol: &str) -> Result<(), SoqlError> {
        match self.next()? {
            Token::Symbol(found) if found == symbol => Ok(()),
            token => Err(unexpected(token)),
        }
    }

    fn peeks(&mut self, keyword: &str) -> bool {
        matches!(self.tokens.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is_next = self.peeks(keyword);
        if is_next {
            self.tokens.next();
        }
        is_next
    }

    fn takes_symbol(&mut self, symbol: &str) -> bool {
        self.tokens
            .next_if(|token| matches!(token, Token::Symbol(found) if *found == symbol))
            .is_some()
    }
}

fn unexpected(token: Token) -> SoqlError {
    match token {
        Token::Word(text) | Token::Text(text) | Token::Plain(text) => SoqlError::Unexpected(text),
        Token::Symbol(symbol) => SoqlError::unexpected(symbol),
    }
}
