// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::ops::Range;

use super::Finding;
use crate::policy::FindingKind;

/// The findings in order, each character in one of them. The kind with better evidence
/// comes first, then the longer finding, then the earlier; what others leave of a finding
/// stays one where a letter or digit is in it.
pub(super) fn resolved(
    text: &str,
    mut found: Vec<Finding>,
    reserved: &[Range<usize>],
) -> Vec<Finding> {
    found.retain(|finding| !finding.span.is_empty());
    found.sort_by_key(|it| (it.kind, std::cmp::Reverse(it.span.len()), it.span.start));
    let reserved = reserved.iter().map(|span| (span.start, (span.end, None)));
    let mut taken: Taken = reserved.collect();
    for Finding { span: claimed, kind } in found {
        for span in free(&taken, claimed.clone()) {
            let is_left = span != claimed;
            let said = text.get(span.clone()).unwrap_or_default();
            let span = if is_left { trimmed(said, span.start) } else { span };
            if !span.is_empty() {
                taken.insert(span.start, (span.end, Some(kind)));
            }
        }
    }
    let found = taken.into_iter();
    found
        .filter_map(|(start, (end, kind))| Some(Finding { span: start..end, kind: kind? }))
        .collect()
}

/// By where it begins: where it ends, and who has it.
pub(super) type Taken = BTreeMap<usize, (usize, Option<FindingKind>)>;

/// The parts of a range that nobody has.
pub(super) fn free(taken: &Taken, span: Range<usize>) -> Vec<Range<usize>> {
    let mut at = span.start;
    if let Some((_, (end, _))) = taken.range(..span.start).next_back() {
        at = at.max(*end);
    }
    let mut free = Vec::new();
    for (start, (end, _)) in taken.range(span.start..span.end) {
        if at < *start {
            free.push(at..*start);
        }
        at = at.max(*end);
    }
    if at < span.end {
        free.push(at..span.end);
    }
    free
}

/// What is left of a finding, without what is no part of a word at its ends.
fn trimmed(text: &str, offset: usize) -> Range<usize> {
    let is_edge = |character: char| !character.is_alphanumeric();
    let start = text.len() - text.trim_start_matches(is_edge).len();
    let end = text.trim_end_matches(is_edge).len();
    offset + start..offset + end.max(start)
}
