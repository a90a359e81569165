//! Two owners' sealed batches in one log: a week of blood pressure, some heart rates, a doctor's notes.

use super::{Actor, CHANNEL, ORIGIN, World, enrol, event};
use vitalwitness_proof::batch::{Arrival, Sealed, header_hash, seal};
use vitalwitness_proof::cbor::Value;
use vitalwitness_proof::checkpoint::NoteLine;
use vitalwitness_proof::entry::{Channel, Event, EventType, Purpose, SignedEvent};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::merkle::Hash;
use vitalwitness_proof::receipt::{LogPlace, Receipt, Record};
use vitalwitness_proof::record::{
    SaltKey, Schema, Seed, author_message, disclose_some, disclose_whole, record_hash,
};

pub const OTHER_CHANNEL: Channel = [2; 16];
/// 2 March 2026, 07:00 UTC.
pub const MONDAY: i64 = 1_772_434_800_000;
pub const HALF_DAY: i64 = 43_200_000;
pub const WEEK: usize = 0;
pub const HEART: usize = 1;
pub const NOTES: usize = 2;

/// What is done otherwise than the rules ask, where the week's batch is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Twist {
    Nothing,
    EntrySignature,
    HighS,
    GrantKeySeals,
    EnrolByItself,
    EnrolOfAnother,
    TypeGrant,
    EventVersion,
    ManyMore,
}

/// A record: its schema, seed and values.
pub struct Written {
    pub schema: Schema,
    pub seed: Seed,
    pub values: Vec<Value>,
}

/// A batch in the log.
pub struct Batch {
    pub place: usize,
    pub sealed: Sealed,
    /// By leaf: header, then records.
    pub leaves: Vec<Written>,
    pub enrol: SignedEvent,
    pub keys: Vec<PublicKey>,
}

pub struct Town {
    pub world: World,
    pub batches: Vec<Batch>,
    pub doctor: Actor,
}

/// How much of a record is shown.
#[derive(Clone, Copy)]
pub enum Show<'a> {
    Nothing,
    Whole,
    Slots(&'a [u16]),
}

impl Town {
    pub fn new(twist: Twist) -> Self {
        let mut world = World::new();
        let (owner, device) = (Actor::named("owner"), Actor::named("device"));
        let (other, phone) = (Actor::named("other owner"), Actor::named("other phone"));
        let purpose = if twist == Twist::GrantKeySeals {
            Purpose::Grant
        } else {
            Purpose::Device
        };
        world.append(CHANNEL, &enrol(&owner, &owner, None));
        let of_device = enrol(&owner, &device, Some(purpose));
        world.append(CHANNEL, &of_device);
        let mut carried = of_device.clone();
        if twist == Twist::EnrolByItself {
            carried.signature = device.sign_event(&of_device.event).signature;
        }
        if twist == Twist::EnrolOfAnother {
            carried = enrol(&owner, &phone, Some(Purpose::Device));
        }
        let keys = vec![owner.public.clone(), device.public.clone()];
        let mut batches = Vec::new();
        for (number, secret) in [(WEEK, 1), (HEART, 2)] {
            let (sealed, leaves) = sealed(number, secret);
            let kind = if twist == Twist::TypeGrant && number == WEEK {
                EventType::Grant
            } else {
                EventType::Batch
            };
            let mut bytes = event(kind, owner.id(), sealed.root()).encode();
            if twist == Twist::EventVersion && number == WEEK {
                bytes[1] = 2;
            }
            let mut signed = device.sign_event(&bytes);
            if number == WEEK {
                match twist {
                    Twist::EntrySignature => signed.signature[5] ^= 1,
                    Twist::HighS => high_s(&mut signed.signature),
                    _ => {}
                }
            }
            let grant = event(EventType::Grant, owner.id(), [9; 32]);
            world.append(CHANNEL, &device.sign_event(&grant.encode()));
            batches.push(Batch {
                place: world.append(CHANNEL, &signed),
                sealed,
                leaves,
                enrol: carried.clone(),
                keys: keys.clone(),
            });
        }
        let enrol_phone = in_other(&other, EventType::Enrol, phone.public.hash(), true);
        let own = in_other(&other, EventType::Enrol, other.public.hash(), false);
        world.append(OTHER_CHANNEL, &own);
        world.append(OTHER_CHANNEL, &enrol_phone);
        let (sealed, leaves) = sealed(NOTES, 3);
        let batch = Event {
            channel: OTHER_CHANNEL,
            ..event(EventType::Batch, other.id(), sealed.root())
        };
        batches.push(Batch {
            place: world.append(OTHER_CHANNEL, &phone.sign_event(&batch.encode())),
            sealed,
            leaves,
            enrol: enrol_phone,
            keys: vec![other.public.clone(), phone.public.clone()],
        });
        let more: u32 = if twist == Twist::ManyMore { 1_000 } else { 2 };
        for number in 0..more {
            let grant = event(EventType::Grant, owner.id(), [number.to_be_bytes()[3]; 32]);
            world.append(CHANNEL, &device.sign_event(&grant.encode()));
        }
        Self {
            world,
            batches,
            doctor: Actor::named("doctor"),
        }
    }

    /// The receipt of leaf `leaf` of batch `batch`.
    pub fn receipt(&self, batch: usize, leaf: usize, show: Show<'_>, authored: bool) -> Vec<u8> {
        self.receipt_with(batch, leaf, show, authored, &[])
    }

