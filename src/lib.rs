// SPDX-License-Identifier: Apache-2.0
//! Zollhaus: a transparent privacy proxy in front of hosted CRMs.
//!
//! The life of a request, and the modules in the order in which it meets them:
//!
//! A connection is accepted and its request admitted ([`listener`]). The request
//! leads to a configured upstream ([`route`]), and its caller becomes a principal
//! ([`caller`]). The dialect of the upstream's CRM ([`crm`]) says what the request
//! does and finds every place in it where a value stands, with the help of the
//! syntaxes ([`carrier`]) and query languages ([`query`]) that values stand in. The
//! [`policy`] decides about each of them, and the [`border`] whether it may go where
//! it is going. Values are sealed ([`protect`]) under the
//! tenant's [`keys`]; new tokens become durable in the [`vault`], the transfer in
//! the [`transfer_log`]. Only then does the request leave ([`upstream`]). The answer
//! is read by the dialect again, and opened as far as the caller may see it
//! ([`reveal`]); what was shown goes into the log, and the answer to the caller.
//!
//! [`proxy`] is that road as code. [`app`] builds it from a [`config`]uration.

pub mod base;

pub mod listener;
pub mod route;
pub mod caller;
pub mod crm;
pub mod carrier;
pub mod query;
pub mod policy;
pub mod border;
pub mod protect;
pub mod keys;
pub mod sqlite;
pub mod postgres;
pub mod vault;
pub mod subject;
pub mod quarantine;
pub mod transfer_log;
pub mod upstream;
pub mod reveal;
pub mod proxy;
pub mod report;

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod telemetry;

#[cfg(test)]
mod testkit;
