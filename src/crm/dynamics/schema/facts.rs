// SPDX-License-Identifier: Apache-2.0
//! What columns take. Source of the lengths: the Common Data Model (microsoft/CDM).

use FieldKind::{Date, Email, Phone, Text};

use super::{ACCOUNT, CONTACT, CUSTOMERADDRESS, INCIDENT, LEAD, SYSTEMUSER, composed_from};
use crate::base::{FieldName, ObjectName};
use crate::crm::facts::{self, Row};
use crate::crm::{FieldFacts, FieldKind};

/// Columns of the tables named in the first place, and their lengths.
const FACTS: [(&[&str], &str, FieldKind, u32); 51] = [
    (&[CONTACT, LEAD], "firstname", Text, 50),
    (&[CONTACT, LEAD], "middlename", Text, 50),
    (&[CONTACT, LEAD], "lastname", Text, 50),
    (&[CONTACT], "nickname", Text, 100),
    (&[CONTACT, LEAD], "salutation", Text, 100),
    (&[CONTACT], "suffix", Text, 10),
    (&[CONTACT, LEAD], "jobtitle", Text, 100),
    (&[CONTACT], "department", Text, 100),
    (&[CONTACT, LEAD, ACCOUNT], "emailaddress1", Email, 100),
    (&[CONTACT, LEAD, ACCOUNT], "emailaddress2", Email, 100),
    (&[CONTACT, LEAD, ACCOUNT], "emailaddress3", Email, 100),
    (&[CONTACT, LEAD, ACCOUNT], "telephone1", Phone, 50),
    (&[CONTACT, LEAD, ACCOUNT], "telephone2", Phone, 50),
    (&[CONTACT, LEAD, ACCOUNT], "telephone3", Phone, 50),
    (&[CONTACT, LEAD], "mobilephone", Phone, 50),
    (&[CONTACT, LEAD, ACCOUNT], "fax", Text, 50),
    (&[CONTACT], "pager", Text, 50),
    (&[LEAD], "pager", Text, 20),
    (&[CONTACT], "business2", Phone, 50),
    (&[CONTACT], "home2", Phone, 50),
    (&[CONTACT], "callback", Phone, 50),
    (&[CONTACT], "company", Phone, 50),
    (&[CONTACT], "assistantname", Text, 100),
    (&[CONTACT], "assistantphone", Phone, 50),
    (&[CONTACT], "managername", Text, 100),
    (&[CONTACT], "managerphone", Phone, 50),
    (&[CONTACT], "spousesname", Text, 100),
    (&[CONTACT], "childrensnames", Text, 255),
    (&[CONTACT], "governmentid", Text, 50),
    (&[CONTACT], "employeeid", Text, 50),
    (&[CONTACT], "externaluseridentifier", Text, 50),
    (&[CONTACT, LEAD], "yomifirstname", Text, 150),
    (&[CONTACT, LEAD], "yomimiddlename", Text, 150),
    (&[CONTACT, LEAD], "yomilastname", Text, 150),
    (&[CONTACT, LEAD, ACCOUNT], "description", Text, 2000),
    (&[CONTACT], "birthdate", Date, 10),
    (&[CONTACT], "anniversary", Date, 10),
    (&[LEAD], "subject", Text, 300),
    (&[LEAD], "companyname", Text, 100),
    (&[LEAD], "qualificationcomments", Text, 2000),
    (&[ACCOUNT], "name", Text, 160),
    (&[ACCOUNT], "accountnumber", Text, 20),
    (&[SYSTEMUSER], "firstname", Text, 256),
    (&[SYSTEMUSER], "lastname", Text, 256),
    (&[SYSTEMUSER], "internalemailaddress", Email, 100),
    (&[SYSTEMUSER], "domainname", Text, 1024),
    (&[SYSTEMUSER], "mobilephone", Phone, 64),
    (&[INCIDENT], "title", Text, 200),
    (&[INCIDENT], "emailaddress", Email, 100),
    (&["annotation"], "subject", Text, 500),
    (&["annotation"], "notetext", Text, 100_000),
];

/// The columns of an address, behind the prefixes of [`ADDRESSES`].
const ADDRESS_FACTS: [(&str, FieldKind, u32); 15] = [
    ("line1", Text, 250),
    ("line2", Text, 250),
    ("line3", Text, 250),
    ("city", Text, 80),
    ("stateorprovince", Text, 50),
    ("county", Text, 50),
    ("country", Text, 80),
    ("postofficebox", Text, 20),
    ("postalcode", Text, 20),
    ("primarycontactname", Text, 150),
    ("telephone1", Phone, 50),
    ("telephone2", Phone, 50),
    ("telephone3", Phone, 50),
    ("fax", Text, 50),
    ("name", Text, 100),
];

const ADDRESSES: [(&str, &str); 8] = [
    (CONTACT, "address1_"),
    (CONTACT, "address2_"),
    (CONTACT, "address3_"),
    (LEAD, "address1_"),
    (LEAD, "address2_"),
    (ACCOUNT, "address1_"),
    (ACCOUNT, "address2_"),
    (CUSTOMERADDRESS, ""),
];

pub(in crate::crm::dynamics) fn facts(
    object: &ObjectName,
    field: &FieldName,
) -> Option<FieldFacts> {
    let is_composed = !composed_from(object, field).is_empty();
    if is_composed {
        let max_length = match (object.as_str(), field.as_str()) {
            (_, "yomifullname") => 450,
            (_, "fullname") => 160,
            _ => 1000,
        };
        return Some(FieldFacts { max_length: Some(max_length), kind: FieldKind::Composed });
    }
    facts::find(rows(), object, field)
}

pub(in crate::crm::dynamics) fn known_fields() -> Vec<(ObjectName, FieldName)> {
    facts::names(rows())
}

fn rows() -> impl Iterator<Item = Row<String>> {
    let of_tables = FACTS.iter().flat_map(|(tables, name, kind, length)| {
        tables.iter().map(move |table| (*table, (*name).to_owned(), *kind, *length))
    });
    let of_addresses = ADDRESSES.iter().flat_map(|(table, prefix)| {
        ADDRESS_FACTS
            .iter()
            .map(move |(name, kind, length)| (*table, format!("{prefix}{name}"), *kind, *length))
    });
    let row =
        |(table, name, kind, length)| (table, name, FieldFacts { max_length: Some(length), kind });
    of_tables.chain(of_addresses).map(row)
}
