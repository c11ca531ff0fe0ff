// SPDX-License-Identifier: Apache-2.0
//! The resources beside objects: where they are, and what their messages hold.
//!
//! Sources: HubSpot, API reference of associations, owners, properties, pipelines,
//! schemas, lists, imports, communication preferences and (legacy) contacts v1; and
//! the paths that `@hubspot/api-client` asks for.

use super::route::{Content, Route};
use super::schema::PREFERENCE;

/// Stands for each version that is named by its month.
pub(super) const MONTH: &str = "{month}";

/// By the versions that they are under.
pub(super) const GROUPS: [(&[&str], &[Route]); 6] = [
    (&["v1"], CONTACTS),
    (&["v1"], LOGIN),
    (&["v3", "v4", MONTH], ASSOCIATIONS),
    (&["v3", MONTH], OWNERS),
    (&["v3", MONTH], DEFINITIONS),
    (&["v3", "v4", MONTH], PREFERENCES),
];

const CONTACTS: &[Route] = {
    use Content::{Contacts, Ids};
    &[
        route("POST", "contacts/contact", "contact_v1.create", Contacts),
        route("POST", "contacts/contact/batch", "contact_v1.batch_upsert", Contacts),
        route("GET", "contacts/contact/email/{email}/profile", "contact_v1.read", Contacts),
        route("POST", "contacts/contact/email/{email}/profile", "contact_v1.update", Contacts),
        route("GET", "contacts/contact/vid/{record}/profile", "contact_v1.read", Contacts),
        route("POST", "contacts/contact/vid/{record}/profile", "contact_v1.update", Contacts),
        route("DELETE", "contacts/contact/vid/{record}", "contact_v1.delete", Ids),
        route("GET", "contacts/contact/emails/batch", "contact_v1.batch_read", Contacts),
        route("GET", "contacts/contact/vids/batch", "contact_v1.batch_read", Contacts),
        route(
            "POST",
            "contacts/contact/createOrUpdate/email/{email}",
            "contact_v1.upsert",
            Contacts,
        ),
        route("POST", "contacts/contact/merge-vids/{record}", "contact_v1.merge", Contacts),
        route("GET", "contacts/search/query", "contact_v1.search", Contacts),
        route("GET", "contacts/lists/all/contacts/all", "contact_v1.list", Contacts),
        route("GET", "contacts/lists/all/contacts/recent", "contact_v1.list", Contacts),
        route(
            "GET",
            "contacts/lists/recently_updated/contacts/recent",
            "contact_v1.list",
            Contacts,
        ),
        route("GET", "contacts/lists/{name}/contacts/all", "contact_v1.list", Contacts),
        route("GET", "contacts/lists/{name}/contacts/recent", "contact_v1.list", Contacts),
        route("GET", "contacts/secondary-email/{record}", "contact_v1.read_addresses", Contacts),
        route(
            "PUT",
            "contacts/secondary-email/{record}/email/{email}",
            "contact_v1.add_address",
            Contacts,
        ),
        route(
            "DELETE",
            "contacts/secondary-email/{record}/email/{email}",
            "contact_v1.delete_address",
            Contacts,
        ),
    ]
};

const LOGIN: &[Route] = {
    use Content::Plain;
    &[
        route("GET", "oauth/access-tokens/{token}", "oauth.token_details", Plain),
        route("GET", "oauth/refresh-tokens/{token}", "oauth.token_details", Plain),
        route("DELETE", "oauth/refresh-tokens/{token}", "oauth.revoke", Plain),
    ]
};

