// SPDX-License-Identifier: Apache-2.0
//! The shared database: a schema in PostgreSQL, for every store of a house that is served
//! by several processes.
//!
//! It knows no tables but its own (`house`, `migration`) and which migrations make the
//! others; each store knows what it asks. It keeps no state of the database in memory.
//!
//! Invariants:
//! - What is confirmed is as durable as the server makes it: connections to one that does
//!   not sync are refused, and `synchronous_commit` is never weaker than `on`.
//! - A connection that failed is thrown away, and with it all that wait in the pool.
//! - Work is done a second time only if the first time did nothing, or if twice is the same
//!   as once.
//! - Error texts hold what the server says, without its details: they may quote rows.

mod connector;
mod migrations;
mod pool;
mod settings;
#[cfg(test)]
mod tests;
mod work;

#[cfg(test)]
pub(crate) use migrations::make_older;
pub use pool::{Postgres, PostgresError};
pub use settings::{Password, PostgresHost, PostgresSettings, PostgresTls};
pub(crate) use work::{Failure, Link, Query, Work};

use connector::Connector;
use work::text_of;
