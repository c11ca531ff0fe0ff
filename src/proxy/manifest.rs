// SPDX-License-Identifier: Apache-2.0
//! What policy and border make of a request: each value has its decision, each
//! record its ground or the reason why it is turned back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::base::{
    Category, Date, FieldName, Jurisdiction, ObjectName, OperationName, Purpose, Refusal,
    RefusalCode, Region, RuleName, UpstreamName,
};
use crate::border::{Action, Because, Border, Consents, Residence, Shipment, Strength};
use crate::carrier::{Occurrence, Role, Slot};
use crate::policy::{Decision, FieldRule, Forbidden, Policy, Protection, Reason, Shape};
use crate::protect::scan::{Known, Scanned};
use crate::transfer_log::{BasisUsed, Ground};

/// A record of a request, and what is known of whom it is about.
#[derive(Clone, Debug)]
pub struct Record {
    pub residence: Residence,
    pub consents: Consents,
}

/// Where a request is about to go, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Journey<'a> {
    pub upstream: &'a UpstreamName,
    /// Of the upstream.
    pub region: &'a Region,
    pub vault: Option<&'a Region>,
    pub operation: &'a OperationName,
    pub purpose: Option<&'a Purpose>,
    pub today: Date,
    /// Other records of the same body are on this very journey.
    pub is_settled: bool,
}

/// A request, decided.
#[derive(Debug, Default)]
pub struct Manifest {
    /// One per occurrence, in order.
    pub decisions: Vec<Decision>,
    /// For each occurrence, its place in `grounds`.
    pub ground_of: Vec<Option<u32>>,
    pub grounds: Vec<Ground>,
    /// Which ground, by its place, is for which record.
    used: BTreeSet<(u32, u32)>,
    /// The records that may not travel.
    pub turned_back: BTreeMap<u32, TurnedBack>,
    /// Where the records have to go instead.
    pub detour: Option<UpstreamName>,
    /// What was found in texts, by the places of their occurrences.
    pub scanned: BTreeMap<usize, Scanned>,
    /// What the request protects, where the policy looks for it elsewhere.
    pub known: Option<Known>,
    /// The occurrences that repeat it, where that is only counted.
    pub residual: BTreeSet<usize>,
}

/// Why a record may not travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnedBack {
    pub refusal: Refusal,
    pub rules: Vec<RuleName>,
}

impl Manifest {
    /// What the policy alone decides.
    ///
    /// # Errors
    /// [`Forbidden`]: the request may not pass, whatever the border says.
    pub fn by_policy(
        policy: &Policy,
        occurrences: &[(&Slot, &Occurrence)],
    ) -> Result<Self, Forbidden> {
        let decisions = occurrences
            .iter()
            .map(|(_, occurrence)| policy.decide(occurrence))
            .collect::<Result<Vec<_>, _>>()?;
        let ground_of = vec![None; decisions.len()];
        Ok(Self { decisions, ground_of, ..Self::default() })
    }

    /// Takes the border's word on each record and value. `records` are all that the
    /// request has, by number.
    pub fn cross(
        &mut self,
        border: &Border,
        records: &BTreeMap<u32, Record>,
        journey: Journey<'_>,
        occurrences: &[(&Slot, &Occurrence)],
    ) {
        let (seen, detoured) = (HashMap::new(), BTreeMap::new());
        let mut crossing = Crossing { border, journey, manifest: self, seen, detoured };
        for (number, record) in records {
            // That there is such a record is personal as well, whatever it says.
            crossing.judge(*number, record, &Kind { field: None, category: None }, Strength::Gone);
        }
        for (at, (_, occurrence)) in occurrences.iter().enumerate() {
            if let Some(record) = records.get(&occurrence.record) {
                crossing.value(at, occurrence, record);
            }
        }
        let Crossing { detoured, .. } = crossing;
        let may_turn = !journey.is_settled && detoured.len() == records.len();
        self.agree_on_detour(detoured, may_turn);
    }

    /// A request goes to one place. Records that belong to different places are turned
    /// back if they do not belong here.
    fn agree_on_detour(
        &mut self,
        detoured: BTreeMap<u32, (UpstreamName, Vec<RuleName>)>,
        may_turn: bool,
    ) {
        let mut places = detoured.values().map(|(upstream, _)| upstream);
        let Some(first) = places.next().cloned() else { return };
        if may_turn && places.all(|place| *place == first) {
            self.detour = Some(first);
            return;
        }
        for (number, (upstream, rules)) in detoured {
            let message =
                format!("its data belongs to `{upstream}`; send it in a request of its own");
            let refusal = Refusal::new(RefusalCode::TransferRefused, message);
            self.turned_back.entry(number).or_insert(TurnedBack { refusal, rules });
        }
    }

