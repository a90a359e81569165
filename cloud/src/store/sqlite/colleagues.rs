//! Who of an organisation holds its key.

use super::{Sqlite, from_json, json};
use crate::store::KeyHolders;
use crate::{Refusal, Result};
use rusqlite::{OptionalExtension as _, params};
use vitalwitness_domain::wire::{Bytes, Colleague, Id16, KeyHandover, Logged};

impl KeyHolders for Sqlite {
    fn colleagues(&self, organisation: Id16, now_ms: i64) -> Result<Vec<Colleague>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT c.der, c.revoked_ms IS NOT NULL, k.person IS NOT NULL, e.bytes, e.idx
                 FROM certificate c LEFT JOIN key_holder k ON k.person = c.subject
                 LEFT JOIN entry e ON e.idx = c.idx
                 WHERE c.organisation = ?1 AND c.subject <> ?1 AND c.end_ms > ?2
                 ORDER BY c.rowid LIMIT 10000",
            )?;
            let rows = statement.query_map(params![organisation.0, now_ms], |row| {
                let entry: Option<Vec<u8>> = row.get(3)?;
                let index: Option<u64> = row.get(4)?;
                Ok(Colleague {
                    certificate: Bytes(row.get(0)?),
                    revoked: row.get(1)?,
                    holds: row.get(2)?,
                    logged: entry.zip(index).map(|(entry, index)| Logged {
                        entry: entry.into(),
                        index,
                    }),
                })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn hand_over(&self, organisation: Id16, handover: KeyHandover) -> Result<()> {
        self.write(move |tx| {
            let holds = tx
                .db
                .prepare_cached("SELECT 1 FROM key_holder WHERE person = ?1 AND organisation = ?2")?
                .exists(params![handover.by.0, organisation.0])?;
            if !holds {
                return Err(Refusal::forbidden("who calls holds no key to hand over").into());
            }
            // What is there stays until its receiver gives it back: no holder replaces it.
            let body = json(&handover)?;
            let count = tx.db.execute(
                "INSERT INTO key_holder (person, organisation, body) VALUES (?1, ?2, ?3)
                 ON CONFLICT (person) DO NOTHING",
                params![handover.to.0, organisation.0, body],
            )?;
            if count > 0 {
                return Ok(());
            }
            let known: Option<String> = tx.db.query_row(
                "SELECT body FROM key_holder WHERE person = ?1",
                [handover.to.0],
                |row| row.get(0),
            )?;
            match known {
                Some(known) if known == body => Ok(()),
                Some(_) => Err(Refusal::conflict("this person was handed the key").into()),
                None => Err(Refusal::conflict("this person brought the key").into()),
            }
        })
    }

    fn give_back(&self, person: Id16) -> Result<()> {
        self.write(move |tx| {
            tx.db.execute(
                "DELETE FROM key_holder WHERE person = ?1 AND body IS NOT NULL",
                [person.0],
            )?;
            Ok(())
        })
    }

    fn handed(&self, person: Id16) -> Result<Option<(KeyHandover, Vec<u8>)>> {
        self.read(|db| {
            let body: Option<Option<String>> = db
                .prepare_cached("SELECT body FROM key_holder WHERE person = ?1")?
                .query_row([person.0], |row| row.get(0))
                .optional()?;
            let Some(body) = body.flatten() else {
                return Ok(None);
            };
            let handover: KeyHandover = from_json(&body)?;
            let certificate = db
                .prepare_cached(
                    "SELECT der FROM certificate WHERE subject = ?1 ORDER BY end_ms DESC LIMIT 1",
                )?
                .query_row([handover.by.0], |row| row.get(0))
                .optional()?;
            Ok(certificate.map(|certificate| (handover, certificate)))
        })
    }
}
