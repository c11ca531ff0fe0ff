// SPDX-License-Identifier: Apache-2.0
//! Writing to a terminal, a file or a pipe that may be closed.

use std::fmt::Display;
use std::io::{BufWriter, IsTerminal, Write, stderr, stdout};

use crate::config::{Diagnostics, Severity, Style};

/// Writes a line of what the command was asked for.
///
/// # Errors
/// Whatever keeps it from being written, except that nobody reads it any more.
pub fn line(text: impl Display) -> anyhow::Result<()> {
    match writeln!(stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes much of what the command was asked for. Ends early when nobody reads it any
/// more; that is no error.
///
/// # Errors
/// Whatever else keeps it from being written.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    match written {
        Err(error) if is_broken_pipe(&error) => {
            // What is left has no reader.
            let _ = out.into_parts();
            Ok(())
        }
        written => written,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// How far a long work is, on one line of a terminal; silent if there is none.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    total: u64,
    is_shown: bool,
}

impl Progress {
    /// Steps between two changes of the line; shorter work shows none.
    const EVERY: u64 = 50_000;

    pub fn new(what: &'static str, total: u64) -> Self {
        Self { what, total, is_shown: stderr().is_terminal() && total >= Self::EVERY }
    }

    pub fn at(&mut self, done: u64) {
        if self.is_shown && done.is_multiple_of(Self::EVERY) {
            let percent = done * 100 / self.total.max(1);
            let _ =
                write!(stderr().lock(), "\r{done} of {} {} ({percent} %)", self.total, self.what);
        }
    }
}

impl Drop for Progress {
    /// Leaves the line empty.
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Writes a line for the person at the terminal. If it cannot be written, there
/// is nobody to be told.
pub fn note(text: impl Display) {
    let _ = writeln!(stderr().lock(), "{text}");
}

/// Writes problems of configuration, if there are some.
pub fn diagnostics(diagnostics: &Diagnostics) {
    if !diagnostics.is_empty() {
        note(format!("{}\n", diagnostics.render(style())));
    }
}

/// Writes why a command failed, with all causes.
pub fn error(error: &anyhow::Error) {
    let cause = error.chain().find_map(|cause| cause.downcast_ref::<Diagnostics>());
    match cause {
        Some(found) => {
            diagnostics(found);
            note(format!("error: the configuration has {}", count(found)));
        }
        None => note(format!("error: {error:#}")),
    }
}

/// `2 errors and 1 warning`
fn count(diagnostics: &Diagnostics) -> String {
    let words = [(Severity::Error, "error"), (Severity::Warning, "warning")];
    let counted = words.map(|(severity, word)| match diagnostics.count(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn style() -> Style {
    if takes_colour(&stderr()) { Style::Coloured } else { Style::Plain }
}

/// Colours are for terminals, unless `NO_COLOR` is set (see no-color.org).
#[expect(
    clippy::disallowed_methods,
    reason = "NO_COLOR is about this terminal, not about configuration"
)]
pub fn takes_colour(stream: &impl IsTerminal) -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !is_unwanted
}
