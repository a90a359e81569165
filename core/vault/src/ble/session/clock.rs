//! Clocks of devices, as their bytes say.

use vitalwitness_domain::gatt::DeviceTime;

/// What a clock shows, ms since 1970 as if it were UTC (GSS Current Time, Date Time).
pub(super) fn clock_face(bytes: &[u8]) -> Option<i64> {
    let [low, high, month, day, hour, minute, second, rest @ ..] = bytes else {
        return None;
    };
    let time = DeviceTime::Calendar {
        year: u16::from_le_bytes([*low, *high]),
        month: *month,
        day: *day,
        hour: *hour,
        minute: *minute,
        second: *second,
    };
    let parts = rest.get(1).map_or(0, |parts| i64::from(*parts));
    Some(time.face_ms()? + parts * 1_000 / 256)
}

/// GSS CGM Session Start Time: a date time, a zone in quarters of an hour, summer time likewise.
pub(super) fn session_start(bytes: &[u8], offset_min: i16) -> Option<i64> {
    let face = clock_face(bytes.get(..7)?)?;
    let zone = bytes.get(7).map(|it| i8::from_le_bytes([*it]));
    let summer = bytes.get(8).copied();
    let minutes = match (zone, summer) {
        (Some(zone @ -48..=56), Some(summer @ 0..=8)) => {
            i64::from(zone) * 15 + i64::from(summer) * 15
        }
        (Some(zone @ -48..=56), _) => i64::from(zone) * 15,
        _ => i64::from(offset_min),
    };
    Some(face - minutes * 60_000)
}
