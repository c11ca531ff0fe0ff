// SPDX-License-Identifier: Apache-2.0
//! What data subjects hold, to be looked for in texts about them.

use super::holders::associated;
use super::{Holder, Row, Vault, VaultError};
use crate::base::{Category, Cleartext, SubjectId};
use crate::keys::Siv;

/// What is asked of what data subjects hold.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub subjects: Vec<SubjectId>,
    /// The values of others are left out.
    pub categories: Vec<Category>,
    pub limits: Limits,
}

/// One data subject may hold very many values.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longer values are left out, in bytes.
    pub longest: u32,
    /// How many values of one data subject are looked at, whatever their category.
    pub looked_at: u32,
    /// How many of them are answered with.
    pub of_one: u32,
    /// How many values of all of them; more than of one.
    pub of_all: u32,
}

/// What one data subject holds, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldRows {
    pub rows: Vec<Row>,
    /// Whether there may be more that is wanted.
    pub has_more: bool,
}

/// What one data subject holds.
#[derive(Debug, Default)]
pub struct HeldValues {
    pub values: Vec<(Category, Cleartext)>,
    /// Whether there may be more that is wanted.
    pub has_more: bool,
}

impl Wanted {
    /// The longest copy of a value that is not too long.
    pub(super) fn longest_copy(&self) -> u32 {
        self.limits.longest.saturating_add(Siv::TAG_BYTES as u32)
    }
}

impl HeldRows {
    /// The first of the rows that are wanted, of which there may be one more than they may be.
    pub(super) fn of(mut rows: Vec<Row>, limits: Limits, is_all_looked_at: bool) -> Self {
        let limit = limits.of_one as usize;
        let has_more = rows.len() > limit || !is_all_looked_at;
        rows.truncate(limit);
        Self { rows, has_more }
    }
}

impl Vault {
    /// What data subjects hold, in order, in one round trip; as far as the limits allow, but at
    /// least for the first of them. One who holds nothing, or was erased, has no values.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] when a copy does not open.
    pub async fn held_by(&self, wanted: Wanted) -> Result<Vec<HeldValues>, VaultError> {
        if wanted.subjects.is_empty() || wanted.categories.is_empty() {
            return Ok(wanted.subjects.iter().map(|_| HeldValues::default()).collect());
        }
        let held = self.store.held_by(wanted).await?;
        held.into_iter().map(|held| self.values(held)).collect()
    }

    fn values(&self, HeldRows { rows, has_more }: HeldRows) -> Result<HeldValues, VaultError> {
        let mut opened: Option<Siv> = None;
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let corrupt = || VaultError::Corrupt(format!("token `{}`", row.token));
            let held = row.held.as_ref().ok_or_else(corrupt)?;
            let Holder::Subject(key) = &held.by else { return Err(corrupt()) };
            // All of them are under one key.
            let key = match opened.take() {
                Some(key) => key,
                None => self.unwrap(key)?,
            };
            let associated = associated(&self.tenant, &row.category, &row.token);
            let mut value = key.open(associated, &held.sealed).ok_or_else(corrupt)?;
            opened = Some(key);
            let value = String::from_utf8(std::mem::take(&mut *value)).map_err(|_| corrupt())?;
            values.push((row.category, Cleartext::new(value)));
        }
        Ok(HeldValues { values, has_more })
    }
}
