//! `fetch`: downloads what a grant covers, decrypts it, and checks all of it again.
//!
//! In this order: the grant is the owner's and live; each key was sealed by a device of the owner;
//! each batch was listed by an author that may; the list is under a checkpoint that extends the one
//! accepted before. Only then the ACCESS is signed and listed, and the bytes are asked for. A value
//! is written only after every record hash and root was computed again from it.

use super::cloud::{failed, sign_in};
use super::export::{Book, Evidence};
use super::granted::{Granted, all};
use super::home::{At, Home};
use super::list::{List, Listed, accept_head, distrust, inclusion};
use crate::console::Console;
use crate::outcome::{Exit, Failure, Outcome};
use crate::wording;
use clap::Args;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use vitalwitness_domain::envelope::{Contents, Envelope, Unsigned, open_envelope};
use vitalwitness_domain::sealed::{self, Expect};
use vitalwitness_domain::tracing::Marker;
use vitalwitness_domain::wire::{BatchInfo, Delivery, Hash32, Id16, Manifest, NewAccess};
use vitalwitness_proof::entry::{Entry, Event, EventType, entry_leaf};
use vitalwitness_proof::merkle::Tree;
use vitalwitness_proof::{Hash, Rejection, sha256};
use vitalwitness_vault::client::Client;

/// Download what a patient shares with you, open it and check all of it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Fetch {
    /// Which grant (from `vitalwitness shared`); may be left out when only one is live.
    #[arg(value_name = "GRANT")]
    grant: Option<String>,
    /// Where records.csv, records.json and the receipts go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write a receipt file for at most so many records, newest first.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    receipts: usize,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness fetch --out ward-7
  vitalwitness fetch 4f1c... --out ward-7 --receipts 20

Each look is listed and shown to the patient, and each row has an id of this look: a copy that turns
up elsewhere can be traced to it. A download that was cut off goes on where it
stopped. Exit code 4: not shared with you, or not any more.";

/// Runs it.
pub(crate) async fn run(args: &Fetch, console: &Console) -> Outcome<Exit> {
    let mut home = args.at.open(console)?;
    let client = sign_in(&home).await?;
    let granted = choose(args, &client, &home).await?;
    let document = &granted.document;
    // The cloud's own answer first: it names the reason, and the refusal is a row of the owner's list.
    let path = format!("/v1/grants/{}/manifest", Id16(document.id));
    let manifest: Manifest = client
        .call("GET", &path, None::<&()>)
        .await
        .map_err(|error| failed(&error))?;
    let list = List::read(&client, &document.channel).await?;
    granted.check_in(&list, client.server_now_ms())?;
    let keys = open_envelopes(&home, &granted, &list, &manifest)?;
    let wanted = wanted(&granted, &list, &manifest, &keys)?;
    let mut book = Book::new(&granted, &home);
    if wanted.is_empty() {
        book.write(&args.out, args.receipts, &home)?;
        finish(console, &book, &args.out);
        return Ok(Exit::Done);
    }
    let head = accept_head(&client, &mut home).await?;
    let mut evidence = Vec::with_capacity(wanted.len());
    for (_, listed) in &wanted {
        let path = inclusion(&client, &head, listed).await?;
        evidence.push(Evidence::new(&list, listed, &head, path));
    }
    let infos: Vec<&BatchInfo> = wanted.iter().map(|(info, _)| *info).collect();
    let delivery = access(&client, &home, &granted, &infos).await?;
    let leaf = entry_leaf(&delivery.logged.entry.0);
    let total = infos.iter().map(|info| info.bytes).sum();
    let bar = console.bar(total, "Downloading {wide_bar} {bytes} of {total_bytes}");
    for (info, evidence) in infos.iter().zip(evidence) {
        let bytes = download(&client, &home, &delivery, info).await?;
        bar.inc(info.bytes);
        let contents = keys
            .get(&info.stream_key)
            .ok_or_else(|| distrust(Rejection::EntryMismatch))?;
        let expect = Expect {
            channel: document.channel,
            stream_key: info.stream_key.0,
            batch: info.batch.0,
            root: info.root.0,
            leaves: info.leaves,
        };
        let opened = sealed::open(&bytes, &contents.stream_key, &expect).map_err(|error| {
            Failure::new(
                Exit::NotValid,
                error.code(),
                "A downloaded part is not what was sealed and listed; nothing of it was written.",
            )
        })?;
        let marker = Marker::new(&contents.tracing_key, &leaf);
        book.add(opened, evidence, &marker);
    }
    bar.finish_and_clear();
    book.write(&args.out, args.receipts, &home)?;
    forget(&home, &infos)?;
    finish(console, &book, &args.out);
    Ok(Exit::Done)
}

async fn choose(args: &Fetch, client: &Client, home: &Home) -> Outcome<Granted> {
    let (mut grants, _) = all(client, home).await?;
    let now = client.server_now_ms();
    let Some(prefix) = &args.grant else {
        let live = |granted: &Granted| granted.state(now) == "live";
        let count = grants.iter().filter(|granted| live(granted)).count();
        return match (count, grants.len()) {
            (1, _) => {
                grants.retain(live);
                grants.pop().ok_or_else(none)
            }
            // One that is over tells why.
            (0, 1) => grants.pop().ok_or_else(none),
            (0, 0) => Err(nobody()),
            (0, _) => Err(Failure::new(
                Exit::Refused,
                "not_live",
                "Nothing is shared with you now; `vitalwitness shared` says what was, and why not.",
            )),
            _ => Err(Failure::usage(
                "which_grant",
                "Several are live; name one (`vitalwitness shared` lists them).",
            )),
        };
    };
    let prefix = prefix.trim().to_lowercase();
    grants.retain(|granted| hex::encode(granted.document.id).starts_with(&prefix));
    match grants.len() {
        1 => grants.pop().ok_or_else(none),
        0 => Err(none()),
        _ => Err(Failure::usage(
            "which_grant",
            "Several begin like this; write more of it.",
        )),
    }
}

