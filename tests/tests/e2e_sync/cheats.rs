//! A cloud that cheats: rolls back, forks, replaces keys, hides entries. Each is caught.

use crate::clinic::{Clinic, hpke_spki, scope};
use crate::net::{Gap, Liar, Refuser};
use crate::town::{DAY, HEART, NOON, SLEEP, Town, all, value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use vitalwitness_domain::hpke::SoftwareKey;
use vitalwitness_domain::stream::Granularity;
use vitalwitness_domain::wire::{Changes, Logged, Proof, Sig64, What};
use vitalwitness_vault::Error;
use vitalwitness_vault::share::{LeaveOut, ShareError};

#[tokio::test]
async fn a_rolled_back_log_is_frozen_and_both_notes_are_kept() {
    let town = Town::new().await;
    let mut phone = town.phone("p").await;
    let old = Arc::new(Mutex::new(None::<Vec<u8>>));
    let kept = old.clone();
    let honest = phone.transport.clone();
    phone.transport = Liar::before(honest, move |target, body| {
        if target != "/v1/log/checkpoint" {
            return body;
        }
        let mut kept = kept.lock().unwrap();
        match (&*kept, body) {
            (Some(first), _) if first.is_empty() => Vec::new(),
            (_, body) => {
                if kept.is_none() {
                    *kept = Some(body.clone());
                }
                body
            }
        }
    });
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    let origin = town.settings().await.origin;
    let first = phone.vault.head(&origin).unwrap().unwrap();
    phone.add(HEART, NOON + DAY, 10);
    phone.sync().await;
    let second = phone.vault.head(&origin).unwrap().unwrap();
    assert_ne!(first.note, second.note);

    // now it shows the first note again
    let stale = old.lock().unwrap().clone().unwrap();
    let honest = town.transport();
    phone.transport = Liar::before(honest, move |target, body| {
        if target == "/v1/log/checkpoint" {
            stale.clone()
        } else {
            body
        }
    });
    let report = phone.sync().await;
    assert_eq!(report.frozen.as_deref(), Some("ROLLBACK"));
    let [evidence] = <[_; 1]>::try_from(phone.vault.evidence().unwrap()).unwrap();
    assert_eq!(evidence.before, second.note.as_bytes());
    assert_eq!(evidence.after, first.note.as_bytes());
    assert_eq!(phone.vault.head(&origin).unwrap().unwrap(), second);

    // collecting goes on, syncing does not, also with an honest line
    phone.transport = town.transport();
    phone.add(HEART, NOON + 2 * DAY, 10);
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert_eq!((report.done, report.sent), (false, 0));
    assert_eq!(all(&phone.vault).len(), 30);
}

#[tokio::test]
async fn a_cloud_brought_back_from_an_older_copy_is_frozen_whatever_it_forgot() {
    for forgets_the_account in [true, false] {
        let mut town = Town::new().await;
        town.stop().await;
        let mut older = crate::town::files(&town.data());
        town.start().await;
        let mut phone = town.phone("p").await;
        phone.add(HEART, NOON, 10);
        phone.sync().await;
        if !forgets_the_account {
            town.stop().await;
            older = crate::town::files(&town.data());
            town.start().await;
        }
        phone.transport = town.transport();
        phone.add(HEART, NOON + DAY, 10);
        phone.sync().await;
        town.stop().await;
        std::fs::remove_dir_all(town.data()).unwrap();
        for (path, bytes) in older {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        town.start().await;
        phone.transport = town.transport();
        phone.add(HEART, NOON + 2 * DAY, 10);
        let report = phone.vault.sync_all(&phone.transport).await.unwrap();
        assert_eq!(
            (report.frozen.as_deref(), report.sent),
            (Some("ROLLBACK"), 0),
            "forgets the account: {forgets_the_account}"
        );
        assert_eq!(phone.vault.evidence().unwrap().len(), 1);
        assert_eq!(all(&phone.vault).len(), 30, "nothing is lost here");
    }
}

#[tokio::test]
async fn changes_that_a_cloud_calls_gone_are_read_again_and_no_record_twice() {
    let town = Town::new().await;
    let mut phone = town.phone("p").await;
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    let clinic = Clinic::enrol(&town, "Seehof Clinic").await;
    let code = phone.vault.share_code(1).unwrap();
    clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    let (records, requests) = (
        all(&phone.vault).len(),
        phone.vault.requests().unwrap().len(),
    );
    let honest = phone.transport.clone();
    phone.transport = Refuser::before(honest.clone(), "/v1/changes", 410, "cursor_gone");
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert_eq!(
        (report.done, report.frozen),
        (false, None),
        "asked twice, no more"
    );
    assert!(report.retry_at_ms.is_some());
    phone.transport = honest;
    town.time.pass(DAY);
    phone.add(HEART, NOON + DAY, 10);
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert!(report.done && report.frozen.is_none(), "{report:?}");
    assert_eq!(all(&phone.vault).len(), records + 10);
    assert_eq!(phone.vault.requests().unwrap().len(), requests);
    assert!(phone.vault.set_aside().unwrap().is_empty());
}

#[tokio::test]
async fn what_waits_to_be_erased_is_not_brought_back_by_reading_all_changes_again() {
    let town = Town::new().await;
    let mut phone = town.phone("p").await;
    phone.add(HEART, NOON, 5);
    phone.add(SLEEP, NOON, 2);
    phone.sync().await;
    let stream = value(HEART, NOON, 60).stream(Granularity::Raw).unwrap();
    assert_eq!(phone.vault.erase_stream(&stream).unwrap(), 5);
    let (left, keys) = (all(&phone.vault), phone.vault.stream_keys().unwrap());
    assert_eq!((left.len(), keys.len()), (2, 1));
    phone.reopen();
    // all is called gone, and nothing that deletes arrives
    let honest = phone.transport.clone();
    let mute = Gap::before(honest.clone(), |request| request.method == "DELETE");
    for deaf in [mute, honest.clone()] {
        phone.transport = Refuser::before(honest.clone(), "/v1/changes", 410, "cursor_gone");
        phone.vault.sync_all(&phone.transport).await.unwrap();
        phone.reopen();
        town.time.pass(DAY);
        phone.vault.sync_all(&deaf).await.unwrap();
        assert_eq!(all(&phone.vault), left);
        assert_eq!(phone.vault.stream_keys().unwrap(), keys);
        town.time.pass(DAY);
    }
    phone.transport = honest;
    phone.sync().await;
    assert_eq!(all(&phone.vault), left);
    assert_eq!(phone.vault.set_aside().unwrap(), []);
    // what is measured anew of that stream is kept
    phone.add(HEART, NOON, 3);
    phone.sync().await;
    assert_eq!(all(&phone.vault).len(), 5);
}

#[tokio::test]
async fn a_refused_sign_in_asks_for_a_head_only_where_the_account_may_be_forgotten() {
    let town = Town::new().await;
    for (status, code, asks) in [
        (401, "unauthorized", true),
        (403, "forbidden", true),
        (404, "not_found", true),
        (429, "too_many_requests", false),
        (503, "unavailable", false),
    ] {
        let phone = town.phone(code).await;
        let heads = Arc::new(AtomicUsize::new(0));
        let counted = heads.clone();
        let watched = Gap::before(phone.transport.clone(), move |request| {
            let head = request.target.starts_with("/v1/log/checkpoint");
            counted.fetch_add(usize::from(head), Ordering::Relaxed);
            false
        });
        let refuser = Refuser::before(watched, "/v1/sessions", status, code);
        let report = phone.vault.sync_all(&refuser).await.unwrap();
        assert!(!report.done, "{code}");
        assert_eq!(heads.load(Ordering::Relaxed) > 0, asks, "{code}");
    }
}

#[tokio::test]
async fn a_log_of_another_history_under_the_same_key_is_a_fork() {
    // two clouds with one log key: what an operator who forks has
    let first = Town::new().await;
    let phone = first.phone("p").await;
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    let mut second = Town::new().await;
    second.stop().await;
    for (path, bytes) in crate::town::files(&first.data()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("log") && name.contains("key") {
            std::fs::write(second.data().join(name), bytes).unwrap();
        }
    }
    // the other history
    for name in ["cloud.db", "cloud.db-wal", "cloud.db-shm"] {
        let _ = std::fs::remove_file(second.data().join(name));
    }
    second.start().await;
    let other = second.phone("q").await;
    other.add(HEART, NOON, 10);
    other.sync().await;
    let forked = second
        .client()
        .open_text("/v1/log/checkpoint")
        .await
        .unwrap();
    let honest = first
        .client()
        .open_text("/v1/log/checkpoint")
        .await
        .unwrap();
    assert_ne!(forked, honest);
    let size = |note: &str| note.lines().nth(1).unwrap().to_owned();
    assert_eq!(size(&forked), size(&honest), "one size, two histories");
    let transport = Liar::before(first.transport(), move |target, body| {
        if target == "/v1/log/checkpoint" {
            forked.clone().into_bytes()
        } else {
            body
        }
    });
    let report = crate::town::sync(&phone.vault, &transport, &first.time).await;
    assert_eq!(report.frozen.as_deref(), Some("FORK"));
}

#[tokio::test]
async fn a_consistency_proof_that_does_not_hold_freezes_the_log() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    phone.add(HEART, NOON + DAY, 10);
    let transport = Liar::before(town.transport(), |target, body| {
        if !target.starts_with("/v1/log/consistency") {
            return body;
        }
        let mut proof: Proof = serde_json::from_slice(&body).unwrap();
        proof.nodes[0].0[0] ^= 1;
        serde_json::to_vec(&proof).unwrap()
    });
    let report = crate::town::sync(&phone.vault, &transport, &town.time).await;
    assert_eq!(report.frozen.as_deref(), Some("INCONSISTENT"));
}

#[tokio::test]
async fn an_entry_that_is_hidden_or_changed_in_the_owners_channel_is_caught() {
    type Lie = fn(&mut Vec<vitalwitness_domain::wire::Change>);
    let cases: [(&str, Lie, &str); 2] = [
        (
            "an entry is left out and the rest renumbered",
            |changes| {
                let at = changes
                    .iter()
                    .position(|change| matches!(change.what, What::Entry { .. }));
                if let Some(at) = at {
                    changes.remove(at);
                    for change in &mut changes[at..] {
                        change.cursor -= 1;
                    }
                }
            },
            "SEQ_GAP",
        ),
        (
            "an entry's signature is another",
            |changes| {
                for change in changes {
                    if let What::Entry { entry, .. } = &mut change.what {
                        let mut read = vitalwitness_proof::entry::Entry::decode(&entry.0).unwrap();
                        read.signed.signature[40] ^= 1;
                        entry.0 = read.encode();
                    }
                }
            },
            "ENTRY_SIGNATURE",
        ),
    ];
    for (why, lie, code) in cases {
        let town = Town::new().await;
        let phone = town.phone("p").await;
        phone.add(HEART, NOON, 10);
        let transport = Liar::before(town.transport(), move |target, body| {
            if !target.starts_with("/v1/changes") {
                return body;
            }
            let mut page: Changes = serde_json::from_slice(&body).unwrap();
            lie(&mut page.changes);
            serde_json::to_vec(&page).unwrap()
        });
        let report = crate::town::sync(&phone.vault, &transport, &town.time).await;
        assert_eq!(report.frozen.as_deref(), Some(code), "{why}");
        assert_eq!(phone.vault.evidence().unwrap().len(), 1, "{why}");
    }
}

#[tokio::test]
async fn an_entry_that_the_signed_tree_does_not_hold_is_caught() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 10);
    let transport = Liar::before(town.transport(), |target, body| {
        if !target.starts_with("/v1/log/inclusion") {
            return body;
        }
        let mut proof: Proof = serde_json::from_slice(&body).unwrap();
        proof.nodes[0].0[5] ^= 4;
        serde_json::to_vec(&proof).unwrap()
    });
    let report = crate::town::sync(&phone.vault, &transport, &town.time).await;
    assert_eq!(report.frozen.as_deref(), Some("ENTRY_MISMATCH"));
}

