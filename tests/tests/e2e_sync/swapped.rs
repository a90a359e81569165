//! A cloud that serves a vault secret of its own: no phone opens it, none seals anything under it.

use crate::net::{Gap, Liar};
use crate::town::{HEART, NOON, Phone, SLEEP, Town, all, sync};
use std::sync::{Arc, Mutex};
use vitalwitness_domain::wire::{
    BagItem, Bytes, DeviceStatement, Id16, NewAccount, NewRecovery, Recovery, SealedTo, Sig64,
};
use vitalwitness_proof::keys::spki_id;
use vitalwitness_vault::account::VaultSecret;
use vitalwitness_vault::bag::BagSecret;
use vitalwitness_vault::client::{ClientError, Transport};
use vitalwitness_vault::devices::Pairing;
use vitalwitness_vault::keys::{OsRandom, PrivateKey};
use vitalwitness_vault::{Error, Seal, Vault};

/// What a cloud has seen, and the secret it would like to be used.
#[derive(Default)]
struct Cloud {
    account: [u8; 16],
    /// Keys that secrets are sealed to.
    keys: Vec<Vec<u8>>,
    put: Vec<NewRecovery>,
    bag: Vec<BagItem>,
    own: Vec<VaultSecret>,
}

type Seen = Arc<Mutex<Cloud>>;

fn watched(to: Arc<dyn Transport>, seen: Seen) -> Arc<dyn Transport> {
    Gap::before(to, move |request| {
        let mut seen = seen.lock().unwrap();
        let body = request.body.as_slice();
        match (request.method, request.target.as_str()) {
            (_, "/v1/accounts") => {
                let new: NewAccount = serde_json::from_slice(body).unwrap();
                seen.account = new.device.account.0;
                seen.keys.extend([new.kk.0, new.device.dek.0]);
            }
            ("POST", "/v1/devices") => {
                let new: DeviceStatement = serde_json::from_slice(body).unwrap();
                seen.keys.push(new.dek.0);
            }
            ("PUT", "/v1/recovery") => seen.put.push(serde_json::from_slice(body).unwrap()),
            ("PUT", target) if target.starts_with("/v1/bag/") => {
                seen.bag.push(serde_json::from_slice(body).unwrap());
            }
            _ => {}
        }
        false
    })
}

/// A phone with five records in the cloud, which sees all that it sends.
async fn watched_phone(town: &Town) -> (Phone, Arc<dyn Transport>, Seen) {
    let seen = Seen::default();
    let mut phone = town.phone("first").await;
    let honest = watched(phone.transport.clone(), seen.clone());
    phone.transport = honest.clone();
    phone.add(HEART, NOON, 5);
    phone.sync().await;
    (phone, honest, seen)
}

/// A secret of the cloud's own, sealed to all that it knows, signed by nobody.
fn own_secret(cloud: &mut Cloud, generation: u32) -> NewRecovery {
    let secret = VaultSecret::generate(generation, &OsRandom).unwrap();
    let seal = |spki: &Vec<u8>| {
        let point = spki[26..].try_into().unwrap();
        let sealed = secret.seal_to(&point, &cloud.account).unwrap();
        SealedTo {
            to: Id16(spki_id(spki)),
            enc: Bytes(sealed.enc.to_vec()),
            ciphertext: Bytes(sealed.ciphertext),
        }
    };
    let recovery = Recovery {
        generation,
        sealed: cloud.keys.iter().map(seal).collect(),
    };
    cloud.own.push(secret);
    NewRecovery {
        recovery,
        by: None,
        signature: None,
        device: None,
        device_signature: None,
    }
}

type Forge = fn(&mut Cloud, &NewRecovery) -> NewRecovery;

const FORGERIES: [(&str, Forge); 6] = [
    ("signed by nobody", |cloud, newest| {
        own_secret(cloud, newest.recovery.generation)
    }),
    ("the last generation that is", |cloud, _| {
        own_secret(cloud, u32::MAX)
    }),
    ("under another's signatures", |cloud, newest| NewRecovery {
        recovery: own_secret(cloud, newest.recovery.generation).recovery,
        ..newest.clone()
    }),
    ("signed in a device's name", |cloud, newest| {
        let mut new = own_secret(cloud, newest.recovery.generation);
        let message =
            NewRecovery::message("vitalwitness.local/log", Id16(cloud.account), &new.recovery);
        let key = PrivateKey::generate(&OsRandom).unwrap();
        let signature = Some(Sig64(key.sign(&message).unwrap()));
        new.by = newest.by;
        (new.signature, new.device_signature) = (signature, signature);
        new.device = newest.device;
        new
    }),
    ("signed by a device of the cloud's", |cloud, newest| {
        let mut new = own_secret(cloud, newest.recovery.generation);
        let message =
            NewRecovery::message("vitalwitness.local/log", Id16(cloud.account), &new.recovery);
        let key = PrivateKey::generate(&OsRandom).unwrap();
        let signature = Some(Sig64(key.sign(&message).unwrap()));
        new.by = Some(Id16(key.id()));
        new.device = new.by;
        (new.signature, new.device_signature) = (signature, signature);
        new
    }),
    ("one from before", |cloud, _| cloud.put[0].clone()),
];

