// SPDX-License-Identifier: Apache-2.0

/// Every operation, and how its request is written. `/api/v1`, `/v1` or `/api/v2` stands
/// before most of them.
pub(super) const OPERATIONS: &[(&str, &str)] = &[
    ("record.list", "GET /{objects}"),
    ("record.create", "POST /{objects}"),
    ("record.read", "GET /{objects}/{id}"),
    ("record.update", "PUT and PATCH /{objects}/{id}"),
    ("record.delete", "DELETE /{objects}/{id}, /{objects}?ids="),
    ("record.merge", "PUT /{objects}/{id}/merge"),
    ("record.changelog", "GET /{objects}/{id}/changelog"),
    ("part.list", "GET /{objects}/{id}/{parts}"),
    ("part.create", "POST /{objects}/{id}/{parts}"),
    ("part.update", "PUT and PATCH /{objects}/{id}/{parts}/{id}"),
    ("part.delete", "DELETE /{objects}/{id}/{parts}/{id}"),
    ("record.search", "GET /{objects}/search"),
    ("item.search", "GET /itemSearch"),
    ("item.search_field", "GET /itemSearch/field"),
    ("user.find", "GET /users/find"),
    ("user.read_self", "GET /users/me"),
    ("item.recents", "GET /recents"),
    ("field.read", "GET /{object}Fields"),
    ("oauth.token", "POST /oauth/token"),
    ("oauth.revoke", "POST /oauth/revoke"),
];
