// SPDX-License-Identifier: Apache-2.0
//! Rows of an upload that are refused, and what is told of them afterwards.

use std::slice::from_ref;

use http::HeaderMap;

use super::{headers, occurrences, origins, read_answer};
use crate::base::{Cleartext, Refusal, RefusalCode, Timestamp};
use crate::carrier::Replacement;
use crate::crm::salesforce::Salesforce;
use crate::crm::testkit;
use crate::crm::{
    Batch, Dialect, LocateError, LocatedAnswer, LocatedRequest, RefusedRecords, Remaining, Told,
};

const JOB: &str = "750WV000000demoYAA";
const NOW: Timestamp = Timestamp::from_unix_millis(0);

/// Locates a request about a job with this delimiter, of which rows were left out.
fn locate(
    (method, rest): (&str, &str),
    delimiter: &str,
    body: &str,
    quarantined: &[Cleartext],
) -> LocatedRequest {
    let line_ending = if body.contains("\r\n") { "CRLF" } else { "LF" };
    let told = format!(
        r#"{{"id":"{JOB}","object":"Contact","operation":"insert","columnDelimiter":"{delimiter}","lineEnding":"{line_ending}"}}"#
    );
    let stated = [("content-type", "text/csv")];
    let headers = headers(if body.is_empty() { &[] } else { &stated });
    let target = format!("/services/data/v62.0/jobs/ingest/{JOB}{rest}");
    let told = told.into();
    let told = Told { by_crm: Some(&told), by_caller: Some("contact"), quarantined };
    let located = testkit::see(&origins(), (method, &target), &headers, body, told, |view| {
        Salesforce.locate(view)
    });
    located.unwrap()
}

fn upload(delimiter: &str, body: &str) -> LocatedRequest {
    locate(("PUT", "/batches"), delimiter, body, &[])
}

fn refused(records: &[u32]) -> RefusedRecords {
    let refusal = Refusal::new(RefusalCode::TransferRefused, "not to the US; see \"house\"");
    records.iter().map(|record| (*record, refusal.clone())).collect()
}

/// What leaves, and what is kept.
fn split(located: &LocatedRequest, records: &[u32]) -> (String, Cleartext) {
    let batch: &dyn Batch = located.batch.as_deref().unwrap();
    let mut out = refused(records);
    batch.complete(&mut out);
    let remaining = batch.refuse(&out, NOW);
    let Remaining::Reported { left_out, emptied: None, .. } = remaining else {
        panic!("rows are left")
    };
    let keep = vec![Replacement::Keep; located.body.occurrences().len()];
    let is_out = |record: u32| out.contains_key(&record);
    let body = located.body.render_without(&mut keep.iter(), &is_out).unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), left_out)
}

fn failed(delimiter: &str, kept: &[Cleartext], answer: &str) -> Result<LocatedAnswer, LocateError> {
    let located = locate(("GET", "/failedResults"), delimiter, "", kept);
    read_answer(&located, 200, &headers(&[("content-type", "text/csv")]), answer)
}

fn text(answer: &LocatedAnswer) -> String {
    String::from_utf8(answer.body.bytes().to_vec()).unwrap()
}

