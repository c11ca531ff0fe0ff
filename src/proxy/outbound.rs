// SPDX-License-Identifier: Apache-2.0
//! The stages of a request on its way out, but for the decision (see `judge`).

use http::{HeaderMap, Uri};
use tokio::time::Instant;

use crate::base::{OperationName, Refusal, RefusalCode};
use crate::carrier::{Document, Replacement, Value};
use crate::crm::{
    About, AnswerView, LocateError, LocatedAnswer, LocatedRequest, Operation, ReadAnswer, Told,
};
use crate::policy::{Decision, Reason};
use crate::protect::{Echoes, Sealed, SealedState, ToSeal};
use crate::transfer_log::{ENTRY_VERSION, Entry, RefusedTransfer, Transfer};

use super::body::{self, BodyError, BodyLimits, Buffered};
use super::budget::VALUE_BYTES;
use super::field_counts::FieldCounts;
use super::headers;
use super::judge::purpose_of;
use super::manifest::Manifest;
use super::question::view;
use super::stage::{
    Complete, Decided, Identified, Located, Outgoing, Protected, Received, Recorded, occurrences,
};
use super::trail::Trail;
use super::{Mode, Proxy, Upstream, respond};

/// Of a target that leaves. No CRM takes more, and [`Uri`] takes 64 KiB with its origin.
const MAX_TARGET: usize = 60 * 1024;

impl Proxy {
    pub(super) async fn identify(
        &self,
        received: Received,
        trail: &mut Trail,
    ) -> Result<Identified, Refusal> {
        let caller = self.callers.identify(&received.headers, &received.peer).await?;
        trail.caller = Some(caller.name.clone());
        let policy = received.upstream.policy.load();
        let purpose = purpose_of(&received.headers, &caller, &policy)?;
        trail.purpose.clone_from(&purpose);
        Ok(Identified { received, caller, purpose })
    }

    pub(super) async fn read(&self, identified: Identified) -> Result<Complete, Refusal> {
        let Identified { received, caller, purpose } = identified;
        let limits = BodyLimits {
            expansion: self.expansion_limits(),
            pause: self.limits.body_timeout,
            deadline: Some(Instant::now() + self.limits.body_timeout),
        };
        let coding = headers::content_encoding(&received.headers)?;
        let Buffered { bytes, lease } =
            body::read(received.body, coding.as_deref(), limits, &self.budget).await?;
        Ok(Complete {
            policy: received.upstream.policy.load_full(),
            upstream: received.upstream,
            caller,
            purpose,
            origins: received.origins,
            method: received.method,
            target: received.target,
            headers: received.headers,
            body: bytes,
            lease,
        })
    }

    pub(super) fn locate(
        &self,
        mut complete: Complete,
        told: Told<'_>,
        trail: &mut Trail,
    ) -> Result<Located, Refusal> {
        let (request, uninspected) = match complete.upstream.dialect.locate(&view(&complete, told))
        {
            Ok(request) => (request, false),
            Err(LocateError::UnknownOperation) if complete.upstream.mode == Mode::Observe => {
                (uninspected(&complete), true)
            }
            Err(error) => return Err(error.into()),
        };
        trail.classified_as(&request.operation);
        let held = complete.body.len() + VALUE_BYTES * occurrences(request.documents()).len();
        self.budget.resize(&mut complete.lease, held).map_err(BodyError::from)?;
        Ok(Located { complete, request, uninspected })
    }

    pub(super) async fn protect(&self, mut decided: Decided) -> Result<Protected, Refusal> {
        let Decided { located, manifest, .. } = &decided;
        let occurrences = occurrences(located.request.documents());
        let mut to_seal = Vec::new();
        let mut clear = Vec::new();
        for ((slot, occurrence), decision) in occurrences.iter().zip(&manifest.decisions) {
            if let (Decision::Protect(rule), Value::Text(value)) = (decision, &occurrence.value) {
                clear.push(value);
                if manifest.turned_back.contains_key(&occurrence.record) {
                    continue;
                }
                let dialect = &located.complete.upstream.dialect;
                let facts = dialect.field_facts(&occurrence.object, &occurrence.field);
                to_seal.push(ToSeal {
                    rule,
                    role: &occurrence.role,
                    value,
                    can_widen: slot.widening.is_some(),
                    ignores_case: dialect.ignores_case(),
                    can_remove: slot.removal.is_some(),
                    max_length: facts.and_then(|facts| facts.max_length),
                });
            }
        }
        let sealed = self.protectors.seal(&to_seal).await?;
        if sealed.len() != to_seal.len() {
            return Err(respond::defect(&"the protectors answered for another batch"));
        }
        let echoes = self.echoes(&to_seal, &sealed);
        let headers = headers::forwarded(&located.complete.headers, &clear);
        let mut sealed = sealed.into_iter();
        let mut counts = FieldCounts::default();
        let mut replacements = Vec::with_capacity(manifest.decisions.len());
        let decisions = manifest.decisions.iter().zip(&manifest.ground_of);
        for ((_, occurrence), (decision, ground)) in occurrences.iter().zip(decisions) {
            if manifest.turned_back.contains_key(&occurrence.record) {
                // It is taken out as a whole.
                replacements.push(Replacement::Keep);
                continue;
            }
            let (replacement, reason) = match decision {
                Decision::Untouched(reason) => (Replacement::Keep, Some(*reason)),
                Decision::Protect(_) => {
                    let sealed =
                        sealed.next().ok_or_else(|| respond::defect(&"a value was not sealed"))?;
                    let reason = (sealed.state == SealedState::AlreadyProtected)
                        .then_some(Reason::AlreadyProtected);
                    (sealed.replacement, reason)
                }
            };
            counts.add(occurrence, decision, reason, *ground);
            replacements.push(replacement);
        }
        let length = located.complete.body.len();
        let outgoing = body::work_on(length, || render(located, manifest, headers, &replacements))?;
        if outgoing.body.len() > self.limits.max_body_bytes {
            let message = "the body is larger than the limit once its values are protected";
            return Err(Refusal::new(RefusalCode::TooLarge, message));
        }
        let lease = &mut decided.located.complete.lease;
        self.budget.grow(lease, outgoing.body.len()).map_err(BodyError::from)?;
        Ok(Protected { outgoing, echoes, fields: counts.into_entries(), decided })
    }

