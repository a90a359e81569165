//! Ended devices: what they made or stated, and what a cloud that hides their end gets out of it.

use crate::devices::pair;
use crate::net::{Gap, Liar};
use crate::town::{DAY, HEART, NOON, Phone, SLEEP, Town, all, series, sync};
use std::sync::{Arc, Mutex};
use vitalwitness_domain::wire::{DeviceStatement, Devices, Id16, NewRecovery};
use vitalwitness_proof::keys::spki_id;
use vitalwitness_vault::client::Transport;
use vitalwitness_vault::devices::Pairing;
use vitalwitness_vault::{Seal, Vault};

/// What went to the cloud.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) stated: Vec<DeviceStatement>,
    pub(crate) secrets: Vec<NewRecovery>,
}

impl Sent {
    pub(crate) fn device(&self, number: usize) -> [u8; 16] {
        spki_id(&self.stated[number].dsk.0)
    }

    /// Which of the stated devices the newest vault secret is sealed to.
    pub(crate) fn newest_is_to(&self) -> Vec<usize> {
        let newest = &self.secrets.last().unwrap().recovery.sealed;
        let has = |it: &DeviceStatement| {
            let dek = Id16(spki_id(&it.dek.0));
            newest.iter().any(|sealed| sealed.to == dek)
        };
        let numbers = 0..self.stated.len();
        numbers.filter(|at| has(&self.stated[*at])).collect()
    }
}

pub(crate) fn watched(to: Arc<dyn Transport>, sent: &Arc<Mutex<Sent>>) -> Arc<dyn Transport> {
    let sent = sent.clone();
    Gap::before(to, move |request| {
        let (mut sent, body) = (sent.lock().unwrap(), request.body.as_slice());
        match (request.method, request.target.as_str()) {
            ("POST", "/v1/devices") => {
                let stated: DeviceStatement = serde_json::from_slice(body).unwrap();
                if sent.stated.iter().all(|it| it.dsk != stated.dsk) {
                    sent.stated.push(stated);
                }
            }
            ("PUT", "/v1/recovery") => sent.secrets.push(serde_json::from_slice(body).unwrap()),
            _ => {}
        }
        false
    })
}

/// A cloud that says of no device that it has ended.
pub(crate) fn hiding(to: Arc<dyn Transport>) -> Arc<dyn Transport> {
    Liar::before(to, |target, body| {
        if target != "/v1/devices" || body.is_empty() {
            return body;
        }
        let mut told: Devices = serde_json::from_slice(&body).unwrap();
        let ended = told.ended.drain(..).map(|it| it.statement);
        told.devices.extend(ended);
        serde_json::to_vec(&told).unwrap()
    })
}

/// A town with three phones of one account, each of which heard of all.
pub(crate) async fn three(town: &Town) -> (Phone, Vault, Vault, Arc<Mutex<Sent>>) {
    let mut first = town.phone("first").await;
    let sent = Arc::<Mutex<Sent>>::default();
    first.transport = watched(first.transport.clone(), &sent);
    first.add(HEART, NOON - DAY, 5);
    first.sync().await;
    let (second, _) = pair(town, &first, "second").await;
    let (third, _) = pair(town, &first, "third").await;
    for vault in [&second, &third, &first.vault, &second] {
        sync(vault, &first.transport, &town.time).await;
        vault.learn_devices(&first.transport).await.unwrap();
    }
    (first, second, third, sent)
}

pub(crate) fn live(vault: &Vault) -> Vec<[u8; 16]> {
    let devices = vault.devices().unwrap();
    let live = devices.iter().filter(|device| !device.ended);
    live.map(|device| device.id).collect()
}

#[tokio::test]
async fn a_device_that_another_phone_ended_gets_no_later_vault_secret_whatever_the_cloud_says() {
    for lies in [false, true] {
        let town = Town::new().await;
        let (first, second, _third, sent) = three(&town).await;
        let ended = sent.lock().unwrap().device(1);
        first.vault.end_device(&ended).unwrap();
        first.sync().await;
        let to = first.transport.clone();
        let to = if lies { hiding(to) } else { to };
        sync(&second, &to, &town.time).await;
        let fourth = Pairing::begin(&Town::env_like(&first)).unwrap();
        second.pair(fourth.code(), &to).await.unwrap();
        let sent = sent.lock().unwrap();
        assert_eq!(sent.newest_is_to(), [0, 2], "a cloud that lies: {lies}");
        assert!(!live(&second).contains(&ended));
    }
}

