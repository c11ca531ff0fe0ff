// SPDX-License-Identifier: Apache-2.0
//! Tokens that callers send back, in fields and in texts: what they stand for is kept for those
//! in whose records they stand now, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::{Keeper, ProtectError, Protectors, Sought, Surrogate};
use crate::base::{Category, Cleartext, SubjectId};
use crate::keys::Realm;
use crate::policy::{FieldRule, Protection, ScanRules};
use crate::vault::{Item, Opened, ToKeep, Token};

/// Of values that one request sends back as tokens, for others than those who hold them. A token
/// may be much shorter than what it stands for.
const MAX_HELD: usize = 16 << 20;

/// A value that is sent back as its token.
pub(super) struct SentBack<'v> {
    pub token: Token,
    pub item: Item<'v>,
    /// One who holds it; none for the house.
    pub known: Option<SubjectId>,
    /// Who is to hold it, and whose keysets their key may be under.
    pub holder: Option<SubjectId>,
    pub realms: &'v [Realm],
    /// The id of the rule of its place.
    pub field: &'v str,
}

/// A text of a field that is scanned, on its way to a record.
pub struct Written<'a, K> {
    pub rule: &'a Arc<FieldRule>,
    pub text: &'a Cleartext,
    /// Whom a value of a category in it is kept for.
    pub keeper: K,
}

/// Says nothing of the text.
impl<K> fmt::Debug for Written<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("rule", &self.rule.id).finish_non_exhaustive()
    }
}

impl Protectors {
    /// Keeps what tokens in texts stand for, where they open there, for those in whose records
    /// the texts are. In a record that is about nobody it stays whose it is: the house would
    /// keep what is erased with its person. One round trip to the vault if there are tokens, and
    /// another if they are others'. Durable on return.
    ///
    /// # Errors
    /// [`ProtectError::TooMuch`], and [`ProtectError::Vault`].
    pub async fn hold_written<'a, K: Fn(&Category) -> Keeper<'a>>(
        &self,
        texts: &[Written<'a, K>],
        rules: &ScanRules,
    ) -> Result<(), ProtectError> {
        let mut found: Vec<(&Written<'a, K>, BTreeSet<Token>)> = Vec::new();
        for written in texts {
            let tokens = self.find(written.text.expose(), Sought::Words).into_iter();
            let tokens = tokens.filter_map(|found| match found.surrogate {
                Surrogate::Token(token) => Some(token),
                Surrogate::Encrypted(_) | Surrogate::Preserved(_) => None,
            });
            found.push((written, tokens.collect()));
        }
        let tokens: BTreeSet<&Token> = found.iter().flat_map(|(_, tokens)| tokens).collect();
        let tokens: Vec<Token> = tokens.into_iter().cloned().collect();
        let opened = self.vault.detokenize(tokens.clone()).await?;
        let opened: BTreeMap<Token, Opened> =
            tokens.into_iter().zip(opened).filter_map(|(token, it)| Some((token, it?))).collect();
        let sent_back = found.iter().flat_map(|(written, tokens)| {
            let opened = &opened;
            tokens.iter().filter_map(move |token| {
                let Opened { category, value, holder: known, .. } = opened.get(token)?;
                let item = (category, value.as_ref()?);
                let opens = opens_in(written.rule, rules, category);
                let keeper = (written.keeper)(category);
                let holder = Some(keeper.holder(item).filter(|_| opens)?);
                let (realms, field) = (keeper.realms(), &written.rule.id);
                Some(SentBack { token: token.clone(), item, known: *known, holder, realms, field })
            })
        });
        self.hold(sent_back.collect()).await
    }

    /// Keeps what is sent back for those whose it is now as well.
    pub(super) async fn hold(&self, sent_back: Vec<SentBack<'_>>) -> Result<(), ProtectError> {
        let (mut held, mut bytes) = (BTreeMap::new(), 0);
        for SentBack { token, item, known, holder, realms, field } in sent_back {
            if holder == known || held.contains_key(&(token.clone(), holder)) {
                continue;
            }
            bytes += item.1.expose().len();
            if bytes > MAX_HELD {
                return Err(ProtectError::TooMuch { field: field.to_owned() });
            }
            let kept = ToKeep::for_house(item, token.form());
            held.insert((token, holder), ToKeep { holder, realms, ..kept });
        }
        let held = held.into_iter().map(|((token, _), kept)| (token, kept));
        Ok(self.vault.hold(&held.collect::<Vec<_>>()).await?)
    }
}

/// Whether a value of a category is shown in a text of a field that is scanned.
fn opens_in(rule: &FieldRule, rules: &ScanRules, category: &Category) -> bool {
    let Protection::Scan(sought) = rule.protection else { return false };
    let mut kinds = rules.rules.iter().filter(|(kind, _)| sought.has(**kind));
    rule.category == *category || kinds.any(|(_, rule)| rule.category == *category)
}