fn lying(to: Arc<dyn Transport>, seen: Seen, forge: Forge) -> Arc<dyn Transport> {
    Liar::before(to, move |target, body| {
        if !target.starts_with("/v1/recovery") {
            return body;
        }
        let newest: NewRecovery = serde_json::from_slice(&body).unwrap();
        let forged = forge(&mut seen.lock().unwrap(), &newest);
        serde_json::to_vec(&forged).unwrap()
    })
}

#[tokio::test]
async fn a_vault_secret_of_the_cloud_s_own_is_refused_and_nothing_is_sealed_under_it() {
    let town = Town::new().await;
    let (mut first, honest, seen) = watched_phone(&town).await;
    let (second, _) = crate::devices::pair(&town, &first, "second").await;
    sync(&second, &honest, &town.time).await;
    // the other phone makes the next secret
    let third = Pairing::begin(&Town::env_like(&first)).unwrap();
    second.pair(third.code(), &honest).await.unwrap();
    for (why, forge) in FORGERIES {
        first.transport = lying(honest.clone(), seen.clone(), forge);
        for item in first.vault.set_aside().unwrap() {
            first.vault.try_again(item.item).unwrap();
        }
        first.sync().await;
        let aside = first.vault.set_aside().unwrap();
        let codes: Vec<_> = aside.iter().map(|item| item.code.as_str()).collect();
        assert_eq!(codes, ["recovery_signature"], "{why}");
    }
    // a new stream, and a device more while the cloud lies: under what is known to be the account's
    first.add(SLEEP, NOON, 2);
    first.sync().await;
    let fourth = Pairing::begin(&Town::env_like(&first)).unwrap();
    let _ = first.vault.pair(fourth.code(), &first.transport).await;
    {
        let cloud = seen.lock().unwrap();
        assert!(cloud.own.len() >= 5 && cloud.bag.len() > 4);
        for item in &cloud.bag {
            for own in &cloud.own {
                let opened = BagSecret::open(&item.sealed.0, &item.item.0, &cloud.account, own);
                assert!(opened.is_err(), "the cloud reads the bag");
            }
        }
    }
    // an honest cloud again
    first.transport = honest.clone();
    for item in first.vault.set_aside().unwrap() {
        first.vault.try_again(item.item).unwrap();
    }
    first.sync().await;
    sync(&second, &honest, &town.time).await;
    assert_eq!(first.vault.set_aside().unwrap(), []);
    assert_eq!(all(&first.vault).len(), 7);
    assert_eq!(all(&second), all(&first.vault));
}

#[tokio::test]
async fn a_kit_and_a_new_phone_take_no_vault_secret_of_the_cloud_s_own() {
    let town = Town::new().await;
    let (first, honest, seen) = watched_phone(&town).await;
    let settings = town.settings().await;
    let foreign = |opened: Result<Vault, Error>, why: &str| match opened {
        Err(Error::Cloud(ClientError::ForeignSecret)) => {}
        other => panic!("{why}: {other:?}"),
    };
    for (why, forge) in FORGERIES.into_iter().take(5) {
        let to = lying(honest.clone(), seen.clone(), forge);
        let path = town.dir.path().join("restored");
        let env = Town::env_like(&first);
        let opened = Vault::restore(&path, &first.kit, &settings, env, &to).await;
        foreign(opened.map(|(vault, _)| vault), why);
        assert!(!path.exists(), "{why}");
        let env = Town::env_like(&first);
        let pairing = Pairing::begin(&env).unwrap();
        let answer = first.vault.pair(pairing.code(), &honest).await.unwrap();
        let opened = pairing.finish(&path, &answer, env, &to).await;
        foreign(opened.map(|(vault, _)| vault), why);
        assert!(!path.exists(), "{why}");
    }
    let path = town.dir.path().join("restored");
    let env = Town::env_like(&first);
    let opened = Vault::restore(&path, &first.kit, &settings, env, &honest).await;
    let restored = opened.unwrap().0;
    restored.seal(Seal::All).unwrap();
    assert_eq!(all(&restored), all(&first.vault));
}
