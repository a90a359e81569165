//! What the system's errors mean here.

use crate::ble::radio::RadioError;

/// What the library's error means here. BlueZ says it in the name or words of a D-Bus error.
pub(super) fn of(error: &btleplug::Error) -> RadioError {
    use btleplug::Error;
    match error {
        Error::PermissionDenied => RadioError::NotAllowed,
        Error::NoAdapterAvailable => RadioError::Off,
        Error::DeviceNotFound | Error::NotConnected | Error::TimedOut(_) => RadioError::Unreachable,
        Error::NoSuchCharacteristic | Error::UnexpectedCharacteristic | Error::NotSupported(_) => {
            RadioError::NotOffered
        }
        other => of_words(&other.to_string()),
    }
}

/// What a D-Bus error means here, by its words.
pub(super) fn of_words(words: &str) -> RadioError {
    let words = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|part| words.contains(part));
    if says(&[
        "not paired",
        "insufficient",
        "notpermitted",
        "notauthorized",
        "encryption",
    ]) {
        RadioError::NeedsBonding
    } else if says(&["authentication", "rejected"]) {
        RadioError::BondRefused
    } else if says(&["accessdenied", "permission"]) {
        RadioError::NotAllowed
    } else if says(&[
        "notready",
        "not powered",
        "serviceunknown",
        "nobluetoothadapters",
    ]) {
        RadioError::Off
    } else if says(&["notsupported", "not found", "doesnotexist"]) {
        RadioError::NotOffered
    } else if says(&[
        "not connected",
        "notconnected",
        "connect",
        "timeout",
        "timed out",
        "noreply",
        "unknownobject",
        "in progress",
        "inprogress",
        "canceled",
        "abort",
    ]) {
        RadioError::Unreachable
    } else {
        RadioError::Refused
    }
}
