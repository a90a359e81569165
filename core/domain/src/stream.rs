//! Streams: what can be granted by itself, and the keys that make it so.
//!
//! A stream is one code (a note's specialty) of one channel category, one episode or none, one
//! granularity and one calendar month. Each has its own key, so a grant of heart rate from March
//! to May is the keys of three streams and no promise of a server.
//!
//! Pure: no I/O, no clock, no randomness.

use crate::Secret32;
use chrono::{DateTime, Datelike as _};
use ring::hmac;
use std::fmt;
use std::str::FromStr;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};

/// How finely a stream shows what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Granularity {
    /// As measured.
    Raw,
    /// One record a day.
    Daily,
}

impl Granularity {
    /// The word of the signed bytes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Daily => "daily",
        }
    }

    /// From the word; None if there is no such granularity.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Raw, Self::Daily]
            .into_iter()
            .find(|granularity| granularity.name() == name)
    }
}

/// A calendar month, as `2025-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u8,
}

/// A month that is none: bad digits, or not in years 0 to 9999 and months 1 to 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month from 0000-01 to 9999-12")]
pub struct NotMonth;

impl Month {
    /// A month of years 0 to 9999.
    ///
    /// # Errors
    ///
    /// Outside of them, or no month of 1 to 12.
    pub fn new(year: i32, month: u8) -> Result<Self, NotMonth> {
        if (0..=9999).contains(&year) && (1..=12).contains(&month) {
            Ok(Self { year, month })
        } else {
            Err(NotMonth)
        }
    }

    /// The month in which a record starts, by the clock on its wearer's wall: `start_ms` UTC
    /// plus the record's own offset in minutes.
    ///
    /// # Errors
    ///
    /// A time outside years 0 to 9999.
    pub fn of(start_ms: i64, offset_min: i16) -> Result<Self, NotMonth> {
        let local = i64::from(offset_min)
            .checked_mul(MS_PER_MINUTE)
            .and_then(|offset| start_ms.checked_add(offset))
            .and_then(DateTime::from_timestamp_millis)
            .ok_or(NotMonth)?;
        let month = u8::try_from(local.month()).map_err(|_| NotMonth)?;
        Self::new(local.year(), month)
    }

    /// Year, 0 to 9999.
    pub fn year(self) -> i32 {
        self.year
    }

    /// 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The month after; None after 9999-12.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self.month {
            12 => Self::new(self.year + 1, 1).ok(),
            month => Self::new(self.year, month + 1).ok(),
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = NotMonth;

    fn from_str(text: &str) -> Result<Self, NotMonth> {
        let (year, month) = text.split_once('-').ok_or(NotMonth)?;
        let digits =
            |text: &str, len| text.len() == len && text.bytes().all(|digit| digit.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(NotMonth);
        }
        Self::new(
            year.parse().map_err(|_| NotMonth)?,
            month.parse().map_err(|_| NotMonth)?,
        )
    }
}

/// Which stream a record belongs to. Without the generation of its key: see
/// [`StreamId::descriptor`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// 1 personal data, 2 medical history, 3 insurance information.
    pub category: u8,
    /// `loinc|8867-4`; of a note its kind, of a medicine `medicine`, of an episode `episode`.
    pub code: String,
    /// The rid of the episode of treatment, if the records belong to one.
    pub episode: Option<[u8; 16]>,
    /// As measured, or one a day.
    pub granularity: Granularity,
    /// Of the effective start, in the record's own offset.
    pub month: Month,
}

impl StreamId {
    /// Names the `generation`-th key of this stream, from 0: canonical CBOR of
    /// [1, category, code, episode or null, granularity, year, month, generation].
    pub fn descriptor(&self, generation: u32) -> Vec<u8> {
        let mut out = Encoder::new();
        out.array(8)
            .uint(DESCRIPTOR_VERSION)
            .uint(u64::from(self.category))
            .text(&self.code)
            .optional_bytes(self.episode.as_ref().map(<[u8; 16]>::as_slice))
            .text(self.granularity.name())
            .int(i64::from(self.month.year))
            .uint(u64::from(self.month.month))
            .uint(u64::from(generation));
        out.finish()
    }

    /// Reads a descriptor: the stream and the generation of its key.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED_VERSION` for a newer one, `MALFORMED` or `NON_CANONICAL` else.
    pub fn from_descriptor(bytes: &[u8]) -> Result<(Self, u32), Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(8)?;
        if reader.uint()? != DESCRIPTOR_VERSION {
            return Err(Rejection::UnsupportedVersion);
        }
        let category = u8::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?;
        let code = reader.text()?.to_owned();
        let episode = reader.optional_byte_array()?;
        let granularity = Granularity::from_name(reader.text()?).ok_or(Rejection::Malformed)?;
        let year = i32::try_from(reader.int()?).map_err(|_| Rejection::Malformed)?;
        let month = u8::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?;
        let month = Month::new(year, month).map_err(|_| Rejection::Malformed)?;
        let generation = u32::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?;
        reader.finish()?;
        let id = Self {
            category,
            code,
            episode,
            granularity,
            month,
        };
        Ok((id, generation))
    }
}

