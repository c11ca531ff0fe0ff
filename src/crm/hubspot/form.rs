// SPDX-License-Identifier: Apache-2.0
//! The headers of the parts of a form (RFC 7578).

use crate::carrier::multipart::Header;

/// What `Content-Disposition` says.
#[derive(Debug)]
pub(super) struct Disposition<'t> {
    pub name: &'t str,
    pub file: Option<&'t str>,
}

impl<'t> Disposition<'t> {
    /// `form-data; name="files"; filename="c.csv"`; `None` for anything that could be
    /// read in another way, and for names that could be more than names.
    pub fn parse(field: &'t str) -> Option<Self> {
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
pub(super) fn check_headers(text: &str, headers: &[Header]) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+.-_;= \"".contains(&byte);
    headers.iter().all(|header| match header.name.as_str() {
        "content-disposition" | "content-transfer-encoding" => true,
        "content-type" => {
            let value = text.get(header.value.clone()).unwrap_or_default();
            value.len() <= 100 && value.bytes().all(is_plain)
        }
        _ => false,
    })
}
