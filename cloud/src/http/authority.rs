//! Enrolment of organisations and persons, the directory, and the operator's part.

use super::submit::{check_key, check_signature};
use super::{App, Call, reply::Reply};
use crate::ca::{Issued, Person};
use crate::log::Verified;
use crate::store::{Certificate, CodeRow, EnrolmentRow};
use crate::{Error, Refusal, Result};
use vitalwitness_domain::wire::{
    Enrolment, EnrolmentCode, Hash32, Id16, NewDirectoryEntry, NewEnrolment, NewOrganisation, Role,
};
use vitalwitness_proof::entry::{DIRECTORY, EventType};
use vitalwitness_proof::sha256;

pub(super) fn add_organisation(app: &App, call: &Call) -> Result<Reply> {
    let new: NewOrganisation = call.json()?;
    check_name(&new.name)?;
    let (code, hash) = make_code(app);
    app.store
        .add_organisation(new.name, new.role, hash, call.now_ms + CODE_MS)?;
    Reply::json(&EnrolmentCode { code })
}

pub(super) fn add_code(app: &App, call: &Call) -> Result<Reply> {
    let (code, hash) = make_code(app);
    app.store
        .add_code(call.param("organisation")?, hash, call.now_ms + CODE_MS)?;
    Reply::json(&EnrolmentCode { code })
}

pub(super) fn revoke_certificate(app: &App, call: &Call) -> Result<Reply> {
    app.store
        .revoke_certificate(call.param("certificate")?, call.now_ms)?;
    Ok(Reply::empty())
}

/// Certificates for the keys, once per code; asked again with the same body, the same answer.
pub(super) fn enrol(app: &App, call: &Call) -> Result<Reply> {
    let new: NewEnrolment = call.json()?;
    check_name(&new.person_name)?;
    let code = Hash32(sha256(&[new.code.as_bytes()]));
    let request = Hash32(sha256(&[&call.body]));
    let row = app
        .store
        .code(code)?
        .ok_or(Refusal::forbidden("the code is not known"))?;
    if let Some((first, answer)) = row.used {
        return if first == request {
            Ok(Reply::raw_json(answer.into_bytes()))
        } else {
            Err(Refusal::conflict("the code was used").into())
        };
    }
    if row.end_ms <= call.now_ms {
        return Err(Refusal::forbidden("the code is too old").into());
    }
    check_key(&new.person_ecdh.0)?;
    let message = [b"vwC1".as_slice(), &code.0, &sha256(&[&new.person.0])].concat();
    check_signature(&new.person.0, &message, &new.signature)?;
    let (organisation, der, new_organisation) = organisation(app, &row, &new)?;
    let role = row.organisation.role;
    let issued = app.ca.person(
        Person {
            name: &new.person_name,
            organisation,
            organisation_name: &row.organisation.name,
            role,
            spki: &new.person.0,
            ecdh: &new.person_ecdh.0,
        },
        &app.env,
    )?;
    if issued.subject == organisation {
        return Err(Refusal::contradiction("person and organisation have one key").into());
    }
    let answer = Enrolment {
        organisation,
        organisation_certificate: der.into(),
        person_certificate: issued.der.clone().into(),
        ca: app.ca.root().to_vec().into(),
    };
    let text =
        serde_json::to_string(&answer).map_err(|_| Error::Corrupt("an answer that is no JSON"))?;
    app.store.enrol(EnrolmentRow {
        code,
        request,
        answer: text,
        organisation: row.organisation.number,
        new_organisation,
        person: certificate(issued, organisation, &new.person.0, role),
    })?;
    Reply::json(&answer)
}

/// An ENROL in the public directory, signed by the certified key itself.
pub(super) fn add_directory(app: &App, call: &Call) -> Result<Reply> {
    let new: NewDirectoryEntry = call.json()?;
    let hash = Hash32(sha256(&[&new.certificate.0]));
    let certificate = app
        .store
        .certificate(hash)?
        .filter(|certificate| certificate.revoked_ms.is_none() && certificate.end_ms > call.now_ms)
        .ok_or(Refusal::certificate())?;
    let verified = Verified::new(&new.event, &certificate.spki)?;
    let event = &verified.event;
    let holds = event.kind == EventType::Enrol
        && event.channel == DIRECTORY
        && event.owner == certificate.subject.0
        && event.receiver.is_none()
        && event.recordhash == hash.0
        && event.expiry == Some(certificate.end_ms)
        && event.purpose.is_none();
    if !holds {
        return Err(Refusal::event("the ENROL contradicts its certificate").into());
    }
    if event.time > call.now_ms + AHEAD_MS {
        return Err(Refusal::from_future().into());
    }
    Reply::json(&app.store.add_directory(verified, hash, call.now_ms)?)
}

pub(super) fn directory(app: &App, _: &Call) -> Result<Reply> {
    Reply::json(&app.store.directory()?)
}

/// The organisation's id and certificate, and the row of the latter if it is new.
fn organisation(
    app: &App,
    row: &CodeRow,
    new: &NewEnrolment,
) -> Result<(Id16, Vec<u8>, Option<Certificate>)> {
    match (&row.organisation.enrolled, &new.organisation, &new.hpke) {
        (Some((id, der)), None, None) => Ok((*id, der.clone(), None)),
        (None, Some(spki), Some(hpke)) => {
            check_key(&hpke.0)?;
            let role = row.organisation.role;
            let issued =
                app.ca
                    .organisation((&row.organisation.name, role), &spki.0, &hpke.0, &app.env)?;
            let (id, der) = (issued.subject, issued.der.clone());
            Ok((id, der, Some(certificate(issued, id, &spki.0, role))))
        }
        (Some(_), _, _) => Err(Refusal::conflict("the organisation has a key").into()),
        (None, _, _) => {
            Err(Refusal::contradiction("the first person brings the organisation's keys").into())
        }
    }
}

fn certificate(issued: Issued, organisation: Id16, spki: &[u8], role: Role) -> Certificate {
    Certificate {
        hash: issued.hash(),
        serial: issued.serial,
        subject: issued.subject,
        organisation,
        der: issued.der,
        spki: spki.to_vec(),
        role,
        end_ms: issued.end_ms,
        revoked_ms: None,
    }
}

/// 128 random bits in groups of four, and their hash: what is stored.
fn make_code(app: &App) -> (String, Hash32) {
    let digits = hex::encode(app.env.random::<16>());
    let groups: Vec<&str> = (0..8).map(|i| &digits[i * 4..i * 4 + 4]).collect();
    let code = groups.join("-");
    let hash = Hash32(sha256(&[code.as_bytes()]));
    (code, hash)
}

fn check_name(name: &str) -> Result<()> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= 64
        && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(Refusal::contradiction("a name has 1 to 64 characters").into())
    }
}

const CODE_MS: i64 = 86_400_000;
const AHEAD_MS: i64 = 300_000;
