// SPDX-License-Identifier: Apache-2.0

use zeroize::Zeroizing;

/// A value without regard to case: two texts that differ in case only have one
/// folded form.
///
/// Lower, upper and lower case again, character by character (Unicode default
/// case conversion, no language). Going through upper case joins what lower case
/// alone keeps apart: `ß`, `ẞ` and `ss`; `ς` and `σ`; `ſ` and `s`; ligatures. The
/// dotless `ı` stays itself, as in Unicode case folding. Accents, width and
/// composition are not folded: `é` and `e` differ, and so do the composed and
/// decomposed spellings of `é`.
pub fn fold(text: &str) -> Zeroizing<String> {
    // Rarely longer than the text, and then a little.
    let mut folded = Zeroizing::new(String::with_capacity(text.len() + 16));
    for character in text.chars() {
        if character.is_ascii() {
            folded.push(character.to_ascii_lowercase());
        } else {
            folded.extend(fold_one(character));
        }
    }
    folded
}

/// The folded form of one character.
pub(super) fn fold_one(character: char) -> impl Iterator<Item = char> {
    let upper = character.to_lowercase().flat_map(char::to_uppercase);
    let lower = upper.flat_map(char::to_lowercase);
    lower.map(move |folded| if character == 'ı' { character } else { folded })
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn spellings_of_one_text_fold_to_one() {
        let check = |spellings: &[&str]| {
            for spelling in spellings {
                assert_eq!(*fold(spelling), *fold(spellings[0]), "{spelling}");
            }
        };
        check(&["müller", "Müller", "MÜLLER"]);
        check(&["straße", "STRASSE", "Strasse", "STRAẞE"]);
        check(&["Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ"]);
        check(&["oﬃce", "OFFICE"]);
        check(&["Иванов", "ИВАНОВ"]);
        check(&["İnci", "i̇nci"]);
    }

    #[test]
    fn different_texts_stay_different() {
        for (one, other) in [("e", "é"), ("i", "ı"), ("u", "ü"), ("a", "а"), ("ss", "s")] {
            assert_ne!(*fold(one), *fold(other), "{one} {other}");
        }
    }

    #[test]
    fn folding_is_stable_for_every_character() {
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            let folded = fold(&text);
            assert_eq!(fold(&folded), folded, "{character:?}");
            assert_eq!(fold(&text.to_lowercase()), folded, "{character:?}");
            if character != 'ı' {
                assert_eq!(fold(&text.to_uppercase()), folded, "{character:?}");
            }
        }
    }
}
