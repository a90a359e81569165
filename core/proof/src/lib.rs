//! core/proof
