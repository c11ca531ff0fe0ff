// SPDX-License-Identifier: Apache-2.0
//! The sample CRM: a stand-in for Salesforce and HubSpot on loopback.
//!
//! It speaks the shapes that their client libraries parse, validates like them,
//! keeps records in memory, shows what it stored and every request exactly as it
//! came, and misbehaves when told to. Salesforce answers under `/services` and
//! `/id`, HubSpot under `/crm`, all on one port; any bearer token is let in.
//!
//! It shares no parser with the proxy: a stand-in that read a query with the code
//! under test would agree with its mistakes.

mod coding;
mod email;
mod fault;
mod graphql;
mod hubspot;
mod message;
mod recorder;
mod salesforce;
mod server;
mod soql;
mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::base::{Clock, SystemClock};

pub use fault::Fault;
pub use recorder::{RecordedRequest, RecorderLimits};
pub use store::StoredRecord;

use recorder::Recorder;
use store::Store;

/// How a sample CRM is set up.
#[derive(Clone)]
pub struct CrmOptions {
    /// The most rows that a page of a Salesforce query holds, whatever the client asks for.
    pub page_size: usize,
    /// How much of the received requests is kept.
    pub recorder: RecorderLimits,
    pub clock: Arc<dyn Clock>,
}

impl Default for CrmOptions {
    fn default() -> Self {
        Self { page_size: 2000, recorder: RecorderLimits::default(), clock: Arc::new(SystemClock) }
    }
}

impl std::fmt::Debug for CrmOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CrmOptions")
            .field("page_size", &self.page_size)
            .field("recorder", &self.recorder)
            .finish_non_exhaustive()
    }
}

/// A running sample CRM. Dropping it closes its port and all its connections.
#[derive(Debug)]
pub struct SampleCrm {
    house: Arc<House>,
    address: SocketAddr,
    server: AbortHandle,
}

impl SampleCrm {
    /// Starts on a free port of 127.0.0.1, within the running tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(options: CrmOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let house = Arc::new(House {
            origin: format!("http://{address}"),
            state: Mutex::default(),
            recorder: Mutex::new(Recorder::new(options.recorder)),
            fault: Mutex::new(Fault::None),
            options,
        });
        let server = tokio::spawn(server::serve(listener, Arc::clone(&house))).abort_handle();
        Ok(Self { house, address, server })
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`: what its absolute links begin with.
    pub fn origin(&self) -> &str {
        &self.house.origin
    }

    /// Every record that is not deleted, oldest first.
    pub fn stored(&self) -> Vec<StoredRecord> {
        lock(&self.house.state).store.live().map(StoredRecord::from).collect()
    }

    /// Every request that is still kept, in order of arrival of its last byte.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.house.recorder).requests()
    }

    /// How many requests arrived so far, including those that are no longer kept.
    pub fn request_count(&self) -> u64 {
        lock(&self.house.recorder).count()
    }

    /// Forgets the recorded requests; stored records stay.
    pub fn forget_requests(&self) {
        lock(&self.house.recorder).forget();
    }

    /// How it behaves from the next request on; [`Fault::None`] heals it.
    pub fn set_fault(&self, fault: Fault) {
        *lock(&self.house.fault) = fault;
    }
}

impl Drop for SampleCrm {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What all connections share.
struct House {
    origin: String,
    options: CrmOptions,
    state: Mutex<State>,
    recorder: Mutex<Recorder>,
    fault: Mutex<Fault>,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What the CRM remembers between requests.
#[derive(Default)]
struct State {
    store: Store,
    cursors: salesforce::Cursors,
    jobs: salesforce::Jobs,
    /// Between records of HubSpot.
    links: Vec<hubspot::Link>,
    /// Calls answered so far, for usage headers and correlation ids.
    calls: u64,
}

/// What answering one request needs.
struct Desk<'a> {
    state: &'a mut State,
    origin: &'a str,
    page_size: usize,
    now: crate::base::Timestamp,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
