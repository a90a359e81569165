//! Requests, grants, envelopes, deliveries: what opens and what closes.

use super::accounts::{charge_secret, release};
use super::batches::{INFO_COLUMNS, read_info};
use super::{Sqlite, append, changes, facts, first_answer, from_json, json, own_channel, role_of};
use crate::log::{GrantFact, PersonFact, Verified};
use crate::store::{Opening, Sharing};
use crate::{Error, Refusal, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vitalwitness_domain::wire::{
    self, BatchInfo, Delivery, Envelope, GrantForGrantee, GrantTerms, Id16, Logged, Manifest,
    NewAccess, NewGrant, NewRevocation, Request,
};
use vitalwitness_proof::entry::EventType;
use vitalwitness_proof::merkle::Frontier;
use vitalwitness_proof::{Hash, sha256};

impl Sharing for Sqlite {
    fn request(
        &self,
        request: Request,
        event: Verified,
        person: PersonFact,
        now_ms: i64,
    ) -> Result<Logged> {
        self.write(move |tx| {
            expect(&event, EventType::Request, "this takes a REQUEST")?;
            if event.event.channel != request.channel.0 {
                return Err(Refusal::event("the REQUEST is of another channel").into());
            }
            if let Some(answer) = first_answer(tx.db, &event)? {
                return Ok(answer);
            }
            let facts = facts(tx.db, &event, Some(person))?;
            if facts.target != crate::log::Target::Nothing {
                return Err(Refusal::event("this was requested before").into());
            }
            let asked: u32 = tx
                .db
                .prepare_cached(
                    "SELECT count(*) FROM request r JOIN entry e ON e.idx = r.idx
                     WHERE r.channel = ?1 AND e.receiver = ?2",
                )?
                .query_row(params![request.channel.0, event.event.receiver], |row| {
                    row.get(0)
                })?;
            if asked >= REQUESTS {
                return Err(Refusal::rate(3600).into());
            }
            let logged = append(tx, &event, &facts, now_ms)?;
            tx.db.execute(
                "INSERT INTO request (recordhash, channel, idx, body) VALUES (?1, ?2, ?3, ?4)",
                params![
                    event.event.recordhash,
                    request.channel.0,
                    logged.index,
                    json(&request)?
                ],
            )?;
            let account: [u8; 16] = tx.db.query_row(
                "SELECT account FROM channel WHERE id = ?1",
                [request.channel.0],
                |row| row.get(0),
            )?;
            changes::request(tx.db, Id16(account), logged.index)?;
            Ok(logged)
        })
    }

    fn deny(&self, account: Id16, event: Verified, now_ms: i64) -> Result<Logged> {
        self.write(move |tx| {
            expect(&event, EventType::Deny, "this takes a DENY")?;
            own_channel(tx.db, account, event.event.channel)?;
            if let Some(answer) = first_answer(tx.db, &event)? {
                return Ok(answer);
            }
            let facts = facts(tx.db, &event, None)?;
            append(tx, &event, &facts, now_ms)
        })
    }

    fn grant(&self, account: Id16, new: NewGrant, event: Verified, now_ms: i64) -> Result<Logged> {
        let limit = self.quota;
        self.write(move |tx| {
            expect(&event, EventType::Grant, "this takes a GRANT")?;
            own_channel(tx.db, account, new.terms.channel.0)?;
            if event.event.channel != new.terms.channel.0 {
                return Err(Refusal::event("the GRANT contradicts its terms").into());
            }
            let digest = sha256(&[json(&new)?.as_bytes()]);
            if let Some(known) = known_grant(tx.db, new.terms.grant)? {
                return match first_answer(tx.db, &event)? {
                    Some(answer) if known == digest => Ok(answer),
                    _ => Err(Refusal::conflict("the grant exists with other terms").into()),
                };
            }
            let mut facts = facts(tx.db, &event, None)?;
            facts.grant = Some(fact_of(&new.terms));
            facts.receiver_role = receiver_role(tx.db, &new.terms, now_ms)?;
            let logged = append(tx, &event, &facts, now_ms)?;
            let terms = &new.terms;
            let document = json(&new.document)?;
            tx.db.execute(
                "INSERT INTO access_grant (id, channel, organisation, person, may_read, may_append,
                 not_before, expiry, recordhash, document, digest, idx)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    terms.grant.0,
                    terms.channel.0,
                    terms.organisation.0,
                    terms.person.map(|person| person.0),
                    terms.read,
                    terms.append,
                    terms.not_before,
                    terms.expiry,
                    event.event.recordhash,
                    document,
                    digest,
                    logged.index
                ],
            )?;
            charge_secret(tx.db, account, document.len() as u64, limit)?;
            insert_envelopes(tx.db, (account, limit), terms.grant, &new.envelopes)?;
            Ok(logged)
        })
    }

    fn add_envelopes(
        &self,
        account: Id16,
        grant: Id16,
        envelopes: Vec<Envelope>,
        now_ms: i64,
    ) -> Result<()> {
        let limit = self.quota;
        self.write(move |tx| {
            let fact = grant_fact(tx.db, grant)?.ok_or(Refusal::not_found())?;
            own_channel(tx.db, account, fact.channel.0)?;
            if fact.revoked {
                return Err(Refusal::revoked().into());
            }
            if fact.expiry <= now_ms {
                return Err(Refusal::expired().into());
            }
            insert_envelopes(tx.db, (account, limit), grant, &envelopes)
        })
    }

    fn revoke(
        &self,
        account: Id16,
        new: NewRevocation,
        event: Verified,
        now_ms: i64,
    ) -> Result<Logged> {
        self.write(move |tx| {
            expect(&event, EventType::Revoke, "this takes a REVOKE")?;
            let channel = event.event.channel;
            own_channel(tx.db, account, channel)?;
            if let Some(answer) = first_answer(tx.db, &event)? {
                return Ok(answer);
            }
            let facts = facts(tx.db, &event, None)?;
            let logged = append(tx, &event, &facts, now_ms)?;
            match facts.target {
                crate::log::Target::Grant { .. } => {
                    end_grant(
                        tx.db,
                        account,
                        channel,
                        &event.event.recordhash,
                        logged.index,
                    )?;
                }
                _ => {
                    tx.db.execute(
                        "UPDATE channel_key SET revoked = 1 WHERE channel = ?1 AND id = ?2",
                        params![
                            channel,
                            vitalwitness_proof::keys::id_of(&event.event.recordhash)
                        ],
                    )?;
                }
            }
            for stream_key in &new.closed {
                let count = tx
                    .db
                    .prepare_cached(
                        "INSERT OR IGNORE INTO closed_key (channel, stream_key) VALUES (?1, ?2)",
                    )?
                    .execute(params![channel, stream_key.0])?;
                if count > 0 {
                    changes::closed(tx.db, account, *stream_key)?;
                }
            }
            Ok(logged)
        })
    }

    fn grants_for(
        &self,
        organisation: Id16,
        person: Id16,
        (after, limit): (u64, u32),
    ) -> Result<Vec<GrantForGrantee>> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT g.id, g.channel, g.organisation, g.person, g.may_read, g.may_append,
                 g.not_before, g.expiry, g.revoked_seq IS NOT NULL, g.document, e.bytes, e.idx
                 FROM access_grant g JOIN entry e ON e.idx = g.idx
                 WHERE g.organisation = ?1 AND g.idx > ?3 AND (g.person IS NULL OR g.person = ?2)
                 ORDER BY g.idx LIMIT ?4",
            )?;
            let mut rows = statement.query(params![organisation.0, person.0, after, limit])?;
            let mut grants = Vec::new();
            while let Some(row) = rows.next()? {
                let document: String = row.get(9)?;
                grants.push(GrantForGrantee {
                    terms: read_terms(row)?,
                    document: from_json(&document)?,
                    logged: Logged {
                        entry: row.get::<_, Vec<u8>>(10)?.into(),
                        index: row.get(11)?,
                    },
                    revoked: row.get(8)?,
                });
            }
            Ok(grants)
        })
    }

    fn grant_fact(&self, grant: Id16) -> Result<Option<GrantFact>> {
        self.read(|db| grant_fact(db, grant))
    }

    fn manifest(&self, grant: Id16) -> Result<Manifest> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT body FROM envelope WHERE access_grant = ?1 ORDER BY stream_key",
            )?;
            let mut envelopes = Vec::new();
            for body in statement.query_map([grant.0], |row| row.get::<_, String>(0))? {
                envelopes.push(from_json(&body?)?);
            }
            Ok(Manifest {
                envelopes,
                batches: open_batches(db, grant)?,
            })
        })
    }

    fn access(
        &self,
        new: NewAccess,
        event: Verified,
        person: PersonFact,
        opening: Opening,
    ) -> Result<Delivery> {
        self.write(move |tx| {
            expect(&event, EventType::Access, "this takes an ACCESS")?;
            let fact = grant_fact(tx.db, new.grant)?.ok_or(Refusal::not_found())?;
            fact.live_for(
                Id16(event.signed.signer),
                person.organisation,
                opening.now_ms,
            )?;
            let mut facts = facts(tx.db, &event, Some(person))?;
            facts.grant = Some(fact);
            if let Some(logged) = first_answer(tx.db, &event)? {
                return known_delivery(tx.db, logged);
            }
            check_roots(tx.db, &new, &event.event.recordhash)?;
            let logged = append(tx, &event, &facts, opening.now_ms)?;
            tx.db.execute(
                "INSERT INTO delivery (id, access_grant, person, end_ms, idx)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    opening.delivery.0,
                    new.grant.0,
                    event.signed.signer,
                    opening.end_ms,
                    logged.index
                ],
            )?;
            for batch in &new.batches {
                tx.db
                    .prepare_cached("INSERT INTO delivery_batch (delivery, batch) VALUES (?1, ?2)")?
                    .execute(params![opening.delivery.0, batch.0])?;
            }
            metrics::counter!("vw_accesses_total").increment(1);
            Ok(Delivery {
                delivery: opening.delivery,
                end_ms: opening.end_ms,
                logged,
            })
        })
    }

    fn delivery(&self, delivery: Id16, batch: Id16, person: Id16) -> Result<Option<(Id16, i64)>> {
        self.read(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT d.access_grant, d.end_ms FROM delivery d
                     JOIN delivery_batch b ON b.delivery = d.id
                     WHERE d.id = ?1 AND b.batch = ?2 AND d.person = ?3",
                )?
                .query_row(params![delivery.0, batch.0, person.0], |row| {
                    Ok((Id16(row.get(0)?), row.get(1)?))
                })
                .optional()?)
        })
    }

    fn note_refusal(&self, refusal: wire::Refusal) -> Result<()> {
        self.write(move |tx| {
            let account: Option<Option<[u8; 16]>> = tx
                .db
                .prepare_cached("SELECT account FROM channel WHERE id = ?1")?
                .query_row([refusal.channel.0], |row| row.get(0))
                .optional()?;
            match account {
                Some(Some(account)) => changes::refusal(tx.db, Id16(account), &refusal),
                _ => Ok(()),
            }
        })
    }
}

