//! The embedded certificate authority: P-256, one root, organisations and persons below it.
//!
//! A revoked certificate is refused at the next request, because each one asks the store; the CRL
//! is for those who verify elsewhere.

use crate::clock::Env;
use crate::log::secret_file;
use crate::{Error, Refusal, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension,
    DistinguishedName, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, RevokedCertParams, SerialNumber, SignatureAlgorithm,
    date_time_ymd,
};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use std::fmt;
use std::path::Path;
use std::time::Duration;
use vitalwitness_domain::cert::{CertError, verify_organisation};
use vitalwitness_domain::wire::{Hash32, Id16, Role};
use vitalwitness_proof::keys::{PublicKey, spki_id};
use vitalwitness_proof::sha256;
use zeroize::Zeroizing;

/// The authority and its key.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    root: Vec<u8>,
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ca")
    }
}

/// A certificate as issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) der: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) end_ms: i64,
    /// Id of the certified key.
    pub(crate) subject: Id16,
}

impl Issued {
    pub(crate) fn hash(&self) -> Hash32 {
        Hash32(sha256(&[&self.der]))
    }
}

/// Whom to certify as a person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) name: &'a str,
    pub(crate) organisation: Id16,
    pub(crate) organisation_name: &'a str,
    pub(crate) role: Role,
    pub(crate) spki: &'a [u8],
    pub(crate) ecdh: &'a [u8],
}

impl Ca {
    /// Reads the authority's key and root from the data folder, or makes them there.
    ///
    /// # Errors
    ///
    /// [`Error::Key`], [`Error::Io`].
    pub(crate) fn open(data: &Path, name: &str, env: &Env) -> Result<Self> {
        let secret = Zeroizing::new(secret_file(&data.join("ca.key"), || {
            // the one source of ECDSA keys that ring offers
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &system_random())
                .map_or_else(|_| Vec::new(), |key| key.as_ref().to_vec())
        })?);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(
            &secret.as_slice().into(),
            &PKCS_ECDSA_P256_SHA256,
        )
        .map_err(|_| Error::Key("the authority's key file holds no key"))?;
        let file = data.join("ca.der");
        let params = root_params(name, env.now_ms())?;
        let root = match std::fs::read(&file) {
            Ok(root) => root,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                let root = params
                    .self_signed(&key)
                    .map_err(|_| Error::Key("the authority's root cannot be made"))?;
                secret_file(&file, || root.der().to_vec())?
            }
            Err(cause) => return Err(Error::io("read the authority's root")(cause)),
        };
        let probe_key = key.public_key_raw().to_vec();
        let ca = Self {
            issuer: Issuer::new(params, key),
            root,
        };
        ca.check(&probe_key, env)?;
        Ok(ca)
    }

    /// Key, name and root belong together, or nobody could verify what is issued.
    fn check(&self, point: &[u8], env: &Env) -> Result<()> {
        let spki = PublicKey::p256(point)
            .map_err(|_| Error::Key("the authority's key is no P-256 key"))?
            .to_spki();
        let probe = self.organisation(("probe", Role::Provider), &spki, &spki, env)?;
        match verify_organisation(&probe.der, &self.root, env.now_ms()) {
            Ok(_) => Ok(()),
            Err(CertError::Chain | CertError::Root) => Err(Error::Config(
                "setting `ca_name` must be the name in the authority's root, and ca.key its key"
                    .to_owned(),
            )),
            Err(_) => Err(Error::Key(
                "the authority issues no certificate of the profile",
            )),
        }
    }

    /// DER of the root.
    pub(crate) fn root(&self) -> &[u8] {
        &self.root
    }

    /// Certifies an organisation's key, with its HPKE key in an extension.
    pub(crate) fn organisation(
        &self,
        (name, role): (&str, Role),
        spki: &[u8],
        hpke: &[u8],
        env: &Env,
    ) -> Result<Issued> {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, name);
        subject.push(DnType::OrganizationalUnitName, role_name(role));
        self.issue(subject, (ORGANISATION_HPKE, hpke), spki, env)
    }

    /// Certifies a person's signing key, with the ECDH key in an extension.
    pub(crate) fn person(&self, person: Person<'_>, env: &Env) -> Result<Issued> {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, person.name);
        subject.push(DnType::OrganizationName, person.organisation_name);
        subject.push(DnType::OrganizationalUnitName, role_name(person.role));
        subject.push(
            DnType::CustomDnType(SERIAL_NUMBER.to_vec()),
            person.organisation.to_string(),
        );
        self.issue(subject, (PERSON_ECDH, person.ecdh), person.spki, env)
    }

    /// The list of revoked serials, good for a day.
    pub(crate) fn crl(&self, revoked: &[(Vec<u8>, i64)], now_ms: i64) -> Result<Vec<u8>> {
        let revoked_certs = revoked
            .iter()
            .map(|(serial, at)| RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: time(*at),
                reason_code: None,
                invalidity_date: None,
            })
            .collect();
        let number = u64::try_from(now_ms).unwrap_or(0);
        CertificateRevocationListParams {
            this_update: time(now_ms),
            next_update: time(now_ms.saturating_add(DAY_MS)),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .map(|crl| crl.der().to_vec())
        .map_err(|_| Error::Key("the revocation list cannot be signed"))
    }

    fn issue(
        &self,
        subject: DistinguishedName,
        (oid, extension): (&[u64], &[u8]),
        spki: &[u8],
        env: &Env,
    ) -> Result<Issued> {
        let key = SubjectKey::new(spki)?;
        let now_ms = env.now_ms();
        // whole seconds, as certificates have them
        let end_ms = (now_ms / 1000 * 1000).saturating_add(YEAR_MS);
        let mut serial = env.random::<16>().to_vec();
        serial[0] = serial[0] & 0x7f | 0x40;
        let mut params = empty_params()?;
        params.distinguished_name = subject;
        params.not_before = time(now_ms.saturating_sub(SKEW_MS));
        params.not_after = time(end_ms);
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(
                oid,
                octet_string(extension)?,
            ));
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(|_| Error::Key("a certificate cannot be issued"))?;
        Ok(Issued {
            der: certificate.der().to_vec(),
            serial,
            end_ms,
            subject: Id16(spki_id(spki)),
        })
    }
}

