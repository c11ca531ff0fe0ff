// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

/// E-mail addresses (RFC 5321, with letters of any script as RFC 6531 has them): what
/// stands around an `@`, with a domain of several labels, mistyped or not. Every character is looked at once
/// from each side, because no run goes past another `@`.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    text.match_indices('@').filter_map(|(at, _)| around(text, at)).collect()
}

fn around(text: &str, at: usize) -> Option<Range<usize>> {
    let (local, domain) = (text.get(..at)?, text.get(at + 1..)?);
    let start = local_start(local)?;
    let length: usize = domain.chars().take_while(|it| is_of_domain(*it)).map(char::len_utf8).sum();
    let domain = domain.get(..length)?.trim_end_matches(['.', '-']);
    let (labels, top) = domain.rsplit_once('.')?;
    let is_top = top.chars().nth(1).is_some()
        && top.chars().all(|it| it.is_alphanumeric() || it == '-')
        && top.chars().any(char::is_alphabetic);
    (is_top && !labels.trim_start_matches('.').is_empty() && !labels.starts_with('.'))
        .then_some(start..at + 1 + domain.len())
}

/// Where the local part of an address begins that ends here.
fn local_start(text: &str) -> Option<usize> {
    if let Some(quoted) = text.strip_suffix('"') {
        // RFC 5321 section 4.5.3.1.1: at most 64 octets.
        let mut from = quoted.len().saturating_sub(64);
        while !quoted.is_char_boundary(from) {
            from += 1;
        }
        let open = quoted.get(from..)?.rfind('"')?;
        return Some(from + open);
    }
    let length: usize =
        text.chars().rev().take_while(|it| is_of_local(*it)).map(char::len_utf8).sum();
    let local = text.get(text.len() - length..)?;
    let local =
        local.trim_start_matches(|it: char| !it.is_alphanumeric() && !matches!(it, '_' | '+'));
    (!local.is_empty()).then_some(text.len() - local.len())
}

fn is_of_local(character: char) -> bool {
    character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character)
}

fn is_of_domain(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '.' | '_')
}
