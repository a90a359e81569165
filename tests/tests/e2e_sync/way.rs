//! A record's way: sealed, synced, logged, its receipt verified with the cloud stopped.

use crate::town::{DAY, HEART, HOUR, NOON, Town, all, in_state, value, verified};
use vitalwitness_vault::client::ClientError;
use vitalwitness_vault::kit::KitError;
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::sync::QuotaLevel;
use vitalwitness_vault::{Disclosure, Error, Seal, Vault};

#[tokio::test]
async fn a_record_gets_a_receipt_that_holds_with_the_cloud_stopped() {
    let mut town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON - DAY, 100);
    let typed = phone.vault.add(value(HEART, NOON, 72)).unwrap().rc;
    phone.vault.seal(Seal::All).unwrap();
    assert!(matches!(
        phone.vault.receipt(&typed, &Disclosure::Whole),
        Err(Error::NotLogged)
    ));
    let report = phone.sync().await;
    assert!(report.done && report.frozen.is_none(), "{report:?}");
    assert_eq!(report.quota_level(), QuotaLevel::Fine);
    assert_eq!(in_state(&phone.vault, BatchState::Logged), 101);
    assert!(phone.vault.set_aside().unwrap().is_empty());

    let trust = phone.vault.cloud().unwrap().unwrap().trust;
    town.stop().await;
    for (_, rc) in all(&phone.vault) {
        let facts = verified(&phone.vault, &rc, &trust);
        assert_eq!(facts.record_hash, Some(rc));
    }
    // the event's receipt names who enrolled its signer
    let facts = verified(&phone.vault, &typed, &trust);
    let text = format!("{facts:?}");
    assert!(text.contains("ByOwner"), "{text}");
}

#[tokio::test]
async fn nothing_leaves_before_the_kit_is_confirmed_and_a_cloud_named() {
    let town = Town::new().await;
    let (env, _) = town.env();
    let path = town.dir.path().join("p");
    let (vault, kit) = Vault::create(&path, "vitalwitness.local/log", env).unwrap();
    let refused = vault.sync_all(&town.transport()).await;
    assert!(matches!(refused, Err(Error::Kit(KitError::NotConfirmed))));
    crate::town::confirm(&vault, &kit);
    let refused = vault.sync_all(&town.transport()).await;
    assert!(matches!(
        refused,
        Err(Error::Cloud(ClientError::NotConnected))
    ));
}

#[tokio::test]
async fn a_clock_that_is_off_neither_stops_sync_nor_changes_an_observed_time() {
    for off in [HOUR, -HOUR, 9_000 * DAY] {
        let town = Town::new().await;
        let phone = town.phone("p").await;
        phone.clock.set_off(off);
        let observed = NOON + off;
        let rc = phone.vault.add(value(HEART, observed, 66)).unwrap().rc;
        phone.vault.seal(Seal::All).unwrap();
        let report = phone.sync().await;
        assert!(report.done && report.set_aside == 0, "{off}: {report:?}");
        assert!((phone.vault.clock_offset_ms().unwrap() + off).abs() < 5_000);
        assert_eq!(phone.vault.record(&rc).unwrap().record.start_ms, observed);
        let trust = phone.vault.cloud().unwrap().unwrap().trust;
        assert_eq!(verified(&phone.vault, &rc, &trust).record_hash, Some(rc));
    }
}

#[tokio::test]
async fn without_a_cloud_records_are_added_and_wait() {
    let mut town = Town::new().await;
    let mut phone = town.phone("p").await;
    phone.add(HEART, NOON - DAY, 10);
    phone.sync().await;
    town.stop().await;
    phone.add(HEART, NOON, 10);
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert!(!report.done);
    let at = report.retry_at_ms.unwrap();
    assert!(
        at <= town.time.now() + 1_000,
        "the first wait is at most a second"
    );
    // the wait is kept: a new process does not ask at once
    phone.reopen();
    if at > town.time.now() {
        let again = phone.vault.sync_all(&phone.transport).await.unwrap();
        assert_eq!(again.retry_at_ms, Some(at));
    }
    assert_eq!(all(&phone.vault).len(), 20);
    town.start().await;
    phone.transport = town.transport();
    assert!(phone.sync().await.done);
    assert_eq!(in_state(&phone.vault, BatchState::Logged), 20);
}
