// SPDX-License-Identifier: Apache-2.0
//! Words that every part of the house shares.
//!
//! This module imports nothing of ours. It holds the types that keep personal
//! data and keys out of logs ([`Cleartext`], [`Secret`]), the names things go
//! by ([`Category`], [`ObjectName`], …), the [`Clock`], and the [`Refusal`]
//! that a caller is answered with.

mod check_digits;
mod cleartext;
mod clock;
mod consent;
mod date;
mod equality;
mod fold;
mod id;
mod moment;
mod name;
mod refusal;
mod rough;
mod scope;
mod search;
mod secret;
mod words;

pub use check_digits::{iban_check_digits, is_iban, luhn};
pub use cleartext::Cleartext;
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use consent::{Choice, ConsentState};
pub use date::Date;
pub use equality::Equality;
pub use fold::fold;
pub use id::{EntryId, SubjectId, read_hex};
pub use moment::{Moment, MomentForm};
pub use name::{
    BasisName, Category, FieldName, InstanceName, Jurisdiction, ObjectName, OperationName,
    PrincipalName, Purpose, Region, Role, RuleName, Tenant, UpstreamName, is_identifier,
};
pub use refusal::{Refusal, RefusalCode, Side};
pub use rough::{push_rough, rough};
pub use scope::Scope;
pub use search::{Pattern, PatternOf, SearchKind};
pub use secret::Secret;
pub use words::{joined, parted, possible_words, words};
