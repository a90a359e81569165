//! The machine itself; its table stands in the module above.

mod facts;
mod failing;
mod holding;

use super::gather::{Gather, Gathered};
use super::history::History;
use super::numbers::{MEASURED, STREAMS};
use super::{Answer, Bond, Call, Command, Goal, Input, Item, Learned, Now, Plan};
use crate::ble::fault::{Fault, State};
use crate::ble::radio::{Characteristic, Offered};
use holding::Held;
use ring::digest::{SHA256, digest};
use std::collections::VecDeque;
use std::fmt;
use vitalwitness_domain::gatt::{Known, Packet, uuid};

/// A session with one device.
pub struct Session {
    plan: Plan,
    phase: Phase,
    offered: Vec<Offered>,
    learned: Learned,
    known: Known,
    counts_from_ms: Option<i64>,
    todo: VecDeque<Call>,
    doing: Option<(Call, u64)>,
    bonding: Bonding,
    subscribed: usize,
    arrived: Vec<Item>,
    held: Option<Held>,
    new_readings: u64,
    gather: Gather,
    history: History,
    clock_due: bool,
    tries: u32,
    silences: u32,
    heard_ms: u64,
    told: Option<State>,
    ending: Option<Ending>,
}

/// How far bonding is.
#[derive(Debug, Clone, Copy, Default)]
struct Bonding {
    /// Asked for over this link.
    tried: bool,
    /// The bond that the system kept was removed.
    removed: bool,
    /// The link went while the bond was made: its answer may say why.
    gone: bool,
}

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    AsAsked,
    Because(Fault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Away { until: u64 },
    Linking,
    Preparing,
    Listening,
    Remembering,
    Settling,
    Live,
    Leaving,
    Ended,
}

impl Session {
    /// A session that begins with [`Input::Begin`].
    pub fn new(plan: Plan) -> Self {
        let mut known = Known::default();
        known.plain_integers = plan.plain_integers;
        let history = History::new(&plan.cursors);
        Self {
            plan,
            phase: Phase::Away { until: 0 },
            offered: Vec::new(),
            learned: Learned::default(),
            known,
            counts_from_ms: None,
            todo: VecDeque::new(),
            doing: None,
            bonding: Bonding::default(),
            subscribed: 0,
            arrived: Vec::new(),
            held: None,
            new_readings: 0,
            gather: Gather::default(),
            history,
            clock_due: false,
            tries: 0,
            silences: 0,
            heard_ms: 0,
            told: None,
            ending: None,
        }
    }

    /// Whether it is over; nothing that happens then does anything.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Why it stopped, if it did not end as asked.
    pub fn fault(&self) -> Option<Fault> {
        match self.ending {
            Some(Ending::Because(fault)) => Some(fault),
            _ => None,
        }
    }

    /// What the device said of itself.
    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    /// Takes what happened, and says what to do.
    pub fn on(&mut self, input: Input, now: Now) -> Vec<Command> {
        let mut out = Vec::new();
        if self.is_over() {
            return out;
        }
        match input {
            Input::Begin => self.link(&mut out),
            Input::Done(answer) => self.done(answer, now, &mut out),
            Input::Failed(error) => self.failed(error, now, &mut out),
            Input::Value { from, bytes, at_ms } => self.value(from, bytes, at_ms, now, &mut out),
            Input::Lost => match &mut self.doing {
                // a device that is given other digits leaves, and both are told in either order
                Some((Call::Bond, until)) => {
                    self.bonding.gone = true;
                    *until = (*until).min(now.steady_ms + WHY_MS);
                }
                _ => self.lost(Fault::OutOfRange, now, &mut out),
            },
            Input::Off => self.end(Some(Fault::RadioOff)),
            Input::Kept { kept, unclaimed } => self.kept(kept, unclaimed, now, &mut out),
            Input::NotKept { full } => self.not_kept(full, now, &mut out),
            Input::Tick => self.tick(now, &mut out),
            Input::Stop => self.end(None),
        }
        self.go_on(now, &mut out);
        out
    }

    fn link(&mut self, out: &mut Vec<Command>) {
        self.phase = Phase::Linking;
        self.todo.clear();
        self.todo.push_back(Call::Connect);
        self.show(State::Connecting, out);
    }

    /// What is due, once what happened was taken in.
    fn go_on(&mut self, now: Now, out: &mut Vec<Command>) {
        self.keep(now, out);
        if self.doing.is_none() {
            while self.todo.is_empty() && self.held.is_none() {
                let before = self.phase;
                self.advance(now, out);
                self.keep(now, out);
                if self.phase == before || self.is_over() {
                    break;
                }
            }
            if let Some(call) = self.todo.pop_front() {
                if call == Call::Bond {
                    self.bonding.tried = true;
                    self.show(State::Bonding, out);
                }
                self.doing = Some((call.clone(), now.steady_ms + CALL_MS));
                out.push(Command::Call(call));
            }
        }
        if let Some(at) = self.wake_at() {
            out.push(Command::WakeAt(at));
        }
    }

