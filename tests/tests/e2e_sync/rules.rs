//! A channel's rules, which a cheating log breaks and the phone holds.

use crate::clinic::signed;
use crate::forged::{Chain, Forger, event, owner_of};
use crate::town::{HEART, NOON, Town, all};
use vitalwitness_domain::wire::{Bytes, What};
use vitalwitness_proof::entry::{Event, EventType, Purpose};
use vitalwitness_proof::sha256;
use vitalwitness_vault::keys::{OsRandom, PrivateKey};

#[derive(Debug, Clone, Copy)]
enum Key {
    Owner,
    Device,
    Granter,
    Stranger,
}
use Key::{Device, Granter, Owner, Stranger};

/// An entry: what is said and by which key.
#[derive(Debug, Clone, Copy)]
enum Say {
    /// The first key enrols the second.
    Enrol(Key, Key),
    /// The first key ends the second.
    End(Key, Key),
    Batch(Key),
    Grant(Key),
    /// Ends a grant, and names whose it was.
    Revoke(Key),
    /// A channel of that owner's own name for itself, within this one.
    OtherOwner(Key),
    /// Another channel, which begins so.
    Begin(Key, Key),
}
use Say::{Batch, Begin, End, Enrol, Grant, OtherOwner, Revoke};

const CASES: [(&str, &[Say], Option<&str>); 15] = [
    (
        "a device writes",
        &[Enrol(Owner, Device), Batch(Device)],
        None,
    ),
    (
        "a grant key grants",
        &[Enrol(Owner, Granter), Grant(Granter)],
        None,
    ),
    (
        "a grant key revokes",
        &[Enrol(Owner, Granter), Revoke(Granter)],
        None,
    ),
    (
        "a device that is ended wrote before",
        &[Enrol(Owner, Device), Batch(Device), End(Owner, Device)],
        None,
    ),
    (
        "a stranger writes",
        &[Batch(Stranger)],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "the owner key writes",
        &[Batch(Owner)],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "a grant key writes",
        &[Enrol(Owner, Granter), Batch(Granter)],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "a device grants",
        &[Enrol(Owner, Device), Grant(Device)],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "an ended device writes",
        &[Enrol(Owner, Device), End(Owner, Device), Batch(Device)],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "an ended device is enrolled again and writes",
        &[
            Enrol(Owner, Device),
            End(Owner, Device),
            Enrol(Owner, Device),
            Batch(Device),
        ],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "a device enrols a key",
        &[Enrol(Owner, Device), Enrol(Device, Granter)],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "a grant key ends a device",
        &[
            Enrol(Owner, Device),
            Enrol(Owner, Granter),
            End(Granter, Device),
        ],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "a stranger revokes, and names a receiver",
        &[Revoke(Stranger)],
        Some("ENTRY_SIGNATURE"),
    ),
    (
        "the owner changes",
        &[OtherOwner(Stranger)],
        Some("ENTRY_MISMATCH"),
    ),
    (
        "a channel does not begin with its owner",
        &[Begin(Stranger, Stranger)],
        Some("ENTRY_MISMATCH"),
    ),
];

#[tokio::test]
async fn an_entry_that_the_channel_s_rules_forbid_freezes_the_log_and_a_legal_one_does_not() {
    let town = Town::new().await;
    for (number, (case, says, code)) in CASES.iter().enumerate() {
        let mut phone = town.phone(&format!("p{number}")).await;
        let forger = Forger::before(town.transport());
        phone.transport = forger.clone();
        phone.add(HEART, NOON, 3);
        phone.sync().await;
        phone.sync().await;
        let (channel, owner) = owner_of(&phone.vault, 1);
        let [device, granter, stranger] =
            [(); 3].map(|()| PrivateKey::generate(&OsRandom).unwrap());
        let key = |key: Key| match key {
            Owner => &owner,
            Device => &device,
            Granter => &granter,
            Stranger => &stranger,
        };
        let hash = |of: Key| sha256(&[&key(of).spki()]);
        let purpose = |of: Key| match of {
            Device => Some(Purpose::Device),
            Granter => Some(Purpose::Grant),
            _ => None,
        };
        let spki = |of: Key| Some(Bytes(key(of).spki().to_vec()));
        let mut chain = Chain::after(&forger.seen(), &channel);
        let mut time = NOON;
        let forge = |say: &Say| -> What {
            time += 1; // the same event does not stand twice
            let (by, told, event) = match *say {
                Enrol(by, which) => {
                    let enrol = Event {
                        recordhash: hash(which),
                        purpose: purpose(which),
                        ..event(EventType::Enrol, channel, &owner)
                    };
                    (by, spki(which), enrol)
                }
                End(by, which) => {
                    let end = Event {
                        recordhash: hash(which),
                        ..event(EventType::Revoke, channel, &owner)
                    };
                    (by, None, end)
                }
                Batch(by) => (by, spki(by), event(EventType::Batch, channel, &owner)),
                Grant(by) => {
                    let grant = Event {
                        receiver: Some([6; 16]),
                        expiry: Some(NOON * 2),
                        ..event(EventType::Grant, channel, &owner)
                    };
                    (by, None, grant)
                }
                Revoke(by) => {
                    let revoke = Event {
                        receiver: Some([6; 16]),
                        ..event(EventType::Revoke, channel, &owner)
                    };
                    (by, None, revoke)
                }
                OtherOwner(by) => {
                    let enrol = Event {
                        recordhash: hash(by),
                        ..event(EventType::Enrol, channel, key(by))
                    };
                    (by, spki(by), enrol)
                }
                Begin(by, which) => {
                    let other = [7; 16];
                    chain = Chain::after(&[], &other);
                    let enrol = Event {
                        recordhash: hash(which),
                        ..event(EventType::Enrol, other, &owner)
                    };
                    (by, spki(which), enrol)
                }
            };
            chain.entry(&signed(key(by), &Event { time, ..event }), told)
        };
        forger.append(says.iter().map(forge).collect());
        let report = phone.vault.sync_all(&phone.transport).await.unwrap();
        assert!(forger.is_done(), "{case}: it was told");
        assert_eq!(report.frozen.as_deref(), *code, "{case}");
        let evidence = phone.vault.evidence().unwrap();
        assert_eq!(evidence.len(), usize::from(code.is_some()), "{case}");
        assert_eq!(all(&phone.vault).len(), 3, "{case}");
    }
}
