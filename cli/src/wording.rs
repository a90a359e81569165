//! Numbers and codes as people read them.

use chrono::{DateTime, FixedOffset, TimeZone, Utc};

/// `13 May 2026 10:05 UTC`.
pub(crate) fn utc_seconds(seconds: i64) -> String {
    match Utc.timestamp_opt(seconds, 0).single() {
        Some(time) => time.format("%-d %B %Y %H:%M UTC").to_string(),
        None => format!("second {seconds} since 1970"),
    }
}

/// `13 May 2026 10:05 UTC`, of milliseconds.
pub(crate) fn utc(ms: i64) -> String {
    utc_seconds(ms.div_euclid(1_000))
}

/// `13 May 2026 10:05 (UTC+02:00)`: the clock on the wall there and then.
pub(crate) fn local(ms: i64, offset_min: i64) -> String {
    let offset = i32::try_from(offset_min)
        .ok()
        .and_then(|minutes| FixedOffset::east_opt(minutes.checked_mul(60)?));
    match (offset, DateTime::from_timestamp_millis(ms)) {
        (Some(offset), Some(time)) => {
            let time = time.with_timezone(&offset);
            format!(
                "{} (UTC{})",
                time.format("%-d %B %Y %H:%M"),
                time.format("%:z")
            )
        }
        _ => utc(ms),
    }
}

/// `1 record`, `2 records`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {many}", thousands(number))
    }
}

/// `10,000`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_with_their_place() {
        assert_eq!(utc_seconds(1_778_666_700), "13 May 2026 10:05 UTC");
        assert_eq!(
            local(1_778_666_700_000, 120),
            "13 May 2026 12:05 (UTC+02:00)"
        );
        assert_eq!(
            local(1_778_666_700_000, -210),
            "13 May 2026 06:35 (UTC-03:30)"
        );
        assert_eq!(
            utc_seconds(i64::MAX),
            format!("second {} since 1970", i64::MAX)
        );
    }

    #[test]
    fn large_counts_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(count(1, "record", "records"), "1 record");
    }
}
