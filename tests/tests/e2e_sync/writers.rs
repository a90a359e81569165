//! Whose batches a phone takes in: what it learns of the writer late counts all the same.

use crate::clinic::{Clinic, scope, signed};
use crate::devices::pair;
use crate::forged::{Chain, Forger, codes, event, info, offer, owner_of, phone_chain, steal};
use crate::net::Gap;
use crate::town::{DAY, NOON, Phone, Town, all, sync};
use vitalwitness_domain::record::Id;
use vitalwitness_domain::wire::{BatchStatus, NewBatch, Role, What};
use vitalwitness_proof::entry::{Event, EventType};
use vitalwitness_vault::client::Client;
use vitalwitness_vault::keys::PrivateKey;
use vitalwitness_vault::share::{LeaveOut, Rights};
use vitalwitness_vault::{Seal, Vault};

/// A phone with insurance information, a further one of its account, and an insurer who asks to
/// write.
async fn asked() -> (Town, Phone, Vault, Clinic, [u8; 32]) {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.vault.add(offer(NOON)).unwrap();
    phone.sync().await;
    let (second, _) = pair(&town, &phone, "second").await;
    sync(&second, &phone.transport, &town.time).await;
    let insurer = Clinic::enrol_as(&town, "Alpen Insurance", Role::Insurer).await;
    let code = phone.vault.share_code(3).unwrap();
    let rights = Rights {
        append: true,
        ..Rights::READ
    };
    let request = insurer.request_for(&code, &scope(3, &[]), rights).await;
    let id = insurer.send(&request).await;
    phone.sync().await;
    (town, phone, second, insurer, id)
}

/// A batch of `by`, of the house of `insurer`, which `writer` sealed and the cloud logged.
async fn append(
    town: &Town,
    writer: &Vault,
    insurer: &Clinic,
    (client, by): (&Client, &PrivateKey),
) -> Id {
    writer.add(offer(NOON + 1)).unwrap();
    writer.seal(Seal::All).unwrap();
    let (mut new, bytes): (NewBatch, Vec<u8>) = steal(writer, town).await;
    let (channel, owner) = owner_of(writer, 3);
    let batch = Event {
        receiver: Some(insurer.organisation.id()),
        recordhash: new.root.0,
        time: town.time.now(),
        ..event(EventType::Batch, channel, &owner)
    };
    new.event = Some(signed(by, &batch));
    let target = format!("/v1/batches/{}/0", new.batch);
    let (part, commit) = (format!("{target}/parts/0"), format!("{target}/commit"));
    let _: BatchStatus = client
        .call("POST", "/v1/batches", Some(&new))
        .await
        .unwrap();
    let _: BatchStatus = client.put_bytes(&part, &bytes).await.unwrap();
    let _: BatchStatus = client.call("POST", &commit, None::<&()>).await.unwrap();
    new.batch.0
}

#[tokio::test]
async fn a_batch_by_a_second_person_of_the_house_who_never_asked_is_taken_in_once_listed() {
    let (town, phone, second, insurer, id) = asked().await;
    let end = NOON + DAY;
    phone.vault.grant(&id, &LeaveOut::default(), end).unwrap();
    phone.sync().await;
    let colleague = insurer.colleague(&town).await;
    let by = (&colleague.client, &colleague.person);
    let batch = append(&town, &second, &insurer, by).await;
    phone.sync().await;
    assert_eq!(all(&phone.vault).len(), 1, "nobody has said who wrote it");
    assert_eq!(phone.vault.set_aside().unwrap(), [], "it waits");
    colleague.list(&town).await;
    phone.sync().await;
    assert_eq!(phone.vault.set_aside().unwrap(), []);
    assert!(phone.vault.upload(&batch).is_ok());
    assert_eq!(all(&phone.vault).len(), 2);
}

#[tokio::test]
async fn a_batch_by_a_person_of_another_house_is_set_aside_though_listed() {
    let (town, mut phone, second, insurer, id) = asked().await;
    let end = NOON + DAY;
    phone.vault.grant(&id, &LeaveOut::default(), end).unwrap();
    phone.sync().await;
    let other = Clinic::enrol_as(&town, "Other Insurance", Role::Insurer).await;
    second.add(offer(NOON + 1)).unwrap();
    second.seal(Seal::All).unwrap();
    let (new, bytes) = steal(&second, &town).await;
    let (channel, owner) = owner_of(&second, 3);
    let batch = Event {
        receiver: Some(insurer.organisation.id()),
        recordhash: new.root.0,
        time: town.time.now(),
        ..event(EventType::Batch, channel, &owner)
    };
    let told = phone_chain(&town, &phone).await;
    let mut chain = Chain::after(&told, &channel);
    let entry = chain.entry(&signed(&other.person, &batch), None);
    let info = info(&new, chain.seq);
    let forger = Forger::before(town.transport());
    phone.transport = forger.clone();
    forger.serve(new.batch, bytes);
    forger.append(vec![entry, What::Batch { info }]);
    phone.vault.sync_all(&phone.transport).await.unwrap();
    assert!(forger.is_done(), "it was told");
    assert_eq!(codes(&phone.vault), ["batch_entry"]);
    assert_eq!(all(&phone.vault).len(), 1);
}

#[tokio::test]
async fn a_batch_that_came_before_its_grant_is_taken_in_when_the_grant_comes() {
    let (town, phone, second, insurer, id) = asked().await;
    let (third, _) = pair(&town, &phone, "third").await;
    let end = NOON + DAY;
    phone.vault.grant(&id, &LeaveOut::default(), end).unwrap();
    // the cloud has the grant; the account's other phones do not hear of it yet
    let line = Gap::before(town.transport(), |request| {
        request.target.starts_with("/v1/bag/")
    });
    phone.vault.sync_all(&line).await.unwrap();
    let by = (&insurer.client, &insurer.person);
    let batch = append(&town, &third, &insurer, by).await;
    sync(&second, &phone.transport, &town.time).await;
    assert!(second.grants().unwrap().is_empty());
    assert!(second.upload(&batch).is_err(), "no grant is known");
    town.time.pass(DAY / 24);
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;
    assert_eq!(second.grants().unwrap().len(), 1);
    assert_eq!(second.set_aside().unwrap(), []);
    assert!(second.upload(&batch).is_ok());
    assert!(phone.vault.upload(&batch).is_ok());
}
