// SPDX-License-Identifier: Apache-2.0

use smol_str::SmolStr;

use super::Date;

const SECONDS_PER_DAY: i64 = 86_400;
/// The Gregorian calendar repeats itself after so many years, and days.
const CYCLE: (u32, i64) = (400, 146_097);
/// What is added to years that [`Date`] does not know.
const CYCLES: u32 = 5;

/// A day or a point in time between the years 1 and 9999, as a CRM writes one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Since 1970-01-01T00:00:00Z.
    seconds: i64,
    nanos: u32,
}

/// How a moment is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MomentForm {
    /// `1985-02-23`
    Day,
    /// `1985-02-23T10:00:00.000+0000`: ISO 8601, with so many digits behind the seconds,
    /// and `Z` or an offset from UTC.
    Time { has_seconds: bool, fraction: usize, zone: SmolStr },
    /// Milliseconds since 1970, as HubSpot has them.
    Millis,
}

impl Moment {
    /// Midnight UTC of the day so many days after 1970-01-01.
    pub const fn of_day(days: i64) -> Self {
        Self { seconds: days * SECONDS_PER_DAY, nanos: 0 }
    }

    /// So many seconds after the first moment of 1970.
    pub const fn of_seconds(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    /// The day in UTC, since 1970-01-01.
    pub const fn days(self) -> i64 {
        self.seconds.div_euclid(SECONDS_PER_DAY)
    }

    /// Whether it is the first moment of a day in UTC.
    pub const fn is_midnight(self) -> bool {
        self.nanos == 0 && self.seconds.rem_euclid(SECONDS_PER_DAY) == 0
    }

    /// Reads a day or a moment and how it was written; what is written in this form again
    /// is the same text. `None` for what does not exist, such as a 30th of February, and
    /// for a time that does not say its offset from UTC.
    pub fn read(text: &str) -> Option<(Self, MomentForm)> {
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
            && !text.get(1..).unwrap_or_default().contains('-')
        {
            let millis: i64 =
                text.parse().ok().filter(|number: &i64| number.to_string() == text)?;
            let nanos = millis.rem_euclid(1000) as u32 * 1_000_000;
            let moment = Self { seconds: millis.div_euclid(1000), nanos };
            return moment.civil().map(|_| (moment, MomentForm::Millis));
        }
        let Some((date, time)) = text.split_once('T') else {
            return Some((Self::of_day(day(text)?), MomentForm::Day));
        };
        let zone_at = time.find(['Z', '+', '-'])?;
        let (clock, zone) = time.split_at_checked(zone_at)?;
        let (clock, digits) = match clock.split_once('.') {
            Some((clock, digits)) => (clock, Some(digits)),
            None => (clock, None),
        };
        let mut parts = clock.split(':');
        let mut part = |below: i64| number(parts.next()?, 2).filter(|part| *part < below);
        let (hour, minute, second) = (part(24)?, part(60)?, part(60));
        let has_seconds = clock.len() == "00:00:00".len();
        if clock.len() != if has_seconds { 8 } else { 5 } || (digits.is_some() && !has_seconds) {
            return None;
        }
        let second = if has_seconds { second? } else { 0 };
        let fraction = digits.map_or(0, str::len);
        let nanos = match digits {
            Some(digits) if (1..=9).contains(&fraction) => {
                number(digits, fraction)? * 10_i64.pow(9 - fraction as u32)
            }
            Some(_) => return None,
            None => 0,
        };
        let of_day = (hour * 60 + minute) * 60 + second;
        let seconds = day(date)? * SECONDS_PER_DAY + of_day - offset(zone)?;
        let moment = Self { seconds, nanos: nanos as u32 };
        moment.civil()?;
        Some((moment, MomentForm::Time { has_seconds, fraction, zone: zone.into() }))
    }

    /// The moment in a form, without what the form has no room for, as CRMs leave it out;
    /// `None` where its year would have more than four digits.
    pub fn write(self, form: &MomentForm) -> Option<String> {
        match form {
            MomentForm::Millis => {
                let millis = self.seconds.checked_mul(1000)? + i64::from(self.nanos / 1_000_000);
                Some(millis.to_string())
            }
            MomentForm::Day => {
                let (year, month, day) = self.civil()?;
                Some(format!("{year:04}-{month:02}-{day:02}"))
            }
            MomentForm::Time { has_seconds, fraction, zone } => {
                let local = Self { seconds: self.seconds + offset(zone)?, nanos: self.nanos };
                let day = local.write(&MomentForm::Day)?;
                let second = local.seconds.rem_euclid(SECONDS_PER_DAY);
                let (hour, minute) = (second / 3600, second / 60 % 60);
                let mut text = if *has_seconds {
                    format!("{day}T{hour:02}:{minute:02}:{:02}", second % 60)
                } else {
                    format!("{day}T{hour:02}:{minute:02}")
                };
                if *fraction > 0 {
                    let digits = format!("{:09}", self.nanos);
                    text.push('.');
                    text.push_str(digits.get(..*fraction)?);
                }
                text.push_str(zone);
                Some(text)
            }
        }
    }

    /// The moment in one form of its own: the day in UTC, or the time in UTC with as many
    /// digits as it takes.
    pub fn canonical(self, is_day: bool) -> Option<String> {
        if is_day {
            return self.write(&MomentForm::Day);
        }
        let digits = format!("{:09}", self.nanos);
        let fraction = digits.trim_end_matches('0').len();
        self.write(&MomentForm::Time { has_seconds: true, fraction, zone: "Z".into() })
    }

    /// Year, month and day in UTC; `None` outside of the years 1 to 9999.
    fn civil(self) -> Option<(u32, u32, u32)> {
        let days = self.days();
        if let Ok(days) = u32::try_from(days) {
            let date = Date::from_days(days);
            return (date.days() == days).then(|| date.civil());
        }
        let shifted = u32::try_from(days + i64::from(CYCLES) * CYCLE.1).ok()?;
        let (year, month, day) = Date::from_days(shifted).civil();
        Some((year.checked_sub(CYCLES * CYCLE.0).filter(|year| *year > 0)?, month, day))
    }
}

/// Days since 1970 of `1985-02-23`.
fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut part = |digits| number(parts.next()?, digits);
    let (year, month, day) = (part(4)? as u32, part(2)? as u32, part(2)? as u32);
    if parts.next().is_some() || year == 0 {
        return None;
    }
    let days = |year, cycles: u32| {
        let date = Date::from_civil(year, month, day)?;
        Some(i64::from(date.days()) - i64::from(cycles) * CYCLE.1)
    };
    if year >= 1970 { days(year, 0) } else { days(year + CYCLES * CYCLE.0, CYCLES) }
}

