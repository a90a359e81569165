//! The vectors of ENROL's key purposes.
//!
//! `VW_WRITE_VECTORS=1` writes them anew; otherwise they must be as they are.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod world;

use serde_json::{Value as Json, json};
use vitalwitness_domain::wire::facts::Verdict;
use vitalwitness_domain::wire::trust::write_trust;
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::entry::EventType::{Access, Batch, Deny, Grant, Request, Revoke};
use vitalwitness_proof::entry::{DIRECTORY, Event, EventType, Purpose, SignedEvent};
use vitalwitness_proof::verify::verify;
use vitalwitness_proof::{Rejection, sha256};
use world::{Actor, CHANNEL, World, enrol, event, keep_vectors};

#[test]
fn vectors_are_current() {
    keep_vectors("enrol-purpose", NOTE, &purpose_cases());
}

const NOTE: &str = "verify(receipt, trust) -> facts or code, as in receipt.json. What a key may sign that the owner enrolled: the tenth element of ENROL.";

struct Keys {
    owner: Actor,
    device: Actor,
    old_device: Actor,
    grant: Actor,
    delegate: Actor,
}

#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn purpose_cases() -> Vec<Json> {
    let keys = Keys {
        owner: Actor::named("owner"),
        device: Actor::named("device"),
        old_device: Actor::named("old device"),
        grant: Actor::named("grant"),
        delegate: Actor::named("delegate"),
    };
    let mut world = World::new();
    let owner = &keys.owner;
    let self_enrol = enrol(owner, owner, None);
    let device = enrol(owner, &keys.device, Some(Purpose::Device));
    let old = enrol(owner, &keys.old_device, None);
    let grant = enrol(owner, &keys.grant, Some(Purpose::Grant));
    let delegate = enrol(owner, &keys.delegate, Some(Purpose::Delegate));
    let owner_place = world.append(CHANNEL, &self_enrol);
    let enrolled: Vec<usize> = [&device, &old, &grant, &delegate]
        .map(|signed| world.append(CHANNEL, signed))
        .into();
    let hash = |text: &str| sha256(&[text.as_bytes()]);
    let mut log = |actor: &Actor, kind: EventType, of: &str| {
        let event = event(kind, keys.owner.id(), hash(of)).encode();
        world.append(CHANNEL, &actor.sign_event(&event))
    };
    // id, why, entry, signer, ENROL
    let signed: Vec<(&str, &str, usize, &Actor, &SignedEvent)> = vec![
        (
            "device-batch",
            "a device key seals",
            log(&keys.device, Batch, "batch 1"),
            &keys.device,
            &device,
        ),
        (
            "old-device-batch",
            "without a stated purpose a key is a device",
            log(&keys.old_device, Batch, "batch 2"),
            &keys.old_device,
            &old,
        ),
        (
            "grant-grant",
            "a grant key grants",
            log(&keys.grant, Grant, "grant 1"),
            &keys.grant,
            &grant,
        ),
        (
            "grant-deny",
            "a grant key denies",
            log(&keys.grant, Deny, "request 1"),
            &keys.grant,
            &grant,
        ),
        (
            "grant-revoke",
            "a grant key revokes",
            log(&keys.grant, Revoke, "grant 1"),
            &keys.grant,
            &grant,
        ),
        (
            "delegate-grant",
            "a delegate grants on the owner's behalf",
            log(&keys.delegate, Grant, "grant 2"),
            &keys.delegate,
            &delegate,
        ),
        (
            "delegate-deny",
            "a delegate denies",
            log(&keys.delegate, Deny, "request 2"),
            &keys.delegate,
            &delegate,
        ),
        (
            "delegate-revoke",
            "a delegate revokes",
            log(&keys.delegate, Revoke, "grant 2"),
            &keys.delegate,
            &delegate,
        ),
        (
            "owner-revoke",
            "the owner key, with its own ENROL, revokes a key",
            log(owner, Revoke, "a key"),
            owner,
            &self_enrol,
        ),
        (
            "owner-enrol",
            "the owner key, with its own ENROL, enrols",
            enrolled[0],
            owner,
            &self_enrol,
        ),
        (
            "device-grant",
            "a device key cannot grant",
            log(&keys.device, Grant, "grant 3"),
            &keys.device,
            &device,
        ),
        (
            "device-deny",
            "a device key cannot deny",
            log(&keys.device, Deny, "request 3"),
            &keys.device,
            &device,
        ),
        (
            "device-revoke",
            "a device key cannot revoke",
            log(&keys.device, Revoke, "grant 3"),
            &keys.device,
            &device,
        ),
        (
            "old-device-grant",
            "a key without a stated purpose cannot grant",
            log(&keys.old_device, Grant, "grant 4"),
            &keys.old_device,
            &old,
        ),
        (
            "grant-batch",
            "a grant key cannot seal",
            log(&keys.grant, Batch, "batch 3"),
            &keys.grant,
            &grant,
        ),
        (
            "delegate-batch",
            "a delegate cannot seal",
            log(&keys.delegate, Batch, "batch 4"),
            &keys.delegate,
            &delegate,
        ),
        (
            "device-request",
            "a REQUEST is a grantee's",
            log(&keys.device, Request, "request 4"),
            &keys.device,
            &device,
        ),
        (
            "grant-access",
            "an ACCESS is the receiver's",
            log(&keys.grant, Access, "access 1"),
            &keys.grant,
            &grant,
        ),
        (
            "owner-grant",
            "the owner key enrols and revokes; a grant needs a grant key",
            log(owner, Grant, "grant 5"),
            owner,
            &self_enrol,
        ),
        (
            "owner-batch",
            "with its own ENROL the owner key seals nothing",
            log(owner, Batch, "batch 5"),
            owner,
            &self_enrol,
        ),
    ];

    let changed = SignedEvent {
        event: Event {
            purpose: Some(Purpose::Delegate),
            ..Event::decode(&grant.event).unwrap()
        }
        .encode(),
        ..grant.clone()
    };
    let mut built: Vec<(String, String, Vec<u8>)> = signed
        .iter()
        .map(|(id, why, entry, signer, enrolment)| {
            let carried: &[&Actor] = if signer.id() == owner.id() {
                &[owner]
            } else {
                &[owner, signer]
            };
            let receipt = world.receipt(*entry, None, carried, Some(enrolment));
            ((*id).into(), (*why).into(), receipt)
        })
        .collect();
    let mut plain = |id: &str, why: &str, receipt| built.push((id.into(), why.into(), receipt));
    plain(
        "enrol-device-itself",
        "the receipt of an ENROL shows the purpose it states",
        world.receipt(enrolled[0], None, &[owner], None),
    );
    plain(
        "enrol-owner-itself",
        "the owner key's ENROL states none",
        world.receipt(owner_place, None, &[owner], None),
    );
    plain(
        "purpose-changed",
        "the purpose is signed",
        world.receipt(signed[2].2, None, &[owner, &keys.grant], Some(&changed)),
    );
    let batch = signed[0].2;
    let with_enrol = |event: Vec<u8>| {
        let enrolment = keys.owner.sign_event(&event);
        world.receipt(batch, None, &[owner, &keys.device], Some(&enrolment))
    };
    let tenth = |event: &Event, purpose: &Value| {
        let Value::Array(mut items) = cbor::decode(&event.encode()).unwrap() else {
            return Vec::new();
        };
        items.push(purpose.clone());
        cbor::encode(&Value::Array(items))
    };
    let of_device = event(EventType::Enrol, owner.id(), keys.device.public.hash());
    let of_owner = event(EventType::Enrol, owner.id(), owner.public.hash());
    let one = Value::Int(1);
    let malformed = [
        (
            "purpose-zero",
            "purposes are 1 to 3",
            tenth(&of_device, &Value::Int(0)),
        ),
        (
            "purpose-four",
            "purposes are 1 to 3",
            tenth(&of_device, &Value::Int(4)),
        ),
        (
            "purpose-negative",
            "purposes are 1 to 3",
            tenth(&of_device, &Value::Int(-1)),
        ),
        (
            "purpose-null",
            "no purpose is no tenth element",
            tenth(&of_device, &Value::Null),
        ),
        (
            "purpose-text",
            "a purpose is a number",
            tenth(&of_device, &Value::Text("device".into())),
        ),
        (
            "purpose-of-owner",
            "the owner key has no purpose",
            tenth(&of_owner, &one),
        ),
        (
            "purpose-in-directory",
            "the directory knows no purposes",
            tenth(
                &Event {
                    channel: DIRECTORY,
                    ..of_device.clone()
                },
                &one,
            ),
        ),
        (
            "purpose-of-grant",
            "only an ENROL has a purpose",
            tenth(
                &Event {
                    kind: Grant,
                    ..of_device.clone()
                },
                &one,
            ),
        ),
        ("eleven", "an event has nine or ten elements", {
            let Value::Array(mut items) = cbor::decode(&tenth(&of_device, &one)).unwrap() else {
                return Vec::new();
            };
            items.push(Value::Null);
            cbor::encode(&Value::Array(items))
        }),
    ];
    for (id, why, event) in malformed {
        plain(id, why, with_enrol(event));
    }
    // the same in the entry itself
    let ten = tenth(&event(Batch, owner.id(), hash("batch 6")), &one);
    let mut other = World::new();
    let place = other.append(CHANNEL, &keys.device.sign_event(&ten));
    plain(
        "entry-purpose-of-batch",
        "only an ENROL has a purpose",
        other.receipt(place, None, &[], None),
    );

    let trust = world.trust();
    let bundle: Json = serde_json::from_str(&write_trust(&trust).unwrap()).unwrap();
    built
        .into_iter()
        .enumerate()
        .map(|(number, (id, why, receipt))| {
            let verdict = verify(&receipt, None, &trust);
            assert_eq!(
                verdict.map_or_else(Rejection::code, |_| "FACTS"),
                expected(&id),
                "{id}"
            );
            let expect = serde_json::to_value(Verdict::from(&verify(&receipt, None, &trust)));
            let trust = if number == 0 {
                bundle.clone()
            } else {
                json!("device-batch")
            };
            let input = json!({ "receipt": hex::encode(&receipt), "trust": trust });
            json!({ "id": id, "why": why, "input": input, "expect": expect.unwrap() })
        })
        .collect()
}

/// What each case must give, said apart from what the verifier says.
fn expected(id: &str) -> &'static str {
    match id {
        "device-batch"
        | "old-device-batch"
        | "grant-grant"
        | "grant-deny"
        | "grant-revoke"
        | "delegate-grant"
        | "delegate-deny"
        | "delegate-revoke"
        | "owner-revoke"
        | "owner-enrol"
        | "enrol-device-itself"
        | "enrol-owner-itself" => "FACTS",
        "purpose-changed" => "ENTRY_SIGNATURE",
        _ if id.contains("purpose") || id == "eleven" => "MALFORMED",
        _ => "ENTRY_MISMATCH",
    }
}
