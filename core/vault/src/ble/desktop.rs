//! The radio of a desktop: `btleplug` over BlueZ, CoreBluetooth or WinRT.
//!
//! One stream of adapter events for the whole life of the radio: the library below panics in a task
//! of its own when such a stream is dropped and another made. Values are listened for before
//! anything is subscribed, and matched by service and characteristic: a read comes back as if it
//! were a notification. Bonding is not in `btleplug`: on Linux an agent of our own asks the person
//! and `Device1.Pair()` is called ([`linux`]); elsewhere the system bonds when a value needs it.

#[cfg(target_os = "linux")]
mod linux;
mod words;

use super::radio::{
    Characteristic, Event, Found, Inbox, Link, Offered, Pending, Radio, RadioError, Value,
};
use crate::clock::Clock;
use btleplug::api::{
    Central, CentralEvent, CentralState, CharPropFlags, Manager as _, Peripheral as _,
    PeripheralProperties, ScanFilter, WriteType,
};
use btleplug::platform::{Adapter, Manager, Peripheral, PeripheralId};
use futures_util::StreamExt as _;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use uuid::Uuid;
use vitalwitness_domain::gatt;
use words::of;

/// Asks the person while a device is paired. Needed on Linux; elsewhere the system asks.
pub trait Asker: Send + Sync + fmt::Debug {
    /// Asks `question` about `peripheral`; no answer means no.
    fn ask(&self, peripheral: String, question: Question) -> Asked<'_>;
}

/// An answer that is waited for.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Option<Reply>> + Send + 'a>>;

/// What is asked while a device is paired.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The six digits the device shows.
    Passkey,
    /// Whether the device shows these six digits, too.
    Compare(u32),
    /// Nothing: these digits are to be typed on the device.
    Show(u32),
}

/// What the person says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The digits.
    Passkey(u32),
    /// Yes.
    Yes,
}

/// Without the digits: who has them can take the device's place.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question(..)")
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(..)")
    }
}

/// The radio of this computer. Made inside a runtime; its tasks end with it.
pub struct DesktopRadio {
    adapter: Adapter,
    seen: Arc<Seen>,
    #[cfg(target_os = "linux")]
    agent: linux::Agent,
}

/// What the tasks share.
struct Seen {
    inbox: Inbox,
    clock: Arc<dyn Clock>,
    peripherals: Mutex<HashMap<String, Known>>,
    wanted: Mutex<Option<Vec<u16>>>,
    /// Devices whose link is ended and made again: that is not told.
    renewed: Mutex<HashSet<String>>,
    /// Devices whose link is gone, as the system tells it.
    gone: broadcast::Sender<String>,
}

struct Known {
    peripheral: Peripheral,
    /// Whose values are told: one listener, also after the bond was made anew.
    listener: Option<Arc<()>>,
}

