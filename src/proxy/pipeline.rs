// SPDX-License-Identifier: Apache-2.0
//! The stages, in the order of the road.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use tokio::time::Instant;

use crate::base::{OperationName, PrincipalName, Refusal, RefusalCode, SubjectId};
use crate::carrier::coding::ExpansionLimits;
use crate::carrier::{Document, Replacement, Value};
use crate::crm::{
    AnswerView, LocateError, LocatedAnswer, LocatedRequest, Operation, ReadAnswer, RequestView,
};
use crate::listener::answer_fields;
use crate::policy::{Decision, Reason};
use crate::protect::{Echoes, Sealed, SealedState, ToSeal};
use crate::reveal::{self, OpenedAnswer};
use crate::telemetry::RequestOutcome;
use crate::transfer_log::{
    ENTRY_VERSION, Entry, Outcome, RefusedTransfer, Transfer, TransferResult,
};

use super::body::{self, BodyError, BodyLimits, Buffered};
use super::field_counts::FieldCounts;
use super::headers;
use super::judge::{Stopped, first_reason, occurrences, purpose_of};
use super::manifest::Manifest;
use super::records::Statement;
use super::stage::{
    Answered, Complete, Decided, Identified, Located, Outgoing, Protected, Received, Recorded,
    Restored,
};
use super::trail::Trail;
use super::{Body, Mode, Proxy, Upstream, respond};

/// What is kept for each located value, counted against the buffer budget.
const VALUE_BYTES: usize = 512;

/// Of a target that leaves. No CRM takes more, and [`Uri`] takes 64 KiB with its origin.
const MAX_TARGET: usize = 60 * 1024;

impl Proxy {
    /// Takes a request along the whole road and back.
    pub(super) async fn travel(&self, received: Received, mut trail: Trail) -> Response<Body> {
        let _in_flight = self.metrics.request_in_flight();
        let result = match self.outward(received, &mut trail).await {
            Ok(recorded) => self.abroad(recorded, &trail).await.map_err(Stopped::Refused),
            Err(stopped) => Err(self.turned_back(stopped, &trail).await),
        };
        self.arrived(result, &trail)
    }

    /// From the border post to the ledger: nothing has left yet.
    async fn outward(&self, received: Received, trail: &mut Trail) -> Result<Recorded, Stopped> {
        let identified = self.identify(received, trail).await?;
        let complete = self.read(identified).await?;
        let length = complete.body.len();
        let located = body::work_on(length, || self.locate(complete, trail))?;
        let decided = self.decide(located, trail).await?;
        let protected = self.protect(decided).await?;
        Ok(self.record(protected, trail).await?)
    }

    async fn identify(&self, received: Received, trail: &mut Trail) -> Result<Identified, Refusal> {
        let caller = self.callers.identify(&received.headers, &received.peer).await?;
        trail.caller = Some(caller.name.clone());
        let purpose = purpose_of(&received.headers, &caller)?;
        trail.purpose.clone_from(&purpose);
        Ok(Identified { received, caller, purpose })
    }

