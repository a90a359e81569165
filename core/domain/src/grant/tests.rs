#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that fails should panic; a table of cases stays whole"
)]

use super::*;
use crate::scope::{Codes, Scope, ScopeItem};
use crate::stream::{Granularity, StreamId};
use proptest::prelude::*;

const T0: i64 = 1_775_200_000_000;
const DAY: i64 = 86_400_000;
const DENTIST: Id = [0xd0; 16];
const DOCTOR: Id = [0xd1; 16];
const HEART_RATE: &str = "loinc|8867-4";

fn channel(category: Category) -> Id {
    let mut channel = [0x44; 16];
    channel[0] = category.byte();
    channel
}

fn dentist() -> Caller {
    Caller {
        organisation: DENTIST,
        person: DOCTOR,
        role: Role::Provider,
    }
}

fn document(category: Category, code: &str, rights: Rights) -> GrantDocument {
    GrantDocument {
        id: [category.byte(); 16],
        owner: [2; 16],
        channel: channel(category),
        organisation: DENTIST,
        person: None,
        hpke_key: [3; 16],
        purpose: "treatment of tooth 24".to_owned(),
        scope: Scope::new(vec![ScopeItem {
            category,
            codes: Codes::only([code]),
            from: "2026-03".parse().unwrap(),
            to: "2026-05".parse().unwrap(),
            episode: None,
        }])
        .unwrap(),
        rights,
        not_before_ms: T0,
        expiry_ms: T0 + 60 * DAY,
        granularity: Granularity::Raw,
        policy: "conditions-1".to_owned(),
    }
}

fn heart_rate() -> GrantDocument {
    document(Category::Personal, HEART_RATE, Rights::READ)
}

fn asked() -> Asked {
    Asked {
        hash: [9; 32],
        channel: channel(Category::Personal),
        organisation: DENTIST,
        wanted_end_ms: T0 + 90 * DAY,
    }
}

fn requested() -> Share {
    Share::requested(asked())
}

fn granted() -> Share {
    requested()
        .apply(Event::Grant(heart_rate().terms()), T0)
        .unwrap()
}

fn every_event() -> [Event; 4] {
    [
        Event::Grant(heart_rate().terms()),
        Event::Deny,
        Event::Revoke,
        Event::Expire,
    ]
}

fn stream(category: Category, code: &str, month: &str, granularity: Granularity) -> StreamId {
    StreamId {
        category: category.byte(),
        code: code.to_owned(),
        episode: None,
        granularity,
        month: month.parse().unwrap(),
    }
}

#[test]
fn a_request_is_granted_denied_or_runs_out() {
    let late = T0 + 90 * DAY;
    assert_eq!(granted().state(), State::Granted);
    assert_eq!(granted().asked(), Some(&asked()));
    let denied = requested().apply(Event::Deny, T0).unwrap();
    assert_eq!(denied.state(), State::Denied);
    let expired = requested().apply(Event::Expire, late).unwrap();
    assert_eq!(expired.state(), State::Expired);
}

#[test]
fn a_request_cannot_be_revoked() {
    assert_eq!(
        requested().apply(Event::Revoke, T0),
        Err(Refused::NotGranted)
    );
}

#[test]
fn a_request_does_not_run_out_before_its_wanted_end() {
    let early = T0 + 90 * DAY - 1;
    assert_eq!(
        requested().apply(Event::Expire, early),
        Err(Refused::NotYet)
    );
}

#[test]
fn a_grant_must_answer_its_request() {
    let terms = heart_rate().terms();
    for other in [
        Terms {
            organisation: [1; 16],
            ..terms
        },
        Terms {
            channel: channel(Category::Insurance),
            ..terms
        },
    ] {
        assert_eq!(
            requested().apply(Event::Grant(other), T0),
            Err(Refused::NotParty)
        );
    }
}

