//! A phone in a thief's hands: unlocked, stated, every key of it signs what the thief likes.

use crate::devices::pair;
use crate::ended::{live, watched};
use crate::forged::{codes, event, owner_of};
use crate::net::{Gap, Liar, Swallow};
use crate::town::{DAY, HEART, HOUR, NOON, Phone, SLEEP, Town, all, series, sync, value};
use std::sync::{Arc, Mutex};
use vitalwitness_domain::Secret32;
use vitalwitness_domain::stream::Granularity;
use vitalwitness_domain::wire::{
    BagItem, Bytes, DeviceStatement, Devices, Id16, Logged, NewBatch, NewRecovery, Recovery,
    SealedTo, Sig64, SubmittedEvent,
};
use vitalwitness_proof::entry::{Event, EventType, Purpose};
use vitalwitness_proof::keys::spki_id;
use vitalwitness_proof::sha256;
use vitalwitness_vault::account::VaultSecret;
use vitalwitness_vault::bag::{BagSecret, DeviceKeys};
use vitalwitness_vault::client::{Client, Transport};
use vitalwitness_vault::devices::Pairing;
use vitalwitness_vault::keys::{OsRandom, PrivateKey, Random};
use vitalwitness_vault::{Seal, Statement, Vault};

const ORIGIN: &str = "vitalwitness.local/log";

/// The stolen phone. Its channel keys are in the log, and it said which they are.
pub(crate) struct Stolen {
    account: [u8; 16],
    dsk: PrivateKey,
    pub(crate) dek: PrivateKey,
    pub(crate) keys: [PrivateKey; 2],
    channel: [u8; 16],
    pub(crate) client: Client,
}

pub(crate) fn fresh() -> [u8; 16] {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes).unwrap();
    bytes
}

impl Stolen {
    async fn from(town: &Town, phone: &Phone) -> Self {
        let stolen = Self::silent(town, phone).await;
        stolen.says_its_keys(phone).await;
        stolen
    }

    /// It has not said which keys are its own.
    async fn silent(town: &Town, phone: &Phone) -> Self {
        let key = || PrivateKey::generate(&OsRandom).unwrap();
        let (channel, _) = owner_of(&phone.vault, 1);
        let mut stolen = Self {
            account: phone.vault.account_id().unwrap(),
            dsk: key(),
            dek: key(),
            keys: [key(), key()],
            channel,
            client: town.client(),
        };
        let (dsk, dek) = (stolen.dsk.spki(), stolen.dek.spki());
        let time = town.time.now();
        let message = Statement::message(ORIGIN, &stolen.account, &dsk, &dek, time);
        let statement = DeviceStatement {
            account: Id16(stolen.account),
            dsk: Bytes(dsk.to_vec()),
            dek: Bytes(dek.to_vec()),
            time,
            by: None,
            signature: Sig64(phone.kit.aik().sign(&message).unwrap()),
        };
        let client = &mut stolen.client;
        let stated = client.open_tell("POST", "/v1/devices", Some(&statement));
        stated.await.unwrap();
        let sign = |message: &[u8]| stolen.dsk.sign(message);
        let signed_in = client.sign_in(ORIGIN, stolen.dsk.id(), 3_600, sign);
        signed_in.await.unwrap();
        for (key, purpose) in stolen.keys.iter().zip([Purpose::Device, Purpose::Grant]) {
            stolen.enrols(key, purpose, (town, phone)).await;
        }
        stolen
    }

    /// Puts a key into the log, in the owner's name: every device has the owner's key.
    async fn enrols(&self, key: &PrivateKey, purpose: Purpose, (town, phone): (&Town, &Phone)) {
        let (channel, owner) = owner_of(&phone.vault, 1);
        let enrol = Event {
            recordhash: sha256(&[&key.spki()]),
            purpose: Some(purpose),
            time: town.time.now(),
            ..event(EventType::Enrol, channel, &owner)
        };
        let enrol = SubmittedEvent {
            spki: Some(Bytes(key.spki().to_vec())),
            ..crate::clinic::signed(&owner, &enrol)
        };
        let call = self.client.call("POST", "/v1/entries", Some(&enrol));
        let _: Logged = call.await.unwrap();
    }

