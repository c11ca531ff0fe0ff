// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::surrogate::{read_encrypted, spell_encrypted, whole};
use super::{FoundSurrogate, ProtectError, Protectors, Surrogate};
use crate::base::{Category, Cleartext, SubjectId, Tenant};
use crate::keys::{Siv, Version};
use crate::policy::FieldRule;
use crate::vault::Opened;

/// What surrogates stand for, each in its own category only.
#[derive(Debug, Default)]
pub struct OpenedSurrogates(HashMap<Surrogate, Opened>);

impl OpenedSurrogates {
    /// What a surrogate stands for at a place of this category; `None` when it does
    /// not open there.
    pub fn get(&self, surrogate: &Surrogate, category: &Category) -> Option<&Cleartext> {
        self.known(surrogate, category)?.value.as_ref()
    }

    /// Whether a surrogate was given for a value of this category, also where nobody holds
    /// that any more.
    pub fn knows(&self, surrogate: &Surrogate, category: &Category) -> bool {
        self.known(surrogate, category).is_some()
    }

    /// Whether a surrogate was given for a value of this category, and nobody holds that any
    /// more.
    pub fn has_lost(&self, surrogate: &Surrogate, category: &Category) -> bool {
        let opened = self.known(surrogate, category);
        opened.is_some_and(|opened| opened.value.is_none() && !opened.is_closed)
    }

    /// The same, or it stays closed for want of a jurisdiction's keyset.
    pub(super) fn has_no_value(&self, surrogate: &Surrogate, category: &Category) -> bool {
        self.known(surrogate, category).is_some_and(|opened| opened.value.is_none())
    }

    /// Whether it was given for a value of any category.
    pub(super) fn is_there(&self, surrogate: &Surrogate) -> bool {
        self.0.contains_key(surrogate)
    }

    /// One who holds what a token stands for; none for the house.
    pub(super) fn holder(&self, surrogate: &Surrogate, category: &Category) -> Option<SubjectId> {
        self.known(surrogate, category)?.holder
    }

    fn known(&self, surrogate: &Surrogate, category: &Category) -> Option<&Opened> {
        self.0.get(surrogate).filter(|opened| opened.category == *category)
    }
}

impl Protectors {
    /// Opens surrogates, each for a category that its place allows. One round trip
    /// to the vault, and none without tokens.
    ///
    /// # Errors
    /// [`ProtectError::Vault`]. That a surrogate does not open is no error.
    pub async fn open(
        &self,
        asked: &[(&Surrogate, &Category)],
    ) -> Result<OpenedSurrogates, ProtectError> {
        let mut opened = HashMap::new();
        let mut tokens = HashSet::new();
        for (surrogate, category) in asked.iter().copied() {
            match surrogate {
                Surrogate::Token(token) => {
                    tokens.insert(token.clone());
                }
                Surrogate::Encrypted(_) | Surrogate::Preserved(_)
                    if opened.contains_key(surrogate) => {}
                Surrogate::Encrypted(word) => {
                    let value = self.decrypt(word, category);
                    let value = value.map(|value| by_itself(value, category));
                    opened.extend(value.map(|value| (surrogate.clone(), value)));
                }
                Surrogate::Preserved(digits) => {
                    let value = self.unpreserve(digits, category);
                    let value = value.map(|value| by_itself(value, category));
                    opened.extend(value.map(|value| (surrogate.clone(), value)));
                }
            }
        }
        let tokens: Vec<_> = tokens.into_iter().collect();
        let values = self.vault.detokenize(tokens.clone()).await?;
        let known = tokens.into_iter().zip(values);
        opened.extend(known.filter_map(|(token, value)| Some((Surrogate::Token(token), value?))));
        Ok(OpenedSurrogates(opened))
    }

    /// Each value in clear: what it stands for where it is a surrogate of its rule's
    /// category, else itself. `None` for a surrogate that does not open here.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn clear(
        &self,
        values: &[(&Cleartext, Option<&FieldRule>)],
    ) -> Result<Vec<Option<Cleartext>>, ProtectError> {
        let found: Vec<Option<FoundSurrogate>> = values
            .iter()
            .map(|(value, _)| whole(value.expose().trim(), &self.email_domain))
            .collect();
        let asked: Vec<_> = values
            .iter()
            .zip(&found)
            .filter_map(|((_, rule), found)| Some((&found.as_ref()?.surrogate, &(*rule)?.category)))
            .collect();
        let opened = self.open(&asked).await?;
        let clear = values.iter().zip(&found).map(|((value, rule), found)| {
            let category = rule.map(|rule| &rule.category);
            match (found, category) {
                (Some(found), _) if !found.is_ours(&opened, category.into_iter()) => {
                    Some((*value).clone())
                }
                (None, _) => Some((*value).clone()),
                (Some(found), Some(category)) => {
                    found.clear(&opened, category).map(Cow::into_owned)
                }
                (Some(_), None) => None,
            }
        });
        Ok(clear.collect())
    }

    /// The word of a value under the key that is in use.
    pub(super) fn encrypt(&self, value: &Cleartext, category: &Category) -> String {
        self.encrypt_with(self.siv.active_version(), self.siv.active(), value, category)
    }

    /// The words of a value under each key, the newest first.
    pub(super) fn encrypt_with_each(&self, value: &Cleartext, category: &Category) -> Vec<String> {
        let words = self.siv.iter();
        words.map(|(version, key)| self.encrypt_with(version, key, value, category)).collect()
    }

    fn encrypt_with(
        &self,
        version: Version,
        key: &Siv,
        value: &Cleartext,
        category: &Category,
    ) -> String {
        let associated = associated(&self.tenant, category);
        spell_encrypted(&key.seal(associated, value.expose().as_bytes()), version)
    }

    fn decrypt(&self, word: &str, category: &Category) -> Option<Cleartext> {
        let sealed = read_encrypted(word)?;
        let associated = associated(&self.tenant, category);
        // What another key has sealed does not open, so whichever does is the right one.
        let mut value = self.siv.iter().find_map(|(_, key)| key.open(associated, &sealed))?;
        String::from_utf8(std::mem::take(&mut *value)).ok().map(Cleartext::new)
    }
}

/// What a surrogate opens to that holds its value itself.
fn by_itself(value: Cleartext, category: &Category) -> Opened {
    let category = category.clone();
    Opened { category, value: Some(value), holder: None, is_closed: false }
}

/// What an encrypted word is bound to.
fn associated<'a>(tenant: &'a Tenant, category: &'a Category) -> [&'a [u8]; 3] {
    [b"zollhaus encrypted value 1", tenant.as_str().as_bytes(), category.as_str().as_bytes()]
}
