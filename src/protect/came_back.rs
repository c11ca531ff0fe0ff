// SPDX-License-Identifier: Apache-2.0
//! Surrogates that callers send back, to where they were or elsewhere.

use std::borrow::Cow;

use super::{
    FoundSurrogate, OpenedSurrogates, ProtectError, Protectors, Surrogate, ToSeal, surrogate,
};
use crate::base::{Category, Cleartext, SubjectId};
use crate::policy::{Protection, Shape};
use crate::vault::{Form, Token};

/// A surrogate that a caller sends back, space around it or not.
pub(super) struct CameBack {
    found: FoundSurrogate,
    shape: Shape,
    /// What it stands for is not to be had: nobody holds it any more, or it stays closed.
    pub(super) is_empty: bool,
}

impl CameBack {
    /// What it stands for, as it is written here.
    pub(super) fn clear<'o>(
        &self,
        opened: &'o OpenedSurrogates,
        category: &Category,
    ) -> Option<Cow<'o, Cleartext>> {
        self.found.clear(opened, category)
    }

    /// The token, what is kept under it, and one who holds that; if it is one: other surrogates
    /// hold their values themselves.
    pub(super) fn kept<'o>(
        &self,
        opened: &'o OpenedSurrogates,
        category: &Category,
    ) -> Option<(Token, &'o Cleartext, Option<SubjectId>)> {
        let Surrogate::Token(token) = &self.found.surrogate else { return None };
        let value = opened.get(&self.found.surrogate, category)?;
        Some((token.clone(), value, opened.holder(&self.found.surrogate, category)))
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
        matches!(self.found.surrogate, Surrogate::Encrypted(_) | Surrogate::Preserved(_))
    }

    /// Whether a field for surrogates of this shape takes it, so that it opens there. Words
    /// and numbers are looked for in the fields of either.
    fn stands_in(&self, shape: Shape) -> bool {
        let is_plain =
            |shape| matches!(shape, Shape::Text | Shape::Phone | Shape::Card | Shape::Iban);
        self.shape == shape || (is_plain(self.shape) && is_plain(shape))
    }
}

impl Protectors {
    /// For each item that is a surrogate of its category, which; and what they stand for.
    pub(super) async fn came_back(
        &self,
        batch: &[ToSeal<'_>],
    ) -> Result<(Vec<Option<CameBack>>, OpenedSurrogates), ProtectError> {
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
            let opens = found.clear(&opened, category).is_some();
            let is_empty = opened.has_no_value(&found.surrogate, category);
            let shape = shape_of(&found, item.value);
            (opens || is_empty).then_some(CameBack { found, shape, is_empty })
        });
        let came_back = came_back.collect();
        Ok((came_back, opened))
    }
}

/// The shape that a surrogate has in a text that is nothing else.
fn shape_of(found: &FoundSurrogate, text: &Cleartext) -> Shape {
    match &found.surrogate {
        Surrogate::Preserved(_) => Shape::Phone,
        Surrogate::Token(token) => match token.form() {
            Form::Word => shape_of_word(text),
            Form::Date => Shape::Date,
            Form::Time => Shape::DateTime,
            Form::Phone => Shape::Phone,
            Form::Card => Shape::Card,
            Form::Iban => Shape::Iban,
        },
        Surrogate::Encrypted(_) => shape_of_word(text),
    }
}

/// By what stands around it.
fn shape_of_word(text: &Cleartext) -> Shape {
    match text.expose() {
        text if text.contains('@') => Shape::Email,
        text if text.contains('.') => Shape::Url,
        _ => Shape::Text,
    }
}