    /// The next step, when the one before is done.
    fn advance(&mut self, now: Now, out: &mut Vec<Command>) {
        match self.phase {
            Phase::Linking => {
                self.phase = Phase::Preparing;
                self.show(State::Preparing, out);
                self.prepare();
            }
            Phase::Preparing => {
                out.push(Command::Learn(self.learned.clone()));
                if self.plan.goal == Goal::Meet {
                    let nothing = !self.offered.iter().copied().any(is_measured);
                    return self.end(nothing.then_some(Fault::NothingToRead));
                }
                // what is listened to is acknowledged, and may then be gone from the device
                if self.plan.user_unsaid && self.learned.about.several_users {
                    return self.end(Some(Fault::WhichUser));
                }
                self.phase = Phase::Listening;
                self.listen();
            }
            Phase::Listening if self.subscribed == 0 => {
                self.end(Some(Fault::NothingToRead));
            }
            Phase::Listening => {
                self.phase = Phase::Remembering;
                self.history.begin(&self.offered);
            }
            Phase::Remembering => self.remember(now, out),
            Phase::Settling => {
                let fault = self.history.fault();
                let asked = fault.is_some() || !self.history.is_live_only();
                if self.plan.goal == Goal::History && asked {
                    return self.end(fault);
                }
                self.phase = Phase::Live;
                self.heard_ms = now.steady_ms;
                if let Some(fault) = fault {
                    self.show(
                        State::Waiting {
                            again_in_ms: 0,
                            because: fault,
                        },
                        out,
                    );
                }
                self.show(State::Live, out);
            }
            Phase::Leaving => {
                self.phase = Phase::Ended;
                let state = match self.fault() {
                    Some(fault) => State::Stopped(fault),
                    None => State::Ended,
                };
                self.show(state, out);
            }
            Phase::Away { .. } | Phase::Live | Phase::Ended => {}
        }
    }

    fn listen(&mut self) {
        let pushes = |it: &&Offered| it.pushes();
        let measured = self
            .offered
            .iter()
            .filter(pushes)
            .filter(|it| is_measured(**it));
        let others = self.offered.iter().filter(pushes).filter(|it| {
            matches!(
                it.characteristic.number,
                uuid::RECORD_ACCESS_CONTROL_POINT | uuid::BATTERY_LEVEL
            )
        });
        let calls = measured.chain(others);
        let calls: Vec<Call> = calls.map(|it| Call::Subscribe(it.characteristic)).collect();
        self.todo.extend(calls);
    }

    fn remember(&mut self, now: Now, out: &mut Vec<Command>) {
        if let Some(call) = self.history.next() {
            self.show(self.history.state(), out);
            self.todo.push_back(call);
            return;
        }
        if self.history.is_waiting() {
            return;
        }
        self.phase = Phase::Settling;
        if self.clock_due
            && let Some(call) = self.set_clock(now)
        {
            self.todo.push_back(call);
        }
    }

    fn done(&mut self, answer: Answer, now: Now, out: &mut Vec<Command>) {
        let Some((call, _)) = self.doing.take() else {
            return;
        };
        match (call, answer) {
            (Call::Connect, Answer::Linked(link)) => {
                self.subscribed = 0;
                self.heard_ms = now.steady_ms;
                self.learned.bonded = link.bonded;
                let mut services: Vec<u16> = link
                    .offered
                    .iter()
                    .map(|it| it.characteristic.service)
                    .collect();
                services.sort_unstable();
                services.dedup();
                self.learned.about.services = services;
                self.offered = link.offered;
                let first = self.plan.bond == Bond::First && !link.bonded;
                if first && self.ending.is_none() {
                    self.todo.push_back(Call::Bond);
                }
            }
            (Call::Unbond, _) if self.ending.is_none() => self.link(out),
            (Call::Bond, _) => {
                self.learned.bonded = true;
                // before the first reading: its grade says over what link it came
                out.push(Command::Learn(self.learned.clone()));
                if self.bonding.gone {
                    self.lost(Fault::OutOfRange, now, out);
                }
            }
            (Call::Write(to, _), _) if to.number == uuid::CURRENT_TIME => {
                if let Some(clock) = &mut self.learned.clock {
                    clock.set_ms = Some(now.wall_ms);
                }
                out.push(Command::Learn(self.learned.clone()));
            }
            (Call::Write(to, _), _) if to.number == uuid::RECORD_ACCESS_CONTROL_POINT => {
                self.history.written(now.steady_ms);
            }
            (Call::Read(from), Answer::Bytes(bytes)) => self.learn(from.number, &bytes, now),
            (Call::Subscribe(to), _) if to.number != uuid::BATTERY_LEVEL => self.subscribed += 1,
            (Call::Disconnect, _) if self.ending.is_none() => {
                self.lost(Fault::Quiet, now, out);
            }
            _ => {}
        }
    }

