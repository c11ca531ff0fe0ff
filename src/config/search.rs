// SPDX-License-Identifier: Apache-2.0
//! What a field can be searched by: the key `search`.

use std::collections::BTreeSet;

use crate::base::SearchKind;
use crate::policy::Protection;

use super::diagnostic::Code;
use super::item::Item;

/// Words of later versions.
const LATER: &[&str] = &["range", "folded"];

/// What `search` asks for.
#[derive(Default)]
pub struct Search {
    /// Equality, where a field would not answer it otherwise.
    pub is_exact: bool,
    pub kinds: BTreeSet<SearchKind>,
}

pub fn compile(item: &Item<'_>) -> Option<Search> {
    let words: Vec<_> = std::iter::once(("exact", None))
        .chain(SearchKind::ALL.map(|kind| (kind.name(), Some(kind))))
        .collect();
    let asked = item.list_of(|item| item.choice_with(&words, LATER))?;
    Some(Search { is_exact: asked.contains(&None), kinds: asked.into_iter().flatten().collect() })
}

/// Whether a protection leaves something that can be searched like this.
pub fn suits(item: &Item<'_>, search: &Search, protection: Protection) -> bool {
    let (message, help) = match protection {
        Protection::Encrypt { .. } | Protection::FormatPreserving { .. }
            if !search.kinds.is_empty() => (
            "what is encrypted is not in the vault, so no part of it can be searched for",
            "use `tokenize`, or leave out all but `exact`",
        ),
        Protection::Tokenize { shape } if shape.is_moment() && !search.kinds.is_empty() => (
            "a part of a date is no date that the CRM could be asked for",
            "leave out all but `exact`",
        ),
        Protection::Mask | Protection::Generalize(_) | Protection::Drop
            if search.is_exact || !search.kinds.is_empty() =>
        {
            (
                "nothing is stored that could be searched for",
                "use `tokenize` or `encrypt`, or leave out `search`",
            )
        }
        _ => return true,
    };
    item.report(item.problem(Code::Contradiction, message).help(help));
    false
}
