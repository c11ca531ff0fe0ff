// SPDX-License-Identifier: Apache-2.0
//! The stages, in the order of the road.

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use tokio::time::Instant;

use crate::base::{Cleartext, OperationName, Refusal, RefusalCode};
use crate::carrier::coding::ExpansionLimits;
use crate::carrier::{Document, Occurrence, Replacement, Value};
use crate::crm::{
    AnswerView, LocateError, LocatedAnswer, LocatedRequest, Operation, ReadAnswer, RequestView,
};
use crate::listener::answer_fields;
use crate::policy::{Decision, Reason};
use crate::protect::{Echoes, Sealed, SealedState, ToSeal};
use crate::reveal;
use crate::telemetry::RequestOutcome;
use crate::transfer_log::{
    ENTRY_VERSION, Entry, Outcome, RefusedTransfer, Transfer, TransferResult,
};

use super::body::{self, BodyError, BodyLimits, Buffered};
use super::field_counts::FieldCounts;
use super::headers;
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
        let result = self.outward(received, &mut trail).await;
        let result = match result {
            Ok(recorded) => self.abroad(recorded, &trail).await,
            Err(refusal) => Err(self.turned_back(refusal, &trail).await),
        };
        self.arrived(result, &trail)
    }

    /// From the border post to the ledger: nothing has left yet.
    async fn outward(&self, received: Received, trail: &mut Trail) -> Result<Recorded, Refusal> {
        let identified = self.identify(received, trail).await?;
        let complete = self.read(identified).await?;
        let length = complete.body.len();
        let decided = body::work_on(length, || decide(self.locate(complete, trail)?))?;
        let protected = self.protect(decided).await?;
        self.record(protected, trail).await
    }

    async fn identify(&self, received: Received, trail: &mut Trail) -> Result<Identified, Refusal> {
        let caller = self.callers.identify(&received.headers, &received.peer).await?;
        trail.caller = Some(caller.name.clone());
        Ok(Identified { received, caller })
    }

    async fn read(&self, identified: Identified) -> Result<Complete, Refusal> {
        let Identified { received, caller } = identified;
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

    async fn protect(&self, decided: Decided) -> Result<Protected, Refusal> {
        let Decided { mut located, decisions } = decided;
        let occurrences = occurrences(located.request.documents());
        let mut to_seal = Vec::new();
        for ((slot, occurrence), decision) in occurrences.iter().zip(&decisions) {
            if let (Decision::Protect(rule), Value::Text(value)) = (decision, &occurrence.value) {
                let facts = located
                    .complete
                    .upstream
                    .dialect
                    .field_facts(&occurrence.object, &occurrence.field);
                to_seal.push(ToSeal {
                    rule,
                    role: &occurrence.role,
                    value,
                    can_widen: slot.widening.is_some(),
                    ignores_case: located.complete.upstream.dialect.ignores_case(),
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
        let clear: Vec<&Cleartext> = to_seal.iter().map(|item| item.value).collect();
        let headers = headers::forwarded(&located.complete.headers, &clear);
        let mut sealed = sealed.into_iter();
        let mut counts = FieldCounts::default();
        let mut replacements = Vec::with_capacity(decisions.len());
        for ((_, occurrence), decision) in occurrences.iter().zip(&decisions) {
            let replacement = match decision {
                Decision::Untouched(reason) => {
                    counts.add(occurrence, decision, Some(*reason));
                    Replacement::Keep
                }
                Decision::Protect(_) => {
                    let sealed =
                        sealed.next().ok_or_else(|| respond::defect(&"a value was not sealed"))?;
                    let reason = (sealed.state == SealedState::AlreadyProtected)
                        .then_some(Reason::AlreadyProtected);
                    counts.add(occurrence, decision, reason);
                    sealed.replacement
                }
            };
            replacements.push(replacement);
        }
        let length = located.complete.body.len();
        let outgoing = body::work_on(length, || render(&located, headers, &replacements))?;
        if outgoing.body.len() > self.limits.max_body_bytes {
            let message = "the body is larger than the limit once its values are protected";
            return Err(Refusal::new(RefusalCode::TooLarge, message));
        }
        self.budget
            .grow(&mut located.complete.lease, outgoing.body.len())
            .map_err(BodyError::from)?;
        Ok(Protected { outgoing, echoes, fields: counts.into_entries(), located })
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
        let Protected { located, outgoing, echoes, fields } = protected;
        let complete = &located.complete;
        let upstream = &complete.upstream;
        let entry = Transfer {
            version: ENTRY_VERSION,
            id: trail.id,
            time: self.clock.now(),
            instance: self.instance.clone(),
            caller: complete.caller.name.clone(),
            purpose: None,
            upstream: upstream.name.clone(),
            region: upstream.region.clone(),
            operation: located.request.operation.name.clone(),
            object: trail.object.clone(),
            policy: complete.policy.digest,
            uninspected: located.uninspected,
            fields,
            grounds: Vec::new(),
            subjects: Vec::new(),
        };
        for field in &entry.fields {
            self.metrics.occurrences(&upstream.name, field);
        }
        if located.uninspected {
            tracing::warn!(upstream = %upstream.name, method = %complete.method, "an unknown operation passes uninspected");
            self.metrics.uninspected_request(&upstream.name);
        }
        self.transfer_log
            .append(vec![Entry::Transfer(entry)])
            .await
            .map_err(|error| respond::transfer_log(&error))?;
        trail.recorded = true;
        Ok(Recorded { located, outgoing, echoes })
    }

    /// Over the border and back. Whatever happens, the outcome is recorded
    /// before the caller hears of it.
    async fn abroad(&self, recorded: Recorded, trail: &Trail) -> Result<Restored, Refusal> {
        let Recorded { located, outgoing, echoes } = recorded;
        let upstream = &located.complete.upstream;
        let mut status = None;
        let result = match self.forward(upstream, outgoing, &mut status).await {
            Ok(answered) => self.restore(&located, &echoes, answered).await,
            Err(refusal) => Err(refusal),
        };
        let withheld = |refusal| respond::after_answer(refusal, status);
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
            reveals: result
                .as_ref()
                .map_or_else(|_| Vec::new(), |restored| restored.reveals.clone()),
            subjects: Vec::new(),
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
        located: &Located,
        echoes: &Echoes,
        mut answered: Answered,
    ) -> Result<Restored, Refusal> {
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
        let opened =
            reveal::open(&answer, &complete.policy, &complete.caller.roles, &self.protectors)
                .await?;
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
        })
    }

    /// Nothing left. The refusal of an identified caller is recorded as well.
    async fn turned_back(&self, refusal: Refusal, trail: &Trail) -> Refusal {
        let Some(caller) = trail.caller.clone() else { return refusal };
        let entry = RefusedTransfer {
            version: ENTRY_VERSION,
            id: trail.id,
            time: self.clock.now(),
            instance: self.instance.clone(),
            caller,
            purpose: None,
            upstream: Some(trail.upstream.name.clone()),
            operation: trail.operation.clone(),
            code: refusal.code,
            rules: Vec::new(),
            records: None,
            subjects: Vec::new(),
        };
        match self.transfer_log.append(vec![Entry::Refused(entry)]).await {
            Ok(()) => refusal,
            Err(error) => respond::transfer_log(&error),
        }
    }

    /// The answer to the caller, counted and logged.
    fn arrived(&self, result: Result<Restored, Refusal>, trail: &Trail) -> Response<Body> {
        let upstream = &trail.upstream;
        let elapsed = trail.started.elapsed();
        let code = result.as_ref().err().map(|refusal| refusal.code);
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
            Err(refusal) => respond::refusal(&refusal, Some(&*upstream.dialect)),
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

fn decide(located: Located) -> Result<Decided, Refusal> {
    let policy = &located.complete.policy;
    for field_use in &located.request.uses {
        policy.permit_use(field_use)?;
    }
    let decisions = occurrences(located.request.documents())
        .into_iter()
        .map(|(_, occurrence)| policy.decide(occurrence))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Decided { located, decisions })
}

fn occurrences<'a>(
    documents: impl Iterator<Item = &'a Document>,
) -> Vec<(&'a crate::carrier::Slot, &'a Occurrence)> {
    documents.flat_map(Document::occurrences).collect()
}

fn render(
    located: &Located,
    mut headers: HeaderMap,
    replacements: &[Replacement],
) -> Result<Outgoing, Refusal> {
    let request = &located.request;
    let mut replacements = replacements.iter();
    let defect = |error| respond::defect(&error);
    let target = request.target.render(&mut replacements).map_err(defect)?;
    let rendered = request
        .headers
        .iter()
        .map(|(name, document)| Ok((name.clone(), document.render(&mut replacements)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(defect)?;
    headers::replace(&mut headers, rendered)?;
    let body = request.body.render(&mut replacements).map_err(defect)?;
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
