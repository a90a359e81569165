//! Accounts, devices, sessions, sealed secrets, changes.

use super::submit::{check_key, check_signature};
use super::{App, Call, Caller, reply::Reply};
use crate::store::{SessionRow, SubjectKind};
use crate::{Refusal, Result};
use vitalwitness_domain::wire::{
    AccountDeletion, BagErasure, BagItem, Challenge, DeviceEnd, DeviceStatement, Devices,
    EndedDevice, Id16, NewAccount, NewRecovery, NewSession, Session, Sig64, What,
};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::keys::spki_id;

pub(super) fn create(app: &App, call: &Call) -> Result<Reply> {
    let new: NewAccount = call.json()?;
    check_key(&new.kk.0)?;
    if new.device.by.is_some() || new.device.account.0 != spki_id(&new.aik.0) {
        return Err(Refusal::contradiction("the first device is stated by the account").into());
    }
    check_statement(app, &new.device, &new.aik.0)?;
    Reply::json(&app.store.create_account(new)?)
}

pub(super) fn add_device(app: &App, call: &Call) -> Result<Reply> {
    let statement: DeviceStatement = call.json()?;
    let key = match statement.by {
        None => app
            .store
            .account_key(statement.account)?
            .ok_or(Refusal::not_found())?,
        Some(device) => {
            let device = app
                .store
                .device(device)?
                .filter(|by| by.statement.account == statement.account)
                .ok_or(Refusal::not_found())?;
            if device.revoked {
                return Err(Refusal::forbidden("the stating device is revoked").into());
            }
            device.statement.dsk.0
        }
    };
    check_statement(app, &statement, &key)?;
    // that it is known changes nothing, so one whose answer was lost may come again at any time
    let known = app.store.device(Id16(spki_id(&statement.dsk.0)))?;
    if statement.by.is_some() && known.is_none() {
        check_stated_now(app, &statement, call.now_ms)?;
    }
    app.store.add_device(statement)?;
    Ok(Reply::empty())
}

/// A device that states another does so at once: what it signs as of an earlier time, it may no
/// longer have been allowed to. The kit's statement may wait for its first connection.
fn check_stated_now(app: &App, statement: &DeviceStatement, now_ms: i64) -> Result<()> {
    let tolerance_ms = i64::from(app.config.limits.clock_tolerance_s) * 1000;
    if statement.time.saturating_sub(now_ms).saturating_abs() > tolerance_ms {
        return Err(Refusal::clock().into());
    }
    Ok(())
}

pub(super) fn devices(app: &App, call: &Call) -> Result<Reply> {
    let devices = app.store.devices(call.account()?)?;
    let (ended, live): (Vec<_>, Vec<_>) = devices.into_iter().partition(|it| it.revoked);
    let ended = ended.into_iter().map(|device| EndedDevice {
        statement: device.statement,
        time: device.ended_ms.unwrap_or(0),
    });
    Reply::json(&Devices {
        devices: live.into_iter().map(|device| device.statement).collect(),
        ended: ended.collect(),
    })
}

/// A grant key signs, with its user present, or the kit: a session alone ends nobody.
pub(super) fn end_device(app: &App, call: &Call) -> Result<Reply> {
    let end: DeviceEnd = call.json()?;
    let account = call.account()?;
    if end.device != call.param("device")? {
        return Err(Refusal::contradiction("path and body name different devices").into());
    }
    let key = match end.by {
        None => app.store.account_key(account)?,
        Some(id) => app.store.grant_key(account, id)?,
    };
    let message = DeviceEnd::message(&app.config.origin, account, end.device, end.time);
    check_presence(key, &message, &end.signature)?;
    app.store.revoke_device(account, end.device, end.time)?;
    Ok(Reply::empty())
}

pub(super) fn challenge(app: &App, _: &Call) -> Result<Reply> {
    Reply::json(&Challenge {
        challenge: app.challenges.make(&app.env)?,
    })
}

