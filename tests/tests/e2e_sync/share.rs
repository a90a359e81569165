//! Request, grant, fetch, deny, revoke, activity.

use crate::clinic::{Clinic, scope};
use crate::net::Gap;
use crate::town::{DAY, HEART, NOON, Phone, SLEEP, Town, all, in_state, sync};
use std::collections::BTreeSet;
use vitalwitness_domain::record::Body;
use vitalwitness_domain::stream::Month;
use vitalwitness_domain::wire::slug;
use vitalwitness_vault::Error;
use vitalwitness_vault::client::ClientError;
use vitalwitness_vault::share::{
    Done, GrantState, LeaveOut, Proven, RequestState, ShareCode, ShareError,
};
use vitalwitness_vault::store::BatchState;

async fn town() -> (Town, Phone, Clinic) {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    let clinic = Clinic::enrol(&town, "Seehof Clinic").await;
    phone.add(HEART, NOON - 61 * DAY, 40);
    phone.add(HEART, NOON - 30 * DAY, 30);
    phone.add(HEART, NOON, 20);
    phone.add(SLEEP, NOON, 5);
    phone.sync().await;
    (town, phone, clinic)
}

fn code_of(body: &Body) -> &str {
    match body {
        Body::Observation { code, .. } => code,
        _ => "",
    }
}

#[tokio::test]
async fn a_clinic_reads_exactly_what_was_granted_and_nothing_after_the_revoke() {
    let (_town, phone, clinic) = town().await;
    let code = ShareCode::parse(&phone.vault.share_code(1).unwrap().text()).unwrap();
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;

    let [asked] = <[_; 1]>::try_from(phone.vault.requests().unwrap()).unwrap();
    assert_eq!(asked.id, id);
    assert_eq!(asked.organisation.name, "Seehof Clinic");
    assert_eq!(asked.person.name, "Dr. Ada Meier");
    assert_eq!(
        (asked.proven, asked.state),
        (Proven::Qr, RequestState::Waiting)
    );
    let rows: Vec<_> = asked.rows.iter().map(|row| row.records).collect();
    assert_eq!(
        rows,
        [40, 30, 20],
        "the preview is exactly the rows, month by month"
    );
    assert!(asked.rows.iter().all(|row| row.stream.code == HEART));

    let left_out = LeaveOut {
        codes: BTreeSet::new(),
        months: BTreeSet::from([Month::of(NOON - 61 * DAY, 120).unwrap()]),
    };
    let grant = phone.vault.grant(&id, &left_out, NOON + 30 * DAY).unwrap();
    phone.sync().await;
    let [granted] = <[_; 1]>::try_from(clinic.grants().await).unwrap();
    let document = clinic.document(&granted);
    assert_eq!(
        document.scope,
        scope(1, &[HEART]),
        "the scope reads as it was asked"
    );
    let reads = clinic.fetch(&granted).await.unwrap();
    let records: Vec<_> = reads.iter().flat_map(|read| &read.records).collect();
    assert_eq!(records.len(), 50);
    assert!(records.iter().all(|record| code_of(&record.body) == HEART));

    // new records of a granted stream are wrapped as they come
    phone.add(HEART, NOON + 31 * DAY, 7);
    phone.sync().await;
    let reads = clinic.fetch(&granted).await.unwrap();
    assert_eq!(
        reads.iter().map(|read| read.records.len()).sum::<usize>(),
        57
    );
    let had: BTreeSet<_> = reads.iter().map(|read| read.stream_key).collect();

    phone.vault.revoke(&grant).unwrap();
    phone.sync().await;
    assert_eq!(phone.vault.grants().unwrap()[0].state, GrantState::Revoked);
    let refused = clinic.fetch(&granted).await;
    assert!(
        matches!(&refused, Err(ClientError::Refused(problem)) if problem.code == slug::REVOKED),
        "{refused:?}"
    );
    phone.add(HEART, NOON + DAY, 9);
    phone.sync().await;
    let now: BTreeSet<_> = phone.vault.stream_keys().unwrap().into_iter().collect();
    let new: Vec<_> = now.difference(&had).collect();
    assert!(
        !new.is_empty(),
        "new records are under keys the clinic never had"
    );
    assert!(phone.vault.set_aside().unwrap().is_empty());
    assert!(matches!(
        phone.vault.revoke(&grant),
        Err(Error::Share(ShareError::Revoked))
    ));
}

