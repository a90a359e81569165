//! Announced uploads and stored batches.

use super::accounts::{charge, quota, release};
use super::{Sqlite, append, changes, facts, from_json, json, sharing};
use crate::log::{Facts, Verified};
use crate::store::{Batches, Uploader};
use crate::{Error, Refusal, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vitalwitness_domain::wire::{BatchInfo, BatchStatus, Hash32, Id16, Logged, NewBatch, Quota};
use vitalwitness_proof::entry::EventType;

impl Batches for Sqlite {
    fn announce(
        &self,
        by: Uploader,
        new: NewBatch,
        event: Option<Verified>,
        now_ms: i64,
    ) -> Result<BatchStatus> {
        let limit = self.quota;
        self.write(move |tx| {
            let db = tx.db;
            let account = account_of(db, by, new.channel)?;
            let stored = info(db, new.batch)?;
            if let Some((_, stored)) = &stored
                && stored.revision >= new.revision
            {
                return if is_same(stored, &new) {
                    status(db, by, account, new.batch, new.revision, limit)
                } else {
                    Err(Refusal::conflict("this revision has other bytes").into())
                };
            }
            let known: Option<(String, [u8; 16])> = db
                .prepare_cached(
                    "SELECT body, uploader FROM upload WHERE batch = ?1 AND revision = ?2",
                )?
                .query_row(params![new.batch.0, new.revision], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            let body = json(&new)?;
            if let Some((known, uploader)) = known {
                let known: NewBatch = from_json(&known)?;
                let sealed_anew = uploader == uploader_id(by).0
                    && is_closed(db, known.channel, known.stream_key)?;
                if without_event(known.clone()) == without_event(new.clone()) {
                    return status(db, by, account, new.batch, new.revision, limit);
                } else if !sealed_anew {
                    let title = "this upload was announced with other bytes";
                    return Err(Refusal::conflict(title).into());
                }
                // its key was closed after it was announced: it can never be committed as it was
                release(db, account, known.bytes)?;
                forget_upload(db, new.batch, new.revision)?;
            }
            check_announcement(db, by, stored.as_ref(), &new)?;
            if let Some(event) = &event {
                let facts = batch_facts(db, by, event, new.stream_key, now_ms)?;
                crate::log::admit(&event.event, Id16(event.signed.signer), &facts, now_ms)?;
            }
            forget_old_uploads(db, account, now_ms)?;
            charge(db, account, new.bytes, limit)?;
            db.prepare_cached(
                "INSERT INTO upload (batch, revision, channel, account, uploader, body, bytes, announced_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                new.batch.0,
                new.revision,
                new.channel.0,
                account.0,
                uploader_id(by).0,
                body,
                new.bytes,
                now_ms
            ])?;
            status(db, by, account, new.batch, new.revision, limit)
        })
    }

    fn upload(&self, by: Uploader, batch: Id16, revision: u32) -> Result<NewBatch> {
        self.read(|db| {
            let body: String = db
                .prepare_cached(
                    "SELECT body FROM upload WHERE batch = ?1 AND revision = ?2 AND uploader = ?3",
                )?
                .query_row(params![batch.0, revision, uploader_id(by).0], |row| {
                    row.get(0)
                })
                .optional()?
                .ok_or(Refusal::not_found())?;
            from_json(&body)
        })
    }

    fn part_stored(&self, batch: Id16, revision: u32, part: u32) -> Result<()> {
        self.write(move |tx| {
            tx.db
                .prepare_cached(
                    "INSERT OR IGNORE INTO upload_part (batch, revision, part) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![batch.0, revision, part])?;
            Ok(())
        })
    }

    fn batch_status(&self, by: Uploader, batch: Id16, revision: u32) -> Result<BatchStatus> {
        self.read(|db| {
            let channel: Option<[u8; 16]> = db
                .prepare_cached(
                    "SELECT channel FROM upload WHERE batch = ?1 AND revision = ?2
                     UNION ALL SELECT channel FROM batch WHERE id = ?1 AND revision >= ?2",
                )?
                .query_row(params![batch.0, revision], |row| row.get(0))
                .optional()?;
            let channel = channel.map(Id16).ok_or(Refusal::not_found())?;
            let account = account_of(db, by, channel)?;
            status(db, by, account, batch, revision, self.quota)
        })
    }

    fn commit_batch(
        &self,
        by: Uploader,
        batch: Id16,
        revision: u32,
        event: Option<Verified>,
        now_ms: i64,
    ) -> Result<BatchStatus> {
        let limit = self.quota;
        self.write(move |tx| {
            let db = tx.db;
            let body: Option<String> = db
                .prepare_cached(
                    "SELECT body FROM upload WHERE batch = ?1 AND revision = ?2 AND uploader = ?3",
                )?
                .query_row(params![batch.0, revision, uploader_id(by).0], |row| {
                    row.get(0)
                })
                .optional()?;
            let Some(body) = body else {
                let (account, stored) = info(db, batch)?.ok_or(Refusal::not_found())?;
                if account_of(db, by, stored.channel)? != account || stored.revision != revision {
                    return Err(Refusal::not_found().into());
                }
                return status(db, by, account, batch, revision, limit);
            };
            let new: NewBatch = from_json(&body)?;
            let account = account_of(db, by, new.channel)?;
            if !missing(db, &new)?.is_empty() {
                return Err(Refusal::contradiction("parts are missing").into());
            }
            let stored = info(db, batch)?;
            check_announcement(db, by, stored.as_ref(), &new)?;
            match (event, stored) {
                (Some(event), None) => {
                    let facts = batch_facts(db, by, &event, new.stream_key, now_ms)?;
                    let logged = append(tx, &event, &facts, now_ms)?;
                    insert_batch(tx.db, account, &new, &logged)?;
                }
                (None, Some((_, stored))) => {
                    release(db, account, stored.bytes)?;
                    db.prepare_cached(
                        "UPDATE batch SET revision = ?2, stream_key = ?3, bytes = ?4, digest = ?5
                         WHERE id = ?1",
                    )?
                    .execute(params![
                        batch.0,
                        revision,
                        new.stream_key.0,
                        new.bytes,
                        new.digest.0
                    ])?;
                }
                _ => return Err(Refusal::not_found().into()),
            }
            forget_upload(tx.db, batch, revision)?;
            changes::batch(tx.db, account, batch)?;
            status(tx.db, by, account, batch, revision, limit)
        })
    }

    fn batch(&self, batch: Id16) -> Result<Option<(Id16, BatchInfo)>> {
        self.read(|db| info(db, batch))
    }

    fn erase_batch(&self, account: Id16, batch: Id16) -> Result<()> {
        self.write(move |tx| match info(tx.db, batch)? {
            Some((owner, stored)) if owner == account => {
                tx.db
                    .execute("UPDATE batch SET erased = 1 WHERE id = ?1", [batch.0])?;
                release(tx.db, account, stored.bytes)?;
                changes::erased(tx.db, account, batch)
            }
            _ => Err(Refusal::not_found().into()),
        })
    }

    fn keeps_blob(&self, batch: Id16, revision: u32) -> Result<bool> {
        self.read(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT 1 FROM batch WHERE id = ?1 AND revision = ?2 AND erased = 0
                     UNION ALL SELECT 1 FROM upload WHERE batch = ?1 AND revision = ?2",
                )?
                .exists(params![batch.0, revision])?)
        })
    }
}

