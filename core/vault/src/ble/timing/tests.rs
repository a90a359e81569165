#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use super::*;
use chrono::{DateTime, NaiveDateTime};
use vitalwitness_domain::gatt::Elapsed;

/// Central Europe in 2026: an hour ahead, two from 29 March to 25 October, both at 01:00 UTC.
fn berlin(ms: i64) -> i16 {
    let (spring, autumn) = (utc("2026-03-29T01:00:00"), utc("2026-10-25T01:00:00"));
    if (spring..autumn).contains(&ms) {
        120
    } else {
        60
    }
}

fn utc(text: &str) -> i64 {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").unwrap();
    time.and_utc().timestamp_millis()
}

fn stamped(face: &str) -> Reading {
    let face = DateTime::from_timestamp_millis(utc(face)).unwrap();
    let number = |format: &str| face.format(format).to_string().parse::<u16>().unwrap();
    let byte = |format: &str| u8::try_from(number(format)).unwrap();
    let time = DeviceTime::Calendar {
        year: number("%Y"),
        month: byte("%m"),
        day: byte("%d"),
        hour: byte("%H"),
        minute: byte("%M"),
        second: byte("%S"),
    };
    Reading {
        time: Some(time),
        ..Reading::default()
    }
}

struct Case {
    why: &'static str,
    face: &'static str,
    arrived: &'static str,
    /// What the device's clock showed, and when that was read.
    clock: Option<(&'static str, &'static str)>,
    /// When it was then set.
    set: Option<&'static str>,
    zone: fn(i64) -> i16,
    expect: &'static str,
    note: Option<(&'static str, &'static str)>,
}

const PLAIN: Case = Case {
    why: "",
    face: "2026-05-04T10:00:00",
    arrived: "2026-05-04T08:30:00",
    clock: None,
    set: None,
    zone: berlin,
    expect: "2026-05-04T08:00:00",
    note: None,
};

const CASES: [Case; 14] = [
    Case {
        why: "no clock to read: the time on the wall",
        ..PLAIN
    },
    Case {
        why: "a clock that is right: the time on the wall",
        clock: Some(("2026-05-04T10:30:20", "2026-05-04T08:30:00")),
        ..PLAIN
    },
    Case {
        why: "a clock in 2010 runs on evenly",
        face: "2010-01-01T00:05:00",
        clock: Some(("2010-01-01T00:35:00", "2026-05-04T08:30:00")),
        note: Some(("clock-corrected", "+515584500 s")),
        ..PLAIN
    },
    Case {
        why: "in 2010 and no clock to read: when it arrived",
        face: "2010-01-01T00:05:00",
        expect: "2026-05-04T08:30:00",
        note: Some(("time-from", "arrival")),
        ..PLAIN
    },
    Case {
        why: "ahead of now and no clock to read: when it arrived",
        face: "2026-05-05T10:00:00",
        expect: "2026-05-04T08:30:00",
        note: Some(("time-from", "arrival")),
        ..PLAIN
    },
    Case {
        why: "a clock that is an hour behind: nobody set it to summer time",
        face: "2026-05-04T09:00:00",
        clock: Some(("2026-05-04T09:30:00", "2026-05-04T08:30:00")),
        note: Some(("clock-corrected", "+3600 s")),
        ..PLAIN
    },
    Case {
        why: "a winter reading read in summer, the clock was moved with the wall",
        face: "2026-03-01T10:00:00",
        clock: Some(("2026-05-04T10:30:00", "2026-05-04T08:30:00")),
        expect: "2026-03-01T09:00:00",
        ..PLAIN
    },
    Case {
        why: "UTC+14",
        face: "2026-05-05T00:00:00",
        arrived: "2026-05-04T10:00:30",
        zone: |_| 840,
        expect: "2026-05-04T10:00:00",
        ..PLAIN
    },
    Case {
        why: "UTC-14 is no zone in use, and counts all the same",
        face: "2026-05-03T20:00:00",
        arrived: "2026-05-04T10:00:30",
        zone: |_| -840,
        expect: "2026-05-04T10:00:00",
        ..PLAIN
    },
    Case {
        why: "the hour the wall shows twice: the later one has just arrived",
        face: "2026-10-25T02:30:00",
        arrived: "2026-10-25T01:31:00",
        expect: "2026-10-25T01:30:00",
        ..PLAIN
    },
    Case {
        why: "the hour the wall shows twice: the first one has just arrived",
        face: "2026-10-25T02:30:00",
        arrived: "2026-10-25T00:31:00",
        expect: "2026-10-25T00:30:00",
        ..PLAIN
    },
    Case {
        why: "the hour the wall skips: as if it had not",
        face: "2026-03-29T02:30:00",
        arrived: "2026-03-29T01:31:00",
        expect: "2026-03-29T01:30:00",
        ..PLAIN
    },
    Case {
        why: "set in this session, taken after that",
        face: "2026-05-04T10:31:00",
        arrived: "2026-05-04T08:31:05",
        clock: Some(("2010-01-01T00:35:00", "2026-05-04T08:30:00")),
        set: Some("2026-05-04T08:30:02"),
        expect: "2026-05-04T08:31:00",
        ..PLAIN
    },
    Case {
        why: "set in this session, taken before that",
        face: "2010-01-01T00:05:00",
        clock: Some(("2010-01-01T00:35:00", "2026-05-04T08:30:00")),
        set: Some("2026-05-04T08:30:02"),
        note: Some(("clock-corrected", "+515584500 s")),
        ..PLAIN
    },
];

