//! Worn and measuring devices: found, paired, listened to, forgotten.

use crate::error::VaultError;
use crate::importing::WallClock;
use crate::names::{ShortId, Timestamp};
use crate::observer::{CallbackError, Change};
use crate::radio::{Attached, FoundDevice};
use crate::record::redacted;
use crate::runtime::{start, task};
use crate::vault::{Vault, held};
use std::sync::Arc;
use std::time::Duration;
use vitalwitness_vault::ble::{self, Event, Proposal, Radio as _, Told};

/// A device that was found, and what pairing it would mean: show it before it is done.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct DeviceOffer {
    /// The device.
    pub device: FoundDevice,
    /// What it would collect, in English words.
    pub collects: Vec<String>,
    /// What to do with it first: `wear`, `hold_button`, `type_number`, `measure`, `step_on`.
    pub step: String,
    /// The model, where it is known.
    pub model: Option<String>,
}

/// Which user of a device the owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DeviceUser {
    /// Not said. A reading that names a user is refused until it is.
    Unsaid,
    /// The owner alone uses it.
    OnlyMe,
    /// The owner is this user; readings of all others are refused and not kept.
    Number {
        /// Which.
        number: u8,
    },
}

/// A device whose readings become records.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Sensor {
    /// Its id: `StoredRecord.device`.
    pub id: ShortId,
    /// The platform's name of it.
    pub peripheral: String,
    /// What people call it.
    pub name: String,
    /// Who wears it.
    pub wearer: String,
    /// Which of its users that is.
    pub user: DeviceUser,
    /// Its maker, as it says.
    pub maker: Option<String>,
    /// Its model, as it says.
    pub model: Option<String>,
    /// Its firmware, as it says.
    pub firmware: Option<String>,
    /// Percent of battery.
    pub battery: Option<u8>,
    /// Whether readings come over a bonded link.
    pub bonded: bool,
    /// When it was paired.
    pub paired: Timestamp,
    /// When a reading last became a record.
    pub last: Option<Timestamp>,
    /// What became of its readings so far.
    pub counts: SensorCounts,
}

/// What became of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct SensorCounts {
    /// Readings that became records.
    pub kept: u64,
    /// Readings that were there already.
    pub repeated: u64,
    /// Values that could not be read; their bytes are kept.
    pub refused: u64,
    /// Readings of other people; nothing of them is kept.
    pub others: u64,
    /// Stored readings the device announced and did not give.
    pub missing: u64,
}

/// What a session with a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum SessionGoal {
    /// To read its memory, then end.
    History,
    /// To listen until it is stopped.
    Live,
}

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SessionState {
    /// A link is being made.
    Connecting,
    /// It is being paired.
    Bonding,
    /// What it is, its battery and clock are read.
    Preparing,
    /// Its memory is read.
    History {
        /// Readings so far.
        received: u32,
        /// How many it announced, if it did.
        announced: Option<u32>,
    },
    /// Readings come as they are taken.
    Live,
    /// It is connected and sends nothing, though it should.
    Quiet,
    /// Tried again by itself.
    Waiting {
        /// In how many ms.
        again_in_ms: u64,
        /// Why; `advice` has words for it.
        code: String,
    },
    /// Done.
    Ended,
    /// It cannot go on by itself.
    Stopped {
        /// Why; `advice` has words for it.
        code: String,
    },
}

/// Is told what a session does, on a thread of this library.
#[uniffi::export(with_foreign)]
pub trait SessionListener: Send + Sync {
    /// Where it stands.
    fn state(&self, state: SessionState) -> Result<(), CallbackError>;

    /// What became of what came, in this session.
    fn taken(&self, counts: SensorCounts) -> Result<(), CallbackError>;
}

/// Is told of devices as they are found, on a thread of this library.
#[uniffi::export(with_foreign)]
pub trait ScanListener: Send + Sync {
    /// A device was found, or has changed.
    fn found(&self, offer: DeviceOffer) -> Result<(), CallbackError>;
}

redacted!(DeviceOffer, Sensor);

