// SPDX-License-Identifier: Apache-2.0
//! One request in a part of a batch.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Reader;
use crate::carrier::multipart::{Header, Message};
use crate::carrier::{Codec, DecodedText, Document, Slot};
use crate::crm::LocateError;
use crate::crm::dynamics::link::{Towards, is_content_id, link, moved};
use crate::crm::message::unparseable;

/// Header fields of a part that pass. A length there would have to be corrected, and
/// says nothing that the delimiters do not.
pub(super) const OF_PART: [&str; 3] = ["content-id", "content-transfer-encoding", "content-type"];

/// Header fields of requests in parts that pass: they hold no personal data by their
/// meaning.
pub(super) const OF_REQUEST: [&str; 20] = [
    "accept",
    "accept-language",
    "callerobjectid",
    "consistency",
    "content-length",
    "content-type",
    "if-match",
    "if-none-match",
    "mscrm.bypassbusinesslogicexecution",
    "mscrm.bypasscustompluginexecution",
    "mscrm.mergelabels",
    "mscrm.returnnotifications",
    "mscrm.solutionuniquename",
    "mscrm.suppresscallbackregistrationexpanderjob",
    "mscrm.suppressduplicatedetection",
    "mscrmcallerid",
    "odata-isolation",
    "odata-maxversion",
    "odata-version",
    "prefer",
];

/// A request line.
pub(super) struct Line {
    pub method: Method,
    /// The target as a request of its own would have it, with the way back into what
    /// `span` covers.
    pub target: DecodedText,
    /// What of the line the target stands for.
    span: Range<usize>,
    /// Exchanges the origin.
    origin: Option<Slot>,
    /// Whether the target begins with what another part makes.
    pub is_by_content_id: bool,
}

/// The path that relative URLs are relative to, where they do not say it themselves.
const ROOT: &str = "/api/data/v9.2/";
/// A key in the place of that of a record which is yet to be made.
pub(super) const YET_TO_BE_MADE: &str = "00000000-0000-0000-0000-000000000000";

impl Reader<'_> {
    /// `GET https://…/api/data/v9.2/contacts?$top=1 HTTP/1.1`, `PATCH $1 HTTP/1.1`
    pub(super) fn line(&self, span: &Range<usize>) -> Result<Line, LocateError> {
        let refuse = |problem: &str| unparseable("a request line of the batch", problem);
        let line = self.text.get(span.clone()).unwrap_or_default();
        let mut words = line.split(' ');
        let (Some(method), Some(url), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(refuse("it has not three words"));
        };
        let method = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
            .into_iter()
            .find(|known| method == known.as_str())
            .ok_or_else(|| refuse("its method is not known"))?;
        let start = span.start + method.as_str().len() + 1;
        let span = start..start + url.len();
        let id_length = url.find('/').unwrap_or(url.len());
        let (id, rest) = url.split_at_checked(id_length).unwrap_or((url, ""));
        if is_content_id(id) {
            let table = id.get(1..).and_then(|id| self.tables.get(id));
            let table = table.ok_or_else(|| refuse("nothing before it has this id"))?;
            let head = format!("{ROOT}{table}({YET_TO_BE_MADE})");
            let target = with_head(&head, rest, id_length);
            return Ok(Line { method, target, span, origin: None, is_by_content_id: true });
        }
        let found = link(url, self.request.origins, Towards::Upstream)
            .ok_or_else(|| refuse("it leads to another host"))?;
        let path = url.get(found.path..).unwrap_or_default();
        let (head, at) =
            if path.starts_with("/api/data/") { ("", found.path) } else { (ROOT, found.resource) };
        let target = with_head(head, url.get(at..).unwrap_or_default(), 0);
        let origin = found.origin.map(|slot| Slot { span: moved(&slot.span, start), ..slot });
        Ok(Line { method, target, span: start + at..span.end, origin, is_by_content_id: false })
    }

    /// The header fields that pass; the others are taken out.
    pub(super) fn fields(&mut self, headers: &[Header], known: &[&str]) -> HeaderMap {
        let mut passed = HeaderMap::new();
        for header in headers {
            let value = self.text.get(header.value.clone()).unwrap_or_default();
            let is_harmless = known.contains(&header.name.as_str()) && !value.contains('@');
            let name = HeaderName::from_bytes(header.name.as_bytes());
            match (name, HeaderValue::from_str(value)) {
                (Ok(name), Ok(value)) if is_harmless => _ = passed.append(name, value),
                _ => {
                    let slot = Slot::rewritten(header.line.clone(), Codec::Plain, String::new());
                    self.slots.push(slot);
                }
            }
        }
        passed
    }

    pub(super) fn bytes(&self, span: &Range<usize>) -> Bytes {
        let start = self.request.body.get(span.clone()).map_or(0, |_| span.start);
        self.request.body.slice(start..span.end.max(start))
    }

    /// Puts what was located in a request into the body of the batch.
    pub(super) fn message(
        &mut self,
        message: &Message,
        line: Line,
        target: Document,
        body: Document,
    ) {
        self.slots.extend(line.origin);
        if !target.slots().is_empty() {
            self.slots.push(Slot::holding(line.span, Codec::Plain, line.target, target));
        }
        self.slots.extend(embedded(self.text, message, body));
    }
}

/// A text behind something that does not stand there. `skipped` bytes of what stands
/// there are before the text.
fn with_head(head: &str, rest: &str, skipped: usize) -> DecodedText {
    let origin = std::iter::repeat_n(skipped, head.len()).chain(skipped..=skipped + rest.len());
    DecodedText::new(format!("{head}{rest}"), origin.collect())
}

/// The content of a message as a part of the whole, and its length.
pub(super) fn embedded(text: &str, message: &Message, body: Document) -> Vec<Slot> {
    if body.slots().is_empty() {
        return Vec::new();
    }
    let span = message.body.clone();
    let content = text.get(span.clone()).unwrap_or_default().to_owned();
    let length = message.length.clone().map(|digits| Slot::length(digits, span.clone()));
    let body = Slot::holding(span, Codec::Plain, DecodedText::verbatim(content), body);
    length.into_iter().chain([body]).collect()
}
