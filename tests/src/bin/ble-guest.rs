//! The phone of a run, inside the Bluetooth guest: a real vault over the real radio.
//!
//! usage: `ble-guest STEER TICK_MS [SCENE ...]`: the line to the emulated devices, the time between
//! two of their values, and the scenes to play (all).
#![allow(clippy::print_stdout, reason = "a program of the guest tells its log")]

use log::{Level, LevelFilter, Log, Metadata};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{interval, timeout};
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_tests::bluetooth::pace::Pace;
use vitalwitness_tests::bluetooth::report::{
    Counts, KEYS, ORIGIN, PASSPHRASE, Played, REPORT, Report, VAULT,
};
use vitalwitness_tests::bluetooth::scenes::{DIGITS, Lane, Play, SCENES, Scene};
use vitalwitness_tests::bluetooth::steer::Steer;
use vitalwitness_tests::bluetooth::turns::Turns;
use vitalwitness_vault::ble::desktop::{Asked, Asker, DesktopRadio, Question, Reply};
use vitalwitness_vault::ble::{
    Air, BleError, Event, Events, Found, Goal, Inbox, Proposal, Radio, RadioError, Sensor, State,
    Told,
};
use vitalwitness_vault::clock::Clock;
use vitalwitness_vault::keys::{Argon, FileKeyStore, OsRandom};
use vitalwitness_vault::{Env, Vault};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let _ = log::set_logger(&Console);
    log::set_max_level(LevelFilter::Info);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [steer, tick_ms, wanted @ ..] = arguments.as_slice() else {
        println!("usage: ble-guest STEER TICK_MS [SCENE ...]");
        return ExitCode::from(2);
    };
    match run(Path::new(steer), tick_ms.parse().unwrap_or(20), wanted).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            println!("@t STOPPED {wrong}");
            ExitCode::FAILURE
        }
    }
}

async fn run(steer: &Path, tick_ms: i64, wanted: &[String]) -> Result<(), Wrong> {
    let mut steer = Steer::open(steer)?;
    let folder = Path::new("/tmp/phone");
    std::fs::create_dir_all(folder)?;
    let clock = Arc::new(Pace::of_system());
    steer.clock(clock.now_ms())?;
    let env = Env {
        keystore: Arc::new(FileKeyStore::open(
            &folder.join(KEYS),
            PASSPHRASE,
            Argon::LEAST,
        )?),
        clock: clock.clone(),
        random: Arc::new(OsRandom),
    };
    let (vault, kit) = Vault::create(&folder.join(VAULT), ORIGIN, env)?;
    let words = kit.words()?;
    let words: Vec<&str> = words.split(' ').collect();
    let asked = vault.asked_words()?.ok_or("no words are asked for")?;
    vault.confirm_kit(
        &asked.map(|at| words.get(usize::from(at) - 1).copied().unwrap_or_default()),
    )?;

    let inbox = Inbox::new();
    let person = Arc::new(Person::default());
    let radio = open_radio(&inbox, clock.clone(), person.clone()).await?;
    let phone = Phone {
        vault,
        radio: Turns::of(radio),
        inbox,
        person,
        steer: Mutex::new(steer),
        clock,
        tick_ms,
    };
    let is_wanted =
        |scene: &&Scene| wanted.is_empty() || wanted.iter().any(|name| name == scene.name);
    let lane = |lane: Lane| {
        let of_lane = SCENES.iter().filter(is_wanted);
        Mutex::new(of_lane.filter(|it| it.lane() == lane).collect())
    };
    let (bonding, clocks, free) = (lane(Lane::Bonding), lane(Lane::Clocks), lane(Lane::Free));
    let (one, two, three, four) = tokio::join!(
        phone.play_all(&bonding),
        phone.play_all(&clocks),
        phone.play_all(&free),
        phone.play_all(&free),
    );
    let mut scenes = [one, two, three, four].concat();
    scenes.sort_by_key(|played| SCENES.iter().position(|scene| scene.name == played.scene));
    let report = Report {
        ended_ms: phone.clock.now_ms(),
        scenes,
    };
    phone.vault.lock();
    drop(phone.vault);
    let mut steer = phone
        .steer
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    for name in [VAULT, KEYS] {
        steer.keep(name, &std::fs::read(folder.join(name))?)?;
    }
    steer.keep(REPORT, &serde_json::to_vec(&report)?)?;
    Ok(())
}

