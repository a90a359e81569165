//! What crosses as one word: times, days, numbers, hashes and ids.
//!
//! A number crosses as its decimal text, so that 5.40 stays 5.40; Kotlin makes it a `BigDecimal`,
//! Swift an `ExactNumber`. Hashes and ids cross as lower-case hex: they compare, sort and print.

use crate::error::VaultError;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Hash, Id};

/// A moment, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

uniffi::custom_type!(Timestamp, i64, {
    try_lift: |ms| Ok(Timestamp(ms)),
    lower: |at| at.0,
});

/// A day by the wearer's clock on the wall, days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i32);

uniffi::custom_type!(Day, i32, {
    try_lift: |day| Ok(Day(day)),
    lower: |day| day.0,
});

/// An exact decimal number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Number(pub Decimal);

uniffi::custom_type!(Number, String, {
    try_lift: |text| match text.parse() {
        Ok(number) => Ok(Number(number)),
        Err(_) => Err(VaultError::input("number", "number_needed").into()),
    },
    lower: |number| number.0.to_string(),
});

/// Redacted: it may be of a record.
impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Number(..)")
    }
}

macro_rules! hex_name {
    ($(#[$doc:meta])* $name:ident, $bytes:ty, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub $bytes);

        uniffi::custom_type!($name, String, {
            try_lift: |text| {
                let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
                match bytes {
                    Some(bytes) => Ok($name(bytes)),
                    None => Err(VaultError::input($field, "name_malformed").into()),
                }
            },
            lower: |name| hex::encode(name.0),
        });

        /// Redacted: it may name a record.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

hex_name!(
    /// Names a record: its record hash.
    RecordId, Hash, "record"
);
hex_name!(
    /// SHA-256 of something: a request, an event, a file.
    Digest, Hash, "digest"
);
hex_name!(
    /// Names a device, a grant, an organisation, a batch: 16 bytes.
    ShortId, Id, "id"
);
