#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use super::*;
use crate::hpke::{Dh as _, SoftwareKey, spki_of_point};
use crate::testing::Seeded;
use rcgen::{
    BasicConstraints as Constraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SerialNumber,
    date_time_ymd,
};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;
/// 2025-01-01 and 2026-01-01, the period of every leaf.
const FROM: i64 = 1_735_689_600_000;
const UNTIL: i64 = 1_767_225_600_000;
const NOW: i64 = FROM + 100 * DAY_MS;
const ORGANISATION_ID: &str = "000102030405060708090a0b0c0d0e0f";

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: Vec<u8>,
}

fn authority(change: impl FnOnce(&mut CertificateParams)) -> Authority {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = empty();
    params
        .distinguished_name
        .push(DnType::CommonName, "Test authority");
    params.is_ca = IsCa::Ca(Constraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    change(&mut params);
    let root = params.self_signed(&key).unwrap().der().to_vec();
    Authority {
        issuer: Issuer::new(params, key),
        root,
    }
}

fn empty() -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2026, 1, 1);
    params
}

fn encryption_key() -> [u8; 91] {
    spki_of_point(&SoftwareKey::derive(&[40; 32]).unwrap().public())
}

fn key_extension(last: u64, spki: &[u8]) -> CustomExtension {
    let octets = OctetString::new(spki.to_vec()).unwrap().to_der().unwrap();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 58888, 1, last], octets)
}

fn organisation() -> CertificateParams {
    let mut params = empty();
    let name = &mut params.distinguished_name;
    name.push(DnType::OrganizationName, "Klinik am Park");
    name.push(DnType::OrganizationalUnitName, "provider");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(SerialNumber::from_slice(&[0x41, 7]));
    params.custom_extensions = vec![key_extension(1, &encryption_key())];
    params
}

fn person() -> CertificateParams {
    let mut params = empty();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "Dr. Ada Weiß");
    name.push(DnType::OrganizationName, "Klinik am Park");
    name.push(DnType::OrganizationalUnitName, "physician");
    name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), ORGANISATION_ID);
    params.custom_extensions = vec![key_extension(2, &encryption_key())];
    params
}

impl Authority {
    fn issue(&self, params: &CertificateParams) -> Vec<u8> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().to_vec()
    }

    fn organisation(&self, params: &CertificateParams, now: i64) -> &'static str {
        code(&verify_organisation(&self.issue(params), &self.root, now))
    }

    fn person(&self, params: &CertificateParams) -> &'static str {
        code(&verify_person(&self.issue(params), &self.root, NOW))
    }
}

fn code<T>(result: &Result<T, CertError>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}

fn with(
    mut params: CertificateParams,
    change: impl FnOnce(&mut CertificateParams),
) -> CertificateParams {
    change(&mut params);
    params
}

#[test]
fn an_organisations_certificate_says_who_it_is_and_which_key_to_seal_to() {
    let authority = authority(|_| {});
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let der = organisation().signed_by(&key, &authority.issuer).unwrap();
    let spki: [u8; 91] = spki_of_point(key.public_key_raw().try_into().unwrap());
    let found = verify_organisation(der.der(), &authority.root, NOW).unwrap();
    assert_eq!(
        found,
        OrganisationCert {
            id: spki_id(&spki),
            name: "Klinik am Park".into(),
            role: Role::Provider,
            spki,
            hpke_spki: encryption_key(),
            serial: vec![0x41, 7],
            not_after_ms: UNTIL,
            hash: sha256(&[der.der()]),
        }
    );
}

#[test]
fn a_persons_certificate_says_who_they_are_and_whose() {
    let authority = authority(|_| {});
    let der = authority.issue(&person());
    let found = verify_person(&der, &authority.root, NOW).unwrap();
    assert_eq!(found.name, "Dr. Ada Weiß");
    assert_eq!(hex::encode(found.organisation), ORGANISATION_ID);
    assert_eq!(found.organisation_name, "Klinik am Park");
    assert_eq!(found.role, "physician");
    assert_eq!(found.ecdh_spki, encryption_key());
    assert_eq!(found.id, spki_id(&found.spki));
    assert_eq!(found.hash, sha256(&[&der]));
}