    async fn read(&self, identified: Identified) -> Result<Complete, Refusal> {
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

    fn locate(&self, mut complete: Complete, trail: &mut Trail) -> Result<Located, Refusal> {
        let view = RequestView {
            method: &complete.method,
            target: &complete.target,
            headers: &complete.headers,
            body: &complete.body,
            origins: &complete.origins,
        };
        let (request, uninspected) = match complete.upstream.dialect.locate(&view) {
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

    async fn protect(&self, mut decided: Decided) -> Result<Protected, Refusal> {
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

    async fn record(&self, protected: Protected, trail: &mut Trail) -> Result<Recorded, Refusal> {
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
        if let Some(code) = first_reason(manifest) {
            let subjects = statement.subjects_of(is_turned_back);
            let refused = self.refused(trail, complete.caller.name.clone(), code);
            entries.push(Entry::Refused(RefusedTransfer { subjects, ..refused }));
        }
        self.transfer_log.append(entries).await.map_err(|error| respond::transfer_log(&error))?;
        trail.recorded = true;
        Ok(Recorded { decided, outgoing, echoes })
    }

    /// Over the border and back. Whatever happens, the outcome is recorded
    /// before the caller hears of it.
    async fn abroad(&self, recorded: Recorded, trail: &Trail) -> Result<Restored, Refusal> {
        let Recorded { decided, outgoing, echoes } = recorded;
        let upstream = &decided.located.complete.upstream;
        let mut status = None;
        let result = match self.forward(upstream, outgoing, &mut status).await {
            Ok(answered) => self.restore(&decided, &echoes, answered, trail).await,
            Err(refusal) => Err(refusal),
        };
        let withheld = |refusal| respond::after_answer(refusal, status);
        let (reveals, subjects) = result.as_ref().map_or_else(
            |_| (Vec::new(), Vec::new()),
            |restored| (restored.reveals.clone(), restored.subjects.clone()),
        );
        let outcome = Outcome {
            version: ENTRY_VERSION,
            id: trail.id,
            time: self.clock.now(),
            result: if status.is_some() {
                TransferResult::Answered
            } else {
                TransferResult::Failed
            },
            status: status.map(|status| status.as_u16()),
            reveals,
            subjects,
        };
        self.transfer_log
            .append(vec![Entry::Outcome(outcome)])
            .await
            .map_err(|error| withheld(respond::transfer_log(&error)))?;
        result.map_err(withheld)
    }

    /// Sets `status` as soon as the upstream has answered, whatever comes of its body.
    async fn forward(
        &self,
        upstream: &Upstream,
        outgoing: Outgoing,
        status: &mut Option<StatusCode>,
    ) -> Result<Answered, Refusal> {
        let mut request = Request::new(Full::new(outgoing.body));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = outgoing.uri;
        *request.headers_mut() = outgoing.headers;
        let sent = Instant::now();
        let answer = upstream.client.send(request).await;
        self.metrics.upstream(&upstream.name, &answer, sent.elapsed());
        let (head, body) = answer?.into_parts();
        *status = Some(head.status);
        let limits = BodyLimits {
            expansion: self.expansion_limits(),
            pause: upstream.read_timeout,
            deadline: Some(sent + upstream.total_timeout),
        };
        let coding = headers::content_encoding(&head.headers)
            .map_err(|refusal| respond::unreadable_answer(&refusal.message))?;
        let Buffered { bytes, lease } = body::read(body, coding.as_deref(), limits, &self.budget)
            .await
            .map_err(respond::answer_body)?;
        Ok(Answered { status: head.status, headers: head.headers, body: bytes, lease })
    }

    async fn restore(
        &self,
        decided: &Decided,
        echoes: &Echoes,
        mut answered: Answered,
        trail: &Trail,
    ) -> Result<Restored, Refusal> {
        let Decided { located, .. } = decided;
        let complete = &located.complete;
        let view = AnswerView {
            status: answered.status,
            headers: &answered.headers,
            body: &answered.body,
            origins: &complete.origins,
        };
        let answer = body::work_on(view.body.len(), || located.request.answer.locate(&view))
            .map_err(|error| respond::unreadable_answer(&error))?;
        let held = answered.body.len() + VALUE_BYTES * occurrences(answer.documents()).len();
        let resized = self.budget.resize(&mut answered.lease, held);
        resized.map_err(|error| respond::answer_body(error.into()))?;
        let mut opened =
            reveal::open(&answer, &complete.policy, &complete.caller.roles, &self.protectors)
                .await?;
        let subjects = self.come_back(decided, &answer, &mut opened, trail).await?;
        // A short answer may name a long value many times.
        let shown = opened.shown_bytes();
        if answered.body.len() + shown > self.limits.max_body_bytes {
            let message = "the answer is larger than the limit when its values are opened";
            return Err(Refusal::new(RefusalCode::UpstreamUnreadable, message));
        }
        let grown = self.budget.grow(&mut answered.lease, shown);
        grown.map_err(|error| respond::answer_body(error.into()))?;
        let restored = opened.show(echoes, &self.protectors).await?;
        let mut headers = answer_fields(&answered.headers);
        headers::replace(&mut headers, restored.headers)?;
        if !restored.reveals.is_empty() {
            // What one caller may see must not reach another through a cache.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Ok(Restored {
            status: answer.status,
            headers,
            body: restored.body,
            lease: answered.lease,
            reveals: restored.reveals,
            subjects,
        })
    }

    /// Hides what may not be shown where the caller asks from, and remembers what the
    /// answer tells of data subjects. Whom it is about.
    async fn come_back(
        &self,
        decided: &Decided,
        answer: &LocatedAnswer,
        opened: &mut OpenedAnswer<'_>,
        trail: &Trail,
    ) -> Result<Vec<SubjectId>, Refusal> {
        let complete = &decided.located.complete;
        let (policy, caller) = (&complete.policy, &complete.caller);
        let statement = Statement::read(
            policy,
            &self.subjects,
            &trail.upstream.name,
            opened.clear_values(),
            &answer.records,
        );
        let now = self.clock.now();
        let mut records = BTreeMap::new();
        if let Some(border) = &policy.border {
            records = self.settle(&statement, border, caller).await?;
            opened.hide(|record, category| {
                let jurisdictions =
                    records.get(&record).map_or(&[][..], |record| &record.residence.jurisdictions);
                let region = caller.region.as_ref();
                !border.may_reveal(jurisdictions, category, region, now.date()).is_allowed
            });
        }
        if answer.status.is_success() {
            let same = answer.same.iter();
            let mut done: BTreeMap<u32, Option<SubjectId>> =
                same.map(|same| (same.in_request, statement.named(same.in_answer))).collect();
            if let Some(sole) = decided.statement.sole() {
                done.entry(sole).or_default();
            }
            let shown = statement.numbers().map(|number| (number, None)).collect();
            let mut learned = decided.statement.learned(&decided.records, &done, now);
            learned.extend(statement.learned(&records, &shown, now));
            self.subjects.learn(&learned).await?;
        }
        Ok(statement.subjects())
    }

    /// Nothing left. The refusal of an identified caller is recorded as well.
    async fn turned_back(&self, stopped: Stopped, trail: &Trail) -> Stopped {
        let Some(caller) = trail.caller.clone() else { return stopped };
        let refused = self.refused(trail, caller, stopped.refusal().code);
        match self.transfer_log.append(vec![Entry::Refused(refused)]).await {
            Ok(()) => stopped,
            Err(error) => respond::transfer_log(&error).into(),
        }
    }

    fn refused(&self, trail: &Trail, caller: PrincipalName, code: RefusalCode) -> RefusedTransfer {
        RefusedTransfer {
            version: ENTRY_VERSION,
            id: trail.id,
            time: self.clock.now(),
            instance: self.instance.clone(),
            caller,
            purpose: trail.purpose.clone(),
            upstream: Some(trail.upstream.name.clone()),
            operation: trail.operation.clone(),
            code,
            rules: trail.rules.clone(),
            records: trail.refused_records,
            subjects: trail.subjects.clone(),
        }
    }

    /// The answer to the caller, counted and logged.
    fn arrived(&self, result: Result<Restored, Stopped>, trail: &Trail) -> Response<Body> {
        let upstream = &trail.upstream;
        let elapsed = trail.started.elapsed();
        let code = result.as_ref().err().map(|stopped| stopped.refusal().code);
        let outcome = code.map_or(RequestOutcome::Answered, RequestOutcome::Refused);
        self.metrics.request(
            Some(&upstream.name),
            trail.operation.as_ref(),
            outcome,
            Some(elapsed),
        );
        let response = match result {
            Ok(restored) => {
                for reveal in &restored.reveals {
                    self.metrics.reveal(reveal);
                }
                let mut response = Response::new(Body::new(restored.body, restored.lease));
                *response.status_mut() = restored.status;
                *response.headers_mut() = restored.headers;
                response
            }
            Err(Stopped::Refused(refusal)) => respond::refusal(&refusal, Some(&*upstream.dialect)),
            Err(Stopped::Answered { refusal, answer }) => respond::native(&refusal, answer),
        };
        tracing::info!(
            upstream = %upstream.name,
            caller = trail.caller.as_ref().map(tracing::field::display),
            operation = trail.operation.as_ref().map(tracing::field::display),
            object = trail.object.as_ref().map(tracing::field::display),
            status = response.status().as_u16(),
            refusal = code.map(RefusalCode::as_str),
            forwarded = trail.recorded,
            micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        response
    }

    /// Counts a request that was turned back before it took the road.
    pub(super) fn count_refusal(&self, upstream: Option<&Upstream>, code: RefusalCode) {
        let name = upstream.map(|upstream| &upstream.name);
        self.metrics.request(name, None, RequestOutcome::Refused(code), None);
        tracing::info!(
            upstream = name.map(tracing::field::display),
            refusal = code.as_str(),
            "turned away at the door"
        );
    }

    fn expansion_limits(&self) -> ExpansionLimits {
        ExpansionLimits {
            max_bytes: self.limits.max_body_bytes,
            max_ratio: self.limits.max_expansion_ratio,
        }
    }
}

/// What no dialect knows, as one piece.
fn uninspected(complete: &Complete) -> LocatedRequest {
    LocatedRequest {
        operation: Operation { name: OperationName::from_static("unknown"), object: None },
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
