// SPDX-License-Identifier: Apache-2.0
//! What is known of the tables of Dataverse: their names, which columns show others'
//! content, and what columns take.
//!
//! Source: Microsoft, "Dataverse Web API entity type reference"; lengths from the
//! Common Data Model (microsoft/CDM, applicationCommon). Names of tables and columns
//! are logical names, which are in lower case; so is every canonical name here.

mod facts;
mod relations;

pub(super) use facts::{facts, known_fields};
pub(super) use relations::{name_behind, name_of, navigation};

use crate::base::{FieldName, ObjectName};
use crate::crm::FieldUse;

pub(super) const CONTACT: &str = "contact";
const ACCOUNT: &str = "account";
const LEAD: &str = "lead";
const SYSTEMUSER: &str = "systemuser";
const INCIDENT: &str = "incident";
const ACTIVITYPARTY: &str = "activityparty";
const CUSTOMERADDRESS: &str = "customeraddress";
const LEADADDRESS: &str = "leadaddress";

/// Tables by their logical names and the names of their entity sets, where a table does
/// not follow [`singular`] or stands in the name of a relationship.
const TABLES: [(&str, &str); 41] = [
    (ACCOUNT, "accounts"),
    ("activitymimeattachment", "activitymimeattachments"),
    (ACTIVITYPARTY, "activityparties"),
    ("activitypointer", "activitypointers"),
    ("annotation", "annotations"),
    ("appointment", "appointments"),
    ("businessunit", "businessunits"),
    ("campaign", "campaigns"),
    ("campaignresponse", "campaignresponses"),
    ("competitor", "competitors"),
    ("connection", "connections"),
    (CONTACT, "contacts"),
    ("contract", "contracts"),
    (CUSTOMERADDRESS, "customeraddresses"),
    ("email", "emails"),
    ("entitlement", "entitlements"),
    ("fax", "faxes"),
    (INCIDENT, "incidents"),
    ("invoice", "invoices"),
    ("knowledgearticle", "knowledgearticles"),
    (LEAD, "leads"),
    (LEADADDRESS, "leadaddresses"),
    ("letter", "letters"),
    ("list", "lists"),
    ("opportunity", "opportunities"),
    ("organization", "organizations"),
    ("phonecall", "phonecalls"),
    ("pricelevel", "pricelevels"),
    ("product", "products"),
    ("queue", "queues"),
    ("quote", "quotes"),
    ("recurringappointmentmaster", "recurringappointmentmasters"),
    ("role", "roles"),
    ("salesorder", "salesorders"),
    ("serviceappointment", "serviceappointments"),
    ("socialprofile", "socialprofiles"),
    ("subject", "subjects"),
    (SYSTEMUSER, "systemusers"),
    ("task", "tasks"),
    ("team", "teams"),
    ("transactioncurrency", "transactioncurrencies"),
];

/// Whether records of a table say who takes part in an activity.
pub(super) fn is_party(object: &ObjectName) -> bool {
    object.as_str() == ACTIVITYPARTY
}

/// Whether records of a table are those who work with others.
pub(super) fn is_user(object: &ObjectName) -> bool {
    matches!(object.as_str(), SYSTEMUSER | "team")
}

/// A table under its logical name or that of its entity set.
pub(super) fn object_name(name: &str) -> ObjectName {
    let name = name.to_ascii_lowercase();
    let known = TABLES.iter().find(|(table, set)| [*table, *set].contains(&name.as_str()));
    known.map_or_else(
        || ObjectName::new(singular(&name)),
        |(table, _)| ObjectName::from_static(table),
    )
}

/// One form for what the names of a custom table have in common: Dataverse makes the
/// name of the entity set from the logical name by English rules. Taking endings off
/// until none is left gives the same for both.
fn singular(name: &str) -> String {
    let mut name = name.to_owned();
    loop {
        let is_sibilant =
            |stem: &str| ["s", "x", "z", "ch", "sh"].iter().any(|end| stem.ends_with(end));
        let shorter = match (name.strip_suffix("ies"), name.strip_suffix("es")) {
            (Some(stem), _) => format!("{stem}y"),
            (None, Some(stem)) if is_sibilant(stem) => stem.to_owned(),
            _ => match name.strip_suffix('s') {
                Some(stem) if !stem.ends_with('s') => stem.to_owned(),
                _ => return name,
            },
        };
        name = shorter;
    }
}

/// The table of this very logical name, if it is a standard one.
fn standard(name: &str) -> Option<ObjectName> {
    let known = TABLES.iter().find(|(table, _)| *table == name);
    known.map(|(table, _)| ObjectName::from_static(table))
}

pub(super) fn field_name(name: &str) -> FieldName {
    FieldName::new(name.to_ascii_lowercase())
}

