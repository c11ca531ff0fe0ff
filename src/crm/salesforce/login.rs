// SPDX-License-Identifier: Apache-2.0

use super::reader::Reader;
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Slot};
use crate::crm::LocateError;

impl Reader<'_> {
    /// What is said of the user who logged in are fields of that user.
    ///
    /// `instance_url` and `id` name hosts of Salesforce that need not be the
    /// upstream; a client that followed them would leave the proxy.
    pub(super) fn login(&mut self, node: Node<'_>) -> Result<(), LocateError> {
        let number = self.next_record();
        for member in node.members() {
            let claim = CLAIMS.iter().find(|(claim, _)| *claim == member.key);
            if let Some((_, field)) = claim.filter(|_| member.value.kind() != Kind::Null) {
                let user = ObjectName::from_static("user");
                self.value(member.value, number, user, FieldName::from_static(field));
                continue;
            }
            let is_ours = matches!(member.key.as_ref(), "instance_url" | "id");
            let text = member.value.text().filter(|_| is_ours);
            match text.as_deref().and_then(path_of) {
                Some(path) => {
                    let url = format!("{}{path}", self.origins.public);
                    self.slots.push(Slot::rewritten(member.value.span(), Codec::Json, url));
                }
                None => self.walk(member.value, None)?,
            }
        }
        Ok(())
    }
}

/// What the answers of userinfo and of the identity URL say of a user, and the fields
/// that it comes from. Source: "Identity URLs", "UserInfo Endpoint".
const CLAIMS: [(&str, &str); 14] = [
    ("display_name", "name"),
    ("email", "email"),
    ("family_name", "lastname"),
    ("first_name", "firstname"),
    ("given_name", "firstname"),
    ("last_name", "lastname"),
    ("mobile_phone", "mobilephone"),
    ("name", "name"),
    ("nick_name", "communitynickname"),
    ("nickname", "communitynickname"),
    ("phone_number", "phone"),
    ("preferred_username", "username"),
    ("username", "username"),
    ("zoneinfo", "timezonesidkey"),
];

/// What follows the origin of an absolute URL.
pub(super) fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default())
}
