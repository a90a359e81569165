//! The embedded log against the tree it must be, whatever is refused or rolled back on the way.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use super::*;
use proptest::prelude::*;
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_proof::merkle::{
    consistency_proof, log_path, verify_consistency, verify_inclusion,
};

fn open() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(include_str!("../../../migrations/0001_start.sql"))
        .unwrap();
    db
}

fn event(number: u64) -> (Event, SignedEvent) {
    let mut channel = [1; 16];
    channel[15] = u8::try_from(number % 3).unwrap();
    let event = Event {
        kind: EventType::Batch,
        channel,
        owner: [2; 16],
        receiver: None,
        recordhash: sha256(&[&number.to_be_bytes()]),
        time: 5,
        location: None,
        expiry: None,
        purpose: None,
    };
    let signed = SignedEvent {
        event: event.encode(),
        signer: [3; 16],
        signature: [4; 64],
    };
    (event, signed)
}

/// Appends a group; then it becomes durable, or not.
fn group(db: &Connection, log: &mut Embedded, numbers: &[u64], is_durable: bool) -> Vec<NewEntry> {
    db.execute_batch("BEGIN").unwrap();
    let entries = numbers
        .iter()
        .map(|number| {
            let (event, signed) = event(*number);
            log.append(db, &event, &signed).unwrap()
        })
        .collect();
    log.flush(db).unwrap();
    if is_durable {
        db.execute_batch("COMMIT").unwrap();
        let _ = log.committed();
    } else {
        db.execute_batch("ROLLBACK").unwrap();
        log.rolled_back();
    }
    entries
}

fn check(db: &Connection, log: &Embedded, leaves: &[Hash]) {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.append(*leaf);
    }
    assert_eq!(log.head(), (tree.size(), tree.root()));
    let reopened = Embedded::open(db).unwrap();
    assert_eq!(reopened.head(), log.head());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn groups_and_rollbacks_leave_exactly_the_durable_entries(
        groups in prop::collection::vec((1_usize..120, any::<bool>()), 1..14)
    ) {
        let db = open();
        let mut log = Embedded::open(&db).unwrap();
        let mut leaves = Vec::new();
        let mut heads = vec![];
        let mut next = 0_u64;
        for (count, is_durable) in groups {
            let numbers: Vec<u64> = (next..).take(count).collect();
            let entries = group(&db, &mut log, &numbers, is_durable);
            if is_durable {
                next += count as u64;
                leaves.extend(entries.iter().map(|entry| entry_leaf(&entry.bytes)));
                heads.push(log.head());
            }
            check(&db, &log, &leaves);
        }
        let (size, root) = log.head();
        for (index, leaf) in (0..).zip(&leaves).step_by(7) {
            let path = log_path(index, size, |level, index| node(&db, level, index)).unwrap();
            verify_inclusion(leaf, index, size, &path, &root).unwrap();
        }
        for (from, old) in heads {
            let proof =
                consistency_proof(from, size, |level, index| node(&db, level, index)).unwrap();
            verify_consistency(from, &old, size, &root, &proof).unwrap();
        }
    }
}

#[test]
fn each_channel_is_numbered_and_chained_by_itself() {
    let db = open();
    let mut log = Embedded::open(&db).unwrap();
    let entries = group(&db, &mut log, &(0..30).collect::<Vec<_>>(), true);
    for channel in 0..3 {
        let mut before: Option<(Entry, Vec<u8>)> = None;
        for entry in entries.iter().skip(channel).step_by(3) {
            let read = Entry::decode(&entry.bytes).unwrap();
            read.check_follows(
                before
                    .as_ref()
                    .map(|(entry, bytes)| (entry, bytes.as_slice())),
            )
            .unwrap();
            before = Some((read, entry.bytes.clone()));
        }
        assert_eq!(before.unwrap().0.seq, 10);
    }
}

#[test]
fn an_event_enters_once_and_a_rewound_one_may_come_again() {
    let db = open();
    let mut log = Embedded::open(&db).unwrap();
    db.execute_batch("BEGIN; SAVEPOINT job").unwrap();
    let (event, signed) = event(1);
    let mark = log.mark();
    log.append(&db, &event, &signed).unwrap();
    let again = log.append(&db, &event, &signed).unwrap_err();
    assert_eq!(again.refusal().code, "event_refused");
    db.execute_batch("ROLLBACK TO job; RELEASE job").unwrap();
    log.rewind(mark);
    let entry = log.append(&db, &event, &signed).unwrap();
    assert_eq!((entry.index, entry.seq), (0, 1));
    log.flush(&db).unwrap();
    db.execute_batch("COMMIT").unwrap();
    assert_eq!(log.committed().unwrap().0, 1);
    assert_eq!(log.committed(), None, "nothing new to sign");
}

#[test]
fn a_tree_that_stands_on_other_entries_is_never_continued() {
    let db = open();
    let mut log = Embedded::open(&db).unwrap();
    group(&db, &mut log, &[1, 2, 3], true);
    db.execute("DELETE FROM entry WHERE idx = 2", []).unwrap();
    assert!(matches!(Embedded::open(&db), Err(Error::Corrupt(_))));
}
