//! Receipts at random: of every type of entry, with and without each part, most of them good, some
//! with one thing wrong that was signed as it is.

use super::dice::Dice;
use super::people::{People, Person};
use super::twist;
use sha2::{Digest as _, Sha256};
use vitalwitness_proof::cbor::{Value, encode};
use vitalwitness_proof::merkle::{leaf_hash, leaf_hash_of, path_length, root_from_path};

/// A receipt, and a disclosure beside it or none.
pub(super) struct Made {
    pub(super) receipt: Vec<u8>,
    pub(super) beside: Option<Vec<u8>>,
}

/// Draws one receipt.
pub(super) fn receipt(people: &People, dice: &mut Dice) -> Made {
    let mut pairs = vec![int_pair(0, Value::Int(if dice.chance(1) { 2 } else { 1 }))];
    let mut beside = None;
    let record = dice.chance(65).then(|| Record::draw(people, dice));
    if let Some(record) = &record {
        pairs.push(int_pair(1, Value::Bytes(record.rc.to_vec())));
        pairs.push(int_pair(2, record.place.clone()));
        match &record.disclosure {
            Some(disclosure) if dice.chance(75) => pairs.push(int_pair(7, disclosure.clone())),
            Some(disclosure) => {
                beside = Some(encode(disclosure));
                if dice.chance(3) {
                    pairs.push(int_pair(7, disclosure.clone()));
                }
            }
            None => {}
        }
        if let Some(author) = &record.author {
            pairs.push(int_pair(9, author.clone()));
        }
    } else if dice.chance(1) {
        beside = Some(dice.bytes(40));
    }
    let told = Told::draw(people, record.map(|record| record.root), dice);
    pairs.push(int_pair(3, Value::Bytes(told.entry.clone())));
    if let Some(enrol) = told.enrol {
        pairs.push(int_pair(10, enrol));
    }
    let (log, lines) = logged(people, &told.entry, told.genesis, dice);
    pairs.push(int_pair(4, log));
    pairs.push(int_pair(5, lines));
    if dice.chance(20) {
        pairs.push(int_pair(6, anchors(dice)));
    }
    if dice.chance(40) {
        pairs.push(int_pair(8, carried(people, dice)));
    }
    Made {
        receipt: encode(&Value::Map(pairs)),
        beside,
    }
}

struct Record {
    rc: [u8; 32],
    root: [u8; 32],
    place: Value,
    disclosure: Option<Value>,
    author: Option<Value>,
}

impl Record {
    fn draw(people: &People, dice: &mut Dice) -> Self {
        let (schema, slots) = *dice.pick(&SCHEMAS);
        let is_header = schema == "batch/1";
        let values: Vec<Value> = (0..slots).map(|_| twist::any(dice, 2)).collect();
        let seed: [u8; 32] = dice.array();
        let salts: Vec<Vec<u8>> = (0..slots).map(|slot| salt(&seed, slot)).collect();
        let digests: Vec<[u8; 32]> = (0..slots)
            .map(|slot| {
                let at = usize::from(slot);
                hash(&[
                    b"vwF1",
                    &salts[at],
                    &slot.to_be_bytes(),
                    &encode(&values[at]),
                ])
            })
            .collect();
        let text = encode(&Value::Text(schema.into()));
        let rc = hash(&[b"vwR1", &slots.to_be_bytes(), &text, &digests.concat()]);

        let whole = || {
            Value::Array(vec![
                Value::Text(schema.into()),
                Value::Bytes(seed.to_vec()),
                Value::Array(values.clone()),
            ])
        };
        let disclosure = match dice.below(5) {
            0 => None,
            1 | 2 => Some(whole()),
            _ => {
                let mut shown = Vec::new();
                let mut hidden = Vec::new();
                for slot in 0..slots {
                    let at = usize::from(slot);
                    if dice.chance(40) {
                        shown.push(Value::Array(vec![
                            Value::Int(slot.into()),
                            Value::Bytes(salts[at].clone()),
                            values[at].clone(),
                        ]));
                    } else {
                        hidden.extend(digests[at]);
                    }
                }
                Some(Value::Array(vec![
                    Value::Text(schema.into()),
                    Value::Array(shown),
                    Value::Bytes(hidden),
                ]))
            }
        };
        let disclosure = disclosure.map(|mut disclosure| {
            if dice.chance(12) {
                twist::value(&mut disclosure, dice);
            }
            disclosure
        });

        let size = 8_u64 << dice.below(12);
        let index = match (is_header, dice.chance(4)) {
            (true, false) | (false, true) => 0,
            _ => 1 + dice.next() % (size - 1),
        };
        let (path, root) = path_of(leaf_hash_of(&rc), index, size, dice);
        let place = Value::Array(vec![number(size), number(index), Value::Bytes(path)]);
        let author = dice.chance(25).then(|| {
            let person = dice.pick(&people.keys);
            let signature = signed(person, &[b"vwA1", &person.id(), &rc], dice);
            Value::Array(vec![
                Value::Bytes(person.spki.clone()),
                Value::Bytes(signature),
            ])
        });
        Self {
            rc,
            root,
            place,
            disclosure,
            author,
        }
    }
}