fn seen_at((face, at): (&str, &str), set: Option<&str>, zone: fn(i64) -> i16) -> ClockSeen {
    ClockSeen {
        set_ms: set.map(utc),
        ..seen(utc(face), utc(at), &zone)
    }
}

#[test]
fn a_devices_time_becomes_utc_and_what_was_corrected_is_said() {
    for case in CASES {
        let stamps = Stamps {
            clock: case.clock.map(|it| seen_at(it, case.set, case.zone)),
            ..Stamps::default()
        };
        let timed = when(&stamped(case.face), utc(case.arrived), stamps, &case.zone);
        let found = DateTime::from_timestamp_millis(timed.at.start_ms).unwrap();
        let found = found.format("%Y-%m-%dT%H:%M:%S").to_string();
        assert_eq!(found, case.expect, "{}", case.why);
        assert_eq!(
            timed.at.offset_min,
            (case.zone)(utc(case.expect)),
            "{}",
            case.why
        );
        let notes = timed.notes.iter();
        let notes: Vec<(&str, &str)> = notes.map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            notes,
            case.note.into_iter().collect::<Vec<_>>(),
            "{}",
            case.why
        );
    }
}

#[test]
fn what_was_stored_before_a_clock_was_set_stays_off_in_later_sessions() {
    let before = seen_at(
        ("2010-01-01T00:35:00", "2026-05-04T08:30:00"),
        Some("2026-05-04T08:30:00"),
        berlin,
    );
    let clock = seen_at(("2026-05-06T10:00:00", "2026-05-06T08:00:00"), None, berlin);
    let stamps = Stamps {
        clock: Some(clock),
        before: Some(before),
        session_ms: None,
    };
    let arrived = utc("2026-05-06T08:00:00");
    for (face, expect) in [
        ("2010-01-01T00:05:00", "2026-05-04T08:00:00"),
        ("2026-05-05T10:00:00", "2026-05-05T08:00:00"),
    ] {
        let timed = when(&stamped(face), arrived, stamps, &berlin);
        assert_eq!(timed.at.start_ms, utc(expect), "{face}");
    }
}

#[test]
fn an_impossible_time_and_minutes_of_an_unknown_session_count_as_they_arrived() {
    let arrived = utc("2026-05-04T08:30:00");
    let nothing = Reading {
        time: Some(DeviceTime::Session { minutes: 5 }),
        ..Reading::default()
    };
    let timed = when(&nothing, arrived, Stamps::default(), &berlin);
    assert_eq!(timed.at.start_ms, arrived);
    assert_eq!(timed.notes["time-from"], "arrival");
    let stamps = Stamps {
        session_ms: Some(utc("2026-05-04T08:00:00")),
        ..Stamps::default()
    };
    let timed = when(&nothing, arrived, stamps, &berlin);
    assert_eq!(timed.at.start_ms, utc("2026-05-04T08:05:00"));
}

