//! Each rule of the table, refused and allowed.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]
#![allow(
    clippy::unnecessary_wraps,
    clippy::type_complexity,
    reason = "tables of cases"
)]

use super::*;
use proptest::prelude::*;
use vitalwitness_domain::wire::slug;
use vitalwitness_proof::Hash;

const NOW: i64 = 1_800_000_000_000;
const OWNER: Id16 = Id16([1; 16]);
const KEY: Id16 = Id16([2; 16]);
const ORGANISATION: Id16 = Id16([3; 16]);
const PERSON: Id16 = Id16([4; 16]);

fn event(kind: EventType, category: u8) -> Event {
    let mut channel = [7; 16];
    channel[0] = category;
    Event {
        kind,
        channel,
        owner: OWNER.0,
        receiver: None,
        recordhash: [9; 32],
        time: NOW,
        location: None,
        expiry: None,
        purpose: None,
    }
}

fn key(purpose: Purpose) -> Option<KeyFact> {
    Some(KeyFact {
        purpose: Some(purpose),
        revoked: false,
    })
}

fn grant(category: u8) -> GrantFact {
    GrantFact {
        channel: Id16(event(EventType::Grant, category).channel),
        organisation: ORGANISATION,
        person: None,
        read: true,
        append: true,
        not_before: 0,
        expiry: NOW + 1000,
        revoked: false,
    }
}

fn facts() -> Facts {
    Facts {
        owner: Some(OWNER),
        ..Facts::default()
    }
}

fn as_person(role: Role, category: u8) -> Facts {
    Facts {
        person: Some(PersonFact {
            organisation: ORGANISATION,
            role,
        }),
        grant: Some(grant(category)),
        ..facts()
    }
}

fn to_organisation(kind: EventType, category: u8) -> Event {
    Event {
        receiver: Some(ORGANISATION.0),
        ..event(kind, category)
    }
}

fn granting(category: u8, role: Role, change: impl Fn(&mut GrantFact)) -> (Event, Facts) {
    let mut terms = grant(category);
    change(&mut terms);
    let event = Event {
        expiry: Some(terms.expiry),
        receiver: Some(terms.receiver().0),
        ..event(EventType::Grant, category)
    };
    let facts = Facts {
        key: key(Purpose::Grant),
        grant: Some(terms),
        receiver_role: Some(role),
        ..facts()
    };
    (event, facts)
}

fn asked() -> Target {
    Target::Request {
        receiver: ORGANISATION,
    }
}

fn granted(revoked: bool) -> Target {
    Target::Grant {
        revoked,
        receiver: ORGANISATION,
    }
}

fn code(result: Result<(), Refusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.code, |()| "ok")
}

#[test]
fn only_a_device_key_signs_batches_and_only_a_grant_key_grants() {
    for (purpose, batch, deny) in [
        (Some(Purpose::Device), "ok", slug::EVENT_REFUSED),
        (Some(Purpose::Grant), slug::EVENT_REFUSED, "ok"),
        (Some(Purpose::Delegate), slug::EVENT_REFUSED, "ok"),
        (None, slug::EVENT_REFUSED, slug::EVENT_REFUSED),
    ] {
        for revoked in [false, true] {
            let facts = Facts {
                key: Some(KeyFact { purpose, revoked }),
                target: asked(),
                ..facts()
            };
            for (kind, wanted) in [(EventType::Batch, batch), (EventType::Deny, deny)] {
                let wanted = if revoked { slug::EVENT_REFUSED } else { wanted };
                let got = code(admit(&event(kind, 1), KEY, &facts, NOW));
                assert_eq!(got, wanted, "{purpose:?} {kind:?} revoked: {revoked}");
            }
        }
    }
    let got = code(admit(&event(EventType::Batch, 1), KEY, &facts(), NOW));
    assert_eq!(got, slug::EVENT_REFUSED, "a key that is not enrolled");
}