/// An entry, and its signer's ENROL or none.
struct Told {
    entry: Vec<u8>,
    enrol: Option<Value>,
    genesis: bool,
}

impl Told {
    fn draw(people: &People, root: Option<[u8; 32]>, dice: &mut Dice) -> Self {
        let kind = if root.is_some() && dice.chance(97) {
            2
        } else {
            i64::try_from(dice.below(9)).unwrap_or(0)
        };
        let genesis = kind == 0;
        let channel = if genesis || dice.chance(8) {
            [0; 16]
        } else {
            dice.array()
        };
        let owner = if genesis {
            people.log.id()
        } else {
            people.keys[0].id()
        };
        // The type's usual signer, mostly.
        let usual = match kind {
            1 => 0,
            2 => 1,
            4..=6 => 2 + dice.below(2),
            _ => 4,
        };
        let person = if dice.chance(75) {
            &people.keys[usual]
        } else {
            dice.pick(&people.keys)
        };
        let signer = if genesis {
            people.log.id()
        } else {
            person.id()
        };
        let enrolled = dice.pick(&people.keys);
        let recordhash = match (root, kind) {
            (Some(root), _) if dice.chance(97) => root,
            (_, 1) => enrolled.hash(),
            _ => dice.array(),
        };
        let purpose =
            (kind == 1 && dice.chance(50)).then(|| i64::try_from(dice.below(4)).unwrap_or(0));
        let event = event(kind, channel, owner, recordhash, purpose, dice);
        let signature = if genesis && dice.chance(90) {
            let mut signature = people
                .log
                .sign(&[b"vwE1".as_slice(), &signer, &event].concat())
                .to_vec();
            signature[40] ^= u8::from(dice.chance(5));
            signature
        } else {
            signed(person, &[b"vwE1", &signer, &event], dice)
        };
        let seq = if dice.chance(20) {
            1
        } else {
            1 + dice.magnitude() / 2
        };
        let prev = if seq == 1 && dice.chance(90) {
            [0; 32]
        } else {
            dice.array()
        };
        let mut entry = Value::Array(vec![
            Value::Bytes(event),
            Value::Bytes(signer.to_vec()),
            Value::Bytes(signature),
            Value::Int(seq),
            Value::Bytes(prev.to_vec()),
        ]);
        if dice.chance(4) {
            twist::value(&mut entry, dice);
        }
        let mut entry = encode(&entry);
        if dice.chance(3) {
            twist::bytes(&mut entry, dice);
        }
        let enrol = dice
            .chance(45)
            .then(|| enrolment(people, person, channel, owner, kind, dice));
        Self {
            entry,
            enrol,
            genesis,
        }
    }
}

