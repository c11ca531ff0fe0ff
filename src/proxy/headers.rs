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
    // Texts of fewer than four characters stand in every field and tell nothing.
    let telling =
        clear.iter().map(|value| value.expose()).filter(|text| text.chars().nth(3).is_some());
    let telling: Vec<_> =
        telling.map(|text| zeroize::Zeroizing::new(text.to_lowercase())).collect();
    for (name, readings) in free {
        let repeats = |text: &zeroize::Zeroizing<String>| {
            readings.iter().any(|reading| reading.contains(text.as_str()))
        };
        if telling.iter().any(repeats) {
            forwarded.remove(name);
        }
    }
    forwarded
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
