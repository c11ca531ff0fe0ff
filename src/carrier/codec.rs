// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::base::{Moment, MomentForm};

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
    /// In the place of a SOQL literal without quotes: a date or a time has none either.
    SoqlBare,
    /// An OData string literal, single quotes included: a quote inside is written
    /// twice (OData 4.0 ABNF, `SQUOTE-in-string`).
    OData,
    /// As [`SoqlBare`](Self::SoqlBare), in OData.
    ODataBare,
    /// The inside of an attribute value or of an element in XML 1.0, in either quotes.
    Xml,
    /// A phrase between the braces of a SOSL search, double quotes included.
    Sosl,
    /// A cell of a CSV row (RFC 4180), double quotes included.
    Csv,
    /// A COQL string literal, single quotes included.
    Coql,
    /// A value in the criteria of a Zoho search, without quotes.
    ZohoCriteria,
    /// Nothing is escaped or delimited, as in a header value.
    Plain,
}

/// Everything but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Codec {
    /// `text` as a complete literal, with the delimiters the syntax asks for.
    pub fn literal(self, text: &str) -> String {
        match self {
            Codec::Json | Codec::Csv | Codec::Sosl => format!("\"{}\"", self.fragment(text)),
            Codec::Percent | Codec::ZohoCriteria | Codec::Xml | Codec::Plain => self.fragment(text),
            Codec::SoqlBare | Codec::ODataBare if is_moment(text) => text.to_owned(),
            Codec::Soql | Codec::SoqlBare | Codec::Coql | Codec::OData | Codec::ODataBare => {
                format!("'{}'", self.fragment(text))
            }
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
            Codec::Percent
            | Codec::Csv
            | Codec::Sosl
            | Codec::ZohoCriteria
            | Codec::Xml
            | Codec::Plain => elements.to_owned(),
            Codec::Soql | Codec::SoqlBare | Codec::Coql | Codec::OData | Codec::ODataBare => {
                format!("({elements})")
            }
        }
    }

    /// `text` escaped for the inside of a literal.
    pub fn fragment(self, text: &str) -> String {
        match self {
            Codec::Json => escape_json(text),
            Codec::Percent => utf8_percent_encode(text, RESERVED).to_string(),
            Codec::Soql | Codec::SoqlBare => escape_soql(text),
            Codec::Sosl => escape_sosl(text),
            Codec::Csv => text.replace('"', "\"\""),
            // Zoho, "FAQs on COQL API": a quote is doubled. So it is in OData.
            Codec::Coql | Codec::OData | Codec::ODataBare => text.replace('\'', "''"),
            Codec::ZohoCriteria => escape_criteria(text),
            Codec::Xml => escape_xml(text),
            Codec::Plain => text.to_owned(),
        }
    }
}