/// The seconds of `Z`, `+0130` or `+01:30`.
fn offset(zone: &str) -> Option<i64> {
    let (sign, offset) = match zone.split_at_checked(1)? {
        ("Z", "") => return Some(0),
        ("+", offset) => (1, offset),
        ("-", offset) => (-1, offset),
        _ => return None,
    };
    let (hours, minutes) = match offset.split_once(':') {
        Some(parts) => parts,
        None => offset.split_at_checked(2)?,
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// It is personal data where it is that of a value.
impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moment(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_moment_has_many_forms() {
        let check = |text: &str, seconds: i64, canonical: &str| {
            let (moment, form) = Moment::read(text).expect(text);
            assert_eq!(moment.seconds, seconds, "{text}");
            assert_eq!(moment.write(&form).as_deref(), Some(text));
            let is_day = form == MomentForm::Day;
            assert_eq!(moment.canonical(is_day).as_deref(), Some(canonical), "{text}");
        };
        check("1970-01-01", 0, "1970-01-01");
        check("1985-02-23", 477_964_800, "1985-02-23");
        check("0001-01-01", -62_135_596_800, "0001-01-01");
        check("1969-12-31", -86_400, "1969-12-31");
        check("1900-03-01", -2_203_891_200, "1900-03-01");
        for text in [
            "1985-02-23T10:00:00Z",
            "1985-02-23T10:00:00.000+0000",
            "1985-02-23T12:00:00+02:00",
            "1985-02-23T02:30:00.0000000-0730",
            "1985-02-23T10:00Z",
            "478000800000",
        ] {
            check(text, 478_000_800, "1985-02-23T10:00:00Z");
        }
        check("-1", -1, "1969-12-31T23:59:59.999Z");
        check("1985-01-01T00:30:00.120+01:00", 473_383_800, "1984-12-31T23:30:00.12Z");
    }

    #[test]
    fn what_is_no_moment_is_not_read() {
        for text in [
            "",
            "-",
            "x",
            "1985",
            "1985-02",
            "23.02.1985",
            "1985-02-30",
            "1985-2-3",
            "0000-01-01",
            "+985-02-23",
            "1985-02-23T",
            "1985-02-23T10",
            "1985-02-23T10:00:00",
            "1985-02-23T24:00:00Z",
            "1985-02-23T10:60:00Z",
            "1985-02-23T10:00:60Z",
            "1985-02-23T10:00:00.Z",
            "1985-02-23T10:00:00.0123456789Z",
            "1985-02-23T10:00.5Z",
            "1985-02-23T10:00:0Z",
            "1985-02-23T10:00:00:00Z",
            "1985-02-23T10:00:00Zulu",
            "1985-02-23T10:00:00+1",
            "1985-02-23T10:00:00+24:00",
            "1985-02-23T10:00:00+0:100",
            "1985-02-23 10:00:00Z",
            "0985",
            "-0",
            "99999999999999999",
            "9999999999999999999999",
            "٢٠٢٦-٠١-٠١",
        ] {
            // A short number is milliseconds.
            let found = Moment::read(text).filter(|_| text != "1985");
            assert!(found.is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_the_same(
            text in "([0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9](T[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?(Z|[+-][01][0-9]:?[0-5][0-9]))?)|-?[1-9][0-9]{0,14}"
        ) {
            if let Some((moment, form)) = Moment::read(&text) {
                prop_assert_eq!(moment.write(&form), Some(text));
            }
        }

        #[test]
        fn moments_come_back_from_every_form(seconds in -62_000_000_000_i64..253_000_000_000) {
            let moment = Moment::of_seconds(seconds);
            for text in [moment.canonical(false), moment.write(&MomentForm::Millis)] {
                prop_assert_eq!(Moment::read(&text.unwrap()).unwrap().0, moment);
            }
            let day = Moment::of_day(moment.days()).canonical(true).unwrap();
            prop_assert_eq!(Moment::read(&day).unwrap().0.days(), moment.days());
        }
    }
}
