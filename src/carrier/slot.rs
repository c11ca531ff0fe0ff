// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::zip::Archive;
use super::{Codec, DecodedText, Document, Element, Occurrence, Removal};

/// A place in the bytes of a [`Document`].
#[derive(Clone, Debug)]
pub struct Slot {
    /// The bytes that a replacement takes the place of, delimiters included.
    pub span: Range<usize>,
    pub codec: Codec,
    pub content: Content,
    /// How to take the whole member or parameter away; without it, a place can
    /// be rewritten but not removed.
    pub removal: Option<Removal>,
    /// How to write several values that may each match; without it, a place can
    /// hold one value only.
    pub widening: Option<Widening>,
}

/// How one compared value becomes several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Widening {
    /// The place already stands in a list: further elements stand beside it.
    Elements,
    /// The place becomes a list, and these other ranges change with it, such as
    /// `=` to `IN`.
    List(Vec<(Range<usize>, &'static str)>),
    /// As `List`, where a list takes at most `most` values: for more, what stands between
    /// `from` and the end of the value becomes several lists, joined in pairs: `a = 'x'` becomes
    /// `((a in ('x') or a in ('y')) or a in ('z'))`.
    Lists {
        further: Vec<(Range<usize>, &'static str)>,
        from: usize,
        /// From the end of one list to the start of the next.
        between: String,
        most: usize,
    },
    /// What stands at `whole` is written once for each value: `a eq 'x'` becomes
    /// `(a eq 'x' or a eq 'y')`.
    Repetition {
        whole: Range<usize>,
        open: &'static str,
        /// From the end of one value to the start of the next.
        between: String,
        close: &'static str,
    },
}

/// What stands in a [`Slot`].
#[derive(Clone)]
pub enum Content {
    Value(Box<Occurrence>),
    /// A text in another syntax. The decoded text is the bytes of the nested
    /// document; its edits are carried back through the escaping of this slot.
    Nested {
        decoded: DecodedText,
        document: Document,
    },
    /// Already decided: this text is written here whatever the policy says (a
    /// link whose origin is exchanged, the result of a refused record).
    Rewritten(String),
    /// An archive, and a document for each of its entries, in their order.
    Archive {
        archive: Archive,
        documents: Vec<Document>,
    },
    /// How many bytes the rest of the document has in this range, in decimal digits.
    Length {
        of: Range<usize>,
    },
}

/// Leaves out what is rewritten: it may repeat what was sent.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(occurrence) => f.debug_tuple("Value").field(occurrence).finish(),
            Self::Nested { document, .. } => f.debug_tuple("Nested").field(document).finish(),
            Self::Rewritten(_) => f.write_str("Rewritten(redacted)"),
            Self::Archive { documents, .. } => f.debug_tuple("Archive").field(documents).finish(),
            Self::Length { of } => f.debug_struct("Length").field("of", of).finish(),
        }
    }
}

impl Slot {
    pub fn value(span: Range<usize>, codec: Codec, occurrence: Occurrence) -> Self {
        Self {
            span,
            codec,
            content: Content::Value(Box::new(occurrence)),
            removal: None,
            widening: None,
        }
    }

    /// `span` covers the escaped text without its delimiters.
    pub fn nested(
        span: Range<usize>,
        codec: Codec,
        decoded: DecodedText,
        slots: Vec<Slot>,
    ) -> Self {
        let bytes = Bytes::copy_from_slice(decoded.as_str().as_bytes());
        Self::holding(span, codec, decoded, Document::new(bytes, slots))
    }

    /// As [`nested`](Self::nested), for a text that lists records, such as `ids=a,b`.
    pub fn nested_list(
        span: Range<usize>,
        codec: Codec,
        decoded: DecodedText,
        elements: Vec<Element>,
    ) -> Self {
        let bytes = Bytes::copy_from_slice(decoded.as_str().as_bytes());
        let document = Document::new(bytes, Vec::new()).with_elements(elements);
        Self::holding(span, codec, decoded, document)
    }

    /// The decimal digits at `span` say how long the range `of` is.
    pub fn length(span: Range<usize>, of: Range<usize>) -> Self {
        let content = Content::Length { of };
        Self { span, codec: Codec::Plain, content, removal: None, widening: None }
    }

    /// As [`nested`](Self::nested), for a document that is there already: its bytes are
    /// the decoded text.
    pub fn holding(
        span: Range<usize>,
        codec: Codec,
        decoded: DecodedText,
        document: Document,
    ) -> Self {
        let content = Content::Nested { decoded, document };
        Self { span, codec, content, removal: None, widening: None }
    }

    /// Entries that no slot stands in are kept byte for byte.
    pub fn archive(span: Range<usize>, archive: Archive, slots: Vec<Vec<Slot>>) -> Self {
        let contents = archive.entries().iter().map(|entry| entry.content().clone());
        let documents =
            contents.zip(slots).map(|(content, slots)| Document::new(content, slots)).collect();
        let content = Content::Archive { archive, documents };
        Self { span, codec: Codec::Plain, content, removal: None, widening: None }
    }

    pub fn rewritten(span: Range<usize>, codec: Codec, text: String) -> Self {
        Self { span, codec, content: Content::Rewritten(text), removal: None, widening: None }
    }

    /// How many values stand in it, at every depth.
    pub fn value_count(&self) -> usize {
        let of = |document: &Document| document.slots().iter().map(Self::value_count).sum();
        match &self.content {
            Content::Value(_) => 1,
            Content::Nested { document, .. } => of(document),
            Content::Archive { documents, .. } => documents.iter().map(of).sum(),
            Content::Rewritten(_) | Content::Length { .. } => 0,
        }
    }

    #[must_use]
    pub fn removable(mut self, removal: Option<Removal>) -> Self {
        self.removal = removal;
        self
    }

    #[must_use]
    pub fn widening(mut self, widening: Widening) -> Self {
        self.widening = Some(widening);
        self
    }
}
