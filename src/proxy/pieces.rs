// SPDX-License-Identifier: Apache-2.0
//! Long bodies, a piece at a time: each piece takes the stages of a message of its own, and
//! waits on disk until the last one has. So nothing leaves, and nothing is shown, of a body
//! that is refused further down; and the log says all of it beforehand, as of any other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_CONTROL;

use crate::base::{Refusal, RefusalCode, SubjectId};
use crate::crm::Told;
use crate::protect::Echoes;
use crate::transfer_log::Revealed;

use super::body::{BodyError, Buffered, Content};
use super::budget::Lease;
use super::request_body::RequestBody;
use super::rows::{Piece, Rows, RowsLimits};
use super::spool::{Spool, SpoolError};
use super::stage::{
    Answered, Arriving, Complete, Decided, Outgoing, Protected, Recorded, Restored, Stopped,
};
use super::trail::Trail;
use super::{Proxy, headers, respond};

/// What is kept of each data subject until the log is written.
const SUBJECT_BYTES: usize = 128;

impl Proxy {
    pub(super) fn rows_limits(&self, pause: Duration, patience: Duration) -> RowsLimits {
        RowsLimits {
            expansion: self.limits.expansion(self.limits.max_rows_bytes),
            max_waiting: self.limits.max_body_bytes,
            pause,
            patience,
        }
    }

    /// As [`declare`](Self::declare), for a request that holds the first piece of its body
    /// and maybe all of it.
    pub(super) async fn declare_pieces(
        &self,
        first: Complete,
        rest: Rows<RequestBody>,
        told: Told<'_>,
        trail: &mut Trail,
    ) -> Result<Recorded, Stopped> {
        match self.prepare_pieces(first, rest, told, trail).await {
            Ok(whole) => self.record(whole, trail).await,
            Err(stopped) => {
                // It is turned back with all of its records.
                trail.said.refused_records = None;
                Err(stopped)
            }
        }
    }

    /// As [`prepare`](Self::prepare). What is said of pieces adds up, however it ends.
    async fn prepare_pieces(
        &self,
        first: Complete,
        mut rest: Rows<RequestBody>,
        told: Told<'_>,
        trail: &mut Trail,
    ) -> Result<Protected, Stopped> {
        let mut head = first.with_body(Bytes::new(), Lease::default());
        let first = self.prepare(first, told, trail).await?;
        head.is_settled = Arc::ptr_eq(&head.upstream, &first.complete().upstream);
        if !rest.has_more().await.map_err(Refusal::from)? {
            return Ok(first);
        }
        let mut shipment = Shipment::new(first, self.open_spool()?)?;
        while let Some(piece) = rest.next().await.map_err(Refusal::from)? {
            let Piece { buffered, repeated, rows_before } = piece;
            let first_row = buffered.bytes.slice(..repeated);
            let piece = head.with_body(buffered.bytes, buffered.lease);
            let before = std::mem::take(&mut trail.said);
            let prepared = self.prepare(piece, told, trail).await;
            trail.said.add(before);
            let prepared = prepared.map_err(|stopped| counted_from(stopped, rows_before))?;
            let more = shipment.add(prepared, &first_row)?;
            let lease = &mut shipment.whole.decided.located.complete.lease;
            self.budget.grow(lease, more).map_err(BodyError::from).map_err(Refusal::from)?;
        }
        Ok(shipment.into_protected())
    }

