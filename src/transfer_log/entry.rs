// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use serde::{Serialize, Serializer};

use crate::base::{
    Category, FieldName, ObjectName, OperationName, PrincipalName, RefusalCode, Region, Timestamp,
    UpstreamName,
};
use crate::policy::{Digest, Reveal};

/// One line of the ledger. Serialises to an object whose `kind` names the variant.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A request is about to be forwarded.
    Transfer(Transfer),
    /// What became of it, and what the caller was shown.
    Outcome(Outcome),
    /// A request of an identified caller was turned back; nothing was forwarded.
    Refused(RefusedTransfer),
}

/// Names one request in the log: 128 random bits, as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryId(pub [u8; 16]);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Transfer {
    /// Of the entry's form; 1.
    pub version: u32,
    pub id: EntryId,
    #[serde(serialize_with = "rfc3339")]
    pub time: Timestamp,
    #[serde(serialize_with = "display")]
    pub caller: PrincipalName,
    #[serde(serialize_with = "display")]
    pub upstream: UpstreamName,
    #[serde(serialize_with = "display")]
    pub region: Region,
    #[serde(serialize_with = "display")]
    pub operation: OperationName,
    #[serde(serialize_with = "display_option", skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
    #[serde(serialize_with = "display")]
    pub policy: Digest,
    /// True when `observe` mode let an operation pass that no dialect knows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uninspected: bool,
    pub fields: Vec<FieldCount>,
}

/// How often a field was treated in one way in one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldCount {
    #[serde(serialize_with = "display")]
    pub object: ObjectName,
    #[serde(serialize_with = "display")]
    pub field: FieldName,
    #[serde(serialize_with = "display_option", skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// `tokenize`, `encrypt`, `mask`, `drop`, or `none`.
    pub protection: &'static str,
    /// Why there was no protection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    pub count: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Of the entry's form; 1.
    pub version: u32,
    /// The transfer that this is the outcome of.
    pub id: EntryId,
    #[serde(serialize_with = "rfc3339")]
    pub time: Timestamp,
    pub result: TransferResult,
    /// The status of the upstream's answer, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub reveals: Vec<Revealed>,
}

/// What became of a forwarded request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferResult {
    Answered,
    /// The upstream may or may not have acted on it.
    Failed,
}

/// How often a field was shown to the caller in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revealed {
    #[serde(serialize_with = "display")]
    pub object: ObjectName,
    #[serde(serialize_with = "display")]
    pub field: FieldName,
    #[serde(serialize_with = "display")]
    pub category: Category,
    #[serde(serialize_with = "reveal")]
    pub reveal: Reveal,
    /// True for values that the CRM held in the clear.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub found_clear: bool,
    pub count: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct RefusedTransfer {
    pub version: u32,
    pub id: EntryId,
    #[serde(serialize_with = "rfc3339")]
    pub time: Timestamp,
    #[serde(serialize_with = "display")]
    pub caller: PrincipalName,
    #[serde(serialize_with = "display_option", skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamName>,
    #[serde(serialize_with = "display_option", skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationName>,
    #[serde(serialize_with = "code")]
    pub code: RefusalCode,
}

fn display<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn display_option<T: fmt::Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn reveal<S: Serializer>(reveal: &Reveal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reveal.as_str())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn code<S: Serializer>(code: &RefusalCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

#[cfg(test)]
mod tests {
    use super::{
        Entry, EntryId, FieldCount, Outcome, RefusedTransfer, Revealed, Transfer, TransferResult,
    };
    use crate::base::{RefusalCode, Timestamp};
    use crate::policy::{Digest, Reveal};

    const ID: EntryId = EntryId([0xab; 16]);
    const TIME: Timestamp = Timestamp::from_unix_millis(1_767_225_600_001);

    fn check(entry: &Entry, expected: &[&str]) {
        assert_eq!(serde_json::to_string(entry).unwrap(), expected.concat());
    }

    #[test]
    fn a_transfer_names_fields_and_counts() {
        let field = FieldCount {
            object: "contact".into(),
            field: "email".into(),
            category: Some("email".into()),
            protection: "tokenize",
            reason: None,
            count: 2,
        };
        let clear = FieldCount {
            field: "city".into(),
            category: None,
            protection: "none",
            reason: Some("field_unlisted"),
            count: 1,
            ..field.clone()
        };
        let transfer = Transfer {
            version: 1,
            id: ID,
            time: TIME,
            caller: "billing".into(),
            upstream: "sf".into(),
            region: "US".into(),
            operation: "sobject.create".into(),
            object: Some("contact".into()),
            policy: Digest([1; 32]),
            uninspected: false,
            fields: vec![field, clear],
        };
        let head = |object, policy| {
            format!(
                r#"{{"kind":"transfer","version":1,"id":"{ID}","time":"2026-01-01T00:00:00.001Z","caller":"billing","upstream":"sf","region":"US","operation":"sobject.create",{object}"policy":"{policy}","#
            )
        };
        check(
            &Entry::Transfer(transfer.clone()),
            &[
                &head(r#""object":"contact","#, "01".repeat(32)),
                r#""fields":[{"object":"contact","field":"email","category":"email","protection":"tokenize","count":2},"#,
                r#"{"object":"contact","field":"city","protection":"none","reason":"field_unlisted","count":1}]}"#,
            ],
        );
        check(
            &Entry::Transfer(Transfer {
                object: None,
                uninspected: true,
                fields: Vec::new(),
                ..transfer
            }),
            &[&head("", "01".repeat(32)), r#""uninspected":true,"fields":[]}"#],
        );
    }

    #[test]
    fn an_outcome_names_what_was_revealed() {
        let revealed = Revealed {
            object: "contact".into(),
            field: "email".into(),
            category: "email".into(),
            reveal: Reveal::Mask,
            found_clear: true,
            count: 3,
        };
        let outcome = Outcome {
            version: 1,
            id: ID,
            time: TIME,
            result: TransferResult::Answered,
            status: Some(201),
            reveals: vec![revealed],
        };
        check(
            &Entry::Outcome(outcome),
            &[
                r#"{"kind":"outcome","version":1,"id":"abababababababababababababababab","time":"2026-01-01T00:00:00.001Z","#,
                r#""result":"answered","status":201,"reveals":[{"object":"contact","field":"email","#,
                r#""category":"email","reveal":"mask","found_clear":true,"count":3}]}"#,
            ],
        );
    }

    #[test]
    fn a_refusal_names_its_code_and_stays_on_one_line() {
        let refused = RefusedTransfer {
            version: 1,
            id: ID,
            time: TIME,
            caller: "bil\nling".into(),
            upstream: None,
            operation: None,
            code: RefusalCode::Forbidden,
        };
        check(
            &Entry::Refused(refused),
            &[
                r#"{"kind":"refused","version":1,"id":"abababababababababababababababab","#,
                r#""time":"2026-01-01T00:00:00.001Z","caller":"bil\nling","code":"forbidden"}"#,
            ],
        );
    }
}
