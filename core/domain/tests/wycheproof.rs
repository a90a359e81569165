//! Project Wycheproof's cases for every primitive that keys, envelopes, batches and receipts use.
//!
//! Signatures and agreement go through our own code; AES-GCM, HKDF and HMAC through `ring`, as our
//! code calls it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use vitalwitness_domain::hpke::{Dh as _, SoftwareKey};
use vitalwitness_proof::keys::{PublicKey, normalize_low_s};
use wycheproof::TestResult;

#[test]
fn ecdsa_p256_takes_what_is_valid_and_nothing_else() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::p256(group.key.key.as_ref());
        for case in &group.tests {
            let signature: Option<[u8; 64]> = case.sig.as_ref().try_into().ok();
            let holds = match (&key, signature) {
                (Ok(key), Some(mut signature)) => {
                    normalize_low_s(&mut signature);
                    key.verifies(case.msg.as_ref(), &signature)
                }
                _ => false,
            };
            assert_eq!(holds, case.result == TestResult::Valid, "{}", case.tc_id);
            if holds {
                taken += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(taken > 50 && refused > 50, "{taken} {refused}");
}

#[test]
fn ed25519_takes_what_is_valid_and_nothing_else() {
    use wycheproof::eddsa::{TestName, TestSet};
    const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut cases = 0;
    for group in &set.test_groups {
        let spki = [SPKI_HEAD.as_slice(), group.key.pk.as_ref()].concat();
        let key = PublicKey::from_spki(&spki);
        for case in &group.tests {
            let signature: Option<[u8; 64]> = case.sig.as_ref().try_into().ok();
            let holds = match (&key, signature) {
                (Ok(key), Some(signature)) => key.verifies(case.msg.as_ref(), &signature),
                _ => false,
            };
            assert_eq!(holds, case.result == TestResult::Valid, "{}", case.tc_id);
            cases += 1;
        }
    }
    assert!(cases > 100, "{cases}");
}

#[test]
fn agreement_on_p256_gives_the_secret_or_refuses_the_point() {
    use wycheproof::ecdh::{TestName, TestSet};
    let set = TestSet::load(TestName::EcdhSecp256r1Ecpoint).unwrap();
    let mut agreed = 0;
    for group in &set.test_groups {
        for case in &group.tests {
            let digits: &[u8] = case.private_key.as_ref();
            let digits = &digits[digits.iter().take_while(|b| **b == 0).count()..];
            let mut scalar = [0; 32];
            scalar[32 - digits.len()..].copy_from_slice(digits);
            let peer: Option<[u8; 65]> = case.public_key.as_ref().try_into().ok();
            let secret = peer.and_then(|peer| {
                let key = SoftwareKey::from_scalar(&scalar).ok()?;
                key.dh(&peer).ok().map(|secret| secret.to_vec())
            });
            match (case.result, secret) {
                (TestResult::Valid, secret) => {
                    assert_eq!(
                        secret.as_deref(),
                        Some(case.shared_secret.as_ref()),
                        "{}",
                        case.tc_id
                    );
                    agreed += 1;
                }
                (TestResult::Acceptable, Some(secret)) => {
                    assert_eq!(secret, case.shared_secret.as_ref(), "{}", case.tc_id);
                }
                (TestResult::Acceptable, None) => {}
                (TestResult::Invalid, secret) => assert_eq!(secret, None, "{}", case.tc_id),
            }
        }
    }
    assert!(agreed > 100, "{agreed}");
}

#[test]
fn aes_256_gcm_opens_what_is_valid_and_nothing_else() {
    use wycheproof::aead::{TestName, TestSet};
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let mut cases = 0;
    for group in &set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for case in &group.tests {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, case.key.as_ref()).unwrap());
            let nonce = Nonce::try_assume_unique_for_key(case.nonce.as_ref()).unwrap();
            let mut sealed = [case.ct.as_ref() as &[u8], case.tag.as_ref()].concat();
            let opened = key
                .open_in_place(nonce, Aad::from(case.aad.as_ref() as &[u8]), &mut sealed)
                .ok()
                .map(|plain| plain.to_vec());
            let expected = (case.result == TestResult::Valid).then(|| case.pt.as_ref().to_vec());
            assert_eq!(opened, expected, "{}", case.tc_id);
            cases += 1;
        }
    }
    assert!(cases > 40, "{cases}");
}

#[test]
fn hkdf_sha_256_gives_the_same_bytes() {
    use wycheproof::hkdf::{TestName, TestSet};
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let set = TestSet::load(TestName::HkdfSha256).unwrap();
    let mut cases = 0;
    for group in &set.test_groups {
        for case in &group.tests {
            let info = [case.info.as_ref() as &[u8]];
            let prk =
                hkdf::Salt::new(hkdf::HKDF_SHA256, case.salt.as_ref()).extract(case.ikm.as_ref());
            let given = prk.expand(&info, Length(case.size)).ok().map(|okm| {
                let mut out = vec![0; case.size];
                okm.fill(&mut out).unwrap();
                out
            });
            let expected = (case.result == TestResult::Valid).then(|| case.okm.as_ref().to_vec());
            assert_eq!(given, expected, "{}", case.tc_id);
            cases += 1;
        }
    }
    assert!(cases > 50, "{cases}");
}

#[test]
fn hmac_sha_256_takes_what_is_valid_and_nothing_else() {
    use wycheproof::mac::{TestName, TestSet};
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let mut cases = 0;
    for group in &set.test_groups {
        for case in &group.tests {
            let key = hmac::Key::new(hmac::HMAC_SHA256, case.key.as_ref());
            let tag = hmac::sign(&key, case.msg.as_ref());
            let holds = tag.as_ref()[..group.tag_size / 8] == *AsRef::<[u8]>::as_ref(&case.tag);
            assert_eq!(holds, case.result == TestResult::Valid, "{}", case.tc_id);
            cases += 1;
        }
    }
    assert!(cases > 100, "{cases}");
}
