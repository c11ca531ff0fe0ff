// SPDX-License-Identifier: Apache-2.0

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;

use super::super::coding::{self, ExpansionLimits};
use super::{Entry, MAX_ENTRIES, ZipError, crc};

/// Fixed lengths: of a local header (section 4.3.7), of one in the directory (4.3.12), and
/// of the end (4.3.16).
const LOCAL: usize = 30;
const CENTRAL: usize = 46;
pub(super) const END: usize = 22;

const LOCAL_SIGNATURE: u32 = 0x0403_4b50;
const CENTRAL_SIGNATURE: u32 = 0x0201_4b50;
const END_SIGNATURE: u32 = 0x0605_4b50;
const DESCRIPTOR_SIGNATURE: u32 = 0x0807_4b50;
const ZIP64_LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
const ZIP64_LOCATOR: usize = 20;

/// How hard the writer tried, a descriptor behind the content, a name in UTF-8.
const KNOWN_FLAGS: u16 = 0x0002 | 0x0004 | DESCRIPTOR | 0x0800;
const DESCRIPTOR: u16 = 0x0008;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

pub(super) struct Parser<'a> {
    bytes: &'a Bytes,
    /// Bytes that may still be opened.
    room: usize,
}

/// What both headers of an entry say.
#[derive(PartialEq, Eq)]
struct Said<'a> {
    flags: u16,
    method: u16,
    time: u32,
    name: &'a [u8],
}

/// The sizes of an entry, and its checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Measure {
    crc: u32,
    compressed: u32,
    size: u32,
}