/// A stored batch and its account; None if it was erased.
pub(super) fn info(db: &Connection, batch: Id16) -> Result<Option<(Id16, BatchInfo)>> {
    let sql = format!("SELECT {INFO_COLUMNS}, account FROM batch WHERE id = ?1 AND erased = 0");
    Ok(db
        .prepare_cached(&sql)?
        .query_row([batch.0], |row| Ok((Id16(row.get(10)?), read_info(row)?)))
        .optional()?)
}

/// Reads [`INFO_COLUMNS`].
pub(super) fn read_info(row: &Row<'_>) -> rusqlite::Result<BatchInfo> {
    Ok(BatchInfo {
        channel: Id16(row.get(0)?),
        batch: Id16(row.get(1)?),
        revision: row.get(2)?,
        stream_key: Id16(row.get(3)?),
        root: Hash32(row.get(4)?),
        leaves: row.get(5)?,
        bytes: row.get(6)?,
        digest: Hash32(row.get(7)?),
        index: row.get(8)?,
        seq: row.get(9)?,
    })
}

fn uploader_id(by: Uploader) -> Id16 {
    match by {
        Uploader::Owner(account) => account,
        Uploader::Grantee(_, person) => person.organisation,
    }
}

/// The account of a channel that the uploader may write to.
fn account_of(db: &Connection, by: Uploader, channel: Id16) -> Result<Id16> {
    let account: Option<[u8; 16]> = db
        .prepare_cached("SELECT account FROM channel WHERE id = ?1 AND account IS NOT NULL")?
        .query_row([channel.0], |row| row.get(0))
        .optional()?;
    let account = account.map(Id16).ok_or(Refusal::not_found())?;
    match by {
        Uploader::Owner(own) if own != account => Err(Refusal::not_found().into()),
        _ => Ok(account),
    }
}

