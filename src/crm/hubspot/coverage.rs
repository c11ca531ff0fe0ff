// SPDX-License-Identifier: Apache-2.0

use super::route::Content;
use super::routes::{GROUPS, MONTH};

/// Those about objects. `/crm/v3` or `/crm/objects/{month}` stands before them.
const OF_OBJECTS: &[(&str, &str)] = &[
    ("object.list", "GET /objects/{type}"),
    ("object.create", "POST /objects/{type}"),
    ("object.read", "GET /objects/{type}/{id}"),
    ("object.update", "PATCH /objects/{type}/{id}"),
    ("object.delete", "DELETE /objects/{type}/{id}"),
    ("object.batch_create", "POST /objects/{type}/batch/create"),
    ("object.batch_read", "POST /objects/{type}/batch/read"),
    ("object.batch_update", "POST /objects/{type}/batch/update"),
    ("object.batch_upsert", "POST /objects/{type}/batch/upsert"),
    ("object.batch_archive", "POST /objects/{type}/batch/archive"),
    ("object.search", "POST /objects/{type}/search"),
    ("object.merge", "POST /objects/{type}/merge"),
    ("object.gdpr_delete", "POST /objects/{type}/gdpr-delete"),
    ("oauth.token", "POST /oauth/v1/token"),
];

/// Every operation, and how its request is written, with the versions that it is under.
pub(super) fn operations() -> Vec<(&'static str, String)> {
    let of_objects = OF_OBJECTS.iter().map(|(name, request)| (*name, (*request).to_owned()));
    let others = GROUPS.iter().flat_map(|(versions, routes)| {
        let versions: Vec<&str> = versions
            .iter()
            .map(|version| if *version == MONTH { "yyyy-mm" } else { version })
            .collect();
        let versions = versions.join(", ");
        let read = routes.iter().filter(|route| !matches!(route.content, Content::Unread { .. }));
        read.map(move |route| {
            (route.name, format!("{} /{} ({versions})", route.method, route.path))
        })
    });
    of_objects.chain(others).collect()
}
