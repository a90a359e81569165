//! Certificates of organisations and their staff: who holds which keys, says the pinned authority.
//!
//! X.509 v3, P-256, issued directly by one pinned root. An organisation's certificate carries its
//! HPKE key, a person's the ECDH key, in an extension of our own. The profile is narrow on purpose:
//! whatever it does not name is refused, never ignored.
//!
//! A phone accepts a grantee's key only with such a chain **and** the inclusion of its ENROL entry
//! (H(certificate)) in the log; the second half is for the caller. So is revocation: the log's
//! REVOKE entries and the cloud, which asks its store.
//! Pure: no I/O; time is an argument.

use crate::hpke::point_of_spki;
use crate::wire::{Id16, Role};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use vitalwitness_proof::keys::spki_id;
use vitalwitness_proof::sha256;
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

/// An organisation, as its certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationCert {
    /// Id of its key: the `receiver` of grants.
    pub id: [u8; 16],
    /// As people know it.
    pub name: String,
    /// What Table I takes it for.
    pub role: Role,
    /// Its key.
    pub spki: [u8; 91],
    /// Its HPKE key: grants and envelopes are sealed to it.
    pub hpke_spki: [u8; 91],
    /// Serial number, big-endian.
    pub serial: Vec<u8>,
    /// Ends at this time, ms UTC.
    pub not_after_ms: i64,
    /// H(certificate): what its ENROL entry records.
    pub hash: [u8; 32],
}

/// A person of an organisation, as the certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonCert {
    /// Id of the signing key: the `signer` of what the person does.
    pub id: [u8; 16],
    /// As people know them.
    pub name: String,
    /// Id of the organisation.
    pub organisation: [u8; 16],
    /// Name of the organisation.
    pub organisation_name: String,
    /// What the person is there.
    pub role: String,
    /// The signing key.
    pub spki: [u8; 91],
    /// The ECDH key: the organisation's HPKE key is sealed to it.
    pub ecdh_spki: [u8; 91],
    /// Serial number, big-endian.
    pub serial: Vec<u8>,
    /// Ends at this time, ms UTC.
    pub not_after_ms: i64,
    /// H(certificate).
    pub hash: [u8; 32],
}

/// Why a certificate was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// The pinned root is none; correct the configuration.
    #[error("the pinned root is not a certificate authority of this profile")]
    Root,
    /// No certificate of this profile.
    #[error("not a certificate of this profile")]
    Malformed,
    /// Issued by another authority, or forged.
    #[error("the certificate was not issued by the pinned authority")]
    Chain,
    /// Not yet, or no longer; check the clock, renew.
    #[error("the certificate is not valid at this time")]
    Time,
    /// A person's where an organisation's is needed, or the reverse, or an unknown role.
    #[error("the certificate is for another role")]
    Role,
    /// The key extension is not there, or holds no P-256 key.
    #[error("the certificate holds no encryption key")]
    Key,
}

impl CertError {
    /// The same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Root => "cert_root",
            Self::Malformed => "cert_malformed",
            Self::Chain => "cert_chain",
            Self::Time => "cert_time",
            Self::Role => "cert_role",
            Self::Key => "cert_key",
        }
    }
}

/// Checks an organisation's certificate (DER) against the pinned root (DER) at `now_ms`.
///
/// # Errors
///
/// `Root`, `Malformed`, `Chain`, `Time`, `Role`, `Key`, in this order.
pub fn verify_organisation(
    der: &[u8],
    ca_der: &[u8],
    now_ms: i64,
) -> Result<OrganisationCert, CertError> {
    let leaf = Leaf::verify(der, ca_der, now_ms)?;
    let role = match leaf.attribute(UNIT)?.as_deref() {
        Some("provider") => Role::Provider,
        Some("insurer") => Role::Insurer,
        Some("auditor") => Role::Auditor,
        _ => return Err(CertError::Role),
    };
    if leaf.attribute(COMMON_NAME)?.is_some() || leaf.attribute(SERIAL_NUMBER)?.is_some() {
        return Err(CertError::Role);
    }
    let name = leaf.attribute(ORGANISATION)?.ok_or(CertError::Role)?;
    let hpke_spki = leaf.key(ORGANISATION_HPKE_OID)?;
    Ok(OrganisationCert {
        id: spki_id(&leaf.spki),
        name,
        role,
        spki: leaf.spki,
        hpke_spki,
        serial: leaf.serial(),
        not_after_ms: leaf.not_after_ms,
        hash: sha256(&[der]),
    })
}