#[test]
fn a_grant_that_is_over_or_ends_before_it_begins_is_refused() {
    let terms = heart_rate().terms();
    for (terms, now) in [
        (terms, terms.expiry_ms),
        (
            Terms {
                not_before_ms: terms.expiry_ms,
                ..terms
            },
            T0,
        ),
    ] {
        assert_eq!(
            requested().apply(Event::Grant(terms), now),
            Err(Refused::Expired)
        );
        assert_eq!(Share::granted(terms, now), Err(Refused::Expired));
    }
}

#[test]
fn a_grant_is_not_granted_or_denied_again() {
    for event in [Event::Grant(heart_rate().terms()), Event::Deny] {
        assert_eq!(
            granted().apply(event, T0 + DAY),
            Err(Refused::Granted),
            "{event:?}"
        );
    }
}

#[test]
fn a_grant_does_not_expire_early() {
    let end = T0 + 60 * DAY;
    assert_eq!(
        granted().apply(Event::Expire, end - 1),
        Err(Refused::NotYet)
    );
    assert_eq!(
        granted().apply(Event::Expire, end).unwrap().state(),
        State::Expired
    );
}

#[test]
fn a_denied_request_stays_denied() {
    let denied = requested().apply(Event::Deny, T0).unwrap();
    for event in every_event() {
        assert_eq!(
            denied.apply(event, T0 + DAY),
            Err(Refused::Denied),
            "{event:?}"
        );
    }
    let refused = denied.authorize(&dentist(), Deed::Read, T0 + DAY);
    assert_eq!(refused, Err(Refused::Denied));
    assert_eq!(denied.asked(), Some(&asked()), "and is remembered");
}

#[test]
fn a_revoked_grant_stays_revoked() {
    let revoked = granted().apply(Event::Revoke, T0 + DAY).unwrap();
    for event in every_event() {
        assert_eq!(
            revoked.apply(event, T0 + 99 * DAY),
            Err(Refused::Revoked),
            "{event:?}"
        );
    }
    let refused = revoked.authorize(&dentist(), Deed::Read, T0 + DAY);
    assert_eq!(refused, Err(Refused::Revoked));
}

#[test]
fn an_expired_grant_can_only_be_revoked() {
    let expired = granted().apply(Event::Expire, T0 + 60 * DAY).unwrap();
    let revoked = expired.apply(Event::Revoke, T0 + 61 * DAY).unwrap();
    assert_eq!(revoked.state(), State::Revoked);
    for event in [every_event()[0], Event::Deny, Event::Expire] {
        assert_eq!(
            expired.apply(event, T0 + 61 * DAY),
            Err(Refused::Expired),
            "{event:?}"
        );
    }
    let unanswered = requested().apply(Event::Expire, T0 + 90 * DAY).unwrap();
    for event in every_event() {
        assert_eq!(
            unanswered.apply(event, T0 + 91 * DAY),
            Err(Refused::Expired),
            "{event:?}"
        );
    }
}

#[test]
fn access_needs_a_live_grant_to_this_caller_with_this_right() {
    let one_person = Terms {
        person: Some(DOCTOR),
        ..heart_rate().terms()
    };
    let named = Share::granted(one_person, T0).unwrap();
    let stranger = Caller {
        organisation: [1; 16],
        ..dentist()
    };
    let colleague = Caller {
        person: [1; 16],
        ..dentist()
    };
    let insurer = Caller {
        role: Role::Insurer,
        ..dentist()
    };
    let end = T0 + 60 * DAY;
    for (why, share, caller, deed, now, refused) in [
        (
            "stranger",
            granted(),
            stranger,
            Deed::Read,
            T0,
            Refused::NotParty,
        ),
        (
            "stranger, revoked",
            granted().apply(Event::Revoke, T0).unwrap(),
            stranger,
            Deed::Read,
            T0,
            Refused::NotParty,
        ),
        (
            "stranger, asked",
            requested(),
            stranger,
            Deed::Read,
            T0,
            Refused::NotParty,
        ),
        (
            "colleague",
            named,
            colleague,
            Deed::Read,
            T0,
            Refused::NotParty,
        ),
        (
            "unanswered",
            requested(),
            dentist(),
            Deed::Read,
            T0,
            Refused::NotGranted,
        ),
        (
            "early",
            granted(),
            dentist(),
            Deed::Read,
            T0 - 1,
            Refused::NotYet,
        ),
        (
            "late",
            granted(),
            dentist(),
            Deed::Read,
            end,
            Refused::Expired,
        ),
        (
            "append",
            granted(),
            dentist(),
            Deed::Append,
            T0,
            Refused::TableOne,
        ),
        (
            "insurer",
            granted(),
            insurer,
            Deed::Append,
            T0,
            Refused::TableOne,
        ),
        ("act", granted(), dentist(), Deed::Act, T0, Refused::NoRight),
    ] {
        assert_eq!(share.authorize(&caller, deed, now), Err(refused), "{why}");
    }
    let access = granted()
        .authorize(&dentist(), Deed::Read, end - 1)
        .unwrap();
    assert_eq!(access.grant(), &[1; 16]);
    assert_eq!(access.channel(), &channel(Category::Personal));
    assert_eq!((access.receiver(), access.deed()), (&DENTIST, Deed::Read));
    assert_eq!((access.end_ms(), access.caller()), (end, &dentist()));
    let access = named.authorize(&dentist(), Deed::Read, T0).unwrap();
    assert_eq!(access.receiver(), &DOCTOR);
}

