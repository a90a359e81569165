//! A small log with an owner and its keys, from fixed secrets: same bytes every time.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several tests, each using a part; a test that fails should panic"
)]

pub mod cases;
pub mod mutate;
pub mod town;

use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use vitalwitness_proof::checkpoint::{Checkpoint, KeyKind, NoteKey, NoteLine};
use vitalwitness_proof::entry::{
    Channel, DIRECTORY, Event, EventType, Purpose, SignedEvent, encode_entry, entry_hash,
    entry_leaf, event_message,
};
use vitalwitness_proof::keys::{Id, PublicKey, normalize_low_s};
use vitalwitness_proof::merkle::{Hash, Tree};
use vitalwitness_proof::receipt::{LogPlace, Receipt, Record};
use vitalwitness_proof::sha256;
use vitalwitness_proof::trust::{Trust, TrustedLog};

pub const ORIGIN: &str = "log.example/purpose";
pub const CHANNEL: Channel = [1; 16];
pub const TIME: i64 = 1_764_000_000_000;

/// A P-256 key of this name, the same in every run.
pub struct Actor {
    secret: SigningKey,
    pub public: PublicKey,
}

impl Actor {
    pub fn named(name: &str) -> Self {
        let secret = sha256(&[b"vitalwitness test key ", name.as_bytes()]);
        let secret = SigningKey::from_slice(&secret).unwrap();
        let point = secret.verifying_key().to_sec1_point(false);
        let public = PublicKey::p256(point.as_bytes()).unwrap();
        Self { secret, public }
    }

    pub fn id(&self) -> Id {
        self.public.id()
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.secret.sign(message);
        let mut bytes: [u8; 64] = signature.to_bytes().into();
        normalize_low_s(&mut bytes);
        bytes
    }

    pub fn sign_event(&self, event: &[u8]) -> SignedEvent {
        SignedEvent {
            event: event.to_vec(),
            signer: self.id(),
            signature: self.sign(&event_message(&self.id(), event)),
        }
    }
}

/// A log's or witness's key of this name, the same in every run.
pub struct Noter {
    pair: Ed25519KeyPair,
    pub key: NoteKey,
}

impl Noter {
    pub fn named(name: &str, kind: KeyKind) -> Self {
        let seed = sha256(&[b"vitalwitness test note key ", name.as_bytes()]);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        let key = NoteKey::new(name, kind, public).unwrap();
        Self { pair, key }
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).as_ref().try_into().unwrap()
    }
}

/// A log that takes whatever it is given.
pub struct World {
    pub log: Noter,
    pub witnesses: Vec<Noter>,
    pub entries: Vec<Vec<u8>>,
    pub channels: BTreeMap<Channel, (u64, Hash)>,
}

impl World {
    /// A log with its GENESIS.
    pub fn new() -> Self {
        let witness = |name: &str| Noter::named(name, KeyKind::Witness);
        let mut world = Self {
            log: Noter::named(ORIGIN, KeyKind::Log),
            witnesses: vec![witness("witness.example/1"), witness("witness.example/2")],
            entries: Vec::new(),
            channels: BTreeMap::new(),
        };
        let log_id = PublicKey::Ed25519(world.log.key.key).id();
        let event = Event {
            channel: DIRECTORY,
            ..event(EventType::Genesis, log_id, sha256(&[b"policy"]))
        }
        .encode();
        let signed = SignedEvent {
            signature: world.log.sign(&event_message(&log_id, &event)),
            signer: log_id,
            event,
        };
        world.append(DIRECTORY, &signed);
        world
    }

    /// Appends an entry; gives its index.
    pub fn append(&mut self, channel: Channel, signed: &SignedEvent) -> usize {
        let (seq, prev) = self.channels.get(&channel).copied().unwrap_or((0, [0; 32]));
        let entry = encode_entry(signed, seq + 1, &prev);
        self.channels.insert(channel, (seq + 1, entry_hash(&entry)));
        self.entries.push(entry);
        self.entries.len() - 1
    }

    pub fn tree(&self) -> Tree {
        let leaves: Vec<Hash> = self.entries.iter().map(|entry| entry_leaf(entry)).collect();
        Tree::of_leaf_hashes(&leaves)
    }

    pub fn trust(&self) -> Trust {
        Trust {
            logs: vec![TrustedLog {
                origin: ORIGIN.into(),
                keys: vec![self.log.key.clone()],
                witnesses: self.witnesses.iter().map(|it| it.key.clone()).collect(),
                quorum: self.witnesses.len(),
            }],
            ..Trust::default()
        }
    }

    pub fn lines(&self, size: u64, root: Hash) -> Vec<NoteLine> {
        let body = Checkpoint {
            origin: ORIGIN.into(),
            size,
            root,
        }
        .body();
        let mut lines = vec![self.log.key.sign(&body, |message| self.log.sign(message))];
        for (time, witness) in (1_764_000_100..).zip(&self.witnesses) {
            let sign = |message: &[u8]| witness.sign(message);
            lines.push(witness.key.cosign(&body, time, sign));
        }
        lines
    }

    /// The receipt of entry `index`, carrying `keys` and `enrolment`.
    pub fn receipt(
        &self,
        index: usize,
        record: Option<Record<'_>>,
        keys: &[&Actor],
        enrolment: Option<&SignedEvent>,
    ) -> Vec<u8> {
        let tree = self.tree();
        let path: Vec<Hash> = tree.path(index).unwrap().copied().collect();
        let size = u64::try_from(tree.len()).unwrap();
        let lines = self.lines(size, tree.root());
        Receipt {
            record,
            entry: &self.entries[index],
            log: LogPlace {
                origin: ORIGIN,
                size,
                index: u64::try_from(index).unwrap(),
                path: &path,
            },
            lines: lines.iter().map(NoteLine::borrowed).collect(),
            anchors: Vec::new(),
            disclosure: None,
            keys: keys.iter().map(|actor| actor.public.clone()).collect(),
            author: None,
            enrolment: enrolment.map(|enrol| (enrol.event.as_slice(), enrol.signature)),
        }
        .encode()
    }
}

/// An event in the test channel.
pub fn event(kind: EventType, owner: Id, recordhash: Hash) -> Event {
    Event {
        kind,
        channel: CHANNEL,
        owner,
        receiver: None,
        recordhash,
        time: TIME,
        location: None,
        expiry: None,
        purpose: None,
    }
}

/// The ENROL of `actor` by `owner`, with a purpose or in its old form.
pub fn enrol(owner: &Actor, actor: &Actor, purpose: Option<Purpose>) -> SignedEvent {
    let event = Event {
        purpose,
        ..event(EventType::Enrol, owner.id(), actor.public.hash())
    };
    owner.sign_event(&event.encode())
}

/// Writes the file if asked to; else it must be what would be written.
pub fn keep_vectors(name: &str, note: &str, cases: &[Json]) {
    let lines: Vec<String> = cases
        .iter()
        .map(|case| {
            let member = |name: &str| case[name].to_string();
            format!(
                "{{\"id\":{},\"why\":{},\"input\":{},\"expect\":{}}}",
                member("id"),
                member("why"),
                member("input"),
                member("expect")
            )
        })
        .collect();
    let file = format!(
        "{{\"schema\":\"vw-vectors/1 {name}\",\n\"note\":{},\n\"cases\":[\n{}\n]}}\n",
        json!(note),
        lines.join(",\n")
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors")
        .join(format!("{name}.json"));
    if std::env::var_os("VW_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &file).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == file,
        "{name}.json is not what the code writes: make vectors"
    );
}
