//! Uploads in parts, and stored batches.

use super::submit::{by_channel_key, by_person, fact_of};
use super::{App, Call, Caller, reply::Reply};
use crate::log::Verified;
use crate::store::Uploader;
use crate::{Refusal, Result};
use vitalwitness_domain::wire::{Id16, NewBatch};
use vitalwitness_proof::sha256;

pub(super) fn announce(app: &App, call: &Call) -> Result<Reply> {
    let new: NewBatch = call.json()?;
    check(app, &new)?;
    let event = event_of(app, call, &new)?;
    let status = app
        .store
        .announce(uploader(call)?, new, event, call.now_ms)?;
    Reply::json(&status)
}

pub(super) fn status(app: &App, call: &Call) -> Result<Reply> {
    let (batch, revision) = (call.param("batch")?, call.param("revision")?);
    Reply::json(&app.store.batch_status(uploader(call)?, batch, revision)?)
}

pub(super) fn put_part(app: &App, call: &Call) -> Result<Reply> {
    let by = uploader(call)?;
    let (batch, revision): (Id16, u32) = (call.param("batch")?, call.param("revision")?);
    let part: u32 = call.param("part")?;
    let new = match app.store.upload(by, batch, revision) {
        Ok(new) => new,
        // it was committed before: the first answer again
        Err(error) if error.refusal().status == 404 => {
            return Reply::json(&app.store.batch_status(by, batch, revision)?);
        }
        Err(error) => return Err(error),
    };
    let digest = usize::try_from(part)
        .ok()
        .and_then(|part| new.parts.get(part))
        .ok_or(Refusal::bad_request("the upload has no such part"))?;
    if sha256(&[&call.body]) != digest.0 {
        return Err(Refusal::digest().into());
    }
    let offset = u64::from(part) * u64::from(app.config.limits.part_bytes);
    if offset + call.body.len() as u64 > new.bytes {
        return Err(Refusal::digest().into());
    }
    app.blobs.put_part(batch, revision, offset, &call.body)?;
    app.store.part_stored(batch, revision, part)?;
    Reply::json(&app.store.batch_status(by, batch, revision)?)
}

pub(super) fn commit(app: &App, call: &Call) -> Result<Reply> {
    let by = uploader(call)?;
    let (batch, revision): (Id16, u32) = (call.param("batch")?, call.param("revision")?);
    let event = match app.store.upload(by, batch, revision) {
        Ok(new) => {
            let status = app.store.batch_status(by, batch, revision)?;
            if !status.missing.is_empty() {
                return Err(Refusal::contradiction("parts are missing").into());
            }
            app.blobs.finish(batch, revision, new.bytes, new.digest)?;
            event_of(app, call, &new)?
        }
        // committed before: the store gives the first answer
        Err(error) if error.refusal().status == 404 => None,
        Err(error) => return Err(error),
    };
    let status = app
        .store
        .commit_batch(by, batch, revision, event, call.now_ms)?;
    if let Some(before) = revision.checked_sub(1) {
        app.blobs.delete(batch, before)?;
    }
    Reply::json(&status)
}

pub(super) fn object(app: &App, call: &Call) -> Result<Reply> {
    let batch: Id16 = call.param("batch")?;
    let (account, info) = app.store.batch(batch)?.ok_or(Refusal::not_found())?;
    if account != call.account()? {
        return Err(Refusal::not_found().into());
    }
    Reply::stored(call, info.bytes, |from, to| {
        app.blobs.read(batch, info.revision, from, to)
    })
}

pub(super) fn erase(app: &App, call: &Call) -> Result<Reply> {
    let batch: Id16 = call.param("batch")?;
    let account = call.account()?;
    if let Some((owner, info)) = app.store.batch(batch)?
        && owner == account
    {
        app.store.erase_batch(account, batch)?;
        app.blobs.delete(batch, info.revision)?;
    }
    Ok(Reply::empty())
}

fn uploader(call: &Call) -> Result<Uploader> {
    match &call.caller {
        Caller::Owner { account, .. } => Ok(Uploader::Owner(*account)),
        Caller::Grantee { certificate, .. } => {
            Ok(Uploader::Grantee(certificate.subject, fact_of(certificate)))
        }
        _ => Err(Refusal::session().into()),
    }
}

/// The BATCH event, its signature checked and its root that of the batch.
fn event_of(app: &App, call: &Call, new: &NewBatch) -> Result<Option<Verified>> {
    let Some(submitted) = &new.event else {
        return Ok(None);
    };
    let event = match call.caller {
        Caller::Grantee { .. } => by_person(call, submitted)?.0,
        _ => by_channel_key(app, submitted)?,
    };
    if event.event.recordhash != new.root.0 || event.channel() != new.channel {
        return Err(Refusal::event("the BATCH is of another root or channel").into());
    }
    Ok(Some(event))
}

fn check(app: &App, new: &NewBatch) -> Result<()> {
    let limits = app.config.limits;
    if new.bytes == 0 || new.bytes > limits.batch_bytes {
        return Err(Refusal::too_large("a sealed batch is too large or empty").into());
    }
    let parts = new.bytes.div_ceil(u64::from(limits.part_bytes));
    if usize::try_from(parts).ok() != Some(new.parts.len()) {
        return Err(Refusal::contradiction("the parts are not those of that many bytes").into());
    }
    if !new.leaves.is_power_of_two() || !(8..=16_384).contains(&new.leaves) {
        return Err(
            Refusal::contradiction("a batch has 8 to 16,384 leaves, a power of two").into(),
        );
    }
    Ok(())
}
