//! The gapless feed of an account: rows are numbered in the transaction of what they tell.

use super::{batches, from_json, json};
use crate::{Error, Refusal, Result};
use rusqlite::{Connection, OptionalExtension as _, params};
use vitalwitness_domain::wire::{self, Change, Changes, Id16, What};
use vitalwitness_proof::entry::{Entry, EventType};

/// An entry in one of its channels.
pub(super) fn entry(db: &Connection, account: Id16, index: u64) -> Result<()> {
    push(db, account, "entry", Some(&index.to_be_bytes()), None)
}

/// A batch was stored.
pub(super) fn batch(db: &Connection, account: Id16, batch: Id16) -> Result<()> {
    push(db, account, "batch", Some(&batch.0), None)
}

/// A batch was erased.
pub(super) fn erased(db: &Connection, account: Id16, batch: Id16) -> Result<()> {
    push(db, account, "erased", Some(&batch.0), None)
}

/// A bag item was stored or erased: the row says which when it is read.
pub(super) fn bag(db: &Connection, account: Id16, item: Id16) -> Result<()> {
    push(db, account, "bag", Some(&item.0), None)
}

/// Somebody asks; `index` is that of the REQUEST.
pub(super) fn request(db: &Connection, account: Id16, index: u64) -> Result<()> {
    push(db, account, "request", Some(&index.to_be_bytes()), None)
}

/// Something was refused.
pub(super) fn refusal(db: &Connection, account: Id16, refusal: &wire::Refusal) -> Result<()> {
    push(db, account, "refusal", None, Some(&json(refusal)?))
}

/// A stream key was closed.
pub(super) fn closed(db: &Connection, account: Id16, stream_key: Id16) -> Result<()> {
    push(db, account, "closed", Some(&stream_key.0), None)
}

/// A vault secret was stored.
pub(super) fn recovery(db: &Connection, account: Id16, generation: u32) -> Result<()> {
    push(
        db,
        account,
        "recovery",
        Some(&u64::from(generation).to_be_bytes()),
        None,
    )
}

fn push(
    db: &Connection,
    account: Id16,
    kind: &str,
    reference: Option<&[u8]>,
    body: Option<&str>,
) -> Result<()> {
    let cursor: u64 = db
        .prepare_cached("UPDATE account SET cursor = cursor + 1 WHERE id = ?1 RETURNING cursor")?
        .query_row([account.0], |row| row.get(0))?;
    db.prepare_cached(
        "INSERT INTO change (account, cursor, kind, ref, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![account.0, cursor, kind, reference, body])?;
    Ok(())
}

/// The changes after a cursor.
pub(super) fn read(db: &Connection, account: Id16, after: u64, limit: u32) -> Result<Changes> {
    let latest: u64 = db
        .prepare_cached("SELECT cursor FROM account WHERE id = ?1")?
        .query_row([account.0], |row| row.get(0))
        .optional()?
        .ok_or(Refusal::not_found())?;
    if after > latest {
        return Err(Refusal::gone().into());
    }
    let mut statement = db.prepare_cached(
        "SELECT cursor, kind, ref, body FROM change WHERE account = ?1 AND cursor > ?2
         ORDER BY cursor LIMIT ?3",
    )?;
    let mut rows = statement.query(params![account.0, after, limit])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        let reference: Option<Vec<u8>> = row.get(2)?;
        let body: Option<String> = row.get(3)?;
        changes.push(Change {
            cursor: row.get(0)?,
            what: what(db, account, &kind, reference.as_deref(), body.as_deref())?,
        });
    }
    Ok(Changes { changes, latest })
}

fn what(
    db: &Connection,
    account: Id16,
    kind: &str,
    reference: Option<&[u8]>,
    body: Option<&str>,
) -> Result<What> {
    let damaged = || Error::Corrupt("a row of the changes");
    let id = || reference.and_then(|bytes| bytes.try_into().ok()).map(Id16);
    let number = || {
        reference
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_be_bytes)
    };
    match kind {
        "entry" => entry_change(db, number().ok_or_else(damaged)?),
        "batch" => {
            let id = id().ok_or_else(damaged)?;
            Ok(match batches::info(db, id)? {
                Some((_, info)) => What::Batch { info },
                None => What::Erased { batch: id },
            })
        }
        "erased" => Ok(What::Erased {
            batch: id().ok_or_else(damaged)?,
        }),
        "bag" => {
            let item = id().ok_or_else(damaged)?;
            let found = db
                .prepare_cached(
                    "SELECT generation, sealed FROM bag WHERE account = ?1 AND item = ?2",
                )?
                .query_row(params![account.0, item.0], |row| {
                    Ok(wire::BagItem {
                        item,
                        generation: row.get(0)?,
                        sealed: row.get::<_, Vec<u8>>(1)?.into(),
                    })
                })
                .optional()?;
            Ok(match found {
                Some(item) => What::Bag { item },
                None => What::BagErased { item },
            })
        }
        "request" => {
            let body: String = db
                .prepare_cached("SELECT body FROM request WHERE idx = ?1")?
                .query_row([number().ok_or_else(damaged)?], |row| row.get(0))?;
            Ok(What::Request {
                request: from_json(&body)?,
            })
        }
        "refusal" => Ok(What::Refusal {
            refusal: from_json(body.ok_or_else(damaged)?)?,
        }),
        "closed" => Ok(What::Closed {
            stream_key: id().ok_or_else(damaged)?,
        }),
        "recovery" => Ok(What::Recovery {
            generation: number()
                .and_then(|generation| u32::try_from(generation).ok())
                .ok_or_else(damaged)?,
        }),
        _ => Err(damaged()),
    }
}

fn entry_change(db: &Connection, index: u64) -> Result<What> {
    let bytes: Vec<u8> = db
        .prepare_cached("SELECT bytes FROM entry WHERE idx = ?1")?
        .query_row([index], |row| row.get(0))?;
    let spki: Option<Vec<u8>> = match Entry::decode(&bytes) {
        Ok(entry) if entry.event.kind == EventType::Enrol => db
            .prepare_cached("SELECT spki FROM channel_key WHERE idx = ?1")?
            .query_row([index], |row| row.get(0))
            .optional()?,
        Ok(_) => None,
        Err(_) => return Err(Error::Corrupt("an entry of the log")),
    };
    Ok(What::Entry {
        index,
        entry: bytes.into(),
        spki: spki.map(Into::into),
    })
}