    /// Says of a new batch key alone, signed, that it is its own. The key.
    pub(crate) async fn signs_for_a_throwaway(&self, phone: &Phone, town: &Town) -> Vec<u8> {
        let key = PrivateKey::generate(&OsRandom).unwrap();
        self.enrols(&key, Purpose::Device, (town, phone)).await;
        let mut keys = DeviceKeys {
            dsk: key.spki().to_vec(),
            gsk: Vec::new(),
            ..self.own_keys()
        };
        let message = keys.message(&self.account);
        let sign = |key: &PrivateKey| key.sign(&message).unwrap();
        keys.signatures = Some([sign(&self.dsk), sign(&key)]);
        self.put(phone, &BagSecret::Device(keys)).await;
        key.spki().to_vec()
    }

    pub(crate) fn id(&self) -> [u8; 16] {
        self.dsk.id()
    }

    pub(crate) fn own_keys(&self) -> DeviceKeys {
        DeviceKeys {
            device: self.id(),
            channel: self.channel,
            dsk: self.keys[0].spki().to_vec(),
            gsk: self.keys[1].spki().to_vec(),
            signatures: None,
        }
    }

    /// With what it can sign itself.
    pub(crate) fn signed(&self, mut keys: DeviceKeys) -> DeviceKeys {
        let message = keys.message(&self.account);
        let sign = |key: &PrivateKey| key.sign(&message).unwrap();
        keys.signatures = Some([sign(&self.dsk), sign(&self.keys[0])]);
        keys
    }

    async fn says_its_keys(&self, phone: &Phone) {
        let keys = self.signed(self.own_keys());
        self.put(phone, &BagSecret::Device(keys)).await;
    }

    /// The newest vault secret. It has it from the sealing to itself; here the kit tells.
    pub(crate) async fn newest(&self, phone: &Phone) -> VaultSecret {
        let told = self.client.call("GET", "/v1/recovery", None::<&()>).await;
        let told: NewRecovery = told.unwrap();
        let kk = phone.kit.kk();
        let to_kit = |sealed: &&SealedTo| sealed.to.0 == kk.id();
        let sealed = told.recovery.sealed.iter().find(to_kit).unwrap();
        let enc = sealed.enc.0.as_slice().try_into().unwrap();
        let generation = told.recovery.generation;
        VaultSecret::open(kk, &self.account, generation, &enc, &sealed.ciphertext.0).unwrap()
    }

    pub(crate) async fn put(&self, phone: &Phone, secret: &BagSecret) {
        self.put_under(&self.newest(phone).await, secret).await;
    }

    pub(crate) async fn put_under(&self, under: &VaultSecret, secret: &BagSecret) {
        let item = fresh();
        let sealed = secret.seal(&item, &self.account, under, &OsRandom);
        let body = BagItem {
            item: Id16(item),
            generation: under.generation,
            sealed: Bytes(sealed.unwrap()),
        };
        let target = format!("/v1/bag/{}", body.item);
        self.client.tell("PUT", &target, Some(&body)).await.unwrap();
    }

    /// Opens a stream key of its own making. Its id.
    pub(crate) async fn opens_stream(&self, under: &VaultSecret, code: &str) -> [u8; 16] {
        let stream = value(code, NOON, 60).stream(Granularity::Raw).unwrap();
        let id = fresh();
        let key = BagSecret::Stream {
            descriptor: stream.descriptor(0),
            id,
            key: Secret32::new([7; 32]),
        };
        self.put_under(under, &key).await;
        id
    }

    /// A vault secret of its own, sealed to `keys`, and to the kit so that nothing opens it.
    pub(crate) fn secret(
        &self,
        phone: &Phone,
        generation: u32,
        keys: &[Vec<u8>],
    ) -> (VaultSecret, NewRecovery) {
        let secret = VaultSecret::generate(generation, &OsRandom).unwrap();
        let own = [self.dek.spki().to_vec()];
        let kit = [phone.kit.kk().spki().to_vec()];
        let seal = |spki: &Vec<u8>| {
            let point = spki[26..].try_into().unwrap();
            let sealed = secret.seal_to(&point, &self.account).unwrap();
            SealedTo {
                to: Id16(spki_id(spki)),
                enc: Bytes(sealed.enc.to_vec()),
                ciphertext: Bytes(sealed.ciphertext),
            }
        };
        let mut sealed: Vec<SealedTo> = own.iter().chain(keys).chain(&kit).map(seal).collect();
        sealed.last_mut().unwrap().ciphertext.0[0] ^= 1;
        let recovery = Recovery { generation, sealed };
        (secret, self.signs(recovery, self.keys[1].id()))
    }

