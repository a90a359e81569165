//! A session carried out: its commands to the radio and the vault, what happens back to it.
//!
//! Thin: decides nothing. May be dropped at any await: nothing is half taken in.

use super::BleError;
use super::fault::State;
use super::keeping::Taken;
use super::pairing::Confirmed;
use super::radio::{Event, Events, Pending, Radio, RadioError};
use super::sensor::Sensor;
use super::session::{
    Answer, Bond, Call, Command, Goal, Input, Intake, Learned, Now, Plan, Session,
};
use crate::Error;
use crate::clock::Clock;
use crate::store::StoreError;
use crate::vault::Vault;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use vitalwitness_domain::record::Id;

/// What a session tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Where it stands.
    State(State),
    /// What became of what came.
    Taken(Taken),
    /// What the device said of itself.
    Learned(Learned),
}

/// Minutes east of UTC at a time, ms UTC.
pub type Zone<'a> = &'a (dyn Fn(i64) -> i16 + Sync);

/// What a session needs from outside the vault.
pub struct Air<'a> {
    /// The platform's radio.
    pub radio: &'a dyn Radio,
    /// Its events, from before the session on.
    pub events: &'a mut Events,
    /// The clock on the wall here: devices know no other.
    pub zone: Zone<'a>,
    /// Who is told, between two steps.
    pub tell: &'a mut (dyn FnMut(Told) + Send),
}

impl Vault {
    /// Pairs a device whose wearer was confirmed: connects, bonds if it wants that, reads what it
    /// is, and takes it into the inventory.
    ///
    /// # Errors
    ///
    /// [`BleError::Stopped`] says why and what to do; the inventory is as before then.
    pub async fn pair_sensor(
        &self,
        confirmed: &Confirmed,
        air: Air<'_>,
    ) -> Result<Sensor, BleError> {
        let first = confirmed.proposal.hint.is_some_and(|it| it.bond_first);
        let mut session = Session::new(Plan {
            goal: Goal::Meet,
            bond: if first { Bond::First } else { Bond::WhenAsked },
            serial: confirmed.keep_serial,
            plain_integers: false,
            cursors: Vec::new(),
            session_ms: None,
            user_unsaid: false,
        });
        let tells_bonds = air.radio.tells_bonds();
        // nothing is subscribed yet, and it is in the inventory only at the end
        let mut keep = |_: Kept<'_>| Ok(Taken::default());
        let mut drive = Drive {
            peripheral: confirmed.proposal.found.peripheral.clone(),
            clock: self.clock()?,
            air,
        };
        drive.run(&mut session, &mut keep).await?;
        let mut learned = session.learned().clone();
        learned.bonded &= tells_bonds;
        Ok(self.keep_sensor(confirmed, &learned)?)
    }

    /// Runs a session with a paired device until its goal is reached, it is stopped
    /// ([`Event::Stop`]), or it cannot go on. `present`: a person is there to pair it anew.
    ///
    /// # Errors
    ///
    /// [`BleError::Stopped`] says why and what to do. What was taken in stays.
    pub async fn run_sensor(
        &self,
        id: &Id,
        goal: Goal,
        present: bool,
        air: Air<'_>,
    ) -> Result<(), BleError> {
        let sensor = self.sensor(id)?;
        let mut session = Session::new(sensor.plan(goal, present));
        let (zone, tells_bonds) = (air.zone, air.radio.tells_bonds());
        let mut keep = |command: Kept<'_>| match command {
            Kept::Intake(intake) => self.take_in(id, intake, zone),
            Kept::Learned(learned) => {
                let mut learned = learned.clone();
                learned.bonded &= tells_bonds;
                let learned = self.learn_of_sensor(id, &learned);
                learned.map(|()| Taken::default())
            }
        };
        let mut drive = Drive {
            peripheral: sensor.peripheral.clone(),
            clock: self.clock()?,
            air,
        };
        drive.run(&mut session, &mut keep).await
    }

    fn clock(&self) -> Result<Arc<dyn Clock>, Error> {
        self.with(|core| Ok(core.env.clock.clone()))
    }
}

impl fmt::Debug for Air<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Air")
    }
}