    /// What an error message of the upstream may repeat of this request.
    fn echoes(&self, to_seal: &[ToSeal<'_>], sealed: &[Sealed]) -> Echoes {
        let mut echoes = Echoes::new();
        for (item, sealed) in to_seal.iter().zip(sealed) {
            let texts: Vec<&str> = match &sealed.replacement {
                Replacement::Text(text) => vec![text],
                Replacement::AnyOf(texts) => texts.iter().map(String::as_str).collect(),
                Replacement::Keep | Replacement::Remove => continue,
            };
            for found in texts.into_iter().flat_map(|text| self.protectors.find(text)) {
                echoes.insert(found.surrogate, item.value.clone());
            }
        }
        echoes
    }

    pub(super) async fn record(
        &self,
        protected: Protected,
        trail: &mut Trail,
    ) -> Result<Recorded, Refusal> {
        let Protected { decided, outgoing, echoes, fields } = protected;
        let Decided { located, manifest, statement, .. } = &decided;
        let complete = &located.complete;
        let upstream = &complete.upstream;
        let is_turned_back = |record: u32| manifest.turned_back.contains_key(&record);
        let entry = Transfer {
            version: ENTRY_VERSION,
            id: trail.id,
            time: self.clock.now(),
            instance: self.instance.clone(),
            caller: complete.caller.name.clone(),
            purpose: complete.purpose.clone(),
            upstream: upstream.name.clone(),
            region: upstream.region.clone(),
            operation: located.request.operation.name.clone(),
            object: trail.object.clone(),
            policy: complete.policy.digest,
            uninspected: located.uninspected,
            fields,
            grounds: manifest.grounds.clone(),
            subjects: statement.subjects_of(|record| !is_turned_back(record)),
        };
        for field in &entry.fields {
            self.metrics.occurrences(&upstream.name, field);
        }
        if located.uninspected {
            tracing::warn!(upstream = %upstream.name, method = %complete.method, "an unknown operation passes uninspected");
            self.metrics.uninspected_request(&upstream.name);
        }
        let mut entries = vec![Entry::Transfer(entry)];
        if let Some(code) = manifest.first_reason() {
            let subjects = statement.subjects_of(is_turned_back);
            let refused = self.refused(trail, complete.caller.name.clone(), code);
            entries.push(Entry::Refused(RefusedTransfer { subjects, ..refused }));
        }
        self.transfer_log.append(entries).await.map_err(|error| respond::transfer_log(&error))?;
        trail.recorded = true;
        Ok(Recorded { decided, outgoing, echoes })
    }
}

/// What no dialect knows, as one piece.
fn uninspected(complete: &Complete) -> LocatedRequest {
    LocatedRequest {
        operation: Operation {
            name: OperationName::from_static(Operation::UNKNOWN),
            object: None,
            about: About::Named,
        },
        target: Document::new(complete.target.clone(), Vec::new()),
        headers: Vec::new(),
        body: Document::new(complete.body.clone(), Vec::new()),
        uses: Vec::new(),
        records: Vec::new(),
        batch: None,
        answer: Box::new(Unread),
    }
}

/// Passes an answer on as it is.
#[derive(Debug)]
struct Unread;

impl ReadAnswer for Unread {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        Ok(LocatedAnswer {
            status: answer.status,
            body: Document::new(answer.body.clone(), Vec::new()),
            ..LocatedAnswer::default()
        })
    }
}

fn render(
    located: &Located,
    manifest: &Manifest,
    mut headers: HeaderMap,
    replacements: &[Replacement],
) -> Result<Outgoing, Refusal> {
    let request = &located.request;
    let refused = &|record: u32| manifest.turned_back.contains_key(&record);
    let mut replacements = replacements.iter();
    let defect = |error| respond::defect(&error);
    let target = request.target.render_without(&mut replacements, refused).map_err(defect)?;
    let rendered = request
        .headers
        .iter()
        .map(|(name, document)| {
            Ok((name.clone(), document.render_without(&mut replacements, refused)?))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(defect)?;
    headers::replace(&mut headers, rendered)?;
    let body = request.body.render_without(&mut replacements, refused).map_err(defect)?;
    if replacements.next().is_some() {
        return Err(respond::defect(&"there are more replacements than occurrences"));
    }
    let uri = absolute(&located.complete.upstream, &target)?;
    Ok(Outgoing { method: located.complete.method.clone(), uri, headers, body })
}

/// Where a target leads at the upstream.
fn absolute(upstream: &Upstream, target: &[u8]) -> Result<Uri, Refusal> {
    let target = std::str::from_utf8(target).map_err(|error| respond::defect(&error))?;
    if target.len() > MAX_TARGET {
        let message = format!(
            "the target is longer than {MAX_TARGET} bytes once its values are protected; \
             compare with fewer values at a time"
        );
        return Err(Refusal::new(RefusalCode::TargetTooLong, message));
    }
    format!("{}{target}", upstream.origin).parse().map_err(|error| respond::defect(&error))
}
