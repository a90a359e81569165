//! What a person at a clinic or an insurer does: enrol, admit, ask, fetch, report.
//!
//! Nothing that comes from the cloud is believed: entries must follow each other in the patient's
//! list, keys must be enrolled by the list's owner, batches must hold the records that were listed,
//! and the list must extend the one that was accepted before.

pub(crate) mod ask;
pub(crate) mod cloud;
pub(crate) mod colleagues;
pub(crate) mod compare;
pub(crate) mod enrol;
mod export;
pub(crate) mod fetch;
mod granted;
pub(crate) mod home;
pub(crate) mod list;
pub(crate) mod shared;
pub(crate) mod summary;