const UNKNOWN: Measure = Measure { crc: 0, compressed: 0, size: 0 };

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a Bytes, limits: ExpansionLimits) -> Self {
        Self { bytes, room: limits.allowed(bytes.len()) }
    }

    pub(super) fn run(mut self) -> Result<Vec<Entry>, ZipError> {
        let (count, directory) = self.end()?;
        let mut entries = Vec::new();
        let mut names = HashSet::new();
        let (mut local, mut central) = (0, directory.start);
        for _ in 0..count {
            let entry = self.entry(local, central, directory.clone())?;
            if !names.insert(entry.name.to_ascii_lowercase()) {
                return Err(ZipError::Name(central));
            }
            (local, central) = (entry.local.end, entry.central.end);
            entries.push(entry);
        }
        if local != directory.start {
            return Err(ZipError::Gap(local));
        }
        if central != directory.end {
            return Err(ZipError::Gap(central));
        }
        Ok(entries)
    }

    /// How many entries there are, and where the directory stands.
    fn end(&self) -> Result<(usize, Range<usize>), ZipError> {
        let start = self.bytes.len().checked_sub(END).ok_or(ZipError::End)?;
        let is_zip64 = start
            .checked_sub(ZIP64_LOCATOR)
            .is_some_and(|at| self.u32(at) == Ok(ZIP64_LOCATOR_SIGNATURE));
        if is_zip64 {
            return Err(ZipError::Feature(start));
        }
        let count = self.u16(start + 10)?;
        let is_one = self.u32(start)? == END_SIGNATURE
            && self.u16(start + 4)? == 0
            && self.u16(start + 6)? == 0
            && self.u16(start + 8)? == count
            && self.u16(start + 20)? == 0;
        let (length, offset) = (self.u32(start + 12)? as usize, self.u32(start + 16)? as usize);
        if !is_one || offset.checked_add(length) != Some(start) {
            return Err(ZipError::End);
        }
        let count = usize::from(count);
        if count > MAX_ENTRIES { Err(ZipError::TooMany) } else { Ok((count, offset..start)) }
    }

    /// The entry that stands at `local`, described at `central`.
    fn entry(
        &mut self,
        local: usize,
        central: usize,
        directory: Range<usize>,
    ) -> Result<Entry, ZipError> {
        let malformed = ZipError::Header(central);
        if central + CENTRAL > directory.end || self.u32(central)? != CENTRAL_SIGNATURE {
            return Err(malformed);
        }
        let (name, extra) = (self.u16(central + 28)?, self.u16(central + 30)?);
        let central_end = central + CENTRAL + usize::from(name) + usize::from(extra);
        if central_end > directory.end {
            return Err(malformed);
        }
        self.check_kind(central)?;
        let said = self.said(central + 6, central + CENTRAL, name)?;
        self.check_extra(central_end - usize::from(extra)..central_end)?;
        if self.u32(central + 42)? as usize != local {
            return Err(ZipError::Gap(local));
        }
        let measure = self.measure(central + 16)?;
        let content = self.check_local(local, &said, measure)?;
        let end = self.check_descriptor(&content, &said, measure, directory.start)?;
        let name = said.name;
        let opened = self.open(content.clone(), said.method, measure)?;
        let name = std::str::from_utf8(name).ok().filter(|name| is_plain(name));
        Ok(Entry {
            name: name.ok_or(ZipError::Name(central))?.to_owned(),
            content: opened,
            local: local..end,
            header: content.start - local,
            central: central..central_end,
        })
    }

    /// One part, no comment, and a file rather than a folder or a link (section 4.4.15).
    fn check_kind(&self, central: usize) -> Result<(), ZipError> {
        const FOLDER: u32 = 0x10;
        let attributes = self.u32(central + 38)?;
        let unix_type = attributes >> 28;
        let is_file = attributes & FOLDER == 0 && matches!(unix_type, 0 | 8);
        if self.u16(central + 32)? == 0 && self.u16(central + 34)? == 0 && is_file {
            Ok(())
        } else {
            Err(ZipError::Feature(central))
        }
    }

    /// What a header says from the version that it needs on.
    fn said(&self, at: usize, name_at: usize, name: u16) -> Result<Said<'a>, ZipError> {
        let version = self.u16(at)? & 0xff;
        let (flags, method) = (self.u16(at + 2)?, self.u16(at + 4)?);
        let time = self.u32(at + 6)?;
        let has_descriptor = flags & DESCRIPTOR != 0;
        let is_read = version <= 20
            && flags & !KNOWN_FLAGS == 0
            && (method == DEFLATED || (method == STORED && !has_descriptor));
        if !is_read {
            return Err(ZipError::Feature(at));
        }
        let name = self.bytes.get(name_at..name_at + usize::from(name));
        Ok(Said { flags, method, time, name: name.ok_or(ZipError::Header(at))? })
    }

    fn measure(&self, at: usize) -> Result<Measure, ZipError> {
        Ok(Measure { crc: self.u32(at)?, compressed: self.u32(at + 4)?, size: self.u32(at + 8)? })
    }

    /// Where the content stands.
    fn check_local(
        &self,
        local: usize,
        said: &Said<'_>,
        measure: Measure,
    ) -> Result<Range<usize>, ZipError> {
        if self.u32(local)? != LOCAL_SIGNATURE {
            return Err(ZipError::Header(local));
        }
        let (name, extra) = (self.u16(local + 26)?, self.u16(local + 28)?);
        let own = self.said(local + 4, local + LOCAL, name)?;
        let extra_at = local + LOCAL + usize::from(name);
        let start = extra_at + usize::from(extra);
        self.check_extra(extra_at..start)?;
        let own_measure = self.measure(local + 14)?;
        let is_behind = said.flags & DESCRIPTOR != 0 && own_measure == UNKNOWN;
        if own != *said || !(own_measure == measure || is_behind) {
            return Err(ZipError::Disagreement(local));
        }
        let end = start.checked_add(measure.compressed as usize).ok_or(ZipError::TooLarge)?;
        Ok(start..end)
    }

    /// Where the entry ends. A descriptor (section 4.3.9) may have a signature; a checksum
    /// that looks like one would leave it open.
    fn check_descriptor(
        &self,
        content: &Range<usize>,
        said: &Said<'_>,
        measure: Measure,
        directory: usize,
    ) -> Result<usize, ZipError> {
        let mut at = content.end;
        if said.flags & DESCRIPTOR != 0 {
            if measure.crc == DESCRIPTOR_SIGNATURE {
                return Err(ZipError::Feature(at));
            }
            if self.u32(at)? == DESCRIPTOR_SIGNATURE {
                at += 4;
            }
            if self.measure(at)? != measure {
                return Err(ZipError::Disagreement(at));
            }
            at += 12;
        }
        if at > directory { Err(ZipError::Header(content.start)) } else { Ok(at) }
    }

    fn check_extra(&self, span: Range<usize>) -> Result<(), ZipError> {
        let mut at = span.start;
        while at < span.end {
            let length = usize::from(self.u16(at + 2)?);
            if !is_harmless(self.u16(at)?, length) || at + 4 + length > span.end {
                return Err(ZipError::Feature(at));
            }
            at += 4 + length;
        }
        Ok(())
    }

    fn open(
        &mut self,
        span: Range<usize>,
        method: u16,
        measure: Measure,
    ) -> Result<Bytes, ZipError> {
        let size = measure.size as usize;
        self.room = self.room.checked_sub(size).ok_or(ZipError::TooLarge)?;
        let wrong = ZipError::Content(span.start);
        if span.end > self.bytes.len() {
            return Err(wrong);
        }
        let packed = self.bytes.slice(span);
        let opened = match method {
            DEFLATED => coding::inflate_raw(&packed, size).ok_or(wrong)?,
            _ => packed,
        };
        if opened.len() == size && crc(&opened) == measure.crc { Ok(opened) } else { Err(wrong) }
    }

    fn u16(&self, at: usize) -> Result<u16, ZipError> {
        let field = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        field.map(|field| u16::from_le_bytes(*field)).ok_or(ZipError::Header(at))
    }

    fn u32(&self, at: usize) -> Result<u32, ZipError> {
        let field = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        field.map(|field| u32::from_le_bytes(*field)).ok_or(ZipError::Header(at))
    }
}

/// Times and owners of files, as Info-ZIP, Java and Windows write them; never another name
/// or another size.
fn is_harmless(id: u16, length: usize) -> bool {
    match id {
        0x5455 => matches!(length, 1 | 5 | 9 | 13),
        0x5855 => matches!(length, 8 | 12),
        0x7875 => length == 11,
        0x000a => length == 32,
        0xcafe => length == 0,
        _ => false,
    }
}

/// The name of a file without a folder, the same in every character set.
fn is_plain(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. ()".contains(&byte);
    (1..=255).contains(&name.len()) && !name.starts_with(['.', ' ']) && name.bytes().all(is_part)
}
