//! Accounts, devices, sessions and sealed secrets.

use super::{Sqlite, changes, from_json, json};
use crate::store::{Accounts, Device, SessionRow, SubjectKind};
use crate::{Refusal, Result};
use rusqlite::{Connection, OptionalExtension as _, params};
use vitalwitness_domain::wire::{
    BagItem, Changes, DeviceStatement, Id16, NewAccount, NewRecovery, Quota, Recovery,
};
use vitalwitness_proof::keys::spki_id;

impl Accounts for Sqlite {
    fn create_account(&self, new: NewAccount) -> Result<Quota> {
        let limit = self.quota;
        self.write(move |tx| {
            let id = Id16(spki_id(&new.aik.0));
            let known: Option<Vec<u8>> = tx
                .db
                .query_row("SELECT kk FROM account WHERE id = ?1", [id.0], |row| {
                    row.get(0)
                })
                .optional()?;
            match known {
                Some(kk) if kk == new.kk.0 => {}
                Some(_) => {
                    return Err(Refusal::conflict("the account has another recovery key").into());
                }
                None => {
                    tx.db.execute(
                        "INSERT INTO account (id, aik, kk) VALUES (?1, ?2, ?3)",
                        params![id.0, new.aik.0, new.kk.0],
                    )?;
                }
            }
            insert_device(tx.db, &new.device)?;
            quota(tx.db, id, limit)
        })
    }

    fn account_key(&self, account: Id16) -> Result<Option<Vec<u8>>> {
        self.read(|db| {
            Ok(db
                .prepare_cached("SELECT aik FROM account WHERE id = ?1")?
                .query_row([account.0], |row| row.get(0))
                .optional()?)
        })
    }

    fn add_device(&self, statement: DeviceStatement) -> Result<()> {
        self.write(move |tx| {
            if let Some(by) = statement.by {
                let counts = tx
                    .db
                    .prepare_cached(
                        "SELECT 1 FROM device WHERE id = ?1 AND account = ?2 AND revoked = 0",
                    )?
                    .exists(params![by.0, statement.account.0])?;
                if !counts {
                    return Err(Refusal::forbidden("the stating device is revoked").into());
                }
            }
            insert_device(tx.db, &statement)
        })
    }

