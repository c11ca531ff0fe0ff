// SPDX-License-Identifier: Apache-2.0

use super::LocateError;
use crate::carrier::Slot;
use crate::carrier::json::MAX_VALUES;

/// How many values may still be located in a message, in whichever texts inside of it they
/// stand: what is kept of a value takes far more memory than its bytes.
#[derive(Debug)]
pub struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_VALUES)
    }
}

impl Room {
    /// # Errors
    /// [`LocateError::TooLarge`] where there are more values in these slots.
    pub fn hold(&mut self, place: &'static str, slots: &[Slot]) -> Result<(), LocateError> {
        self.take(place, slots.iter().map(Slot::value_count).sum())
    }

    /// # Errors
    /// [`LocateError::TooLarge`].
    pub fn take(&mut self, place: &'static str, values: usize) -> Result<(), LocateError> {
        let left = self.0.checked_sub(values);
        self.0 = left.ok_or(LocateError::TooLarge { place })?;
        Ok(())
    }
}