pub(super) fn open_session(app: &App, call: &Call) -> Result<Reply> {
    let new: NewSession = call.json()?;
    let longest = i64::from(app.config.limits.session_s) * 1000;
    // a clock that is off within tolerance may ask for a little more
    let slack = i64::from(app.config.limits.clock_tolerance_s) * 1000;
    if new.end_ms <= call.now_ms || new.end_ms > call.now_ms + longest + slack {
        return Err(Refusal::contradiction("the session would end too late or has ended").into());
    }
    check_key(&new.session.0)?;
    let certificate = app.store.valid_certificate(new.subject, call.now_ms)?;
    let (kind, key) = if let Some(certificate) = certificate {
        (SubjectKind::Certified, certificate.spki)
    } else {
        let device = app
            .store
            .device(new.subject)?
            .ok_or(Refusal::certificate())?;
        if device.revoked {
            return Err(Refusal::session().into());
        }
        (SubjectKind::Device, device.statement.dsk.0)
    };
    let mut message = Encoder::after(b"vwL1".to_vec());
    message
        .array(4)
        .text(&app.config.origin)
        .bytes(&new.challenge.0)
        .bytes(&new.session.0)
        .int(new.end_ms);
    check_signature(&key, &message.finish(), &new.signature)?;
    if !app.challenges.take(new.challenge, call.now_ms) {
        return Err(Refusal::signature("the challenge was used or is too old").into());
    }
    let session = Id16(spki_id(&new.session.0));
    app.store.open_session(SessionRow {
        session,
        subject: new.subject,
        kind,
        spki: new.session.0,
        end_ms: new.end_ms,
    })?;
    Reply::json(&Session {
        session,
        end_ms: new.end_ms,
    })
}

pub(super) fn end_session(app: &App, call: &Call) -> Result<Reply> {
    if let Caller::Owner { session, .. } | Caller::Grantee { session, .. } = &call.caller {
        app.store.end_session(*session)?;
    }
    Ok(Reply::empty())
}

pub(super) fn recovery(app: &App, call: &Call) -> Result<Reply> {
    Reply::json(
        &app.store
            .recovery(call.account()?, call.query("generation")?)?
            .ok_or(Refusal::not_found())?,
    )
}

/// A grant key signs, with its user present, or the kit: who has a session alone does not make a
/// kit open a secret of theirs; the account's first follows none, and needs no such signature. The
/// device that sends it signs too: what its phone or another is shown again is checked by that.
pub(super) fn put_recovery(app: &App, call: &Call) -> Result<Reply> {
    let new: NewRecovery = call.json()?;
    let account = call.account()?;
    let recovery = &new.recovery;
    if recovery.generation == 0 || recovery.sealed.is_empty() || recovery.sealed.len() > 64 {
        return Err(Refusal::contradiction("a generation is from 1 and sealed to someone").into());
    }
    if recovery
        .sealed
        .iter()
        .any(|sealed| sealed.enc.0.len() != 65 || sealed.ciphertext.0.len() > SEALED_SECRET_BYTES)
    {
        return Err(Refusal::too_large("a sealed vault secret is too long").into());
    }
    let message = NewRecovery::message(&app.config.origin, account, recovery);
    if recovery.generation > 1 {
        let key = match new.by {
            None => app.store.account_key(account)?,
            Some(id) => app.store.grant_key(account, id)?,
        };
        let signature = new.signature.ok_or(Refusal::kit())?;
        check_presence(key, &message, &signature)?;
    }
    let device = new.device.ok_or(Refusal::kit())?;
    let signature = new.device_signature.ok_or(Refusal::kit())?;
    check_device(app, account, device, &message, &signature)?;
    app.store.put_recovery(account, new)?;
    Ok(Reply::empty())
}

pub(super) fn put_bag(app: &App, call: &Call) -> Result<Reply> {
    let item: BagItem = call.json()?;
    if item.item != call.param("item")? {
        return Err(Refusal::contradiction("path and body name different items").into());
    }
    if item.sealed.0.len() > BAG_ITEM_BYTES {
        return Err(Refusal::too_large("a bag item holds at most 64 KiB").into());
    }
    app.store.put_bag(call.account()?, item)?;
    Ok(Reply::empty())
}