impl DesktopRadio {
    /// The first adapter of this computer. `clock` stamps what comes.
    ///
    /// # Errors
    ///
    /// [`RadioError::Off`] when there is none, or it is switched off.
    pub async fn open(
        inbox: Inbox,
        clock: Arc<dyn Clock>,
        asker: Arc<dyn Asker>,
    ) -> Result<Self, RadioError> {
        let manager = Manager::new().await.map_err(|_| RadioError::Off)?;
        let adapters = manager.adapters().await.map_err(|_| RadioError::Off)?;
        let adapter = adapters.into_iter().next().ok_or(RadioError::Off)?;
        let seen = Arc::new(Seen {
            inbox,
            clock,
            peripherals: Mutex::default(),
            wanted: Mutex::default(),
            renewed: Mutex::default(),
            gone: broadcast::Sender::new(8),
        });
        let mut events = adapter.events().await.map_err(|error| of(&error))?;
        let (listener, central) = (seen.clone(), adapter.clone());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                listener.on(event, &central).await;
            }
        });
        let state = adapter.adapter_state().await;
        if !matches!(state, Ok(CentralState::PoweredOn | CentralState::Unknown)) {
            return Err(RadioError::Off);
        }
        #[cfg(not(target_os = "linux"))]
        drop(asker);
        Ok(Self {
            adapter,
            #[cfg(target_os = "linux")]
            agent: linux::Agent::register(asker, seen.inbox.clone()).await?,
            seen,
        })
    }

    /// The peripheral of this name: seen before, known to the system, or looked for now.
    async fn find(&self, name: &str) -> Result<Peripheral, RadioError> {
        if let Some(known) = self.seen.get(name) {
            return Ok(known);
        }
        if let Some(known) = self.among_known(name).await? {
            return Ok(known);
        }
        let filter = ScanFilter::default();
        let scanning = self.adapter.start_scan(filter).await;
        scanning.map_err(|error| of(&error))?;
        let mut found = None;
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK).await;
            found = self.among_known(name).await?;
            if found.is_some() {
                break;
            }
        }
        // a scan that goes on costs battery and nothing else
        let _ = self.adapter.stop_scan().await;
        found.ok_or(RadioError::Unreachable)
    }

    async fn among_known(&self, name: &str) -> Result<Option<Peripheral>, RadioError> {
        let all = self.adapter.peripherals().await;
        let all = all.map_err(|error| of(&error))?;
        let found = all.into_iter().find(|it| name_of(it) == name);
        Ok(found.map(|it| self.seen.keep(it)))
    }

    async fn open_link(&self, name: String) -> Result<Link, RadioError> {
        let peripheral = self.find(&name).await?;
        // one call at a time reaches the system: a scan beside it makes connecting fail
        connected(&peripheral).await?;
        let discovered = tokio::time::timeout(CONNECT, peripheral.discover_services()).await;
        discovered
            .map_err(|_| RadioError::Unreachable)?
            .map_err(|error| of(&error))?;
        self.seen.listen(&name, &peripheral).await?;
        let characteristics = peripheral.characteristics();
        let offered = characteristics.iter().filter_map(|it| {
            Some(Offered {
                characteristic: Characteristic {
                    service: gatt::uuid::short(it.service_uuid.as_u128())?,
                    number: gatt::uuid::short(it.uuid.as_u128())?,
                },
                properties: it.properties.bits(),
            })
        });
        Ok(Link {
            offered: offered.collect(),
            bonded: self.is_bonded(&peripheral).await,
        })
    }

    #[cfg(target_os = "linux")]
    async fn is_bonded(&self, peripheral: &Peripheral) -> bool {
        self.agent.is_bonded(&peripheral.id().to_string()).await
    }

    #[cfg(not(target_os = "linux"))]
    async fn is_bonded(&self, _peripheral: &Peripheral) -> bool {
        // the system does not say
        false
    }

    /// Ends the link and makes it again; to the session it is the same one.
    #[cfg(target_os = "linux")]
    async fn link_anew(&self, peripheral: &Peripheral) -> Result<(), RadioError> {
        let name = name_of(peripheral);
        lock(&self.seen.renewed).insert(name.clone());
        let renewed = async {
            self.end_link(&name, peripheral).await?;
            connected(peripheral).await?;
            limited(peripheral.discover_services()).await
        };
        let renewed = renewed.await;
        lock(&self.seen.renewed).remove(&name);
        renewed
    }

    /// Ends the link, and waits until the system tells that it is gone: BlueZ answers before, and
    /// told later that would be held for the end of the next link.
    async fn end_link(&self, name: &str, peripheral: &Peripheral) -> Result<(), RadioError> {
        let mut gone = self.seen.gone.subscribe();
        limited(peripheral.disconnect()).await?;
        let told = async { while gone.recv().await.is_ok_and(|it| it != name) {} };
        let _ = tokio::time::timeout(TOLD, told).await;
        Ok(())
    }

    /// The end of a call, or that it needs a bond: a system that pairs by itself where a value is
    /// refused is refused in turn, and may leave the call hanging.
    async fn bonded_or<T>(
        &self,
        peripheral: &Peripheral,
        call: impl Future<Output = Result<T, btleplug::Error>>,
    ) -> Result<T, RadioError> {
        #[cfg(target_os = "linux")]
        let refused = self.agent.refuses(&peripheral.id().to_string());
        #[cfg(not(target_os = "linux"))]
        let refused = {
            let _ = peripheral;
            std::future::pending::<()>()
        };
        let mut gone = self.seen.gone.subscribe();
        let result = tokio::select! {
            result = limited(call) => result,
            () = refused => Err(RadioError::NeedsBonding),
        };
        if !matches!(result, Err(RadioError::Refused)) {
            return result;
        }
        // a link that breaks fails its calls as if the device refused; that it is gone comes after
        let name = name_of(peripheral);
        let told = async { while gone.recv().await.is_ok_and(|it| it != name) {} };
        match tokio::time::timeout(BREAKS, told).await {
            Ok(()) => Err(RadioError::Unreachable),
            Err(_) => result,
        }
    }

    /// The characteristic of a device that is connected.
    async fn at(
        &self,
        name: &str,
        wanted: Characteristic,
    ) -> Result<(Peripheral, btleplug::api::Characteristic), RadioError> {
        let peripheral = self.find(name).await?;
        let (service, number) = (long(wanted.service), long(wanted.number));
        let found = peripheral
            .characteristics()
            .into_iter()
            .find(|it| it.service_uuid == service && it.uuid == number);
        Ok((peripheral, found.ok_or(RadioError::NotOffered)?))
    }
}

