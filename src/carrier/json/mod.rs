// SPDX-License-Identifier: Apache-2.0
//! JSON by locate and splice: a strict parser that keeps where everything stood.
//!
//! [`Json::parse`] accepts exactly RFC 8259, and refuses beyond that what two
//! parsers could read differently: duplicate keys (compared after unescaping),
//! invalid UTF-8, lone surrogates, a byte order mark, bytes after the value,
//! and nesting deeper than the limit. Numbers are kept in their spelling.

mod escape;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::base::Cleartext;

use self::escape::{decode, unescape};
use self::parse::{Parser, to_u32};
use super::{DecodedText, Removal, Value};

/// Nesting that a parse accepts unless told otherwise.
pub const DEFAULT_MAX_DEPTH: usize = 64;

/// Values of all kinds that one text may hold: what is kept of each takes far more
/// memory than its bytes.
pub const MAX_VALUES: usize = 250_000;

/// A JSON text and where each value in it stands.
pub struct Json<'a> {
    text: &'a str,
    /// In document order: each value before its children.
    entries: Vec<Entry>,
}

/// Names sizes only: the text holds values.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json")
            .field("bytes", &self.text.len())
            .field("values", &self.entries.len())
            .finish()
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: Kind,
    /// The value contains a backslash (strings only).
    escaped: bool,
    key_escaped: bool,
    start: u32,
    end: u32,
    /// The key's string token with quotes; empty for elements and the root.
    key_start: u32,
    key_end: u32,
    /// The index of the first entry after this value and all it holds.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// Not JSON, or JSON that two parsers could read differently. Names offsets,
/// never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("it is not valid UTF-8 at byte {0}")]
    Encoding(usize),
    #[error("it is not valid JSON at byte {0}")]
    Syntax(usize),
    #[error("it ends early")]
    UnexpectedEnd,
    #[error("an object has the same key twice at byte {0}")]
    DuplicateKey(usize),
    #[error("it is nested deeper than {0} levels")]
    TooDeep(usize),
    #[error("it is larger than 4 GiB")]
    TooLarge,
    #[error("it holds more than {MAX_VALUES} values")]
    TooMany,
}

/// One value of a [`Json`] text.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    json: &'a Json<'a>,
    index: u32,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    pub key: Cow<'a, str>,
    pub value: Node<'a>,
}

impl<'a> Json<'a> {
    /// # Errors
    /// [`JsonError`] for anything that is not one JSON value beyond doubt.
    pub fn parse(bytes: &'a [u8], max_depth: usize) -> Result<Self, JsonError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(JsonError::TooLarge);
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| JsonError::Encoding(error.valid_up_to()))?;
        let entries = Parser::new(bytes, max_depth).run()?;
        let json = Self { text, entries };
        json.refuse_duplicate_keys()?;
        Ok(json)
    }

    pub fn root(&self) -> Node<'_> {
        Node { json: self, index: 0 }
    }

    /// How many values of all kinds it holds.
    pub fn value_count(&self) -> usize {
        self.entries.len()
    }

    /// Sorts the keys of each object, so that its cost stays near-linear whatever
    /// the sender chose.
    fn refuse_duplicate_keys(&self) -> Result<(), JsonError> {
        let mut keys: Vec<(Cow<'_, str>, u32)> = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.kind != Kind::Object {
                continue;
            }
            keys.clear();
            let object = Node { json: self, index: to_u32(index) };
            keys.extend(object.children().map(|value| (value.key(), value.entry().key_start)));
            keys.sort_unstable();
            let same = keys.iter().zip(keys.iter().skip(1)).find(|((a, _), (b, _))| a == b);
            if let Some((_, (_, at))) = same {
                return Err(JsonError::DuplicateKey(*at as usize));
            }
        }
        Ok(())
    }

    fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

