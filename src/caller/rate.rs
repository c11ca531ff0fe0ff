// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::{CallerError, Rate};
use crate::base::PrincipalName;

/// After so many requests the limiter forgets principals that are at rest.
const TIDY_EVERY: u32 = 4096;

/// Counts requests by principal, so by names that a credential has proved.
pub(super) struct Rates {
    limiter: DefaultKeyedRateLimiter<PrincipalName>,
    counted: AtomicU32,
}

impl Rates {
    pub(super) fn new(rate: Rate) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self { limiter: RateLimiter::keyed(quota), counted: AtomicU32::new(1) }
    }

    pub(super) fn count(&self, principal: &PrincipalName) -> Result<(), CallerError> {
        if self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(TIDY_EVERY) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(principal).map_err(|exceeded| CallerError::RateLimited {
            retry_after: exceeded.wait_time_from(self.limiter.clock().now()),
        })
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").field("principals", &self.limiter.len()).finish_non_exhaustive()
    }
}
