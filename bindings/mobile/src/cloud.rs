//! The cloud: named, synced with, asked how full it is.

use crate::error::VaultError;
use crate::names::Timestamp;
use crate::observer::Change;
use crate::record::same_words;
use crate::recovery::RecoveryKit;
use crate::runtime::task;
use crate::vault::{Vault, held};
use std::fmt;
use std::sync::Arc;
use vitalwitness_vault as core;
use vitalwitness_vault::client::{Client, Http, Transport};
use vitalwitness_vault::clock::{Clock as _, SystemClock};
use vitalwitness_vault::keys::OsRandom;
use vitalwitness_vault::sync;

/// Which cloud, and whom it is trusted with.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct CloudSettings {
    /// `https://...`, or `http://` on this machine.
    pub url: String,
    /// Name of its log.
    pub log: String,
    /// The logs and witnesses that are trusted: JSON, `vw-trust/1`. Receipts are verified by it.
    pub trust: String,
    /// Root of the authority that certifies organisations, DER.
    pub authority: Vec<u8>,
}

/// The network a step may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Network {
    /// Bytes cost money. Nothing is held back for it.
    pub metered: bool,
    /// The person saves data: series wait.
    pub low_data: bool,
}

/// When to say something about storage at the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum QuotaLevel {
    /// Under 80 %.
    Fine,
    /// From 80 %: say that it fills up.
    Filling,
    /// Full: batches wait on this device; nothing is lost, collecting goes on.
    Full,
}

same_words!(QuotaLevel, sync::QuotaLevel, Fine, Filling, Full);

/// How full the account's storage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Quota {
    /// Bytes stored, as the cloud last said.
    pub used: Option<u64>,
    /// Bytes allowed.
    pub limit: Option<u64>,
    /// What to say.
    pub level: QuotaLevel,
}

/// What a step of sync did and how things stand.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SyncReport {
    /// Items that the cloud took.
    pub sent: u32,
    /// Items set aside after a permanent refusal.
    pub set_aside: u32,
    /// Entries whose place in the log was checked.
    pub checked: u32,
    /// Nothing is left to do now.
    pub done: bool,
    /// When to try again.
    pub retry_at: Option<Timestamp>,
    /// What to say about storage.
    pub quota: QuotaLevel,
    /// No quorum of witnesses has seen the log for a day: say so.
    pub stale: bool,
    /// The log was caught cheating, by this code; nothing is synced with it any more.
    pub frozen: Option<String>,
}

/// Something that the cloud will never take as it is.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SetAside {
    /// Its number.
    pub item: i64,
    /// Why.
    pub code: String,
}

/// Which batches to seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum SealWhich {
    /// Those that are an hour old: for background work.
    Due,
    /// All of them: when the person asks for receipts now.
    All,
}

/// Asks the cloud at `url` what to pin. Show it to the person, or compare it with what its operator
/// publishes; then give it to `Vault.connect`.
#[uniffi::export]
pub async fn fetch_cloud(url: String) -> Result<CloudSettings, VaultError> {
    task(async move {
        let transport: Arc<dyn Transport> = Arc::new(Http::new(&url)?);
        let client = Client::new(transport, Arc::new(SystemClock), Arc::new(OsRandom));
        Ok(sync::CloudSettings::fetch(&url, &client).await?.into())
    })
    .await
}

#[uniffi::export]
impl Vault {
    /// Names the cloud to sync with. `kit` is needed where the vault was made for another log, or
    /// for none.
    pub async fn connect(
        &self,
        cloud: CloudSettings,
        kit: Option<Arc<RecoveryKit>>,
    ) -> Result<(), VaultError> {
        let settings = sync::CloudSettings::from(cloud);
        self.changing(Change::Sync, move |vault| {
            if let Some(kit) = kit {
                vault.state_device(&kit.0, &settings.origin)?;
            }
            vault.connect(&settings)
        })
        .await
    }

    /// The cloud it syncs with.
    pub async fn cloud(&self) -> Result<Option<CloudSettings>, VaultError> {
        self.with(|vault| Ok(vault.cloud()?.map(CloudSettings::from)))
            .await
    }

