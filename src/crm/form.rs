// SPDX-License-Identifier: Apache-2.0
//! Forms (RFC 7578): their parts, and what the headers of these say.

use std::ops::Range;

use http::header::CONTENT_TYPE;

use crate::carrier::multipart::{self, Header, MultipartError};
use crate::crm::message::unparseable;
use crate::crm::{LocateError, RequestView};

/// A part of a form.
pub struct Part<'t> {
    pub name: &'t str,
    /// What it is called, if it is a file.
    pub file: Option<&'t str>,
    /// Where its content stands.
    pub span: Range<usize>,
}

/// The parts of the form that is the body of a request.
///
/// # Errors
/// [`LocateError`] for a body that is no form beyond doubt, or has a part with headers
/// that could hold more than names.
pub fn parts<'r>(request: &RequestView<'r>) -> Result<Vec<Part<'r>>, LocateError> {
    let mut fields = request.headers.get_all(CONTENT_TYPE).iter();
    let only = fields.next().filter(|_| fields.next().is_none());
    let named = only.and_then(|field| field.to_str().ok());
    let boundary = named.and_then(|field| multipart::boundary_of(field, "multipart/form-data"));
    let expected = "multipart/form-data";
    let boundary =
        boundary.ok_or(LocateError::UnsupportedMediaType { place: "the body", expected })?;
    let body: &[u8] = request.body;
    let of_form = |error: MultipartError| unparseable("the form", error.to_string());
    let parts = multipart::parts(body, 0..body.len(), boundary).map_err(of_form)?;
    let part = |part: multipart::Part| {
        let header = part.header(body, "content-disposition").map_err(of_form)?;
        let is_known = check_headers(body, &part.headers);
        let disposition = header.and_then(Disposition::parse).filter(|_| is_known);
        let problem = "it has a part with headers that are not read here";
        let Disposition { name, file } =
            disposition.ok_or_else(|| unparseable("the form", problem))?;
        Ok(Part { name, file, span: part.body })
    };
    parts.into_iter().map(part).collect()
}

/// What `Content-Disposition` says.
struct Disposition<'t> {
    name: &'t str,
    file: Option<&'t str>,
}

impl<'t> Disposition<'t> {
    /// `form-data; name="files"; filename="c.csv"`; `None` for anything that could be
    /// read in another way, and for names that could be more than names.
    fn parse(field: &'t str) -> Option<Self> {
        let mut parts = field.split(';').map(|part| part.trim_matches([' ', '\t']));
        if !parts.next()?.eq_ignore_ascii_case("form-data") {
            return None;
        }
        let mut disposition = Self { name: quoted(parts.next()?, "name")?, file: None };
        if let Some(part) = parts.next() {
            disposition.file = Some(quoted(part, "filename")?);
        }
        parts.next().is_none().then_some(disposition)
    }
}

fn quoted<'t>(parameter: &'t str, name: &str) -> Option<&'t str> {
    let (found, value) = parameter.split_once('=')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. ()".contains(&byte);
    let fits = found.eq_ignore_ascii_case(name) && (1..=255).contains(&value.len());
    (fits && value.bytes().all(is_plain)).then_some(value)
}

/// Whether a part has no headers but those that say what it is.
fn check_headers(body: &[u8], headers: &[Header]) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+.-_;= \"".contains(&byte);
    headers.iter().all(|header| match header.name.as_str() {
        "content-disposition" | "content-transfer-encoding" => true,
        "content-type" => {
            let value = header.text(body).unwrap_or_default();
            value.len() <= 100 && value.bytes().all(is_plain)
        }
        _ => false,
    })
}
