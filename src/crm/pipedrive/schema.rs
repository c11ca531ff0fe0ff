// SPDX-License-Identifier: Apache-2.0
//! What is known of Pipedrive's objects: how fields are spelt, which of them show
//! another's content, and what they accept.
//!
//! Source: Pipedrive API reference, v1 and v2 (developers.pipedrive.com/docs/api).
//! Lengths are not documented, but for the notes of contact sync.

use crate::base::{FieldName, ObjectName};
use crate::crm::facts::{self, Row};
use crate::crm::{FieldFacts, FieldKind};

pub(super) const PERSON: &str = "person";
pub(super) const ORGANIZATION: &str = "organization";
pub(super) const DEAL: &str = "deal";
pub(super) const LEAD: &str = "lead";
const NOTE: &str = "note";
pub(super) const ACTIVITY: &str = "activity";
pub(super) const USER: &str = "user";
pub(super) const PRODUCT: &str = "product";
const FILE: &str = "file";

/// Objects by the name that items state and the plural that paths use.
const OBJECTS: [(&str, &str); 16] = [
    (PERSON, "persons"),
    (ORGANIZATION, "organizations"),
    (DEAL, "deals"),
    (LEAD, "leads"),
    (NOTE, "notes"),
    (ACTIVITY, "activities"),
    (USER, "users"),
    (PRODUCT, "products"),
    (FILE, "files"),
    ("webhook", "webhooks"),
    ("pipeline", "pipelines"),
    ("stage", "stages"),
    ("activity_type", "activityTypes"),
    ("currency", "currencies"),
    ("lead_label", "leadLabels"),
    ("lead_source", "leadSources"),
];

/// Whether an object is what an account is made of, so that it tells of no record.
pub(super) fn is_definition(object: &ObjectName) -> bool {
    ["webhook", "pipeline", "stage", "activity_type", "currency", "lead_label", "lead_source"]
        .contains(&object.as_str())
}

pub(super) fn object_name(name: &str) -> ObjectName {
    let name = name.to_ascii_lowercase();
    match OBJECTS.iter().find(|(_, plural)| *plural == name) {
        Some((object, _)) => ObjectName::from_static(object),
        None => ObjectName::new(name),
    }
}

/// The object behind the first segment of a path.
pub(super) fn object_of_path(segment: &str) -> Option<ObjectName> {
    let found = OBJECTS.iter().find(|(_, plural)| *plural == segment);
    found.map(|(object, _)| ObjectName::from_static(object))
}

/// One name per field: v1 and v2 spell some differently, v1 has the parts of an
/// address and of a custom field side by side, and a person's first and last name
/// are the words of the name.
pub(super) fn field_name(object: &ObjectName, name: &str) -> FieldName {
    let name = name.to_ascii_lowercase();
    if let Some(key) = custom_key(&name) {
        return FieldName::new(key);
    }
    let field = match (object.as_str(), name.as_str()) {
        (PERSON, "first_name" | "last_name") | (FILE, "clean_name") => "name",
        (PERSON, "emails" | "primary_email" | "email_address") => "email",
        (PERSON, "phones" | "primary_phone") => "phone",
        (PERSON, part) if is_part_of("postal_address", part) => "postal_address",
        (ORGANIZATION, part) if is_part_of("address", part) => "address",
        (ACTIVITY, part) if is_part_of("location", part) => "location",
        (_, other) => other,
    };
    FieldName::new(field)
}

fn is_part_of(address: &str, name: &str) -> bool {
    name.strip_prefix(address).is_some_and(|part| part.starts_with('_'))
}

/// The key of a custom field: 40 hexadecimal digits, to which v1 appends `_until`,
/// `_currency`, `_locality` …
fn custom_key(name: &str) -> Option<&str> {
    let (key, part) = name.split_at_checked(40)?;
    let is_key = key.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_key && (part.is_empty() || part.starts_with('_'))).then_some(key)
}

pub(super) fn is_custom(name: &str) -> bool {
    custom_key(name).is_some()
}

