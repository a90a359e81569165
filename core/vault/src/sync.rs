//! Sync: what is queued goes up, what happened comes down, and every entry is checked.
//!
//! [`Vault::sync_step`] works until a deadline and may be cancelled at any await; what it did is
//! durable, step by step. When to ask what is decided in [`vitalwitness_domain::sync`].
//!
//! Collecting never stops for it: with no network, a full account or a frozen log, records are
//! added as before and wait.

pub(crate) mod entries;
pub(crate) mod errands;
pub(crate) mod events;
mod fetch;
pub(crate) mod link;
mod proofs;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod round;
mod several;

pub use link::CloudSettings;
pub use several::Complete;
pub use vitalwitness_domain::sync::Network;

use crate::Error;
use crate::client::{Client, Http, Transport};
use crate::devices::secrets::RestoredBy;
use crate::store::{StoreError, Tx};
use crate::vault::Vault;
use link::Number;
use round::Round;
use std::sync::Arc;
use vitalwitness_proof::cbor::Encoder;

/// How full the account's storage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes stored.
    pub used: u64,
    /// Bytes allowed.
    pub limit: u64,
}

/// When to say something about the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaLevel {
    /// Under 80 %.
    Fine,
    /// From 80 %: say that it fills up.
    Filling,
    /// Full: batches wait on this device; nothing is lost, collecting goes on.
    Full,
}

impl Quota {
    /// What to say.
    pub fn level(&self) -> QuotaLevel {
        if self.used >= self.limit {
            QuotaLevel::Full
        } else if u128::from(self.used) * 5 >= u128::from(self.limit) * 4 {
            QuotaLevel::Filling
        } else {
            QuotaLevel::Fine
        }
    }
}

impl From<vitalwitness_domain::wire::Quota> for Quota {
    fn from(quota: vitalwitness_domain::wire::Quota) -> Self {
        Self {
            used: quota.used,
            limit: quota.limit,
        }
    }
}

/// What a round did and how things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncReport {
    /// Items that the cloud took.
    pub sent: u32,
    /// Items set aside after a permanent refusal; see [`Vault::set_aside`].
    pub set_aside: u32,
    /// Entries whose inclusion was checked.
    pub checked: u32,
    /// The cloud refused a batch because the account's storage is full.
    pub storage_full: bool,
    /// Nothing is left to do now.
    pub done: bool,
    /// When to try again, by this device's clock.
    pub retry_at_ms: Option<i64>,
    /// As the cloud last said.
    pub quota: Option<Quota>,
    /// No quorum of witnesses has seen the log for a day.
    pub stale: bool,
    /// The log was caught cheating, by this code; nothing is synced with it any more.
    pub frozen: Option<String>,
}

impl SyncReport {
    /// What to say about storage. A refusal counts even when a small rest is free.
    pub fn quota_level(&self) -> QuotaLevel {
        if self.storage_full {
            QuotaLevel::Full
        } else {
            self.quota.map_or(QuotaLevel::Fine, |quota| quota.level())
        }
    }
}

/// Something that the cloud will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its number.
    pub item: i64,
    /// The cloud's code; `local` when this device could not make sense of it, `batch_entry` when no
    /// entry of one who may write covers a batch, `sealed_...` when a batch does not open,
    /// `recovery_not_sealed` when what is under a vault secret waits for a device that opens it.
    pub code: String,
}

impl Vault {
    /// Names the cloud to sync with. To change it later, states and batches stay as they are.
    ///
    /// # Errors
    ///
    /// [`crate::client::ClientError`] when the trust bundle cannot be read.
    pub fn connect(&self, settings: &CloudSettings) -> Result<(), Error> {
        settings.log()?;
        self.with(|core| Ok(core.store.write(|tx| settings.save(tx))?))
    }

