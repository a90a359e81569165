//! What travels between phones, grantees and the cloud: the only `Serialize` types.
//!
//! JSON bodies. Identifiers and hashes are lower-case hex; other bytes are standard base64 with
//! padding. Times are milliseconds since 1970 UTC. Errors are [`Problem`] (RFC 9457).

mod account;
mod bytes;
mod cloud;
mod colleagues;
pub mod facts;
mod problem;
pub mod trust;

pub use account::{
    AccountDeletion, BagErasure, DeviceEnd, Devices, EndedDevice, Grants, NewRecovery,
};
pub use bytes::{Bytes, Hash32, Id16, NotBytes, Sig64};
pub use cloud::*;
pub use colleagues::{Colleague, Colleagues, HandedKey, KeyHandover};
pub use problem::{Problem, slug};
