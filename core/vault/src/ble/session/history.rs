//! What a device has stored: asked for by sequence number, service by service.
//!
//! [`Download`] knows the exchange on the control point. Here is decided where it begins, how far
//! it is durable, and when all must be asked for again: a device that counts nothing after the
//! cursor, and whose newest reading is numbered below it, was reset; so was one whose reading at
//! the cursor is another than the one that was taken, or is gone while later ones are there. So the
//! reading at the cursor is asked for once more with what is new.
//!
//! After 65,535 a device counts from 0 on: as long as the cursor stands there, all is asked for.
//!
//! The cursor passes a number only when that one came, or when the device, asked again, counts no
//! more than came. The memory of a generic health sensor (32-bit numbers) is not read; what it
//! sends as it is taken is.

use crate::ble::fault::{Fault, State};
use crate::ble::radio::{Characteristic, Offered};
use crate::ble::sensor::Cursor;
use crate::ble::session::Call;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use vitalwitness_domain::gatt::racp::{Answer, Download, End, Event, Filter, Outcome, Stage};
use vitalwitness_domain::gatt::{DeviceTime, Reading, uuid};

/// The downloads of one link.
#[derive(Debug, Default)]
pub(super) struct History {
    cursors: BTreeMap<u16, Cursor>,
    /// Services whose cursor holds: what it stands at came over this session.
    held: BTreeSet<u16>,
    queue: VecDeque<Characteristic>,
    current: Option<Current>,
    stores: bool,
    due: Option<Cursor>,
    missing: u32,
    missing_due: Option<u32>,
    fault: Option<Fault>,
}

#[derive(Debug)]
struct Current {
    control: Characteristic,
    download: Download,
    ask: Ask,
    write: Option<Vec<u8>>,
    /// Everything up to here came without a gap; none: that cannot be said yet.
    through: Option<u16>,
    newest: Option<u16>,
    received: u32,
    silent_at: Option<u64>,
    /// So many came, some of them beyond a gap: does the device count more?
    recount: Option<usize>,
    recounts: u8,
    explained: bool,
    /// The reading at the cursor is asked for, too: what it looked like.
    expected: Option<(u16, i64)>,
    again: Again,
    marks: BTreeMap<u16, i64>,
    /// Where it was when this download was asked for.
    began: Option<Cursor>,
    /// Values that could not be read, so that one asked for again is kept once.
    unreadable: HashSet<u64>,
}

/// The number of a stored reading.
#[derive(Debug, Clone, Copy)]
enum Numbered {
    /// Counted one by one.
    Sequence(u16),
    /// By the time it was taken at.
    Minutes(u16),
    No,
}

/// What a download is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// What is new since the cursor.
    New,
    /// The newest reading, to see whether the device began to count anew.
    Newest,
    /// All.
    All,
}

/// What became of the reading at the cursor that was asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// It did not come.
    Absent,
    /// It is the one that was taken.
    Same,
    /// It is another.
    Other,
}

impl History {
    pub(super) fn new(cursors: &[Cursor]) -> Self {
        Self {
            cursors: cursors.iter().map(|it| (it.service, *it)).collect(),
            ..Self::default()
        }
    }

    /// A link stands: every service that has a control point is asked.
    pub(super) fn begin(&mut self, offered: &[Offered]) {
        self.lost();
        self.missing = 0;
        let points = offered.iter().filter(|it| {
            it.characteristic.number == uuid::RECORD_ACCESS_CONTROL_POINT && it.writes()
        });
        let points = points.map(|it| it.characteristic);
        let (long, queue): (Vec<_>, Vec<_>) =
            points.partition(|it| it.service == uuid::HEALTH_SENSOR_SERVICE);
        self.fault = (!long.is_empty()).then_some(Fault::MemoryNotRead);
        self.queue = queue.into();
        self.stores = !self.queue.is_empty();
    }

    /// What a service counts from is another now: its numbers say nothing of the ones before.
    pub(super) fn forget(&mut self, service: u16) {
        self.cursors.remove(&service);
    }