    fn value(
        &mut self,
        from: Characteristic,
        bytes: Vec<u8>,
        at_ms: i64,
        now: Now,
        out: &mut Vec<Command>,
    ) {
        let expected = from.number == uuid::BATTERY_LEVEL
            || from.number == uuid::RECORD_ACCESS_CONTROL_POINT
            || MEASURED.contains(&from.number);
        // on some systems what was read or written comes back as if it were told
        let echo = from.number == uuid::RECORD_ACCESS_CONTROL_POINT
            && matches!(bytes.first(), Some(1..=4 | 7));
        if !expected || echo {
            return;
        }
        // what streams never ends: it is no sign that stored readings still come
        if self.plan.goal != Goal::History || !STREAMS.contains(&from.number) {
            self.heard_ms = now.steady_ms;
        }
        if self.phase == Phase::Live {
            self.show(State::Live, out);
        }
        if from.number == uuid::BATTERY_LEVEL {
            self.battery(&bytes, at_ms);
            out.push(Command::Learn(self.learned.clone()));
            return;
        }
        match self
            .gather
            .take((from, at_ms, bytes), self.known, now.steady_ms)
        {
            Gathered::Other(Packet::Answer(answer)) => {
                self.history.answered(answer);
                if self.history.is_at_end() {
                    // nothing more comes: what waits in vain is kept as it is
                    let rest = self.gather.flush(false);
                    for item in rest {
                        self.take(item, now, out);
                    }
                }
            }
            Gathered::Other(_) => {}
            Gathered::Items(items) => {
                for item in items {
                    self.take(item, now, out);
                }
            }
        }
    }

    fn take(&mut self, item: Item, now: Now, out: &mut Vec<Command>) {
        let Some((from, _, bytes)) = item.frames.last() else {
            return;
        };
        let new = match &item.says {
            Ok(readings) => {
                let mark = mark_of(&item);
                self.history
                    .heard(from.service, readings, mark, now.steady_ms);
                true
            }
            Err(_) => self.history.heard_unreadable(*from, bytes, now.steady_ms),
        };
        if item.says.is_err() && new {
            let because = Fault::NotReadable;
            let again_in_ms = 0;
            tell(
                State::Waiting {
                    again_in_ms,
                    because,
                },
                out,
            );
        }
        if self.phase == Phase::Remembering && self.history.is_waiting() {
            self.show(self.history.state(), out);
        }
        if new {
            self.arrived.push(item);
        }
    }

    fn lost(&mut self, why: Fault, now: Now, out: &mut Vec<Command>) {
        // a call that fails and the system's own word are one loss
        if matches!(self.phase, Phase::Away { .. }) {
            return;
        }
        self.doing = None;
        self.bonding.gone = false;
        self.todo.clear();
        self.history.lost();
        let rest = self.gather.flush(true);
        self.arrived.extend(rest);
        if self.ending.is_some() {
            self.phase = Phase::Leaving;
            return;
        }
        // a cuff without a control point gives what it has, and leaves
        if self.plan.goal == Goal::History && self.phase == Phase::Live && self.new_readings > 0 {
            self.ending = Some(Ending::AsAsked);
            self.phase = Phase::Leaving;
            return;
        }
        self.tries += 1;
        if self.plan.goal != Goal::Live && self.tries >= MOST_TRIES {
            self.ending = Some(Ending::Because(why));
            self.phase = Phase::Leaving;
            return;
        }
        let wait = backoff_ms(self.tries);
        self.phase = Phase::Away {
            until: now.steady_ms + wait,
        };
        self.bonding.tried = false;
        self.show(
            State::Waiting {
                again_in_ms: wait,
                because: why,
            },
            out,
        );
    }

