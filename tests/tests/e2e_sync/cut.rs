//! After a device has ended nothing is sealed under a stream key that it could open, whichever vault
//! secret won, and by whom.

use crate::ended::live;
use crate::forged::codes;
use crate::net::{Gap, Liar, Refuser, Swallow, copy};
use crate::stolen::{
    Stolen, deks, restore, serving, stolen_late, town_with_thief, town_with_thief_who,
};
use crate::town::{HEART, HOUR, NOON, Phone, SLEEP, Town, all, series, sync};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use vitalwitness_domain::wire::{BagItem, NewBatch, NewRecovery, NewRevocation};
use vitalwitness_proof::entry::Event;
use vitalwitness_proof::sha256;
use vitalwitness_vault::account::VaultSecret;
use vitalwitness_vault::bag::BagSecret;
use vitalwitness_vault::client::{Request, Transport};
use vitalwitness_vault::devices::Pairing;
use vitalwitness_vault::{Seal, Vault};

/// What went over a line.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Request>>>);

impl Seen {
    pub(crate) fn on(&self, to: &Arc<dyn Transport>) -> Arc<dyn Transport> {
        let into = self.0.clone();
        Gap::before(to.clone(), move |request| {
            into.lock().unwrap().push(copy(request));
            false
        })
    }

    pub(crate) fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        of_target: impl Fn(&str) -> bool,
    ) -> Vec<T> {
        let seen = self.0.lock().unwrap();
        let of = |it: &&Request| it.method == method && of_target(&it.target);
        let bodies = seen.iter().filter(of);
        bodies
            .map(|it| serde_json::from_slice(&it.body).unwrap())
            .collect()
    }

    /// Stream keys under which batches were announced.
    fn sealed_under(&self) -> Vec<[u8; 16]> {
        let new: Vec<NewBatch> = self.bodies("POST", |it| it == "/v1/batches");
        new.iter().map(|it| it.stream_key.0).collect()
    }

    /// Stream keys of the bag that one of these vault secrets opens.
    fn opened_by(&self, account: &[u8; 16], known: &[VaultSecret]) -> BTreeSet<[u8; 16]> {
        let items: Vec<BagItem> = self.bodies("PUT", |it| it.starts_with("/v1/bag/"));
        let opened = items.iter().filter_map(|item| {
            let of = |it: &&VaultSecret| it.generation == item.generation;
            let under = known.iter().find(of)?;
            BagSecret::open(&item.sealed.0, &item.item.0, account, under).ok()
        });
        opened
            .filter_map(|secret| match secret {
                BagSecret::Stream { id, .. } => Some(id),
                _ => None,
            })
            .collect()
    }
}

fn write(vault: &Vault, at: i64) {
    vault.add_many(series(SLEEP, at, 2)).unwrap();
    vault.add_many(series(HEART, at, 2)).unwrap();
    vault.seal(Seal::All).unwrap();
}

/// Both phones write, and seal under none of `given` nor under what `known` opens.
async fn writes_unread(
    (town, first, second): (&Town, &Phone, &Vault),
    known: &[VaultSecret],
    given: &[[u8; 16]],
) {
    let account = first.vault.account_id().unwrap();
    let seen = Seen::default();
    let line = seen.on(&first.transport);
    let before = first.vault.stream_keys().unwrap();
    for vault in [&first.vault, second] {
        write(vault, NOON + 1_000_000);
        sync(vault, &line, &town.time).await;
    }
    let under = seen.sealed_under();
    assert_eq!(under.len(), 4);
    let open = seen.opened_by(&account, known);
    for key in &under {
        assert!(!given.contains(key), "one that it was given");
        assert!(!open.contains(key), "one that it opens in the bag");
        assert!(!before.contains(key), "one from before");
    }
    first.sync().await;
    sync(second, &first.transport, &town.time).await;
    assert_eq!(all(&first.vault), all(second));
}

/// Puts a vault secret of the thief's own, which all can open, to `to`.
async fn takes_the_next(stolen: &Stolen, first: &Phone, to_itself: bool) -> VaultSecret {
    let generation = stolen.newest(first).await.generation;
    let mut keys = deks(stolen, first).await;
    keys.push(first.kit.kk().spki().to_vec());
    let (own, put) = stolen.secret(first, generation + 1, &keys);
    let mut recovery = put.recovery;
    recovery.sealed.pop();
    recovery
        .sealed
        .retain(|sealed| to_itself || sealed.to.0 != stolen.dek.id());
    let put = stolen.signs(recovery, stolen.keys[1].id());
    let sent = stolen.client.tell("PUT", "/v1/recovery", Some(&put)).await;
    sent.unwrap();
    own
}

