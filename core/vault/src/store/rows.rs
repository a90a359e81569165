//! Sealing of rows: AES-256-GCM, random nonce, bound to table and row.
//!
//! ```text
//! row key = HKDF-Expand(database key, "vwL1 row", 32)
//! tag key = HKDF-Expand(database key, "vwL1 tag", 32)
//! sealed = nonce (12) || AES-256-GCM(row key, nonce, plain, AAD = u8 table || u64 row)
//! tag = HMAC-SHA256(tag key, u8 kind || name)[0..16]
//! ```

use super::{DAMAGED, StoreError};
use crate::keys::{KeyError, Random, random_bytes};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use std::fmt;
use zeroize::Zeroizing;

/// Which table a sealed row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Table {
    Keyring = 1,
    Item = 2,
    Batch = 3,
    Part = 4,
    Filter = 5,
    Outbox = 6,
    Frame = 7,
}

/// Keys that seal rows.
pub struct RowKeys {
    row: LessSafeKey,
    tag: hmac::Key,
}

impl RowKeys {
    pub(crate) fn of(database_key: &[u8; 32]) -> Result<Self, KeyError> {
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, database_key);
        let expand = |label: &[u8]| {
            let mut out = Zeroizing::new([0; 32]);
            prk.expand(&[label], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(out.as_mut_slice()))
                .map_err(|_| KeyError::NotValid)?;
            Ok::<_, KeyError>(out)
        };
        let row = UnboundKey::new(&AES_256_GCM, expand(b"vwL1 row")?.as_slice())
            .map_err(|_| KeyError::NotValid)?;
        Ok(Self {
            row: LessSafeKey::new(row),
            tag: hmac::Key::new(hmac::HMAC_SHA256, expand(b"vwL1 tag")?.as_slice()),
        })
    }

    pub(crate) fn seal(
        &self,
        table: Table,
        row: i64,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, StoreError> {
        let broken = || StoreError::Sqlite(rusqlite::Error::InvalidQuery);
        let nonce: [u8; NONCE_LEN] = random_bytes(random).map_err(|_| broken())?;
        let mut out = Vec::with_capacity(NONCE_LEN + plain.len() + 16);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let tag = self
            .row
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context(table, row)),
                &mut out[NONCE_LEN..],
            )
            .map_err(|_| broken())?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    pub(crate) fn open(
        &self,
        table: Table,
        row: i64,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(DAMAGED)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DAMAGED)?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let len = self
            .row
            .open_in_place(nonce, Aad::from(context(table, row)), &mut bytes)
            .map_err(|_| DAMAGED)?
            .len();
        bytes.truncate(len);
        Ok(bytes)
    }

    /// A keyed hash of a name, in its place in an index.
    pub(crate) fn tag(&self, kind: u8, name: &[u8]) -> [u8; 16] {
        let mut mac = hmac::Context::with_key(&self.tag);
        mac.update(&[kind]);
        mac.update(name);
        let mut out = [0; 16];
        out.copy_from_slice(&mac.sign().as_ref()[..16]);
        out
    }
}

impl fmt::Debug for RowKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowKeys(..)")
    }
}

fn context(table: Table, row: i64) -> [u8; 9] {
    let mut out = [0; 9];
    out[0] = table as u8;
    out[1..].copy_from_slice(&row.to_be_bytes());
    out
}
