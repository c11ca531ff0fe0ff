// SPDX-License-Identifier: Apache-2.0
//! ArcSight Common Event Format, "Implementing ArcSight CEF", version 25.

use super::Source;
use super::event::{Event, Fact, Record, Weight};

/// The keys of the extension dictionary that facts stand under, with the lengths it
/// gives them. Those that it knows only as custom fields bring a label.
const KEYS: &[(&str, &str, Option<&str>, usize)] = &[
    ("caller", "suser", None, 1023),
    ("upstream", "destinationServiceName", None, 1023),
    ("operation", "act", None, 63),
    ("result", "outcome", None, 63),
    ("code", "reason", None, 1023),
    ("region", "cs1", Some("region"), 4000),
    ("purpose", "cs2", Some("purpose"), 4000),
    ("categories", "cs3", Some("categories"), 4000),
    ("rules", "cs4", Some("rules"), 4000),
    ("bases", "cs5", Some("bases"), 4000),
    ("id", "cs6", Some("id"), 4000),
    ("values", "cn1", Some("values"), 20),
    ("subjects", "cn2", Some("subjects"), 20),
    ("unprotected", "cn3", Some("unprotected"), 20),
    ("status", "cn3", Some("status"), 20),
    ("records", "cn1", Some("records"), 20),
    ("jurisdictions", "flexString1", Some("jurisdictions"), 1023),
    ("object", "flexString2", Some("object"), 1023),
    ("uninspected", "cat", None, 1023),
    ("verifier_key", "msg", None, 1023),
];

/// `CEF:0|vendor|product|version|class|name|severity|extension`, in one line.
pub(super) fn text(record: &Record, event: &Event, source: &Source) -> String {
    let severity = match event.weight {
        Weight::Info => 1,
        Weight::Notice => 3,
        Weight::Warning => 6,
    };
    let head = ["Zollhaus", "Zollhaus", env!("CARGO_PKG_VERSION"), event.kind, event.title];
    let head = head.map(header).join("|");
    let mut extension = vec![
        format!("rt={}", record.entry.time().unix_millis()),
        format!("externalId={}", record.index),
        format!("dvchost={}", value(source.instance.as_str(), 100)),
        format!("deviceExternalId={}", value(&source.origin, 255)),
    ];
    for (name, fact) in &event.facts {
        extension.extend(pairs(name, fact));
    }
    format!("CEF:0|{head}|{severity}|{}", extension.join(" "))
}

/// `key=value`, with a label where the key is a custom one.
fn pairs(name: &str, fact: &Fact) -> Option<String> {
    let (_, key, label, length) = KEYS.iter().find(|(fact, ..)| *fact == name)?;
    let text = match name {
        "uninspected" => "uninspected".to_owned(),
        _ => fact.to_text(),
    };
    let pair = format!("{key}={}", value(&text, *length));
    Some(match label {
        Some(label) => format!("{key}Label={label} {pair}"),
        None => pair,
    })
}

/// In the header, `|` and `\` are escaped, and there are no line breaks.
fn header(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('|', r"\|");
    text.replace(['\r', '\n'], " ")
}

/// In the extension, `=` and `\` are escaped, and line breaks are written `\r`, `\n`.
fn value(text: &str, length: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars().take(length) {
        match c {
            '=' => escaped.push_str(r"\="),
            '\\' => escaped.push_str(r"\\"),
            '\n' => escaped.push_str(r"\n"),
            '\r' => escaped.push_str(r"\r"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{header, value};

    #[test]
    fn what_ends_a_field_is_escaped() {
        assert_eq!(header("a|b\\c=d\ne"), r"a\|b\\c=d e");
        assert_eq!(value("a|b\\c=d\r\ne", 99), r"a|b\\c\=d\r\ne");
        assert_eq!(value("ä=öü", 3), r"ä\=ö");
    }
}