/// Whose content a field shows: v1 copies names and titles into the records that
/// refer to them.
pub(super) fn original(object: &ObjectName, name: &str) -> (ObjectName, FieldName) {
    let name = name.to_ascii_lowercase();
    let copied = match (object.as_str(), name.as_str()) {
        (_, "person_name") => Some((PERSON, "name")),
        (_, "org_name" | "organization_name") => Some((ORGANIZATION, "name")),
        (_, "owner_name" | "user_name") => Some((USER, "name")),
        (_, "deal_title" | "deal_name") => Some((DEAL, "title")),
        (_, "lead_title" | "lead_name") => Some((LEAD, "title")),
        (_, "product_name") | ("deal_product", "name") => Some((PRODUCT, "name")),
        (DEAL, "next_activity_subject") => Some((ACTIVITY, "subject")),
        (DEAL, "next_activity_note") => Some((ACTIVITY, "note")),
        (LEAD, "note") => Some((NOTE, "content")),
        // A lead has no address of its own but that of its person.
        (LEAD, "email" | "emails") => Some((PERSON, "email")),
        (LEAD, "phone" | "phones") => Some((PERSON, "phone")),
        _ => None,
    };
    match copied {
        Some((object, field)) => (ObjectName::from_static(object), FieldName::from_static(field)),
        None => (object.clone(), field_name(object, &name)),
    }
}

/// The object that stands in a member which refers to another record, where v1
/// puts more than its id.
pub(super) fn related(name: &str) -> Option<ObjectName> {
    let object = match name {
        // Who attends an activity is told by address and name.
        "person" | "person_id" | "participants" | "attendees" => PERSON,
        "organization" | "organization_id" | "org" | "org_id" => ORGANIZATION,
        "deal" | "deal_id" | "related_item_data" => DEAL,
        "lead" | "lead_id" => LEAD,
        "product" => PRODUCT,
        "file" => FILE,
        "owner"
        | "owner_id"
        | "user"
        | "user_id"
        | "creator"
        | "creator_id"
        | "creator_user_id"
        | "created_by_user_id"
        | "assigned_to_user_id"
        | "last_update_user_id"
        | "added_by_user"
        | "added_by_user_id" => USER,
        _ => return None,
    };
    Some(ObjectName::from_static(object))
}

/// The members that tell the id of a related record.
pub(super) fn references(object: &ObjectName) -> &'static [&'static str] {
    match object.as_str() {
        PERSON => &["person_id", "person"],
        ORGANIZATION => &["org_id", "organization_id", "organization"],
        USER => &["owner_id", "user_id", "owner"],
        DEAL => &["deal_id", "deal"],
        LEAD => &["lead_id", "lead"],
        PRODUCT => &["product_id", "product"],
        _ => &[],
    }
}

/// Whether records of this object are those who work with others.
pub(super) fn is_user(object: &ObjectName) -> bool {
    object.as_str() == USER
}

/// Whether records of this object are about the record that shows their content.
pub(super) fn is_remark(object: &ObjectName) -> bool {
    matches!(object.as_str(), NOTE | ACTIVITY)
}

/// Whether the words of a text field are values of their own: Pipedrive splits a
/// person's name into a first and a last one, in a way that is not documented.
pub(super) fn is_words(object: &ObjectName, field: &FieldName) -> bool {
    (object.as_str(), field.as_str()) == (PERSON, "name")
}

/// The fields that Pipedrive composes this one from.
pub(super) fn composed_from(object: &ObjectName, field: &FieldName) -> &'static [&'static str] {
    match (object.as_str(), field.as_str()) {
        // Of the first letter of a surrogate, nothing can be opened.
        (PERSON | ORGANIZATION | PRODUCT, "first_char") => &["name"],
        _ => &[],
    }
}

/// Whether people write into a field: no text there is taken for a link.
pub(super) fn may_hold_words(object: &ObjectName, field: &FieldName) -> bool {
    facts(object, field).is_some() || is_custom(field.as_str())
}

