// SPDX-License-Identifier: Apache-2.0

use serde_json::{Map, Value};

use crate::demo::crm::store::Record;

/// A type of CRM object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectType {
    Contacts,
    Companies,
    Notes,
    Emails,
}

impl ObjectType {
    pub(super) const ALL: [Self; 4] = [Self::Contacts, Self::Companies, Self::Notes, Self::Emails];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|object| object.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Companies => "companies",
            Self::Notes => "notes",
            Self::Emails => "emails",
        }
    }

    /// What a read shows when it does not say which properties it wants.
    pub(super) fn default_properties(self) -> &'static [&'static str] {
        match self {
            Self::Contacts => &["email", "firstname", "lastname"],
            Self::Companies => &["domain", "name"],
            Self::Notes | Self::Emails => &[],
        }
    }

    pub(super) fn is_writable(self, property: &str) -> bool {
        let known: &[&str] = match self {
            Self::Contacts => &[
                "email",
                "firstname",
                "lastname",
                "salutation",
                "phone",
                "mobilephone",
                "fax",
                "address",
                "city",
                "state",
                "zip",
                "country",
                "company",
                "jobtitle",
                "website",
                "date_of_birth",
                "gender",
                "lifecyclestage",
                "hs_lead_status",
                "hs_additional_emails",
                "hs_language",
                "message",
                "notes",
                "customer_number",
            ],
            Self::Companies => &[
                "name",
                "domain",
                "phone",
                "address",
                "address2",
                "city",
                "state",
                "zip",
                "country",
                "industry",
                "website",
                "description",
                "numberofemployees",
                "lifecyclestage",
            ],
            Self::Notes => &["hs_note_body", "hs_timestamp", "hubspot_owner_id"],
            Self::Emails => &[
                "hs_email_direction",
                "hs_email_headers",
                "hs_email_html",
                "hs_email_status",
                "hs_email_subject",
                "hs_email_text",
                "hs_timestamp",
                "hubspot_owner_id",
            ],
        };
        known.contains(&property)
    }

    fn modified_property(self) -> &'static str {
        match self {
            Self::Contacts => "lastmodifieddate",
            Self::Companies | Self::Notes | Self::Emails => "hs_lastmodifieddate",
        }
    }

    /// What HubSpot sets itself on every record.
    pub(super) fn system(self, record: &Record) -> [(&'static str, Value); 3] {
        [
            ("createdate", record.created.to_rfc3339().into()),
            ("hs_object_id", record.id.as_str().into()),
            (self.modified_property(), record.updated.to_rfc3339().into()),
        ]
    }

    /// What HubSpot computes from what it was sent.
    pub(super) fn derived(self, record: &Record) -> Map<String, Value> {
        match self {
            Self::Contacts => Self::derived_of_contact(record),
            Self::Emails => Self::parts_of_headers(record),
            Self::Companies | Self::Notes => Map::new(),
        }
    }

    /// Who wrote to whom: each part of the headers, with semicolons between several.
    fn parts_of_headers(record: &Record) -> Map<String, Value> {
        let mut parts = Map::new();
        let headers = record.text("hs_email_headers").unwrap_or_default();
        let headers: Map<String, Value> = serde_json::from_str(headers).unwrap_or_default();
        for who in ["from", "sender", "to", "cc", "bcc"] {
            let people = match headers.get(who) {
                Some(Value::Array(people)) => people.iter().collect(),
                Some(person) => vec![person],
                None => continue,
            };
            for (part, suffix) in
                [("email", "email"), ("firstName", "firstname"), ("lastName", "lastname")]
            {
                let texts = people.iter().filter_map(|person| person.get(part)?.as_str());
                let texts: Vec<_> = texts.collect();
                if !texts.is_empty() {
                    parts.insert(format!("hs_email_{who}_{suffix}"), texts.join(";").into());
                }
            }
        }
        parts
    }

    fn derived_of_contact(record: &Record) -> Map<String, Value> {
        let mut derived = Map::new();
        let email = record.text("email").unwrap_or_default();
        if let Some((_, domain)) = email.rsplit_once('@') {
            derived.insert("hs_email_domain".to_owned(), domain.into());
        }
        if let Some(phone) = record.text("phone").and_then(normal_phone) {
            let digits = phone.trim_start_matches('+');
            let searchable = digits.get(digits.len().saturating_sub(8)..).unwrap_or(digits);
            derived.insert("hs_searchable_calculated_phone_number".to_owned(), searchable.into());
            derived.insert("hs_calculated_phone_number".to_owned(), phone.into());
        }
        let names = ["firstname", "lastname"].into_iter().filter_map(|part| record.text(part));
        let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
        let shown = if names.is_empty() { email.to_owned() } else { names.join(" ") };
        if !shown.is_empty() {
            derived.insert("hs_full_name_or_email".to_owned(), shown.into());
        }
        derived
    }

    /// One property of a record, whoever set it.
    pub(super) fn value(self, record: &Record, property: &str) -> Option<Value> {
        let system = self.system(record).into_iter().find(|(name, _)| *name == property);
        let stored = || record.fields.get(property).filter(|value| !value.is_null()).cloned();
        system
            .map(|(_, value)| value)
            .or_else(stored)
            .or_else(|| self.derived(record).remove(property))
    }
}

/// `+49 (30) 23125-014` as `+493023125014`; `None` for what is no phone number.
fn normal_phone(text: &str) -> Option<String> {
    let is_phone = text.chars().all(|c| c.is_ascii_digit() || " +-/().".contains(c));
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    (is_phone && digits.len() >= 5).then_some(digits)
}