fn is_same(stored: &BatchInfo, new: &NewBatch) -> bool {
    stored.revision == new.revision
        && stored.channel == new.channel
        && stored.stream_key == new.stream_key
        && stored.root == new.root
        && stored.leaves == new.leaves
        && stored.digest == new.digest
        && stored.bytes == new.bytes
}

/// A BATCH signed anew over the same bytes is the same upload; the first event stands.
fn without_event(new: NewBatch) -> NewBatch {
    NewBatch { event: None, ..new }
}

/// Whether nothing more is taken under a stream key.
fn is_closed(db: &Connection, channel: Id16, stream_key: Id16) -> Result<bool> {
    Ok(db
        .prepare_cached("SELECT 1 FROM closed_key WHERE channel = ?1 AND stream_key = ?2")?
        .exists(params![channel.0, stream_key.0])?)
}

/// What must hold when a batch is announced, and again when it is committed.
fn check_announcement(
    db: &Connection,
    by: Uploader,
    stored: Option<&(Id16, BatchInfo)>,
    new: &NewBatch,
) -> Result<()> {
    if is_closed(db, new.channel, new.stream_key)? {
        return Err(Refusal::key_closed().into());
    }
    match (&new.event, stored) {
        (Some(_), None) if new.revision == 0 => {
            let erased = db
                .prepare_cached("SELECT 1 FROM batch WHERE id = ?1")?
                .exists([new.batch.0])?;
            if erased {
                return Err(Refusal::conflict("a batch of that name was erased").into());
            }
            Ok(())
        }
        (None, Some((_, stored)))
            if matches!(by, Uploader::Owner(_))
                && new.revision == stored.revision.saturating_add(1) =>
        {
            if new.root != stored.root
                || new.leaves != stored.leaves
                || new.channel != stored.channel
            {
                return Err(Refusal::conflict("a revision keeps channel, root and leaves").into());
            }
            Ok(())
        }
        _ => Err(Refusal::contradiction(
            "revision 0 comes with its BATCH event, the next ones without",
        )
        .into()),
    }
}

fn batch_facts(
    db: &Connection,
    by: Uploader,
    event: &Verified,
    stream_key: Id16,
    now_ms: i64,
) -> Result<Facts> {
    if event.event.kind != EventType::Batch {
        return Err(Refusal::event("a batch comes with a BATCH event").into());
    }
    match by {
        Uploader::Owner(_) if event.event.receiver.is_none() => facts(db, event, None),
        Uploader::Grantee(person, fact) if event.event.receiver.is_some() => {
            let mut facts = facts(db, event, Some(fact))?;
            facts.grant = sharing::append_grant(
                db,
                Id16(event.event.channel),
                (person, fact.organisation),
                stream_key,
                now_ms,
            )?;
            Ok(facts)
        }
        _ => Err(Refusal::event("the receiver is not the signer's").into()),
    }
}