fn is_moment(text: &str) -> bool {
    Moment::read(text).is_some_and(|(_, form)| form != MomentForm::Millis)
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
            '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => push_unit(&mut escaped, character),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Salesforce, "Quoted String Escape Sequences". `\b` is documented as the bell but
/// read as the backspace elsewhere, so control characters are written as `\uXXXX`.
fn escape_soql(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\'' => escaped.push_str("\\'"),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{0}'..='\u{1f}' => push_unit(&mut escaped, character),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// XML 1.0 section 2.4; line ends and tabs as references, because attribute values are
/// normalised (section 3.3.3). What has no form in XML is written as U+FFFD: one value with
/// such a character would make a whole document unreadable.
fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Salesforce, "FIND {SearchQuery}", reserved characters.
fn escape_sosl(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if SOSL_RESERVED.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Zoho, "Search Records": parentheses, commas and backslashes in values.
fn escape_criteria(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '(' | ')' | ',' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// What a SOSL term can hold with a backslash only.
pub const SOSL_RESERVED: &str = "?&|!{}[]()^~*:\\\"'+-";

/// `\uXXXX`, for a character of the basic plane.
fn push_unit(escaped: &mut String, character: char) {
    let unit = u32::from(character);
    let digit = |shift: u32| char::from_digit(unit >> shift & 0xf, 16).unwrap_or('0');
    escaped.push_str("\\u");
    escaped.extend([12, 8, 4, 0].map(digit));
}

/// Text taken out of its escaping, with the way back to where each byte stood.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodedText {
    text: String,
    /// For each byte of `text`, and for its end, the offset in the escaped form;
    /// empty where nothing was escaped.
    origin: Vec<usize>,
}

impl DecodedText {
    /// `origin` holds, for each byte of `text` and for its end, the offset in the
    /// escaped form.
    pub fn new(text: String, origin: Vec<usize>) -> Self {
        debug_assert_eq!(origin.len(), text.len() + 1);
        Self { text, origin }
    }

    /// Text in which nothing was escaped.
    pub fn verbatim(text: String) -> Self {
        Self { text, origin: Vec::new() }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same text with `head` before it, which stands nowhere.
    #[must_use]
    pub fn behind(&self, head: &str) -> Self {
        let own = (0..=self.text.len()).map(|at| self.origin_of(&(at..at)).start);
        let origin = std::iter::repeat_n(0, head.len()).chain(own).collect();
        Self::new(format!("{head}{}", self.text), origin)
    }

    /// Where the decoded range stood in the escaped form.
    pub fn origin_of(&self, span: &Range<usize>) -> Range<usize> {
        let Some(last) = self.origin.last() else { return span.clone() };
        let at = |index: usize| self.origin.get(index).unwrap_or(last);
        *at(span.start)..*at(span.end)
    }
}

/// Names the size only: the text may hold values.
impl fmt::Debug for DecodedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodedText({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{Codec, DecodedText};

    #[test]
    fn each_codec_writes_literals_and_lists() {
        let check = |codec: Codec, text, expected| assert_eq!(codec.literal(text), expected);
        check(Codec::Json, "a\"\\\n\u{8}\u{2028}ü", r#""a\"\\\n\u0008\u2028ü""#);
        check(Codec::Percent, "a b+ü/'@~-._", "a%20b%2B%C3%BC%2F%27%40~-._");
        check(Codec::Soql, "O'Brien\\\n\t\r\u{8}\"%", r#"'O\'Brien\\\n\t\r\u0008"%'"#);
        check(Codec::Sosl, "a-b'{\\@c.de", r#""a\-b\'\{\\@c.de""#);
        check(Codec::Csv, "a \"b\",\nc", "\"a \"\"b\"\",\nc\"");
        check(Codec::Coql, "O'Brien\"", "'O''Brien\"'");
        check(Codec::ZohoCriteria, r"a (b), c\", r"a \(b\)\, c\\");
        check(Codec::Plain, "https://a.example/b?c", "https://a.example/b?c");
        check(Codec::OData, "O'Brien \"%\\", "'O''Brien \"%\\'");
        check(
            Codec::Xml,
            "<a b=\"'&\n\r\t'\">ü",
            "&lt;a b=&quot;&apos;&amp;&#10;&#13;&#9;&apos;&quot;&gt;ü",
        );
        check(Codec::Xml, "a\u{0}\u{1f}\u{fffe}b", "a\u{fffd}\u{fffd}\u{fffd}b");

        let check = |codec: Codec, expected| {
            assert_eq!(codec.list(&codec.elements(["a", "b'"].into_iter())), expected);
        };
        check(Codec::Json, r#"["a","b'"]"#);
        check(Codec::Soql, r"('a','b\'')");
        check(Codec::Coql, "('a','b''')");
        check(Codec::Percent, "a,b%27");
        check(Codec::ZohoCriteria, "a,b'");
    }

    #[test]
    fn a_decoded_range_leads_back_to_its_escapes() {
        // a%C3%BCb: each byte of the `ü` stands at its own escape.
        let decoded = DecodedText::new("aüb".to_owned(), vec![0, 1, 4, 7, 8]);
        let check = |span, expected| assert_eq!(decoded.origin_of(&span), expected);
        check(0..1, 0..1);
        check(1..3, 1..7);
        check(3..4, 7..8);
        check(4..4, 8..8);
        check(0..99, 0..8);
        assert_eq!(DecodedText::verbatim("abc".to_owned()).origin_of(&(1..3)), 1..3);
        let behind = decoded.behind("/b/");
        assert_eq!(behind.as_str(), "/b/aüb");
        assert_eq!((behind.origin_of(&(3..4)), behind.origin_of(&(4..6))), (0..1, 1..7));
    }

    #[test]
    fn debug_output_holds_no_text() {
        assert_eq!(
            format!("{:?}", DecodedText::verbatim("secret".to_owned())),
            "DecodedText(6 bytes)"
        );
    }
}
