// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::{Held, Metrics, Place};

/// The bytes of bodies that may be held at one time, by all requests together.
#[derive(Clone, Debug)]
pub struct BufferBudget {
    blocks: Arc<Semaphore>,
    place: Place,
    metrics: Arc<Metrics>,
}

/// A part of the budget; given back on drop.
#[derive(Debug, Default)]
pub struct Lease {
    blocks: Option<OwnedSemaphorePermit>,
    held: usize,
    /// Shows in the metrics for as long as it is held.
    counted: Option<Held>,
}

/// The budget is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// What is kept for each located value of a message, beside its bytes.
pub const VALUE_BYTES: usize = 512;

/// Permits count blocks, so that a budget of many gigabytes fits the semaphore.
const BLOCK: usize = 1024;

impl BufferBudget {
    pub fn new(place: Place, bytes: usize, metrics: Arc<Metrics>) -> Self {
        let blocks = bytes.div_ceil(BLOCK).min(Semaphore::MAX_PERMITS);
        Self { blocks: Arc::new(Semaphore::new(blocks)), place, metrics }
    }

    /// Makes `lease` cover `bytes`.
    ///
    /// # Errors
    /// `Exhausted` when the budget does not hold that much now. Nobody waits
    /// for it: waiting bodies would hold what others wait for.
    pub fn resize(&self, lease: &mut Lease, bytes: usize) -> Result<(), Exhausted> {
        let wanted = bytes.div_ceil(BLOCK);
        if wanted == lease.held {
            return Ok(());
        }
        if wanted > lease.held {
            let missing = u32::try_from(wanted - lease.held).map_err(|_| Exhausted)?;
            let blocks = Arc::clone(&self.blocks);
            let more = blocks.try_acquire_many_owned(missing).map_err(|_| Exhausted)?;
            match &mut lease.blocks {
                Some(held) => held.merge(more),
                None => lease.blocks = Some(more),
            }
        } else if let Some(held) = &mut lease.blocks {
            drop(held.split(lease.held - wanted));
        }
        lease.held = wanted;
        lease.counted = Some(self.metrics.held(self.place, wanted * BLOCK));
        Ok(())
    }

    /// Makes `lease` cover so many bytes more.
    ///
    /// # Errors
    /// As [`resize`](Self::resize).
    pub fn grow(&self, lease: &mut Lease, bytes: usize) -> Result<(), Exhausted> {
        self.resize(lease, lease.held * BLOCK + bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::telemetry::{Metrics, Place};

    use super::{BufferBudget, Exhausted, Lease};

    #[test]
    fn leases_share_one_budget_and_give_it_back() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let budget = BufferBudget::new(Place::Memory, 10 * 1024, metrics);
        let (mut first, mut second) = (Lease::default(), Lease::default());
        assert_eq!(budget.resize(&mut first, 1), Ok(()));
        assert_eq!(budget.resize(&mut first, 6 * 1024), Ok(()));
        assert_eq!(budget.resize(&mut second, 5 * 1024), Err(Exhausted));
        assert_eq!(budget.resize(&mut second, 4 * 1024), Ok(()));
        assert_eq!(budget.resize(&mut first, 2 * 1024), Ok(()));
        assert_eq!(budget.resize(&mut second, 8 * 1024), Ok(()));
        drop(first);
        assert_eq!(budget.resize(&mut second, 10 * 1024), Ok(()));
        let rendered = budget.metrics.render().unwrap();
        assert!(rendered.contains("zollhaus_buffered_bytes 10240"), "{rendered}");
    }
}
