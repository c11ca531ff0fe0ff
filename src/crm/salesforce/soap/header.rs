// SPDX-License-Identifier: Apache-2.0
//! What stands in the header of an envelope ("SOAP Headers").

use super::Form;
use super::word::Word;
use crate::carrier::xml::Element;
use crate::crm::LocateError;
use crate::crm::message::{shown, unparseable};
use crate::crm::salesforce::xml::{SOAP, refuse, refuse_text};

const HEADERS: [(&str, &[(&str, Word)]); 12] = [
    ("SessionHeader", &[("sessionId", Word::Credential)]),
    ("CallOptions", &[("client", Word::Client), (DEFAULT_NAMESPACE, Word::Nothing)]),
    ("LoginScopeHeader", &[("organizationId", Word::Id), ("portalId", Word::Id)]),
    ("AllOrNoneHeader", &[(ALL_OR_NONE, Word::Flag)]),
    ("AllowFieldTruncationHeader", &[("allowFieldTruncation", Word::No)]),
    ("AssignmentRuleHeader", &[("assignmentRuleId", Word::Id), ("useDefaultRule", Word::Flag)]),
    ("DisableFeedTrackingHeader", &[("disableFeedTracking", Word::Flag)]),
    (
        "DuplicateRuleHeader",
        &[
            ("allowSave", Word::Flag),
            ("includeRecordDetails", Word::Flag),
            ("runAsCurrentUser", Word::Flag),
        ],
    ),
    (
        "EmailHeader",
        &[
            ("triggerAutoResponseEmail", Word::Flag),
            ("triggerOtherEmail", Word::Flag),
            ("triggerUserEmail", Word::Flag),
        ],
    ),
    ("LocaleOptions", &[("language", Word::Language), ("localizeErrors", Word::Flag)]),
    ("MruHeader", &[("updateMru", Word::Flag)]),
    ("QueryOptions", &[("batchSize", Word::Number)]),
];

const ALL_OR_NONE: &str = "allOrNone";
const DEFAULT_NAMESPACE: &str = "defaultNamespace";

/// What headers say that matters here.
#[derive(Default)]
pub(super) struct Options {
    pub all_or_none: bool,
}

/// # Errors
/// [`LocateError::Unparseable`] for a header that is not known, or that would change what
/// fields are called or how long they may be.
pub(super) fn read(
    headers: &[Element],
    form: Form,
    is_login: bool,
) -> Result<Options, LocateError> {
    let mut options = Options::default();
    for (position, header) in headers.iter().enumerate() {
        let (name, before) = (header.name.as_str(), headers.iter().take(position));
        let known = HEADERS.iter().find(|(known, _)| *known == name);
        let Some((_, parts)) = known.filter(|_| header.namespace == form.namespace()) else {
            let place = format!("header `{}` of the envelope", shown(name));
            return Err(unparseable(place, "it is not known here"));
        };
        if before.into_iter().any(|other| other.name == name) {
            return Err(refuse(header, "is a header that stands there twice"));
        }
        let is_plain = header.attributes.iter().all(|attribute| {
            attribute.namespace == SOAP
                && attribute.name == "mustUnderstand"
                && matches!(attribute.value.as_str(), "0" | "1")
        });
        if !is_plain {
            return Err(refuse(header, "has an attribute that is not known here"));
        }
        refuse_text(header)?;
        for part in &header.children {
            let word = parts.iter().find(|(known, _)| *known == part.name).map(|(_, word)| *word);
            let Some(word) = word else {
                return Err(refuse(part, &format!("is no part of `{name}`")));
            };
            // No records are there whose fields it could rename.
            let is_harmless = is_login && part.name == DEFAULT_NAMESPACE;
            let text = if is_harmless { Word::Name } else { word }.read(part)?;
            options.all_or_none |= part.name == ALL_OR_NONE && matches!(text, "true" | "1");
        }
    }
    Ok(options)
}
