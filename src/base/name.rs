// SPDX-License-Identifier: Apache-2.0

use std::borrow::{Borrow, Cow};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(SmolStr);

        impl $name {
            pub fn new(name: impl AsRef<str>) -> Self {
                Self(SmolStr::new(name))
            }

            pub const fn from_static(name: &'static str) -> Self {
                Self(SmolStr::new_static(name))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer).map(Self::new)
            }
        }
    )+};
}

names! {
    /// What kind of personal data a value is: `email`, `name`, `phone` …
    Category;
    /// An object type of a CRM in the dialect's canonical spelling: `contact`.
    ObjectName;
    /// A field of an object in the dialect's canonical spelling: `email`.
    FieldName;
    /// What a request does: `sobject.create`. From a fixed list per dialect, or from
    /// configuration, so it is fit for metrics and the log.
    OperationName;
    /// A role that a caller holds: `support`.
    Role;
    /// Who called, once identified.
    PrincipalName;
    /// The configured name of an upstream.
    UpstreamName;
    /// Where data is kept: an ISO 3166 code or a named group.
    Region;
    /// Whose law covers a data subject: an ISO 3166 code or a named group.
    Jurisdiction;
    /// What data is used for: `crm`, `newsletter`. From configuration.
    Purpose;
    /// The name that the policy gives to a transfer basis: `scc-2026`.
    BasisName;
    /// A rule of the border, by the law that it belongs to: `gdpr/adequacy`.
    RuleName;
    /// One running house among several: names its transfer log.
    InstanceName;
    /// Whose keys and tokens these are; tokens of one tenant never open for another.
    Tenant;
}

/// Whether a name has the form that CRMs give to objects and fields, which no
/// e-mail address, phone number or full name has. Only such names, and those that
/// the policy lists, may stand in the log.
pub fn is_identifier(name: &str) -> bool {
    name.len() <= 80
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}
