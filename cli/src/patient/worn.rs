//! `devices scan | pair | list | forget | stream | priority`: straps, cuffs, meters and scales over Bluetooth.

mod asking;
mod priority;
mod streaming;

use super::{At, failed};
use crate::console::{Console, Tone};
use crate::disclosed::printable;
use crate::outcome::{Exit, Failure, Outcome};
use crate::recorded::rfc3339;
use crate::{months, wording};
use asking::Person;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use vitalwitness_vault::Vault;
use vitalwitness_vault::ble::desktop::DesktopRadio;
use vitalwitness_vault::ble::{
    Air, BleError, Event, Fault, Found, Inbox, Next, Proposal, Radio, RadioError, Sensor, State,
    Told, Whose, collects, every_service,
};
use vitalwitness_vault::clock::SystemClock;

/// What can be done with worn devices.
#[derive(Subcommand, Debug)]
pub(crate) enum Worn {
    Scan(Scan),
    Pair(Pair),
    List(List),
    Forget(Forget),
    Stream(streaming::Stream),
    Priority(priority::Priority),
}

/// Look for Bluetooth devices whose measurements can be read here.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness devices scan --seconds 20")]
pub(crate) struct Scan {
    /// For so long.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
}

/// Pair a Bluetooth device: its readings go into the record of who wears it.
#[derive(Args, Debug)]
#[command(after_help = PAIRING)]
pub(crate) struct Pair {
    /// Its address or name, as `devices scan` shows them.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Who will wear it; asked for without it. Naming them here confirms it.
    #[arg(long, value_name = "NAME")]
    wearer: Option<String>,
    /// Several people use it, and you are this user on it.
    #[arg(long, value_name = "N", conflicts_with = "only_me")]
    user: Option<u8>,
    /// Nobody else uses it: take its readings whatever user it names.
    #[arg(long)]
    only_me: bool,
    /// Keep its serial number, too.
    #[arg(long)]
    keep_serial: bool,
    /// The six digits it shows; asked for without it.
    #[arg(long, value_name = "DIGITS")]
    passkey: Option<u32>,
    /// Look for it for so long.
    #[arg(long, value_name = "N", default_value_t = 30)]
    seconds: u64,
    #[command(flatten)]
    at: At,
}

/// List your paired Bluetooth devices.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness devices list")]
pub(crate) struct List {
    #[command(flatten)]
    at: At,
}

/// Forget a Bluetooth device; your entries from it stay.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness devices forget \"HR Strap\"")]
pub(crate) struct Forget {
    /// Its name, address, or the beginning of its id.
    #[arg(value_name = "DEVICE")]
    device: String,
    #[command(flatten)]
    at: At,
}

const PAIRING: &str = "\
Examples:
  vitalwitness devices pair \"HR Strap\"
  vitalwitness devices pair F0:0D:BE:EF:00:01 --wearer Ada --user 2

Its readings stay on this computer until you share them. Nothing on the device is ever erased.";

/// Runs one of them.
pub(crate) async fn run(worn: &Worn, console: &Console) -> Outcome<Exit> {
    match worn {
        Worn::Scan(args) => scan(args, console).await,
        Worn::Pair(args) => pair(args, console).await,
        Worn::List(args) => list(args, console),
        Worn::Forget(args) => forget(args, console).await,
        Worn::Stream(args) => streaming::stream(args, console).await,
        Worn::Priority(args) => priority::priority(args, console),
    }
}

async fn open(passkey: Option<u32>, console: &Console) -> Outcome<(DesktopRadio, Inbox)> {
    let inbox = Inbox::new();
    let person = Arc::new(Person::new(passkey, console.can_ask()));
    let radio = DesktopRadio::open(inbox.clone(), Arc::new(SystemClock), person).await;
    Ok((radio.map_err(of_radio)?, inbox))
}

