// SPDX-License-Identifier: Apache-2.0
//! From the inside out: what each place becomes, as edits of the bytes around it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::{Document, Replacement};
use crate::carrier::removal::{Removal, removal_spans};
use crate::carrier::slot::{Content, Slot, Widening};

impl Document {
    /// The bytes with each occurrence replaced.
    ///
    /// Takes one replacement per occurrence from `replacements`, in the order of
    /// [`occurrences`](Self::occurrences).
    ///
    /// # Errors
    /// [`RenderError`] when there are too few replacements, or one that its slot
    /// cannot take. A caller that gets it must not forward the original bytes.
    pub fn render<'r>(
        &self,
        replacements: &mut impl Iterator<Item = &'r Replacement>,
    ) -> Result<Bytes, RenderError> {
        self.render_without(replacements, &|_| false)
    }

    /// As [`render`](Self::render), but without the elements that hold a refused record.
    ///
    /// Occurrences in them take their replacements like all others, so that those
    /// of the rest stay aligned; nothing is written for them.
    ///
    /// # Errors
    /// As [`render`](Self::render); [`RenderError::NotRemovable`] also when a value
    /// of a refused record stands outside of every element.
    pub fn render_without<'r>(
        &self,
        replacements: &mut impl Iterator<Item = &'r Replacement>,
        refused: &dyn Fn(u32) -> bool,
    ) -> Result<Bytes, RenderError> {
        let rendered = self.rendered(replacements, refused)?;
        Ok(rendered.map_or_else(|| self.bytes.clone(), Bytes::from))
    }

    /// The bytes with every edit made; `None` where there are none.
    fn rendered<'r>(
        &self,
        replacements: &mut impl Iterator<Item = &'r Replacement>,
        refused: &dyn Fn(u32) -> bool,
    ) -> Result<Option<Vec<u8>>, RenderError> {
        let edits = self.edits(replacements, refused)?;
        if edits.is_empty() {
            return Ok(None);
        }
        let mut rendered = Vec::with_capacity(self.bytes.len() + 32 * edits.len());
        let mut position = 0;
        for edit in edits {
            let kept = self.bytes.get(position..edit.span.start).ok_or(RenderError::Overlap)?;
            rendered.extend_from_slice(kept);
            rendered.extend_from_slice(&edit.bytes);
            position = edit.span.end;
        }
        rendered.extend_from_slice(self.bytes.get(position..).ok_or(RenderError::Overlap)?);
        Ok(Some(rendered))
    }

    /// What to write where, ordered by position.
    fn edits<'a, 'r>(
        &'a self,
        replacements: &mut impl Iterator<Item = &'r Replacement>,
        refused: &dyn Fn(u32) -> bool,
    ) -> Result<Vec<Edit<'a>>, RenderError> {
        let mut edits = Vec::new();
        let mut lengths = Vec::new();
        let removed = self.elements.holding(refused);
        let mut removals: Vec<Removal> = removed.iter().cloned().collect();
        for slot in &self.slots {
            if removed.covers(&slot.span) {
                slot.pass_over(replacements)?;
                continue;
            }
            match &slot.content {
                Content::Rewritten(text) => {
                    edits.push(slot.edit(slot.codec.literal(text)));
                }
                Content::Length { of } => lengths.push((slot, of)),
                Content::Nested { decoded, document } => {
                    for edit in document.edits(&mut *replacements, refused)? {
                        let origin = decoded.origin_of(&edit.span);
                        let span = slot.span.start + origin.start..slot.span.start + origin.end;
                        let text =
                            std::str::from_utf8(&edit.bytes).map_err(|_| RenderError::NotText)?;
                        edits.push(Edit::new(span, slot.codec.fragment(text)));
                    }
                }
                Content::Archive { archive, documents } => {
                    let contents = documents
                        .iter()
                        .map(|document| document.rendered(&mut *replacements, refused))
                        .collect::<Result<Vec<_>, _>>()?;
                    if contents.iter().any(Option::is_some) {
                        let bytes = archive.with_contents(&contents);
                        let bytes = bytes.ok_or(RenderError::TooLarge)?.into();
                        edits.push(Edit { span: slot.span.clone(), bytes });
                    }
                }
                Content::Value(occurrence) => {
                    let replacement = replacements.next().ok_or(RenderError::TooFewReplacements)?;
                    if refused(occurrence.record) {
                        return Err(RenderError::NotRemovable);
                    }
                    match replacement {
                        Replacement::Keep => {}
                        Replacement::Text(text) => edits.push(slot.edit(slot.codec.literal(text))),
                        Replacement::AnyOf(texts) => slot.widen(texts, &mut edits)?,
                        Replacement::Remove => {
                            removals.push(slot.removal.clone().ok_or(RenderError::NotRemovable)?);
                        }
                    }
                }
            }
        }
        let taken_out = removal_spans(removals);
        edits.retain(|edit| !is_inside_any(&edit.span, &taken_out));
        edits.extend(taken_out.into_iter().map(|span| Edit::new(span, "")));
        edits.sort_by_key(Edit::place);
        let corrected = corrected(&lengths, &edits);
        edits.extend(corrected);
        edits.sort_by_key(Edit::place);
        Ok(edits)
    }
}

