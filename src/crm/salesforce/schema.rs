// SPDX-License-Identifier: Apache-2.0
//! What is known of Salesforce's standard objects: where relationships lead,
//! which fields repeat or contain others, and what fields accept.
//!
//! Source: Object Reference for the Salesforce Platform. Names are canonical:
//! Salesforce ignores the case of object and field names, we spell them in lower
//! case.

use crate::base::{FieldName, ObjectName};
use crate::crm::facts::{self, Row};
use crate::crm::{FieldFacts, FieldKind, FieldUse};

pub(super) fn object_name(name: &str) -> ObjectName {
    ObjectName::new(name.to_ascii_lowercase())
}

pub(super) fn field_name(name: &str) -> FieldName {
    FieldName::new(name.to_ascii_lowercase())
}

/// An API name of an object, a field or a relationship.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether what a record states as its object is one. A row of groups states `AggregateResult`;
/// a record behind a relationship that leads to several objects states `Name`, and has their
/// fields.
pub(super) fn is_object(stated: &ObjectName) -> bool {
    !matches!(stated.as_str(), GROUP | SEVERAL)
}

/// Whether records may be about whoever an object is: users own and write them.
pub(super) fn may_be_person(object: &ObjectName) -> bool {
    matches!(object.as_str(), "account" | "contact" | "lead")
}

/// What rows of groups state as their object.
pub(super) const GROUP: &str = "aggregateresult";
/// What a record states that may be of several objects.
pub(super) const SEVERAL: &str = "name";

/// Relationships that lead to one object wherever they stand. An owner may also
/// be a queue, which has no personal fields.
const PARENTS: [(&str, &str); 24] = [
    ("account", "account"),
    ("asset", "asset"),
    ("campaign", "campaign"),
    ("case", "case"),
    ("contact", "contact"),
    ("contract", "contract"),
    ("convertedaccount", "account"),
    ("convertedcontact", "contact"),
    ("convertedopportunity", "opportunity"),
    ("createdby", "user"),
    ("individual", "individual"),
    ("lastmodifiedby", "user"),
    ("lead", "lead"),
    ("manager", "user"),
    ("opportunity", "opportunity"),
    ("order", "order"),
    ("owner", "user"),
    ("personcontact", "contact"),
    ("pricebook2", "pricebook2"),
    ("product2", "product2"),
    ("profile", "profile"),
    ("recordtype", "recordtype"),
    ("reportsto", "contact"),
    ("user", "user"),
];

/// Child relationships, as sub-selects name them.
const CHILDREN: [(&str, &str); 18] = [
    ("accountcontactrelations", "accountcontactrelation"),
    ("assets", "asset"),
    ("attachments", "attachment"),
    ("campaignmembers", "campaignmember"),
    ("casecomments", "casecomment"),
    ("cases", "case"),
    ("childaccounts", "account"),
    ("contacts", "contact"),
    ("contracts", "contract"),
    ("emailmessages", "emailmessage"),
    ("events", "event"),
    ("leads", "lead"),
    ("notes", "note"),
    ("opportunities", "opportunity"),
    ("opportunitycontactroles", "opportunitycontactrole"),
    ("orders", "order"),
    ("tasks", "task"),
    ("users", "user"),
];

/// The object that a relationship of `object` leads to, where it is known.
pub(super) fn parent(object: &ObjectName, relationship: &str) -> Option<ObjectName> {
    let relationship = relationship.to_ascii_lowercase();
    let leads_back = relationship == "masterrecord"
        || (relationship == "parent" && matches!(object.as_str(), "account" | "campaign" | "case"));
    if leads_back {
        return Some(object.clone());
    }
    lookup(&PARENTS, &relationship)
}

/// The object that a relationship of this name leads to, whatever object has it.
pub(super) fn parent_of_any(relationship: &str) -> Option<ObjectName> {
    lookup(&PARENTS, &relationship.to_ascii_lowercase())
}

/// The object of the records behind a child relationship, where it is known.
pub(super) fn children(relationship: &str) -> Option<ObjectName> {
    lookup(&CHILDREN, &relationship.to_ascii_lowercase())
}

/// Where a relationship of `object` leads, one way or the other, as far as it is known.
pub(super) fn related(object: &ObjectName, relationship: &str) -> Option<ObjectName> {
    parent(object, relationship).or_else(|| children(relationship))
}

fn lookup(table: &[(&'static str, &'static str)], name: &str) -> Option<ObjectName> {
    table
        .iter()
        .find(|(relationship, _)| *relationship == name)
        .map(|(_, object)| ObjectName::from_static(object))
}

