//! The only crate that links both sides: end-to-end tests, the export generator, and the parts of
//! the demonstration.

pub mod activities;
pub mod bluetooth;
pub mod demo;
pub mod generator;
pub mod judged;
