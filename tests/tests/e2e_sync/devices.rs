//! Restoring, pairing and ending devices.

use crate::town::{DAY, HEART, NOON, Phone, SLEEP, Town, all, sync, verified};
use std::sync::Arc;
use vitalwitness_domain::wire::NewRecovery;
use vitalwitness_vault::client::ClientError;
use vitalwitness_vault::devices::Pairing;
use vitalwitness_vault::keys::{MemoryKeyStore, OsRandom};
use vitalwitness_vault::kit::{Kit, KitError};
use vitalwitness_vault::{Env, Error, Vault};

impl Town {
    /// The outside of another device, with its own keys.
    pub(crate) fn env_like(phone: &Phone) -> Env {
        Env {
            keystore: Arc::new(MemoryKeyStore::new()),
            clock: phone.env.clock.clone(),
            random: phone.env.random.clone(),
        }
    }
}

#[tokio::test]
async fn the_kit_and_the_cloud_give_the_same_records_with_valid_receipts() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON - 70 * DAY, 300);
    phone.add(HEART, NOON, 100);
    phone.add(SLEEP, NOON, 3);
    phone.sync().await;
    let words = phone.kit.words().unwrap();
    let kit = Kit::from_words(&words).unwrap();
    let settings = town.settings().await;
    let env = Town::env_like(&phone);
    let path = town.dir.path().join("restored");
    let (restored, _) = Vault::restore(&path, &kit, &settings, env, &phone.transport)
        .await
        .unwrap();
    sync(&restored, &phone.transport, &town.time).await;
    let records = all(&phone.vault);
    assert_eq!(records.len(), 403);
    assert_eq!(all(&restored), records);
    for (_, rc) in records.iter().step_by(17) {
        assert_eq!(
            verified(&restored, rc, &settings.trust).record_hash,
            Some(*rc)
        );
    }
}

#[tokio::test]
async fn a_kit_of_no_account_restores_nothing_and_leaves_nothing() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    let kit = Kit::generate(&OsRandom).unwrap();
    let settings = town.settings().await;
    let env = Town::env_like(&phone);
    let path = town.dir.path().join("restored");
    let refused = Vault::restore(&path, &kit, &settings, env, &phone.transport).await;
    assert!(matches!(
        refused,
        Err(Error::Cloud(ClientError::Refused(problem))) if problem.status == 404
    ));
    assert!(!path.exists());
}

/// A second phone of `phone`'s account.
pub(crate) async fn pair(town: &Town, phone: &Phone, name: &str) -> (Vault, Env) {
    let env = Town::env_like(phone);
    let pairing = Pairing::begin(&env).unwrap();
    let (code, to) = (pairing.code(), &phone.transport);
    let answer = match phone.vault.pair(code, to).await {
        // nothing of it is in the log yet
        Err(Error::Kit(KitError::Needed)) => phone.vault.pair_with_kit(code, &phone.kit, to).await,
        answer => answer,
    }
    .unwrap();
    let path = town.dir.path().join(name);
    let (vault, _) = pairing
        .finish(&path, &answer, env.clone(), &phone.transport)
        .await
        .unwrap();
    (vault, env)
}

#[tokio::test]
async fn two_phones_of_one_account_converge_after_adding_offline() {
    let town = Town::new().await;
    let first = town.phone("first").await;
    first.add(HEART, NOON - DAY, 50);
    first.sync().await;
    let (second, _) = pair(&town, &first, "second").await;
    assert_eq!(all(&second), all(&first.vault));
    // both offline, in one stream and in another
    first.add(HEART, NOON, 20);
    second
        .add_many(crate::town::series(HEART, NOON + 7, 20))
        .unwrap();
    second
        .add_many(crate::town::series(SLEEP, NOON, 2))
        .unwrap();
    second.seal(vitalwitness_vault::Seal::All).unwrap();
    sync(&second, &first.transport, &town.time).await;
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    let records = all(&first.vault);
    assert_eq!(records.len(), 92);
    assert_eq!(all(&second), records);
    let trust = town.settings().await.trust;
    for (_, rc) in records.iter().step_by(9) {
        assert_eq!(verified(&first.vault, rc, &trust).record_hash, Some(*rc));
        assert_eq!(verified(&second, rc, &trust).record_hash, Some(*rc));
    }
}

#[tokio::test]
async fn a_backup_restored_on_a_new_phone_syncs_on_as_a_new_device() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON - DAY, 40);
    phone.sync().await;
    phone.add(HEART, NOON, 10);
    let file = town.dir.path().join("backup");
    phone.vault.backup(&file).unwrap();
    phone.sync().await;
    phone.add(SLEEP, NOON, 2);
    phone.sync().await;
    let settings = town.settings().await;
    let env = Town::env_like(&phone);
    let path = town.dir.path().join("restored");
    let restored = Vault::restore_backup(&file, &phone.kit, &path, &settings.origin, env).unwrap();
    let secrets = crate::cut::Seen::default();
    let line = secrets.on(&phone.transport);
    sync(&restored, &line, &town.time).await;
    assert!(restored.set_aside().unwrap().is_empty());
    assert_eq!(all(&restored), all(&phone.vault));
    restored
        .add_many(crate::town::series(HEART, NOON + DAY, 5))
        .unwrap();
    restored.seal(vitalwitness_vault::Seal::All).unwrap();
    sync(&restored, &phone.transport, &town.time).await;
    phone.sync().await;
    assert_eq!(all(&restored), all(&phone.vault));
    assert_eq!(all(&restored).len(), 57);
    // the newest vault secret is good: none follows it, and the old phone waits for nobody
    let put: Vec<NewRecovery> = secrets.bodies("PUT", |it| it == "/v1/recovery");
    assert!(put.is_empty());
    assert!(phone.vault.set_aside().unwrap().is_empty());
}

