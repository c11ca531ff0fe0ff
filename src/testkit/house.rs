// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/<name>/examples`, all the way with the policy that we
//! ship: located, decided, sealed and rendered; answered as a CRM would that holds the
//! surrogates; and opened again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value as Tree;

use super::shared_path;
use crate::base::{Cleartext, FieldName};
use crate::carrier::{Document, Occurrence, Replacement, Role, Slot, Value};
use crate::config::load_policy;
use crate::crm::{AnswerView, Dialect, LocatedAnswer, LocatedRequest, Origins};
use crate::keys::Keyset;
use crate::policy::{Decision, FieldRule, Forbidden, Policy, Protection};
use crate::protect::{Echoes, Protectors, ToSeal};
use crate::reveal;
use crate::vault::{MemoryStore, Vault};

/// What the road is made of, for one dialect.
pub struct House {
    policy: Policy,
    protectors: Protectors,
    origins: Origins,
}

impl House {
    pub fn new(dialect: &dyn Dialect, origins: Origins) -> Self {
        let pack =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("policies/{}.yaml", dialect.name()));
        let policy = load_policy(&pack, dialect, "tokens.acme.example").unwrap().value;
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset);
        let protectors = Protectors::new(vault, &keyset, "tokens.acme.example");
        Self { policy, protectors, origins }
    }

    /// What is written in the place of each value on its way to the CRM.
    async fn sealed(&self, document: &Document) -> Result<Vec<Replacement>, Forbidden> {
        let mut replacements = Vec::new();
        for (slot, occurrence) in document.occurrences() {
            replacements.push(match self.policy.decide(occurrence)? {
                Decision::Protect(rule) => {
                    let Value::Text(value) = &occurrence.value else { unreachable!() };
                    let can_remove = slot.removal.is_some();
                    let item = to_seal(&rule, &occurrence.role, value, can_remove);
                    self.protectors.seal(&[item]).await.unwrap().remove(0).replacement
                }
                Decision::Untouched(_) => Replacement::Keep,
            });
        }
        Ok(replacements)
    }

    /// The target and the body as they leave.
    pub async fn sent(&self, request: &LocatedRequest) -> Result<Vec<u8>, Forbidden> {
        for found in &request.uses {
            self.policy.permit_use(found)?;
        }
        let mut sent = Vec::new();
        for document in request.documents() {
            let replacements = self.sealed(document).await?;
            sent.extend_from_slice(&document.render(&mut replacements.iter()).unwrap());
            sent.push(b'\n');
        }
        Ok(sent)
    }

    /// The body of an answer as a CRM would send it that holds surrogates.
    pub async fn stored(&self, request: &LocatedRequest, status: u16, body: &str) -> Vec<u8> {
        let upstream = self.origins.upstream.clone();
        let nowhere = Origins { upstream: upstream.clone(), public: upstream };
        let answer = answered(request, &nowhere, status, body.as_bytes());
        let mut replacements = self.sealed(&answer.body).await.unwrap();
        let occurrences = answer.body.occurrences();
        let stored: Vec<(String, String)> = occurrences
            .iter()
            .zip(&replacements)
            .filter_map(|((_, it), to)| pair(it, to))
            .collect();
        for ((_, occurrence), replacement) in occurrences.iter().zip(&mut replacements) {
            match &occurrence.role {
                Role::Composed { from } => {
                    *replacement = self.composed(occurrence, from, &stored).await;
                }
                Role::Echo => *replacement = Replacement::Keep,
                _ => {}
            }
        }
        answer.body.render(&mut replacements.iter()).unwrap().into()
    }

    /// What a CRM composes of surrogates: of those in the same answer, or, in a list with
    /// semicolons, of others like them.
    async fn composed(
        &self,
        occurrence: &Occurrence,
        from: &[&'static str],
        stored: &[(String, String)],
    ) -> Replacement {
        let Value::Text(text) = &occurrence.value else { return Replacement::Keep };
        let mut composed = Vec::new();
        for part in text.expose().split(';') {
            let known = stored.iter().any(|(clear, _)| part.contains(clear));
            let rule = from.iter().find_map(|field| {
                self.policy.rule_of(&occurrence.object, &FieldName::from_static(field))
            });
            composed.push(match rule {
                _ if known => {
                    stored.iter().fold(part.to_owned(), |text, (clear, to)| text.replace(clear, to))
                }
                Some(rule) if part.contains('@') => {
                    let value = Cleartext::new(part);
                    let item = to_seal(rule, &Role::Stored, &value, false);
                    let sealed = self.protectors.seal(&[item]).await.unwrap().remove(0);
                    match sealed.replacement {
                        Replacement::Text(text) => text.to_string(),
                        _ => part.to_owned(),
                    }
                }
                _ => part.to_owned(),
            });
        }
        Replacement::text(composed.join(";"))
    }

    pub async fn shown(
        &self,
        request: &LocatedRequest,
        status: u16,
        body: &[u8],
        role: &str,
    ) -> Vec<u8> {
        let answer = answered(request, &self.origins, status, body);
        let roles = [role.into()];
        let opened = reveal::open(&answer, &self.policy, &roles, &self.protectors).await.unwrap();
        opened.show(&Echoes::new(), &self.protectors).await.unwrap().body.into()
    }

    /// The body without what the policy drops, and with our links.
    pub fn without_dropped(&self, request: &LocatedRequest, status: u16, body: &str) -> Vec<u8> {
        let answer = answered(request, &self.origins, status, body.as_bytes());
        let is_dropped = |occurrence: &Occurrence| {
            let rule = self.policy.rule_of(&occurrence.object, &occurrence.field);
            rule.is_some_and(|rule| rule.protection == Protection::Drop)
        };
        let replace = |(_, occurrence): (&Slot, &Occurrence)| {
            if is_dropped(occurrence) { Replacement::Remove } else { Replacement::Keep }
        };
        let replacements: Vec<Replacement> =
            answer.body.occurrences().into_iter().map(replace).collect();
        answer.body.render(&mut replacements.iter()).unwrap().into()
    }
}

