//! The cloud: a store of ciphertext, the log, its witnesses, and a certificate authority.
//!
//! Holds sealed batches, key envelopes and signed events; no key that opens any of them. Its
//! access control list is the set of live grants; a fault in it leaks ciphertext. An access is
//! answered only after its ACCESS entry is durable.
//!
//! ```no_run
//! # async fn run() -> Result<(), vitalwitness_cloud::Error> {
//! let server = vitalwitness_cloud::Server::start(vitalwitness_cloud::Config::new("data")).await?;
//! println!("{}", server.addr());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod ca;
mod clock;
mod config;
mod error;
mod http;
mod listener;
mod log;
mod observe;
mod server;
mod store;
pub mod witness;

pub use clock::Env;
pub use config::{Config, LimitSettings, Rate, Tls, WitnessSettings};
pub use error::{Error, Refusal, Result};
pub use log::LogKey;
pub use observe::log_to_stderr;
pub use server::{RunningServer, Server, stop_signal};