/// Bytes to write in the place of a range.
struct Edit<'a> {
    span: Range<usize>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Edit<'a> {
    fn new(span: Range<usize>, text: impl Into<Cow<'a, str>>) -> Self {
        let bytes = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Self { span, bytes }
    }

    /// What is put in somewhere comes before what is written over from there on.
    fn place(&self) -> (usize, usize) {
        (self.span.start, self.span.end)
    }
}

/// Whether a range is inside of one of others, which are in order; what is put in beside
/// them is not.
fn is_inside_any(span: &Range<usize>, others: &[Range<usize>]) -> bool {
    let next = others.partition_point(|other| other.end <= span.start);
    others.get(next).is_some_and(|other| {
        other.start <= span.start && other.start < span.end && span.end <= other.end
    })
}

/// What lengths have to be, by their slots and what they count, once the edits are made.
/// Both are in order. A length stands before what it counts, so that from the end on all
/// that changes in there is known, other lengths included.
fn corrected<'a>(lengths: &[(&'a Slot, &Range<usize>)], edits: &[Edit<'_>]) -> Vec<Edit<'a>> {
    let mut corrected = Vec::new();
    let mut later = Later::default();
    let mut before = edits.iter().rev().peekable();
    for (slot, of) in lengths.iter().rev() {
        while let Some(edit) = before.next_if(|edit| edit.span.start > slot.span.start) {
            later.add(edit);
        }
        if let Some(length) = later.length_of(of) {
            let edit = slot.edit(length.to_string());
            later.add(&edit);
            corrected.push(edit);
        }
    }
    corrected
}

/// For each edit, from the last to the first: where it is, and how many bytes it and all
/// behind it take and write.
#[derive(Default)]
struct Later(Vec<(usize, usize, usize)>);

impl Later {
    fn add(&mut self, edit: &Edit<'_>) {
        let (_, taken, written) = self.0.last().copied().unwrap_or_default();
        self.0.push((edit.span.start, taken + edit.span.len(), written + edit.bytes.len()));
    }

    /// How long a range is once the edits in it are made; `None` where there are none.
    fn length_of(&self, range: &Range<usize>) -> Option<usize> {
        let behind = self.0.partition_point(|(start, ..)| *start > range.end);
        let from = self.0.partition_point(|(start, ..)| *start >= range.start);
        let sum = |count: usize| count.checked_sub(1).and_then(|last| self.0.get(last)).copied();
        let (_, taken, written) = sum(from).filter(|_| from > behind)?;
        let (_, taken_behind, written_behind) = sum(behind).unwrap_or_default();
        (range.len() + written - written_behind).checked_sub(taken - taken_behind)
    }
}

impl Slot {
    fn edit(&self, text: String) -> Edit<'_> {
        Edit::new(self.span.clone(), text)
    }

    fn widen<'a>(&'a self, texts: &[String], edits: &mut Vec<Edit<'a>>) -> Result<(), RenderError> {
        let elements = self.codec.elements(texts.iter().map(String::as_str));
        match self.widening.as_ref().ok_or(RenderError::NotWidenable)? {
            Widening::Elements => edits.push(self.edit(elements)),
            Widening::List(further) => {
                edits.extend(further.iter().map(|(span, text)| Edit::new(span.clone(), *text)));
                edits.push(self.edit(self.codec.list(&elements)));
            }
            Widening::Lists { further, from, between, most } => {
                let lists = texts.chunks((*most).max(1));
                let nested = "(".repeat(lists.len().saturating_sub(1));
                let mut written = String::new();
                for (at, texts) in lists.enumerate() {
                    let list = self.codec.elements(texts.iter().map(String::as_str));
                    let list = self.codec.list(&list);
                    if at == 0 {
                        written.push_str(&list);
                    } else {
                        written.extend([between, list.as_str(), ")"]);
                    }
                }
                edits.extend(further.iter().map(|(span, text)| Edit::new(span.clone(), *text)));
                edits.push(Edit::new(*from..*from, nested));
                edits.push(self.edit(written));
            }
            Widening::Repetition { whole, open, between, close } => {
                let literals: Vec<String> =
                    texts.iter().map(|text| self.codec.literal(text)).collect();
                let at = |at: usize, text: &'static str| Edit::new(at..at, text);
                edits.push(at(whole.start, open));
                edits.push(self.edit(literals.join(between)));
                edits.push(at(whole.end, close));
            }
        }
        Ok(())
    }

    /// Takes the replacements that belong to this slot, and uses none.
    fn pass_over<'r>(
        &self,
        replacements: &mut impl Iterator<Item = &'r Replacement>,
    ) -> Result<(), RenderError> {
        let count = match &self.content {
            Content::Value(_) => 1,
            Content::Nested { document, .. } => document.occurrences().len(),
            Content::Archive { documents, .. } => {
                documents.iter().map(|document| document.occurrences().len()).sum()
            }
            Content::Rewritten(_) | Content::Length { .. } => 0,
        };
        for _ in 0..count {
            replacements.next().ok_or(RenderError::TooFewReplacements)?;
        }
        Ok(())
    }
}

/// A replacement does not fit the document. Always a defect of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("there are fewer replacements than occurrences")]
    TooFewReplacements,
    #[error("a place that takes one value was given several")]
    NotWidenable,
    #[error("a place that cannot be removed was to be removed")]
    NotRemovable,
    #[error("two edits overlap")]
    Overlap,
    #[error("an edit of a text is none")]
    NotText,
    #[error("an archive is larger than its format can say")]
    TooLarge,
}