#[uniffi::export]
impl Vault {
    /// Looks for devices whose measurements can be read here, for `for_ms` or until cancelled.
    pub async fn scan(
        &self,
        for_ms: u32,
        listener: Arc<dyn ScanListener>,
    ) -> Result<(), VaultError> {
        let Attached { radio, inbox } = self.attached()?;
        task(async move {
            let mut events = inbox.events();
            let stop = StopScan(radio.clone());
            let services = ble::every_service();
            radio.scan(services).await.map_err(ble::BleError::from)?;
            let limit = Duration::from_millis(u64::from(for_ms));
            let look = async {
                while let Some(event) = events.next().await {
                    if let Event::Found(found) = event
                        && listener.found(Proposal::of(found).into()).is_err()
                    {
                        log::warn!("who is told of devices failed");
                    }
                }
            };
            // the time is over, or the radio is gone
            let _ = tokio::time::timeout(limit, look).await;
            drop(stop);
            Ok(())
        })
        .await
    }

    /// Pairs a device that `wearer` was asked for and confirmed to wear: connects, bonds if it wants
    /// that, reads what it is. `keep_serial`: keep its serial number, which is personal.
    pub async fn pair_sensor(
        &self,
        device: FoundDevice,
        wearer: String,
        user: DeviceUser,
        keep_serial: bool,
        wall: WallClock,
    ) -> Result<Sensor, VaultError> {
        let Attached { radio, inbox } = self.attached()?;
        let (vault, changes) = (self.core(), self.changes.clone());
        task(async move {
            let mut confirmed = Proposal::of(device.into()).confirm(&wearer, user.into())?;
            confirmed.keep_serial = keep_serial;
            let mut events = inbox.events();
            let zone = |ms| wall.at(ms);
            let mut tell = |_: Told| {};
            let air = ble::Air {
                radio: radio.as_ref(),
                events: &mut events,
                zone: &zone,
                tell: &mut tell,
            };
            let sensor = vault.pair_sensor(&confirmed, air).await?;
            changes.tell(Change::Sensors);
            Ok(sensor.into())
        })
        .await
    }

    /// Runs a session with a paired device until its goal is reached, `stop_sensor` is called, the
    /// call is cancelled, or it cannot go on. `present`: a person is there to pair it anew.
    pub async fn run_sensor(
        &self,
        sensor: ShortId,
        goal: SessionGoal,
        present: bool,
        wall: WallClock,
        listener: Arc<dyn SessionListener>,
    ) -> Result<(), VaultError> {
        let Attached { radio, inbox } = self.attached()?;
        let (vault, changes) = (self.core(), self.changes.clone());
        let goal = match goal {
            SessionGoal::History => ble::Goal::History,
            SessionGoal::Live => ble::Goal::Live,
        };
        task(async move {
            let mut events = inbox.events();
            let zone = |ms| wall.at(ms);
            let mut tell = |told: Told| {
                let told = match told {
                    Told::State(state) => listener.state(state.into()),
                    Told::Taken(taken) => {
                        changes.tell(Change::Records);
                        changes.tell(Change::Sensors);
                        listener.taken(taken.counts.into())
                    }
                    Told::Learned(_) => {
                        changes.tell(Change::Sensors);
                        Ok(())
                    }
                };
                if told.is_err() {
                    log::warn!("who is told of a session failed");
                }
            };
            let air = ble::Air {
                radio: radio.as_ref(),
                events: &mut events,
                zone: &zone,
                tell: &mut tell,
            };
            Ok(vault.run_sensor(&sensor.0, goal, present, air).await?)
        })
        .await
    }

    /// Ends the session with a device; fine when there is none.
    pub async fn stop_sensor(&self, sensor: ShortId) -> Result<(), VaultError> {
        let Attached { inbox, .. } = self.attached()?;
        self.with(move |vault| {
            let peripheral = vault.sensor(&sensor.0)?.peripheral;
            inbox.on_event(Event::Stop { peripheral });
            Ok(())
        })
        .await
    }

