//! Values brought together: parts of a split measurement, segments of a long one.
//!
//! What is whole becomes an [`Item`] with every frame it came in. What waits for its other part is
//! not durable and not counted, so a device with a memory is asked for it again; from one without
//! a memory it is kept as it is once the link ends.

use super::Item;
use crate::ble::radio::Characteristic;
use std::fmt;
use vitalwitness_domain::gatt::cadence::Ride;
use vitalwitness_domain::gatt::join::{INCOMPLETE, Join};
use vitalwitness_domain::gatt::segments::Segments;
use vitalwitness_domain::gatt::{self, Known, Packet, Reading, Refused};

/// What waits for its other parts, over one link.
#[derive(Debug, Default)]
pub(super) struct Gather {
    join: Join,
    segments: Segments,
    ride: Ride,
    parked: Vec<Parked>,
}

/// A frame whose reading is not whole yet.
struct Parked {
    sequence: Option<u16>,
    frame: Frame,
}

type Frame = (Characteristic, i64, Vec<u8>);

/// What a value came to.
#[derive(Debug)]
pub(super) enum Gathered {
    /// Measurements, or values that cannot be read; none: it is a part, and waits.
    Items(Vec<Item>),
    /// Something else the device says.
    Other(Packet),
}

impl Gather {
    /// Takes a value in that is heard at `steady_ms`, a clock that does not jump.
    pub(super) fn take(&mut self, frame: Frame, known: Known, steady_ms: u64) -> Gathered {
        let packet = match gatt::parse(frame.0.number, &frame.2, known) {
            Ok(Packet::Segment(segment)) => {
                let begins = segment.first;
                let segments = std::mem::take(&mut self.segments);
                let (segments, whole) = segments.apply(segment, known);
                self.segments = segments;
                match whole {
                    Ok(Some(packet)) => Ok(packet),
                    Ok(None) => {
                        self.park(None, frame);
                        return Gathered::Items(Vec::new());
                    }
                    Err(refused) => {
                        let mut frames = self.unpark(&[], frame.0.number);
                        if begins && !frames.is_empty() {
                            // the one before is refused, this one has begun
                            self.park(None, frame);
                        } else {
                            frames.push(frame);
                        }
                        let says = Err(refused);
                        return Gathered::Items(vec![Item { frames, says }]);
                    }
                }
            }
            other => other,
        };
        match packet {
            Ok(Packet::Readings(readings)) => {
                let readings = readings.into_iter().map(|it| self.turned(it, steady_ms));
                let readings = readings.collect();
                Gathered::Items(self.join(readings, frame))
            }
            Ok(other) => Gathered::Other(other),
            Err(refused) => Gathered::Items(vec![Item {
                frames: vec![frame],
                says: Err(refused),
            }]),
        }
    }

    /// A cycling sensor sends counters: what they differ by since the reading before.
    fn turned(&mut self, reading: Reading, steady_ms: u64) -> Reading {
        let (ride, reading) = self.ride.apply(reading, steady_ms);
        self.ride = ride;
        reading
    }

    fn join(&mut self, readings: Vec<Reading>, frame: Frame) -> Vec<Item> {
        let sequence = readings.first().and_then(|reading| reading.sequence);
        let mut whole = Vec::new();
        let mut items = Vec::new();
        for reading in readings {
            let (join, joined) = std::mem::take(&mut self.join).apply(reading);
            self.join = join;
            for reading in joined {
                if !reading.status.contains(&INCOMPLETE) {
                    whole.push(reading);
                    continue;
                }
                // given up for what came now, which may be another person's
                let sequences: Vec<u16> = reading.sequence.into_iter().collect();
                let mut frames = self.unpark(&sequences, reading.characteristic);
                if frames.is_empty() {
                    frames.push(frame.clone());
                }
                let says = Ok(vec![reading]);
                items.push(Item { frames, says });
            }
        }
        if whole.is_empty() {
            self.park(sequence, frame);
        } else {
            let sequences: Vec<u16> = whole.iter().filter_map(|it| it.sequence).collect();
            let mut frames = self.unpark(&sequences, frame.0.number);
            frames.push(frame);
            let says = Ok(whole);
            items.push(Item { frames, says });
        }
        items
    }

    fn park(&mut self, sequence: Option<u16>, frame: Frame) {
        self.parked.push(Parked { sequence, frame });
        // what is never joined does not fill the memory
        if self.parked.len() > Join::MOST * 4 {
            self.parked.remove(0);
        }
    }

    /// The frames that waited for readings of these numbers, or, without a number, of this
    /// characteristic.
    fn unpark(&mut self, sequences: &[u16], number: u16) -> Vec<Frame> {
        let belongs = |parked: &Parked| match parked.sequence {
            Some(sequence) => sequences.contains(&sequence),
            None => parked.frame.0.number == number,
        };
        let (mine, rest): (Vec<Parked>, Vec<Parked>) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition(belongs);
        self.parked = rest;
        mine.into_iter().map(|it| it.frame).collect()
    }

    /// The link ended, or a memory gave what it has: what waits in vain. With `again`, what has a
    /// number in a memory is left out: it is asked for again.
    pub(super) fn flush(&mut self, again: bool) -> Vec<Item> {
        let waiting = std::mem::take(&mut self.join).flush();
        self.segments = Segments::default();
        let mut items = Vec::new();
        for reading in waiting {
            let sequences: Vec<u16> = reading.sequence.into_iter().collect();
            let frames = self.unpark(&sequences, reading.characteristic);
            if frames.is_empty() || (again && reading.sequence.is_some()) {
                continue;
            }
            items.push(Item {
                frames,
                says: Ok(vec![reading]),
            });
        }
        // segments of a value whose end never came
        let left = std::mem::take(&mut self.parked);
        let left = left.into_iter().filter(|it| it.sequence.is_none());
        items.extend(left.map(|it| Item {
            frames: vec![it.frame],
            says: Err(Refused::Truncated),
        }));
        items
    }
}

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parked({:04x}, ..)", self.frame.0.number)
    }
}
