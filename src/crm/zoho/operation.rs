// SPDX-License-Identifier: Apache-2.0

use http::Method;
use smol_str::SmolStr;

use crate::base::ObjectName;
use crate::carrier::url::{Piece, Target};
use crate::crm::LocateError;
use crate::crm::message::{method_not_allowed, unparseable};

use super::schema::{USERS, is_id, is_name, object_name, related_list};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Create,
    Read,
    Update,
    UpdateMany,
    Upsert,
    Delete,
    DeleteMany,
    Deleted,
    Convert,
    Timeline,
    Search,
    Count,
    ListRelated,
    ReadRelated,
    CreateRelated,
    UpdateRelated,
    Unlink,
    Query,
    Composite,
    Organization,
    Metadata,
    OAuthToken,
    OAuthRevoke,
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "record.list",
            Self::Create => "record.create",
            Self::Read => "record.read",
            Self::Update => "record.update",
            Self::UpdateMany => "record.update_many",
            Self::Upsert => "record.upsert",
            Self::Delete => "record.delete",
            Self::DeleteMany => "record.delete_many",
            Self::Deleted => "record.deleted",
            Self::Convert => "record.convert",
            Self::Timeline => "record.timeline",
            Self::Search => "record.search",
            Self::Count => "record.count",
            Self::ListRelated => "related.list",
            Self::ReadRelated => "related.read",
            Self::CreateRelated => "related.create",
            Self::UpdateRelated => "related.update",
            Self::Unlink => "related.unlink",
            Self::Query => "query",
            Self::Composite => "composite",
            Self::Organization => "organization.read",
            Self::Metadata => "metadata.read",
            Self::OAuthToken => "oauth.token",
            Self::OAuthRevoke => "oauth.revoke",
        }
    }

    /// Whether the body is `{"data":[…]}`, with records of the object.
    pub fn has_records(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Update
                | Self::UpdateMany
                | Self::Upsert
                | Self::Convert
                | Self::CreateRelated
                | Self::UpdateRelated
        )
    }

    pub fn is_about_records(self) -> bool {
        !matches!(self, Self::Organization | Self::Metadata | Self::OAuthToken | Self::OAuthRevoke)
    }

    /// Whether the answer has one row for each record of the request.
    pub fn answers_rows(self) -> bool {
        self.has_records() || matches!(self, Self::Delete | Self::DeleteMany | Self::Unlink)
    }
}

/// A classified request.
#[derive(Debug)]
pub(super) struct Call<'t> {
    pub verb: Verb,
    /// The object whose records the request is about.
    pub object: Option<ObjectName>,
    /// What the path names that record by.
    pub key: Option<&'t Piece>,
    /// The record that it is related to.
    pub parent: Option<(ObjectName, SmolStr)>,
}

/// Parts of a composite request may name records by their places in the answers to others.
///
/// # Errors
/// [`LocateError::UnknownOperation`], [`LocateError::MethodNotAllowed`], or
/// [`LocateError::Unparseable`] for what is refused by name.
pub(super) fn classify<'t>(
    method: &Method,
    target: &'t Target,
    is_part: bool,
) -> Result<Call<'t>, LocateError> {
    let path = target.path();
    let get = |verb| choose(method, &[(Method::GET, verb)]);
    let post = |verb| choose(method, &[(Method::POST, verb)]);
    let of_none = |verb| Call { verb, object: None, key: None, parent: None };
    match path.as_slice() {
        ["oauth", "v2", "token"] => Ok(of_none(post(Verb::OAuthToken)?)),
        ["oauth", "v2", "token", "revoke"] => Ok(of_none(post(Verb::OAuthRevoke)?)),
        ["crm", version, rest @ ..] if is_version(version) => match rest {
            ["files", ..] => Err(unparseable("a file", "what files hold is not read here")),
            ["coql"] => Ok(of_none(post(Verb::Query)?)),
            ["__composite_requests"] => Ok(of_none(post(Verb::Composite)?)),
            ["org"] => Ok(Call {
                object: Some(ObjectName::from_static("org")),
                ..of_none(get(Verb::Organization)?)
            }),
            ["settings", kind, names @ ..]
                if SETTINGS.contains(kind) && names.iter().all(|name| is_name(name)) =>
            {
                Ok(of_none(get(Verb::Metadata)?))
            }
            ["__apis" | "__features", names @ ..] if names.iter().all(|name| is_name(name)) => {
                Ok(of_none(get(Verb::Metadata)?))
            }
            ["users", "actions", "count"] => Ok(of_none(get(Verb::Metadata)?)),
            [module, rest @ ..] if is_module(module) => {
                of_records(method, object_name(module), rest, target, is_part)
            }
            _ => Err(LocateError::UnknownOperation),
        },
        _ => Err(LocateError::UnknownOperation),
    }
}

/// Settings that tell of no records, as the recycle bin and portals do.
const SETTINGS: [&str; 13] = [
    "currencies",
    "custom_views",
    "fields",
    "global_picklists",
    "layouts",
    "map_dependencies",
    "modules",
    "pipeline",
    "profiles",
    "related_lists",
    "roles",
    "territories",
    "wizards",
];

