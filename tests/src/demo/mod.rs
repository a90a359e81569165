//! Parts of `make demo`.

pub mod clock;
pub mod cloud_view;
pub mod narrator;
pub mod page;
pub mod people;
pub mod processes;
pub mod proofs;
pub mod story;
pub mod tools;
