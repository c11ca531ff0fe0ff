// SPDX-License-Identifier: Apache-2.0
//! Syntaxes that values stand in: how they are found and how they are replaced.
//!
//! One idea carries all formats: **locate → decide → replace → splice**. A
//! dialect reads a message with the parsers of this module and describes it as a
//! [`Document`]: the bytes as they came, plus the [`Slot`]s in them where
//! something may have to be written anew. Documents nest (a SOQL literal inside
//! a query string inside a URL), and [`Document::render`] works from the inside
//! out. It never re-serialises: bytes outside the replaced slots are the bytes
//! that came in, at every level of nesting.
//!
//! Invariants:
//! - Rendering a document with [`Replacement::Keep`] everywhere returns its bytes.
//! - Parsers are strict: what two parsers could read differently is refused.
//! - Nothing here knows a policy, a CRM, or where bytes come from.

pub mod coding;
pub mod csv;
pub mod json;
pub mod multipart;
pub mod url;
pub mod xml;
pub mod zip;

mod codec;
mod document;
mod occurrence;
mod removal;
mod slot;

pub use codec::{Codec, DecodedText, SOSL_RESERVED};
pub use document::{Document, RenderError, Replacement};
pub use occurrence::{Occurrence, Role, Value};
pub use removal::{Element, Removal};
pub use slot::{Content, Slot, Widening};
