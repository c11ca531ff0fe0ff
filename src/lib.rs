// SPDX-License-Identifier: Apache-2.0
//! Zollhaus: a transparent privacy proxy in front of hosted CRMs.

pub mod base;

pub mod listener;
pub mod caller;
pub mod route;
pub mod crm;
pub mod carrier;
pub mod query;
pub mod policy;
pub mod protect;
pub mod vault;
pub mod keys;
pub mod transfer_log;
pub mod upstream;
pub mod reveal;
pub mod proxy;

pub mod admin;
pub mod cli;
pub mod config;
pub mod demo;
pub mod telemetry;
