//! The clock and the source of randomness, as arguments to everything else.
//!
//! The only file of the server that reads either from the operating system.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the server takes from outside: time and random bytes.
#[derive(Clone)]
pub struct Env {
    now: Arc<Now>,
    fill: Arc<Fill>,
}

type Now = dyn Fn() -> i64 + Send + Sync;
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

impl Env {
    /// The machine's clock and its random source.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place of the server that reads the clock"
    )]
    pub fn system() -> Self {
        Self {
            now: Arc::new(|| {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .ok()
                    .and_then(|since| i64::try_from(since.as_millis()).ok())
                    .unwrap_or(0)
            }),
            fill: Arc::new(|bytes| {
                // Without randomness no key and no challenge is safe to make.
                if getrandom::fill(bytes).is_err() {
                    std::process::abort();
                }
            }),
        }
    }

    /// A clock and a random source of the caller's, for tests.
    pub fn new(
        now: impl Fn() -> i64 + Send + Sync + 'static,
        fill: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Self {
        Self {
            now: Arc::new(now),
            fill: Arc::new(fill),
        }
    }

    /// Milliseconds since 1970 UTC.
    pub fn now_ms(&self) -> i64 {
        (self.now)()
    }

    /// `N` random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }
}
