// SPDX-License-Identifier: Apache-2.0

use zeroize::Zeroizing;

use super::fold::fold_one;

/// The form that all texts have in common which any CRM may take for the same: without
/// case, accents and vowel marks, width, the kinds of kana, marks that are not seen, and the
/// space around.
pub fn rough(text: &str) -> Zeroizing<String> {
    let mut rough = Zeroizing::new(String::with_capacity(text.len() + 16));
    for character in text.chars() {
        push_rough(&mut rough, character);
    }
    let trimmed = rough.trim_matches(|end: char| end.is_whitespace() || end.is_control());
    if trimmed.len() == rough.len() { rough } else { Zeroizing::new(trimmed.to_owned()) }
}

/// Adds the rough form of one character: nothing for a mark.
pub fn push_rough(rough: &mut String, character: char) {
    if character.is_ascii() {
        rough.push(character.to_ascii_lowercase());
        return;
    }
    for character in fold_one(character) {
        match character {
            '\u{ff01}'..='\u{ff5e}' => push(rough, shifted(character, 0xfee0, 0)),
            '\u{3041}'..='\u{3096}' => push(rough, shifted(character, 0, 0x60)),
            '\u{ff66}'..='\u{ff9d}' => push(rough, full_width(character)),
            other => push(rough, other),
        }
    }
}

fn shifted(character: char, down: u32, up: u32) -> char {
    char::from_u32(u32::from(character) - down + up).unwrap_or(character)
}

/// A narrow letter of katakana as a wide one.
fn full_width(narrow: char) -> char {
    const WIDE: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";
    WIDE.chars().nth(narrow as usize - 0xff66).unwrap_or(narrow)
}

fn push(rough: &mut String, character: char) {
    match character {
        _ if is_mark(character) => {}
        '\u{a0}' | '\u{3000}' => rough.push(' '),
        _ => match bare(character) {
            Some(bare) => rough.push_str(bare),
            None => rough.push(character),
        },
    }
}

/// Marks that are combined with letters, vowels of Hebrew and Arabic among them, and what only
/// joins, hyphenates, lengthens or directs.
fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
            | '\u{300}'..='\u{36f}'
            | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
            | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
            | '\u{3099}'..='\u{309c}' | '\u{ff9e}' | '\u{ff9f}'
    )
}

/// A letter without what was added to it.
fn bare(letter: char) -> Option<&'static str> {
    let at = LETTERS.partition_point(|(_, last, _)| *last < letter);
    LETTERS.get(at).filter(|(first, ..)| *first <= letter).map(|(.., bare)| *bare)
}

