// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{MAX_PARTS, MultipartError, boundary, parts};

/// The parts, one line each: header names, and what the message says.
fn summary(text: &str) -> Result<Vec<String>, MultipartError> {
    let found = parts(text.as_bytes(), 0..text.len(), "b")?;
    found
        .iter()
        .map(|part| {
            let names: Vec<&str> = part.headers.iter().map(|header| header.name.as_str()).collect();
            let message = part.message(text.as_bytes())?;
            let inner: Vec<&str> =
                message.headers.iter().map(|header| &text[header.value.clone()]).collect();
            Ok(format!(
                "{}|{}|{}|{}",
                names.join(","),
                &text[message.start_line.clone()],
                inner.join(","),
                &text[message.body.clone()],
            ))
        })
        .collect()
}

const TWO: &str = "--b\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\n\
                   GET /a HTTP/1.1\nAccept: x\n\n--b\nA:b\n\nPOST /b HTTP/1.1\nContent-Length:  5 \nC: d\n\n\
                   {\"a\"}\n\n--b--\n";

#[test]
fn parts_are_told_apart_whatever_ends_their_lines() {
    let expected = [
        "content-type,content-transfer-encoding|GET /a HTTP/1.1|x|",
        "a|POST /b HTTP/1.1|5,d|{\"a\"}",
    ];
    for text in [TWO.to_owned(), TWO.replace('\n', "\r\n"), TWO.trim_end().to_owned()] {
        assert_eq!(summary(&text).unwrap(), expected, "{text:?}");
    }
    assert_eq!(summary("\r\n--b--").unwrap(), Vec::<String>::new());
    assert_eq!(summary("--b \n\nGET / HTTP/1.1\n--b--  \n\n").unwrap(), ["|GET / HTTP/1.1||"]);
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let check = |text: &str, expected: MultipartError| {
        assert_eq!(summary(text), Err(expected), "{text:?}");
    };
    check("", MultipartError::Delimiter(0));
    check("--b\n\nGET / HTTP/1.1\n", MultipartError::Delimiter(20));
    check("hello\n--b--", MultipartError::Delimiter(0));
    check("--b--\nhello", MultipartError::Delimiter(6));
    check("--b--\n--b--", MultipartError::Boundary(6));
    check("--bc\n\nGET\n--b--", MultipartError::Boundary(0));
    check("--b\n\nGET --b\n--b--", MultipartError::Boundary(5));
    check("--b\n\nGET\r--b\n--b--", MultipartError::Boundary(5));
    check("--b\nA b\n\nGET\n--b--", MultipartError::Header(4));
    check("--b\nA: b\n c\n\nGET\n--b--", MultipartError::Header(9));
    check("--b\nA: ü\n\nGET\n--b--", MultipartError::Header(4));
    check("--b\nA: b\rC: d\n\nGET\n--b--", MultipartError::Header(4));
    check("--b\nContent-Transfer-Encoding: base64\n\nGET\n--b--", MultipartError::Content(4));
    check("--b\n\nGET\nContent-Encoding: gzip\n\nx\n--b--", MultipartError::Content(33));
    check("--b\n\nGET\nContent-Length: 1\n\nxy\n--b--", MultipartError::Content(28));
    check("--b\n\nGET\nContent-Length: 3\n\nxy\n--b--", MultipartError::Content(28));
    check("--b\n\nGET\nContent-Length: +2\n\nxy\n--b--", MultipartError::Content(29));
    check(
        "--b\n\nGET\nContent-Length: 2\nContent-Length: 2\n\nxy\n--b--",
        MultipartError::Header(27),
    );
    let many = "--b\n\nGET\n".repeat(MAX_PARTS + 1) + "--b--";
    check(&many, MultipartError::TooMany);
}

#[test]
fn boundaries_are_found() {
    let check = |content_type, expected| assert_eq!(boundary(content_type), expected);
    check("multipart/mixed;boundary=dwa_batch_1", Some("dwa_batch_1"));
    check("Multipart/Mixed ; Boundary=\"a b\"", None);
    check("multipart/mixed; boundary=\"a=b\"", Some("a=b"));
    check("multipart/mixed", None);
    check("multipart/form-data; boundary=a", None);
    check("multipart/mixed; boundary=a; boundary=b", None);
    check("multipart/mixed; boundary=", None);
    check("multipart/mixed; boundary=\"a", None);
}

#[test]
fn errors_and_debug_output_hold_no_values() {
    let found = parts(TWO.as_bytes(), 0..TWO.len(), "b").unwrap();
    let shown = format!("{found:?} {:?}", found[1].message(TWO.as_bytes()).unwrap());
    assert!(!shown.contains("{\\\"a") && !shown.contains("GET"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(--b|--|\r\n|\n|[A-C]: ?|Content-Length: ?|[0-9]{1,3}|[a-zü ]{1,4}){0,40}") {
        let _ = summary(&text);
    }
}
