//! Vault secrets follow each other without a moment in which the kit opens less than all.

use crate::devices::pair;
use crate::net::{Fate, Line, Swallow};
use crate::town::{DAY, HEART, NOON, Phone, SLEEP, Town, all, series, sync, value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vitalwitness_domain::stream::Granularity;
use vitalwitness_vault::{Seal, Vault};

/// What the kit and the cloud give on a new phone.
async fn restored(town: &Town, phone: &Phone, name: &str) -> Vault {
    let (env, path) = (Town::env_like(phone), town.dir.path().join(name));
    let settings = town.settings().await;
    let to = town.transport();
    let (vault, _) = Vault::restore(&path, &phone.kit, &settings, env, &to)
        .await
        .unwrap();
    sync(&vault, &to, &town.time).await;
    vault
}

/// Ends every other device and makes a record more.
async fn goes_on(town: &Town, phone: &Phone, vault: &Vault) {
    let to = town.transport();
    vault.learn_devices(&to).await.unwrap();
    for device in vault.devices().unwrap() {
        vault.end_device_with_kit(&device.id, &phone.kit).unwrap();
    }
    vault.add_many(series(HEART, NOON + DAY, 1)).unwrap();
    vault.seal(Seal::All).unwrap();
    sync(vault, &to, &town.time).await;
    assert!(vault.set_aside().unwrap().is_empty());
}

#[tokio::test]
async fn a_phone_lost_between_any_two_requests_of_ending_devices_loses_no_record() {
    for sent in 0.. {
        let town = Town::new().await;
        let mut phone = town.phone("first").await;
        phone.add(HEART, NOON - DAY, 5);
        phone.sync().await;
        pair(&town, &phone, "second").await;
        pair(&town, &phone, "third").await;
        phone.add(SLEEP, NOON, 2);
        phone.sync().await;
        let records = all(&phone.vault);
        for device in phone.vault.devices().unwrap() {
            phone.vault.end_device(&device.id).unwrap();
        }
        let reached = Arc::new(AtomicUsize::new(0));
        let counter = reached.clone();
        phone.transport = Line::between(phone.transport.clone(), move |number| {
            counter.store(number, Ordering::SeqCst);
            if number > sent {
                Fate::Lost
            } else {
                Fate::Through
            }
        });
        phone.vault.sync_all(&phone.transport).await.unwrap();
        phone.vault.lock();
        let second = restored(&town, &phone, "again").await;
        assert_eq!(all(&second), records, "{sent}");
        goes_on(&town, &phone, &second).await;
        assert_eq!(all(&second).len(), records.len() + 1);
        let third = restored(&town, &phone, "once more").await;
        assert_eq!(all(&third), all(&second), "{sent}");
        if reached.load(Ordering::SeqCst) <= sent {
            assert!(sent > 8, "ending two devices takes more requests");
            break;
        }
    }
}

#[tokio::test]
async fn the_secret_before_the_newest_opens_what_a_phone_never_put_into_the_bag() {
    let town = Town::new().await;
    let mut phone = town.phone("first").await;
    phone.add(HEART, NOON, 5);
    phone.sync().await;
    pair(&town, &phone, "second").await;
    phone.sync().await;
    let records = all(&phone.vault);
    let device = phone.vault.devices().unwrap()[0].id;
    phone.vault.end_device(&device).unwrap();
    phone.transport = Swallow::before(phone.transport.clone(), "PUT", "/v1/bag/");
    phone.sync().await;
    let second = restored(&town, &phone, "again").await;
    assert_eq!(all(&second), records);
    // and puts it there, so that later secrets open it too
    goes_on(&town, &phone, &second).await;
    let third = restored(&town, &phone, "once more").await;
    assert_eq!(all(&third), all(&second));
}

#[tokio::test]
async fn two_phones_that_end_devices_at_once_read_each_other_on_and_lose_no_record() {
    let town = Town::new().await;
    let first = town.phone("first").await;
    let to = &first.transport;
    first.add(HEART, NOON - DAY, 5);
    first.sync().await;
    let (second, _) = pair(&town, &first, "second").await;
    let (third, _) = pair(&town, &first, "third").await;
    let (fourth, _) = pair(&town, &first, "fourth").await;
    sync(&second, to, &town.time).await;
    second.learn_devices(to).await.unwrap();
    let ids: Vec<_> = first
        .vault
        .devices()
        .unwrap()
        .iter()
        .map(|it| it.id)
        .collect();
    // neither has heard of what the other does; the second one ends two
    first.vault.end_device(&ids[1]).unwrap();
    second.end_device(&ids[1]).unwrap();
    second.end_device(&ids[2]).unwrap();
    first.add(HEART, NOON, 3);
    second.add_many(series(SLEEP, NOON, 2)).unwrap();
    second.seal(Seal::All).unwrap();
    first.sync().await;
    sync(&second, to, &town.time).await;
    first.sync().await;
    sync(&second, to, &town.time).await;
    for vault in [&first.vault, &second] {
        assert_eq!(vault.set_aside().unwrap(), []);
        assert_eq!(all(vault).len(), 10);
    }
    for ended in [&third, &fourth] {
        assert!(!ended.sync_all(to).await.unwrap().done);
    }
    let again = restored(&town, &first, "again").await;
    assert_eq!(all(&again), all(&first.vault));
    goes_on(&town, &first, &again).await;
    let once_more = restored(&town, &first, "once more").await;
    assert_eq!(all(&once_more), all(&again));
}

#[tokio::test]
async fn the_key_of_an_erased_stream_leaves_the_cloud_too() {
    let town = Town::new().await;
    let phone = town.phone("first").await;
    phone.add(HEART, NOON, 5);
    phone.add(SLEEP, NOON, 2);
    phone.sync().await;
    assert_eq!(
        restored(&town, &phone, "before")
            .await
            .stream_keys()
            .unwrap()
            .len(),
        2
    );
    let stream = value(HEART, NOON, 60).stream(Granularity::Raw).unwrap();
    assert_eq!(phone.vault.erase_stream(&stream).unwrap(), 5);
    phone.sync().await;
    assert_eq!(phone.vault.set_aside().unwrap(), []);
    let after = restored(&town, &phone, "after").await;
    assert_eq!(
        after.stream_keys().unwrap(),
        phone.vault.stream_keys().unwrap()
    );
    assert_eq!(after.stream_keys().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_recorded_after_another_phone_erased_the_stream_is_read_everywhere() {
    let town = Town::new().await;
    let first = town.phone("first").await;
    let to = &first.transport;
    first.add(HEART, NOON, 5);
    first.sync().await;
    let (second, _) = pair(&town, &first, "second").await;
    sync(&second, to, &town.time).await;
    let stream = value(HEART, NOON, 60).stream(Granularity::Raw).unwrap();
    assert_eq!(first.vault.erase_stream(&stream).unwrap(), 5);
    first.sync().await;
    // some before it hears of it, some after
    second.add_many(series(HEART, NOON + 1_000_000, 2)).unwrap();
    second.seal(Seal::All).unwrap();
    sync(&second, to, &town.time).await;
    second.add_many(series(HEART, NOON + 2_000_000, 3)).unwrap();
    second.seal(Seal::All).unwrap();
    sync(&second, to, &town.time).await;
    first.sync().await;
    assert_eq!(all(&second).len(), 10, "erased on one phone alone");
    assert_eq!(all(&first.vault).len(), 5);
    assert_eq!(first.vault.set_aside().unwrap(), []);
    assert_eq!(all(&first.vault), all(&second)[5..]);
    let again = restored(&town, &first, "again").await;
    assert_eq!(all(&again), all(&first.vault));
    assert_eq!(again.set_aside().unwrap(), []);
}
