// SPDX-License-Identifier: Apache-2.0
//! The assembly: the road of a request, stage by stage.
//!
//! [`service()`] takes requests off the listener. The privacy steps are plain calls
//! in `pipeline`; each hands on a type of `stage` that only it can make, so that
//! nothing can be sent upstream that was not decided, protected and recorded.
//! Every error becomes a refusal in `respond`, in the CRM's own shape.
//!
//! Invariants:
//! - No branch forwards the bytes that came in because a step failed.
//! - The transfer is durable in the log before its first byte leaves, its
//!   outcome before the caller sees the answer. A caller that goes away stops
//!   neither.
//! - What is buffered is bounded, per message and in all.

mod body;
mod budget;
mod declaration;
mod field_counts;
mod headers;
mod inbound;
mod judge;
mod keepers;
mod manifest;
mod memory;
mod mentions;
mod outbound;
mod pieces;
mod pipeline;
mod question;
mod receive;
mod records;
mod request_body;
mod residual;
mod respond;
mod rows;
mod scan;
mod service;
mod sort;
mod spool;
mod stage;
mod statement;
mod trail;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::base::{Clock, InstanceName, Region, UpstreamName};
use crate::caller::Callers;
use crate::carrier::coding::ExpansionLimits;
use crate::crm::Dialect;
use crate::keys::Lease;
use crate::policy::Policy;
use crate::protect::Protectors;
use crate::quarantine::Quarantine;
use crate::route::Routes;
use crate::subject::Subjects;
use crate::telemetry::Metrics;
use crate::transfer_log::TransferLog;
use crate::upstream::UpstreamClient;

pub use body::Body;
pub use budget::BufferBudget;
pub use memory::Memory;
pub use respond::REFUSAL_HEADER;
pub use service::service;
pub use spool::Spools;

/// How long requests of callers that have gone away may take to end.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything a request meets on its road. Shared by all connections.
pub struct Proxy {
    /// The origin of the transfer log: every instance has a log of its own.
    pub instance: InstanceName,
    pub callers: Callers,
    pub routes: Routes,
    /// In the order that [`Routes`] numbers them.
    pub upstreams: Vec<Arc<Upstream>>,
    pub protectors: Protectors,
    pub subjects: Subjects,
    pub quarantine: Quarantine,
    /// Where the vault is, if that is said.
    pub vault_region: Option<Region>,
    pub transfer_log: Arc<dyn TransferLog>,
    pub metrics: Arc<Metrics>,
    pub limits: RequestLimits,
    pub budget: BufferBudget,
    pub spools: Spools,
    /// One for each request that may be on the road.
    pub slots: Arc<Semaphore>,
    pub clock: Arc<dyn Clock>,
    pub memory: Memory,
    /// Without it nothing is sealed or opened.
    pub lease: Lease,
}

/// One configured CRM.
pub struct Upstream {
    pub name: UpstreamName,
    pub region: Region,
    pub dialect: Arc<dyn Dialect>,
    /// Swapped whole when the policy file changes and compiles.
    pub policy: ArcSwap<Policy>,
    pub client: UpstreamClient,
    /// Scheme, authority and path prefix, without a slash at the end.
    pub origin: String,
    /// What callers reach us by, when it is not what they used.
    pub public_url: Option<String>,
    pub mode: Mode,
    /// Longest pause within the answer's body.
    pub read_timeout: Duration,
    /// From the head of an answer to its end; of one that is read in pieces, for each.
    pub total_timeout: Duration,
}

impl Upstream {
    /// Within what the CRM's ids of records are unique: the whole CRM, or this upstream.
    fn record_namespace(&self) -> &str {
        if self.dialect.has_global_ids() { self.dialect.name() } else { self.name.as_str() }
    }
}

/// What happens to operations that the dialect does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Enforce,
    /// They pass uninspected, loudly. For finding out what a client does before
    /// it carries real data.
    Observe,
}

/// Bounds on requests. Each has a name in `zollhaus.yaml` under `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Of one body, with and without its content coding; of one that is read in pieces, of
    /// a row.
    pub max_body_bytes: usize,
    /// Of one body that is read in pieces, with and without its content coding.
    pub max_rows_bytes: usize,
    /// How many times its size a compressed body may expand to.
    pub max_expansion_ratio: usize,
    /// From the end of the header block to the end of the body.
    pub body_timeout: Duration,
    pub max_concurrent_requests: usize,
    /// Of all bodies held in memory at one time.
    pub max_buffered_bytes: usize,
    /// Of all bodies held on disk at one time.
    pub max_spooled_bytes: usize,
}

impl RequestLimits {
    /// Of whatever form.
    fn largest_body(&self) -> usize {
        self.max_body_bytes.max(self.max_rows_bytes)
    }

    fn expansion(&self, max_bytes: usize) -> ExpansionLimits {
        ExpansionLimits { max_bytes, max_ratio: self.max_expansion_ratio }
    }
}

impl Proxy {
    /// Shows when the transfer bases of the policies in force end.
    pub fn measure_bases(&self) {
        let policies: Vec<_> = self
            .upstreams
            .iter()
            .map(|upstream| (&upstream.name, upstream.policy.load()))
            .collect();
        let bases = policies.iter().flat_map(|(name, policy)| {
            let borders = policy.border.iter().flat_map(|border| border.bases());
            borders.map(move |basis| (*name, basis))
        });
        self.metrics.bases(bases);
    }

    /// Waits until no request is on the road, also of callers that have gone away.
    pub async fn settled(&self) {
        let all = u32::try_from(self.limits.max_concurrent_requests).unwrap_or(u32::MAX);
        let settled = tokio::time::timeout(SETTLE_TIMEOUT, self.slots.acquire_many(all)).await;
        if settled.is_err() {
            tracing::warn!("requests are still on the road; they are cut");
        }
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("upstreams", &self.upstreams)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