    fn device(&self, device: Id16) -> Result<Option<Device>> {
        self.read(|db| {
            let found = db
                .prepare_cached("SELECT statement, revoked, ended_ms FROM device WHERE id = ?1")?
                .query_row([device.0], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            found.map(read_device).transpose()
        })
    }

    fn devices(&self, account: Id16) -> Result<Vec<Device>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT statement, revoked, ended_ms FROM device WHERE account = ?1 ORDER BY rowid",
            )?;
            let rows = statement.query_map([account.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            rows.map(|row| read_device(row?)).collect()
        })
    }

    fn revoke_device(&self, account: Id16, device: Id16, time: i64) -> Result<()> {
        self.write(move |tx| {
            let time: Option<i64> = tx
                .db
                .query_row(
                    "UPDATE device SET revoked = 1, ended_ms = ifnull(ended_ms, ?3)
                     WHERE id = ?1 AND account = ?2 RETURNING ended_ms",
                    params![device.0, account.0, time],
                    |row| row.get(0),
                )
                .optional()?;
            let time = time.ok_or(Refusal::not_found())?;
            // what it stated after its end does not count, nor what that stated
            let mut ended = vec![device];
            while let Some(by) = ended.pop() {
                tx.db
                    .execute("DELETE FROM session WHERE subject = ?1", [by.0])?;
                for statement in stated_by(tx.db, account, by)? {
                    if by != device || statement.time >= time {
                        let id = Id16(spki_id(&statement.dsk.0));
                        tx.db.execute(
                            "UPDATE device SET revoked = 1, ended_ms = ?2 WHERE id = ?1",
                            params![id.0, time],
                        )?;
                        ended.push(id);
                    }
                }
            }
            Ok(())
        })
    }

    fn open_session(&self, session: SessionRow) -> Result<()> {
        self.write(move |tx| {
            let known: Option<(Id, i64)> = tx
                .db
                .query_row(
                    "SELECT subject, end_ms FROM session WHERE id = ?1",
                    [session.session.0],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            match known {
                Some(known) if known == (session.subject.0, session.end_ms) => Ok(()),
                Some(_) => Err(Refusal::conflict("the session key is in use").into()),
                None => {
                    tx.db.execute(
                        "INSERT INTO session (id, subject, kind, spki, end_ms)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![
                            session.session.0,
                            session.subject.0,
                            kind_text(session.kind),
                            session.spki,
                            session.end_ms
                        ],
                    )?;
                    Ok(())
                }
            }
        })
    }

    fn session(&self, session: Id16) -> Result<Option<SessionRow>> {
        self.read(|db| {
            Ok(db
                .prepare_cached("SELECT subject, kind, spki, end_ms FROM session WHERE id = ?1")?
                .query_row([session.0], |row| {
                    Ok(SessionRow {
                        session,
                        subject: Id16(row.get(0)?),
                        kind: kind_of(&row.get::<_, String>(1)?),
                        spki: row.get(2)?,
                        end_ms: row.get(3)?,
                    })
                })
                .optional()?)
        })
    }

    fn end_session(&self, session: Id16) -> Result<()> {
        self.write(move |tx| {
            tx.db
                .execute("DELETE FROM session WHERE id = ?1", [session.0])?;
            Ok(())
        })
    }

    fn put_recovery(&self, account: Id16, new: NewRecovery) -> Result<()> {
        self.write(move |tx| {
            let (body, recovery) = (json(&new)?, &new.recovery);
            check_sealed_to_kit(tx.db, account, recovery)?;
            let known: Option<(u32, String)> = tx
                .db
                .query_row(
                    "SELECT generation, body FROM recovery WHERE account = ?1
                     ORDER BY generation DESC LIMIT 1",
                    [account.0],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            if let Some((generation, known)) = known {
                if generation == recovery.generation {
                    let there = read_recovery(&known)?;
                    if there.recovery != *recovery {
                        return Err(Refusal::conflict("this generation has other sealings").into());
                    }
                    // put before devices signed: no phone opens it without
                    if there.device_signature.is_none() {
                        release(tx.db, account, known.len() as u64)?;
                        charge(tx.db, account, body.len() as u64, u64::MAX)?;
                        tx.db.execute(
                            "UPDATE recovery SET body = ?3 WHERE account = ?1 AND generation = ?2",
                            params![account.0, generation, body],
                        )?;
                    }
                    return Ok(());
                }
                if generation > recovery.generation {
                    return Err(Refusal::conflict("there is a newer generation").into());
                }
                if recovery.generation - generation > 1 {
                    return Err(Refusal::conflict("a generation is missing before it").into());
                }
                // what opens the newest opens the bag; the one before stays, as the phone may
                // still have to put it into the bag
                let before = params![account.0, generation];
                let older: u64 = tx.db.query_row(
                    "SELECT coalesce(sum(octet_length(body)), 0) FROM recovery
                     WHERE account = ?1 AND generation < ?2",
                    before,
                    |row| row.get(0),
                )?;
                release(tx.db, account, older)?;
                tx.db.execute(
                    "DELETE FROM recovery WHERE account = ?1 AND generation < ?2",
                    before,
                )?;
            } else if recovery.generation > 1 {
                return Err(Refusal::conflict("a generation is missing before it").into());
            }
            // counted, never refused: there are two, of bounded size, and ending a device needs it
            charge(tx.db, account, body.len() as u64, u64::MAX)?;
            tx.db.execute(
                "INSERT INTO recovery (account, generation, body) VALUES (?1, ?2, ?3)",
                params![account.0, recovery.generation, body],
            )?;
            changes::recovery(tx.db, account, recovery.generation)
        })
    }

    fn recovery(&self, account: Id16, generation: Option<u32>) -> Result<Option<NewRecovery>> {
        self.read(|db| {
            let body: Option<String> = db
                .prepare_cached(
                    "SELECT body FROM recovery WHERE account = ?1 AND generation = ifnull(?2, generation)
                     ORDER BY generation DESC LIMIT 1",
                )?
                .query_row(params![account.0, generation], |row| row.get(0))
                .optional()?;
            body.as_deref().map(read_recovery).transpose()
        })
    }

    fn put_bag(&self, account: Id16, item: BagItem) -> Result<()> {
        let limit = self.quota;
        self.write(move |tx| {
            let known: Option<(u32, Vec<u8>)> = tx
                .db
                .prepare_cached(
                    "SELECT generation, sealed FROM bag WHERE account = ?1 AND item = ?2",
                )?
                .query_row(params![account.0, item.item.0], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            match known {
                Some((generation, sealed)) => {
                    return if generation == item.generation && sealed == item.sealed.0 {
                        Ok(())
                    } else {
                        Err(Refusal::conflict("the bag has another item of that name").into())
                    };
                }
                None => charge_secret(tx.db, account, item.sealed.0.len() as u64, limit)?,
            }
            tx.db
                .prepare_cached(
                    "INSERT INTO bag (account, item, generation, sealed) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    account.0,
                    item.item.0,
                    item.generation,
                    item.sealed.0
                ])?;
            changes::bag(tx.db, account, item.item)
        })
    }

    fn erase_bag(&self, account: Id16, item: Id16) -> Result<()> {
        self.write(move |tx| {
            let sealed: Option<Vec<u8>> = tx
                .db
                .query_row(
                    "DELETE FROM bag WHERE account = ?1 AND item = ?2 RETURNING sealed",
                    params![account.0, item.0],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(sealed) = sealed else {
                return Ok(());
            };
            release(tx.db, account, sealed.len() as u64)?;
            changes::bag(tx.db, account, item)
        })
    }

    fn changes(&self, account: Id16, after: u64, limit: u32) -> Result<Changes> {
        self.read(|db| changes::read(db, account, after, limit))
    }

    fn quota(&self, account: Id16) -> Result<Quota> {
        self.read(|db| quota(db, account, self.quota))
    }

    fn delete_account(&self, account: Id16) -> Result<Vec<(Id16, u32)>> {
        self.write(move |tx| {
            let mut batches: Vec<(Id16, u32)> = Vec::new();
            {
                let mut statement = tx.db.prepare(
                    "SELECT id, revision FROM batch WHERE account = ?1
                     UNION SELECT batch, revision FROM upload WHERE account = ?1",
                )?;
                let rows =
                    statement.query_map([account.0], |row| Ok((Id16(row.get(0)?), row.get(1)?)))?;
                for row in rows {
                    batches.push(row?);
                }
            }
            tx.db.execute(
                "DELETE FROM delivery_batch WHERE delivery IN (SELECT d.id FROM delivery d
                 JOIN access_grant g ON g.id = d.access_grant
                 JOIN channel c ON c.id = g.channel WHERE c.account = ?1)",
                [account.0],
            )?;
            for table in ["delivery", "envelope"] {
                tx.db.execute(
                    &format!(
                        "DELETE FROM {table} WHERE access_grant IN (SELECT g.id FROM access_grant g
                         JOIN channel c ON c.id = g.channel WHERE c.account = ?1)"
                    ),
                    [account.0],
                )?;
            }
            for table in ["access_grant", "request", "closed_key"] {
                tx.db.execute(
                    &format!(
                        "DELETE FROM {table} WHERE channel IN
                         (SELECT id FROM channel WHERE account = ?1)"
                    ),
                    [account.0],
                )?;
            }
            tx.db.execute(
                "DELETE FROM upload_part WHERE (batch, revision) IN
                 (SELECT batch, revision FROM upload WHERE account = ?1)",
                [account.0],
            )?;
            tx.db.execute(
                "DELETE FROM session WHERE subject IN (SELECT id FROM device WHERE account = ?1)",
                [account.0],
            )?;
            // a random locator stays so that the channel's name is never given away again
            tx.db.execute(
                "UPDATE channel SET account = NULL, inbox = x'', locator = randomblob(16)
                 WHERE account = ?1",
                [account.0],
            )?;
            for table in ["upload", "batch", "bag", "recovery", "change", "device"] {
                tx.db.execute(
                    &format!("DELETE FROM {table} WHERE account = ?1"),
                    [account.0],
                )?;
            }
            tx.db
                .execute("DELETE FROM account WHERE id = ?1", [account.0])?;
            Ok(batches)
        })
    }

    fn expire_sessions(&self, now_ms: i64) -> Result<()> {
        self.write(move |tx| {
            tx.db
                .execute("DELETE FROM session WHERE end_ms < ?1", [now_ms])?;
            Ok(())
        })
    }
}