#[tokio::test]
async fn a_request_whose_grantee_key_the_cloud_replaced_cannot_be_granted() {
    // the cloud swaps what it can: the certificate, the sealed document, the proof, the event
    let cases: [(&str, u8); 5] = [
        ("request_document", 0),
        ("cert_organisation", 1),
        ("request_proof", 2),
        ("request_signature", 3),
        ("cert_chain", 4),
    ];
    for (expect, how) in cases {
        let town = Town::new().await;
        let phone = town.phone("p").await;
        phone.add(HEART, NOON, 10);
        phone.sync().await;
        let code = phone.vault.share_code(1).unwrap();
        let clinic = Clinic::enrol(&town, "Seehof Clinic").await;
        let mallory = Clinic::enrol(&town, "Mallory Ltd").await;
        let forged = mallory.request(&code, &scope(1, &[HEART])).await;
        let stranger = Town::new().await;
        let foreign = Clinic::enrol(&stranger, "Seehof Clinic").await;
        let other_authority = foreign.enrolment.organisation_certificate.clone();
        let id = clinic.ask(&code, &scope(1, &[HEART])).await;
        let transport = Liar::before(town.transport(), move |target, body| {
            if !target.starts_with("/v1/changes") {
                return body;
            }
            let mut page: Changes = serde_json::from_slice(&body).unwrap();
            for change in &mut page.changes {
                if let What::Request { request } = &mut change.what {
                    match how {
                        0 => request.sealed = forged.sealed.clone(),
                        1 => request.organisation = forged.organisation.clone(),
                        2 => request.proof = forged.proof,
                        3 => request.event.signature = Sig64([7; 64]),
                        _ => request.organisation = other_authority.clone(),
                    }
                }
            }
            serde_json::to_vec(&page).unwrap()
        });
        crate::town::sync(&phone.vault, &transport, &town.time).await;
        let refused = phone.vault.refused_requests().unwrap();
        let codes: Vec<&str> = refused
            .iter()
            .map(|refused| refused.code.as_str())
            .collect();
        assert_eq!(codes, [expect]);
        assert!(phone.vault.requests().unwrap().is_empty(), "{expect}");
        let granted = phone.vault.grant(&id, &LeaveOut::default(), NOON + DAY);
        assert!(
            matches!(granted, Err(Error::Share(ShareError::NotChecked))),
            "{expect}: {granted:?}"
        );
    }
}

