// SPDX-License-Identifier: Apache-2.0

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

/// What arrived of a body.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    pub(super) end: End,
}

/// How a body ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    /// The other side broke off.
    BrokenOff,
    /// The rest was left unread.
    TooLong,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn receive<B: Body<Data = Bytes> + Unpin>(mut body: B, limit: usize) -> Received {
    let mut bytes = BytesMut::new();
    let mut end = End::Complete;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            end = End::BrokenOff;
            break;
        };
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > limit {
            end = End::TooLong;
            break;
        }
        bytes.extend_from_slice(data);
    }
    Received { bytes: bytes.freeze(), end }
}
