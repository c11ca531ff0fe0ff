// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day of the Gregorian calendar, from 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(u32);

/// Not a day between 1970-01-01 and 9999-12-31 in the form `2026-11-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date such as `2026-11-24`")]
pub struct InvalidDate;

/// 9999-12-31.
const LAST_DAY: u32 = 2_932_896;

impl Date {
    /// `days` since 1970-01-01; later than 9999-12-31 is that day.
    pub const fn from_days(days: u32) -> Self {
        Self(if days > LAST_DAY { LAST_DAY } else { days })
    }

    /// Since 1970-01-01.
    pub const fn days(self) -> u32 {
        self.0
    }

    /// Year, month from 1, day from 1.
    ///
    /// By the era method of Howard Hinnant, "chrono-Compatible Low-Level Date
    /// Algorithms".
    pub const fn civil(self) -> (u32, u32, u32) {
        let shifted = self.0 + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + (month <= 2) as u32;
        (year, month, day)
    }

    /// The inverse of [`civil`](Self::civil); `None` for a day that does not exist.
    pub fn from_civil(year: u32, month: u32, day: u32) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
        {
            return None;
        }
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let date = Self(era * 146_097 + day_of_era - 719_468);
        (date.civil() == (year, month, day)).then_some(date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Date {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let mut parts = text.split('-');
        let mut part = |digits| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
        };
        let date = (part(4), part(2), part(2));
        let (Some(year), Some(month), Some(day)) = date else { return Err(InvalidDate) };
        if parts.next().is_some() {
            return Err(InvalidDate);
        }
        Self::from_civil(year, month, day).ok_or(InvalidDate)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Date, InvalidDate, LAST_DAY};

    #[test]
    fn every_day_is_written_and_read_back() {
        let mut last = None;
        for days in 0..=LAST_DAY {
            let date = Date::from_days(days);
            let (year, month, day) = date.civil();
            assert_eq!(Date::from_civil(year, month, day), Some(date));
            assert!(last < Some((year, month, day)));
            last = Some((year, month, day));
        }
        assert_eq!(last, Some((9999, 12, 31)));
        assert_eq!("2000-02-29".parse(), Ok(Date::from_days(11_016)));
        assert_eq!(Date::from_days(11_016).to_string(), "2000-02-29");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in
            ["", "2026-1-2", "2026-13-01", "2025-02-29", "1969-12-31", "2026-01-01-", "+026-01-01"]
        {
            assert_eq!(text.parse::<Date>(), Err(InvalidDate), "{text}");
        }
    }
}
