//! Witnesses (C2SP tlog-witness): the log's side, which collects cosignatures, and the witness.

mod collect;
mod message;
mod serve;
mod state;

pub(crate) use collect::{ProofSource, collect};
pub use serve::{RunningWitness, Witness, WitnessConfig};
