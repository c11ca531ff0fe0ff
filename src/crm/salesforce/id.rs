// SPDX-License-Identifier: Apache-2.0
//! Record ids: 15 characters that differ by case, or 18, of which the last three
//! say which of the others are upper case. Source: Object Reference, "ID Field Type".

use smol_str::{SmolStr, SmolStrBuilder};

use crate::base::ObjectName;

pub(super) fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The values of five bits, one for each character of a group.
const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const GROUP: usize = 5;

/// The one spelling of an id: 18 characters, in the case that the last three tell.
pub(super) fn canonical(id: &str) -> SmolStr {
    let (short, suffix) = id.split_at_checked(3 * GROUP).unwrap_or((id, ""));
    let mut canonical = SmolStrBuilder::new();
    let mut checks = [b'A'; 3];
    let groups = short.as_bytes().chunks(GROUP).zip(&mut checks);
    for (index, (group, check)) in groups.enumerate() {
        let told = suffix.as_bytes().get(index).map(u8::to_ascii_uppercase);
        let told = told.and_then(|told| SUFFIX.iter().position(|known| *known == told));
        let mut bits = 0;
        for (at, byte) in group.iter().enumerate() {
            let byte = match told {
                Some(told) if told >> at & 1 == 1 => byte.to_ascii_uppercase(),
                Some(_) => byte.to_ascii_lowercase(),
                None => *byte,
            };
            bits |= usize::from(byte.is_ascii_uppercase()) << at;
            canonical.push(byte.into());
        }
        *check = SUFFIX.get(bits).copied().unwrap_or(b'A');
    }
    canonical.push_str(&String::from_utf8_lossy(&checks));
    canonical.finish()
}

/// Standard objects by the first three characters of their ids. Source: Salesforce
/// help 000385203, "Standard Field Record ID Prefix Decoder".
const PREFIXES: [(&str, &str); 10] = [
    ("001", "account"),
    ("003", "contact"),
    ("005", "user"),
    ("006", "opportunity"),
    ("00Q", "lead"),
    ("00T", "task"),
    ("00U", "event"),
    ("00v", "campaignmember"),
    ("500", "case"),
    ("701", "campaign"),
];

/// The object of a canonical id; `None` for custom objects, whose prefixes differ
/// from one organisation to the other.
pub(super) fn object_of(id: &str) -> Option<ObjectName> {
    let prefix = id.get(..3)?;
    let known = PREFIXES.iter().find(|(known, _)| *known == prefix);
    known.map(|(_, object)| ObjectName::from_static(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_has_one_id() {
        let check = |id, expected| assert_eq!(canonical(id), expected, "{id}");
        // The example of the Object Reference.
        check("001A0000006Vm9r", "001A0000006Vm9rIAC");
        check("001A0000006Vm9rIAC", "001A0000006Vm9rIAC");
        check("001a0000006vm9riac", "001A0000006Vm9rIAC");
        check("001A0000006VM9RIAC", "001A0000006Vm9rIAC");
        // What is no suffix tells nothing.
        check("001A0000006Vm9r999", "001A0000006Vm9rIAC");
    }

    #[test]
    fn ids_tell_standard_objects() {
        let check = |id, object: Option<&str>| assert_eq!(object_of(id), object.map(Into::into));
        check("003WV00000A1b2CYAR", Some("contact"));
        check("00QWV00000A1b2C2AR", Some("lead"));
        check("00qWV00000A1b2CYAR", None);
        check("a0BWV00000A1b2C2AR", None);
    }
}
