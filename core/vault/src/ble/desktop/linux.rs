//! Bonding on Linux: an agent of our own, `Device1.Pair()`, and bonds removed again.
//!
//! Pairing is asked for in so many words: left to BlueZ, which raises security when a read is
//! refused, the read may never be tried again. The agent answers only for the device that is being
//! paired by this program; for any other it refuses, so no stranger is bonded. A refusal is told to
//! the call that made BlueZ ask: BlueZ itself leaves that call without an answer.

use super::words::of_words;
use super::{Asker, Question, Reply, lock};
use crate::ble::radio::{Event, Inbox, RadioError};
use dbus::channel::MatchingReceiver as _;
use dbus::message::MatchRule;
use dbus::nonblock::stdintf::org_freedesktop_dbus::Properties as _;
use dbus::nonblock::{Proxy, SyncConnection};
use dbus::{MethodErr, Path};
use dbus_crossroads::{Context, Crossroads, IfaceBuilder};
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::broadcast;

/// Our agent on the system bus.
pub(super) struct Agent {
    bus: Arc<SyncConnection>,
    inbox: Inbox,
    pairing: Arc<Pairing>,
}

/// The device that is being paired, and who is asked.
struct Pairing {
    asker: Arc<dyn Asker>,
    /// Path on the bus, name for the person.
    device: Mutex<Option<(String, String)>>,
    /// Paths of devices that BlueZ began to pair and this program did not.
    unasked: broadcast::Sender<String>,
    /// Those of them that were not paired since.
    refused: Mutex<HashSet<String>>,
}

impl Agent {
    pub(super) async fn register(asker: Arc<dyn Asker>, inbox: Inbox) -> Result<Self, RadioError> {
        let (resource, bus) =
            dbus_tokio::connection::new_system_sync().map_err(|_| RadioError::Off)?;
        tokio::spawn(async move {
            let lost = resource.await;
            log::warn!("the system bus is lost: {lost}");
        });
        let pairing = Arc::new(Pairing {
            asker,
            device: Mutex::default(),
            unasked: broadcast::Sender::new(8),
            refused: Mutex::default(),
        });
        let mut objects = Crossroads::new();
        objects.set_async_support(Some((
            bus.clone(),
            Box::new(|answer| {
                tokio::spawn(answer);
            }),
        )));
        let interface = objects.register("org.bluez.Agent1", methods);
        objects.insert(AGENT, &[interface], pairing.clone());
        bus.start_receive(
            MatchRule::new_method_call(),
            Box::new(move |message, bus| {
                // a call that is none of ours gets an error from crossroads itself
                let _ = objects.handle_message(message, bus);
                true
            }),
        );
        let manager = Proxy::new("org.bluez", "/org/bluez", ANSWER, bus.clone());
        let agent = (Path::from(AGENT), "KeyboardDisplay");
        let registered: Result<(), dbus::Error> = manager
            .method_call("org.bluez.AgentManager1", "RegisterAgent", agent)
            .await;
        registered.map_err(|error| of(&error))?;
        Ok(Self {
            bus,
            inbox,
            pairing,
        })
    }