fn nobody() -> Failure {
    Failure::new(
        Exit::Refused,
        "not_found",
        "Nobody shares anything with you yet.",
    )
}

fn none() -> Failure {
    Failure::new(
        Exit::Refused,
        "not_found",
        "Nothing of that name is shared with you.",
    )
}

fn open_envelopes(
    home: &Home,
    granted: &Granted,
    list: &List,
    manifest: &Manifest,
) -> Outcome<HashMap<Id16, Contents>> {
    let document = &granted.document;
    let hpke = home.hpke()?;
    let mut keys = HashMap::new();
    for sent in &manifest.envelopes {
        let signer = list
            .device_key(&sent.signer.0)
            .ok_or_else(|| distrust(Rejection::EntrySignature))?;
        let bad = |code: &str| {
            Failure::new(
                Exit::NotValid,
                code,
                "A key the service handed out was not sealed for you by the patient's device; nothing was opened.",
            )
        };
        let enc = sent.enc.0.as_slice().try_into();
        let envelope = Envelope {
            unsigned: Unsigned {
                grant: document.id,
                stream_key: sent.stream_key.0,
                enc: enc.map_err(|_| bad("envelope_open"))?,
                ciphertext: sent.ciphertext.0.clone(),
            },
            signature: sent.signature.0,
        };
        let contents = open_envelope(&envelope, &document.channel, &signer.to_spki(), &hpke)
            .map_err(|error| bad(error.code()))?;
        keys.insert(sent.stream_key, contents);
    }
    Ok(keys)
}

/// The batches under keys that opened, each with the entry that lists it.
fn wanted<'a>(
    granted: &Granted,
    list: &'a List,
    manifest: &'a Manifest,
    keys: &HashMap<Id16, Contents>,
) -> Outcome<Vec<(&'a BatchInfo, &'a Listed)>> {
    let mut wanted = Vec::new();
    for info in &manifest.batches {
        if info.channel.0 != granted.document.channel || !keys.contains_key(&info.stream_key) {
            return Err(distrust(Rejection::EntryMismatch));
        }
        let listed = list
            .find(EventType::Batch, &info.root.0)
            .filter(|listed| list.counts(&listed.entry))
            .ok_or_else(|| distrust(Rejection::EntryMismatch))?;
        wanted.push((info, listed));
    }
    wanted.sort_by_key(|(info, _)| info.index);
    wanted.dedup_by_key(|(info, _)| info.root);
    Ok(wanted)
}

/// Signs and lists the ACCESS over exactly these batches.
async fn access(
    client: &Client,
    home: &Home,
    granted: &Granted,
    infos: &[&BatchInfo],
) -> Outcome<Delivery> {
    let document = &granted.document;
    let mut roots: Vec<Hash> = infos.iter().map(|info| info.root.0).collect();
    roots.sort_unstable();
    roots.dedup();
    let event = Event {
        kind: EventType::Access,
        channel: document.channel,
        owner: document.owner,
        receiver: Some(document.person.unwrap_or(document.organisation)),
        recordhash: Tree::of_leaves(&roots).root(),
        time: client.server_now_ms(),
        location: None,
        expiry: None,
        purpose: None,
    };
    let new = NewAccess {
        grant: Id16(document.id),
        event: home.submit(&event)?,
        batches: infos.iter().map(|info| info.batch).collect(),
    };
    let delivery: Delivery = client
        .call("POST", "/v1/access", Some(&new))
        .await
        .map_err(|error| failed(&error))?;
    let entry = Entry::decode(&delivery.logged.entry.0).map_err(distrust)?;
    if entry.event != event || entry.signed.signer != home.papers.person.0 {
        return Err(distrust(Rejection::EntryMismatch));
    }
    Ok(delivery)
}

/// The bytes of a batch: from an earlier run if they are whole, else from the cloud.
async fn download(
    client: &Client,
    home: &Home,
    delivery: &Delivery,
    info: &BatchInfo,
) -> Outcome<Vec<u8>> {
    let part = home.part(&part_name(info))?;
    if let Ok(bytes) = fs::read(&part)
        && sha256(&[&bytes]) == info.digest.0
    {
        return Ok(bytes);
    }
    let path = format!("/v1/deliveries/{}/{}", delivery.delivery, info.batch);
    let bytes = client
        .get_bytes(&path, info.bytes)
        .await
        .map_err(|error| failed(&error))?;
    if sha256(&[&bytes]) != info.digest.0 {
        return Err(distrust(Rejection::RecordMismatch));
    }
    crate::place::replace(&part, &bytes)?;
    Ok(bytes)
}

/// Sealed bytes are kept only until all of them are opened.
fn forget(home: &Home, infos: &[&BatchInfo]) -> Outcome {
    for info in infos {
        let part = home.part(&part_name(info))?;
        fs::remove_file(&part)
            .map_err(|error| Failure::unwritable(&part.display().to_string(), &error))?;
    }
    Ok(())
}

fn part_name(info: &BatchInfo) -> String {
    format!("{}-{}", info.batch, Hash32(info.digest.0))
}

fn finish(console: &Console, book: &Book, out: &Path) {
    if console.json() {
        console.value(&book.summary());
        return;
    }
    console.line(format!(
        "{} from {}, every one checked: unchanged since sealed and listed.",
        wording::count(book.len(), "record", "records"),
        wording::count(book.batches(), "sealed set", "sealed sets"),
    ));
    console.fact("Written to", out.display().to_string());
    console.line("Each view is recorded and shown to the patient.");
}
