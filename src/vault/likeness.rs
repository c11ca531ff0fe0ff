// SPDX-License-Identifier: Apache-2.0

use zeroize::Zeroizing;

use super::{fold, rough};
use crate::base::Equality;

/// What a CRM makes of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    Same,
    Different,
    /// It is not known.
    Doubtful,
}

/// The form that all texts have in common which a CRM takes for the same beyond doubt.
fn normal(equality: Equality, text: &str) -> Zeroizing<String> {
    match equality {
        Equality::Exact => Zeroizing::new(text.to_owned()),
        Equality::Case => fold(text),
        Equality::Trimmed => fold(text.trim()),
        Equality::Collated => fold(text.trim_end_matches(' ')),
    }
}

/// What a CRM with this equality makes of two texts.
pub fn likeness(equality: Equality, one: &str, other: &str) -> Likeness {
    if normal(equality, one) == normal(equality, other) {
        Likeness::Same
    } else if equality == Equality::Collated && rough(one) == rough(other) {
        Likeness::Doubtful
    } else {
        Likeness::Different
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_depends_on_who_compares() {
        use Likeness::{Different, Doubtful, Same};
        let all = [Equality::Exact, Equality::Case, Equality::Trimmed, Equality::Collated];
        for (one, other, expected) in [
            ("Anna", "Anna", [Same; 4]),
            ("Anna", "ANNA", [Different, Same, Same, Same]),
            ("Anna", "anna ", [Different, Different, Same, Same]),
            ("Anna", " Anna", [Different, Different, Same, Doubtful]),
            ("Anna", "Anna\u{a0}", [Different, Different, Same, Doubtful]),
            ("Jürgen", "Jurgen", [Different, Different, Different, Doubtful]),
            ("Ａnna", "Anna", [Different, Different, Different, Doubtful]),
            ("Anna", "Anne", [Different; 4]),
        ] {
            let found = all.map(|equality| likeness(equality, one, other));
            assert_eq!(found, expected, "{one:?} {other:?}");
            assert_eq!(all.map(|equality| likeness(equality, other, one)), expected);
        }
    }
}
