// SPDX-License-Identifier: Apache-2.0
//! Objects and their fields. Lengths are those of the Salesforce object reference
//! as far as it gives them.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::base::Timestamp;
use crate::demo::crm::store::Record;

use super::problem::Problem;

#[derive(Clone)]
pub(super) struct Object {
    pub(super) name: Cow<'static, str>,
    pub(super) key_prefix: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) required: &'static [&'static str],
    /// What the parts of its compound addresses begin with.
    pub(super) addresses: &'static [&'static str],
    /// Whether `Name` is composed from first and last name.
    pub(super) is_person: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    pub(super) length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Not filterable.
    LongText,
    Email,
    Phone,
    Date,
    /// A picklist restricted to ISO 3166 codes.
    Country,
    Reference,
}

impl Kind {
    /// The word of a describe answer.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::LongText => "textarea",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Date => "date",
            Self::Country => "picklist",
            Self::Reference => "reference",
        }
    }
}

const fn field(name: &'static str, label: &'static str, kind: Kind, length: usize) -> Field {
    Field { name, label, kind, length }
}

macro_rules! address {
    ($prefix:literal, $label:literal) => {
        [
            field(concat!($prefix, "Street"), concat!($label, "Street"), Kind::Text, 255),
            field(concat!($prefix, "City"), concat!($label, "City"), Kind::Text, 40),
            field(concat!($prefix, "State"), concat!($label, "State/Province"), Kind::Text, 80),
            field(
                concat!($prefix, "PostalCode"),
                concat!($label, "Zip/Postal Code"),
                Kind::Text,
                20,
            ),
            field(concat!($prefix, "Country"), concat!($label, "Country"), Kind::Text, 80),
            field(
                concat!($prefix, "CountryCode"),
                concat!($label, "Country Code"),
                Kind::Country,
                10,
            ),
        ]
    };
}

const MAILING: [Field; 6] = address!("Mailing", "Mailing ");
const OTHER: [Field; 6] = address!("Other", "Other ");
const PLAIN: [Field; 6] = address!("", "");
const BILLING: [Field; 6] = address!("Billing", "Billing ");
const SHIPPING: [Field; 6] = address!("Shipping", "Shipping ");

const CONTACT: &[Field] = &[
    field("AccountId", "Account ID", Kind::Reference, 18),
    field("LastName", "Last Name", Kind::Text, 80),
    field("FirstName", "First Name", Kind::Text, 40),
    field("Salutation", "Salutation", Kind::Text, 40),
    MAILING[0],
    MAILING[1],
    MAILING[2],
    MAILING[3],
    MAILING[4],
    MAILING[5],
    OTHER[0],
    OTHER[1],
    OTHER[2],
    OTHER[3],
    OTHER[4],
    OTHER[5],
    field("Phone", "Business Phone", Kind::Phone, 40),
    field("Fax", "Business Fax", Kind::Phone, 40),
    field("MobilePhone", "Mobile Phone", Kind::Phone, 40),
    field("HomePhone", "Home Phone", Kind::Phone, 40),
    field("OtherPhone", "Other Phone", Kind::Phone, 40),
    field("AssistantPhone", "Asst. Phone", Kind::Phone, 40),
    field("Email", "Email", Kind::Email, 80),
    field("Title", "Title", Kind::Text, 128),
    field("Department", "Department", Kind::Text, 80),
    field("AssistantName", "Assistant's Name", Kind::Text, 40),
    field("LeadSource", "Lead Source", Kind::Text, 255),
    field("Birthdate", "Birthdate", Kind::Date, 10),
    field("Description", "Contact Description", Kind::LongText, 32_000),
];

const LEAD: &[Field] = &[
    field("LastName", "Last Name", Kind::Text, 80),
    field("FirstName", "First Name", Kind::Text, 40),
    field("Salutation", "Salutation", Kind::Text, 40),
    field("Title", "Title", Kind::Text, 128),
    field("Company", "Company", Kind::Text, 255),
    PLAIN[0],
    PLAIN[1],
    PLAIN[2],
    PLAIN[3],
    PLAIN[4],
    PLAIN[5],
    field("Phone", "Phone", Kind::Phone, 40),
    field("MobilePhone", "Mobile Phone", Kind::Phone, 40),
    field("Fax", "Fax", Kind::Phone, 40),
    field("Email", "Email", Kind::Email, 80),
    field("Website", "Website", Kind::Text, 255),
    field("LeadSource", "Lead Source", Kind::Text, 255),
    field("Status", "Status", Kind::Text, 255),
    field("Industry", "Industry", Kind::Text, 255),
    field("Description", "Description", Kind::LongText, 32_000),
];