#[test]
fn the_owner_and_a_grantee_append_only_where_table_i_lets_them() {
    for category in 1..=3 {
        let facts = Facts {
            key: key(Purpose::Device),
            ..facts()
        };
        let wanted = if category == 1 { "ok" } else { slug::FORBIDDEN };
        let got = code(admit(&event(EventType::Batch, category), KEY, &facts, NOW));
        assert_eq!(got, wanted, "owner in {category}");
        for (role, home) in [(Role::Provider, 2), (Role::Insurer, 3)] {
            let event = to_organisation(EventType::Batch, category);
            let wanted = if category == home {
                "ok"
            } else {
                slug::FORBIDDEN
            };
            let facts = as_person(role, category);
            let got = code(admit(&event, PERSON, &facts, NOW));
            assert_eq!(got, wanted, "{role:?} in {category}");
            let (event, facts) = granting(category, role, |_| {});
            let got = code(admit(&event, KEY, &facts, NOW));
            assert_eq!(got, wanted, "grant to append for {role:?} in {category}");
        }
    }
}

#[test]
fn an_access_needs_a_live_grant_to_the_same_receiver() {
    let event = to_organisation(EventType::Access, 1);
    let cases: [(&str, &str, fn(&mut Facts)); 9] = [
        ("live", "ok", |_| {}),
        ("no grant", slug::NOT_FOUND, |f| f.grant = None),
        ("revoked", slug::REVOKED, |f| with(f, |g| g.revoked = true)),
        ("expired", slug::EXPIRED, |f| with(f, |g| g.expiry = NOW)),
        ("not begun", slug::FORBIDDEN, |f| {
            with(f, |g| g.not_before = NOW + 1);
        }),
        ("of another channel", slug::NOT_FOUND, |f| {
            with(f, |g| g.channel = Id16([1; 16]));
        }),
        ("of another organisation", slug::NOT_FOUND, |f| {
            with(f, |g| g.organisation = Id16([8; 16]));
        }),
        ("for another person", slug::NOT_FOUND, |f| {
            with(f, |g| g.person = Some(Id16([8; 16])));
        }),
        ("append only", slug::FORBIDDEN, |f| {
            with(f, |g| g.read = false);
        }),
    ];
    for (why, wanted, change) in cases {
        let mut facts = as_person(Role::Insurer, 1);
        change(&mut facts);
        assert_eq!(code(admit(&event, PERSON, &facts, NOW)), wanted, "{why}");
    }
    let mut uncertified = as_person(Role::Insurer, 1);
    uncertified.person = None;
    let got = code(admit(&event, PERSON, &uncertified, NOW));
    assert_eq!(got, slug::CERTIFICATE);
    let mut other = event;
    other.receiver = Some(PERSON.0);
    let got = code(admit(&other, PERSON, &as_person(Role::Insurer, 1), NOW));
    assert_eq!(
        got,
        slug::EVENT_REFUSED,
        "another receiver than the grant's"
    );
}

fn with(facts: &mut Facts, change: impl Fn(&mut GrantFact)) {
    facts.grant.iter_mut().for_each(change);
}

#[test]
fn a_grant_is_what_its_terms_say_and_not_expired() {
    let (event, facts) = granting(1, Role::Provider, |terms| terms.append = false);
    assert_eq!(code(admit(&event, KEY, &facts, NOW)), "ok");
    let cases: [(&str, &str, fn(&mut Event, &mut Facts)); 7] = [
        ("other expiry", slug::EVENT_REFUSED, |e, _| e.expiry = None),
        ("other receiver", slug::EVENT_REFUSED, |e, _| {
            e.receiver = None;
        }),
        ("expired", slug::EXPIRED, |e, f| {
            e.expiry = Some(NOW);
            with(f, |g| g.expiry = NOW);
        }),
        ("ends before it begins", slug::EVENT_REFUSED, |_, f| {
            with(f, |g| g.not_before = NOW + 1000);
        }),
        ("granted before", slug::EVENT_REFUSED, |_, f| {
            f.target = granted(true);
        }),
        ("receiver not certified", slug::CERTIFICATE, |_, f| {
            f.receiver_role = None;
        }),
        ("by a device key", slug::EVENT_REFUSED, |_, f| {
            f.key = key(Purpose::Device);
        }),
    ];
    for (why, wanted, change) in cases {
        let (mut event, mut facts) = (event.clone(), facts.clone());
        change(&mut event, &mut facts);
        assert_eq!(code(admit(&event, KEY, &facts, NOW)), wanted, "{why}");
    }
}