/// Checks a person's certificate (DER) against the pinned root (DER) at `now_ms`.
///
/// # Errors
///
/// As [`verify_organisation`].
pub fn verify_person(der: &[u8], ca_der: &[u8], now_ms: i64) -> Result<PersonCert, CertError> {
    let leaf = Leaf::verify(der, ca_der, now_ms)?;
    let required = |oid| leaf.attribute(oid)?.ok_or(CertError::Role);
    let organisation = required(SERIAL_NUMBER)?;
    let Id16(organisation) = organisation.parse().map_err(|_| CertError::Malformed)?;
    Ok(PersonCert {
        id: spki_id(&leaf.spki),
        name: required(COMMON_NAME)?,
        organisation,
        organisation_name: required(ORGANISATION)?,
        role: required(UNIT)?,
        ecdh_spki: leaf.key(PERSON_ECDH_OID)?,
        spki: leaf.spki,
        serial: leaf.serial(),
        not_after_ms: leaf.not_after_ms,
        hash: sha256(&[der]),
    })
}

/// From when on a certificate (DER) is valid, ms UTC, as it says; nothing of it is checked.
pub(crate) fn begins_ms(der: &[u8]) -> Option<i64> {
    let begins = parse(der).ok()?.tbs_certificate().validity().not_before;
    i64::try_from(begins.to_unix_duration().as_millis()).ok()
}

/// A certificate whose chain and time hold.
struct Leaf {
    certificate: Certificate,
    spki: [u8; 91],
    not_after_ms: i64,
}

impl Leaf {
    fn verify(der: &[u8], ca_der: &[u8], now_ms: i64) -> Result<Self, CertError> {
        let root = parse(ca_der).map_err(|_| CertError::Root)?;
        let root_spki = check_root(&root).map_err(|_| CertError::Root)?;
        let certificate = parse(der)?;
        let spki = p256_spki(&certificate)?;
        check_extensions(&certificate)?;

        let issued = &certificate.tbs_certificate();
        if issued.issuer() != root.tbs_certificate().subject() {
            return Err(CertError::Chain);
        }
        check_signature(&certificate, &root_spki)?;
        let not_after_ms = check_time(&certificate, now_ms)?;
        check_time(&root, now_ms)?;
        Ok(Self {
            certificate,
            spki,
            not_after_ms,
        })
    }

    /// The only value of a subject attribute; None if it is not there.
    fn attribute(&self, oid: ObjectIdentifier) -> Result<Option<String>, CertError> {
        let subject = self.certificate.tbs_certificate().subject();
        let mut values = subject.iter().filter(|attribute| attribute.oid == oid);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(CertError::Malformed);
        }
        let text = DirectoryString::try_from(&value.value).map_err(|_| CertError::Malformed)?;
        let text = text.value().into_owned();
        let shown = !text.is_empty()
            && text.chars().count() <= MAX_NAME
            && !text.chars().any(char::is_control);
        shown.then_some(Some(text)).ok_or(CertError::Malformed)
    }

    /// The P-256 key in extension `oid`: an OCTET STRING of its SPKI.
    fn key(&self, oid: ObjectIdentifier) -> Result<[u8; 91], CertError> {
        let extension = extension(&self.certificate, oid)?.ok_or(CertError::Key)?;
        let spki =
            OctetString::from_der(extension.extn_value.as_bytes()).map_err(|_| CertError::Key)?;
        checked_spki(spki.as_bytes()).ok_or(CertError::Key)
    }

    fn serial(&self) -> Vec<u8> {
        let serial = self.certificate.tbs_certificate().serial_number();
        serial.as_bytes().to_vec()
    }
}

/// One DER certificate, spelled as it would be written anew, so that what is read is what is signed.
fn parse(der: &[u8]) -> Result<Certificate, CertError> {
    if der.len() > MAX_DER {
        return Err(CertError::Malformed);
    }
    let certificate = Certificate::from_der(der).map_err(|_| CertError::Malformed)?;
    let again = certificate.to_der().map_err(|_| CertError::Malformed)?;
    let inside = certificate.tbs_certificate();
    let expected = inside.version() == Version::V3
        && certificate.signature_algorithm().oid == ECDSA_WITH_SHA256
        && certificate.signature_algorithm().parameters.is_none()
        && inside.signature() == certificate.signature_algorithm();
    if again == der && expected {
        Ok(certificate)
    } else {
        Err(CertError::Malformed)
    }
}

