//! The platform's key store: Android Keystore, Secure Enclave and Keychain.

use crate::error::VaultError;
use crate::runtime;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use vitalwitness_vault::keys::{self, KeyError, KeyKind, Point, Spki};
use zeroize::Zeroizing;

/// What a key is for. A store refuses every other use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum KeyUse {
    /// ECDSA P-256 over SHA-256, without asking.
    Sign,
    /// ECDSA P-256 over SHA-256, each after the person showed that they are there: a fingerprint, a
    /// face, the lock code.
    SignWithPresence,
    /// ECDH P-256.
    Agree,
    /// AES-256-GCM over small secrets.
    Wrap,
}

/// Why a key store did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum KeyStoreError {
    /// The system refused the person: a wrong finger, too many tries. The call ends with
    /// `Denied(key_refused)`.
    #[error("refused")]
    Refused,
    /// The person closed the question. The call ends with `Denied(key_cancelled)`.
    #[error("cancelled")]
    Cancelled,
    /// The store does not answer now, such as before the first unlock after a restart. The call ends
    /// with `NotNow(key_unavailable)`.
    #[error("unavailable")]
    Unavailable,
    /// The key is gone for good: a reset, a new lock screen. The call ends with
    /// `RestoreNeeded(key_lost)`.
    #[error("key lost")]
    KeyLost,
    /// What was given to unwrap or agree with is not valid under this key. The call ends with
    /// `RestoreNeeded(wrong_key)`.
    #[error("not valid")]
    NotValid,
    /// The implementation failed in a way it does not name. The call ends with
    /// `Internal(key_store)`.
    #[error("failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for KeyStoreError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

impl From<KeyStoreError> for KeyError {
    fn from(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Refused => Self::Refused,
            KeyStoreError::Cancelled => Self::Cancelled,
            KeyStoreError::Unavailable => Self::Unavailable,
            KeyStoreError::KeyLost => Self::KeyLost,
            KeyStoreError::NotValid => Self::NotValid,
            KeyStoreError::Failed => Self::Damaged,
        }
    }
}

/// Holds the keys of this device. The app implements it; a key is named by its alias, is made inside
/// the store and never leaves it.
///
/// May be called from any thread, and by several calls at once. A call that takes longer than
/// [`KeyLimits`] says is cancelled, and the vault's call ends with `NotNow(key_unavailable)`:
/// nothing is lost, and the vault stays usable. Do not call the vault from within.
#[uniffi::export(with_foreign)]
#[async_trait::async_trait]
pub trait KeyStore: Send + Sync {
    /// Makes a key under `alias`, in place of one that is there.
    async fn create(&self, alias: String, purpose: KeyUse) -> Result<(), KeyStoreError>;

    /// The public half of a key that signs or agrees: SPKI in DER, 91 bytes, uncompressed point.
    async fn public_key(&self, alias: String) -> Result<Vec<u8>, KeyStoreError>;

    /// ECDSA P-256 over SHA-256 of `message`, in DER, as platforms give it, or as 64 bytes `r||s`.
    async fn sign(&self, alias: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;

    /// The x coordinate of the ECDH product with `peer` (65 bytes, uncompressed): 32 bytes.
    async fn agree(&self, alias: String, peer: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;

    /// Seals `secret` under the key, bound to `context` (additional data).
    async fn wrap(
        &self,
        alias: String,
        secret: Vec<u8>,
        context: Vec<u8>,
    ) -> Result<Vec<u8>, KeyStoreError>;

    /// Opens what `wrap` sealed with the same `context`.
    async fn unwrap(
        &self,
        alias: String,
        wrapped: Vec<u8>,
        context: Vec<u8>,
    ) -> Result<Vec<u8>, KeyStoreError>;

    /// Destroys a key; fine when it is not there.
    async fn delete(&self, alias: String) -> Result<(), KeyStoreError>;
}

/// How long a key store may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct KeyLimits {
    /// For what asks nobody, ms. 10,000 is a good value.
    pub quiet_ms: u32,
    /// For what asks the person, ms. 120,000 is a good value.
    pub presence_ms: u32,
}

/// The platform's store as the core sees it.
pub(crate) struct Platform {
    pub(crate) store: Arc<dyn KeyStore>,
    pub(crate) limits: KeyLimits,
}

/// Waits for the platform, at most `limit_ms`.
fn ask<T>(
    limit_ms: u32,
    answer: impl Future<Output = Result<T, KeyStoreError>>,
) -> Result<T, KeyError> {
    let limit = Duration::from_millis(u64::from(limit_ms));
    match runtime::wait(limit, answer) {
        Some(answer) => Ok(answer?),
        None => Err(KeyError::Unavailable),
    }
}

impl Platform {
    fn quiet<T>(
        &self,
        answer: impl Future<Output = Result<T, KeyStoreError>>,
    ) -> Result<T, KeyError> {
        ask(self.limits.quiet_ms, answer)
    }
}

impl keys::KeyStore for Platform {
    fn create(&self, alias: &str, kind: KeyKind) -> Result<(), KeyError> {
        let purpose = match kind {
            KeyKind::Sign => KeyUse::Sign,
            KeyKind::SignWithPresence => KeyUse::SignWithPresence,
            KeyKind::Agree => KeyUse::Agree,
            KeyKind::Wrap => KeyUse::Wrap,
        };
        self.quiet(self.store.create(alias.to_owned(), purpose))
    }

    fn public(&self, alias: &str) -> Result<Spki, KeyError> {
        let spki = self.quiet(self.store.public_key(alias.to_owned()))?;
        let spki: Spki = spki.try_into().map_err(|_| KeyError::Damaged)?;
        keys::point_of(&spki).ok_or(KeyError::Damaged)?;
        Ok(spki)
    }

    fn sign(&self, alias: &str, message: &[u8]) -> Result<[u8; 64], KeyError> {
        // which of the two kinds it is the store knows: the longer limit ends a hanging one too
        let signing = self.store.sign(alias.to_owned(), message.to_vec());
        let signature = ask(self.limits.presence_ms, signing)?;
        keys::signature_of(&signature).ok_or(KeyError::Damaged)
    }

    fn agree(&self, alias: &str, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let x = self.quiet(self.store.agree(alias.to_owned(), peer.to_vec()))?;
        let x = Zeroizing::new(x);
        let x: [u8; 32] = x.as_slice().try_into().map_err(|_| KeyError::Damaged)?;
        Ok(Zeroizing::new(x))
    }

    fn wrap(&self, alias: &str, secret: &[u8], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        let wrapping = self
            .store
            .wrap(alias.to_owned(), secret.to_vec(), context.to_vec());
        self.quiet(wrapping)
    }

    fn unwrap(
        &self,
        alias: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let unwrapping = self
            .store
            .unwrap(alias.to_owned(), wrapped.to_vec(), context.to_vec());
        self.quiet(unwrapping).map(Zeroizing::new)
    }

    fn delete(&self, alias: &str) -> Result<(), KeyError> {
        self.quiet(self.store.delete(alias.to_owned()))
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platform")
    }
}

/// What a key store is given as a limit must be one.
pub(crate) fn check(limits: KeyLimits) -> Result<KeyLimits, VaultError> {
    if limits.quiet_ms == 0 || limits.presence_ms == 0 {
        return Err(VaultError::input("limits", "limit_invalid"));
    }
    Ok(limits)
}
