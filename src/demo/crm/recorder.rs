// SPDX-License-Identifier: Apache-2.0

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub method: Method,
    /// The request target as sent: path and query.
    pub target: Bytes,
    pub version: Version,
    pub headers: HeaderMap,
    /// As received: a content coding is still on it.
    pub body: Bytes,
    /// False when the sender broke off, or the body was too long to be read;
    /// `body` then holds what arrived.
    pub is_complete: bool,
}

/// What a recorder keeps; beyond either bound the oldest requests are forgotten.
#[derive(Clone, Copy, Debug)]
pub struct RecorderLimits {
    pub requests: usize,
    /// Of targets and bodies together.
    pub bytes: usize,
}

impl Default for RecorderLimits {
    fn default() -> Self {
        Self { requests: 10_000, bytes: 64 << 20 }
    }
}

pub(super) struct Recorder {
    limits: RecorderLimits,
    requests: VecDeque<RecordedRequest>,
    bytes: usize,
    count: u64,
}

impl Recorder {
    pub(super) fn new(limits: RecorderLimits) -> Self {
        Self { limits, requests: VecDeque::new(), bytes: 0, count: 0 }
    }

    pub(super) fn record(&mut self, request: RecordedRequest) {
        self.count += 1;
        self.bytes += size(&request);
        self.requests.push_back(request);
        while self.requests.len() > self.limits.requests || self.bytes > self.limits.bytes {
            let Some(oldest) = self.requests.pop_front() else { break };
            self.bytes -= size(&oldest);
        }
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.requests.iter().cloned().collect()
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn forget(&mut self) {
        self.requests.clear();
        self.bytes = 0;
    }
}

fn size(request: &RecordedRequest) -> usize {
    request.target.len() + request.body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_requests_make_room() {
        let request = |target: &'static str| RecordedRequest {
            method: Method::GET,
            target: Bytes::from_static(target.as_bytes()),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_complete: true,
        };
        let check = |limits, expected: &[&str]| {
            let mut recorder = Recorder::new(limits);
            for target in ["/a", "/bb", "/ccc"] {
                recorder.record(request(target));
            }
            let kept: Vec<_> = recorder.requests().into_iter().map(|r| r.target).collect();
            assert_eq!(kept, expected);
            assert_eq!(recorder.count(), 3);
        };
        check(RecorderLimits { requests: 2, bytes: 100 }, &["/bb", "/ccc"]);
        check(RecorderLimits { requests: 9, bytes: 6 }, &["/ccc"]);
        check(RecorderLimits { requests: 9, bytes: 9 }, &["/a", "/bb", "/ccc"]);
    }
}
