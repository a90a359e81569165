//! What Vitalwitness knows about health records and sharing, without any I/O.
//!
//! Records and their codes, units, policy (Table I), grants, envelopes, sealed batches, file
//! imports, and the wire types that phone, command line and cloud exchange. Time and randomness
//! are arguments.

pub mod hpke;
mod secret;
pub mod wire;

pub use secret::Secret32;
