// SPDX-License-Identifier: Apache-2.0

use zeroize::Zeroizing;

/// Stands in every mask for what is hidden. No CRM and no keyboard writes it by
/// itself, so a value that holds it is a mask that came back.
pub const MARKER: &str = "•••";

/// Up to here, showing the first character would show too much of a value.
const VERY_SHORT: usize = 3;

/// The longest top-level domain that is shown, so that masks are of bounded length.
const LONGEST_TLD: usize = 8;

/// The number of characters of the longest mask: `m•••@•••.software`.
pub(super) const LONGEST: usize = 1 + 3 + 1 + 3 + 1 + LONGEST_TLD;

/// What may be seen of a value: `M•••`, of an e-mail address `m•••@•••.de`, of
/// very short values nothing. The mask of a mask is the same mask.
pub fn mask(value: &str) -> Zeroizing<String> {
    let (name, tail) = match tld(value) {
        Some((local, tld)) => (local, Some(tld)),
        None => (value, None),
    };
    let shortest = if tail.is_some() { 1 } else { VERY_SHORT };
    let first = name.chars().next().filter(|first| {
        name.chars().nth(shortest).is_some() && !first.is_whitespace() && !MARKER.contains(*first)
    });
    let mut masked = Zeroizing::new(String::with_capacity(32));
    masked.extend(first);
    masked.push_str(MARKER);
    if let Some(tld) = tail {
        masked.extend(["@", MARKER, ".", tld]);
    }
    masked
}

/// Whether a value is exactly what [`mask`] makes.
pub fn is_mask(value: &str) -> bool {
    value.contains(MARKER) && *mask(value) == value
}

/// Local part and top-level domain of what looks like an e-mail address.
fn tld(value: &str) -> Option<(&str, &str)> {
    let (local, domain) = value.split_once('@')?;
    let (labels, tld) = domain.rsplit_once('.')?;
    let is_tld =
        tld.len() <= LONGEST_TLD && tld.len() > 1 && tld.bytes().all(|b| b.is_ascii_alphabetic());
    (is_tld && !local.is_empty() && !labels.is_empty() && !domain.contains('@'))
        .then_some((local, tld))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_show_little() {
        let check = |value: &str, expected: &str| assert_eq!(*mask(value), expected, "{value}");
        check("Mustermann", "M•••");
        check("Özil", "Ö•••");
        check("Max", "•••");
        check("李小龍先", "李•••");
        check(" Max", "•••");
        check("max.muster@mail.example.de", "m•••@•••.de");
        check("m@x.de", "•••@•••.de");
        check("mm@x.de", "m•••@•••.de");
        check("a@b@c.de", "a•••");
        check("maxine@localhost", "m•••");
        check("maxine@x.photography", "m•••");
        check("+49 170 1234567", "+•••");
    }

    proptest! {
        #[test]
        fn masks_are_masks(value in "\\PC{0,12}(@\\PC{0,8}\\.[a-z]{1,8})?") {
            let masked = mask(&value);
            prop_assert!(is_mask(&masked), "{}", *masked);
            prop_assert!(masked.chars().count() <= LONGEST);
        }
    }

    #[test]
    fn other_texts_with_the_marker_are_no_masks() {
        for text in ["Max •••", "Mu•••", "••••", "mm•••@•••.de", "M••• ", "M••"]
        {
            assert!(!is_mask(text), "{text}");
        }
    }
}