const FACTS: [(&str, &str, FieldKind, Option<u32>); 27] = [
    (PERSON, "name", FieldKind::Text, None),
    (PERSON, "first_char", FieldKind::Composed, None),
    (PERSON, "email", FieldKind::Email, None),
    (PERSON, "phone", FieldKind::Phone, None),
    (PERSON, "im", FieldKind::Text, None),
    (PERSON, "postal_address", FieldKind::Text, None),
    (PERSON, "birthday", FieldKind::Date, None),
    (PERSON, "job_title", FieldKind::Text, None),
    (PERSON, "notes", FieldKind::Text, Some(10_000)),
    (ORGANIZATION, "name", FieldKind::Text, None),
    (ORGANIZATION, "first_char", FieldKind::Composed, None),
    (ORGANIZATION, "address", FieldKind::Text, None),
    (DEAL, "title", FieldKind::Text, None),
    (LEAD, "title", FieldKind::Text, None),
    (NOTE, "content", FieldKind::Text, None),
    (ACTIVITY, "subject", FieldKind::Text, None),
    (ACTIVITY, "note", FieldKind::Text, None),
    (ACTIVITY, "public_description", FieldKind::Text, None),
    (ACTIVITY, "location", FieldKind::Text, None),
    (USER, "name", FieldKind::Text, None),
    (USER, "email", FieldKind::Email, None),
    (USER, "phone", FieldKind::Phone, None),
    (PRODUCT, "name", FieldKind::Text, None),
    (PRODUCT, "first_char", FieldKind::Composed, None),
    (FILE, "name", FieldKind::Text, None),
    (FILE, "file_name", FieldKind::Text, None),
    (FILE, "description", FieldKind::Text, None),
];

fn rows() -> impl Iterator<Item = Row> {
    let row = |(object, field, kind, max_length)| (object, field, FieldFacts { max_length, kind });
    FACTS.into_iter().map(row)
}

pub(super) fn facts(object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
    facts::find(rows(), object, field)
}

pub(super) fn known_fields() -> Vec<(ObjectName, FieldName)> {
    facts::names(rows())
}

/// Where a search looks for the word that `fields` names; nothing where this type
/// of item has no such field. Source: `GET /itemSearch`, parameter `fields`.
pub(super) fn searched(item: &ObjectName, word: &str) -> &'static [(&'static str, &'static str)] {
    match (item.as_str(), word) {
        (PERSON, "name") | (LEAD, "person_name") => &[(PERSON, "name")],
        (PERSON | LEAD, "email") => &[(PERSON, "email")],
        (PERSON | LEAD, "phone") => &[(PERSON, "phone")],
        (PERSON, "notes") => &[(PERSON, "notes"), (NOTE, "content")],
        (ORGANIZATION, "name") | (LEAD, "organization_name") => &[(ORGANIZATION, "name")],
        (ORGANIZATION, "address") => &[(ORGANIZATION, "address")],
        (ORGANIZATION | DEAL | LEAD | "project", "notes") => &[(NOTE, "content")],
        (DEAL, "title") => &[(DEAL, "title")],
        (LEAD, "title") => &[(LEAD, "title")],
        ("project", "title") => &[("project", "title")],
        ("project", "description") => &[("project", "description")],
        (PRODUCT, "name") => &[(PRODUCT, "name")],
        (PRODUCT, "code") => &[(PRODUCT, "code")],
        (FILE, "name") => &[(FILE, "name")],
        ("mail_attachment", "name") => &[("mail_attachment", "name")],
        _ => &[],
    }
}

/// Everything that is searched when a search does not say what.
pub(super) const ITEMS: [&str; 8] =
    [DEAL, PERSON, ORGANIZATION, "product", LEAD, "file", "mail_attachment", "project"];

/// Whether it can be the name of a field, an item or an order: nothing else may
/// pass where a name is expected, because nothing is located there.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether it can be the id of a record: a number, or a UUID.
pub(super) fn is_id(text: &str) -> bool {
    let is_number = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_uuid =
        text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    !text.is_empty() && (is_number || is_uuid)
}

/// Members that refer to records by their ids. All others are fields, also where
/// Pipedrive itself fills them.
const REFERENCES: [&str; 34] = [
    "id",
    "activity_id",
    "actor_user_id",
    "added_by_user_id",
    "assigned_to_user_id",
    "company_id",
    "created_by_user_id",
    "creator_id",
    "creator_user_id",
    "deal_id",
    "file_id",
    "follower_user_id",
    "label_ids",
    "last_activity_id",
    "last_update_user_id",
    "lead_id",
    "merge_what_id",
    "merge_with_id",
    "next_activity_id",
    "note_id",
    "org_id",
    "organization_id",
    "owner_id",
    "person_id",
    "person_ids",
    "picture_id",
    "pipeline_id",
    "product_id",
    "product_variation_id",
    "project_id",
    "stage_id",
    "task_id",
    "update_user_id",
    "user_id",
];

pub(super) fn is_reference(name: &str) -> bool {
    REFERENCES.contains(&name)
}
