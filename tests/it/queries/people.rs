// SPDX-License-Identifier: Apache-2.0
//! Values that records hold and queries ask for, and what hurts among them.

use crate::random::Random;

pub const RECORDS: usize = 60;

pub const FIRST_NAMES: &[&str] = &[
    "Anna",
    "anna",
    "ANNA",
    "Anna ",
    "Jürgen",
    "jürgen",
    "Jurgen",
    "Zoë",
    "Li",
    "O'Neil",
    "o'neil",
    "Eva Maria",
    "A&B <c>",
    "\"Bo\"",
    "D, E (F)",
    "back\\slash",
    "in",
    "null",
    "a:b",
    "x+y",
    "#1 ?",
    "",
];
pub const LAST_NAMES: &[&str] = &[
    "Müller",
    "MÜLLER",
    "Muller",
    "Straße",
    "STRASSE",
    "Smith",
    "smith",
    "Smith-Jones",
    "d'Arc",
    "Ng",
    "Ωmega",
    "ωmega",
    "山田",
    "or",
    "x_y",
    "true",
    "Иванов",
    "ИВАНОВ",
];
pub const CITIES: &[&str] =
    &["Köln", "köln", "Bern", "St. Gallen", "st. gallen", "'s-Hertogenbosch", ""];
pub const TITLES: &[&str] = &["CEO", "ceo", "Clerk", "Head, of (it)", ""];

/// Stored nowhere, if not by chance.
const STRANGERS: &[&str] = &[
    "Nobody",
    "ann",
    "Mülle",
    "mullers",
    "Nullius",
    "zht0000000000000000x",
    "zhe",
    "@p",
    "''",
    "{0}",
    "$x",
    "\u{a0}",
    "e\u{301}",
    "%",
    "[a]",
    "M•••",
    "*",
    "?",
];

/// A value to ask for: often one that is stored, in this or another spelling.
pub fn asked(random: &mut Random, stored: &[&str]) -> String {
    let text = match random.below(8) {
        0 => random.pick(STRANGERS),
        1 => random.pick(FIRST_NAMES),
        _ => random.pick(stored),
    };
    match random.below(12) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 if !text.is_empty() => format!("{text} "),
        3 => format!(" {text}"),
        _ => text.to_owned(),
    }
}

/// A part of a value to ask for, mostly of one that is stored.
pub fn part(random: &mut Random, value: &str) -> String {
    let characters: Vec<char> = value.chars().collect();
    let start = if random.below(3) == 0 { random.below(characters.len() + 1) } else { 0 };
    let length = random.below(characters.len() - start + 1);
    characters[start..start + length].iter().collect()
}

/// A pattern with `%` that the value may be like.
pub fn pattern(random: &mut Random, value: &str) -> String {
    let text = part(random, value);
    match random.below(6) {
        0 => format!("%{text}%"),
        1 => format!("%{text}"),
        2 => format!("{}%{text}", part(random, value)),
        _ => format!("{text}%"),
    }
}

/// A policy in which fields of these names can be searched for in part.
pub fn searchable(policy: &str, fields: &[&str]) -> &'static str {
    let mut is_found = false;
    let lines = policy.lines().map(|line| {
        let name = line.trim_start().split(':').next().unwrap_or_default();
        let is_meant = fields.contains(&name) && line.contains("protect: tokenize }");
        is_found |= is_meant;
        let search = "protect: tokenize, search: [prefix, contains, words] }";
        if is_meant { line.replace("protect: tokenize }", search) } else { line.to_owned() }
    });
    let policy = lines.collect::<Vec<_>>().join("\n");
    assert!(is_found, "{fields:?}");
    policy.leak()
}

/// The address of a record: one of few in one of some spellings, or one of its own.
pub fn address(random: &mut Random, number: usize) -> String {
    match random.below(4) {
        0 => format!("person{}@example.org", number % 5),
        1 => format!("Person{}@Example.org", number % 5),
        2 => format!("first_last.{}@example.org", number % 3),
        _ => format!("own{number}+x@example.org"),
    }
}

/// An address to ask for.
pub fn asked_address(random: &mut Random) -> String {
    let number = random.below(RECORDS);
    let text = address(random, number);
    if random.below(6) == 0 { text.to_uppercase() } else { text }
}

/// In percent-encoding that says the same, now longer, now shorter.
pub fn percent(random: &mut Random, text: &str) -> String {
    let is_thorough = random.below(3) == 0;
    let mut encoded = String::new();
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let may_stand = is_plain || b"'()*,:;=@/$!\"".contains(&byte) && random.below(4) > 0;
        if byte == b' ' && random.below(3) == 0 {
            encoded.push('+');
        } else if may_stand && !is_thorough && byte != b'"' {
            encoded.push(char::from(byte));
        } else if random.below(2) == 0 {
            encoded.extend([format!("%{byte:02X}")]);
        } else {
            encoded.extend([format!("%{byte:02x}")]);
        }
    }
    encoded
}
