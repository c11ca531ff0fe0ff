// SPDX-License-Identifier: Apache-2.0
//! To which objects the association types lead that HubSpot defines.
//!
//! Source: "Associations v4", association type ID values (developers.hubspot.com/docs, March
//! 2026). An id stands for one direction between two objects, in every account. The ids of
//! labels that an account defines are its own, and of another category.

use crate::base::ObjectName;

/// From any object to contacts.
const TO_CONTACT: [u32; 30] = [
    2, 3, 16, 69, 81, 98, 177, 194, 198, 200, 202, 204, 280, 295, 387, 449, 453, 469, 507, 578,
    586, 608, 702, 798, 860, 882, 906, 930, 1226, 1242,
];

/// From any object to companies.
const TO_COMPANY: [u32; 34] = [
    1, 5, 13, 14, 26, 71, 87, 179, 182, 186, 188, 190, 192, 279, 297, 339, 341, 389, 450, 459, 471,
    509, 580, 610, 792, 884, 908, 928, 931, 934, 938, 1236, 1299, 1334,
];

/// From any object to leads.
const TO_LEAD: [u32; 10] = [583, 597, 601, 603, 609, 611, 647, 855, 1038, 1161];

/// The object that an association of a type leads to, if that may be a person.
pub(super) fn leads_to(category: &str, type_id: &str) -> Option<ObjectName> {
    let id = type_id.parse().ok().filter(|_| category == "HUBSPOT_DEFINED")?;
    let all = [
        (TO_CONTACT.as_slice(), "contact"),
        (TO_COMPANY.as_slice(), "company"),
        (TO_LEAD.as_slice(), "lead"),
    ];
    let (_, object) = all.into_iter().find(|(ids, _)| ids.contains(&id))?;
    Some(ObjectName::from_static(object))
}
