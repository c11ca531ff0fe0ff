// SPDX-License-Identifier: Apache-2.0

mod render;
mod reorder;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::Occurrence;
use super::removal::{Element, Elements};
use super::slot::{Content, Slot};

pub use render::RenderError;

/// A message, or a text inside one, with the places where values stand.
#[derive(Clone, Default)]
pub struct Document {
    bytes: Bytes,
    /// Ordered by position, not overlapping.
    slots: Vec<Slot>,
    elements: Elements,
}

/// Names the size only: the bytes hold values.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("bytes", &self.bytes.len())
            .field("slots", &self.slots)
            .field("elements", &self.elements)
            .finish()
    }
}

/// What is written in the place of an occurrence.
#[derive(Clone, PartialEq, Eq)]
pub enum Replacement {
    /// The bytes stay as they are.
    Keep,
    Text(Zeroizing<String>),
    /// Any of these may match; only for a slot with a `widening`.
    AnyOf(Vec<String>),
    /// The member goes away; only for a slot with a `removal`.
    Remove,
}

/// Names the kind only: the text may be a revealed value.
impl fmt::Debug for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Text(_) => "Text(redacted)",
            Self::AnyOf(_) => "AnyOf(redacted)",
            Self::Remove => "Remove",
        })
    }
}

impl Replacement {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }
}

impl Document {
    /// Slots may come in any order; they must not overlap.
    pub fn new(bytes: impl Into<Bytes>, mut slots: Vec<Slot>) -> Self {
        slots.sort_by_key(|slot| slot.span.start);
        debug_assert!(slots.is_sorted_by(|a, b| a.span.end <= b.span.start), "slots overlap");
        Self { bytes: bytes.into(), slots, elements: Elements::default() }
    }

    /// The parts that hold one record of a batch each, for
    /// [`render_without`](Self::render_without). They must not overlap.
    #[must_use]
    pub fn with_elements(mut self, elements: Vec<Element>) -> Self {
        self.elements = Elements::new(elements);
        self
    }

    /// The same, its records numbered from `first` on.
    #[must_use]
    pub fn numbered_from(mut self, first: u32) -> Self {
        for slot in &mut self.slots {
            match &mut slot.content {
                Content::Value(occurrence) => occurrence.record += first,
                Content::Nested { document, .. } => {
                    *document = std::mem::take(document).numbered_from(first);
                }
                Content::Archive { documents, .. } => {
                    for document in documents {
                        *document = std::mem::take(document).numbered_from(first);
                    }
                }
                Content::Rewritten(_) | Content::Length { .. } => {}
            }
        }
        self.elements.number_from(first);
        self
    }

    /// The same with each value as `revise` makes it, and without those that it says no to:
    /// they stay as they are, whatever is decided.
    #[must_use]
    pub fn revised(mut self, revise: &mut dyn FnMut(&mut Occurrence) -> bool) -> Self {
        self.slots.retain_mut(|slot| match &mut slot.content {
            Content::Value(occurrence) => revise(occurrence),
            Content::Nested { document, .. } => {
                *document = std::mem::take(document).revised(revise);
                true
            }
            Content::Archive { documents, .. } => {
                for document in documents {
                    *document = std::mem::take(document).revised(revise);
                }
                true
            }
            Content::Rewritten(_) | Content::Length { .. } => true,
        });
        self
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many bytes stand in archives of the document, opened.
    pub fn unpacked(&self) -> usize {
        let packed = |slot: &Slot| match &slot.content {
            Content::Archive { archive, .. } => {
                archive.entries().iter().map(|entry| entry.content().len()).sum()
            }
            Content::Nested { document, .. } => document.unpacked(),
            Content::Value(_) | Content::Rewritten(_) | Content::Length { .. } => 0,
        };
        self.slots.iter().map(packed).sum()
    }

    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Every occurrence with its slot, in the order that [`render`](Self::render)
    /// takes replacements in.
    pub fn occurrences(&self) -> Vec<(&Slot, &Occurrence)> {
        let mut found = Vec::new();
        self.collect_occurrences(&mut found);
        found
    }

    fn collect_occurrences<'a>(&'a self, found: &mut Vec<(&'a Slot, &'a Occurrence)>) {
        for slot in &self.slots {
            match &slot.content {
                Content::Value(occurrence) => found.push((slot, occurrence)),
                Content::Nested { document, .. } => document.collect_occurrences(found),
                Content::Archive { documents, .. } => {
                    for document in documents {
                        document.collect_occurrences(found);
                    }
                }
                Content::Rewritten(_) | Content::Length { .. } => {}
            }
        }
    }
}
