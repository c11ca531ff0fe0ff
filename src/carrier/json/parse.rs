// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::{Entry, JsonError, Kind, MAX_VALUES};

/// A container that is not closed yet.
struct Open {
    index: usize,
    is_object: bool,
}

pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    position: usize,
    entries: Vec<Entry>,
    open: Vec<Open>,
    max_depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a [u8], max_depth: usize) -> Self {
        Self { bytes, position: 0, entries: Vec::new(), open: Vec::new(), max_depth }
    }

    /// Every value of the text, each before what it holds.
    pub(super) fn run(mut self) -> Result<Vec<Entry>, JsonError> {
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
        if self.entries.len() >= MAX_VALUES {
            return Err(JsonError::TooMany);
        }
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

pub(super) fn to_u32(offset: usize) -> u32 {
    // INVARIANT: `parse` refuses longer texts.
    u32::try_from(offset).unwrap_or(u32::MAX)
}
