//! Lines that fail and phones that are killed: nothing is lost and nothing doubled.

use crate::net::{Fate, Line};
use crate::town::{DAY, HEART, NOON, Phone, Town, all, in_state, sync, value};
use std::future::Future;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use vitalwitness_domain::wire::{Changes, What};
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_vault::store::{BatchState, StoreError};
use vitalwitness_vault::{Error, Seal};

/// Splits a seed into fates.
fn draw(seed: u64, number: usize) -> u64 {
    let mut z = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(number as u64)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn fate(seed: u64, number: usize) -> Fate {
    match draw(seed, number) % 100 {
        0..8 => Fate::Lost,
        8..16 => Fate::AnswerLost,
        16..24 => Fate::Doubled,
        24..30 => Fate::Late,
        _ => Fate::Through,
    }
}

/// What the cloud holds of a phone: BATCH entries and batches, each counted; changes gapless.
async fn check_cloud(phone: &Phone, records: usize) {
    // a second device sees what the cloud has
    let env = crate::town::Town::env_like(phone);
    let path = phone
        .path
        .with_extension(format!("copy{}", phone.time.now()));
    let settings = phone.vault.cloud().unwrap().unwrap();
    let (copy, report) =
        vitalwitness_vault::Vault::restore(&path, &phone.kit, &settings, env, &phone.transport)
            .await
            .unwrap();
    assert!(report.frozen.is_none());
    sync(&copy, &phone.transport, &phone.time).await;
    assert_eq!(all(&copy), all(&phone.vault));
    assert_eq!(all(&copy).len(), records);
    let activity = copy.activity(i64::MIN, i64::MAX).unwrap();
    let mut roots: Vec<_> = activity
        .iter()
        .filter(|row| matches!(row.done, vitalwitness_vault::share::Done::Logged { .. }))
        .map(|row| row.recordhash)
        .collect();
    let logged = roots.len();
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), logged, "a batch was logged twice");
}

#[tokio::test]
async fn a_line_that_loses_doubles_and_delays_loses_and_doubles_no_record() {
    for seed in 0..12 {
        let town = Town::new().await;
        let mut phone = town.phone("p").await;
        let honest = phone.transport.clone();
        phone.transport = Line::between(honest.clone(), move |number| fate(seed, number));
        for month in 0..4 {
            phone.add(HEART, NOON - month * 31 * DAY, 30);
            let _ = phone.vault.sync_all(&phone.transport).await.unwrap();
            town.time.pass(120_000);
        }
        phone.sync().await;
        assert_eq!(
            in_state(&phone.vault, BatchState::Logged),
            120,
            "seed {seed}"
        );
        assert!(phone.vault.set_aside().unwrap().is_empty(), "seed {seed}");
        phone.transport = honest;
        check_cloud(&phone, 120).await;
    }
}

#[tokio::test]
async fn ten_thousand_records_arrive_over_a_line_that_loses_one_in_twenty() {
    let town = Town::new().await;
    let mut phone = town.phone("p").await;
    let honest = phone.transport.clone();
    phone.transport = Line::between(honest.clone(), |number| match draw(77, number) % 40 {
        0 => Fate::Lost,
        1 => Fate::AnswerLost,
        _ => Fate::Through,
    });
    for day in 0..10 {
        phone.add(HEART, NOON - day * 20 * DAY, 1_000);
    }
    phone.sync().await;
    assert_eq!(in_state(&phone.vault, BatchState::Logged), 10_000);
    phone.transport = honest;
    check_cloud(&phone, 10_000).await;
}

