// SPDX-License-Identifier: Apache-2.0

/// Every operation, and how its request is written. `/crm/v8` (v2 to v8) stands before most of them.
pub(super) const OPERATIONS: &[(&str, &str)] = &[
    ("record.list", "GET /{Module}"),
    ("record.create", "POST /{Module}"),
    ("record.read", "GET /{Module}/{id}"),
    ("record.update", "PUT /{Module}/{id}"),
    ("record.update_many", "PUT /{Module}"),
    ("record.upsert", "POST /{Module}/upsert"),
    ("record.delete", "DELETE /{Module}/{id}"),
    ("record.delete_many", "DELETE /{Module}?ids="),
    ("record.deleted", "GET /{Module}/deleted"),
    ("record.convert", "POST /Leads/{id}/actions/convert"),
    ("record.timeline", "GET /{Module}/{id}/__timeline"),
    ("record.search", "GET /{Module}/search"),
    ("record.count", "GET /{Module}/actions/count"),
    ("related.list", "GET /{Module}/{id}/{List}"),
    ("related.read", "GET /{Module}/{id}/{List}/{id}"),
    ("related.create", "POST /{Module}/{id}/Notes"),
    ("related.update", "PUT /{Module}/{id}/{List}, …/{id}"),
    ("related.unlink", "DELETE /{Module}/{id}/{List}, …/{id}"),
    ("query", "POST /coql"),
    ("composite", "POST /__composite_requests"),
    ("organization.read", "GET /org"),
    ("metadata.read", "GET /settings/…"),
    ("oauth.token", "POST /oauth/v2/token"),
    ("oauth.revoke", "POST /oauth/v2/token/revoke"),
];