    /// What was found in a text, if that is all that is replaced: a law may ask for more.
    pub fn scanned_text(&self, at: usize) -> Option<&Scanned> {
        let decision = self.decisions.get(at)?;
        self.scanned.get(&at).filter(|_| match decision {
            Decision::Protect(rule) => matches!(rule.protection, Protection::Scan(_)),
            Decision::Untouched(_) => true,
        })
    }

    /// The first reason why a record is turned back, if one is.
    pub fn first_reason(&self) -> Option<RefusalCode> {
        self.turned_back.values().next().map(|turned_back| turned_back.refusal.code)
    }

    /// Forgets the grounds on which only records would have travelled that are turned back.
    pub fn keep_used_grounds(&mut self) {
        let turned_back = &self.turned_back;
        self.used.retain(|(_, record)| !turned_back.contains_key(record));
        let used: BTreeSet<u32> = self.used.iter().map(|(ground, _)| *ground).collect();
        let places: BTreeMap<u32, u32> = used.iter().copied().zip(0..).collect();
        let mut at = 0;
        self.grounds.retain(|_| {
            at += 1;
            used.contains(&(at - 1))
        });
        for ground in &mut self.ground_of {
            *ground = ground.and_then(|ground| places.get(&ground).copied());
        }
    }
}

/// One walk over the values of a request.
struct Crossing<'c> {
    border: &'c Border,
    journey: Journey<'c>,
    manifest: &'c mut Manifest,
    /// Verdicts by record, kind and protection: values of one kind share them.
    seen: HashMap<(u32, Kind, &'static str), (Action, Option<u32>)>,
    /// The records that belong elsewhere, by which rules.
    detoured: BTreeMap<u32, (UpstreamName, Vec<RuleName>)>,
}

/// What kind of value is judged; no field for the record as such.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    field: Option<(ObjectName, FieldName)>,
    category: Option<Category>,
}

