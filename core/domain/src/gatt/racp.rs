//! Record Access Control Point (2A52): stored readings, asked for and counted.
//!
//! GSS Record Access Control Point; filters by sequence number as the Glucose Service, section
//! 3.5, defines them (filter type 1), or by time offset for CGM (section 3.6 there, the same
//! bytes). The records themselves come as notifications of another characteristic, before the
//! answer.
//!
//! [`Download`] is one download as a state machine:
//!
//! | state | event | next |
//! |---|---|---|
//! | ready | ask | counting: "how many?" is written |
//! | counting | count 0, or "no records" | ended, complete |
//! | counting | count n | receiving: "report" is written |
//! | counting, nothing asked for before | record | counting: it was taken just now, nobody asked for it |
//! | counting | refused as unsupported | receiving without a count |
//! | receiving | record | receiving |
//! | receiving | success, n arrived (or no count) | ended, complete |
//! | receiving | success, more arrived | counting again: one was taken meanwhile, and may stand for one that was lost; complete once no more are counted than arrived |
//! | receiving | success, fewer arrived | counting again, at most [`Download::TRIES`] times for the same gap and [`Download::MOST`] in all, then ended with the gap |
//! | counting, receiving | abort | aborting: "abort" is written |
//! | aborting | success | ended, aborted |
//! | any of these | silence, lost link | ended; [`Download::resume`] goes on from what is durable |
//! | ended, complete | [`Event::Erase`] with as many durable records as arrived | erasing: "delete" is written |
//!
//! Nothing is ever erased otherwise: an X4 Smart that forgets what it sent is its own doing, ours
//! keeps until told that every record is durable.

use super::bytes::Bytes;
use super::{Packet, Refused};
use std::collections::BTreeSet;

/// What a device answered on its control point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// How many records the filter meets (op code 5, or 8 after a combined report).
    Count(u16),
    /// The same of a generic health sensor, whose numbers have 32 bits.
    LongCount(u32),
    /// How a request ended (op code 6).
    Done {
        /// The op code it answers.
        request: u8,
        /// 1 is success.
        outcome: Outcome,
    },
}

/// How a request ended. GSS, Response Code Values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// 1.
    Success,
    /// 2 to 5, 9: op code, operator or operand is not supported or not valid.
    Unsupported,
    /// 6.
    NoRecords,
    /// 7.
    AbortFailed,
    /// 8.
    NotCompleted,
    /// 10.
    Busy,
    /// 0 and 11 to 255.
    Reserved(u8),
}

/// Which records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All that are stored.
    All,
    /// This sequence number (CGM: time offset) and later.
    From(u16),
    /// Up to this one.
    UpTo(u16),
    /// Both ends included.
    Between(u16, u16),
    /// The oldest.
    First,
    /// The newest.
    Last,
}

/// A question to write to the control point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Op code 1.
    Report(Filter),
    /// Op code 2: gone from the device. Only [`Download`] says when.
    Delete(Filter),
    /// Op code 3.
    Abort,
    /// Op code 4.
    Count(Filter),
}

impl Request {
    /// What to write.
    pub fn bytes(self) -> Vec<u8> {
        let (code, filter) = match self {
            Self::Report(filter) => (1, filter),
            Self::Delete(filter) => (2, filter),
            Self::Abort => return vec![3, 0],
            Self::Count(filter) => (4, filter),
        };
        let mut bytes = vec![code];
        match filter {
            Filter::All => bytes.push(1),
            Filter::UpTo(last) => {
                bytes.extend([2, BY_SEQUENCE]);
                bytes.extend(last.to_le_bytes());
            }
            Filter::From(first) => {
                bytes.extend([3, BY_SEQUENCE]);
                bytes.extend(first.to_le_bytes());
            }
            Filter::Between(first, last) => {
                bytes.extend([4, BY_SEQUENCE]);
                bytes.extend(first.to_le_bytes());
                bytes.extend(last.to_le_bytes());
            }
            Filter::First => bytes.push(5),
            Filter::Last => bytes.push(6),
        }
        bytes
    }
}

/// GSS Record Access Control Point, as indicated by the device.
pub(super) fn answer(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let code = bytes.u8()?;
    let operator = bytes.u8()?;
    let answer = match code {
        5 | 8 if bytes.len() == 4 => Answer::LongCount(bytes.u32()?),
        5 | 8 => Answer::Count(bytes.u16()?),
        6 => Answer::Done {
            request: bytes.u8()?,
            outcome: Outcome::of(bytes.u8()?),
        },
        // 1 to 4 and 7 are written to a device, never sent by one.
        _ => return Err(Refused::Reserved),
    };
    bytes.done()?;
    if operator != 0 {
        return Err(Refused::Reserved);
    }
    Ok(Packet::Answer(answer))
}