/// Polls a future `times` times, each time when it asks for it, then drops it: at once, with its
/// request under way, or (`times` even) when the answer is there. None: it was not done by then.
async fn poll_and_drop<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == times && times % 2 == 1 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_sync_that_is_dropped_at_any_await_goes_on_where_it_was() {
    let town = Town::new().await;
    let mut phone = town.phone("p").await;
    let (mut records, mut dropped, mut finished) = (0, 0, 0);
    for round in 1..120 {
        if round % 8 == 1 {
            let month = i64::try_from(round).unwrap();
            phone.add(HEART, NOON - month * 31 * DAY, 5);
            records += 5;
        }
        let step = phone.vault.sync_all(&phone.transport);
        if poll_and_drop(step, 1 + round % 12).await.is_some() {
            finished += 1;
        } else {
            dropped += 1;
            if round % 3 == 0 {
                phone.reopen(); // and killed
            }
        }
        town.time.pass(60_000);
    }
    assert!(
        dropped > 30 && finished > 30,
        "{dropped} dropped, {finished} finished"
    );
    phone.sync().await;
    assert_eq!(in_state(&phone.vault, BatchState::Logged), records);
    assert!(phone.vault.set_aside().unwrap().is_empty());
    check_cloud(&phone, records).await;
}

#[tokio::test]
async fn each_request_of_a_first_sync_may_be_the_last_of_its_process() {
    // the answer of request n is lost and the process dies; for every n until all get through
    let mut last = 0;
    for n in 1.. {
        let town = Town::new().await;
        let mut phone = town.phone("p").await;
        phone.add(HEART, NOON, 20);
        let honest = phone.transport.clone();
        let reached = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = reached.clone();
        phone.transport = Line::between(honest.clone(), move |number| {
            counter.store(number, std::sync::atomic::Ordering::SeqCst);
            match number.cmp(&n) {
                std::cmp::Ordering::Less => Fate::Through,
                std::cmp::Ordering::Equal => Fate::AnswerLost,
                std::cmp::Ordering::Greater => Fate::Lost,
            }
        });
        let _ = phone.vault.sync_all(&phone.transport).await.unwrap();
        phone.reopen();
        town.time.pass(60_000);
        phone.transport = honest;
        let report = phone.sync().await;
        assert_eq!(report.set_aside, 0, "request {n}");
        assert_eq!(
            in_state(&phone.vault, BatchState::Logged),
            20,
            "request {n}"
        );
        check_cloud(&phone, 20).await;
        if reached.load(std::sync::atomic::Ordering::SeqCst) < n {
            last = n;
            break;
        }
    }
    assert!(last > 15, "a first sync takes more than {last} requests");
}

#[tokio::test]
async fn a_phone_whose_disk_is_full_keeps_what_it_has_and_goes_on_later() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 200);
    phone.vault.limit_pages(1).unwrap();
    let mut records = 200;
    let full = loop {
        match phone.vault.add(value(HEART, NOON + DAY + records, 70)) {
            Ok(_) => records += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, Error::Store(StoreError::Full)), "{full:?}");
    for _ in 0..3 {
        // what does not fit is asked for again, later
        let report = phone.vault.sync_all(&phone.transport).await.unwrap();
        assert_eq!(report.set_aside, 0);
        town.time.pass(60_000);
    }
    let count = usize::try_from(records).unwrap();
    assert_eq!(all(&phone.vault).len(), count);
    phone.vault.limit_pages(1_000_000).unwrap();
    phone.vault.seal(Seal::All).unwrap();
    phone.sync().await;
    assert_eq!(in_state(&phone.vault, BatchState::Logged), count);
    check_cloud(&phone, count).await;
}

#[tokio::test]
async fn changes_are_gapless_and_each_entry_stands_once() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 20);
    phone.sync().await;
    let client = phone.vault.client(&phone.transport).unwrap();
    let changes: Changes = client
        .call("GET", "/v1/changes?after=0&limit=500", None::<&()>)
        .await
        .unwrap();
    let cursors: Vec<u64> = changes.changes.iter().map(|change| change.cursor).collect();
    assert_eq!(cursors, (1..=changes.latest).collect::<Vec<_>>());
    let batches = changes.changes.iter().filter(|change| match &change.what {
        What::Entry { entry, .. } => {
            Entry::decode(&entry.0).unwrap().event.kind == EventType::Batch
        }
        _ => false,
    });
    assert_eq!(batches.count(), 1);
}