    /// The devices, in the order they were first paired.
    pub async fn sensors(&self) -> Result<Vec<Sensor>, VaultError> {
        self.with(|vault| {
            let sensors = vault.sensors()?.into_iter();
            Ok(sensors.map(Sensor::from).collect())
        })
        .await
    }

    /// Says which user of a device the owner is.
    pub async fn set_sensor_user(
        &self,
        sensor: ShortId,
        user: DeviceUser,
    ) -> Result<(), VaultError> {
        self.changing(Change::Sensors, move |vault| {
            vault.set_sensor_user(&sensor.0, user.into())
        })
        .await
    }

    /// Forgets a device and what it sent as it came. Its records stay.
    pub async fn forget_sensor(&self, sensor: ShortId) -> Result<(), VaultError> {
        self.changing(Change::Sensors, move |vault| vault.forget_sensor(&sensor.0))
            .await
    }
}

impl Vault {
    fn attached(&self) -> Result<Attached, VaultError> {
        let off = VaultError::from(ble::BleError::Radio(ble::RadioError::Off));
        held(&self.radio).clone().ok_or(off)
    }
}

/// Stops the scan, also when the call was cancelled.
struct StopScan(Arc<crate::radio::PlatformRadio>);

impl Drop for StopScan {
    fn drop(&mut self) {
        let radio = self.0.clone();
        start(async move {
            if radio.stop_scan().await.is_err() {
                log::warn!("a scan was not stopped");
            }
        });
    }
}

impl From<Proposal> for DeviceOffer {
    fn from(proposal: Proposal) -> Self {
        let collects = proposal.collects.iter();
        Self {
            collects: collects.map(|words| (*words).to_owned()).collect(),
            step: proposal.step.code().to_owned(),
            model: proposal.hint.map(|hint| hint.model.to_owned()),
            device: proposal.found.into(),
        }
    }
}

impl From<DeviceUser> for ble::Whose {
    fn from(user: DeviceUser) -> Self {
        match user {
            DeviceUser::Unsaid => Self::Unsaid,
            DeviceUser::OnlyMe => Self::Mine,
            DeviceUser::Number { number } => Self::User(number),
        }
    }
}

impl From<ble::Whose> for DeviceUser {
    fn from(whose: ble::Whose) -> Self {
        match whose {
            ble::Whose::Unsaid => Self::Unsaid,
            ble::Whose::Mine => Self::OnlyMe,
            ble::Whose::User(number) => Self::Number { number },
        }
    }
}

impl From<ble::Counts> for SensorCounts {
    fn from(counts: ble::Counts) -> Self {
        Self {
            kept: counts.kept,
            repeated: counts.repeated,
            refused: counts.refused,
            others: counts.others,
            missing: counts.missing,
        }
    }
}

impl From<ble::Sensor> for Sensor {
    fn from(sensor: ble::Sensor) -> Self {
        Self {
            id: ShortId(sensor.id),
            peripheral: sensor.peripheral,
            name: sensor.name,
            wearer: sensor.wearer,
            user: sensor.whose.into(),
            maker: sensor.about.maker,
            model: sensor.about.model,
            firmware: sensor.about.firmware,
            battery: sensor.about.battery.map(|(percent, _)| percent),
            bonded: sensor.bonded,
            paired: Timestamp(sensor.paired_ms),
            last: sensor.last_ms.map(Timestamp),
            counts: sensor.counts.into(),
        }
    }
}

impl From<ble::State> for SessionState {
    fn from(state: ble::State) -> Self {
        use ble::State;
        match state {
            State::Bonding => Self::Bonding,
            State::Preparing => Self::Preparing,
            State::History {
                received,
                announced,
            } => Self::History {
                received,
                announced,
            },
            State::Live => Self::Live,
            State::Quiet => Self::Quiet,
            State::Waiting {
                again_in_ms,
                because,
            } => Self::Waiting {
                again_in_ms,
                code: because.code().to_owned(),
            },
            State::Ended => Self::Ended,
            State::Stopped(fault) => Self::Stopped {
                code: fault.code().to_owned(),
            },
            _ => Self::Connecting,
        }
    }
}
