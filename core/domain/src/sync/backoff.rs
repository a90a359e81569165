//! How long to wait after a failure: full jitter from 1 s to 15 min, never less than Retry-After.

/// How often it failed in a row, and until when to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    /// Failures in a row.
    pub failures: u32,
    /// Not before this moment, by the phone's clock.
    pub until_ms: i64,
}

impl Backoff {
    /// Whether to wait still. A clock that was set back more than the longest wait ends it.
    pub fn holds(&self, now_ms: i64) -> bool {
        self.until_ms > now_ms && self.until_ms.saturating_sub(now_ms) <= MAX_WAIT_MS
    }

    /// The wait after one more failure; `draw` is a random number of the full range.
    #[must_use]
    pub fn after_failure(self, retry_after_s: Option<u32>, now_ms: i64, draw: u64) -> Self {
        let ceiling = BASE_MS
            .saturating_mul(1_i64 << self.failures.min(20))
            .min(MAX_WAIT_MS);
        let span = u64::try_from(ceiling).unwrap_or(1).saturating_add(1);
        let jitter = i64::try_from(draw % span).unwrap_or(ceiling);
        let asked = i64::from(retry_after_s.unwrap_or(0)).saturating_mul(1000);
        Self {
            failures: self.failures.saturating_add(1),
            until_ms: now_ms.saturating_add(jitter.max(asked).min(MAX_WAIT_MS)),
        }
    }
}

/// The longest wait.
pub const MAX_WAIT_MS: i64 = 900_000;
const BASE_MS: i64 = 1000;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_doubles_from_one_second_to_fifteen_minutes() {
        let mut backoff = Backoff::default();
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
            let span = u64::try_from(seconds * 1000 + 1).unwrap();
            let longest = backoff.after_failure(None, 50, span - 1);
            assert_eq!(longest.until_ms, 50 + seconds * 1000);
            let shortest = backoff.after_failure(None, 50, span);
            assert_eq!(shortest.until_ms, 50);
            backoff = longest;
        }
    }

    #[test]
    fn retry_after_is_obeyed_up_to_the_longest_wait() {
        let none = Backoff::default();
        assert_eq!(none.after_failure(Some(7), 0, 3).until_ms, 7000);
        assert_eq!(
            none.after_failure(Some(1_000_000), 0, 3).until_ms,
            MAX_WAIT_MS
        );
    }

    #[test]
    fn a_clock_set_back_by_a_year_does_not_make_it_wait_a_year() {
        let backoff = Backoff::default().after_failure(Some(60), 1_700_000_000_000, 0);
        assert!(backoff.holds(1_700_000_000_000));
        assert!(!backoff.holds(1_668_000_000_000));
        assert!(!backoff.holds(1_700_000_060_000));
    }
}
