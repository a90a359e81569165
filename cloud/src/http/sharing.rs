//! Requests, grants, denials, revocations, and access: the log first, then the release.

use super::submit::{by_channel_key, by_person, told_to_owner};
use super::{App, Call, reply::Reply};
use crate::store::Opening;
use crate::{Refusal, Result};
use std::collections::BTreeSet;
use vitalwitness_domain::wire::{
    Envelope, Grants, Hash32, Id16, NewAccess, NewDenial, NewEnvelopes, NewGrant, NewRevocation,
    Request, Sealed,
};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::sha256;

pub(super) fn request(app: &App, call: &Call) -> Result<Reply> {
    let request: Request = call.json()?;
    let channel = request.channel;
    check_sealed(&request.sealed)?;
    let result = by_person(call, &request.event).and_then(|(event, person)| {
        check_certificates(app, call, &request)?;
        app.store.request(request, event, person, call.now_ms)
    });
    Reply::json(&told_to_owner(app, call, channel, result)?)
}

pub(super) fn deny(app: &App, call: &Call) -> Result<Reply> {
    let new: NewDenial = call.json()?;
    let event = by_channel_key(app, &new.event)?;
    Reply::json(&app.store.deny(call.account()?, event, call.now_ms)?)
}

pub(super) fn grant(app: &App, call: &Call) -> Result<Reply> {
    let new: NewGrant = call.json()?;
    check_sealed(&new.document)?;
    check_envelopes(app, new.terms.channel, new.terms.grant, &new.envelopes)?;
    let event = by_channel_key(app, &new.event)?;
    Reply::json(&app.store.grant(call.account()?, new, event, call.now_ms)?)
}

pub(super) fn envelopes(app: &App, call: &Call) -> Result<Reply> {
    let new: NewEnvelopes = call.json()?;
    let fact = app
        .store
        .grant_fact(new.grant)?
        .ok_or(Refusal::not_found())?;
    check_envelopes(app, fact.channel, new.grant, &new.envelopes)?;
    app.store
        .add_envelopes(call.account()?, new.grant, new.envelopes, call.now_ms)?;
    Ok(Reply::empty())
}

pub(super) fn revoke(app: &App, call: &Call) -> Result<Reply> {
    let new: NewRevocation = call.json()?;
    let event = by_channel_key(app, &new.event)?;
    Reply::json(&app.store.revoke(call.account()?, new, event, call.now_ms)?)
}

pub(super) fn grants(app: &App, call: &Call) -> Result<Reply> {
    let person = call.person()?;
    let after = call.query("after")?.unwrap_or(0);
    let limit: u32 = call.query("limit")?.unwrap_or(GRANTS);
    let limit = limit.clamp(1, GRANTS);
    // one more than is shown: whether there is a next page
    let mut grants =
        app.store
            .grants_for(person.organisation, person.subject, (after, limit + 1))?;
    let more = grants.len() > limit as usize;
    grants.truncate(limit as usize);
    let next = grants.last().filter(|_| more).map(|last| last.logged.index);
    Reply::json(&Grants { grants, next })
}

pub(super) fn manifest(app: &App, call: &Call) -> Result<Reply> {
    let grant: Id16 = call.param("grant")?;
    let person = call.person()?;
    let fact = app.store.grant_fact(grant)?.ok_or(Refusal::not_found())?;
    let result = fact
        .live_for(person.subject, person.organisation, call.now_ms)
        .map_err(Into::into)
        .and_then(|()| app.store.manifest(grant));
    Reply::json(&told_to_owner(app, call, fact.channel, result)?)
}