#[test]
fn a_certificate_counts_from_its_first_to_its_last_second() {
    let authority = authority(|_| {});
    for (now, expect) in [
        (FROM - 1, "cert_time"),
        (FROM, "accepted"),
        (UNTIL, "accepted"),
        (UNTIL + 1, "cert_time"),
        (i64::MIN, "cert_time"),
        (i64::MAX, "cert_time"),
    ] {
        assert_eq!(
            authority.organisation(&organisation(), now),
            expect,
            "{now}"
        );
    }
}

#[test]
fn an_expired_root_issues_nothing_valid() {
    let authority = authority(|root| root.not_after = date_time_ymd(2025, 2, 1));
    assert_eq!(authority.organisation(&organisation(), NOW), "cert_time");
}

#[test]
fn only_the_pinned_authority_counts() {
    // both call themselves the same
    let (pinned, other) = (authority(|_| {}), authority(|_| {}));
    let der = other.issue(&organisation());
    assert_eq!(
        code(&verify_organisation(&der, &pinned.root, NOW)),
        "cert_chain"
    );

    let renamed = authority(|root| root.distinguished_name.push(DnType::CountryName, "DE"));
    let der = renamed.issue(&organisation());
    assert_eq!(
        code(&verify_organisation(&der, &pinned.root, NOW)),
        "cert_chain"
    );

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let own = organisation().self_signed(&key).unwrap();
    assert_eq!(
        code(&verify_organisation(own.der(), &pinned.root, NOW)),
        "cert_chain"
    );
}

#[test]
fn an_organisation_does_not_issue_persons() {
    let authority = authority(|_| {});
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let der = organisation().signed_by(&key, &authority.issuer).unwrap();
    let issuer = Issuer::new(organisation(), key);
    let person_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let person = person().signed_by(&person_key, &issuer).unwrap();
    assert_eq!(
        code(&verify_person(person.der(), &authority.root, NOW)),
        "cert_chain"
    );
    assert_eq!(
        code(&verify_person(person.der(), der.der(), NOW)),
        "cert_root"
    );
}