#[test]
fn a_revoke_is_final_and_by_the_right_key() {
    let revoke = event(EventType::Revoke, 1);
    let of = |target, key| Facts {
        key,
        target,
        ..facts()
    };
    let cases = [
        ("grant", "ok", KEY, granted(false)),
        ("again", slug::EVENT_REFUSED, KEY, granted(true)),
        ("nothing", slug::EVENT_REFUSED, KEY, Target::Nothing),
        ("a request", slug::EVENT_REFUSED, KEY, asked()),
        ("key", "ok", OWNER, Target::Key { revoked: false }),
        (
            "key again",
            slug::EVENT_REFUSED,
            OWNER,
            Target::Key { revoked: true },
        ),
        (
            "key by a grant key",
            slug::EVENT_REFUSED,
            KEY,
            Target::Key { revoked: false },
        ),
    ];
    for (why, wanted, signer, target) in cases {
        let facts = of(target, key(Purpose::Grant));
        assert_eq!(code(admit(&revoke, signer, &facts, NOW)), wanted, "{why}");
    }
    let facts = of(granted(false), key(Purpose::Device));
    assert_eq!(code(admit(&revoke, KEY, &facts, NOW)), slug::EVENT_REFUSED);
}

#[test]
fn a_channel_begins_with_its_owner_and_each_key_states_its_purpose() {
    let mut own = event(EventType::Enrol, 1);
    own.recordhash[..16].copy_from_slice(&OWNER.0);
    let empty = Facts::default();
    assert_eq!(code(admit(&own, OWNER, &empty, NOW)), "ok");
    let got = code(admit(&own, KEY, &empty, NOW));
    assert_eq!(got, slug::EVENT_REFUSED, "by another");
    let other = Event {
        purpose: Some(Purpose::Device),
        ..event(EventType::Enrol, 1)
    };
    let got = code(admit(&other, OWNER, &empty, NOW));
    assert_eq!(got, slug::EVENT_REFUSED, "a device before its owner");
    assert_eq!(code(admit(&other, OWNER, &facts(), NOW)), "ok");
    assert_eq!(code(admit(&other, KEY, &facts(), NOW)), slug::EVENT_REFUSED);
    let silent = event(EventType::Enrol, 1);
    let got = code(admit(&silent, OWNER, &facts(), NOW));
    assert_eq!(got, slug::EVENT_REFUSED, "no purpose");
    let known = Facts {
        target: Target::Key { revoked: true },
        ..facts()
    };
    let got = code(admit(&other, OWNER, &known, NOW));
    assert_eq!(got, slug::EVENT_REFUSED, "a revoked key comes back");
}

#[test]
fn a_clock_may_be_five_minutes_ahead_and_no_more() {
    let facts = Facts {
        key: key(Purpose::Device),
        ..facts()
    };
    for (ahead, wanted) in [
        (-1_000_000_000, "ok"),
        (300_000, "ok"),
        (300_001, slug::FROM_FUTURE),
    ] {
        let event = Event {
            time: NOW + ahead,
            ..event(EventType::Batch, 1)
        };
        assert_eq!(code(admit(&event, KEY, &facts, NOW)), wanted, "{ahead}");
    }
}

#[test]
fn genesis_emergency_and_unknown_categories_do_not_enter() {
    for kind in [EventType::Genesis, EventType::Emergency] {
        let got = code(admit(&event(kind, 1), KEY, &facts(), NOW));
        assert_eq!(got, slug::EVENT_REFUSED, "{kind:?}");
    }
    for category in [0, 4, 255] {
        let got = code(admit(
            &event(EventType::Batch, category),
            KEY,
            &facts(),
            NOW,
        ));
        assert_eq!(got, slug::EVENT_REFUSED, "{category}");
    }
}