/// The controller appears when the relay has joined it, and bluetoothd switches it on.
async fn open_radio(
    inbox: &Inbox,
    clock: Arc<Pace>,
    person: Arc<Person>,
) -> Result<DesktopRadio, Wrong> {
    let mut beat = interval(Duration::from_millis(200));
    for _ in 0..150 {
        beat.tick().await;
        match DesktopRadio::open(inbox.clone(), clock.clone(), person.clone()).await {
            Err(RadioError::Off) => {}
            opened => return Ok(opened?),
        }
    }
    Err("no adapter was switched on".into())
}

/// Several scenes are played beside each other: what takes time is waiting, for BlueZ to end a
/// link, for a device to come back.
struct Phone {
    vault: Vault,
    radio: Turns,
    inbox: Inbox,
    person: Arc<Person>,
    steer: Mutex<Steer>,
    clock: Arc<Pace>,
    tick_ms: i64,
}

/// What came over the air in one scene.
struct Heard {
    scene: &'static str,
    events: Events,
    values: BTreeMap<u16, u64>,
    states: Vec<String>,
    shows: bool,
}

impl Heard {
    fn take(&mut self, told: &Told) {
        match told {
            Told::State(state) => {
                let word = word_of(*state);
                if self.states.last() != Some(&word) {
                    println!("@t   {} {word}", self.scene);
                    self.states.push(word);
                }
            }
            Told::Taken(taken) if self.shows => show(&taken.records),
            _ => {}
        }
    }
}

impl Phone {
    async fn play_all(&self, rest: &Mutex<VecDeque<&'static Scene>>) -> Vec<Played> {
        let mut all = Vec::new();
        loop {
            let next = lock(rest).pop_front();
            let Some(scene) = next else {
                return all;
            };
            let played = Box::pin(self.play(scene)).await;
            let verdict = played.failure.as_deref().unwrap_or("PASS");
            println!("@t {} {} ms: {verdict}", scene.name, played.ms);
            all.push(played);
        }
    }

    async fn play(&self, scene: &Scene) -> Played {
        println!("@t scene {}", scene.name);
        let began = self.clock.monotonic_ms();
        let heard = Mutex::new(Heard {
            scene: scene.name,
            events: self.inbox.events(),
            values: BTreeMap::new(),
            states: Vec::new(),
            shows: std::env::var("SHOW").is_ok_and(|it| !it.is_empty()),
        });
        let mut played = Played {
            scene: scene.name.to_owned(),
            ..Played::default()
        };
        if let Err(wrong) = self.act(scene, &heard, &mut played).await {
            played.failure = Some(wrong.to_string());
        }
        // without its devices' ledgers the judge would say so
        let _ = lock(&self.steer).over(scene.name);
        played.states = std::mem::take(&mut lock(&heard).states);
        played.ms = self.clock.monotonic_ms() - began;
        played
    }

