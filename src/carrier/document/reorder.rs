// SPDX-License-Identifier: Apache-2.0
//! Other orders of what stands in a document, and texts in the place of others.

use std::ops::Range;

use super::Document;
use crate::carrier::slot::{Content, Slot, Widening};
use crate::carrier::{Codec, Removal};

impl Document {
    /// The same with `text` written at `place` of the document that is nested at `span`;
    /// `None` where none is.
    #[must_use]
    pub fn rewriting(
        mut self,
        span: &Range<usize>,
        place: Range<usize>,
        text: String,
    ) -> Option<Self> {
        let slot = self.slots.iter_mut().find(|slot| slot.span == *span)?;
        let Content::Nested { document, .. } = &mut slot.content else { return None };
        *document = std::mem::take(document).with(Slot::rewritten(place, Codec::Plain, text));
        Some(self)
    }

    /// The same with one more place, which must not overlap others.
    #[must_use]
    pub fn with(mut self, slot: Slot) -> Self {
        self.slots.push(slot);
        self.slots.sort_by_key(|slot| slot.span.start);
        self
    }

    /// The same with these `members` of a list, which are in order, in another one and maybe
    /// not all of them: each number of `order` is a place in `members`. What stands between
    /// them stays where it is. `None` where members are not in the document as they are said
    /// to be, or something stands between them that is no part of them.
    #[must_use]
    pub fn reordered(&self, members: &[Range<usize>], order: &[usize]) -> Option<Self> {
        let (Some(first), Some(last)) = (members.first(), members.last()) else {
            return order.is_empty().then(|| self.clone());
        };
        let mut bytes = Vec::with_capacity(self.bytes.len());
        bytes.extend_from_slice(self.bytes.get(..first.start)?);
        let mut slots: Vec<Slot> = self.slots_within(&(0..first.start)).cloned().collect();
        let mut kept = slots.len();
        for (at, number) in order.iter().enumerate() {
            if let Some(before) = at.checked_sub(1) {
                let between = members.get(before)?.end..members.get(at)?.start;
                bytes.extend_from_slice(self.bytes.get(between)?);
            }
            let member = members.get(*number)?;
            let moved = self.slots_within(member).map(|slot| slot.moved(member.start, bytes.len()));
            slots.extend(moved);
            bytes.extend_from_slice(self.bytes.get(member.clone())?);
        }
        let rest = last.end..self.bytes.len();
        let moved = self.slots_within(&rest).map(|slot| slot.moved(rest.start, bytes.len()));
        slots.extend(moved);
        kept += self.slots_within(&rest).count();
        bytes.extend_from_slice(self.bytes.get(rest)?);
        let in_members: usize = members.iter().map(|it| self.slots_within(it).count()).sum();
        (kept + in_members == self.slots.len()).then(|| Self::new(bytes, slots))
    }

    fn slots_within(&self, range: &Range<usize>) -> impl Iterator<Item = &Slot> + use<'_> {
        let range = range.clone();
        let from = self.slots.partition_point(|slot| slot.span.start < range.start);
        let slots = self.slots.get(from..).unwrap_or_default().iter();
        slots.take_while(move |slot| slot.span.end <= range.end)
    }
}

impl Slot {
    /// The same, as far behind `to` as it was behind `from`.
    fn moved(&self, from: usize, to: usize) -> Self {
        let at = |at: usize| (at + to).saturating_sub(from);
        let range = |range: &Range<usize>| at(range.start)..at(range.end);
        let mut slot = self.clone();
        slot.span = range(&self.span);
        slot.removal = self.removal.as_ref().map(|removal| Removal {
            member: range(&removal.member),
            before: removal.before.map(at),
            after: removal.after.map(at),
        });
        match &mut slot.widening {
            Some(Widening::List(further)) => {
                for (span, _) in further {
                    *span = range(span);
                }
            }
            Some(Widening::Lists { further, from, .. }) => {
                for (span, _) in further {
                    *span = range(span);
                }
                *from = at(*from);
            }
            Some(Widening::Repetition { whole, .. }) => *whole = range(whole),
            Some(Widening::Elements) | None => {}
        }
        if let Content::Length { of } = &mut slot.content {
            *of = range(of);
        }
        slot
    }
}
