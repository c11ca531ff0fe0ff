// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/<name>/examples`, all the way with the policy that we
//! ship: located, decided, sealed and rendered; answered as a CRM would that holds the
//! surrogates; and opened again.

mod example;

use std::path::Path;
use std::sync::Arc;

use crate::base::{Cleartext, Equality, FieldName};
use crate::carrier::{Document, Occurrence, Replacement, Role, Slot, Value};
use crate::config::load_policy;
use crate::crm::{Dialect, LocatedRequest, Origins};
use crate::keys::Keyset;
use crate::policy::{Decision, FieldRule, Forbidden, Policy, Protection};
use crate::protect::{Echoes, Keeper, Protectors, ToSeal};
use crate::reveal;
use crate::vault::{MemoryStore, Vault};

pub use example::{
    Answer, Passed, Personal, Refused, body, check_passed, examples, header_map, left, refusals,
    strings,
};

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

    /// The target, the headers that are located, and the body, as they leave.
    pub async fn sent(&self, request: &LocatedRequest) -> Result<Vec<u8>, Forbidden> {
        for found in &request.uses {
            self.policy.permit_use(found)?;
        }
        self.written(request).await
    }

    async fn written(&self, request: &LocatedRequest) -> Result<Vec<u8>, Forbidden> {
        let mut sent = Vec::new();
        for document in request.documents() {
            let replacements = self.sealed(document).await?;
            sent.extend_from_slice(&document.render(&mut replacements.iter()).unwrap());
            sent.push(b'\n');
        }
        Ok(sent)
    }

    /// Checks that nothing personal leaves. Gives why a request is refused, and which of
    /// the values only the use stands for that it is refused for.
    pub async fn check_request<'v>(
        &self,
        name: &'v str,
        request: &LocatedRequest,
        personal: &Personal<'v>,
    ) -> Option<Refused<'v>> {
        let sent = self.sent(request).await;
        let written = self.written(request).await.unwrap_or_default();
        let left = personal.left(&written);
        let Err(refusal) = sent else {
            assert_eq!(left, [""; 0], "{name}: {}", String::from_utf8_lossy(&written));
            return None;
        };
        let refusal = refusal.to_string();
        assert_eq!(personal.left(refusal.as_bytes()), [""; 0], "{name}");
        Some((name, refusal, left))
    }

    /// An answer as a CRM would send it that holds surrogates.
    async fn stored(&self, request: &LocatedRequest, answer: &Answer) -> Answer {
        let upstream = self.origins.upstream.clone();
        let nowhere =
            Origins { upstream: upstream.clone(), public: upstream, siblings: Vec::new() };
        let located = answer.located(request, &nowhere);
        let mut headers = Vec::new();
        for (name, document) in &located.headers {
            let replacements = self.sealed(document).await.unwrap();
            headers.push((name.clone(), document.render(&mut replacements.iter()).unwrap()));
        }
        let mut replacements = self.sealed(&located.body).await.unwrap();
        let occurrences = located.body.occurrences();
        let mut stored: Vec<(String, String)> = occurrences
            .iter()
            .zip(&replacements)
            .filter_map(|((_, it), to)| pair(it, to))
            .collect();
        stored.sort_by_key(|(clear, _)| std::cmp::Reverse(clear.len()));
        for ((_, occurrence), replacement) in occurrences.iter().zip(&mut replacements) {
            match &occurrence.role {
                Role::Composed { from } => {
                    *replacement = self.composed(occurrence, from, &stored).await;
                }
                Role::Echo => *replacement = Replacement::Keep,
                _ => {}
            }
        }
        let body = located.body.render(&mut replacements.iter()).unwrap();
        answer.rewritten(headers, body)
    }

    /// What a CRM composes of surrogates: of those in the same answer, or of others like
    /// them.
    async fn composed(
        &self,
        occurrence: &Occurrence,
        from: &[&'static str],
        stored: &[(String, String)],
    ) -> Replacement {
        let Value::Text(text) = &occurrence.value else { return Replacement::Keep };
        let rule = from.iter().find_map(|field| {
            self.policy.rule_of(&occurrence.object, &FieldName::from_static(field))
        });
        let mut composed = String::new();
        for part in parts(text.expose()) {
            let known = stored.iter().any(|(clear, _)| part.contains(clear));
            match rule {
                _ if known => composed.push_str(
                    &stored
                        .iter()
                        .fold(part.to_owned(), |text, (clear, to)| text.replace(clear, to)),
                ),
                Some(rule) if part.chars().any(char::is_alphanumeric) => {
                    let value = Cleartext::new(part);
                    let item = to_seal(rule, &Role::Stored, &value, false);
                    let sealed = self.protectors.seal(&[item]).await.unwrap().remove(0);
                    match sealed.replacement {
                        Replacement::Text(text) => composed.push_str(&text),
                        _ => composed.push_str(part),
                    }
                }
                _ => composed.push_str(part),
            }
        }
        Replacement::text(composed)
    }

    async fn shown(&self, request: &LocatedRequest, answer: &Answer, role: &str) -> Answer {
        let located = answer.located(request, &self.origins);
        let roles = [role.into()];
        let opened = reveal::open(&located, &self.policy, &roles, &self.protectors).await.unwrap();
        let shown =
            opened.show(&Echoes::new(), &self.protectors, |_, _| Keeper::House).await.unwrap();
        answer.rewritten(shown.headers, shown.body)
    }

    /// The answer with our links, and without what the policy drops.
    fn expected(&self, request: &LocatedRequest, answer: &Answer) -> String {
        let located = answer.located(request, &self.origins);
        let is_dropped = |occurrence: &Occurrence| {
            let rule = self.policy.rule_of(&occurrence.object, &occurrence.field);
            rule.is_some_and(|rule| rule.protection == Protection::Drop)
        };
        let replace = |(_, occurrence): (&Slot, &Occurrence)| {
            if is_dropped(occurrence) { Replacement::Remove } else { Replacement::Keep }
        };
        let replacements: Vec<_> = located.body.occurrences().into_iter().map(replace).collect();
        let dropped = replacements.iter().any(|to| !matches!(to, Replacement::Keep));
        let answer = if dropped {
            answer.with_body(located.body.render(&mut replacements.iter()).unwrap())
        } else {
            answer.clone()
        };
        let Origins { upstream, public, .. } = &self.origins;
        let answer = answer.text().replace(upstream, public);
        answer.replace("\nlocation: /", &format!("\nlocation: {public}/"))
    }

    /// Checks that an answer whose values are stored as surrogates is shown as it would be
    /// without us, but for our links and what is dropped, and that a caller without a role
    /// is shown nothing personal, whatever is stored. Gives what `support` sees.
    pub async fn check_answer(
        &self,
        name: &str,
        request: &LocatedRequest,
        answer: &Answer,
        personal: &Personal<'_>,
    ) -> Answer {
        let stored = self.stored(request, answer).await;
        assert_eq!(personal.left(&stored.written()), [""; 0], "{name}: {}", stored.text());

        let shown = self.shown(request, &stored, "support").await;
        let expected = self.expected(request, answer);
        // A cell that is written anew is quoted.
        let quotes: &[char] = if answer.is_csv() { &['"'] } else { &[] };
        assert_eq!(shown.text().replace(quotes, ""), expected.replace(quotes, ""), "{name}");
        assert!(!shown.text().contains(&self.origins.upstream), "{name}: {}", shown.text());

        for holds in [&stored, answer] {
            let shown = self.shown(request, holds, "nobody").await;
            assert_eq!(personal.left(&shown.written()), [""; 0], "{name}: {}", shown.text());
        }
        shown
    }
}

/// The words of a text, or its lines or items, and what is between them.
fn parts(text: &str) -> Vec<&str> {
    let separators: &[char] = match text {
        _ if text.contains('\n') => &['\r', '\n'],
        _ if text.contains(';') => &[';'],
        _ => &[' '],
    };
    let mut parts = Vec::new();
    for part in text.split_inclusive(separators) {
        let end = part.trim_end_matches(separators).len();
        parts.extend([&part[..end], &part[end..]]);
    }
    parts
}

fn to_seal<'a>(
    rule: &'a Arc<FieldRule>,
    role: &'a Role,
    value: &'a Cleartext,
    can_remove: bool,
) -> ToSeal<'a> {
    ToSeal {
        rule,
        role,
        value,
        can_widen: false,
        equality: Equality::Case,
        can_remove,
        max_length: None,
        keeper: Keeper::House,
    }
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