    /// Restores an answer that is read in pieces.
    pub(super) async fn restore_pieces(
        &self,
        decided: &Decided,
        echoes: &Echoes,
        arriving: Arriving,
    ) -> Result<Restored, Refusal> {
        let upstream = &decided.located.complete.upstream;
        let Arriving { status, headers, body, .. } = arriving;
        let coding = headers::content_encoding(&headers)
            .map_err(|refusal| respond::unreadable_answer(&refusal.message))?;
        let limits = self.rows_limits(upstream.read_timeout, upstream.total_timeout);
        let rows = Rows::new(body, coding.as_deref(), limits, &self.budget);
        let mut rows = rows.map_err(respond::answer_body)?;
        let answered = |Buffered { bytes, lease }| Answered {
            status,
            headers: headers.clone(),
            body: bytes,
            lease,
        };
        let first = answered(rows.first().await.map_err(respond::answer_body)?);
        let first = self.restore(decided, echoes, first).await?;
        if !rows.has_more().await.map_err(respond::answer_body)? {
            return Ok(first);
        }
        let mut answer = Shown::new(first, self.open_spool()?)?;
        while let Some(Piece { buffered, repeated, .. }) =
            rows.next().await.map_err(respond::answer_body)?
        {
            let first_row = buffered.bytes.slice(..repeated);
            let piece = self.restore(decided, echoes, answered(buffered)).await?;
            let more = answer.add(piece, &first_row)?;
            let grown = self.budget.grow(&mut answer.whole.lease, more);
            grown.map_err(|error| respond::answer_body(error.into()))?;
        }
        Ok(answer.into_restored())
    }

    fn open_spool(&self) -> Result<Spool, Refusal> {
        spooling(|| self.spools.open())
    }
}

/// What is refused in a piece names rows and bytes as they are counted there.
fn counted_from(stopped: Stopped, rows_before: usize) -> Stopped {
    match stopped {
        Stopped::Refused(refusal) if refusal.code == RefusalCode::Unparseable => {
            let (said, first) = (&refusal.message, rows_before + 1);
            let message = format!("{said}; counted as if row {first} were row 2");
            Stopped::Refused(Refusal { message, ..refusal })
        }
        stopped => stopped,
    }
}

/// A request of which some pieces are ready to leave.
struct Shipment {
    /// The first of them, with what is said of all.
    whole: Protected,
    spool: Spool,
}

impl Shipment {
    fn new(first: Protected, mut spool: Spool) -> Result<Self, Refusal> {
        write(&mut spool, &first.outgoing.body, &[])?;
        Ok(Self { whole: first, spool })
    }

    /// Takes a piece up that begins with the first row of the others. How many bytes are
    /// kept of it in memory.
    fn add(&mut self, piece: Protected, first_row: &[u8]) -> Result<usize, Refusal> {
        let refuse = |message| Err(Refusal::new(RefusalCode::TransferRefused, message));
        let (own, whole) = (piece.complete(), self.whole.complete());
        if !Arc::ptr_eq(&own.upstream, &whole.upstream) {
            return refuse(
                "not all of its data belongs to one upstream; send each part in a request of \
                 its own",
            );
        }
        if own.policy.digest != whole.policy.digest {
            return refuse("the policy of its upstream has changed meanwhile; send it again");
        }
        let Protected { decided, outgoing, declaration, .. } = piece;
        let Outgoing { headers, body, .. } = outgoing;
        // What repeats a value of any piece does not leave.
        let kept = &mut self.whole.outgoing.headers;
        for name in
            kept.keys().filter(|name| !headers.contains_key(*name)).cloned().collect::<Vec<_>>()
        {
            kept.remove(name);
        }
        write(&mut self.spool, &body, first_row)?;
        let subjects = declaration.subjects.len() + declaration.turned_back_subjects.len();
        let left_out = decided.left_out;
        let kept: usize = left_out.records.iter().map(|records| records.expose().len()).sum();
        self.whole.declaration.add(declaration);
        let whole = &mut self.whole.decided.left_out;
        whole.records.extend(left_out.records);
        whole.emptied = whole.emptied.take().filter(|_| left_out.emptied.is_some());
        Ok(kept + SUBJECT_BYTES * subjects)
    }

    fn into_protected(self) -> Protected {
        let Self { mut whole, spool } = self;
        whole.outgoing.body = Content::Spooled(spool);
        whole
    }
}

