//! The demonstration's clocks: what the run was on, and processor time of this thread.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 UTC.
#[allow(
    clippy::disallowed_methods,
    reason = "the demonstration's one reading of the wall clock"
)]
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// Time since some moment.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[allow(
        clippy::disallowed_methods,
        reason = "how long a step took is part of the narration"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn read(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Processor time this thread has used, ns; wall time where the system does not tell.
pub fn thread_cpu_ns(since: &Stopwatch) -> u64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|line| line.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| u64::try_from(since.read().as_nanos()).unwrap_or(u64::MAX))
}