#[test]
fn the_failed_results_tell_of_rows_that_never_left() {
    let rows = "LastName;Email\r\n\"Mu;ster\";a@b.de\r\nB;b@b.de\r\n\"C\r\n\";c@b.de\r\n";
    let located = upload("SEMICOLON", rows);
    assert_eq!(located.batch.as_ref().unwrap().reported_as().as_deref(), Some(JOB));
    assert_eq!(located.batch.as_ref().unwrap().elements(), [0..1, 1..2, 2..3]);
    let (left, kept) = split(&located, &[0, 2]);
    assert_eq!(left, "LastName;Email\r\nB;b@b.de\r\n");

    // As the CRM writes them, in an order of its own.
    let told =
        "\"sf__Id\";\"sf__Error\";\"Email\";\"LastName\"\n\"\";\"X:y:--\";\"b@b.de\";\"B\"\n";
    let answer = failed("SEMICOLON", from_ref(&kept), told).unwrap();
    let error = "INSUFFICIENT_ACCESS:Zollhaus: not to the US; see \"\"house\"\":--";
    let expected =
        format!("{told}\"\";\"{error}\";a@b.de;\"Mu;ster\"\n\"\";\"{error}\";c@b.de;\"C\r\n\"\n");
    assert_eq!(text(&answer), expected);
    assert_eq!(
        occurrences(&answer.body),
        [
            "0 contact.email was b@b.de",
            "0 contact.lastname was B",
            "1 contact.email was a@b.de",
            "1 contact.lastname was Mu;ster",
            "2 contact.email was c@b.de",
            "2 contact.lastname was C\r\n",
        ]
    );
    // None failed there, and nothing stands behind the header row, or no row at all.
    let header = "\"sf__Id\";\"sf__Error\";\"LastName\";\"Email\"";
    let answer = failed("SEMICOLON", from_ref(&kept), header).unwrap();
    assert!(text(&answer).starts_with(&format!("{header}\n\"\";\"INSUFFICIENT")));
    let answer = failed("SEMICOLON", from_ref(&kept), "").unwrap();
    assert!(text(&answer).starts_with("sf__Id;sf__Error;LastName;Email\n\"\";\"INSUFFICIENT"));
    assert_eq!(occurrences(&answer.body).len(), 4);
    let several = failed("SEMICOLON", &[kept.clone(), kept.clone()], "").unwrap();
    assert_eq!(text(&several).matches("sf__Id").count(), 1);
    assert_eq!(occurrences(&several.body).len(), 8);
    for other in ["\"sf__Id\";\"sf__Error\";\"LastName\"\n", &format!("{header};\"Phone\"\n")] {
        let problem = failed("SEMICOLON", from_ref(&kept), other).unwrap_err().to_string();
        assert!(problem.contains("not the columns of the upload"), "{problem}");
    }
}

#[test]
fn rows_are_taken_out_with_their_line_ends() {
    let check = |rows: &str, out: &[u32], expected: &str| {
        assert_eq!(split(&upload("COMMA", rows), out).0, expected, "{rows:?} {out:?}");
    };
    check("LastName\nA\nB\nC", &[2], "LastName\nA\nB\n");
    check("LastName\r\nA\r\nB\r\nC", &[2], "LastName\r\nA\r\nB\r\n");
    check("LastName\nA\nB\nC", &[0], "LastName\nB\nC");
    check("LastName\r\nA\r\nB\r\nC\r\n", &[0, 1], "LastName\r\nC\r\n");
    let all = upload("COMMA", "LastName\nA\nB\n");
    let remaining = all.batch.unwrap().refuse(&refused(&[0, 1]), NOW);
    let Remaining::Reported { emptied: Some(answer), .. } = remaining else {
        panic!("nothing is left")
    };
    assert!(answer.body.contains("\"errorCode\":\"INSUFFICIENT_ACCESS\""), "{}", answer.body);
}

#[test]
fn a_row_counts_those_records_only_that_it_tells_of() {
    let rows = "LastName,Account.Ext__c,Lead:Who.Email\nA,KD-1,w@b.de\nB,,w@b.de\nC,#N/A,\n";
    let located = upload("COMMA", rows);
    assert_eq!(located.batch.as_ref().unwrap().elements(), [0..3, 3..5, 6..7]);
    assert_eq!(
        occurrences(&located.body),
        [
            "0 contact.lastname = A",
            "1 account.ext__c key KD-1",
            "2 lead.email key w@b.de",
            "3 contact.lastname = B",
            "4 lead.email key w@b.de",
            "6 contact.lastname = C",
        ]
    );
    // The law of the account stops its row.
    assert_eq!(
        split(&located, &[1]).0,
        "LastName,Account.Ext__c,Lead:Who.Email\nB,,w@b.de\nC,#N/A,\n"
    );
}

#[test]
fn the_numbers_of_a_job_count_them() {
    let (_, kept) = split(&upload("PIPE", "LastName|Email\nA|a@b.de\nB|b@b.de\nC|\n"), &[0, 2]);
    let job = r#"{"id":"750WV000000demoYAA","numberRecordsProcessed":1,"numberRecordsFailed": 0 }"#;
    let read = |status, kept: &[Cleartext]| {
        let located = locate(("GET", ""), "PIPE", "", kept);
        let none = HeaderMap::new();
        text(&read_answer(&located, status, &none, job).unwrap())
    };
    let counted =
        r#"{"id":"750WV000000demoYAA","numberRecordsProcessed":3,"numberRecordsFailed": 2 }"#;
    assert_eq!(read(200, from_ref(&kept)), counted);
    assert_eq!(read(200, &[]), job);
    assert_eq!(read(404, from_ref(&kept)), job);
}
