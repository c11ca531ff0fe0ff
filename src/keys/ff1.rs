// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use fpe::ff1::{FF1, FlexibleNumeralString};
use zeroize::Zeroizing;

/// A key for FF1 with AES-256 (NIST SP 800-38G): decimal digits become as many others.
///
/// Deterministic, and without authentication: any digits open to some. Whoever opens them
/// has to know by something in them that they are right.
#[derive(Clone)]
pub struct Ff1(Zeroizing<[u8; Ff1::KEY_BYTES]>);

impl Ff1 {
    pub const KEY_BYTES: usize = 32;
    /// SP 800-38G revision 1: a domain has at least a million elements.
    pub const MIN_DIGITS: usize = 6;

    pub fn new(key: Zeroizing<[u8; Self::KEY_BYTES]>) -> Self {
        Self(key)
    }

    /// `None` for fewer than [`MIN_DIGITS`](Self::MIN_DIGITS), and for what is no digit.
    pub fn encrypt(&self, tweak: &[u8], digits: &str) -> Option<Zeroizing<String>> {
        self.digits(tweak, digits, Direction::Encrypt)
    }

    /// What was encrypted with this tweak.
    pub fn decrypt(&self, tweak: &[u8], digits: &str) -> Option<Zeroizing<String>> {
        self.digits(tweak, digits, Direction::Decrypt)
    }

    fn digits(&self, tweak: &[u8], digits: &str, way: Direction) -> Option<Zeroizing<String>> {
        let numerals = digits.chars().map(|digit| digit.to_digit(10).map(|digit| digit as u16));
        let numerals = Zeroizing::new(numerals.collect::<Option<Vec<u16>>>()?);
        let done = numerals_of(&*self.0, 10, tweak, &numerals, way)?;
        let digits = done.iter().map(|numeral| char::from_digit(u32::from(*numeral), 10));
        digits.collect::<Option<String>>().map(Zeroizing::new)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Encrypt,
    Decrypt,
}

/// FF1 over numerals of any radix, with the AES that the length of the key asks for; `None`
/// for what the standard does not take.
fn numerals_of(
    key: &[u8],
    radix: u32,
    tweak: &[u8],
    numerals: &[u16],
    way: Direction,
) -> Option<Zeroizing<Vec<u16>>> {
    // `FF1::new` panics at keys of another length.
    match key.len() {
        16 => with(&FF1::<Aes128>::new(key, radix).ok()?, tweak, numerals, way),
        24 => with(&FF1::<Aes192>::new(key, radix).ok()?, tweak, numerals, way),
        32 => with(&FF1::<Aes256>::new(key, radix).ok()?, tweak, numerals, way),
        _ => None,
    }
}

fn with<C: aes::cipher::BlockCipherEncrypt + Clone>(
    cipher: &FF1<C>,
    tweak: &[u8],
    numerals: &[u16],
    way: Direction,
) -> Option<Zeroizing<Vec<u16>>> {
    let numerals = FlexibleNumeralString::from(numerals.to_vec());
    let done = match way {
        Direction::Encrypt => cipher.encrypt(tweak, &numerals),
        Direction::Decrypt => cipher.decrypt(tweak, &numerals),
    };
    done.ok().map(|done| Zeroizing::new(done.into()))
}

impl fmt::Debug for Ff1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ff1(redacted)")
    }
}

#[cfg(test)]
mod tests {
    //! Published vectors: those of AES-256 and decimal digits through the call that the
    //! product uses, the others through what is behind it.

    use serde_json::Value;

    use super::*;
    use crate::keys::vectors::{bytes, suite};

    fn vectors(file: &str) -> Option<Value> {
        suite(&format!("aes-ff1/{file}"))
    }

    /// A text in an alphabet, or a list of numerals; what is not of the alphabet is no
    /// numeral of the radix.
    fn numerals(value: &Value, alphabet: Option<&str>, radix: u32) -> Option<Vec<u16>> {
        let of = |character| alphabet?.chars().position(|known| known == character);
        match value {
            Value::String(text) => {
                text.chars().map(|next| of(next).map(|at| at as u16)).collect::<Option<_>>()
            }
            list => {
                let list = list.as_array().expect("a list").iter();
                let number = |next: &Value| u16::try_from(next.as_u64()?).ok();
                list.map(|next| number(next).filter(|next| u32::from(*next) < radix)).collect()
            }
        }
    }

