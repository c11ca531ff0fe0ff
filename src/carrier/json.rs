// SPDX-License-Identifier: Apache-2.0
//! JSON by locate and splice: a strict parser that keeps where everything stood.
//!
//! [`Json::parse`] accepts exactly RFC 8259, and refuses beyond that what two
//! parsers could read differently: duplicate keys (compared after unescaping),
//! invalid UTF-8, lone surrogates, a byte order mark, bytes after the value,
//! and nesting deeper than the limit. Numbers are kept in their spelling.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use crate::base::Cleartext;

use super::{DecodedText, Removal, Value};

/// Nesting that a parse accepts unless told otherwise.
pub const DEFAULT_MAX_DEPTH: usize = 64;

/// A JSON text and where each value in it stands.
#[derive(Debug)]
pub struct Json<'a> {
    text: &'a str,
    /// In document order: each value before its children.
    entries: Vec<Entry>,
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
        let entries =
            Parser { bytes, position: 0, entries: Vec::new(), open: Vec::new(), max_depth }
                .run()?;
        let json = Self { text, entries };
        json.refuse_duplicate_keys()?;
        Ok(json)
    }

    pub fn root(&self) -> Node<'_> {
        Node { json: self, index: 0 }
    }

    fn refuse_duplicate_keys(&self) -> Result<(), JsonError> {
        /// Up to here, comparing each pair is faster than hashing.
        const FEW: usize = 12;
        let objects =
            self.entries.iter().enumerate().filter(|(_, entry)| entry.kind == Kind::Object);
        for (index, _) in objects {
            let node = Node { json: self, index: to_u32(index) };
            if node.children().nth(FEW).is_none() {
                for (position, member) in node.members().enumerate() {
                    if node.members().take(position).any(|earlier| earlier.key == member.key) {
                        return Err(JsonError::DuplicateKey(member.value.key_span().start));
                    }
                }
            } else {
                let mut seen = HashSet::new();
                for member in node.members() {
                    let at = member.value.key_span().start;
                    if !seen.insert(member.key) {
                        return Err(JsonError::DuplicateKey(at));
                    }
                }
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
        (entry.kind == Kind::String).then(|| decode(self.json.slice(self.inner_span())))
    }

    /// The bytes of the value as they stand.
    pub fn raw(&self) -> &'a str {
        self.json.slice(self.span())
    }

    /// The value as an occurrence holds it.
    pub fn value(&self) -> Value {
        match self.kind() {
            Kind::Null => Value::Empty,
            Kind::String => match self.text().unwrap_or_default() {
                text if text.is_empty() => Value::Empty,
                text => Value::Text(Cleartext::new(text)),
            },
            Kind::Number => Value::Text(Cleartext::new(self.raw())),
            Kind::True | Kind::False => Value::Structured("a boolean"),
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

fn to_u32(offset: usize) -> u32 {
    // INVARIANT: `parse` refuses longer texts.
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn unescape(inner: &str, escaped: bool) -> Cow<'_, str> {
    if escaped { Cow::Owned(decode(inner).as_str().to_owned()) } else { Cow::Borrowed(inner) }
}

/// Takes the escapes out of the inside of a string that has been validated.
fn decode(inner: &str) -> DecodedText {
    let mut text = String::with_capacity(inner.len());
    let mut origin = Vec::with_capacity(inner.len() + 1);
    let mut rest = inner;
    while let Some(first) = rest.chars().next() {
        let at = inner.len() - rest.len();
        let (character, length) =
            if first == '\\' { decode_escape(rest) } else { (first, first.len_utf8()) };
        text.push(character);
        origin.extend(std::iter::repeat_n(at, character.len_utf8()));
        rest = rest.get(length..).unwrap_or_default();
    }
    origin.push(inner.len());
    DecodedText::new(text, origin)
}

/// The character that a validated escape stands for, and the escape's length.
fn decode_escape(escape: &str) -> (char, usize) {
    let unit = |at: usize| escape.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match escape.as_bytes().get(1) {
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => {
            let high = unit(2).unwrap_or_default();
            if let Some(character) = char::from_u32(high) {
                return (character, 6);
            }
            let low = unit(8).unwrap_or_default();
            let scalar = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
            (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        Some(other) => (char::from(*other), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// A container that is not closed yet.
struct Open {
    index: usize,
    is_object: bool,
}

struct Parser<'a> {
    bytes: &'a [u8],
    position: usize,
    entries: Vec<Entry>,
    open: Vec<Open>,
    max_depth: usize,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Vec<Entry>, JsonError> {
        self.skip_white_space();
        self.value(None)?;
        while let Some(open) = self.open.last() {
            let (index, is_object) = (open.index, open.is_object);
            self.skip_white_space();
            let is_first = self.entries.len() == index + 1;
            let close = if is_object { b'}' } else { b']' };
            match self.peek()? {
                byte if byte == close => {
                    self.position += 1;
                    self.close(index);
                    continue;
                }
                b',' if !is_first => {
                    self.position += 1;
                    self.skip_white_space();
                }
                _ if is_first => {}
                _ => return Err(JsonError::Syntax(self.position)),
            }
            let key = if is_object { Some(self.key()?) } else { None };
            self.value(key)?;
        }
        self.skip_white_space();
        if self.position < self.bytes.len() {
            return Err(JsonError::Syntax(self.position));
        }
        Ok(self.entries)
    }

    fn peek(&self) -> Result<u8, JsonError> {
        self.bytes.get(self.position).copied().ok_or(JsonError::UnexpectedEnd)
    }

    fn skip_white_space(&mut self) {
        while matches!(self.bytes.get(self.position), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn key(&mut self) -> Result<(Range<usize>, bool), JsonError> {
        if self.peek()? != b'"' {
            return Err(JsonError::Syntax(self.position));
        }
        let start = self.position;
        let escaped = self.string()?;
        let end = self.position;
        self.skip_white_space();
        if self.peek()? != b':' {
            return Err(JsonError::Syntax(self.position));
        }
        self.position += 1;
        self.skip_white_space();
        Ok((start..end, escaped))
    }

    fn value(&mut self, key: Option<(Range<usize>, bool)>) -> Result<(), JsonError> {
        let start = self.position;
        let (kind, escaped) = match self.peek()? {
            b'{' => (Kind::Object, false),
            b'[' => (Kind::Array, false),
            b'"' => (Kind::String, self.string()?),
            b't' => (self.word(b"true", Kind::True)?, false),
            b'f' => (self.word(b"false", Kind::False)?, false),
            b'n' => (self.word(b"null", Kind::Null)?, false),
            b'-' | b'0'..=b'9' => (self.number()?, false),
            _ => return Err(JsonError::Syntax(start)),
        };
        let (key, key_escaped) = key.unwrap_or_default();
        let index = self.entries.len();
        self.entries.push(Entry {
            kind,
            escaped,
            key_escaped,
            start: to_u32(start),
            end: to_u32(self.position),
            key_start: to_u32(key.start),
            key_end: to_u32(key.end),
            next: to_u32(index + 1),
        });
        if matches!(kind, Kind::Object | Kind::Array) {
            if self.open.len() >= self.max_depth {
                return Err(JsonError::TooDeep(self.max_depth));
            }
            self.position += 1;
            self.open.push(Open { index, is_object: kind == Kind::Object });
        }
        Ok(())
    }

    fn close(&mut self, index: usize) {
        let (end, next) = (to_u32(self.position), to_u32(self.entries.len()));
        if let Some(entry) = self.entries.get_mut(index) {
            entry.end = end;
            entry.next = next;
        }
        self.open.pop();
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Kind, JsonError> {
        let found = self.bytes.get(self.position..self.position + word.len());
        if found != Some(word) {
            return Err(JsonError::Syntax(self.position));
        }
        self.position += word.len();
        Ok(kind)
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<Kind, JsonError> {
        if self.peek()? == b'-' {
            self.position += 1;
        }
        if self.peek()? == b'0' {
            self.position += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.position) == Some(&b'.') {
            self.position += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.position), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.bytes.get(self.position), Some(b'+' | b'-')) {
                self.position += 1;
            }
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.position;
        while matches!(self.bytes.get(self.position), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        if self.position == start {
            return Err(match self.bytes.get(start) {
                Some(_) => JsonError::Syntax(start),
                None => JsonError::UnexpectedEnd,
            });
        }
        Ok(())
    }

    /// Passes a string token; says whether it holds escapes.
    fn string(&mut self) -> Result<bool, JsonError> {
        let mut escaped = false;
        self.position += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.position += 1;
                    return Ok(escaped);
                }
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                0..=0x1f => return Err(JsonError::Syntax(self.position)),
                _ => self.position += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let at = self.position;
        self.position += 1;
        match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.position += 1,
            b'u' => match self.unit()? {
                0xd800..=0xdbff => {
                    let is_pair = self.bytes.get(self.position) == Some(&b'\\')
                        && self.bytes.get(self.position + 1) == Some(&b'u');
                    if !is_pair {
                        return Err(JsonError::Syntax(at));
                    }
                    self.position += 1;
                    if !(0xdc00..=0xdfff).contains(&self.unit()?) {
                        return Err(JsonError::Syntax(at));
                    }
                }
                0xdc00..=0xdfff => return Err(JsonError::Syntax(at)),
                _ => {}
            },
            _ => return Err(JsonError::Syntax(at)),
        }
        Ok(())
    }

    /// The code unit of `uXXXX`, with the position on the `u`.
    fn unit(&mut self) -> Result<u32, JsonError> {
        self.position += 1;
        let digits =
            self.bytes.get(self.position..self.position + 4).ok_or(JsonError::UnexpectedEnd)?;
        let mut unit = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or(JsonError::Syntax(self.position))?;
            unit = unit * 16 + value;
        }
        self.position += 4;
        Ok(unit)
    }
}
