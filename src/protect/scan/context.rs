// SPDX-License-Identifier: Apache-2.0
//! Words that say what the number or date behind them is.

use aho_corasick::{AhoCorasick, MatchKind};

use super::is_of_word;

/// What a word says of what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clue {
    Phone,
    Card,
    Birth,
    Address,
    /// A number of tax, social security or health insurance.
    NationalId,
    /// A number that is no person's: of an invoice, a device, a parcel.
    Thing,
    /// Nothing: it only holds a word that by itself would say something.
    Phrase,
}

/// How many bytes may lie between a clue and what it is about.
const REACH: usize = 40;

/// Up to this length, a word has to stand alone; longer ones may go on: `Telefonnummer`.
const SHORT: usize = 4;

const WORDS: &[(Clue, &[&str])] = &[
    (
        Clue::Phone,
        &[
            "tel",
            "telefon",
            "telephone",
            "phone",
            "mobil",
            "mobile",
            "handy",
            "fax",
            "telefax",
            "rückruf",
            "rueckruf",
            "durchwahl",
            "dw",
            "whatsapp",
            "signal",
            "sms",
            "anruf",
            "angerufen",
            "anrufen",
            "erreichbar unter",
            "call me",
            "call us",
            "call him",
            "call her",
            "call back",
            "called from",
            "text me",
            "messages to",
            "cell",
            "cellphone",
            "landline",
            "festnetz",
            "rufnummer",
            "my number",
            "us number",
            "contact number",
            "cn number",
            "desk",
            "office",
            "nummer ist",
            "nummer von",
        ],
    ),
    (
        Clue::Card,
        &[
            "karte",
            "kreditkarte",
            "kartennummer",
            "card",
            "creditcard",
            "visa",
            "mastercard",
            "maestro",
            "cc",
            "amex",
            "american express",
            "debit",
        ],
    ),
    (
        Clue::Birth,
        &[
            "geb",
            "geboren",
            "geburtstag",
            "geburtsdatum",
            "born",
            "birthday",
            "birthdate",
            "date of birth",
            "birth date",
            "dob",
            "d.o.b",
            "jahrgang",
        ],
    ),
    (
        Clue::Address,
        &[
            "anschrift",
            "adresse",
            "wohnhaft",
            "wohnt in",
            "wohnort",
            "plz",
            "address",
            "lives in",
            "lives at",
            "living in",
            "resident in",
            "zip code",
            "postcode",
        ],
    ),
    (
        Clue::NationalId,
        &[
            "ssn",
            "ss#",
            "social security",
            "itin",
            "tax id",
            "taxpayer",
            "tin",
            "tfn",
            "tax file",
            "medicare",
            "svnr",
            "sv-nr",
            "sv-nummer",
            "sozialversicherung",
            "versicherungsnummer",
            "steuer-id",
            "steueridentifikation",
            "idnr",
            "ahv",
            "avs",
        ],
    ),
    (
        Clue::Phrase,
        &["in order to", "in order for", "in case", "in any case", "in that case", "in this case"],
    ),
    (
        Clue::Thing,
        &[
            "rechnung",
            "seriennummer",
            "serial",
            "ticket",
            "invoice",
            "order",
            "bestell",
            "auftrag",
            "vertrag",
            "kundennummer",
            "lieferung",
            "sendung",
            "tracking",
            "paket",
            "parcel",
            "angebot",
            "quote",
            "aktenzeichen",
            "az",
            "hotline",
            "artikel",
            "gerät",
            "unit",
            "sku",
            "isbn",
            "ean",
            "build",
            "version",
            "case",
            "contract",
            "handelsregister",
            "hrb",
            "hra",
            "st.-nr",
            "steuernummer",
            "ust-id",
            "vat",
        ],
    ),
];

/// Finds the words.
#[derive(Debug)]
pub(super) struct Contexts {
    words: AhoCorasick,
    clues: Vec<Clue>,
}

/// The clues of one text, in order, each with its end and how far it reaches.
#[derive(Debug)]
pub(super) struct Clues(Vec<(usize, usize, Clue)>);

impl Contexts {
    #[expect(clippy::expect_used, reason = "the words are constants; every test builds them")]
    pub(super) fn new() -> Self {
        // Beyond ASCII, the automaton minds the case.
        let spellings = |word: &str| [word.to_owned(), word.to_uppercase()];
        let words = WORDS.iter().flat_map(|(_, words)| words.iter());
        let words = words.flat_map(|word| spellings(word));
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(words)
            .expect("so few words fit an automaton");
        let clues = WORDS.iter().flat_map(|(clue, words)| vec![*clue; 2 * words.len()]).collect();
        Self { words, clues }
    }

    pub(super) fn clues(&self, text: &str) -> Clues {
        let found = self.words.find_iter(text).filter_map(|found| {
            let clue = *self.clues.get(found.pattern().as_usize())?;
            let starts = !super::before(text, found.start()).is_some_and(is_of_word);
            let ends =
                found.len() > SHORT || !super::after(text, found.end()).is_some_and(is_of_word);
            let reach = match clue {
                Clue::Phrase => return None,
                Clue::Thing => REACH.min(clause(text.get(found.end()..).unwrap_or_default())),
                _ => REACH,
            };
            (starts && ends).then_some((found.end(), found.end() + reach, clue))
        });
        Clues(found.collect())
    }
}

/// How long the clause is that a text begins with: what is an invoice's stands in the same.
fn clause(text: &str) -> usize {
    let mut signs = text.char_indices().take(REACH);
    let end = signs.find(|(at, sign)| match sign {
        ';' | '\n' => true,
        ',' => super::after(text, at + 1).is_some_and(char::is_whitespace),
        _ => false,
    });
    end.map_or(REACH, |(at, _)| at)
}

impl Clues {
    /// Whether such a clue stands shortly before a place.
    pub(super) fn before(&self, at: usize, clue: Clue) -> bool {
        self.near(at).any(|found| found == clue)
    }

    /// The clue about numbers that stands last before a place.
    pub(super) fn of_number(&self, at: usize) -> Option<Clue> {
        self.near(at).find(|clue| !matches!(clue, Clue::Birth | Clue::Address))
    }

    /// The clues shortly before a place, the nearest first.
    fn near(&self, at: usize) -> impl Iterator<Item = Clue> {
        let before = self.0.partition_point(|(end, ..)| *end <= at);
        let near = self.0.get(..before).unwrap_or_default().iter().rev();
        let near = near.take_while(move |(end, ..)| at - end <= REACH);
        near.filter(move |(_, reach, _)| at <= *reach).map(|(.., clue)| *clue)
    }
}