/// An answer of which some pieces are ready to be shown.
struct Shown {
    /// The first of them, with what is said of all.
    whole: Restored,
    subjects: BTreeSet<SubjectId>,
    spool: Spool,
}

impl Shown {
    fn new(mut first: Restored, mut spool: Spool) -> Result<Self, Refusal> {
        write(&mut spool, &first.body, &[])?;
        let subjects = std::mem::take(&mut first.subjects).into_iter().collect();
        Ok(Self { whole: first, subjects, spool })
    }

    /// As [`Shipment::add`].
    fn add(&mut self, piece: Restored, first_row: &[u8]) -> Result<usize, Refusal> {
        let Restored { headers, body, reveals, subjects, .. } = piece;
        write(&mut self.spool, &body, first_row)?;
        if let Some(value) = headers.get(CACHE_CONTROL).filter(|_| !reveals.is_empty()) {
            self.whole.headers.insert(CACHE_CONTROL, value.clone());
        }
        let more = SUBJECT_BYTES * subjects.len();
        self.subjects.extend(subjects);
        for reveal in reveals {
            let mut known = self.whole.reveals.iter_mut();
            match known.find(|known| Revealed { count: reveal.count, ..(*known).clone() } == reveal)
            {
                Some(known) => known.count += reveal.count,
                None => self.whole.reveals.push(reveal),
            }
        }
        Ok(more)
    }

    fn into_restored(self) -> Restored {
        let Self { whole, subjects, spool } = self;
        let subjects = subjects.into_iter().collect();
        Restored { body: Content::Spooled(spool), subjects, ..whole }
    }
}

/// Adds what a piece has become, without the row that it shares with the others: nothing in
/// that is a value.
fn write(spool: &mut Spool, piece: &Content, first_row: &[u8]) -> Result<(), Refusal> {
    let rows = piece.whole().and_then(|piece| piece.strip_prefix(first_row));
    let rows = rows.ok_or_else(|| respond::defect(&"the first row of a piece has changed"))?;
    spooling(|| spool.write(rows))
}

/// Does what waits for the disk.
fn spooling<T>(work: impl FnOnce() -> Result<T, SpoolError>) -> Result<T, Refusal> {
    tokio::task::block_in_place(work).map_err(respond::spool)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;
    use crate::policy::Reveal;
    use crate::proxy::{BufferBudget, Spools};
    use crate::telemetry::{Metrics, Place};
    use crate::testkit::Scratch;

    fn shown(rows: &str, count: u32) -> Restored {
        let reveal = Revealed {
            object: "contact".into(),
            field: "email".into(),
            category: "email".into(),
            reveal: Reveal::Full,
            role: None,
            found_clear: false,
            count,
        };
        let said = if count > 0 { "no-store" } else { "public, max-age=3600" };
        Restored {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(said))]),
            body: Content::Whole(Bytes::from(rows.to_owned())),
            lease: Lease::default(),
            reveals: if count > 0 { vec![reveal] } else { Vec::new() },
            subjects: vec![SubjectId([count as u8; 16])],
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_with_one_piece_for_this_caller_is_for_this_caller() {
        let scratch = Scratch::new();
        let directory = scratch.file("spool").parent().unwrap().to_owned();
        let budget = BufferBudget::new(Place::Disk, 1 << 20, Arc::new(Metrics::new().unwrap()));
        let spools = Spools::new(directory, budget);
        for counts in [[3, 0, 2], [0, 4, 1], [0, 5, 0], [5, 0, 0]] {
            let [first, others @ ..] = counts;
            let mut answer = Shown::new(shown("a\n1\n", first), spools.open().unwrap()).unwrap();
            for count in others {
                answer.add(shown("a\n2\n", count), b"a\n").unwrap();
            }
            let answer = answer.into_restored();
            assert_eq!(answer.headers[CACHE_CONTROL], "no-store", "{counts:?}");
            let reveals: Vec<u32> = answer.reveals.iter().map(|reveal| reveal.count).collect();
            assert_eq!(reveals, [5]);
        }
    }
}
