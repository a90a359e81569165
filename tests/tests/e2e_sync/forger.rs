//! Whoever holds the log's key and writes into its store, past every rule.

use crate::clinic::signed;
use crate::town::{DAY, NOON};
use rusqlite::{Connection, params};
use std::path::Path;
use vitalwitness_proof::entry::{
    Entry, Event, EventType, Purpose, SignedEvent, encode_entry, entry_hash, entry_leaf,
};
use vitalwitness_proof::merkle::Frontier;
use vitalwitness_proof::sha256;
use vitalwitness_vault::keys::{OsRandom, PrivateKey, random_bytes};

/// Whoever writes into the log's store.
pub(crate) struct Forger {
    db: Connection,
    next: u64,
}

impl Forger {
    pub(crate) fn open(data: &Path) -> Self {
        let db = Connection::open(data.join("cloud.db")).unwrap();
        let next = db
            .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
            .unwrap();
        Self { db, next }
    }

    /// The last entry of a channel: its number and hash.
    pub(crate) fn last(&self, channel: [u8; 16]) -> (u64, [u8; 32]) {
        let found: Option<Vec<u8>> = self
            .db
            .query_row(
                "SELECT bytes FROM entry WHERE channel = ?1 ORDER BY idx DESC LIMIT 1",
                [channel],
                |row| row.get(0),
            )
            .ok();
        found.map_or((0, [0; 32]), |bytes| {
            (Entry::decode(&bytes).unwrap().seq, entry_hash(&bytes))
        })
    }

    /// Puts bytes at the next index, whatever they are.
    pub(crate) fn put(&mut self, channel: [u8; 16], bytes: &[u8], spki: Option<&[u8]>) -> u64 {
        let index = self.next;
        self.next += 1;
        let (kind, hash) = match Entry::decode(bytes) {
            Ok(entry) => (entry.event.kind.number(), entry.event.recordhash),
            Err(_) => (2, [0; 32]),
        };
        // seq and event hash of the row are the store's own; the entry says what it says
        let unique = sha256(&[&index.to_be_bytes()]);
        self.db
            .execute(
                "INSERT INTO entry (idx, channel, seq, type, recordhash, event_hash, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![index, channel, index + 1_000, kind, hash, unique, bytes],
            )
            .unwrap();
        if let Some(spki) = spki {
            self.db
                .execute(
                    "INSERT OR IGNORE INTO channel_key (channel, id, spki, purpose, idx)
                     VALUES (?1, ?2, ?3, 1, ?4)",
                    params![channel, &sha256(&[spki])[..16], spki, index],
                )
                .unwrap();
        }
        index
    }

    /// Builds the tree over what is there, as the log does before it signs.
    pub(crate) fn finish(self) {
        let mut statement = self
            .db
            .prepare("SELECT bytes FROM entry ORDER BY idx")
            .unwrap();
        let entries: Vec<Vec<u8>> = statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(entries.len() < 256, "one tile");
        let mut tree = Frontier::new();
        let mut tile = Vec::new();
        for entry in &entries {
            tree.append(entry_leaf(entry));
            tile.extend(entry_leaf(entry));
        }
        self.db
            .execute("INSERT OR REPLACE INTO tile VALUES (0, 0, ?1)", [tile])
            .unwrap();
        self.db
            .execute("UPDATE frontier SET bytes = ?1", [tree.to_bytes()])
            .unwrap();
    }
}

/// A channel that somebody makes up, with an owner and two keys.
pub(crate) struct Made<'f> {
    forger: &'f mut Forger,
    pub(crate) channel: [u8; 16],
    pub(crate) owner: PrivateKey,
    pub(crate) device: PrivateKey,
    pub(crate) granter: PrivateKey,
    pub(crate) time: i64,
    pub(crate) expect: Vec<(u64, &'static str)>,
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(&OsRandom).unwrap()
}

impl<'f> Made<'f> {
    pub(crate) fn new(forger: &'f mut Forger, category: u8) -> Self {
        let made = Self::bare(forger, category);
        let keys = [
            (made.owner.spki().to_vec(), None),
            (made.device.spki().to_vec(), Some(Purpose::Device)),
            (made.granter.spki().to_vec(), Some(Purpose::Grant)),
        ];
        for (spki, purpose) in keys {
            let event = Event {
                purpose,
                ..made.event(EventType::Enrol, sha256(&[&spki]))
            };
            let bytes = made.entry(&made.owner, &event);
            made.forger.put(made.channel, &bytes, Some(&spki));
        }
        made
    }

    pub(crate) fn bare(forger: &'f mut Forger, category: u8) -> Self {
        let mut channel: [u8; 16] = random_bytes(&OsRandom).unwrap();
        channel[0] = category;
        Self {
            forger,
            channel,
            owner: key(),
            device: key(),
            granter: key(),
            time: NOON,
            expect: Vec::new(),
        }
    }

    pub(crate) fn event(&self, kind: EventType, recordhash: [u8; 32]) -> Event {
        Event {
            kind,
            channel: self.channel,
            owner: self.owner.id(),
            receiver: None,
            recordhash,
            time: self.time,
            location: None,
            expiry: None,
            purpose: None,
        }
    }

    pub(crate) fn of(&self, kind: EventType) -> Event {
        self.event(kind, random_bytes(&OsRandom).unwrap())
    }

    pub(crate) fn granted(&self, to: &PrivateKey) -> Event {
        Event {
            receiver: Some(to.id()),
            expiry: Some(NOON + 30 * DAY),
            ..self.of(EventType::Grant)
        }
    }

    pub(crate) fn looked(&self, organisation: &PrivateKey) -> Event {
        Event {
            receiver: Some(organisation.id()),
            ..self.of(EventType::Access)
        }
    }

    pub(crate) fn entry(&self, by: &PrivateKey, event: &Event) -> Vec<u8> {
        let submitted = signed(by, event);
        let signed = SignedEvent {
            event: submitted.event.0,
            signer: by.id(),
            signature: submitted.signature.0,
        };
        let (seq, prev) = self.forger.last(self.channel);
        encode_entry(&signed, seq + 1, &prev)
    }

    /// Logs an event; `codes` is what an auditor says of it.
    pub(crate) fn log(
        &mut self,
        by: &PrivateKey,
        event: &Event,
        codes: &[&'static str],
    ) -> Vec<u8> {
        let bytes = self.entry(by, event);
        self.raw(&bytes, codes);
        bytes
    }

    pub(crate) fn raw(&mut self, bytes: &[u8], codes: &[&'static str]) {
        let index = self.forger.put(self.channel, bytes, None);
        self.expect.extend(codes.iter().map(|code| (index, *code)));
    }
}

/// The same key once more: what is logged borrows the channel.
pub(crate) fn key_of(key: &PrivateKey) -> PrivateKey {
    PrivateKey::from_scalar(key.scalar()).unwrap()
}