impl Outcome {
    const fn of(code: u8) -> Self {
        match code {
            1 => Self::Success,
            2..=5 | 9 => Self::Unsupported,
            6 => Self::NoRecords,
            7 => Self::AbortFailed,
            8 => Self::NotCompleted,
            10 => Self::Busy,
            other => Self::Reserved(other),
        }
    }
}

/// What happens to a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Begin.
    Ask,
    /// The device answered.
    Answered(Answer),
    /// A record came.
    Record {
        /// Its number.
        sequence: u16,
    },
    /// Stop it.
    Abort,
    /// The device was silent for longer than the caller waits.
    Silence,
    /// The link is lost.
    Lost,
    /// So many of the records that came are durable: the device may forget them.
    Erase {
        /// Distinct records of this download that are durable.
        durable: usize,
    },
}

/// Where a download stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Nothing asked yet.
    Ready,
    /// "How many?" was written.
    Counting,
    /// "Report" was written; records come.
    Receiving,
    /// "Abort" was written.
    Aborting,
    /// "Delete" was written.
    Erasing,
    /// It ended.
    Ended(End),
}

/// How a download ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Everything the device counted arrived.
    Complete,
    /// Asked again as often as allowed, and still fewer came than were counted.
    Gap {
        /// What the device counted.
        counted: usize,
        /// What came.
        received: usize,
    },
    /// As asked.
    Aborted,
    /// The device fell silent; go on later.
    Silent,
    /// The link was lost; go on later.
    Lost,
    /// The device refused.
    Refused(Outcome),
    /// Everything arrived, is durable, and the device forgot it.
    Erased,
}

/// One download of stored records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    filter: Filter,
    stage: Stage,
    counted: Option<u16>,
    received: BTreeSet<u16>,
    /// Askings in all.
    asked: u8,
    /// Askings since the last record that was new, the one that brought it included.
    tries: u8,
    /// How many different records had come when it was last counted.
    came: usize,
    /// More came than was counted: is that all there is?
    checking: bool,
    write: Option<Request>,
}

impl Download {
    /// How often a gap is asked for that does not get smaller, the asking that found it included.
    pub const TRIES: u8 = 3;

    /// How often a download with a gap is asked for in all.
    pub const MOST: u8 = 20;

    /// A download of what `filter` meets; [`Filter::From`] the number after the newest durable
    /// record goes on where the last one ended.
    pub const fn new(filter: Filter) -> Self {
        Self {
            filter,
            stage: Stage::Ready,
            counted: None,
            received: BTreeSet::new(),
            asked: 0,
            tries: 0,
            came: 0,
            checking: false,
            write: None,
        }
    }

    /// A new download after the newest record that is durable; all records where none is.
    ///
    /// Sequence numbers wrap at 65,536: after a wrap the oldest number asked for is above all that
    /// is stored, the count is 0, and the caller asks for all and drops what it has.
    pub fn resume(newest_durable: Option<u16>) -> Self {
        Self::new(
            match newest_durable.and_then(|newest| newest.checked_add(1)) {
                Some(next) => Filter::From(next),
                None => Filter::All,
            },
        )
    }

    /// Where it stands.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// What to write to the control point after the last event, if anything.
    pub fn write(&self) -> Option<Vec<u8>> {
        self.write.map(Request::bytes)
    }

    /// What the device counted, where it counts.
    pub const fn counted(&self) -> Option<u16> {
        self.counted
    }

    /// How many different records came.
    pub fn received(&self) -> usize {
        self.received.len()
    }