impl Radio for DesktopRadio {
    fn scan(&self, services: Vec<u16>) -> Pending<'_, ()> {
        Box::pin(async move {
            let filter = ScanFilter {
                services: services.iter().copied().map(long).collect(),
            };
            *lock(&self.seen.wanted) = Some(services);
            let started = self.adapter.start_scan(filter).await;
            started.map_err(|error| of(&error))?;
            // what the system knows already is not discovered again
            for peripheral in self.adapter.peripherals().await.unwrap_or_default() {
                self.seen.tell(&peripheral).await;
            }
            Ok(())
        })
    }

    fn stop_scan(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            *lock(&self.seen.wanted) = None;
            self.adapter.stop_scan().await.map_err(|error| of(&error))
        })
    }

    fn connect(&self, peripheral: String) -> Pending<'_, Link> {
        Box::pin(self.open_link(peripheral))
    }

    fn bond(&self, peripheral: String) -> Pending<'_, ()> {
        Box::pin(async move {
            let peripheral = self.find(&peripheral).await?;
            #[cfg(target_os = "linux")]
            {
                let id = peripheral.id().to_string();
                if self.agent.was_refused(&id) {
                    // a pairing on the link where BlueZ's own was refused never ends
                    self.link_anew(&peripheral).await?;
                }
                self.agent.pair(&id, &name_of(&peripheral)).await?;
            }
            #[cfg(not(target_os = "linux"))]
            drop(peripheral);
            Ok(())
        })
    }

    fn tells_bonds(&self) -> bool {
        cfg!(target_os = "linux")
    }

    fn unbond(&self, peripheral: String) -> Pending<'_, ()> {
        Box::pin(async move {
            #[cfg(target_os = "linux")]
            if let Some(known) = self.among_known(&peripheral).await? {
                self.agent.remove(&known.id().to_string()).await?;
            }
            lock(&self.seen.peripherals).remove(&peripheral);
            Ok(())
        })
    }

    fn read(&self, peripheral: String, from: Characteristic) -> Pending<'_, Vec<u8>> {
        Box::pin(async move {
            let (peripheral, found) = self.at(&peripheral, from).await?;
            self.bonded_or(&peripheral, peripheral.read(&found)).await
        })
    }

    fn write(&self, peripheral: String, to: Characteristic, bytes: Vec<u8>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (peripheral, found) = self.at(&peripheral, to).await?;
            let write = peripheral.write(&found, &bytes, WriteType::WithResponse);
            self.bonded_or(&peripheral, write).await
        })
    }

    fn subscribe(&self, peripheral: String, to: Characteristic) -> Pending<'_, ()> {
        Box::pin(async move {
            let (peripheral, found) = self.at(&peripheral, to).await?;
            let pushes = CharPropFlags::NOTIFY | CharPropFlags::INDICATE;
            if !found.properties.intersects(pushes) {
                return Err(RadioError::NotOffered);
            }
            self.bonded_or(&peripheral, peripheral.subscribe(&found))
                .await
        })
    }

    fn disconnect(&self, peripheral: String) -> Pending<'_, ()> {
        Box::pin(async move {
            let Some(known) = self.seen.get(&peripheral) else {
                return Ok(());
            };
            self.end_link(&peripheral, &known).await
        })
    }
}

