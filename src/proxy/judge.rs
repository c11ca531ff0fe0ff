// SPDX-License-Identifier: Apache-2.0
//! The decision: policy and border together, with what is known of the data subjects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::base::{Purpose, Refusal, RefusalCode, SubjectId, UpstreamName, is_identifier};
use crate::border::Border;
use crate::caller::{PURPOSE_HEADER, Principal};
use crate::carrier::Role;
use crate::crm::{LocatedRequest, RefusedRecords, Remaining};
use crate::policy::{Decision, FieldRule, Forbidden, Policy, Reveal};

use super::body::{self, BodyError};
use super::budget::VALUE_BYTES;
use super::manifest::{Journey, Manifest, Record, TurnedBack};
use super::records::{Asker, Statement};
use super::stage::{Decided, Emptied, LeftOut, Located, Stopped, occurrences};
use super::trail::Trail;
use super::{Mode, Proxy};

/// The credential for an upstream that a record is routed to: `<upstream> <credential>`,
/// once for each. The one in `Authorization` is for the upstream that was called.
pub const DETOUR_HEADER: HeaderName = HeaderName::from_static("zollhaus-authorization");

/// Credentials for CRMs beside `Authorization`.
const OTHER_CREDENTIALS: [&str; 2] = ["x-api-token", "x-sfdc-session"];

/// What a request is for: as the caller is configured, or as the request says.
///
/// # Errors
/// [`RefusalCode::PurposeMissing`] for a purpose that differs from the one that the
/// caller is configured for, or that the policy does not name: it is logged, and whatever
/// a client writes must not be.
pub fn purpose_of(
    headers: &HeaderMap,
    caller: &Principal,
    policy: &Policy,
) -> Result<Option<Purpose>, Refusal> {
    let refuse = |message: &str| Err(Refusal::new(RefusalCode::PurposeMissing, message));
    let mut stated = headers.get_all(PURPOSE_HEADER).iter();
    let stated = match (stated.next(), stated.next()) {
        (None, _) => return Ok(caller.purpose.clone()),
        (Some(value), None) => {
            value.to_str().ok().map(str::trim).filter(|text| is_identifier(text))
        }
        (Some(_), Some(_)) => None,
    };
    let Some(stated) = stated else {
        return refuse("`Zollhaus-Purpose` does not hold one name");
    };
    let stated = Purpose::new(stated);
    match &caller.purpose {
        Some(fixed) if *fixed == stated => Ok(Some(stated)),
        Some(_) => refuse("`Zollhaus-Purpose` is not what the caller is configured for"),
        None if policy.purposes().contains(&stated) => Ok(Some(stated)),
        None => refuse(
            "`Zollhaus-Purpose` is not a purpose that the policy of this upstream names; \
             configure it for the caller, or name it in a rule of the policy",
        ),
    }
}

/// Of what is found in the texts of one request, as of the values that it may hold.
pub(super) const MAX_FOUND: usize = 250_000;

pub(super) fn too_many_found() -> Refusal {
    let message =
        format!("more than {MAX_FOUND} findings stand in its texts; send fewer at a time");
    Refusal::new(RefusalCode::TooLarge, message)
}

/// A request, judged by the rules of one upstream.
struct Judged {
    statement: Statement,
    records: BTreeMap<u32, Record>,
    manifest: Manifest,
    sorted_by: usize,
}

impl Proxy {
    pub(super) async fn decide(
        &self,
        mut located: Located,
        trail: &mut Trail,
    ) -> Result<Decided, Stopped> {
        let mut judged = self.judge(&located, trail).await?;
        if let Some(upstream) = judged.manifest.detour.take() {
            self.reroute(&mut located, &upstream)?;
            trail.upstream = Arc::clone(&located.complete.upstream);
            judged = self.judge(&located, trail).await?;
            if judged.manifest.detour.is_some() {
                let message = "laws route its data from one upstream to another";
                return Err(Refusal::new(RefusalCode::TransferRefused, message).into());
            }
        }
        let Judged { statement, records, mut manifest, sorted_by } = judged;
        let found: usize = manifest.scanned.values().map(|scanned| scanned.parts().len()).sum();
        if found > MAX_FOUND {
            return Err(too_many_found().into());
        }
        let lease = &mut located.complete.lease;
        let grown = self.budget.grow(lease, VALUE_BYTES * found).map_err(BodyError::from);
        grown.map_err(Refusal::from)?;
        let left_out = self.split(&mut located, &mut manifest, trail)?;
        Self::ask_unsorted(&mut located, sorted_by)?;
        Ok(Decided { located, manifest, statement, records, left_out, sorted_by })
    }

