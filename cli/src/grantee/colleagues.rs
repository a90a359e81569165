//! `colleagues`, `admit`: the organisation's key goes from who holds it to who is new.
//!
//! Grants are sealed to one key of the organisation. Its first person makes it; each further one
//! gets it from a colleague, sealed to the key in their own certificate. The service carries what
//! it cannot open. Nothing is believed: the certificate is by the pinned authority, of this
//! organisation and in the list under an accepted checkpoint before a key is sealed to it; what
//! was handed over is the key that the organisation's certificate names before it is kept.

use super::cloud::{failed, sign_in};
use super::home::{AgreeKey, At, Home, PERSON, sign};
use super::list::{Listed, accept_head, distrust, inclusion};
use crate::console::Console;
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::of_keys;
use clap::Args;
use serde_json::{Value, json};
use vitalwitness_domain::cert::{PersonCert, verify_organisation, verify_person};
use vitalwitness_domain::hpke::{self, SoftwareKey, info, point_of_spki};
use vitalwitness_domain::wire::{
    Bytes, Colleague, Colleagues as Told, HandedKey, Id16, KeyHandover, Sealed, Sig64,
};
use vitalwitness_proof::entry::{DIRECTORY, Entry, EventType};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::{Rejection, sha256};
use vitalwitness_vault::client::Client;
use vitalwitness_vault::keys::{KeyError, OsRandom, PrivateKey, random_bytes};
use zeroize::Zeroizing;

/// List who of your organisation can read, and who waits to be let in.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness colleagues")]
pub(crate) struct Colleagues {
    #[command(flatten)]
    at: At,
}

/// Let a colleague read what is shared with your organisation.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Admit {
    /// The colleague: name or key, as `vitalwitness colleagues` shows them.
    #[arg(value_name = "NAME")]
    who: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness admit \"Nurse Eva Roth\"
  vitalwitness admit 9c01

Compare the key with the one their computer showed at `enrol`. Whoever you let in keeps the
organisation's key; taking back their certificate keeps them from the service.";

struct Person {
    certificate: PersonCert,
    told: Colleague,
}

impl Person {
    fn state(&self) -> &'static str {
        if self.told.revoked {
            "taken back"
        } else if self.told.holds {
            "can read"
        } else {
            "waiting"
        }
    }
}

/// Runs `colleagues`.
pub(crate) async fn list(args: &Colleagues, console: &Console) -> Outcome<Exit> {
    let home = args.at.open(console)?;
    let client = sign_in(&home).await?;
    let (persons, unfit) = all(&client, &home).await?;
    if console.json() {
        let persons: Vec<Value> = persons
            .iter()
            .map(|person| {
                json!({
                    "name": person.certificate.name,
                    "key": Id16(person.certificate.id),
                    "state": person.state(),
                    "until": person.certificate.not_after_ms,
                })
            })
            .collect();
        console.value(&json!({ "colleagues": persons, "unreadable": unfit }));
        return Ok(Exit::Done);
    }
    for person in &persons {
        let (id, name) = (Id16(person.certificate.id), &person.certificate.name);
        console.line(format!("{id}  {}  {name}", person.state()));
    }
    if unfit > 0 {
        console.note(format!(
            "{unfit} without a certificate of your organisation by its authority; not shown."
        ));
    }
    Ok(Exit::Done)
}

/// Runs `admit`.
pub(crate) async fn admit(args: &Admit, console: &Console) -> Outcome<Exit> {
    let mut home = args.at.open(console)?;
    let client = sign_in(&home).await?;
    let (persons, _) = all(&client, &home).await?;
    let person = choose(&args.who, &persons)?;
    check_listed(person, &client, &mut home).await?;
    let (id, name) = (Id16(person.certificate.id), &person.certificate.name);
    if !args.yes && !console.agree(&format!("Does {name}'s computer show the key {id}?"))? {
        return Err(Failure::new(
            Exit::Refused,
            "kept",
            "Nothing was handed over.",
        ));
    }
    let handover = hand_over(&person.certificate, &home)?;
    client
        .tell("POST", &format!("/v1/colleagues/{id}/key"), Some(&handover))
        .await
        .map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({ "admitted": id, "name": name }));
    } else {
        console.line(format!(
            "{name} may now read what is shared with {}.",
            home.papers.organisation_name
        ));
    }
    Ok(Exit::Done)
}

/// Those whose certificate is by the pinned authority and of this organisation; the rest counted.
async fn all(client: &Client, home: &Home) -> Outcome<(Vec<Person>, usize)> {
    let told: Told = client
        .call("GET", "/v1/colleagues", None::<&()>)
        .await
        .map_err(|error| failed(&error))?;
    let (papers, now) = (&home.papers, client.server_now_ms());
    let count = told.colleagues.len();
    let persons: Vec<Person> = told
        .colleagues
        .into_iter()
        .filter_map(|told| {
            let certificate = verify_person(&told.certificate.0, &papers.ca.0, now).ok()?;
            let ours = certificate.organisation == papers.organisation.0;
            ours.then_some(Person { certificate, told })
        })
        .collect();
    let unfit = count - persons.len();
    Ok((persons, unfit))
}

fn choose<'a>(who: &str, persons: &'a [Person]) -> Outcome<&'a Person> {
    let who = who.trim().to_lowercase();
    let named = |person: &&Person| {
        let key = Id16(person.certificate.id).to_string();
        person.certificate.name.to_lowercase() == who || (who.len() >= 4 && key.starts_with(&who))
    };
    let mut found = persons.iter().filter(named);
    let person = match (found.next(), found.next()) {
        (Some(person), None) => person,
        (None, _) => {
            return Err(Failure::usage(
                "not_found",
                "Nobody of your organisation is called so; see vitalwitness colleagues.",
            ));
        }
        _ => {
            return Err(Failure::usage(
                "which",
                "Several are called so; give the key that their computer shows.",
            ));
        }
    };
    match person.state() {
        "waiting" => Ok(person),
        "can read" => Err(Failure::new(
            Exit::Refused,
            "admitted",
            "They can read already; nothing was handed over.",
        )),
        _ => Err(Failure::new(
            Exit::Refused,
            "certificate_refused",
            "Their certificate was taken back; nothing was handed over.",
        )),
    }
}

