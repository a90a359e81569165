//! Witnesses: what they saw is `witnessed`, what they did not is `logged`, and both have receipts.

use crate::town::{DAY, HEART, NOON, Town, all, in_state, verified};
use vitalwitness_cloud::witness::{RunningWitness, Witness, WitnessConfig};
use vitalwitness_cloud::{Server, WitnessSettings};
use vitalwitness_vault::store::BatchState;

async fn witness(town: &Town, name: &str, log: &str) -> RunningWitness {
    let config = WitnessConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data: town.dir.path().join(name),
        name: name.to_owned(),
        logs: vec![log.to_owned()],
    };
    Witness::start_in(config, town.cloud_env()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_witnessed_once_a_quorum_saw_it_and_its_receipt_says_by_whom() {
    let mut town = Town::new().await;
    town.stop().await;
    let log = Server::log_vkey(&town.config).unwrap();
    let one = witness(&town, "one.example", &log).await;
    let two = witness(&town, "two.example", &log).await;
    town.config.witnesses = [&one, &two]
        .map(|witness| WitnessSettings {
            url: format!("http://{}", witness.addr()),
            vkey: witness.vkey().to_owned(),
        })
        .to_vec();
    town.config.quorum = 2;
    town.start().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON - DAY, 10);
    // witnesses take their time: the server's own timeout ends the wait
    let mut report = phone.sync().await;
    while in_state(&phone.vault, BatchState::Witnessed) < 10 {
        tokio::task::yield_now().await;
        report = phone.sync().await;
        assert_eq!(report.frozen, None);
    }
    let trust = phone.vault.cloud().unwrap().unwrap().trust;
    for (_, rc) in all(&phone.vault) {
        let facts = verified(&phone.vault, &rc, &trust);
        assert_eq!(facts.witnessed.names.len(), 2);
        assert!(facts.existed_by.is_some());
    }
    assert!(!report.stale);

    // a day without witnesses: the head is stale, which is warned of and not refused
    one.shutdown().await;
    two.shutdown().await;
    town.time.pass(DAY + 60_000);
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert!(report.stale, "{report:?}");
    assert_eq!(report.frozen, None);
}
