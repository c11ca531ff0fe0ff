// SPDX-License-Identifier: Apache-2.0
//! Which resource beside objects a request names.

use http::Method;

use crate::base::{FieldName, ObjectName};
use crate::carrier::url::{Piece, Target};
use crate::crm::LocateError;
use crate::crm::message::method_not_allowed;

use super::routes::{GROUPS, MONTH};
use super::schema::{canonical_object, is_month, is_name, is_opaque, is_record_id};

/// What the messages about a resource hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Contacts, in the form of their API v1.
    Contacts,
    /// Ids of records and types of links between them.
    Ids,
    /// Members that are fields of this object.
    Fields(&'static str),
    /// As `Fields`, of what tells of no record.
    Definitions(&'static str),
    /// A form with files of records.
    Import,
    /// Nothing that is written, and nothing that a policy is asked about.
    Plain,
    /// Values that are not read here, and why.
    Unread { place: &'static str, because: &'static str },
}

impl Content {
    pub fn object(self) -> Option<ObjectName> {
        match self {
            Self::Contacts => Some(ObjectName::from_static("contact")),
            Self::Fields(object) | Self::Definitions(object) => {
                Some(ObjectName::from_static(object))
            }
            Self::Import => Some(ObjectName::from_static("import")),
            Self::Ids | Self::Plain | Self::Unread { .. } => None,
        }
    }

    pub fn is_about_records(self) -> bool {
        matches!(self, Self::Contacts | Self::Ids | Self::Fields(_) | Self::Import)
    }
}

/// What one method does with one resource.
#[derive(Debug)]
pub(super) struct Route {
    pub method: &'static str,
    /// Without version. Placeholders: `{type}` of an object, `{record}` an id of the
    /// type before it, `{name}` an id or name of something else, `{token}` a credential,
    /// `{email}` of a contact, `{list}` the name of one.
    pub path: &'static str,
    pub name: &'static str,
    pub content: Content,
}

/// A route that a request takes, and what its path names.
#[derive(Debug)]
pub(super) struct Taken<'t> {
    pub route: &'static Route,
    pub keys: Vec<Key<'t>>,
}

/// What a segment of a path names.
#[derive(Debug)]
pub(super) enum Key<'t> {
    Type(ObjectName),
    /// A record by its id.
    Record(ObjectName, &'t str),
    /// A record by a value of one of its fields.
    Value(ObjectName, FieldName, &'t Piece),
}

/// The route of a request; `None` where it names no resource of these.
///
/// # Errors
/// [`LocateError::MethodNotAllowed`] where the resource has no such method.
pub(super) fn find<'t>(
    method: &Method,
    target: &'t Target,
) -> Result<Option<Taken<'t>>, LocateError> {
    let Some((version, words)) = split(target) else { return Ok(None) };
    let mut is_known = false;
    let groups = GROUPS.iter().filter(|(versions, _)| versions.contains(&version));
    for route in groups.flat_map(|(_, routes)| *routes) {
        if let Some(keys) = matching(route.path, &words) {
            if method == route.method {
                return Ok(Some(Taken { route, keys }));
            }
            is_known = true;
        }
    }
    if is_known { Err(method_not_allowed(method)) } else { Ok(None) }
}

/// The version of a path and the segments around it, without a slash at the end.
fn split(target: &Target) -> Option<(&str, Vec<&Piece>)> {
    let mut words: Vec<&Piece> = target.segments.iter().collect();
    if words.len() > 2 && words.last().is_some_and(|last| last.decoded.as_str().is_empty()) {
        words.pop();
    }
    let is_version = |word: &&Piece| {
        let text = word.decoded.as_str();
        ["v1", "v3", "v4"].contains(&text) || is_month(text)
    };
    let at = 1 + words.iter().skip(1).take(2).position(is_version)?;
    let version = words.remove(at).decoded.as_str();
    Some((if is_month(version) { MONTH } else { version }, words))
}

fn matching<'t>(pattern: &str, words: &[&'t Piece]) -> Option<Vec<Key<'t>>> {
    let mut keys = Vec::new();
    let mut object = ObjectName::from_static("contact");
    let mut words = words.iter();
    for part in pattern.split('/') {
        let piece: &'t Piece = words.next()?;
        let text = piece.decoded.as_str();
        let fits = match part {
            "{type}" => {
                object = canonical_object(text);
                keys.push(Key::Type(object.clone()));
                is_name(text)
            }
            "{record}" => {
                keys.push(Key::Record(object.clone(), text));
                is_record_id(text)
            }
            "{email}" => {
                let contact = ObjectName::from_static("contact");
                keys.push(Key::Value(contact, FieldName::from_static("email"), piece));
                // Another word belongs to a path that is not known.
                text.contains('@')
            }
            "{list}" => {
                let list = ObjectName::from_static("list");
                keys.push(Key::Value(list, FieldName::from_static("name"), piece));
                !text.is_empty()
            }
            "{name}" => is_name(text),
            "{token}" => is_opaque(text),
            word => word == text,
        };
        if !fits {
            return None;
        }
    }
    words.next().is_none().then_some(keys)
}
