#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use super::*;
use crate::hpke::spki_of_point;
use crate::testing::{Signing, unhex, vector_cases};
use serde_json::{Value, json};

const CHANNEL: [u8; 16] = [1; 16];
const GRANT: [u8; 16] = [2; 16];
const STREAM_KEY: [u8; 16] = [3; 16];

fn device() -> Signing {
    Signing::new(10)
}

fn clinic() -> SoftwareKey {
    SoftwareKey::derive(&[11; 32]).unwrap()
}

fn contents() -> Contents {
    Contents {
        stream_key: Secret32::new([4; 32]),
        tracing_key: Secret32::new([5; 32]),
    }
}

fn unsigned() -> Unsigned {
    seal_envelope(
        &spki_of_point(&clinic().public()),
        &CHANNEL,
        &GRANT,
        &STREAM_KEY,
        &contents(),
        SoftwareKey::derive(&[12; 32]).unwrap(),
    )
    .unwrap()
}

fn signed(unsigned: Unsigned) -> Envelope {
    let signature = device().sign(&unsigned.message());
    unsigned.signed(signature)
}

fn code(envelope: &Envelope, channel: &[u8; 16], signer: &[u8], key: &dyn Dh) -> &'static str {
    match open_envelope(envelope, channel, signer, key) {
        Ok(_) => "opened",
        Err(error) => error.code(),
    }
}

#[test]
fn the_grantee_gets_both_keys() {
    let opened = open_envelope(&signed(unsigned()), &CHANNEL, &device().spki(), &clinic());
    let opened = opened.unwrap();
    assert_eq!(opened.stream_key.expose(), &[4; 32]);
    assert_eq!(opened.tracing_key.expose(), &[5; 32]);
}

#[test]
fn an_unsigned_or_wrongly_signed_envelope_is_refused_before_the_key_is_used() {
    /// A key that must not be asked.
    struct Untouchable;
    impl Dh for Untouchable {
        fn public(&self) -> [u8; 65] {
            assert_eq!(1, 2, "the key was used");
            [4; 65]
        }
        fn dh(&self, _: &[u8; 65]) -> Result<Zeroizing<[u8; 32]>, KeyRefused> {
            assert_eq!(1, 2, "the key was used");
            Err(KeyRefused)
        }
    }

    let spki = device().spki();
    let by_cloud = unsigned();
    let by_cloud = by_cloud
        .clone()
        .signed(Signing::new(13).sign(&by_cloud.message()));
    let for_message = unsigned().signed(device().sign(b"something else"));
    for (case, envelope, signer) in [
        ("no signature", unsigned().signed([0; 64]), &spki[..]),
        ("by another device", by_cloud, &spki),
        ("over something else", for_message, &spki),
        ("signer is no key", signed(unsigned()), &[]),
    ] {
        let refused = code(&envelope, &CHANNEL, signer, &Untouchable);
        assert_eq!(refused, "envelope_signature", "{case}");
    }
    for at in 0..64 {
        let mut envelope = signed(unsigned());
        envelope.signature[at] ^= 1;
        let refused = code(&envelope, &CHANNEL, &spki, &Untouchable);
        assert_eq!(refused, "envelope_signature", "byte {at}");
    }
}

#[test]
fn any_change_of_what_is_signed_breaks_the_signature() {
    let changes: [fn(&mut Unsigned); 4] = [
        |envelope| envelope.grant[0] ^= 1,
        |envelope| envelope.stream_key[0] ^= 1,
        |envelope| envelope.enc[9] ^= 1,
        |envelope| envelope.ciphertext[0] ^= 1,
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let mut envelope = signed(unsigned());
        change(&mut envelope.unsigned);
        let refused = code(&envelope, &CHANNEL, &device().spki(), &clinic());
        assert_eq!(refused, "envelope_signature", "{case}");
    }
}

#[test]
fn an_envelope_opens_only_for_its_grantee_channel_grant_and_stream_key() {
    let other_clinic = SoftwareKey::derive(&[14; 32]).unwrap();
    let spki = device().spki();
    let relabelled = |change: fn(&mut Unsigned)| {
        let mut envelope = unsigned();
        change(&mut envelope);
        signed(envelope)
    };
    for (case, envelope, channel, key) in [
        ("grantee", signed(unsigned()), CHANNEL, other_clinic),
        ("channel", signed(unsigned()), [9; 16], clinic()),
        (
            "grant",
            relabelled(|e| e.grant = [9; 16]),
            CHANNEL,
            clinic(),
        ),
        (
            "stream key",
            relabelled(|e| e.stream_key = [9; 16]),
            CHANNEL,
            clinic(),
        ),
        (
            "ciphertext",
            relabelled(|e| e.ciphertext[5] ^= 1),
            CHANNEL,
            clinic(),
        ),
        (
            "empty",
            relabelled(|e| e.ciphertext.clear()),
            CHANNEL,
            clinic(),
        ),
        ("point", relabelled(|e| e.enc[64] ^= 1), CHANNEL, clinic()),
    ] {
        assert_eq!(
            code(&envelope, &channel, &spki, &key),
            "envelope_open",
            "{case}"
        );
    }
}