/// Whose content a field shows: some fields of cases and campaign members are
/// read-only copies from a contact.
pub(super) fn original(object: &ObjectName, field: &str) -> (ObjectName, FieldName) {
    let field = field_name(field);
    let copied = COPIES
        .iter()
        .find(|(of, name, _)| *of == object.as_str() && *name == field.as_str())
        .map(|(.., original)| FieldName::from_static(original));
    match copied {
        Some(original) => (ObjectName::from_static("contact"), original),
        None => (object.clone(), field),
    }
}

/// Objects, their read-only fields, and the fields of a contact that these copy.
const COPIES: [(&str, &str, &str); 19] = [
    ("case", "contactemail", "email"),
    ("case", "contactfax", "fax"),
    ("case", "contactmobile", "mobilephone"),
    ("case", "contactphone", "phone"),
    ("campaignmember", "city", "mailingcity"),
    ("campaignmember", "country", "mailingcountry"),
    ("campaignmember", "description", "description"),
    ("campaignmember", "email", "email"),
    ("campaignmember", "fax", "fax"),
    ("campaignmember", "firstname", "firstname"),
    ("campaignmember", "lastname", "lastname"),
    ("campaignmember", "mobilephone", "mobilephone"),
    ("campaignmember", "name", "name"),
    ("campaignmember", "phone", "phone"),
    ("campaignmember", "postalcode", "mailingpostalcode"),
    ("campaignmember", "salutation", "salutation"),
    ("campaignmember", "state", "mailingstate"),
    ("campaignmember", "street", "mailingstreet"),
    ("campaignmember", "title", "title"),
];

/// The objects whose fields an object shows copies of.
pub(super) fn copied_from(object: &ObjectName) -> &'static [&'static str] {
    match object.as_str() {
        "campaignmember" => &["contact", "lead"],
        "case" => &["contact"],
        _ => &[],
    }
}

/// The standard e-mail field of an object that has just one.
pub(super) fn sole_email_field(object: &ObjectName) -> Option<FieldName> {
    match object.as_str() {
        "contact" | "lead" => Some(FieldName::from_static("email")),
        "account" => Some(FieldName::from_static("personemail")),
        _ => None,
    }
}

/// The object of the record that copies of fields of `object` come from, if this member
/// of theirs refers to it. A campaign member is a contact or a lead.
pub(super) fn copied_by(object: &ObjectName, member: &str) -> Option<ObjectName> {
    let references = [("contactid", "contact"), ("leadid", "lead")];
    let is_copied = object.as_str() == "contact";
    let mut references = references.into_iter().filter(|_| is_copied);
    let found = references.find(|(reference, _)| member.eq_ignore_ascii_case(reference));
    found.map(|(_, referred)| ObjectName::from_static(referred))
}

/// What a comparison with a copy in a campaign member asks of: the member is a contact
/// or a lead, and no one value stands for both. Nothing for other fields.
pub(super) fn uses_of_copy(
    object: &ObjectName,
    field: &str,
    operator: &'static str,
) -> Option<[FieldUse; 2]> {
    let (contact, original) = original(object, field);
    if object.as_str() != "campaignmember" || contact == *object {
        return None;
    }
    let lead =
        FieldUse { object: ObjectName::from_static("lead"), field: field_name(field), operator };
    Some([FieldUse { object: contact, field: original, operator }, lead])
}

/// The fields that Salesforce composes this text field from.
pub(super) fn composed_from(object: &ObjectName, field: &FieldName) -> &'static [&'static str] {
    match (object.as_str(), field.as_str()) {
        ("contact" | "individual" | "lead" | "user", "name") => {
            &["firstname", "lastname", "middlename", "suffix", "salutation"]
        }
        // Of a person account it is the person's name.
        ("account", "name") => &["firstname", "lastname", "middlename", "suffix", "salutation"],
        _ => &[],
    }
}

const ADDRESS_PARTS: [&str; 10] = [
    "street",
    "city",
    "state",
    "statecode",
    "postalcode",
    "country",
    "countrycode",
    "latitude",
    "longitude",
    "geocodeaccuracy",
];

/// The field that a member of a compound field shows: `city` of `mailingaddress`
/// is `mailingcity`. `None` when `field` is not a compound field.
pub(super) fn part_of(field: &FieldName, member: &str) -> Option<FieldName> {
    address_part(field, member).or_else(|| {
        let custom = field.as_str().strip_suffix("__c")?;
        Some(field_name(&format!("{custom}__{member}__s")))
    })
}

/// The same of a value that is compound beyond doubt, by what the names of standard ones
/// have in common.
pub(super) fn part_by_name(field: &FieldName, member: &str) -> Option<FieldName> {
    let mut ends = ["address", "location"].into_iter();
    let prefix = ends.find_map(|end| field.as_str().strip_suffix(end))?;
    Some(field_name(&format!("{prefix}{member}")))
}

