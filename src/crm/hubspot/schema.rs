// SPDX-License-Identifier: Apache-2.0

use smol_str::SmolStr;

use crate::base::{FieldName, ObjectName};
use crate::crm::facts::{self, Row};
use crate::crm::{FieldFacts, FieldKind};

use super::email_headers::PARTS;

/// Object types by name, plural and type id. Source: HubSpot, "Understanding the
/// CRM APIs", object type ids.
const OBJECTS: &[[&str; 3]] = &[
    ["contact", "contacts", "0-1"],
    // A note, a call or an e-mail: which, its type does not say. So it goes by its id.
    ["0-4", "engagement", "engagements"],
    ["company", "companies", "0-2"],
    ["deal", "deals", "0-3"],
    ["ticket", "tickets", "0-5"],
    ["product", "products", "0-7"],
    ["line_item", "line_items", "0-8"],
    ["quote", "quotes", "0-14"],
    ["communication", "communications", "0-18"],
    ["feedback_submission", "feedback_submissions", "0-19"],
    ["task", "tasks", "0-27"],
    ["note", "notes", "0-46"],
    ["meeting", "meetings", "0-47"],
    ["call", "calls", "0-48"],
    ["email", "emails", "0-49"],
    ["invoice", "invoices", "0-53"],
    ["marketing_event", "marketing_events", "0-54"],
    ["subscription", "subscriptions", "0-69"],
    ["goal_target", "goal_targets", "0-74"],
    ["discount", "discounts", "0-84"],
    ["fee", "fees", "0-85"],
    ["tax", "taxes", "0-86"],
    ["payment", "payments", "0-101"],
    ["user", "users", "0-115"],
    ["postal_mail", "postal_mails", "0-116"],
    ["order", "orders", "0-123"],
    ["lead", "leads", "0-136"],
    ["cart", "carts", "0-142"],
    ["service", "services", "0-162"],
    ["course", "courses", "0-410"],
    ["listing", "listings", "0-420"],
    ["appointment", "appointments", "0-421"],
];

/// What has no type id: people and definitions of an account.
const RESOURCES: [[&str; 2]; 8] = [
    ["owner", "owners"],
    ["property", "properties"],
    ["pipeline", "pipelines"],
    ["schema", "schemas"],
    ["list", "lists"],
    ["import", "imports"],
    ["association_label", "association_labels"],
    [PREFERENCE, "communication_preferences"],
];

pub(super) const PREFERENCE: &str = "communication_preference";

/// One name per object type. A custom object goes by its short name: `car` for
/// `p_car` and `p1234_car`.
pub(super) fn canonical_object(name: &str) -> ObjectName {
    let name = name.to_ascii_lowercase();
    let short = name
        .strip_prefix('p')
        .and_then(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('_'))
        .unwrap_or(&name);
    let objects = OBJECTS.iter().map(<[_; 3]>::as_slice);
    let mut known = objects.chain(RESOURCES.iter().map(<[_; 2]>::as_slice));
    let known = known.find(|names| names.contains(&short));
    ObjectName::new(known.and_then(|names| names.first()).map_or(short, |singular| *singular))
}

/// The property that holds the id of a record.
pub(super) const RECORD_ID: &str = "hs_object_id";

/// HubSpot's property names are lower-case; how it treats others is not
/// documented, so all spellings are one field here.
pub(super) fn canonical_field(name: &str) -> FieldName {
    FieldName::new(name.to_ascii_lowercase())
}

/// The properties that HubSpot composes this one from; empty for one that is
/// stored as it was sent.
pub(super) fn composed_from(object: &ObjectName, field: &FieldName) -> &'static [&'static str] {
    match (object.as_str(), field.as_str()) {
        ("contact", "hs_full_name_or_email") => &["firstname", "lastname", "email"],
        ("contact", "hs_email_domain") => &["email"],
        (
            "contact",
            "hs_calculated_phone_number"
            | "hs_calculated_phone_number_area_code"
            | "hs_calculated_phone_number_country_code"
            | "hs_calculated_phone_number_region_code"
            | "hs_searchable_calculated_phone_number"
            | "hs_searchable_calculated_international_phone_number",
        ) => &["phone"],
        (
            "contact",
            "hs_calculated_mobile_number"
            | "hs_searchable_calculated_mobile_number"
            | "hs_searchable_calculated_international_mobile_number",
        ) => &["mobilephone"],
        ("lead", "hs_lead_name_calculated") => &[
            "hs_lead_name",
            "hs_associated_contact_firstname",
            "hs_associated_contact_lastname",
            "hs_associated_contact_email",
        ],
        ("user", "hs_searchable_calculated_name") => {
            &["hs_given_name", "hs_family_name", "hs_email"]
        }
        ("email", "hs_email_headers") => &PARTS,
        (activity, "hs_body_preview" | "hs_body_preview_html") => bodies(activity),
        _ => &[],
    }
}

