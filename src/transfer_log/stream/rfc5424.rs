// SPDX-License-Identifier: Apache-2.0
//! The syslog protocol, RFC 5424.

use std::borrow::Cow;

use super::event::{Event, Record, Weight};
use super::{Format, Source, cef};

/// 13, "log audit" (section 6.2.1, table 1).
const FACILITY: u8 = 13;
const APP_NAME: &str = "zollhaus";
/// Section 6.2.4.
const MAX_HOSTNAME: usize = 255;
/// What stands before text that is UTF-8 and not ASCII (section 6.4). Without it the
/// text is ASCII, which parsers of JSON and CEF then need not be told.
const BOM: &str = "\u{feff}";

/// One message, without framing.
pub(super) fn message(record: &Record, format: Format, source: &Source) -> String {
    let event = Event::of(&record.entry);
    let text = match format {
        Format::Rfc5424 => record.to_json(&source.origin),
        Format::Cef => cef::text(record, &event, source),
    };
    let bom = if text.is_ascii() { "" } else { BOM };
    format!("{} {} {bom}{text}", header(record, &event, source), structured_data())
}

/// A message for an entry that no datagram can carry: it says which entry of which
/// log is to be looked up.
pub(super) fn pointer(record: &Record, source: &Source) -> String {
    let event = Event::of(&record.entry);
    let origin = serde_json::Value::from(&*source.origin);
    format!(
        r#"{} {} {{"index":{},"origin":{origin},"too_large":true}}"#,
        header(record, &event, source),
        structured_data(),
        record.index,
    )
}

/// `<PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID`
fn header(record: &Record, event: &Event, source: &Source) -> String {
    let severity = match event.weight {
        Weight::Warning => 4,
        Weight::Notice => 5,
        Weight::Info => 6,
    };
    let priority = FACILITY * 8 + severity;
    let time = record.entry.time().to_rfc3339();
    let host = hostname(source.instance.as_str());
    format!("<{priority}>1 {time} {host} {APP_NAME} - {}", event.kind)
}

/// The registered element `origin` (section 7.2): which software wrote this; which
/// instance of it, `HOSTNAME` says. What an entry says stands in the message, since
/// elements of our own would need an enterprise number.
fn structured_data() -> String {
    format!(r#"[origin software="Zollhaus" swVersion="{}"]"#, env!("CARGO_PKG_VERSION"))
}

/// Printable ASCII without spaces, or `-` for a name that has none.
fn hostname(name: &str) -> Cow<'_, str> {
    let name: String = name.chars().filter(char::is_ascii_graphic).take(MAX_HOSTNAME).collect();
    if name.is_empty() { "-".into() } else { name.into() }
}

/// Octet counting, `MSG-LEN SP SYSLOG-MSG` (RFC 6587 section 3.4.1, RFC 5425
/// section 4.3): whatever stands in a message, the next one begins where it should.
pub(super) fn frame(message: &str) -> Vec<u8> {
    format!("{} {message}", message.len()).into_bytes()
}