#[tokio::test]
async fn a_thief_who_wins_the_race_for_the_next_secret_reads_nothing_that_is_sealed_later() {
    let (town, first, second, stolen) = town_with_thief().await;
    let known = stolen.newest(&first).await;
    // decided here, and the thief is quicker
    first.vault.end_device(&stolen.id()).unwrap();
    let own = takes_the_next(&stolen, &first, true).await;
    let key = stolen.opens_stream(&own, SLEEP).await;
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    assert!(first.vault.stream_keys().unwrap().contains(&key), "read on");
    let late = stolen_late(&town, &first, &stolen, &own).await;
    writes_unread((&town, &first, &second), &[known, own], &[key, late]).await;
}

#[tokio::test]
async fn who_gives_way_to_a_secret_that_an_ended_device_has_seals_nothing_it_reads() {
    let (town, first, second, stolen) = town_with_thief().await;
    let known = stolen.newest(&first).await;
    // the other phone has not heard of it: what it makes is sealed to the thief too
    first.vault.end_device(&stolen.id()).unwrap();
    let third = Pairing::begin(&Town::env_like(&first)).unwrap();
    second.pair(third.code(), &first.transport).await.unwrap();
    let own = stolen.newest(&first).await;
    assert_eq!(own.generation, known.generation + 1);
    let key = stolen.opens_stream(&own, SLEEP).await;
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    let late = stolen_late(&town, &first, &stolen, &own).await;
    writes_unread((&town, &first, &second), &[known, own], &[key, late]).await;
}

#[tokio::test]
async fn a_thief_who_leaves_itself_out_of_its_own_secret_is_not_cut_off_by_it() {
    let (town, first, second, stolen) = town_with_thief().await;
    let known = stolen.newest(&first).await;
    let own = takes_the_next(&stolen, &first, false).await;
    for vault in [&first.vault, &second] {
        sync(vault, &first.transport, &town.time).await;
    }
    first.vault.end_device(&stolen.id()).unwrap();
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    // only now: a phone that has not heard of the end puts them there
    let key = stolen_late(&town, &first, &stolen, &own).await;
    sync(&second, &first.transport, &town.time).await;
    writes_unread((&town, &first, &second), &[known, own], &[key]).await;
}

/// Small sealed things of a vault's file: row, kind, bytes.
fn rows(path: &std::path::Path) -> Vec<(i64, i64, Vec<u8>)> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut found = db.prepare("SELECT id, kind, sealed FROM item").unwrap();
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_device_that_ended_before_this_was_looked_at_is_cut_off_with_the_next_round() {
    const META: i64 = 1;
    let (town, first, second, stolen) = town_with_thief().await;
    let known = stolen.newest(&first).await;
    let key = stolen.opens_stream(&known, SLEEP).await;
    let env = Town::env_like(&first);
    let pairing = Pairing::begin(&env).unwrap();
    let answer = first
        .vault
        .pair(pairing.code(), &first.transport)
        .await
        .unwrap();
    let path = town.dir.path().join("third");
    let finished = pairing.finish(&path, &answer, env.clone(), &first.transport);
    let third = finished.await.unwrap().0;
    let known = [known, stolen.newest(&first).await];
    sync(&third, &first.transport, &town.time).await;
    third.lock();
    let before = rows(&path);
    let third = Vault::open(&path, env.clone()).unwrap();
    first.vault.end_device(&stolen.id()).unwrap();
    first.sync().await;
    sync(&third, &first.transport, &town.time).await;
    third.lock();
    // as a version left it that neither kept the newest secret as it is served nor closed keys
    let of_old = |id: i64, bytes: &[u8]| {
        let old = before.iter().find(|row| row.0 == id);
        old.is_some_and(|old| old.2 == bytes || bytes.len() < 400)
    };
    let after = rows(&path);
    let meta = after.iter().filter(|(_, kind, _)| *kind == META);
    let gone = meta.filter(|(id, _, bytes)| !of_old(*id, bytes));
    let db = rusqlite::Connection::open(&path).unwrap();
    for (id, ..) in gone {
        db.execute("DELETE FROM item WHERE id = ?1", [id]).unwrap();
    }
    db.execute("UPDATE item SET state = 0 WHERE kind = 3", [])
        .unwrap();
    drop(db);
    let third = Vault::open(&path, env).unwrap();
    assert!(third.stream_keys().unwrap().contains(&key));
    sync(&third, &first.transport, &town.time).await;
    sync(&second, &first.transport, &town.time).await;
    writes_unread((&town, &first, &third), &known, &[key]).await;
    assert_eq!(third.set_aside().unwrap(), []);
}