/// Whether a field may have its parts inside: an address, or in events also a name.
pub(super) fn has_parts(object: &ObjectName, field: &FieldName) -> bool {
    part_of(field, "").is_some() || !composed_from(object, field).is_empty()
}

/// The field that a member inside of such a field shows.
pub(super) fn member_of(object: &ObjectName, field: &FieldName, member: &str) -> Option<FieldName> {
    let is_name = !composed_from(object, field).is_empty();
    if is_name { Some(field_name(member)) } else { compound_member(field, member) }
}

/// As [`part_of`], where a member of a standard address may also have the whole name of
/// the field that it shows.
fn compound_member(field: &FieldName, member: &str) -> Option<FieldName> {
    let own = field_name(member);
    let mut parts = ADDRESS_PARTS.iter().filter_map(|part| address_part(field, part));
    parts.find(|part| *part == own).or_else(|| part_of(field, member))
}

/// Whether a field is a standard address, which has its parts inside.
pub(super) fn is_compound(field: &FieldName) -> bool {
    address_part(field, "").is_some()
}

fn address_part(field: &FieldName, member: &str) -> Option<FieldName> {
    let prefix = match field.as_str() {
        "mailingaddress"
        | "otheraddress"
        | "billingaddress"
        | "shippingaddress"
        | "address"
        | "additionaladdress"
        | "personmailingaddress"
        | "personotheraddress"
        | "quotetoaddress" => field.as_str().strip_suffix("address")?,
        _ => return None,
    };
    Some(field_name(&format!("{prefix}{member}")))
}

/// What is asked of a composed field, or written to it, is asked of each field
/// whose values it shows. Nothing for other fields.
pub(super) fn uses_of_parts(
    object: &ObjectName,
    field: &FieldName,
    operator: &'static str,
) -> impl Iterator<Item = FieldUse> {
    let composed = composed_from(object, field).iter().copied().map(FieldName::from_static);
    let parts = ADDRESS_PARTS.iter().filter_map(|part| address_part(field, part));
    let parts: Vec<FieldName> = composed.chain(parts).collect();
    let object = object.clone();
    parts.into_iter().map(move |field| FieldUse { object: object.clone(), field, operator })
}

/// Lengths as docs.skedulo.com (names and addresses), Salesforce help 000384328
/// (e-mail) and the Object Reference (description, birth date) give them.
const FACTS: [(&str, &str, FieldKind, u32); 25] = [
    ("contact", "lastname", FieldKind::Text, 80),
    ("contact", "firstname", FieldKind::Text, 40),
    ("contact", "name", FieldKind::Composed, 121),
    ("contact", "email", FieldKind::Email, 80),
    ("contact", "phone", FieldKind::Phone, 40),
    ("contact", "mobilephone", FieldKind::Phone, 40),
    ("contact", "fax", FieldKind::Phone, 40),
    ("contact", "description", FieldKind::Text, 32_000),
    ("contact", "mailingstreet", FieldKind::Text, 255),
    ("contact", "mailingcity", FieldKind::Text, 40),
    ("contact", "mailingstate", FieldKind::Text, 80),
    ("contact", "mailingpostalcode", FieldKind::Text, 20),
    ("contact", "mailingcountrycode", FieldKind::Picklist, 10),
    ("contact", "birthdate", FieldKind::Date, 10),
    ("contact", "title", FieldKind::Text, 128),
    ("contact", "assistantname", FieldKind::Text, 40),
    ("lead", "lastname", FieldKind::Text, 80),
    ("lead", "firstname", FieldKind::Text, 40),
    ("lead", "name", FieldKind::Composed, 121),
    ("lead", "email", FieldKind::Email, 80),
    ("lead", "phone", FieldKind::Phone, 40),
    ("lead", "mobilephone", FieldKind::Phone, 40),
    ("lead", "fax", FieldKind::Phone, 40),
    ("lead", "description", FieldKind::Text, 32_000),
    ("account", "name", FieldKind::Text, 255),
];

fn rows() -> impl Iterator<Item = Row> {
    FACTS.into_iter().map(|(object, field, kind, length)| {
        (object, field, FieldFacts { max_length: Some(length), kind })
    })
}

pub(super) fn facts(object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
    let known = facts::find(rows(), object, field);
    // What is read as other fields: a rule for it would never decide about anything.
    let is_copy = original(object, field.as_str()) != (object.clone(), field.clone());
    let is_name = object.as_str() != "account" && !composed_from(object, field).is_empty();
    let composed = FieldFacts { max_length: None, kind: FieldKind::Composed };
    known.or((is_copy || is_compound(field) || is_name).then_some(composed))
}

pub(super) fn known_fields() -> Vec<(ObjectName, FieldName)> {
    facts::names(rows())
}