    pub fn receipt_with(
        &self,
        batch: usize,
        leaf: usize,
        show: Show<'_>,
        authored: bool,
        anchors: &[(u64, &[u8])],
    ) -> Vec<u8> {
        let batch = &self.batches[batch];
        let tree = self.world.tree();
        let lines = self.world.lines(wide(tree.len()), tree.root());
        let record_hash = batch.sealed.leaves[leaf];
        let log_path: Vec<Hash> = tree.path(batch.place).unwrap().copied().collect();
        let path: Vec<Hash> = batch.sealed.tree.path(leaf).unwrap().copied().collect();
        let disclosure = batch.leaves.get(leaf).and_then(|of| of.show(show));
        let message = author_message(&self.doctor.id(), &record_hash);
        let author = (self.doctor.public.clone(), self.doctor.sign(&message));
        Receipt {
            record: Some(Record {
                record_hash,
                size: wide(batch.sealed.leaves.len()),
                index: wide(leaf),
                path: &path,
            }),
            entry: &self.world.entries[batch.place],
            log: LogPlace {
                origin: ORIGIN,
                size: wide(tree.len()),
                index: wide(batch.place),
                path: &log_path,
            },
            lines: lines.iter().map(NoteLine::borrowed).collect(),
            anchors: anchors.to_vec(),
            disclosure: disclosure.as_deref(),
            keys: batch.keys.clone(),
            author: authored.then_some(author),
            enrolment: Some((&batch.enrol.event, batch.enrol.signature)),
        }
        .encode()
    }
}

impl Written {
    pub fn show(&self, show: Show<'_>) -> Option<Vec<u8>> {
        match show {
            Show::Nothing => None,
            Show::Whole => Some(disclose_whole(self.schema, &self.seed, &self.values)),
            Show::Slots(slots) => Some(disclose_some(self.schema, &self.seed, &self.values, slots)),
        }
    }
}

fn in_other(owner: &Actor, kind: EventType, recordhash: Hash, device: bool) -> SignedEvent {
    let event = Event {
        channel: OTHER_CHANNEL,
        purpose: device.then_some(Purpose::Device),
        ..event(kind, owner.id(), recordhash)
    };
    owner.sign_event(&event.encode())
}

/// Five heart rates from `first` on, twice a day.
pub fn heart(secret: u8, first: i64) -> (Sealed, Vec<Written>) {
    sealed_from(HEART, secret, first)
}

fn sealed(number: usize, secret: u8) -> (Sealed, Vec<Written>) {
    sealed_from(number, secret, MONDAY)
}

fn sealed_from(number: usize, secret: u8, first: i64) -> (Sealed, Vec<Written>) {
    let key = SaltKey::derive(&[secret; 32]);
    let count = [14, 5, 3][number];
    let written: Vec<(i64, [u8; 16], Written)> = (0..count)
        .map(|nth| {
            let rid = key.rid(nth);
            let start = first + HALF_DAY * i64::from(nth);
            let text = |text: &str| Value::Text(text.into());
            let decimal = |mantissa| Value::Decimal {
                exponent: 0,
                mantissa,
            };
            let part = |code: &str, value: i64| {
                Value::Array(vec![text(code), decimal(value), text("mm[Hg]")])
            };
            let nth = i64::from(nth);
            let (schema, code, value) = match number {
                WEEK => (
                    Schema::Observation,
                    "loinc|85354-9",
                    Value::Array(vec![
                        part("loinc|8480-6", 121 + nth),
                        part("loinc|8462-4", 79 + nth % 5),
                    ]),
                ),
                HEART => (
                    Schema::Observation,
                    "loinc|8867-4",
                    Value::Array(vec![decimal(58 + nth), text("/min")]),
                ),
                _ => (Schema::Note, "dentistry", text("filling, upper left")),
            };
            let values = vec![
                Value::Bytes(rid.into()),
                Value::Int(start),
                Value::Null,
                Value::Int(60),
                text(code),
                value,
                Value::Array(vec![Value::Int(2), Value::Bytes([7; 16].into())]),
                Value::Null,
            ];
            let seed = key.seed(&rid);
            let written = Written {
                schema,
                seed,
                values,
            };
            (start, rid, written)
        })
        .collect();
    let arrivals: Vec<Arrival> = written
        .iter()
        .map(|(start, rid, of)| Arrival {
            start: *start,
            rid: *rid,
            record_hash: record_hash(of.schema, &of.seed, &of.values).unwrap(),
        })
        .collect();
    let sealed = seal(&key, &[secret; 16], None, "raw", None, &arrivals).unwrap();
    assert_eq!(header_hash(&key, &sealed.header), Ok(sealed.leaves[0]));
    let header = Written {
        schema: Schema::BatchHeader,
        seed: key.seed(&sealed.header.rid),
        values: sealed.header.values(),
    };
    let records = written.into_iter().map(|(_, _, of)| of);
    (sealed, std::iter::once(header).chain(records).collect())
}

/// Replaces s by the group's order minus s: the same signature in its other form.
fn high_s(signature: &mut [u8; 64]) {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let mut borrow = 0_i32;
    for (digit, s) in order.unwrap().iter().zip(&mut signature[32..]).rev() {
        let difference = i32::from(*digit) - i32::from(*s) - borrow;
        borrow = i32::from(difference < 0);
        *s = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
}

fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap()
}
