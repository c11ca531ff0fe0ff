// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use super::diagnostic::{Code, Problem};
use super::document::{Document, Name, Section, listed};
use super::spelling::closest;
use super::units;
use super::yaml::{Key, Node, Value};

/// Characters of a text.
const MAX_TEXT: usize = 1024;

/// What stands behind a key or in a list.
#[derive(Clone, Debug)]
pub struct Item<'d> {
    pub(super) document: &'d Document<'d>,
    /// Where it hangs: `listen.bind`.
    pub name: String,
    /// The key, or the item itself in a list.
    pub(super) place: Range<usize>,
    pub(super) node: &'d Node,
}

impl<'d> Item<'d> {
    pub fn span(&self) -> &Range<usize> {
        match self.node.value {
            Value::Scalar { .. } if !self.node.span.is_empty() => &self.node.span,
            _ => &self.place,
        }
    }

    pub fn problem(&self, code: Code, message: impl Into<String>) -> Problem {
        Problem::new(code, self.span(), message)
    }

    /// A problem with the key that the value stands behind.
    pub fn key_problem(&self, code: Code, message: impl Into<String>) -> Problem {
        Problem::new(code, &self.place, message)
    }

    pub fn report(&self, problem: Problem) {
        self.document.report(problem);
    }

    /// Reports what is wrong with the value, and what would be right.
    pub fn refuse(&self, message: impl Into<String>, right: impl Into<String>) {
        self.report(self.problem(Code::InvalidValue, message).help(right));
    }

    fn wrong_type(&self, expected: &str) {
        let problem = self.problem(Code::WrongType, format!("`{}` is not {expected}", self.name));
        self.report(match self.node.describe() {
            Some(found) => problem.label(format!("{found} stands here")),
            None => problem,
        });
    }

    pub fn is_mapping(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub fn section(&self) -> Option<Section<'d>> {
        let Value::Map(entries) = &self.node.value else {
            self.wrong_type("a mapping");
            return None;
        };
        Some(Section::new(self.document, self.name.clone(), self.place.clone(), entries))
    }