    /// What to write next. Call only once everything that came is durable.
    pub(super) fn next(&mut self) -> Option<Call> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(bytes) = current.write.take() {
                    // a write may wait for a bond, and that for a person
                    current.silent_at = None;
                    return Some(Call::Write(current.control, bytes));
                }
                if current.explained {
                    self.complete();
                    continue;
                }
                let Stage::Ended(end) = current.download.stage() else {
                    return None;
                };
                self.ended(end);
                continue;
            }
            let Some(control) = self.queue.pop_front() else {
                self.missing_due = self.stores.then_some(self.missing);
                return None;
            };
            let cursor = self.cursor_of(control.service);
            let ask = match cursor {
                Some(cursor) if cursor.through < u16::MAX => Ask::New,
                _ => Ask::All,
            };
            self.current = Some(Current::asking(control, ask, cursor));
        }
    }

    /// Where a service stands; without a mark where nothing has to be held against it.
    fn cursor_of(&self, service: u16) -> Option<Cursor> {
        let mut cursor = *self.cursors.get(&service)?;
        if self.held.contains(&service) {
            cursor.mark = None;
        }
        Some(cursor)
    }

    /// All is there up to the newest.
    fn complete(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        let service = current.control.service;
        let through = self.cursors.get(&service).map(|it| it.through);
        let newest = current.newest.max(current.through);
        let newest = newest.max(through.filter(|_| current.ask == Ask::New));
        if let Some(newest) = newest.filter(|it| Some(*it) != through) {
            self.move_to(service, newest, current.marks.get(&newest).copied());
        }
        // the number after the last one is 0
        if current.ask == Ask::New && newest == Some(u16::MAX) {
            self.current = Some(Current::asking(current.control, Ask::All, None));
        }
    }

    fn ended(&mut self, end: End) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        let service = current.control.service;
        let cursor = self.cursor_of(service);
        if current.counts_anew() && !matches!(end, End::Lost | End::Silent) {
            self.cursors.remove(&service);
            self.current = Some(Current::asking(current.control, Ask::All, None));
            return;
        }
        if current.again == Again::Same {
            self.held.insert(service);
        }
        match (end, current.ask) {
            (End::Complete, Ask::New) if current.download.counted() == Some(0) => {
                self.current = Some(Current::asking(current.control, Ask::Newest, None));
            }
            (_, Ask::Newest) => {
                let reset = matches!((current.newest, cursor), (Some(newest), Some(cursor)) if newest < cursor.through);
                if reset {
                    self.cursors.remove(&service);
                    self.current = Some(Current::asking(current.control, Ask::All, None));
                }
            }
            (End::Complete, _) if current.is_explained() => {
                self.current = Some(current);
                self.complete();
            }
            (End::Complete, _) if current.recounts < RECOUNTS => {
                current.count_again();
                self.current = Some(current);
            }
            (End::Gap { counted, received }, _) => {
                let gap = counted.saturating_sub(received);
                self.missing += u32::try_from(gap).unwrap_or(u32::MAX);
                self.fault = Some(Fault::HistoryIncomplete);
            }
            (End::Refused(_), _) => self.fault = Some(Fault::HistoryRefused),
            (End::Complete | End::Silent | End::Lost, _) => {
                self.fault = Some(Fault::HistoryIncomplete);
            }
            _ => {}
        }
    }

    fn move_to(&mut self, service: u16, through: u16, mark: Option<i64>) {
        let cursor = Cursor {
            service,
            through,
            mark,
        };
        self.held.insert(service);
        self.cursors.insert(service, cursor);
        self.due = Some(cursor);
    }

    /// A measurement came.
    pub(super) fn heard(
        &mut self,
        service: u16,
        readings: &[Reading],
        mark: Option<i64>,
        steady_ms: u64,
    ) {
        let Some(current) = &mut self.current else {
            return;
        };
        if current.control.service != service {
            return;
        }
        current.silent_at = Some(steady_ms + SILENT_MS);
        let mut through = None;
        for reading in readings {
            // a context without its measurement would hide that one is missing
            if reading.characteristic == uuid::GLUCOSE_CONTEXT {
                continue;
            }
            let numbered = match (reading.sequence, reading.time) {
                (Some(sequence), _) => Numbered::Sequence(sequence),
                (None, Some(DeviceTime::Session { minutes })) => Numbered::Minutes(minutes),
                _ => Numbered::No,
            };
            if let (Numbered::Sequence(number), Some(mark)) = (numbered, mark) {
                current.looked(number, mark);
            }
            through = current.took(numbered, true).or(through);
        }
        if let Some(through) = through {
            self.move_to(service, through, mark);
        }
    }

    /// A value came that cannot be read: it counts as what its head says, or else each time the
    /// memory was read it would be missing. False: it came before.
    pub(super) fn heard_unreadable(
        &mut self,
        from: Characteristic,
        bytes: &[u8],
        steady_ms: u64,
    ) -> bool {
        let Some(current) = &mut self.current else {
            return true;
        };
        if current.control.service != from.service {
            return true;
        }
        current.silent_at = Some(steady_ms + SILENT_MS);
        let mut hasher = DefaultHasher::new();
        (from.number, bytes).hash(&mut hasher);
        let new = current.unreadable.insert(hasher.finish());
        let mut through = None;
        for numbered in numbers_in(from.number, bytes) {
            through = current.took(numbered, false).or(through);
        }
        if let Some(through) = through {
            self.move_to(from.service, through, None);
        }
        new
    }

    /// The control point took what was written: from now on it is waited for.
    pub(super) fn written(&mut self, steady_ms: u64) {
        if let Some(current) = &mut self.current {
            current.silent_at = Some(steady_ms + SILENT_MS);
        }
    }

    /// The control point answered.
    pub(super) fn answered(&mut self, answer: Answer) {
        let Some(current) = &mut self.current else {
            return;
        };
        let count = match answer {
            Answer::Count(count) => Some(usize::from(count)),
            Answer::Done {
                request: 4,
                outcome: Outcome::NoRecords,
            } => Some(0),
            _ => None,
        };
        let fewer = matches!((current.recount, count), (Some(came), Some(count)) if count <= came);
        if fewer && current.download.stage() == Stage::Counting {
            current.explained = true;
            return;
        }
        current.apply(Event::Answered(answer));
    }

    /// What came was not durable for a while: the wait for more begins now.
    pub(super) fn wait_anew(&mut self, steady_ms: u64) {
        if let Some(current) = &mut self.current {
            current.silent_at = current.silent_at.map(|_| steady_ms + SILENT_MS);
        }
    }

    /// Whether the device has given what it was asked for, and is asked for nothing more of it.
    pub(super) fn is_at_end(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|it| it.explained || matches!(it.download.stage(), Stage::Ended(_)))
    }

    /// Somebody wants no more: a device that still sends is told to stop.
    pub(super) fn abort(&mut self) -> Option<Call> {
        let current = self.current.as_mut()?;
        current.silent_at?; // else it has not taken the request
        current.apply(Event::Abort);
        let bytes = current.write.take()?;
        Some(Call::Write(current.control, bytes))
    }

    /// The control point cannot be written.
    pub(super) fn refused(&mut self) {
        if self.current.take().is_some() {
            self.fault = Some(Fault::HistoryRefused);
        }
    }

    /// The device was asked and says nothing.
    pub(super) fn silent(&mut self) {
        self.lost();
        self.fault = Some(Fault::HistoryIncomplete);
    }

    /// The link is gone, or silent: what is durable stays, the rest is asked for again.
    pub(super) fn lost(&mut self) {
        self.current = None;
        self.queue.clear();
    }

    /// How far is durable once what came is; told once.
    pub(super) fn cursor(&mut self) -> Option<Cursor> {
        self.due.take()
    }

    /// What was announced over this link and not given, once all was asked for; told once.
    pub(super) fn missing(&mut self) -> Option<u32> {
        self.missing_due.take()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.current.is_some()
    }

    pub(super) fn is_silent(&self, steady_ms: u64) -> bool {
        self.silent_at().is_some_and(|at| steady_ms >= at)
    }

    pub(super) fn silent_at(&self) -> Option<u64> {
        self.current.as_ref()?.silent_at
    }

    /// Whether nothing is stored that could be asked for.
    pub(super) fn is_live_only(&self) -> bool {
        !self.stores
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    pub(super) fn state(&self) -> State {
        let current = self.current.as_ref();
        let counted = current.and_then(|it| it.download.counted());
        State::History {
            received: current.map_or(0, |it| it.received),
            announced: counted.map(u32::from),
        }
    }
}

