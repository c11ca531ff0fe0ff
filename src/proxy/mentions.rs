// SPDX-License-Identifier: Apache-2.0
//! What the vault holds for those whom the texts of a request are about, where it stands in
//! these texts. Nothing is asked for where no text is scanned, or looked at for residual data.
//!
//! Of others, nothing is looked for: nearly every word is somebody's name.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::base::{Cleartext, Refusal, SubjectId};
use crate::carrier::{Occurrence, Role, Slot, Value};
use crate::policy::{Decision, FindingKind, Protection, Sought};
use crate::protect::scan::{Holdings, Mention, SoughtValues, Theirs};

use super::Proxy;
use super::body::{self, BodyError};
use super::budget::{Lease, VALUE_BYTES};
use super::judge::{MAX_FOUND, too_many_found};
use super::manifest::Manifest;
use super::records::Statement;
use super::residual::{is_free, names_of_fields};
use super::stage::{Located, occurrences};

/// The persons of so many records are asked for at one time.
const RECORDS: usize = 256;

/// Beside those by which a request names a person, so many pseudonyms are asked for.
const MAX_OTHERS: u32 = 32;

/// Where those whom texts are about are mentioned in them.
#[derive(Default)]
pub struct Mentions {
    /// By the places of the texts among the occurrences.
    by_text: BTreeMap<usize, Vec<Mention>>,
    lease: Lease,
}

impl Mentions {
    pub fn in_text(&self, at: usize) -> &[Mention] {
        self.by_text.get(&at).map_or(&[], Vec::as_slice)
    }
}

/// Whom some records are about.
struct Persons {
    /// The records of each person, by their pseudonyms.
    records: BTreeMap<BTreeSet<SubjectId>, Vec<u32>>,
    /// Whether somebody has more of them.
    has_others: bool,
}

/// A text by its place.
type Text<'t> = (usize, &'t Cleartext);

