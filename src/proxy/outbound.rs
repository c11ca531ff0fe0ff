// SPDX-License-Identifier: Apache-2.0
//! The stages of a request on its way out, but for the decision (see `judge`).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Uri};
use tokio::time::Instant;

use crate::base::{Category, OperationName, Refusal, RefusalCode, SubjectId};
use crate::carrier::{Document, Occurrence, Replacement, Value};
use crate::crm::{
    About, AnswerView, BodyForm, LocateError, LocatedAnswer, LocatedRequest, Operation, ReadAnswer,
    Told,
};
use crate::policy::{Decision, Forbidden, Reason, Residual};
use crate::protect::{Echoes, Sealed, SealedState, Sought, ToSeal, Written};
use crate::transfer_log::{ENTRY_VERSION, Entry, RefusedTransfer, Transfer};

use super::body::{self, BodyError, BodyLimits, Buffered, Content};
use super::budget::{Lease, VALUE_BYTES};
use super::declaration::Declaration;
use super::field_counts::FieldCounts;
use super::headers;
use super::judge::purpose_of;
use super::manifest::Manifest;
use super::request_body::RequestBody;
use super::residual::residual_place;
use super::rows::Rows;
use super::stage::{
    Complete, Decided, Identified, Located, Outgoing, Protected, Received, Recorded, Stopped,
    occurrences,
};
use super::trail::Trail;
use super::{Mode, Proxy, Upstream, respond};

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

    /// Reads the body: all of it or, where it is long and may be read so, its first piece.
    pub(super) async fn read(
        &self,
        identified: Identified,
    ) -> Result<(Complete, Option<Rows<RequestBody>>), Refusal> {
        let Identified { received, caller, purpose } = identified;
        let mut complete = Complete {
            policy: received.upstream.policy.load_full(),
            upstream: received.upstream,
            caller,
            purpose,
            origins: received.origins,
            method: received.method,
            target: received.target,
            headers: received.headers,
            body: Bytes::new(),
            form: BodyForm::Whole,
            is_settled: false,
            lease: Lease::default(),
        };
        complete.form = complete.upstream.dialect.body_form(&self.view(&complete, Told::default()));
        let coding = headers::content_encoding(&complete.headers)?;
        let patience = self.limits.body_timeout;
        let mut rest = None;
        let Buffered { bytes, lease } = if complete.form == BodyForm::Rows {
            let limits = self.rows_limits(patience, patience);
            let mut rows = Rows::new(received.body, coding.as_deref(), limits, &self.budget)?;
            let first = rows.first().await?;
            rest = Some(rows);
            first
        } else {
            let limits = BodyLimits {
                expansion: self.expansion_limits(),
                pause: patience,
                deadline: Some(Instant::now() + patience),
            };
            body::read(received.body, coding.as_deref(), limits, &self.budget).await?
        };
        Ok((Complete { body: bytes, lease, ..complete }, rest))
    }

    pub(super) fn locate(
        &self,
        mut complete: Complete,
        told: Told<'_>,
        trail: &mut Trail,
    ) -> Result<Located, Refusal> {
        let length = complete.body.len();
        if complete.form == BodyForm::Archive {
            let room = length + self.expansion_limits().allowed(length);
            self.budget.resize(&mut complete.lease, room).map_err(BodyError::from)?;
        }
        let view = self.view(&complete, told);
        let (request, uninspected) = match complete.upstream.dialect.locate(&view) {
            Ok(request) => (request, false),
            Err(LocateError::UnknownOperation) if complete.upstream.mode == Mode::Observe => {
                (uninspected(&complete), true)
            }
            Err(error) => return Err(error.into()),
        };
        trail.classified_as(&request.operation);
        let unpacked: usize = request.documents().map(Document::unpacked).sum();
        // What reads the answer may keep it.
        let quarantined: usize = told.quarantined.iter().map(|it| it.expose().len()).sum();
        let held =
            length + unpacked + quarantined + VALUE_BYTES * occurrences(request.documents()).len();
        self.budget.resize(&mut complete.lease, held).map_err(BodyError::from)?;
        Ok(Located { complete, request, uninspected })
    }

    pub(super) async fn protect(&self, mut decided: Decided) -> Result<Protected, Refusal> {
        let Decided { located, manifest, statement, records, .. } = &decided;
        let occurrences = occurrences(located.request.documents());
        let dialect = &located.complete.upstream.dialect;
        let max_length = |occurrence: &Occurrence| {
            dialect.field_facts(&occurrence.object, &occurrence.field)?.max_length
        };
        let policy = &located.complete.policy;
        let keepers = self.keepers(policy, statement, records);
        let mut to_seal = Vec::new();
        let (mut clear, mut written) = (Vec::new(), Vec::new());
        for (at, ((slot, occurrence), decision)) in
            occurrences.iter().zip(&manifest.decisions).enumerate()
        {
            let is_turned_back = manifest.turned_back.contains_key(&occurrence.record);
            if let Some(scanned) = manifest.scanned_text(at) {
                clear.extend(scanned.parts().iter().map(|part| &part.value));
                if is_turned_back {
                    continue;
                }
                let keeper = |category: &Category, holder: Option<SubjectId>| {
                    keepers.of_finding(occurrence, category, holder)
                };
                if let (Decision::Protect(rule), Value::Text(text)) = (decision, &occurrence.value)
                {
                    let keeper = move |category: &Category| keeper(category, None);
                    written.push(Written { rule, text, keeper });
                }
                to_seal.extend(scanned.to_seal(keeper));
                continue;
            }
            if let (Decision::Protect(rule), Value::Text(value)) = (decision, &occurrence.value) {
                clear.push(value);
                if is_turned_back {
                    continue;
                }
                to_seal.push(ToSeal {
                    rule,
                    role: &occurrence.role,
                    value,
                    can_widen: slot.widening.is_some(),
                    equality: dialect.equality(),
                    can_remove: slot.removal.is_some(),
                    max_length: max_length(occurrence),
                    keeper: keepers.of(occurrence, &rule.category),
                });
            }
        }
        // Boxed: they are large, and so would be whatever awaits them.
        Box::pin(self.protectors.hold_written(&written, &policy.scan)).await?;
        let sealed = Box::pin(self.protectors.seal(&to_seal)).await?;
        if sealed.len() != to_seal.len() {
            return Err(respond::defect(&"the protectors answered for another batch"));
        }
        let echoes = self.echoes(&to_seal, &sealed);
        let headers = headers::forwarded(&located.complete.headers, &clear);
        let mut sealed = sealed.into_iter();
        let mut counts = FieldCounts::default();
        let mut replacements = Vec::with_capacity(manifest.decisions.len());
        let decisions = manifest.decisions.iter().zip(&manifest.ground_of);
        for (at, ((_, occurrence), (decision, ground))) in
            occurrences.iter().zip(decisions).enumerate()
        {
            if manifest.turned_back.contains_key(&occurrence.record) {
                // It is taken out as a whole.
                replacements.push(Replacement::Keep);
                continue;
            }
            let (replacement, reason) =
                match (decision, &occurrence.value, manifest.scanned_text(at)) {
                    (_, Value::Text(text), Some(scanned)) => {
                        let parts: Vec<Sealed> =
                            sealed.by_ref().take(scanned.parts().len()).collect();
                        for part in scanned.parts() {
                            let decision = Decision::Protect(Arc::clone(&part.rule));
                            counts.add(occurrence, &decision, None, *ground);
                        }
                        let field = format!("{}.{}", occurrence.object, occurrence.field);
                        let limit = max_length(occurrence);
                        let reason = match decision {
                            Decision::Untouched(reason) => Some(*reason),
                            Decision::Protect(_) => None,
                        };
                        (scanned.replaced(&field, text, &parts, limit)?, reason)
                    }
                    (Decision::Untouched(reason), ..) => (Replacement::Keep, Some(*reason)),
                    (Decision::Protect(_), ..) => {
                        let sealed = sealed
                            .next()
                            .ok_or_else(|| respond::defect(&"a value was not sealed"))?;
                        let reason = (sealed.state == SealedState::AlreadyProtected)
                            .then_some(Reason::AlreadyProtected);
                        (sealed.replacement, reason)
                    }
                };
            let is_residual = manifest.residual.contains(&at);
            let reason = if is_residual { Some(Reason::Residual) } else { reason };
            counts.add(occurrence, decision, reason, *ground);
            replacements.push(replacement);
        }
        let length = located.complete.body.len();
        let (outgoing, length) =
            body::work_on(length, || render(located, manifest, headers, &replacements))?;
        if let Some(place) = body::work_on(length, || residual_place(manifest, &outgoing)) {
            if located.complete.policy.residual != Some(Residual::Report) {
                return Err(Forbidden::Residual { place: place.to_owned() }.into());
            }
            counts.add_residual();
        }
        if length > self.limits.max_body_bytes {
            let message = "the body is larger than the limit once its values are protected";
            return Err(Refusal::new(RefusalCode::TooLarge, message));
        }
        let is_turned_back = |record: u32| manifest.turned_back.contains_key(&record);
        let declaration = Declaration {
            fields: counts,
            grounds: manifest.grounds.clone(),
            subjects: statement.subjects_of(|record| !is_turned_back(record)),
            turned_back: manifest.first_reason(),
            turned_back_subjects: statement.subjects_of(is_turned_back),
        };
        let lease = &mut decided.located.complete.lease;
        self.budget.grow(lease, length).map_err(BodyError::from)?;
        Ok(Protected { decided, outgoing, echoes, declaration })
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
            let sought = Sought::WordsAndMoments;
            let found = texts.into_iter().flat_map(|text| self.protectors.find(text, sought));
            for found in found.filter(|found| !found.surrogate.is_nobodys()) {
                echoes.insert(found.surrogate, item.value.clone());
            }
        }
        echoes
    }

    pub(super) async fn record(
        &self,
        protected: Protected,
        trail: &mut Trail,
    ) -> Result<Recorded, Stopped> {
        let Protected { mut decided, outgoing, echoes, declaration } = protected;
        if let Some(emptied) = decided.left_out.emptied.take() {
            return Err(emptied.into());
        }
        let Declaration { fields, grounds, subjects, turned_back, turned_back_subjects } =
            declaration;
        let Decided { located, .. } = &decided;
        let complete = &located.complete;
        let upstream = &complete.upstream;
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
            fields: fields.into_entries(),
            grounds,
            subjects: subjects.into_iter().collect(),
        };
        for field in &entry.fields {
            self.metrics.occurrences(&upstream.name, field);
        }
        if located.uninspected {
            tracing::warn!(upstream = %upstream.name, method = %complete.method, "an unknown operation passes uninspected");
            self.metrics.uninspected_request(&upstream.name);
        }
        let mut entries = vec![Entry::Transfer(entry)];
        if let Some(code) = turned_back {
            let subjects = turned_back_subjects.into_iter().collect();
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
        referred: Vec::new(),
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

/// A request as it leaves, and how long its body is.
fn render(
    located: &Located,
    manifest: &Manifest,
    mut headers: HeaderMap,
    replacements: &[Replacement],
) -> Result<(Outgoing, usize), Refusal> {
    let request = &located.request;
    let refused = &|record: u32| manifest.turned_back.contains_key(&record);
    let mut replacements = replacements.iter();
    let all = replacements.as_slice();
    let defect = |error| respond::defect(&error);
    let target = request.target.render_without(&mut replacements, refused).map_err(defect)?;
    let in_target = all.get(..all.len() - replacements.len()).unwrap_or_default();
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
    let upstream = &located.complete.upstream;
    let in_body = all.get(in_target.len()..).unwrap_or_default();
    if let Some(limit) = upstream.dialect.longest_query(&request.operation.name) {
        reads(limit, (request.body.bytes(), &body), in_body)?;
    }
    let uri = absolute(upstream, &target, in_target)?;
    let (method, length) = (located.complete.method.clone(), body.len());
    Ok((Outgoing { method, uri, headers, body: Content::Whole(body) }, length))
}

/// Whether the CRM reads a query that it would have read as the caller wrote it.
fn reads(
    limit: usize,
    (written, rendered): (&[u8], &[u8]),
    replacements: &[Replacement],
) -> Result<(), Refusal> {
    let length = |text: &[u8]| String::from_utf8_lossy(text).chars().count();
    let longer = Some(length(rendered)).filter(|longer| *longer > limit);
    let Some(longer) = longer.filter(|_| length(written) <= limit) else { return Ok(()) };
    let message = format!(
        "the query has {longer} characters once its values are protected, which are {} then, and \
         the CRM reads {limit}; compare with fewer, or look for more of a text",
        count(replacements)
    );
    Err(Refusal::new(RefusalCode::QueryTooLong, message))
}

/// How many values stand in the place of those of the caller.
fn count(replacements: &[Replacement]) -> usize {
    let several = |replacement: &Replacement| match replacement {
        Replacement::AnyOf(texts) => texts.len(),
        Replacement::Text(_) | Replacement::Keep | Replacement::Remove => 1,
    };
    replacements.iter().map(several).sum()
}

/// Where a target leads at the upstream, in which these replacements stand.
fn absolute(
    upstream: &Upstream,
    target: &[u8],
    replacements: &[Replacement],
) -> Result<Uri, Refusal> {
    let target = std::str::from_utf8(target).map_err(|error| respond::defect(&error))?;
    let (length, limit) = (target.len(), upstream.dialect.longest_target());
    if length > limit {
        let message = format!(
            "the target has {length} bytes once its values are protected, which are {} then, and \
             the CRM reads {limit}; compare with fewer, look for more of a text, or send the \
             query in a body",
            count(replacements)
        );
        return Err(Refusal::new(RefusalCode::TargetTooLong, message));
    }
    format!("{}{target}", upstream.origin).parse().map_err(|error| respond::defect(&error))
}
