// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use super::Cleartext;
use super::words::is_one_word;

/// What part of a value it can be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SearchKind {
    /// How it begins.
    Prefix,
    /// Any three characters of it that stand together.
    Contains,
    /// Each of its words.
    Words,
}

impl SearchKind {
    pub const ALL: [Self; 3] = [Self::Prefix, Self::Contains, Self::Words];

    /// The word that policies use, which an index is bound to.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Contains => "contains",
            Self::Words => "words",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a value, or a word of it, has to look like: these texts, one after the other, with
/// anything between.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    /// None of them is empty.
    pub parts: Vec<Cleartext>,
    /// Whether it begins with the first.
    pub is_at_start: bool,
    /// Whether it ends with the last.
    pub is_at_end: bool,
    pub of: PatternOf,
}

/// What looks like a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternOf {
    /// All of a value.
    Value,
    /// One of its words.
    Word,
    /// The end of an e-mail address.
    Address,
}

impl Pattern {
    /// All values that begin with this.
    pub fn begins_with(text: Cleartext) -> Self {
        Self { is_at_start: true, ..Self::contains(text) }
    }

    /// All values that end with this.
    pub fn ends_with(text: Cleartext) -> Self {
        Self { is_at_end: true, ..Self::contains(text) }
    }

    /// All e-mail addresses that end with this.
    pub fn end_of_address(text: Cleartext) -> Self {
        Self { of: PatternOf::Address, ..Self::ends_with(text) }
    }

    /// All values that hold this anywhere.
    pub fn contains(text: Cleartext) -> Self {
        Self { parts: vec![text], is_at_start: false, is_at_end: false, of: PatternOf::Value }
    }

    /// All values with a word that a text stands for, in which `*` before or behind it means
    /// that the word goes on there. `None` where the text is not one word for everybody.
    pub fn word(text: &str) -> Option<Self> {
        let after_star = text.strip_prefix('*');
        let rest = after_star.unwrap_or(text);
        let before_star = rest.strip_suffix('*');
        let word = before_star.unwrap_or(rest);
        is_one_word(word).then(|| Self {
            parts: vec![Cleartext::new(word)],
            is_at_start: after_star.is_none(),
            is_at_end: before_star.is_none(),
            of: PatternOf::Word,
        })
    }

    /// The pattern of SQL's `LIKE`, in which `%` stands for any text. `None` where the text
    /// has other signs that mean something (`_`, `[`, `\`), or nothing but `%`.
    pub fn like(text: &str) -> Option<Self> {
        let parts = text.split('%').filter(|part| !part.is_empty()).map(Cleartext::new);
        let parts: Vec<Cleartext> = parts.collect();
        (!text.contains(['_', '[', '\\']) && !parts.is_empty()).then(|| Self {
            parts,
            is_at_start: !text.starts_with('%'),
            is_at_end: !text.ends_with('%'),
            of: PatternOf::Value,
        })
    }

    /// Whether only one text looks like this.
    pub fn is_one_text(&self) -> bool {
        self.parts.len() == 1 && self.is_at_start && self.is_at_end
    }

    /// Whether a text looks like this, where `form` is put in the place of the text and of
    /// each part.
    pub fn matches<F: AsRef<str>>(&self, text: &str, form: impl Fn(&str) -> F) -> bool {
        let text = form(text);
        let parts: Vec<F> = self.parts.iter().map(|part| form(part.expose())).collect();
        let mut parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let mut rest = text.as_ref();
        if self.is_at_end {
            let Some(last) = parts.pop() else { return rest.is_empty() };
            if self.is_at_start && parts.is_empty() {
                return rest == last;
            }
            let Some(before) = rest.strip_suffix(last) else { return false };
            rest = before;
        }
        for (at, part) in parts.into_iter().enumerate() {
            let found = match rest.find(part) {
                Some(start) if at > 0 || !self.is_at_start || start == 0 => start,
                _ => return false,
            };
            rest = rest.get(found + part.len()..).unwrap_or_default();
        }
        true
    }
}

/// Shows how many texts there are, and none of them.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pattern").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (like, matches, others) in [
            ("An%", &["An", "Anna"][..], &["an", "Ban An", ""][..]),
            ("%na", &["na", "Anna", "nana"], &["Annas", "a"]),
            ("%nn%", &["nn", "Anna"], &["Ana"]),
            ("A%a", &["Aa", "Anna", "AaA a"], &["A", "a", "Ann"]),
            ("aba%aba", &["abaaba", "aba aba"], &["aba", "ababa"]),
            ("%a%b%", &["ab", "xaxbx", "aab"], &["ba", "a"]),
            ("Anna", &["Anna"], &["Anna ", "AnnaAnna", "A"]),
        ] {
            let pattern = Pattern::like(like).unwrap();
            let is_like = |text: &&str| pattern.matches(text, str::to_owned);
            assert!(matches.iter().all(is_like), "{like}");
            assert!(!others.iter().any(is_like), "{like}");
        }
        assert!(Pattern::like("AN%").unwrap().matches("anna", str::to_lowercase));
        assert!(Pattern::like("Anna").unwrap().is_one_text());
        assert!(!Pattern::like("An%na").unwrap().is_one_text());
        for text in ["", "%", "%%", "a_b%", "[ab]%", "a\\%"] {
            assert_eq!(Pattern::like(text), None, "{text}");
        }
        assert_eq!(format!("{:?}", Pattern::like("canary%").unwrap()), "Pattern { parts: 1, .. }");
    }

    #[test]
    fn a_pattern_of_a_word_has_stars_at_its_ends() {
        for (text, is_at_start, is_at_end) in [
            ("Smith", true, true),
            ("Smi*", true, false),
            ("*ith", false, true),
            ("*mit*", false, false),
        ] {
            let word = Pattern::word(text).unwrap();
            assert_eq!((word.is_at_start, word.is_at_end), (is_at_start, is_at_end), "{text}");
            assert_eq!(word.parts[0].expose(), text.trim_matches('*'));
        }
        for text in
            ["", "*", "**", "a b", "Smith-Jones", "a*b", "**a", "O'Neil", " a", "山田", "Smith²"]
        {
            assert_eq!(Pattern::word(text), None, "{text}");
        }
    }
}
