//! A fake transport: one device, scripted, and a clock that the tests' own waiting moves.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use vitalwitness_vault::ble::{
    Characteristic, Event, Found, Inbox, Link, Offered, Pending, Radio, RadioError, Value,
};
use vitalwitness_vault::clock::Clock;

pub(crate) const ADDRESS: &str = "F0:0D:BE:EF:00:01";
pub(crate) const READ: u8 = 0x02;
pub(crate) const WRITE: u8 = 0x08;
pub(crate) const INDICATE: u8 = 0x20;
pub(crate) const NOTIFY: u8 = 0x10;

/// Time as tokio tells it: stands still while work is done, jumps when all wait.
#[derive(Debug)]
pub(crate) struct WaitedClock {
    start: tokio::time::Instant,
    wall_ms: i64,
}

impl WaitedClock {
    pub(crate) fn at(wall_ms: i64) -> Arc<Self> {
        Arc::new(Self {
            start: tokio::time::Instant::now(),
            wall_ms,
        })
    }
}

impl Clock for WaitedClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms + i64::try_from(self.monotonic_ms()).unwrap()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap()
    }
}

/// What bonding does to the link; a broken one is told before the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bonding {
    #[default]
    Answers,
    BreaksAndAnswers,
    Breaks,
}

/// What the device does when it is asked.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) offered: BTreeMap<(u16, u16), u8>,
    pub(crate) values: BTreeMap<u16, Vec<u8>>,
    /// Pushed when this characteristic is subscribed; each link takes one list, and breaks after it
    /// while there are more.
    pub(crate) streams: BTreeMap<u16, VecDeque<Vec<Vec<u8>>>>,
    /// Stored readings of a service: sequence, characteristic, bytes.
    pub(crate) memory: Vec<(u16, u16, Vec<u8>)>,
    /// Of the records the memory sends next, those at these places (from 0) are lost on the way.
    pub(crate) lose: Vec<usize>,
    /// The link breaks after so many records of the next report.
    pub(crate) break_after: Option<usize>,
    /// A person stops it after so many records of a report, in the middle of which it stays.
    pub(crate) stop_after: Option<usize>,
    /// How the next connects go.
    pub(crate) connects: VecDeque<Result<(), RadioError>>,
    /// These need a bond.
    pub(crate) secured: Vec<u16>,
    pub(crate) bonds: VecDeque<Result<(), RadioError>>,
    pub(crate) bonding: Bonding,
    /// How the next writes to a characteristic go.
    pub(crate) writes: BTreeMap<u16, VecDeque<RadioError>>,
    pub(crate) bonded: bool,
    /// So many bonds that the system keeps are forgotten by the device.
    pub(crate) lost_bonds: usize,
    /// These are refused as if they needed a bond, also with one.
    pub(crate) closed: Vec<u16>,
    /// A reading that is taken while the next report is sent.
    pub(crate) meanwhile: Option<(u16, u16, Vec<u8>)>,
    /// A reading that is told as it is taken, before the memory is counted, and that it does not keep.
    pub(crate) before_report: Option<(u16, u16, Vec<u8>)>,
    /// The control point answers so many reports and then only counts.
    pub(crate) reports: Option<usize>,
    /// So many links break as soon as a value is read.
    pub(crate) drops: usize,
    /// A write of the control point ends only after so long.
    pub(crate) slow_write: Option<std::time::Duration>,
    pub(crate) linked: bool,
    /// What was called, in order.
    pub(crate) calls: Vec<String>,
    /// What was written, in order.
    pub(crate) written: Vec<(u16, Vec<u8>)>,
    /// After so many requests the control point falls silent.
    pub(crate) silent_after: Option<usize>,
    /// A person stops it once a stream or a report is sent.
    pub(crate) stop: bool,
}

/// The radio of the tests.
#[derive(Clone)]
pub(crate) struct FakeRadio {
    pub(crate) inbox: Inbox,
    script: Arc<Mutex<Script>>,
    clock: Arc<WaitedClock>,
}