/// Each type that the log takes, in a case where it does.
fn taken() -> Vec<(EventType, Event, Id16, Facts)> {
    let owners = |kind, purpose, target| {
        let facts = Facts {
            key: key(purpose),
            target,
            ..facts()
        };
        (kind, event(kind, 1), KEY, facts)
    };
    let enrol = Event {
        purpose: Some(Purpose::Device),
        ..event(EventType::Enrol, 1)
    };
    let request = Event {
        expiry: Some(NOW + 1),
        ..to_organisation(EventType::Request, 1)
    };
    let person = || as_person(Role::Provider, 1);
    let (grant, terms) = granting(1, Role::Provider, |terms| terms.append = false);
    vec![
        (EventType::Enrol, enrol, OWNER, facts()),
        owners(EventType::Batch, Purpose::Device, Target::Nothing),
        (EventType::Request, request, PERSON, person()),
        (EventType::Grant, grant, KEY, terms),
        owners(EventType::Deny, Purpose::Grant, asked()),
        owners(EventType::Revoke, Purpose::Grant, granted(false)),
        (
            EventType::Access,
            to_organisation(EventType::Access, 1),
            PERSON,
            person(),
        ),
    ]
}

#[test]
fn an_expiry_where_the_format_has_none_or_none_where_it_has_one_is_refused() {
    for (kind, event, signer, facts) in taken() {
        assert_eq!(code(admit(&event, signer, &facts, NOW)), "ok", "{kind:?}");
        let other = Event {
            expiry: match event.expiry {
                None => Some(NOW + 1000),
                Some(_) => None,
            },
            ..event
        };
        let got = code(admit(&other, signer, &facts, NOW));
        assert_eq!(got, slug::EVENT_REFUSED, "{kind:?}");
    }
}

#[test]
fn a_request_without_a_wanted_end_is_refused() {
    let event = to_organisation(EventType::Request, 1);
    let got = code(admit(&event, PERSON, &as_person(Role::Provider, 1), NOW));
    assert_eq!(got, slug::EVENT_REFUSED);
}

#[test]
fn a_deny_or_revoke_is_not_told_to_another_than_it_concerns() {
    let cases = [
        (EventType::Deny, KEY, asked(), Some(ORGANISATION)),
        (EventType::Revoke, KEY, granted(false), Some(ORGANISATION)),
        (
            EventType::Revoke,
            OWNER,
            Target::Key { revoked: false },
            None,
        ),
    ];
    for (kind, signer, target, receiver) in cases {
        let facts = Facts {
            key: key(Purpose::Grant),
            target,
            ..facts()
        };
        let to = |receiver: Option<Id16>| {
            let event = Event {
                receiver: receiver.map(|id| id.0),
                ..event(kind, 1)
            };
            code(admit(&event, signer, &facts, NOW))
        };
        assert_eq!(to(None), "ok", "{target:?}");
        assert_eq!(to(receiver), "ok", "{target:?}");
        assert_eq!(to(Some(PERSON)), slug::EVENT_REFUSED, "{target:?}");
    }
}

fn any_hash() -> impl Strategy<Value = Hash> {
    prop_oneof![Just([9; 32]), any::<Hash>()]
}

proptest! {
    #[test]
    fn nothing_is_admitted_without_a_key_or_a_person(
        number in 2_u64..9, category in any::<u8>(), recordhash in any_hash(),
        receiver in any::<Option<[u8; 16]>>(), time in 0..NOW * 2,
    ) {
        let event = Event {
            recordhash,
            receiver,
            time,
            ..event(EventType::from_number(number).unwrap(), category)
        };
        let facts = Facts { grant: Some(grant(category)), ..facts() };
        prop_assert!(admit(&event, KEY, &facts, NOW).is_err());
    }
}