fn insert_batch(db: &Connection, account: Id16, new: &NewBatch, logged: &Logged) -> Result<()> {
    let seq: u64 = db
        .prepare_cached("SELECT seq FROM entry WHERE idx = ?1")?
        .query_row([logged.index], |row| row.get(0))?;
    db.prepare_cached(
        "INSERT INTO batch (id, channel, account, revision, stream_key, root, leaves, bytes,
         digest, idx, seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        new.batch.0,
        new.channel.0,
        account.0,
        new.revision,
        new.stream_key.0,
        new.root.0,
        new.leaves,
        new.bytes,
        new.digest.0,
        logged.index,
        seq
    ])?;
    Ok(())
}

/// How an upload stands. A grantee is told of what its organisation uploads or was logged as
/// receiver of, and nothing of the account's room.
fn status(
    db: &Connection,
    by: Uploader,
    account: Id16,
    batch: Id16,
    revision: u32,
    limit: u64,
) -> Result<BatchStatus> {
    let quota = match by {
        Uploader::Owner(_) => quota(db, account, limit)?,
        Uploader::Grantee(..) => Quota { used: 0, limit: 0 },
    };
    if let Some((_, stored)) = info(db, batch)?
        && stored.revision >= revision
    {
        let (entry, receiver): (Vec<u8>, Option<[u8; 16]>) = db
            .prepare_cached("SELECT bytes, receiver FROM entry WHERE idx = ?1")?
            .query_row([stored.index], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if let Uploader::Grantee(person, fact) = by
            && receiver != Some(fact.organisation.0)
            && receiver != Some(person.0)
        {
            return Err(Refusal::not_found().into());
        }
        return Ok(BatchStatus {
            missing: Vec::new(),
            logged: Some(Logged {
                entry: entry.into(),
                index: stored.index,
            }),
            quota,
        });
    }
    let (body, uploader): (String, [u8; 16]) = db
        .prepare_cached("SELECT body, uploader FROM upload WHERE batch = ?1 AND revision = ?2")?
        .query_row(params![batch.0, revision], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
        .ok_or(Refusal::not_found())?;
    if matches!(by, Uploader::Grantee(..)) && uploader != uploader_id(by).0 {
        return Err(Refusal::not_found().into());
    }
    Ok(BatchStatus {
        missing: missing(db, &from_json(&body)?)?,
        logged: None,
        quota,
    })
}

fn missing(db: &Connection, new: &NewBatch) -> Result<Vec<u32>> {
    let mut statement =
        db.prepare_cached("SELECT part FROM upload_part WHERE batch = ?1 AND revision = ?2")?;
    let here = statement
        .query_map(params![new.batch.0, new.revision], |row| row.get(0))?
        .collect::<Result<std::collections::BTreeSet<u32>, _>>()?;
    let count = u32::try_from(new.parts.len()).map_err(|_| Error::Corrupt("an upload"))?;
    Ok((0..count).filter(|part| !here.contains(part)).collect())
}

/// An upload that nobody finished within a week gives its room back; its file goes with the
/// next start's sweep.
fn forget_old_uploads(db: &Connection, account: Id16, now_ms: i64) -> Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT batch, revision, bytes FROM upload WHERE account = ?1 AND announced_ms < ?2",
    )?;
    let old = statement
        .query_map(
            params![account.0, now_ms.saturating_sub(UPLOAD_MS)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?
        .collect::<Result<Vec<([u8; 16], u32, u64)>, _>>()?;
    for (batch, revision, bytes) in old {
        release(db, account, bytes)?;
        forget_upload(db, Id16(batch), revision)?;
    }
    Ok(())
}

fn forget_upload(db: &Connection, batch: Id16, revision: u32) -> Result<()> {
    for table in ["upload_part", "upload"] {
        db.prepare_cached(&format!(
            "DELETE FROM {table} WHERE batch = ?1 AND revision = ?2"
        ))?
        .execute(params![batch.0, revision])?;
    }
    Ok(())
}

/// What [`read_info`] reads.
pub(super) const INFO_COLUMNS: &str =
    "channel, id, revision, stream_key, root, leaves, bytes, digest, idx, seq";
const UPLOAD_MS: i64 = 7 * 86_400_000;