/// A live grant of the organisation that may append under this stream key; if none is live, any.
pub(super) fn append_grant(
    db: &Connection,
    channel: Id16,
    (person, organisation): (Id16, Id16),
    stream_key: Id16,
    now_ms: i64,
) -> Result<Option<GrantFact>> {
    let mut statement = db.prepare_cached(
        "SELECT g.id FROM access_grant g WHERE g.channel = ?1 AND g.organisation = ?2
         AND (g.revoked_seq IS NOT NULL OR EXISTS
         (SELECT 1 FROM envelope e WHERE e.access_grant = g.id AND e.stream_key = ?3))
         ORDER BY g.idx DESC",
    )?;
    let ids = statement
        .query_map(params![channel.0, organisation.0, stream_key.0], |row| {
            row.get(0)
        })?
        .collect::<Result<Vec<[u8; 16]>, _>>()?;
    let mut found = None;
    for id in ids {
        let fact = grant_fact(db, Id16(id))?;
        if fact
            .is_some_and(|fact| fact.append && fact.live_for(person, organisation, now_ms).is_ok())
        {
            return Ok(fact);
        }
        found = found.or(fact);
    }
    Ok(found)
}

fn expect(event: &Verified, kind: EventType, title: &'static str) -> Result<()> {
    if event.event.kind == kind {
        Ok(())
    } else {
        Err(Refusal::event(title).into())
    }
}

