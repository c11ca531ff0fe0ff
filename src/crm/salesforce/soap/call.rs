// SPDX-License-Identifier: Apache-2.0
//! Calls ("SOAP API Calls"), and what is found in them.

use super::answer::Answered;
use super::nested;
use super::word::Word;
use crate::base::ObjectName;
use crate::carrier;
use crate::carrier::xml::Element;
use crate::crm::LocateError;
use crate::crm::message::{shown, unparseable};
use crate::crm::salesforce::filter::{self, Found};
use crate::crm::salesforce::record::Records;
use crate::crm::salesforce::xml::{self, refuse};
use crate::crm::salesforce::{schema, search};

/// A call that is known.
pub(super) struct Call {
    name: &'static str,
    pub operation: &'static str,
    parts: &'static [(&'static str, Part)],
    pub answered: Answered,
    /// Whether single records of it can be refused: there is one result for each.
    pub is_collection: bool,
}

/// What a parameter of a call holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It stands there once.
    One(Word),
    Many(Word),
    /// What the records are that the others name by their ids.
    Object,
    /// The field that names records.
    Key,
    Records,
    /// Ids of records that the answer tells about.
    Ids,
    Query,
    Search,
    Merge,
    LeadConvert,
}

const fn call(
    name: &'static str,
    operation: &'static str,
    parts: &'static [(&'static str, Part)],
    answered: Answered,
) -> Call {
    Call { name, operation, parts, answered, is_collection: false }
}

const fn collection(
    name: &'static str,
    operation: &'static str,
    parts: &'static [(&'static str, Part)],
) -> Call {
    Call { name, operation, parts, answered: Answered::Outcomes, is_collection: true }
}

const RECORDS: (&str, Part) = ("sObjects", Part::Records);
const IDS: (&str, Part) = ("ids", Part::Ids);
const OBJECT: (&str, Part) = ("sObjectType", Part::One(Word::Name));
const QUERY: (&str, Part) = ("queryString", Part::Query);
const RECORD_TYPES: (&str, Part) = ("recordTypeIds", Part::Many(Word::Id));
const SPAN: [(&str, Part); 3] =
    [OBJECT, ("startDate", Part::One(Word::Time)), ("endDate", Part::One(Word::Time))];
const DESCRIBE: &str = "soap.describe";

const CALLS: [Call; 29] = [
    call(
        "login",
        "soap.login",
        &[("username", Part::One(Word::Credential)), ("password", Part::One(Word::Credential))],
        Answered::Login,
    ),
    call("logout", "soap.logout", &[], Answered::Metadata),
    call(
        "invalidateSessions",
        "soap.logout",
        &[("sessionIds", Part::Many(Word::Credential))],
        Answered::Metadata,
    ),
    call("getUserInfo", "soap.user", &[], Answered::User),
    call("getServerTimestamp", "soap.time", &[], Answered::Metadata),
    call("describeGlobal", DESCRIBE, &[], Answered::Metadata),
    call("describeSObject", DESCRIBE, &[OBJECT], Answered::Metadata),
    call(
        "describeSObjects",
        DESCRIBE,
        &[("sObjectType", Part::Many(Word::Name))],
        Answered::Metadata,
    ),
    call(
        "describeLayout",
        DESCRIBE,
        &[OBJECT, ("layoutName", Part::One(Word::Name)), RECORD_TYPES],
        Answered::Metadata,
    ),
    call("describeCompactLayouts", DESCRIBE, &[OBJECT, RECORD_TYPES], Answered::Metadata),
    call("describeTabs", DESCRIBE, &[], Answered::Metadata),
    call("describeAllTabs", DESCRIBE, &[], Answered::Metadata),
    collection("create", "soap.create", &[RECORDS]),
    collection("update", "soap.update", &[RECORDS]),
    collection("upsert", "soap.upsert", &[("externalIDFieldName", Part::Key), RECORDS]),
    collection("delete", "soap.delete", &[IDS]),
    collection("undelete", "soap.undelete", &[IDS]),
    collection("emptyRecycleBin", "soap.delete", &[IDS]),
    collection("merge", "soap.merge", &[("request", Part::Merge)]),
    collection("convertLead", "soap.convert_lead", &[("leadConverts", Part::LeadConvert)]),
    call("query", "soap.query", &[QUERY], Answered::Records),
    call("queryAll", "soap.query", &[QUERY], Answered::Records),
    call(
        "queryMore",
        "soap.query_more",
        &[("queryLocator", Part::One(Word::Locator))],
        Answered::Records,
    ),
    call(
        "retrieve",
        "soap.retrieve",
        &[("fieldList", Part::One(Word::Paths)), ("sObjectType", Part::Object), IDS],
        Answered::Records,
    ),
    call("search", "soap.search", &[("searchString", Part::Search)], Answered::Records),
    call("getDeleted", "soap.changes", &SPAN, Answered::Metadata),
    call("getUpdated", "soap.changes", &SPAN, Answered::Metadata),
    call("describeTheme", DESCRIBE, &[("sobjectType", Part::Many(Word::Name))], Answered::Metadata),
    call("describeSearchScopeOrder", DESCRIBE, &[], Answered::Metadata),
];

