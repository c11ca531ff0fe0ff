// SPDX-License-Identifier: Apache-2.0
//! URLs inside messages: `@odata.id`, `@odata.bind`, `Location`, request lines of a
//! batch. Their origin is exchanged, and keys in them are values.

use std::ops::Range;

use super::path::{Key, key};
use super::schema::object_name;
use crate::base::ObjectName;
use crate::carrier::url::{Piece, Target};
use crate::carrier::{Codec, DecodedText, Slot};
use crate::crm::message::unparseable;
use crate::crm::{LocateError, Origins};
use crate::query::odata;

/// On which side of the border a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Towards {
    Upstream,
    Caller,
}

/// A URL, with what it is relative to taken off.
pub(super) struct Link {
    /// Writes the origin anew, or puts one there.
    pub origin: Option<Slot>,
    /// Where the part begins that follows the service root.
    pub resource: usize,
    /// Where the path begins, of which that is a part.
    pub path: usize,
}

/// Takes a URL apart that stands for a resource of this service: absolute, with an
/// absolute path, or relative to the service root. `None` when it leads elsewhere.
pub(super) fn link(text: &str, origins: &Origins, towards: Towards) -> Option<Link> {
    let (from, to) = match towards {
        Towards::Upstream => (&origins.public, &origins.upstream),
        Towards::Caller => (&origins.upstream, &origins.public),
    };
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let is_absolute = lower.starts_with("http://") || lower.starts_with("https://");
    let (origin, path) = if is_absolute {
        if let Some(length) = leads_to(text, from) {
            (Some((0..length, to.clone())), length)
        } else {
            (None, leads_to(text, to)?)
        }
    } else {
        let prefix = path_of(&origins.public);
        match towards {
            Towards::Upstream if !prefix.is_empty() && leads_to(text, prefix).is_some() => {
                (Some((0..prefix.len(), String::new())), prefix.len())
            }
            Towards::Caller if text.starts_with('/') && !prefix.is_empty() => {
                (Some((0..0, prefix.to_owned())), 0)
            }
            _ if text.starts_with("//") => return None,
            _ => (None, 0),
        }
    };
    let rest = text.get(path..).unwrap_or_default();
    let below_root = service_root(rest).unwrap_or_else(|| usize::from(rest.starts_with('/')));
    let origin = origin.filter(|(span, text)| !(span.is_empty() && text.is_empty()));
    let origin = origin.map(|(span, text)| Slot::rewritten(span, Codec::Plain, text));
    Some(Link { origin, resource: path + below_root, path })
}

/// The length of `origin` in a URL that begins with it.
fn leads_to(url: &str, origin: &str) -> Option<usize> {
    let (head, rest) = url.split_at_checked(origin.len())?;
    let ends_here = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    (head.eq_ignore_ascii_case(origin) && ends_here).then_some(origin.len())
}

/// The path of a URL: `/sf` of `https://crm.acme.example/sf`.
fn path_of(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(authority..).and_then(|rest| rest.find('/'));
    path.and_then(|at| url.get(authority + at..)).unwrap_or_default()
}

/// The length of `/api/data/v9.2/` at the start of a path.
fn service_root(path: &str) -> Option<usize> {
    const ROOT: &str = "/api/data/";
    let version = path.strip_prefix(ROOT)?.split('/').next()?;
    let length = ROOT.len() + version.len() + 1;
    (is_version(version) && length <= path.len()).then_some(length)
}

/// `v9.2`
pub(super) fn is_version(text: &str) -> bool {
    let is_number = |text: &str| {
        (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.strip_prefix('v')
        .and_then(|version| version.split_once('.'))
        .is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

/// What a text says that refers to a record.
pub(super) struct Reference {
    pub slots: Vec<Slot>,
    /// `None` for what stands for another part of a batch: `$1`.
    pub object: Option<ObjectName>,
    pub key: Option<Key>,
}

/// Reads `https://…/api/data/v9.2/contacts(emailaddress1='a@b.de')`, `/contacts(…)`,
/// `contacts(…)` or `$1`. The record that it names by a key has the number `record`.
///
/// # Errors
/// [`LocateError`] when it is none of them.
pub(super) fn reference(
    text: &str,
    origins: &Origins,
    towards: Towards,
    record: u32,
) -> Result<Reference, LocateError> {
    if is_content_id(text) {
        return Ok(Reference { slots: Vec::new(), object: None, key: None });
    }
    let refuse = |problem: &str| unparseable("a reference to a record", problem);
    let link = link(text, origins, towards).ok_or_else(|| refuse("it leads to another host"))?;
    let resource = text.get(link.resource..).unwrap_or_default();
    let piece = piece(resource, link.resource)?;
    let segment =
        odata::segment(piece.decoded.as_str()).map_err(|error| refuse(&error.to_string()))?;
    let arguments = segment.arguments.filter(|arguments| !arguments.is_empty());
    let arguments = arguments.ok_or_else(|| refuse("it has no key"))?;
    let object = object_name(segment.name);
    let is_encoded = towards == Towards::Caller || resource.contains('%');
    let codec = if is_encoded { Codec::Percent } else { Codec::Plain };
    let mut key = key((&piece, codec), &arguments, &object, record)?;
    if !key.aliases.is_empty() {
        return Err(refuse("it has a parameter alias"));
    }
    let mut slots = std::mem::take(&mut key.slots);
    slots.extend(link.origin);
    Ok(Reference { slots, object: Some(object), key: Some(key) })
}

/// The one segment that a text is, with percent-encoding taken off.
fn piece(text: &str, at: usize) -> Result<Piece, LocateError> {
    let refuse = |problem: String| unparseable("a reference to a record", problem);
    let span = at..at + text.len();
    if !text.contains('%') {
        return if text.contains(['/', '?', '#', '\\']) {
            Err(refuse("it is more than one record".to_owned()))
        } else {
            Ok(Piece { span, decoded: DecodedText::verbatim(text.to_owned()) })
        };
    }
    let target = Target::parse(format!("/{text}").as_bytes()).map_err(|e| refuse(e.to_string()))?;
    let mut segments = target.segments.into_iter();
    match (segments.next(), segments.next()) {
        (Some(only), None) if target.query.is_empty() => Ok(Piece { span, decoded: only.decoded }),
        _ => Err(refuse("it is more than one record".to_owned())),
    }
}

/// `$1`: the record that another part of the batch makes.
pub(super) fn is_content_id(text: &str) -> bool {
    let id = text.strip_prefix('$').unwrap_or_default();
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// A link in a decoded text, as the caller is to see it: its origin exchanged, and its
/// keys located if it leads to one record.
pub(super) fn shown_link(text: &str, origins: &Origins, record: u32) -> Reference {
    reference(text, origins, Towards::Caller, record).unwrap_or_else(|_| {
        let origin = link(text, origins, Towards::Caller).and_then(|link| link.origin);
        Reference { slots: origin.into_iter().collect(), object: None, key: None }
    })
}

/// Where a part of a text stands, moved by `by`.
pub(super) fn moved(span: &Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}