#[test]
fn a_signed_envelope_that_holds_no_two_keys_is_refused() {
    let mut envelope = unsigned();
    let sealed = hpke::seal(
        &clinic().public(),
        &info::envelope(&CHANNEL, &GRANT),
        &STREAM_KEY,
        &[6; 63],
        SoftwareKey::derive(&[15; 32]).unwrap(),
    )
    .unwrap();
    (envelope.enc, envelope.ciphertext) = (sealed.enc, sealed.ciphertext);
    let refused = code(&signed(envelope), &CHANNEL, &device().spki(), &clinic());
    assert_eq!(refused, "envelope_contents");
}

#[test]
fn a_grantee_key_that_is_no_point_gets_nothing() {
    let mut spki = spki_of_point(&clinic().public());
    spki[90] ^= 1;
    let ephemeral = SoftwareKey::derive(&[12; 32]).unwrap();
    let refused = seal_envelope(&spki, &CHANNEL, &GRANT, &STREAM_KEY, &contents(), ephemeral);
    assert_eq!(refused.unwrap_err(), EnvelopeError::Grantee);
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?} {:?} {:?}", contents(), unsigned(), signed(unsigned()));
    assert_eq!(
        shown,
        "Contents { stream_key: Secret32, tracing_key: Secret32 } Unsigned envelope Envelope"
    );
}

#[test]
fn every_vector_of_envelope_holds() {
    for case in vector_cases("envelope") {
        let (id, input, expect) = (&case["id"], &case["input"], &case["expect"]);
        let field = |name: &str| unhex(&input[name]);
        let envelope = Envelope {
            unsigned: Unsigned {
                grant: field("grant").try_into().unwrap(),
                stream_key: field("stream_key").try_into().unwrap(),
                enc: field("enc").try_into().unwrap(),
                ciphertext: field("ciphertext"),
            },
            signature: field("signature").try_into().unwrap(),
        };
        let key = SoftwareKey::from_scalar(&field("private").try_into().unwrap()).unwrap();
        let channel = field("channel").try_into().unwrap();
        match open_envelope(&envelope, &channel, &field("signer"), &key) {
            Ok(opened) => assert_eq!(*expect, facts(&envelope, &opened), "{id}"),
            Err(error) => assert_eq!(expect["reject"], error.code(), "{id}"),
        }
    }
}

#[test]
fn vectors_are_current() {
    let good = signed(unsigned());
    let by_cloud = unsigned();
    let by_cloud_signature = Signing::new(13).sign(&by_cloud.message());
    let mut other_grant = unsigned();
    other_grant.grant = [9; 16];
    let mut other_stream = unsigned();
    other_stream.stream_key = [9; 16];
    let opened = open_envelope(&good, &CHANNEL, &device().spki(), &clinic()).unwrap();
    let reject = |code: &str| json!({"reject": code});
    let cases: Vec<Value> = [
        (
            "good",
            "signed by the device, sealed to the clinic",
            good.clone(),
            CHANNEL,
            facts(&good, &opened),
        ),
        (
            "unsigned",
            "no signature",
            unsigned().signed([0; 64]),
            CHANNEL,
            reject("envelope_signature"),
        ),
        (
            "wrong-signer",
            "sealed and signed by the cloud",
            by_cloud.signed(by_cloud_signature),
            CHANNEL,
            reject("envelope_signature"),
        ),
        (
            "other-grant",
            "signed, but sealed for another grant",
            signed(other_grant),
            CHANNEL,
            reject("envelope_open"),
        ),
        (
            "other-stream-key",
            "signed, but sealed for another stream key",
            signed(other_stream),
            CHANNEL,
            reject("envelope_open"),
        ),
        (
            "other-channel",
            "sealed for another channel",
            good.clone(),
            [9; 16],
            reject("envelope_open"),
        ),
    ]
    .into_iter()
    .map(|(id, why, envelope, channel, expect)| {
        let Envelope {
            unsigned,
            signature,
        } = &envelope;
        let input = json!({
            "channel": hex::encode(channel),
            "grant": hex::encode(unsigned.grant),
            "stream_key": hex::encode(unsigned.stream_key),
            "enc": hex::encode(unsigned.enc),
            "ciphertext": hex::encode(&unsigned.ciphertext),
            "signature": hex::encode(signature),
            "signer": hex::encode(device().spki()),
            "private": hex::encode(*clinic().scalar()),
        });
        json!({"id": id, "why": why, "input": input, "expect": expect})
    })
    .collect();
    crate::testing::vectors_are_current(
        "envelope",
        "Stream key envelopes. All in hex; signer = SPKI of the device, private = scalar of the \
         grantee's HPKE key, message = what the device signed.",
        &cases,
    );
}

fn facts(envelope: &Envelope, contents: &Contents) -> Value {
    json!({
        "message": hex::encode(envelope.unsigned.message()),
        "key": hex::encode(contents.stream_key.expose()),
        "tracing_key": hex::encode(contents.tracing_key.expose()),
    })
}
