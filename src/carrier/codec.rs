// SPDX-License-Identifier: Apache-2.0

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// How text is written at a place: the escaping of one syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// A JSON string literal (RFC 8259 section 7), quotes included.
    Json,
    /// A path segment or a query component of a URL, percent-encoded (RFC 3986).
    /// Everything outside the unreserved set is escaped, so it also holds for
    /// `application/x-www-form-urlencoded` values.
    Percent,
    /// A SOQL string literal, single quotes included.
    Soql,
}

/// RFC 3986 section 2.3: what never needs escaping.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Codec {
    /// `text` as a complete literal, with the delimiters the syntax asks for.
    pub fn literal(self, text: &str) -> String {
        match self {
            Codec::Json => format!("\"{}\"", self.fragment(text)),
            Codec::Percent => self.fragment(text),
            Codec::Soql => format!("'{}'", self.fragment(text)),
        }
    }

    /// Several texts as literals with commas between them.
    pub fn elements<'a>(self, texts: impl Iterator<Item = &'a str>) -> String {
        let literals: Vec<String> = texts.map(|text| self.literal(text)).collect();
        literals.join(",")
    }

    /// Elements as the syntax's list.
    pub fn list(self, elements: &str) -> String {
        match self {
            Codec::Json => format!("[{elements}]"),
            Codec::Percent => elements.to_owned(),
            Codec::Soql => format!("({elements})"),
        }
    }

    /// `text` escaped for the inside of a literal.
    pub fn fragment(self, text: &str) -> String {
        match self {
            Codec::Json => escape_json(text),
            Codec::Percent => utf8_percent_encode(text, RESERVED).to_string(),
            Codec::Soql => escape_soql(text),
        }
    }
}

fn escape_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            // U+2028 and U+2029 are line ends in JavaScript; escaping them is always safe.
            '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Salesforce, "Quoted String Escape Sequences": `\n \r \t \b \f \" \' \\`.
fn escape_soql(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\'' => escaped.push_str("\\'"),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Text taken out of its escaping, with the way back to where each byte stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedText {
    text: String,
    /// For each byte of `text`, and for its end, the offset in the escaped form.
    origin: Vec<usize>,
}

impl DecodedText {
    /// # Panics
    /// Never; the lengths are the decoder's to get right and are checked in debug builds.
    pub fn new(text: String, origin: Vec<usize>) -> Self {
        debug_assert_eq!(origin.len(), text.len() + 1);
        Self { text, origin }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the decoded range stood in the escaped form.
    pub fn origin_of(&self, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let last = self.origin.last().copied().unwrap_or(0);
        let at = |index: usize| self.origin.get(index).copied().unwrap_or(last);
        at(span.start)..at(span.end)
    }
}
