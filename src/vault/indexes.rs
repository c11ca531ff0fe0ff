// SPDX-License-Identifier: Apache-2.0
//! The indexes by which parts of values are found, and whether they are complete.

use std::collections::{BTreeMap, BTreeSet};

use super::Index;
use crate::base::{Category, SearchKind};

/// The kinds of search that values of each category are to be found by.
pub type Kinds = BTreeMap<Category, BTreeSet<SearchKind>>;

/// A question for the rows of a category that carry all of some index values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub category: Category,
    pub kind: SearchKind,
    pub all_of: Vec<Index>,
}

/// An index over all values of a category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub category: Category,
    pub kind: SearchKind,
    pub state: IndexState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Every value of the category is found by it.
    Complete,
    /// It will be complete when the build of this number is finished.
    Building(u64),
    /// Nothing will be in it when the build of this number is finished.
    Emptying(u64),
    /// Some values may be in it and some not, and nobody changes that.
    Left,
}

impl IndexState {
    /// What it is when a build begins.
    pub(super) fn begun(self, is_wanted: bool, build: u64) -> Self {
        match (self, is_wanted) {
            (_, false) => Self::Emptying(build),
            (Self::Complete, true) => Self::Complete,
            (Self::Building(_) | Self::Emptying(_) | Self::Left, true) => Self::Building(build),
        }
    }

    /// What it is after a row of its category is written.
    pub(super) fn after(self, is_for_it: bool) -> Self {
        match (self, is_for_it) {
            (Self::Complete | Self::Building(_), true) | (Self::Emptying(_), false) => self,
            (Self::Complete | Self::Building(_), false)
            | (Self::Emptying(_), true)
            | (Self::Left, _) => Self::Left,
        }
    }

    /// How it is stored: a build as its number, or that number below zero where it empties.
    pub(super) fn code(self) -> Option<i64> {
        match self {
            Self::Complete => None,
            Self::Building(build) => Some(build as i64),
            Self::Emptying(build) => Some(-(build as i64)),
            Self::Left => Some(0),
        }
    }

    pub(super) fn from_code(code: Option<i64>) -> Self {
        match code {
            None => Self::Complete,
            Some(0) => Self::Left,
            Some(build) if build > 0 => Self::Building(build.unsigned_abs()),
            Some(build) => Self::Emptying(build.unsigned_abs()),
        }
    }
}