/// What the preview of an activity shows the beginning of.
fn bodies(activity: &str) -> &'static [&'static str] {
    match activity {
        "note" => &["hs_note_body"],
        "call" => &["hs_call_body"],
        "meeting" => &["hs_meeting_body"],
        "task" => &["hs_task_body"],
        "email" => &["hs_email_html", "hs_email_text"],
        "communication" => &["hs_communication_body"],
        "postal_mail" => &["hs_postal_mail_body"],
        _ => &[],
    }
}

/// Addresses beside the main one, with semicolons between them. Callers may write
/// it, and a merge fills it with the main addresses of other contacts.
pub(super) const ADDITIONAL_EMAILS: &str = "hs_additional_emails";

/// The properties whose values stand in this one, with semicolons between them; `None`
/// where there is one value only.
pub(super) fn listed(object: &ObjectName, field: &FieldName) -> Option<&'static [&'static str]> {
    match (object.as_str(), field.as_str()) {
        ("contact", ADDITIONAL_EMAILS) => Some(&["email", ADDITIONAL_EMAILS]),
        // An e-mail has several recipients.
        ("email", part) => PARTS.chunks(1).find(|one| one.contains(&part)),
        _ => None,
    }
}

/// The properties that the free-text `query` of a search looks at, or may look
/// at; `None` where they are not known. Source: HubSpot, "Search the CRM", default
/// searchable properties, and the texts of activities that their previews show.
pub(super) fn searchable(object: &ObjectName) -> Option<&'static [&'static str]> {
    Some(match object.as_str() {
        "contact" => &[
            "firstname",
            "lastname",
            "email",
            ADDITIONAL_EMAILS,
            "phone",
            "mobilephone",
            "fax",
            "company",
        ],
        "company" => &["name", "domain", "website", "phone"],
        "deal" => &["dealname", "description", "dealtype", "pipeline", "dealstage"],
        "ticket" => &["subject", "content", "hs_ticket_category", "hs_pipeline_stage"],
        "product" => &["name", "description", "price", "hs_sku"],
        "note" => &["hs_note_body", "hs_body_preview"],
        "call" => &["hs_call_title", "hs_call_body", "hs_body_preview"],
        "meeting" => &["hs_meeting_title", "hs_meeting_body", "hs_body_preview"],
        "task" => &["hs_task_subject", "hs_task_body", "hs_body_preview"],
        "email" => &["hs_email_subject", "hs_email_text", "hs_email_html", "hs_body_preview"],
        _ => return None,
    })
}

/// The longest text of HubSpot's own pages; that of the API is not documented.
const LONGEST: Option<u32> = Some(65_536);