const ASSOCIATIONS: &[Route] = {
    use Content::{Definitions, Ids};
    const LABEL: Content = Definitions("association_label");
    &[
        route("GET", "crm/objects/{type}/{record}/associations/{type}", "association.list", Ids),
        route(
            "PUT",
            "crm/objects/{type}/{record}/associations/default/{type}/{record}",
            "association.create",
            Ids,
        ),
        route(
            "PUT",
            "crm/objects/{type}/{record}/associations/{type}/{record}",
            "association.create",
            Ids,
        ),
        route(
            "DELETE",
            "crm/objects/{type}/{record}/associations/{type}/{record}",
            "association.delete",
            Ids,
        ),
        route(
            "PUT",
            "crm/objects/{type}/{record}/associations/{type}/{record}/{name}",
            "association.create",
            Ids,
        ),
        route(
            "DELETE",
            "crm/objects/{type}/{record}/associations/{type}/{record}/{name}",
            "association.delete",
            Ids,
        ),
        route("POST", "crm/associations/{type}/{type}/batch/read", "association.batch_read", Ids),
        route(
            "POST",
            "crm/associations/{type}/{type}/batch/create",
            "association.batch_create",
            Ids,
        ),
        route(
            "POST",
            "crm/associations/{type}/{type}/batch/archive",
            "association.batch_delete",
            Ids,
        ),
        route(
            "POST",
            "crm/associations/{type}/{type}/batch/associate/default",
            "association.batch_create",
            Ids,
        ),
        route(
            "POST",
            "crm/associations/{type}/{type}/batch/labels/archive",
            "association.batch_delete",
            Ids,
        ),
        route("GET", "crm/associations/{type}/{type}/types", "association_label.list", LABEL),
        route("GET", "crm/associations/{type}/{type}/labels", "association_label.list", LABEL),
        route("POST", "crm/associations/{type}/{type}/labels", "association_label.create", LABEL),
        route("PUT", "crm/associations/{type}/{type}/labels", "association_label.update", LABEL),
        route(
            "DELETE",
            "crm/associations/{type}/{type}/labels/{name}",
            "association_label.delete",
            LABEL,
        ),
    ]
};

const OWNERS: &[Route] = {
    use Content::{Fields, Plain};
    &[
        route("GET", "crm/owners", "owner.list", Fields("owner")),
        route("GET", "crm/owners/{name}", "owner.read", Fields("owner")),
        route("GET", "account-info/details", "account.details", Plain),
    ]
};

/// What an account is made of. Values of records stand in the filters of lists, so
/// lists are read without them, and not written.
const DEFINITIONS: &[Route] = {
    use Content::{Definitions, Ids, Unread};
    const FILTERS: Content =
        Unread { place: "the filters of a list", because: "values in them are not read here" };
    const EXPORT: Content = Unread {
        place: "the export",
        because: "its file is fetched from another host, so nothing would open what stands in it",
    };
    const PROPERTY: Content = Definitions("property");
    const PIPELINE: Content = Definitions("pipeline");
    const SCHEMA: Content = Definitions("schema");
    const LIST: Content = Definitions("list");
    const IMPORT: Content = Definitions("import");
    &[
        route("GET", "crm/properties/{type}", "property.list", PROPERTY),
        route("POST", "crm/properties/{type}", "property.create", PROPERTY),
        route("POST", "crm/properties/{type}/batch/read", "property.batch_read", PROPERTY),
        route("POST", "crm/properties/{type}/batch/create", "property.batch_create", PROPERTY),
        route("POST", "crm/properties/{type}/batch/archive", "property.batch_delete", PROPERTY),
        route("GET", "crm/properties/{type}/groups", "property_group.list", PROPERTY),
        route("POST", "crm/properties/{type}/groups", "property_group.create", PROPERTY),
        route("GET", "crm/properties/{type}/groups/{name}", "property_group.read", PROPERTY),
        route("PATCH", "crm/properties/{type}/groups/{name}", "property_group.update", PROPERTY),
        route("DELETE", "crm/properties/{type}/groups/{name}", "property_group.delete", PROPERTY),
        route("GET", "crm/properties/{type}/{name}", "property.read", PROPERTY),
        route("PATCH", "crm/properties/{type}/{name}", "property.update", PROPERTY),
        route("DELETE", "crm/properties/{type}/{name}", "property.delete", PROPERTY),
        route("GET", "crm/pipelines/{type}", "pipeline.list", PIPELINE),
        route("POST", "crm/pipelines/{type}", "pipeline.create", PIPELINE),
        route("GET", "crm/pipelines/{type}/{name}", "pipeline.read", PIPELINE),
        route("PUT", "crm/pipelines/{type}/{name}", "pipeline.update", PIPELINE),
        route("PATCH", "crm/pipelines/{type}/{name}", "pipeline.update", PIPELINE),
        route("DELETE", "crm/pipelines/{type}/{name}", "pipeline.delete", PIPELINE),
        route("GET", "crm/pipelines/{type}/{name}/stages", "pipeline_stage.list", PIPELINE),
        route("POST", "crm/pipelines/{type}/{name}/stages", "pipeline_stage.create", PIPELINE),
        route("GET", "crm/pipelines/{type}/{name}/stages/{name}", "pipeline_stage.read", PIPELINE),
        route(
            "PUT",
            "crm/pipelines/{type}/{name}/stages/{name}",
            "pipeline_stage.update",
            PIPELINE,
        ),
        route(
            "PATCH",
            "crm/pipelines/{type}/{name}/stages/{name}",
            "pipeline_stage.update",
            PIPELINE,
        ),
        route(
            "DELETE",
            "crm/pipelines/{type}/{name}/stages/{name}",
            "pipeline_stage.delete",
            PIPELINE,
        ),
        route("GET", "crm/schemas", "schema.list", SCHEMA),
        route("GET", "crm/schemas/{type}", "schema.read", SCHEMA),
        route("GET", "crm-object-schemas/schemas", "schema.list", SCHEMA),
        route("GET", "crm-object-schemas/schemas/{type}", "schema.read", SCHEMA),
        route("GET", "crm/lists", "list.list", LIST),
        route("GET", "crm/lists/{name}", "list.read", LIST),
        route("GET", "crm/lists/object-type-id/{type}/name/{list}", "list.read", LIST),
        route("POST", "crm/lists/search", "list.search", LIST),
        route("GET", "crm/lists/{name}/memberships", "list.members", Ids),
        route("PUT", "crm/lists/{name}/memberships/add", "list.change_members", Ids),
        route("PUT", "crm/lists/{name}/memberships/remove", "list.change_members", Ids),
        route("PUT", "crm/lists/{name}/memberships/add-and-remove", "list.change_members", Ids),
        route("GET", "crm/lists/records/{type}/{record}/memberships", "list.of_record", Ids),
        route("POST", "crm/lists", "list.create", FILTERS),
        route("PUT", "crm/lists/{name}/update-list-filters", "list.update", FILTERS),
        route("POST", "crm/exports/export/async", "export.create", EXPORT),
        route("POST", "crm/imports", "import.create", Content::Import),
        route("GET", "crm/imports", "import.list", IMPORT),
        route("GET", "crm/imports/{name}", "import.read", IMPORT),
        route("POST", "crm/imports/{name}/cancel", "import.cancel", IMPORT),
    ]
};

