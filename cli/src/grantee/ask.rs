//! `request`: asks a patient for records, by the code the patient gave.

use super::cloud::{failed, sign_in};
use super::home::{Asked, At, Home};
use crate::console::Console;
use crate::months;
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::of_keys;
use clap::Args;
use serde_json::json;
use vitalwitness_domain::grant::{RequestDocument, Rights};
use vitalwitness_domain::hpke::{self, SoftwareKey, info, point_of_spki};
use vitalwitness_domain::policy::Category;
use vitalwitness_domain::scope::{Codes, Scope, ScopeItem};
use vitalwitness_domain::stream::Granularity;
use vitalwitness_domain::wire::{Bytes, Contact, Hash32, Id16, Logged, Request, Sealed};
use vitalwitness_proof::entry::{Event, EventType};
use vitalwitness_vault::keys::{KeyError, OsRandom, random_bytes};
use vitalwitness_vault::share::ShareCode;

/// Ask a patient to see some of their records.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ask {
    /// The patient's code: the text of the QR code, or the typed code.
    #[arg(value_name = "SHARE-CODE")]
    code: String,
    /// What you need, by name, with commas: `heart-rate,sleep`; `all` for everything of the code's kind.
    #[arg(long, value_name = "NAMES")]
    codes: String,
    /// First month, such as 2026-01.
    #[arg(long, value_name = "MONTH")]
    from: String,
    /// Last month, included.
    #[arg(long, value_name = "MONTH")]
    to: String,
    /// The reason the patient will read.
    #[arg(long)]
    purpose: String,
    /// Until when you want to look, such as 2026-12-31 [default: 90 days].
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Ask for daily averages only.
    #[arg(long)]
    daily: bool,
    /// Ask to add entries too (a clinic to medical history, an insurer to insurance information).
    #[arg(long)]
    append: bool,
    /// A word to the patient.
    #[arg(long, default_value = "")]
    message: String,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness request 'vitalwitness-share:...' --codes heart-rate --from 2026-01 --to 2026-02 \\
      --purpose \"Follow-up after your visit\"
  vitalwitness request K7QM-... --codes heart-rate,sleep --from 2026-01 --to 2026-03 \\
      --purpose \"Sleep clinic\" --until 2026-12-31

The patient sees exactly which entries you would see before saying yes or no.";

/// Runs it.
pub(crate) async fn run(args: &Ask, console: &Console) -> Outcome<Exit> {
    let mut home = args.at.open(console)?;
    let code = ShareCode::parse(&args.code).map_err(|_| {
        Failure::usage(
            "share_code",
            "This is no code of a patient; compare it with theirs.",
        )
    })?;
    let client = sign_in(&home).await?;
    let path = format!("/v1/contacts/{}", Id16(code.locator));
    let contact: Contact = client
        .call("GET", &path, None::<&()>)
        .await
        .map_err(|error| failed(&error))?;
    let category = Category::of_channel(&contact.channel.0).ok_or_else(|| {
        Failure::new(
            Exit::Other,
            "answer_unreadable",
            "The service gave an answer that makes no sense; try again later.",
        )
    })?;
    let now = client.server_now_ms();
    let expiry = match &args.until {
        Some(text) => months::end_of_day(text)?,
        None => now + 90 * 86_400_000,
    };
    let document = RequestDocument {
        salt: random()?,
        scope: scope(args, category)?,
        purpose: args.purpose.clone(),
        hpke_spki: home.hpke()?.spki().to_vec(),
        message: args.message.clone(),
        rights: Rights {
            read: true,
            append: args.append,
            act: false,
        },
        granularity: if args.daily {
            Granularity::Daily
        } else {
            Granularity::Raw
        },
    };
    let recordhash = document.hash();
    let event = Event {
        kind: EventType::Request,
        channel: contact.channel.0,
        owner: contact.owner.0,
        receiver: Some(home.papers.organisation.0),
        recordhash,
        time: now,
        location: None,
        expiry: Some(expiry),
        purpose: None,
    };
    let request = Request {
        channel: contact.channel,
        event: home.submit(&event)?,
        sealed: seal(&contact, &document)?,
        proof: code.proof(&document.hpke_spki, &recordhash).map(Hash32),
        person: home.papers.person_certificate.clone(),
        organisation: home.papers.organisation_certificate.clone(),
    };
    let _: Logged = client
        .call("POST", "/v1/requests", Some(&request))
        .await
        .map_err(|error| failed(&error))?;
    remember(&mut home, &contact, &document, args, now)?;
    if console.json() {
        console.value(&json!({
            "channel": contact.channel,
            "request": Hash32(recordhash),
            "until": expiry,
            "proved": code.has_secret(),
        }));
    } else {
        console
            .line("Your request was sent and listed. The patient will see it at their next sync.");
        if !code.has_secret() {
            console.line(
                "It was made with a typed code: the patient is asked whether they gave it to you.",
            );
        }
    }
    Ok(Exit::Done)
}

fn seal(contact: &Contact, document: &RequestDocument) -> Outcome<Sealed> {
    let bad = || {
        Failure::new(
            Exit::Other,
            "answer_unreadable",
            "The service gave a key that is none; nothing was sent.",
        )
    };
    let inbox = point_of_spki(&contact.inbox.0).map_err(|_| bad())?;
    let ephemeral = SoftwareKey::derive(&random()?).map_err(|_| bad())?;
    let sealed = hpke::seal(
        &inbox,
        &info::request(&contact.channel.0),
        &[],
        &document.encode(),
        ephemeral,
    )
    .map_err(|_| bad())?;
    Ok(Sealed {
        enc: Bytes(sealed.enc.to_vec()),
        ciphertext: Bytes(sealed.ciphertext),
    })
}

fn scope(args: &Ask, category: Category) -> Outcome<Scope> {
    let codes = match args.codes.trim() {
        "all" => Codes::All,
        names => Codes::only(months::codes(names)?),
    };
    let item = ScopeItem {
        category,
        codes,
        from: months::month(&args.from)?,
        to: months::month(&args.to)?,
        episode: None,
    };
    Scope::new(vec![item]).map_err(|error| {
        Failure::usage("scope", format!("What you ask for does not fit: {error}."))
    })
}

fn remember(
    home: &mut Home,
    contact: &Contact,
    document: &RequestDocument,
    args: &Ask,
    now: i64,
) -> Outcome {
    home.papers.asked.push(Asked {
        channel: contact.channel,
        recordhash: Hash32(document.hash()),
        salt: Id16(document.salt),
        scope: Bytes(document.scope.encode()),
        purpose: args.purpose.clone(),
        time: now,
    });
    home.save()
}

fn random<const N: usize>() -> Outcome<[u8; N]> {
    random_bytes(&OsRandom).map_err(|error| of_keys(&KeyError::from(error)))
}
