// SPDX-License-Identifier: Apache-2.0
//! Surrogates that callers send back, to where they were or elsewhere.

use std::borrow::Cow;

use super::{FoundSurrogate, ProtectError, Protectors, Surrogate, ToSeal, surrogate};
use crate::base::{Cleartext, SubjectId};
use crate::policy::{Protection, Shape};
use crate::vault::{Form, Token};

/// A surrogate that a caller sends back, space around it or not.
pub(super) struct CameBack {
    surrogate: Surrogate,
    shape: Shape,
    /// None for what nobody holds any more.
    pub(super) value: Option<Cleartext>,
    /// One who holds it; none for the house.
    pub(super) holder: Option<SubjectId>,
}

impl CameBack {
    /// The token, if it is one: others hold their values themselves.
    pub(super) fn token(&self) -> Option<Token> {
        match &self.surrogate {
            Surrogate::Token(token) => Some(token.clone()),
            Surrogate::Encrypted(_) | Surrogate::Preserved(_) => None,
        }
    }

    /// Whether its value gets another surrogate, the one that is asked for here.
    pub(super) fn is_sealed_anew_for(&self, item: &ToSeal<'_>) -> bool {
        match item.rule.protection {
            // What can be opened may not stand where nothing is to be.
            Protection::Hash { .. } => true,
            // What was stored as it is, is found by it.
            _ if item.is_compared() => false,
            Protection::Tokenize { shape, .. } => self.holds_value() || !self.stands_in(shape),
            Protection::Encrypt { shape, .. } => !self.stands_in(shape),
            Protection::FormatPreserving { .. } => !self.stands_in(Shape::Phone),
            Protection::Mask
            | Protection::Generalize(_)
            | Protection::Scan(_)
            | Protection::Drop => false,
        }
    }

    /// Whether it is encrypted. Where only a token may be stored, by the policy or by law, this
    /// is not the surrogate that is asked for.
    pub(super) fn holds_value(&self) -> bool {
        matches!(self.surrogate, Surrogate::Encrypted(_) | Surrogate::Preserved(_))
    }

    /// Whether a field for surrogates of this shape takes it, so that it opens there. Texts
    /// and telephone numbers are looked for in either field.
    fn stands_in(&self, shape: Shape) -> bool {
        let is_either = |shape| matches!(shape, Shape::Text | Shape::Phone);
        self.shape == shape || (is_either(self.shape) && is_either(shape))
    }
}

impl Protectors {
    /// For each item that is a surrogate of its category, which, and what it stands for.
    pub(super) async fn came_back(
        &self,
        batch: &[ToSeal<'_>],
    ) -> Result<Vec<Option<CameBack>>, ProtectError> {
        let whole: Vec<_> = batch
            .iter()
            .map(|item| surrogate::whole(item.value.expose().trim(), &self.email_domain))
            .collect();
        let asked: Vec<_> = batch
            .iter()
            .zip(&whole)
            .filter_map(|(item, found)| Some((&found.as_ref()?.surrogate, &item.rule.category)))
            .collect();
        let opened = self.open(&asked).await?;
        let alarm = |(surrogate, category): &(&Surrogate, _)| {
            opened.alarm(surrogate, std::iter::once(*category))
        };
        self.raise(asked.iter().filter_map(alarm));
        let came_back = batch.iter().zip(whole).map(|(item, found)| {
            let found = found?;
            let category = &item.rule.category;
            let value = found.clear(&opened, category).map(Cow::into_owned);
            if value.is_none() && !opened.knows(&found.surrogate, category) {
                return None;
            }
            let shape = shape_of(&found, item.value);
            let holder = opened.holder(&found.surrogate, category);
            Some(CameBack { surrogate: found.surrogate, shape, value, holder })
        });
        Ok(came_back.collect())
    }
}

/// The shape that a surrogate has in a text that is nothing else.
fn shape_of(found: &FoundSurrogate, text: &Cleartext) -> Shape {
    match &found.surrogate {
        Surrogate::Preserved(_) => Shape::Phone,
        Surrogate::Token(token) if token.form() == Form::Date => Shape::Date,
        Surrogate::Token(token) if token.form() == Form::Time => Shape::DateTime,
        Surrogate::Token(token) if token.form() == Form::Phone => Shape::Phone,
        Surrogate::Token(_) | Surrogate::Encrypted(_) => match text.expose() {
            text if text.contains('@') => Shape::Email,
            text if text.contains('.') => Shape::Url,
            _ => Shape::Text,
        },
    }
}
