// SPDX-License-Identifier: Apache-2.0
//! `@{reference.field}`: what stands for a part of another result.

use std::collections::BTreeSet;

const OPENING: &str = "@{";

/// Whether a text is one reference and nothing else.
pub(in crate::crm::salesforce) fn is_reference(text: &str) -> bool {
    let inner = text.strip_prefix(OPENING).and_then(|rest| rest.strip_suffix('}'));
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.[]".contains(&byte);
    inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(is_part))
}

/// Whether Salesforce would look for a reference in a text.
pub(super) fn has_reference(text: &str) -> bool {
    text.contains(OPENING)
}

/// The requests that a text refers to.
pub(super) fn referred(text: &str) -> BTreeSet<String> {
    let behind = text.split(OPENING).skip(1);
    let name = |rest: &str| {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        rest.split(|character| !is_part(character)).next().unwrap_or_default().to_owned()
    };
    behind.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_reference, referred};

    #[test]
    fn references_are_told_from_text() {
        for text in ["@{a.id}", "@{refQuery.records[0].Id}", "@{a1_b}"] {
            assert!(is_reference(text), "{text}");
        }
        for text in ["@{}", "@{a.id", "a@{b.id}", "@{a b}", "@{a@b.de}", "x"] {
            assert!(!is_reference(text), "{text}");
        }
        let found = referred("/x/@{a.id}?q=@{b_1[0].Id} @{a.Name}");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b_1"]);
    }
}
