//! A clock whose wall time can run faster: a night in minutes.

use std::sync::{Mutex, PoisonError};
use vitalwitness_vault::clock::{Clock, SystemClock};

/// The system's clock, and a wall time that may run so many times as fast.
#[derive(Debug)]
pub struct Pace(Mutex<Since>);

#[derive(Debug, Clone, Copy)]
struct Since {
    wall_ms: i64,
    steady_ms: u64,
    times: i64,
}

impl Since {
    fn wall_ms(self, steady_ms: u64) -> i64 {
        let passed = i64::try_from(steady_ms.saturating_sub(self.steady_ms)).unwrap_or(i64::MAX);
        self.wall_ms
            .saturating_add(passed.saturating_mul(self.times))
    }
}

impl Pace {
    /// The system's own pace.
    pub fn of_system() -> Self {
        Self(Mutex::new(Since {
            wall_ms: SystemClock.now_ms(),
            steady_ms: SystemClock.monotonic_ms(),
            times: 1,
        }))
    }

    /// From now on the wall's time passes `times` as fast.
    pub fn set(&self, times: i64) {
        let steady_ms = SystemClock.monotonic_ms();
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *since = Since {
            wall_ms: since.wall_ms(steady_ms),
            steady_ms,
            times,
        };
    }
}

impl Clock for Pace {
    fn now_ms(&self) -> i64 {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.wall_ms(SystemClock.monotonic_ms())
    }

    fn monotonic_ms(&self) -> u64 {
        SystemClock.monotonic_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_pace_moves_no_time_that_has_passed() {
        let slow = Since {
            wall_ms: 1_000,
            steady_ms: 50,
            times: 1,
        };
        assert_eq!(slow.wall_ms(60), 1_010);
        let fast = Since {
            wall_ms: slow.wall_ms(60),
            steady_ms: 60,
            times: 100,
        };
        assert_eq!(fast.wall_ms(60), 1_010);
        assert_eq!(fast.wall_ms(65), 1_510);
    }
}
