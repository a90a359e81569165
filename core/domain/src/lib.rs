//! What Vitalwitness knows about health records and sharing, without any I/O.
//!
//! Records and their codes, units, policy (Table I), grants, envelopes, sealed batches, file
//! imports, and the wire types that phone, command line and cloud exchange. Time and randomness
//! are arguments.

pub mod audit;
pub mod cert;
pub mod context;
pub mod decimal;
pub mod envelope;
pub mod evidence;
pub mod export;
pub mod gatt;
pub mod grant;
pub mod hpke;
pub mod httpsig;
pub mod import;
pub mod observation;
pub mod policy;
pub mod record;
#[cfg(test)]
mod redaction;
pub mod scope;
pub mod sealed;
mod secret;
pub mod stream;
pub mod sync;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod testing;
pub mod tracing;
pub mod units;
pub mod wire;

pub use secret::Secret32;