#[tokio::test]
async fn what_a_device_states_after_its_end_is_no_device_also_where_it_was_heard_of_before() {
    for lies in [false, true] {
        let town = Town::new().await;
        let (first, second, third, sent) = three(&town).await;
        let ended = sent.lock().unwrap().device(1);
        // decided, and not yet sent: the cloud knows nothing of it
        first.vault.end_device(&ended).unwrap();
        town.time.pass(60_000);
        let (env, to) = (Town::env_like(&first), first.transport.clone());
        let fourth = Pairing::begin(&env).unwrap();
        let answer = third.pair(fourth.code(), &to).await.unwrap();
        let path = town.dir.path().join("fourth");
        let fourth = fourth.finish(&path, &answer, env, &to).await.unwrap().0;
        let stray = sent.lock().unwrap().device(2);
        second.learn_devices(&to).await.unwrap();
        assert!(live(&second).contains(&stray), "not ended yet");
        first.sync().await;
        let to = if lies { hiding(to) } else { to };
        sync(&second, &to, &town.time).await;
        second.learn_devices(&to).await.unwrap();
        for vault in [&first.vault, &second] {
            assert!(!live(vault).contains(&ended) && !live(vault).contains(&stray));
            assert_eq!(vault.set_aside().unwrap(), []);
        }
        assert_eq!(sent.lock().unwrap().newest_is_to(), [0], "{lies}");
        let fifth = Pairing::begin(&Town::env_like(&first)).unwrap();
        second.pair(fifth.code(), &to).await.unwrap();
        assert_eq!(sent.lock().unwrap().newest_is_to(), [0, 3], "{lies}");
        assert!(
            !fourth.sync_all(&first.transport).await.unwrap().done,
            "it is not let in"
        );
    }
}

#[tokio::test]
async fn what_a_device_made_before_another_phone_ended_it_stays_and_nobody_is_stuck() {
    let town = Town::new().await;
    let (first, second, third, sent) = three(&town).await;
    let (env, to) = (Town::env_like(&first), first.transport.clone());
    let fourth = Pairing::begin(&env).unwrap();
    let answer = third.pair(fourth.code(), &to).await.unwrap();
    let path = town.dir.path().join("fourth");
    let fourth = fourth.finish(&path, &answer, env, &to).await.unwrap().0;
    fourth.add_many(series(SLEEP, NOON, 2)).unwrap();
    fourth.seal(Seal::All).unwrap();
    sync(&fourth, &to, &town.time).await;
    // it has not heard of the fourth, nor of the secret that came with it
    town.time.pass(60_000);
    first
        .vault
        .end_device(&sent.lock().unwrap().device(1))
        .unwrap();
    first.add(HEART, NOON, 3);
    for vault in [&first.vault, &second, &fourth, &first.vault, &second] {
        sync(vault, &to, &town.time).await;
    }
    for vault in [&first.vault, &second, &fourth] {
        assert_eq!(vault.set_aside().unwrap(), []);
        assert_eq!(all(vault).len(), 10);
    }
    let told = sent.lock().unwrap().newest_is_to();
    assert_eq!(told, [0, 2], "the second and the fourth");
    assert!(!third.sync_all(&to).await.unwrap().done, "it has ended");
    let (env, path) = (Town::env_like(&first), town.dir.path().join("again"));
    let settings = town.settings().await;
    let again = Vault::restore(&path, &first.kit, &settings, env, &to).await;
    let again = again.unwrap().0;
    sync(&again, &to, &town.time).await;
    assert_eq!(all(&again), all(&first.vault));
}

