// SPDX-License-Identifier: Apache-2.0

use smol_str::SmolStr;

use crate::base::{FieldName, ObjectName};
use crate::crm::{FieldFacts, FieldKind};

/// Object types by name, plural and type id. Source: HubSpot, "Understanding the
/// CRM APIs", object type ids.
const OBJECTS: &[[&str; 3]] = &[
    ["contact", "contacts", "0-1"],
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
    ["postal_mail", "postal_mail", "0-116"],
    ["order", "orders", "0-123"],
    ["lead", "leads", "0-136"],
    ["cart", "carts", "0-142"],
    ["service", "services", "0-162"],
    ["course", "courses", "0-410"],
    ["listing", "listings", "0-420"],
    ["appointment", "appointments", "0-421"],
];

/// One name per object type. A custom object goes by its short name: `car` for
/// `p_car` and `p1234_car`.
pub(super) fn canonical_object(name: &str) -> ObjectName {
    let name = name.to_ascii_lowercase();
    let short = name
        .strip_prefix('p')
        .and_then(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('_'))
        .unwrap_or(&name);
    let known = OBJECTS.iter().find(|names| names.contains(&short));
    ObjectName::new(known.map_or(short, |[singular, ..]| singular))
}

/// HubSpot's property names are lower-case; how it treats others is not
/// documented, so all spellings are one field here.
/// The property that holds the id of a record.
pub(super) const RECORD_ID: &str = "hs_object_id";

pub(super) fn canonical_field(name: &str) -> FieldName {
    FieldName::new(name.to_ascii_lowercase())
}

/// The properties that HubSpot composes this one from; empty for one that is
/// stored as it was sent.
pub(super) fn composed_from(object: &ObjectName, field: &FieldName) -> &'static [&'static str] {
    if object.as_str() != "contact" {
        return &[];
    }
    match field.as_str() {
        "hs_full_name_or_email" => &["firstname", "lastname", "email"],
        "hs_email_domain" => &["email"],
        "hs_calculated_phone_number"
        | "hs_calculated_phone_number_area_code"
        | "hs_calculated_phone_number_country_code"
        | "hs_calculated_phone_number_region_code"
        | "hs_searchable_calculated_phone_number"
        | "hs_searchable_calculated_international_phone_number" => &["phone"],
        "hs_calculated_mobile_number"
        | "hs_searchable_calculated_mobile_number"
        | "hs_searchable_calculated_international_mobile_number" => &["mobilephone"],
        _ => &[],
    }
}

/// Addresses beside the main one, with semicolons between them. Callers may write
/// it, and a merge fills it with the main addresses of other contacts.
pub(super) const ADDITIONAL_EMAILS: &str = "hs_additional_emails";

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

/// Source: community.hubspot.com 833439 for the format of addresses; 65,536
/// characters are the limit of HubSpot's own pages, that of the API is not
/// documented.
pub(super) fn facts(object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
    if !composed_from(object, field).is_empty() {
        return Some(FieldFacts { max_length: None, kind: FieldKind::Composed });
    }
    let kind = match (object.as_str(), field.as_str()) {
        ("contact", "email" | ADDITIONAL_EMAILS) => FieldKind::Email,
        ("contact", "phone" | "mobilephone") => FieldKind::Phone,
        ("contact", "firstname" | "lastname" | "address" | "city" | "zip" | "jobtitle") => {
            FieldKind::Text
        }
        ("contact", "date_of_birth") => {
            return Some(FieldFacts { max_length: None, kind: FieldKind::Text });
        }
        _ => return None,
    };
    Some(FieldFacts { max_length: Some(65_536), kind })
}

/// What [`facts`] knows.
pub(super) fn known_fields() -> Vec<(ObjectName, FieldName)> {
    const CONTACT: [&str; 10] = [
        "email",
        "phone",
        "mobilephone",
        "firstname",
        "lastname",
        "address",
        "city",
        "zip",
        "jobtitle",
        "date_of_birth",
    ];
    let contact = ObjectName::from_static("contact");
    CONTACT.map(|property| (contact.clone(), FieldName::from_static(property))).into()
}

/// Whether it can be the name of a property or an object type: nothing else may
/// pass where a name is expected, because nothing is located there.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
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