    pub(crate) fn signs(&self, recovery: Recovery, by: [u8; 16]) -> NewRecovery {
        let message = NewRecovery::message(ORIGIN, Id16(self.account), &recovery);
        let sign = |key: &PrivateKey| Some(Sig64(key.sign(&message).unwrap()));
        NewRecovery {
            recovery,
            by: Some(Id16(by)),
            signature: sign(&self.keys[1]),
            device: Some(Id16(self.id())),
            device_signature: sign(&self.dsk),
        }
    }
}

/// A town with two phones of an account and the stolen one, each of which heard of all.
pub(crate) async fn town_with_thief() -> (Town, Phone, Vault, Stolen) {
    town_with_thief_who(true).await
}

/// The same; who may not have said which keys are its own.
pub(crate) async fn town_with_thief_who(says: bool) -> (Town, Phone, Vault, Stolen) {
    let town = Town::new().await;
    let first = town.phone("first").await;
    first.add(HEART, NOON - DAY, 5);
    first.sync().await;
    let (second, _) = pair(&town, &first, "second").await;
    let stolen = if says {
        Stolen::from(&town, &first).await
    } else {
        Stolen::silent(&town, &first).await
    };
    for vault in [&second, &first.vault, &second] {
        sync(vault, &first.transport, &town.time).await;
        vault.learn_devices(&first.transport).await.unwrap();
    }
    (town, first, second, stolen)
}

/// Which keys a vault says are whose, by device.
fn said(vault: &Vault, device: &[u8; 16]) -> DeviceKeys {
    let mut bag = vault.bag().unwrap().into_iter();
    let found = bag.find_map(|(.., secret)| match secret {
        BagSecret::Device(keys) if keys.device == *device => Some(keys),
        _ => None,
    });
    found.unwrap()
}

pub(crate) fn own_id(first: &Vault, stolen: &Stolen) -> [u8; 16] {
    let devices = first.devices().unwrap();
    let other = devices.iter().find(|it| it.id != stolen.id());
    other.unwrap().id
}

#[tokio::test]
async fn a_stolen_phone_ends_no_other_by_saying_whose_keys_are_whose() {
    for signs in [false, true] {
        let (town, first, second, stolen) = town_with_thief().await;
        let second_id = own_id(&first.vault, &stolen);
        let others = said(&first.vault, &second_id);
        // another's keys are its own, its own are another's, and its own batch key goes with
        // another's grant key
        let taken = [
            DeviceKeys {
                device: stolen.id(),
                ..others.clone()
            },
            DeviceKeys {
                device: second_id,
                ..stolen.own_keys()
            },
            DeviceKeys {
                gsk: others.gsk.clone(),
                ..stolen.own_keys()
            },
        ];
        for keys in taken {
            let keys = if signs {
                stolen.signed(keys)
            } else {
                DeviceKeys {
                    signatures: None,
                    ..keys
                }
            };
            stolen.put(&first, &BagSecret::Device(keys)).await;
        }
        first.sync().await;
        first.vault.end_device(&stolen.id()).unwrap();
        first.sync().await;
        assert_eq!(live(&first.vault), [second_id], "signed: {signs}");
        // the other one writes and grants on
        second.add_many(series(SLEEP, NOON, 2)).unwrap();
        second.seal(Seal::All).unwrap();
        sync(&second, &first.transport, &town.time).await;
        assert_eq!(codes(&second), [""; 0], "signed: {signs}");
        let third = Pairing::begin(&Town::env_like(&first)).unwrap();
        second.pair(third.code(), &first.transport).await.unwrap();
        first.sync().await;
        assert_eq!(all(&first.vault).len(), 7);
        assert!(live(&first.vault).contains(&second_id), "signed: {signs}");
        assert!(!live(&second).contains(&stolen.id()));
    }
}