impl FakeRadio {
    pub(crate) fn new(clock: &Arc<WaitedClock>, script: Script) -> Self {
        Self {
            inbox: Inbox::new(),
            script: Arc::new(Mutex::new(script)),
            clock: clock.clone(),
        }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn push(&self, service: u16, number: u16, bytes: Vec<u8>) {
        self.inbox.on_event(Event::Notification(Value {
            peripheral: ADDRESS.into(),
            from: Characteristic { service, number },
            bytes,
            at_ms: self.clock.now_ms(),
        }));
    }

    fn tell(&self, event: fn(String) -> Event) {
        self.inbox.on_event(event(ADDRESS.into()));
    }

    fn break_link(&self, script: &mut Script) {
        script.linked = false;
        self.tell(|peripheral| Event::Disconnected { peripheral });
    }

    /// A control point is written: the memory answers.
    fn asked(&self, service: u16, request: &[u8], script: &mut Script) {
        let word = |at: usize| u16::from_le_bytes([request[at], request[at + 1]]);
        let fits = |sequence: u16| match request[1] {
            0 | 1 => true,
            3 => sequence >= word(3),
            4 => (word(3)..=word(5)).contains(&sequence),
            6 => script.memory.iter().map(|it| it.0).max() == Some(sequence),
            other => panic!("operator {other}"),
        };
        let fitting: Vec<_> = script
            .memory
            .iter()
            .filter(|it| fits(it.0))
            .cloned()
            .collect();
        let mut measured = fitting.clone();
        measured.retain(|it| it.1 != 0x2A34);
        let answer = match request[0] {
            4 => {
                if let Some((_, number, bytes)) = script.before_report.take() {
                    self.push(service, number, bytes);
                }
                let count = u16::try_from(measured.len()).unwrap().to_le_bytes();
                vec![5, 0, count[0], count[1]]
            }
            3 => vec![6, 0, 3, 1],
            1 if script.reports == Some(0) => return,
            1 if fitting.is_empty() => vec![6, 0, 1, 6],
            1 => {
                let lose = std::mem::take(&mut script.lose);
                let until = script.break_after.take();
                for (place, (_, number, bytes)) in fitting.into_iter().enumerate() {
                    if until == Some(place) {
                        return self.break_link(script);
                    }
                    if script.stop_after == Some(place) {
                        return self.tell(|peripheral| Event::Stop { peripheral });
                    }
                    if !lose.contains(&place) {
                        self.push(service, number, bytes);
                    }
                }
                if let Some((sequence, number, bytes)) = script.meanwhile.take() {
                    self.push(service, number, bytes.clone());
                    script.memory.push((sequence, number, bytes));
                }
                vec![6, 0, 1, 1]
            }
            other => panic!("op code {other}: the memory of a device is read, never changed"),
        };
        self.push(service, 0x2A52, answer);
    }
}

impl Radio for FakeRadio {
    fn scan(&self, _services: Vec<u16>) -> Pending<'_, ()> {
        self.inbox.on_event(Event::Found(Found {
            peripheral: ADDRESS.into(),
            name: Some("Strap".into()),
            services: vec![0x180D],
            rssi: Some(-60),
        }));
        done(Ok(()))
    }

