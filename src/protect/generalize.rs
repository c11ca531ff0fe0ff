// SPDX-License-Identifier: Apache-2.0

use zeroize::Zeroizing;

use crate::base::{Moment, MomentForm};
use crate::policy::Kept;

/// What is kept of a value, in a form that a field for such values takes; `None` for a
/// value of which it cannot be told. What is kept of that is the same.
pub fn generalize(value: &str, kept: Kept) -> Option<Zeroizing<String>> {
    let text = match kept {
        Kept::Month => date(value, |year, month| (year, month))?,
        Kept::Year => date(value, |year, _| (year, 1))?,
        // There is no year 0.
        Kept::Decade => date(value, |year, _| ((year - year % 10).max(1), 1))?,
        Kept::Domain => {
            let (_, domain) = value.rsplit_once('@')?;
            let is_domain = |next: char| next.is_alphanumeric() || ".-".contains(next);
            let is_whole = domain.contains('.') && domain.chars().all(is_domain);
            // Without its `@`, it could not be told from `anna.muster` when it comes back.
            is_whole.then(|| format!("@{domain}"))?
        }
        Kept::First(characters) => value.chars().take(usize::from(characters)).collect(),
    };
    Some(Zeroizing::new(text))
}

/// Whether a value says no more than what is kept of it. CRMs write midnight in ways of
/// their own.
pub fn is_kept(value: &str, kept: Kept) -> bool {
    let Some(text) = generalize(value, kept) else { return false };
    let says_midnight = |time: &str| !time.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    match (value.split_once('T'), text.split_once('T')) {
        (Some((day, time)), Some((first, _))) if kept.is_date() => {
            day == first && says_midnight(time)
        }
        _ => *text == value,
    }
}

/// Of `1985-02-23`, also with a time behind it (ISO 8601): the first day of the month that
/// is made of its year and month, at midnight UTC.
fn date(value: &str, of: impl Fn(u32, u32) -> (u32, u32)) -> Option<String> {
    let (day, time) = match value.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (value, None),
    };
    let (_, form) = Moment::read(day)?;
    let is_time = |time: &str| {
        time.starts_with(|first: char| first.is_ascii_digit())
            && time.bytes().all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(&byte))
    };
    if form != MomentForm::Day || !time.is_none_or(is_time) {
        return None;
    }
    let (year, month) = of(day.get(..4)?.parse().ok()?, day.get(5..7)?.parse().ok()?);
    let midnight = if time.is_some() { "T00:00:00Z" } else { "" };
    Some(format!("{year:04}-{month:02}-01{midnight}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, kept: Kept, expected: Option<&str>) {
        let found = generalize(value, kept);
        assert_eq!(found.as_ref().map(|text| text.as_str()), expected, "{value} {kept:?}");
    }

    #[test]
    fn dates_become_the_first_day_of_what_is_kept() {
        check("1985-02-23", Kept::Month, Some("1985-02-01"));
        check("1985-02-23", Kept::Year, Some("1985-01-01"));
        check("1985-02-23", Kept::Decade, Some("1980-01-01"));
        check("0007-12-31", Kept::Decade, Some("0001-01-01"));
        for time in ["T23:59:59Z", "T01:02:03.456+0200", "T01:02", "T00:00:00.000-08:00"] {
            check(&format!("1985-02-23{time}"), Kept::Year, Some("1985-01-01T00:00:00Z"));
        }
        for other in [
            "",
            "1985",
            "1985-02",
            "85-02-23",
            "23.02.1985",
            "1985-13-01",
            "1985-02-30",
            "2026-02-29",
            "1985-02-23-",
            "1985-02-23 10:00",
            "1985-02-23T",
            "1985-02-23Tat noon",
            "0000-01-01",
            "+985-02-23",
            "477964800000",
        ] {
            check(other, Kept::Year, None);
        }
    }

    #[test]
    fn of_texts_the_beginning_is_kept_and_of_addresses_the_domain() {
        check("80331", Kept::First(2), Some("80"));
        check("SW1A 1AA", Kept::First(4), Some("SW1A"));
        check("Żółw", Kept::First(3), Some("Żół"));
        check("8", Kept::First(2), Some("8"));
        check("anna@corp.example", Kept::Domain, Some("@corp.example"));
        check("@corp.example", Kept::Domain, Some("@corp.example"));
        check("anna.muster", Kept::Domain, None);
        check("089.123.456", Kept::Domain, None);
        check("anna muster", Kept::Domain, None);
        check("anna@muster", Kept::Domain, None);
        check("\"a@b\"@c.de, d@e.fr", Kept::Domain, Some("@e.fr"));
        check("a@b.de d.ef", Kept::Domain, None);
        check("anna@bücher.example", Kept::Domain, Some("@bücher.example"));
        check("anna@b.de\u{200b}", Kept::Domain, None);
    }

    #[test]
    fn midnight_is_what_is_kept_however_a_crm_writes_it() {
        let check =
            |value: &str, kept, expected| assert_eq!(is_kept(value, kept), expected, "{value}");
        for midnight in ["", "T00:00:00Z", "T00:00:00.000+0000", "T00:00"] {
            check(&format!("1985-01-01{midnight}"), Kept::Year, true);
            check(&format!("1985-02-01{midnight}"), Kept::Year, false);
        }
        check("1985-01-01T00:00:01Z", Kept::Year, false);
        check("1985-01-01T00:00:00+02:00", Kept::Year, false);
        check("aT0", Kept::First(2), false);
        check("aT", Kept::First(2), true);
        check("@corp.example", Kept::Domain, true);
        check("corp.example", Kept::Domain, false);
    }

    proptest! {
        #[test]
        fn what_is_kept_of_that_is_the_same(
            value in "\\PC{0,12}|[0-9]{4}-(0[1-9]|1[012])-[012][1-9](T[0-9:.Z+]{0,9})?|[a-z]@[a-z.]{1,9}",
            kept in prop::sample::select(vec![
                Kept::Decade, Kept::Year, Kept::Month, Kept::Domain, Kept::First(3),
            ]),
        ) {
            if let Some(once) = generalize(&value, kept) {
                prop_assert!(is_kept(&once, kept));
                prop_assert_eq!(generalize(&once, kept), Some(once));
            }
        }
    }
}
