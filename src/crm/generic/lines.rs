// SPDX-License-Identifier: Apache-2.0
//! Newline-delimited JSON (ndjson.org, jsonlines.org): a JSON text on each line, about
//! records of its own. Source of the media type: `application/x-ndjson`.

use bytes::Bytes;

use crate::carrier::json::Json;
use crate::carrier::{Codec, DecodedText, Document, Slot};
use crate::crm::LocateError;
use crate::crm::message::{parse_json, unparseable};
use crate::crm::room::Room;

/// What `locate` finds on each line. The records of a line are numbered on from those of
/// the one before it.
///
/// # Errors
/// [`LocateError`] for a line that is not JSON, an empty one included, and for more values
/// in all lines than one text of JSON may hold.
pub(super) fn locate_lines(
    place: &'static str,
    body: &Bytes,
    locate: impl Fn(&Json<'_>) -> Result<Vec<Slot>, LocateError>,
) -> Result<Vec<Slot>, LocateError> {
    let (mut slots, mut position, mut first) = (Vec::new(), 0, 0);
    let mut room = Room::default();
    for (number, line) in (1..).zip(body.split_inclusive(|byte| *byte == b'\n')) {
        let span = position..position + line.strip_suffix(b"\n").unwrap_or(line).len();
        position += line.len();
        let text = body.slice(span.clone());
        let json = parse_json(place, &text).map_err(|error| of_line(place, number, error))?;
        room.take(place, json.value_count())?;
        let document = Document::new(text.clone(), locate(&json)?).numbered_from(first);
        let records = document.occurrences().into_iter().map(|(_, found)| found.record);
        first = records.max().map_or(first, |last| last.saturating_add(1));
        let decoded = DecodedText::verbatim(String::from_utf8_lossy(&text).into_owned());
        slots.push(Slot::holding(span, Codec::Plain, decoded, document));
    }
    Ok(slots)
}

fn of_line(place: &str, number: usize, error: LocateError) -> LocateError {
    match error {
        LocateError::Unparseable { problem, .. } => {
            unparseable(format!("line {number} of {place}"), problem)
        }
        other => other,
    }
}