/// Sources: community.hubspot.com 833439 for the format of addresses; HubSpot, the
/// guides to each object and to owners.
const FACTS: [(&str, &str, FieldKind, Option<u32>); 46] = [
    ("contact", "email", FieldKind::Email, LONGEST),
    ("contact", ADDITIONAL_EMAILS, FieldKind::Email, LONGEST),
    ("contact", "phone", FieldKind::Phone, LONGEST),
    ("contact", "mobilephone", FieldKind::Phone, LONGEST),
    ("contact", "hs_whatsapp_phone_number", FieldKind::Phone, LONGEST),
    ("contact", "firstname", FieldKind::Text, LONGEST),
    ("contact", "lastname", FieldKind::Text, LONGEST),
    ("contact", "address", FieldKind::Text, LONGEST),
    ("contact", "city", FieldKind::Text, LONGEST),
    ("contact", "zip", FieldKind::Text, LONGEST),
    ("contact", "jobtitle", FieldKind::Text, LONGEST),
    ("contact", "date_of_birth", FieldKind::Text, None),
    ("lead", "hs_lead_name", FieldKind::Text, LONGEST),
    ("lead", "hs_associated_contact_email", FieldKind::Email, None),
    ("company", "name", FieldKind::Text, LONGEST),
    ("company", "phone", FieldKind::Phone, LONGEST),
    ("company", "description", FieldKind::Text, LONGEST),
    ("deal", "dealname", FieldKind::Text, LONGEST),
    ("deal", "description", FieldKind::Text, LONGEST),
    ("ticket", "subject", FieldKind::Text, LONGEST),
    ("ticket", "content", FieldKind::Text, LONGEST),
    ("note", "hs_note_body", FieldKind::Text, LONGEST),
    ("call", "hs_call_title", FieldKind::Text, LONGEST),
    ("call", "hs_call_body", FieldKind::Text, LONGEST),
    ("call", "hs_call_from_number", FieldKind::Phone, LONGEST),
    ("call", "hs_call_to_number", FieldKind::Phone, LONGEST),
    ("meeting", "hs_meeting_title", FieldKind::Text, LONGEST),
    ("meeting", "hs_meeting_body", FieldKind::Text, LONGEST),
    ("meeting", "hs_internal_meeting_notes", FieldKind::Text, LONGEST),
    ("meeting", "hs_meeting_location", FieldKind::Text, LONGEST),
    ("task", "hs_task_subject", FieldKind::Text, LONGEST),
    ("task", "hs_task_body", FieldKind::Text, LONGEST),
    ("email", "hs_email_subject", FieldKind::Text, LONGEST),
    ("email", "hs_email_text", FieldKind::Text, LONGEST),
    ("email", "hs_email_html", FieldKind::Text, LONGEST),
    ("communication", "hs_communication_body", FieldKind::Text, LONGEST),
    ("postal_mail", "hs_postal_mail_body", FieldKind::Text, LONGEST),
    ("user", "hs_email", FieldKind::Email, None),
    ("user", "hs_given_name", FieldKind::Text, None),
    ("user", "hs_family_name", FieldKind::Text, None),
    ("owner", "email", FieldKind::Email, None),
    ("owner", "firstname", FieldKind::Text, None),
    ("owner", "lastname", FieldKind::Text, None),
    (PREFERENCE, "legalbasisexplanation", FieldKind::Text, None),
    ("list", "name", FieldKind::Text, None),
    ("property", "label", FieldKind::Text, None),
];

fn rows() -> impl Iterator<Item = Row> {
    let row = |(object, field, kind, max_length)| (object, field, FieldFacts { max_length, kind });
    let parts = PARTS.iter().map(|name| {
        let kind = if name.ends_with("_email") { FieldKind::Email } else { FieldKind::Text };
        ("email", *name, kind, None)
    });
    FACTS.into_iter().chain(parts).map(row)
}

pub(super) fn facts(object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
    if !composed_from(object, field).is_empty() {
        return Some(FieldFacts { max_length: None, kind: FieldKind::Composed });
    }
    facts::find(rows(), object, field)
}

/// What [`facts()`] knows.
pub(super) fn known_fields() -> Vec<(ObjectName, FieldName)> {
    facts::names(rows())
}

/// Whether it can be the name of a property or an object type: nothing else may
/// pass where a name is expected, because nothing is located there.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// `2026-03`: a version of the API.
pub(super) fn is_month(version: &str) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    version.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}

/// Whether it can be a cursor, a trace id or a credential.
pub(super) fn is_opaque(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.=+/~".contains(&byte);
    (1..=4096).contains(&text.len()) && text.bytes().all(allowed)
}

/// The one spelling of a record's id: ids are numbers.
pub(super) fn canonical_id(id: &str) -> SmolStr {
    id.trim_start_matches('0').into()
}

/// Whether it can be the id of a record.
pub(super) fn is_record_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2-3453932`: the id of an object type that is not in our table. Which name its
/// policy goes by cannot be told, so its records could pass unprotected.
pub(super) fn is_type_id(object: &str) -> bool {
    object.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
