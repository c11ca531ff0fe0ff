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
pub(in crate::crm::salesforce) fn has_reference(text: &str) -> bool {
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

/// The request that tells the id of the record at a URL: `/sobjects/Contact/@{ref.id}`.
pub(super) fn record_of(url: &str) -> Option<&str> {
    let path = url.split('?').next().unwrap_or_default();
    let mut segments = path.split('/').skip_while(|segment| *segment != "sobjects").skip(2);
    let inner = segments.next()?.strip_prefix(OPENING)?.strip_suffix('}')?;
    inner
        .split_once('.')
        .filter(|(_, field)| field.eq_ignore_ascii_case("id"))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{is_reference, record_of, referred};

    #[test]
    fn a_record_may_be_one_that_another_request_tells_of() {
        let check = |rest: &str, expected| {
            let url = format!("/services/data/v62.0/sobjects/{rest}");
            assert_eq!(record_of(&url), expected, "{rest}");
        };
        check("Contact/@{a_1.id}", Some("a_1"));
        check("Contact/@{a.Id}/Account?fields=Name", Some("a"));
        check("Contact/@{q.records[0].Id}", None);
        check("Contact/@{a.AccountId}", None);
        check("Contact/Ext__c/@{a.id}", None);
        check("Contact?x=/sobjects/Contact/@{a.id}", None);
        check("Contact", None);
    }

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