/// Devices as they are found, the latest word about each, until `seconds` are over or `enough`.
async fn look(
    radio: &dyn Radio,
    inbox: &Inbox,
    seconds: u64,
    mut enough: impl FnMut(&Found) -> bool,
) -> Outcome<Vec<Found>> {
    let mut events = inbox.events();
    radio.scan(every_service()).await.map_err(of_radio)?;
    let mut all: Vec<Found> = Vec::new();
    let looking = async {
        while let Some(event) = events.next().await {
            match event {
                Event::Found(found) => {
                    let stop = enough(&found);
                    all.retain(|it| it.peripheral != found.peripheral);
                    all.push(found);
                    if stop {
                        return Ok(());
                    }
                }
                Event::Off => return Err(of_radio(RadioError::Off)),
                _ => {}
            }
        }
        Ok(())
    };
    let looked = tokio::time::timeout(Duration::from_secs(seconds), looking).await;
    // a scan that goes on costs battery and nothing else
    let _ = radio.stop_scan().await;
    looked.unwrap_or(Ok(()))?;
    Ok(all)
}

async fn scan(args: &Scan, console: &Console) -> Outcome<Exit> {
    let (radio, inbox) = open(None, console).await?;
    let found = look(&radio, &inbox, args.seconds, |_| false).await?;
    if console.json() {
        let found: Vec<Value> = found.iter().map(found_json).collect();
        console.value(&found);
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        console.line("Nothing found. Wake the device, bring it near, and look again.");
    }
    for found in &found {
        console.line(format!(
            "{}  {}",
            found.peripheral,
            console.paint(Tone::Strong, &name_of(found))
        ));
        let proposal = Proposal::of(found.clone());
        console.fact("Collects", proposal.collects.join(", "));
        if proposal.hint.is_some_and(|hint| hint.closed) {
            console.fact("Not readable", "it speaks its maker's own language only");
        } else {
            console.fact("To pair", proposal.step.words());
        }
    }
    Ok(Exit::Done)
}

fn name_of(found: &Found) -> String {
    printable(found.name.as_deref().unwrap_or("(no name)"))
}

fn found_json(found: &Found) -> Value {
    let proposal = Proposal::of(found.clone());
    json!({
        "device": found.peripheral,
        "name": found.name,
        "collects": proposal.collects,
        "rssi": found.rssi,
        "step": proposal.step.code(),
        "readable": !proposal.hint.is_some_and(|hint| hint.closed),
    })
}

async fn pair(args: &Pair, console: &Console) -> Outcome<Exit> {
    if args.wearer.is_none() && !console.can_ask() {
        return Err(of_ble(&BleError::NoWearer));
    }
    let vault = args.at.open(console)?;
    let (radio, inbox) = open(args.passkey, console).await?;
    let wanted = args.device.trim();
    let is_it = |found: &Found| {
        let named = found.name.as_deref().is_some_and(|it| it == wanted);
        named || found.peripheral.eq_ignore_ascii_case(wanted)
    };
    let found = look(&radio, &inbox, args.seconds, is_it).await?;
    let found = found.into_iter().find(|it| is_it(it));
    let found = found.ok_or_else(|| of_radio(RadioError::Unreachable))?;
    let proposal = Proposal::of(found);
    if !console.json() {
        console.heading(&format!("Connect {}", name_of(&proposal.found)));
        console.fact("Collects", proposal.collects.join(", "));
        console.fact("Make it ready", proposal.step.words());
    }
    let (wearer, asked) = match &args.wearer {
        Some(wearer) => (wearer.clone(), false),
        None => (console.ask("Who will wear it?")?, true),
    };
    if asked && !console.agree(&format!("Connect for {}?", wearer.trim()))? {
        return Err(Failure::new(
            Exit::Refused,
            "wearer_not_confirmed",
            "Nothing was paired.",
        ));
    }
    let whose = match (args.user, args.only_me) {
        (Some(user), _) => Whose::User(user),
        (None, true) => Whose::Mine,
        (None, false) => Whose::Unsaid,
    };
    let mut confirmed = proposal
        .confirm(&wearer, whose)
        .map_err(|error| of_ble(&error))?;
    confirmed.keep_serial = args.keep_serial;
    let mut events = inbox.events();
    let json = console.json();
    let mut tell = |told: Told| {
        if let (Told::State(State::Bonding), false) = (&told, json) {
            let mut err = std::io::stderr().lock();
            let _ = std::io::Write::write_all(&mut err, b"Pairing. It may show a number.\n");
        }
    };
    let air = Air {
        radio: &radio,
        events: &mut events,
        zone: &months::offset_at,
        tell: &mut tell,
    };
    let paired = vault.pair_sensor(&confirmed, air).await;
    let sensor = paired.map_err(|error| of_ble(&error))?;
    if json {
        console.value(&sensor_json(&sensor));
        return Ok(Exit::Done);
    }
    console.line(console.paint(
        Tone::Seal,
        &format!("{} is paired.", printable(&sensor.name)),
    ));
    show(&sensor, console);
    if sensor.about.several_users && sensor.whose == Whose::Unsaid {
        console.note(
            "Several people can use it: pair it again with --user N (or --only-me), or its readings are refused.",
        );
    }
    console.line(format!(
        "Its readings: vitalwitness devices stream {}",
        &hex::encode(sensor.id)[..8]
    ));
    Ok(Exit::Done)
}

