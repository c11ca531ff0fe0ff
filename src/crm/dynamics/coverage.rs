// SPDX-License-Identifier: Apache-2.0

/// Every operation, and how its request is written. `/api/data/v9.2` (any 9.x) stands before most of them.
pub(super) const OPERATIONS: &[(&str, &str)] = &[
    ("service.read", "GET /"),
    ("metadata.read", "GET /$metadata, /EntityDefinitions, …"),
    ("function.read", "GET /WhoAmI(), /RetrieveVersion(), …"),
    ("record.list", "GET /{set}"),
    ("record.create", "POST /{set}"),
    ("record.read", "GET /{set}({key})"),
    ("record.update", "PATCH /{set}({key})"),
    ("record.delete", "DELETE /{set}({key})"),
    ("record.count", "GET /{set}/$count"),
    ("property.read", "GET /{set}({key})/{column}, …/$value"),
    ("property.update", "PUT and PATCH /{set}({key})/{column}"),
    ("property.delete", "DELETE /{set}({key})/{column}"),
    ("reference.list", "GET /{set}({key})/{relationship}/$ref"),
    ("reference.add", "POST and PUT /{set}({key})/{relationship}/$ref"),
    ("reference.remove", "DELETE /{set}({key})/{relationship}/$ref"),
    ("records.create", "POST /{set}/Microsoft.Dynamics.CRM.CreateMultiple"),
    ("records.update", "POST …UpdateMultiple"),
    ("records.upsert", "POST …UpsertMultiple"),
    ("records.delete", "POST …DeleteMultiple"),
    ("batch", "POST /$batch"),
    ("search.query", "POST /api/search/v2.0/query (v1.0), /searchquery"),
    ("search.suggest", "POST /api/search/v2.0/suggest (v1.0), /searchsuggest"),
    ("search.autocomplete", "POST /api/search/v2.0/autocomplete (v1.0), /searchautocomplete"),
];