impl fmt::Debug for StreamId {
    /// The category only: a code and a month say what somebody is treated for, and when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId(category {})", self.category)
    }
}

/// The key of one batch: HKDF-Expand-SHA256(stream key, "vwB1" || batch id, 32).
pub fn batch_key(stream_key: &Secret32, batch: &[u8; 16]) -> Secret32 {
    // one block of HKDF-Expand (RFC 5869, section 2.3) is one HMAC over info || 01
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, stream_key.expose()));
    mac.update(b"vwB1");
    mac.update(batch);
    mac.update(&[1]);
    let mut key = [0; 32];
    key.copy_from_slice(mac.sign().as_ref());
    Secret32::new(key)
}

/// What the AEAD of a sealed batch binds: enc([1, channel, stream key id, batch id, BR, n]).
pub fn batch_aad(
    channel: &[u8; 16],
    stream_key: &[u8; 16],
    batch: &[u8; 16],
    root: &[u8; 32],
    leaves: u32,
) -> Vec<u8> {
    let mut out = Encoder::new();
    out.array(6)
        .uint(1)
        .bytes(channel)
        .bytes(stream_key)
        .bytes(batch)
        .bytes(root)
        .uint(u64::from(leaves));
    out.finish()
}

const DESCRIPTOR_VERSION: u64 = 1;
const MS_PER_MINUTE: i64 = 60_000;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    /// 2025-03-31T23:30:00Z.
    const LATE_MARCH: i64 = 1_743_463_800_000;

    #[test]
    fn the_month_is_that_of_the_wearers_wall() {
        for (start, offset, expect) in [
            (LATE_MARCH, 0, "2025-03"),
            (LATE_MARCH, 29, "2025-03"),
            (LATE_MARCH, 30, "2025-04"),
            (LATE_MARCH, 14 * 60, "2025-04"),
            (LATE_MARCH, -12 * 60, "2025-03"),
            (0, 0, "1970-01"),
            (0, -1, "1969-12"),
            (-1, 0, "1969-12"),
            (1_709_164_800_000, 0, "2024-02"),
        ] {
            let month = Month::of(start, offset).unwrap();
            assert_eq!(month.to_string(), expect, "{start} {offset}");
            assert_eq!(expect.parse(), Ok(month));
        }
        for (start, offset) in [(i64::MAX, 0), (i64::MIN, -1), (i64::MAX, i16::MAX)] {
            assert_eq!(Month::of(start, offset), Err(NotMonth), "{start} {offset}");
        }
    }

    #[test]
    fn a_text_that_is_no_month_is_refused() {
        for text in [
            "",
            "2025",
            "2025-0",
            "2025-00",
            "2025-13",
            "+025-01",
            "2025-1 ",
            "02025-01",
            "２０２５-01",
        ] {
            assert_eq!(text.parse::<Month>(), Err(NotMonth), "{text}");
        }
    }

    #[test]
    fn december_is_followed_by_january() {
        let month: Month = "2024-12".parse().unwrap();
        assert_eq!(month.next(), "2025-01".parse().ok());
        assert_eq!("9999-12".parse::<Month>().unwrap().next(), None);
    }

    #[test]
    fn a_descriptor_gives_its_stream_back_and_nothing_else_does() {
        let id = StreamId {
            category: 1,
            code: "loinc|8867-4".into(),
            episode: Some([7; 16]),
            granularity: Granularity::Daily,
            month: "2025-03".parse().unwrap(),
        };
        let bytes = id.descriptor(3);
        assert_eq!(
            hex::encode(&bytes),
            "8801016c6c6f696e637c383836372d345007070707070707070707070707070707\
             656461696c791907e90303",
        );
        assert_eq!(StreamId::from_descriptor(&bytes), Ok((id, 3)));
        for len in 0..bytes.len() {
            assert!(StreamId::from_descriptor(&bytes[..len]).is_err(), "{len}");
        }
        let mut newer = bytes;
        newer[1] = 2;
        let refused = StreamId::from_descriptor(&newer);
        assert_eq!(refused, Err(Rejection::UnsupportedVersion));
    }

    #[test]
    fn a_batch_key_is_hkdf_expand_of_the_stream_key() {
        struct Thirty2;
        impl ring::hkdf::KeyType for Thirty2 {
            fn len(&self) -> usize {
                32
            }
        }
        let (sk, batch) = ([1; 32], [2; 16]);
        let mut expect = [0; 32];
        ring::hkdf::Prk::new_less_safe(ring::hkdf::HKDF_SHA256, &sk)
            .expand(&[b"vwB1", &batch], Thirty2)
            .unwrap()
            .fill(&mut expect)
            .unwrap();
        assert_eq!(batch_key(&Secret32::new(sk), &batch).expose(), &expect);
    }

    #[test]
    fn debug_of_a_stream_names_neither_code_nor_month() {
        let id = StreamId {
            category: 2,
            code: "oncology".into(),
            episode: None,
            granularity: Granularity::Raw,
            month: "2025-03".parse().unwrap(),
        };
        assert_eq!(format!("{id:?}"), "StreamId(category 2)");
    }
}
