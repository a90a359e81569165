//! Changes, told to the app: which parts of the vault are not as they were.
//!
//! Told at most every tenth of a second, from this library's threads, one call at a time; what
//! changes meanwhile is told with the next call. What changed is for the app to ask.

use crate::runtime;
use crate::vault::{Vault, held};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A part of the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, uniffi::Enum)]
pub enum Change {
    /// Records were added, replaced, taken back or erased.
    Records,
    /// Bluetooth devices were paired, changed or forgotten, or sent something.
    Sensors,
    /// Requests or grants are not as they were.
    Sharing,
    /// What is on its way to the cloud, and receipts.
    Sync,
    /// Devices of the account, the kit, backups.
    Account,
    /// Units or language.
    Settings,
}

/// A call into the app failed. What the vault did is done all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// It failed.
    #[error("callback failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Is told of changes. Called on a thread of this library: hand over to your own at once.
#[uniffi::export(with_foreign)]
pub trait Observer: Send + Sync {
    /// These parts are not as they were. An error is noted and changes nothing.
    fn changed(&self, changes: Vec<Change>) -> Result<(), CallbackError>;
}

#[uniffi::export]
impl Vault {
    /// Tells `observer` of changes from now on, in place of the one before; none: nobody.
    pub fn observe(&self, observer: Option<Arc<dyn Observer>>) {
        held(&self.changes.0).observer = observer;
    }
}

/// What changed since the observer was last told.
#[derive(Default)]
pub(crate) struct Changes(Mutex<State>);

#[derive(Default)]
struct State {
    observer: Option<Arc<dyn Observer>>,
    waiting: BTreeSet<Change>,
    telling: bool,
}

impl Changes {
    pub(crate) fn tell(self: &Arc<Self>, change: Change) {
        let mut state = held(&self.0);
        if state.observer.is_none() {
            return;
        }
        state.waiting.insert(change);
        if !state.telling {
            state.telling = true;
            let changes = self.clone();
            runtime::start(async move { while changes.clone().told().await {} });
        }
    }

    /// False: nothing is left to tell.
    async fn told(self: Arc<Self>) -> bool {
        tokio::time::sleep(DEBOUNCE).await;
        let call = {
            let mut state = held(&self.0);
            let waiting = std::mem::take(&mut state.waiting);
            match &state.observer {
                Some(observer) if !waiting.is_empty() => Some((observer.clone(), waiting)),
                _ => {
                    state.telling = false;
                    None
                }
            }
        };
        let Some((observer, waiting)) = call else {
            return false;
        };
        let told =
            runtime::blocking(move || Ok(observer.changed(waiting.into_iter().collect()).is_ok()));
        if told.await != Ok(true) {
            log::warn!("the observer failed");
        }
        true
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changes(..)")
    }
}

const DEBOUNCE: Duration = Duration::from_millis(100);
