//! A channel in which keys of every purpose seal batches.

use super::world::town::{MONDAY, Show, Written, heart};
use super::world::{Actor, CHANNEL, ORIGIN, TIME, World, enrol, event};
use vitalwitness_proof::batch::Sealed;
use vitalwitness_proof::completeness::{Completeness, OpenedBatch};
use vitalwitness_proof::entry::{ChannelHead, EventType, Purpose, SignedEvent, entry_hash};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::merkle::Hash;

/// What is done otherwise than the rules ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    Nothing,
    EnrolSignature,
    BatchSignature,
    RevokeSignature,
    OtherOwner,
    FirstIsDevice,
}

/// How far a batch is opened.
#[derive(Clone, Copy)]
pub(crate) enum Open {
    /// Header and all five records.
    All(u64),
    /// All but record 2.
    Some(u64),
    /// The header alone.
    Header(u64),
}

impl Open {
    pub(crate) const ALL: [Open; 4] = [Open::All(3), Open::All(9), Open::All(12), Open::All(18)];
}

/// Batches sealed by: a grant key, a delegate, the owner key, a grant key that was enrolled again
/// as a device, a device that was revoked and enrolled again.
pub(crate) const UNCOUNTED: [u64; 5] = [5, 7, 10, 14, 17];

pub(crate) struct Story {
    pub(crate) world: World,
    /// By seq.
    batches: Vec<(u64, Sealed, Vec<Written>)>,
    keys: Vec<PublicKey>,
    /// Where the channel's entries are in the log.
    places: Vec<usize>,
}

impl Story {
    pub(crate) fn new(twist: Twist) -> Self {
        let mut story = Self {
            world: World::new(),
            batches: Vec::new(),
            keys: Vec::new(),
            places: Vec::new(),
        };
        let actor = Actor::named;
        let (owner, device, old) = (actor("owner"), actor("device"), actor("old device"));
        let (grant, delegate) = (actor("grant"), actor("delegate"));
        story.keys = [&owner, &device, &old].map(|it| it.public.clone()).into();
        let first = if twist == Twist::FirstIsDevice {
            &device
        } else {
            &owner
        };
        story.log(&enrol(&owner, first, None));
        let mut of_device = enrol(&owner, &device, Some(Purpose::Device));
        of_device.signature[40] ^= u8::from(twist == Twist::EnrolSignature);
        story.log(&of_device);
        story.seal(&device, &owner, twist == Twist::BatchSignature);
        story.log(&enrol(&owner, &grant, Some(Purpose::Grant)));
        story.seal(&grant, &owner, false);
        let named = if twist == Twist::OtherOwner {
            &device
        } else {
            &owner
        };
        story.log(&enrol(named, &delegate, Some(Purpose::Delegate)));
        story.seal(&delegate, &owner, false);
        story.log(&enrol(&owner, &old, None));
        story.seal(&old, &owner, false);
        story.seal(&owner, &owner, false);
        story.log(&enrol(&owner, &device, Some(Purpose::Grant)));
        story.seal(&device, &owner, false);
        story.log(&enrol(&owner, &grant, Some(Purpose::Device)));
        story.seal(&grant, &owner, false);
        let of = |actor: &Actor, key: &Actor| {
            let event = event(EventType::Revoke, owner.id(), key.public.hash());
            actor.sign_event(&event.encode())
        };
        let mut revoke = of(&owner, &old);
        revoke.signature[40] ^= u8::from(twist == Twist::RevokeSignature);
        story.log(&revoke);
        // no owner key: revokes no key
        story.log(&of(&grant, &device));
        story.seal(&old, &owner, false);
        story.seal(&device, &owner, false);
        story
    }

    fn log(&mut self, signed: &SignedEvent) {
        let place = self.world.append(CHANNEL, signed);
        self.places.push(place);
    }

    fn seal(&mut self, actor: &Actor, owner: &Actor, spoiled: bool) {
        let number = u8::try_from(self.batches.len()).unwrap();
        let (sealed, leaves) = heart(100 + number, MONDAY + i64::from(number) * 1_000);
        let event = event(EventType::Batch, owner.id(), sealed.root());
        let mut signed = actor.sign_event(&event.encode());
        signed.signature[40] ^= u8::from(spoiled);
        self.log(&signed);
        let seq = u64::try_from(self.places.len()).unwrap();
        self.batches.push((seq, sealed, leaves));
    }

    fn of(&self, seq: u64) -> &(u64, Sealed, Vec<Written>) {
        self.batches.iter().find(|it| it.0 == seq).unwrap()
    }

    /// What is shown of a record.
    pub(crate) fn disclosure(&self, seq: u64, leaf: usize) -> Vec<u8> {
        self.shown(seq, leaf, &[1, 4, 5])
    }

    pub(crate) fn shown(&self, seq: u64, leaf: usize, slots: &[u16]) -> Vec<u8> {
        self.of(seq).2[leaf].show(Show::Slots(slots)).unwrap()
    }

    /// A week from Monday, with the head if there is one.
    pub(crate) fn proof(&self, open: &[Open], head: Option<&(Vec<u8>, [u8; 68])>) -> Vec<u8> {
        let last = *self.places.last().unwrap();
        let receipt = self.world.receipt(last, None, &[], None);
        let opened: Vec<_> = open
            .iter()
            .map(|open| {
                let (seq, leaves): (u64, &[usize]) = match open {
                    Open::All(seq) => (*seq, &[1, 2, 3, 4, 5]),
                    Open::Some(seq) => (*seq, &[1, 3, 4, 5]),
                    Open::Header(seq) => (*seq, &[]),
                };
                let header = self.shown(seq, 0, &[1, 2, 4]);
                let records: Vec<(usize, Vec<u8>)> = leaves
                    .iter()
                    .map(|leaf| (*leaf, self.disclosure(seq, *leaf)))
                    .collect();
                (seq, header, records)
            })
            .collect();
        let batches = opened.iter().map(|(seq, header, records)| {
            let records: Vec<(usize, &[u8])> = records
                .iter()
                .map(|(leaf, it)| (*leaf, it.as_slice()))
                .collect();
            OpenedBatch::of_tree(*seq, &self.of(*seq).1.tree, header, &records).unwrap()
        });
        Completeness {
            period: (MONDAY, MONDAY + 7 * 86_400_000),
            receipt: &receipt,
            entries: self.places[..self.places.len() - 1]
                .iter()
                .map(|place| self.world.entries[*place].as_slice())
                .collect(),
            keys: self.keys.clone(),
            batches: batches.collect(),
            head: head.map(|(head, line)| (head.as_slice(), *line)),
        }
        .encode()
    }

    /// The log's word for entry `seq`.
    pub(crate) fn head(&self, seq: usize) -> (Vec<u8>, [u8; 68]) {
        let hash = match seq {
            0 => [0; 32],
            seq => entry_hash(&self.world.entries[self.places[seq - 1]]),
        };
        self.head_of(seq, hash, |_| {})
    }

    pub(crate) fn head_of(
        &self,
        seq: usize,
        entry_hash: Hash,
        change: impl FnOnce(&mut ChannelHead),
    ) -> (Vec<u8>, [u8; 68]) {
        let mut head = ChannelHead {
            origin: ORIGIN.into(),
            channel: CHANNEL,
            seq: u64::try_from(seq).unwrap(),
            entry_hash,
            size: 40,
            time: TIME,
        };
        change(&mut head);
        let bytes = head.encode();
        let signature = self.world.log.sign(&ChannelHead::message(&bytes));
        let line = [self.world.log.key.id().as_slice(), &signature].concat();
        (bytes, line.try_into().unwrap())
    }
}
