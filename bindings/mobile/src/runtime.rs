//! The library's own threads.
//!
//! A call from Kotlin or Swift waits for a task of this runtime. Dropping the call (Kotlin does, at
//! a cancelled coroutine) stops a task at its next await; work on the file runs to its end, and is
//! durable or not done.

use crate::error::VaultError;
use std::future::Future;
use std::panic;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

/// Runs work that touches file or keys, off the caller's thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    joined(runtime()?.spawn_blocking(work)).await
}

/// Runs work that waits. It ends at its next await when the caller goes away.
pub(crate) async fn task<T: Send + 'static>(
    work: impl Future<Output = Result<T, VaultError>> + Send + 'static,
) -> Result<T, VaultError> {
    let mut ended = EndWithCaller(runtime()?.spawn(work));
    joined(&mut ended.0).await
}

/// Starts work that nobody waits for.
pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = runtime() {
        runtime.spawn(work);
    }
}

/// Waits on this thread for what the platform does, at most `limit`; none: it took longer.
///
/// For the core's synchronous key store, whose implementation answers later.
pub(crate) fn wait<T>(limit: Duration, answer: impl Future<Output = T>) -> Option<T> {
    let runtime = runtime().ok()?;
    tokio::task::block_in_place(|| {
        runtime.block_on(async { tokio::time::timeout(limit, answer).await.ok() })
    })
}

async fn joined<T>(
    handle: impl Future<Output = Result<Result<T, VaultError>, JoinError>>,
) -> Result<T, VaultError> {
    match handle.await {
        Ok(result) => result,
        Err(error) if error.is_panic() => Err(VaultError::internal("panic")),
        Err(_) => Err(VaultError::internal("stopped")),
    }
}

fn runtime() -> Result<&'static Runtime, VaultError> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // the place only: what a panic says may be of a record
        panic::set_hook(Box::new(|info| match info.location() {
            Some(at) => log::error!("internal error at {}:{}", at.file(), at.line()),
            None => log::error!("internal error"),
        }));
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("vitalwitness");
        builder.enable_all().build().ok()
    });
    runtime.as_ref().ok_or(VaultError::internal("threads"))
}

struct EndWithCaller<T>(JoinHandle<T>);

impl<T> Drop for EndWithCaller<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn run<T>(work: impl Future<Output = T>) -> T {
        Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(work)
    }

    #[test]
    fn a_panic_is_an_internal_error_and_the_next_call_works() {
        run(async {
            let broken: Result<(), _> = blocking(|| panic!("of a record")).await;
            assert_eq!(broken, Err(VaultError::internal("panic")));
            let broken: Result<(), _> = task(async { panic!("of a record") }).await;
            assert_eq!(broken, Err(VaultError::internal("panic")));
            assert_eq!(blocking(|| Ok(7)).await, Ok(7));
        });
    }

    struct OnEnd(Arc<AtomicBool>, tokio::sync::mpsc::UnboundedSender<()>);

    impl Drop for OnEnd {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            let _ = self.1.send(());
        }
    }

    #[test]
    fn a_dropped_call_ends_its_task() {
        let ended = Arc::new(AtomicBool::new(false));
        run(async {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            let on_end = OnEnd(ended.clone(), sender);
            let never = task(async move {
                let _held = on_end;
                std::future::pending::<Result<(), VaultError>>().await
            });
            let gone = tokio::time::timeout(Duration::from_millis(20), never).await;
            assert!(gone.is_err());
            receiver.recv().await.unwrap();
            assert!(ended.load(Ordering::SeqCst));
        });
    }

    #[test]
    fn what_takes_too_long_is_given_up_also_within_a_task() {
        run(async {
            let waited = task(async {
                let limit = Duration::from_millis(5);
                let late = wait(limit, std::future::pending::<()>()).is_none();
                let in_time = wait(Duration::from_secs(5), async { 7 });
                Ok((late, in_time))
            });
            assert_eq!(waited.await, Ok((true, Some(7))));
        });
    }
}
