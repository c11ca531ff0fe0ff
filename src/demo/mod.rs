// SPDX-License-Identifier: Apache-2.0
//! What `zollhaus demo` shows: a small sample CRM and a guided tour past it.
//!
//! [`crm`] is a stand-in that speaks the Salesforce and HubSpot shapes over real
//! HTTP on loopback; the integration tests use it too. [`tour`] plays requests
//! through a running proxy, prints what happened to them, and checks it. Neither
//! takes part in the road of a real request.

mod body;
mod client;
pub mod crm;
pub mod house;
pub mod tour;
