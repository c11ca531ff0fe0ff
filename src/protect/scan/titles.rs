// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use regex::Regex;

use super::pattern;

/// Forms of address, behind which names stand.
#[derive(Debug)]
pub(super) struct Titles(Regex);

impl Titles {
    pub(super) fn new() -> Self {
        let name = r"\p{Lu}(?:\.|[\p{L}'’-]+)";
        Self(pattern(&format!(
            r"(?x)\b(?:Herrn?|Frau|Hr\.|Fr\.|Dr\.|Prof\.|Mr\.?|Mrs\.?|Ms\.?|Miss|Mme|Sir|
                Vorname:?|Nachname:?|[Ff]irst\ name:?|[Ll]ast\ name:?|[Ss]urname:?|Name:)
            (?:\ (?:Dr\.|Prof\.|med\.|Dipl\.-Ing\.))*
            \ (?P<name>{name}(?:,?\ {name})?)"
        )))
    }

    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let found = self.0.captures_iter(text);
        found.filter_map(|captures| Some(captures.name("name")?.range())).collect()
    }
}