impl Seen {
    fn get(&self, name: &str) -> Option<Peripheral> {
        let peripherals = lock(&self.peripherals);
        peripherals.get(name).map(|it| it.peripheral.clone())
    }

    /// The one that is kept under its name: what it discovered stays with it.
    fn keep(&self, peripheral: Peripheral) -> Peripheral {
        let mut peripherals = lock(&self.peripherals);
        let known = peripherals.entry(name_of(&peripheral)).or_insert(Known {
            peripheral,
            listener: None,
        });
        known.peripheral.clone()
    }

    /// Listens to a device for as long as the radio lives; once is enough, also over lost links.
    async fn listen(
        self: &Arc<Self>,
        name: &str,
        peripheral: &Peripheral,
    ) -> Result<(), RadioError> {
        if lock(&self.peripherals)
            .get(name)
            .is_some_and(|it| it.listener.is_some())
        {
            return Ok(());
        }
        let mut values = peripheral
            .notifications()
            .await
            .map_err(|error| of(&error))?;
        let own_mark = Arc::new(());
        if let Some(known) = lock(&self.peripherals).get_mut(name) {
            known.listener = Some(own_mark.clone());
        }
        let (seen, name) = (self.clone(), name.to_owned());
        let own = peripheral.clone();
        tokio::spawn(async move {
            // the stream is never dropped: the library's own task panics then
            while let Some(value) = values.next().await {
                let is_told = lock(&seen.peripherals)
                    .get(&name)
                    .and_then(|known| known.listener.as_ref())
                    .is_some_and(|mark| Arc::ptr_eq(mark, &own_mark));
                if !is_told {
                    continue;
                }
                let (Some(service), Some(number)) = (
                    gatt::uuid::short(value.service_uuid.as_u128()),
                    gatt::uuid::short(value.uuid.as_u128()),
                ) else {
                    continue;
                };
                let told = Value {
                    peripheral: name.clone(),
                    from: Characteristic { service, number },
                    bytes: value.value,
                    at_ms: seen.clock.now_ms(),
                };
                let indicates = own.characteristics().iter().any(|it| {
                    it.uuid == value.uuid
                        && it.service_uuid == value.service_uuid
                        && it.properties.contains(CharPropFlags::INDICATE)
                });
                seen.inbox.on_event(if indicates {
                    Event::Indication(told)
                } else {
                    Event::Notification(told)
                });
            }
        });
        Ok(())
    }