/// The ENROL of `person`, mostly with a purpose that covers `kind`.
fn enrolment(
    people: &People,
    person: &Person,
    channel: [u8; 16],
    owner: [u8; 16],
    kind: i64,
    dice: &mut Dice,
) -> Value {
    let mut recordhash = if dice.chance(93) {
        person.hash()
    } else {
        dice.pick(&people.keys).hash()
    };
    // Of the same id, should the signer's key not be at hand.
    recordhash[31] ^= u8::from(dice.chance(4));
    let purpose = match kind {
        2 => [None, Some(1)][dice.below(2)],
        4..=6 => Some(2 + i64::from(dice.chance(50))),
        _ => None,
    };
    let purpose = if dice.chance(12) {
        Some(i64::try_from(dice.below(5)).unwrap_or(0))
    } else {
        purpose
    };
    let own = person.id() == owner;
    let kind = if dice.chance(96) { 1 } else { 2 };
    let channel = if dice.chance(96) {
        channel
    } else {
        dice.array()
    };
    let event = event(
        kind,
        channel,
        owner,
        recordhash,
        purpose.filter(|_| !own),
        dice,
    );
    let signer = if dice.chance(95) {
        &people.keys[0]
    } else {
        person
    };
    let signature = signed(signer, &[b"vwE1", &owner, &event], dice);
    Value::Array(vec![Value::Bytes(event), Value::Bytes(signature)])
}

fn event(
    kind: i64,
    channel: [u8; 16],
    owner: [u8; 16],
    recordhash: [u8; 32],
    purpose: Option<i64>,
    dice: &mut Dice,
) -> Vec<u8> {
    let optional = |bytes: Vec<u8>, dice: &mut Dice| {
        if dice.chance(50) {
            Value::Null
        } else {
            Value::Bytes(bytes)
        }
    };
    let mut items = vec![
        Value::Int(1),
        Value::Int(kind),
        Value::Bytes(channel.to_vec()),
        Value::Bytes(owner.to_vec()),
        optional(dice.bytes(16), dice),
        Value::Bytes(recordhash.to_vec()),
        Value::Int(dice.magnitude()),
        optional(dice.bytes(32), dice),
        if dice.chance(60) {
            Value::Null
        } else {
            Value::Int(dice.magnitude())
        },
    ];
    items.extend(purpose.map(Value::Int));
    let mut event = Value::Array(items);
    if dice.chance(5) {
        twist::value(&mut event, dice);
    }
    let mut bytes = encode(&event);
    if dice.chance(2) {
        twist::bytes(&mut bytes, dice);
    }
    bytes
}

/// Keys 4 and 5: a place in a log and the signatures over its root.
fn logged(people: &People, entry: &[u8], genesis: bool, dice: &mut Dice) -> (Value, Value) {
    let size = 2 + dice.magnitude().unsigned_abs() / 2;
    let index = if genesis == dice.chance(4) {
        1 + dice.next() % (size - 1)
    } else {
        0
    };
    let (path, root) = path_of(leaf_hash(entry), index, size, dice);
    let origin = if dice.chance(97) {
        people.log.name()
    } else {
        people.other_log.name()
    };
    let body = format!("{origin}\n{size}\n{}\n", super::people::base64(&root));
    let mut lines = Vec::new();
    if dice.chance(97) {
        let signer = if dice.chance(95) {
            &people.log
        } else {
            &people.other_log_key
        };
        lines.push(signer.line(&body));
    }
    for witness in &people.witnesses {
        if dice.chance(75) {
            let time = if dice.chance(10) {
                dice.next()
            } else {
                1_764_000_000 + dice.next() % 1000
            };
            lines.push(witness.cosign(&body, time));
        }
    }
    if dice.chance(10) {
        lines.push(people.other_log.line(&body));
    }
    if dice.chance(8) && !lines.is_empty() {
        let at = dice.below(lines.len());
        let blob = &mut lines[at].blob;
        match dice.below(4) {
            0 => blob.truncate(4 + dice.below(70)),
            1 => blob.push(0),
            _ => {
                let place = dice.below(blob.len());
                blob[place] ^= 1;
            }
        }
    }
    if dice.chance(30) {
        lines.reverse();
    }
    let lines = lines
        .into_iter()
        .map(|line| Value::Array(vec![Value::Text(line.name), Value::Bytes(line.blob)]))
        .collect();
    let log = Value::Array(vec![
        Value::Text(origin.into()),
        number(size),
        number(index),
        Value::Bytes(path),
    ]);
    (log, Value::Array(lines))
}

