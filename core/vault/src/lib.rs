//! core/vault