#[tokio::test]
async fn under_a_stream_key_that_an_ended_device_opened_and_nobody_had_pulled_nothing_is_sealed() {
    let (town, first, second, stolen) = town_with_thief().await;
    let under = stolen.newest(&first).await;
    let key = stolen.opens_stream(&under, SLEEP).await;
    // one phone has pulled it and sealed under it, the other has not
    second.add_many(series(SLEEP, NOON - DAY, 3)).unwrap();
    sync(&second, &first.transport, &town.time).await;
    second.seal(Seal::All).unwrap();
    sync(&second, &first.transport, &town.time).await;
    assert!(second.stream_keys().unwrap().contains(&key));
    first.vault.end_device(&stolen.id()).unwrap();
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    // and one that is put under a secret it knew, whenever that is told
    let late = stolen_late(&town, &first, &stolen, &under).await;
    let sent = Arc::<Mutex<Vec<[u8; 16]>>>::default();
    let into = sent.clone();
    let line = Gap::before(first.transport.clone(), move |request| {
        if request.target == "/v1/batches" {
            let new: NewBatch = serde_json::from_slice(&request.body).unwrap();
            into.lock().unwrap().push(new.stream_key.0);
        }
        false
    });
    for vault in [&first.vault, &second] {
        vault.add_many(series(SLEEP, NOON, 2)).unwrap();
        vault.add_many(series(HEART, NOON, 2)).unwrap();
        vault.seal(Seal::All).unwrap();
        sync(vault, &line, &town.time).await;
    }
    let sent = sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 4);
    assert!(!sent.contains(&key) && !sent.contains(&late));
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    assert!(first.vault.stream_keys().unwrap().contains(&key));
    assert_eq!(all(&first.vault).len(), 5 + 3 + 2 * 4, "all is read");
    assert_eq!(all(&first.vault), all(&second));
}

/// Another phone of the owner, which has not heard of the end, puts a key under the old secret.
pub(crate) async fn stolen_late(
    town: &Town,
    first: &Phone,
    stolen: &Stolen,
    under: &VaultSecret,
) -> [u8; 16] {
    let stream = value(HEART, NOON, 60).stream(Granularity::Raw).unwrap();
    let (item, id) = (fresh(), fresh());
    let key = BagSecret::Stream {
        descriptor: stream.descriptor(9),
        id,
        key: Secret32::new([8; 32]),
    };
    let sealed = key.seal(&item, &stolen.account, under, &OsRandom).unwrap();
    let body = BagItem {
        item: Id16(item),
        generation: under.generation,
        sealed: Bytes(sealed),
    };
    let client = first.vault.client(&town.transport()).unwrap();
    let target = format!("/v1/bag/{}", body.item);
    client.tell("PUT", &target, Some(&body)).await.unwrap();
    id
}

/// Restores from the kit by way of `to`.
pub(crate) async fn restore(
    town: &Town,
    first: &Phone,
    name: &str,
    to: &Arc<dyn Transport>,
) -> Vault {
    let (env, path) = (Town::env_like(first), town.dir.path().join(name));
    let settings = town.settings().await;
    let opened = Vault::restore(&path, &first.kit, &settings, env, to).await;
    opened.unwrap().0
}

#[tokio::test]
async fn a_newest_secret_that_the_kit_does_not_open_stops_no_restore_and_loses_nothing() {
    let (town, first, second, stolen) = town_with_thief().await;
    let generation = stolen.newest(&first).await.generation;
    let keys: Vec<Vec<u8>> = deks(&stolen, &first).await;
    let (own, put) = stolen.secret(&first, generation + 1, &keys);
    let sent = stolen.client.tell("PUT", "/v1/recovery", Some(&put)).await;
    sent.unwrap();
    // something of the account that only this secret opens
    let key = stolen.opens_stream(&own, SLEEP).await;
    let to = &first.transport;
    // another phone opens it, and is cut off before it passes it on
    let cut = Gap::before(to.clone(), |request| request.method == "PUT");
    first.vault.sync_all(&cut).await.unwrap();
    let restored = restore(&town, &first, "restored", to).await;
    assert_eq!(codes(&restored), ["recovery_not_sealed"], "it is told");
    assert_eq!(all(&restored), all(&first.vault));
    assert!(!restored.stream_keys().unwrap().contains(&key));
    let phones = [&first.vault, &second, &restored];
    for (vault, who) in phones.into_iter().zip(["first", "second", "restored"]) {
        sync(vault, to, &town.time).await;
        assert_eq!(codes(vault), [""; 0], "{who}");
        assert!(vault.stream_keys().unwrap().contains(&key), "{who}");
    }
    let again = restore(&town, &first, "again", to).await;
    assert_eq!(codes(&again), [""; 0]);
    assert!(again.stream_keys().unwrap().contains(&key));
}

