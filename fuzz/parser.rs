// SPDX-License-Identifier: Apache-2.0
//! One carrier or query language, by the name in `ZOLLHAUS_PARSER`; see `fuzz/run`.

#![no_main]

#[path = "../tests/it/fuzz/parsers.rs"]
mod parsers;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static PARSE: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("ZOLLHAUS_PARSER").expect("the name of a parser");
    let parser = parsers::PARSERS.iter().find(|(known, _)| *known == name);
    parser.unwrap_or_else(|| panic!("`{name}` is no parser")).1
});

fuzz_target!(|bytes: &[u8]| PARSE(bytes));
