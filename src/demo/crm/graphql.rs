// SPDX-License-Identifier: Apache-2.0
//! A small reader of GraphQL, independent of the proxy's: operations with variables,
//! fragments, aliases; directives are passed over.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: BTreeMap<String, Vec<Selection>>,
}

#[derive(Debug, Default)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) is_mutation: bool,
    pub(super) variables: Vec<Variable>,
    pub(super) selections: Vec<Selection>,
}

#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) is_list: bool,
    pub(super) default: Option<Argument>,
}

#[derive(Debug)]
pub(super) enum Selection {
    Field(Field),
    Fragment(String),
    Inline(Vec<Selection>),
}

#[derive(Debug)]
pub(super) struct Field {
    /// What the answer calls it.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Argument)>,
    pub(super) selections: Vec<Selection>,
}

#[derive(Clone, Debug)]
pub(super) enum Argument {
    Value(Value),
    Variable(String),
    List(Vec<Argument>),
    Object(Vec<(String, Argument)>),
}

impl Argument {
    /// The value, with these variables; none where a variable has none.
    pub(super) fn with(&self, variables: &Map<String, Value>) -> Option<Value> {
        Some(match self {
            Self::Value(value) => value.clone(),
            Self::Variable(name) => variables.get(name)?.clone(),
            Self::List(all) => all.iter().filter_map(|one| one.with(variables)).collect(),
            Self::Object(members) => {
                let member =
                    |(name, value): &(String, Self)| Some((name.clone(), value.with(variables)?));
                Value::Object(members.iter().filter_map(member).collect())
            }
        })
    }
}

/// Says where the text stops making sense.
pub(super) fn parse(text: &str) -> Result<Document, String> {
    let mut reader = Reader { tokens: tokens(text)?.into_iter().peekable() };
    let mut document = Document::default();
    while let Some(token) = reader.tokens.peek().cloned() {
        match token {
            Token::Word(word) if word == "fragment" => {
                let (_, name, _, _) =
                    (reader.word()?, reader.word()?, reader.word()?, reader.word()?);
                document.fragments.insert(name, reader.selections()?);
            }
            _ => document.operations.push(reader.operation()?),
        }
    }
    Ok(document)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Sign(char),
    Spread,
}

struct Reader {
    tokens: Peekable<std::vec::IntoIter<Token>>,
}

impl Reader {
    fn operation(&mut self) -> Result<Operation, String> {
        let mut operation = Operation::default();
        if let Some(Token::Word(kind)) = self.tokens.peek().cloned() {
            self.tokens.next();
            operation.is_mutation = kind == "mutation";
            if let Some(Token::Word(_)) = self.tokens.peek() {
                operation.name = self.word()?;
            }
            if self.takes('(') {
                while !self.takes(')') {
                    operation.variables.push(self.variable()?);
                }
            }
        }
        operation.selections = self.selections()?;
        Ok(operation)
    }

    fn variable(&mut self) -> Result<Variable, String> {
        self.sign('$')?;
        let name = self.word()?;
        self.sign(':')?;
        let is_list = self.takes('[');
        self.word()?;
        self.takes('!');
        if is_list {
            self.sign(']')?;
            self.takes('!');
        }
        let default = if self.takes('=') { Some(self.argument()?) } else { None };
        Ok(Variable { name, is_list, default })
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.sign('{')?;
        let mut selections = Vec::new();
        while !self.takes('}') {
            selections.push(self.selection()?);
        }
        Ok(selections)
    }

    fn selection(&mut self) -> Result<Selection, String> {
        if self.tokens.next_if_eq(&Token::Spread).is_some() {
            let is_on = self.tokens.next_if_eq(&Token::Word("on".to_owned())).is_some();
            let name = match self.tokens.peek() {
                Some(Token::Word(_)) => Some(self.word()?),
                _ => None,
            };
            self.directives()?;
            return match name {
                Some(name) if !is_on => Ok(Selection::Fragment(name)),
                _ => Ok(Selection::Inline(self.selections()?)),
            };
        }
        let key = self.word()?;
        let name = if self.takes(':') { self.word()? } else { key.clone() };
        let arguments = self.arguments()?;
        self.directives()?;
        let has_more = self.tokens.peek() == Some(&Token::Sign('{'));
        let selections = if has_more { self.selections()? } else { Vec::new() };
        Ok(Selection::Field(Field { key, name, arguments, selections }))
    }

    fn directives(&mut self) -> Result<(), String> {
        while self.takes('@') {
            self.word()?;
            self.arguments()?;
        }
        Ok(())
    }

    fn arguments(&mut self) -> Result<Vec<(String, Argument)>, String> {
        if self.takes('(') { self.members(')') } else { Ok(Vec::new()) }
    }

    fn members(&mut self, end: char) -> Result<Vec<(String, Argument)>, String> {
        let mut members = Vec::new();
        while !self.takes(end) {
            let name = self.word()?;
            self.sign(':')?;
            members.push((name, self.argument()?));
        }
        Ok(members)
    }

    fn argument(&mut self) -> Result<Argument, String> {
        Ok(match self.tokens.next().ok_or("unexpected end")? {
            Token::Sign('$') => Argument::Variable(self.word()?),
            Token::Sign('{') => Argument::Object(self.members('}')?),
            Token::Sign('[') => {
                let mut all = Vec::new();
                while !self.takes(']') {
                    all.push(self.argument()?);
                }
                Argument::List(all)
            }
            Token::Text(text) => Argument::Value(text.into()),
            Token::Number(number) => {
                Argument::Value(serde_json::from_str(&number).map_err(|e| e.to_string())?)
            }
            Token::Word(word) => Argument::Value(match word.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                "null" => Value::Null,
                _ => word.into(),
            }),
            other => return Err(format!("unexpected token {other:?}")),
        })
    }

    fn word(&mut self) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(format!("expected a name, found {other:?}")),
        }
    }

    fn takes(&mut self, sign: char) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn sign(&mut self, sign: char) -> Result<(), String> {
        if self.takes(sign) { Ok(()) } else { Err(format!("expected '{sign}'")) }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&first) = rest.peek() {
        let token = match first {
            ' ' | '\t' | '\r' | '\n' | ',' => {
                rest.next();
                continue;
            }
            '#' => {
                while rest.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            '"' => Token::Text(string(&mut rest)?),
            '.' => {
                rest.by_ref().take(3).for_each(drop);
                Token::Spread
            }
            c if c.is_ascii_digit() || c == '-' => {
                Token::Number(run(&mut rest, |c| c.is_ascii_alphanumeric() || "+-.".contains(c)))
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                Token::Word(run(&mut rest, |c| c.is_ascii_alphanumeric() || c == '_'))
            }
            sign => {
                rest.next();
                Token::Sign(sign)
            }
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn run(rest: &mut Peekable<Chars<'_>>, belongs: impl Fn(char) -> bool) -> String {
    std::iter::from_fn(|| rest.next_if(|c| belongs(*c))).collect()
}

/// A string in simple quotes, which are those of JSON.
fn string(rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut literal = String::from(rest.next().unwrap_or_default());
    while let Some(next) = rest.next() {
        literal.push(next);
        match next {
            '\\' => literal.extend(rest.next()),
            '"' => return serde_json::from_str(&literal).map_err(|error| error.to_string()),
            _ => {}
        }
    }
    Err("a string does not end".to_owned())
}
