// SPDX-License-Identifier: Apache-2.0
//! The real thing on loopback: the `zollhaus` binary between a client and the
//! sample CRM. Each module says what belongs in it.

#![expect(
    clippy::print_stderr,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests end with what is wrong, and are told how long to run"
)]

mod hostile;
mod hostile_border;
mod about;
mod backup;
mod border;
mod bulk;
mod bulk_long;
mod certificates;
mod clients;
mod cometd;
mod composite;
mod corpora;
mod crash;
mod dataverse;
mod dates;
mod disk_faults;
mod dynamics;
mod erasure;
mod fail_closed;
mod fuzz;
mod generalize;
mod jurisdictions;
mod keys;
mod layers;
mod ledger;
mod leak;
mod long_lists;
mod pipedrive;
mod postgres;
mod queries;
mod random;
mod readme;
mod residual;
mod road;
mod scan;
mod search;
mod shapes;
mod soap;
mod sort;
mod stand_in;
mod token_abuse;
mod world;
mod zoho;
mod zoho_bulk;