/// A device signs: who has a session's key alone takes nothing out of the bag.
pub(super) fn erase_bag(app: &App, call: &Call) -> Result<Reply> {
    let erasure: BagErasure = call.json()?;
    let (account, item) = (call.account()?, call.param("item")?);
    let message = BagErasure::message(&app.config.origin, account, item);
    check_device(app, account, erasure.device, &message, &erasure.signature)?;
    app.store.erase_bag(account, item)?;
    Ok(Reply::empty())
}

pub(super) fn changes(app: &App, call: &Call) -> Result<Reply> {
    let after = call.query("after")?.unwrap_or(0);
    let limit = call.query("limit")?.unwrap_or(CHANGES).clamp(1, CHANGES);
    Reply::json(&app.store.changes(call.account()?, after, limit)?)
}

pub(super) fn quota(app: &App, call: &Call) -> Result<Reply> {
    Reply::json(&app.store.quota(call.account()?)?)
}

/// All that the cloud holds of the account but the batches' bytes, which `/v1/objects` gives.
pub(super) fn export(app: &App, call: &Call) -> Result<Reply> {
    let account = call.account()?;
    let mut changes: Vec<What> = Vec::new();
    let mut after = 0;
    loop {
        let page = app.store.changes(account, after, CHANGES)?;
        let Some(last) = page.changes.last() else {
            break;
        };
        after = last.cursor;
        changes.extend(page.changes.into_iter().map(|change| change.what));
    }
    let devices: Vec<_> = app
        .store
        .devices(account)?
        .into_iter()
        .map(|device| (device.statement, device.revoked))
        .collect();
    let document = serde_json::json!({
        "schema": "vw-export/1",
        "account": account,
        "quota": app.store.quota(account)?,
        "devices": devices,
        "recovery": app.store.recovery(account, None)?,
        "changes": changes,
    });
    Reply::json(&document)
}

pub(super) fn delete(app: &App, call: &Call) -> Result<Reply> {
    let deletion: AccountDeletion = call.json()?;
    let account = call.account()?;
    let message = AccountDeletion::message(&app.config.origin, account, deletion.challenge);
    let key = app.store.account_key(account)?;
    check_presence(key, &message, &deletion.signature)?;
    if !app.challenges.take(deletion.challenge, call.now_ms) {
        return Err(Refusal::signature("the challenge was used or is too old").into());
    }
    for (batch, revision) in app.store.delete_account(account)? {
        app.blobs.delete(batch, revision)?;
    }
    Ok(Reply::empty())
}

/// What a stolen session must not do is signed by a key that the session's device cannot use alone.
fn check_presence(key: Option<Vec<u8>>, message: &[u8], signature: &Sig64) -> Result<()> {
    let key = key.ok_or(Refusal::kit())?;
    check_signature(&key, message, signature).map_err(|_| Refusal::kit())?;
    Ok(())
}

/// A signature by a device of the account that has not ended.
fn check_device(
    app: &App,
    account: Id16,
    device: Id16,
    message: &[u8],
    signature: &Sig64,
) -> Result<()> {
    let device = app.store.device(device)?;
    let device = device.filter(|it| it.statement.account == account && !it.revoked);
    check_presence(device.map(|it| it.statement.dsk.0), message, signature)
}

/// `vwD1` || enc([1, origin, account, dsk SPKI, dek SPKI, time ms]) by `key`.
fn check_statement(app: &App, statement: &DeviceStatement, key: &[u8]) -> Result<()> {
    check_key(&statement.dsk.0)?;
    check_key(&statement.dek.0)?;
    let mut message = Encoder::after(b"vwD1".to_vec());
    message
        .array(6)
        .int(1)
        .text(&app.config.origin)
        .bytes(&statement.account.0)
        .bytes(&statement.dsk.0)
        .bytes(&statement.dek.0)
        .int(statement.time);
    check_signature(key, &message.finish(), &statement.signature)?;
    Ok(())
}

const BAG_ITEM_BYTES: usize = 65_536;
const SEALED_SECRET_BYTES: usize = 512;
const CHANGES: u32 = 500;
