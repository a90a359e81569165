//! The phone of a run, inside the Bluetooth guest: a real vault over the real radio.
//!
//! usage: `ble-guest STEER TICK_MS [SCENE ...]`: the line to the emulated devices, the time between
//! two of their values, and the scenes to play (all).
#![allow(clippy::print_stdout, reason = "a program of the guest tells its log")]

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{interval, timeout};
use vitalwitness_tests::bluetooth::pace::Pace;
use vitalwitness_tests::bluetooth::report::{
    Counts, KEYS, ORIGIN, PASSPHRASE, Played, REPORT, Report, VAULT,
};
use vitalwitness_tests::bluetooth::scenes::{DIGITS, Play, SCENES, Scene};
use vitalwitness_tests::bluetooth::steer::Steer;
use vitalwitness_vault::ble::desktop::{Asked, Asker, DesktopRadio, Question, Reply};
use vitalwitness_vault::ble::{
    Air, BleError, Event, Found, Goal, Inbox, Proposal, Radio, RadioError, Sensor, State, Told,
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
    let mut phone = Phone {
        vault,
        radio,
        inbox,
        person,
        steer,
        clock,
        tick_ms,
    };
    let mut report = Report::default();
    for scene in &SCENES {
        if wanted.is_empty() || wanted.iter().any(|name| name == scene.name) {
            let played = phone.play(scene).await;
            let verdict = played.failure.as_deref().unwrap_or("PASS");
            println!("@t {} {} ms: {verdict}", scene.name, played.ms);
            report.scenes.push(played);
        }
    }
    report.ended_ms = phone.clock.now_ms();
    phone.vault.lock();
    drop(phone.vault);
    for name in [VAULT, KEYS] {
        phone.steer.keep(name, &std::fs::read(folder.join(name))?)?;
    }
    phone.steer.keep(REPORT, &serde_json::to_vec(&report)?)?;
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

struct Phone {
    vault: Vault,
    radio: DesktopRadio,
    inbox: Inbox,
    person: Arc<Person>,
    steer: Steer,
    clock: Arc<Pace>,
    tick_ms: i64,
}

/// What a scene has told so far.
#[derive(Debug, Default)]
struct Heard {
    states: Mutex<Vec<String>>,
    values: AtomicU64,
}

impl Heard {
    fn take(&self, told: &Told) {
        match told {
            Told::State(state) => {
                let word = word_of(*state);
                let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
                if states.last() != Some(&word) {
                    println!("@t   {word}");
                    states.push(word);
                }
            }
            Told::Taken(_) => {
                self.values.fetch_add(1, Ordering::SeqCst);
            }
            Told::Learned(_) => {}
        }
    }
}

impl Phone {
    async fn play(&mut self, scene: &Scene) -> Played {
        println!("@t scene {}", scene.name);
        let began = self.clock.monotonic_ms();
        let heard = Heard::default();
        let mut played = Played {
            scene: scene.name.to_owned(),
            ..Played::default()
        };
        if let Err(wrong) = self.act(scene, &heard, &mut played).await {
            played.failure = Some(wrong.to_string());
        }
        played.states = heard
            .states
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        played.ms = self.clock.monotonic_ms() - began;
        played
    }

    async fn act(
        &mut self,
        scene: &Scene,
        heard: &Heard,
        played: &mut Played,
    ) -> Result<(), Wrong> {
        let devices = self.steer.scene(scene.name)?;
        let address = devices
            .first()
            .ok_or("a scene without a device")?
            .address
            .clone();
        self.person.digits.store(DIGITS, Ordering::SeqCst);
        let found = timeout(SEEN, self.look_for(scene.service, &address)).await;
        let found = found.map_err(|_| "the device was not seen")??;
        if let Play::WrongDigits(fault) = scene.play {
            self.person.digits.store(DIGITS + 1, Ordering::SeqCst);
            expect_stop(
                self.pair(scene, found.clone(), heard).await.map(|_| ()),
                fault,
            )?;
            self.person.digits.store(DIGITS, Ordering::SeqCst);
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

    async fn look_for(&mut self, service: u16, address: &str) -> Result<Found, Wrong> {
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

    async fn pair(&mut self, scene: &Scene, found: Found, heard: &Heard) -> Result<Sensor, Wrong> {
        let confirmed = Proposal::of(found).confirm("Alex", scene.whose)?;
        // from now on: the end of the link before is none of this session's
        let mut events = self.inbox.events();
        let mut tell = |told| heard.take(&told);
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
        &mut self,
        scene: &Scene,
        sensor: &Sensor,
        present: bool,
        heard: &Heard,
    ) -> Result<(), Wrong> {
        // from now on: the end of the link before is none of this session's
        let mut events = self.inbox.events();
        let mut tell = |told| heard.take(&told);
        let air = Air {
            radio: &self.radio,
            events: &mut events,
            zone: &UTC,
            tell: &mut tell,
        };
        let (id, goal) = (&sensor.id, scene.goal);
        let session = self.vault.run_sensor(id, goal, present, air);
        let stop = Event::Stop {
            peripheral: sensor.peripheral.clone(),
        };
        let (steer, inbox) = (&mut self.steer, self.inbox.clone());
        let watch = async move {
            if scene.goal == Goal::Live {
                until_quiet(steer, heard).await?;
                inbox.on_event(stop);
            }
            std::future::pending::<Result<(), Wrong>>().await
        };
        let longest = if scene.play == Play::Night {
            NIGHT
        } else {
            LONG
        };
        let both = async {
            tokio::select! {
                ended = session => Ok(ended?),
                broken = watch => broken,
            }
        };
        timeout(longest, both)
            .await
            .map_err(|_| "the session does not end")?
    }
}

/// Waits until the devices have sent all they have, and nothing came for a while.
async fn until_quiet(steer: &mut Steer, heard: &Heard) -> Result<(), Wrong> {
    let mut beat = interval(Duration::from_millis(250));
    let (mut last, mut still) = (u64::MAX, 0);
    while still < 4 {
        beat.tick().await;
        let values = heard.values.load(Ordering::SeqCst);
        still = if values == last && steer.is_done()? {
            still + 1
        } else {
            0
        };
        last = values;
    }
    Ok(())
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

/// Who holds the phone: says yes, and types digits.
#[derive(Debug, Default)]
struct Person {
    digits: AtomicU32,
}

impl Asker for Person {
    fn ask(&self, _peripheral: String, question: Question) -> Asked<'_> {
        let digits = self.digits.load(Ordering::SeqCst);
        Box::pin(async move {
            println!("@t   asked: {question:?}");
            match question {
                Question::Passkey => Some(Reply::Passkey(digits)),
                Question::Compare(_) | Question::Show(_) => Some(Reply::Yes),
            }
        })
    }
}

struct Console;

impl Log for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn || metadata.target().starts_with("vitalwitness")
    }

    fn log(&self, record: &Record<'_>) {
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

/// The guest stands in Greenwich.
const UTC: fn(i64) -> i16 = |_| 0;
const SEEN: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_mins(2);
const NIGHT: Duration = Duration::from_mins(20);
