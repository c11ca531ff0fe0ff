// SPDX-License-Identifier: Apache-2.0
//! What a policy and its border decide about a field, without a request: asked by
//! `zollhaus explain` and by policy tests.

use crate::base::{
    Date, FieldName, Jurisdiction, ObjectName, OperationName, Purpose, Region, UpstreamName,
};
use crate::border::{Consents, Shipment, Strength, Verdict};
use crate::crm::{Dialect, FieldKind};
use crate::policy::{FieldRule, Policy};

/// The circumstances under which a field is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    pub dialect: &'q dyn Dialect,
    pub policy: &'q Policy,
    pub upstream: &'q UpstreamName,
    /// Of the upstream.
    pub region: &'q Region,
    pub vault: Option<&'q Region>,
    pub jurisdictions: &'q [Jurisdiction],
    pub operation: Option<&'q OperationName>,
    pub purpose: Option<&'q Purpose>,
    pub consents: &'q Consents,
    pub today: Date,
}

/// What the policy says of a field.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'q> {
    Protected(&'q FieldRule),
    /// The policy does not list it, and lets it pass.
    Clear,
    /// The policy does not list it, and refuses requests that name it.
    Refused,
}

#[derive(Clone, Debug)]
pub struct Answer<'q> {
    /// In canonical spelling.
    pub object: ObjectName,
    pub field: FieldName,
    pub standing: Standing<'q>,
    /// `None` without a border.
    pub verdict: Option<Verdict>,
}

/// Whether the CRM composes a field of others: by those it is protected and shown, and what
/// is decided about itself says nothing. Takes canonical names.
pub fn is_composed(dialect: &dyn Dialect, object: &ObjectName, field: &FieldName) -> bool {
    let facts = dialect.field_facts(object, field);
    facts.is_some_and(|facts| facts.kind == FieldKind::Composed)
}

impl<'q> Question<'q> {
    /// What is decided about a field, in any spelling.
    pub fn about(&self, object: &str, field: &str) -> Answer<'q> {
        let object = self.dialect.canonical_object(object);
        let field = self.dialect.canonical_field(&object, field);
        let standing = match self.policy.rule(&object, &field) {
            Ok(Ok(rule)) => Standing::Protected(rule),
            Ok(Err(_)) => Standing::Clear,
            Err(_) => Standing::Refused,
        };
        let rule = match standing {
            Standing::Protected(rule) => Some(rule),
            Standing::Clear | Standing::Refused => None,
        };
        let shipment = Shipment {
            jurisdictions: self.jurisdictions,
            upstream: self.upstream,
            region: self.region,
            vault: self.vault,
            operation: self.operation,
            field: Some((&object, &field)),
            category: rule.map(|rule| &rule.category),
            protection: rule.map_or(Strength::Clear, |rule| rule.protection.strength()),
            purpose: self.purpose,
            consents: self.consents,
            today: self.today,
        };
        let verdict = self.policy.border.as_ref().map(|border| border.judge(&shipment));
        Answer { object, field, standing, verdict }
    }
}