impl Current {
    fn asking(control: Characteristic, ask: Ask, cursor: Option<Cursor>) -> Self {
        let cursor = cursor.filter(|_| ask == Ask::New);
        let expected = cursor.and_then(|it| Some((it.through, it.mark?)));
        let download = match ask {
            Ask::New => Self::of_new(cursor),
            Ask::Newest => Download::new(Filter::Last),
            Ask::All => Download::new(Filter::All),
        };
        let mut current = Self {
            control,
            download,
            ask,
            write: None,
            began: cursor,
            through: cursor.map(|it| it.through),
            newest: None,
            received: 0,
            silent_at: None,
            recount: None,
            recounts: 0,
            explained: false,
            expected,
            again: Again::Absent,
            marks: BTreeMap::new(),
            unreadable: HashSet::new(),
        };
        current.apply(Event::Ask);
        current
    }

    /// What comes after the cursor; from it on where it is held against what comes.
    fn of_new(cursor: Option<Cursor>) -> Download {
        match cursor {
            Some(cursor) if cursor.mark.is_some() => Download::new(Filter::From(cursor.through)),
            other => Download::resume(other.map(|it| it.through)),
        }
    }

    /// Holds a reading against the one at the cursor.
    fn looked(&mut self, number: u16, mark: i64) {
        self.marks.insert(number, mark);
        if let Some((at, expected)) = self.expected
            && at == number
        {
            self.again = if mark == expected {
                Again::Same
            } else {
                Again::Other
            };
        }
    }