#[test]
fn what_is_no_authority_is_no_root() {
    let authority = authority(|_| {});
    let leaf = authority.issue(&organisation());
    let no_ca = self::authority(|root| root.is_ca = IsCa::ExplicitNoCa).root;
    let no_usage = self::authority(|root| {
        root.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    });
    let mut forged = authority.root.clone();
    *forged.last_mut().unwrap() ^= 1;
    for (case, root) in [
        ("empty", &[][..]),
        ("a leaf", &leaf),
        ("not for issuing", &no_ca),
        ("another usage", &no_usage.root),
        ("not signed by itself", &forged),
    ] {
        assert_eq!(
            code(&verify_organisation(&leaf, root, NOW)),
            "cert_root",
            "{case}"
        );
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn a_certificate_outside_the_profile_is_refused() {
    let authority = authority(|_| {});
    let text = |params: &mut CertificateParams, kind, value: &str| {
        params.distinguished_name.push(kind, value);
    };
    let organisations = [
        ("as it is", organisation(), "accepted"),
        (
            "an insurer",
            with(organisation(), |p| {
                text(p, DnType::OrganizationalUnitName, "insurer");
            }),
            "accepted",
        ),
        (
            "another role",
            with(organisation(), |p| {
                text(p, DnType::OrganizationalUnitName, "broker");
            }),
            "cert_role",
        ),
        (
            "no role",
            with(organisation(), |p| {
                p.distinguished_name.remove(DnType::OrganizationalUnitName);
            }),
            "cert_role",
        ),
        (
            "no name",
            with(organisation(), |p| {
                p.distinguished_name.remove(DnType::OrganizationName);
            }),
            "cert_role",
        ),
        (
            "an empty name",
            with(organisation(), |p| {
                text(p, DnType::OrganizationName, "");
            }),
            "cert_malformed",
        ),
        (
            "a name with a line feed",
            with(organisation(), |p| {
                text(p, DnType::OrganizationName, "Klinik\nok");
            }),
            "cert_malformed",
        ),
        (
            "a long name",
            with(organisation(), |p| {
                text(p, DnType::OrganizationName, &"x".repeat(129));
            }),
            "cert_malformed",
        ),
        ("a person", person(), "cert_role"),
        (
            "an authority",
            with(organisation(), |p| {
                p.is_ca = IsCa::Ca(Constraints::Constrained(0));
            }),
            "cert_malformed",
        ),
        (
            "another usage",
            with(organisation(), |p| {
                p.key_usages = vec![KeyUsagePurpose::KeyAgreement];
            }),
            "cert_malformed",
        ),
        (
            "no key",
            with(organisation(), |p| p.custom_extensions.clear()),
            "cert_key",
        ),
        (
            "the key of a person",
            with(organisation(), |p| {
                p.custom_extensions = vec![key_extension(2, &encryption_key())];
            }),
            "cert_key",
        ),
        (
            "two keys",
            with(organisation(), |p| {
                p.custom_extensions
                    .push(key_extension(1, &encryption_key()));
            }),
            "cert_malformed",
        ),
        (
            "a key off the curve",
            with(organisation(), |p| {
                let mut spki = encryption_key();
                spki[90] ^= 1;
                p.custom_extensions = vec![key_extension(1, &spki)];
            }),
            "cert_key",
        ),
        (
            "a key not in an octet string",
            with(organisation(), |p| {
                let oid = [1, 3, 6, 1, 4, 1, 58888, 1, 1];
                let bare = CustomExtension::from_oid_content(&oid, encryption_key().to_vec());
                p.custom_extensions = vec![bare];
            }),
            "cert_key",
        ),
        (
            "an unknown critical extension",
            with(organisation(), |p| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 3, 9], vec![5, 0]);
                unknown.set_criticality(true);
                p.custom_extensions.push(unknown);
            }),
            "cert_malformed",
        ),
        (
            "an unknown extension that may be ignored",
            with(organisation(), |p| {
                let unknown = CustomExtension::from_oid_content(&[1, 3, 9], vec![5, 0]);
                p.custom_extensions.push(unknown);
            }),
            "accepted",
        ),
    ];
    for (case, params, expect) in organisations {
        assert_eq!(
            authority.organisation(&params, NOW),
            expect,
            "organisation: {case}"
        );
    }

    let id = |value: &'static str| {
        with(person(), |p| {
            text(p, DnType::CustomDnType(vec![2, 5, 4, 5]), value);
        })
    };
    for (case, params, expect) in [
        ("as they are", person(), "accepted"),
        ("an organisation", organisation(), "cert_role"),
        ("a short organisation id", id("0001"), "cert_malformed"),
        (
            "upper-case hex",
            id("000102030405060708090A0B0C0D0E0F"),
            "cert_malformed",
        ),
        (
            "no common name",
            with(person(), |p| {
                p.distinguished_name.remove(DnType::CommonName);
            }),
            "cert_role",
        ),
        (
            "no key",
            with(person(), |p| p.custom_extensions.clear()),
            "cert_key",
        ),
    ] {
        assert_eq!(authority.person(&params), expect, "person: {case}");
    }
}

#[test]
fn a_certified_key_is_a_p_256_key() {
    let authority = authority(|_| {});
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let der = organisation().signed_by(&key, &authority.issuer).unwrap();
    assert_eq!(
        code(&verify_organisation(der.der(), &authority.root, NOW)),
        "cert_malformed"
    );
}

#[test]
fn no_mutation_of_a_certificate_is_accepted_or_panics() {
    let authority = authority(|_| {});
    let der = authority.issue(&organisation());
    let mut random = Seeded(509);
    let mut checked = 0;
    while checked < MUTATIONS {
        let bad = random.mutate(&der);
        if bad == der {
            continue;
        }
        let result = verify_organisation(&bad, &authority.root, NOW);
        assert!(result.is_err(), "mutation {checked}");
        checked += 1;
    }
    for len in 0..der.len() {
        let result = verify_organisation(&der[..len], &authority.root, NOW);
        assert_eq!(code(&result), "cert_malformed", "cut to {len}");
    }
}

#[test]
fn the_period_is_that_of_the_test() {
    let first = date_time_ymd(1970, 1, 1) + Duration::from_millis(FROM.unsigned_abs());
    assert_eq!(first, date_time_ymd(2025, 1, 1));
}

const MUTATIONS: usize = 5_000;