    /// Ends when BlueZ began to pair the device by itself, and was refused. Counts from the call on.
    pub(super) fn refuses(&self, id: &str) -> impl Future<Output = ()> + Send + use<> {
        let (path, mut unasked) = (path_of(id), self.pairing.unasked.subscribe());
        async move {
            loop {
                match unasked.recv().await {
                    Ok(refused) if refused == path => return,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        }
    }

    /// Whether BlueZ's own pairing of the device was refused since this was last asked.
    pub(super) fn was_refused(&self, id: &str) -> bool {
        lock(&self.pairing.refused).remove(&path_of(id))
    }

    /// Pairs a device; `name` is what the radio calls it.
    pub(super) async fn pair(&self, id: &str, name: &str) -> Result<(), RadioError> {
        if self.is_bonded(id).await {
            return Ok(());
        }
        let path = path_of(id);
        *lock(&self.pairing.device) = Some((path.clone(), name.to_owned()));
        let device = Proxy::new("org.bluez", path, PAIR, self.bus.clone());
        let paired: Result<(), dbus::Error> =
            device.method_call("org.bluez.Device1", "Pair", ()).await;
        *lock(&self.pairing.device) = None;
        match paired {
            Ok(()) => {}
            Err(error) if error.name() == Some("org.bluez.Error.AlreadyExists") => {}
            Err(error) => {
                return Err(match error.name() {
                    Some(
                        "org.bluez.Error.AuthenticationCanceled"
                        | "org.bluez.Error.AuthenticationTimeout"
                        | "org.freedesktop.DBus.Error.NoReply",
                    ) => RadioError::BondRefused,
                    _ => of(&error),
                });
            }
        }
        self.inbox.on_event(Event::Bonded {
            peripheral: name.to_owned(),
        });
        Ok(())
    }

    pub(super) async fn is_bonded(&self, id: &str) -> bool {
        let device = Proxy::new("org.bluez", path_of(id), ANSWER, self.bus.clone());
        let bonded: Result<bool, dbus::Error> = device.get("org.bluez.Device1", "Bonded").await;
        match bonded {
            Ok(bonded) => bonded,
            // BlueZ before 5.65 has no such property
            Err(_) => device
                .get("org.bluez.Device1", "Paired")
                .await
                .unwrap_or(false),
        }
    }

    /// Forgets a device, its bond included.
    pub(super) async fn remove(&self, id: &str) -> Result<(), RadioError> {
        let (adapter, _) = id.split_once('/').ok_or(RadioError::NotOffered)?;
        let adapter = ["/org/bluez/", adapter].concat();
        let adapter = Proxy::new("org.bluez", adapter, ANSWER, self.bus.clone());
        let removed: Result<(), dbus::Error> = adapter
            .method_call(
                "org.bluez.Adapter1",
                "RemoveDevice",
                (Path::from(path_of(id)),),
            )
            .await;
        removed.map_err(|error| of(&error))
    }
}

impl Pairing {
    /// Asks the person about `device`, if it is the one being paired.
    async fn ask(&self, device: Path<'static>, question: Question) -> Result<Reply, MethodErr> {
        let paired = lock(&self.device).clone();
        let Some((_, name)) = paired.filter(|(path, _)| *path == *device) else {
            return Err(self.refuse(&device));
        };
        self.asker.ask(name, question).await.ok_or_else(refused)
    }

    fn refuse(&self, device: &Path<'static>) -> MethodErr {
        lock(&self.refused).insert(device.to_string());
        // nobody waits: then no call of ours made BlueZ ask
        let _ = self.unasked.send(device.to_string());
        refused()
    }
}

/// `org.bluez.Agent1`. A plain pairing without digits was asked for by calling `Pair()`; it is
/// allowed for that device and no other.
fn methods(agent: &mut IfaceBuilder<Arc<Pairing>>) {
    agent.method("Release", (), (), |_, _, ()| Ok(()));
    agent.method("Cancel", (), (), |_, _, ()| Ok(()));
    agent.method(
        "RequestPinCode",
        ("device",),
        ("pin",),
        |_, _, (_,): (Path<'static>,)| {
            // of classic Bluetooth, not of Low Energy
            Err::<(String,), _>(refused())
        },
    );
    agent.method(
        "AuthorizeService",
        ("device", "uuid"),
        (),
        |_, _, (_, _): (Path<'static>, String)| Err::<(), _>(refused()),
    );
    agent.method(
        "RequestAuthorization",
        ("device",),
        (),
        |_, pairing: &mut Arc<Pairing>, (device,): (Path<'static>,)| {
            let paired = lock(&pairing.device);
            let ours = paired.as_ref().is_some_and(|(path, _)| *path == *device);
            drop(paired);
            if ours {
                Ok(())
            } else {
                Err(pairing.refuse(&device))
            }
        },
    );
    agent.method(
        "DisplayPinCode",
        ("device", "pin"),
        (),
        |_, _, (_, _): (Path<'static>, String)| Err::<(), _>(refused()),
    );
    agent.method_with_cr_async(
        "RequestPasskey",
        ("device",),
        ("passkey",),
        |mut context: Context, objects, (device,): (Path<'static>,)| {
            let pairing = of_agent(objects);
            async move {
                let reply = match pairing {
                    Some(pairing) => pairing.ask(device, Question::Passkey).await,
                    None => Err(refused()),
                };
                context.reply(match reply {
                    Ok(Reply::Passkey(digits)) => Ok((digits,)),
                    Ok(Reply::Yes) => Err(refused()),
                    Err(error) => Err(error),
                })
            }
        },
    );
    agent.method_with_cr_async(
        "RequestConfirmation",
        ("device", "passkey"),
        (),
        |mut context: Context, objects, (device, digits): (Path<'static>, u32)| {
            let pairing = of_agent(objects);
            async move {
                let reply = match pairing {
                    Some(pairing) => pairing.ask(device, Question::Compare(digits)).await,
                    None => Err(refused()),
                };
                context.reply(match reply {
                    Ok(Reply::Yes) => Ok(()),
                    Ok(Reply::Passkey(_)) => Err(refused()),
                    Err(error) => Err(error),
                })
            }
        },
    );
    agent.method_with_cr_async(
        "DisplayPasskey",
        ("device", "passkey", "entered"),
        (),
        |mut context: Context, objects, (device, digits, entered): (Path<'static>, u32, u16)| {
            let pairing = of_agent(objects);
            async move {
                // told again for each digit that is typed
                if let (Some(pairing), 0) = (pairing, entered) {
                    let _ = pairing.ask(device, Question::Show(digits)).await;
                }
                context.reply(Ok(()))
            }
        },
    );
}

fn of_agent(objects: &mut Crossroads) -> Option<Arc<Pairing>> {
    objects
        .data_mut::<Arc<Pairing>>(&Path::from(AGENT))
        .map(|pairing| pairing.clone())
}

fn refused() -> MethodErr {
    MethodErr::from(("org.bluez.Error.Rejected", "refused"))
}

fn path_of(id: &str) -> String {
    ["/org/bluez/", id].concat()
}

fn of(error: &dbus::Error) -> RadioError {
    let name = error.name().unwrap_or_default();
    let words = error.message().unwrap_or_default();
    of_words(&format!("{words} ({name})"))
}

const AGENT: &str = "/org/vitalwitness/agent";
const ANSWER: Duration = Duration::from_secs(5);
/// A person looks for digits and types them.
const PAIR: Duration = Duration::from_mins(1);
