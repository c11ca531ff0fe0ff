// SPDX-License-Identifier: Apache-2.0
//! What parameters hold that are no values of records.

use crate::carrier::xml::Element;
use crate::crm::LocateError;
use crate::crm::message::is_time;
use crate::crm::salesforce::id::is_id;
use crate::crm::salesforce::operation::{is_locator, is_path};
use crate::crm::salesforce::schema::is_name;
use crate::crm::salesforce::xml;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Id,
    /// Of an object or a field.
    Name,
    /// `Id, Account.Name`
    Paths,
    Flag,
    Number,
    Time,
    Locator,
    /// `en_US`
    Language,
    /// What a client calls itself.
    Client,
    /// Of the caller's own staff and software: passed as it is.
    Credential,
    /// It is known, and nothing may stand there.
    Nothing,
    /// It may only say no.
    No,
}

impl Word {
    /// # Errors
    /// [`LocateError::Unparseable`] for an element that holds anything else.
    pub(super) fn read(self, element: &Element) -> Result<&str, LocateError> {
        let text = xml::text(element)?;
        let is_fine = match self {
            Self::Id => is_id(text),
            Self::Name => is_name(text),
            Self::Paths => text.split(',').all(|path| is_path(path.trim())),
            Self::Flag => matches!(text, "true" | "false" | "1" | "0"),
            Self::Number => {
                (1..=9).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit())
            }
            Self::Time => is_time(text),
            Self::Locator => is_locator(text),
            Self::Language => text.len() <= 8 && is_name(text),
            Self::Client => text.len() <= 128 && text.bytes().all(is_of_client),
            Self::Credential => true,
            Self::Nothing => false,
            Self::No => matches!(text, "false" | "0"),
        };
        if text.is_empty() || is_fine {
            return Ok(text);
        }
        let problem = match self {
            Self::No => "may only be `false`: what is cut would not be found again",
            Self::Nothing => "may not be set: fields would have other names",
            _ => "does not hold what its name says",
        };
        Err(xml::refuse(element, &format!("(`{}`) {problem}", element.name)))
    }
}

fn is_of_client(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" ._-/()".contains(&byte)
}