/// The paper's example: the dentist reads and writes the dental history, sees daily heart rates,
/// and sees nothing of the insurance.
#[test]
fn the_dentist_does_not_see_insurance_history() {
    let dental = document(Category::MedicalHistory, "dentistry", Rights::READ_APPEND);
    let mut heart = heart_rate();
    heart.granularity = Granularity::Daily;
    let dental_share = Share::granted(dental.terms(), T0).unwrap();
    let heart_share = Share::granted(heart.terms(), T0).unwrap();
    let (raw, daily) = (Granularity::Raw, Granularity::Daily);
    let april = "2026-04";
    let tooth = stream(Category::MedicalHistory, "dentistry", april, raw);
    let knee = stream(Category::MedicalHistory, "orthopaedics", april, raw);
    let later = stream(Category::MedicalHistory, "dentistry", "2026-06", raw);
    let cover = stream(Category::Insurance, "cover", april, raw);
    let pulse = stream(Category::Personal, HEART_RATE, april, raw);
    let pulse_a_day = stream(Category::Personal, HEART_RATE, april, daily);
    for (why, document, share, stream, deed, expect) in [
        (
            "dental history",
            &dental,
            &dental_share,
            &tooth,
            Deed::Read,
            None,
        ),
        (
            "a new filling",
            &dental,
            &dental_share,
            &tooth,
            Deed::Append,
            None,
        ),
        (
            "the knee",
            &dental,
            &dental_share,
            &knee,
            Deed::Read,
            Some(Refused::OutOfScope),
        ),
        (
            "after the end",
            &dental,
            &dental_share,
            &later,
            Deed::Read,
            Some(Refused::OutOfScope),
        ),
        (
            "insurance",
            &dental,
            &dental_share,
            &cover,
            Deed::Read,
            Some(Refused::OutOfScope),
        ),
        (
            "daily pulse",
            &heart,
            &heart_share,
            &pulse_a_day,
            Deed::Read,
            None,
        ),
        (
            "every pulse",
            &heart,
            &heart_share,
            &pulse,
            Deed::Read,
            Some(Refused::OutOfScope),
        ),
        (
            "write pulse",
            &heart,
            &heart_share,
            &pulse_a_day,
            Deed::Append,
            Some(Refused::TableOne),
        ),
        (
            "other grant",
            &heart,
            &dental_share,
            &pulse_a_day,
            Deed::Read,
            Some(Refused::NotParty),
        ),
    ] {
        let result = document.authorize(share, &dentist(), stream, deed, T0 + DAY);
        assert_eq!(result.err(), expect, "{why}");
    }
    let insurance = document(Category::Insurance, "cover", Rights::READ_APPEND);
    assert_eq!(
        insurance.check_for(Role::Provider),
        Err(GrantError::TableOne)
    );
}

