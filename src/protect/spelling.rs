// SPDX-License-Identifier: Apache-2.0

use super::Protectors;
use super::dress::dress;
use crate::base::{Cleartext, Moment, MomentForm};
use crate::policy::Shape;
use crate::vault::{Form, Token, number};

/// How the surrogate of a value is written: as its field takes it, and in the form that the
/// value has.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    shape: Shape,
    /// Of a day or a point in time.
    form: Option<MomentForm>,
}

impl Spelling {
    pub(super) fn of(shape: Shape, value: &Cleartext) -> Self {
        Self { shape, form: read(shape, value.expose()).map(|(_, form)| form) }
    }

    /// The spelling of a day or a point in time, and the one form of the value that the vault
    /// keeps. `None` for values that are kept as they are.
    pub(super) fn read(shape: Shape, value: &Cleartext) -> Option<(Self, Cleartext)> {
        let (moment, form) = read(shape, value.expose())?;
        let kept = moment.canonical(shape == Shape::Date)?;
        Some((Self { shape, form: Some(form) }, Cleartext::new(kept)))
    }

    /// Why a value that is no surrogate of ours cannot be sealed in a shape.
    pub(super) fn misfit(shape: Shape, value: &str) -> Option<&'static str> {
        match shape {
            Shape::Text | Shape::Email | Shape::Url => None,
            Shape::Date | Shape::DateTime => match (read(shape, value), shape) {
                (Some((moment, _)), _) if Token::DAYS.contains(&moment.days()) => Some(
                    "the years 2500 to 2999 are reserved for surrogates, and it is none that was made here",
                ),
                (Some(_), _) => None,
                (None, Shape::Date) => Some(
                    "it is no day such as `1985-02-23`, or milliseconds of its midnight in UTC",
                ),
                (None, _) => Some(
                    "it is no point in time with its offset from UTC, such as `2026-11-30T10:00:00Z`",
                ),
            },
            Shape::Phone => value.starts_with(number::PHONE_PREFIX).then_some(
                "numbers with +999 are reserved for surrogates, and it is none that was made here",
            ),
            Shape::Card => value.starts_with(number::CARD_PREFIX).then_some(
                "numbers with 9999 are reserved for surrogates, and it is none that was made here",
            ),
            Shape::Iban => is_reserved_iban(value).then_some(
                "IBANs with ZZ are reserved for surrogates, and it is none that was made here",
            ),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// What new tokens are spelt as.
    pub(super) fn token_form(&self) -> Form {
        match self.shape {
            Shape::Text | Shape::Email | Shape::Url => Form::Word,
            Shape::Date => Form::Date,
            Shape::DateTime => Form::Time,
            Shape::Phone => Form::Phone,
            Shape::Card => Form::Card,
            Shape::Iban => Form::Iban,
        }
    }

    /// Whether a token of this form can stand in such a field. A text field may hold what
    /// was stored while the policy said another shape.
    pub(super) fn takes(&self, form: Form) -> bool {
        !self.shape.is_moment() || form == self.token_form()
    }

    pub(super) fn write(&self, token: &Token) -> String {
        let moment = token.moment().zip(self.form.as_ref());
        let text = moment.and_then(|(moment, form)| moment.write(form));
        text.unwrap_or_else(|| token.as_str().to_owned())
    }
}

impl Protectors {
    pub(super) fn spelt(&self, token: &Token, spelling: &Spelling) -> String {
        match token.form() {
            Form::Word => self.worn(token.as_str(), spelling.shape()),
            _ => spelling.write(token),
        }
    }

    /// A word in the dress of a shape.
    pub(super) fn worn(&self, word: &str, shape: Shape) -> String {
        dress(word, shape, &self.email_domain)
    }
}

/// `ZZ` begins a word, too; two digits behind it none.
fn is_reserved_iban(value: &str) -> bool {
    let head = value.split_at_checked(number::IBAN_COUNTRY.len());
    head.is_some_and(|(country, rest)| {
        country.eq_ignore_ascii_case(number::IBAN_COUNTRY)
            && rest.starts_with(|next: char| next.is_ascii_digit())
    })
}

/// The day or point in time that a value is, as the shape takes it, and how its surrogate is
/// written. A day has no time, or midnight in UTC: what CRMs make of others depends on where
/// their users are. A point in time has seconds, also where its value has none: without them,
/// no token could be told.
fn read(shape: Shape, value: &str) -> Option<(Moment, MomentForm)> {
    let read = || Moment::read(value);
    match shape {
        Shape::Text | Shape::Email | Shape::Url | Shape::Phone | Shape::Card | Shape::Iban => None,
        Shape::DateTime => match read()? {
            (_, MomentForm::Day) => None,
            (moment, MomentForm::Time { fraction, zone, .. }) => {
                Some((moment, MomentForm::Time { has_seconds: true, fraction, zone }))
            }
            (moment, MomentForm::Millis) => Some((moment, MomentForm::Millis)),
        },
        Shape::Date => read().filter(|(moment, form)| {
            let is_utc = match form {
                MomentForm::Time { zone, .. } => {
                    zone.bytes().all(|byte| !matches!(byte, b'1'..=b'9'))
                }
                MomentForm::Day | MomentForm::Millis => true,
            };
            moment.is_midnight() && is_utc
        }),
    }
}
