//! The platform's radio: calls out, events in.

use crate::names::Timestamp;
use crate::record::redacted;
use crate::vault::{Vault, held};
use std::fmt;
use std::sync::Arc;
use vitalwitness_vault::ble::{self, Pending};

/// A characteristic by its assigned numbers, in the service that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Characteristic {
    /// `0x180D` heart rate, ...
    pub service: u16,
    /// `0x2A37` heart rate measurement, ...
    pub number: u16,
}

/// A characteristic a device offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct OfferedCharacteristic {
    /// Which.
    pub characteristic: Characteristic,
    /// Property bits of its declaration: 0x02 read, 0x08 write, 0x10 notify, 0x20 indicate.
    pub properties: u8,
}

/// A link that stands.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RadioLink {
    /// What the device offers, as far as it has assigned numbers.
    pub offered: Vec<OfferedCharacteristic>,
    /// Whether both sides hold a bond.
    pub bonded: bool,
}

/// Why the radio did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum RadioError {
    /// There is no adapter, or it is switched off.
    #[error("off")]
    Off,
    /// The system does not let this app use the radio.
    #[error("not allowed")]
    NotAllowed,
    /// Out of range, asleep, or the link broke.
    #[error("unreachable")]
    Unreachable,
    /// The device shows this only to who is paired with it.
    #[error("needs bonding")]
    NeedsBonding,
    /// The device or the person refused to pair.
    #[error("bond refused")]
    BondRefused,
    /// The device does not offer this.
    #[error("not offered")]
    NotOffered,
    /// The device or the system refused for another reason.
    #[error("refused")]
    Refused,
}

impl From<RadioError> for ble::RadioError {
    fn from(error: RadioError) -> Self {
        match error {
            RadioError::Off => Self::Off,
            RadioError::NotAllowed => Self::NotAllowed,
            RadioError::Unreachable => Self::Unreachable,
            RadioError::NeedsBonding => Self::NeedsBonding,
            RadioError::BondRefused => Self::BondRefused,
            RadioError::NotOffered => Self::NotOffered,
            RadioError::Refused => Self::Refused,
        }
    }
}

impl From<uniffi::UnexpectedUniFFICallbackError> for RadioError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Refused
    }
}

/// The platform's radio; the app implements it over `BluetoothGatt` or `CoreBluetooth`.
///
/// `peripheral` is the platform's own name of a device: its address on Android, an opaque id on
/// Apple systems. A call on a lost link ends with `Unreachable`; it does not hang. One call at a
/// time comes for a device. What happens unasked goes into the [`RadioInbox`].
#[uniffi::export(with_foreign)]
#[async_trait::async_trait]
pub trait Radio: Send + Sync {
    /// Looks for devices that offer one of `services`, until `stop_scan`. Each is told as
    /// `RadioEvent.Found`, and again when it changes.
    async fn scan(&self, services: Vec<u16>) -> Result<(), RadioError>;

    /// Stops looking.
    async fn stop_scan(&self) -> Result<(), RadioError>;

    /// Connects, and finds all characteristics.
    async fn connect(&self, peripheral: String) -> Result<RadioLink, RadioError>;

    /// Bonds, asking the person for a number where the device wants one. Done when it is bonded
    /// already.
    async fn bond(&self, peripheral: String) -> Result<(), RadioError>;

    /// Forgets the bond; fine when there is none.
    async fn unbond(&self, peripheral: String) -> Result<(), RadioError>;

    /// Reads a value.
    async fn read(&self, peripheral: String, from: Characteristic) -> Result<Vec<u8>, RadioError>;

    /// Writes a value and waits until the device has taken it.
    async fn write(
        &self,
        peripheral: String,
        to: Characteristic,
        bytes: Vec<u8>,
    ) -> Result<(), RadioError>;

    /// Switches notifications or indications on, whichever it offers.
    async fn subscribe(&self, peripheral: String, to: Characteristic) -> Result<(), RadioError>;

    /// Ends the link; fine when there is none.
    async fn disconnect(&self, peripheral: String) -> Result<(), RadioError>;
}

/// A device that was seen.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct FoundDevice {
    /// The platform's name of it.
    pub peripheral: String,
    /// The name it tells.
    pub name: Option<String>,
    /// Services it tells of.
    pub services: Vec<u16>,
    /// How strong it is heard, dBm.
    pub rssi: Option<i16>,
}

/// What happened at the radio.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum RadioEvent {
    /// A device was seen.
    Found {
        /// It.
        device: FoundDevice,
    },
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
    /// A value came unasked. `confirmed`: by an indication.
    Value {
        /// Of which device.
        peripheral: String,
        /// Of which characteristic.
        from: Characteristic,
        /// As it came.
        bytes: Vec<u8>,
        /// When it came, by this phone's clock.
        at: Timestamp,
        /// By an indication, not a notification.
        confirmed: bool,
    },
    /// The link is gone.
    Disconnected {
        /// Which device.
        peripheral: String,
    },
    /// Bluetooth was switched off.
    Off,
}

redacted!(FoundDevice, RadioEvent);

/// Where the platform's radio puts what happens. Make it with the radio, and attach both.
#[derive(Debug, Default, uniffi::Object)]
pub struct RadioInbox(pub(crate) ble::Inbox);