fn known_grant(db: &Connection, grant: Id16) -> Result<Option<Hash>> {
    Ok(db
        .query_row(
            "SELECT digest FROM access_grant WHERE id = ?1",
            [grant.0],
            |row| row.get(0),
        )
        .optional()?)
}

fn fact_of(terms: &GrantTerms) -> GrantFact {
    GrantFact {
        channel: terms.channel,
        organisation: terms.organisation,
        person: terms.person,
        read: terms.read,
        append: terms.append,
        not_before: terms.not_before,
        expiry: terms.expiry,
        revoked: false,
    }
}

fn read_terms(row: &Row<'_>) -> rusqlite::Result<GrantTerms> {
    Ok(GrantTerms {
        grant: Id16(row.get(0)?),
        channel: Id16(row.get(1)?),
        organisation: Id16(row.get(2)?),
        person: row.get::<_, Option<[u8; 16]>>(3)?.map(Id16),
        read: row.get(4)?,
        append: row.get(5)?,
        not_before: row.get(6)?,
        expiry: row.get(7)?,
    })
}

fn grant_fact(db: &Connection, grant: Id16) -> Result<Option<GrantFact>> {
    Ok(db
        .prepare_cached(
            "SELECT id, channel, organisation, person, may_read, may_append, not_before, expiry,
             revoked_seq IS NOT NULL FROM access_grant WHERE id = ?1",
        )?
        .query_row([grant.0], |row| {
            Ok(GrantFact {
                revoked: row.get(8)?,
                ..fact_of(&read_terms(row)?)
            })
        })
        .optional()?)
}

