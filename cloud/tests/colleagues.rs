//! The organisation's key goes from who holds it to who is certified there, and to nobody else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use std::path::Path;
use support::{Client, Clinic, Key, base, directory_entry, enrol_clinic, now_ms, server};
use vitalwitness_domain::cert::verify_person;
use vitalwitness_domain::wire::{
    Bytes, Colleagues, Enrolment, EnrolmentCode, HandedKey, Id16, KeyHandover, Role, Sealed, slug,
};

async fn second(base: &str, folder: &Path, clinic: &Clinic, name: &str) -> (Client, Key) {
    let mut client = Client::new(base.to_owned());
    let path = format!(
        "/v1/operator/organisations/{}/codes",
        clinic.organisation.id()
    );
    let code: EnrolmentCode = support::operator::<()>(&client, folder, &path, None)
        .await
        .json();
    let person = Key::of(name);
    let body = support::enrolment(name, &code.code, None, &person);
    let enrolment: Enrolment = client.post("/v1/enrolments", &body).await.json();
    let der = &enrolment.person_certificate;
    let end = verify_person(&der.0, &enrolment.ca.0, now_ms())
        .unwrap()
        .not_after_ms;
    let entry = directory_entry(&person, der, end);
    client.post("/v1/directory", &entry).await.ok();
    client.sign_in(&person).await.unwrap().ok();
    (client, person)
}

fn handover(organisation: Id16, by: &Key, to: Id16, byte: u8) -> KeyHandover {
    let sealed = Sealed {
        enc: Bytes(vec![4; 65]),
        ciphertext: Bytes(vec![byte; 48]),
    };
    let message = KeyHandover::message("vitalwitness.local/log", organisation, to, &sealed);
    KeyHandover {
        to,
        by: by.id(),
        signature: by.sign(&message),
        sealed,
    }
}

/// Who of the organisation holds the key, in the order they came.
async fn holds(clinic: &Clinic) -> Vec<bool> {
    let told: Colleagues = clinic.client.get("/v1/colleagues").await.json();
    assert!(told.colleagues.iter().all(|it| it.logged.is_some()));
    told.colleagues.iter().map(|it| it.holds).collect()
}

fn to(key: &Key) -> String {
    format!("/v1/colleagues/{}/key", key.id())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_holder_hands_the_key_over_and_only_to_a_colleague() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let other = enrol_clinic(&base, folder.path(), "Other", Role::Provider).await;
    let (eva, eva_key) = second(&base, folder.path(), &clinic, "eva").await;
    let (tom, tom_key) = second(&base, folder.path(), &clinic, "tom").await;
    let id = clinic.organisation.id();
    assert_eq!(holds(&clinic).await, [true, false, false]);
    let told: Colleagues = other.client.get("/v1/colleagues").await.json();
    assert_eq!(told.colleagues.len(), 1, "of the own organisation alone");
    assert_eq!(
        eva.get("/v1/organisation-key").await.code(),
        slug::NOT_FOUND
    );

    let good = handover(id, &clinic.person, eva_key.id(), 1);
    let mut unsigned = good.clone();
    unsigned.sealed.ciphertext = Bytes(vec![2; 48]);
    let mut long = good.clone();
    long.sealed.ciphertext = Bytes(vec![2; 513]);
    let own = &clinic.client;
    let foreign = handover(other.organisation.id(), &other.person, eva_key.id(), 3);
    let cases = [
        (
            "other bytes than were signed",
            own,
            to(&eva_key),
            unsigned,
            slug::FORBIDDEN,
        ),
        ("too long", own, to(&eva_key), long, slug::TOO_LARGE),
        (
            "another path",
            own,
            to(&tom_key),
            good.clone(),
            slug::BAD_REQUEST,
        ),
        (
            "in another's name",
            &tom,
            to(&eva_key),
            good.clone(),
            slug::BAD_REQUEST,
        ),
        (
            "from another organisation",
            &other.client,
            to(&eva_key),
            foreign,
            slug::NOT_FOUND,
        ),
        (
            "to another organisation",
            own,
            to(&other.person),
            handover(id, &clinic.person, other.person.id(), 4),
            slug::NOT_FOUND,
        ),
        (
            "to the organisation itself",
            own,
            to(&clinic.organisation),
            handover(id, &clinic.person, id, 4),
            slug::NOT_FOUND,
        ),
        (
            "by who waits",
            &tom,
            to(&eva_key),
            handover(id, &tom_key, eva_key.id(), 5),
            slug::FORBIDDEN,
        ),
        (
            "to who brought it",
            own,
            to(&clinic.person),
            handover(id, &clinic.person, clinic.person.id(), 6),
            slug::CONFLICT,
        ),
    ];
    for (why, client, path, body, code) in cases {
        assert_eq!(client.post(&path, &body).await.code(), code, "{why}");
    }
    assert_eq!(holds(&clinic).await, [true, false, false]);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_handed_the_key_hands_it_on_and_it_stays_until_its_receiver_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let (eva, eva_key) = second(&base, folder.path(), &clinic, "eva").await;
    let (tom, tom_key) = second(&base, folder.path(), &clinic, "tom").await;
    let (id, own) = (clinic.organisation.id(), &clinic.client);
    let good = handover(id, &clinic.person, eva_key.id(), 1);
    own.post(&to(&eva_key), &good).await.ok();
    own.post(&to(&eva_key), &good).await.ok();
    let handed: HandedKey = eva.get("/v1/organisation-key").await.json();
    assert_eq!(handed.handover, good);
    assert_eq!(handed.certificate, clinic.enrolment.person_certificate);
    assert_eq!(
        tom.get("/v1/organisation-key").await.code(),
        slug::NOT_FOUND
    );
    let on = handover(id, &eva_key, tom_key.id(), 7);
    eva.post(&to(&tom_key), &on).await.ok();
    let again = handover(id, &clinic.person, tom_key.id(), 8);
    let refused = own.post(&to(&tom_key), &again).await;
    assert_eq!(refused.code(), slug::CONFLICT, "no holder replaces it");
    eva.post(&to(&tom_key), &on).await.ok();
    let handed: HandedKey = tom.get("/v1/organisation-key").await.json();
    assert_eq!(handed.handover, on);
    assert_eq!(holds(&clinic).await, [true, true, true]);
    // it did not open
    tom.delete("/v1/organisation-key").await.ok();
    tom.delete("/v1/organisation-key").await.ok();
    assert_eq!(holds(&clinic).await, [true, true, false]);
    let code = tom.get("/v1/organisation-key").await.code();
    assert_eq!(code, slug::NOT_FOUND);
    let passed = handover(id, &tom_key, eva_key.id(), 9);
    let refused = tom.post(&to(&eva_key), &passed).await;
    assert_eq!(refused.code(), slug::FORBIDDEN, "who gave it back has none");
    own.post(&to(&tom_key), &again).await.ok();
    let handed: HandedKey = tom.get("/v1/organisation-key").await.json();
    assert_eq!(handed.handover, again);
    // what was brought is not given back
    own.delete("/v1/organisation-key").await.ok();
    assert_eq!(holds(&clinic).await, [true, true, true]);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_ends_its_session_as_everybody_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let watch = enrol_clinic(&base, folder.path(), "Watch", Role::Auditor).await;
    let target = "/v1/log/entries?from=0";
    watch.client.get(target).await.ok();
    watch.client.delete("/v1/session").await.ok();
    assert_eq!(watch.client.get(target).await.code(), slug::SESSION);
    server.shutdown().await;
}