fn list(args: &List, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let sensors = vault.sensors().map_err(|error| failed(&error))?;
    if console.json() {
        let sensors: Vec<Value> = sensors.iter().map(sensor_json).collect();
        console.value(&sensors);
        return Ok(Exit::Done);
    }
    if sensors.is_empty() {
        console.line("No device is paired. Look for one: vitalwitness devices scan");
    }
    for sensor in &sensors {
        console.line(format!(
            "{}  {}",
            &hex::encode(sensor.id)[..8],
            console.paint(Tone::Strong, &printable(&sensor.name))
        ));
        show(sensor, console);
    }
    Ok(Exit::Done)
}

async fn forget(args: &Forget, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let sensor = named(&vault, &args.device)?;
    vault
        .forget_sensor(&sensor.id)
        .map_err(|error| failed(&error))?;
    // without an adapter the system's own bond stays; the record is what matters here
    let unbonded = match open(None, console).await {
        Ok((radio, _)) => radio.unbond(sensor.peripheral.clone()).await.is_ok(),
        Err(_) => false,
    };
    if console.json() {
        console.value(&json!({ "forgotten": hex::encode(sensor.id), "unbonded": unbonded }));
    } else {
        console.line(format!(
            "{} is forgotten. Your entries from it stay.",
            printable(&sensor.name)
        ));
        if sensor.bonded && !unbonded {
            console.note(
                "This computer's system still knows it; remove it in its Bluetooth settings.",
            );
        }
    }
    Ok(Exit::Done)
}

/// The device a person names: the beginning of its id, its address or its name.
fn named(vault: &Vault, text: &str) -> Outcome<Sensor> {
    let text = text.trim();
    let sensors = vault.sensors().map_err(|error| failed(&error))?;
    let is_it = |sensor: &&Sensor| {
        sensor.name == text
            || sensor.peripheral.eq_ignore_ascii_case(text)
            || (text.len() >= 4 && hex::encode(sensor.id).starts_with(&text.to_lowercase()))
    };
    let found: Vec<&Sensor> = sensors.iter().filter(is_it).collect();
    match found.as_slice() {
        [sensor] => Ok((*sensor).clone()),
        [] => Err(Failure::usage(
            "no_such_device",
            "No paired device is named like this; `vitalwitness devices list` shows them.",
        )),
        _ => Err(Failure::usage(
            "which",
            "Several are named like this; write the beginning of its id.",
        )),
    }
}

