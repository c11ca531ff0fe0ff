// SPDX-License-Identifier: Apache-2.0

/// Words longer than this are not compared.
const MAX_LENGTH: usize = 64;

/// The candidate that was probably meant: the nearest one, if at most a third of
/// the word (and always one letter) would have to change. Case does not count.
pub fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    closest_within((word.len() / 3).max(1), word, candidates)
}

/// A candidate that the word is a slip of, where words outside the candidates
/// are common: two letters, or one of a short word.
pub fn slip_of<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // `phone2` is another name, and no slip.
    let candidates = candidates.into_iter().filter(|candidate| !word.starts_with(candidate));
    closest_within(if word.len() > 5 { 2 } else { 1 }, word, candidates)
}

fn closest_within<'c>(
    permitted: usize,
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    if word.len() > MAX_LENGTH {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_LENGTH)
        .map(|candidate| {
            let letters: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            (distance(&word, &letters), candidate)
        })
        .filter(|(distance, _)| *distance <= permitted)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to get from
/// one word to the other (optimal string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&last, j) + usize::from(letter != other);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let is_swap =
                i > 0 && j > 0 && from.get(i - 1) == Some(other) && to.get(j - 1) == Some(letter);
            if is_swap {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{closest, slip_of};

    #[test]
    fn the_nearest_word_is_suggested() {
        let words = ["tokenize", "encrypt", "mask", "drop"];
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(closest(word, words), expected, "{word}");
        };
        check("tokenise", Some("tokenize"));
        check("Tokenize", Some("tokenize"));
        check("encyrpt", Some("encrypt"));
        check("encrpt", Some("encrypt"));
        check("msak", Some("mask"));
        check("dorp", Some("drop"));
        check("hide", None);
        check("", None);
        check("redact", None);
        check(&"mask".repeat(100), None);
    }

    #[test]
    fn other_names_are_no_slips() {
        let fields = ["email", "phone", "lastname", "mailingcountrycode"];
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(slip_of(word, fields), expected, "{word}");
        };
        check("emial", Some("email"));
        check("emai", Some("email"));
        check("lastnmae", Some("lastname"));
        check("last_name", Some("lastname"));
        check("phone2", None);
        check("mailingcountry", None);
        check("ext_id__c", None);
    }
}