    async fn act(
        &self,
        scene: &Scene,
        heard: &Mutex<Heard>,
        played: &mut Played,
    ) -> Result<(), Wrong> {
        let devices = {
            let mut steer = lock(&self.steer);
            // the guest's time may pass more slowly than the devices'
            steer.clock(self.clock.now_ms())?;
            steer.scene(scene.name)?
        };
        let address = devices
            .first()
            .ok_or("a scene without a device")?
            .address
            .clone();
        let found = {
            let _turn = self.radio.turn().await;
            let looked = timeout(SEEN, self.look_for(scene.service, &address)).await;
            looked.map_err(|_| "the device was not seen")??
        };
        if let Play::WrongDigits(fault) = scene.play {
            self.person.types(&address, DIGITS + 1);
            expect_stop(
                self.pair(scene, found.clone(), heard).await.map(|_| ()),
                fault,
            )?;
            self.person.types(&address, DIGITS);
        }
        let sensor = self.pair(scene, found, heard).await?;
        played.sensor = Some(hex::encode(sensor.id));
        if let vitalwitness_vault::ble::Whose::User(user) = scene.whose {
            played.user = Some(user);
        }
        if let Play::LostBond(fault) = scene.play {
            self.radio.unbond(sensor.peripheral.clone()).await?;
            let alone = self.read(scene, &sensor, false, heard).await;
            expect_stop(alone, fault)?;
        }
        if scene.play == Play::Night {
            self.clock.set(1_000 / self.tick_ms.max(1));
        }
        let read = self.read(scene, &sensor, true, heard).await;
        self.clock.set(1);
        read?;
        let after = self.vault.sensor(&sensor.id)?;
        let counts = after.counts;
        played.counts = Counts {
            kept: counts.kept,
            repeated: counts.repeated,
            refused: counts.refused,
            others: counts.others,
            missing: counts.missing,
        };
        if counts.missing > 0 {
            return Err(format!("{} stored readings never came", counts.missing).into());
        }
        if let Play::Battery(percent) = scene.play {
            let told = after.about.battery.map(|it| it.0);
            if told != Some(percent) {
                return Err(format!("the battery stands at {told:?}").into());
            }
        }
        Ok(())
    }

    async fn look_for(&self, service: u16, address: &str) -> Result<Found, Wrong> {
        let mut events = self.inbox.events();
        self.radio.scan(vec![service]).await?;
        let found = loop {
            match events.next().await {
                Some(Event::Found(found))
                    if found.peripheral == address && found.name.is_some() =>
                {
                    break found;
                }
                Some(_) => {}
                None => return Err("the radio is gone".into()),
            }
        };
        self.radio.stop_scan().await?;
        Ok(found)
    }

    async fn pair(
        &self,
        scene: &Scene,
        found: Found,
        heard: &Mutex<Heard>,
    ) -> Result<Sensor, Wrong> {
        let confirmed = Proposal::of(found).confirm("Alex", scene.whose)?;
        // from now on: the end of the link before is none of this session's
        let mut events = self.inbox.events();
        let mut tell = |told| lock(heard).take(&told);
        let air = Air {
            radio: &self.radio,
            events: &mut events,
            zone: &UTC,
            tell: &mut tell,
        };
        let pairing = self.vault.pair_sensor(&confirmed, air);
        Ok(timeout(LONG, pairing)
            .await
            .map_err(|_| "pairing does not end")??)
    }

    /// Runs a session; one that listens is stopped once its device has nothing more to send.
    async fn read(
        &self,
        scene: &Scene,
        sensor: &Sensor,
        present: bool,
        heard: &Mutex<Heard>,
    ) -> Result<(), Wrong> {
        // from now on: the end of the link before is none of this session's
        let mut events = self.inbox.events();
        let mut tell = |told| lock(heard).take(&told);
        let air = Air {
            radio: &self.radio,
            events: &mut events,
            zone: &UTC,
            tell: &mut tell,
        };
        let (id, goal) = (&sensor.id, scene.goal);
        let session = self.vault.run_sensor(id, goal, present, air);
        let longest = if scene.play == Play::Night {
            NIGHT
        } else {
            LONG
        };
        let both = async {
            tokio::select! {
                ended = session => Ok(ended?),
                Err(broken) = self.watch(scene, &sensor.peripheral, heard) => Err(broken),
            }
        };
        timeout(longest, both)
            .await
            .map_err(|_| "the session does not end")?
    }

