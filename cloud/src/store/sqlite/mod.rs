//! The store in one SQLite file: WAL, synchronous=FULL, one writer, several readers.

mod accounts;
mod authority;
mod batches;
mod changes;
mod channels;
mod colleagues;
mod logs;
mod sharing;

use super::writer::{Tx, Writer};
use crate::log::{Embedded, Facts, KeyFact, Ledger, Notes, PersonFact, Target, Verified, admit};
use crate::{Error, Refusal, Result};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vitalwitness_domain::wire::{Id16, Logged, Role};
use vitalwitness_proof::Hash;
use vitalwitness_proof::entry::{EventType, Purpose};

/// The store.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
    path: PathBuf,
    quota: u64,
}

impl Sqlite {
    /// Opens or creates the database, brings its schema up to date and starts the writer.
    ///
    /// `notes` gets the head of the log, now and after each group that moves it. `genesis` makes
    /// entry 0 of a new log.
    ///
    /// # Errors
    ///
    /// [`Error::NewerSchema`], [`Error::Corrupt`]; the file is left as it is.
    pub(crate) fn open(
        path: &Path,
        quota: u64,
        notes: Arc<Notes>,
        genesis: impl FnOnce() -> Result<Verified>,
    ) -> Result<Self> {
        let mut db = Connection::open(path)?;
        prepare(&db)?;
        migrate(&mut db)?;
        let mut log = Embedded::open(&db)?;
        if log.head().0 == 0 {
            let genesis = genesis()?;
            db.execute_batch("BEGIN IMMEDIATE")?;
            log.append(&db, &genesis.event, &genesis.signed)?;
            log.flush(&db)?;
            db.execute_batch("COMMIT")?;
            let _ = log.committed();
        }
        let (size, root) = log.head();
        notes.publish(size, root);
        Ok(Self {
            writer: Writer::start(db, log, notes)?,
            readers: Mutex::new(Vec::new()),
            path: path.to_owned(),
            quota,
        })
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.write(job)
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().ok().and_then(|mut idle| idle.pop());
        let db = if let Some(db) = idle {
            db
        } else {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let db = Connection::open_with_flags(&self.path, flags)?;
            db.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
            db.busy_timeout(BUSY)?;
            db
        };
        // one snapshot for all that one call reads
        db.execute_batch("BEGIN")?;
        let result = query(&db);
        if db.execute_batch("COMMIT").is_ok()
            && let Ok(mut idle) = self.readers.lock()
            && idle.len() < READERS
        {
            idle.push(db);
        }
        result
    }
}

fn prepare(db: &Connection) -> Result<()> {
    db.busy_timeout(BUSY)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;",
    )?;
    db.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn migrate(db: &mut Connection) -> Result<()> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found > 0 && application != APPLICATION {
        return Err(Error::Corrupt("the database is not of this application"));
    }
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    for (number, sql) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let tx = db.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.commit()?;
    }
    Ok(())
}

/// Admits the event by the log's rules and gives it its place, with its changes row.
fn append(tx: &mut Tx<'_>, event: &Verified, facts: &Facts, now_ms: i64) -> Result<Logged> {
    admit(&event.event, Id16(event.signed.signer), facts, now_ms)?;
    note_ends(tx.db, &event.event.channel, now_ms)?;
    let entry = tx.log.append(tx.db, &event.event, &event.signed)?;
    let account: Option<Option<[u8; 16]>> = tx
        .db
        .prepare_cached("SELECT account FROM channel WHERE id = ?1")?
        .query_row([event.event.channel], |row| row.get(0))
        .optional()?;
    if let Some(Some(account)) = account {
        changes::entry(tx.db, Id16(account), entry.index)?;
    }
    if let Some(spki) = &event.spki
        && event.event.kind == EventType::Enrol
    {
        tx.db
            .prepare_cached(
                "INSERT INTO channel_key (channel, id, spki, purpose, idx) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                event.event.channel,
                vitalwitness_proof::keys::spki_id(spki),
                spki,
                event.event.purpose.map_or(0, Purpose::number),
                entry.index
            ])?;
    }
    metrics::counter!("vw_log_entries_total").increment(1);
    Ok(Logged {
        entry: entry.bytes.into(),
        index: entry.index,
    })
}

