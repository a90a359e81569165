//! Counts for Prometheus and structured logs: codes and numbers, never a person.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;

/// Starts counting; one recorder for all servers of a process.
pub(crate) fn start() {
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().ok());
}

/// The counts as text.
pub(crate) fn render() -> String {
    HANDLE
        .get()
        .and_then(Option::as_ref)
        .map_or_else(String::new, PrometheusHandle::render)
}

/// Logs as JSON lines on standard error, by the filter in `VW_LOG` (default `info`).
pub fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("VW_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(filter);
    // a second call in one process keeps the first
    let _ = subscriber.try_init();
}

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