#[tokio::test]
async fn the_owner_sees_who_asked_who_got_what_and_who_was_refused() {
    let (town, phone, clinic) = town().await;
    let code = phone.vault.share_code(1).unwrap();
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    town.time.pass(1_000);
    let grant = phone
        .vault
        .grant(&id, &LeaveOut::default(), NOON + 30 * DAY)
        .unwrap();
    phone.sync().await;
    town.time.pass(1_000);
    let granted = clinic.grants().await.remove(0);
    clinic.fetch(&granted).await.unwrap();
    phone.sync().await;
    town.time.pass(1_000);
    phone.vault.revoke(&grant).unwrap();
    phone.sync().await;
    town.time.pass(1_000);
    assert!(clinic.fetch(&granted).await.is_err());
    phone.sync().await;
    town.time.pass(1_000);

    let rows = phone.vault.activity(i64::MIN, i64::MAX).unwrap();
    let of_clinic: Vec<&Done> = rows
        .iter()
        .filter(|row| {
            row.organisation
                .as_ref()
                .is_some_and(|party| party.name == "Seehof Clinic")
        })
        .map(|row| &row.done)
        .collect();
    let [
        Done::Asked,
        Done::Granted,
        Done::Accessed { batches, records },
        Done::Revoked,
        Done::Refused { code },
    ] = of_clinic.as_slice()
    else {
        panic!("{of_clinic:?}");
    };
    assert_eq!((batches.len(), *records), (3, Some(90)));
    assert_eq!(code, slug::REVOKED);
    let person = rows.iter().find(|row| row.done == Done::Asked).unwrap();
    assert_eq!(person.person.as_ref().unwrap().name, "Dr. Ada Meier");
    // every event of it has a receipt
    let trust = phone.vault.cloud().unwrap().unwrap().trust;
    let trust = vitalwitness_domain::wire::trust::parse_trust(&trust).unwrap();
    for row in &rows {
        if let (Some(hash), false) = (&row.recordhash, matches!(row.done, Done::Logged { .. })) {
            let receipt = phone.vault.event_receipt(hash).unwrap();
            vitalwitness_proof::verify(&receipt, None, &trust).unwrap();
        }
    }
}

#[tokio::test]
async fn a_deny_is_remembered_and_a_decision_is_made_once() {
    let (town, phone, clinic) = town().await;
    let code = phone.vault.share_code(1).unwrap();
    let id = clinic.ask(&code, &scope(1, &[])).await;
    phone.sync().await;
    phone.vault.deny(&id).unwrap();
    phone.sync().await;
    assert_eq!(
        phone.vault.requests().unwrap()[0].state,
        RequestState::Denied
    );
    for again in [
        phone.vault.deny(&id),
        phone
            .vault
            .grant(&id, &LeaveOut::default(), NOON + DAY)
            .map(drop),
    ] {
        assert!(matches!(again, Err(Error::Share(ShareError::Answered))));
    }
    assert!(clinic.grants().await.is_empty());
    // another device of the account knows it too
    let (second, _) = crate::devices::pair(&town, &phone, "second").await;
    assert_eq!(second.requests().unwrap()[0].state, RequestState::Denied);
}

#[tokio::test]
async fn a_typed_code_works_and_says_that_it_proves_less() {
    let (_town, phone, clinic) = town().await;
    let typed = phone.vault.share_code(1).unwrap().typed();
    let code = ShareCode::parse(&typed).unwrap();
    clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    assert_eq!(phone.vault.requests().unwrap()[0].proven, Proven::Typed);
}

