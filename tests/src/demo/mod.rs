//! Parts of `make demo`.

pub mod page;
