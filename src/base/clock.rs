// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Date;

/// Wall-clock time as milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The day that it falls on, in UTC.
    pub const fn date(self) -> Date {
        Date::from_days((self.0 / MILLIS_PER_DAY) as u32)
    }

    /// `2026-11-24T09:01:02.003Z` (RFC 3339, UTC, milliseconds).
    pub fn to_rfc3339(self) -> String {
        let seconds = self.0 / 1000;
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let millis = self.0 % 1000;
        format!("{}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z", self.date())
    }

    /// Reads what [`to_rfc3339`](Self::to_rfc3339) writes; the fraction may be missing.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let (time, millis) = time.split_once('.').unwrap_or((time, "000"));
        let mut parts = time.split(':');
        let mut part = |below| digits(parts.next()?, 2).filter(|number| *number < below);
        let (hour, minute, second) = (part(24)?, part(60)?, part(60)?);
        let seconds = (hour * 60 + minute) * 60 + second;
        let is_whole = parts.next().is_none();
        let millis = digits(millis, 3).filter(|_| is_whole)?;
        let days = u64::from(date.parse::<Date>().ok()?.days());
        Some(Self(days * MILLIS_PER_DAY + seconds * 1000 + millis))
    }
}

const MILLIS_PER_DAY: u64 = 86_400_000;

/// A number of exactly so many decimal digits.
fn digits(text: &str, count: usize) -> Option<u64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_rfc3339(&text).ok_or_else(|| D::Error::custom("not a time in UTC"))
    }
}

/// The wall clock, so that tests can hold it still. Time-outs do not use it:
/// they run on the monotonic clock of the runtime.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.0))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn timestamps_print_as_rfc_3339() {
        let check = |millis, expected| {
            let time = Timestamp::from_unix_millis(millis);
            assert_eq!(time.to_rfc3339(), expected);
            assert_eq!(Timestamp::from_rfc3339(expected), Some(time));
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_827_696_789, "2000-02-29T12:34:56.789Z");
        check(1_767_225_600_000, "2026-01-01T00:00:00.000Z");
        check(4_102_444_799_999, "2099-12-31T23:59:59.999Z");
    }

    #[test]
    fn only_times_in_utc_are_read() {
        let read = |text| Timestamp::from_rfc3339(text).map(Timestamp::unix_millis);
        assert_eq!(read("1970-01-01T00:00:01Z"), Some(1000));
        for text in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:01",
            "1970-01-01T00:00:01+01:00",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:01:00Z",
            "1970-01-01T00:00:1Z",
            "1970-01-01T00:00:01.5Z",
            "1970-02-29T00:00:01Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
