// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::base::{Category, Purpose};
use crate::policy::Policy;

/// The names that the policies in force know. A withdrawal for a misspelt purpose, or
/// of a person in a category that names nobody, would be stored and change nothing.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    categories: BTreeSet<Category>,
    purposes: BTreeSet<Purpose>,
}

/// Lists what is known; never repeats what was asked for, which may be a value in the
/// wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownWord {
    #[error("no policy names data subjects by this category; known are {0}")]
    Category(String),
    #[error("no policy knows this purpose; known are {0}")]
    Purpose(String),
}

impl Vocabulary {
    pub fn of<'p>(policies: impl IntoIterator<Item = &'p Policy>) -> Self {
        let mut words = Self::default();
        for policy in policies {
            words.categories.append(&mut policy.subject_categories());
            words.purposes.append(&mut policy.purposes());
        }
        words
    }

    pub fn category(&self, text: &str) -> Result<Category, UnknownWord> {
        let known = self.categories.get(text).cloned();
        known.ok_or_else(|| UnknownWord::Category(listed(&self.categories)))
    }

    pub fn purpose(&self, text: &str) -> Result<Purpose, UnknownWord> {
        let known = self.purposes.get(text).cloned();
        known.ok_or_else(|| UnknownWord::Purpose(listed(&self.purposes)))
    }
}

fn listed(words: &BTreeSet<impl Display>) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
