//! Channels, their keys, and who sees how much of them.

use super::{Sqlite, append, facts, first_answer, own_channel};
use crate::log::Verified;
use crate::store::{ChannelRow, Channels};
use crate::{Refusal, Result};
use rusqlite::{OptionalExtension as _, params};
use vitalwitness_domain::wire::{Bytes, ChannelEntries, Contact, Id16, Logged, NewChannel};
use vitalwitness_proof::entry::{EventType, Purpose};

impl Channels for Sqlite {
    fn open_channel(
        &self,
        account: Id16,
        new: NewChannel,
        events: Vec<Verified>,
        now_ms: i64,
    ) -> Result<Vec<Logged>> {
        self.write(move |tx| {
            let known: Option<(Option<[u8; 16]>, [u8; 16])> = tx
                .db
                .query_row(
                    "SELECT account, locator FROM channel WHERE id = ?1",
                    [new.channel.0],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let first = events
                .first()
                .ok_or(Refusal::event("a channel begins with an ENROL"))?;
            match known {
                Some((Some(owner), locator)) if owner == account.0 && locator == new.locator.0 => {}
                Some(_) => return Err(Refusal::conflict("the channel is taken").into()),
                None => {
                    // the first rule sees a channel that is not there yet
                    let before = facts(tx.db, first, None)?;
                    let taken = tx
                        .db
                        .prepare_cached("SELECT 1 FROM channel WHERE locator = ?1")?
                        .exists([new.locator.0])?;
                    if taken {
                        return Err(Refusal::conflict("the locator is taken").into());
                    }
                    tx.db.execute(
                        "INSERT INTO channel (id, account, owner, locator, inbox)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![
                            new.channel.0,
                            account.0,
                            first.event.owner,
                            new.locator.0,
                            new.inbox.0
                        ],
                    )?;
                    append(tx, first, &before, now_ms)?;
                }
            }
            let mut logged = Vec::with_capacity(events.len());
            for event in &events {
                let answer = if let Some(answer) = first_answer(tx.db, event)? {
                    answer
                } else {
                    let facts = facts(tx.db, event, None)?;
                    append(tx, event, &facts, now_ms)?
                };
                logged.push(answer);
            }
            Ok(logged)
        })
    }

    fn enrol_key(&self, account: Id16, event: Verified, now_ms: i64) -> Result<Logged> {
        self.write(move |tx| {
            own_channel(tx.db, account, event.event.channel)?;
            if event.event.kind != EventType::Enrol || event.spki.is_none() {
                return Err(Refusal::event("this takes an ENROL with its key").into());
            }
            if let Some(answer) = first_answer(tx.db, &event)? {
                return Ok(answer);
            }
            let facts = facts(tx.db, &event, None)?;
            append(tx, &event, &facts, now_ms)
        })
    }

    fn channel(&self, channel: Id16) -> Result<Option<ChannelRow>> {
        self.read(|db| {
            Ok(db
                .prepare_cached("SELECT account, owner FROM channel WHERE id = ?1")?
                .query_row([channel.0], |row| {
                    Ok(ChannelRow {
                        account: row.get::<_, Option<[u8; 16]>>(0)?.map(Id16),
                        owner: Id16(row.get(1)?),
                    })
                })
                .optional()?)
        })
    }

    fn contact(&self, locator: Id16) -> Result<Option<Contact>> {
        self.read(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT id, owner, inbox FROM channel
                     WHERE locator = ?1 AND account IS NOT NULL",
                )?
                .query_row([locator.0], |row| {
                    Ok(Contact {
                        channel: Id16(row.get(0)?),
                        owner: Id16(row.get(1)?),
                        inbox: row.get::<_, Vec<u8>>(2)?.into(),
                    })
                })
                .optional()?)
        })
    }

    fn channel_key(&self, channel: Id16, id: Id16) -> Result<Option<Vec<u8>>> {
        self.read(|db| {
            Ok(db
                .prepare_cached("SELECT spki FROM channel_key WHERE channel = ?1 AND id = ?2")?
                .query_row(params![channel.0, id.0], |row| row.get(0))
                .optional()?)
        })
    }

    fn grant_key(&self, account: Id16, id: Id16) -> Result<Option<Vec<u8>>> {
        self.read(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT k.spki FROM channel_key k JOIN channel c ON c.id = k.channel
                     WHERE c.account = ?1 AND k.id = ?2 AND k.purpose = ?3 AND k.revoked = 0",
                )?
                .query_row(params![account.0, id.0, Purpose::Grant.number()], |row| {
                    row.get(0)
                })
                .optional()?)
        })
    }

    fn entries(&self, channel: Id16, after: u64, last: u64) -> Result<ChannelEntries> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT bytes, idx FROM entry WHERE channel = ?1 AND seq > ?2 AND seq <= ?3
                 ORDER BY seq LIMIT ?4",
            )?;
            let entries = statement
                .query_map(params![channel.0, after, last, PAGE], |row| {
                    Ok(Logged {
                        entry: row.get::<_, Vec<u8>>(0)?.into(),
                        index: row.get(1)?,
                    })
                })?
                .collect::<Result<Vec<_>, _>>()?;
            let mut statement = db.prepare_cached(
                "SELECT k.spki FROM channel_key k JOIN entry e ON e.idx = k.idx
                 WHERE k.channel = ?1 AND e.seq <= ?2 ORDER BY k.idx",
            )?;
            let keys = statement
                .query_map(params![channel.0, last], |row| {
                    Ok(Bytes(row.get::<_, Vec<u8>>(0)?))
                })?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(ChannelEntries { entries, keys })
        })
    }

    fn visible_to(&self, channel: Id16, organisation: Id16, person: Id16) -> Result<u64> {
        self.read(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT coalesce(max(min(coalesce(revoked_seq, 9223372036854775807),
                     coalesce(expired_seq, 9223372036854775807))), 0)
                     FROM access_grant WHERE channel = ?1 AND organisation = ?2
                     AND (person IS NULL OR person = ?3)",
                )?
                .query_row(params![channel.0, organisation.0, person.0], |row| {
                    row.get(0)
                })?)
        })
    }
}

/// Entries of one answer.
const PAGE: u32 = 1000;