    /// Seals batches, so that the next sync brings them up. Returns how many.
    pub async fn seal(&self, which: SealWhich) -> Result<u32, VaultError> {
        let which = match which {
            SealWhich::Due => core::Seal::Due,
            SealWhich::All => core::Seal::All,
        };
        self.changing(Change::Sync, move |vault| {
            Ok(u32::try_from(vault.seal(which)?).unwrap_or(u32::MAX))
        })
        .await
    }

    /// Syncs for about `budget_ms`, at least one step; call again while the report is not `done`.
    /// May be cancelled at any moment. A cloud that does not answer is no error: the report says
    /// when to try again.
    pub async fn sync(&self, budget_ms: u32, network: Network) -> Result<SyncReport, VaultError> {
        let (vault, transport) = (self.core(), self.transport().await?);
        let changes = self.changes.clone();
        task(async move {
            let deadline = SystemClock.monotonic_ms() + u64::from(budget_ms);
            let network = sync::Network {
                metered: network.metered,
                low_data: network.low_data,
            };
            let report = vault.sync_step(&transport, deadline, network).await?;
            for change in [Change::Records, Change::Sharing, Change::Sync] {
                changes.tell(change);
            }
            Ok(report.into())
        })
        .await
    }

    /// How full the account's storage is, as the cloud last said.
    pub async fn quota(&self) -> Result<Quota, VaultError> {
        self.with(|vault| {
            let (quota, level) = vault.quota()?;
            Ok(Quota {
                used: quota.map(|quota| quota.used),
                limit: quota.map(|quota| quota.limit),
                level: level.into(),
            })
        })
        .await
    }

    /// What the cloud refused for good.
    pub async fn set_aside(&self) -> Result<Vec<SetAside>, VaultError> {
        self.with(|vault| {
            let all = vault.set_aside()?.into_iter();
            let each = all.map(|it| SetAside {
                item: it.item,
                code: it.code,
            });
            Ok(each.collect())
        })
        .await
    }

    /// Puts what was set aside back into the queue.
    pub async fn try_again(&self, item: i64) -> Result<(), VaultError> {
        self.changing(Change::Sync, move |vault| vault.try_again(item))
            .await
    }
}

impl Vault {
    /// The connection to the named cloud, kept between calls.
    pub(crate) async fn transport(&self) -> Result<Arc<dyn Transport>, VaultError> {
        let cloud = self.with(core::Vault::cloud).await?;
        let url = cloud.ok_or(VaultError::not_now("not_connected"))?.url;
        let mut kept = held(&self.transport);
        if let Some((of, transport)) = kept.as_ref()
            && *of == url
        {
            return Ok(transport.clone());
        }
        let transport: Arc<dyn Transport> = Arc::new(Http::new(&url)?);
        *kept = Some((url, transport.clone()));
        Ok(transport)
    }
}

/// A connection to a cloud that no vault here names yet.
pub(crate) fn transport_to(url: &str) -> Result<Arc<dyn Transport>, VaultError> {
    Ok(Arc::new(Http::new(url)?))
}

impl From<sync::CloudSettings> for CloudSettings {
    fn from(settings: sync::CloudSettings) -> Self {
        Self {
            url: settings.url,
            log: settings.origin,
            trust: settings.trust,
            authority: settings.ca,
        }
    }
}

impl From<CloudSettings> for sync::CloudSettings {
    fn from(cloud: CloudSettings) -> Self {
        Self {
            url: cloud.url,
            origin: cloud.log,
            trust: cloud.trust,
            ca: cloud.authority,
        }
    }
}

impl From<sync::SyncReport> for SyncReport {
    fn from(report: sync::SyncReport) -> Self {
        Self {
            quota: report.quota_level().into(),
            sent: report.sent,
            set_aside: report.set_aside,
            checked: report.checked,
            done: report.done,
            retry_at: report.retry_at_ms.map(Timestamp),
            stale: report.stale,
            frozen: report.frozen,
        }
    }
}

impl fmt::Debug for CloudSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloudSettings({})", self.url)
    }
}
