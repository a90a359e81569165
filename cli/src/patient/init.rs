//! `init` and `confirm-kit`: a new record, and the words that bring it back.

use super::sync::Service;
use super::{At, failed};
use crate::console::{Console, Tone, write_file};
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::make_private;
use clap::Args;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use vitalwitness_vault::Vault;
use vitalwitness_vault::kit::{Kit, KitError};
use zeroize::Zeroizing;

/// Begin a record on this computer.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Init {
    /// Write the 24 words to a new file only you can read, instead of showing them.
    #[arg(long, value_name = "FILE")]
    words_out: Option<PathBuf>,
    /// Confirm the kit with the words of a file: all 24, or the ones asked for.
    #[arg(long, value_name = "FILE")]
    confirm_words: Option<PathBuf>,
    /// The list your service keeps, if it is not the usual one (`--cloud` asks for it).
    #[arg(long, value_name = "NAME", default_value = ORIGIN, conflicts_with = "cloud")]
    origin: String,
    #[command(flatten)]
    service: Service,
    #[command(flatten)]
    at: At,
}

/// Show that your recovery kit fits.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness confirm-kit\n  vitalwitness confirm-kit --words kit.txt"
)]
pub(crate) struct Confirm {
    /// The words in a file: all 24, or the ones asked for.
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness init
  VW_PASSPHRASE=... vitalwitness init --vault me --words-out kit.txt --confirm-words kit.txt

The 24 words are your recovery kit. If this computer is lost, they open your record on a new one.
Nobody else has them. Without a kit and without a second device, a lost computer means a lost
record. You can record at once; the kit is asked for before the first sync.";

/// Runs `init`.
pub(crate) async fn init(args: &Init, console: &Console) -> Outcome<Exit> {
    let dir = args.at.dir()?;
    let file = args.at.file()?;
    if file.exists() {
        return Err(failed(
            &vitalwitness_vault::store::StoreError::Exists.into(),
        ));
    }
    if args.words_out.is_none() && !console.can_ask() {
        return Err(Failure::usage(
            "no_terminal",
            "Nobody is at a terminal to see the 24 words; name a file with --words-out.",
        ));
    }
    if let Some(path) = args.words_out.as_deref().filter(|path| path.exists()) {
        return Err(Failure::usage(
            "exists",
            format!("{} is there already and stays as it is.", path.display()),
        ));
    }
    let settings = args.service.settings().await?;
    let origin = settings.as_ref().map_or(&args.origin, |it| &it.origin);
    make_private(&dir)?;
    let vault = begin(args, &dir, &file, origin, console)?;
    if let Some(settings) = &settings {
        vault.connect(settings).map_err(|error| failed(&error))?;
    }
    let confirmed = match &args.confirm_words {
        Some(path) => {
            confirm(&vault, &from_file(path)?)?;
            true
        }
        None if args.words_out.is_none() => ask(console, &vault)?,
        None => false,
    };
    if console.json() {
        console.value(&json!({
            "vault": dir.display().to_string(),
            "account": account(&vault)?,
            "kit_confirmed": confirmed,
        }));
        return Ok(Exit::Done);
    }
    console.line(format!("Your record is in {}.", dir.display()));
    if confirmed {
        console.line(console.paint(Tone::Seal, "Your kit fits."));
    } else {
        console.line("Before the first sync, confirm your kit: vitalwitness confirm-kit");
    }
    console.line("Start with one number: vitalwitness add heart-rate 62");
    Ok(Exit::Done)
}

/// Makes the record and gives its kit out, or leaves nothing: a record whose kit nobody saw could
/// never be brought back.
fn begin(args: &Init, dir: &Path, file: &Path, origin: &str, console: &Console) -> Outcome<Vault> {
    let keys = dir.join("keys");
    let new_keys = !keys.exists();
    // The file for the words comes first: most of what can go wrong goes wrong here.
    if let Some(path) = &args.words_out {
        write_file(path, b"", true, false)?;
    }
    let make = || {
        let env = args.at.env(console, true)?;
        let (vault, kit) = Vault::create(file, origin, env).map_err(|error| failed(&error))?;
        let Err(failure) = hand_out(args, &kit, console) else {
            return Ok(vault);
        };
        vault.erase_all().map_err(|error| failed(&error))?;
        Err(failure)
    };
    make().inspect_err(|_| {
        let words = args.words_out.as_deref();
        for path in words.into_iter().chain(new_keys.then_some(keys.as_path())) {
            // What cannot be removed holds no words and no key that is used.
            let _ = fs::remove_file(path);
        }
    })
}

fn hand_out(args: &Init, kit: &Kit, console: &Console) -> Outcome {
    let words = kit.words().map_err(|error| super::of_kit(&error))?;
    if let Some(path) = &args.words_out {
        return write_file(path, format!("{}\n", *words).as_bytes(), true, true);
    }
    show(console, &words);
    Ok(())
}

/// Runs `confirm-kit`.
pub(crate) fn confirm_kit(args: &Confirm, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    if asked(&vault)?.is_none() && args.words.is_none() {
        say(
            console,
            "Your kit was confirmed already; --words checks your paper again.",
        );
        return Ok(Exit::Done);
    }
    let confirmed = match &args.words {
        Some(path) => {
            confirm(&vault, &from_file(path)?)?;
            true
        }
        None => ask(console, &vault)?,
    };
    say(
        console,
        if confirmed {
            "Your kit fits."
        } else {
            "Not confirmed yet; nothing is synced before."
        },
    );
    Ok(Exit::Done)
}

fn say(console: &Console, text: &str) {
    if console.json() {
        console.value(&json!({ "said": text }));
    } else {
        console.line(text);
    }
}

fn account(vault: &Vault) -> Outcome<String> {
    vault
        .account_id()
        .map(hex::encode)
        .map_err(|error| failed(&error))
}

fn asked(vault: &Vault) -> Outcome<Option<[u8; 3]>> {
    vault.asked_words().map_err(|error| failed(&error))
}

/// Three columns, read downwards.
fn show(console: &Console, words: &str) {
    let words: Vec<&str> = words.split(' ').collect();
    console.heading("Your recovery kit: write these 24 words on paper");
    console
        .line("In this order. No photo, no message. Whoever has the words can read your record.");
    console.gap();
    let rows = words.len().div_ceil(3);
    for row in 0..rows {
        let cells: Vec<String> = (0..3)
            .filter_map(|column| {
                let at = column * rows + row;
                words
                    .get(at)
                    .map(|word| format!("{:>4}  {word:<12}", at + 1))
            })
            .collect();
        console.line(cells.concat());
    }
    console.gap();
}

/// Asks for three words until they fit; nothing typed ends it.
fn ask(console: &Console, vault: &Vault) -> Outcome<bool> {
    let Some(positions) = asked(vault)? else {
        return Ok(true);
    };
    loop {
        let mut words = Vec::new();
        for position in positions {
            let word = console.ask(&format!("Which is word {position}? (nothing: later)"))?;
            if word.is_empty() {
                return Ok(false);
            }
            words.push(word);
        }
        match confirm(vault, &Zeroizing::new(words.join(" "))) {
            Ok(()) => return Ok(true),
            Err(failure) if failure.code == "kit_word" => {
                console.note(format!(
                    "{} Look at your paper and try again.",
                    failure.sentence
                ));
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Takes the three words that are asked for, or all 24, which must be this record's to the last.
fn confirm(vault: &Vault, text: &str) -> Outcome {
    let positions = asked(vault)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let chosen = match (positions, words.len()) {
        (Some(_), 3) => words,
        (positions, _) => {
            let kit = Kit::from_words(text).map_err(|error| super::of_kit(&error))?;
            vault.check_kit(&kit).map_err(|error| failed(&error))?;
            let Some(positions) = positions else {
                return Ok(());
            };
            let all = kit.words().map_err(|error| super::of_kit(&error))?;
            return confirm(vault, &three_of(&all, positions));
        }
    };
    let three: &[&str; 3] = chosen
        .as_slice()
        .try_into()
        .map_err(|_| super::of_kit(&KitError::WordCount { found: 0 }))?;
    vault.confirm_kit(three).map_err(|error| failed(&error))
}

fn three_of(all: &str, positions: [u8; 3]) -> Zeroizing<String> {
    let words: Vec<&str> = all.split(' ').collect();
    let at = |position: u8| words.get(usize::from(position).checked_sub(1)?).copied();
    let three: Vec<&str> = positions.into_iter().filter_map(at).collect();
    Zeroizing::new(three.join(" "))
}

/// The words in a file.
pub(crate) fn from_file(path: &Path) -> Outcome<Zeroizing<String>> {
    fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::unreadable(&path.display().to_string(), &error))
}

/// The log that devices are stated to unless told.
pub(crate) const ORIGIN: &str = "vitalwitness.local/log";