/// The role of the organisation, and that a named person is of it; both certified and valid.
fn receiver_role(db: &Connection, terms: &GrantTerms, now_ms: i64) -> Result<Option<wire::Role>> {
    let certified = |subject: Id16| -> Result<Option<String>> {
        Ok(db
            .prepare_cached(
                "SELECT role FROM certificate WHERE subject = ?1 AND organisation = ?2
                 AND revoked_ms IS NULL AND end_ms > ?3",
            )?
            .query_row(params![subject.0, terms.organisation.0, now_ms], |row| {
                row.get(0)
            })
            .optional()?)
    };
    if let Some(person) = terms.person
        && certified(person)?.is_none()
    {
        return Ok(None);
    }
    Ok(certified(terms.organisation)?.as_deref().map(role_of))
}

fn insert_envelopes(
    db: &Connection,
    (account, limit): (Id16, u64),
    grant: Id16,
    envelopes: &[Envelope],
) -> Result<()> {
    for envelope in envelopes {
        let body = json(envelope)?;
        let known: Option<String> = db
            .prepare_cached(
                "SELECT body FROM envelope WHERE access_grant = ?1 AND stream_key = ?2",
            )?
            .query_row(params![grant.0, envelope.stream_key.0], |row| row.get(0))
            .optional()?;
        if known.is_some() {
            // the first one opens the same key; a fresh sealing of it is no other answer
            continue;
        }
        charge_secret(db, account, body.len() as u64, limit)?;
        db.prepare_cached(
            "INSERT INTO envelope (access_grant, stream_key, body) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![grant.0, envelope.stream_key.0, body])?;
    }
    Ok(())
}

/// The grant is dead and its keys are gone; what they took of the quota is given back.
fn end_grant(
    db: &Connection,
    account: Id16,
    channel: [u8; 16],
    recordhash: &Hash,
    index: u64,
) -> Result<()> {
    let seq: u64 = db.query_row("SELECT seq FROM entry WHERE idx = ?1", [index], |row| {
        row.get(0)
    })?;
    let grant: [u8; 16] = db.query_row(
        "UPDATE access_grant SET revoked_seq = ?3 WHERE channel = ?1 AND recordhash = ?2
         RETURNING id",
        params![channel, recordhash, seq],
        |row| row.get(0),
    )?;
    let bytes: u64 = db.query_row(
        "SELECT coalesce(sum(octet_length(body)), 0) FROM envelope WHERE access_grant = ?1",
        [grant],
        |row| row.get(0),
    )?;
    db.execute("DELETE FROM envelope WHERE access_grant = ?1", [grant])?;
    release(db, account, bytes)
}

/// Batches under the keys that the grant has envelopes for.
fn open_batches(db: &Connection, grant: Id16) -> Result<Vec<BatchInfo>> {
    let columns = INFO_COLUMNS
        .split(", ")
        .map(|column| format!("b.{column}"))
        .collect::<Vec<_>>()
        .join(", ");
    let mut statement = db.prepare_cached(&format!(
        "SELECT {columns} FROM access_grant g
         JOIN envelope v ON v.access_grant = g.id
         JOIN batch b ON b.channel = g.channel AND b.stream_key = v.stream_key
         WHERE g.id = ?1 AND b.erased = 0 ORDER BY b.idx"
    ))?;
    let rows = statement.query_map([grant.0], read_info)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// The ACCESS is over exactly the roots of these batches, and the grant opens each of them.
fn check_roots(db: &Connection, new: &NewAccess, recordhash: &Hash) -> Result<()> {
    let open = open_batches(db, new.grant)?;
    let mut roots = Vec::with_capacity(new.batches.len());
    for batch in &new.batches {
        let info = open
            .iter()
            .find(|info| info.batch == *batch)
            .ok_or(Refusal::forbidden("the grant does not open this batch"))?;
        roots.push(info.root.0);
    }
    roots.sort_unstable();
    roots.dedup();
    let mut tree = Frontier::new();
    for root in &roots {
        tree.append(vitalwitness_proof::merkle::leaf_hash(root));
    }
    if roots.is_empty() || tree.root() != *recordhash {
        return Err(Refusal::event("the ACCESS is over other batches").into());
    }
    Ok(())
}

fn known_delivery(db: &Connection, logged: Logged) -> Result<Delivery> {
    let known: Option<([u8; 16], i64)> = db
        .query_row(
            "SELECT id, end_ms FROM delivery WHERE idx = ?1",
            [logged.index],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (id, end_ms) = known.ok_or(Error::Corrupt("an ACCESS without its delivery"))?;
    Ok(Delivery {
        delivery: Id16(id),
        end_ms,
        logged,
    })
}

/// Requests of one organisation in one channel.
const REQUESTS: u32 = 1000;
