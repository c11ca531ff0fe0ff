// SPDX-License-Identifier: Apache-2.0
//! Tags of HTML, and what may be shown in them.
//!
//! Not a parser of HTML: a tag that is never closed goes on to the end of the text, and then
//! less is shown than could be.

use std::ops::Range;

/// The insides of tags, in order: each attribute in quotes with its quote, and what else
/// stands between them.
#[derive(Debug, Default)]
pub(super) struct Markup(Vec<(Range<usize>, Option<char>)>);

impl Markup {
    pub(super) fn of(text: &str) -> Self {
        let mut insides = Vec::new();
        let mut inside: Option<(usize, Option<char>)> = None;
        for (at, sign) in text.char_indices() {
            let rest = text.get(at + 1..).unwrap_or_default();
            inside = match (inside, sign) {
                (None, '<') if rest.starts_with(|it: char| it.is_ascii_alphabetic()) => {
                    Some((at, None))
                }
                (Some((start, None)), '"' | '\'') => {
                    insides.push((start..at, None));
                    Some((at, Some(sign)))
                }
                (Some((start, Some(quote))), _) if sign == quote => {
                    insides.push((start..at, Some(quote)));
                    Some((at, None))
                }
                (Some((start, None)), '>') => {
                    insides.push((start..at, None));
                    None
                }
                _ => inside,
            };
        }
        insides.extend(inside.map(|(start, quote)| (start..text.len(), quote)));
        Self(insides)
    }

    /// Whether a value that is shown at a place opens no tag, ends no attribute, and is no
    /// link of its own making.
    pub(super) fn takes(&self, value: &str, at: usize) -> bool {
        let inside = self.0.partition_point(|(inside, _)| inside.end <= at);
        let inside = self.0.get(inside).filter(|(inside, _)| inside.contains(&at));
        match inside {
            None => !value.contains('<'),
            Some((_, Some(quote))) => !value.contains(['<', ':', *quote]),
            Some((_, None)) => {
                !value.contains(|it: char| it.is_whitespace() || "<>:\"'`=".contains(it))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, value: &str, is_taken: bool) {
        let at = text.find('@').unwrap();
        assert_eq!(Markup::of(text).takes(value, at), is_taken, "{text} {value}");
    }

    #[test]
    fn a_value_ends_no_attribute() {
        let quoted = "\"onclick=alert(1) \"x";
        for text in ["@", "<p>@</p>", "1 < 2 \" @", "<a title=\"x\">@", "<a b='>'>@"] {
            check(text, quoted, true);
            check(text, "O'Brien", true);
            check(text, "x<b", false);
        }
        check("<a title=\"Frau @\">", "O'Brien", true);
        check("<a title='Frau @'>", "O'Brien", false);
        for text in
            ["<a title=\"@\">", "<a title=@>", "<a b=\">\" title=\"@\">", "<p><a b='\"' c=\"@"]
        {
            check(text, quoted, false);
        }
        check("<a title=@>", "x onclick=1", false);
        check("<a href=\"@\">", "javascript:alert(1)", false);
        check("<a href=\"tel:@\">", "+49 30 231", true);
    }
}
