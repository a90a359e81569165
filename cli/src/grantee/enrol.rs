//! `enrol`: keys for a person of an organisation, certified against a one-time code.

use super::cloud::{connect, failed};
use super::home::{At, Home, ORGANISATION, PERSON, PERSON_ECDH, Papers};
use super::home::{
    damaged, forget, forget_organisation_key, holds_organisation_key, public,
    read_organisation_key, sign, submit, write_organisation_key,
};
use super::list::accept_head;
use crate::console::Console;
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::{make_private, of_keys, replace};
use crate::verify::read_trust;
use crate::wording;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use vitalwitness_domain::cert::{OrganisationCert, PersonCert, verify_organisation, verify_person};
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_domain::wire::{
    Bytes, Directory, Enrolment, Id16, Logged, NewDirectoryEntry, NewEnrolment, Role, Sig64,
    TrustInfo, slug,
};
use vitalwitness_proof::entry::{DIRECTORY, Event, EventType};
use vitalwitness_proof::keys::{Id, spki_id};
use vitalwitness_proof::sha256;
use vitalwitness_vault::client::{Client, ClientError};
use vitalwitness_vault::keys::{FileKeyStore, KeyKind, KeyStore as _, OsRandom, PrivateKey};

/// Make a work key and have it certified with the one-time code you were given.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Enrol {
    /// The service's address.
    #[arg(long, value_name = "URL")]
    cloud: String,
    /// The one-time code.
    #[arg(long)]
    code: String,
    /// Your name, as patients will read it.
    #[arg(long)]
    name: String,
    /// The trust file you expect; without it the service's own is kept at this first contact.
    #[arg(long, value_name = "BUNDLE")]
    trust: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness enrol --cloud https://records.example --code 1f2e-... --name \"Dr Ada Low\"
  VW_PASSPHRASE=... vitalwitness enrol --home clinic --cloud http://127.0.0.1:8080 --code ... --name ...

The keys stay in the directory, under your passphrase. The service sees their public halves.";

/// Runs it.
pub(crate) async fn run(args: &Enrol, console: &Console) -> Outcome<Exit> {
    let dir = args.at.dir()?;
    if dir.join("work.json").exists() {
        return Err(Failure::usage(
            "enrolled_already",
            format!("{} holds a work key already.", dir.display()),
        ));
    }
    make_private(&dir)?;
    let keys = args.at.keys(console, true)?;
    // Keys of an enrolment that was cut off stay: the same code gives the same certificates.
    for (alias, kind) in [
        (ORGANISATION, KeyKind::Sign),
        (PERSON, KeyKind::Sign),
        (PERSON_ECDH, KeyKind::Agree),
    ] {
        if keys.public(alias).is_err() {
            keys.create(alias, kind).map_err(|error| of_keys(&error))?;
        }
    }
    let cloud = connect(&args.cloud).await?;
    let info = trust(args, &cloud).await?;
    let hpke = organisation_key(&dir, &keys)?;
    let enrolment = certify(args, &dir, &keys, &hpke, &cloud).await?;
    let now_ms = cloud.server_now_ms();
    let (organisation, person) = check(&enrolment, &info, &keys, now_ms)?;
    let id = organisation.id;
    // who brought the organisation's keys: also when the answer that said so was cut off
    let first = organisation.hpke_spki == hpke.spki();
    if first {
        if id != spki_id(&public(&keys, ORGANISATION)?) {
            return Err(other_certificate());
        }
        let (certificate, end) = (
            &enrolment.organisation_certificate,
            organisation.not_after_ms,
        );
        list(&cloud, &keys, (ORGANISATION, id), certificate, end).await?;
    } else {
        // the organisation has keys; a colleague hands over the one that opens
        forget_organisation_key(&dir)?;
        keys.delete(ORGANISATION).map_err(|error| of_keys(&error))?;
    }
    let (certificate, end) = (&enrolment.person_certificate, person.not_after_ms);
    list(&cloud, &keys, (PERSON, person.id), certificate, end).await?;
    let papers = Papers {
        cloud: args.cloud.clone(),
        organisation: Id16(organisation.id),
        organisation_name: organisation.name,
        role: organisation.role,
        organisation_certificate: enrolment.organisation_certificate,
        person: Id16(person.id),
        person_name: person.name,
        person_certificate: enrolment.person_certificate,
        ca: info.ca,
        trust: info.bundle,
        head: None,
        asked: Vec::new(),
    };
    let asked = dir.join(ASKED);
    let mut home = Home::new(dir, keys, papers);
    home.save()?;
    forget(&asked)?;
    // what later lists are compared with; without an answer the next command takes one
    let _ = accept_head(&cloud, &mut home).await;
    say(console, &home.papers, first, person.not_after_ms);
    Ok(Exit::Done)
}

