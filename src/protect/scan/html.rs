// SPDX-License-Identifier: Apache-2.0
//! What a reader sees of a text, with the way back to where it stands: without markup and
//! what shows nothing, and in the usual signs where there are others that look alike.
//!
//! Not a parser of HTML: a view that shows too little or too much only moves what is looked
//! at, because the text as it stands is looked at as well.

use std::ops::Range;

/// Text taken out of markup.
#[derive(Default)]
pub(super) struct View {
    text: String,
    /// For each byte of the text, where the character that it is of stands.
    origin: Vec<Range<usize>>,
}

/// Elements that do not part words.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "em", "font", "i", "ins", "kbd", "mark",
    "q", "s", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "wbr",
];

/// The longest entity, its signs left out.
const MAX_ENTITY: usize = 10;

/// The longest comment, in bytes: beyond it, its text is looked at like any other.
const MAX_COMMENT: usize = 1024;

/// Zeros of scripts, each with nine digits behind it: Arabic, Persian, Devanagari, Bengali,
/// Thai, and five kinds for mathematics.
const ZEROS: &[char] = &['٠', '۰', '०', '০', '๐', '𝟎', '𝟘', '𝟢', '𝟬', '𝟶'];

/// Whether there is anything that only a view shows.
pub(super) fn may_hide(text: &str) -> bool {
    text.contains(|it| matches!(it, '<' | '&' | '%') || usual(it) != Some(it))
}

/// The text between the tags, and what stands in attributes and links.
pub(super) fn views(text: &str) -> [View; 2] {
    let (mut shown, mut hidden) = (View::default(), View::default());
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(tag) = tag(rest) {
            let end = at + tag.len();
            if !is_inline(tag) {
                shown.push('\n', at..end);
            }
            hidden.push('\n', at..at + 1);
            hidden.decode(text, at..end, true);
            hidden.push('\n', end..end);
            at = end;
        } else {
            let length = rest.char_indices().skip(1).find(|(_, it)| *it == '<');
            let end = at + length.map_or(rest.len(), |(length, _)| length);
            shown.decode(text, at..end, false);
            hidden.decode(text, at..end, true);
            at = end;
        }
    }
    [shown, hidden]
}

/// A text without its tags, and the tags.
pub(super) fn parted(text: &str) -> (String, String) {
    let (mut value, mut tags) = (String::with_capacity(text.len()), String::new());
    let mut rest = text;
    while !rest.is_empty() {
        let found = tag(rest);
        let length = match found {
            Some(tag) => tag.len(),
            None => rest
                .char_indices()
                .skip(1)
                .find(|(_, it)| *it == '<')
                .map_or(rest.len(), |(at, _)| at),
        };
        let (head, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if found.is_some() {
            tags.push_str(head);
        } else {
            value.push_str(head);
        }
        rest = tail;
    }
    (value, tags)
}

/// The tag or comment that a text begins with.
fn tag(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('<')?;
    if inside.starts_with("!--") {
        let near = text.as_bytes().get(..MAX_COMMENT).unwrap_or(text.as_bytes());
        let end = near.windows(3).position(|window| window == b"-->")?;
        return text.get(..end + 3);
    }
    let is_tag = inside
        .trim_start_matches('/')
        .starts_with(|it: char| it.is_ascii_alphabetic() || it == '!');
    let end = inside
        .find(['<', '>'])
        .filter(|end| inside.get(*end..).is_some_and(|it| it.starts_with('>')))?;
    is_tag.then(|| text.get(..end + 2))?
}

fn is_inline(tag: &str) -> bool {
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default().to_ascii_lowercase();
    tag.starts_with("<!--") || INLINE.contains(&name.as_str())
}

impl View {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where a range stands.
    pub(super) fn origin(&self, span: &Range<usize>) -> Range<usize> {
        let first = self.origin.get(span.start).map_or(0, |it| it.start);
        let last = span.end.checked_sub(1).and_then(|at| self.origin.get(at));
        first..last.map_or(first, |it| it.end).max(first)
    }

    fn push(&mut self, character: char, origin: Range<usize>) {
        self.text.push(character);
        self.origin.extend(std::iter::repeat_n(origin, character.len_utf8()));
    }

    /// Takes a range of a text, its entities and maybe its percent-encoding decoded.
    fn decode(&mut self, text: &str, range: Range<usize>, is_link: bool) {
        let mut at = range.start;
        while let Some(rest) = text.get(at..range.end).filter(|rest| !rest.is_empty()) {
            let Some(first) = rest.chars().next() else { break };
            let decoded = match first {
                '&' => entity(rest),
                '%' if is_link => percent(rest),
                _ => None,
            };
            let (character, length) = decoded.unwrap_or((first, first.len_utf8()));
            if let Some(character) = usual(character) {
                self.push(character, at..at + length);
            }
            at += length;
        }
    }
}

/// The character that an entity at the start of a text stands for, and how long it is.
fn entity(text: &str) -> Option<(char, usize)> {
    let inside = text.strip_prefix('&')?;
    let end = inside.bytes().take(MAX_ENTITY).position(|byte| byte == b';')?;
    let name = inside.get(..end)?;
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let hexadecimal = number.strip_prefix(['x', 'X']);
            let code = match hexadecimal {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
        None => named(name)?,
    };
    Some((character, end + 2))
}

fn named(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" | "lsquo" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "commat" => '@',
        "period" => '.',
        "plus" => '+',
        "lpar" => '(',
        "rpar" => ')',
        "sol" => '/',
        "hyphen" | "dash" | "ndash" => '-',
        "lowbar" => '_',
        "num" => '#',
        "shy" | "zwnj" | "zwj" | "ZeroWidthSpace" => '\u{200b}',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "aacute" => 'á',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        "oslash" => 'ø',
        "aring" => 'å',
        _ => return None,
    })
}

/// The usual sign for a space, hyphen, digit, or ASCII in the width of East Asian characters;
/// `None` for what shows nothing by itself, accents that are combined with letters included.
fn usual(character: char) -> Option<char> {
    let moved = |down: u32| char::from_u32(u32::from(character) - down);
    match character {
        _ if character.is_ascii() => Some(character),
        '\u{ad}'
        | '\u{300}'..='\u{36f}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Some('-'),
        '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '！'..='～' => moved(u32::from('！') - u32::from('!')),
        _ if character.is_whitespace() => Some(' '),
        _ if character.is_alphabetic() => Some(character),
        _ => match ZEROS.iter().find(|zero| (**zero..=nine(**zero)).contains(&character)) {
            Some(zero) => moved(u32::from(*zero) - u32::from('0')),
            None => Some(character),
        },
    }
}

fn nine(zero: char) -> char {
    char::from_u32(u32::from(zero) + 9).unwrap_or(zero)
}

/// A percent-encoded character of ASCII.
fn percent(text: &str) -> Option<(char, usize)> {
    let digits = text.get(1..3)?;
    let byte = u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)?;
    digits.bytes().all(|it| it.is_ascii_hexdigit()).then_some((char::from(byte), 3))
}
