// SPDX-License-Identifier: Apache-2.0
//! What is known of Zoho's modules: how names are matched, where lookups lead, what a
//! record is called by, which fields show others, and what fields accept.
//!
//! Sources: Zoho CRM API v8, "Modules", "Fields", "Insert Records", "Search Records";
//! zoho/crm-oas, v8.0. That names are told apart by case is known from clients only
//! (github amp-labs/connectors 1261 and 2076, rikas/zoho_hub 29), so all spellings of
//! a name are one here: more is protected, never less.

use crate::base::{FieldName, ObjectName};
use crate::crm::facts::{self, Row};
use crate::crm::{FieldFacts, FieldKind};

pub(super) const USERS: &str = "users";
const CONTACTS: &str = "contacts";
const LEADS: &str = "leads";
const ACCOUNTS: &str = "accounts";
const DEALS: &str = "deals";

pub(super) fn object_name(name: &str) -> ObjectName {
    ObjectName::new(name.to_ascii_lowercase())
}

/// One name per field. A search by `email` looks at all addresses of a record, one by
/// `phone` at all numbers: those that Zoho has by itself are one field each.
pub(super) fn field_name(name: &str) -> FieldName {
    let name = name.to_ascii_lowercase();
    FieldName::new(match name.as_str() {
        "secondary_email" => EMAIL,
        "mobile" | "home_phone" | "other_phone" | "asst_phone" => PHONE,
        other => other,
    })
}

pub(super) const EMAIL: &str = "email";
pub(super) const PHONE: &str = "phone";

/// What a record is called by, in lookups and in lists of deleted records.
pub(super) fn title_of(object: &ObjectName) -> &'static str {
    match object.as_str() {
        CONTACTS | LEADS | USERS => "full_name",
        ACCOUNTS => "account_name",
        DEALS => "deal_name",
        "campaigns" => "campaign_name",
        "vendors" => "vendor_name",
        "products" => "product_name",
        "price_books" => "price_book_name",
        "solutions" => "solution_title",
        "events" => "event_title",
        "notes" => "note_title",
        "attachments" => "file_name",
        "tasks" | "calls" | "cases" | "quotes" | "sales_orders" | "purchase_orders"
        | "invoices" => "subject",
        _ => "name",
    }
}

/// The fields that Zoho composes this one from.
pub(super) fn composed_from(object: &ObjectName, field: &FieldName) -> &'static [&'static str] {
    match (object.as_str(), field.as_str()) {
        // Users are only read here, and only as what they are called by.
        (CONTACTS | LEADS, "full_name") => &["first_name", "last_name"],
        _ => &[],
    }
}

/// The module whose records a lookup names. Custom lookups are not known.
pub(super) fn lookup(object: &ObjectName, field: &str) -> Option<ObjectName> {
    // What a record is called by is no lookup: `Account_Name` of an account.
    if field == title_of(object) {
        return None;
    }
    let target = match (object.as_str(), field) {
        (USERS, "reporting_to")
        | ("events", "check_in_by")
        | ("products", "handler")
        | (
            _,
            "assign_to" | "owner" | "created_by" | "modified_by" | "deleted_by" | "done_by"
            | "commented_by" | "converted_by__s",
        ) => USERS,
        (CONTACTS, "reporting_to")
        | (LEADS, "contacts")
        | (_, "contact_name" | "who_id" | "related_to" | "converted_contact") => CONTACTS,
        (LEADS, "accounts") | (_, "account_name" | "parent_account" | "converted_account") => {
            ACCOUNTS
        }
        (LEADS, "deals") | (_, "deal_name" | "converted_deal") => DEALS,
        (_, "product_name") => "products",
        (_, "vendor_name") => "vendors",
        (_, "campaign_source" | "parent_campaign") => "campaigns",
        _ => return None,
    };
    Some(ObjectName::from_static(target))
}

/// The module that a lookup may be asked for by name. Where only the record says which
/// module that is, it may be one of persons.
pub(super) fn named(object: &ObjectName, field: &str) -> Option<ObjectName> {
    let of_several = matches!(field, "what_id" | "parent_id");
    lookup(object, field).or_else(|| of_several.then(|| ObjectName::from_static(LEADS)))
}

/// The field of a record that a lookup leads to: there, `name` is what it is called by.
pub(super) fn related_field<'n>(object: &ObjectName, name: &'n str) -> &'n str {
    if name.eq_ignore_ascii_case("name") { title_of(object) } else { name }
}

/// The module behind a related list, by the list's API name.
pub(super) fn related_list(list: &str) -> Option<ObjectName> {
    let object = match list.to_ascii_lowercase().as_str() {
        "contacts" | "contact_roles" => CONTACTS,
        "leads" => LEADS,
        "accounts" | "member_accounts" => ACCOUNTS,
        "deals" => DEALS,
        "notes" => "notes",
        "attachments" => "attachments",
        "tasks" | "tasks_history" => "tasks",
        "events" | "events_history" | "invited_events" => "events",
        "calls" | "calls_history" => "calls",
        "campaigns" => "campaigns",
        "cases" => "cases",
        "solutions" => "solutions",
        "products" => "products",
        "quotes" => "quotes",
        "salesorders" | "sales_orders" => "sales_orders",
        "purchaseorders" | "purchase_orders" => "purchase_orders",
        "invoices" => "invoices",
        "pricebooks" | "price_books" => "price_books",
        "vendors" => "vendors",
        _ => return None,
    };
    Some(ObjectName::from_static(object))
}

