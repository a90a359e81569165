//! Byte strings in JSON: identifiers and hashes as hex, the rest as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A text that is not the bytes it should be: bad digits or another length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0} bytes in lower-case hex")]
pub struct NotBytes(pub usize);

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotBytes;

            fn from_str(text: &str) -> Result<Self, NotBytes> {
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(NotBytes($len));
                }
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NotBytes($len))?;
                Ok(Self(bytes))
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

hex_bytes!(
    /// Sixteen bytes: an account, a channel, a key id, a batch, a grant.
    Id16,
    16
);
hex_bytes!(
    /// A SHA-256 value.
    Hash32,
    32
);
hex_bytes!(
    /// A P-256 signature, r || s, low S.
    Sig64,
    64
);

/// Bytes of any length, base64 in JSON. Debug shows the length only.
#[derive(Clone, PartialEq, Eq, Default, Hash)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_bytes())
            .map(Self)
            .map_err(|_| D::Error::custom("not standard base64"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should panic")]
    use super::*;

    #[test]
    fn hex_ids_take_exactly_their_length_in_lower_case() {
        let good = "000102030405060708090a0b0c0d0e0f";
        assert_eq!(good.parse::<Id16>().unwrap().to_string(), good);
        for bad in [
            "",
            "00",
            "000102030405060708090A0B0C0D0E0F",
            "000102030405060708090a0b0c0d0e0f10",
            "zz0102030405060708090a0b0c0d0e0f",
        ] {
            assert_eq!(bad.parse::<Id16>(), Err(NotBytes(16)), "{bad}");
        }
    }

    #[test]
    fn bytes_round_trip_and_debug_shows_no_content() {
        let bytes = Bytes(b"secret".to_vec());
        let json = serde_json::to_string(&bytes).unwrap();
        assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
        assert_eq!(format!("{bytes:?}"), "6 bytes");
    }
}