impl<'a> Node<'a> {
    fn entry(&self) -> Entry {
        #[expect(
            clippy::indexing_slicing,
            reason = "nodes are made only with indexes of their own tree"
        )]
        self.json.entries[self.index as usize]
    }

    pub fn kind(&self) -> Kind {
        self.entry().kind
    }

    /// Where the whole value stands, quotes included.
    pub fn span(&self) -> Range<usize> {
        let entry = self.entry();
        entry.start as usize..entry.end as usize
    }

    /// Where the key of this value stands, quotes included; empty for elements.
    pub fn key_span(&self) -> Range<usize> {
        let entry = self.entry();
        entry.key_start as usize..entry.key_end as usize
    }

    /// Where the inside of a string stands, without the quotes.
    pub fn inner_span(&self) -> Range<usize> {
        let span = self.span();
        span.start + 1..span.end.saturating_sub(1).max(span.start + 1)
    }

    /// The values of an array or an object.
    pub fn children(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let entry = self.entry();
        let json = self.json;
        let holds = matches!(entry.kind, Kind::Object | Kind::Array);
        let first = if holds { self.index + 1 } else { entry.next };
        let end = entry.next;
        let mut index = first;
        std::iter::from_fn(move || {
            let node = (index < end).then_some(Node { json, index })?;
            index = node.entry().next;
            Some(node)
        })
    }

    /// The elements of an array; nothing for other kinds.
    pub fn elements(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let is_array = self.kind() == Kind::Array;
        self.children().filter(move |_| is_array)
    }

    /// The members of an object; nothing for other kinds.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> + use<'a> {
        let is_object = self.kind() == Kind::Object;
        self.children().filter(move |_| is_object).map(|value| Member { key: value.key(), value })
    }

    /// The member of an object with this very key.
    pub fn get(&self, key: &str) -> Option<Node<'a>> {
        self.members().find(|member| member.key == key).map(|member| member.value)
    }

    /// The text of a string.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let entry = self.entry();
        (entry.kind == Kind::String)
            .then(|| unescape(self.json.slice(self.inner_span()), entry.escaped))
    }

    /// The text of a string, with the way back to where each byte stood inside
    /// the quotes.
    pub fn decoded(&self) -> Option<DecodedText> {
        let entry = self.entry();
        (entry.kind == Kind::String)
            .then(|| decode(self.json.slice(self.inner_span()), entry.escaped))
    }

    /// The bytes of the value as they stand.
    pub fn raw(&self) -> &'a str {
        self.json.slice(self.span())
    }

    /// The value as an occurrence holds it.
    pub fn value(&self) -> Value {
        match self.kind() {
            Kind::Null => Value::Empty,
            Kind::String => Value::from(self.text().unwrap_or_default().into_owned()),
            Kind::Number => Value::Text(Cleartext::new(self.raw())),
            Kind::True => Value::Flag(true),
            Kind::False => Value::Flag(false),
            Kind::Object => Value::Structured("an object"),
            Kind::Array => Value::Structured("a list"),
        }
    }

    /// How to take this member or element out of what holds it.
    pub fn removal(&self) -> Option<Removal> {
        if self.index == 0 {
            return None;
        }
        let entry = self.entry();
        let start = if entry.key_end > 0 { entry.key_start } else { entry.start } as usize;
        let end = entry.end as usize;
        let head = self.json.slice(0..start).trim_end_matches(WHITE_SPACE);
        let tail = self.json.slice(end..self.json.text.len());
        let after = end + (tail.len() - tail.trim_start_matches(WHITE_SPACE).len());
        Some(Removal {
            member: start..end,
            before: head.ends_with(',').then(|| head.len() - 1),
            after: self.json.slice(after..self.json.text.len()).starts_with(',').then_some(after),
        })
    }

    fn key(&self) -> Cow<'a, str> {
        let entry = self.entry();
        let inner = entry.key_start as usize + 1..(entry.key_end as usize).saturating_sub(1);
        unescape(self.json.slice(inner), entry.key_escaped)
    }
}

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
