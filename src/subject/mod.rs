// SPDX-License-Identifier: Apache-2.0
//! Data subjects: by what pseudonym each goes, whose law covers them, and what they
//! have consented to.
//!
//! A person has several pseudonyms: one for each value that names them in a category
//! (`email`), one for each CRM record about them. Which of them are one person is
//! learned from traffic; [`SubjectStore`] is the seam that keeps it. [`Subjects`] is
//! what the rest of the house uses: it derives pseudonyms and asks any store.
//!
//! Invariants:
//! - A store holds pseudonyms, names from configuration and [`Note`]s; never a value.
//! - What was learned in any order gives the same person, named by the smallest of
//!   their pseudonyms, with the same withdrawals.
//! - Facts stay with the pseudonym that they were learned of. What is known of a
//!   person is all of it together, so nothing is lost when two turn out to be one.
//! - Consent records are added to, never changed. The latest counts; of two at the
//!   same time, the withdrawal. With what a CRM field says when it is heard of first, a
//!   person consents only if they had said nothing of the purpose before, under whichever
//!   pseudonym, and whenever it was learned that it is theirs.
//! - Nothing is cached: a consent withdrawn is withdrawn for the next request.

#[cfg(test)]
pub mod conformance;
mod consent;
mod memory;
mod people;
mod postgres;
mod sqlite;
mod subjects;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::collections::BTreeSet;

pub use consent::{ConsentError, ConsentRecord, Consents, Note, NoteError};
pub use memory::MemorySubjects;
pub use postgres::PostgresSubjects;
pub use sqlite::SqliteSubjects;
pub use subjects::Subjects;
pub use vocabulary::{UnknownWord, Vocabulary};

use crate::base::{Jurisdiction, SubjectId};
use crate::vault::BoxFuture;

/// Keeps what is known of data subjects. Every implementation passes `conformance`.
pub trait SubjectStore: Send + Sync {
    /// What is known of the person behind each pseudonym, in order; all from one
    /// moment. One that was never heard of is a person of whom nothing is known.
    fn known(&self, ids: Vec<SubjectId>) -> BoxFuture<'_, Result<Vec<Known>, SubjectError>>;

    /// By what other pseudonyms the person behind each is known, in order; sorted, and no more
    /// than the first `limit` of them.
    fn others(
        &self,
        ids: Vec<SubjectId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Vec<SubjectId>>, SubjectError>>;

    /// Everything that is kept of the person behind a pseudonym.
    fn dossier(&self, id: SubjectId) -> BoxFuture<'_, Result<Dossier, SubjectError>>;

    /// Adds what is new, in order, as one transaction. Idempotent; durable on return. Dropping
    /// the future may or may not leave it stored.
    fn learn(&self, learned: Vec<Learned>) -> BoxFuture<'_, Result<(), SubjectError>>;

    /// Adds a consent record that a person or their controller made, and returns it
    /// as it is stored: never at or before the time of one that the person gave or
    /// withdrew for that purpose before, whatever became of the clock. Durable on
    /// return.
    fn append(
        &self,
        id: SubjectId,
        record: ConsentRecord,
    ) -> BoxFuture<'_, Result<ConsentRecord, SubjectError>>;
}

/// What a request is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The same for every pseudonym of the person, until more are linked.
    pub person: SubjectId,
    /// Of all their records and values together, sorted.
    pub jurisdictions: Vec<Jurisdiction>,
    pub consents: Consents,
}

/// What an access request or an auditor is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    pub known: Known,
    /// Under all of these the transfer log may name them. Sorted; never empty.
    pub pseudonyms: Vec<SubjectId>,
    /// Every consent record, in the order in which they count.
    pub history: Vec<ConsentRecord>,
}

impl Dossier {
    /// `histories` are those of the pseudonyms, one for each.
    fn new(
        person: SubjectId,
        pseudonyms: BTreeSet<SubjectId>,
        jurisdictions: BTreeSet<Jurisdiction>,
        histories: &[Vec<ConsentRecord>],
    ) -> Self {
        let consents = Consents::of_person(histories);
        let mut history = histories.concat();
        ConsentRecord::sort(&mut history);
        let known = Known { person, jurisdictions: jurisdictions.into_iter().collect(), consents };
        Self { known, pseudonyms: pseudonyms.into_iter().collect(), history }
    }
}

/// What a message says of a data subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    pub id: SubjectId,
    /// Another pseudonym of the same person.
    pub same_as: Option<SubjectId>,
    /// Replaces what this pseudonym said before; `None` leaves it.
    pub jurisdictions: Option<BTreeSet<Jurisdiction>>,
    /// Choices that stand in CRM fields. A field that says what it said before is no
    /// new choice: it is kept only where it differs from the last of this pseudonym,
    /// purpose and source, and a consent that is the first of its source only where the
    /// person has said nothing of that purpose before. Else, a record that has not heard
    /// of a withdrawal would undo it.
    pub consents: Vec<ConsentRecord>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum SubjectError {
    /// The store cannot be reached or written; trying again later may help.
    #[error("what is known of data subjects is not available: {0}")]
    Unavailable(String),
    /// A row is not what was written.
    #[error("what is known of data subjects is damaged: {0}")]
    Corrupt(String),
}