/// What the vault is given.
enum Kept<'a> {
    Intake(&'a Intake),
    Learned(&'a Learned),
}

type Keep<'a> = &'a mut (dyn FnMut(Kept<'_>) -> Result<Taken, Error> + Send);

/// What a session is carried out with.
struct Drive<'a> {
    peripheral: String,
    clock: Arc<dyn Clock>,
    air: Air<'a>,
}

impl Drive<'_> {
    async fn run(&mut self, session: &mut Session, keep: Keep<'_>) -> Result<(), BleError> {
        let mut commands: VecDeque<Command> = session.on(Input::Begin, self.now()).into();
        let mut call: Option<Pending<'_, Answer>> = None;
        let mut wake = None;
        loop {
            // what came together is kept together
            while let Some(event) = self.air.events.ready() {
                if let Some(input) = input_of(event, &self.peripheral) {
                    commands.extend(session.on(input, self.now()));
                }
            }
            if let Some(command) = commands.pop_front() {
                match command {
                    Command::Call(it) => call = Some(call_of(self.air.radio, &self.peripheral, it)),
                    Command::WakeAt(at) => wake = Some(at),
                    Command::Tell(state) => (self.air.tell)(Told::State(state)),
                    Command::Learn(learned) => {
                        // the next reading would say so too
                        if let Err(error) = keep(Kept::Learned(&learned)) {
                            log::warn!("what a device is was not kept: {error}");
                        }
                        (self.air.tell)(Told::Learned(learned));
                    }
                    Command::Keep(intake) => {
                        let input = match keep(Kept::Intake(&intake)) {
                            Ok(taken) => {
                                let unclaimed = taken.unclaimed;
                                let kept = u32::try_from(taken.counts.kept).unwrap_or(u32::MAX);
                                (self.air.tell)(Told::Taken(taken));
                                Input::Kept { kept, unclaimed }
                            }
                            Err(error) => {
                                log::warn!("readings were not kept: {error}");
                                let full = matches!(error, Error::Store(StoreError::Full));
                                Input::NotKept { full }
                            }
                        };
                        commands.extend(session.on(input, self.now()));
                    }
                }
                continue;
            }
            if session.is_over() {
                break;
            }
            let input = tokio::select! {
                biased;
                event = self.air.events.next() => match event {
                    Some(event) => input_of(event, &self.peripheral),
                    None => Some(Input::Off),
                },
                answer = answered(&mut call) => {
                    call = None;
                    Some(answer.map_or_else(Input::Failed, Input::Done))
                }
                () = until(wake, self.clock.as_ref()) => {
                    wake = None;
                    Some(Input::Tick)
                }
            };
            if let Some(input) = input {
                commands.extend(session.on(input, self.now()));
            }
        }
        match session.fault() {
            Some(fault) => Err(BleError::Stopped(fault)),
            None => Ok(()),
        }
    }

    fn now(&self) -> Now {
        let wall_ms = self.clock.now_ms();
        Now {
            wall_ms,
            steady_ms: self.clock.monotonic_ms(),
            offset_min: (self.air.zone)(wall_ms),
        }
    }
}

/// What an event means to this session; none: it is about another device, or nothing.
fn input_of(event: Event, peripheral: &str) -> Option<Input> {
    if event.peripheral().is_some_and(|it| it != peripheral) {
        return None;
    }
    match event {
        Event::Notification(value) | Event::Indication(value) => Some(Input::Value {
            from: value.from,
            bytes: value.bytes,
            at_ms: value.at_ms,
        }),
        Event::Disconnected { .. } => Some(Input::Lost),
        Event::Off => Some(Input::Off),
        Event::Stop { .. } => Some(Input::Stop),
        // who asked for them gets them as the answer of the call
        Event::Found(_) | Event::Connected { .. } | Event::Bonded { .. } => None,
    }
}

async fn until(wake: Option<u64>, clock: &dyn Clock) {
    let Some(at) = wake else {
        return std::future::pending().await;
    };
    let left = at.saturating_sub(clock.monotonic_ms());
    tokio::time::sleep(Duration::from_millis(left)).await;
}

async fn answered(call: &mut Option<Pending<'_, Answer>>) -> Result<Answer, RadioError> {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

fn call_of<'a>(radio: &'a dyn Radio, peripheral: &str, call: Call) -> Pending<'a, Answer> {
    let peripheral = peripheral.to_owned();
    Box::pin(async move {
        match call {
            Call::Connect => radio.connect(peripheral).await.map(Answer::Linked),
            Call::Read(from) => radio.read(peripheral, from).await.map(Answer::Bytes),
            Call::Bond => radio.bond(peripheral).await.map(|()| Answer::Done),
            Call::Unbond => radio.unbond(peripheral).await.map(|()| Answer::Done),
            Call::Subscribe(to) => radio.subscribe(peripheral, to).await.map(|()| Answer::Done),
            Call::Write(to, bytes) => {
                let written = radio.write(peripheral, to, bytes).await;
                written.map(|()| Answer::Done)
            }
            Call::Disconnect => radio.disconnect(peripheral).await.map(|()| Answer::Done),
        }
    })
}
