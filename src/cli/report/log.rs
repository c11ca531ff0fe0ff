// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use anyhow::Context;

use crate::transfer_log::read::{LogDirectory, parse_entry};
use crate::transfer_log::{Checkpoint, Entry};

/// A transfer log as its newest checkpoint has it.
pub(super) struct LogToRead {
    pub checkpoint: Checkpoint,
    /// The first entry that is still there.
    pub first: u64,
    pub entries: Box<dyn Iterator<Item = anyhow::Result<(u64, Entry)>>>,
}

/// Opens a log to read what its checkpoint covers, so that a report can be made again.
/// What is not signed yet comes into a later one.
pub(super) fn open(path: &Path) -> anyhow::Result<LogToRead> {
    let directory = LogDirectory::open(path)?;
    let note = directory.checkpoint()?;
    let note = note.context("the log has no checkpoint yet; the running proxy signs one soon")?;
    let checkpoint: Checkpoint = note.text().parse().context("the log's newest checkpoint")?;
    let first = directory.first_entry()?;
    let size = checkpoint.size;
    let entries = directory.entries(first)?.map(|read| {
        let (index, bytes) = read?;
        let entry = parse_entry(&bytes).with_context(|| format!("entry {index}"))?;
        Ok((index, entry))
    });
    let signed = usize::try_from(size.saturating_sub(first)).unwrap_or(usize::MAX);
    Ok(LogToRead { checkpoint, first, entries: Box::new(entries.take(signed)) })
}