    /// What policy and border of the upstream that the request is for say of it.
    async fn judge(&self, located: &Located, trail: &mut Trail) -> Result<Judged, Stopped> {
        let policy = &located.complete.policy;
        let sorted_by = self.keys_to_sort_by(located)?;
        let LocatedRequest { uses, answer, .. } = &located.request;
        policy.permit_uses(uses, answer.sorting(), sorted_by)?;
        let statement = self.statement(located).await?;
        trail.said.subjects = statement.subjects().into_iter().collect();
        let mut records = BTreeMap::new();
        let mut manifest = Manifest::by_policy(policy, &occurrences(located.request.documents()))?;
        self.permit_searches(&manifest, located)?;
        // Boxed, as few requests need it.
        let mentions = Box::pin(self.mentions(&manifest, located, &statement)).await?;
        let length = located.complete.body.len();
        body::work_on(length, || {
            self.scan(&mut manifest, policy, located, &mentions);
            self.look_for_residual(&mut manifest, policy, located, &mentions)
        })?;
        if let Some(border) = &policy.border {
            records = self.settle(&statement, border, &located.complete.caller).await?;
            self.cross(&mut manifest, border, &records, located);
        }
        Ok(Judged { statement, records, manifest, sorted_by })
    }

    /// Refuses a search for parts of values that the caller may not see: where the law of
    /// what it finds would decide, which is not known before, too.
    fn permit_searches(&self, manifest: &Manifest, located: &Located) -> Result<(), Forbidden> {
        let occurrences = occurrences(located.request.documents());
        for ((_, occurrence), decision) in occurrences.iter().zip(&manifest.decisions) {
            let (Role::Pattern { operator, .. }, Decision::Protect(rule)) =
                (&occurrence.role, decision)
            else {
                continue;
            };
            if !self.may_see(rule, located) {
                return Err(Forbidden::Probing { field: rule.id.clone(), operator });
            }
        }
        Ok(())
    }

    /// Whether the caller sees every value of a field in full, whosever it is.
    pub(super) fn may_see(&self, rule: &FieldRule, located: &Located) -> bool {
        let (policy, caller) = (&located.complete.policy, &located.complete.caller);
        let (region, today) = (caller.region.as_ref(), self.clock.now().date());
        policy.visibility(rule, &caller.roles).reveal == Reveal::Full
            && policy.border.as_ref().is_none_or(|border| {
                border.may_reveal(&[], &rule.category, region, today).is_allowed
            })
    }

    /// Each record of a message with what is known of whom it is about.
    pub(super) async fn settle(
        &self,
        statement: &Statement,
        border: &Border,
        caller: &Principal,
    ) -> Result<BTreeMap<u32, Record>, Refusal> {
        let subjects = statement.subjects();
        let known = self.subjects.known(&subjects).await?;
        let known: BTreeMap<SubjectId, _> = subjects.into_iter().zip(known).collect();
        let asker = Asker { caller, now: self.clock.now() };
        Ok(statement.settle(border, asker, &known))
    }

    fn cross(
        &self,
        manifest: &mut Manifest,
        border: &Border,
        records: &BTreeMap<u32, Record>,
        located: &Located,
    ) {
        let complete = &located.complete;
        let journey = Journey {
            upstream: &complete.upstream.name,
            region: &complete.upstream.region,
            vault: self.vault_region.as_ref(),
            operation: &located.request.operation.name,
            purpose: complete.purpose.as_ref(),
            today: self.clock.now().date(),
            is_settled: complete.is_settled,
        };
        manifest.cross(border, records, journey, &occurrences(located.request.documents()));
    }

