// SPDX-License-Identifier: Apache-2.0
//! What a field can be searched by: the key `search`.

use std::collections::BTreeSet;

use crate::base::SearchKind;
use crate::policy::Protection;

use super::diagnostic::Code;
use super::item::Item;

/// Words of later versions.
const LATER: &[&str] = &["range"];

/// What `search` asks for.
#[derive(Default)]
pub struct Search {
    /// Equality, where a field would not answer it otherwise.
    pub is_exact: bool,
    /// Equality without regard to case, of what is hashed.
    pub is_folded: bool,
    pub kinds: BTreeSet<SearchKind>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Exact,
    Folded,
    Part(SearchKind),
}

pub fn compile(item: &Item<'_>) -> Option<Search> {
    let words: Vec<_> = [("exact", Word::Exact), ("folded", Word::Folded)]
        .into_iter()
        .chain(SearchKind::ALL.map(|kind| (kind.name(), Word::Part(kind))))
        .collect();
    let asked = item.list_of(|item| item.choice_with(&words, LATER))?;
    let parts = asked.iter().filter_map(|word| match word {
        Word::Part(kind) => Some(*kind),
        Word::Exact | Word::Folded => None,
    });
    Some(Search {
        is_exact: asked.contains(&Word::Exact),
        is_folded: asked.contains(&Word::Folded),
        kinds: parts.collect(),
    })
}

/// Whether a protection leaves something that can be searched like this.
pub fn suits(item: &Item<'_>, search: &Search, protection: Protection) -> bool {
    let (message, help) = match protection {
        Protection::Hash { .. } if search.is_exact && search.is_folded => (
            "one hash cannot be of the value as it is written and without regard to case",
            "choose one of `exact` and `folded`",
        ),
        Protection::Hash { .. } if !search.kinds.is_empty() => (
            "a hash says nothing of a part of its value",
            "use `tokenize`, or leave out all but `exact` or `folded`",
        ),
        Protection::Hash { .. } => return true,
        _ if search.is_folded => (
            "`folded` says what `protect: hash` compares",
            "leave it out: what is tokenized is compared without regard to case where the CRM does",
        ),
        Protection::Encrypt { .. } | Protection::FormatPreserving { .. }
            if !search.kinds.is_empty() =>
        {
            (
                "what is encrypted is not in the vault, so no part of it can be searched for",
                "use `tokenize`, or leave out all but `exact`",
            )
        }
        Protection::Tokenize { shape, .. } if shape.is_moment() && !search.kinds.is_empty() => (
            "a part of a date is no date that the CRM could be asked for",
            "leave out all but `exact`",
        ),
        Protection::Mask | Protection::Generalize(_) | Protection::Scan(_) | Protection::Drop
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
