//! Organisations, one-time codes, certificates, and the public directory.

use super::{Sqlite, first_answer, role_of, role_text};
use crate::log::{Ledger as _, Verified};
use crate::store::{Authority, Certificate, CodeRow, EnrolmentRow, Organisation};
use crate::{Refusal, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vitalwitness_domain::wire::{Directory, Enrolled, Hash32, Id16, Logged, Role};

impl Authority for Sqlite {
    fn add_organisation(&self, name: String, role: Role, code: Hash32, end_ms: i64) -> Result<()> {
        self.write(move |tx| {
            tx.db.execute(
                "INSERT INTO organisation (name, role) VALUES (?1, ?2)",
                params![name, role_text(role)],
            )?;
            insert_code(tx.db, tx.db.last_insert_rowid(), code, end_ms)
        })
    }

    fn add_code(&self, organisation: Id16, code: Hash32, end_ms: i64) -> Result<()> {
        self.write(move |tx| {
            let number: Option<i64> = tx
                .db
                .query_row(
                    "SELECT number FROM organisation WHERE id = ?1",
                    [organisation.0],
                    |row| row.get(0),
                )
                .optional()?;
            let number = number.ok_or(Refusal::not_found())?;
            insert_code(tx.db, number, code, end_ms)
        })
    }

    fn code(&self, code: Hash32) -> Result<Option<CodeRow>> {
        self.read(|db| {
            Ok(db
                .query_row(
                    "SELECT c.end_ms, c.request, c.answer, o.number, o.name, o.role, o.id,
                     o.certificate FROM enrolment_code c
                     JOIN organisation o ON o.number = c.organisation WHERE c.hash = ?1",
                    [code.0],
                    |row| {
                        let request: Option<[u8; 32]> = row.get(1)?;
                        let answer: Option<String> = row.get(2)?;
                        let id: Option<[u8; 16]> = row.get(6)?;
                        let certificate: Option<Vec<u8>> = row.get(7)?;
                        Ok(CodeRow {
                            end_ms: row.get(0)?,
                            used: request.map(Hash32).zip(answer),
                            organisation: Organisation {
                                number: row.get(3)?,
                                name: row.get(4)?,
                                role: role_of(&row.get::<_, String>(5)?),
                                enrolled: id.map(Id16).zip(certificate),
                            },
                        })
                    },
                )
                .optional()?)
        })
    }

    fn enrol(&self, row: EnrolmentRow) -> Result<()> {
        self.write(move |tx| {
            let used = tx.db.execute(
                "UPDATE enrolment_code SET request = ?2, answer = ?3
                 WHERE hash = ?1 AND request IS NULL",
                params![row.code.0, row.request.0, row.answer],
            )?;
            if used == 0 {
                return Err(Refusal::conflict("the code was used").into());
            }
            if let Some(certificate) = &row.new_organisation {
                let taken = tx.db.execute(
                    "UPDATE organisation SET id = ?2, certificate = ?3
                     WHERE number = ?1 AND id IS NULL",
                    params![row.organisation, certificate.subject.0, certificate.der],
                )?;
                if taken == 0 {
                    return Err(Refusal::conflict("the organisation has a key").into());
                }
                insert_certificate(tx.db, certificate)?;
                tx.db.execute(
                    "INSERT INTO key_holder (person, organisation) VALUES (?1, ?2)",
                    params![row.person.subject.0, row.person.organisation.0],
                )?;
            }
            insert_certificate(tx.db, &row.person)
        })
    }

    fn certificate(&self, hash: Hash32) -> Result<Option<Certificate>> {
        self.read(|db| {
            Ok(db
                .prepare_cached(&format!(
                    "SELECT {CERTIFICATE_COLUMNS} FROM certificate WHERE hash = ?1"
                ))?
                .query_row([hash.0], read_certificate)
                .optional()?)
        })
    }

    fn valid_certificate(&self, subject: Id16, now_ms: i64) -> Result<Option<Certificate>> {
        self.read(|db| {
            Ok(db
                .prepare_cached(&format!(
                    "SELECT {CERTIFICATE_COLUMNS} FROM certificate c WHERE subject = ?1
                     AND revoked_ms IS NULL AND end_ms > ?2
                     AND EXISTS (SELECT 1 FROM certificate o WHERE o.subject = c.organisation
                     AND o.revoked_ms IS NULL AND o.end_ms > ?2)
                     ORDER BY end_ms DESC LIMIT 1"
                ))?
                .query_row(params![subject.0, now_ms], read_certificate)
                .optional()?)
        })
    }

    fn revoke_certificate(&self, hash: Hash32, now_ms: i64) -> Result<()> {
        self.write(move |tx| {
            let count = tx.db.execute(
                "UPDATE certificate SET revoked_ms = coalesce(revoked_ms, ?2) WHERE hash = ?1",
                params![hash.0, now_ms],
            )?;
            if count == 0 {
                return Err(Refusal::not_found().into());
            }
            Ok(())
        })
    }

    fn revoked_serials(&self) -> Result<Vec<(Vec<u8>, i64)>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT serial, revoked_ms FROM certificate WHERE revoked_ms IS NOT NULL
                 ORDER BY revoked_ms, serial",
            )?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn add_directory(&self, event: Verified, certificate: Hash32, _now_ms: i64) -> Result<Logged> {
        self.write(move |tx| {
            if let Some(answer) = first_answer(tx.db, &event)? {
                return Ok(answer);
            }
            let known: Option<Option<i64>> = tx
                .db
                .query_row(
                    "SELECT idx FROM certificate WHERE hash = ?1 AND revoked_ms IS NULL",
                    [certificate.0],
                    |row| row.get(0),
                )
                .optional()?;
            match known {
                None => return Err(Refusal::certificate().into()),
                Some(Some(_)) => {
                    return Err(Refusal::event("the certificate is in the directory").into());
                }
                Some(None) => {}
            }
            let entry = tx.log.append(tx.db, &event.event, &event.signed)?;
            tx.db.execute(
                "UPDATE certificate SET idx = ?2 WHERE hash = ?1",
                params![certificate.0, entry.index],
            )?;
            Ok(Logged {
                entry: entry.bytes.into(),
                index: entry.index,
            })
        })
    }

    fn directory(&self) -> Result<Directory> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT e.bytes, e.idx, c.der, c.revoked_ms IS NOT NULL FROM certificate c
                 JOIN entry e ON e.idx = c.idx ORDER BY e.idx",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Enrolled {
                    logged: Logged {
                        entry: row.get::<_, Vec<u8>>(0)?.into(),
                        index: row.get(1)?,
                    },
                    certificate: row.get::<_, Vec<u8>>(2)?.into(),
                    revoked: row.get(3)?,
                })
            })?;
            Ok(Directory {
                enrolled: rows.collect::<Result<Vec<_>, _>>()?,
            })
        })
    }
}

