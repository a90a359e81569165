//! A cloud that forges: erasures, batches, entries and requests that nobody signed change nothing.

use crate::net::Liar;
use crate::town::{HEART, NOON, Town, all};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use vitalwitness_domain::wire::{BatchInfo, Change, Changes, What};
use vitalwitness_vault::client::Transport;

/// A line that remembers what honest pages told, and adds forged changes once when told to.
struct Forger {
    line: Arc<dyn Transport>,
    armed: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<What>>>,
}

impl Forger {
    fn before(
        to: Arc<dyn Transport>,
        forge: impl Fn(&[What]) -> Vec<What> + Send + Sync + 'static,
    ) -> Self {
        let armed = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (is_armed, told) = (armed.clone(), seen.clone());
        let line = Liar::before(to, move |target, body| {
            if !target.starts_with("/v1/changes") {
                return body;
            }
            let mut page: Changes = serde_json::from_slice(&body).unwrap();
            let mut told = told.lock().unwrap();
            told.extend(page.changes.iter().map(|change| change.what.clone()));
            if is_armed.swap(false, Ordering::SeqCst) {
                for what in forge(&told) {
                    page.latest += 1;
                    let cursor = page.latest;
                    page.changes.push(Change { cursor, what });
                }
            }
            serde_json::to_vec(&page).unwrap()
        });
        Self { line, armed, seen }
    }

    fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }
}

fn batches(seen: &[What]) -> Vec<BatchInfo> {
    let batch = |what: &What| match what {
        What::Batch { info } => Some(info.clone()),
        _ => None,
    };
    seen.iter().filter_map(batch).collect()
}

#[tokio::test]
async fn an_erasure_that_only_the_cloud_tells_of_deletes_nothing() {
    let town = Town::new().await;
    let mut phone = town.phone("p").await;
    let forger = Forger::before(town.transport(), |seen| {
        let batch = |info: BatchInfo| What::Erased { batch: info.batch };
        let bag = |what: &What| match what {
            What::Bag { item } => Some(What::BagErased { item: item.item }),
            _ => None,
        };
        let mut all: Vec<What> = batches(seen).into_iter().map(batch).collect();
        all.extend(seen.iter().filter_map(bag));
        all
    });
    phone.transport = forger.line.clone();
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    phone.sync().await;
    let before = all(&phone.vault);
    let secrets = phone.vault.bag().unwrap().len();
    assert_eq!(batches(&forger.seen.lock().unwrap()).len(), 1);
    forger.arm();
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert!(!forger.armed.load(Ordering::SeqCst), "it was told");
    assert_eq!(report.frozen, None);
    assert_eq!(all(&phone.vault), before);
    assert_eq!(phone.vault.bag().unwrap().len(), secrets);
    phone.reopen();
    assert_eq!(all(&phone.vault), before);
}