    async fn on(&self, event: CentralEvent, adapter: &Adapter) {
        match event {
            CentralEvent::DeviceDiscovered(id) | CentralEvent::DeviceUpdated(id) => {
                if lock(&self.wanted).is_some()
                    && let Ok(peripheral) = adapter.peripheral(&id).await
                {
                    self.tell(&peripheral).await;
                }
            }
            CentralEvent::DeviceConnected(id) => {
                if let Some(peripheral) = self.named(&id) {
                    self.inbox.on_event(Event::Connected { peripheral });
                }
            }
            CentralEvent::DeviceDisconnected(id) => {
                if let Some(peripheral) = self.named(&id) {
                    if !lock(&self.renewed).contains(&peripheral) {
                        self.inbox.on_event(Event::Disconnected {
                            peripheral: peripheral.clone(),
                        });
                    }
                    // nobody waits for it: then nobody asked for it
                    let _ = self.gone.send(peripheral);
                }
            }
            CentralEvent::StateUpdate(CentralState::PoweredOff) => self.inbox.on_event(Event::Off),
            _ => {}
        }
    }

    fn named(&self, id: &PeripheralId) -> Option<String> {
        let peripherals = lock(&self.peripherals);
        let mut known = peripherals.iter();
        let (name, _) = known.find(|(_, known)| known.peripheral.id() == *id)?;
        Some(name.clone())
    }

    /// Tells of a device that was seen, if it is one that is looked for. The system may merge the
    /// filters of several programs, so what it shows is filtered again.
    async fn tell(&self, peripheral: &Peripheral) {
        let Ok(Some(properties)) = peripheral.properties().await else {
            return;
        };
        let found = found(name_of(peripheral), properties);
        let wanted = lock(&self.wanted).clone();
        let Some(wanted) = wanted else {
            return;
        };
        let fits = |service: &u16| wanted.contains(service);
        if wanted.is_empty() || found.services.iter().any(fits) {
            self.keep(peripheral.clone());
            self.inbox.on_event(Event::Found(found));
        }
    }
}

fn found(peripheral: String, properties: PeripheralProperties) -> Found {
    let services = properties.services.iter();
    let services = services.filter_map(|it| gatt::uuid::short(it.as_u128()));
    Found {
        peripheral,
        name: properties.advertisement_name.or(properties.local_name),
        services: services.collect(),
        rssi: properties.rssi,
    }
}

/// The address where the system tells it, else its own name of the device.
fn name_of(peripheral: &Peripheral) -> String {
    if cfg!(target_os = "linux") {
        peripheral.address().to_string()
    } else {
        peripheral.id().to_string()
    }
}

fn long(short: u16) -> Uuid {
    Uuid::from_u128(gatt::uuid::long(short))
}

/// Connects, in several attempts: a system that ends two links at once may forget to look for the
/// device that it was asked for next, and does so when it is asked again.
async fn connected(peripheral: &Peripheral) -> Result<(), RadioError> {
    for _ in 0..ATTEMPTS {
        match tokio::time::timeout(CONNECT / ATTEMPTS, peripheral.connect()).await {
            Ok(result) => return result.map_err(|error| of(&error)),
            // what is under way is called off
            Err(_) => drop(limited(peripheral.disconnect()).await),
        }
    }
    Err(RadioError::Unreachable)
}

async fn limited<T>(
    call: impl Future<Output = Result<T, btleplug::Error>>,
) -> Result<T, RadioError> {
    match tokio::time::timeout(CALL, call).await {
        Ok(result) => result.map_err(|error| of(&error)),
        Err(_) => Err(RadioError::Unreachable),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for DesktopRadio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DesktopRadio")
    }
}

/// Longest wait for a link, and for what it offers.
const CONNECT: Duration = Duration::from_secs(30);
/// In so many attempts.
const ATTEMPTS: u32 = 3;
/// Longest wait for one call.
const CALL: Duration = Duration::from_secs(30);
/// How soon after its last call a broken link is told as gone.
const BREAKS: Duration = Duration::from_millis(500);
/// Longest wait to be told that a link is gone.
const TOLD: Duration = Duration::from_secs(2);
/// A device that is not known is looked for so often, this long each.
const LOOKS: u32 = 40;
const LOOK: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
