// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::base::{
    BasisName, Category, Date, EntryId, FieldName, InstanceName, Jurisdiction, ObjectName,
    OperationName, PrincipalName, Purpose, RefusalCode, Region, Role, RuleName, SubjectId,
    Timestamp, UpstreamName, read_hex,
};
use crate::border::Basis;
use crate::policy::{Digest, Reason, Reveal};

/// The form of entries that this program writes.
pub const ENTRY_VERSION: u32 = 1;

/// One line of the ledger. Serialises to an object whose `kind` names the variant.
///
/// No member ever holds a value; of a data subject there is a keyed pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A request is about to be forwarded.
    Transfer(Transfer),
    /// What became of it, and what the caller was shown.
    Outcome(Outcome),
    /// A request of an identified caller, or some records of it, were turned back.
    Refused(RefusedTransfer),
    /// From here on, checkpoints are signed with another key too.
    KeyChange(KeyChange),
}

impl Entry {
    /// The entry in canonical JSON (RFC 8785): one line, the same bytes for the same
    /// entry wherever it is written.
    ///
    /// # Errors
    /// None for entries of this type; the error is that of the serialiser.
    pub fn to_canonical_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        // Every name is ASCII and every number an integer below 2^53, so that sorting
        // by bytes and printing as serde_json does is what the RFC asks for.
        let mut value = serde_json::to_value(self)?;
        value.sort_all_objects();
        serde_json::to_vec(&value)
    }

    /// Whether it says more of what the entry before it in the log says: what no bundle can
    /// hold as one is written as several, each of which names some of the fields and some of
    /// the data subjects.
    pub fn continues(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Transfer(own), Self::Transfer(before)) => own.id == before.id,
            (Self::Outcome(own), Self::Outcome(before)) => own.id == before.id,
            (Self::Refused(own), Self::Refused(before)) => own.id == before.id,
            _ => false,
        }
    }

    /// Whose data it is about.
    pub fn subjects(&self) -> &[SubjectId] {
        match self {
            Self::Transfer(entry) => &entry.subjects,
            Self::Outcome(entry) => &entry.subjects,
            Self::Refused(entry) => &entry.subjects,
            Self::KeyChange(_) => &[],
        }
    }

    pub fn time(&self) -> Timestamp {
        match self {
            Self::Transfer(entry) => entry.time,
            Self::Outcome(entry) => entry.time,
            Self::Refused(entry) => entry.time,
            Self::KeyChange(entry) => entry.time,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    pub version: u32,
    pub id: EntryId,
    pub time: Timestamp,
    pub instance: InstanceName,
    pub caller: PrincipalName,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<Purpose>,
    pub upstream: UpstreamName,
    pub region: Region,
    pub operation: OperationName,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<ObjectName>,
    #[serde(serialize_with = "digest", deserialize_with = "read_digest")]
    pub policy: Digest,
    /// True when `observe` mode let an operation pass that no dialect knows.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub uninspected: bool,
    pub fields: Vec<FieldCount>,
    /// On what ground the data of each jurisdiction may go.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub grounds: Vec<Ground>,
    /// Whose data it is, as far as the request says; sorted, each once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subjects: Vec<SubjectId>,
}

/// How often a field was treated in one way in one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldCount {
    pub object: ObjectName,
    pub field: FieldName,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub category: Option<Category>,
    /// `tokenize`, `encrypt`, `format_preserving`, `hash`, `mask`, `generalize`, `scan`,
    /// `drop`, or `none`.
    pub protection: SmolStr,
    /// Why there was no protection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<SmolStr>,
    /// The place in `grounds` of what permits the transfer; none when the policy has
    /// no border.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ground: Option<u32>,
    pub count: u32,
}

impl FieldCount {
    /// Why the values left as they are, where that is for want of a line in the policy.
    pub fn unlisted(&self) -> Option<Reason> {
        let reasons = [Reason::ObjectUnlisted, Reason::FieldUnlisted];
        reasons.into_iter().find(|reason| self.reason.as_deref() == Some(reason.as_str()))
    }
}