/// What an account uses of what it may.
pub(super) fn quota(db: &Connection, account: Id16, limit: u64) -> Result<Quota> {
    let used = db
        .prepare_cached("SELECT used FROM account WHERE id = ?1")?
        .query_row([account.0], |row| row.get(0))
        .optional()?
        .ok_or(Refusal::not_found())?;
    Ok(Quota { used, limit })
}

/// Takes bytes of the account's quota.
pub(super) fn charge(db: &Connection, account: Id16, bytes: u64, limit: u64) -> Result<()> {
    let now = quota(db, account, limit)?;
    if now.used.saturating_add(bytes) > limit {
        return Err(Refusal::quota().into());
    }
    db.prepare_cached("UPDATE account SET used = used + ?2 WHERE id = ?1")?
        .execute(params![account.0, bytes])?;
    Ok(())
}

/// Takes bytes for a secret: a full account has [`RESERVE`] more for these, so that it can still
/// end a device and share what is there. The smallest have a little more: one that is followed goes
/// into the bag before the vault secret that ends a device counts, and nothing else is as short.
pub(super) fn charge_secret(db: &Connection, account: Id16, bytes: u64, limit: u64) -> Result<()> {
    let more = if bytes <= SMALL_SECRET {
        RESERVE + SMALL_RESERVE
    } else {
        RESERVE
    };
    charge(db, account, bytes, limit.saturating_add(more))
}

