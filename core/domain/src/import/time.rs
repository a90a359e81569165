//! Times as files write them, to UTC milliseconds and the offset of the clock on the wall.

use crate::decimal::{Decimal, Ratio};
use chrono::{DateTime, FixedOffset, NaiveDate};

/// A moment and the minutes to add to UTC for the local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) ms: i64,
    pub(super) offset_min: i16,
}

/// Reads Apple's `2025-03-01 08:00:00 +0100`.
pub(super) fn apple(text: &str) -> Option<Moment> {
    let bytes: &[u8; 25] = text.as_bytes().try_into().ok()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b' ', rest @ ..] = bytes else {
        return None;
    };
    let [
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
        b' ',
        sign,
        o0,
        o1,
        p0,
        p1,
    ] = rest
    else {
        return None;
    };
    let offset_min = offset(*sign, two(*o0, *o1)?, two(*p0, *p1)?)?;
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(two(*y0, *y1)? * 100 + two(*y2, *y3)?).ok()?,
        two(*m0, *m1)?,
        two(*d0, *d1)?,
    )?;
    let local = date.and_hms_opt(two(*h0, *h1)?, two(*n0, *n1)?, two(*s0, *s1)?)?;
    let ms = local.and_utc().timestamp_millis() - i64::from(offset_min) * MINUTE;
    Some(Moment { ms, offset_min })
}

/// Reads ISO 8601 with an offset or `Z`, to the millisecond.
///
/// `2019-01-29T10:25:12.000Z`, `2025-03-01T08:00:00+01:00`; finer fractions are refused.
pub(super) fn iso(text: &str) -> Option<Moment> {
    // The parser takes a blank for the T and more digits than a millisecond; this format does not.
    if text.as_bytes().get(10) != Some(&b'T') || text.len() > 29 {
        return None;
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    let seconds = time.offset().local_minus_utc();
    if seconds % 60 != 0 || time.timestamp_subsec_nanos() % 1_000_000 != 0 {
        return None;
    }
    Some(Moment {
        ms: time.timestamp_millis(),
        offset_min: i16::try_from(seconds / 60).ok()?,
    })
}

/// Writes what [`iso`] reads: `2025-03-01T08:00:00+01:00`, milliseconds only where there are any.
///
/// None for years before 0 or after 9999 and for offsets of a day or more.
pub(super) fn to_iso(ms: i64, offset_min: i16) -> Option<String> {
    let zone = FixedOffset::east_opt(i32::from(offset_min) * 60)?;
    let time = DateTime::from_timestamp_millis(ms)?.with_timezone(&zone);
    let form = if ms.rem_euclid(1_000) == 0 {
        "%Y-%m-%dT%H:%M:%S%:z"
    } else {
        "%Y-%m-%dT%H:%M:%S%.3f%:z"
    };
    let text = time.format(form).to_string();
    (iso(&text)? == Moment { ms, offset_min }).then_some(text)
}

/// Seconds as minutes with no more digits than needed, at most three after the point.
pub(super) fn minutes(seconds: Decimal) -> Option<Decimal> {
    let exact = Ratio::new(1, 60).times(seconds.ratio())?;
    let finest = exact.round(3).ok()?;
    let (mut mantissa, mut exponent) = (finest.mantissa(), finest.exponent());
    while exponent < 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    Decimal::new(mantissa, exponent).ok()
}

fn offset(sign: u8, hours: u32, minutes: u32) -> Option<i16> {
    if hours > 18 || minutes > 59 {
        return None;
    }
    let all = i16::try_from(hours * 60 + minutes).ok()?;
    match sign {
        b'+' => Some(all),
        b'-' => Some(-all),
        _ => None,
    }
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

const MINUTE: i64 = 60_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should panic")]
    use super::*;

    #[test]
    fn an_apple_time_keeps_its_moment_and_its_offset() {
        for (text, expect) in [
            ("2025-03-01 08:00:00 +0100", Some((1_740_812_400_000, 60))),
            ("2025-03-01 02:00:00 -0500", Some((1_740_812_400_000, -300))),
            ("2025-03-01 12:45:00 +0545", Some((1_740_812_400_000, 345))),
            ("1970-01-01 00:00:00 +0000", Some((0, 0))),
            ("2025-02-29 08:00:00 +0100", None),
            ("2025-03-01 24:00:00 +0100", None),
            ("2025-03-01 08:00:60 +0100", None),
            ("2025-03-01 08:00:00 +1900", None),
            ("2025-03-01 08:00:00 +0160", None),
            ("2025-03-01 08:00:00  0100", None),
            ("2025-03-01T08:00:00 +0100", None),
            ("2025-03-01 08:00:00", None),
            ("2025-03-01 08:00:0\u{e9}+0100", None),
            ("", None),
        ] {
            let found = apple(text).map(|moment| (moment.ms, moment.offset_min));
            assert_eq!(found, expect, "{text}");
        }
    }

    #[test]
    fn an_iso_time_reads_back_as_written() {
        for text in [
            "2025-03-01T08:00:00+01:00",
            "2025-03-01T08:00:00.007-09:30",
            "1900-01-01T00:00:00+00:00",
            "1969-12-31T23:59:59.999+14:00",
            "9999-12-31T23:59:59+00:00",
        ] {
            let moment = iso(text).unwrap();
            assert_eq!(to_iso(moment.ms, moment.offset_min).unwrap(), text);
        }
        assert_eq!(iso("2025-03-01T07:00:00Z").unwrap().ms, 1_740_812_400_000);
        for text in [
            "2025-03-01T08:00:00",
            "2025-03-01 08:00:00+01:00",
            "2025-03-01",
            "2025-03-01T08:00:00.0001Z",
            "2025-13-01T08:00:00Z",
        ] {
            assert_eq!(iso(text), None, "{text}");
        }
        assert_eq!(to_iso(i64::MAX, 0), None);
        assert_eq!(to_iso(0, 1_440), None);
    }
}
