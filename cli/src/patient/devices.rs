//! `backup`, `restore`, `devices`, `pair`, `join`: the same record on another computer.

use super::init::from_file;
use super::sync::{Service, not_connected, tell};
use super::{At, failed, of_kit};
use crate::console::Console;
use crate::outcome::{Exit, Failure, Outcome};
use crate::patient::worn::{self, Worn};
use crate::place::make_private;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use vitalwitness_vault::Vault;
use vitalwitness_vault::client::{Http, Transport};
use vitalwitness_vault::devices::Pairing;
use vitalwitness_vault::kit::Kit;
use vitalwitness_vault::sync::CloudSettings;

/// Write your whole record to one file that only your recovery kit opens.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness backup -o record.vwbackup\n\nNeeds no kit, so it can run by schedule. It replaces the file only when the new one is whole."
)]
pub(crate) struct Backup {
    /// Where to.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    at: At,
}

/// Bring your record back with your recovery kit.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  vitalwitness restore --vault new --kit kit.txt --from record.vwbackup\n  vitalwitness restore --vault new --kit kit.txt --cloud https://records.example"
)]
pub(crate) struct Restore {
    /// The 24 words in a file; asked for without it.
    #[arg(long, value_name = "FILE")]
    kit: Option<PathBuf>,
    /// A backup.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "cloud",
        required_unless_present = "cloud"
    )]
    from: Option<PathBuf>,
    /// The list the backup's service keeps, if it is not the usual one.
    #[arg(long, value_name = "NAME", default_value = super::init::ORIGIN)]
    origin: String,
    #[command(flatten)]
    service: Service,
    #[command(flatten)]
    at: At,
}

/// List or end the phones and computers that hold your record; scan, pair and stream what you wear.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  vitalwitness devices\n  vitalwitness devices --end 9c01\n  vitalwitness devices scan"
)]
pub(crate) struct Devices {
    #[command(subcommand)]
    worn: Option<Worn>,
    /// End this device: it can neither send nor fetch any more.
    #[arg(long, value_name = "DEVICE")]
    end: Option<String>,
    /// Sign with the 24 words in this file, not with this device's key.
    #[arg(long, value_name = "FILE", requires = "end")]
    kit: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

/// Let a second device in: takes the code it shows, gives the answer it needs.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  on the new one:   vitalwitness join\n  on this one:      vitalwitness pair CODE"
)]
pub(crate) struct Pair {
    /// The code the new device shows.
    #[arg(value_name = "CODE")]
    code: String,
    /// Sign with the 24 words in this file, not with this device's key.
    #[arg(long, value_name = "FILE")]
    kit: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

/// Make this computer a second device of your record.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness join --vault second --cloud https://records.example\n\nIt shows a code for `vitalwitness pair` on your first device, then waits for the answer (typed, or\non standard input)."
)]
pub(crate) struct Join {
    #[command(flatten)]
    service: Service,
    #[command(flatten)]
    at: At,
}

/// Runs `backup`.
pub(crate) fn backup(args: &Backup, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    vault.backup(&args.output).map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({ "file": args.output.display().to_string() }));
    } else {
        console.line(format!("Backup written to {}.", args.output.display()));
    }
    Ok(Exit::Done)
}

/// Runs `restore`.
pub(crate) async fn restore(args: &Restore, console: &Console) -> Outcome<Exit> {
    let file = args.at.file()?;
    if file.exists() {
        return Err(failed(
            &vitalwitness_vault::store::StoreError::Exists.into(),
        ));
    }
    let kit = kit(args.kit.as_ref(), console)?;
    let settings = args.service.settings().await?;
    make_private(&args.at.dir()?)?;
    let env = args.at.env(console, true)?;
    if let Some(settings) = settings {
        let transport = transport(&settings)?;
        let (vault, report) = Vault::restore(&file, &kit, &settings, env, &transport)
            .await
            .map_err(|error| failed(&error))?;
        return tell(&vault, &report, console);
    }
    let from = args.from.as_deref().ok_or_else(not_connected)?;
    let vault = Vault::restore_backup(from, &kit, &file, &args.origin, env)
        .map_err(|error| failed(&error))?;
    let records: u64 = vault
        .counts()
        .map_err(|error| failed(&error))?
        .iter()
        .map(|count| count.records)
        .sum();
    if console.json() {
        console.value(&json!({ "records": records }));
    } else {
        console.line(format!(
            "Your record is back: {}.",
            crate::wording::count(records, "entry", "entries")
        ));
    }
    Ok(Exit::Done)
}

