//! Worn and measuring devices over Bluetooth Low Energy.
//!
//! The platform gives a [`Radio`]; bytes are read by `domain::gatt`; in between stands a
//! [`Session`] that decides what is asked when, and [`run`], which carries it out. Readings become
//! records of the person who was confirmed to wear the device, with the grade of the link
//! (bonded or not) and the device's id.
//!
//! What always holds: a reading is durable before the device is asked for more; what a device
//! sent is kept beside it as it came; a stored reading becomes a record once, however often it is
//! sent; the memory of a device is never erased; nothing is paired without a confirmed wearer.

#[cfg(feature = "desktop-radio")]
pub mod desktop;
mod fault;
pub mod hints;
mod inventory;
mod keeping;
mod pairing;
mod radio;
mod run;
mod sensor;
mod session;
mod timing;

pub use fault::{Fault, Next, State};
pub use keeping::Taken;
pub use pairing::{Confirmed, Proposal, collects, every_service};
pub use radio::{
    Characteristic, Event, Events, Found, Inbox, Link, Offered, Pending, Radio, RadioError, Value,
};
pub use run::{Air, Told, Zone};
pub use sensor::{About, ClockSeen, Counts, Cursor, Sensor, Whose};
pub use session::{
    Answer, Bond, Call, Command, Goal, Input, Intake, Item, Learned, Now, Plan, Session,
};

use crate::Error;

/// Why something with a device was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BleError {
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] Error),
    /// The radio refused.
    #[error(transparent)]
    Radio(#[from] RadioError),
    /// The session stopped; the fault says what to do.
    #[error("{}", .0.words())]
    Stopped(Fault),
    /// Nobody was confirmed to wear it: ask, then pair.
    #[error("nobody was confirmed to wear it")]
    NoWearer,
}

impl BleError {
    /// Stable in every language; none where the vault's own error says it.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Vault(_) => None,
            Self::Radio(error) => Some(error.code()),
            Self::Stopped(fault) => Some(fault.code()),
            Self::NoWearer => Some("wearer_not_confirmed"),
        }
    }
}