#[tokio::test]
async fn an_organisation_that_is_not_in_the_log_is_no_organisation() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    let code = phone.vault.share_code(1).unwrap();
    let clinic = Clinic::enrol(&town, "Seehof Clinic").await;
    clinic.ask(&code, &scope(1, &[HEART])).await;
    let transport = Liar::before(town.transport(), |target, body| {
        if !target.starts_with("/v1/receipts/") {
            return body;
        }
        // another entry in its place
        let mut proof: vitalwitness_domain::wire::EntryProof =
            serde_json::from_slice(&body).unwrap();
        proof.logged = Logged {
            index: proof.logged.index + 1,
            ..proof.logged
        };
        serde_json::to_vec(&proof).unwrap()
    });
    crate::town::sync(&phone.vault, &transport, &town.time).await;
    let refused = phone.vault.refused_requests().unwrap();
    assert_eq!(refused[0].code, "directory");
}

#[tokio::test]
async fn an_envelope_that_no_device_of_the_owner_signed_is_refused() {
    let town = Town::new().await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    let code = phone.vault.share_code(1).unwrap();
    let clinic = Clinic::enrol(&town, "Seehof Clinic").await;
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    phone.sync().await;
    phone
        .vault
        .grant(&id, &LeaveOut::default(), NOON + DAY)
        .unwrap();
    phone.sync().await;
    let granted = clinic.grants().await.remove(0);
    let manifest = clinic.manifest(granted.terms.grant).await.unwrap();
    let good = &manifest.envelopes[0];
    assert!(clinic.open_envelope(&granted, good).await.is_ok());
    let mut unsigned = good.clone();
    unsigned.signature = Sig64([0; 64]);
    let refused = clinic.open_envelope(&granted, &unsigned).await;
    assert_eq!(refused.unwrap_err(), "envelope_signature");
    // sealed anew to the clinic by somebody else, under the owner's name
    let mut replaced = good.clone();
    let other = SoftwareKey::derive(&[9; 32]).unwrap();
    replaced.enc.0 = hpke_spki(&other)[26..].to_vec();
    let refused = clinic.open_envelope(&granted, &replaced).await;
    assert_eq!(refused.unwrap_err(), "envelope_signature");
}