#[test]
fn a_document_comes_back_from_its_one_encoding() {
    let mut named = document(Category::MedicalHistory, "dentistry", Rights::READ_APPEND);
    named.person = Some(DOCTOR);
    named.granularity = Granularity::Daily;
    for document in [heart_rate(), named] {
        let bytes = document.encode();
        let read = GrantDocument::decode(&bytes).unwrap();
        assert!(read == document);
        assert_eq!(read.encode(), bytes);
        assert_eq!(read.hash(), document.hash());
        let mut other = document.clone();
        other.id = [0; 16];
        assert_ne!(other.hash(), document.hash());
    }
}

#[test]
fn a_document_that_contradicts_itself_is_refused() {
    let with = |change: &dyn Fn(&mut GrantDocument)| {
        let mut document = heart_rate();
        change(&mut document);
        GrantDocument::decode(&document.encode()).unwrap_err()
    };
    for (why, found, expect) in [
        (
            "directory",
            with(&|d| d.channel[0] = 0),
            GrantError::Category,
        ),
        (
            "category",
            with(&|d| d.channel[0] = 2),
            GrantError::Category,
        ),
        (
            "dates",
            with(&|d| d.expiry_ms = d.not_before_ms),
            GrantError::Dates,
        ),
        (
            "rights",
            with(&|d| d.rights = Rights::default()),
            GrantError::NoRight,
        ),
        (
            "purpose",
            with(&|d| d.purpose = " ".to_owned()),
            GrantError::Purpose,
        ),
        (
            "long",
            with(&|d| d.purpose = "x".repeat(1_025)),
            GrantError::Purpose,
        ),
    ] {
        assert_eq!(found, expect, "{why}");
    }
    let mut composed = heart_rate();
    composed.purpose = "caf\u{e9}".to_owned();
    let mut decomposed = heart_rate();
    decomposed.purpose = "cafe\u{301}".to_owned();
    assert_eq!(composed.hash(), decomposed.hash());
    let mut newer = heart_rate().encode();
    newer[1] = 2;
    assert_eq!(GrantDocument::decode(&newer), Err(GrantError::NewerVersion));
    assert_eq!(GrantDocument::decode(&[0x80]), Err(GrantError::Malformed));
    assert_eq!(
        RequestDocument::decode(&heart_rate().encode()),
        Err(GrantError::Malformed)
    );
}

#[test]
fn a_request_comes_back_and_its_hash_is_salted() {
    let request = RequestDocument {
        salt: [5; 16],
        scope: heart_rate().scope,
        purpose: "check-up".to_owned(),
        hpke_spki: vec![4; 91],
        message: String::new(),
        rights: Rights::READ,
        granularity: Granularity::Daily,
    };
    let read = RequestDocument::decode(&request.encode()).unwrap();
    assert!(read == request);
    assert_eq!(read.hash(), request.scope.request_hash(&[5; 16]));
}

proptest! {
    #[test]
    fn hostile_documents_never_panic(index in 0..400_usize, byte: u8, cut in 0..400_usize) {
        let mut bytes = heart_rate().encode();
        let length = bytes.len();
        bytes[index % length] = byte;
        if cut % 2 == 0 {
            bytes.truncate(length - (cut / 2) % length);
        }
        if let Ok(document) = GrantDocument::decode(&bytes) {
            prop_assert_eq!(document.encode(), bytes);
        }
    }

    #[test]
    fn no_order_of_events_brings_access_back_after_a_no(
        events in proptest::collection::vec((0..4_usize, 0..100_i64), 0..12),
    ) {
        let mut share = requested();
        let mut closed = false;
        for (index, day) in events {
            let event = every_event()[index];
            let now = T0 + day * DAY;
            if let Ok(next) = share.apply(event, now) {
                closed |= matches!(event, Event::Deny | Event::Revoke | Event::Expire);
                share = next;
            }
            let access = share.authorize(&dentist(), Deed::Read, now);
            prop_assert!(!(closed && access.is_ok()));
        }
    }
}
