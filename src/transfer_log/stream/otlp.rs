// SPDX-License-Identifier: Apache-2.0
//! OpenTelemetry logs, OTLP 1.x in its JSON form: the protobuf JSON mapping, where
//! 64-bit integers are texts and enumerations numbers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Source;
use super::event::{Event, Fact, Record, Weight};

/// An `ExportLogsServiceRequest` of one resource and one scope.
pub(super) fn request(records: &[Record], source: &Source) -> Vec<u8> {
    let records: Vec<Value> = records.iter().map(|record| log_record(record, source)).collect();
    let version = env!("CARGO_PKG_VERSION");
    let request = json!({ "resourceLogs": [{
        "resource": { "attributes": [
            attribute("service.name", &text("zollhaus")),
            attribute("service.version", &text(version)),
            attribute("service.instance.id", &text(source.instance.as_str())),
        ] },
        "scopeLogs": [{
            "scope": { "name": "zollhaus.transfer_log", "version": version },
            "logRecords": records,
        }],
    }] });
    request.to_string().into_bytes()
}

fn log_record(record: &Record, source: &Source) -> Value {
    let event = Event::of(&record.entry);
    let (number, word) = match event.weight {
        Weight::Info => (9, "INFO"),
        Weight::Notice => (10, "INFO2"),
        Weight::Warning => (13, "WARN"),
    };
    let mut attributes = vec![
        attribute("zollhaus.log.origin", &text(&source.origin)),
        attribute("zollhaus.log.index", &Fact::Number(record.index)),
    ];
    attributes.extend(
        event.facts.iter().map(|(name, fact)| attribute(&format!("zollhaus.{name}"), fact)),
    );
    json!({
        "timeUnixNano": format!("{}000000", record.entry.time().unix_millis()),
        "severityNumber": number,
        "severityText": word,
        "eventName": format!("zollhaus.{}", event.kind),
        "body": { "stringValue": record.json },
        "attributes": attributes,
    })
}

fn text(text: &str) -> Fact {
    Fact::Text(text.to_owned())
}

fn attribute(key: &str, fact: &Fact) -> Value {
    let value = match fact {
        Fact::Text(text) => json!({ "stringValue": text }),
        Fact::Number(number) => json!({ "intValue": number.to_string() }),
        Fact::List(items) => {
            let values: Vec<_> = items.iter().map(|item| json!({ "stringValue": item })).collect();
            json!({ "arrayValue": { "values": values } })
        }
    };
    json!({ "key": key, "value": value })
}

/// How many records a collector took no interest in, by its answer. It must not be
/// sent them again ("Partial Success" in the OTLP specification).
pub(super) fn rejected(answer: &[u8]) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(default)]
        partial_success: PartialSuccess,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PartialSuccess {
        #[serde(default)]
        rejected_log_records: Value,
    }
    let answer = serde_json::from_slice::<Answer>(answer);
    let rejected = answer.map_or(Value::Null, |answer| answer.partial_success.rejected_log_records);
    // A text by the mapping, a number by many senders.
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0)
}
