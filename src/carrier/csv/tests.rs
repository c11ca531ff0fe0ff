// SPDX-License-Identifier: Apache-2.0

use bytes::Bytes;
use proptest::prelude::*;

use super::{Csv, CsvError, Delimiter, LineEnding, MAX_CELLS};
use crate::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot};
use crate::testkit::shared_path;

const DELIMITERS: [Delimiter; 6] = [
    Delimiter::Backquote,
    Delimiter::Caret,
    Delimiter::Comma,
    Delimiter::Pipe,
    Delimiter::Semicolon,
    Delimiter::Tab,
];

fn comma(text: &str) -> Result<Csv<'_>, CsvError> {
    Csv::parse(text.as_bytes(), Delimiter::Comma, LineEnding::Lf)
}

fn texts(csv: &Csv<'_>) -> Vec<Vec<String>> {
    let own = |row: Vec<super::Cell<'_>>| row.iter().map(|cell| cell.text().into_owned()).collect();
    std::iter::once(own(csv.header().collect())).chain(csv.rows().map(own)).collect()
}

/// Every cell as a value.
fn document(text: &str, csv: &Csv<'_>) -> Document {
    let cells = csv.rows().flatten();
    let slots = cells.map(|cell| {
        let occurrence = Occurrence {
            object: "contact".into(),
            field: "email".into(),
            record: 0,
            role: Role::Stored,
            value: cell.value(),
        };
        Slot::value(cell.span(), Codec::Csv, occurrence)
    });
    Document::new(text.to_owned(), slots.collect())
}

fn render(document: &Document, replacement: &Replacement) -> Bytes {
    document.render(&mut std::iter::repeat(replacement)).unwrap()
}

