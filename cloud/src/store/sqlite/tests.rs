//! The file itself: schema, damage, a full disk.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use super::*;
use crate::clock::Env;
use crate::log::LogKey;
use crate::store::{Accounts as _, LogReads as _};
use vitalwitness_domain::wire::{
    BagItem, Bytes, DeviceStatement, NewAccount, NewRecovery, Recovery, SealedTo, Sig64,
};
use vitalwitness_proof::checkpoint::KeyKind;
use vitalwitness_proof::entry::{DIRECTORY, Event, SignedEvent};
use vitalwitness_proof::keys::spki_id;

fn open(folder: &Path) -> Result<Sqlite> {
    let env = Env::new(|| 1_800_000_000_000, |bytes| bytes.fill(7));
    let key = LogKey::open(&folder.join("key"), "t.example", KeyKind::Log, &env).unwrap();
    let notes = Arc::new(Notes::new(key, Vec::new(), 0, env));
    let event = Event {
        kind: EventType::Genesis,
        channel: DIRECTORY,
        owner: [1; 16],
        receiver: None,
        recordhash: [2; 32],
        time: 0,
        location: None,
        expiry: None,
        purpose: None,
    };
    let genesis = || {
        Ok(Verified {
            hash: [0; 32],
            signed: SignedEvent {
                event: event.encode(),
                signer: [1; 16],
                signature: [0; 64],
            },
            event,
            spki: None,
        })
    };
    Sqlite::open(&folder.join("t.db"), 1 << 30, notes, genesis)
}

fn account() -> (Id16, NewAccount) {
    let aik = vec![1; 91];
    let id = Id16(spki_id(&aik));
    let device = DeviceStatement {
        account: id,
        dsk: Bytes(vec![2; 91]),
        dek: Bytes(vec![3; 91]),
        time: 0,
        by: None,
        signature: Sig64([0; 64]),
    };
    let new = NewAccount {
        aik: Bytes(aik),
        kk: Bytes(vec![4; 91]),
        device,
    };
    (id, new)
}

fn item(number: u16, bytes: usize) -> BagItem {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    BagItem {
        item: Id16(id),
        generation: 1,
        sealed: Bytes(vec![5; bytes]),
    }
}

#[test]
fn a_full_disk_refuses_and_keeps_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (id, new) = account();
    store.create_account(new).unwrap();
    store
        .write(|tx| Ok(tx.db.pragma_update(None, "max_page_count", 120)?))
        .unwrap();
    let mut kept = 0_u16;
    let refused = loop {
        match store.put_bag(id, item(kept, 10_000)) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Unavailable), "{refused:?}");
    assert!(kept > 5);
    let changes = store.changes(id, 0, 500).unwrap();
    assert_eq!(changes.latest, u64::from(kept));
    // there is room again: the same writer goes on
    store
        .write(|tx| Ok(tx.db.pragma_update(None, "max_page_count", 100_000)?))
        .unwrap();
    store.put_bag(id, item(kept, 10_000)).unwrap();
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(
        store.changes(id, 0, 500).unwrap().latest,
        u64::from(kept) + 1
    );
    store.ping().unwrap();
}

#[test]
fn a_newer_schema_and_another_file_are_told_apart_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let path = folder.path().join("t.db");
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let newer = open(folder.path()).unwrap_err();
    assert!(matches!(newer, Error::NewerSchema { found: 99, .. }));
    std::fs::write(&path, vec![b'x'; 5000]).unwrap();
    let _ = std::fs::remove_file(folder.path().join("t.db-wal"));
    let _ = std::fs::remove_file(folder.path().join("t.db-shm"));
    assert!(matches!(open(folder.path()), Err(Error::Corrupt(_))));
    assert_eq!(std::fs::read(&path).unwrap().len(), 5000, "left as it was");
}

#[test]
fn many_writers_share_groups_and_every_cursor_is_used_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (id, new) = account();
    store.create_account(new).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_u16 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..40 {
                    store.put_bag(id, item(thread * 40 + number, 10)).unwrap();
                    // asked again: no second change
                    store.put_bag(id, item(thread * 40 + number, 10)).unwrap();
                }
            });
        }
    });
    let changes = store.changes(id, 0, 500).unwrap();
    let cursors: Vec<u64> = changes.changes.iter().map(|change| change.cursor).collect();
    assert_eq!(cursors, (1..=320).collect::<Vec<_>>());
    let other = item(3, 11);
    let conflict = store.put_bag(id, other).unwrap_err();
    assert_eq!(conflict.refusal().code, "conflict");
    let gone = store.changes(id, 321, 1).unwrap_err();
    assert_eq!(gone.refusal().code, "cursor_gone");
}

#[test]
fn secrets_stored_before_they_counted_are_counted_once_by_the_migration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut db = Connection::open(&path).unwrap();
    for sql in &MIGRATIONS[..3] {
        db.execute_batch(sql).unwrap();
    }
    db.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA user_version = 3;
         INSERT INTO account (id, aik, kk, used) VALUES (zeroblob(16), x'01', x'02', 1000);
         INSERT INTO account (id, aik, kk, used) VALUES (x'11111111111111111111111111111111', x'01', x'02', 5);
         INSERT INTO channel VALUES (x'01111111111111111111111111111111', zeroblob(16), x'01', x'02', x'03');
         INSERT INTO recovery VALUES (zeroblob(16), 1, 'oldest'), (zeroblob(16), 2, 'old'), (zeroblob(16), 3, 'newest');
         INSERT INTO access_grant (id, channel, organisation, may_read, may_append, not_before, expiry,
           recordhash, document, digest, idx)
           VALUES (x'21111111111111111111111111111111', x'01111111111111111111111111111111', x'01', 1, 0, 0, 9,
           x'01', 'document', x'02', 1);
         INSERT INTO envelope VALUES (x'21111111111111111111111111111111', x'01', 'first'),
           (x'21111111111111111111111111111111', x'02', 'second');",
    )
    .unwrap();
    db.pragma_update(None, "application_id", APPLICATION)
        .unwrap();
    migrate(&mut db).unwrap();
    migrate(&mut db).unwrap();
    let used: Vec<u64> = db
        .prepare("SELECT used FROM account ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(used, [1000 + 3 + 6 + 8 + 5 + 6, 5]);
    let kept: Vec<u32> = db
        .prepare("SELECT generation FROM recovery ORDER BY generation")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(kept, [2, 3]);
}

#[test]
fn a_secret_put_before_devices_signed_gets_its_signatures_when_it_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (id, new) = account();
    let kit = Id16(spki_id(&new.kk.0));
    store.create_account(new).unwrap();
    let signed = |by| NewRecovery {
        recovery: Recovery {
            generation: 1,
            sealed: vec![SealedTo {
                to: kit,
                enc: Bytes(vec![4; 65]),
                ciphertext: Bytes(vec![1; 48]),
            }],
        },
        by: None,
        signature: None,
        device: Some(Id16([by; 16])),
        device_signature: Some(Sig64([by; 64])),
    };
    let unsigned = NewRecovery {
        device: None,
        device_signature: None,
        ..signed(0)
    };
    store.put_recovery(id, unsigned).unwrap();
    store.put_recovery(id, signed(1)).unwrap();
    assert_eq!(store.recovery(id, None).unwrap(), Some(signed(1)));
    store.put_recovery(id, signed(2)).unwrap();
    let kept = store.recovery(id, None).unwrap().unwrap();
    assert_eq!(kept, signed(1), "what is signed stays");
    let bytes = json(&kept).unwrap().len() as u64;
    assert_eq!(store.quota(id).unwrap().used, bytes);
}
