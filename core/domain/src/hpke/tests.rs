#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use super::*;
use crate::testing::Seeded;
use ::hpke::aead::AesGcm256;
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::DhP256HkdfSha256;
use ::hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use std::convert::Infallible;

const AES_128: Suite = Suite {
    aead: &aead::AES_128_GCM,
    id: *b"HPKE\x00\x10\x00\x01\x00\x01",
};

/// RFC 9180, appendix A.3.1, first message.
mod rfc {
    pub(super) const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
    pub(super) const IKM_E: &str =
        "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e";
    pub(super) const SK_EM: &str =
        "4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb";
    pub(super) const ENC: &str = "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4";
    pub(super) const IKM_R: &str =
        "668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550";
    pub(super) const SK_RM: &str =
        "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2";
    pub(super) const PK_RM: &str = "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0";
    pub(super) const SHARED: &str =
        "c0d26aeab536609a572b07695d933b589dcf363ff9d93c93adea537aeabb8cb8";
    pub(super) const KEY: &str = "868c066ef58aae6dc589b6cfdd18f97e";
    pub(super) const BASE_NONCE: &str = "4e0bc5018beba4bf004cca59";
    pub(super) const PT: &str = "4265617574792069732074727574682c20747275746820626561757479";
    pub(super) const AAD: &str = "436f756e742d30";
    pub(super) const CT: &str = "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434";
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn key(ikm: u8) -> SoftwareKey {
    SoftwareKey::derive(&[ikm; 32]).unwrap()
}

/// Gives the oracle the ephemeral key material of the test.
struct Fixed([u8; 32]);

impl rand_core::TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0[..out.len()]);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Fixed {}

#[test]
fn the_vector_of_rfc_9180_a_3_holds_step_by_step() {
    let ephemeral = SoftwareKey::derive(&bytes(rfc::IKM_E)).unwrap();
    assert_eq!(*ephemeral.scalar(), bytes(rfc::SK_EM), "skEm");
    assert_eq!(ephemeral.public(), bytes(rfc::ENC), "enc");
    let recipient = SoftwareKey::derive(&bytes(rfc::IKM_R)).unwrap();
    assert_eq!(*recipient.scalar(), bytes(rfc::SK_RM), "skRm");
    assert_eq!(recipient.public(), bytes(rfc::PK_RM), "pkRm");

    let (enc, pk) = (bytes(rfc::ENC), bytes(rfc::PK_RM));
    let shared = encap(&ephemeral, &pk, &enc, &pk).unwrap();
    assert_eq!(*shared, bytes(rfc::SHARED), "shared secret");
    let info: [u8; 20] = bytes(rfc::INFO);
    let schedule = key_schedule(&AES_128, &shared, &info).unwrap();
    assert_eq!(hex::encode(&schedule.key_bytes), rfc::KEY, "key");
    assert_eq!(schedule.base_nonce, bytes(rfc::BASE_NONCE), "base nonce");

    let (aad, plain): ([u8; 7], [u8; 29]) = (bytes(rfc::AAD), bytes(rfc::PT));
    let sealed = seal_with(&AES_128, &pk, &info, &aad, &plain, ephemeral).unwrap();
    assert_eq!(hex::encode(&sealed.ciphertext), rfc::CT, "ciphertext");
    let opened = open_with(&AES_128, &recipient, &enc, &info, &aad, &sealed.ciphertext).unwrap();
    assert_eq!(*opened, plain);
}

#[test]
fn own_and_oracle_seal_the_same_bytes_and_open_each_other() {
    let mut random = Seeded(9180);
    for case in 0..DIFFERENTIAL_CASES {
        let ikm_r = random.bytes(32).try_into().unwrap();
        let ikm_e = random.bytes(32).try_into().unwrap();
        let (info_len, aad_len, len) = (case % 90, case % 33, (case * 7) % 300);
        let (info, aad, plain) = (
            random.bytes(info_len),
            random.bytes(aad_len),
            random.bytes(len),
        );

        let recipient = SoftwareKey::derive(&ikm_r).unwrap();
        let (oracle_key, oracle_public) = DhP256HkdfSha256::derive_keypair(&ikm_r);
        assert_eq!(oracle_public.to_bytes()[..], recipient.public(), "{case}");

        let ephemeral = SoftwareKey::derive(&ikm_e).unwrap();
        let ours = seal(&recipient.public(), &info, &aad, &plain, ephemeral).unwrap();
        let (enc, theirs) =
            ::hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
                &OpModeS::Base,
                &oracle_public,
                &info,
                &plain,
                &aad,
                &mut Fixed(ikm_e),
            )
            .unwrap();
        assert_eq!(ours.enc, enc.to_bytes()[..], "{case}");
        assert_eq!(ours.ciphertext, theirs, "{case}");

        // opening is the slow half; equal bytes make every case of sealing one of opening too
        if case % 8 == 0 {
            let opened = open(&recipient, &ours.enc, &info, &aad, &theirs).unwrap();
            assert_eq!(*opened, plain, "{case}");
            let enc = <DhP256HkdfSha256 as ::hpke::Kem>::EncappedKey::from_bytes(&ours.enc);
            let opened = ::hpke::single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
                &OpModeR::Base,
                &oracle_key,
                &enc.unwrap(),
                &info,
                &ours.ciphertext,
                &aad,
            );
            assert_eq!(opened.unwrap(), plain, "{case}");
        }
    }
}