    /// Directs a request to the upstream that its records belong to.
    fn reroute(&self, located: &mut Located, name: &UpstreamName) -> Result<(), Refusal> {
        let complete = &mut located.complete;
        let refuse = |message: String| Err(Refusal::new(RefusalCode::TransferRefused, message));
        let target = self.upstreams.iter().find(|upstream| upstream.name == *name);
        let Some(target) =
            target.filter(|it| it.dialect.name() == complete.upstream.dialect.name())
        else {
            return refuse(format!(
                "its data belongs to `{name}`, which is no upstream of this CRM"
            ));
        };
        if located.uninspected && target.mode == Mode::Enforce {
            return refuse(format!(
                "its data belongs to `{name}`, which takes no operation that the dialect does not know"
            ));
        }
        if target.dialect.holds_credential(&complete.target) {
            return refuse(format!(
                "its data belongs to `{name}`, and the credential in its body is for another upstream"
            ));
        }
        if !target.dialect.has_global_ids() {
            return refuse(format!(
                "its data belongs to `{name}`, and this CRM has no ids that tell where a record is kept"
            ));
        }
        let policy = target.policy.load_full();
        purpose_of(&complete.headers, &complete.caller, &policy)?;
        let Some(credential) = credential_for(&complete.headers, name) else {
            return refuse(format!(
                "its data belongs to `{name}`; send the credential for it in `Zollhaus-Authorization: {name} …`"
            ));
        };
        // What else opens the upstream that was called is not for another.
        for name in OTHER_CREDENTIALS {
            complete.headers.remove(name);
        }
        complete.headers.insert(header::AUTHORIZATION, credential);
        complete.origins.upstream.clone_from(&target.origin);
        complete.policy = policy;
        complete.upstream = Arc::clone(target);
        Ok(())
    }

    /// Takes the records that may not travel out of the request, where its API has a form
    /// for that, and each of them is in an element that can be taken out.
    fn split(
        &self,
        located: &mut Located,
        manifest: &mut Manifest,
        trail: &mut Trail,
    ) -> Result<LeftOut, Stopped> {
        let mut left_out = LeftOut::default();
        let Some(first) = manifest.turned_back.values().next().cloned() else {
            return Ok(left_out);
        };
        let rules = manifest.turned_back.values().flat_map(|it| it.rules.iter().cloned());
        trail.said.rules = rules.collect();
        let Some(batch) = &located.request.batch else { return Err(first.refusal.into()) };
        let removable: BTreeSet<u32> = batch.elements().into_iter().flatten().collect();
        let mut turned_back = manifest.turned_back.iter();
        if let Some((_, it)) = turned_back.find(|(record, _)| !removable.contains(record)) {
            return Err(it.refusal.clone().into());
        }
        let refusals = manifest.turned_back.iter();
        let mut refused: RefusedRecords =
            refusals.map(|(record, it)| (*record, it.refusal.clone())).collect();
        batch.complete(&mut refused);
        trail.said.refused_records = u32::try_from(refused.len()).ok();
        let refusal = first.refusal;
        located.request.answer = match batch.refuse(&refused, self.clock.now()) {
            Remaining::Some(reader) => reader,
            Remaining::Reported { reader, left_out: records, emptied } => {
                left_out.records.push(records);
                left_out.emptied = emptied.map(|answer| Emptied { refusal, answer });
                reader
            }
            Remaining::None(answer) => return Err(Emptied { refusal, answer }.into()),
        };
        let kept = left_out.records.iter().map(|records| records.expose().len()).sum();
        let lease = &mut located.complete.lease;
        self.budget.grow(lease, kept).map_err(BodyError::from).map_err(Refusal::from)?;
        for (record, refusal) in refused {
            let turned_back = TurnedBack { refusal, rules: Vec::new() };
            manifest.turned_back.entry(record).or_insert(turned_back);
        }
        manifest.keep_used_grounds();
        Ok(left_out)
    }
}

fn credential_for(headers: &HeaderMap, upstream: &UpstreamName) -> Option<HeaderValue> {
    let mut values = headers.get_all(DETOUR_HEADER).iter().filter_map(|value| value.to_str().ok());
    values.find_map(|value| {
        let (name, credential) = value.trim().split_once(' ')?;
        (name == upstream.as_str()).then(|| HeaderValue::from_str(credential.trim()).ok())?
    })
}
