//! Values brought together: parts of a split measurement, segments of a long one.
//!
//! What is whole becomes an [`Item`] with every frame it came in. What waits for its other part is
//! not durable and not counted, so a device with a memory is asked for it again; from one without
//! a memory it is kept as it is once the link ends.

use super::Item;
use crate::ble::radio::Characteristic;
use vitalwitness_domain::gatt::cadence::Ride;
use vitalwitness_domain::gatt::join::Join;
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
#[derive(Debug)]
struct Parked {
    sequence: Option<u16>,
    frame: Frame,
}

type Frame = (Characteristic, i64, Vec<u8>);

/// What a value came to.
#[derive(Debug)]
pub(super) enum Gathered {
    /// Measurements, or a value that cannot be read.
    Item(Item),
    /// Something else the device says.
    Other(Packet),
    /// A part.
    Waits,
}

impl Gather {
    /// Takes a value in that is heard at `steady_ms`, a clock that does not jump.
    pub(super) fn take(&mut self, frame: Frame, known: Known, steady_ms: u64) -> Gathered {
        let packet = match gatt::parse(frame.0.number, &frame.2, known) {
            Ok(Packet::Segment(segment)) => {
                let segments = std::mem::take(&mut self.segments);
                let (segments, whole) = segments.apply(segment, known);
                self.segments = segments;
                match whole {
                    Ok(Some(packet)) => Ok(packet),
                    Ok(None) => {
                        self.park(None, frame);
                        return Gathered::Waits;
                    }
                    Err(refused) => Err(refused),
                }
            }
            other => other,
        };
        match packet {
            Ok(Packet::Readings(readings)) => {
                let readings = readings.into_iter().map(|it| self.turned(it, steady_ms));
                let readings = readings.collect();
                self.join(readings, frame)
            }
            Ok(other) => Gathered::Other(other),
            Err(refused) => Gathered::Item(self.item(Err(refused), frame)),
        }
    }

    /// A cycling sensor sends counters: what they differ by since the reading before.
    fn turned(&mut self, reading: Reading, steady_ms: u64) -> Reading {
        let (ride, reading) = self.ride.apply(reading, steady_ms);
        self.ride = ride;
        reading
    }

    fn join(&mut self, readings: Vec<Reading>, frame: Frame) -> Gathered {
        let mut whole = Vec::new();
        let sequence = readings.first().and_then(|reading| reading.sequence);
        for reading in readings {
            let (join, joined) = std::mem::take(&mut self.join).apply(reading);
            self.join = join;
            whole.extend(joined);
        }
        if whole.is_empty() {
            self.park(sequence, frame);
            return Gathered::Waits;
        }
        Gathered::Item(self.item(Ok(whole), frame))
    }

    fn park(&mut self, sequence: Option<u16>, frame: Frame) {
        self.parked.push(Parked { sequence, frame });
        // what is never joined does not fill the memory
        if self.parked.len() > Join::MOST * 4 {
            self.parked.remove(0);
        }
    }

    /// What is whole, with the frames that waited for it.
    fn item(&mut self, says: Result<Vec<Reading>, Refused>, frame: Frame) -> Item {
        let sequences: Vec<u16> = says
            .as_ref()
            .map(|readings| readings.iter().filter_map(|it| it.sequence).collect())
            .unwrap_or_default();
        let number = frame.0.number;
        let belongs = |parked: &Parked| match parked.sequence {
            Some(sequence) => sequences.contains(&sequence),
            None => parked.frame.0.number == number,
        };
        let (mine, rest): (Vec<Parked>, Vec<Parked>) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition(belongs);
        self.parked = rest;
        let mut frames: Vec<Frame> = mine.into_iter().map(|it| it.frame).collect();
        frames.push(frame);
        Item { frames, says }
    }

    /// The link ended, or a memory gave what it has: what waits in vain. With `again`, what has a
    /// number in a memory is left out: it is asked for again.
    pub(super) fn flush(&mut self, again: bool) -> Vec<Item> {
        let waiting = std::mem::take(&mut self.join).flush();
        self.segments = Segments::default();
        let mut parked = std::mem::take(&mut self.parked);
        let mut items = Vec::new();
        for reading in waiting {
            let belongs = |it: &Parked| match it.sequence {
                Some(sequence) => reading.sequence == Some(sequence),
                None => it.frame.0.number == reading.characteristic,
            };
            let (mine, rest): (Vec<Parked>, Vec<Parked>) = parked.into_iter().partition(belongs);
            parked = rest;
            let frames: Vec<Frame> = mine.into_iter().map(|it| it.frame).collect();
            if frames.is_empty() || (again && reading.sequence.is_some()) {
                continue;
            }
            items.push(Item {
                frames,
                says: Ok(vec![reading]),
            });
        }
        // segments of a value whose end never came
        let left = parked.into_iter().filter(|it| it.sequence.is_none());
        items.extend(left.map(|it| Item {
            frames: vec![it.frame],
            says: Err(Refused::Truncated),
        }));
        items
    }
}