/// A clock that shows 1 January 2010 when it is read at 08:30 UTC: its battery was changed.
fn reset() -> ClockSeen {
    let seen = ("2010-01-01T00:35:00", "2026-05-04T08:30:00");
    seen_at(seen, None, berlin)
}

fn right() -> ClockSeen {
    let seen = ("2026-05-04T10:30:00", "2026-05-04T08:30:00");
    seen_at(seen, None, berlin)
}

#[test]
fn a_time_is_corrected_only_into_the_past_and_one_that_cannot_be_is_when_it_arrived() {
    let arrival = ("2026-05-04T08:30:00", Some("arrival"));
    for (why, face, clock, (expect, from)) in [
        (
            "stamped before the battery was changed",
            "2026-04-20T10:00:00",
            Some(reset()),
            ("2026-04-20T08:00:00", None),
        ),
        (
            "neither as sent nor corrected",
            "2031-01-01T00:00:00",
            Some(reset()),
            arrival,
        ),
        (
            "before the year 2000, and corrected ahead",
            "2010-01-01T03:00:00",
            Some(reset()),
            arrival,
        ),
        (
            "2010, and the clock is right now",
            "2010-01-01T00:05:00",
            Some(right()),
            arrival,
        ),
        (
            "ahead, and the clock is right now",
            "2026-05-05T10:00:00",
            Some(right()),
            arrival,
        ),
        (
            "a year ago, and the clock is right now",
            "2025-05-05T10:00:00",
            Some(right()),
            ("2025-05-05T08:00:00", None),
        ),
    ] {
        let stamps = Stamps {
            clock,
            ..Stamps::default()
        };
        let timed = when(&stamped(face), utc("2026-05-04T08:30:00"), stamps, &summer);
        assert_eq!(timed.at.start_ms, utc(expect), "{why}");
        let noted = timed.notes.get("time-from").map(String::as_str);
        assert_eq!(noted, from, "{why}");
    }
}

/// Always two hours ahead.
fn summer(_: i64) -> i16 {
    120
}

#[test]
fn a_time_whose_device_says_its_clock_is_not_set_is_not_trusted() {
    let mut reading = stamped("2026-05-04T10:00:00");
    reading.status.push("clock-not-set");
    let arrived = utc("2026-05-04T08:30:00");
    for clock in [None, Some(right())] {
        let stamps = Stamps {
            clock,
            ..Stamps::default()
        };
        let timed = when(&reading, arrived, stamps, &berlin);
        assert_eq!(timed.at.start_ms, arrived);
        assert_eq!(timed.notes["time-from"], "arrival");
    }
}

#[test]
fn a_time_that_says_how_it_stands_to_utc_needs_no_wall() {
    let since_2000 = |text: &str| (utc(text) - utc("2000-01-01T00:00:00")).unsigned_abs() / 1_000;
    let elapsed = |flags: u8, text: &str, offset: i8| Reading {
        time: Some(DeviceTime::Elapsed(Elapsed {
            flags,
            value: since_2000(text),
            source: 6,
            offset,
        })),
        ..Reading::default()
    };
    let arrived = utc("2026-05-04T08:30:00");
    for (why, flags, shown, offset, expect, zone) in [
        (
            "UTC",
            0x02,
            "2026-05-04T08:00:00",
            0,
            "2026-05-04T08:00:00",
            120,
        ),
        (
            "UTC, with its zone",
            0x12,
            "2026-05-04T08:00:00",
            -20,
            "2026-05-04T08:00:00",
            -300,
        ),
        (
            "local, with its zone",
            0x10,
            "2026-05-04T03:00:00",
            -20,
            "2026-05-04T08:00:00",
            -300,
        ),
        (
            "local, and no more",
            0x00,
            "2026-05-04T10:00:00",
            0,
            "2026-05-04T08:00:00",
            120,
        ),
    ] {
        let reading = elapsed(flags, shown, offset);
        let timed = when(&reading, arrived, Stamps::default(), &berlin);
        assert_eq!(timed.at.start_ms, utc(expect), "{why}");
        assert_eq!(timed.at.offset_min, zone, "{why}");
        assert!(timed.notes.is_empty(), "{why}");
    }
}
