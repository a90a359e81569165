//! Days, months and names as they are typed.

use crate::outcome::{Failure, Outcome};
use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _};
use vitalwitness_domain::observation;
use vitalwitness_domain::stream::Month;

/// `2026-01`.
pub(crate) fn month(text: &str) -> Outcome<Month> {
    let parts = text.trim().split_once('-');
    let month = parts.and_then(|(year, month)| {
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        Month::new(year.parse().ok()?, month.parse().ok()?).ok()
    });
    month.ok_or_else(|| {
        Failure::usage(
            "month",
            format!("{text} is no month; write it like 2026-01."),
        )
    })
}

/// The last millisecond of `2026-12-31`, on this computer's wall clock.
pub(crate) fn end_of_day(text: &str) -> Outcome<i64> {
    let next = day(text)?.succ_opt().ok_or_else(|| no_day(text))?;
    Ok(start_of(next, text)? - 1)
}

/// The first millisecond of a day or month, on this computer's wall clock.
pub(crate) fn start_of_day(text: &str) -> Outcome<i64> {
    start_of(day(text)?, text)
}

/// A day in days since 1970-01-01.
pub(crate) fn day_number(text: &str) -> Outcome<i32> {
    let epoch = NaiveDate::default();
    let days = day(text)?.signed_duration_since(epoch).num_days();
    i32::try_from(days).map_err(|_| no_day(text))
}

/// `2026-05-13`, `2026-05` for its first day.
fn day(text: &str) -> Outcome<NaiveDate> {
    let text = text.trim();
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .or_else(|_| NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d"))
        .map_err(|_| no_day(text))
}

fn no_day(text: &str) -> Failure {
    Failure::usage(
        "day",
        format!("{text} is no day; write it like 2026-05-13."),
    )
}

fn start_of(day: NaiveDate, text: &str) -> Outcome<i64> {
    Ok(on_wall(day.and_time(NaiveTime::MIN), text)?.0)
}

/// A moment and its offset from UTC in minutes: `2026-05-13 08:10`, `08:10` (today),
/// `2026-05-13T08:10:00+02:00`; without a text, `now_ms`.
pub(crate) fn moment(text: Option<&str>, now_ms: i64) -> Outcome<(i64, i16)> {
    let Some(text) = text.map(str::trim) else {
        return Ok((now_ms, offset_at(now_ms)));
    };
    let minutes = || DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z");
    if let Ok(time) = DateTime::parse_from_rfc3339(text).or_else(|_| minutes()) {
        let offset = time.offset().local_minus_utc() / 60;
        return Ok((
            time.timestamp_millis(),
            i16::try_from(offset).unwrap_or_default(),
        ));
    }
    for format in [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M",
    ] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return on_wall(time, text);
        }
    }
    if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M") {
        let today = Local.timestamp_millis_opt(now_ms).single();
        let today = today
            .map(|now| now.date_naive())
            .ok_or_else(|| no_moment(text))?;
        return on_wall(today.and_time(time), text);
    }
    Err(no_moment(text))
}

fn no_moment(text: &str) -> Failure {
    Failure::usage(
        "time",
        format!(
            "{text} is no time; write it like \"2026-05-13 08:10\" or 2026-05-13T08:10:00+02:00."
        ),
    )
}

/// A clock time of this computer's zone. The earlier of two, where the clock goes back.
fn on_wall(time: NaiveDateTime, text: &str) -> Outcome<(i64, i16)> {
    let found = Local
        .from_local_datetime(&time)
        .earliest()
        .ok_or_else(|| no_moment(text))?;
    let offset = found.offset().fix().local_minus_utc() / 60;
    Ok((
        found.timestamp_millis(),
        i16::try_from(offset).unwrap_or_default(),
    ))
}

/// This computer's offset from UTC at a moment, in minutes.
pub(crate) fn offset_at(ms: i64) -> i16 {
    let offset = match Local.timestamp_millis_opt(ms).single() {
        Some(time) => time.offset().fix().local_minus_utc() / 60,
        None => 0,
    };
    i16::try_from(offset).unwrap_or_default()
}

/// Stream codes of names with commas: `heart-rate,sleep`, `medicine`, `loinc|8867-4`.
pub(crate) fn codes(names: &str) -> Outcome<Vec<String>> {
    let mut codes = Vec::new();
    for name in names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        codes.extend(code(name)?);
    }
    if codes.is_empty() {
        return Err(Failure::usage(
            "codes",
            "Name at least one thing, such as heart-rate.",
        ));
    }
    Ok(codes)
}

/// The stream codes of one name.
fn code(name: &str) -> Outcome<Vec<String>> {
    let found: Vec<String> = observation::named(name)
        .map(|kind| kind.code.to_owned())
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let (word, kind) = name.split_once('/').unwrap_or((name, ""));
    match (word, kind) {
        ("medicine" | "med", _) => Ok(vec!["medicine".to_owned()]),
        ("episode", _) => Ok(vec!["episode".to_owned()]),
        ("note", "") => Ok(vec!["note".to_owned()]),
        ("note", kind) => Ok(vec![kind.to_owned()]),
        ("offer" | "cover" | "claim" | "decision", _) => Ok(vec![word.to_owned()]),
        _ if name.contains('|') => Ok(vec![name.to_owned()]),
        _ => Err(Failure::usage(
            "name_unknown",
            format!(
                "{name} is nothing that can be recorded; `vitalwitness add --help` lists the names."
            ),
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn months_and_days_are_read_in_one_form() {
        assert_eq!(month("2026-01").unwrap(), Month::new(2026, 1).unwrap());
        for bad in ["2026-1", "2026-13", "26-01", "January", "", "2026-01-01"] {
            assert!(month(bad).is_err(), "{bad}");
        }
        assert_eq!(day_number("1970-01-02").unwrap(), 1);
        assert_eq!(day_number("1970-02").unwrap(), 31);
        assert!(day_number("2026-02-30").is_err());
    }

    #[test]
    fn a_time_with_its_offset_keeps_it() {
        let (ms, offset) = moment(Some("2026-05-13T12:05:00+02:00"), 0).unwrap();
        assert_eq!((ms, offset), (1_778_666_700_000, 120));
        assert_eq!(moment(None, 5).unwrap().0, 5);
        assert_eq!(
            moment(Some("2026-05-13T12:05+02:00"), 0).unwrap(),
            moment(Some("2026-05-13T12:05:00+02:00"), 0).unwrap()
        );
        assert!(moment(Some("noon"), 0).is_err());
    }

    #[test]
    fn names_become_stream_codes() {
        assert_eq!(codes("heart-rate").unwrap(), ["loinc|8867-4"]);
        assert_eq!(
            codes("medicine, note/dentistry").unwrap(),
            ["medicine", "dentistry"]
        );
        assert_eq!(codes("loinc|1-2").unwrap(), ["loinc|1-2"]);
        assert_eq!(codes("hart-rate").unwrap_err().code, "name_unknown");
        assert_eq!(codes(",").unwrap_err().code, "codes");
    }
}