#[tokio::test]
async fn a_grant_of_one_phone_is_served_and_ended_by_the_other() {
    let (town, phone, clinic) = town().await;
    let (second, _) = crate::devices::pair(&town, &phone, "second").await;
    let code = phone.vault.share_code(1).unwrap();
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    let grant = phone
        .vault
        .grant(&id, &LeaveOut::default(), NOON + 30 * DAY)
        .unwrap();
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;

    // the second phone's own new keys are wrapped for the first one's grant
    second
        .add_many(crate::town::series(HEART, NOON + 31 * DAY, 11))
        .unwrap();
    second.seal(vitalwitness_vault::Seal::All).unwrap();
    sync(&second, &phone.transport, &town.time).await;
    let granted = clinic.grants().await.remove(0);
    let reads = clinic.fetch(&granted).await.unwrap();
    assert_eq!(
        reads.iter().map(|read| read.records.len()).sum::<usize>(),
        101
    );

    // both end it, neither having heard of the other
    second.revoke(&grant).unwrap();
    phone.vault.revoke(&grant).unwrap();
    sync(&second, &phone.transport, &town.time).await;
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;
    assert!(clinic.fetch(&granted).await.is_err());
    for vault in [&phone.vault, &second] {
        assert_eq!(vault.grants().unwrap()[0].state, GrantState::Revoked);
        vault
            .add_many(crate::town::series(HEART, NOON + 2 * DAY, 3))
            .unwrap();
        vault.seal(vitalwitness_vault::Seal::All).unwrap();
    }
    sync(&second, &phone.transport, &town.time).await;
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;
    // both added the same times with different record hashes
    assert_eq!(all(&phone.vault), all(&second));
    assert_eq!(all(&second).len(), 95 + 11 + 6);
}

#[tokio::test]
async fn a_batch_sealed_under_a_key_that_another_phone_closed_is_sealed_anew() {
    let (town, phone, clinic) = town().await;
    let (second, _) = crate::devices::pair(&town, &phone, "second").await;
    let code = phone.vault.share_code(1).unwrap();
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    let grant = phone
        .vault
        .grant(&id, &LeaveOut::default(), NOON + 30 * DAY)
        .unwrap();
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;
    let granted = clinic.grants().await.remove(0);

    // sealed offline by the second phone while the first one revokes
    let added = second
        .add_many(crate::town::series(HEART, NOON + 3, 8))
        .unwrap();
    second.seal(vitalwitness_vault::Seal::All).unwrap();
    let before = second.stream_keys().unwrap();
    phone.vault.revoke(&grant).unwrap();
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;
    assert!(second.set_aside().unwrap().is_empty());
    let after = second.stream_keys().unwrap();
    assert!(after.len() > before.len(), "it opened a new key");
    phone.sync().await;
    assert_eq!(all(&phone.vault), all(&second));
    let trust = town.settings().await.trust;
    for record in &added {
        let facts = crate::town::verified(&phone.vault, &record.rc, &trust);
        assert_eq!(
            facts.record_hash,
            Some(record.rc),
            "record hashes stay what they were"
        );
    }
    assert!(clinic.fetch(&granted).await.is_err());
}

#[tokio::test]
async fn an_expired_grant_reads_nothing_and_new_records_are_under_new_keys() {
    let (town, phone, clinic) = town().await;
    let code = phone.vault.share_code(1).unwrap();
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    phone
        .vault
        .grant(&id, &LeaveOut::default(), NOON + DAY)
        .unwrap();
    phone.sync().await;
    let granted = clinic.grants().await.remove(0);
    let before = phone.vault.stream_keys().unwrap();
    town.time.pass(DAY + 1);
    let refused = clinic.fetch(&granted).await;
    assert!(
        matches!(refused, Err(ClientError::Refused(_))),
        "{refused:?}"
    );
    phone.sync().await;
    phone.add(HEART, NOON + DAY, 4);
    phone.sync().await;
    let after = phone.vault.stream_keys().unwrap();
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(phone.vault.grants().unwrap()[0].state, GrantState::Expired);
}

#[tokio::test]
async fn a_batch_that_was_announced_before_its_key_was_closed_is_sealed_anew() {
    let (town, phone, clinic) = town().await;
    let (second, _) = crate::devices::pair(&town, &phone, "second").await;
    let code = phone.vault.share_code(1).unwrap();
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    let end = NOON + 30 * DAY;
    let grant = phone.vault.grant(&id, &LeaveOut::default(), end).unwrap();
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;

    // the second phone's line breaks behind the announcement; the first one revokes
    let records = crate::town::series(HEART, NOON + 3, 8);
    second.add_many(records).unwrap();
    second.seal(vitalwitness_vault::Seal::All).unwrap();
    let line = Gap::before(town.transport(), |request| request.method == "PUT");
    second.sync_all(&line).await.unwrap();
    phone.vault.revoke(&grant).unwrap();
    phone.sync().await;
    town.time.pass(DAY);
    sync(&second, &phone.transport, &town.time).await;
    assert_eq!(second.set_aside().unwrap(), []);
    phone.sync().await;
    assert_eq!(all(&phone.vault), all(&second));
    assert_eq!(in_state(&second, BatchState::Logged), all(&second).len());
}
