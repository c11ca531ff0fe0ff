// SPDX-License-Identifier: Apache-2.0
//! Upstreams whose address or policy is that of another CRM than their dialect says.
//!
//! Both would be sound: a policy that names nothing that this CRM has protects nothing.

use std::collections::HashSet;

use http::Uri;

use crate::crm::Dialect;
use crate::crm::dynamics::Dynamics;
use crate::crm::hubspot::HubSpot;
use crate::crm::pipedrive::Pipedrive;
use crate::crm::salesforce::Salesforce;
use crate::crm::zoho::Zoho;

use super::diagnostic::Code;
use super::document::Section;
use super::item::Item;

/// The dialects of hosted CRMs, and the names before the public suffix of their hosts.
const HOSTED: [(&dyn Dialect, &[&str]); 5] = [
    (&Salesforce, &["salesforce", "force"]),
    (&HubSpot, &["hubapi", "hubspot"]),
    (&Pipedrive, &["pipedrive"]),
    (&Dynamics, &["dynamics"]),
    (&Zoho, &["zohoapis", "zoho", "zohocloud"]),
];

/// Second-level domains of public suffixes under which those hosts are.
const SECOND_LEVEL: [&str; 2] = ["com", "co"];

/// Reports a URL at the hosts of another CRM. A `generic` dialect is for any of them.
pub fn report_host(item: &Item<'_>, url: &Uri, dialect: &dyn Dialect) {
    let Some(host) = url.host() else { return };
    let owner = HOSTED.iter().find(|(_, names)| names.contains(&registered(host)));
    let Some((owner, _)) = owner.filter(|_| is_hosted(dialect)) else { return };
    if owner.name() != dialect.name() {
        let message = format!("this host is of `{}`, not of `{}`", owner.name(), dialect.name());
        let help = format!("if it is the right one, say `dialect: {}`", owner.name());
        item.report(item.problem(Code::OtherCrm, message).help(help));
    }
}

/// Reports the objects of a policy of which another dialect knows more standard fields than
/// the one that it is compiled for, if that knows less than half of all that are listed.
pub fn report_policy(objects: &Item<'_>, dialect: &dyn Dialect) {
    let (own, all) = standard_fields(objects, dialect);
    let counted = HOSTED.iter().map(|(other, _)| (standard_fields(objects, *other).0, other));
    let Some((most, other)) = counted.max_by_key(|(count, _)| *count) else { return };
    if most > own && 2 * own < all && is_hosted(dialect) {
        let (is, not) = (other.name(), dialect.name());
        let message = format!("this looks like a policy for `{is}`, not for `{not}`");
        let help = format!(
            "{most} of {all} fields are standard fields of `{is}`, {own} of `{not}`; what a CRM \
             calls otherwise is not protected there"
        );
        objects.report(objects.problem(Code::OtherCrm, message).help(help));
    }
}

fn is_hosted(dialect: &dyn Dialect) -> bool {
    HOSTED.iter().any(|(hosted, _)| hosted.name() == dialect.name())
}

/// `salesforce` of `acme.my.salesforce.com`, `zohoapis` of `www.zohoapis.com.au`.
fn registered(host: &str) -> &str {
    let mut labels = host.rsplit('.').skip(1);
    let first = labels.next().unwrap_or_default();
    if SECOND_LEVEL.contains(&first) { labels.next().unwrap_or_default() } else { first }
}

/// How many of the listed fields are standard fields of a dialect, and how many there are.
fn standard_fields(objects: &Item<'_>, dialect: &dyn Dialect) -> (usize, usize) {
    let known: HashSet<_> = dialect.known_fields().into_iter().collect();
    let (mut standard, mut all) = (0, 0);
    for (name, object) in objects.section().iter().flat_map(Section::entries) {
        let object_name = dialect.canonical_object(name);
        let fields = object.section().and_then(|object| object.section("fields"));
        for (name, _) in fields.iter().flat_map(Section::entries) {
            let field = dialect.canonical_field(&object_name, name);
            standard += usize::from(known.contains(&(object_name.clone(), field)));
            all += 1;
        }
    }
    (standard, all)
}

#[cfg(test)]
mod tests {
    use super::registered;

    #[test]
    fn the_name_before_the_public_suffix() {
        for (host, expected) in [
            ("acme.my.salesforce.com", "salesforce"),
            ("www.zohoapis.com.au", "zohoapis"),
            ("salesforce.acme.example", "acme"),
            ("localhost", ""),
        ] {
            assert_eq!(registered(host), expected);
        }
    }
}