/// The person's ENROL is theirs, and in the list under a checkpoint that is accepted.
async fn check_listed(person: &Person, client: &Client, home: &mut Home) -> Outcome {
    let logged = person.told.logged.as_ref().ok_or_else(|| {
        Failure::new(
            Exit::Refused,
            "not_listed",
            "They are not listed yet: their enrolment was cut off. They enrol again first.",
        )
    })?;
    let certificate = &person.certificate;
    let entry = Entry::decode(&logged.entry.0).map_err(distrust)?;
    let event = &entry.event;
    let key = PublicKey::from_spki(&certificate.spki).map_err(distrust)?;
    let fits = event.kind == EventType::Enrol
        && event.channel == DIRECTORY
        && event.owner == certificate.id
        && event.recordhash == sha256(&[&person.told.certificate.0]);
    if !fits {
        return Err(distrust(Rejection::EntryMismatch));
    }
    entry.signed.verify(event.kind, &key).map_err(distrust)?;
    let listed = Listed {
        entry,
        bytes: logged.entry.0.clone(),
        index: logged.index,
    };
    let head = accept_head(client, home).await?;
    inclusion(client, &head, &listed).await.map(drop)
}

fn hand_over(person: &PersonCert, home: &Home) -> Outcome<KeyHandover> {
    let key = home.hpke()?;
    let bad = || of_keys(&KeyError::NotValid);
    let random: [u8; 32] =
        random_bytes(&OsRandom).map_err(|error| of_keys(&KeyError::from(error)))?;
    let sealed = hpke::seal(
        &point_of_spki(&person.ecdh_spki).map_err(|_| bad())?,
        &info::organisation_key(&home.papers.organisation.0),
        &person.id,
        key.scalar().as_slice(),
        SoftwareKey::derive(&random).map_err(|_| bad())?,
    )
    .map_err(|_| bad())?;
    let sealed = Sealed {
        enc: Bytes(sealed.enc.to_vec()),
        ciphertext: Bytes(sealed.ciphertext),
    };
    let (organisation, to) = (home.papers.organisation, Id16(person.id));
    let message = KeyHandover::message(&home.log()?.origin, organisation, to, &sealed);
    Ok(KeyHandover {
        to,
        by: home.papers.person,
        signature: Sig64(sign(home.keys(), PERSON, &message)?),
        sealed,
    })
}

/// Takes what a colleague handed over, once it is the key that the organisation's certificate
/// names.
pub(super) async fn collect(client: &Client, home: &Home) -> Outcome {
    let handed: Result<HandedKey, _> = client
        .call("GET", "/v1/organisation-key", None::<&()>)
        .await;
    let handed = match handed {
        Err(vitalwitness_vault::client::ClientError::Refused(problem))
            if problem.code == vitalwitness_domain::wire::slug::NOT_FOUND =>
        {
            return Err(Failure::new(
                Exit::Refused,
                "not_admitted",
                format!(
                    "A colleague must let you in first: vitalwitness admit {}",
                    home.papers.person
                ),
            ));
        }
        other => other.map_err(|error| failed(&error))?,
    };
    match open(&handed, home, client.server_now_ms()) {
        Ok(key) => home.keep_organisation_key(key.scalar()),
        Err(failure) => {
            // given back, so that a colleague can hand it over again
            client
                .tell("DELETE", "/v1/organisation-key", None::<&()>)
                .await
                .map_err(|error| failed(&error))?;
            Err(failure)
        }
    }
}

fn open(handed: &HandedKey, home: &Home, now_ms: i64) -> Outcome<PrivateKey> {
    let papers = &home.papers;
    let bad = || {
        Failure::new(
            Exit::NotValid,
            "organisation_key",
            "What was handed over is not your organisation's key, or not by a colleague; it was not taken. A colleague lets you in again.",
        )
    };
    let HandedKey {
        handover,
        certificate,
    } = handed;
    let giver = verify_person(&certificate.0, &papers.ca.0, now_ms).map_err(|_| bad())?;
    let organisation =
        verify_organisation(&papers.organisation_certificate.0, &papers.ca.0, now_ms)
            .map_err(|_| bad())?;
    let origin = home.log()?.origin;
    let message = KeyHandover::message(&origin, papers.organisation, handover.to, &handover.sealed);
    let signed = PublicKey::from_spki(&giver.spki)
        .is_ok_and(|key| key.verifies(&message, &handover.signature.0));
    if !signed
        || giver.organisation != papers.organisation.0
        || handover.by.0 != giver.id
        || handover.to != papers.person
    {
        return Err(bad());
    }
    let enc = handover.sealed.enc.0.as_slice().try_into();
    let plain = hpke::open(
        &AgreeKey::person(home.keys())?,
        &enc.map_err(|_| bad())?,
        &info::organisation_key(&papers.organisation.0),
        &papers.person.0,
        &handover.sealed.ciphertext.0,
    )
    .map_err(|_| bad())?;
    let scalar: Zeroizing<[u8; 32]> =
        Zeroizing::new(plain.as_slice().try_into().map_err(|_| bad())?);
    let key = PrivateKey::from_scalar(&scalar).map_err(|_| bad())?;
    if key.spki() == organisation.hpke_spki {
        Ok(key)
    } else {
        Err(bad())
    }
}