fn show(sensor: &Sensor, console: &Console) {
    let about = &sensor.about;
    console.fact("Worn by", printable(&sensor.wearer));
    match sensor.whose {
        Whose::User(user) => console.fact("User on it", user.to_string()),
        Whose::Mine | Whose::Unsaid => {}
    }
    console.fact("Collects", collects(&about.services).join(", "));
    let model = [&about.maker, &about.model].into_iter().flatten();
    let model: Vec<String> = model.map(|words| printable(words)).collect();
    if !model.is_empty() {
        console.fact("Model", model.join(" "));
    }
    if let Some(serial) = &about.serial {
        console.fact("Serial number", printable(serial));
    }
    if let Some((percent, _)) = about.battery {
        let low = if percent <= LOW { ", low" } else { "" };
        console.fact("Battery", format!("{percent} %{low}"));
    }
    console.fact(
        "Link",
        if sensor.bonded {
            "paired"
        } else {
            "open, not bonded"
        },
    );
    if let Some(clock) = sensor.clock
        && clock.behind_ms.abs() > 90_000
    {
        let seconds = clock.behind_ms.unsigned_abs() / 1_000;
        let word = if clock.behind_ms > 0 {
            "behind"
        } else {
            "ahead"
        };
        let set = if clock.set_ms.is_some() {
            "; it was set"
        } else {
            ""
        };
        console.fact(
            "Its clock",
            format!("{} s {word}{set}", wording::thousands(seconds)),
        );
    }
    if let Some(last) = sensor.last_ms {
        console.fact("Last reading", rfc3339(last, months::offset_at(last)));
    }
    let counts = sensor.counts;
    console.fact("Readings", wording::thousands(counts.kept));
    if counts.refused > 0 {
        let code = sensor.refused.as_deref().unwrap_or_default();
        console.fact(
            "Not readable",
            format!(
                "{} kept as they came ({code})",
                wording::thousands(counts.refused)
            ),
        );
    }
    if counts.others > 0 {
        console.fact(
            "Of others",
            format!("{} refused", wording::thousands(counts.others)),
        );
    }
    if counts.missing > 0 {
        console.fact(
            "Not given",
            format!("{} of its memory", wording::thousands(counts.missing)),
        );
    }
}

fn sensor_json(sensor: &Sensor) -> Value {
    let about = &sensor.about;
    let counts = sensor.counts;
    json!({
        "device": hex::encode(sensor.id),
        "address": sensor.peripheral,
        "name": sensor.name,
        "worn_by": sensor.wearer,
        "user": match sensor.whose {
            Whose::User(user) => json!(user),
            Whose::Mine => json!("only_me"),
            Whose::Unsaid => Value::Null,
        },
        "collects": collects(&about.services),
        "maker": about.maker,
        "model": about.model,
        "serial": about.serial,
        "battery": about.battery.map(|(percent, _)| percent),
        "bonded": sensor.bonded,
        "clock_behind_ms": sensor.clock.map(|clock| clock.behind_ms),
        "last": sensor.last_ms.map(|ms| rfc3339(ms, months::offset_at(ms))),
        "readings": counts.kept,
        "repeated": counts.repeated,
        "not_readable": counts.refused,
        "of_others": counts.others,
        "missing": counts.missing,
    })
}

/// The radio's refusal in words.
fn of_radio(error: RadioError) -> Failure {
    of_fault(error.into())
}

/// Why nothing came of it, in words.
fn of_ble(error: &BleError) -> Failure {
    match error {
        BleError::Vault(error) => failed(error),
        BleError::Radio(error) => of_radio(*error),
        BleError::Stopped(fault) => of_fault(*fault),
        _ => Failure::usage(
            "wearer_not_confirmed",
            "Say who will wear it: --wearer NAME. Nothing was paired.",
        ),
    }
}

fn of_fault(fault: Fault) -> Failure {
    let exit = match fault.next() {
        Next::BringNear => Exit::Offline,
        Next::Pair | Next::Allow | Next::ChooseUser => Exit::Refused,
        _ => Exit::Other,
    };
    Failure::new(exit, fault.code(), fault.words())
}

/// Percent of a battery that should be changed.
const LOW: u8 = 15;