/// DEKs of the account's live devices.
pub(crate) async fn deks(stolen: &Stolen, first: &Phone) -> Vec<Vec<u8>> {
    let client = first.vault.client(&first.transport).unwrap();
    let told: Devices = client
        .call("GET", "/v1/devices", None::<&()>)
        .await
        .unwrap();
    let others = told.devices.into_iter();
    let others = others.filter(|it| it.dsk.0 != stolen.dsk.spki());
    others.map(|it| it.dek.0).collect()
}

#[tokio::test]
async fn a_phone_that_sees_a_secret_the_kit_does_not_open_follows_it_with_one_that_it_does() {
    let (town, first, second, stolen) = town_with_thief().await;
    let generation = stolen.newest(&first).await.generation;
    let keys = deks(&stolen, &first).await;
    let (own, put) = stolen.secret(&first, generation + 1, &keys);
    let sent = stolen.client.tell("PUT", "/v1/recovery", Some(&put)).await;
    sent.unwrap();
    let key = stolen.opens_stream(&own, SLEEP).await;
    first.add(HEART, NOON, 3);
    first.sync().await;
    sync(&second, &first.transport, &town.time).await;
    for vault in [&first.vault, &second] {
        assert_eq!(codes(vault), [""; 0]);
    }
    let restored = restore(&town, &first, "restored", &first.transport).await;
    assert_eq!(codes(&restored), [""; 0], "the newest is sealed to the kit");
    assert!(restored.stream_keys().unwrap().contains(&key));
    assert_eq!(all(&restored).len(), 8);
    assert_eq!(stolen.newest(&first).await.generation, generation + 2);
}

/// A cloud that serves this vault secret as the newest.
pub(crate) fn serving(to: Arc<dyn Transport>, told: NewRecovery) -> Arc<dyn Transport> {
    Liar::before(to, move |target, body| {
        if target != "/v1/recovery" || body.is_empty() {
            return body;
        }
        serde_json::to_vec(&told).unwrap()
    })
}

#[tokio::test]
async fn a_secret_by_a_grant_key_that_the_log_does_not_have_is_not_gone_by() {
    let (town, mut first, second, stolen) = town_with_thief().await;
    let generation = stolen.newest(&first).await.generation;
    let mut keys = deks(&stolen, &first).await;
    keys.push(first.kit.kk().spki().to_vec());
    let (_, mut told) = stolen.secret(&first, generation + 1, &keys);
    // its user is not there: it names a key that nobody knows. The kit opens it
    told.recovery.sealed.pop();
    let told = stolen.signs(told.recovery, [9; 16]);
    let honest = first.transport.clone();
    // a phone that runs is told of a newer one: another's, here
    let third = Pairing::begin(&Town::env_like(&first)).unwrap();
    second.pair(third.code(), &honest).await.unwrap();
    first.transport = serving(honest.clone(), told.clone());
    first.sync().await;
    assert_eq!(codes(&first.vault), ["recovery_signature"]);
    // one that is restored finds it out once it has read the log
    let sent = Arc::default();
    let line = watched(serving(honest, told), &sent);
    let restored = restore(&town, &first, "restored", &line).await;
    let mut sent = sent.lock().unwrap().secrets.clone();
    let put = sent.pop().expect("it makes one of its own");
    assert_eq!(put.recovery.generation, generation + 2);
    assert_eq!((put.by, put.device.is_some()), (None, true), "by the kit");
    assert_eq!(all(&restored), all(&first.vault));
}