fn say(console: &Console, papers: &Papers, first: bool, until_ms: i64) {
    let audits = papers.role == Role::Auditor;
    let waits = !first && !audits;
    if console.json() {
        console.value(&json!({
            "organisation": papers.organisation,
            "organisation_name": papers.organisation_name,
            "role": papers.role,
            "person": papers.person,
            "until": until_ms,
            "waiting": waits,
        }));
        return;
    }
    if first || audits {
        let may = match papers.role {
            Role::Auditor => "may now follow the list for",
            _ => "may now ask for records on behalf of",
        };
        console.line(format!(
            "{} {may} {}.",
            papers.person_name, papers.organisation_name
        ));
    } else {
        console.line(format!(
            "{} is enrolled at {}. A colleague who can read lets you in: vitalwitness admit {}",
            papers.person_name, papers.organisation_name, papers.person
        ));
    }
    console.fact("Until", wording::utc(until_ms));
    console.fact("Organisation", papers.organisation.to_string());
    console.fact("Your key", papers.person.to_string());
}

/// What the service is trusted for: compared with what is expected, or kept at first contact.
async fn trust(args: &Enrol, cloud: &Client) -> Outcome<TrustInfo> {
    let info: TrustInfo = cloud
        .open("GET", "/v1/trust", None::<&()>)
        .await
        .map_err(|error| failed(&error))?;
    let trust = parse_trust(&info.bundle).map_err(|_| other_trust())?;
    match &args.trust {
        Some(path) if read_trust(path)? != trust => Err(other_trust()),
        _ => Ok(info),
    }
}

/// The organisation's HPKE key: that of an enrolment that was cut off, or a new one.
fn organisation_key(dir: &Path, keys: &FileKeyStore) -> Outcome<PrivateKey> {
    if holds_organisation_key(dir) {
        return read_organisation_key(dir, keys);
    }
    let made = PrivateKey::generate(&OsRandom).map_err(|error| of_keys(&error))?;
    write_organisation_key(dir, keys, made.scalar())?;
    Ok(made)
}

/// The certificates are by the pinned authority, and for these keys.
fn check(
    enrolment: &Enrolment,
    info: &TrustInfo,
    keys: &FileKeyStore,
    now_ms: i64,
) -> Outcome<(OrganisationCert, PersonCert)> {
    let bad = other_certificate;
    let organisation =
        verify_organisation(&enrolment.organisation_certificate.0, &info.ca.0, now_ms)
            .map_err(|_| bad())?;
    let person =
        verify_person(&enrolment.person_certificate.0, &info.ca.0, now_ms).map_err(|_| bad())?;
    let ours = person.ecdh_spki.as_slice() == public(keys, PERSON_ECDH)?
        && person.id == spki_id(&public(keys, PERSON)?)
        && person.organisation == organisation.id
        && enrolment.ca == info.ca;
    if ours {
        Ok((organisation, person))
    } else {
        Err(bad())
    }
}