/// Why data may go to the region of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// Those that cover the data subject.
    pub jurisdictions: Vec<Jurisdiction>,
    /// The rule that decided for each law.
    pub rules: Vec<RuleName>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bases: Vec<BasisUsed>,
}

/// A transfer basis as it stood when it was relied on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasisUsed {
    pub name: BasisName,
    /// `adequacy`, `scc`, `bcr`, `derogation` or `consent`.
    pub kind: SmolStr,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Date>,
}

impl From<&Basis> for BasisUsed {
    fn from(basis: &Basis) -> Self {
        Self {
            name: basis.name.clone(),
            kind: SmolStr::new_static(basis.kind.as_str()),
            reference: basis.reference.clone(),
            until: basis.window.until,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub version: u32,
    /// The transfer that this is the outcome of.
    pub id: EntryId,
    pub time: Timestamp,
    pub result: TransferResult,
    /// The status of the upstream's answer, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    pub reveals: Vec<Revealed>,
    /// Whose data the caller was shown, as far as the answer says; sorted, each once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subjects: Vec<SubjectId>,
}

/// What became of a forwarded request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferResult {
    Answered,
    /// The upstream may or may not have acted on it.
    Failed,
    /// The house stopped before the outcome was recorded.
    Unknown,
}

/// How often a field was shown to the caller in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revealed {
    pub object: ObjectName,
    pub field: FieldName,
    pub category: Category,
    pub reveal: Reveal,
    /// The role of the caller that gave the right, where one did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<Role>,
    /// True for values that the CRM held in the clear.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub found_clear: bool,
    pub count: u32,
}

/// Nothing of what was turned back was forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedTransfer {
    pub version: u32,
    /// That of the transfer, when only some records of a request were turned back.
    pub id: EntryId,
    pub time: Timestamp,
    pub instance: InstanceName,
    pub caller: PrincipalName,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<Purpose>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upstream: Option<UpstreamName>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation: Option<OperationName>,
    #[serde(serialize_with = "code", deserialize_with = "read_code")]
    pub code: RefusalCode,
    /// The rules of the border that refused it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rules: Vec<RuleName>,
    /// How many records of the request were turned back; none when it was the whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subjects: Vec<SubjectId>,
}

/// A further key that signs checkpoints of this log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyChange {
    pub version: u32,
    pub time: Timestamp,
    /// In the form of C2SP signed-note: `name+hash+key`.
    pub verifier_key: SmolStr,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn code<S: Serializer>(code: &RefusalCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

fn read_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RefusalCode, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    RefusalCode::from_text(&text).ok_or_else(|| D::Error::custom("not a refusal code"))
}

fn digest<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(digest)
}

fn read_digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    read_hex(&Cow::<'de, str>::deserialize(deserializer)?).map(Digest)
}

#[cfg(test)]
mod tests {
    use smol_str::SmolStr;

    use super::{
        BasisUsed, ENTRY_VERSION, Entry, FieldCount, Ground, KeyChange, Outcome, RefusedTransfer,
        Transfer,
    };
    use crate::base::{SubjectId, Timestamp};
    use crate::testkit::{self, masked, sealed, unlisted};

    const SUBJECT: SubjectId = SubjectId([0xcd; 16]);
    const TIME: Timestamp = Timestamp::from_unix_millis(1_767_225_600_001);

    /// Written as expected, in the order of RFC 8785, and read back.
    fn check(entry: &Entry, expected: &[&str]) {
        let written = String::from_utf8(entry.to_canonical_json().unwrap()).unwrap();
        assert_eq!(written, expected.concat());
        assert_eq!(serde_json::from_str::<Entry>(&written).unwrap(), *entry);
    }

