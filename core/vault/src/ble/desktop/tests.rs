use super::words::of_words;
use super::*;

#[test]
fn what_bluez_says_becomes_what_a_person_can_do() {
    let cases = [
        (
            "Not paired (org.bluez.Error.Failed)",
            RadioError::NeedsBonding,
        ),
        (
            "Read not permitted (org.bluez.Error.NotPermitted)",
            RadioError::NeedsBonding,
        ),
        (
            "Authentication Failed (org.bluez.Error.AuthenticationFailed)",
            RadioError::BondRefused,
        ),
        (
            "Authentication Rejected (org.bluez.Error.AuthenticationRejected)",
            RadioError::BondRefused,
        ),
        (
            "Resource Not Ready (org.bluez.Error.NotReady)",
            RadioError::Off,
        ),
        (
            "The name org.bluez was not provided by any .service files (org.freedesktop.DBus.Error.ServiceUnknown)",
            RadioError::Off,
        ),
        (
            "Not connected (org.bluez.Error.Failed)",
            RadioError::Unreachable,
        ),
        (
            "le-connection-abort-by-local (org.bluez.Error.Failed)",
            RadioError::Unreachable,
        ),
        (
            "Did not receive a reply (org.freedesktop.DBus.Error.NoReply)",
            RadioError::Unreachable,
        ),
        (
            "Operation failed with ATT error: 0x80 (org.bluez.Error.Failed)",
            RadioError::Refused,
        ),
    ];
    for (words, expect) in cases {
        assert_eq!(of_words(words), expect, "{words}");
    }
}
