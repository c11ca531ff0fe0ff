// SPDX-License-Identifier: Apache-2.0

use http::Method;

use crate::base::ObjectName;
use crate::carrier::url::{Piece, Target};
use crate::crm::LocateError;
use crate::crm::message::method_not_allowed;

use super::schema::{canonical_object, is_month, is_name, is_type_id};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Create,
    Read,
    Update,
    Delete,
    BatchCreate,
    BatchRead,
    BatchUpdate,
    BatchUpsert,
    BatchArchive,
    Search,
    Merge,
    GdprDelete,
    OAuthToken,
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "object.list",
            Self::Create => "object.create",
            Self::Read => "object.read",
            Self::Update => "object.update",
            Self::Delete => "object.delete",
            Self::BatchCreate => "object.batch_create",
            Self::BatchRead => "object.batch_read",
            Self::BatchUpdate => "object.batch_update",
            Self::BatchUpsert => "object.batch_upsert",
            Self::BatchArchive => "object.batch_archive",
            Self::Search => "object.search",
            Self::Merge => "object.merge",
            Self::GdprDelete => "object.gdpr_delete",
            Self::OAuthToken => "oauth.token",
        }
    }

    /// The query parameters that the operation takes.
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::List => &[
                "limit",
                "after",
                "properties",
                "propertiesWithHistory",
                "associations",
                "archived",
            ],
            Self::Read => {
                &["properties", "propertiesWithHistory", "associations", "archived", "idProperty"]
            }
            Self::Update | Self::Delete => &["idProperty"],
            Self::BatchRead => &["archived"],
            _ => &[],
        }
    }
}

/// A classified request.
#[derive(Debug)]
pub(super) struct Call<'t> {
    pub verb: Verb,
    /// The object whose records the request is about; none for operations that
    /// are not about records.
    pub object: Option<ObjectName>,
    /// The path segment that names one record.
    pub key: Option<&'t Piece>,
}

/// # Errors
/// [`LocateError::UnknownOperation`] or [`LocateError::MethodNotAllowed`].
pub(super) fn classify<'t>(method: &Method, target: &'t Target) -> Result<Call<'t>, LocateError> {
    let path = target.path();
    let verb = match path.as_slice() {
        ["crm", "v3", "objects", object, rest @ ..] => {
            return object_call(method, target, object, rest);
        }
        ["crm", "objects", version, object, rest @ ..] if is_month(version) => {
            return object_call(method, target, object, rest);
        }
        ["oauth", "v1", "token"] => choose(method, &[(Method::POST, Verb::OAuthToken)]),
        _ => Err(LocateError::UnknownOperation),
    }?;
    Ok(Call { verb, object: None, key: None })
}

fn object_call<'t>(
    method: &Method,
    target: &'t Target,
    object: &str,
    rest: &[&str],
) -> Result<Call<'t>, LocateError> {
    let object = canonical_object(object);
    if !is_name(object.as_str()) || is_type_id(object.as_str()) {
        return Err(LocateError::UnknownOperation);
    }
    let post = |verb| choose(method, &[(Method::POST, verb)]);
    let mut key = None;
    let verb = match rest {
        [] => choose(method, &[(Method::GET, Verb::List), (Method::POST, Verb::Create)]),
        ["search"] => post(Verb::Search),
        ["merge"] => post(Verb::Merge),
        ["gdpr-delete"] => post(Verb::GdprDelete),
        ["batch", "create"] => post(Verb::BatchCreate),
        ["batch", "read"] => post(Verb::BatchRead),
        ["batch", "update"] => post(Verb::BatchUpdate),
        ["batch", "upsert"] => post(Verb::BatchUpsert),
        ["batch", "archive"] => post(Verb::BatchArchive),
        [id] if !id.is_empty() => {
            key = target.segments.last();
            let verbs = [
                (Method::GET, Verb::Read),
                (Method::PATCH, Verb::Update),
                (Method::DELETE, Verb::Delete),
            ];
            choose(method, &verbs)
        }
        _ => Err(LocateError::UnknownOperation),
    }?;
    Ok(Call { verb, object: Some(object), key })
}

fn choose(method: &Method, verbs: &[(Method, Verb)]) -> Result<Verb, LocateError> {
    let found = verbs.iter().find(|(expected, _)| expected == method);
    found.map(|(_, verb)| *verb).ok_or_else(|| method_not_allowed(method))
}