    fn tick(&mut self, now: Now, out: &mut Vec<Command>) {
        if let Some((call, deadline)) = &self.doing
            && now.steady_ms >= *deadline
        {
            // the radio should have said so itself
            let bonding = *call == Call::Bond;
            self.doing = None;
            if bonding && !self.bonding.gone {
                return self.end(Some(Fault::BondRefused));
            }
            return self.lost(Fault::OutOfRange, now, out);
        }
        match self.phase {
            Phase::Away { until } if now.steady_ms >= until => self.link(out),
            Phase::Remembering if self.is_idle() && self.history.is_silent(now.steady_ms) => {
                self.history.silent();
                self.silences += 1;
                if self.silences >= MOST_TRIES {
                    self.phase = Phase::Settling;
                } else {
                    self.leave_for_a_while();
                }
            }
            Phase::Live if self.plan.goal == Goal::History && self.is_idle() => {
                let over = now.steady_ms >= self.heard_ms + QUIET_MS;
                if over {
                    self.end((self.new_readings == 0).then_some(Fault::Quiet));
                }
            }
            Phase::Live if self.streams() => {
                let silent = now.steady_ms.saturating_sub(self.heard_ms);
                if silent >= DEAD_MS {
                    self.leave_for_a_while();
                } else if silent >= QUIET_MS {
                    self.show(State::Quiet, out);
                }
            }
            _ => {}
        }
    }

    /// Whether no call is under way, and all that came is durable.
    fn is_idle(&self) -> bool {
        self.doing.is_none() && self.held.is_none()
    }

    /// Ends the link to make it anew: what should come does not.
    fn leave_for_a_while(&mut self) {
        if self.doing.is_none() {
            self.todo.clear();
            self.todo.push_back(Call::Disconnect);
        }
    }

    fn end(&mut self, why: Option<Fault>) {
        if self.ending.is_some() {
            // what could not be kept is told even to who is leaving
            if let (Some(Ending::AsAsked), Some(fault)) = (self.ending, why) {
                self.ending = Some(Ending::Because(fault));
            }
            return;
        }
        self.ending = Some(why.map_or(Ending::AsAsked, Ending::Because));
        let linked = !matches!(self.phase, Phase::Away { .. });
        self.phase = Phase::Leaving;
        self.todo.clear();
        let abort = self.history.abort();
        self.history.lost();
        let rest = self.gather.flush(true);
        self.arrived.extend(rest);
        if let Some(held) = &mut self.held {
            held.at_once();
        }
        if linked && why != Some(Fault::RadioOff) {
            self.todo.extend(abort);
            self.todo.push_back(Call::Disconnect);
        } else {
            self.doing = None;
        }
    }

    /// Whether it should send all the time.
    fn streams(&self) -> bool {
        self.offered
            .iter()
            .any(|it| it.pushes() && STREAMS.contains(&it.characteristic.number))
    }

    fn wake_at(&self) -> Option<u64> {
        let call = self.doing.as_ref().map(|(_, deadline)| *deadline);
        let phase = match self.phase {
            Phase::Away { until } => Some(until),
            Phase::Remembering if self.is_idle() => self.history.silent_at(),
            Phase::Live if self.plan.goal == Goal::History => {
                self.is_idle().then_some(self.heard_ms + QUIET_MS)
            }
            Phase::Live if self.streams() => {
                let quiet = self.heard_ms + QUIET_MS;
                let told = self.told == Some(State::Quiet);
                Some(if told { self.heard_ms + DEAD_MS } else { quiet })
            }
            _ => None,
        };
        let again = self.held.as_ref().and_then(Held::again_at);
        [call, phase, again].into_iter().flatten().min()
    }

    /// Tells a state once.
    fn show(&mut self, state: State, out: &mut Vec<Command>) {
        if self.told != Some(state) {
            self.told = Some(state);
            tell(state, out);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Session");
        shown.field("phase", &self.phase).field("told", &self.told);
        shown.finish_non_exhaustive()
    }
}

fn tell(state: State, out: &mut Vec<Command>) {
    out.push(Command::Tell(state));
}

/// What the reading looked like that its context belongs to.
fn mark_of(item: &Item) -> Option<i64> {
    let mut frames = item.frames.iter();
    let (.., bytes) = frames.find(|(from, ..)| from.number != uuid::GLUCOSE_CONTEXT)?;
    let digest = digest(&SHA256, bytes);
    Some(i64::from_be_bytes(*digest.as_ref().first_chunk()?))
}

fn is_measured(offered: Offered) -> bool {
    MEASURED.contains(&offered.characteristic.number)
}

/// 1, 2, 4 ... 60 s.
fn backoff_ms(tries: u32) -> u64 {
    let doubled = 1_000_u64 << tries.saturating_sub(1).min(6);
    doubled.min(60_000)
}

/// After this long a call to the radio is given up.
const CALL_MS: u64 = 65_000;
/// How long a bond's answer may come after its link is gone.
const WHY_MS: u64 = 5_000;
/// A device that streams is quiet after this long, and given up after that.
const QUIET_MS: u64 = 15_000;
const DEAD_MS: u64 = 45_000;
/// How often a link is tried for what ends by itself.
const MOST_TRIES: u32 = 3;
