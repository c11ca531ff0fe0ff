// SPDX-License-Identifier: Apache-2.0

use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::files::{self, Readers};
use super::root::{ROOT_KEY_BYTES, RootKey};
use super::{KeyName, KeyService, KeysError, Siv, random};
use crate::base::Secret;

/// What such a file starts with.
pub(super) const HEADER: &str = "zollhaus-sealed-root-key-1";
const SALT_BYTES: usize = 16;
/// Bytes of the shortest passphrase that a root key is sealed with.
const MIN_PASSPHRASE: usize = 12;

/// A root key in a file that is sealed with a passphrase.
///
/// The file is one line of five words: `zollhaus-sealed-root-key-1`, `argon2id`, the cost as
/// `m=<KiB>,t=<passes>,p=<lanes>`, a salt of 128 bits, and the root key sealed with
/// AES-256-SIV (RFC 5297) under what Argon2id (RFC 9106, version 0x13) makes of passphrase
/// and salt; the four words before it are its associated data. Salt and sealed key are
/// base64 (RFC 4648 section 4). The mode of the file is that of other key files.
#[derive(Debug)]
pub struct SealedKeyFile(RootKey);

/// What deriving a key costs whoever guesses the passphrase, and us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    kibibytes: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The second recommendation of RFC 9106 section 4, for less memory: 64 MiB.
    const RECOMMENDED: Self = Self { kibibytes: 1 << 16, passes: 3, lanes: 4 };

    /// Reads `m=…,t=…,p=…`. A file that demands more than 256 MiB, ten passes or eight
    /// lanes is not ours: whoever may write it must not be able to take the machine's memory.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut part =
            |prefix: &str| -> Option<u32> { parts.next()?.strip_prefix(prefix)?.parse().ok() };
        let cost = Self { kibibytes: part("m=")?, passes: part("t=")?, lanes: part("p=")? };
        let is_bounded = (64..=1 << 18).contains(&cost.kibibytes)
            && (1..=10).contains(&cost.passes)
            && (1..=8).contains(&cost.lanes);
        (is_bounded && cost.to_string() == text).then_some(cost)
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "m={},t={},p={}", self.kibibytes, self.passes, self.lanes)
    }
}

impl SealedKeyFile {
    /// Makes a new root key; durable on return.
    ///
    /// # Errors
    /// [`KeysError::Exists`] when there is a file of that name, [`KeysError::ShortPassphrase`].
    pub fn create(path: &Path, passphrase: &Secret) -> Result<Self, KeysError> {
        Self::create_at(path, passphrase, Cost::RECOMMENDED)
    }

    fn create_at(path: &Path, passphrase: &Secret, cost: Cost) -> Result<Self, KeysError> {
        if passphrase.expose().len() < MIN_PASSPHRASE {
            return Err(KeysError::ShortPassphrase { at_least: MIN_PASSPHRASE });
        }
        let key = random::<ROOT_KEY_BYTES>()?;
        let salt = random::<SALT_BYTES>()?;
        let head = format!("{HEADER} argon2id {cost} {}", STANDARD.encode(salt.as_slice()));
        let wrapping =
            derive(passphrase, salt.as_slice(), cost).map_err(|problem| damaged(path, problem))?;
        let sealed = wrapping.seal([head.as_bytes()], key.as_slice());
        files::create(path, format!("{head} {}\n", STANDARD.encode(sealed)).as_bytes())?;
        Ok(Self(RootKey::new(&key)))
    }

    /// # Errors
    /// [`KeysError::Missing`], [`KeysError::Exposed`], [`KeysError::Damaged`] or
    /// [`KeysError::WrongPassphrase`].
    pub fn open(path: &Path, passphrase: &Secret) -> Result<Self, KeysError> {
        let text = files::read(path, Readers::OwnerOnly)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let sealed = SealedLine::read(line).map_err(|problem| damaged(path, problem))?;
        let wrapping = derive(passphrase, &sealed.salt, sealed.cost)
            .map_err(|problem| damaged(path, problem))?;
        let wrong = || KeysError::WrongPassphrase { path: PathBuf::from(path) };
        let key = wrapping.open([sealed.head.as_bytes()], &sealed.key).ok_or_else(wrong)?;
        let key = <&[u8; ROOT_KEY_BYTES]>::try_from(key.as_slice());
        Ok(Self(RootKey::new(key.map_err(|_| damaged(path, "its key has not 256 bits"))?)))
    }
}

impl KeyService for SealedKeyFile {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        Ok(self.0.wrap(name, key))
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        self.0.unwrap(name, wrapped)
    }
}

struct SealedLine<'t> {
    /// All before the sealed key.
    head: &'t str,
    cost: Cost,
    salt: Vec<u8>,
    key: Vec<u8>,
}

