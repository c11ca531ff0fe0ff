// SPDX-License-Identifier: Apache-2.0
//! Where relationships lead.

use super::{ACCOUNT, ACTIVITYPARTY, CONTACT, INCIDENT, LEAD, SYSTEMUSER, TABLES, standard};
use crate::base::{FieldName, ObjectName};

/// What follows the names of lookups to tables of several kinds.
const POLYMORPHIC: [&str; 10] = [
    "customerid",
    "emailsender",
    "objectid",
    "ownerid",
    "parentcustomerid",
    "partyid",
    "record1id",
    "record2id",
    "regardingobjectid",
    "sender",
];

/// Lookups that lead to one table wherever they stand. An owner may also be a team,
/// which has no personal columns.
const LOOKUPS: [(&str, &str); 36] = [
    ("accountid", ACCOUNT),
    ("businessunitid", "businessunit"),
    ("campaignid", "campaign"),
    ("contactid", CONTACT),
    ("createdby", SYSTEMUSER),
    ("createdonbehalfby", SYSTEMUSER),
    ("customercontactid", CONTACT),
    ("defaultpricelevelid", "pricelevel"),
    ("manager", SYSTEMUSER),
    ("managingpartnerid", ACCOUNT),
    ("modifiedby", SYSTEMUSER),
    ("modifiedonbehalfby", SYSTEMUSER),
    ("opportunityid", "opportunity"),
    ("originatingleadid", LEAD),
    ("ownerid", SYSTEMUSER),
    ("owningbusinessunit", "businessunit"),
    ("owningteam", "team"),
    ("owninguser", SYSTEMUSER),
    ("parentaccountid", ACCOUNT),
    ("parentbusinessunitid", "businessunit"),
    ("parentcaseid", INCIDENT),
    ("parentcontactid", CONTACT),
    ("parentsystemuserid", SYSTEMUSER),
    ("preferredsystemuserid", SYSTEMUSER),
    ("pricelevelid", "pricelevel"),
    ("primarycontactid", CONTACT),
    ("productid", "product"),
    ("qualifyingopportunityid", "opportunity"),
    ("queueid", "queue"),
    ("quoteid", "quote"),
    ("responsiblecontactid", CONTACT),
    ("salesorderid", "salesorder"),
    ("subjectid", "subject"),
    ("systemuserid", SYSTEMUSER),
    ("teamid", "team"),
    ("transactioncurrencyid", "transactioncurrency"),
];

/// Relationships to several records, in lower case.
const COLLECTIONS: [(&str, &str); 27] = [
    ("account_master_account", ACCOUNT),
    ("account_parent_account", ACCOUNT),
    ("account_primary_contact", ACCOUNT),
    ("business_unit_accounts", ACCOUNT),
    ("business_unit_contacts", CONTACT),
    ("business_unit_leads", LEAD),
    ("business_unit_system_users", SYSTEMUSER),
    ("contact_as_primary_contact", INCIDENT),
    ("contact_as_responsible_contact", INCIDENT),
    ("contact_customer_accounts", CONTACT),
    ("contact_customer_contacts", CONTACT),
    ("contact_master_contact", CONTACT),
    ("contact_owning_user", CONTACT),
    ("incident_customer_accounts", INCIDENT),
    ("incident_customer_contacts", INCIDENT),
    ("lead_customer_accounts", LEAD),
    ("lead_customer_contacts", LEAD),
    ("lead_owning_user", LEAD),
    ("lead_parent_account", LEAD),
    ("lead_parent_contact", LEAD),
    ("listaccount_association", ACCOUNT),
    ("listcontact_association", CONTACT),
    ("listlead_association", LEAD),
    ("opportunity_customer_accounts", "opportunity"),
    ("opportunity_customer_contacts", "opportunity"),
    ("opportunity_parent_account", "opportunity"),
    ("opportunity_parent_contact", "opportunity"),
];

/// What a navigation property leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::crm::dynamics) struct Navigation {
    pub object: ObjectName,
    pub is_collection: bool,
}

/// Where a navigation property leads, where that is known. The names of custom
/// relationships tell nothing.
pub(in crate::crm::dynamics) fn navigation(object: &ObjectName, name: &str) -> Option<Navigation> {
    let name = name.to_ascii_lowercase();
    let to = |object: &'static str, is_collection| {
        Some(Navigation { object: ObjectName::from_static(object), is_collection })
    };
    if name == "masterid" {
        return Some(Navigation { object: object.clone(), is_collection: false });
    }
    if name == "contactleads_association" || name == "accountleads_association" {
        let other = if name.starts_with(CONTACT) { CONTACT } else { ACCOUNT };
        return to(if object.as_str() == LEAD { other } else { LEAD }, true);
    }
    if let Some((_, object)) = LOOKUPS.iter().find(|(lookup, _)| *lookup == name) {
        return to(object, false);
    }
    if let Some((_, object)) = COLLECTIONS.iter().find(|(known, _)| *known == name) {
        return to(object, true);
    }
    let (first, rest) = name.split_once('_')?;
    if POLYMORPHIC.contains(&first) {
        // `regardingobjectid_contact_email`: to a contact, from an e-mail.
        let target = rest.split('_').next().and_then(standard)?;
        return Some(Navigation { object: target, is_collection: false });
    }
    // `Contact_Annotation`, `email_activity_parties`, `Account_Emails`.
    standard(first)?;
    let target = match rest {
        "activity_parties" | "activityparty" => Some(ObjectName::from_static(ACTIVITYPARTY)),
        other => {
            let known = TABLES.iter().find(|(table, set)| [*table, *set].contains(&other));
            known.map(|(table, _)| ObjectName::from_static(table))
        }
    };
    target.map(|object| Navigation { object, is_collection: true })
}

/// The column of another record that a column of FetchXML shows: `owneridname` is the
/// name of the owner. Where that is not known to be a standard lookup, it is one if its
/// name ends as they do; the lookup may lead to a person then.
pub(in crate::crm::dynamics) fn name_behind(
    object: &ObjectName,
    field: &FieldName,
) -> Option<(ObjectName, FieldName)> {
    let rest = field.as_str().strip_suffix("name")?;
    let (lookup, is_yomi) = rest.strip_suffix("yomi").map_or((rest, false), |rest| (rest, true));
    // `managername` is a column of contacts.
    let is_lookup = lookup.ends_with("id")
        || lookup.starts_with("owning")
        || matches!(
            lookup,
            "createdby" | "createdonbehalfby" | "modifiedby" | "modifiedonbehalfby"
        );
    let led = navigation(object, lookup).filter(|led| !led.is_collection);
    let target = led.map_or_else(|| ObjectName::from_static(CONTACT), |led| led.object);
    let (target, column) = name_of(&target);
    let column = match (is_yomi, column.as_str()) {
        (true, "fullname") => FieldName::from_static("yomifullname"),
        (true, "name") => FieldName::from_static("yominame"),
        _ => column,
    };
    is_lookup.then_some((target, column))
}

/// What the name of a record behind a lookup is: the column, and the table. Where the
/// table is not known, it may be a person.
pub(in crate::crm::dynamics) fn name_of(target: &ObjectName) -> (ObjectName, FieldName) {
    let column = match target.as_str() {
        CONTACT | LEAD | SYSTEMUSER => "fullname",
        INCIDENT => "title",
        "annotation" | "activitypointer" | "appointment" | "email" | "fax" | "letter"
        | "phonecall" | "task" => "subject",
        ACTIVITYPARTY => "addressused",
        _ => "name",
    };
    (target.clone(), FieldName::from_static(column))
}