/// A root: may sign certificates, and signed itself.
fn check_root(root: &Certificate) -> Result<[u8; 91], CertError> {
    let spki = p256_spki(root)?;
    let constraints: BasicConstraints = decoded(root, BASIC_CONSTRAINTS)?.ok_or(CertError::Root)?;
    let usage: KeyUsage = decoded(root, KEY_USAGE)?.ok_or(CertError::Root)?;
    if !constraints.ca || !usage.key_cert_sign() {
        return Err(CertError::Root);
    }
    check_signature(root, &spki)?;
    Ok(spki)
}

/// A leaf: no authority itself, may sign, and no critical extension of which we do not know.
fn check_extensions(certificate: &Certificate) -> Result<(), CertError> {
    let constraints: Option<BasicConstraints> = decoded(certificate, BASIC_CONSTRAINTS)?;
    if constraints.is_some_and(|constraints| constraints.ca) {
        return Err(CertError::Malformed);
    }
    let usage: Option<KeyUsage> = decoded(certificate, KEY_USAGE)?;
    if usage.is_some_and(|usage| !usage.digital_signature() || usage.key_cert_sign()) {
        return Err(CertError::Malformed);
    }
    let known = [
        BASIC_CONSTRAINTS,
        KEY_USAGE,
        ORGANISATION_HPKE_OID,
        PERSON_ECDH_OID,
    ];
    let extensions = certificate.tbs_certificate().extensions();
    let unknown = extensions
        .into_iter()
        .flatten()
        .any(|extension| extension.critical && !known.contains(&extension.extn_id));
    if unknown {
        return Err(CertError::Malformed);
    }
    Ok(())
}

fn check_signature(certificate: &Certificate, issuer: &[u8; 91]) -> Result<(), CertError> {
    let inside = certificate
        .tbs_certificate()
        .to_der()
        .map_err(|_| CertError::Malformed)?;
    let signature = certificate.signature().as_bytes();
    let signature = signature.ok_or(CertError::Malformed)?;
    let point = point_of_spki(issuer).map_err(|_| CertError::Malformed)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(&inside, signature)
        .map_err(|_| CertError::Chain)
}

/// Checks the period, both ends included; gives its end, ms UTC.
fn check_time(certificate: &Certificate, now_ms: i64) -> Result<i64, CertError> {
    let period = certificate.tbs_certificate().validity();
    let ms = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_millis()).map_err(|_| CertError::Malformed)
    };
    let (from, until) = (ms(period.not_before)?, ms(period.not_after)?);
    if (from..=until).contains(&now_ms) {
        Ok(until)
    } else {
        Err(CertError::Time)
    }
}

fn p256_spki(certificate: &Certificate) -> Result<[u8; 91], CertError> {
    let spki = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .map_err(|_| CertError::Malformed)?;
    checked_spki(&spki).ok_or(CertError::Malformed)
}

fn checked_spki(spki: &[u8]) -> Option<[u8; 91]> {
    point_of_spki(spki).ok()?;
    spki.try_into().ok()
}

/// The only extension `oid`; None if it is not there.
fn extension(
    certificate: &Certificate,
    oid: ObjectIdentifier,
) -> Result<Option<&Extension>, CertError> {
    let extensions = certificate.tbs_certificate().extensions();
    let mut found = extensions
        .into_iter()
        .flatten()
        .filter(|extension| extension.extn_id == oid);
    let first = found.next();
    match found.next() {
        Some(_) => Err(CertError::Malformed),
        None => Ok(first),
    }
}

fn decoded<T: for<'a> x509_cert::der::Decode<'a>>(
    certificate: &Certificate,
    oid: ObjectIdentifier,
) -> Result<Option<T>, CertError> {
    extension(certificate, oid)?
        .map(|extension| T::from_der(extension.extn_value.as_bytes()))
        .transpose()
        .map_err(|_| CertError::Malformed)
}

/// Extension of an organisation's certificate: OCTET STRING of its HPKE key's SPKI. 58888 is a
/// private placeholder until a number is assigned.
pub const ORGANISATION_HPKE_OID: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.58888.1.1");
/// Extension of a person's certificate: OCTET STRING of the ECDH key's SPKI.
pub const PERSON_ECDH_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.58888.1.2");

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// Characters of a name.
const MAX_NAME: usize = 128;
const MAX_DER: usize = 16 << 10;

#[cfg(test)]
mod tests;
