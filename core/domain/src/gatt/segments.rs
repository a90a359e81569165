//! Values that are longer than a packet: blood pressure records and generic health observations.
//!
//! GSS Blood Pressure Record, Segmentation Header (the health sensor's is the same): bit 0 first
//! segment, bit 1 last segment, bits 2 to 7 a counter that rolls from 63 to 0.
//!
//! | state | segment | next |
//! |---|---|---|
//! | nothing gathered | first | gathering |
//! | nothing gathered | another | refused: the beginning is missing |
//! | gathering | the next number | gathering; read whole if it is the last |
//! | gathering | first | what was gathered is given up as [`Refused::Order`]; gathering anew |
//! | gathering | another number | given up, [`Refused::Order`] |

use super::bytes::{Bytes, Flags};
use super::{Known, Packet, Refused, blood_pressure, health_sensor, uuid};
use std::fmt;

/// One part of a longer value.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// The characteristic it came in.
    pub characteristic: u16,
    /// It begins a value.
    pub first: bool,
    /// It ends a value.
    pub last: bool,
    /// 0 to 63, one more than the segment before.
    pub counter: u8,
    /// What follows the header.
    pub part: Vec<u8>,
}

/// The parts of values that have come so far, one for each connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    gathered: Vec<Segment>,
}

impl Segments {
    /// Longest value, in bytes; a longer one is refused.
    pub const LONGEST: usize = 65_536;

    /// Takes in a segment; gives what the whole value says once its last one is here.
    ///
    /// Refused, with nothing of that value gathered any more: [`Refused::Order`] if a segment is
    /// missing, [`Refused::Range`] if the value is too long, and what reading the whole says. A
    /// segment that begins a value is taken in even then: the refusal is about the one before.
    pub fn apply(
        mut self,
        segment: Segment,
        known: Known,
    ) -> (Self, Result<Option<Packet>, Refused>) {
        let place = self
            .gathered
            .iter()
            .position(|gathered| gathered.characteristic == segment.characteristic);
        let before = place.map(|at| self.gathered.remove(at));
        let joined = match before {
            None if segment.first => Ok(segment),
            None => Err(Refused::Order),
            Some(_) if segment.first => {
                self.gathered.push(segment);
                return (self, Err(Refused::Order));
            }
            Some(before) => follow(before, &segment),
        };
        match joined {
            Err(refused) => (self, Err(refused)),
            Ok(whole) if whole.last => {
                let read = read(whole.characteristic, &whole.part, known, false);
                (self, read.map(Some))
            }
            Ok(part) => {
                self.gathered.push(part);
                (self, Ok(None))
            }
        }
    }
}

/// `before` with what `next` adds.
fn follow(mut before: Segment, next: &Segment) -> Result<Segment, Refused> {
    let expected = before.counter.wrapping_add(1) & 0x3f;
    if next.counter != expected {
        return Err(Refused::Order);
    }
    // each part of a blood pressure record repeats its number and characteristic
    let part = match next.characteristic {
        uuid::BLOOD_PRESSURE_RECORD => {
            let (head, part) = next.part.split_at_checked(4).ok_or(Refused::Truncated)?;
            if before.part.get(..4) != Some(head) {
                return Err(Refused::Order);
            }
            part
        }
        _ => &next.part,
    };
    before.part.extend(part);
    if before.part.len() > Segments::LONGEST {
        return Err(Refused::Range);
    }
    before.counter = next.counter;
    before.last = next.last;
    Ok(before)
}

/// A value that begins with a segmentation header: read if it is whole, else a segment.
pub(super) fn segment(characteristic: u16, value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let header = Flags::from(bytes.u8()?);
    let part = bytes.rest();
    if part.is_empty() {
        return Err(Refused::Truncated);
    }
    let segment = Segment {
        characteristic,
        first: header.has(0),
        last: header.has(1),
        counter: u8::try_from(header.field(2, 0x3f)).unwrap_or_default(),
        part: part.to_vec(),
    };
    if segment.first && segment.last {
        // the check sum of a record in one message covers its header, too
        if characteristic == uuid::BLOOD_PRESSURE_RECORD {
            super::cgm::checked(value, known)?;
        }
        read(characteristic, part, known, true)
    } else {
        Ok(Packet::Segment(segment))
    }
}

/// `checked`: its check sum, if it has one, was.
fn read(characteristic: u16, whole: &[u8], known: Known, checked: bool) -> Result<Packet, Refused> {
    match characteristic {
        uuid::BLOOD_PRESSURE_RECORD => blood_pressure::record(whole, known, checked),
        other => health_sensor::observations(other, whole),
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field(
                "characteristic",
                &format_args!("{:04x}", self.characteristic),
            )
            .field("first", &self.first)
            .field("last", &self.last)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}
