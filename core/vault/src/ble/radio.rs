//! The radio, as the platform gives it: calls out, one stream of events in.
//!
//! The platform owns scanning, links and bonds; what the bytes mean is decided here
//! (`docs/adr/0008-platform-owns-the-radio.md`). Implementations: `desktop` (`btleplug`), and on
//! phones Kotlin and Swift over the bindings. Owned values only, so that a foreign language can
//! stand behind the trait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A call to the radio that is waited for.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, RadioError>> + Send + 'a>>;

/// What the platform's radio does. Events go to the [`Inbox`] the implementation was made with.
///
/// `peripheral` is the platform's own name of a device: its address on Linux, an opaque id on
/// Apple systems. A call on a lost link ends with [`RadioError::Unreachable`]; it does not hang.
pub trait Radio: Send + Sync + fmt::Debug {
    /// Looks for devices that offer one of `services`, until [`Radio::stop_scan`]. Each is told
    /// as [`Event::Found`], and again when it changes.
    fn scan(&self, services: Vec<u16>) -> Pending<'_, ()>;

    /// Stops looking.
    fn stop_scan(&self) -> Pending<'_, ()>;

    /// Connects, finds all characteristics, and listens from then on.
    fn connect(&self, peripheral: String) -> Pending<'_, Link>;

    /// Bonds, asking the person for a number where the device wants one. Done when it is bonded
    /// already.
    fn bond(&self, peripheral: String) -> Pending<'_, ()>;

    /// Whether [`Radio::bond`] that ends well means a bond. Where the system bonds by itself and
    /// does not say so, no reading counts as come over a bonded link.
    fn tells_bonds(&self) -> bool {
        true
    }

    /// Forgets the bond; fine when there is none.
    fn unbond(&self, peripheral: String) -> Pending<'_, ()>;

    /// Reads a value.
    fn read(&self, peripheral: String, from: Characteristic) -> Pending<'_, Vec<u8>>;

    /// Writes a value and waits until the device has taken it.
    fn write(&self, peripheral: String, to: Characteristic, bytes: Vec<u8>) -> Pending<'_, ()>;

    /// Switches notifications or indications on, whichever it offers.
    fn subscribe(&self, peripheral: String, to: Characteristic) -> Pending<'_, ()>;

    /// Ends the link; fine when there is none.
    fn disconnect(&self, peripheral: String) -> Pending<'_, ()>;
}

/// A characteristic by its assigned numbers, in the service that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Characteristic {
    /// `0x180D` heart rate, ...
    pub service: u16,
    /// `0x2A37` heart rate measurement, ...
    pub number: u16,
}

/// A characteristic a device offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// Which.
    pub characteristic: Characteristic,
    /// Property bits of its declaration: 0x02 read, 0x08 write, 0x10 notify, 0x20 indicate.
    pub properties: u8,
}

impl Offered {
    /// Whether its value can be read.
    pub fn reads(&self) -> bool {
        self.properties & 0x02 != 0
    }

    /// Whether it can be written with an answer.
    pub fn writes(&self) -> bool {
        self.properties & 0x08 != 0
    }

    /// Whether it notifies or indicates.
    pub fn pushes(&self) -> bool {
        self.properties & 0x30 != 0
    }
}

/// A link that stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// What the device offers, as far as it has assigned numbers.
    pub offered: Vec<Offered>,
    /// Whether this device and the other hold a bond.
    pub bonded: bool,
}

/// Why a call to the radio did not do it. One per different next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RadioError {
    /// There is no adapter, or it is switched off.
    #[error("Bluetooth is off or missing")]
    Off,
    /// The system does not let this program use the radio.
    #[error("this program may not use Bluetooth")]
    NotAllowed,
    /// Out of range, asleep, or the link broke: bring it near and try again.
    #[error("the device does not answer")]
    Unreachable,
    /// The device shows this only to who is paired with it.
    #[error("the device must be paired first")]
    NeedsBonding,
    /// The device or the person refused to pair, or the number was wrong.
    #[error("pairing was refused")]
    BondRefused,
    /// The device does not offer this.
    #[error("the device does not offer this")]
    NotOffered,
    /// The device or the system refused for another reason.
    #[error("the device refused")]
    Refused,
}

impl RadioError {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Off => "radio_off",
            Self::NotAllowed => "radio_not_allowed",
            Self::Unreachable => "out_of_range",
            Self::NeedsBonding => "needs_bonding",
            Self::BondRefused => "bond_refused",
            Self::NotOffered => "not_offered",
            Self::Refused => "device_refused",
        }
    }
}

/// A device that was seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// The platform's name of it.
    pub peripheral: String,
    /// The name it tells.
    pub name: Option<String>,
    /// Services it tells of.
    pub services: Vec<u16>,
    /// How strong it is heard, dBm.
    pub rssi: Option<i16>,
}

/// What a person wears is health data: counts only.
impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({} services)", self.services.len())
    }
}

/// What the platform tells.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// A device was seen.
    Found(Found),
    /// A link stands, whoever asked for it.
    Connected {
        /// Which device.
        peripheral: String,
    },
    /// A bond was made.
    Bonded {
        /// Which device.
        peripheral: String,
    },
    /// A value came unasked, and is not confirmed.
    Notification(Value),
    /// A value came unasked; the platform confirms it.
    Indication(Value),
    /// The link is gone.
    Disconnected {
        /// Which device.
        peripheral: String,
    },
    /// Bluetooth was switched off.
    Off,
    /// The person is done with this device.
    Stop {
        /// Which device.
        peripheral: String,
    },
}

/// A value that came unasked.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// Of which device.
    pub peripheral: String,
    /// Of which characteristic.
    pub from: Characteristic,
    /// As it came.
    pub bytes: Vec<u8>,
    /// When it came, ms UTC by this phone's clock.
    pub at_ms: i64,
}

impl Event {
    /// Of which device; none: of all.
    pub fn peripheral(&self) -> Option<&str> {
        match self {
            Self::Found(found) => Some(&found.peripheral),
            Self::Connected { peripheral }
            | Self::Bonded { peripheral }
            | Self::Disconnected { peripheral }
            | Self::Stop { peripheral } => Some(peripheral),
            Self::Notification(value) | Self::Indication(value) => Some(&value.peripheral),
            Self::Off => None,
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Found(_) => "Found(..)",
            Self::Connected { .. } => "Connected",
            Self::Bonded { .. } => "Bonded",
            Self::Notification(_) => "Notification(..)",
            Self::Indication(_) => "Indication(..)",
            Self::Disconnected { .. } => "Disconnected",
            Self::Off => "Off",
            Self::Stop { .. } => "Stop",
        })
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?}, ..)", self.from)
    }
}

/// Where the platform puts its events: the one way in.
#[derive(Clone, Default)]
pub struct Inbox(Arc<Mutex<Vec<UnboundedSender<Event>>>>);

/// What came in since it was asked for, in order.
pub struct Events(UnboundedReceiver<Event>);

impl Inbox {
    /// An inbox to which nobody listens yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All events from now on: of every device, for one session or one screen.
    pub fn events(&self) -> Events {
        let (sender, receiver) = unbounded_channel();
        self.listeners().push(sender);
        Events(receiver)
    }

    /// Takes an event in. Never waits.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an event is given away; a binding hands over owned values"
    )]
    pub fn on_event(&self, event: Event) {
        self.listeners()
            .retain(|listener| listener.send(event.clone()).is_ok());
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<UnboundedSender<Event>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    /// The next event; none once every [`Inbox`] is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }

    /// An event that is there already.
    pub fn ready(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}