    fn stop_scan(&self) -> Pending<'_, ()> {
        done(Ok(()))
    }

    fn connect(&self, _peripheral: String) -> Pending<'_, Link> {
        let mut script = self.script();
        script.calls.push("connect".into());
        let result = script.connects.pop_front().unwrap_or(Ok(()));
        script.linked = result.is_ok();
        let offered = script.offered.iter();
        let offered = offered.map(|((service, number), properties)| Offered {
            characteristic: Characteristic {
                service: *service,
                number: *number,
            },
            properties: *properties,
        });
        let link = Link {
            offered: offered.collect(),
            bonded: script.bonded,
        };
        done(result.map(|()| link))
    }

    fn bond(&self, _peripheral: String) -> Pending<'_, ()> {
        let mut script = self.script();
        script.calls.push("bond".into());
        let result = script.bonds.pop_front().unwrap_or(Ok(()));
        script.bonded |= result.is_ok();
        let bonding = script.bonding;
        if bonding != Bonding::Answers {
            self.break_link(&mut script);
        }
        Box::pin(async move {
            tokio::task::yield_now().await;
            if bonding == Bonding::Breaks {
                std::future::pending::<()>().await;
            }
            result
        })
    }

    fn unbond(&self, _peripheral: String) -> Pending<'_, ()> {
        let mut script = self.script();
        script.calls.push("unbond".into());
        (script.bonded, script.lost_bonds) = (false, 0);
        self.break_link(&mut script);
        done(Ok(()))
    }

    fn read(&self, _peripheral: String, from: Characteristic) -> Pending<'_, Vec<u8>> {
        let mut script = self.script();
        script.calls.push(format!("read {:04x}", from.number));
        if script.drops > 0 {
            script.drops -= 1;
            self.break_link(&mut script);
        }
        if let Some(error) = script.refuses(from.number) {
            return done(Err(error));
        }
        let value = script.values.get(&from.number).cloned();
        let value = value.ok_or(RadioError::NotOffered);
        drop(script);
        // as BlueZ does it: a read comes back as if it were told
        if let Ok(bytes) = &value {
            self.push(from.service, from.number, bytes.clone());
        }
        done(value)
    }

    fn write(&self, _peripheral: String, to: Characteristic, bytes: Vec<u8>) -> Pending<'_, ()> {
        let mut script = self.script();
        script.calls.push(format!("write {:04x}", to.number));
        if let Some(error) = script.refuses(to.number) {
            return done(Err(error));
        }
        if let Some(error) = script
            .writes
            .get_mut(&to.number)
            .and_then(VecDeque::pop_front)
        {
            if error == RadioError::Unreachable {
                self.break_link(&mut script);
            }
            return done(Err(error));
        }
        script.written.push((to.number, bytes.clone()));
        if to.number == 0x2A52 {
            self.push(to.service, to.number, bytes.clone());
            if let Some(slow) = script.slow_write.take() {
                drop(script);
                return Box::pin(async move {
                    tokio::time::sleep_until(tokio::time::Instant::now() + slow).await;
                    self.asked(to.service, &bytes, &mut self.script());
                    Ok(())
                });
            }
            let requests = script.written.iter().filter(|(to, _)| *to == 0x2A52);
            if script
                .silent_after
                .is_none_or(|after| requests.count() <= after)
            {
                self.asked(to.service, &bytes, &mut script);
            }
        }
        done(Ok(()))
    }

    fn subscribe(&self, _peripheral: String, to: Characteristic) -> Pending<'_, ()> {
        let mut script = self.script();
        script.calls.push(format!("subscribe {:04x}", to.number));
        if let Some(error) = script.refuses(to.number) {
            return done(Err(error));
        }
        let streams = script.streams.get_mut(&to.number);
        let Some(values) = streams.and_then(VecDeque::pop_front) else {
            return done(Ok(()));
        };
        for bytes in values {
            self.push(to.service, to.number, bytes);
        }
        let more = script.streams.values().any(|lists| !lists.is_empty());
        if more {
            self.break_link(&mut script);
        }
        if !more && script.stop {
            self.tell(|peripheral| Event::Stop { peripheral });
        }
        done(Ok(()))
    }

    fn disconnect(&self, _peripheral: String) -> Pending<'_, ()> {
        let mut script = self.script();
        script.calls.push("disconnect".into());
        script.linked = false;
        done(Ok(()))
    }
}

impl Script {
    fn refuses(&self, number: u16) -> Option<RadioError> {
        if !self.linked {
            return Some(RadioError::Unreachable);
        }
        let secured = self.secured.contains(&number) && (!self.bonded || self.lost_bonds > 0);
        let secured = secured || self.closed.contains(&number);
        secured.then_some(RadioError::NeedsBonding)
    }
}

impl fmt::Debug for FakeRadio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeRadio")
    }
}

fn done<'a, T: Send + 'a>(result: Result<T, RadioError>) -> Pending<'a, T> {
    Box::pin(std::future::ready(result))
}
