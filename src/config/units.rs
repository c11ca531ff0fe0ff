// SPDX-License-Identifier: Apache-2.0
//! Durations and sizes as configuration writes them.

use std::time::Duration;

const DURATIONS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZES: [(&str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Digits without sign or leading zero, so that nobody takes them for octal.
pub fn is_decimal(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'))
}

/// `30s`, `500ms`, `5m`, `1h`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let (_, millis) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
    let millis = number.parse::<u64>().ok()?.checked_mul(*millis)?;
    Some(Duration::from_millis(millis))
}

/// `90d`, `3y`, where a year has 365 days.
pub fn period(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let days = match unit {
        "d" => 1,
        "y" => 365,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(days)?.checked_mul(86_400)?;
    Some(Duration::from_secs(seconds))
}

/// `512B`, `64KiB`, `16MiB`, `1GiB`.
pub fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.parse::<usize>().ok()?.checked_mul(*bytes)
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    is_decimal(number).then_some((number, unit))
}

/// In the largest unit that needs no fraction.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = |unit: u64| millis >= u128::from(unit) && millis.is_multiple_of(u128::from(unit));
    match DURATIONS.iter().find(|(_, unit)| fits(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / u128::from(*unit)),
        None => "0s".to_owned(),
    }
}

/// In the largest unit that needs no fraction.
pub fn show_size(bytes: usize) -> String {
    match SIZES.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => "0B".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, period, show_duration, show_size, size};

    #[test]
    fn durations_need_a_unit() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text}");
        };
        check("500ms", Some(500));
        check("30s", Some(30_000));
        check("5m", Some(300_000));
        check("2h", Some(7_200_000));
        check("0s", Some(0));
        for text in [
            "",
            "s",
            "30",
            "1:30",
            "-1s",
            "1.5s",
            "01s",
            "1 s",
            "1S",
            "1d",
            "99999999999999999999s",
        ] {
            check(text, None);
        }
        check(&format!("{}h", u64::MAX), None);
    }

    #[test]
    fn periods_are_days_or_years() {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        assert_eq!(period("90d"), days(90));
        assert_eq!(period("3y"), days(1095));
        for text in ["", "3", "y", "3Y", "1m", "1.5y", "99999999999999999999y"] {
            assert_eq!(period(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_need_a_binary_unit() {
        let check =
            |text: &str, expected: Option<usize>| assert_eq!(size(text), expected, "{text}");
        check("512B", Some(512));
        check("64KiB", Some(65_536));
        check("16MiB", Some(16_777_216));
        check("1GiB", Some(1_073_741_824));
        for text in ["", "16", "16MB", "16mib", "1_000B", "0x10B", "+1B", "18446744073709551615GiB"]
        {
            check(text, None);
        }
    }

    #[test]
    fn what_is_shown_reads_the_same() {
        for text in ["1ms", "1500ms", "90s", "2m", "3h", "0s"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        for text in ["0B", "1B", "1025B", "3KiB", "5MiB", "7GiB"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
    }
}
