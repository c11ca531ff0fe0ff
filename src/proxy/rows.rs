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

/// Of the first row, where it stands in several pieces. No CRM has so many columns with
/// such long names; a longer one would be read again and again.
const MAX_FIRST_ROW: usize = 192 * 1024;

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
    /// How many rows stood there.
    pub rows_before: usize,
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

    async fn read(&mut self) -> Result<Option<Piece>, BodyError> {
        let Some((mut decoder, mut divider)) = self.reading.take() else { return Ok(None) };
        let deadline = Instant::now() + self.limits.patience;
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
            let mut opened = Vec::new();
            decoder.push(&part, &mut opened)?;
            divider.push(&opened);
            self.budget.resize(&mut self.lease, divider.waiting() + self.coded.len())?;
        };
        let Some(piece) = piece else { return Ok(None) };
        if piece.repeated > MAX_FIRST_ROW {
            return Err(BodyError::TooLarge);
        }
        let mut lease = Lease::default();
        self.budget.resize(&mut lease, piece.text.len())?;
        let buffered = Buffered { bytes: piece.text, lease };
        let (repeated, rows_before) = (piece.repeated, piece.rows_before);
        Ok(Some(Piece { buffered, repeated, rows_before }))
    }
}

/// Names sizes only.
impl<B> fmt::Debug for Rows<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.reading.as_ref().map_or(0, |(_, divider)| divider.waiting());
        write!(f, "Rows({waiting} bytes)")
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::telemetry::{Metrics, Place};

    const LIMITS: RowsLimits = RowsLimits {
        expansion: ExpansionLimits { max_bytes: 64 << 20, max_ratio: 100 },
        max_waiting: 16 << 20,
        pause: Duration::from_secs(60),
        patience: Duration::from_secs(60),
    };

    fn budget() -> BufferBudget {
        BufferBudget::new(Place::Memory, 64 << 20, Arc::new(Metrics::new().unwrap()))
    }

    /// How many pieces a text has, and how many bytes they have in all.
    async fn read(text: &str) -> Result<(usize, usize), BodyError> {
        let parts: Vec<_> = text.as_bytes().chunks(64 << 10).map(Bytes::copy_from_slice).collect();
        let parts = stream::iter(parts).map(|part| Ok::<_, Infallible>(Frame::data(part)));
        let mut rows = Rows::new(StreamBody::new(parts), None, LIMITS, &budget())?;
        let (mut pieces, mut bytes) = (0, 0);
        while let Some(Piece { buffered, .. }) = rows.next().await? {
            (pieces, bytes) = (pieces + 1, bytes + buffered.bytes.len());
        }
        Ok((pieces, bytes))
    }

    #[tokio::test]
    async fn rows_are_read_in_time_that_grows_with_their_length() {
        let rows = "1,2\n".repeat(2 << 18);
        let (pieces, bytes) = read(&format!("a,b\n{rows}")).await.unwrap();
        assert!((10..12).contains(&pieces) && bytes < rows.len() + 64);
        // Each piece begins with the first row.
        let long = "a".repeat(8 << 20);
        assert_eq!(read(&format!("{long},b\n{rows}")).await, Err(BodyError::TooLarge));
        let short = format!("{long},b\n1,2\n");
        assert_eq!(read(&short).await, Ok((1, short.len())));
    }
}
