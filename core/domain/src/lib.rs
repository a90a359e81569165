//! core/domain
