// SPDX-License-Identifier: Apache-2.0
//! Writing to a terminal, a file or a pipe that may be closed.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr, stdout};

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
