//! The only file that reads a clock.
//!
//! Wall time says when something happened; it may jump. Monotonic time says how long something
//! took; it never goes back, and starts anywhere.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the file that reads the clock"
)]

use std::fmt;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds since 1970 UTC, by this device's wall clock.
    fn now_ms(&self) -> i64;
    /// Milliseconds since some moment in the past; never goes back while the process runs.
    fn monotonic_ms(&self) -> u64;
}

/// The device's own clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn monotonic_ms(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = START.get_or_init(Instant::now);
        u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
