// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::base::{
    Category, Choice, FieldName, ObjectName, Pattern, PatternOf, Purpose, Role, Scope, SearchKind,
};
use crate::border::Border;

use super::{Hashed, Protection, Reveal, ScanRules};

/// A compiled policy for one upstream: names are in the dialect's canonical spelling.
#[derive(Clone, Debug)]
pub struct Policy {
    pub digest: Digest,
    pub categories: HashMap<Category, CategoryRule>,
    pub objects: HashMap<ObjectName, ObjectRule>,
    /// Where the data may go; `None` when the policy says nothing about it.
    pub border: Option<Arc<Border>>,
    /// What is looked for in fields that are scanned.
    pub scan: ScanRules,
    /// What happens where a value that is protected stands once more in clear; `None` where
    /// nobody looks.
    pub residual: Option<Residual>,
    /// How many rows a query may find that is sorted here, by protected fields; 0 where none is.
    pub sorted_rows: usize,
}

/// What becomes of personal data in what would leave in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// It gets a token in its place; where it cannot, the request is refused.
    Protect,
    /// The request is refused.
    Refuse,
    /// It leaves, and is counted.
    Report,
}

impl Policy {
    /// The categories whose values name data subjects.
    pub fn subject_categories(&self) -> BTreeSet<Category> {
        let named = |object: &ObjectRule| {
            let rules = object.subject.iter().filter_map(|field| object.fields.get(field));
            rules.map(|rule| rule.category.clone()).collect::<Vec<_>>()
        };
        self.objects.values().flat_map(named).collect()
    }

    /// Whether records of this object are about one data subject each.
    pub fn is_about_person(&self, object: &ObjectName) -> bool {
        self.objects.get(object).is_some_and(|rules| !rules.subject.is_empty())
    }

    /// The kinds of search that tokenized fields are to answer, by their category: one value
    /// has one token, in whichever field it stands.
    pub fn search_kinds(&self) -> BTreeMap<Category, BTreeSet<SearchKind>> {
        let mut kinds = BTreeMap::<_, BTreeSet<_>>::new();
        for rule in self.objects.values().flat_map(ObjectRule::rules) {
            if !rule.search.is_empty() {
                kinds.entry(rule.category.clone()).or_default().extend(&rule.search);
            }
        }
        kinds
    }

    /// The rules whose values are found by parts of them, in the order of their ids.
    pub fn searched(&self) -> Vec<&FieldRule> {
        let rules = self.objects.values().flat_map(ObjectRule::rules).map(Arc::as_ref);
        let mut searched: Vec<_> = rules.filter(|rule| !rule.search.is_empty()).collect();
        searched.sort_unstable_by_key(|rule| &rule.id);
        searched
    }

    /// Whether values are compared with hashes that the CRM holds.
    pub fn compares_hashes(&self) -> bool {
        self.objects.values().flat_map(ObjectRule::rules).any(|rule| match rule.protection {
            Protection::Hash { of, .. } => of != Hashed::Whole,
            _ => false,
        })
    }

    /// The rules of what is tokenized.
    pub fn tokenized(&self) -> impl Iterator<Item = &Arc<FieldRule>> {
        let rules = self.objects.values().flat_map(ObjectRule::rules);
        rules.filter(|rule| matches!(rule.protection, Protection::Tokenize { .. }))
    }

    /// Among whose values equal ones have one token in a text.
    pub fn scope_of(&self, category: &Category) -> Scope {
        scope_in(self.tokenized(), category)
    }

    /// The purposes that data subjects can consent to.
    pub fn purposes(&self) -> BTreeSet<Purpose> {
        let rules = self.objects.values().flat_map(|object| object.consents.values());
        let of_fields = rules.map(|rule| &rule.purpose);
        let of_border = self.border.iter().flat_map(|border| border.purposes());
        of_fields.chain(of_border).cloned().collect()
    }
}

/// SHA-256 of the policy document as it was read; with a border, of it and of the
/// digests of the border's documents in their order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who sees values of a category, and how. A role that is not named sees the surrogate.
#[derive(Clone, Debug, Default)]
pub struct CategoryRule {
    pub reveal: BTreeMap<Role, Reveal>,
    /// Values that nobody has: they stand in the CRM as traps.
    pub poison: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct ObjectRule {
    pub fields: HashMap<FieldName, Arc<FieldRule>>,
    pub unlisted: Unlisted,
    /// The fields, all of them protected, whose values name whom a record is about.
    pub subject: Vec<FieldName>,
    /// The fields that say what that person has consented to.
    pub consents: HashMap<FieldName, ConsentRule>,
}

impl ObjectRule {
    /// The rule of each field that is protected, and that of those that are not listed.
    fn rules(&self) -> impl Iterator<Item = &Arc<FieldRule>> {
        let unlisted = match &self.unlisted {
            Unlisted::Protect(rule) => Some(rule),
            Unlisted::Pass | Unlisted::Refuse => None,
        };
        self.fields.values().chain(unlisted)
    }
}

/// What the values of a field say of a purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRule {
    pub purpose: Purpose,
    pub given: Vec<String>,
    pub withdrawn: Vec<String>,
}

impl ConsentRule {
    /// What a value says, without regard to ASCII case; `None` for one that the policy
    /// does not list.
    pub fn choice(&self, value: &str) -> Option<Choice> {
        let is_in = |texts: &[String]| texts.iter().any(|text| text.eq_ignore_ascii_case(value));
        if is_in(&self.withdrawn) {
            Some(Choice::Withdrawn)
        } else {
            is_in(&self.given).then_some(Choice::Given)
        }
    }
}

/// What happens to fields of a listed object that the policy does not list.
#[derive(Clone, Debug)]
pub enum Unlisted {
    Pass,
    Refuse,
    /// Protected like this.
    Protect(Arc<FieldRule>),
}

/// Whether what is found of a category in a text is one data subject's alone, as it is by one of
/// these rules at least.
pub fn scope_in<'r>(
    mut rules: impl Iterator<Item = &'r Arc<FieldRule>>,
    category: &Category,
) -> Scope {
    let is_theirs = |rule: &FieldRule| rule.protection.scope() == Scope::Subject;
    if rules.any(|rule| rule.category == *category && is_theirs(rule)) {
        Scope::Subject
    } else {
        Scope::Tenant
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// `contact.email`: what explain, the log and refusals name.
    pub id: String,
    pub category: Category,
    pub protection: Protection,
    /// What parts of a value it can be found by, where it is tokenized.
    pub search: BTreeSet<SearchKind>,
}

impl FieldRule {
    /// Ends the id of a rule for fields that the policy does not list.
    pub const UNLISTED: &str = ".*";

    /// What a value is found by that looks like a pattern; `None` where it cannot be.
    pub fn search_for(&self, pattern: &Pattern) -> Option<SearchKind> {
        let is_there = |kind: SearchKind| {
            self.search.contains(&kind) && matches!(self.protection, Protection::Tokenize { .. })
        };
        let best = match pattern.of {
            PatternOf::Value if pattern.is_at_start => Some(SearchKind::Prefix),
            PatternOf::Word if pattern.is_one_text() => Some(SearchKind::Words),
            PatternOf::Value | PatternOf::Word | PatternOf::Address => None,
        };
        best.into_iter().chain([SearchKind::Contains]).find(|kind| is_there(*kind))
    }

    /// Whether the policy names the field, so that its name is fit for the log.
    pub fn is_listed(&self) -> bool {
        !self.id.ends_with(Self::UNLISTED)
    }
}