    /// Tells the devices what comes; when all of it did, a session that listens is stopped.
    async fn watch(
        &self,
        scene: &Scene,
        peripheral: &str,
        heard: &Mutex<Heard>,
    ) -> Result<Infallible, Wrong> {
        let mut beat = interval(BEAT);
        let mut still = 0;
        loop {
            beat.tick().await;
            let done = self.tell_heard(scene.name, peripheral, heard)?;
            still = if done { still + 1 } else { 0 };
            if scene.goal == Goal::Live && still == 2 {
                self.inbox.on_event(Event::Stop {
                    peripheral: peripheral.to_owned(),
                });
            }
        }
    }

    /// Tells the devices how much of what they sent came; whether that is all they have.
    fn tell_heard(
        &self,
        scene: &str,
        peripheral: &str,
        heard: &Mutex<Heard>,
    ) -> Result<bool, Wrong> {
        let mut heard = lock(heard);
        while let Some(event) = heard.events.ready() {
            if let Event::Notification(value) | Event::Indication(value) = event
                && value.peripheral == peripheral
            {
                *heard.values.entry(value.from.number).or_default() += 1;
            }
        }
        Ok(lock(&self.steer).heard(scene, &heard.values)?)
    }
}

fn expect_stop(
    ended: Result<(), Wrong>,
    fault: vitalwitness_vault::ble::Fault,
) -> Result<(), Wrong> {
    match ended {
        Ok(()) => Err(format!("it went well, and should have said {}", fault.code()).into()),
        Err(wrong) => match wrong.downcast_ref::<BleError>() {
            Some(BleError::Stopped(said)) if *said == fault => Ok(()),
            _ => Err(format!("it should have said {}: {wrong}", fault.code()).into()),
        },
    }
}

/// Heart rates that were taken in, for the demonstration: of a public recording, nobody's here.
fn show(records: &[Record]) {
    for record in records {
        if let Body::Observation { code, value } = &record.body
            && let (HEART_RATE, Value::Quantity(rate, _)) = (code.as_str(), value)
        {
            println!("@v {rate}");
        }
    }
}

/// A state as a word for the report: `stopped:needs_bonding`.
fn word_of(state: State) -> String {
    match state {
        State::Connecting => "connecting".to_owned(),
        State::Bonding => "bonding".to_owned(),
        State::Preparing => "preparing".to_owned(),
        State::History { .. } => "history".to_owned(),
        State::Live => "live".to_owned(),
        State::Quiet => "quiet".to_owned(),
        State::Waiting { because, .. } => format!("waiting:{}", because.code()),
        State::Ended => "ended".to_owned(),
        State::Stopped(fault) => format!("stopped:{}", fault.code()),
        other => format!("{other:?}"),
    }
}

/// Who holds the phone: says yes, and types digits, for each device its own.
#[derive(Debug, Default)]
struct Person(Mutex<BTreeMap<String, u32>>);

impl Person {
    fn types(&self, peripheral: &str, digits: u32) {
        lock(&self.0).insert(peripheral.to_owned(), digits);
    }
}

impl Asker for Person {
    fn ask(&self, peripheral: String, question: Question) -> Asked<'_> {
        let digits = lock(&self.0).get(&peripheral).copied().unwrap_or(DIGITS);
        Box::pin(async move {
            println!("@t   asked: {question:?}");
            match question {
                Question::Passkey => Some(Reply::Passkey(digits)),
                Question::Compare(_) | Question::Show(_) => Some(Reply::Yes),
            }
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Console;

impl Log for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn || metadata.target().starts_with("vitalwitness")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            println!(
                "@l {} {}: {}",
                record.level(),
                record.target(),
                record.args()
            );
        }
    }

    fn flush(&self) {}
}

type Wrong = Box<dyn std::error::Error + Send + Sync>;

const HEART_RATE: &str = "loinc|8867-4";

/// The guest stands in Greenwich.
const UTC: fn(i64) -> i16 = |_| 0;
/// How often the devices are told what came.
const BEAT: Duration = Duration::from_millis(200);
const SEEN: Duration = Duration::from_mins(1);
const LONG: Duration = Duration::from_mins(4);
const NIGHT: Duration = Duration::from_mins(20);
