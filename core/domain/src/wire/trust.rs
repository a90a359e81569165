//! The trust bundle, `vw-trust/1`: whom a verifier trusts, as JSON.
//!
//! Strict: no other member, none twice, base64 in its one form. A bundle that
//! is not so is the caller's error and never a verdict on a receipt.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;
use vitalwitness_proof::checkpoint::NoteKey;
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::trust::{BadTrust, FabricMsp, FabricTrust, PinnedKey, Trust, TrustedLog};

/// Why a trust bundle cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Not JSON, or with members missing, unknown or twice.
    #[error("the trust bundle is not of the form vw-trust/1")]
    Json(#[source] serde_json::Error),
    /// Another schema than `vw-trust/1`; a newer program may know it.
    #[error("the trust bundle's schema is not vw-trust/1")]
    Schema,
    /// A vkey, SPKI or certificate that is none.
    #[error("the trust bundle holds a key or certificate that is none")]
    Key,
    /// The parts contradict each other.
    #[error("the trust bundle cannot be used: {0}")]
    Rule(#[source] BadTrust),
}

/// Reads a trust bundle.
///
/// # Errors
///
/// See [`TrustError`].
pub fn parse_trust(json: &str) -> Result<Trust, TrustError> {
    let Object::<Bundle>(bundle) = serde_json::from_str(json).map_err(TrustError::Json)?;
    if bundle.schema != SCHEMA {
        return Err(TrustError::Schema);
    }
    let trust = Trust {
        logs: each(bundle.logs, |Object(log)| read_log(log))?,
        keys: each(bundle.keys, |spki| {
            let key = PublicKey::from_spki(&bytes(&spki)?).map_err(|_| TrustError::Key)?;
            Ok(PinnedKey::from(key))
        })?,
        fabric: each(bundle.fabric, |Object(fabric)| read_fabric(fabric))?,
        tsa: each(bundle.tsa, |der| bytes(&der))?,
    };
    trust.check().map_err(TrustError::Rule)?;
    Ok(trust)
}

/// Writes a trust bundle that [`parse_trust`] reads as `trust`.
///
/// # Errors
///
/// A broken rule, see [`TrustError::Rule`].
pub fn write_trust(trust: &Trust) -> Result<String, TrustError> {
    trust.check().map_err(TrustError::Rule)?;
    let base64 = |bytes: &Vec<u8>| STANDARD.encode(bytes);
    let bundle = Bundle {
        schema: SCHEMA.into(),
        logs: trust
            .logs
            .iter()
            .map(|log| {
                Object(Log {
                    origin: log.origin.clone(),
                    keys: log.keys.iter().map(NoteKey::vkey).collect(),
                    witnesses: log.witnesses.iter().map(NoteKey::vkey).collect(),
                    quorum: log.quorum,
                })
            })
            .collect(),
        keys: trust
            .keys
            .iter()
            .map(|pinned| STANDARD.encode(pinned.key.to_spki()))
            .collect(),
        fabric: trust
            .fabric
            .iter()
            .map(|fabric| {
                Object(Fabric {
                    channel: fabric.channel.clone(),
                    chaincode: fabric.chaincode.clone(),
                    msps: fabric
                        .msps
                        .iter()
                        .map(|msp| {
                            Object(Msp {
                                id: msp.id.clone(),
                                roots: msp.roots.iter().map(base64).collect(),
                                crls: msp.crls.iter().map(base64).collect(),
                            })
                        })
                        .collect(),
                    policy: fabric.policy.clone(),
                    certs: fabric.certs.iter().map(base64).collect(),
                })
            })
            .collect(),
        tsa: trust.tsa.iter().map(base64).collect(),
    };
    serde_json::to_string_pretty(&bundle).map_err(TrustError::Json)
}

/// Written as a JSON object; what derives `Deserialize` alone would take an array in its place.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

pub(crate) struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    schema: String,
    logs: Vec<Object<Log>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fabric: Vec<Object<Fabric>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tsa: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    origin: String,
    keys: Vec<String>,
    witnesses: Vec<String>,
    quorum: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fabric {
    channel: String,
    chaincode: String,
    msps: Vec<Object<Msp>>,
    policy: Vec<(usize, Vec<String>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    certs: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Msp {
    id: String,
    roots: Vec<String>,
    crls: Vec<String>,
}

fn read_log(log: Log) -> Result<TrustedLog, TrustError> {
    let key = |vkey: String| NoteKey::parse_vkey(&vkey).map_err(|_| TrustError::Key);
    Ok(TrustedLog {
        origin: log.origin,
        keys: each(log.keys, key)?,
        witnesses: each(log.witnesses, key)?,
        quorum: log.quorum,
    })
}

fn read_fabric(fabric: Fabric) -> Result<FabricTrust, TrustError> {
    let der = |text: String| bytes(&text);
    Ok(FabricTrust {
        channel: fabric.channel,
        chaincode: fabric.chaincode,
        msps: each(fabric.msps, |Object(msp)| {
            Ok(FabricMsp {
                id: msp.id,
                roots: each(msp.roots, der)?,
                crls: each(msp.crls, der)?,
            })
        })?,
        policy: fabric.policy,
        certs: each(fabric.certs, der)?,
    })
}

fn each<T, U>(
    items: Vec<T>,
    read: impl Fn(T) -> Result<U, TrustError>,
) -> Result<Vec<U>, TrustError> {
    items.into_iter().map(read).collect()
}

fn bytes(base64: &str) -> Result<Vec<u8>, TrustError> {
    STANDARD.decode(base64).map_err(|_| TrustError::Key)
}

const SCHEMA: &str = "vw-trust/1";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn an_array_in_place_of_an_object_is_no_trust_bundle() {
        let log = r#"{"origin":"log.example/vw1","keys":[],"witnesses":[],"quorum":0}"#;
        let msp = r#"{"id":"Org1","roots":[],"crls":[]}"#;
        let fabric =
            |msp: &str| format!(r#"{{"channel":"c","chaincode":"cc","msps":[{msp}],"policy":[]}}"#);
        let bundle = |logs: &str, fabric: &str| {
            format!(r#"{{"schema":"vw-trust/1","logs":[{logs}],"fabric":[{fabric}]}}"#)
        };
        for json in [
            r#"["vw-trust/1",[]]"#.to_owned(),
            r#"["vw-trust/1",[],[],[],[]]"#.to_owned(),
            bundle(r#"["log.example/vw1",[],[],0]"#, ""),
            bundle(log, r#"["c","cc",[],[]]"#),
            bundle(log, &fabric(r#"["Org1",[],[]]"#)),
            bundle(&log.replace('}', r#","quorum":0}"#), ""),
            bundle(&log.replace('}', r#","more":0}"#), ""),
            r#"{"schema":"vw-trust/1","logs":[],"logs":[]}"#.to_owned(),
            r#"{"schema":"vw-trust/1","logs":[],"more":[]}"#.to_owned(),
            r#"{"schema":"vw-trust/1","logs":[]} []"#.to_owned(),
        ] {
            let refused = parse_trust(&json);
            assert!(matches!(refused, Err(TrustError::Json(_))), "{json}");
        }
        // With objects in those places the form is right; what they say is judged after it.
        let refused = parse_trust(&bundle(log, &fabric(msp)));
        assert!(!matches!(refused, Err(TrustError::Json(_))));
    }

    #[test]
    fn a_bundle_is_read_as_it_was_written() {
        let empty = parse_trust(r#"{"schema":"vw-trust/1","logs":[]}"#).unwrap();
        let written = write_trust(&empty).unwrap();
        assert_eq!(
            write_trust(&parse_trust(&written).unwrap()).unwrap(),
            written
        );
        assert!(written.trim_start().starts_with('{'));
    }
}
