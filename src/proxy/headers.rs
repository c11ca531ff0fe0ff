// SPDX-License-Identifier: Apache-2.0
//! Header fields on their way out and back.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::percent_decode;

use crate::base::{Cleartext, Refusal, RefusalCode};
use crate::listener::end_to_end;

use super::respond;
use super::stage::RenderedHeader;

/// Fields whose words are fixed, or that are the CRM's own credentials: a name
/// that happens to be one of their words is not what they say.
const FORMAL: [HeaderName; 6] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("x-api-token"),
    HeaderName::from_static("x-sfdc-session"),
];

/// The request fields that may leave, without any that repeats a protected value.
pub fn forwarded(headers: &HeaderMap, clear: &[&Cleartext]) -> HeaderMap {
    let mut forwarded = end_to_end(headers);
    forwarded.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let free: Vec<(HeaderName, Vec<String>)> = forwarded
        .iter()
        .filter(|(name, _)| !FORMAL.contains(name))
        .map(|(name, value)| (name.clone(), readings(value)))
        .collect();
    if free.is_empty() {
        return forwarded;
    }
    let telling = Telling::of(clear);
    for (name, readings) in free {
        if readings.iter().any(|reading| telling.stand_in(reading)) {
            forwarded.remove(name);
        }
    }
    forwarded
}

/// Values that may not stand in a field, in lower case and in order. None begins with
/// another: where the longer one stands, the shorter one does.
struct Telling(Vec<Cleartext>);

impl Telling {
    /// Texts of fewer than four characters stand in every field and tell nothing.
    fn of(clear: &[&Cleartext]) -> Self {
        let clear = clear.iter().map(|value| value.expose());
        let telling = clear.filter(|text| text.chars().nth(3).is_some());
        let mut telling: Vec<_> = telling.map(|text| Cleartext::new(text.to_lowercase())).collect();
        telling.sort_unstable();
        telling.dedup_by(|text, before| text.expose().starts_with(before.expose()));
        Self(telling)
    }

    /// Whether one of them stands in a text. What begins at a place is the last of those
    /// that sort before the text from there on, so that each place is looked at once.
    fn stand_in(&self, text: &str) -> bool {
        text.char_indices().any(|(at, _)| {
            let rest = text.get(at..).unwrap_or_default();
            let next = self.0.partition_point(|known| known.expose() <= rest);
            let last = next.checked_sub(1).and_then(|last| self.0.get(last));
            last.is_some_and(|known| rest.starts_with(known.expose()))
        })
    }
}

/// What a field says as it stands, with percent-encoding taken off, and in what looks
/// like base64; all in lower case.
fn readings(value: &HeaderValue) -> Vec<String> {
    let decoded: Vec<u8> = percent_decode(value.as_bytes()).collect();
    let twice: Vec<u8> = percent_decode(&decoded).collect();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let runs = value.as_bytes().split(|byte| !is_base64(byte)).filter_map(|run| {
        let standard = STANDARD_NO_PAD.decode(run);
        standard.or_else(|_| URL_SAFE_NO_PAD.decode(run)).ok()
    });
    let all = [value.as_bytes().to_vec(), decoded, twice].into_iter().chain(runs);
    all.map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase()).collect()
}

/// Puts fields in the place of all of the same names.
pub fn replace(headers: &mut HeaderMap, rendered: Vec<RenderedHeader>) -> Result<(), Refusal> {
    for (name, _) in &rendered {
        headers.remove(name);
    }
    for (name, value) in rendered {
        let value =
            HeaderValue::from_maybe_shared(value).map_err(|error| respond::defect(&error))?;
        headers.append(name, value);
    }
    Ok(())
}

/// The content coding, if there is one.
pub fn content_encoding(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let refusal = || {
        Refusal::new(
            RefusalCode::UnsupportedCoding,
            "the body has a content coding that is not read here",
        )
    };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let coding = value.to_str().map_err(|_| refusal())?.trim().to_ascii_lowercase();
            Ok((!coding.is_empty() && coding != "identity").then_some(coding))
        }
        (Some(_), Some(_)) => Err(refusal()),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::forwarded;
    use crate::base::Cleartext;

    fn check(values: &[&str], field: &str, passes: bool) {
        let values: Vec<_> = values.iter().map(|value| Cleartext::new(*value)).collect();
        let name = HeaderName::from_static("x-ms-client-request-id");
        let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_str(field).unwrap())]);
        let left = forwarded(&headers, &values.iter().collect::<Vec<_>>());
        assert_eq!(left.contains_key(name), passes, "{values:?} {field}");
    }

    #[test]
    fn a_field_that_repeats_a_value_does_not_leave() {
        check(&[], "anything", true);
        check(&["Mustermann"], "for musterMANN!", false);
        check(&["Mustermann"], "for musterman", true);
        check(&["Max"], "max", true);
        // One value begins with another, or sorts between it and the text.
        check(&["annabell", "anna", "annabella"], "x-annab", false);
        check(&["annabell", "annabella"], "x-annabel-annabelx", true);
        check(&["anna", "annaz"], "hannay", false);
        check(&["Müller"], "m%C3%BCller", false);
        check(&["Müller"], "m%25C3%25BCller", false);
        check(&["Mustermann"], "TXVzdGVybWFubg==", false);
    }

    /// Comparing each value with each place would not end.
    #[test]
    fn many_values_are_looked_for_at_once() {
        let values: Vec<String> = (0..200_000).map(|number| format!("aaaa{number:07}")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let field = "a".repeat(60_000);
        check(&values, &field, true);
        check(&values, &format!("{field}0123456"), false);
    }
}