fn anchors(dice: &mut Dice) -> Value {
    let list = (0..=dice.below(3))
        .map(|_| {
            let channel = *dice.pick(&["ch", "other", ""]);
            let mut body = Value::Array(vec![
                Value::Text(channel.into()),
                Value::Bytes(dice.bytes(3)),
                Value::Bytes(dice.bytes(6)),
                Value::Bytes(dice.bytes(5)),
                Value::Bytes(dice.bytes(8)),
                Value::Text("OrgMSP".into()),
                Value::Bytes(dice.bytes(2)),
                Value::Array(vec![Value::Array(vec![
                    Value::Text("OrgMSP".into()),
                    Value::Bytes(dice.bytes(8)),
                    Value::Bytes(dice.bytes(70)),
                ])]),
                Value::Map(vec![(
                    Value::Bytes(hash(&[b"der"])[..8].to_vec()),
                    Value::Bytes(b"der".to_vec()),
                )]),
            ]);
            if dice.chance(40) {
                twist::value(&mut body, dice);
            }
            let mut bytes = encode(&body);
            if dice.chance(15) {
                twist::bytes(&mut bytes, dice);
            }
            let kind = *dice.pick(&[1, 1, 1, 2, 3, 4, 5, 0, -1, i64::MAX, i64::MIN]);
            Value::Array(vec![Value::Int(kind), Value::Bytes(bytes)])
        })
        .collect();
    Value::Array(list)
}

fn carried(people: &People, dice: &mut Dice) -> Value {
    let mut keys: Vec<Value> = (0..=dice.below(4))
        .map(|_| Value::Bytes(dice.pick(&people.keys).spki.clone()))
        .collect();
    if dice.chance(15) {
        keys.push(Value::Bytes(people.log.spki()));
    }
    if dice.chance(3) {
        let mut spki = people.keys[1].spki.clone();
        let last = spki.len() - 1 - dice.below(70);
        spki[last] ^= 1;
        keys.push(Value::Bytes(spki));
    }
    Value::Array(keys)
}

/// Siblings at random and the root they give; sometimes one too many or too few.
fn path_of(leaf: [u8; 32], index: u64, size: u64, dice: &mut Dice) -> (Vec<u8>, [u8; 32]) {
    let length = path_length(index, size).unwrap_or(0);
    let nodes: Vec<[u8; 32]> = (0..length).map(|_| dice.array()).collect();
    let root = root_from_path(&leaf, index, size, &nodes).unwrap_or([0; 32]);
    let mut path = nodes.concat();
    match dice.below(150) {
        0 => path.extend(dice.bytes(32)),
        1 => path.truncate(path.len().saturating_sub(32)),
        2 => drop(path.pop()),
        _ => {}
    }
    (path, root)
}

/// A signature, sometimes of a kind that must not hold.
fn signed(person: &Person, parts: &[&[u8]], dice: &mut Dice) -> Vec<u8> {
    let mut signature = person.sign(&parts.concat()).to_vec();
    match dice.below(60) {
        0 => signature[..32].fill(0),
        1 => signature[32..].fill(0xff),
        // The order of the curve, less one: in range, and not low.
        2 => signature[32..].copy_from_slice(&ORDER_LESS_ONE),
        3 => signature[dice.below(64)] ^= 1,
        _ => {}
    }
    signature
}

/// Changes a made receipt as a whole, in its tree or in its bytes.
pub(super) fn mutate(made: &mut Made, dice: &mut Dice) {
    let target = match &mut made.beside {
        Some(beside) if dice.chance(50) => beside,
        _ => &mut made.receipt,
    };
    twist::file(target, dice);
}

fn salt(seed: &[u8; 32], slot: u16) -> Vec<u8> {
    hash(&[b"vwT1", seed, &slot.to_be_bytes()])[..16].to_vec()
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

fn int_pair(key: i64, value: Value) -> (Value, Value) {
    (Value::Int(key), value)
}

fn number(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

const SCHEMAS: [(&str, u16); 10] = [
    ("obs/1", 8),
    ("obs/1", 8),
    ("med/1", 9),
    ("note/1", 8),
    ("episode/1", 8),
    ("offer/1", 9),
    ("cover/1", 9),
    ("claim/1", 9),
    ("decision/1", 10),
    ("batch/1", 6),
];
const ORDER_LESS_ONE: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x50,
];
