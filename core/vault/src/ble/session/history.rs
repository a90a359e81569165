//! What a device has stored: asked for by sequence number, service by service.
//!
//! [`Download`] knows the exchange on the control point. Here is decided where it begins, how far
//! it is durable, and when all must be asked for again: a device that counts nothing after the
//! cursor, and whose newest reading is numbered below it, was reset.

use crate::ble::fault::{Fault, State};
use crate::ble::radio::{Characteristic, Offered};
use crate::ble::session::Call;
use std::collections::{BTreeMap, VecDeque};
use vitalwitness_domain::gatt::racp::{Answer, Download, End, Event, Filter, Stage};
use vitalwitness_domain::gatt::{DeviceTime, Reading, uuid};

/// The downloads of one link.
#[derive(Debug, Default)]
pub(super) struct History {
    cursors: BTreeMap<u16, u16>,
    queue: VecDeque<Characteristic>,
    current: Option<Current>,
    stores: bool,
    due: Option<(u16, u16)>,
    missing: u32,
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

impl History {
    pub(super) fn new(cursors: &[(u16, u16)]) -> Self {
        Self {
            cursors: cursors.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// A link stands: every service that has a control point is asked.
    pub(super) fn begin(&mut self, offered: &[Offered]) {
        self.lost();
        self.fault = None;
        let points = offered.iter().filter(|it| {
            it.characteristic.number == uuid::RECORD_ACCESS_CONTROL_POINT && it.writes()
        });
        self.queue = points.map(|it| it.characteristic).collect();
        self.stores = !self.queue.is_empty();
    }

    /// What to write next. Call only once everything that came is durable.
    pub(super) fn next(&mut self, steady_ms: u64) -> Option<Call> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(bytes) = current.write.take() {
                    current.silent_at = Some(steady_ms + SILENT_MS);
                    return Some(Call::Write(current.control, bytes));
                }
                let Stage::Ended(end) = current.download.stage() else {
                    return None;
                };
                self.ended(end);
                continue;
            }
            let control = self.queue.pop_front()?;
            let cursor = self.cursors.get(&control.service).copied();
            let ask = if cursor.is_some() { Ask::New } else { Ask::All };
            self.current = Some(Current::asking(control, ask, cursor));
        }
    }

    fn ended(&mut self, end: End) {
        let Some(current) = self.current.take() else {
            return;
        };
        let service = current.control.service;
        let cursor = self.cursors.get(&service).copied();
        match (end, current.ask) {
            (End::Complete, Ask::New) if current.download.counted() == Some(0) => {
                self.current = Some(Current::asking(current.control, Ask::Newest, None));
            }
            (_, Ask::Newest) => {
                let reset = matches!((current.newest, cursor), (Some(newest), Some(cursor)) if newest < cursor);
                if reset {
                    self.cursors.remove(&service);
                    self.current = Some(Current::asking(current.control, Ask::All, None));
                }
            }
            (End::Complete, _) => {
                let newest = current.download_newest();
                if let Some(newest) = newest.max(cursor.filter(|_| current.ask == Ask::New)) {
                    self.move_to(service, newest);
                }
            }
            (End::Gap { counted, received }, _) => {
                let gap = counted.saturating_sub(received);
                self.missing += u32::try_from(gap).unwrap_or(u32::MAX);
                self.fault = Some(Fault::HistoryIncomplete);
            }
            (End::Refused(_), _) => self.fault = Some(Fault::HistoryRefused),
            (End::Silent | End::Lost, _) => self.fault = Some(Fault::HistoryIncomplete),
            _ => {}
        }
    }

    fn move_to(&mut self, service: u16, through: u16) {
        self.cursors.insert(service, through);
        self.due = Some((service, through));
    }

    /// A measurement came.
    pub(super) fn heard(&mut self, service: u16, readings: &[Reading], steady_ms: u64) {
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
            current.received += 1;
            through = current.took(reading).or(through);
        }
        if let Some(through) = through {
            self.move_to(service, through);
        }
    }

    /// The control point answered.
    pub(super) fn answered(&mut self, answer: Answer) {
        if let Some(current) = &mut self.current {
            current.apply(Event::Answered(answer));
        }
    }

    /// Whether the device has given what it was asked for, and is asked for nothing more of it.
    pub(super) fn is_at_end(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|it| matches!(it.download.stage(), Stage::Ended(_)))
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
    pub(super) fn cursor(&mut self) -> Option<(u16, u16)> {
        self.due.take()
    }

    /// What was announced and not given; told once.
    pub(super) fn missing(&mut self) -> u32 {
        std::mem::take(&mut self.missing)
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
    fn asking(control: Characteristic, ask: Ask, cursor: Option<u16>) -> Self {
        let download = match ask {
            Ask::New => Download::resume(cursor),
            Ask::Newest => Download::new(Filter::Last),
            Ask::All => Download::new(Filter::All),
        };
        let mut current = Self {
            control,
            download,
            ask,
            write: None,
            through: cursor.filter(|_| ask == Ask::New),
            newest: None,
            received: 0,
            silent_at: None,
        };
        current.apply(Event::Ask);
        current
    }

    fn apply(&mut self, event: Event) {
        // what does not belong here changes nothing: the time limit ends what hangs
        if let Ok(next) = self.download.clone().apply(event) {
            self.write = next.write().or(self.write.take());
            self.download = next;
        }
    }

    /// Counts a reading in; how far all is there now, if that moved.
    fn took(&mut self, reading: &Reading) -> Option<u16> {
        let by_order = u16::try_from(self.received.saturating_sub(1)).unwrap_or(u16::MAX);
        let numbered = match (reading.sequence, reading.time) {
            (Some(sequence), _) => Some(sequence),
            (None, Some(DeviceTime::Session { minutes })) => Some(minutes),
            _ => None,
        };
        let sequence = numbered.unwrap_or(by_order);
        self.apply(Event::Record { sequence });
        numbered?;
        self.newest = self.newest.max(Some(sequence));
        // only numbers that count one by one say that none is missing
        reading.sequence?;
        let first = self.ask == Ask::All && self.received == 1 && sequence <= 1;
        let next = self
            .through
            .is_some_and(|it| it.checked_add(1) == Some(sequence));
        if (first || next) && self.ask != Ask::Newest {
            self.through = Some(sequence);
            return self.through;
        }
        None
    }

    fn download_newest(&self) -> Option<u16> {
        self.newest
    }
}

/// A device that was asked and says nothing for so long has fallen silent.
const SILENT_MS: u64 = 15_000;