/// Letters of Latin, Greek, Cyrillic, Arabic and kana that are written as another one with
/// something added, or smaller, in the order of Unicode: the first and the last of a run, and
/// what is left.
const LETTERS: &[(char, char, &str)] = &[
    ('ª', 'ª', "a"),
    ('²', '²', "2"),
    ('³', '³', "3"),
    ('µ', 'µ', "μ"),
    ('¹', '¹', "1"),
    ('º', 'º', "o"),
    ('à', 'å', "a"),
    ('æ', 'æ', "ae"),
    ('ç', 'ç', "c"),
    ('è', 'ë', "e"),
    ('ì', 'ï', "i"),
    ('ð', 'ð', "d"),
    ('ñ', 'ñ', "n"),
    ('ò', 'ö', "o"),
    ('ø', 'ø', "o"),
    ('ù', 'ü', "u"),
    ('ý', 'ý', "y"),
    ('þ', 'þ', "th"),
    ('ÿ', 'ÿ', "y"),
    ('Ā', 'ą', "a"),
    ('Ć', 'č', "c"),
    ('Ď', 'đ', "d"),
    ('Ē', 'ě', "e"),
    ('Ĝ', 'ģ', "g"),
    ('Ĥ', 'ħ', "h"),
    ('Ĩ', 'ı', "i"),
    ('Ĳ', 'ĳ', "ij"),
    ('Ĵ', 'ĵ', "j"),
    ('Ķ', 'ĸ', "k"),
    ('Ĺ', 'ł', "l"),
    ('Ń', 'ŋ', "n"),
    ('Ō', 'ő', "o"),
    ('Œ', 'œ', "oe"),
    ('Ŕ', 'ř', "r"),
    ('Ś', 'š', "s"),
    ('Ţ', 'ŧ', "t"),
    ('Ũ', 'ų', "u"),
    ('Ŵ', 'ŵ', "w"),
    ('Ŷ', 'Ÿ', "y"),
    ('Ź', 'ž', "z"),
    ('ƀ', 'Ƅ', "b"),
    ('Ơ', 'ơ', "o"),
    ('Ư', 'ư', "u"),
    ('Ǎ', 'ǎ', "a"),
    ('Ǐ', 'ǐ', "i"),
    ('Ǒ', 'ǒ', "o"),
    ('Ǔ', 'ǜ', "u"),
    ('Ǟ', 'ǡ', "a"),
    ('Ǣ', 'ǣ', "ae"),
    ('Ǥ', 'ǧ', "g"),
    ('Ǩ', 'ǩ', "k"),
    ('Ǫ', 'ǭ', "o"),
    ('ǰ', 'ǰ', "j"),
    ('Ǵ', 'ǵ', "g"),
    ('Ǹ', 'ǹ', "n"),
    ('Ǻ', 'ǻ', "a"),
    ('Ǽ', 'ǽ', "ae"),
    ('Ǿ', 'ǿ', "o"),
    ('Ȁ', 'ȃ', "a"),
    ('Ȅ', 'ȇ', "e"),
    ('Ȉ', 'ȋ', "i"),
    ('Ȍ', 'ȏ', "o"),
    ('Ȑ', 'ȓ', "r"),
    ('Ȕ', 'ȗ', "u"),
    ('Ș', 'ș', "s"),
    ('Ț', 'ț', "t"),
    ('Ȟ', 'ȟ', "h"),
    ('Ȧ', 'ȧ', "a"),
    ('Ȩ', 'ȩ', "e"),
    ('Ȫ', 'ȱ', "o"),
    ('Ȳ', 'ȳ', "y"),
    ('ΐ', 'ΐ', "ι"),
    ('ά', 'ά', "α"),
    ('έ', 'έ', "ε"),
    ('ή', 'ή', "η"),
    ('ί', 'ί', "ι"),
    ('ΰ', 'ΰ', "υ"),
    ('ς', 'ς', "σ"),
    ('ϊ', 'ϊ', "ι"),
    ('ϋ', 'ϋ', "υ"),
    ('ό', 'ό', "ο"),
    ('ύ', 'ύ', "υ"),
    ('ώ', 'ώ', "ω"),
    ('й', 'й', "и"),
    ('ѐ', 'ё', "е"),
    ('ѓ', 'ѓ', "г"),
    ('ї', 'ї', "і"),
    ('ќ', 'ќ', "к"),
    ('ѝ', 'ѝ', "и"),
    ('ў', 'ў', "у"),
    ('ґ', 'ґ', "г"),
    ('\u{622}', '\u{623}', "\u{627}"),
    ('\u{624}', '\u{624}', "\u{648}"),
    ('\u{625}', '\u{625}', "\u{627}"),
    ('\u{626}', '\u{626}', "\u{64a}"),
    ('\u{671}', '\u{671}', "\u{627}"),
    ('Ḁ', 'ḁ', "a"),
    ('Ḃ', 'ḇ', "b"),
    ('Ḉ', 'ḉ', "c"),
    ('Ḋ', 'ḓ', "d"),
    ('Ḕ', 'ḝ', "e"),
    ('Ḟ', 'ḟ', "f"),
    ('Ḡ', 'ḡ', "g"),
    ('Ḣ', 'ḫ', "h"),
    ('Ḭ', 'ḯ', "i"),
    ('Ḱ', 'ḵ', "k"),
    ('Ḷ', 'ḽ', "l"),
    ('Ḿ', 'ṃ', "m"),
    ('Ṅ', 'ṋ', "n"),
    ('Ṍ', 'ṓ', "o"),
    ('Ṕ', 'ṗ', "p"),
    ('Ṙ', 'ṟ', "r"),
    ('Ṡ', 'ṩ', "s"),
    ('Ṫ', 'ṱ', "t"),
    ('Ṳ', 'ṻ', "u"),
    ('Ṽ', 'ṿ', "v"),
    ('Ẁ', 'ẉ', "w"),
    ('Ẋ', 'ẍ', "x"),
    ('Ẏ', 'ẏ', "y"),
    ('Ẑ', 'ẕ', "z"),
    ('ẖ', 'ẖ', "h"),
    ('ẗ', 'ẗ', "t"),
    ('ẘ', 'ẘ', "w"),
    ('ẙ', 'ẙ', "y"),
    ('ẚ', 'ẚ', "a"),
    ('ẛ', 'ẛ', "s"),
    ('Ạ', 'ặ', "a"),
    ('Ẹ', 'ệ', "e"),
    ('Ỉ', 'ị', "i"),
    ('Ọ', 'ợ', "o"),
    ('Ụ', 'ự', "u"),
    ('Ỳ', 'ỹ', "y"),
    ('\u{1f00}', '\u{1f07}', "α"),
    ('\u{1f10}', '\u{1f15}', "ε"),
    ('\u{1f20}', '\u{1f27}', "η"),
    ('\u{1f30}', '\u{1f37}', "ι"),
    ('\u{1f40}', '\u{1f45}', "ο"),
    ('\u{1f50}', '\u{1f57}', "υ"),
    ('\u{1f60}', '\u{1f67}', "ω"),
    ('\u{1f70}', '\u{1f71}', "α"),
    ('\u{1f72}', '\u{1f73}', "ε"),
    ('\u{1f74}', '\u{1f75}', "η"),
    ('\u{1f76}', '\u{1f77}', "ι"),
    ('\u{1f78}', '\u{1f79}', "ο"),
    ('\u{1f7a}', '\u{1f7b}', "υ"),
    ('\u{1f7c}', '\u{1f7d}', "ω"),
    ('\u{1fb0}', '\u{1fb1}', "α"),
    ('\u{1fd0}', '\u{1fd1}', "ι"),
    ('\u{1fe0}', '\u{1fe1}', "υ"),
    ('\u{1fe5}', '\u{1fe5}', "ρ"),
    ('ァ', 'ァ', "ア"),
    ('ィ', 'ィ', "イ"),
    ('ゥ', 'ゥ', "ウ"),
    ('ェ', 'ェ', "エ"),
    ('ォ', 'ォ', "オ"),
    ('ガ', 'ガ', "カ"),
    ('ギ', 'ギ', "キ"),
    ('グ', 'グ', "ク"),
    ('ゲ', 'ゲ', "ケ"),
    ('ゴ', 'ゴ', "コ"),
    ('ザ', 'ザ', "サ"),
    ('ジ', 'ジ', "シ"),
    ('ズ', 'ズ', "ス"),
    ('ゼ', 'ゼ', "セ"),
    ('ゾ', 'ゾ', "ソ"),
    ('ダ', 'ダ', "タ"),
    ('ヂ', 'ヂ', "チ"),
    ('ッ', 'ッ', "ツ"),
    ('ヅ', 'ヅ', "ツ"),
    ('デ', 'デ', "テ"),
    ('ド', 'ド', "ト"),
    ('バ', 'パ', "ハ"),
    ('ビ', 'ピ', "ヒ"),
    ('ブ', 'プ', "フ"),
    ('ベ', 'ペ', "ヘ"),
    ('ボ', 'ポ', "ホ"),
    ('ャ', 'ャ', "ヤ"),
    ('ュ', 'ュ', "ユ"),
    ('ョ', 'ョ', "ヨ"),
    ('ヮ', 'ヮ', "ワ"),
    ('ヴ', 'ヴ', "ウ"),
    ('ヵ', 'ヵ', "カ"),
    ('ヶ', 'ヶ', "ケ"),
    ('ヷ', 'ヷ', "ワ"),
    ('ヸ', 'ヸ', "ヰ"),
    ('ヹ', 'ヹ', "ヱ"),
    ('ヺ', 'ヺ', "ヲ"),
];

