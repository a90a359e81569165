//! A log that tells each of us another history is found by exchanging one receipt.

use crate::cli::run;
use crate::clinic::{Clinic, scope};
use crate::town::{DAY, HEART, NOON, Phone, Town, files};
use std::path::Path;
use vitalwitness_domain::evidence::Evidence as File;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::Rejection;
use vitalwitness_vault::share::LeaveOut;
use vitalwitness_vault::{Compared, Disclosure};

/// Two clouds with one log key: the second began as a copy of the first, then told its own story.
async fn forked() -> (Town, Town, Phone, Phone) {
    let mut one = Town::new().await;
    let ada = one.phone("ada").await;
    ada.add(HEART, NOON, 10);
    ada.sync().await;
    one.stop().await;
    let mut two = Town::new().await;
    two.stop().await;
    std::fs::remove_dir_all(two.data()).unwrap();
    for (path, bytes) in files(&one.data()) {
        let to = two.data().join(path.strip_prefix(one.data()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }
    one.start().await;
    two.start().await;
    let mut ada = ada;
    ada.transport = one.transport();
    let mut settings = ada.vault.cloud().unwrap().unwrap();
    settings.url = one.url();
    ada.vault.connect(&settings).unwrap();
    let bob = two.phone("bob").await;
    (one, two, ada, bob)
}

fn receipt(phone: &Phone) -> Vec<u8> {
    let rc = crate::town::all(&phone.vault).last().unwrap().1;
    phone.vault.receipt(&rc, &Disclosure::None).unwrap()
}

fn size(phone: &Phone, town_origin: &str) -> u64 {
    let head = phone.vault.head(town_origin).unwrap().unwrap();
    head.read().unwrap().checkpoint.size
}

/// What anyone says of the evidence, who has it and the trust bundle and nothing else.
async fn checked(dir: &Path, evidence: &File, trust: &str) -> (i32, serde_json::Value) {
    let (file, bundle) = (dir.join("evidence.json"), dir.join("trust.json"));
    std::fs::write(&file, evidence.to_json()).unwrap();
    std::fs::write(&bundle, trust).unwrap();
    let (file, bundle) = (file.to_str().unwrap(), bundle.to_str().unwrap());
    let ran = run(&["verify", "--evidence", file, "--trust", bundle, "--json"]).await;
    (ran.code, ran.json()["evidence"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receipt_shows_two_phones_that_their_log_forked() {
    let (one, _two, ada, bob) = forked().await;
    let origin = one.settings().await.origin;
    bob.add(HEART, NOON, 5);
    bob.sync().await;
    // to the same size: bob opened a channel with three keys and logged a batch
    while size(&ada, &origin) < size(&bob, &origin) {
        ada.add(HEART, NOON + DAY, 3);
        ada.sync().await;
    }
    assert_eq!(size(&ada, &origin), size(&bob, &origin));
    // no question to anybody
    let compared = ada.vault.compare(&receipt(&bob), None).await.unwrap();
    let Compared::Caught(evidence) = compared else {
        panic!("{compared:?}");
    };
    assert_eq!(evidence.code, "FORK");
    assert_eq!(
        ada.vault.evidence().unwrap(),
        std::slice::from_ref(&evidence)
    );
    let report = ada.vault.sync_all(&ada.transport).await.unwrap();
    assert_eq!(report.frozen.as_deref(), Some("FORK"));
    let trust = one.settings().await.trust;
    let (code, said) = checked(one.dir.path(), &evidence.to_file().unwrap(), &trust).await;
    assert_eq!(
        (code, &said["code"], &said["proven"]),
        (0, &"FORK".into(), &true.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_receipt_shows_a_fork_also_between_two_sizes() {
    let (one, _two, ada, bob) = forked().await;
    bob.add(HEART, NOON, 5);
    bob.sync().await;
    bob.add(HEART, NOON + DAY, 5);
    bob.sync().await;
    ada.add(HEART, NOON + DAY, 3);
    ada.sync().await;
    let trust = one.settings().await.trust;
    // the other way round too, each with what the own cloud answers
    for (me, other) in [(&ada, &bob), (&bob, &ada)] {
        let told = receipt(other);
        let transport = me.transport.clone();
        let compared = me.vault.compare(&told, Some(&transport)).await.unwrap();
        let Compared::Caught(evidence) = compared else {
            panic!("{compared:?}");
        };
        assert_eq!(evidence.code, "INCONSISTENT");
        let file = evidence.to_file().unwrap();
        let found = file.check(&parse_trust(&trust).unwrap()).unwrap();
        let (code, said) = checked(one.dir.path(), &file, &trust).await;
        assert_eq!(said["code"], "INCONSISTENT");
        assert_eq!(said["proven"], found.proven);
        assert_eq!(code, if found.proven { 0 } else { 3 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_log_is_not_accused_by_older_or_newer_receipts() {
    let town = Town::new().await;
    let (ada, bob) = (town.phone("ada").await, town.phone("bob").await);
    ada.add(HEART, NOON, 10);
    ada.sync().await;
    let older = receipt(&ada);
    for day in 1..4 {
        bob.add(HEART, NOON + day * DAY, 4);
        bob.sync().await;
    }
    let newer = receipt(&bob);
    let (a, b) = (ada.transport.clone(), bob.transport.clone());
    assert_eq!(
        ada.vault.compare(&newer, Some(&a)).await.unwrap(),
        Compared::SameList
    );
    assert_eq!(
        bob.vault.compare(&older, Some(&b)).await.unwrap(),
        Compared::SameList
    );
    assert_eq!(
        bob.vault.compare(&newer, None).await.unwrap(),
        Compared::SameList
    );

    // offline: kept, and settled by the next sync
    assert_eq!(
        ada.vault.compare(&newer, None).await.unwrap(),
        Compared::ToBeChecked
    );
    assert_eq!(ada.vault.to_be_compared().unwrap(), 1);
    let report = ada.sync().await;
    assert_eq!(
        (report.frozen, ada.vault.to_be_compared().unwrap()),
        (None, 0)
    );

    // who answers with anything but a word of the log accuses nobody
    for (status, code) in [(429_u16, "rate_limited"), (503, "unavailable"), (200, "")] {
        let line = crate::net::Refuser::before(a.clone(), "/v1/log/consistency", status, code);
        let compared = ada
            .vault
            .compare(&receipt(&bob), Some(&line))
            .await
            .unwrap();
        let known = size(&ada, &town.settings().await.origin);
        let same = known == size(&bob, &town.settings().await.origin);
        let expect = if same {
            Compared::SameList
        } else {
            Compared::ToBeChecked
        };
        assert_eq!(compared, expect, "{status}");
    }
    // a receipt that was changed says nothing about the log
    let mut changed = newer.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    let compared = ada.vault.compare(&changed, Some(&a)).await.unwrap();
    assert!(matches!(compared, Compared::Refused(_)), "{compared:?}");
    let stranger =
        Town::with(|config| "elsewhere.example/log".clone_into(&mut config.origin)).await;
    let carl = stranger.phone("carl").await;
    carl.add(HEART, NOON, 2);
    carl.sync().await;
    let other = ada.vault.compare(&receipt(&carl), Some(&a)).await.unwrap();
    assert_eq!(other, Compared::OtherLog);
    assert!(ada.vault.evidence().unwrap().is_empty());
    assert_eq!(ada.sync().await.frozen, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_kept_offline_shows_the_fork_at_the_next_sync() {
    let (_one, _two, ada, bob) = forked().await;
    ada.add(HEART, NOON + DAY, 3);
    ada.sync().await;
    bob.add(HEART, NOON, 5);
    bob.sync().await;
    // of a record before anything of ada's own can contradict it
    let compared = ada.vault.compare(&receipt(&bob), None).await.unwrap();
    if compared == Compared::ToBeChecked {
        assert_eq!(ada.sync().await.frozen.as_deref(), Some("INCONSISTENT"));
    } else {
        assert!(matches!(compared, Compared::Caught(_)));
    }
    assert_eq!(ada.vault.evidence().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_finds_the_fork_by_a_patients_receipt() {
    let (one, _two, ada, bob) = forked().await;
    let clinic = Clinic::enrol(&one, "Seehof Clinic").await;
    let code = ada.vault.share_code(1).unwrap();
    let id = clinic.ask(&code, &scope(1, &[HEART])).await;
    ada.sync().await;
    ada.vault
        .grant(&id, &LeaveOut::default(), NOON + DAY)
        .unwrap();
    ada.sync().await;
    bob.add(HEART, NOON, 5);
    bob.sync().await;
    // the papers of a clinic's work folder, as `enrol` and `fetch` leave them
    let home = one.dir.path().join("work");
    std::fs::create_dir_all(&home).unwrap();
    let head = one.client().open_text("/v1/log/checkpoint").await.unwrap();
    let settings = one.settings().await;
    let papers = serde_json::json!({
        "cloud": one.url(), "organisation": hex::encode(clinic.organisation.id()),
        "organisation_name": "Seehof Clinic", "role": "provider",
        "organisation_certificate": clinic.enrolment.organisation_certificate,
        "person": hex::encode(clinic.person.id()), "person_name": "Dr. Ada Meier",
        "person_certificate": clinic.enrolment.person_certificate,
        "ca": clinic.enrolment.ca, "trust": settings.trust, "head": head, "asked": [],
    });
    std::fs::write(home.join("work.json"), papers.to_string()).unwrap();
    let (told, honest) = (
        one.dir.path().join("bob.vwr"),
        one.dir.path().join("ada.vwr"),
    );
    std::fs::write(&told, receipt(&bob)).unwrap();
    std::fs::write(&honest, receipt(&ada)).unwrap();
    let found = one.dir.path().join("found");
    let compare = async |file: &Path| {
        let args = [
            "compare",
            file.to_str().unwrap(),
            "--home",
            home.to_str().unwrap(),
        ];
        let more = ["--out", found.to_str().unwrap(), "--json"];
        run(&[args.as_slice(), &more].concat()).await
    };
    let ran = compare(&honest).await;
    assert_eq!(
        (ran.code, ran.json()["compared"].as_str()),
        (0, Some("SAME_LIST")),
        "{ran:?}"
    );
    let ran = compare(&told).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = ran.json();
    assert!(["FORK", "INCONSISTENT"].contains(&said["compared"].as_str().unwrap()));
    let file = std::fs::read_to_string(said["evidence"].as_str().unwrap()).unwrap();
    let trust = parse_trust(&settings.trust).unwrap();
    let finding = File::parse(&file).unwrap().check(&trust).unwrap();
    assert!([Rejection::Fork, Rejection::Inconsistent].contains(&finding.code));
}