/// Certificates: with the organisation's keys, or without where it has some.
///
/// What is asked is kept until it is done. The code is good for one body, and a new body would be
/// another (ECDSA draws a nonce): asked again as it was, it gets the same answer.
async fn certify(
    args: &Enrol,
    dir: &Path,
    keys: &FileKeyStore,
    hpke: &PrivateKey,
    cloud: &Client,
) -> Outcome<Enrolment> {
    let (person, code) = (public(keys, PERSON)?, args.code.trim());
    let before = asked_before(dir, |asked| {
        asked.code == code && asked.person_name == args.name && asked.person.0 == person
    });
    let mut new = if let Some(asked) = before {
        asked
    } else {
        let (code_hash, person_hash) = (sha256(&[code.as_bytes()]), sha256(&[&person]));
        let message = [b"vwC1".as_slice(), &code_hash, &person_hash].concat();
        NewEnrolment {
            code: code.to_owned(),
            organisation: Some(Bytes(public(keys, ORGANISATION)?)),
            hpke: Some(Bytes(hpke.spki().to_vec())),
            person_name: args.name.clone(),
            person: Bytes(person),
            person_ecdh: Bytes(public(keys, PERSON_ECDH)?),
            signature: Sig64(sign(keys, PERSON, &message)?),
        }
    };
    loop {
        keep_asked(dir, &new)?;
        match cloud.open("POST", "/v1/enrolments", Some(&new)).await {
            // the organisation has keys, or the code is used up: without keys the answer says which
            Err(ClientError::Refused(problem))
                if problem.code == slug::CONFLICT && new.hpke.is_some() =>
            {
                (new.organisation, new.hpke) = (None, None);
            }
            answer => return answer.map_err(|error| failed(&error)),
        }
    }
}

/// What was asked by an enrolment that was cut off, if it is what is asked now.
fn asked_before(dir: &Path, same: impl Fn(&NewEnrolment) -> bool) -> Option<NewEnrolment> {
    let bytes = std::fs::read(dir.join(ASKED)).ok()?;
    serde_json::from_slice(&bytes).ok().filter(same)
}

fn keep_asked(dir: &Path, new: &NewEnrolment) -> Outcome {
    let path = dir.join(ASKED);
    let bytes = serde_json::to_vec(new).map_err(|_| damaged(&path))?;
    replace(&path, &bytes)
}

async fn list(
    cloud: &Client,
    keys: &FileKeyStore,
    (alias, id): (&str, Id),
    certificate: &Bytes,
    end_ms: i64,
) -> Outcome {
    let event = Event {
        kind: EventType::Enrol,
        channel: DIRECTORY,
        owner: id,
        receiver: None,
        recordhash: sha256(&[&certificate.0]),
        time: cloud.server_now_ms(),
        location: None,
        expiry: Some(end_ms),
        purpose: None,
    };
    let entry = NewDirectoryEntry {
        event: submit(keys, alias, &event, None)?,
        certificate: certificate.clone(),
    };
    let listed: Result<Logged, _> = cloud.open("POST", "/v1/directory", Some(&entry)).await;
    match listed {
        // listed by an enrolment that was cut off
        Err(ClientError::Refused(problem))
            if problem.code == slug::EVENT_REFUSED && is_listed(cloud, certificate).await? =>
        {
            Ok(())
        }
        other => other.map(drop).map_err(|error| failed(&error)),
    }
}

async fn is_listed(cloud: &Client, certificate: &Bytes) -> Outcome<bool> {
    let told: Directory = cloud
        .open("GET", "/v1/directory", None::<&()>)
        .await
        .map_err(|error| failed(&error))?;
    let mut certificates = told.enrolled.iter().map(|enrolled| &enrolled.certificate);
    Ok(certificates.any(|listed| listed == certificate))
}

fn other_certificate() -> Failure {
    Failure::new(
        Exit::Refused,
        "certificate_refused",
        "The service gave certificates that are not by its own authority or not for these keys.",
    )
}

fn other_trust() -> Failure {
    Failure::new(
        Exit::Refused,
        "trust_differs",
        "The service's trust file is not the one you expect; nothing was sent.",
    )
}

/// What is asked of the authority, kept while no answer is.
const ASKED: &str = "enrolment.json";