    /// The cloud it syncs with.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn cloud(&self) -> Result<Option<CloudSettings>, Error> {
        self.with(|core| Ok(CloudSettings::load(&core.store.reader())?))
    }

    /// A connection to that cloud.
    ///
    /// # Errors
    ///
    /// [`crate::client::ClientError::NotConnected`] when none is named.
    pub fn transport(&self) -> Result<Arc<dyn Transport>, Error> {
        let settings = self.cloud()?;
        let settings = settings.ok_or(crate::client::ClientError::NotConnected)?;
        Ok(Arc::new(Http::new(&settings.url)?))
    }

    /// Syncs until `deadline_ms` of the monotonic clock, at least one step. May be dropped at any
    /// await.
    ///
    /// # Errors
    ///
    /// [`crate::kit::KitError::NotConfirmed`] before the kit is; what the key store says. A cloud
    /// that does not answer is no error: the report says when to try again.
    pub async fn sync_step(
        &self,
        transport: &Arc<dyn Transport>,
        deadline_ms: u64,
        network: Network,
    ) -> Result<SyncReport, Error> {
        self.with(|core| Ok::<_, Error>(RestoredBy::expire(core)?))?;
        let mut report = self.sync_round(transport, deadline_ms, network).await?;
        if self.with(|core| core.check_after_round(report.done, None))? {
            report.done = false; // another vault secret is to be sent, or what waited for the check
        }
        Ok(report)
    }

    /// As [`Vault::sync_step`]; who made the newest vault secret is not asked again.
    pub(crate) async fn sync_round(
        &self,
        transport: &Arc<dyn Transport>,
        deadline_ms: u64,
        network: Network,
    ) -> Result<SyncReport, Error> {
        let mut round = Round::new(self, transport, network)?;
        while round.step().await? {
            let now = self.with(|core| Ok::<_, Error>(core.env.clock.monotonic_ms()))?;
            if now >= deadline_ms {
                break;
            }
        }
        round.finish()
    }

    /// Syncs until nothing is left to do or the cloud is to be waited for.
    ///
    /// # Errors
    ///
    /// As [`Vault::sync_step`].
    pub async fn sync_all(&self, transport: &Arc<dyn Transport>) -> Result<SyncReport, Error> {
        self.sync_step(transport, u64::MAX, Network::default())
            .await
    }

    /// How full the account's storage is, as the cloud last said.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn quota(&self) -> Result<(Option<Quota>, QuotaLevel), Error> {
        self.with(|core| {
            let reader = core.store.reader();
            let quota = link::load_quota(&reader)?.map(Quota::from);
            let level = if Number::Full.load(&reader)? == 1 {
                QuotaLevel::Full
            } else {
                quota.map_or(QuotaLevel::Fine, |quota| quota.level())
            };
            Ok((quota, level))
        })
    }

    /// What the cloud refused for good.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn set_aside(&self) -> Result<Vec<SetAside>, Error> {
        self.with(|core| {
            let reader = core.store.reader();
            let mut all = Vec::new();
            for item in reader.queued(true)? {
                let name = reason_name(item.id);
                let code = link::get(&name, &reader, |reader| Ok(reader.text()?.to_owned()))?;
                all.push(SetAside {
                    item: item.id,
                    code: code.unwrap_or_default(),
                });
            }
            Ok(all)
        })
    }

    /// Puts what was set aside back into the queue.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn try_again(&self, item: i64) -> Result<(), Error> {
        self.with(|core| Ok(core.store.write(|tx| tx.quarantine(item, false))?))
    }

    /// Server's clock minus this device's, ms, as last measured.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn clock_offset_ms(&self) -> Result<i64, Error> {
        self.with(|core| Ok(Number::Offset.load(&core.store.reader())?))
    }

    /// A caller of the cloud in this device's name, with the kept session.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn client(&self, transport: &Arc<dyn Transport>) -> Result<Client, Error> {
        self.with(|core| {
            let reader = core.store.reader();
            let env = &core.env;
            let client = Client::new(transport.clone(), env.clock.clone(), env.random.clone());
            Ok(client.resume(Number::Offset.load(&reader)?, link::load_session(&reader)?))
        })
    }
}

pub(crate) fn save_reason(item: i64, code: &str, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.text(code);
    link::put(&reason_name(item), out, tx)
}

fn reason_name(item: i64) -> Vec<u8> {
    [b"reason".as_slice(), &item.to_be_bytes()].concat()
}