    /// The state after `event`.
    ///
    /// # Errors
    ///
    /// [`Refused::Order`] if the event does not belong where the download stands; the caller keeps
    /// its state. Records are welcome at any time: a device may send the last of them late.
    pub fn apply(self, event: Event) -> Result<Self, Refused> {
        use Stage::{Aborting, Counting, Ended, Erasing, Ready, Receiving};
        let mut next = Self {
            write: None,
            ..self
        };
        match (next.stage, event) {
            (stage, Event::Record { sequence }) => {
                // what comes before anything was asked for was taken just now: it stands for
                // nothing that is stored
                let asked = stage != Ready && (stage != Counting || next.asked > 1);
                if asked {
                    next.received.insert(sequence);
                }
            }
            // an end stays an end; a report may end before the abort is seen
            (Ended(_), Event::Silence | Event::Lost)
            | (Aborting, Event::Answered(Answer::Done { request: 1, .. } | Answer::Count(_))) => {}
            (_, Event::Silence) => next.stage = Ended(End::Silent),
            (_, Event::Lost) => next.stage = Ended(End::Lost),
            (Ready, Event::Ask) => next.count(),
            (Counting | Receiving, Event::Abort) => {
                next.stage = Aborting;
                next.write = Some(Request::Abort);
            }
            (Counting, Event::Answered(answer)) => next.counted_as(answer)?,
            (
                Receiving,
                Event::Answered(Answer::Done {
                    request: 1,
                    outcome,
                }),
            ) => {
                next.reported(outcome);
            }
            (
                Aborting,
                Event::Answered(Answer::Done {
                    request: 3,
                    outcome,
                }),
            ) => {
                next.stage = Ended(match outcome {
                    Outcome::Success | Outcome::AbortFailed => End::Aborted,
                    other => End::Refused(other),
                });
            }
            (Ended(End::Complete), Event::Erase { durable }) => {
                if durable != next.received.len() || durable == 0 {
                    return Err(Refused::Order);
                }
                let filter = next.erasable().ok_or(Refused::Order)?;
                next.stage = Erasing;
                next.write = Some(Request::Delete(filter));
            }
            (
                Erasing,
                Event::Answered(Answer::Done {
                    request: 2,
                    outcome,
                }),
            ) => {
                next.stage = Ended(match outcome {
                    Outcome::Success | Outcome::NoRecords => End::Erased,
                    other => End::Refused(other),
                });
            }
            _ => return Err(Refused::Order),
        }
        Ok(next)
    }

    fn count(&mut self) {
        self.stage = Stage::Counting;
        self.write = Some(Request::Count(self.filter));
        self.asked = self.asked.saturating_add(1);
        self.tries = self.tries.saturating_add(1);
        self.came = self.received.len();
    }

    /// Whether a gap is asked for once more: a slow taker loses a part of each report, and another
    /// part each time.
    fn goes_on(&mut self) -> bool {
        if self.received.len() > self.came {
            self.tries = 1;
        }
        self.tries < Self::TRIES && self.asked < Self::MOST
    }

    fn counted_as(&mut self, answer: Answer) -> Result<(), Refused> {
        match answer {
            Answer::Count(0)
            | Answer::Done {
                request: 4,
                outcome: Outcome::NoRecords,
            } => {
                self.counted = Some(0);
                self.stage = Stage::Ended(End::Complete);
            }
            Answer::Count(count) => {
                self.counted = Some(count);
                if self.checking && self.received.len() >= usize::from(count) {
                    self.stage = Stage::Ended(End::Complete);
                } else {
                    self.report();
                }
            }
            Answer::Done {
                request: 4,
                outcome: Outcome::Unsupported,
            } => self.report(),
            Answer::Done {
                request: 4,
                outcome,
            } => self.stage = Stage::Ended(End::Refused(outcome)),
            Answer::Done { .. } | Answer::LongCount(_) => return Err(Refused::Order),
        }
        Ok(())
    }

    fn report(&mut self) {
        self.stage = Stage::Receiving;
        self.write = Some(Request::Report(self.filter));
    }

    fn reported(&mut self, outcome: Outcome) {
        let received = self.received.len();
        let counted = self.counted.map_or(received, usize::from);
        match outcome {
            Outcome::Success if received > counted && self.goes_on() => {
                self.count();
                self.checking = true;
            }
            Outcome::Success if received >= counted => self.stage = Stage::Ended(End::Complete),
            Outcome::Success if self.goes_on() => self.count(),
            Outcome::Success => self.stage = Stage::Ended(End::Gap { counted, received }),
            Outcome::NoRecords if counted == 0 => self.stage = Stage::Ended(End::Complete),
            other => self.stage = Stage::Ended(End::Refused(other)),
        }
    }

    /// Exactly what came, so that what was measured meanwhile stays. None across a wrap of the
    /// numbers, where a range from the least to the most would take in what is new.
    fn erasable(&self) -> Option<Filter> {
        let (first, last) = (*self.received.first()?, *self.received.last()?);
        (last.abs_diff(first) < 0x8000).then_some(Filter::Between(first, last))
    }
}

/// Filter type 1 of the Glucose Service; CGM's time offset has the same number.
const BY_SEQUENCE: u8 = 1;
