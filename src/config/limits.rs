// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use crate::listener::ConnectionLimits;
use crate::proxy::RequestLimits;

use super::diagnostic::Code;
use super::document::Section;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// `None` is a part with problems.
pub struct Limits {
    pub connection: Option<ConnectionLimits>,
    pub request: Option<RequestLimits>,
}

/// Reads `limits`; what it does not name has the default that `docs/CONFIG.md` lists.
pub fn compile(top: &Section<'_>) -> Limits {
    let section = top.section("limits");
    let number = |key, default, range| match section.as_ref().and_then(|all| all.optional(key)) {
        Some(item) => item.number(range),
        None => Some(default),
    };
    let size = |key, default, range| match section.as_ref().and_then(|all| all.optional(key)) {
        Some(item) => item.size(range),
        None => Some(default),
    };
    let duration = |key, default| match section.as_ref().and_then(|all| all.optional(key)) {
        Some(item) => item.duration(Duration::from_millis(1)..=seconds(3600)),
        None => Some(default),
    };

    let max_connections = number("max_connections", 10_000, 1..=1_000_000);
    // hyper takes no smaller buffer.
    let max_header_bytes = size("max_header_bytes", 64 * KIB, 8 * KIB..=MIB);
    let max_headers = number("max_headers", 100, 1..=1000);
    let header_timeout = duration("header_timeout", seconds(10));
    let idle_timeout = duration("idle_timeout", seconds(60));
    let drain_timeout = duration("drain_timeout", seconds(30));
    let max_h2_streams = number("max_h2_streams", 100, 1..=10_000);
    let max_body_bytes = size("max_body_bytes", 16 * MIB, KIB..=GIB);
    let max_expansion_ratio = number("max_expansion_ratio", 100, 1..=10_000);
    let body_timeout = duration("body_timeout", seconds(30));
    let max_concurrent_requests = number("max_concurrent_requests", 1024, 1..=1_000_000);
    let max_buffered_bytes = size("max_buffered_bytes", 512 * MIB, KIB..=1024 * GIB);
    let max_rows_bytes = size("max_rows_bytes", GIB, KIB..=1024 * GIB);
    let max_spooled_bytes = size("max_spooled_bytes", 4 * GIB, KIB..=1024 * 1024 * GIB);

    if let (Some(section), Some(body), Some(all)) = (&section, max_body_bytes, max_buffered_bytes)
        && all < body
    {
        let message = "`limits.max_buffered_bytes` is less than `limits.max_body_bytes`, so the largest bodies never fit";
        let item =
            section.optional("max_buffered_bytes").or_else(|| section.optional("max_body_bytes"));
        if let Some(item) = item {
            item.report(item.problem(Code::Contradiction, message));
        }
    }
    if let Some(section) = section {
        section.finish();
    }

    let connection = || {
        Some(ConnectionLimits {
            max_connections: max_connections?,
            max_header_bytes: max_header_bytes?,
            max_headers: max_headers?,
            header_timeout: header_timeout?,
            idle_timeout: idle_timeout?,
            drain_timeout: drain_timeout?,
            max_h2_streams: u32::try_from(max_h2_streams?).ok()?,
        })
    };
    let request = || {
        Some(RequestLimits {
            max_body_bytes: max_body_bytes?,
            max_rows_bytes: max_rows_bytes?,
            max_expansion_ratio: max_expansion_ratio?,
            body_timeout: body_timeout?,
            max_concurrent_requests: max_concurrent_requests?,
            max_buffered_bytes: max_buffered_bytes?,
            max_spooled_bytes: max_spooled_bytes?,
        })
    };
    Limits { connection: connection(), request: request() }
}