    struct Case<'v> {
        key: Vec<u8>,
        radix: u32,
        tweak: Vec<u8>,
        alphabet: Option<&'v str>,
    }

    impl Case<'_> {
        /// The other text, or `None` where the call refuses.
        fn run(&self, from: &Value, way: Direction) -> Option<Vec<u16>> {
            let numerals = numerals(from, self.alphabet, self.radix)?;
            match <[u8; Ff1::KEY_BYTES]>::try_from(self.key.as_slice()) {
                Ok(key) if self.radix == 10 => {
                    let digit = |next: &u16| char::from_digit(u32::from(*next), 10);
                    let digits: String = numerals.iter().map(digit).collect::<Option<_>>()?;
                    let key = Ff1::new(Zeroizing::new(key));
                    let done = match way {
                        Direction::Encrypt => key.encrypt(&self.tweak, &digits),
                        Direction::Decrypt => key.decrypt(&self.tweak, &digits),
                    };
                    Some(done?.bytes().map(|digit| u16::from(digit - b'0')).collect())
                }
                _ => numerals_of(&self.key, self.radix, &self.tweak, &numerals, way)
                    .map(|done| done.to_vec()),
            }
        }

        fn check(&self, clear: &Value, sealed: &Value, at: &str) {
            let expected = |value| numerals(value, self.alphabet, self.radix);
            assert_eq!(self.run(clear, Direction::Encrypt), expected(sealed), "{at}");
            assert_eq!(self.run(sealed, Direction::Decrypt), expected(clear), "{at}");
        }
    }

    /// Those whose domain is too small for SP 800-38G revision 1 have to be refused,
    /// though Wycheproof has results for them.
    #[test]
    fn wycheproof() {
        let kinds = ["base", "radix"].into_iter();
        let radixes = ["10", "16", "26", "32", "36", "45", "62", "64", "85"];
        let more = ["radix255", "radix256", "radix65535", "radix65536"].map(str::to_owned);
        let names = kinds.flat_map(|kind| radixes.map(|radix| format!("{kind}{radix}")));
        let (mut valid, mut invalid, mut small) = (0, 0, 0);
        for name in names.chain(more) {
            let file = format!("wycheproof/aes_ff1_{name}_test.json.gz");
            let Some(suite) = vectors(&file) else { return };
            for group in suite["testGroups"].as_array().unwrap() {
                let radix = group["radix"].as_u64().unwrap() as u32;
                let alphabet = group["alphabet"].as_str();
                for test in group["tests"].as_array().unwrap() {
                    let case = Case {
                        key: bytes(&test["key"]),
                        tweak: bytes(&test["tweak"]),
                        radix,
                        alphabet,
                    };
                    let at = format!("{file} {}", test["tcId"]);
                    let flags = test["flags"].as_array().unwrap();
                    let is_small = flags.iter().any(|flag| flag == "SmallMessageSize");
                    match test["result"].as_str() {
                        Some("valid") if !is_small => {
                            case.check(&test["msg"], &test["ct"], &at);
                            valid += 1;
                        }
                        Some("valid" | "invalid") => {
                            assert_eq!(case.run(&test["msg"], Direction::Encrypt), None, "{at}");
                            *if is_small { &mut small } else { &mut invalid } += 1;
                        }
                        other => panic!("{at} has result {other:?}"),
                    }
                }
            }
        }
        let note = format!("{small} of them are refused, because their domain is below a million");
        let all = valid + invalid + small;
        crate::testkit::report("Wycheproof AES-FF1", all, all, &note);
        assert_eq!(all, 57_246, "{valid} {invalid} {small}");
    }

    #[test]
    fn acvp() {
        let Some(suite) = vectors("acvp/internalProjection.json.gz") else { return };
        let mut passed = 0;
        for group in suite["testGroups"].as_array().unwrap() {
            for test in group["tests"].as_array().unwrap() {
                let case = Case {
                    key: bytes(&test["key"]),
                    radix: group["radix"].as_u64().unwrap() as u32,
                    tweak: bytes(&test["tweak"]),
                    alphabet: group["alphabet"].as_str(),
                };
                case.check(
                    &test["pt"],
                    &test["ct"],
                    &format!("{} {}", group["tgId"], test["tcId"]),
                );
                passed += 1;
            }
        }
        assert_eq!(passed, 750);
        crate::testkit::report("NIST ACVP AES-FF1", passed, passed, "each in both directions");
    }

    #[test]
    fn sp_800_38g_samples() {
        let Some(suite) = vectors("sp800_38g_ff1_samples.json") else { return };
        let samples = suite["samples"].as_array().unwrap();
        for sample in samples {
            let case = Case {
                key: bytes(&sample["key"]),
                radix: sample["radix"].as_u64().unwrap() as u32,
                tweak: bytes(&sample["tweak"]),
                alphabet: sample["alphabet"].as_str(),
            };
            case.check(&sample["plaintext"], &sample["ciphertext"], &sample["sample"].to_string());
        }
        assert_eq!(samples.len(), 9);
        crate::testkit::report("SP 800-38G samples of FF1", 9, 9, "");
    }

    #[test]
    fn what_is_too_short_or_no_digit_is_refused() {
        let key = Ff1::new(Zeroizing::new([7; 32]));
        for digits in ["", "12345", "12345a", "+491234", "١٢٣٤٥٦"] {
            assert_eq!(key.encrypt(b"", digits), None, "{digits}");
            assert_eq!(key.decrypt(b"", digits), None, "{digits}");
        }
        assert!(key.encrypt(b"", "123456").is_some());
        assert_eq!(format!("{key:?}"), "Ff1(redacted)");
    }
}
