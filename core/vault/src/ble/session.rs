//! A session with one device: what happened in, what to do out.
//!
//! ```text
//! Away --connect--> Linking --> Preparing --> Listening --> Remembering --> Settling --> Live
//!   ^    (backoff)   |  bond,     read what     subscribe     its memory      set its       |
//!   |                |  if need   it is                                       clock         |
//!   +----------------+-- link lost, silence --------------------------------------------<--+
//! ```
//!
//! One call to the radio at a time. Subscribed before anything is asked for. What came is durable
//! before the device is asked for more ([`Command::Keep`] is answered by [`Input::Kept`]); the
//! clock is set only after its memory was read, so that one delta holds for all of it. A device's
//! memory is never erased from here. Link loss is silence: what streams has a time limit of its
//! own.
//!
//! Pure: no clock, no radio, no store. Time is [`Now`].

mod clock;
mod gather;
mod history;
mod machine;
mod numbers;

pub use machine::Session;

use super::fault::State;
use super::radio::{Characteristic, Link, RadioError};
use super::sensor::{About, ClockSeen, Cursor};
use std::fmt;
use vitalwitness_domain::gatt::{Reading, Refused};

/// The time, as the session is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// ms UTC.
    pub wall_ms: i64,
    /// ms that never go back.
    pub steady_ms: u64,
    /// Minutes to add to UTC for the clock on the wall here.
    pub offset_min: i16,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// To learn what the device is, then end: pairing.
    Meet,
    /// To read its memory, then end.
    History,
    /// To listen until it is stopped.
    Live,
}

/// When to bond with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bond {
    /// Nobody is there to be asked: a device that wants it ends the session.
    Never,
    /// When the device wants it.
    WhenAsked,
    /// Before anything else.
    First,
}

/// What is known of the device before it is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the session is for.
    pub goal: Goal,
    /// When to bond.
    pub bond: Bond,
    /// Whether its serial number may be read.
    pub serial: bool,
    /// Its firmware sends plain integers where SFLOAT is specified.
    pub plain_integers: bool,
    /// How far its memory was read, by service.
    pub cursors: Vec<Cursor>,
    /// When the CGM session began that its cursor belongs to, ms UTC.
    pub session_ms: Option<i64>,
    /// Nobody said which of its users the owner is.
    pub user_unsaid: bool,
}

/// A call to the radio.
#[derive(Clone, PartialEq, Eq)]
pub enum Call {
    /// Connect.
    Connect,
    /// Bond.
    Bond,
    /// Forget the bond on this side: the device has none.
    Unbond,
    /// Read.
    Read(Characteristic),
    /// Subscribe.
    Subscribe(Characteristic),
    /// Write.
    Write(Characteristic, Vec<u8>),
    /// Disconnect.
    Disconnect,
}

/// How a call to the radio ended well.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// Of [`Call::Connect`].
    Linked(Link),
    /// Of [`Call::Read`].
    Bytes(Vec<u8>),
    /// Of the others.
    Done,
}

/// What happened.
#[derive(Clone, PartialEq, Eq)]
pub enum Input {
    /// Begin.
    Begin,
    /// The call ended well.
    Done(Answer),
    /// The call failed.
    Failed(RadioError),
    /// A value came unasked.
    Value {
        /// Of which characteristic.
        from: Characteristic,
        /// As it came.
        bytes: Vec<u8>,
        /// When, ms UTC.
        at_ms: i64,
    },
    /// The link is gone.
    Lost,
    /// Bluetooth was switched off.
    Off,
    /// What was given to keep is durable.
    Kept {
        /// So many readings of it are new.
        kept: u32,
        /// So many name a user nobody chose.
        unclaimed: u32,
    },
    /// It is not durable; it is held, and given again.
    NotKept {
        /// Because nothing more fits.
        full: bool,
    },
    /// The time asked for has come.
    Tick,
    /// The person is done.
    Stop,
}

/// What to do.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// Call the radio; answer with [`Input::Done`] or [`Input::Failed`].
    Call(Call),
    /// Make durable; answer with [`Input::Kept`] or [`Input::NotKept`].
    Keep(Intake),
    /// Remember what the device said of itself.
    Learn(Learned),
    /// Show where it stands.
    Tell(State),
    /// Say [`Input::Tick`] at this steady time; replaces the one before.
    WakeAt(u64),
}

/// What came and must be durable, all in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intake {
    /// In the order it came.
    pub items: Vec<Item>,
    /// How far the memory of a service is durable once this is.
    pub cursor: Option<Cursor>,
    /// Stored readings that were announced and not given, once all was asked for.
    pub missing: Option<u32>,
    /// When the session began that CGM minutes count from, ms UTC.
    pub session_ms: Option<i64>,
    /// How the device's clock stood before it was set in this session.
    pub clock: Option<ClockSeen>,
}

/// One value, or the parts of a split one.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// As they came: of which characteristic, when, the bytes.
    pub frames: Vec<(Characteristic, i64, Vec<u8>)>,
    /// What they say.
    pub says: Result<Vec<Reading>, Refused>,
}

/// What the device said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// Its maker, model, battery, services.
    pub about: About,
    /// Whether the link is bonded.
    pub bonded: bool,
    /// How its clock stands.
    pub clock: Option<ClockSeen>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("Connect"),
            Self::Bond => f.write_str("Bond"),
            Self::Unbond => f.write_str("Unbond"),
            Self::Read(from) => write!(f, "Read({:04x})", from.number),
            Self::Subscribe(to) => write!(f, "Subscribe({:04x})", to.number),
            Self::Write(to, bytes) => write!(f, "Write({:04x}, {} bytes)", to.number, bytes.len()),
            Self::Disconnect => f.write_str("Disconnect"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linked(_) => "Linked",
            Self::Bytes(_) => "Bytes(..)",
            Self::Done => "Done",
        })
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin => f.write_str("Begin"),
            Self::Done(answer) => write!(f, "Done({answer:?})"),
            Self::Failed(error) => write!(f, "Failed({error:?})"),
            Self::Value { from, .. } => write!(f, "Value({:04x}, ..)", from.number),
            Self::Lost => f.write_str("Lost"),
            Self::Off => f.write_str("Off"),
            Self::Kept { kept, unclaimed } => {
                write!(f, "Kept({kept}, unclaimed {unclaimed})")
            }
            Self::NotKept { full } => write!(f, "NotKept(full {full})"),
            Self::Tick => f.write_str("Tick"),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Keep(intake) => write!(f, "Keep({} items)", intake.items.len()),
            Self::Learn(_) => f.write_str("Learn"),
            Self::Tell(state) => state.fmt(f),
            Self::WakeAt(at) => write!(f, "WakeAt({at})"),
        }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = self.says.as_ref().map(Vec::len);
        write!(f, "Item({} frames, {says:?})", self.frames.len())
    }
}
