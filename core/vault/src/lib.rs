//! The phone's core: a sealed local store, keys, and what a person does with their records.
//!
//! The crate that does I/O on a device. Clock, randomness and keys are arguments; two modules
//! ([`clock`], [`keys`]) hold the real ones.

pub mod account;
mod adding;
mod backup;
pub mod bag;
pub mod ble;
pub mod channels;
pub mod client;
pub mod clock;
mod compare;
pub mod devices;
mod erasing;
mod error;
mod filter;
mod handover;
mod header;
pub mod heads;
mod importing;
mod index;
pub mod keys;
pub mod kit;
mod opened;
mod parts;
mod periods;
mod points;
mod preferences;
mod querying;
mod receipts;
mod sealing;
pub mod share;
pub mod store;
pub mod streams;
mod summary;
pub mod sync;
pub mod tasks;
mod totals;
pub mod tracing;
mod vault;

pub use adding::Added;
pub use backup::BackupError;
pub use compare::{Compared, consistency};
pub use error::Error;
pub use handover::{Adopt, Upload};
pub use header::{Correction, Header, SealedAs, Sealer};
pub use importing::{ImportEnd, ImportReport};
pub use periods::{Period, PeriodTotal};
pub use points::{Point, Points};
pub use preferences::Preferences;
pub use querying::{Count, Found, Page, Place, Query, Status};
pub use receipts::{Disclosure, EventProof};
pub use sealing::Seal;
pub use summary::Day;
pub use totals::{Counter, DayTotal, Part};
pub use vault::{Env, Statement, Vault};