#[tokio::test]
async fn two_phones_that_both_open_a_category_offline_end_in_one_channel() {
    let town = Town::new().await;
    let first = town.phone("first").await;
    first.sync().await;
    let (second, _) = pair(&town, &first, "second").await;
    first.add(HEART, NOON, 6);
    second
        .add_many(crate::town::series(SLEEP, NOON, 4))
        .unwrap();
    second.seal(vitalwitness_vault::Seal::All).unwrap();
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    first.sync().await;
    assert!(second.set_aside().unwrap().is_empty());
    assert_eq!(all(&first.vault), all(&second));
    assert_eq!(all(&second).len(), 10);
    let code = |vault: &Vault| vault.share_code(1).unwrap().text();
    assert_eq!(code(&first.vault), code(&second));
}

#[tokio::test]
async fn an_ended_device_cannot_sync_and_new_records_are_under_keys_it_never_had() {
    let town = Town::new().await;
    let first = town.phone("first").await;
    first.add(HEART, NOON - DAY, 5);
    first.sync().await;
    let (second, env) = pair(&town, &first, "second").await;
    sync(&second, &first.transport, &town.time).await;
    first.sync().await;
    let known: Vec<_> = second.stream_keys().unwrap();
    let id = first.vault.devices().unwrap()[0].id;
    first.vault.end_device(&id).unwrap();
    first.sync().await;
    assert!(first.vault.set_aside().unwrap().is_empty());

    first.add(HEART, NOON, 5);
    first.sync().await;
    let newest = first.vault.stream_keys().unwrap();
    let new: Vec<_> = newest.iter().filter(|key| !known.contains(key)).collect();
    assert_eq!(new.len(), 1, "the new records are under a new key");
    let report = second.sync_all(&first.transport).await.unwrap();
    assert!(!report.done, "an ended device is not let in");
    assert_eq!(all(&second).len(), 5);
    drop(env);
    // the kit still opens everything
    let settings = town.settings().await;
    let env = Town::env_like(&first);
    let path = town.dir.path().join("restored");
    let (restored, _) = Vault::restore(&path, &first.kit, &settings, env, &first.transport)
        .await
        .unwrap();
    sync(&restored, &first.transport, &town.time).await;
    assert_eq!(all(&restored), all(&first.vault));
}

#[tokio::test]
async fn a_device_ends_by_the_kit_when_nothing_is_listed_yet() {
    let town = Town::new().await;
    let first = town.phone("first").await;
    first.sync().await;
    let (second, _) = pair(&town, &first, "second").await;
    first.sync().await;
    let id = first.vault.devices().unwrap()[0].id;
    let refused = first.vault.end_device(&id);
    assert!(matches!(refused, Err(Error::Kit(KitError::Needed))));
    let other = Kit::generate(&OsRandom).unwrap();
    let refused = first.vault.end_device_with_kit(&id, &other);
    assert!(matches!(refused, Err(Error::Kit(KitError::OtherAccount))));
    first.vault.end_device_with_kit(&id, &first.kit).unwrap();
    first.sync().await;
    assert!(first.vault.set_aside().unwrap().is_empty());
    let report = second.sync_all(&first.transport).await.unwrap();
    assert!(!report.done, "an ended device is not let in");
}

#[tokio::test]
async fn the_kit_alone_deletes_the_account_and_the_log_stays() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 40);
    phone.sync().await;
    let other = Kit::generate(&OsRandom).unwrap();
    let refused = phone.vault.delete_account(&other, &phone.transport).await;
    assert!(matches!(refused, Err(Error::Kit(KitError::OtherAccount))));
    assert!(phone.sync().await.done, "nothing is deleted");
    phone
        .vault
        .delete_account(&phone.kit, &phone.transport)
        .await
        .unwrap();
    // its answer was lost: asked again, it is as deleted
    phone
        .vault
        .delete_account(&phone.kit, &phone.transport)
        .await
        .unwrap();
    let settings = town.settings().await;
    let env = Town::env_like(&phone);
    let path = town.dir.path().join("restored");
    let gone = Vault::restore(&path, &phone.kit, &settings, env, &phone.transport).await;
    assert!(matches!(
        gone,
        Err(Error::Cloud(ClientError::Refused(problem))) if problem.status == 404
    ));
    let (_, rc) = all(&phone.vault)[0];
    assert_eq!(
        verified(&phone.vault, &rc, &settings.trust).record_hash,
        Some(rc),
        "receipts outlive the account"
    );
}
