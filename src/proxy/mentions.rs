// SPDX-License-Identifier: Apache-2.0
//! What the vault holds for those whom the texts of a request are about, where it stands in
//! these texts. Nothing is asked for where no text is scanned, or looked at for residual data.
//!
//! Of others, nothing is looked for: nearly every word is somebody's name.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::base::{Cleartext, Refusal, RefusalCode, SubjectId};
use crate::carrier::{Occurrence, Role, Slot, Value};
use crate::crm::Referred;
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

/// So many persons are asked for at one time.
const PERSONS: usize = 512;

/// The texts of one record are searched for so many at most that it refers to, so that all of
/// them are asked for at one time or two.
const MAX_REFERRED: usize = 256;

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

/// A record, and a person whom it is about, by some pseudonyms.
type AboutPerson = (u32, BTreeSet<SubjectId>);

/// Whom some records are about.
struct Persons {
    /// Each by all of their pseudonyms.
    all: Vec<BTreeSet<SubjectId>>,
    /// The records that are about the same persons, by the places of these.
    records: BTreeMap<BTreeSet<usize>, Vec<u32>>,
    /// Whether somebody has more of them.
    has_others: bool,
}

/// A text by its place.
type Text<'t> = (usize, &'t Cleartext);

impl Proxy {
    /// What the vault holds for those whom the texts are about, where it stands in them. A
    /// record is about whom it names as its data subject, and whom it refers to.
    ///
    /// One round trip to each store for each [`PERSONS`].
    ///
    /// # Errors
    /// A [`Refusal`] where a store does not answer, and where a record refers to more than
    /// [`MAX_REFERRED`].
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
        let about = self.about(located, statement, &occurrences, &texts)?;
        let is_sought = |kind: &FindingKind| scanned.iter().any(|sought| sought.has(*kind));
        let kinds: Sought = FindingKind::ALL.into_iter().filter(is_sought).collect();
        let sought = SoughtValues::new(policy, kinds, policy.residual.is_some());
        let names = names_of_fields(&occurrences);
        let mut mentions = Mentions::default();
        let mut has_more = false;
        for about in about.chunks(PERSONS) {
            let Persons { all, records, has_others } = self.persons(about).await?;
            let pseudonyms: Vec<&BTreeSet<SubjectId>> = all.iter().collect();
            let held = self.protectors.held_by(&pseudonyms, &sought).await?;
            has_more |= has_others || held.iter().any(|held| held.has_more);
            let of_persons = records.iter().map(|(persons, records)| {
                let texts = records.iter().filter_map(|record| texts.get(record)).flatten();
                let held = persons.iter().filter_map(|person| held.get(*person));
                let held = held.filter(|held| held.size().0 > 0);
                (held.collect(), texts.copied().collect())
            });
            let of_persons: Vec<(Vec<&Holdings>, Vec<Text<'_>>)> = of_persons.collect();
            let mut lease = Lease::default();
            let sizes = held.iter().map(Holdings::size);
            let size = sizes.map(|(count, bytes)| bytes + VALUE_BYTES * count).sum();
            self.budget.resize(&mut lease, size).map_err(BodyError::from)?;
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

    /// Whom the records with these texts are about: whom each names as its data subject, and each
    /// of those whom it refers to.
    fn about(
        &self,
        located: &Located,
        statement: &Statement,
        occurrences: &[(&Slot, &Occurrence)],
        texts: &BTreeMap<u32, Vec<Text<'_>>>,
    ) -> Result<Vec<AboutPerson>, Refusal> {
        let (policy, upstream) = (&located.complete.policy, &located.complete.upstream);
        let mut own = BTreeMap::<u32, BTreeSet<SubjectId>>::new();
        for (_, at) in occurrences.iter().filter(|(_, at)| texts.contains_key(&at.record)) {
            if policy.is_about_person(&at.object) {
                own.entry(at.record).or_default().extend(statement.pseudonyms(at.record));
            }
        }
        let told = occurrences.iter().filter_map(|(_, at)| {
            let (object, id) = upstream.dialect.refers_to(at)?;
            Some(Referred { by: at.record, object, id })
        });
        let mut others = BTreeMap::<u32, BTreeSet<SubjectId>>::new();
        for Referred { by, object, id } in told.chain(located.request.referred.iter().cloned()) {
            if !texts.contains_key(&by) || !policy.is_about_person(&object) {
                continue;
            }
            let person = self.subjects.by_record(upstream.record_namespace(), &object, &id);
            if own.get(&by).is_some_and(|own| own.contains(&person)) {
                continue;
            }
            let others = others.entry(by).or_default();
            others.insert(person);
            if others.len() > MAX_REFERRED {
                return Err(refers_to_too_many());
            }
        }
        let others = others.into_iter().flat_map(|(record, others)| {
            others.into_iter().map(move |person| (record, BTreeSet::from([person])))
        });
        let own = own.into_iter().filter(|(_, persons)| !persons.is_empty());
        let mut about: Vec<AboutPerson> = own.chain(others).collect();
        // Those of one record are asked for together.
        about.sort_by_key(|(record, _)| *record);
        Ok(about)
    }

    async fn persons(&self, about: &[AboutPerson]) -> Result<Persons, Refusal> {
        let named: BTreeSet<SubjectId> =
            about.iter().flat_map(|(_, named)| named).copied().collect();
        let named: Vec<SubjectId> = named.into_iter().collect();
        // One more tells that there are more.
        let others = self.subjects.others(&named, MAX_OTHERS + 1).await?;
        let others: BTreeMap<SubjectId, Vec<SubjectId>> = named.into_iter().zip(others).collect();
        let has_others = others.values().any(|others| others.len() > MAX_OTHERS as usize);
        let mut places = BTreeMap::<BTreeSet<SubjectId>, usize>::new();
        let mut of_records = BTreeMap::<u32, BTreeSet<usize>>::new();
        for (record, named) in about {
            let others = named.iter().filter_map(|id| others.get(id));
            let others = others.flat_map(|others| others.iter().take(MAX_OTHERS as usize));
            let all: BTreeSet<SubjectId> = named.iter().chain(others).copied().collect();
            let next = places.len();
            let place = *places.entry(all).or_insert(next);
            of_records.entry(*record).or_default().insert(place);
        }
        let mut records = BTreeMap::<_, Vec<u32>>::new();
        for (record, persons) in of_records {
            records.entry(persons).or_default().push(record);
        }
        let mut all: Vec<_> = places.into_iter().collect();
        all.sort_by_key(|(_, place)| *place);
        let all = all.into_iter().map(|(person, _)| person).collect();
        Ok(Persons { all, records, has_others })
    }

    /// Looks for what persons hold in the texts about each.
    fn find(
        &self,
        mentions: &mut Mentions,
        of_persons: &[(Vec<&Holdings>, Vec<Text<'_>>)],
        sought: &SoughtValues,
        names: &HashSet<String>,
    ) -> Result<(), Refusal> {
        let bytes_of = |(held, texts): &(Vec<&Holdings>, Vec<Text<'_>>)| {
            let held: usize = held.iter().map(|held| held.size().1).sum();
            held + texts.iter().map(|(_, text)| text.expose().len()).sum::<usize>()
        };
        body::work_on(of_persons.iter().map(bytes_of).sum(), || {
            for (held, texts) in of_persons.iter().filter(|(held, _)| !held.is_empty()) {
                let theirs = Theirs::new(held, sought, names);
                for (at, text) in texts {
                    let found = mentions.by_text.entry(*at).or_default();
                    let left = MAX_FOUND.saturating_sub(found.len());
                    let more = theirs.find(text.expose(), left).ok_or_else(too_many_found)?;
                    let bytes = size_of_val(more.as_slice());
                    self.budget.grow(&mut mentions.lease, bytes).map_err(BodyError::from)?;
                    found.extend(more);
                }
            }
            Ok(())
        })
    }
}

fn refers_to_too_many() -> Refusal {
    let message = format!(
        "a record refers to more than {MAX_REFERRED} persons, for whom its texts would be searched; \
         let it refer to fewer"
    );
    Refusal::new(RefusalCode::TooLarge, message)
}