    pub fn list(&self) -> Option<Vec<Item<'d>>> {
        let Value::List(nodes) = &self.node.value else {
            self.wrong_type("a list");
            return None;
        };
        let item = |(at, node): (usize, &'d Node)| Item {
            document: self.document,
            name: format!("{}[{at}]", self.name),
            place: node.span.clone(),
            node,
        };
        Some(nodes.iter().enumerate().map(item).collect())
    }

    /// A list whose items `read` understands; `None` if it does not understand one.
    pub fn list_of<T>(&self, read: impl Fn(&Item<'d>) -> Option<T>) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = self.list()?.iter().map(read).collect();
        read.into_iter().collect()
    }

    fn scalar(&self, expected: &str) -> Option<(&'d str, bool)> {
        match &self.node.value {
            Value::Scalar { text, is_plain } if !self.node.is_null() => Some((text, *is_plain)),
            _ => {
                self.wrong_type(expected);
                None
            }
        }
    }

    /// A text that is not empty.
    pub fn text(&self) -> Option<&'d str> {
        let (text, _) = self.scalar("a text")?;
        if text.trim().is_empty() || text.chars().count() > MAX_TEXT {
            self.refuse(
                format!("`{}` is empty or too long", self.name),
                format!("it has 1 to {MAX_TEXT} characters"),
            );
            return None;
        }
        Some(text)
    }

    /// A name that the writer chose, as in [`Name`].
    pub fn chosen_name(&self) -> Option<&'d str> {
        let key = Key { text: self.text()?.to_owned(), span: self.span().clone() };
        Name::read(self.document, &key)?;
        self.text()
    }

    /// A path; relative ones start at the document's folder.
    pub fn path(&self) -> Option<PathBuf> {
        self.text().map(|path| self.resolve(path))
    }

    /// A path that stands in the value; relative ones start at the document's folder.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.document.source.resolve(path)
    }

    /// A path to a file that is needed at the start of the process.
    pub fn existing_file(&self) -> Option<PathBuf> {
        let path = self.path()?;
        if !path.is_file() {
            let message = format!("there is no file `{}`", path.display());
            self.report(self.problem(Code::FileMissing, message));
        }
        Some(path)
    }

    /// `true` or `false`.
    pub fn flag(&self) -> Option<bool> {
        match self.scalar("`true` or `false`")? {
            ("true", true) => Some(true),
            ("false", true) => Some(false),
            _ => {
                self.wrong_type("`true` or `false`");
                None
            }
        }
    }

    /// A whole number in decimal digits.
    pub fn number<T>(&self, range: RangeInclusive<T>) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + fmt::Display,
    {
        let (text, is_plain) = self.scalar("a whole number")?;
        if !is_plain || !units::is_decimal(text) {
            self.wrong_type("a whole number in decimal digits");
            return None;
        }
        self.within(text.parse().ok(), &range, T::to_string)
    }

    /// Whether it looks like a whole number.
    pub fn is_number(&self) -> bool {
        matches!(&self.node.value, Value::Scalar { text, is_plain: true } if units::is_decimal(text))
    }

    /// A duration such as `30s`.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let (text, _) = self.scalar("a duration")?;
        let Some(duration) = units::duration(text) else {
            self.refuse(
                format!("`{}` is not a duration", self.name),
                "a duration is a whole number with `ms`, `s`, `m` or `h`, such as `30s`",
            );
            return None;
        };
        self.within(Some(duration), &range, |duration| units::show_duration(*duration))
    }

    /// A period such as `3y`, from one day to a hundred years.
    pub fn period(&self) -> Option<Duration> {
        let (text, _) = self.scalar("a period")?;
        let days = Duration::from_secs(86_400)..=Duration::from_secs(100 * 365 * 86_400);
        let period = units::period(text).filter(|period| days.contains(period));
        if period.is_none() {
            self.refuse(
                format!("`{}` is not a period", self.name),
                "a period is a whole number with `d` or `y`, up to `100y`, such as `3y`",
            );
        }
        period
    }

    /// A size such as `16MiB`.
    pub fn size(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let (text, _) = self.scalar("a size")?;
        let Some(size) = units::size(text) else {
            self.refuse(
                format!("`{}` is not a size", self.name),
                "a size is a whole number with `B`, `KiB`, `MiB` or `GiB`, such as `16MiB`",
            );
            return None;
        };
        self.within(Some(size), &range, |size| units::show_size(*size))
    }

    fn within<T: PartialOrd>(
        &self,
        value: Option<T>,
        range: &RangeInclusive<T>,
        show: impl Fn(&T) -> String,
    ) -> Option<T> {
        let value = value.filter(|value| range.contains(value));
        if value.is_none() {
            self.refuse(
                format!("`{}` is out of range", self.name),
                format!("it lies between {} and {}", show(range.start()), show(range.end())),
            );
        }
        value
    }

    /// One of some words.
    pub fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        self.choice_with(choices, &[])
    }

    /// [`choice`](Self::choice), where `later` are words of later versions.
    pub fn choice_with<T: Copy>(&self, choices: &[(&'static str, T)], later: &[&str]) -> Option<T> {
        let (text, _) = self.scalar("a word")?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let problem = if later.contains(&text) {
                self.problem(Code::NotSupported, format!("this version does not support `{text}`"))
            } else {
                self.problem(Code::InvalidValue, format!("unknown word for `{}`", self.name))
            };
            let words = || choices.iter().map(|(word, _)| *word);
            self.report(match closest(text, words()) {
                Some(meant) if !later.contains(&text) => problem.did_you_mean(meant),
                _ => problem.help(format!("possible here: {}", listed(words()))),
            });
        }
        found.map(|(_, value)| *value)
    }
}
