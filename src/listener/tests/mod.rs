// SPDX-License-Identifier: Apache-2.0

pub(crate) mod certificates;
mod conformance;
mod connection;
mod corpus;
pub(crate) mod harness;
