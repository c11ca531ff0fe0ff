// SPDX-License-Identifier: Apache-2.0
//! Metrics and logging.
//!
//! Labels and log fields are of bounded variety: names from configuration, words
//! of ours. A value never gets here.
//!
//! [`Metrics`] counts; [`MeasuredStore`] and [`MeasuredLog`] time the vault and
//! the transfer log from outside, so that neither these nor their users do.

mod alarm;
mod logging;
mod measured;
mod metrics;
mod table;
#[cfg(test)]
mod tests;

pub use alarm::Alarm;
pub use logging::{LogFormat, TelemetryError, init};
pub use measured::{MeasuredLog, MeasuredStore};
pub use metrics::{Held, Metrics, Place, RefusedConnection, Reload, RequestOutcome};
pub use table::table;
