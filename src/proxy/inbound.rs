// SPDX-License-Identifier: Apache-2.0
//! Over the border and back: the stages of an answer.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, header};
use tokio::time::Instant;

use crate::base::{Category, EntryId, Refusal, RefusalCode, SubjectId};
use crate::carrier::{Document, Occurrence};
use crate::crm::{AnswerView, Batch, BodyForm, Done, LocatedAnswer};
use crate::listener::answer_fields;
use crate::protect::Echoes;
use crate::quarantine::BatchName;
use crate::reveal::{self, OpenedAnswer};
use crate::transfer_log::{ENTRY_VERSION, Entry, Outcome, TransferResult};

use super::body::{self, BodyLimits, Buffered, Content};
use super::budget::{Lease, VALUE_BYTES};
use super::headers;
use super::manifest::Record;
use super::records::{Message, Reader, Statement};
use super::stage::{
    Answered, Arriving, Decided, Located, Outgoing, Recorded, Restored, occurrences,
};
use super::trail::Trail;
use super::{Proxy, Upstream, respond};

/// Whether the CRM has taken what it answers so; nothing where only something between us and
/// it may have answered, which does not know.
fn is_taken(status: StatusCode) -> Option<bool> {
    let is_known = !status.is_server_error() && status != StatusCode::REQUEST_TIMEOUT;
    is_known.then(|| status.is_success())
}