/// What follows `/crm/v8/Contacts`.
fn of_records<'t>(
    method: &Method,
    object: ObjectName,
    rest: &[&str],
    target: &'t Target,
    is_part: bool,
) -> Result<Call<'t>, LocateError> {
    // Users log in by their address: they are invited in Zoho itself.
    let is_read_only = object.as_str() == USERS;
    if is_read_only && *method != Method::GET {
        return Err(LocateError::UnknownOperation);
    }
    let piece = |at: usize| target.segments.get(at + 3);
    let names_record = |text: &str| is_id(text) || (is_part && is_reference(text));
    let verb = match rest {
        [] => choose(
            method,
            &[
                (Method::GET, Verb::List),
                (Method::POST, Verb::Create),
                (Method::PUT, Verb::UpdateMany),
                (Method::DELETE, Verb::DeleteMany),
            ],
        )?,
        ["upsert"] => choose(method, &[(Method::POST, Verb::Upsert)])?,
        ["search"] => choose(method, &[(Method::GET, Verb::Search)])?,
        ["deleted"] => choose(method, &[(Method::GET, Verb::Deleted)])?,
        ["actions", "count"] => choose(method, &[(Method::GET, Verb::Count)])?,
        [_] => {
            let verb = choose(
                method,
                &[
                    (Method::GET, Verb::Read),
                    (Method::PUT, Verb::Update),
                    (Method::DELETE, Verb::Delete),
                ],
            )?;
            return Ok(Call { verb, object: Some(object), key: piece(0), parent: None });
        }
        [id, "actions", "convert"] if object.as_str() == "leads" && names_record(id) => {
            let verb = choose(method, &[(Method::POST, Verb::Convert)])?;
            return Ok(Call { verb, object: Some(object), key: piece(0), parent: None });
        }
        [id, "__timeline"] if names_record(id) => {
            let verb = choose(method, &[(Method::GET, Verb::Timeline)])?;
            return Ok(Call { verb, object: Some(object), key: piece(0), parent: None });
        }
        [_, "photo", ..] => {
            return Err(unparseable("a photo", "what files hold is not read here"));
        }
        [id, list, further @ ..]
            if names_record(id) && further.iter().all(|id| names_record(id)) =>
        {
            let related = related_list(list).ok_or(LocateError::UnknownOperation)?;
            let is_file = related.as_str() == "attachments";
            let verb = related_verb(method, &related, further)?;
            if is_file && (verb.has_records() || verb == Verb::ReadRelated) {
                return Err(unparseable("an attachment", "what files hold is not read here"));
            }
            let parent = is_id(id).then(|| (object, SmolStr::new(id)));
            let key = if further.is_empty() { None } else { piece(2) };
            return Ok(Call { verb, object: Some(related), key, parent });
        }
        _ => return Err(LocateError::UnknownOperation),
    };
    Ok(Call { verb, object: Some(object), key: None, parent: None })
}

fn related_verb(
    method: &Method,
    object: &ObjectName,
    further: &[&str],
) -> Result<Verb, LocateError> {
    let list = (Method::GET, Verb::ListRelated);
    let update = (Method::PUT, Verb::UpdateRelated);
    let unlink = (Method::DELETE, Verb::Unlink);
    match further {
        [] if object.as_str() == "notes" => {
            choose(method, &[list, (Method::POST, Verb::CreateRelated), update, unlink])
        }
        [] => choose(method, &[list, update, unlink]),
        [_] => choose(method, &[(Method::GET, Verb::ReadRelated), update, unlink]),
        _ => Err(LocateError::UnknownOperation),
    }
}

pub(super) fn choose<T: Copy>(method: &Method, verbs: &[(Method, T)]) -> Result<T, LocateError> {
    let found = verbs.iter().find(|(expected, _)| expected == method);
    found.map(|(_, verb)| *verb).ok_or_else(|| method_not_allowed(method))
}

/// `v2`, `v2.1` … `v8`
pub(super) fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    number == "2.1" || matches!(number.as_bytes(), [b'2'..=b'9'])
}

/// Whether it can be a module and is none of the other resources.
pub(super) fn is_module(segment: &str) -> bool {
    // What lists records of several modules does not say of which each is.
    const RESOURCES: [&str; 11] = [
        "actions",
        "activities",
        "bulk",
        "coql",
        "features",
        "functions",
        "org",
        "portals",
        "settings",
        "upload",
        "zia",
    ];
    let name = segment.to_ascii_lowercase();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    segment.starts_with(|first: char| first.is_ascii_alphabetic())
        && segment.bytes().all(is_part)
        && !RESOURCES.contains(&name.as_str())
}

/// Whether a text is filled in from the answer to another part of a composite request.
pub(super) fn refers(text: &str) -> bool {
    text.contains("@{")
}

/// An id, or the place for one in the answer to another part of a composite request:
/// `@{1:$.data[0].details.id}`.
pub(super) fn is_reference(text: &str) -> bool {
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"_$.[]".contains(&byte);
    let place = text.strip_prefix("@{").and_then(|rest| rest.strip_suffix('}'));
    let parts = place.and_then(|place| place.split_once(':'));
    is_id(text)
        || parts.is_some_and(|(request, path)| {
            request.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && path.starts_with('$')
                && path.bytes().all(is_path)
        })
}