#[tokio::test]
async fn a_phone_restored_while_the_cloud_keeps_the_checkpoint_back_gives_an_ended_device_nothing()
{
    let (town, mut first, second, stolen) = town_with_thief().await;
    let honest = first.transport.clone();
    // made as it should be, then ended; with the cloud's help nothing follows
    let own = takes_the_next(&stolen, &first, true).await;
    first.sync().await;
    first.vault.end_device(&stolen.id()).unwrap();
    let line = Swallow::before(honest.clone(), "PUT", "/v1/recovery");
    first.transport = Swallow::before(line, "POST", "/v1/devices/");
    first.sync().await;
    let seen = Seen::default();
    let kept_back = Refuser::before(honest.clone(), "/v1/log/checkpoint", 503, "unavailable");
    let restored = restore(&town, &first, "restored", &seen.on(&kept_back)).await;
    restored.sync_all(&seen.on(&kept_back)).await.unwrap();
    town.time.pass(HOUR / 3);
    restored.sync_all(&seen.on(&kept_back)).await.unwrap();
    let items: Vec<BagItem> = seen.bodies("PUT", |it| it.starts_with("/v1/bag/"));
    let under_own = items.iter().filter(|it| it.generation == own.generation);
    assert_eq!(under_own.count(), 0, "of what it reads");
    sync(&restored, &seen.on(&honest), &town.time).await;
    sync(&second, &honest, &town.time).await;
    assert_eq!(stolen.newest(&first).await.generation, own.generation + 1);
    assert_eq!(all(&restored), all(&second));
    let items: Vec<BagItem> = seen.bodies("PUT", |it| it.starts_with("/v1/bag/"));
    assert!(items.iter().all(|it| it.generation != own.generation));
}

#[tokio::test]
async fn a_generation_so_high_that_none_follows_is_refused_and_a_device_can_be_ended() {
    for generation in [u32::MAX - 1, (1 << 31) + 1] {
        let (town, mut first, second, stolen) = town_with_thief().await;
        let mut keys = deks(&stolen, &first).await;
        keys.push(first.kit.kk().spki().to_vec());
        let (_, put) = stolen.secret(&first, generation, &keys);
        let mut recovery = put.recovery;
        recovery.sealed.pop();
        let told = stolen.signs(recovery, stolen.keys[1].id());
        let honest = first.transport.clone();
        // a phone that is told of a newer one asks for it
        let third = Pairing::begin(&Town::env_like(&first)).unwrap();
        second.pair(third.code(), &honest).await.unwrap();
        first.transport = serving(honest.clone(), told);
        first.sync().await;
        assert_eq!(codes(&first.vault), ["recovery_signature"]);
        first.transport = honest;
        for item in first.vault.set_aside().unwrap() {
            first.vault.try_again(item.item).unwrap();
        }
        first.sync().await;
        first.vault.end_device(&stolen.id()).unwrap();
        first.sync().await;
        sync(&second, &first.transport, &town.time).await;
        assert!(!live(&second).contains(&stolen.id()));
        writes_unread((&town, &first, &second), &[], &[]).await;
    }
}

#[tokio::test]
async fn what_a_phone_once_said_of_its_keys_without_signing_ends_though_it_signs_for_another() {
    let (town, first, _, stolen) = town_with_thief_who(false).await;
    let said = stolen.own_keys();
    let unsigned = BagSecret::Device(said.clone());
    stolen.put(&first, &unsigned).await;
    first.sync().await;
    let throwaway = stolen.signs_for_a_throwaway(&first, &town).await;
    first.sync().await;
    first.vault.end_device(&stolen.id()).unwrap();
    let seen = Seen::default();
    let line = seen.on(&first.transport);
    sync(&first.vault, &line, &town.time).await;
    let ends: Vec<NewRevocation> = seen.bodies("POST", |it| it == "/v1/revocations");
    let ended = ends.iter().map(|end| {
        let event = Event::decode(&end.event.event.0).unwrap();
        event.recordhash
    });
    let ended: BTreeSet<[u8; 32]> = ended.collect();
    for spki in [&said.dsk, &said.gsk, &throwaway] {
        assert!(ended.contains(&sha256(&[spki])));
    }
    assert_eq!(ended.len(), 3);
}

#[tokio::test]
async fn an_unsigned_secret_before_the_newest_is_set_aside_and_stops_nobody() {
    let (town, first, _, _) = town_with_thief().await;
    let unsigned = Liar::before(first.transport.clone(), |target, body| {
        if !target.contains("recovery?generation=") {
            return body;
        }
        let mut told: NewRecovery = serde_json::from_slice(&body).unwrap();
        (told.signature, told.device, told.device_signature) = (None, None, None);
        serde_json::to_vec(&told).unwrap()
    });
    let restored = restore(&town, &first, "restored", &unsigned).await;
    assert_eq!(codes(&restored), ["recovery_signature"]);
    assert_eq!(all(&restored), all(&first.vault));
    let env = Town::env_like(&first);
    let pairing = Pairing::begin(&env).unwrap();
    let answer = first.vault.pair(pairing.code(), &first.transport);
    let answer = answer.await.unwrap();
    let path = town.dir.path().join("paired");
    let paired = pairing.finish(&path, &answer, env, &unsigned).await;
    let paired = paired.unwrap().0;
    assert_eq!(codes(&paired), ["recovery_signature"]);
    assert_eq!(all(&paired), all(&first.vault));
}