impl Crossing<'_> {
    fn value(&mut self, at: usize, occurrence: &Occurrence, record: &Record) {
        let Some(decision) = self.manifest.decisions.get(at).cloned() else { return };
        let (rule, strength) = match &decision {
            Decision::Untouched(Reason::Empty) => return,
            // What the policy does not list is no personal data by its word, and of no
            // category; a rule about the field itself still holds.
            Decision::Untouched(_) => (None, Strength::Gone),
            Decision::Protect(rule) => (Some(rule), rule.protection.strength()),
        };
        let (object, field) = (&occurrence.object, &occurrence.field);
        let is_named = rule.is_some() || self.border.asks_consent_for(object, field);
        let kind = Kind {
            field: is_named.then(|| (object.clone(), field.clone())),
            category: rule.map(|rule| rule.category.clone()),
        };
        let (action, ground) = self.judge(occurrence.record, record, &kind, strength);
        let action = self.findings(at, occurrence, record).unwrap_or(action);
        if rule.is_none() && action == Action::Drop {
            // What was found where nothing is protected cannot be left out alone.
            let message = format!("a law drops what is found in `{object}.{field}`");
            let refusal = Refusal::new(RefusalCode::TransferRefused, message);
            let turned_back = TurnedBack { refusal, rules: Vec::new() };
            self.manifest.turned_back.entry(occurrence.record).or_insert(turned_back);
        }
        let protection = match action {
            Action::Allow | Action::Route(_) | Action::Refuse { .. } => None,
            // A mask and nothing at all say less than a token.
            Action::Tokenize if matches!(strength, Strength::Token | Strength::Gone) => None,
            Action::Tokenize => rule.map(|rule| match rule.protection {
                // A field for dates, say, takes no token.
                Protection::Generalize(_) => Protection::Drop,
                // The whole text, which its field has room for.
                Protection::Scan(_) => Protection::tokenize(Shape::Text),
                other => Protection::Tokenize {
                    shape: other.shape().unwrap_or(Shape::Text),
                    scope: other.scope(),
                },
            }),
            Action::Drop => Some(Protection::Drop),
        };
        // What is stored differs from record to record: no one form of the value finds all
        // of them.
        let is_mixed =
            protection.is_some() || (strength == Strength::Sealed && self.border.may_tokenize());
        let is_compared =
            matches!(occurrence.role, Role::Equality | Role::Key | Role::Pattern { .. });
        if let Some(rule) = rule.filter(|_| is_mixed && is_compared) {
            let message = format!(
                "comparing with `{}` is not possible: how it is protected depends on the record",
                rule.id
            );
            let refusal = Refusal::new(RefusalCode::OperatorUnsupported, message);
            let turned_back = TurnedBack { refusal, rules: Vec::new() };
            self.manifest.turned_back.entry(occurrence.record).or_insert(turned_back);
        }
        if let (Some(protection), Some(rule)) = (protection, rule) {
            let rule = FieldRule { protection, ..FieldRule::clone(rule) };
            if let Some(decision) = self.manifest.decisions.get_mut(at) {
                *decision = Decision::Protect(Arc::new(rule));
            }
        }
        if let Some(ground_of) = self.manifest.ground_of.get_mut(at) {
            *ground_of = ground;
        }
    }

    /// What the border says of what was found in a text, if it lets not all of it go where
    /// the text may: a law about a category holds for it wherever it stands.
    fn findings(&mut self, at: usize, occurrence: &Occurrence, record: &Record) -> Option<Action> {
        let scanned = self.manifest.scanned.get(&at)?;
        let categories: BTreeSet<Category> = scanned.categories().cloned().collect();
        let field = (occurrence.object.clone(), occurrence.field.clone());
        let actions = categories.into_iter().map(|category| {
            let kind = Kind { field: Some(field.clone()), category: Some(category) };
            self.judge(occurrence.record, record, &kind, Strength::Token).0
        });
        let actions: Vec<Action> = actions.collect();
        actions.into_iter().find(|action| *action == Action::Drop)
    }

    fn judge(
        &mut self,
        number: u32,
        record: &Record,
        kind: &Kind,
        protection: Strength,
    ) -> (Action, Option<u32>) {
        let key = (number, kind.clone(), name_of(protection));
        if let Some(judged) = self.seen.get(&key) {
            return judged.clone();
        }
        let verdict = self.border.judge(&Shipment {
            jurisdictions: &record.residence.jurisdictions,
            upstream: self.journey.upstream,
            region: self.journey.region,
            vault: self.journey.vault,
            operation: Some(self.journey.operation),
            field: kind.field.as_ref().map(|(object, field)| (object, field)),
            category: kind.category.as_ref(),
            protection,
            purpose: self.journey.purpose,
            consents: &record.consents,
            today: self.journey.today,
        });
        let mut ground = None;
        match &verdict.action {
            Action::Refuse { because } => {
                let mut rules: Vec<RuleName> =
                    verdict.deciding().map(|rule| rule.name.clone()).collect();
                rules.dedup();
                let refusal = refused(kind, record, self.journey, &rules, because);
                let turned_back = TurnedBack { refusal, rules };
                self.manifest.turned_back.entry(number).or_insert(turned_back);
            }
            Action::Route(upstream) => {
                self.detoured.entry(number).or_insert((upstream.clone(), verdict.rules));
            }
            Action::Allow | Action::Tokenize | Action::Drop => {
                let relied_on = Ground {
                    jurisdictions: record.residence.jurisdictions.clone(),
                    rules: verdict.rules,
                    bases: verdict.bases.iter().map(|basis| BasisUsed::from(&**basis)).collect(),
                };
                let at = self.ground(relied_on);
                self.manifest.used.insert((at, number));
                ground = Some(at);
            }
        }
        let judged = (verdict.action, ground);
        self.seen.insert(key, judged.clone());
        judged
    }

    fn ground(&mut self, ground: Ground) -> u32 {
        let grounds = &mut self.manifest.grounds;
        let at = grounds.iter().position(|known| *known == ground).unwrap_or_else(|| {
            grounds.push(ground);
            grounds.len() - 1
        });
        at as u32
    }
}

const fn name_of(protection: Strength) -> &'static str {
    match protection {
        Strength::Clear => "clear",
        Strength::Sealed => "sealed",
        Strength::Token => "token",
        Strength::Gone => "gone",
    }
}

/// Says what may not go where, whose word that is, and why.
fn refused(
    kind: &Kind,
    record: &Record,
    journey: Journey<'_>,
    rules: &[RuleName],
    because: &Because,
) -> Refusal {
    let what = match &kind.field {
        Some((object, field)) => format!("`{object}.{field}`"),
        None => "a record".to_owned(),
    };
    let from: Vec<&str> = record.residence.jurisdictions.iter().map(Jurisdiction::as_str).collect();
    let from = if from.is_empty() { "nowhere known".to_owned() } else { from.join(", ") };
    let rules: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
    let to = journey.region;
    let code = match because {
        Because::Consent { .. } => RefusalCode::ConsentMissing,
        Because::NoPurpose | Because::OtherPurpose { .. } => RefusalCode::PurposeMissing,
        _ => RefusalCode::TransferRefused,
    };
    let message = format!(
        "the transfer of {what} from {from} to {to} is refused by {}: {because}",
        rules.join(", ")
    );
    Refusal::new(code, message)
}