const PREFERENCES: &[Route] = {
    const STATUS: Content = Content::Fields(PREFERENCE);
    const SUBSCRIPTION: Content = Content::Definitions(PREFERENCE);
    &[
        route(
            "GET",
            "communication-preferences/definitions",
            "preference.definitions",
            SUBSCRIPTION,
        ),
        route("GET", "communication-preferences/status/email/{email}", "preference.read", STATUS),
        route("POST", "communication-preferences/subscribe", "preference.subscribe", STATUS),
        route("POST", "communication-preferences/unsubscribe", "preference.unsubscribe", STATUS),
        route(
            "POST",
            "communication-preferences/statuses/batch/read",
            "preference.batch_read",
            STATUS,
        ),
        route(
            "POST",
            "communication-preferences/statuses/batch/write",
            "preference.batch_update",
            STATUS,
        ),
        route(
            "POST",
            "communication-preferences/statuses/batch/unsubscribe-all",
            "preference.batch_unsubscribe",
            STATUS,
        ),
        route(
            "POST",
            "communication-preferences/statuses/batch/unsubscribe-all/read",
            "preference.batch_read",
            STATUS,
        ),
        route("GET", "communication-preferences/statuses/{email}", "preference.read", STATUS),
        route("POST", "communication-preferences/statuses/{email}", "preference.update", STATUS),
        route(
            "GET",
            "communication-preferences/statuses/{email}/unsubscribe-all",
            "preference.read",
            STATUS,
        ),
        route(
            "POST",
            "communication-preferences/statuses/{email}/unsubscribe-all",
            "preference.unsubscribe",
            STATUS,
        ),
    ]
};

const fn route(
    method: &'static str,
    path: &'static str,
    name: &'static str,
    content: Content,
) -> Route {
    Route { method, path, name, content }
}