    #[test]
    fn a_transfer_names_fields_counts_and_grounds() {
        let field = FieldCount { ground: Some(0), ..sealed("email", 2) };
        let clear = unlisted("city", 1);
        let ground = Ground {
            jurisdictions: vec!["DE".into()],
            rules: vec!["gdpr/scc".into()],
            bases: vec![BasisUsed {
                name: "scc-2026".into(),
                kind: SmolStr::new_static("scc"),
                reference: Some("SCC-2026-014".into()),
                until: Some("2027-06-30".parse().unwrap()),
            }],
        };
        let transfer = Transfer {
            fields: vec![field, clear],
            grounds: vec![ground],
            subjects: vec![SUBJECT],
            ..testkit::transfer()
        };
        let policy = "01".repeat(32);
        check(
            &Entry::Transfer(transfer.clone()),
            &[
                r#"{"caller":"billing","fields":[{"category":"email","count":2,"field":"email","ground":0,"object":"contact","protection":"tokenize"},"#,
                r#"{"count":1,"field":"city","object":"contact","protection":"none","reason":"field_unlisted"}],"#,
                r#""grounds":[{"bases":[{"kind":"scc","name":"scc-2026","reference":"SCC-2026-014","until":"2027-06-30"}],"jurisdictions":["DE"],"rules":["gdpr/scc"]}],"#,
                r#""id":"abababababababababababababababab","instance":"one","kind":"transfer","object":"contact","operation":"sobject.create","#,
                &format!(r#""policy":"{policy}","purpose":"crm","region":"US","#),
                r#""subjects":["cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"],"time":"2026-01-01T00:00:00.001Z","upstream":"sf","version":1}"#,
            ],
        );
        check(
            &Entry::Transfer(Transfer {
                purpose: None,
                object: None,
                uninspected: true,
                fields: Vec::new(),
                grounds: Vec::new(),
                subjects: Vec::new(),
                ..transfer
            }),
            &[
                r#"{"caller":"billing","fields":[],"id":"abababababababababababababababab","instance":"one","kind":"transfer","operation":"sobject.create","#,
                &format!(r#""policy":"{policy}","region":"US","#),
                r#""time":"2026-01-01T00:00:00.001Z","uninspected":true,"upstream":"sf","version":1}"#,
            ],
        );
    }

    #[test]
    fn an_outcome_names_what_was_revealed_and_by_which_role() {
        let outcome = Outcome { reveals: vec![masked(3)], ..testkit::outcome() };
        check(
            &Entry::Outcome(outcome),
            &[
                r#"{"id":"abababababababababababababababab","kind":"outcome","result":"answered","reveals":["#,
                r#"{"category":"email","count":3,"field":"email","found_clear":true,"object":"contact","reveal":"mask","role":"marketing"}],"#,
                r#""status":201,"time":"2026-01-01T00:00:00.001Z","version":1}"#,
            ],
        );
    }

    #[test]
    fn a_refusal_names_its_code_and_stays_on_one_line() {
        let caller = "bil\nling".into();
        let refused = RefusedTransfer { caller, upstream: None, ..testkit::refused() };
        check(
            &Entry::Refused(refused),
            &[
                r#"{"caller":"bil\nling","code":"forbidden","id":"abababababababababababababababab","instance":"one","kind":"refused","#,
                r#""records":2,"rules":["house/no-russia"],"time":"2026-01-01T00:00:00.001Z","version":1}"#,
            ],
        );
    }

    #[test]
    fn a_key_change_names_the_key() {
        let verifier_key = SmolStr::new_static("acme.example/one+c74f20a3+ARpc2Qc");
        check(
            &Entry::KeyChange(KeyChange { version: ENTRY_VERSION, time: TIME, verifier_key }),
            &[
                r#"{"kind":"key_change","time":"2026-01-01T00:00:00.001Z","#,
                r#""verifier_key":"acme.example/one+c74f20a3+ARpc2Qc","version":1}"#,
            ],
        );
    }

    #[test]
    fn what_is_no_entry_is_not_read() {
        for text in [
            r#"{"kind":"outcome","version":1,"id":"ab","time":"2026-01-01T00:00:00.001Z","result":"failed","reveals":[]}"#,
            r#"{"kind":"gossip","version":1}"#,
            r#"{"kind":"key_change","version":1,"time":"2026-01-01T00:00:00.001Z","verifier_key":"x","more":1}"#,
        ] {
            assert!(serde_json::from_str::<Entry>(text).is_err(), "{text}");
        }
    }
}
