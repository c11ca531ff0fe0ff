// SPDX-License-Identifier: Apache-2.0
//! The last line of an export.

use std::io::{self, BufRead, Write};

use sha2::{Digest, Sha256};

/// Passes on what is written, and hashes it.
pub struct Summed<'a> {
    out: &'a mut dyn Write,
    sum: Sha256,
}

impl<'a> Summed<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, sum: Sha256::new() }
    }

    /// SHA-256 of all that was written, in hexadecimal digits.
    pub fn finish(self) -> (&'a mut dyn Write, String) {
        (self.out, hex(self.sum))
    }
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.out.write(bytes)?;
        self.sum.update(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why an export is not what was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    #[error("its last line is missing or incomplete: it was cut, or is no export")]
    Cut,
    #[error("its last line counts {said} entries, and there are {found}")]
    Count { said: u64, found: u64 },
    #[error("its lines are not those that were exported")]
    Changed,
}

/// How many entries an export has, if it is whole. Holds two lines at a time.
pub fn check(mut export: impl BufRead) -> io::Result<Result<u64, NotWhole>> {
    let (mut sum, mut lines) = (Sha256::new(), 0_u64);
    let (mut last, mut line) = (Vec::new(), Vec::new());
    let mut is_csv = false;
    while export.read_until(b'\n', &mut line)? > 0 {
        is_csv |= lines == 0 && !line.starts_with(b"{");
        lines += 1;
        sum.update(&last);
        last.clear();
        std::mem::swap(&mut last, &mut line);
    }
    let Some((said, expected)) = read_end(&last, is_csv) else { return Ok(Err(NotWhole::Cut)) };
    // Without the last line, and the heading.
    let found = lines.saturating_sub(if is_csv { 2 } else { 1 });
    Ok(if said != found {
        Err(NotWhole::Count { said, found })
    } else if hex(sum) != expected {
        Err(NotWhole::Changed)
    } else {
        Ok(found)
    })
}

fn read_end(line: &[u8], is_csv: bool) -> Option<(u64, String)> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Last {
        end: bool,
        entries: u64,
        sha256: String,
    }
    let line = str::from_utf8(line).ok()?.strip_suffix('\n')?;
    if is_csv {
        let (count, sum) = line.strip_prefix("end,")?.split_once(',')?;
        return Some((count.parse().ok()?, sum.to_owned()));
    }
    let Last { end, entries, sha256 } = serde_json::from_str(line).ok()?;
    end.then_some((entries, sha256))
}