fn insert_code(db: &Connection, organisation: i64, code: Hash32, end_ms: i64) -> Result<()> {
    db.execute(
        "INSERT INTO enrolment_code (hash, organisation, end_ms) VALUES (?1, ?2, ?3)",
        params![code.0, organisation, end_ms],
    )?;
    Ok(())
}

fn insert_certificate(db: &Connection, certificate: &Certificate) -> Result<()> {
    let taken = db
        .prepare_cached("SELECT 1 FROM certificate WHERE subject = ?1 AND organisation <> ?2")?
        .exists(params![certificate.subject.0, certificate.organisation.0])?;
    if taken {
        return Err(Refusal::conflict("the key is certified for another organisation").into());
    }
    let device = db
        .prepare_cached("SELECT 1 FROM device WHERE id = ?1")?
        .exists([certificate.subject.0])?;
    if device {
        return Err(Refusal::conflict("the key is that of a device").into());
    }
    db.execute(
        "INSERT INTO certificate (hash, serial, subject, organisation, der, spki, role, end_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            certificate.hash.0,
            certificate.serial,
            certificate.subject.0,
            certificate.organisation.0,
            certificate.der,
            certificate.spki,
            role_text(certificate.role),
            certificate.end_ms
        ],
    )?;
    Ok(())
}

fn read_certificate(row: &Row<'_>) -> rusqlite::Result<Certificate> {
    Ok(Certificate {
        hash: Hash32(row.get(0)?),
        serial: row.get(1)?,
        subject: Id16(row.get(2)?),
        organisation: Id16(row.get(3)?),
        der: row.get(4)?,
        spki: row.get(5)?,
        role: role_of(&row.get::<_, String>(6)?),
        end_ms: row.get(7)?,
        revoked_ms: row.get(8)?,
    })
}

const CERTIFICATE_COLUMNS: &str =
    "hash, serial, subject, organisation, der, spki, role, end_ms, revoked_ms";