impl Proxy {
    /// Over the border and back. Whatever happens, the outcome is recorded
    /// before the caller hears of it.
    pub(super) async fn abroad(
        &self,
        recorded: Recorded,
        trail: &Trail,
    ) -> Result<Restored, Refusal> {
        let Recorded { decided, outgoing, echoes } = recorded;
        let mut status = None;
        let result = match self.ship(&decided, outgoing, trail.id, &mut status).await {
            Ok(arriving) => self.bring_back(&decided, &echoes, arriving).await,
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

    /// Forwards a request. What is left out of a batch of which a later answer tells is
    /// kept first, until it is known that the CRM has not taken the rest.
    async fn ship(
        &self,
        decided: &Decided,
        outgoing: Outgoing,
        request: EntryId,
        status: &mut Option<StatusCode>,
    ) -> Result<Arriving, Refusal> {
        let Located { complete, request: located, .. } = &decided.located;
        let upstream = &complete.upstream;
        let held_back = upstream.dialect.holds_back(&located.operation);
        let Some(batch) = located.batch.as_deref().and_then(Batch::reported_as) else {
            return self.forward(upstream, outgoing, held_back, status).await;
        };
        let batch = BatchName { upstream: upstream.name.clone(), batch };
        let left_out = &decided.left_out.records;
        if !left_out.is_empty() {
            self.quarantine.keep(&batch, request, left_out, self.clock.now()).await?;
        }
        let answered = self.forward(upstream, outgoing, held_back, status).await;
        if let Some(is_taken) = status.and_then(is_taken) {
            self.quarantine.settle(&batch, request, is_taken).await?;
        }
        answered
    }

    /// Sets `status` as soon as the upstream has answered.
    async fn forward(
        &self,
        upstream: &Upstream,
        outgoing: Outgoing,
        held_back: Duration,
        status: &mut Option<StatusCode>,
    ) -> Result<Arriving, Refusal> {
        let body = outgoing.body.into_body(Lease::default()).map_err(respond::spool)?;
        let mut request = Request::new(body);
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = outgoing.uri;
        *request.headers_mut() = outgoing.headers;
        let sent = Instant::now();
        let answer = upstream.client.send_and_wait(request, held_back).await;
        self.metrics.upstream(&upstream.name, &answer, sent.elapsed());
        let (head, body) = answer?.into_parts();
        *status = Some(head.status);
        let deadline = Instant::now() + upstream.total_timeout + held_back;
        Ok(Arriving { status: head.status, headers: head.headers, body, deadline })
    }

    /// Reads an answer as its form asks for, and makes of it what the caller may see.
    async fn bring_back(
        &self,
        decided: &Decided,
        echoes: &Echoes,
        arriving: Arriving,
    ) -> Result<Restored, Refusal> {
        let Located { complete, request, .. } = &decided.located;
        if request.answer.body_form(arriving.status, &arriving.headers) == BodyForm::Rows {
            return self.restore_pieces(decided, echoes, arriving).await;
        }
        let Arriving { status, headers, body, deadline } = arriving;
        let limits = BodyLimits {
            expansion: self.expansion_limits(),
            pause: complete.upstream.read_timeout,
            deadline: Some(deadline),
        };
        let coding = headers::content_encoding(&headers)
            .map_err(|refusal| respond::unreadable_answer(&refusal.message))?;
        let Buffered { bytes, lease } = body::read(body, coding.as_deref(), limits, &self.budget)
            .await
            .map_err(respond::answer_body)?;
        self.restore(decided, echoes, Answered { status, headers, body: bytes, lease }).await
    }

    /// What the caller may see of an answer, or of a piece of one.
    pub(super) async fn restore(
        &self,
        decided: &Decided,
        echoes: &Echoes,
        mut answered: Answered,
    ) -> Result<Restored, Refusal> {
        let Decided { located, .. } = decided;
        let complete = &located.complete;
        let view = AnswerView {
            status: answered.status,
            headers: &answered.headers,
            body: &answered.body,
            origins: &complete.origins,
            expansion: self.expansion_limits(),
            sorted: decided.sorted(),
        };
        let reader = &located.request.answer;
        let packed = match reader.body_form(view.status, view.headers) {
            BodyForm::Archive => view.expansion.allowed(view.body.len()),
            BodyForm::Whole | BodyForm::Rows => 0,
        };
        let length = view.body.len() + packed;
        let rows = view.sorted.map_or(0, |sorted| sorted.bytes(length));
        let reserved = self.budget.resize(&mut answered.lease, length + rows);
        reserved.map_err(|error| respond::answer_body(error.into()))?;
        let mut answer = body::work_on(length, || reader.locate(&view))
            .map_err(|error| respond::unreadable_answer(&error))?;
        if answer.status.is_success()
            && let Some(memo) = answer.memo.take()
        {
            self.memory.keep(complete.upstream.dialect.name(), memo);
        }
        let answer = self.sort(decided, answer, &mut answered.lease).await?;
        if decided.sorted_by > 0 {
            answered.body = answer.body.bytes().clone();
        }
        let unpacked: usize = answer.documents().map(Document::unpacked).sum();
        let held =
            answered.body.len() + unpacked + VALUE_BYTES * occurrences(answer.documents()).len();
        let resized = self.budget.resize(&mut answered.lease, held);
        resized.map_err(|error| respond::answer_body(error.into()))?;
        let roles = &complete.caller.roles;
        let opened = reveal::open(&answer, &complete.policy, roles, &self.protectors);
        let mut opened = body::work_through(length, opened).await?;
        let (statement, records) = self.come_back(decided, &answer, &mut opened).await?;
        let keepers = self.keepers(&complete.policy, &statement, &records);
        // A short answer may name a long value many times.
        let shown = opened.shown_bytes(echoes);
        if answered.body.len() + shown > self.limits.max_body_bytes {
            let message = "the answer is larger than the limit when its values are opened";
            return Err(Refusal::new(RefusalCode::UpstreamUnreadable, message));
        }
        let grown = self.budget.grow(&mut answered.lease, shown);
        grown.map_err(|error| respond::answer_body(error.into()))?;
        let keeper = |at: &Occurrence, category: &Category| keepers.of(at, category);
        let shown = opened.show(echoes, &self.protectors, keeper);
        let restored = body::work_through(length, shown).await?;
        let mut headers = answer_fields(&answered.headers);
        headers::replace(&mut headers, restored.headers)?;
        if !restored.reveals.is_empty() {
            // What one caller may see must not reach another through a cache.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Ok(Restored {
            status: answer.status,
            headers,
            body: Content::Whole(restored.body),
            lease: answered.lease,
            reveals: restored.reveals,
            subjects: statement.subjects(),
        })
    }

    /// Hides what may not be shown where the caller asks from, and remembers what the
    /// answer tells of data subjects. What it says of them, and of their records.
    async fn come_back(
        &self,
        decided: &Decided,
        answer: &LocatedAnswer,
        opened: &mut OpenedAnswer<'_>,
    ) -> Result<(Statement, BTreeMap<u32, Record>), Refusal> {
        let complete = &decided.located.complete;
        let (policy, caller) = (&complete.policy, &complete.caller);
        let reader = Reader {
            policy,
            subjects: &self.subjects,
            namespace: complete.upstream.record_namespace(),
            message: Message::Answer,
        };
        let located = answer.documents().flat_map(Document::occurrences).map(|(_, at)| at);
        let clear: Vec<_> = opened.clear_values().collect();
        let clear = clear.iter().map(|(at, value)| (*at, value.as_ref()));
        let statement = Statement::read(reader, located, clear, &answer.records);
        let now = self.clock.now();
        let mut records = BTreeMap::new();
        if let Some(border) = &policy.border {
            records = self.settle(&statement, border, caller).await?;
            if border.tells_records_apart() {
                // Nothing says that what is told of others holds of them.
                statement.silent().for_each(|record| _ = records.remove(&record));
            }
            opened.hide(|record, category| {
                let jurisdictions =
                    records.get(&record).map_or(&[][..], |record| &record.residence.jurisdictions);
                let region = caller.region.as_ref();
                !border.may_reveal(jurisdictions, category, region, now.date()).is_allowed
            });
        }
        if answer.status.is_success() {
            let done: BTreeMap<u32, Option<SubjectId>> = match &answer.done {
                Done::All => decided.statement.numbers().map(|record| (record, None)).collect(),
                Done::Each(same) => same
                    .iter()
                    .filter(|same| same.is_taken)
                    .map(|same| (same.in_request, statement.named(same.in_answer)))
                    .collect(),
            };
            let shown = statement.numbers().filter(|number| statement.is_of_one(*number));
            let shown = shown.map(|number| (number, None)).collect();
            let mut learned = decided.statement.learned(&decided.records, &done, now);
            learned.extend(statement.learned(&records, &shown, now));
            self.subjects.learn(&learned).await?;
        }
        Ok((statement, records))
    }
}
