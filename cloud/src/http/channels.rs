//! Channels, their entries, receipts from the entry up.

use super::public::note_over;
use super::submit::{by_channel_key, check_key, opening};
use super::{App, Call, Caller, reply::Reply};
use crate::log::is_public;
use crate::store::FoundEntry;
use crate::{Refusal, Result};
use vitalwitness_domain::wire::{
    Bytes, ChannelEntries, EntryProof, Hash32, Id16, LogEntries, NewChannel, SubmittedEvent,
};

pub(super) fn open(app: &App, call: &Call) -> Result<Reply> {
    let new: NewChannel = call.json()?;
    check_key(&new.inbox.0)?;
    if new.enrol.len() > 64 {
        return Err(Refusal::too_large("a channel opens with at most 64 keys").into());
    }
    let events = opening(&new.enrol)?;
    if events.iter().any(|event| event.channel() != new.channel) {
        return Err(Refusal::event("an ENROL is of another channel").into());
    }
    let keys = events
        .iter()
        .filter_map(|event| event.spki.clone().map(Bytes))
        .collect();
    let entries = app
        .store
        .open_channel(call.account()?, new, events, call.now_ms)?;
    Reply::json(&ChannelEntries { entries, keys })
}

/// A further ENROL of a key, by the owner key.
pub(super) fn add_entry(app: &App, call: &Call) -> Result<Reply> {
    let submitted: SubmittedEvent = call.json()?;
    let event = by_channel_key(app, &submitted)?;
    Reply::json(&app.store.enrol_key(call.account()?, event, call.now_ms)?)
}

pub(super) fn contact(app: &App, call: &Call) -> Result<Reply> {
    Reply::json(
        &app.store
            .contact(call.param("locator")?)?
            .ok_or(Refusal::not_found())?,
    )
}

pub(super) fn entries(app: &App, call: &Call) -> Result<Reply> {
    let channel: Id16 = call.param("channel")?;
    let last = visible(app, call, channel)?;
    if last == 0 {
        return Err(Refusal::not_found().into());
    }
    let after = call.query("after")?.unwrap_or(0);
    Reply::json(&app.store.entries(channel, after, last)?)
}

/// Entries of every channel, in the log's order, for auditors.
pub(super) fn log_entries(app: &App, call: &Call) -> Result<Reply> {
    let from = call.query("from")?.unwrap_or(0);
    // what is not under a signed note yet is not shown
    let entries = app.store.log_entries(from, app.notes.size())?;
    Reply::json(&LogEntries { entries })
}

/// The first entry of that recordhash the caller may see, of one type if `type` is given.
pub(super) fn receipt(app: &App, call: &Call) -> Result<Reply> {
    let recordhash: Hash32 = call.param("recordhash")?;
    let kind: Option<u8> = call.query("type")?;
    for found in app.store.by_recordhash(recordhash)? {
        if kind.is_some_and(|kind| kind != found.kind) || !may_see(app, call, &found)? {
            continue;
        }
        let head = note_over(app, found.logged.index)?;
        let path = app.store.inclusion(found.logged.index, head.size)?;
        return Reply::json(&EntryProof {
            logged: found.logged,
            path,
            note: head.note.to_string(),
        });
    }
    Err(Refusal::not_found().into())
}

fn may_see(app: &App, call: &Call, found: &FoundEntry) -> Result<bool> {
    if is_public(&found.channel.0) {
        return Ok(true);
    }
    if let Caller::Grantee { certificate, .. } = &call.caller {
        let own = [certificate.organisation, certificate.subject];
        if found
            .receiver
            .is_some_and(|receiver| own.contains(&receiver))
        {
            return Ok(true);
        }
    }
    Ok(found.seq <= visible(app, call, found.channel)?)
}

/// How far the caller sees the channel: its last visible seq, 0 for none.
fn visible(app: &App, call: &Call, channel: Id16) -> Result<u64> {
    if is_public(&channel.0) {
        return Ok(EVERY);
    }
    match &call.caller {
        Caller::Owner { account, .. } => {
            let row = app.store.channel(channel)?;
            Ok(match row.and_then(|row| row.account) {
                Some(owner) if owner == *account => EVERY,
                _ => 0,
            })
        }
        Caller::Grantee { certificate, .. } => {
            app.store
                .visible_to(channel, certificate.organisation, certificate.subject)
        }
        _ => Ok(0),
    }
}

/// The largest number a column holds.
const EVERY: u64 = i64::MAX as u64;
