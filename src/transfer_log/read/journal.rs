// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};

use super::{LogDirectory, ReadError};
use crate::transfer_log::tile::MAX_ENTRY_BYTES;

/// The lines of the journal, one after the other. What it has read to the end may
/// grow, and be read on.
#[derive(Debug)]
pub(super) struct Journal {
    directory: LogDirectory,
    segment: Option<Segment>,
}

#[derive(Debug)]
struct Segment {
    first: u64,
    /// The index of the line that is read next.
    next: u64,
    lines: BufReader<File>,
    /// Whether there is the beginning of a line after the last that was read.
    is_torn: bool,
}

/// What stands at an index.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Entry(Vec<u8>),
    /// Nothing yet.
    End,
    /// Nothing, but there is something behind.
    Gap,
}

impl Journal {
    pub(super) fn new(directory: &LogDirectory) -> Self {
        Self { directory: directory.clone(), segment: None }
    }

    /// The first index that it has a line for, if any.
    pub(super) fn first(&self) -> Result<Option<u64>, ReadError> {
        Ok(self.segments()?.first().copied())
    }

    /// Whether it ends with a line that is not complete.
    pub(super) fn is_torn(&self) -> bool {
        self.segment.as_ref().is_some_and(|segment| segment.is_torn)
    }

    pub(super) fn line(&mut self, index: u64) -> Result<Line, ReadError> {
        loop {
            if let Some(segment) = self.segment.as_mut().filter(|segment| segment.next <= index) {
                match segment.read_line(&self.directory)? {
                    Some(line) if segment.next > index => return Ok(Line::Entry(line)),
                    Some(_) => continue,
                    None => {}
                }
            }
            // The last one that may hold the line, unless that was read to its end.
            let segments = self.segments()?;
            let behind = segments.partition_point(|first| *first <= index);
            let known = self.segment.as_ref().filter(|segment| segment.next <= index);
            let known = known.map(|segment| segment.first);
            match segments.get(..behind).and_then(<[u64]>::last) {
                Some(first) if known.is_none_or(|known| known < *first) => {
                    self.segment = self.open(*first)?;
                    if self.segment.is_none() {
                        return Ok(Line::End);
                    }
                }
                _ if behind < segments.len() => return Ok(Line::Gap),
                _ => return Ok(Line::End),
            }
        }
    }

    fn segments(&self) -> Result<Vec<u64>, ReadError> {
        self.directory.numbers("journal", ".jsonl")
    }

    /// `None` if it was removed since it was listed: its entries are in the tree.
    fn open(&self, first: u64) -> Result<Option<Segment>, ReadError> {
        let path = self.directory.path().join(path_of(first));
        match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ReadError::Io { path, source }),
            Ok(file) => {
                let lines = BufReader::with_capacity(1 << 16, file);
                Ok(Some(Segment { first, next: first, lines, is_torn: false }))
            }
        }
    }
}

impl Segment {
    /// The next line, if it is complete.
    fn read_line(&mut self, directory: &LogDirectory) -> Result<Option<Vec<u8>>, ReadError> {
        let path = path_of(self.first);
        let io_error = |source| ReadError::Io { path: directory.path().join(&path), source };
        let mut line = Vec::new();
        let limit = MAX_ENTRY_BYTES as u64 + 1;
        let length = (&mut self.lines).take(limit).read_until(b'\n', &mut line);
        let length = length.map_err(io_error)?;
        // No entry has zeros: there, a page of the last group never reached the disk.
        let has_hole = line.contains(&0);
        if !has_hole && line.pop_if(|byte| *byte == b'\n').is_some() {
            self.next += 1;
            self.is_torn = false;
            return Ok(Some(line));
        }
        if !has_hole && length as u64 == limit {
            return Err(directory.damaged(&path, "has a line that is too long"));
        }
        // After a crash the beginning of a line is cut off and another takes its place.
        self.lines.seek_relative(-(length as i64)).map_err(io_error)?;
        self.is_torn = length > 0;
        Ok(None)
    }
}

fn path_of(first: u64) -> String {
    format!("journal/{first:020}.jsonl")
}