    /// Whether the device has begun to count from its start again, and passed the cursor.
    fn counts_anew(&self) -> bool {
        let some_came = self.newest.is_some();
        match self.again {
            Again::Other => true,
            Again::Absent => self.expected.is_some() && some_came,
            Again::Same => false,
        }
    }

    fn apply(&mut self, event: Event) {
        // what does not belong here changes nothing: the time limit ends what hangs
        if let Ok(next) = self.download.clone().apply(event) {
            self.write = next.write().or(self.write.take());
            self.download = next;
        }
    }

    /// Whether all numbers from where it began came, or nothing says that one is missing.
    fn is_explained(&self) -> bool {
        self.download.counted().is_none() || self.newest.is_none() || self.newest <= self.through
    }

    /// A number is missing between those that came. A reading taken meanwhile may have made up the
    /// count for one that was lost; a device that deletes has such gaps, too: its count tells.
    fn count_again(&mut self) {
        self.recount = Some(self.download.received());
        self.recounts += 1;
        self.download = match self.ask {
            // counted from where it was counted before: what came moved the cursor on
            Ask::New => Self::of_new(self.began),
            Ask::Newest | Ask::All => Download::new(Filter::All),
        };
        self.apply(Event::Ask);
    }

    /// Counts a reading in; how far all is there now, if that moved. One that cannot be read may
    /// be numbered wrongly: it does not say what the newest is.
    fn took(&mut self, numbered: Numbered, readable: bool) -> Option<u16> {
        let by_order = u16::try_from(self.received).unwrap_or(u16::MAX);
        self.received += 1;
        let number = match numbered {
            Numbered::Sequence(number) | Numbered::Minutes(number) => number,
            Numbered::No => by_order,
        };
        self.apply(Event::Record { sequence: number });
        if !matches!(numbered, Numbered::No) && readable {
            self.newest = self.newest.max(Some(number));
        }
        // only numbers that count one by one say that none is missing
        if !matches!(numbered, Numbered::Sequence(_)) || self.ask == Ask::Newest {
            return None;
        }
        // until the cursor is known to hold, what is above it may be counted anew
        if self.expected.is_some() && self.again != Again::Same {
            return None;
        }
        let first = self.ask == Ask::All && self.received == 1 && number == 0;
        let next = self
            .through
            .is_some_and(|it| it.checked_add(1) == Some(number));
        if first || next {
            self.through = Some(number);
            return self.through;
        }
        None
    }
}

/// The numbers in the head of a value that cannot be read.
fn numbers_in(number: u16, bytes: &[u8]) -> Vec<Numbered> {
    match (number, bytes) {
        // a context is no reading of its own
        (uuid::GLUCOSE_CONTEXT, _) => Vec::new(),
        (uuid::GLUCOSE_MEASUREMENT, [_, low, high, ..]) => {
            vec![Numbered::Sequence(u16::from_le_bytes([*low, *high]))]
        }
        (uuid::CGM_MEASUREMENT, _) => {
            let mut rest = bytes;
            let mut numbers = Vec::new();
            while let [size, _, _, _, low, high, ..] = rest {
                numbers.push(Numbered::Minutes(u16::from_le_bytes([*low, *high])));
                rest = rest.get(usize::from(*size).max(6)..).unwrap_or_default();
            }
            numbers
        }
        _ => vec![Numbered::No],
    }
}

/// How often a device is asked for its count because of a gap.
const RECOUNTS: u8 = 3;
/// A device that was asked and says nothing for so long has fallen silent.
const SILENT_MS: u64 = 15_000;