/// Whether it can be the name of a table, a column or a relationship.
pub(super) fn is_name(name: &str) -> bool {
    let is_start = |first: char| first.is_ascii_alphabetic() || first == '_';
    name.len() <= 128
        && name.starts_with(is_start)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

const TYPES: &str = "Microsoft.Dynamics.CRM.";

/// The table that `@odata.type` or a type cast names: `#Microsoft.Dynamics.CRM.contact`.
pub(super) fn type_name(text: &str) -> Option<ObjectName> {
    let name = text.strip_prefix('#').unwrap_or(text).strip_prefix(TYPES)?;
    // A type is no entity set: only a known one may look like it.
    is_name(name).then(|| object_name(name))
}

/// The message that a segment names: `Microsoft.Dynamics.CRM.CreateMultiple`.
pub(super) fn message(segment: &str) -> Option<&str> {
    segment.strip_prefix(TYPES)
}

const ACTIVITYPOINTER: &str = "activitypointer";

/// Tables whose records are records of `activitypointer` too.
const ACTIVITIES: [&str; 10] = [
    ACTIVITYPOINTER,
    "appointment",
    "campaignresponse",
    "email",
    "fax",
    "letter",
    "phonecall",
    "recurringappointmentmaster",
    "serviceappointment",
    "task",
];

/// Whether a record that says to be of the table `stated` can stand where records of the
/// table `expected` do. The names of custom tables do not tell whether they are one's.
pub(super) fn fits(stated: &ObjectName, expected: Option<&ObjectName>) -> bool {
    // What all tables are derived from has none of their columns.
    const BASES: [&str; 4] = ["crmbaseentity", "crmmodelbaseentity", "expando", "principal"];
    if BASES.contains(&stated.as_str()) {
        return false;
    }
    let Some(expected) = expected.filter(|expected| *expected != stated) else { return true };
    let is_custom = standard(stated.as_str()).is_none();
    let is_activity = ACTIVITIES.contains(&stated.as_str());
    match expected.as_str() {
        ACTIVITYPOINTER => is_custom || is_activity,
        expected => is_custom && standard(expected).is_none(),
    }
}

/// Whether a column holds ids of records, by its name. Text columns of standard tables
/// may end alike and hold a GUID that names a person.
pub(super) fn holds_ids(field: &FieldName) -> bool {
    const TEXTS: [&str; 6] = [
        "employeeid",
        "governmentid",
        "primarytwitterid",
        "uniqueprofileid",
        "windowsliveid",
        "yammeruserid",
    ];
    let name = field.as_str();
    (name.ends_with("id") && !TEXTS.contains(&name)) || name.ends_with("_value")
}

/// The column that holds the id of a table's records.
pub(super) fn primary_key(object: &ObjectName) -> FieldName {
    match object.as_str() {
        activity if ACTIVITIES.contains(&activity) => FieldName::from_static("activityid"),
        other => FieldName::new(format!("{other}id")),
    }
}

/// The table whose records have a column of this name as their id, if no other
/// standard table has one.
pub(super) fn object_of_key(column: &str) -> Option<ObjectName> {
    standard(column.strip_suffix("id")?).filter(|object| primary_key(object).as_str() == column)
}

const NAME: [&str; 5] = ["firstname", "middlename", "lastname", "salutation", "suffix"];
const YOMI_NAME: [&str; 3] = ["yomifirstname", "yomimiddlename", "yomilastname"];

/// The columns that a composed address shows.
macro_rules! address {
    ($prefix:literal) => {
        [
            concat!($prefix, "line1"),
            concat!($prefix, "line2"),
            concat!($prefix, "line3"),
            concat!($prefix, "city"),
            concat!($prefix, "stateorprovince"),
            concat!($prefix, "county"),
            concat!($prefix, "postalcode"),
            concat!($prefix, "postofficebox"),
            concat!($prefix, "country"),
        ]
    };
}

const ADDRESS: [&str; 9] = address!("");
const ADDRESS_1: [&str; 9] = address!("address1_");
const ADDRESS_2: [&str; 9] = address!("address2_");
const ADDRESS_3: [&str; 9] = address!("address3_");
const BILL_TO: [&str; 9] = address!("billto_");
const SHIP_TO: [&str; 9] = address!("shipto_");

/// The columns that Dataverse composes this text column from.
pub(super) fn composed_from(object: &ObjectName, field: &FieldName) -> &'static [&'static str] {
    match (object.as_str(), field.as_str()) {
        (CONTACT | LEAD | SYSTEMUSER, "fullname") => &NAME,
        (CONTACT | LEAD | SYSTEMUSER, "yomifullname") => &YOMI_NAME,
        (CUSTOMERADDRESS | LEADADDRESS, "composite") => &ADDRESS,
        (_, "address1_composite") => &ADDRESS_1,
        (_, "address2_composite") => &ADDRESS_2,
        (_, "address3_composite") => &ADDRESS_3,
        (_, "billto_composite") => &BILL_TO,
        (_, "shipto_composite") => &SHIP_TO,
        _ => &[],
    }
}

/// What is asked of a composed column, or written to it, is asked of each column whose
/// values it shows. Nothing for other columns.
pub(super) fn uses_of_parts(
    object: &ObjectName,
    field: &FieldName,
    operator: &'static str,
) -> impl Iterator<Item = FieldUse> {
    FieldUse::of_parts(object, composed_from(object, field), operator)
}
