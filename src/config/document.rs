// SPDX-License-Identifier: Apache-2.0
//! Reading a tree key by key, reporting all that is wrong with it.
//!
//! A reader asks a [`Section`] for the keys that it knows and calls
//! [`Section::finish`], which reports the others. Every reading answers `None`
//! when it has reported why, so a reader goes on to the end and gives up only
//! then.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Code, Problem, Problems};
use super::item::Item;
use super::source::Source;
use super::spelling::{closest, slip_of};
use super::yaml::{Entry, Key, Node};

/// Characters of a name.
const MAX_NAME: usize = 80;

/// A document that is being read.
#[derive(Debug)]
pub struct Document<'p> {
    pub source: Arc<Source>,
    pub problems: &'p Problems,
}

impl Document<'_> {
    pub fn text(&self) -> &str {
        &self.source.text
    }

    pub fn report(&self, problem: Problem) {
        self.problems.report(&self.source, problem);
    }

    /// Warns about a name that is none of those that are known, and nearly one. Any other
    /// may be one of the writer's own.
    pub fn report_slip<'k>(
        &self,
        code: Code,
        name: &Name<'_>,
        (canonical, what): (&str, &str),
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        if known.clone().any(|known| known == canonical) {
            return;
        }
        if let Some(meant) = slip_of(canonical, known) {
            let message = format!("`{name}` is no {what}, and nearly one");
            self.report(Problem::new(code, &name.span, message).did_you_mean(meant));
        }
    }

    /// The mapping that is the whole document. Its `version` must be 1.
    pub fn open<'d>(&'d self, root: Option<&'d Node>) -> Option<Section<'d>> {
        let Some(root) = root else {
            self.report(Problem::new(Code::MissingKey, &(0..0), "the document is empty"));
            return None;
        };
        let section = self.mapping(root)?;
        if let Some(version) = section.required("version")
            && version.number(1_u32..=u32::MAX)? != 1
        {
            let problem =
                version.problem(Code::NotSupported, "this version of the document is not known");
            self.report(problem.help("this program reads `version: 1`"));
            return None;
        }
        Some(section)
    }

    /// The mapping that is the whole document.
    pub fn mapping<'d>(&'d self, root: &'d Node) -> Option<Section<'d>> {
        let place = root.span.clone();
        let item = Item { document: self, name: "the document".to_owned(), place, node: root };
        item.section().map(|section| Section { name: String::new(), ..section })
    }
}

/// A mapping that is read key by key.
#[derive(Debug)]
pub struct Section<'d> {
    document: &'d Document<'d>,
    /// Where it hangs: `listen.tls`; empty for the whole document.
    name: String,
    /// The key that it hangs on.
    place: Range<usize>,
    entries: &'d [Entry],
    asked: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<&'static str>>,
}

impl<'d> Section<'d> {
    pub(super) fn new(
        document: &'d Document<'d>,
        name: String,
        place: Range<usize>,
        entries: &'d [Entry],
    ) -> Self {
        let (asked, missing) = (RefCell::default(), RefCell::default());
        Self { document, name, place, entries, asked, missing }
    }

    pub fn optional(&self, key: &'static str) -> Option<Item<'d>> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|entry| entry.key.text == key).map(|entry| self.item(entry))
    }

    pub fn required(&self, key: &'static str) -> Option<Item<'d>> {
        let item = self.optional(key);
        if item.is_none() {
            self.missing.borrow_mut().push(key);
        }
        item
    }

    /// What `read` makes of an entry that may be left out.
    pub fn optional_or<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(Item<'d>) -> Option<T>,
    ) -> Option<T> {
        self.optional(key).map_or(Some(default), read)
    }

    /// A section that may be left out.
    pub fn section(&self, key: &'static str) -> Option<Section<'d>> {
        self.optional(key)?.section()
    }

    /// All entries, whose keys the writer chooses: names of things.
    pub fn named(&self) -> impl Iterator<Item = (Name<'d>, Item<'d>)> {
        self.entries.iter().filter_map(|entry| {
            let name = Name::read(self.document, &entry.key)?;
            Some((name, self.item(entry)))
        })
    }

    /// All entries, whose keys are free text.
    pub fn entries(&self) -> impl Iterator<Item = (&'d str, Item<'d>)> {
        self.entries.iter().map(|entry| (entry.key.text.as_str(), self.item(entry)))
    }

    fn item(&self, entry: &'d Entry) -> Item<'d> {
        let separator = if self.name.is_empty() { "" } else { "." };
        Item {
            document: self.document,
            name: format!("{}{separator}{}", self.name, entry.key.text),
            place: entry.key.span.clone(),
            node: &entry.node,
        }
    }

    /// Reports the keys that are missing and those that were not asked for.
    pub fn finish(self) {
        self.finish_with(&[]);
    }

    /// [`finish`](Self::finish), where `later` are keys of later versions.
    pub fn finish_with(self, later: &[&str]) {
        let asked = self.asked.into_inner();
        let mut missing = self.missing.into_inner();
        let unknown = self.entries.iter().map(|entry| &entry.key);
        for key in unknown.filter(|key| !asked.contains(&key.text.as_str())) {
            let problem = if later.contains(&key.text.as_str()) {
                let message = format!("this version does not support `{}`", key.text);
                Problem::new(Code::NotSupported, &key.span, message)
            } else {
                let problem = Problem::new(
                    Code::UnknownKey,
                    &key.span,
                    format!("unknown key `{}`", key.text),
                );
                match closest(&key.text, asked.iter().copied()) {
                    Some(meant) => {
                        // One slip is one problem.
                        missing.retain(|key| *key != meant);
                        problem.did_you_mean(meant)
                    }
                    None => problem.help(format!("possible here: {}", listed(asked.iter()))),
                }
            };
            self.document.report(problem);
        }
        let name = if self.name.is_empty() { "the document" } else { &format!("`{}`", self.name) };
        for key in missing {
            let message = format!("{name} lacks `{key}`");
            self.document.report(Problem::new(Code::MissingKey, &self.place, message));
        }
    }
}

/// A name that the writer of a document chose: letters and digits of ASCII, `_`,
/// `-` and `.`, so that no two names look the same.
#[derive(Clone, Debug)]
pub struct Name<'d> {
    pub text: &'d str,
    pub span: Range<usize>,
}

impl<'d> Name<'d> {
    pub(super) fn read(document: &Document<'_>, key: &'d Key) -> Option<Self> {
        if is_name(&key.text) {
            return Some(Self { text: &key.text, span: key.span.clone() });
        }
        let message = match key.text.chars().find(|c| !is_in_names(*c)) {
            Some(foreign) => format!("the name holds `{foreign}` (U+{:04X})", u32::from(foreign)),
            None => "the name is empty or too long".to_owned(),
        };
        document.report(
            Problem::new(Code::InvalidValue, &key.span, message).help(format!(
                "a name has up to {MAX_NAME} ASCII letters, digits, `_`, `-` and `.`"
            )),
        );
        None
    }
}

/// Whether a text can be the name of a tenant, caller, role, category, object …
pub fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(is_in_names)
}

fn is_in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// `a`, `b`, `c`
pub fn listed(words: impl Iterator<Item = impl fmt::Display>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
