//! What the vault keeps of its cloud: address, trust, session, cursor, clock offset, quota.

use crate::client::{Client, ClientError, SessionKey};
use crate::keys::PrivateKey;
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use std::fmt;
use std::sync::Arc;
use vitalwitness_domain::sync::Backoff;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_domain::wire::{Limits, Quota, TrustInfo};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::trust::TrustedLog;
use zeroize::Zeroizing;

/// Which cloud, and whom it is trusted with: pinned at first contact or given by hand.
#[derive(Clone, PartialEq, Eq)]
pub struct CloudSettings {
    /// `https://...`, or `http://` on this machine.
    pub url: String,
    /// Name of the log: which of the bundle's the cloud keeps.
    pub origin: String,
    /// Trust bundle, `vw-trust/1`.
    pub trust: String,
    /// Root of the certificate authority, DER.
    pub ca: Vec<u8>,
}

impl CloudSettings {
    /// Asks the cloud at `url` what to pin. Compare it with what its operator publishes.
    ///
    /// # Errors
    ///
    /// As [`ClientError`]; `Unreadable` for a bundle of other than one log.
    pub async fn fetch(url: &str, client: &Client) -> Result<Self, ClientError> {
        let info: TrustInfo = client.open("GET", "/v1/trust", None::<&()>).await?;
        let trust = parse_trust(&info.bundle).map_err(|_| ClientError::Unreadable)?;
        let [log] = trust.logs.as_slice() else {
            return Err(ClientError::Unreadable);
        };
        Ok(Self {
            url: url.to_owned(),
            origin: log.origin.clone(),
            trust: info.bundle,
            ca: info.ca.0,
        })
    }

    /// The log as the bundle trusts it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unreadable`] when the bundle has no log of this origin.
    pub fn log(&self) -> Result<TrustedLog, ClientError> {
        let trust = parse_trust(&self.trust).map_err(|_| ClientError::Unreadable)?;
        trust
            .log(&self.origin)
            .cloned()
            .ok_or(ClientError::Unreadable)
    }

    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(4).text(&self.url).text(&self.origin);
        out.text(&self.trust).bytes(&self.ca);
        put(CLOUD, out, tx)
    }

    pub(crate) fn load(tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        get(CLOUD, tx, |reader| {
            reader.array_of(4)?;
            Ok(Self {
                url: reader.text()?.to_owned(),
                origin: reader.text()?.to_owned(),
                trust: reader.text()?.to_owned(),
                ca: reader.bytes()?.to_vec(),
            })
        })
    }
}

impl fmt::Debug for CloudSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloudSettings({})", self.url)
    }
}

/// A number that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// The last change that was applied.
    Cursor,
    /// Server's clock minus this device's, ms.
    Offset,
    /// 1: the cloud knows this device.
    Registered,
    /// 1: the last batch was refused because the account's storage is full.
    Full,
    /// Bytes of a part.
    PartBytes,
}

impl Number {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Cursor => b"cursor",
            Self::Offset => b"clock offset",
            Self::Registered => b"registered",
            Self::Full => b"storage full",
            Self::PartBytes => b"part bytes",
        }
    }

    pub(crate) fn load(self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        Ok(get(self.name(), tx, int)?.unwrap_or(0))
    }

    pub(crate) fn save(self, value: i64, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.int(value);
        put(self.name(), out, tx)
    }
}

pub(crate) fn save_session(session: &SessionKey, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.array(2).bytes(session.scalar().as_slice());
    out.int(session.end_ms());
    put(SESSION, out, tx)
}

pub(crate) fn load_session(tx: &Tx<'_>) -> Result<Option<Arc<SessionKey>>, StoreError> {
    get(SESSION, tx, |reader| {
        reader.array_of(2)?;
        let scalar = Zeroizing::new(reader.byte_array()?);
        let key = PrivateKey::from_scalar(&scalar).map_err(|_| Rejection::Malformed)?;
        Ok(Arc::new(SessionKey::new(key, reader.int()?)))
    })
}

pub(crate) fn forget_session(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.remove(Kind::Meta, SESSION)
}

pub(crate) fn save_backoff(backoff: Backoff, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.array(2).uint(u64::from(backoff.failures));
    out.int(backoff.until_ms);
    put(BACKOFF, out, tx)
}

pub(crate) fn load_backoff(tx: &Tx<'_>) -> Result<Backoff, StoreError> {
    let backoff = get(BACKOFF, tx, |reader| {
        reader.array_of(2)?;
        Ok(Backoff {
            failures: crate::header::small(reader.uint()?)?,
            until_ms: reader.int()?,
        })
    })?;
    Ok(backoff.unwrap_or_default())
}

pub(crate) fn save_quota(quota: &Quota, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.array(2).uint(quota.used).uint(quota.limit);
    put(QUOTA, out, tx)
}

pub(crate) fn load_quota(tx: &Tx<'_>) -> Result<Option<Quota>, StoreError> {
    get(QUOTA, tx, |reader| {
        reader.array_of(2)?;
        Ok(Quota {
            used: reader.uint()?,
            limit: reader.uint()?,
        })
    })
}

pub(crate) fn save_limits(limits: &Limits, tx: &Tx<'_>) -> Result<(), StoreError> {
    Number::PartBytes.save(i64::from(limits.part_bytes), tx)
}

/// Bytes of a part: what the cloud takes, at most 256 KiB.
pub(crate) fn part_bytes(tx: &Tx<'_>) -> Result<usize, StoreError> {
    let told = usize::try_from(Number::PartBytes.load(tx)?).unwrap_or(0);
    Ok(if (1024..=MOST_PART).contains(&told) {
        told
    } else {
        MOST_PART
    })
}

/// Forgets that the cloud knows this device: its keys are new ones.
pub(crate) fn forget_device(tx: &Tx<'_>) -> Result<(), StoreError> {
    Number::Registered.save(0, tx)?;
    tx.remove(Kind::Meta, crate::devices::STATED_BY)?;
    forget_session(tx)
}

/// Why the log is frozen, if it is.
pub(crate) fn frozen(tx: &Tx<'_>) -> Result<Option<String>, StoreError> {
    get(FROZEN, tx, |reader| Ok(reader.text()?.to_owned()))
}

pub(crate) fn freeze(code: &str, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.text(code);
    put(FROZEN, out, tx)
}

pub(crate) fn put(name: &[u8], out: Encoder, tx: &Tx<'_>) -> Result<(), StoreError> {
    let plain = Zeroizing::new(out.finish());
    tx.put(Kind::Meta, name, 0, &plain).map(drop)
}

pub(crate) fn get<T>(
    name: &[u8],
    tx: &Tx<'_>,
    parse: impl FnOnce(&mut Reader<'_>) -> Result<T, Rejection>,
) -> Result<Option<T>, StoreError> {
    tx.get(Kind::Meta, name)?
        .map(|item| {
            let mut reader = Reader::new(&item.plain);
            let value = parse(&mut reader).map_err(|_| DAMAGED)?;
            reader.finish().map_err(|_| DAMAGED)?;
            Ok(value)
        })
        .transpose()
}

/// Reads an id.
pub(crate) fn id(reader: &mut Reader<'_>) -> Result<[u8; 16], Rejection> {
    reader.byte_array()
}

fn int(reader: &mut Reader<'_>) -> Result<i64, Rejection> {
    reader.int()
}

const MOST_PART: usize = 262_144;
const CLOUD: &[u8] = b"cloud";
const SESSION: &[u8] = b"session";
const BACKOFF: &[u8] = b"backoff";
const QUOTA: &[u8] = b"quota";
const FROZEN: &[u8] = b"frozen";
