// SPDX-License-Identifier: Apache-2.0
//! Reading long bodies of rows, a piece at a time.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as HttpBody;
use tokio::time::Instant;

use crate::carrier::coding::{Decoder, ExpansionLimits};
use crate::carrier::csv::Divider;

use super::body::{BodyError, Buffered, next_data};
use super::budget::{BufferBudget, Lease};

/// Coded bytes that are opened at one time.
const STEP: usize = 16 * 1024;

/// Bounds on one body of rows.
#[derive(Clone, Copy, Debug)]
pub struct RowsLimits {
    /// Of the whole body.
    pub expansion: ExpansionLimits,
    /// Of what waits to be a piece. Pieces are smaller, if their rows are.
    pub max_waiting: usize,
    /// Longest pause between two parts that arrive.
    pub pause: Duration,
    /// How long a piece may take to arrive.
    pub patience: Duration,
}

/// A body that arrives, without its content coding, cut into pieces that have its first
/// row each.
pub struct Rows<B> {
    body: Pin<Box<B>>,
    limits: RowsLimits,
    /// Gone with the last piece.
    reading: Option<(Decoder, Divider)>,
    /// Arrived, and still coded.
    coded: Bytes,
    /// Read ahead.
    next: Option<Piece>,
    budget: BufferBudget,
    /// Of what has arrived and is in no piece yet.
    lease: Lease,
}

/// A piece, and its share of the buffer budget.
#[derive(Debug)]
pub struct Piece {
    pub buffered: Buffered,
    /// How much of it stood in the pieces before.
    pub repeated: usize,
}

impl<B: HttpBody<Data = Bytes>> Rows<B> {
    /// # Errors
    /// [`BodyError`] for a coding that is not read, or a body that says it is too large.
    pub fn new(
        body: B,
        content_encoding: Option<&str>,
        limits: RowsLimits,
        budget: &BufferBudget,
    ) -> Result<Self, BodyError> {
        let decoder = Decoder::new(content_encoding, limits.expansion)?;
        if body.size_hint().lower() > limits.expansion.max_bytes as u64 {
            return Err(BodyError::TooLarge);
        }
        Ok(Self {
            body: Box::pin(body),
            limits,
            // What is sealed may be longer than what was clear.
            reading: Some((decoder, Divider::new(limits.max_waiting / 4))),
            coded: Bytes::new(),
            next: None,
            budget: budget.clone(),
            lease: Lease::default(),
        })
    }

    /// The first piece: there is one, if only an empty one.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn first(&mut self) -> Result<Buffered, BodyError> {
        let first = self.next().await?;
        first.map(|piece| piece.buffered).ok_or(BodyError::Broken)
    }

    /// Whether another piece follows. Waits for all of it.
    ///
    /// # Errors
    /// [`BodyError`].
    pub async fn has_more(&mut self) -> Result<bool, BodyError> {
        if self.next.is_none() {
            self.next = self.read().await?;
        }
        Ok(self.next.is_some())
    }

    /// The next piece.
    ///
    /// # Errors
    /// [`BodyError`]; then none follows.
    pub async fn next(&mut self) -> Result<Option<Piece>, BodyError> {
        match self.next.take() {
            Some(piece) => Ok(Some(piece)),
            None => self.read().await,
        }
    }

    /// Takes the rest of the body and forgets it, for a while: a caller that is told of a
    /// refusal while it still sends may never hear it.
    pub async fn discard(&mut self) {
        let deadline = Instant::now() + self.limits.patience;
        (self.reading, self.next, self.coded) = (None, None, Bytes::new());
        while let Ok(Some(_)) =
            next_data(self.body.as_mut(), self.limits.pause, Some(deadline)).await
        {}
    }

    async fn read(&mut self) -> Result<Option<Piece>, BodyError> {
        let Some((mut decoder, mut divider)) = self.reading.take() else { return Ok(None) };
        let deadline = Instant::now() + self.limits.patience;
        let mut opened = Vec::new();
        let piece = loop {
            if let Some(piece) = divider.next_piece() {
                self.reading = Some((decoder, divider));
                break Some(piece);
            }
            if divider.waiting() > self.limits.max_waiting {
                return Err(BodyError::TooLarge);
            }
            if self.coded.is_empty() {
                let data = next_data(self.body.as_mut(), self.limits.pause, Some(deadline)).await?;
                let Some(data) = data else {
                    decoder.finish()?;
                    break divider.finish();
                };
                self.coded = data;
            }
            let part = self.coded.split_to(self.coded.len().min(STEP));
            decoder.push(&part, &mut opened)?;
            divider.push(&opened);
            opened.clear();
            self.budget.resize(&mut self.lease, divider.waiting() + self.coded.len())?;
        };
        let Some(piece) = piece else { return Ok(None) };
        let mut lease = Lease::default();
        self.budget.resize(&mut lease, piece.text.len())?;
        let buffered = Buffered { bytes: piece.text, lease };
        Ok(Some(Piece { buffered, repeated: piece.repeated }))
    }
}

/// Names sizes only.
impl<B> fmt::Debug for Rows<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.reading.as_ref().map_or(0, |(_, divider)| divider.waiting());
        write!(f, "Rows({waiting} bytes)")
    }
}
