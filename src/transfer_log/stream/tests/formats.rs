// SPDX-License-Identifier: Apache-2.0

use serde_json::Value;

use super::{refused, source, transfer};
use crate::base::Timestamp;
use crate::transfer_log::stream::event::Record;
use crate::transfer_log::stream::{Format, Source, otlp, rfc5424};
use crate::transfer_log::{ENTRY_VERSION, Entry, KeyChange};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn record(entry: Entry) -> Record {
    let json = String::from_utf8(entry.to_canonical_json().unwrap()).unwrap();
    Record { index: 7, entry, json }
}

fn check(entry: Entry, format: Format, source: &Source, expected: &str) {
    let expected = expected.replace("VERSION", VERSION);
    assert_eq!(rfc5424::message(&record(entry), format, source), expected);
}

#[test]
fn a_syslog_message_holds_the_entry_as_the_log_has_it() {
    let entry = Entry::Transfer(transfer("billing"));
    let json = record(entry.clone()).json;
    let expected = format!(
        r#"<110>1 2026-01-01T00:00:00.001Z one zollhaus - transfer [origin software="Zollhaus" swVersion="VERSION"] {{"index":7,"origin":"acme.example/one","entry":{json}}}"#
    );
    check(entry, Format::Rfc5424, &source(), &expected);
}

#[test]
fn text_beyond_ascii_follows_a_byte_order_mark_and_counts_in_bytes() {
    let entry = Entry::Refused(refused("Jörg"));
    let json = record(entry.clone()).json;
    let message = rfc5424::message(&record(entry), Format::Rfc5424, &source());
    let tail =
        format!("] \u{feff}{{\"index\":7,\"origin\":\"acme.example/one\",\"entry\":{json}}}");
    assert!(message.starts_with("<108>1 ") && message.ends_with(&tail), "{message}");

    let framed = rfc5424::frame("<1>ö");
    assert_eq!(framed, "5 <1>ö".as_bytes());
}

#[test]
fn a_host_name_is_printable_ascii_or_none() {
    let source = Source { instance: r#"o "n]e\ö"#.into(), ..source() };
    let change = Entry::KeyChange(KeyChange {
        version: ENTRY_VERSION,
        time: Timestamp::from_unix_millis(0),
        verifier_key: "k".into(),
    });
    let json = record(change.clone()).json;
    let expected = format!(
        r#"<109>1 1970-01-01T00:00:00.000Z o"n]e\ zollhaus - key_change [origin software="Zollhaus" swVersion="VERSION"] {{"index":7,"origin":"acme.example/one","entry":{json}}}"#
    );
    check(change.clone(), Format::Rfc5424, &source, &expected);
    let nameless = Source { instance: "ö".into(), ..source };
    let message = rfc5424::message(&record(change), Format::Rfc5424, &nameless);
    assert!(message.starts_with("<109>1 1970-01-01T00:00:00.000Z - zollhaus - key_change "));
}

#[test]
fn what_no_datagram_carries_is_pointed_at() {
    let pointer = rfc5424::pointer(&record(Entry::Transfer(transfer("billing"))), &source());
    assert!(
        pointer.ends_with(r#"] {"index":7,"origin":"acme.example/one","too_large":true}"#),
        "{pointer}"
    );
}

#[test]
fn cef_names_the_main_facts() {
    let head = |severity: u8, kind| {
        format!(
            r#"<{severity}>1 2026-01-01T00:00:00.001Z one zollhaus - {kind} [origin software="Zollhaus" swVersion="VERSION"] CEF:0|Zollhaus|Zollhaus|VERSION|{kind}|"#
        )
    };
    let common = "rt=1767225600001 externalId=7 dvchost=one deviceExternalId=acme.example/one cs6Label=id cs6=abababababababababababababababab";
    check(
        Entry::Transfer(transfer("a=b|c\\d\ne")),
        Format::Cef,
        &source(),
        &format!(
            r"{}Personal data transferred|1|{common} suser=a\=b|c\\d\ne cs2Label=purpose cs2=crm destinationServiceName=sf cs1Label=region cs1=US act=sobject.create flexString2Label=object flexString2=contact cs3Label=categories cs3=email cn1Label=values cn1=3 cn3Label=unprotected cn3=1 flexString1Label=jurisdictions flexString1=DE,EU cs4Label=rules cs4=gdpr/scc cs5Label=bases cs5=scc-2026 cn2Label=subjects cn2=1",
            head(110, "transfer")
        ),
    );
    check(
        Entry::Refused(refused("billing")),
        Format::Cef,
        &source(),
        &format!(
            "{}Transfer refused|6|{common} suser=billing destinationServiceName=sf reason=forbidden cs4Label=rules cs4=house/no-russia cn1Label=records cn1=2 cn2Label=subjects cn2=0",
            head(108, "refused")
        ),
    );
}

#[test]
fn a_log_record_follows_the_json_mapping_of_otlp() {
    let entry = Entry::Transfer(transfer("billing"));
    let json = record(entry.clone()).json;
    let request: Value =
        serde_json::from_slice(&otlp::request(&[record(entry)], &source())).unwrap();
    let resource = &request["resourceLogs"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "zollhaus");
    let record = &resource["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["timeUnixNano"], "1767225600001000000");
    assert_eq!(record["severityNumber"], 9);
    assert_eq!(record["eventName"], "zollhaus.transfer");
    assert_eq!(record["body"]["stringValue"], json);
    let attribute = |key: &str| {
        let attributes = record["attributes"].as_array().unwrap();
        attributes.iter().find(|found| found["key"] == key).unwrap()["value"].to_string()
    };
    assert_eq!(attribute("zollhaus.log.index"), r#"{"intValue":"7"}"#);
    assert_eq!(attribute("zollhaus.caller"), r#"{"stringValue":"billing"}"#);
    assert_eq!(
        attribute("zollhaus.jurisdictions"),
        r#"{"arrayValue":{"values":[{"stringValue":"DE"},{"stringValue":"EU"}]}}"#
    );
}

#[test]
fn rejected_records_are_counted_however_they_are_written() {
    let check = |answer: &str, expected| assert_eq!(otlp::rejected(answer.as_bytes()), expected);
    check("", 0);
    check("{}", 0);
    check(r#"{"partialSuccess":{}}"#, 0);
    check(r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}"#, 3);
    check(r#"{"partialSuccess":{"rejectedLogRecords":2}}"#, 2);
    check("<html>", 0);
}