pub(super) fn access(app: &App, call: &Call) -> Result<Reply> {
    let new: NewAccess = call.json()?;
    if new.batches.iter().collect::<BTreeSet<_>>().len() != new.batches.len() {
        return Err(Refusal::contradiction("an ACCESS lists each batch once").into());
    }
    let fact = app
        .store
        .grant_fact(new.grant)?
        .ok_or(Refusal::not_found())?;
    let opening = Opening {
        delivery: Id16(app.env.random()),
        now_ms: call.now_ms,
        end_ms: call
            .now_ms
            .saturating_add(i64::from(app.config.limits.delivery_s) * 1000)
            .min(fact.expiry),
    };
    let result = by_person(call, &new.event)
        .and_then(|(event, person)| app.store.access(new, event, person, opening));
    Reply::json(&told_to_owner(app, call, fact.channel, result)?)
}

pub(super) fn delivery(app: &App, call: &Call) -> Result<Reply> {
    let (delivery, batch): (Id16, Id16) = (call.param("delivery")?, call.param("batch")?);
    let person = call.person()?;
    let (grant, end_ms) = app
        .store
        .delivery(delivery, batch, person.subject)?
        .ok_or(Refusal::not_found())?;
    let fact = app.store.grant_fact(grant)?.ok_or(Refusal::not_found())?;
    let open = || {
        fact.live_for(person.subject, person.organisation, call.now_ms)?;
        if end_ms <= call.now_ms {
            return Err(Refusal::expired().into());
        }
        Ok(app.store.batch(batch)?.ok_or(Refusal::not_found())?.1)
    };
    let info = told_to_owner(app, call, fact.channel, open())?;
    Reply::stored(call, info.bytes, |from, to| {
        app.blobs.read(batch, info.revision, from, to)
    })
}

/// The certificates a request shows are those of who calls.
fn check_certificates(app: &App, call: &Call, request: &Request) -> Result<()> {
    let person = call.person()?;
    let shown = |der: &[u8]| app.store.certificate(Hash32(sha256(&[der])));
    let named = shown(&request.person.0)?.filter(|shown| shown.subject == person.subject);
    let organisation =
        shown(&request.organisation.0)?.filter(|shown| shown.subject == person.organisation);
    match (named, organisation) {
        (Some(named), Some(organisation))
            if named.revoked_ms.is_none() && organisation.revoked_ms.is_none() =>
        {
            Ok(())
        }
        _ => Err(Refusal::certificate().into()),
    }
}

/// What is kept for others to fetch has a size.
fn check_sealed(sealed: &Sealed) -> Result<()> {
    if sealed.enc.0.len() != 65 || sealed.ciphertext.0.len() > SEALED_BYTES {
        return Err(Refusal::too_large("a sealed document holds at most 64 KiB").into());
    }
    Ok(())
}

/// Each envelope is signed by a key of the channel, over `vwV1` || H(enc([grant, stream key, enc,
/// ciphertext])): the cloud keeps none that a phone did not make.
fn check_envelopes(app: &App, channel: Id16, grant: Id16, envelopes: &[Envelope]) -> Result<()> {
    for envelope in envelopes {
        if envelope.enc.0.len() != 65 || envelope.ciphertext.0.len() > ENVELOPE_BYTES {
            return Err(Refusal::too_large("an envelope is too long").into());
        }
        let mut signed = Encoder::new();
        signed
            .array(4)
            .bytes(&grant.0)
            .bytes(&envelope.stream_key.0)
            .bytes(&envelope.enc.0)
            .bytes(&envelope.ciphertext.0);
        let message = [b"vwV1".as_slice(), &sha256(&[&signed.finish()])].concat();
        let spki = app.store.channel_key(channel, envelope.signer)?;
        let holds = spki
            .and_then(|spki| PublicKey::from_spki(&spki).ok())
            .is_some_and(|key| key.verifies(&message, &envelope.signature.0));
        if !holds {
            return Err(Refusal::forbidden("an envelope is not signed by a device").into());
        }
    }
    Ok(())
}

/// Grants of a page: with documents of the largest size they stay under 10 MB.
const GRANTS: u32 = 100;
const SEALED_BYTES: usize = 65_536;
const ENVELOPE_BYTES: usize = 512;
