//! A full account, and what the cloud can see.

use crate::town::{DAY, HEART, NOON, SLEEP, Town, all, files, in_state, value};
use vitalwitness_domain::record::{Body, NoteBody, Record};
use vitalwitness_tests::demo::cloud_view::layers;
use vitalwitness_vault::Seal;
use vitalwitness_vault::share::LeaveOut;
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::sync::QuotaLevel;

#[tokio::test]
async fn a_full_account_says_so_at_80_and_100_percent_and_collecting_goes_on() {
    let town = Town::with(|config| config.limits.quota_bytes = 4_000).await;
    let phone = town.phone("p").await;
    let mut levels = Vec::new();
    for day in 0..12 {
        let start = NOON - (400 - 31 * day) * DAY;
        phone.add(HEART, start, 20);
        let report = phone.vault.sync_all(&phone.transport).await.unwrap();
        levels.push(report.quota_level());
        assert_eq!(phone.vault.quota().unwrap().1, report.quota_level());
    }
    assert!(levels.is_sorted(), "{levels:?}");
    assert!(levels.contains(&QuotaLevel::Filling), "{levels:?}");
    assert_eq!(levels.last(), Some(&QuotaLevel::Full));
    assert_eq!(all(&phone.vault).len(), 240, "collecting never stops");
    assert!(
        in_state(&phone.vault, BatchState::Queued) > 0,
        "the rest waits"
    );
    assert!(
        phone.vault.set_aside().unwrap().is_empty(),
        "nothing is set aside"
    );
}

#[tokio::test]
async fn a_phone_whose_first_batch_finds_no_room_knows_how_much_is_used() {
    let town = Town::with(|config| config.limits.quota_bytes = 1_200).await;
    let phone = town.phone("p").await;
    phone.add(HEART, NOON, 1_000);
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert!(report.storage_full);
    let quota = report.quota.unwrap();
    assert_eq!(quota.limit, 1_200);
    assert!(quota.used > 500, "its secrets are there: {quota:?}");
}

#[tokio::test]
async fn all_that_the_cloud_holds_shows_no_value_name_code_scope_or_exact_time() {
    let mut town = Town::new().await;
    let phone = town.phone("p").await;
    let clinic = crate::clinic::Clinic::enrol(&town, "Seehof Clinic").await;
    let at = NOON - DAY + 123_457;
    let note = Record::typed(
        at,
        120,
        Body::Note {
            kind: "dermatology".to_owned(),
            text: NoteBody::Text("rash on the left forearm".to_owned()),
        },
    );
    phone.vault.add(note).unwrap();
    phone.vault.add(value(SLEEP, at, 777)).unwrap();
    phone.add(HEART, at, 50);
    phone.vault.seal(Seal::All).unwrap();
    phone.sync().await;
    let code = phone.vault.share_code(1).unwrap();
    let request = clinic.ask(&code, &crate::clinic::scope(1, &[HEART])).await;
    phone.sync().await;
    phone
        .vault
        .grant(&request, &LeaveOut::default(), NOON + 30 * DAY)
        .unwrap();
    phone.sync().await;
    town.stop().await;

    // each too long to be met by chance in base64, or with a sign that base64 has not
    let mut secret: Vec<Vec<u8>> = [
        HEART,
        SLEEP,
        "8867-4",
        "93832-4",
        "loinc|",
        "dermatology",
        "rash on",
        "forearm",
        crate::clinic::PURPOSE,
        "\"obs/1\"",
        "eobs/1",
        "fnote/1",
        "\"/min\"",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for time in [at, at + 60_000, at + 49 * 60_000] {
        secret.push(time.to_string().into_bytes());
        secret.push(time.to_be_bytes()[2..].to_vec());
        secret.push(time.to_le_bytes()[..6].to_vec());
    }
    let words = phone.kit.words().unwrap();
    secret.push(words.as_bytes().to_vec());
    let (mut seen, mut told) = (0, false);
    for (path, bytes) in files(&town.data()) {
        seen += bytes.len();
        for layer in layers(bytes) {
            let lower = layer.to_ascii_lowercase();
            let holds = |needle: &[u8]| lower.windows(needle.len()).any(|window| window == needle);
            for needle in &secret {
                let text = String::from_utf8_lossy(needle);
                assert!(!holds(needle), "{} holds {text}", path.display());
            }
            told |= holds(b"seehof clinic");
        }
    }
    assert!(
        told,
        "the clinic's name, which is public, is found in its certificate"
    );
    assert!(seen > 50_000, "there was something to search: {seen} bytes");
}
