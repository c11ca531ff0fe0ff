// SPDX-License-Identifier: Apache-2.0
//! The tour's programme.

use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::checks::Checks;
use super::person::{
    EMAIL, EMAIL_SPELLED_OTHERWISE, FIRST_NAME, FULL_NAME, JOB, LAST_NAME, NEW_PHONE, PHONE, STREET,
};
use super::scene::{Call, Caller, Vendor};

pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) explanation: &'static str,
    pub(super) caller: Caller,
    pub(super) vendor: Vendor,
    /// The request, given the id of the contact in this CRM.
    pub(super) call: fn(&str) -> Call,
    pub(super) checks: fn(&mut Checks<'_>),
}

const SOBJECTS: &str = "/services/data/v62.0/sobjects/Contact/";
const OBJECTS: &str = "/crm/v3/objects/contacts";
const SALESFORCE_FIELDS: [&str; 5] = ["FirstName", "LastName", "Email", "Phone", "MailingStreet"];
const HUBSPOT_FIELDS: [&str; 4] = ["firstname", "lastname", "email", "phone"];

pub(super) const ALL: [Step; 12] = [
    Step {
        title: "create a contact in Salesforce",
        explanation: "The application sends what it always sent. Personal fields leave as \
                      surrogates that pass the CRM's own validation; the job title is not \
                      personal by the policy and passes.",
        caller: Caller::Support,
        vendor: Vendor::Salesforce,
        call: |_| {
            let contact = json!({
                "FirstName": FIRST_NAME,
                "LastName": LAST_NAME,
                "Email": EMAIL,
                "Phone": PHONE,
                "MailingStreet": STREET,
                "Title": JOB,
            });
            Call::post(SOBJECTS, contact)
        },
        checks: |checks| {
            checks.status(StatusCode::CREATED);
            checks.crm_saw_no_clear_value();
            checks.stored_as_surrogates(&SALESFORCE_FIELDS);
            checks.stored_unchanged("Title");
            checks.logged();
            checks.logged_as_sealed(&SALESFORCE_FIELDS);
        },
    },
    Step {
        title: "create a contact in HubSpot",
        explanation: "Another CRM with another API and the same rules. HubSpot answers with all \
                      that it stored, so the way back opens the seals for the caller.",
        caller: Caller::Support,
        vendor: Vendor::HubSpot,
        call: |_| {
            let properties = json!({
                "firstname": FIRST_NAME,
                "lastname": LAST_NAME,
                "email": EMAIL,
                "phone": PHONE,
                "jobtitle": JOB,
            });
            Call::post(OBJECTS, json!({ "properties": properties }))
        },
        checks: |checks| {
            checks.status(StatusCode::CREATED);
            checks.crm_saw_no_clear_value();
            checks.stored_as_surrogates(&HUBSPOT_FIELDS);
            checks.stored_unchanged("jobtitle");
            checks.sees("email", EMAIL);
            checks.sees("lastname", LAST_NAME);
            checks.logged();
            checks.logged_as_sealed(&HUBSPOT_FIELDS);
        },
    },
    Step {
        title: "read it in Salesforce as one who may see everything",
        explanation: "What support reads is what support wrote, byte for byte, also in Name, \
                      which Salesforce composed from two surrogates.",
        caller: Caller::Support,
        vendor: Vendor::Salesforce,
        call: read_contact,
        checks: |checks| {
            checks.status(StatusCode::OK);
            checks.sees("Name", FULL_NAME);
            checks.sees("FirstName", FIRST_NAME);
            checks.sees("LastName", LAST_NAME);
            checks.sees("Email", EMAIL);
            checks.sees("Phone", PHONE);
            checks.sees("MailingStreet", STREET);
            checks.sees("Title", JOB);
            checks.crm_saw_no_clear_value();
            checks.logged();
        },
    },
    Step {
        title: "read it in Salesforce as one who may see a part",
        explanation: "The policy lets marketing see e-mail addresses and phone numbers masked, \
                      and names not at all. The CRM gave the same answer as before.",
        caller: Caller::Marketing,
        vendor: Vendor::Salesforce,
        call: read_contact,
        checks: |checks| {
            checks.status(StatusCode::OK);
            checks.sees_masked("Email", EMAIL);
            checks.sees_masked("Phone", PHONE);
            checks.sees_surrogates(&["FirstName", "LastName", "MailingStreet"]);
            checks.sees("Title", JOB);
            checks.sees_no_clear_value();
            checks.logged();
        },
    },
    Step {
        title: "read it in Salesforce as one who may see nothing",
        explanation: "No rule names the analyst's role, so the analyst sees what the CRM stores. \
                      Equal values still have equal surrogates, so counting and joining work.",
        caller: Caller::Analyst,
        vendor: Vendor::Salesforce,
        call: read_contact,
        checks: |checks| {
            checks.status(StatusCode::OK);
            checks.sees_surrogates(&SALESFORCE_FIELDS);
            checks.sees("Title", JOB);
            checks.sees_no_clear_value();
            checks.logged();
        },
    },
    Step {
        title: "read from HubSpot by an e-mail address in the path",
        explanation: "HubSpot lets a path name a contact by address. The address leaves as a \
                      surrogate there too, although it is spelled otherwise than when it was stored.",
        caller: Caller::Support,
        vendor: Vendor::HubSpot,
        call: |_| {
            let email = utf8_percent_encode(EMAIL_SPELLED_OTHERWISE, NON_ALPHANUMERIC);
            let properties = "firstname,lastname,email,phone,jobtitle";
            Call::get(format!("{OBJECTS}/{email}?idProperty=email&properties={properties}"))
        },
        checks: |checks| {
            checks.status(StatusCode::OK);
            checks.crm_saw_no_clear_value();
            checks.sees("email", EMAIL);
            checks.sees("phone", PHONE);
            checks.logged();
        },
    },
    Step {
        title: "search Salesforce by e-mail, in SOQL",
        explanation: "The address stands in a literal of a query inside a URL, in another \
                      spelling. The CRM compares surrogates and finds the contact.",
        caller: Caller::Support,
        vendor: Vendor::Salesforce,
        call: |_| {
            let condition = format!("Email = '{EMAIL_SPELLED_OTHERWISE}'");
            query(&format!("SELECT Id, Name, Email FROM Contact WHERE {condition}"))
        },
        checks: |checks| {
            checks.status(StatusCode::OK);
            checks.crm_saw_no_clear_value();
            checks.found_one();
            checks.sees("Name", FULL_NAME);
            checks.sees("Email", EMAIL);
            checks.logged();
        },
    },
    Step {
        title: "search HubSpot by e-mail, with a filter",
        explanation: "Marketing may search for an address that it knows, and gets a masked answer.",
        caller: Caller::Marketing,
        vendor: Vendor::HubSpot,
        call: |_| {
            search(&json!({
                "propertyName": "email",
                "operator": "EQ",
                "value": EMAIL_SPELLED_OTHERWISE,
            }))
        },
        checks: |checks| {
            checks.status(StatusCode::OK);
            checks.crm_saw_no_clear_value();
            checks.found_one();
            checks.sees_masked("email", EMAIL);
            checks.sees_surrogates(&["firstname", "lastname"]);
            checks.sees_no_clear_value();
            checks.logged();
        },
    },
    Step {
        title: "update the phone number in Salesforce",
        explanation: "A new value gets a new surrogate, durable before the request leaves.",
        caller: Caller::Support,
        vendor: Vendor::Salesforce,
        call: |id| Call::patch(format!("{SOBJECTS}{id}"), json!({ "Phone": NEW_PHONE })),
        checks: |checks| {
            checks.status(StatusCode::NO_CONTENT);
            checks.crm_saw_no_clear_value();
            checks.stored_as_surrogates(&["Phone"]);
            checks.stored_anew("Phone");
            checks.logged();
            checks.logged_as_sealed(&["Phone"]);
        },
    },
    Step {
        title: "update the phone number in HubSpot",
        explanation: "An update too may name the contact by its address.",
        caller: Caller::Support,
        vendor: Vendor::HubSpot,
        call: |_| {
            let email = utf8_percent_encode(EMAIL, NON_ALPHANUMERIC);
            let body = json!({ "properties": { "phone": NEW_PHONE } });
            Call::patch(format!("{OBJECTS}/{email}?idProperty=email"), body)
        },
        checks: |checks| {
            checks.status(StatusCode::OK);
            checks.crm_saw_no_clear_value();
            checks.stored_as_surrogates(&["phone"]);
            checks.stored_anew("phone");
            checks.sees("phone", NEW_PHONE);
            checks.logged();
            checks.logged_as_sealed(&["phone"]);
        },
    },
    Step {
        title: "ask Salesforce what surrogates cannot answer",
        explanation: "LIKE on surrogates would find wrong rows or none. A clear refusal in \
                      Salesforce's own error shape is better than a wrong answer.",
        caller: Caller::Support,
        vendor: Vendor::Salesforce,
        call: |_| query("SELECT Id FROM Contact WHERE Email LIKE '%@example.com'"),
        checks: |checks| {
            checks.status(StatusCode::BAD_REQUEST);
            checks.refused("operator_unsupported");
        },
    },
    Step {
        title: "ask Salesforce for an operation that the proxy does not know",
        explanation: "Where the proxy cannot tell where personal data stands, it forwards nothing.",
        caller: Caller::Support,
        vendor: Vendor::Salesforce,
        call: |_| Call::get("/services/data/v62.0/analytics/reports"),
        checks: |checks| {
            checks.status(StatusCode::FORBIDDEN);
            checks.refused("unknown_operation");
        },
    },
];

fn read_contact(id: &str) -> Call {
    let fields = "Name,FirstName,LastName,Email,Phone,MailingStreet,Title";
    Call::get(format!("{SOBJECTS}{id}?fields={fields}"))
}

fn query(soql: &str) -> Call {
    let soql = utf8_percent_encode(soql, NON_ALPHANUMERIC).to_string().replace("%20", "+");
    Call::get(format!("/services/data/v62.0/query?q={soql}"))
}

fn search(filter: &serde_json::Value) -> Call {
    let body = json!({
        "filterGroups": [{ "filters": [filter] }],
        "properties": ["firstname", "lastname", "email"],
    });
    Call::post(format!("{OBJECTS}/search"), body)
}