const ACCOUNT: &[Field] = &[
    field("Name", "Account Name", Kind::Text, 255),
    field("AccountNumber", "Account Number", Kind::Text, 40),
    BILLING[0],
    BILLING[1],
    BILLING[2],
    BILLING[3],
    BILLING[4],
    BILLING[5],
    SHIPPING[0],
    SHIPPING[1],
    SHIPPING[2],
    SHIPPING[3],
    SHIPPING[4],
    SHIPPING[5],
    field("Phone", "Account Phone", Kind::Phone, 40),
    field("Fax", "Account Fax", Kind::Phone, 40),
    field("Website", "Website", Kind::Text, 255),
    field("Industry", "Industry", Kind::Text, 255),
    field("Description", "Account Description", Kind::LongText, 32_000),
];

const CUSTOM: &[Field] = &[field("Name", "Name", Kind::Text, 80)];

/// What every record has, besides its fields.
pub(super) const SYSTEM: [&str; 5] =
    ["Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp"];

pub(super) const STANDARD: [Object; 3] = [
    Object {
        name: Cow::Borrowed("Contact"),
        key_prefix: "003",
        fields: CONTACT,
        required: &["LastName"],
        addresses: &["Mailing", "Other"],
        is_person: true,
    },
    Object {
        name: Cow::Borrowed("Lead"),
        key_prefix: "00Q",
        fields: LEAD,
        required: &["LastName", "Company"],
        addresses: &[""],
        is_person: true,
    },
    Object {
        name: Cow::Borrowed("Account"),
        key_prefix: "001",
        fields: ACCOUNT,
        required: &["Name"],
        addresses: &["Billing", "Shipping"],
        is_person: false,
    },
];

impl Object {
    /// The object that a path names, in any case.
    pub(super) fn named(name: &str) -> Result<Self, Problem> {
        Self::find(name).ok_or_else(Problem::no_resource)
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        if is_custom(name) {
            return Some(Self {
                name: Cow::Owned(name.to_owned()),
                key_prefix: "a00",
                fields: CUSTOM,
                required: &[],
                addresses: &[],
                is_person: false,
            });
        }
        STANDARD.into_iter().find(|object| object.name.eq_ignore_ascii_case(name))
    }

    /// A field of the tables above; custom fields have no entry.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The canonical name of something that can be read; a custom field keeps the
    /// spelling it was asked for in.
    pub(super) fn column(&self, name: &str) -> Result<String, Problem> {
        let field = self.field(name).map(|field| field.name.to_owned());
        field
            .or_else(|| self.computed().find(|computed| computed.eq_ignore_ascii_case(name)))
            .or_else(|| is_custom(name).then(|| name.to_owned()))
            .ok_or_else(|| Problem::no_column(name, &self.name))
    }

    /// What can be read but not written.
    pub(super) fn computed(&self) -> impl Iterator<Item = String> {
        let system = SYSTEM.iter().map(|&name| name.to_owned());
        let name = self.is_person.then(|| "Name".to_owned());
        system.chain(name).chain(self.addresses.iter().map(|prefix| format!("{prefix}Address")))
    }

    /// The fields by which a record can be named in a path.
    pub(super) fn key(&self, name: &str) -> Result<String, Problem> {
        let is_key = match self.field(name) {
            Some(field) => field.kind == Kind::Email,
            None => is_custom(name),
        };
        if is_key { self.column(name) } else { Err(Problem::no_external_id(name)) }
    }

    /// A column of a record, by its canonical name.
    pub(super) fn value(&self, record: &Record, column: &str) -> Value {
        match column {
            "Id" => record.id.as_str().into(),
            "IsDeleted" => record.is_deleted.into(),
            "CreatedDate" => date_time(record.created).into(),
            "LastModifiedDate" | "SystemModstamp" => date_time(record.updated).into(),
            "Name" if self.is_person => full_name(record),
            _ => match column.strip_suffix("Address") {
                Some(prefix) if self.addresses.contains(&prefix) => address(record, prefix),
                _ => record.field(column).cloned().unwrap_or(Value::Null),
            },
        }
    }
}

/// `Score__c`: a custom object or field.
pub(super) fn is_custom(name: &str) -> bool {
    let is_identifier = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_identifier && name.len() > 3 && name.to_ascii_lowercase().ends_with("__c")
}

fn full_name(record: &Record) -> Value {
    let parts = ["FirstName", "LastName"].into_iter().filter_map(|part| record.text(part));
    parts.collect::<Vec<_>>().join(" ").into()
}

/// The compound of an address's parts; null when there are none.
fn address(record: &Record, prefix: &str) -> Value {
    let part = |name: &str| record.field(&format!("{prefix}{name}")).cloned().unwrap_or_default();
    let parts = ["City", "Country", "CountryCode", "PostalCode", "State", "Street"];
    if parts.iter().all(|name| part(name).is_null()) {
        return Value::Null;
    }
    json!({
        "city": part("City"),
        "country": part("Country"),
        "countryCode": part("CountryCode"),
        "geocodeAccuracy": null,
        "latitude": null,
        "longitude": null,
        "postalCode": part("PostalCode"),
        "state": part("State"),
        "stateCode": null,
        "street": part("Street"),
    })
}

/// `2026-03-01T09:00:00.000+0000`
fn date_time(time: Timestamp) -> String {
    time.to_rfc3339().replace('Z', "+0000")
}
