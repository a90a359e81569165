//! Device information (service 180A): who made it and which one it is.
//!
//! GSS: six UTF-8 strings, System ID, `PnP` ID; Regulatory Certification Data List is kept as bytes.
//! The serial number and the system id name one device and thereby its owner: personal.

use super::bytes::{Bytes, word};
use super::{Features, Packet, Refused, uuid};
use std::borrow::Cow;

/// GSS Manufacturer Name String, Model Number String, ...: UTF-8. Some devices end it in zeros;
/// these are no part of it.
pub(super) fn text(characteristic: u16, value: &[u8]) -> Result<Packet, Refused> {
    let end = value.iter().rposition(|byte| *byte != 0);
    let length = end.map_or(0, |last| last.saturating_add(1));
    let text = value.get(..length).unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| Refused::Text)?;
    if text.contains('\0') {
        return Err(Refused::Text);
    }
    let name = match characteristic {
        uuid::MANUFACTURER_NAME => "manufacturer",
        uuid::MODEL_NUMBER => "model",
        uuid::SERIAL_NUMBER => "serial",
        uuid::FIRMWARE_REVISION => "firmware",
        uuid::HARDWARE_REVISION => "hardware",
        _ => "software",
    };
    Ok(says(characteristic, name, text.to_owned()))
}

/// GSS System ID: an EUI-64, sent with its last octet first.
pub(super) fn system_id(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let sent: [u8; 8] = bytes.take()?;
    bytes.done()?;
    let number = u64::from_le_bytes(sent);
    Ok(says(uuid::SYSTEM_ID, "system-id", format!("{number:016x}")))
}

/// GSS `PnP` ID: source of the vendor's number, vendor, product, version.
pub(super) fn pnp_id(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let source = word(bytes.u8()?, &["", "bluetooth", "usb"]);
    let (vendor, product, version) = (bytes.u16()?, bytes.u16()?, bytes.u16()?);
    bytes.done()?;
    let mut features = Features::of(uuid::PNP_ID);
    features.words = vec![
        ("vendor-source", Cow::Borrowed(source)),
        ("vendor", Cow::Owned(format!("{vendor:04x}"))),
        ("product", Cow::Owned(format!("{product:04x}"))),
        ("version", Cow::Owned(format!("{version:04x}"))),
    ];
    Ok(Packet::Features(features))
}

/// IEEE 11073-20601 Regulatory Certification Data List: an ASN.1 structure, in hex.
pub(super) fn regulatory(value: &[u8]) -> Result<Packet, Refused> {
    if value.is_empty() {
        return Err(Refused::Truncated);
    }
    let number = uuid::REGULATORY_CERTIFICATION;
    Ok(says(number, "regulatory", hex::encode(value)))
}

fn says(characteristic: u16, name: &'static str, text: String) -> Packet {
    let mut features = Features::of(characteristic);
    features.words.push((name, Cow::Owned(text)));
    Packet::Features(features)
}
