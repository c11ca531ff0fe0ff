// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use http::StatusCode;

/// How the sample CRM misbehaves.
///
/// Requests are recorded under every fault but [`Down`](Self::Down). Whether they
/// are also acted upon is said per fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Connections are closed as soon as they are opened or used; not acted upon.
    /// (For a refused connection, drop the CRM.)
    Down,
    /// Acted upon; the answer begins after this time.
    Slow(Duration),
    /// Acted upon; the answer stops in the middle of its body and stays open.
    Stall,
    /// Acted upon; the answer's body comes byte by byte, with this pause before each.
    Drip(Duration),
    /// Acted upon; the connection breaks in the middle of the answer's body.
    ResetMidBody,
    /// Answers this status with an error in the CRM's shape; not acted upon.
    Status(StatusCode),
    /// What changes something is acted upon, and answered with this status, as by a gateway
    /// that has given up.
    GivenUp(StatusCode),
    /// Answers 200 with a body that claims to be JSON; not acted upon.
    Garbage,
    /// Acted upon; the answer is gzip-coded although the request did not allow it.
    UnaskedGzip,
}