#[test]
fn cells_are_found_where_they_stand() {
    let text = "a,b\n\"x, \"\"y\"\"\nz\",\n,\"\"\n";
    let csv = comma(text).unwrap();
    assert_eq!(texts(&csv), [["a", "b"], ["x, \"y\"\nz", ""], ["", ""]]);
    let spans: Vec<_> = csv.rows().flatten().map(|cell| (cell.span(), cell.inner_span())).collect();
    assert_eq!(spans, [(4..16, 5..15), (17..17, 17..17), (18..18, 18..18), (19..21, 20..20)]);
    let first = csv.rows().next().unwrap()[0];
    let at = first.text().find('y').unwrap();
    let origin = first.decoded().origin_of(&(at..at + 1));
    assert_eq!(&text[5 + origin.start..5 + origin.end], "y");
    assert_eq!(first.decoded().as_str(), first.text());

    let document = document(text, &csv);
    assert_eq!(render(&document, &Replacement::Keep), text);
    assert_eq!(
        render(&document, &Replacement::text("a\"b")),
        "a,b\n\"a\"\"b\",\"a\"\"b\"\n\"a\"\"b\",\"a\"\"b\"\n"
    );
    assert!(!format!("{csv:?}{document:?}").contains("x, "));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_cell() {
    let text = "\u{feff}a,b\n1,2\n";
    let csv = comma(text).unwrap();
    assert_eq!(texts(&csv), [["a", "b"], ["1", "2"]]);
    assert_eq!(csv.header().next().unwrap().span(), 3..4);
    let replaced = render(&document(text, &csv), &Replacement::text("x"));
    assert_eq!(replaced, "\u{feff}a,b\n\"x\",\"x\"\n");
    assert_eq!(texts(&comma("\u{feff}\n").unwrap()), [[""]]);
}

#[test]
fn each_delimiter_and_line_end_is_the_one_that_was_agreed() {
    for delimiter in DELIMITERS {
        let sign = char::from(delimiter.byte());
        for (end, line_ending) in [("\n", LineEnding::Lf), ("\r\n", LineEnding::CrLf)] {
            let text = format!("a{sign}b{end}\"1{sign}{end}\"{sign}2{end}");
            let csv = Csv::parse(text.as_bytes(), delimiter, line_ending).unwrap();
            assert_eq!(texts(&csv)[1], [format!("1{sign}{end}"), "2".to_owned()]);
            let either = Csv::parse(text.as_bytes(), delimiter, LineEnding::Either).unwrap();
            assert_eq!(texts(&either), texts(&csv));
            let other = if end == "\n" { LineEnding::CrLf } else { LineEnding::Lf };
            let wrong = Csv::parse(text.as_bytes(), delimiter, other).unwrap_err();
            assert_eq!(wrong, CsvError::LineEnding(3));
        }
    }
    assert_eq!(comma("").unwrap().rows().count(), 0);
    assert_eq!(texts(&comma("a,b").unwrap()), [["a", "b"]]);
    assert_eq!(comma("a\n\nx").unwrap().rows().count(), 2, "an empty cell is one");
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let check = |text: &str, expected| assert_eq!(comma(text).unwrap_err(), expected, "{text:?}");
    check("a,b\n1", CsvError::Width { row: 2 });
    check("a,b\n1,2,3", CsvError::Width { row: 2 });
    check("a,b\n1,2\n\n", CsvError::Width { row: 3 });
    check("a,b\n1,\"2", CsvError::UnexpectedEnd);
    check("a,b\n1\"2,3", CsvError::Quote(5));
    check("a,b\n\"1\" ,2", CsvError::Quote(7));
    check("a,b\n \"1\",2", CsvError::Quote(5));
    check("a,b\r1,2", CsvError::LineEnding(3));
    check("a,b\n1,2\r\n", CsvError::LineEnding(7));
    check("\u{feff}\"a\",b", CsvError::Quote(3));
    check("a,b\n1,\0", CsvError::Character(6));
    let either = Csv::parse(b"a\r\nb\nc", Delimiter::Comma, LineEnding::Either).unwrap_err();
    assert_eq!(either, CsvError::LineEnding(4));
    let bytes = Csv::parse(b"a\n\xff", Delimiter::Comma, LineEnding::Lf).unwrap_err();
    assert_eq!(bytes, CsvError::Encoding(2));
}

#[test]
fn the_number_of_cells_is_bounded() {
    let text = format!("a{}", "\n".repeat(MAX_CELLS));
    assert_eq!(comma(&text).unwrap().rows().count(), MAX_CELLS - 1);
    assert_eq!(comma(&format!("{text}\n")).unwrap_err(), CsvError::TooMany);
}

#[test]
fn the_sample_files_of_a_client_library_are_read() {
    let Some(folder) = shared_path("crm/salesforce/bulk-csv") else { return };
    let check = |name: &str, delimiter, columns, rows| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let csv = Csv::parse(text.as_bytes(), delimiter, LineEnding::Either).unwrap();
        assert_eq!((csv.header().count(), csv.rows().count()), (columns, rows), "{name}");
        assert_eq!(render(&document(&text, &csv), &Replacement::Keep), text, "{name}");
    };
    check("account-backquote.csv", Delimiter::Backquote, 5, 10);
    check("account-multiline.csv", Delimiter::Comma, 30, 100);
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        rows in prop::collection::vec(prop::collection::vec("[^\u{0}\u{feff}]{0,12}", 3), 1..6),
        delimiter in prop::sample::select(&DELIMITERS),
    ) {
        let sign = char::from(delimiter.byte()).to_string();
        let line = |row: &Vec<String>| {
            let cells: Vec<_> = row.iter().map(|cell| Codec::Csv.literal(cell)).collect();
            format!("{}\n", cells.join(&sign))
        };
        let text: String = rows.iter().map(line).collect();
        let csv = Csv::parse(text.as_bytes(), delimiter, LineEnding::Lf).unwrap();
        prop_assert_eq!(texts(&csv), rows);
        prop_assert_eq!(render(&document(&text, &csv), &Replacement::Keep), text);
    }

    #[test]
    fn no_text_makes_the_parser_fail(text in "[a,\"\n\r;` ]{0,40}") {
        if let Ok(csv) = comma(&text) {
            prop_assert_eq!(render(&document(&text, &csv), &Replacement::Keep), text);
        }
    }
}