struct SubjectKey([u8; 65]);

impl SubjectKey {
    fn new(spki: &[u8]) -> Result<Self> {
        match PublicKey::from_spki(spki) {
            Ok(PublicKey::P256(point)) => Ok(Self(point)),
            _ => Err(Refusal::contradiction("a key is no P-256 key").into()),
        }
    }
}

impl PublicKeyData for SubjectKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn root_params(name: &str, now_ms: i64) -> Result<CertificateParams> {
    let mut params = empty_params()?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = time(now_ms.saturating_sub(SKEW_MS));
    params.not_after = time(now_ms.saturating_add(20 * YEAR_MS));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn empty_params() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::<String>::new())
        .map_err(|_| Error::Key("a certificate cannot be made"))?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params)
}

/// DER of an OCTET STRING of less than 128 bytes.
fn octet_string(bytes: &[u8]) -> Result<Vec<u8>> {
    match u8::try_from(bytes.len()) {
        Ok(length) if length < 128 => Ok([&[4, length], bytes].concat()),
        _ => Err(Refusal::contradiction("a key is too long").into()),
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Provider => "provider",
        Role::Insurer => "insurer",
        Role::Auditor => "auditor",
    }
}

fn time(ms: i64) -> time::OffsetDateTime {
    date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(ms / 1000).unwrap_or(0))
}

#[allow(
    clippy::disallowed_methods,
    reason = "the authority's key is made once, at the first start"
)]
fn system_random() -> ring::rand::SystemRandom {
    ring::rand::SystemRandom::new()
}

/// Extension of an organisation's certificate: SPKI of its HPKE key.
const ORGANISATION_HPKE: &[u64] = &[1, 3, 6, 1, 4, 1, 58888, 1, 1];
/// Extension of a person's certificate: SPKI of the ECDH key.
const PERSON_ECDH: &[u64] = &[1, 3, 6, 1, 4, 1, 58888, 1, 2];
/// id-at-serialNumber.
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;
const SKEW_MS: i64 = 300_000;