fn to_seal<'a>(
    rule: &'a Arc<FieldRule>,
    role: &'a Role,
    value: &'a Cleartext,
    can_remove: bool,
) -> ToSeal<'a> {
    ToSeal { rule, role, value, can_widen: false, ignores_case: true, can_remove, max_length: None }
}

/// A value that is stored as it was sent, and its surrogate.
fn pair(occurrence: &Occurrence, replacement: &Replacement) -> Option<(String, String)> {
    match (&occurrence.role, &occurrence.value, replacement) {
        (Role::Stored, Value::Text(clear), Replacement::Text(surrogate)) => {
            Some((clear.expose().to_owned(), surrogate.to_string()))
        }
        _ => None,
    }
}

fn answered(
    request: &LocatedRequest,
    origins: &Origins,
    status: u16,
    body: &[u8],
) -> LocatedAnswer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let view = AnswerView {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: &Bytes::copy_from_slice(body),
        origins,
    };
    request.answer.locate(&view).unwrap()
}

/// The examples of a CRM by name; nothing where they are not there.
pub fn examples(crm: &str) -> BTreeMap<String, Tree> {
    let Some(folder) = shared_path(&format!("crm/{crm}/examples")) else { return BTreeMap::new() };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let load = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), load(&path)))
        .collect()
}

pub fn body(message: &Tree) -> String {
    match (&message["body"], message["body_text"].as_str()) {
        (Tree::Null, text) => text.unwrap_or_default().to_owned(),
        (body, _) => body.to_string(),
    }
}

pub fn strings(list: &Tree) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Tree::as_str).collect()
}

/// Those of the values that stand in the bytes, in one encoding or another.
pub fn left<'v>(values: &[&'v str], bytes: &[u8]) -> Vec<&'v str> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let percent = percent_encoding::percent_decode_str(&text).decode_utf8().unwrap();
    let json: String = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|tree| leaves(&tree))
        .collect();
    let places =
        [text.to_lowercase(), percent.replace('+', " ").to_lowercase(), json.to_lowercase()];
    let is_left = |value: &&&str| {
        let forms = [value.to_lowercase(), STANDARD.encode(value).to_lowercase()];
        forms.iter().any(|form| places.iter().any(|place| place.contains(form)))
    };
    values.iter().filter(is_left).copied().collect()
}

fn leaves(tree: &Tree) -> String {
    match tree {
        Tree::String(text) => format!("{text}\n"),
        Tree::Array(elements) => elements.iter().map(leaves).collect(),
        Tree::Object(members) => members.values().map(leaves).collect(),
        other => format!("{other}\n"),
    }
}
