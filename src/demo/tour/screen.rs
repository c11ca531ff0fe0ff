// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::io::{self, Write};

/// Where the tour is printed: 80 to 120 columns of text, in colour or not.
pub struct Screen<'w> {
    out: &'w mut (dyn Write + Send),
    width: usize,
    has_colour: bool,
}

impl fmt::Debug for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen")
            .field("width", &self.width)
            .field("has_colour", &self.has_colour)
            .finish_non_exhaustive()
    }
}

/// How a piece of text looks.
#[derive(Clone, Copy)]
pub(super) enum Tone {
    Plain,
    Heading,
    Quiet,
    /// What a person can read.
    Clear,
    /// What stands in its stead.
    Sealed,
    Good,
    Bad,
}

impl Tone {
    /// The parameters of the ANSI sequence (ECMA-48, SGR).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Heading => "1",
            Self::Quiet => "2",
            Self::Clear => "33",
            Self::Sealed => "36",
            Self::Good => "32",
            Self::Bad => "1;31",
        }
    }
}

impl<'w> Screen<'w> {
    /// `has_colour` is for terminals only.
    pub fn new(out: &'w mut (dyn Write + Send), width: usize, has_colour: bool) -> Self {
        Self { out, width: width.clamp(80, 120), has_colour }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// One line of pieces, each as wide as said (0: as wide as it is).
    pub(super) fn line(&mut self, pieces: &[(Tone, &str, usize)]) -> io::Result<()> {
        let mut line = String::new();
        for (tone, text, width) in pieces {
            if self.has_colour && !matches!(tone, Tone::Plain) && !text.is_empty() {
                for part in ["\u{1b}[", tone.code(), "m", text, "\u{1b}[0m"] {
                    line.push_str(part);
                }
            } else {
                line.push_str(text);
            }
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(text.chars().count())));
        }
        writeln!(self.out, "{}", line.trim_end())
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// Text that starts after a label and goes on below its own beginning.
    pub(super) fn labelled(&mut self, label: &str, text: &str, tone: Tone) -> io::Result<()> {
        let indent = label.chars().count();
        for (at, part) in wrap(text, self.width - indent).iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            self.line(&[(Tone::Quiet, label, indent), (tone, part, 0)])?;
        }
        Ok(())
    }

    /// A text as it is, for copying: neither wrapped nor coloured.
    pub(super) fn verbatim(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Breaks a text into lines of at most `width` characters: after spaces and
/// commas where there are some, else in the middle of a word. There is at least one line.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive([' ', ',']) {
        let mut word = word;
        loop {
            let Some(line) = lines.last_mut() else { return lines };
            let room = width - line.chars().count().min(width);
            let length = word.trim_end().chars().count();
            if length <= room {
                line.push_str(word);
                break;
            }
            if line.is_empty() || length > width {
                let at = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
                let (head, tail) = word.split_at(at);
                line.push_str(head);
                word = tail;
            }
            lines.push(String::new());
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}
