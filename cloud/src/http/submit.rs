//! Submitted events and statements: whose key must have signed, and whether it did.

use super::{App, Call};
use crate::log::{PersonFact, Verified, decode};
use crate::store::Certificate;
use crate::{Refusal, Result};
use vitalwitness_domain::wire::{self, Id16, SubmittedEvent};
use vitalwitness_proof::entry::EventType;
use vitalwitness_proof::keys::{PublicKey, spki_id};

/// An event by a key enrolled in its channel.
pub(super) fn by_channel_key(app: &App, submitted: &SubmittedEvent) -> Result<Verified> {
    let event = decode(submitted)?;
    let spki = app
        .store
        .channel_key(Id16(event.channel), submitted.signer)?
        .ok_or(Refusal::event(
            "the signing key is not enrolled in this channel",
        ))?;
    Verified::new(submitted, &spki)
}

/// An event by the calling person.
pub(super) fn by_person(call: &Call, submitted: &SubmittedEvent) -> Result<(Verified, PersonFact)> {
    let certificate = call.person()?;
    if submitted.signer != certificate.subject {
        return Err(Refusal::event("the event is signed by another than who calls").into());
    }
    Ok((
        Verified::new(submitted, &certificate.spki)?,
        fact_of(certificate),
    ))
}

/// What the rules know of a certified person.
pub(super) fn fact_of(certificate: &Certificate) -> PersonFact {
    PersonFact {
        organisation: certificate.organisation,
        role: certificate.role,
    }
}

/// Tells the owner of what was refused to a grantee, then passes the refusal on.
pub(super) fn told_to_owner<T>(
    app: &App,
    call: &Call,
    channel: Id16,
    result: Result<T>,
) -> Result<T> {
    if let Err(error) = &result
        && let Ok(certificate) = call.person()
    {
        let refusal = error.refusal();
        if matches!(refusal.status, 403 | 404 | 409 | 422)
            && app.rates.may_tell(channel, certificate.organisation)
        {
            app.store.note_refusal(wire::Refusal {
                time: call.now_ms,
                channel,
                organisation: certificate.organisation,
                code: refusal.code.to_owned(),
            })?;
        }
    }
    result
}

/// Checks an ECDSA signature over `message` by the key in `spki`; gives the key's id.
pub(super) fn check_signature(
    spki: &[u8],
    message: &[u8],
    signature: &wire::Sig64,
) -> Result<Id16> {
    match PublicKey::from_spki(spki) {
        Ok(key @ PublicKey::P256(_)) if key.verifies(message, &signature.0) => {
            Ok(Id16(spki_id(spki)))
        }
        Ok(PublicKey::P256(_)) => Err(Refusal::forbidden("the signature does not hold").into()),
        _ => Err(Refusal::contradiction("a key is no P-256 key").into()),
    }
}

/// Refuses bytes that are no P-256 key.
pub(super) fn check_key(spki: &[u8]) -> Result<()> {
    match PublicKey::from_spki(spki) {
        Ok(PublicKey::P256(_)) => Ok(()),
        _ => Err(Refusal::contradiction("a key is no P-256 key").into()),
    }
}

/// The events that open a channel: ENROLs of one owner key, which comes first.
pub(super) fn opening(events: &[SubmittedEvent]) -> Result<Vec<Verified>> {
    let owner = events
        .first()
        .and_then(|first| first.spki.as_ref())
        .ok_or(Refusal::event("a channel begins with its owner's ENROL"))?;
    events
        .iter()
        .map(|submitted| {
            let event = Verified::new(submitted, &owner.0)?;
            if event.event.kind != EventType::Enrol || event.spki.is_none() {
                return Err(Refusal::event("a channel opens with ENROLs and their keys").into());
            }
            Ok(event)
        })
        .collect()
}
