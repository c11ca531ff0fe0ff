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
        let names = self.0.captures_iter(text).filter_map(|captures| captures.name("name"));
        // Of a title whose name has become a token, nothing is one.
        let names = names.filter(|name| !matches!(name.as_str(), "Dr" | "Prof" | "Dipl"));
        names.map(|name| name.range()).collect()
    }
}
