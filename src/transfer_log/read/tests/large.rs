// SPDX-License-Identifier: Apache-2.0

use std::time::Instant;

use super::is_long;
use super::world::TestLog;
use crate::testkit::report;
use crate::transfer_log::read::{VerifyOptions, verify};

/// LOG-025; a million entries in the long run.
#[test]
fn a_large_log_verifies_in_the_memory_of_a_small_one() {
    let size = if is_long() { 1_000_000 } else { 20_000 };
    let mut log = TestLog::new();
    log.grow_to(size, &[1000, size - 10, size]);
    let before = peak_memory();
    let started = Instant::now();
    let found = verify(&log.directory(), &log.options()).unwrap();
    let seconds = started.elapsed().as_secs();
    assert_eq!(found.hashed, 0..size);
    // Other tests run beside this one; the log itself has 100 bytes an entry.
    assert!(peak_memory() - before < 16 << 10, "{} KiB more", peak_memory() - before);
    report("large log", size as usize, size as usize, &format!("{seconds} s, debug build"));

    let older = vec![log.directory().earlier_checkpoint(size - 10).unwrap().unwrap()];
    let found = verify(&log.directory(), &VerifyOptions { older, ..log.options() }).unwrap();
    assert_eq!(found.hashed, size - 10..size);
}

/// Of this process, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