#[cfg(test)]
mod tests {
    use super::super::fold;
    use super::*;

    #[test]
    fn what_differs_in_something_added_is_one() {
        for (one, other) in [
            ("Jürgen", "JURGEN"),
            ("Zoë", "Zoe\u{308}"),
            ("Łukasz Ærø", "lukasz aero"),
            ("Nguyễn", "nguyen"),
            ("Ελένη", "ΕΛΕΝΗ"),
            ("Артём Й", "артем и"),
            ("Ａnna　Ｂ", "anna b"),
            ("さくら", "サクラ"),
            (" Anna\u{a0}", "anna"),
            ("an\u{ad}na", "Anna"),
            ("Straße", "STRASSE"),
            ("Yıldız", "YILDIZ"),
            ("ｻﾄｳ ﾀﾞｲｺﾞ", "さとう だいご"),
            ("バッグ", "ハツク"),
            ("カ\u{3099}", "ガ"),
            ("أَحْمَد", "احمد"),
            ("שָׁלוֹם", "שלום"),
            ("\u{1}Anna\u{7f}", "anna"),
        ] {
            assert_eq!(*rough(one), *rough(other), "{one} {other}");
        }
        for (one, other) in [("Anna", "Anne"), ("An na", "Anna"), ("山", "川"), ("и", "i")] {
            assert_ne!(*rough(one), *rough(other), "{one} {other}");
        }
    }

    #[test]
    fn it_is_never_finer_than_without_case_and_is_stable() {
        assert!(LETTERS.is_sorted_by_key(|(first, ..)| *first));
        assert!(LETTERS.windows(2).all(|pair| pair[0].1 < pair[1].0));
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            let found = rough(&text);
            assert_eq!(rough(&found), found, "{character:?}");
            assert_eq!(rough(&fold(&text)), found, "{character:?}");
            assert_eq!(rough(&text.to_uppercase()), found, "{character:?}");
        }
    }
}