/// Gives bytes back.
pub(super) fn release(db: &Connection, account: Id16, bytes: u64) -> Result<()> {
    db.prepare_cached("UPDATE account SET used = max(0, used - ?2) WHERE id = ?1")?
        .execute(params![account.0, bytes])?;
    Ok(())
}

type Id = [u8; 16];

/// What secrets may take beyond the quota, bytes.
const RESERVE: u64 = 4 << 20;
/// A sealed vault secret, bytes: 12 of nonce, 16 of tag, at most 41 of itself.
const SMALL_SECRET: u64 = 72;
/// What those may take beyond that, bytes: some 900.
const SMALL_RESERVE: u64 = 64 << 10;

fn insert_device(db: &Connection, statement: &DeviceStatement) -> Result<()> {
    let id = spki_id(&statement.dsk.0);
    let known: Option<(Id, bool)> = db
        .query_row(
            "SELECT account, revoked FROM device WHERE id = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    match known {
        Some((account, false)) if account == statement.account.0 => return Ok(()),
        Some((account, true)) if account == statement.account.0 => {
            return Err(Refusal::forbidden("the device is revoked").into());
        }
        Some(_) => return Err(Refusal::conflict("the device is of another account").into()),
        None => {}
    }
    // a device is stated without proof of its key: a certified one is not to be taken that way
    let certified = db
        .prepare_cached("SELECT 1 FROM certificate WHERE subject = ?1")?
        .exists([id])?;
    if certified {
        return Err(Refusal::conflict("the key is certified").into());
    }
    let count = db.execute(
        "INSERT INTO device (id, account, dsk, statement)
         SELECT ?1, id, ?3, ?4 FROM account WHERE id = ?2",
        params![id, statement.account.0, statement.dsk.0, json(statement)?],
    )?;
    if count == 0 {
        return Err(Refusal::not_found().into());
    }
    Ok(())
}

fn kind_text(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Device => "device",
        SubjectKind::Certified => "certified",
    }
}

fn kind_of(text: &str) -> SubjectKind {
    if text == "certified" {
        SubjectKind::Certified
    } else {
        SubjectKind::Device
    }
}

/// Whether the kit opens it cannot be told here; that nobody sealed it to the kit can.
fn check_sealed_to_kit(db: &Connection, account: Id16, recovery: &Recovery) -> Result<()> {
    let kk: Option<Vec<u8>> = db
        .prepare_cached("SELECT kk FROM account WHERE id = ?1")?
        .query_row([account.0], |row| row.get(0))
        .optional()?;
    let kit = Id16(spki_id(&kk.ok_or(Refusal::not_found())?));
    if recovery.sealed.iter().any(|sealed| sealed.to == kit) {
        Ok(())
    } else {
        Err(Refusal::contradiction("a vault secret is sealed to the recovery kit").into())
    }
}

/// One that was put before signatures were kept has none.
fn read_recovery(body: &str) -> Result<NewRecovery> {
    from_json(body).or_else(|_| {
        Ok(NewRecovery {
            recovery: from_json(body)?,
            by: None,
            signature: None,
            device: None,
            device_signature: None,
        })
    })
}

/// Statements by a device of others that have not ended.
fn stated_by(db: &Connection, account: Id16, by: Id16) -> Result<Vec<DeviceStatement>> {
    let mut select =
        db.prepare_cached("SELECT statement FROM device WHERE account = ?1 AND revoked = 0")?;
    let mut found = Vec::new();
    for row in select.query_map([account.0], |row| row.get::<_, String>(0))? {
        let statement: DeviceStatement = from_json(&row?)?;
        if statement.by == Some(by) {
            found.push(statement);
        }
    }
    Ok(found)
}

fn read_device(row: (String, bool, Option<i64>)) -> Result<Device> {
    let (statement, revoked, ended_ms) = row;
    Ok(Device {
        statement: from_json(&statement)?,
        revoked,
        ended_ms,
    })
}