#[test]
fn another_key_info_aad_or_any_changed_byte_does_not_open() {
    let (recipient, other) = (key(1), key(2));
    let sealed = seal(&recipient.public(), b"info", b"aad", b"secret", key(3)).unwrap();
    let attempt = |key: &SoftwareKey, info: &[u8], aad: &[u8], ciphertext: &[u8]| {
        open(key, &sealed.enc, info, aad, ciphertext).map(|opened| opened.to_vec())
    };
    let ciphertext = &sealed.ciphertext;
    assert_eq!(
        attempt(&recipient, b"info", b"aad", ciphertext).unwrap(),
        b"secret"
    );
    for (case, result) in [
        ("key", attempt(&other, b"info", b"aad", ciphertext)),
        ("info", attempt(&recipient, b"inf0", b"aad", ciphertext)),
        ("aad", attempt(&recipient, b"info", b"aae", ciphertext)),
        (
            "short",
            attempt(&recipient, b"info", b"aad", &ciphertext[..15]),
        ),
        ("empty", attempt(&recipient, b"info", b"aad", &[])),
    ] {
        assert_eq!(result, Err(HpkeError::Open), "{case}");
    }
    for at in 0..ciphertext.len() {
        let mut changed = ciphertext.clone();
        changed[at] ^= 1;
        let result = attempt(&recipient, b"info", b"aad", &changed);
        assert_eq!(result, Err(HpkeError::Open), "byte {at}");
    }
}

#[test]
fn a_point_off_the_curve_is_refused_before_the_key_is_used() {
    /// A key that must not be asked.
    struct Untouchable;
    impl Dh for Untouchable {
        fn public(&self) -> [u8; POINT_LEN] {
            key(1).public()
        }
        fn dh(&self, _: &[u8; POINT_LEN]) -> Result<Zeroizing<[u8; 32]>, KeyRefused> {
            assert_eq!(1, 2, "the key was used with a bad point");
            Err(KeyRefused)
        }
    }

    let good = key(1).public();
    let mut off = good;
    off[64] ^= 1;
    let mut compressed = good;
    compressed[0] = 2;
    let mut coordinate = good;
    coordinate[1..33].fill(0xff);
    let zero = [0; POINT_LEN];
    for (case, point) in [
        ("off the curve", off),
        ("compressed", compressed),
        ("coordinate above the prime", coordinate),
        ("infinity", zero),
    ] {
        let sealed = seal(&point, b"", b"", b"x", key(3));
        assert_eq!(sealed, Err(HpkeError::Point), "{case}");
        let opened = open(&Untouchable, &point, b"", b"", &[0; 17]);
        assert_eq!(opened.unwrap_err(), HpkeError::Point, "{case}");
        assert_eq!(
            point_of_spki(&spki_of_point(&point)),
            Err(KeyRefused),
            "{case}"
        );
    }
    assert_eq!(point_of_spki(&spki_of_point(&good)), Ok(good));
    assert_eq!(point_of_spki(&spki_of_point(&good)[..90]), Err(KeyRefused));
}

#[test]
fn a_key_that_refuses_is_told_apart_from_a_message_that_does_not_open() {
    struct Locked;
    impl Dh for Locked {
        fn public(&self) -> [u8; POINT_LEN] {
            key(1).public()
        }
        fn dh(&self, _: &[u8; POINT_LEN]) -> Result<Zeroizing<[u8; 32]>, KeyRefused> {
            Err(KeyRefused)
        }
    }
    let sealed = seal(&key(1).public(), b"", b"", b"x", key(3)).unwrap();
    let refused = open(&Locked, &sealed.enc, b"", b"", &sealed.ciphertext).unwrap_err();
    assert_eq!(refused.code(), "key_refused");
}

#[test]
fn a_scalar_of_zero_or_above_the_order_is_no_key() {
    assert!(SoftwareKey::from_scalar(&[0; 32]).is_err());
    assert!(SoftwareKey::from_scalar(&[0xff; 32]).is_err());
}

#[test]
fn debug_of_a_key_shows_no_digit_of_it() {
    assert_eq!(format!("{:?}", key(1)), "SoftwareKey");
}

const DIFFERENTIAL_CASES: usize = 10_000;
