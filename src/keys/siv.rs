// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use zeroize::Zeroizing;

use super::{KeysError, random};

/// A key for AES-256-SIV (RFC 5297): deterministic authenticated encryption.
///
/// The same text under the same key and associated data always gives the same
/// bytes, so equality shows, and nothing else does but the length.
#[derive(Clone)]
pub struct Siv(Zeroizing<[u8; Siv::KEY_BYTES]>);

impl Siv {
    pub const KEY_BYTES: usize = 64;
    /// What sealing adds to the length: the synthetic initialisation vector.
    pub const TAG_BYTES: usize = 16;

    pub fn new(key: Zeroizing<[u8; Self::KEY_BYTES]>) -> Self {
        Self(key)
    }

    /// A key that nothing else has.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn random() -> Result<Self, KeysError> {
        random().map(Self)
    }

    /// Tag and ciphertext. The parts of `associated` are kept apart by the
    /// algorithm: they need no separators.
    #[expect(clippy::expect_used, reason = "RFC 5297 takes up to 126 parts; N is far below")]
    pub fn seal<const N: usize>(&self, associated: [&[u8]; N], clear: &[u8]) -> Vec<u8> {
        const { assert!(N <= 126) }
        self.cipher().encrypt(associated, clear).expect("the number of parts is bounded")
    }

    /// What was sealed, or `None` when key, associated data or bytes differ.
    pub fn open<const N: usize>(
        &self,
        associated: [&[u8]; N],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.cipher().decrypt(associated, sealed).ok().map(Zeroizing::new)
    }

    /// Another key, sealed under this one.
    pub fn seal_key<const N: usize>(&self, associated: [&[u8]; N], key: &Self) -> Vec<u8> {
        self.seal(associated, &*key.0)
    }

    /// A key that was sealed, or `None` as from [`open`](Self::open).
    pub fn open_key<const N: usize>(&self, associated: [&[u8]; N], sealed: &[u8]) -> Option<Self> {
        let opened = self.open(associated, sealed)?;
        let key: &[u8; Self::KEY_BYTES] = opened.as_slice().try_into().ok()?;
        Some(Self(Zeroizing::new(*key)))
    }

    /// Encryption needs a mutable cipher; making one costs two AES key schedules.
    fn cipher(&self) -> Aes256Siv {
        Aes256Siv::new((&*self.0).into())
    }
}

impl fmt::Debug for Siv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Siv(redacted)")
    }
}

#[cfg(test)]
mod tests {
    //! Published vectors, through the calls that the product uses.

    use aes_siv::siv::Aes128Siv;
    use serde_json::Value;

    use super::*;
    use crate::keys::vectors::{bytes, suite};

    /// Seals and opens with the key size that fits; `None` when there is none.
    fn seal_and_open(
        key: &[u8],
        associated: &[Vec<u8>],
        clear: &[u8],
        sealed: &[u8],
    ) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        match key.len() {
            32 => {
                let mut cipher = Aes128Siv::new_from_slice(key).unwrap();
                let encrypted = cipher.encrypt(associated, clear).unwrap();
                Some((encrypted, cipher.decrypt(associated, sealed).ok()))
            }
            64 => {
                let siv = Siv::new(Zeroizing::new(key.try_into().unwrap()));
                let parts: Vec<&[u8]> = associated.iter().map(Vec::as_slice).collect();
                let both = match *parts {
                    [] => (siv.seal([], clear), siv.open([], sealed)),
                    [one] => (siv.seal([one], clear), siv.open([one], sealed)),
                    [one, two] => (siv.seal([one, two], clear), siv.open([one, two], sealed)),
                    _ => panic!("no vector has more than two parts"),
                };
                Some((both.0, both.1.map(|opened| opened.to_vec())))
            }
            // AES-192-SIV: not used here, and `aes-siv` has no type for it.
            48 => None,
            other => panic!("a key of {other} bytes"),
        }
    }

    fn vectors(file: &str) -> Option<Value> {
        suite(&format!("aes-siv/{file}"))
    }

    /// Runs a Wycheproof file; `parts` says which members are associated data.
    fn check_wycheproof(file: &str, parts: &[&str], expected: (usize, usize)) {
        let Some(suite) = vectors(file) else { return };
        let (mut passed, mut skipped) = (0, 0);
        for group in suite["testGroups"].as_array().unwrap() {
            for case in group["tests"].as_array().unwrap() {
                let associated: Vec<Vec<u8>> =
                    parts.iter().map(|part| bytes(&case[part])).collect();
                let (clear, mut sealed) = (bytes(&case["msg"]), bytes(&case["ct"]));
                if let Some(tag) = case.get("tag") {
                    sealed.splice(0..0, bytes(tag));
                }
                let result = seal_and_open(&bytes(&case["key"]), &associated, &clear, &sealed);
                let Some((encrypted, decrypted)) = result else {
                    skipped += 1;
                    continue;
                };
                let id = &case["tcId"];
                match case["result"].as_str() {
                    Some("valid") => {
                        assert_eq!(encrypted, sealed, "{file} {id}");
                        assert_eq!(decrypted.as_ref(), Some(&clear), "{file} {id}");
                    }
                    Some("invalid") => assert_eq!(decrypted, None, "{file} {id}"),
                    other => panic!("{file} {id} has result {other:?}"),
                }
                passed += 1;
            }
        }
        let suite = format!("Wycheproof AES-SIV, {}", parts.join(" and "));
        let note = "the rest have AES-192 keys, which no part of the product uses";
        crate::testkit::report(&suite, passed + skipped, passed, note);
        assert_eq!((passed, skipped), expected, "{file}: passed and skipped");
    }

    #[test]
    fn wycheproof_with_one_part() {
        check_wycheproof("wycheproof_aes_siv_cmac_test.json", &["aad"], (295, 147));
    }

    #[test]
    fn wycheproof_with_nonce() {
        check_wycheproof("wycheproof_aead_aes_siv_cmac_test.json", &["aad", "iv"], (600, 300));
    }

    #[test]
    fn rfc_5297_appendix_a() {
        let Some(suite) = vectors("rfc5297_appendix_a.json") else { return };
        for case in suite["vectors"].as_array().unwrap() {
            let mut associated: Vec<Vec<u8>> =
                case["associated_data"].as_array().unwrap().iter().map(bytes).collect();
            associated.extend(case["nonce"].is_string().then(|| bytes(&case["nonce"])));
            let (clear, sealed) = (bytes(&case["plaintext"]), bytes(&case["output"]));
            let result = seal_and_open(&bytes(&case["key"]), &associated, &clear, &sealed);
            assert_eq!(result, Some((sealed, Some(clear))), "{}", case["name"]);
        }
        assert_eq!(suite["vectors"].as_array().unwrap().len(), 2);
        crate::testkit::report("RFC 5297 appendix A", 2, 2, "");
    }
}