/// Grants of the channel that have expired end with its last entry so far: no later one is theirs.
fn note_ends(db: &Connection, channel: &[u8; 16], now_ms: i64) -> Result<()> {
    db.prepare_cached(
        "UPDATE access_grant
         SET expired_seq = (SELECT max(seq) FROM entry WHERE channel = ?1)
         WHERE channel = ?1 AND expiry <= ?2 AND expired_seq IS NULL",
    )?
    .execute(params![channel, now_ms])?;
    Ok(())
}

/// The entry of an event the log holds already, for a caller who asks again.
fn first_answer(db: &Connection, event: &Verified) -> Result<Option<Logged>> {
    Ok(db
        .prepare_cached("SELECT bytes, idx FROM entry WHERE event_hash = ?1")?
        .query_row([event.hash], |row| {
            Ok(Logged {
                entry: row.get::<_, Vec<u8>>(0)?.into(),
                index: row.get(1)?,
            })
        })
        .optional()?)
}

/// What the rules need to know about an event of a channel.
fn facts(db: &Connection, event: &Verified, person: Option<PersonFact>) -> Result<Facts> {
    let channel = event.event.channel;
    let owner = db
        .prepare_cached("SELECT owner FROM channel WHERE id = ?1 AND account IS NOT NULL")?
        .query_row([channel], |row| row.get(0))
        .optional()?
        .map(Id16);
    let key = db
        .prepare_cached("SELECT purpose, revoked FROM channel_key WHERE channel = ?1 AND id = ?2")?
        .query_row(params![channel, event.signed.signer], |row| {
            Ok(KeyFact {
                purpose: Purpose::from_number(row.get(0)?),
                revoked: row.get(1)?,
            })
        })
        .optional()?;
    Ok(Facts {
        owner,
        key,
        person,
        receiver_role: None,
        grant: None,
        target: target(db, &channel, &event.event.recordhash)?,
    })
}

fn target(db: &Connection, channel: &[u8; 16], recordhash: &Hash) -> Result<Target> {
    let granted = db
        .prepare_cached(
            "SELECT revoked_seq IS NOT NULL, coalesce(person, organisation) FROM access_grant
             WHERE channel = ?1 AND recordhash = ?2",
        )?
        .query_row(params![channel, recordhash], |row| {
            Ok(Target::Grant {
                revoked: row.get(0)?,
                receiver: Id16(row.get(1)?),
            })
        })
        .optional()?;
    if let Some(granted) = granted {
        return Ok(granted);
    }
    let enrolled: Option<bool> = db
        .prepare_cached(
            "SELECT k.revoked FROM channel_key k JOIN entry e ON e.idx = k.idx
             WHERE k.channel = ?1 AND k.id = ?2 AND e.recordhash = ?3",
        )?
        .query_row(
            params![
                channel,
                vitalwitness_proof::keys::id_of(recordhash),
                recordhash
            ],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(revoked) = enrolled {
        return Ok(Target::Key { revoked });
    }
    let requested = db
        .prepare_cached(
            "SELECT e.receiver FROM request r JOIN entry e ON e.idx = r.idx
             WHERE r.channel = ?1 AND r.recordhash = ?2",
        )?
        .query_row(params![channel, recordhash], |row| {
            Ok(Target::Request {
                receiver: Id16(row.get(0)?),
            })
        })
        .optional()?;
    Ok(requested.unwrap_or_default())
}

/// Refuses a channel that is not the account's.
fn own_channel(db: &Connection, account: Id16, channel: [u8; 16]) -> Result<()> {
    let own = db
        .prepare_cached("SELECT 1 FROM channel WHERE id = ?1 AND account = ?2")?
        .exists(params![channel, account.0])?;
    if own {
        Ok(())
    } else {
        Err(Refusal::not_found().into())
    }
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Provider => "provider",
        Role::Insurer => "insurer",
        Role::Auditor => "auditor",
    }
}

fn role_of(text: &str) -> Role {
    match text {
        "insurer" => Role::Insurer,
        "auditor" => Role::Auditor,
        _ => Role::Provider,
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| Error::Corrupt("a value that is no JSON"))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt("a stored body"))
}

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_start.sql"),
    include_str!("../../../migrations/0002_kind_and_end.sql"),
    include_str!("../../../migrations/0003_grants_in_order.sql"),
    include_str!("../../../migrations/0004_secrets_are_counted.sql"),
    include_str!("../../../migrations/0005_key_holders.sql"),
    include_str!("../../../migrations/0006_device_ends.sql"),
];
/// `VWcl`.
const APPLICATION: i32 = 0x5657_636c;
const BUSY: Duration = Duration::from_secs(10);
const READERS: usize = 8;

#[cfg(test)]
mod tests;