impl Proxy {
    /// What the vault holds for those whom the texts are about, where it stands in them. A
    /// record is about whom it names as its data subject, and whom it refers to.
    ///
    /// One round trip to each store for each [`RECORDS`].
    pub(super) async fn mentions(
        &self,
        manifest: &Manifest,
        located: &Located,
        statement: &Statement,
    ) -> Result<Mentions, Refusal> {
        let policy = &located.complete.policy;
        let occurrences = occurrences(located.request.documents());
        let (mut texts, mut scanned) = (BTreeMap::<u32, Vec<Text<'_>>>::new(), Vec::new());
        for (at, ((_, occurrence), decision)) in
            occurrences.iter().zip(&manifest.decisions).enumerate()
        {
            let Value::Text(text) = &occurrence.value else { continue };
            match decision {
                Decision::Protect(rule) => match rule.protection {
                    Protection::Scan(sought) => scanned.push(sought),
                    _ => continue,
                },
                _ if policy.residual.is_none() || !is_free(decision) => continue,
                _ if occurrence.role != Role::Stored => continue,
                Decision::Untouched(_) => {}
            }
            texts.entry(occurrence.record).or_default().push((at, text));
        }
        if texts.is_empty() {
            return Ok(Mentions::default());
        }
        let about = self.about(located, statement, &occurrences, &texts);
        let is_sought = |kind: &FindingKind| scanned.iter().any(|sought| sought.has(*kind));
        let kinds: Sought = FindingKind::ALL.into_iter().filter(is_sought).collect();
        let sought = SoughtValues::new(policy, kinds, policy.residual.is_some());
        let names = names_of_fields(&occurrences);
        let mut mentions = Mentions::default();
        let mut has_more = false;
        for records in about.chunks(RECORDS) {
            let Persons { records: persons, has_others } = self.persons(records).await?;
            let pseudonyms: Vec<&BTreeSet<SubjectId>> = persons.keys().collect();
            let held = self.protectors.held_by(&pseudonyms, &sought).await?;
            has_more |= has_others || held.iter().any(|held| held.has_more);
            let of_persons = persons.values().zip(&held).map(|(records, held)| {
                let texts = records.iter().filter_map(|record| texts.get(record)).flatten();
                (held, texts.copied().collect())
            });
            let of_persons: Vec<(&Holdings, Vec<Text<'_>>)> = of_persons.collect();
            self.find(&mut mentions, &of_persons, &sought, &names)?;
        }
        if has_more {
            tracing::warn!(
                upstream = %located.complete.upstream.name,
                "more values are kept for a person than are looked for in the texts about them"
            );
        }
        Ok(mentions)
    }

    /// Whom the records with these texts are about; only those that are about somebody.
    fn about(
        &self,
        located: &Located,
        statement: &Statement,
        occurrences: &[(&Slot, &Occurrence)],
        texts: &BTreeMap<u32, Vec<Text<'_>>>,
    ) -> Vec<(u32, BTreeSet<SubjectId>)> {
        let (policy, upstream) = (&located.complete.policy, &located.complete.upstream);
        let mut about = BTreeMap::<u32, BTreeSet<SubjectId>>::new();
        for (_, at) in occurrences.iter().filter(|(_, at)| texts.contains_key(&at.record)) {
            let persons = about.entry(at.record).or_default();
            if policy.is_about_person(&at.object) {
                persons.extend(statement.pseudonyms(at.record));
            }
            let referred = upstream.dialect.refers_to(at);
            let referred = referred.filter(|(object, _)| policy.is_about_person(object));
            persons.extend(referred.map(|(object, id)| {
                self.subjects.by_record(upstream.record_namespace(), &object, &id)
            }));
        }
        about.into_iter().filter(|(_, persons)| !persons.is_empty()).collect()
    }

    async fn persons(&self, records: &[(u32, BTreeSet<SubjectId>)]) -> Result<Persons, Refusal> {
        let named: BTreeSet<SubjectId> =
            records.iter().flat_map(|(_, named)| named).copied().collect();
        let named: Vec<SubjectId> = named.into_iter().collect();
        // One more tells that there are more.
        let others = self.subjects.others(&named, MAX_OTHERS + 1).await?;
        let others: BTreeMap<SubjectId, Vec<SubjectId>> = named.into_iter().zip(others).collect();
        let has_others = others.values().any(|others| others.len() > MAX_OTHERS as usize);
        let mut persons = BTreeMap::<_, Vec<u32>>::new();
        for (record, named) in records {
            let others = named.iter().filter_map(|id| others.get(id));
            let others = others.flat_map(|others| others.iter().take(MAX_OTHERS as usize));
            let all: BTreeSet<SubjectId> = named.iter().chain(others).copied().collect();
            persons.entry(all).or_default().push(*record);
        }
        Ok(Persons { records: persons, has_others })
    }

    /// Looks for what persons hold in the texts about each.
    fn find(
        &self,
        mentions: &mut Mentions,
        of_persons: &[(&Holdings, Vec<Text<'_>>)],
        sought: &SoughtValues,
        names: &HashSet<String>,
    ) -> Result<(), Refusal> {
        let (mut held, mut length) = (0, 0);
        for (holdings, texts) in of_persons {
            let (count, bytes) = holdings.size();
            held += bytes + VALUE_BYTES * count;
            length += texts.iter().map(|(_, text)| text.expose().len()).sum::<usize>();
        }
        let mut lease = Lease::default();
        self.budget.resize(&mut lease, held).map_err(BodyError::from)?;
        body::work_on(held + length, || {
            for (holdings, texts) in of_persons.iter().filter(|(held, _)| held.size().0 > 0) {
                let theirs = Theirs::new(holdings, sought, names);
                for (at, text) in texts {
                    let found = theirs.find(text.expose(), MAX_FOUND).ok_or_else(too_many_found)?;
                    let bytes = size_of_val(found.as_slice());
                    self.budget.grow(&mut mentions.lease, bytes).map_err(BodyError::from)?;
                    mentions.by_text.insert(*at, found);
                }
            }
            Ok(())
        })
    }
}