pub(super) fn known(name: &str) -> Option<&'static Call> {
    const KNOWN: &[Call] = &CALLS;
    KNOWN.iter().find(|call| call.name == name)
}

/// What is found in a call.
pub(super) struct Located {
    pub records: Records,
    pub found: Found,
}

impl Located {
    /// # Errors
    /// [`LocateError`] for a parameter that is not known, or does not hold what it should.
    pub(super) fn of(document: &str, element: &Element, call: &Call) -> Result<Self, LocateError> {
        let named =
            |part: Part| call.parts.iter().find(|(_, it)| *it == part).map(|(name, _)| *name);
        let text = |name: &str| element.text_of(name).map(str::trim);
        let key = named(Part::Key).and_then(text).map(schema::field_name);
        let object = named(Part::Object).and_then(text).map(schema::object_name);
        let mut located = Self { records: Records::new(key), found: Found::default() };
        for (position, child) in element.children.iter().enumerate() {
            let part = call.parts.iter().find(|(known, _)| *known == child.name);
            let Some((_, part)) = part else {
                let name = shown(&child.name);
                let problem = format!("is no parameter of this call that is known here: `{name}`");
                return Err(refuse(child, &problem));
            };
            let mut before = element.children.iter().take(position);
            if !part.is_repeated() && before.any(|other| other.name == child.name) {
                return Err(refuse(child, "is a parameter that stands there twice"));
            }
            located.take(document, child, *part, object.as_ref())?;
        }
        if located.found.object.is_none() {
            located.found.object = object;
        }
        Ok(located)
    }

    fn take(
        &mut self,
        document: &str,
        child: &Element,
        part: Part,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        match part {
            Part::One(word) | Part::Many(word) => word.read(child).map(drop),
            Part::Object | Part::Key => Word::Name.read(child).map(drop),
            Part::Records => self.records.element(child, None),
            Part::Ids => {
                let removal = child.removal();
                let id = Word::Id.read(child)?;
                if id.is_empty() {
                    return Err(refuse(child, "is no id"));
                }
                let records = self.records.id(id, object);
                self.records.elements.push(carrier::Element { records, removal });
                Ok(())
            }
            Part::Query => {
                let text = xml::text(child)?;
                let found = filter::bind(text).map_err(of_text)?;
                self.found = Found { slots: Vec::new(), ..found };
                self.found.slots = nested(document, child, found.slots)?;
                Ok(())
            }
            Part::Search => {
                let text = xml::text(child)?;
                let found = search::of_text(text).map_err(of_text)?;
                self.found = Found { slots: Vec::new(), finds_others: true, ..found };
                self.found.slots = nested(document, child, found.slots)?;
                Ok(())
            }
            Part::Merge => self.records.merge(child),
            Part::LeadConvert => self.records.conversion(child),
        }
    }
}

impl Part {
    fn is_repeated(self) -> bool {
        matches!(self, Self::Many(_) | Self::Records | Self::Ids | Self::Merge | Self::LeadConvert)
    }
}

/// The same problem, of the place where it stands.
fn of_text(error: LocateError) -> LocateError {
    match error {
        LocateError::Unparseable { problem, .. } => unparseable("the query of the call", problem),
        other => other,
    }
}
