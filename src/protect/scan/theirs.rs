// SPDX-License-Identifier: Apache-2.0
//! What the vault holds for somebody, wherever it stands in texts about them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;

use super::known::{as_word, token_of};
use super::{Finding, html};
use crate::base::{Category, Cleartext, SubjectId};
use crate::policy::{FieldRule, FindingKind, Policy, Sought, Words, words_of};
use crate::protect::{ProtectError, Protectors};
use crate::vault::{Limits, VaultError, Wanted};

/// Of one pseudonym, so many values are looked at, and with so many the vault answers, names
/// first; all values that it answers with at one time fit into a few megabytes.
const LIMITS: Limits =
    Limits { longest: Words::MAX_BYTES as u32, looked_at: 4096, of_one: 256, of_all: 8192 };

/// Of so many pseudonyms the vault is asked at one time.
const PSEUDONYMS: usize = 1024;

/// Of one person, so many values are looked for, names first.
const MAX_OF_PERSON: usize = 256;

/// Which values are looked for.
#[derive(Clone, Debug, Default)]
pub struct SoughtValues(Vec<Meant>);

/// What values of a category mean in a text.
#[derive(Clone, Debug)]
struct Meant {
    /// None where they are found in texts that are not scanned for them only.
    kind: Option<FindingKind>,
    /// That they get a token, by their category.
    rule: Arc<FieldRule>,
}

/// Values that somebody holds.
#[derive(Debug, Default)]
pub struct Theirs {
    /// In each of their words, as other names in texts that are scanned.
    names: List,
    /// As a whole.
    values: List,
}

#[derive(Debug, Default)]
struct List {
    words: Option<Words>,
    of: Vec<Mention>,
}

/// A value of somebody where it stands in a text about them.
#[derive(Clone, Debug)]
pub struct Mention {
    /// In bytes of the text.
    pub span: Range<usize>,
    pub kind: Option<FindingKind>,
    pub rule: Arc<FieldRule>,
    /// The pseudonym under which it is held.
    pub holder: SubjectId,
}

/// Goes along a text with its findings, and says what each of them is.
pub(super) struct Along<'m> {
    /// By where they begin, each with its place among all.
    rest: Peekable<std::vec::IntoIter<(usize, &'m Mention)>>,
    /// Those that begin before the end of the last finding, and end behind its start.
    near: Vec<(usize, &'m Mention)>,
}

impl<'m> Along<'m> {
    pub(super) fn new(mentions: &'m [Mention]) -> Self {
        let of_kinds = mentions.iter().enumerate().filter(|(_, it)| it.kind.is_some());
        let mut rest: Vec<_> = of_kinds.collect();
        rest.sort_by_key(|(_, mention)| mention.span.start);
        Self { rest: rest.into_iter().peekable(), near: Vec::new() }
    }

    /// The first mention that covers some of a finding, which is behind those before.
    pub(super) fn first_in(&mut self, finding: &Finding) -> Option<&'m Mention> {
        let span = &finding.span;
        while let Some(next) = self.rest.next_if(|(_, it)| it.span.start < span.end) {
            self.near.push(next);
        }
        self.near.retain(|(_, mention)| mention.span.end > span.start);
        let same = self.near.iter().filter(|(_, mention)| mention.kind == Some(finding.kind));
        same.min_by_key(|(at, _)| *at).map(|(_, mention)| *mention)
    }
}

impl Mention {
    /// As what a text is scanned for.
    pub(super) fn finding(&self) -> Option<Finding> {
        Some(Finding { span: self.span.clone(), kind: self.kind? })
    }
}

impl SoughtValues {
    /// What is looked for in texts that are scanned for some kinds and, where the policy looks
    /// for residual data, whatever else it tokenizes. Names come first: they are what only the
    /// vault can tell.
    pub fn new(policy: &Policy, kinds: Sought, has_residual: bool) -> Self {
        let mut sought: BTreeMap<&Category, Meant> = BTreeMap::new();
        for (kind, rule) in &policy.scan.rules {
            if kinds.has(*kind) {
                let meant = Meant { kind: Some(*kind), rule: Arc::clone(rule) };
                sought.insert(&rule.category, meant);
            }
        }
        for rule in policy.tokenized().filter(|_| has_residual) {
            let scope = policy.scope_of(&rule.category);
            let meant = || Meant { kind: None, rule: token_of(rule, scope) };
            sought.entry(&rule.category).or_insert_with(meant);
        }
        let names = policy.scan.rules.get(&FindingKind::Name).map(|rule| &rule.category);
        let mut sought: Vec<Meant> = sought.into_values().collect();
        sought.sort_by_key(|meant| Some(&meant.rule.category) != names);
        Self(sought)
    }

    fn categories(&self) -> Vec<Category> {
        self.0.iter().map(|meant| meant.rule.category.clone()).collect()
    }

    /// The place of a category among those that are looked for.
    fn rank(&self, category: &Category) -> Option<usize> {
        self.0.iter().position(|meant| meant.rule.category == *category)
    }
}