impl<'t> SealedLine<'t> {
    fn read(line: &'t str) -> Result<Self, &'static str> {
        let is_plain = line.starts_with("zollhaus-root-key-1 ");
        if is_plain {
            return Err("it is not sealed; remove `passphrase`, or make a sealed one with \
                 `zollhaus keys create` and take the keyset along with `zollhaus keys rewrap`");
        }
        let words: Vec<&str> = line.split(' ').collect();
        let [HEADER, "argon2id", cost, salt, key] = words[..] else {
            return Err(
                "it is not one line that begins with `zollhaus-sealed-root-key-1 argon2id`",
            );
        };
        let cost = Cost::read(cost).ok_or(
            "its cost is not `m=,t=,p=` within 64 to 262144 KiB, 1 to 10 passes and 1 to 8 lanes",
        )?;
        let decode = |word| STANDARD.decode(word).map_err(|_| "its salt or key is not base64");
        let (salt, sealed) = (decode(salt)?, decode(key)?);
        if salt.len() != SALT_BYTES {
            return Err("its salt has not 128 bits");
        }
        let head = line.get(..line.len() - key.len() - 1).unwrap_or_default();
        Ok(Self { head, cost, salt, key: sealed })
    }
}

/// The key that seals the root key. It takes as much memory as `cost` says.
fn derive(passphrase: &Secret, salt: &[u8], cost: Cost) -> Result<Siv, &'static str> {
    let impossible = "its cost is none that Argon2id has";
    let params = Params::new(cost.kibibytes, cost.passes, cost.lanes, Some(Siv::KEY_BYTES));
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(|_| impossible)?);
    let mut key = Zeroizing::new([0; Siv::KEY_BYTES]);
    let derived = argon.hash_password_into(passphrase.expose(), salt, key.as_mut());
    derived.map_err(|_| impossible)?;
    Ok(Siv::new(key))
}

fn damaged(path: &Path, problem: &str) -> KeysError {
    KeysError::Damaged { path: path.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::check_service;
    use crate::testkit::Scratch;

    /// Cheap, because the tests are built without optimization.
    const CHEAP: Cost = Cost { kibibytes: 64, passes: 1, lanes: 1 };

    fn passphrase(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn sealed_key_files_conform() {
        let (scratch, words) = (Scratch::new(), passphrase("correct horse battery"));
        let path = scratch.file("root.key");
        SealedKeyFile::create_at(&path, &words, CHEAP).unwrap();
        let other = SealedKeyFile::create_at(&scratch.file("other"), &words, CHEAP).unwrap();
        check_service(|| Box::new(SealedKeyFile::open(&path, &words).unwrap()), &other);
    }

    #[test]
    fn only_the_passphrase_opens_it_and_nothing_in_it_can_be_changed() {
        let (scratch, words) = (Scratch::new(), passphrase("correct horse battery"));
        let path = scratch.file("root.key");
        SealedKeyFile::create_at(&path, &words, CHEAP).unwrap();
        let wrong = SealedKeyFile::open(&path, &passphrase("correct horse batterx"));
        assert!(matches!(wrong, Err(KeysError::WrongPassphrase { .. })));

        let right = std::fs::read_to_string(&path).unwrap();
        let opened = |content: &str| {
            std::fs::write(&path, content).unwrap();
            SealedKeyFile::open(&path, &words)
        };
        let refused = |content: &str, problem: &str| {
            let error = opened(content).unwrap_err().to_string();
            assert!(error.contains("root.key") && error.contains(problem), "{content}: {error}");
        };
        // A cheaper or dearer cost derives another key, and one without bounds none.
        refused(&right.replace("t=1", "t=2"), "does not open");
        for cost in ["m=262145,t=1,p=1", "m=4294967295,t=1,p=1", "m=64,t=11,p=1", "m=64,t=1,p=9"] {
            refused(&right.replace("m=64,t=1,p=1", cost), "cost");
        }
        for cost in ["m=64,t=0,p=1", "m=63,t=1,p=1", "m=64,t=1", "m=+64,t=1,p=1", "m=64,t=1,p=1,"] {
            refused(&right.replace("m=64,t=1,p=1", cost), "cost");
        }
        refused(&right.replace("argon2id", "argon2i"), "not one line");
        refused(&right[..right.len() - 6], "base64");
        refused(&right.replacen("argon2id m", "argon2id  m", 1), "not one line");
        refused(&format!("{right}{right}"), "not one line");
        refused("", "not one line");
        refused("zollhaus-root-key-1 AAAA\n", "it is not sealed");
        assert!(opened(&right).is_ok());
    }

    #[test]
    fn a_short_passphrase_seals_nothing() {
        let scratch = Scratch::new();
        let path = scratch.file("root.key");
        let refused = SealedKeyFile::create(&path, &passphrase("elevenchars"));
        assert!(matches!(refused, Err(KeysError::ShortPassphrase { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn what_is_written_costs_what_rfc_9106_recommends() {
        assert_eq!(Cost::RECOMMENDED.to_string(), "m=65536,t=3,p=4");
        assert_eq!(Cost::read("m=65536,t=3,p=4"), Some(Cost::RECOMMENDED));
    }
}
