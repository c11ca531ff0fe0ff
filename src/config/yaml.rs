// SPDX-License-Identifier: Apache-2.0
//! YAML text → a tree in which every node knows where it stands.
//!
//! Only what the documents need: one document of mappings, lists and scalars.
//! Anchors, aliases, tags, merge keys, directives and composed keys are refused:
//! with them, what is written in one place changes what is read in another.
//! Scalars stay as they are written; what type one has is for its reader to say,
//! so that `NO` is a country and never a falsehood.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, options};

use super::diagnostic::{Code, Problem};
use super::document::Document;

/// How deep block and flow collections may nest, each.
const MAX_DEPTH: usize = 32;

#[derive(Debug)]
pub struct Node {
    /// In bytes. Of a collection, where it starts.
    pub span: Range<usize>,
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    Scalar {
        text: String,
        /// Written without quotes.
        is_plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub struct Entry {
    pub key: Key,
    pub node: Node,
}

#[derive(Clone, Debug)]
pub struct Key {
    pub text: String,
    pub span: Range<usize>,
}

impl Node {
    /// Nothing is written, or one of YAML's words for it.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, is_plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What is there, in words, unless it is a value that speaks for itself.
    pub fn describe(&self) -> Option<&'static str> {
        match &self.value {
            _ if self.is_null() => Some("nothing"),
            Value::Scalar { .. } => None,
            Value::List(_) => Some("a list"),
            Value::Map(_) => Some("a mapping"),
        }
    }
}

/// The tree of a document; `Ok(None)` when there is nothing but comments.
///
/// # Errors
/// [`Unreadable`], when there is no tree. Why is reported to the document; so are
/// keys that stand twice, of which the first counts.
pub fn parse(document: &Document<'_>) -> Result<Option<Node>, Unreadable> {
    let mut builder = Builder { document, open: Vec::new(), root: None, is_sound: true };
    builder.refuse_hidden_characters();
    if !builder.is_sound {
        return Err(Unreadable);
    }
    let options = options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    for event in Parser::new_from_str_with_options(document.text(), options) {
        match event {
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                builder.is_sound = false;
                document.report(not_yaml(document.text(), at, &error.info()));
                break;
            }
        }
    }
    if builder.is_sound { Ok(builder.root) } else { Err(Unreadable) }
}

/// What keeps a document from being YAML. A parser is lost somewhere behind a tab.
fn not_yaml(text: &str, at: usize, info: &str) -> Problem {
    let indented = text.split_inclusive('\n').scan(0, |start, line| {
        let from = *start;
        *start += line.len();
        Some((from, line))
    });
    let tab = indented.take_while(|(start, _)| *start <= at).find_map(|(start, line)| {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        line.get(..blank)?.find('\t').map(|tab| start + tab)
    });
    match tab {
        Some(tab) => {
            let message = "this line is indented with a tab";
            Problem::new(Code::Syntax, &(tab..tab + 1), message).help("YAML indents with spaces")
        }
        None => Problem::new(Code::Syntax, &(at..at), format!("this is not YAML: {info}"))
            .help("compare the indentation with the lines around it, and look for an open bracket or quote"),
    }
}

/// A document without a tree.
#[derive(Clone, Copy, Debug)]
pub struct Unreadable;

struct Builder<'d> {
    document: &'d Document<'d>,
    open: Vec<Open>,
    root: Option<Node>,
    is_sound: bool,
}

/// A collection that has not ended.
enum Open {
    List { start: Range<usize>, items: Vec<Node> },
    Map { start: Range<usize>, entries: Vec<Entry>, key: Option<Key> },
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) {
        let at = span.byte_range().unwrap_or_default();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span);
                let is_plain = style == ScalarStyle::Plain;
                let value = Value::Scalar { text: text.into_owned(), is_plain };
                self.place(Node { span: at, value });
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span);
                self.open.push(Open::List { start: at, items: Vec::new() });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), span);
                self.open.push(Open::Map { start: at, entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { start, items }) => {
                    self.place(Node { span: start, value: Value::List(items) });
                }
                Some(Open::Map { start, mut entries, .. }) => {
                    self.drop_duplicates(&mut entries);
                    self.place(Node { span: start, value: Value::Map(entries) });
                }
                None => {}
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse(Code::Feature, &at, "aliases (`*name`) are not used in this document");
                let value = Value::Scalar { text: String::new(), is_plain: true };
                self.place(Node { span: at, value });
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.refuse(Code::Feature, &at, "a second document starts here");
            }
            _ => {}
        }
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match (key.take(), node.value) {
                (Some(key), value) => entries.push(Entry { key, node: Node { value, ..node } }),
                (None, Value::Scalar { text, is_plain }) => {
                    let is_merge = is_plain && text == "<<";
                    *key = Some(Key { text, span: node.span.clone() });
                    if is_merge {
                        self.refuse(
                            Code::Feature,
                            &node.span,
                            "merge keys are not used in this document",
                        );
                    }
                }
                (None, Value::List(_) | Value::Map(_)) => {
                    *key = Some(Key { text: String::new(), span: node.span.clone() });
                    self.refuse(Code::Feature, &node.span, "a key must be a single word");
                }
            },
        }
    }

    /// Keeps the first of the entries with one key.
    fn drop_duplicates(&self, entries: &mut Vec<Entry>) {
        let mut first: HashMap<String, Range<usize>> = HashMap::new();
        entries.retain(|Entry { key, .. }| {
            let Some(before) = first.get(&key.text) else {
                first.insert(key.text.clone(), key.span.clone());
                return true;
            };
            let message = format!("`{}` stands twice in one mapping", key.text);
            self.document.report(
                Problem::new(Code::DuplicateKey, &key.span, message)
                    .label("here again")
                    .related(before, "first here"),
            );
            false
        });
    }

    fn refuse_properties(&mut self, anchor: usize, is_tagged: bool, span: &Span) {
        let at = span.byte_range().unwrap_or_default();
        if anchor != 0 {
            self.refuse(Code::Feature, &at, "anchors (`&name`) are not used in this document");
        }
        if is_tagged {
            let at = span.tag_span().and_then(|tag| tag.byte_range()).unwrap_or(at);
            self.refuse(Code::Feature, &at, "tags (`!name`) are not used in this document");
        }
    }

    /// Characters that make a document read otherwise than it looks: controls,
    /// other line breaks, what turns the direction of writing (CVE-2021-42574),
    /// and spaces without width.
    fn refuse_hidden_characters(&mut self) {
        let document = self.document;
        for (at, character) in document.text().char_indices() {
            let is_hidden = match character {
                '\n' | '\r' | '\t' => false,
                '\u{feff}' => at > 0,
                '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
                _ => character.is_control(),
            };
            if is_hidden {
                let message = format!("hidden character U+{:04X}", u32::from(character));
                let span = at..at + character.len_utf8();
                self.refuse(Code::HiddenCharacter, &span, message);
            }
        }
    }

    fn refuse(&mut self, code: Code, span: &Range<usize>, message: impl Into<String>) {
        self.is_sound = false;
        self.document.report(Problem::new(code, span, message));
    }
}