impl Protectors {
    /// What the vault holds for each of some persons, who are told by pseudonyms. One round trip
    /// to the vault, more only where it is very much.
    ///
    /// # Errors
    /// [`ProtectError::Vault`].
    pub async fn held_by(
        &self,
        persons: &[&BTreeSet<SubjectId>],
        sought: &SoughtValues,
    ) -> Result<Vec<Holdings>, ProtectError> {
        let mut held: Vec<Holdings> = persons.iter().map(|_| Holdings::default()).collect();
        let all = persons.iter().enumerate();
        let all: Vec<(usize, SubjectId)> =
            all.flat_map(|(at, ids)| ids.iter().map(move |id| (at, *id))).collect();
        let mut asked = all.as_slice();
        while !asked.is_empty() {
            let now = asked.get(..PSEUDONYMS).unwrap_or(asked);
            let subjects = now.iter().map(|(_, id)| *id).collect();
            let wanted = Wanted { subjects, categories: sought.categories(), limits: LIMITS };
            let answers = self.vault.held_by(wanted).await?;
            let (answered, rest) = asked.split_at(answers.len().min(now.len()));
            if answered.is_empty() {
                let problem = "it does not say what data subjects hold";
                return Err(VaultError::Unavailable(problem.into()).into());
            }
            for ((at, id), values) in answered.iter().zip(answers) {
                let Some(held) = held.get_mut(*at) else { continue };
                held.has_more |= values.has_more;
                held.take(sought, *id, values.values);
            }
            asked = rest;
        }
        Ok(held)
    }
}

/// What somebody holds.
#[derive(Debug, Default)]
pub struct Holdings {
    /// With the place of its category, and the pseudonym.
    values: Vec<(usize, SubjectId, Cleartext)>,
    /// Whether there may be more than is looked for.
    pub has_more: bool,
}

impl Holdings {
    /// How many values there are, and how many bytes they have.
    pub fn size(&self) -> (usize, usize) {
        (self.values.len(), self.values.iter().map(|(.., value)| value.expose().len()).sum())
    }

    fn take(&mut self, sought: &SoughtValues, id: SubjectId, values: Vec<(Category, Cleartext)>) {
        let ranked = values.into_iter();
        let ranked =
            ranked.filter_map(|(category, value)| Some((sought.rank(&category)?, id, value)));
        self.values.extend(ranked);
        self.values.sort_by_key(|(rank, ..)| *rank);
        self.has_more |= self.values.len() > MAX_OF_PERSON;
        self.values.truncate(MAX_OF_PERSON);
    }
}

impl Theirs {
    /// `held` is what each of some persons holds; `names` are those of objects and fields, which
    /// stand in requests by themselves.
    pub fn new(held: &[&Holdings], sought: &SoughtValues, names: &HashSet<String>) -> Self {
        let (mut of_names, mut of_values) = (BTreeMap::new(), BTreeMap::new());
        for (rank, holder, value) in held.iter().flat_map(|held| &held.values) {
            let Some(Meant { kind, rule }) = sought.0.get(*rank) else { continue };
            let mention =
                || Mention { span: 0..0, kind: *kind, rule: Arc::clone(rule), holder: *holder };
            if *kind == Some(FindingKind::Name) {
                for word in words_of(value.expose()) {
                    of_names.entry(Cleartext::new(word)).or_insert_with(mention);
                }
            }
            if let Some(word) = as_word(value.expose(), names) {
                of_values.entry(Cleartext::new(word.as_str())).or_insert_with(mention);
            }
        }
        let [names, values] = [of_names, of_values].map(List::new);
        Self { names, values }
    }

    /// Where they stand in a text, also behind tags and entities: first each word of a name, of
    /// that kind, then whole values, names of no kind among them. `None` if they stand there more
    /// often than `most` times.
    pub fn find(&self, text: &str, most: usize) -> Option<Vec<Mention>> {
        let one_more = most.saturating_add(1);
        let mut found: Vec<Mention> = self.find_in(text).take(one_more).collect();
        if html::may_hide(text) {
            for view in html::views(text) {
                let shown = self.find_in(view.as_str()).take(one_more);
                found.extend(shown.map(|it| Mention { span: view.origin(&it.span), ..it }));
            }
        }
        (found.len() <= most).then_some(found)
    }

    fn find_in(&self, text: &str) -> impl Iterator<Item = Mention> {
        let values = self.values.find(text).map(|it| match it.kind {
            Some(FindingKind::Name) => Mention { kind: None, ..it },
            _ => it,
        });
        self.names.find(text).chain(values)
    }
}

impl List {
    fn new(words: BTreeMap<Cleartext, Mention>) -> Self {
        let automaton = Words::new(words.keys().map(Cleartext::expose));
        Self { words: automaton, of: words.into_values().collect() }
    }

    fn find<'t>(&'t self, text: &str) -> impl Iterator<Item = Mention> + use<'t> {
        let found = self.words.iter().flat_map(|words| words.find(text)).collect::<Vec<_>>();
        found
            .into_iter()
            .filter_map(|(span, at)| Some(Mention { span, ..self.of.get(at)?.clone() }))
    }
}