#[uniffi::export]
impl RadioInbox {
    /// An inbox to which nobody listens yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Takes an event in. Never waits; call it from any thread, in the order things happen.
    pub fn on_event(&self, event: RadioEvent) {
        self.0.on_event(event.into());
    }
}

/// The radio of a vault.
#[derive(Clone)]
pub(crate) struct Attached {
    pub(crate) radio: Arc<PlatformRadio>,
    pub(crate) inbox: ble::Inbox,
}

#[uniffi::export]
impl Vault {
    /// Gives the vault its radio, in place of one before. `tells_bonds`: whether `Radio.bond` that
    /// ends well means a bond; where the system bonds by itself and does not say so, no reading
    /// counts as come over a bonded link.
    pub fn attach_radio(&self, radio: Arc<dyn Radio>, inbox: Arc<RadioInbox>, tells_bonds: bool) {
        *held(&self.radio) = Some(Attached {
            radio: Arc::new(PlatformRadio { radio, tells_bonds }),
            inbox: inbox.0.clone(),
        });
    }
}

/// The platform's radio as the core sees it.
pub(crate) struct PlatformRadio {
    radio: Arc<dyn Radio>,
    tells_bonds: bool,
}

impl ble::Radio for PlatformRadio {
    fn scan(&self, services: Vec<u16>) -> Pending<'_, ()> {
        Box::pin(async move { Ok(self.radio.scan(services).await?) })
    }

    fn stop_scan(&self) -> Pending<'_, ()> {
        Box::pin(async move { Ok(self.radio.stop_scan().await?) })
    }

    fn connect(&self, peripheral: String) -> Pending<'_, ble::Link> {
        Box::pin(async move { Ok(self.radio.connect(peripheral).await?.into()) })
    }

    fn bond(&self, peripheral: String) -> Pending<'_, ()> {
        Box::pin(async move { Ok(self.radio.bond(peripheral).await?) })
    }

    fn tells_bonds(&self) -> bool {
        self.tells_bonds
    }

    fn unbond(&self, peripheral: String) -> Pending<'_, ()> {
        Box::pin(async move { Ok(self.radio.unbond(peripheral).await?) })
    }

    fn read(&self, peripheral: String, from: ble::Characteristic) -> Pending<'_, Vec<u8>> {
        Box::pin(async move { Ok(self.radio.read(peripheral, from.into()).await?) })
    }

    fn write(
        &self,
        peripheral: String,
        to: ble::Characteristic,
        bytes: Vec<u8>,
    ) -> Pending<'_, ()> {
        Box::pin(async move { Ok(self.radio.write(peripheral, to.into(), bytes).await?) })
    }

    fn subscribe(&self, peripheral: String, to: ble::Characteristic) -> Pending<'_, ()> {
        Box::pin(async move { Ok(self.radio.subscribe(peripheral, to.into()).await?) })
    }

    fn disconnect(&self, peripheral: String) -> Pending<'_, ()> {
        Box::pin(async move { Ok(self.radio.disconnect(peripheral).await?) })
    }
}

impl fmt::Debug for PlatformRadio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlatformRadio")
    }
}

impl From<ble::Characteristic> for Characteristic {
    fn from(it: ble::Characteristic) -> Self {
        Self {
            service: it.service,
            number: it.number,
        }
    }
}

impl From<Characteristic> for ble::Characteristic {
    fn from(it: Characteristic) -> Self {
        Self {
            service: it.service,
            number: it.number,
        }
    }
}

impl From<RadioLink> for ble::Link {
    fn from(link: RadioLink) -> Self {
        let offered = link.offered.into_iter().map(|it| ble::Offered {
            characteristic: it.characteristic.into(),
            properties: it.properties,
        });
        Self {
            offered: offered.collect(),
            bonded: link.bonded,
        }
    }
}

impl From<FoundDevice> for ble::Found {
    fn from(device: FoundDevice) -> Self {
        Self {
            peripheral: device.peripheral,
            name: device.name,
            services: device.services,
            rssi: device.rssi,
        }
    }
}

impl From<ble::Found> for FoundDevice {
    fn from(found: ble::Found) -> Self {
        Self {
            peripheral: found.peripheral,
            name: found.name,
            services: found.services,
            rssi: found.rssi,
        }
    }
}

impl From<RadioEvent> for ble::Event {
    fn from(event: RadioEvent) -> Self {
        match event {
            RadioEvent::Found { device } => Self::Found(device.into()),
            RadioEvent::Connected { peripheral } => Self::Connected { peripheral },
            RadioEvent::Bonded { peripheral } => Self::Bonded { peripheral },
            RadioEvent::Value {
                peripheral,
                from,
                bytes,
                at,
                confirmed,
            } => {
                let value = ble::Value {
                    peripheral,
                    from: from.into(),
                    bytes,
                    at_ms: at.0,
                };
                if confirmed {
                    Self::Indication(value)
                } else {
                    Self::Notification(value)
                }
            }
            RadioEvent::Disconnected { peripheral } => Self::Disconnected { peripheral },
            RadioEvent::Off => Self::Off,
        }
    }
}
