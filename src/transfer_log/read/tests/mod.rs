// SPDX-License-Identifier: Apache-2.0

mod entries;
mod large;
mod tampering;
mod verify;
mod world;

pub(crate) use world::{TestLog, outcome};

/// Whether tests may take their time.
fn is_long() -> bool {
    std::env::vars_os().any(|(name, value)| name == "ZOLLHAUS_TEST_LONG" && value == "1")
}