#[tokio::test]
async fn who_learns_late_that_a_secret_is_by_an_ended_device_turns_to_a_new_one() {
    let (town, mut first, second, stolen) = town_with_thief().await;
    let generation = stolen.newest(&first).await.generation;
    let honest = first.transport.clone();
    // the stolen phone makes the next secret as it should be, and is ended after that: with the
    // cloud's help the one that follows never comes, and nobody who is new is told of the end
    let mut keys = deks(&stolen, &first).await;
    keys.push(first.kit.kk().spki().to_vec());
    let (_, put) = stolen.secret(&first, generation + 1, &keys);
    let mut recovery = put.recovery;
    recovery.sealed.pop();
    let put = stolen.signs(recovery, stolen.keys[1].id());
    let sent = stolen.client.tell("PUT", "/v1/recovery", Some(&put)).await;
    sent.unwrap();
    first.sync().await;
    first.vault.end_device(&stolen.id()).unwrap();
    let line = Swallow::before(honest.clone(), "PUT", "/v1/recovery");
    first.transport = Swallow::before(line, "POST", "/v1/devices/");
    first.sync().await;
    let sent = Arc::default();
    let line = watched(honest.clone(), &sent);
    let restored = restore(&town, &first, "restored", &line).await;
    {
        let sent = sent.lock().unwrap();
        let put = sent.secrets.last().expect("it makes one of its own");
        assert_eq!(put.recovery.generation, generation + 2);
        let dek = Id16(stolen.dek.id());
        assert!(put.recovery.sealed.iter().all(|sealed| sealed.to != dek));
    }
    assert_eq!(all(&restored), all(&first.vault));
    // so does a phone that runs
    sync(&second, &honest, &town.time).await;
    assert_eq!(all(&second), all(&restored));
    assert!(!live(&restored).contains(&stolen.id()));
}

#[tokio::test]
async fn the_kit_s_key_leaves_a_restored_phone_though_the_cloud_makes_it_wait() {
    for (days, back, opens) in [
        (2, 0, true),
        (4, 0, false),
        (0, HOUR, true),
        (0, 2 * DAY, false),
    ] {
        let town = Town::new().await;
        let first = town.phone("first").await;
        first.add(HEART, NOON - DAY, 5);
        first.sync().await;
        let file = town.dir.path().join("backup");
        first.vault.backup(&file).unwrap();
        let (_, put) = {
            let stolen = Stolen::from(&town, &first).await;
            stolen.secret(&first, 2, &[])
        };
        pair(&town, &first, "second").await;
        first.add(SLEEP, NOON, 2);
        first.sync().await;
        let settings = town.settings().await;
        let (env, path) = (Town::env_like(&first), town.dir.path().join("restored"));
        let (file, kit) = (&file, &first.kit);
        let restored = Vault::restore_backup(file, kit, &path, &settings.origin, env).unwrap();
        // the cloud serves what cannot be taken
        let foreign = NewRecovery {
            signature: None,
            device_signature: None,
            ..put
        };
        let lying = serving(first.transport.clone(), foreign);
        sync(&restored, &lying, &town.time).await;
        assert_eq!(codes(&restored), ["recovery_signature"], "{days}");
        town.time.pass(days * DAY);
        first.clock.set_off(-back);
        for item in restored.set_aside().unwrap() {
            restored.try_again(item.item).unwrap();
        }
        sync(&restored, &first.transport, &town.time).await;
        let told = if opens {
            &[][..]
        } else {
            &["recovery_not_sealed"][..]
        };
        assert_eq!(codes(&restored), told, "after {days} days, {back} ms back");
        // with the key or without, it catches up by the other phones
        first.sync().await;
        sync(&restored, &first.transport, &town.time).await;
        assert_eq!(
            codes(&restored),
            [""; 0],
            "after {days} days, {back} ms back"
        );
        assert_eq!(all(&restored), all(&first.vault));
    }
}

#[tokio::test]
async fn a_device_that_the_cloud_does_not_name_takes_none_with_it_that_it_stated() {
    let (_town, first, second, stolen) = town_with_thief().await;
    let third = Pairing::begin(&Town::env_like(&first)).unwrap();
    second.pair(third.code(), &first.transport).await.unwrap();
    first.vault.learn_devices(&first.transport).await.unwrap();
    let before = live(&first.vault);
    assert_eq!(before.len(), 3);
    let stating = *before
        .iter()
        .find(|id| **id == own_id(&first.vault, &stolen))
        .unwrap();
    let hiding = Liar::before(first.transport.clone(), move |target, body| {
        if target != "/v1/devices" || body.is_empty() {
            return body;
        }
        let mut told: Devices = serde_json::from_slice(&body).unwrap();
        told.devices.retain(|it| spki_id(&it.dsk.0) != stating);
        serde_json::to_vec(&told).unwrap()
    });
    first.vault.learn_devices(&hiding).await.unwrap();
    let left: Vec<_> = before.into_iter().filter(|id| *id != stating).collect();
    assert_eq!(live(&first.vault), left, "only it is left out");
}
