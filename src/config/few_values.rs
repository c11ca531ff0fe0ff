// SPDX-License-Identifier: Apache-2.0

use crate::base::Scope;
use crate::policy::Protection;

use super::diagnostic::Code;
use super::item::Item;
use super::protection::Target;

/// Names of fields that have few values or some far more often than others, as parts of a
/// name without `_`, and as its end.
const FEW_VALUES: [&str; 12] = [
    "country",
    "gender",
    "postalcode",
    "postcode",
    "zipcode",
    "maritalstatus",
    "familystatus",
    "salutation",
    "nationality",
    "statecode",
    "stateorprovince",
    "religion",
];
const FEW_VALUES_AT_END: [&str; 5] = ["zip", "sex", "state", "province", "language"];

/// Refuses, unless it is accepted, where the same value gets the same surrogate, and values can be told by how many
/// records have them (Naveed, Kamara and Wright, CCS 2015).
pub(super) fn report(target: &Target, protection: Protection, at: &Item<'_>) {
    let is_deterministic = match protection {
        Protection::Tokenize { scope: Scope::Tenant, .. }
        | Protection::Encrypt { .. }
        | Protection::FormatPreserving { .. }
        | Protection::Hash { .. } => true,
        Protection::Tokenize { scope: Scope::Subject, .. }
        | Protection::Mask
        | Protection::Generalize(_)
        | Protection::Scan(_)
        | Protection::Drop => false,
    };
    let name = target.id.rsplit('.').next().unwrap_or_default();
    if is_deterministic && has_few_values(name) {
        let message = format!(
            "`{}` has few values: who reads the CRM can tell them by how often each surrogate stands there",
            target.id
        );
        let help = "use `drop`, `generalize`, or `scope: subject`, or say `few_values: accepted` to keep it so";
        at.report(at.problem(Code::FewValues, message).help(help));
    }
}

/// Whether the name of a field says that it has few values.
fn has_few_values(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Salesforce ends the names of fields of one's own with these.
    let name = name.trim_end_matches("__c").trim_end_matches("__pc").replace('_', "");
    FEW_VALUES.iter().any(|part| name.contains(part))
        || FEW_VALUES_AT_END.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_told_by_the_name_of_a_field() {
        for name in [
            "mailingcountrycode",
            "MailingStateCode",
            "Gender__c",
            "Sex__c",
            "State__pc",
            "address1_stateorprovince",
            "familystatuscode",
            "Mailing_Zip",
            "Post_Code__c",
        ] {
            assert!(has_few_values(name), "{name}");
        }
        for name in ["lastname", "statement", "zipped__c", "sexton", "telephone1"] {
            assert!(!has_few_values(name), "{name}");
        }
    }
}
