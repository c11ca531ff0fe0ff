// SPDX-License-Identifier: Apache-2.0
//! Long bodies, a piece at a time: each piece takes the stages of a message of its own, and
//! waits on disk until the last one has. So nothing leaves, and nothing is shown, of a body
//! that is refused further down; and the log says all of it beforehand, as of any other.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use hyper::body::Incoming;

use crate::base::{Refusal, RefusalCode, SubjectId};
use crate::crm::Told;
use crate::protect::Echoes;
use crate::transfer_log::Revealed;

use super::body::{BodyError, Buffered, Content};
use super::budget::Lease;
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
        rest: &mut Rows<Incoming>,
        told: Told<'_>,
        trail: &mut Trail,
    ) -> Result<Recorded, Stopped> {
        let head = first.with_body(Bytes::new(), Lease::default());
        let first = self.prepare(first, told, trail).await?;
        if !rest.has_more().await.map_err(Refusal::from)? {
            return self.record(first, trail).await;
        }
        let mut shipment = Shipment::new(first, self.open_spool()?)?;
        let mut said = std::mem::take(&mut trail.said);
        while let Some(Piece { buffered, repeated }) = rest.next().await.map_err(Refusal::from)? {
            let first_row = buffered.bytes.slice(..repeated);
            let piece = head.with_body(buffered.bytes, buffered.lease);
            let prepared = self.prepare(piece, told, trail).await;
            let own = std::mem::take(&mut trail.said);
            let piece = match prepared {
                Ok(piece) => piece,
                Err(stopped) => {
                    said.subjects.extend(own.subjects);
                    trail.said.subjects = said.subjects;
                    trail.said.rules = own.rules;
                    return Err(stopped);
                }
            };
            said.add(own);
            let more = shipment.add(piece, &first_row)?;
            let lease = &mut shipment.whole.decided.located.complete.lease;
            self.budget.grow(lease, more).map_err(BodyError::from).map_err(Refusal::from)?;
        }
        trail.said = said;
        self.record(shipment.into_protected(), trail).await
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
        while let Some(Piece { buffered, repeated }) =
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
        let Protected { decided, outgoing, declaration, .. } = piece;
        let Outgoing { uri, headers, body, .. } = outgoing;
        if uri != self.whole.outgoing.uri {
            let message = "not all of its data belongs to one upstream; send each part in a \
                           request of its own";
            return Err(Refusal::new(RefusalCode::TransferRefused, message));
        }
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
        if let Some(value) = headers.get(CACHE_CONTROL) {
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
