//! Persons of one organisation, and the organisation's key on its way from one to another.

use super::submit::check_signature;
use super::{App, Call, reply::Reply};
use crate::{Refusal, Result};
use vitalwitness_domain::wire::{Colleagues, HandedKey, Id16, KeyHandover};

pub(super) fn colleagues(app: &App, call: &Call) -> Result<Reply> {
    let person = call.person()?;
    let colleagues = app.store.colleagues(person.organisation, call.now_ms)?;
    Reply::json(&Colleagues { colleagues })
}

/// Only who holds the key hands it over, signed, and only to a certified person of the same house.
pub(super) fn hand_over(app: &App, call: &Call) -> Result<Reply> {
    let handover: KeyHandover = call.json()?;
    let person = call.person()?;
    if handover.to != call.param::<Id16>("person")? || handover.by != person.subject {
        return Err(Refusal::contradiction("path, caller and body name different persons").into());
    }
    let sealed = &handover.sealed;
    if sealed.enc.0.len() != 65 || sealed.ciphertext.0.len() > SEALED_KEY_BYTES {
        return Err(Refusal::too_large("a sealed key is too long").into());
    }
    let colleague = app
        .store
        .valid_certificate(handover.to, call.now_ms)?
        .filter(|colleague| colleague.organisation == person.organisation)
        .filter(|colleague| colleague.subject != colleague.organisation)
        .ok_or(Refusal::not_found())?;
    let message = KeyHandover::message(
        &app.config.origin,
        person.organisation,
        colleague.subject,
        sealed,
    );
    check_signature(&person.spki, &message, &handover.signature)?;
    app.store.hand_over(person.organisation, handover)?;
    Ok(Reply::empty())
}

pub(super) fn organisation_key(app: &App, call: &Call) -> Result<Reply> {
    let person = call.person()?;
    let (handover, certificate) = app
        .store
        .handed(person.subject)?
        .ok_or(Refusal::not_found())?;
    Reply::json(&HandedKey {
        handover,
        certificate: certificate.into(),
    })
}

/// What did not open is given back by who it was sealed to; then a colleague hands it over again.
pub(super) fn give_back(app: &App, call: &Call) -> Result<Reply> {
    app.store.give_back(call.person()?.subject)?;
    Ok(Reply::empty())
}

const SEALED_KEY_BYTES: usize = 512;
