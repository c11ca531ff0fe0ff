// SPDX-License-Identifier: Apache-2.0

use super::plan::Plan;
use super::{ProtectError, Protectors, ToSeal};
use crate::base::{Category, Pattern, PatternOf, SearchKind};
use crate::carrier::Role;
use crate::vault::{Candidates, Likeness, Token, looks_like};

/// The most tokens that stand for a pattern. More would rarely fit a query.
const MAX_MATCHES: usize = 500;

/// The most patterns in one request: each may read as many rows as the vault reads for one.
const MAX_PATTERNS: usize = 50;

impl Protectors {
    /// Settles what is compared with patterns that something stored looks like.
    pub(super) async fn search(
        &self,
        batch: &[ToSeal<'_>],
        plans: &mut [Plan],
    ) -> Result<(), ProtectError> {
        let (items, plans): (Vec<&ToSeal<'_>>, Vec<&mut Plan>) =
            batch.iter().zip(plans).filter(|(_, plan)| matches!(plan, Plan::Search(_))).unzip();
        let matches = self.matches(&items).await?;
        for ((item, plan), tokens) in items.into_iter().zip(plans).zip(matches) {
            if !item.can_widen {
                return Err(ProtectError::Ambiguous { field: item.rule.id.clone() });
            }
            let Plan::Search(spelling) = &*plan else { continue };
            let nobody = Token::nobody(spelling.token_form());
            let found: Vec<Token> =
                tokens.into_iter().filter(|token| spelling.takes(token.form())).collect();
            if !found.is_empty() {
                *plan = Plan::Ready(self.any_of(found.iter(), spelling));
            } else if let Some(nobody) = nobody {
                *plan = Plan::Ready(self.any_of([&nobody].into_iter(), spelling));
            }
        }
        Ok(())
    }

    /// For each item, which is compared with a pattern, the tokens of the stored values that
    /// the CRM takes to look like it; none where nothing stored does. One round trip to the
    /// vault for each, so that no more is in memory than what one of them reads.
    ///
    /// # Errors
    /// [`ProtectError::Unsearchable`] and [`ProtectError::Doubtful`].
    async fn matches(&self, items: &[&ToSeal<'_>]) -> Result<Vec<Vec<Token>>, ProtectError> {
        if let Some(item) = items.get(MAX_PATTERNS) {
            let because = format!("a request takes {MAX_PATTERNS} searches for parts of values");
            return Err(unsearchable(item, because));
        }
        let mut matches = Vec::with_capacity(items.len());
        for item in items {
            let (category, pattern, kind) = asked(item)?;
            let found = self.vault.candidates(category, pattern, kind).await?;
            matches.push(choose(item, pattern, kind, found)?);
        }
        Ok(matches)
    }
}

/// What the vault is asked for.
fn asked<'a>(
    item: &'a ToSeal<'_>,
) -> Result<(&'a Category, &'a Pattern, SearchKind), ProtectError> {
    if let Role::Pattern { pattern, .. } = item.role
        && let Some(kind) = item.rule.search_for(pattern)
    {
        return Ok((&item.rule.category, pattern, kind));
    }
    Err(unsearchable(item, "the policy does not let parts of its values be searched for".into()))
}

fn choose(
    item: &ToSeal<'_>,
    pattern: &Pattern,
    kind: SearchKind,
    found: Candidates,
) -> Result<Vec<Token>, ProtectError> {
    let all = match found {
        Candidates::All(all) => all,
        Candidates::TooMany(count) => {
            let because =
                format!("{count} stored values or more may match; look for more of the text");
            return Err(unsearchable(item, because));
        }
        Candidates::Incomplete => {
            let because = "its index is being built; try again when it is";
            return Err(unsearchable(item, because.into()));
        }
        Candidates::TooShort => {
            let because = match kind {
                SearchKind::Prefix => "it asks for no beginning",
                SearchKind::Contains => {
                    "it asks for fewer than three characters that stand together"
                }
                SearchKind::Words => "it asks for no word",
            };
            return Err(unsearchable(item, because.into()));
        }
    };
    let mut tokens = Vec::new();
    for candidate in all {
        match looks_like(item.equality, pattern, candidate.value.expose()) {
            Likeness::Same => tokens.push(candidate.token),
            Likeness::Different => {}
            Likeness::Doubtful if pattern.of == PatternOf::Word => {
                let because = "of a stored value nobody knows whether the CRM finds the word in it, \
                               such as one with a hyphen or an accent";
                return Err(unsearchable(item, because.into()));
            }
            Likeness::Doubtful if pattern.of == PatternOf::Address => {
                let because = "of a stored value nobody knows whether the CRM finds it, such as \
                               `a@example.co.uk` for `*@example.co`";
                return Err(unsearchable(item, because.into()));
            }
            Likeness::Doubtful => {
                return Err(ProtectError::Doubtful { field: item.rule.id.clone() });
            }
        }
    }
    if tokens.len() > MAX_MATCHES {
        let because = format!(
            "{} stored values match, and a query takes {MAX_MATCHES}; look for more of the text",
            tokens.len()
        );
        return Err(unsearchable(item, because));
    }
    Ok(tokens)
}

fn unsearchable(item: &ToSeal<'_>, because: String) -> ProtectError {
    ProtectError::Unsearchable { field: item.rule.id.clone(), because }
}
