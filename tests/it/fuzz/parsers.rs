// SPDX-License-Identifier: Apache-2.0
//! The carriers and query languages, for tests and for `fuzz/`: `fuzz/seeds` has what each
//! of them is to begin with.

use bytes::Bytes;
use zollhaus::carrier::coding::{self, ExpansionLimits};
use zollhaus::carrier::csv::{Csv, Delimiter, Divider, LineEnding, Piece};
use zollhaus::carrier::json::Json;
use zollhaus::carrier::url::Target;
use zollhaus::carrier::zip::Archive;
use zollhaus::carrier::{multipart, xml};
use zollhaus::query::odata::{self, Clause};
use zollhaus::query::{coql, fetchxml, graphql, soql, sosl, zoho_criteria};

/// A name, and what reads any bytes without a panic.
pub type Parser = (&'static str, fn(&[u8]));

const EXPANSION: ExpansionLimits = ExpansionLimits { max_bytes: 1 << 20, max_ratio: 100 };

pub const PARSERS: &[Parser] = &[
    ("json", |bytes| drop(Json::parse(bytes, 64))),
    ("csv", csv),
    ("xml", |bytes| drop(xml::parse_namespaced(&String::from_utf8_lossy(bytes)))),
    ("zip", |bytes| drop(Archive::read(&Bytes::copy_from_slice(bytes), EXPANSION))),
    ("multipart", multipart),
    ("url", |bytes| drop(Target::parse(&Bytes::copy_from_slice(bytes)))),
    ("coding", coding),
    ("soql", |bytes| drop(soql::parse(&String::from_utf8_lossy(bytes)))),
    ("sosl", |bytes| drop(sosl::parse(&String::from_utf8_lossy(bytes)))),
    ("graphql", |bytes| drop(graphql::parse(&String::from_utf8_lossy(bytes)))),
    ("odata", odata),
    ("fetchxml", |bytes| drop(fetchxml::parse(&String::from_utf8_lossy(bytes)))),
    ("coql", |bytes| drop(coql::parse(&String::from_utf8_lossy(bytes)))),
    ("zoho_criteria", |bytes| drop(zoho_criteria::parse(&String::from_utf8_lossy(bytes)))),
];

/// A text is one as a whole if and only if its pieces are.
fn csv(bytes: &[u8]) {
    for delimiter in [Delimiter::Comma, Delimiter::Semicolon] {
        for line_ending in [LineEnding::Lf, LineEnding::CrLf, LineEnding::Either] {
            let whole = Csv::parse(bytes, delimiter, line_ending);
            let pieces = divided(bytes);
            let are_all = |piece: &Piece| Csv::parse(&piece.text, delimiter, line_ending).is_ok();
            assert_eq!(whole.is_ok(), pieces.iter().all(are_all));
        }
    }
}

fn divided(bytes: &[u8]) -> Vec<Piece> {
    let mut divider = Divider::new(8);
    let mut pieces = Vec::new();
    for part in bytes.chunks(3) {
        divider.push(part);
        pieces.extend(std::iter::from_fn(|| divider.next_piece()));
    }
    pieces.extend(divider.finish());
    let joined: Vec<u8> =
        pieces.iter().flat_map(|piece| piece.text[piece.repeated..].to_vec()).collect();
    assert_eq!(joined, bytes);
    pieces
}

fn multipart(bytes: &[u8]) {
    for part in multipart::parts(bytes, 0..bytes.len(), "b").into_iter().flatten() {
        drop(part.message(bytes));
    }
}

/// What arrives in parts opens to what the whole opens to, or to less until it fails.
fn coding(bytes: &[u8]) {
    for coding in ["gzip", "deflate"] {
        let whole = coding::decode(Some(coding), Bytes::copy_from_slice(bytes), EXPANSION);
        let mut decoder = coding::Decoder::new(Some(coding), EXPANSION).expect("a known coding");
        let mut opened = Vec::new();
        let parts = bytes.chunks(7).try_for_each(|part| decoder.push(part, &mut opened));
        if parts.and_then(|()| decoder.finish()).is_ok() {
            assert_eq!(whole.as_deref(), Ok(&opened[..]));
        }
        assert!(opened.len() <= EXPANSION.max_bytes + 1);
    }
}

fn odata(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let alias = |_: &str| Some("'lastname'".to_owned());
    for clause in [Clause::Filter, Clause::OrderBy, Clause::Select, Clause::Expand, Clause::Apply] {
        drop(odata::parse(clause, &text, &alias));
    }
    drop((odata::segment(&text), odata::literals(&text)));
}
