// SPDX-License-Identifier: Apache-2.0
//! Envelopes (SOAP 1.1 section 4).

use super::Form;
use crate::carrier::xml::{Attribute, Element};
use crate::crm::LocateError;
use crate::crm::salesforce::xml::{self, SOAP, refuse, refuse_text};

/// Says how values are written that are no plain text (SOAP 1.1 section 5): by attributes,
/// which are refused.
const ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// What an envelope holds.
pub(super) struct Envelope<'e> {
    pub headers: &'e [Element],
    pub call: &'e Element,
}

/// # Errors
/// [`LocateError::Unparseable`] for anything but one call in one envelope.
pub(super) fn open(root: &Element, form: Form) -> Result<Envelope<'_>, LocateError> {
    expect(root, "Envelope")?;
    let (headers, body) = match root.children.as_slice() {
        [body] => (&[][..], body),
        [header, body] => {
            expect(header, "Header")?;
            (header.children.as_slice(), body)
        }
        _ => return Err(refuse(root, "is not an envelope with one body")),
    };
    expect(body, "Body")?;
    let [call] = body.children.as_slice() else {
        return Err(refuse(body, "does not hold one call"));
    };
    xml::check(call)?;
    if call.namespace != form.namespace() {
        return Err(refuse(call, "is no call of the API that its URL names"));
    }
    refuse_text(call)?;
    Ok(Envelope { headers, call })
}

fn expect(element: &Element, name: &str) -> Result<(), LocateError> {
    let is_style = |it: &Attribute| {
        it.namespace == SOAP && it.name == "encodingStyle" && it.value.as_str() == ENCODING
    };
    let is_plain = element.attributes.iter().all(is_style);
    if element.name != name || element.namespace != SOAP || !is_plain {
        return Err(refuse(element, &format!("is no `{name}` of SOAP 1.1 without attributes")));
    }
    refuse_text(element)
}