#[tokio::test]
async fn a_device_that_sealed_the_next_secret_to_itself_before_it_was_ended_stops_nobody() {
    let town = Town::new().await;
    let (first, second, third, sent) = three(&town).await;
    let to = first.transport.clone();
    // it takes nobody to be there but itself and the one it lets in
    let alone = Liar::before(to.clone(), |target, body| {
        if target != "/v1/devices" || body.is_empty() {
            return body;
        }
        br#"{"devices":[],"ended":[]}"#.to_vec()
    });
    let fourth = Pairing::begin(&Town::env_like(&first)).unwrap();
    third.pair(fourth.code(), &alone).await.unwrap();
    assert_eq!(sent.lock().unwrap().newest_is_to(), [1, 2]);
    town.time.pass(60_000);
    let ended = [1, 2].map(|it| sent.lock().unwrap().device(it));
    first.vault.end_device(&ended[0]).unwrap();
    first.add(HEART, NOON, 3);
    for vault in [&first.vault, &second, &first.vault] {
        sync(vault, &to, &town.time).await;
        assert_eq!(vault.set_aside().unwrap(), []);
    }
    first.vault.learn_devices(&to).await.unwrap();
    first.vault.end_device(&ended[1]).unwrap();
    first.add(SLEEP, NOON, 2);
    for vault in [&first.vault, &second] {
        sync(vault, &to, &town.time).await;
        assert_eq!(vault.set_aside().unwrap(), []);
        assert_eq!(all(vault).len(), 10);
    }
    assert_eq!(
        sent.lock().unwrap().newest_is_to(),
        [0],
        "the two that stay"
    );
}

#[tokio::test]
async fn a_backup_from_before_the_newest_vault_secret_restores_a_phone_that_reads_and_writes_on() {
    let town = Town::new().await;
    let mut first = town.phone("first").await;
    first.add(HEART, NOON - DAY, 5);
    first.sync().await;
    let file = town.dir.path().join("backup");
    first.vault.backup(&file).unwrap();
    let sent = Arc::<Mutex<Sent>>::default();
    first.transport = watched(first.transport.clone(), &sent);
    let to = first.transport.clone();
    pair(&town, &first, "second").await;
    let second = sent.lock().unwrap().device(0);
    first.vault.learn_devices(&to).await.unwrap();
    first.vault.end_device(&second).unwrap();
    first.sync().await;
    first.add(SLEEP, NOON, 2);
    first.sync().await;
    // two secrets later, on another phone
    let settings = town.settings().await;
    let (env, path) = (Town::env_like(&first), town.dir.path().join("restored"));
    let restored = Vault::restore_backup(&file, &first.kit, &path, &settings.origin, env).unwrap();
    sync(&restored, &to, &town.time).await;
    assert_eq!(restored.set_aside().unwrap(), []);
    assert_eq!(all(&restored), all(&first.vault));
    restored.add_many(series(HEART, NOON + DAY, 3)).unwrap();
    restored.seal(Seal::All).unwrap();
    sync(&restored, &to, &town.time).await;
    first.sync().await;
    assert_eq!(all(&first.vault), all(&restored));
    assert_eq!(all(&restored).len(), 10);
    // the next secret is to it as well
    let third = Pairing::begin(&Town::env_like(&first)).unwrap();
    first.vault.pair(third.code(), &to).await.unwrap();
    first.add(SLEEP, NOON + DAY, 1);
    first.sync().await;
    sync(&restored, &to, &town.time).await;
    assert_eq!(restored.set_aside().unwrap(), []);
    assert_eq!(all(&restored), all(&first.vault));
}

#[tokio::test]
async fn who_loses_a_race_signed_by_the_kit_is_told_and_goes_on_by_doing_it_again() {
    let town = Town::new().await;
    let mut first = town.phone("first").await;
    let sent = Arc::<Mutex<Sent>>::default();
    first.transport = watched(first.transport.clone(), &sent);
    let to = first.transport.clone();
    // nothing is listed: no device has a key that signs grants
    first.sync().await;
    let (second, _) = pair(&town, &first, "second").await;
    pair(&town, &first, "third").await;
    pair(&town, &first, "fourth").await;
    for vault in [&first.vault, &second] {
        sync(vault, &to, &town.time).await;
        vault.learn_devices(&to).await.unwrap();
    }
    let [third, fourth] = [1, 2].map(|it| sent.lock().unwrap().device(it));
    first.vault.end_device_with_kit(&third, &first.kit).unwrap();
    second.end_device_with_kit(&fourth, &first.kit).unwrap();
    first.sync().await;
    sync(&second, &to, &town.time).await;
    let aside = second.set_aside().unwrap();
    let codes: Vec<_> = aside.iter().map(|item| item.code.as_str()).collect();
    assert_eq!(codes, ["kit_required"]);
    second.end_device_with_kit(&fourth, &first.kit).unwrap();
    sync(&second, &to, &town.time).await;
    assert_eq!(second.set_aside().unwrap(), []);
    assert_eq!(
        sent.lock().unwrap().newest_is_to(),
        [0],
        "the two that stay"
    );
    first.sync().await;
    assert_eq!(first.vault.set_aside().unwrap(), []);
}