/// The kit, from a file or asked for.
pub(super) fn kit(file: Option<&PathBuf>, console: &Console) -> Outcome<Kit> {
    let words = match file {
        Some(path) => from_file(path)?,
        None => console.secret("Your 24 words:")?,
    };
    Kit::from_words(&words).map_err(|error| of_kit(&error))
}

/// Runs `devices`.
pub(crate) async fn devices(args: &Devices, console: &Console) -> Outcome<Exit> {
    if let Some(worn) = &args.worn {
        return worn::run(worn, console).await;
    }
    let vault = args.at.open(console)?;
    let transport = vault.transport().map_err(|error| failed(&error))?;
    vault
        .learn_devices(&transport)
        .await
        .map_err(|error| failed(&error))?;
    let devices = vault.devices().map_err(|error| failed(&error))?;
    if let Some(prefix) = &args.end {
        let prefix = prefix.trim().to_lowercase();
        let mut named = devices
            .iter()
            .filter(|it| hex::encode(it.id).starts_with(&prefix));
        let device = match (named.next(), named.next()) {
            (Some(device), None) => device,
            (None, _) => return Err(failed(&vitalwitness_vault::Error::NotFound)),
            _ => {
                return Err(Failure::usage(
                    "which",
                    "Several begin like this; write more of it.",
                ));
            }
        };
        match &args.kit {
            Some(path) => vault.end_device_with_kit(&device.id, &kit(Some(path), console)?),
            None => vault.end_device(&device.id),
        }
        .map_err(|error| failed(&error))?;
        if console.json() {
            console.value(&json!({ "ended": hex::encode(device.id) }));
        } else {
            console.line("It takes effect with the next sync: vitalwitness sync");
        }
        return Ok(Exit::Done);
    }
    if console.json() {
        let devices: Vec<Value> = devices
            .iter()
            .map(|it| json!({"device": hex::encode(it.id), "ended": it.ended}))
            .collect();
        console.value(&devices);
        return Ok(Exit::Done);
    }
    if devices.is_empty() {
        console.line("This is your only phone or computer.");
        console.line("What you wear: vitalwitness devices list");
    }
    for device in &devices {
        let state = if device.ended { "ended" } else { "in use" };
        console.line(format!("{}  {state}", hex::encode(device.id)));
    }
    Ok(Exit::Done)
}

/// Runs `pair`.
pub(crate) async fn pair(args: &Pair, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let transport = vault.transport().map_err(|error| failed(&error))?;
    let code = args.code.trim();
    let answer = match &args.kit {
        Some(path) => {
            let kit = kit(Some(path), console)?;
            vault.pair_with_kit(code, &kit, &transport).await
        }
        None => vault.pair(code, &transport).await,
    };
    let answer = answer.map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({ "answer": answer }));
    } else {
        console.line(answer);
        console.note("Give this to the new device.");
    }
    Ok(Exit::Done)
}

/// Runs `join`.
pub(crate) async fn join(args: &Join, console: &Console) -> Outcome<Exit> {
    let file = args.at.file()?;
    if file.exists() {
        return Err(failed(
            &vitalwitness_vault::store::StoreError::Exists.into(),
        ));
    }
    let settings = args.service.settings().await?.ok_or_else(not_connected)?;
    let transport = transport(&settings)?;
    make_private(&args.at.dir()?)?;
    let env = args.at.env(console, true)?;
    let pairing = Pairing::begin(&env).map_err(|error| failed(&error))?;
    console.note("On your first device: vitalwitness pair CODE, with this code:");
    console.note(pairing.code());
    console.note("Then the answer it shows:");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::unreadable("The answer", &error))?;
    let (vault, report) = pairing
        .finish(&file, answer.trim(), env, &transport)
        .await
        .map_err(|error| failed(&error))?;
    tell(&vault, &report, console)
}

fn transport(settings: &CloudSettings) -> Outcome<Arc<dyn Transport>> {
    let http = Http::new(&settings.url).map_err(|error| crate::grantee::cloud::failed(&error))?;
    Ok(Arc::new(http))
}