/// The fields that an upsert compares if the request does not say which.
/// Source: "Insert or Update Records (Upsert)", system-defined duplicate check fields.
pub(super) fn duplicate_check(object: &ObjectName) -> FieldName {
    match object.as_str() {
        CONTACTS | LEADS => FieldName::from_static(EMAIL),
        _ => FieldName::from_static(title_of(object)),
    }
}

const TEXT: FieldKind = FieldKind::Text;

/// Lengths are those of Zoho's own layouts; an account may have others.
const PERSON: [(&str, FieldKind, Option<u32>); 8] = [
    ("first_name", TEXT, Some(40)),
    ("last_name", TEXT, Some(80)),
    ("full_name", FieldKind::Composed, None),
    (EMAIL, FieldKind::Email, Some(100)),
    (PHONE, FieldKind::Phone, Some(30)),
    ("fax", FieldKind::Phone, Some(30)),
    ("skype_id", TEXT, Some(50)),
    ("description", TEXT, Some(32_000)),
];

const OTHERS: [(&str, &str, FieldKind, Option<u32>); 60] = [
    (CONTACTS, "mailing_street", TEXT, Some(250)),
    (CONTACTS, "mailing_city", TEXT, Some(100)),
    (CONTACTS, "mailing_state", TEXT, Some(100)),
    (CONTACTS, "mailing_zip", TEXT, Some(30)),
    (CONTACTS, "mailing_country", TEXT, Some(100)),
    (CONTACTS, "other_street", TEXT, Some(250)),
    (CONTACTS, "other_city", TEXT, Some(100)),
    (CONTACTS, "other_state", TEXT, Some(100)),
    (CONTACTS, "other_zip", TEXT, Some(30)),
    (CONTACTS, "other_country", TEXT, Some(100)),
    (CONTACTS, "date_of_birth", FieldKind::Date, None),
    (CONTACTS, "assistant", TEXT, Some(50)),
    (CONTACTS, "twitter", TEXT, Some(50)),
    (CONTACTS, "title", TEXT, Some(100)),
    (LEADS, "street", TEXT, Some(250)),
    (LEADS, "city", TEXT, Some(100)),
    (LEADS, "state", TEXT, Some(100)),
    (LEADS, "zip_code", TEXT, Some(30)),
    (LEADS, "country", TEXT, Some(100)),
    (LEADS, "company", TEXT, Some(200)),
    (LEADS, "designation", TEXT, Some(100)),
    (LEADS, "twitter", TEXT, Some(50)),
    (ACCOUNTS, "account_name", TEXT, Some(200)),
    (ACCOUNTS, PHONE, FieldKind::Phone, Some(30)),
    (ACCOUNTS, "fax", FieldKind::Phone, Some(30)),
    (ACCOUNTS, "billing_street", TEXT, Some(250)),
    (ACCOUNTS, "shipping_street", TEXT, Some(250)),
    (ACCOUNTS, "description", TEXT, Some(32_000)),
    (DEALS, "deal_name", TEXT, Some(120)),
    (DEALS, "description", TEXT, Some(32_000)),
    ("cases", "subject", TEXT, Some(300)),
    ("cases", "description", TEXT, Some(32_000)),
    ("cases", "solution", TEXT, Some(32_000)),
    ("cases", "add_comment", TEXT, Some(32_000)),
    ("cases", "reported_by", TEXT, Some(50)),
    ("cases", EMAIL, FieldKind::Email, Some(100)),
    ("cases", PHONE, FieldKind::Phone, Some(30)),
    ("cases", "internal_comments", TEXT, Some(32_000)),
    ("comments", "comment_content", TEXT, Some(32_000)),
    ("notes", "note_title", TEXT, Some(120)),
    ("notes", "note_content", TEXT, Some(32_000)),
    ("tasks", "subject", TEXT, Some(300)),
    ("tasks", "description", TEXT, Some(32_000)),
    ("calls", "subject", TEXT, Some(300)),
    ("calls", "description", TEXT, Some(32_000)),
    ("calls", "caller_id", TEXT, None),
    ("calls", "dialled_number", TEXT, None),
    ("calls", "call_agenda", TEXT, Some(32_000)),
    ("events", "check_in_address", TEXT, Some(255)),
    ("events", "check_in_comment", TEXT, Some(32_000)),
    ("events", "event_title", TEXT, Some(300)),
    ("events", "venue", TEXT, Some(255)),
    ("events", "description", TEXT, Some(32_000)),
    ("vendors", "vendor_name", TEXT, Some(120)),
    ("vendors", EMAIL, FieldKind::Email, Some(100)),
    ("vendors", "description", TEXT, Some(32_000)),
    ("vendors", PHONE, FieldKind::Phone, Some(30)),
    (USERS, "full_name", TEXT, None),
    (USERS, "first_name", TEXT, None),
    (USERS, "last_name", TEXT, None),
];

fn rows() -> impl Iterator<Item = Row> {
    let of_persons = [CONTACTS, LEADS].into_iter().flat_map(|object| {
        PERSON.iter().map(move |(field, kind, length)| (object, *field, *kind, *length))
    });
    of_persons
        .chain(OTHERS.iter().copied())
        .chain([(USERS, EMAIL, FieldKind::Email, None), (USERS, PHONE, FieldKind::Phone, None)])
        .map(|(object, field, kind, max_length)| (object, field, FieldFacts { max_length, kind }))
}

pub(super) fn facts(object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
    facts::find(rows(), object, field)
}

pub(super) fn known_fields() -> Vec<(ObjectName, FieldName)> {
    facts::names(rows())
}

/// Whether it can be the name of a module or field: nothing else may pass where a name
/// is expected, because nothing is located there.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether it can be the id of a record.
pub(super) fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
