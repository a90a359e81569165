//! One round of sync: shows the store to the [`SyncTask`], does the step it names, keeps what came.
//!
//! The vault's lock is never held while an answer is waited for. The round may be dropped at any
//! await: what it holds besides the store can be asked again.

use super::SyncReport;
use super::entries::Kept;
use super::errands::Errand;
use super::link::{self, CloudSettings, Number};
use crate::Error;
use crate::client::{Client, ClientError, Transport};
use crate::devices::after_pull;
use crate::heads::Head;
use crate::keys::{KeyError, key_id};
use crate::share::Writers;
use crate::store::{DAMAGED, StoreError};
use crate::tasks::Task;
use crate::vault::{Core, Statement, Vault};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use vitalwitness_domain::sync::{Answer, Backoff, Network, Queued, Step, SyncTask, Verdict, View};
use vitalwitness_domain::wire::{
    Bytes, Changes, DeviceStatement, Id16, Limits, NewAccount, Quota, Sig64, slug,
};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::trust::TrustedLog;

/// What came of a request, before the task hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Done; an item can leave the outbox.
    Done,
    /// The item is no longer to be sent; it can leave the outbox.
    Gone,
    /// The item waits for something else; not in this round.
    Later,
    /// The clock is off: measure, then ask again.
    Skew,
    /// Anything else.
    Answer(Answer),
    /// The key store did not sign: nothing more in this round.
    Key(KeyError),
}

impl Asked {
    /// What the cloud or another device gave cannot be used, now or later.
    pub(crate) fn aside(code: &str) -> Self {
        Self::Answer(Answer::Refused {
            status: 422,
            code: code.to_owned(),
            retry_after_s: None,
        })
    }

    pub(crate) fn from_answer(answer: Result<(), ClientError>) -> Self {
        match answer {
            Ok(()) => Self::Done,
            Err(ClientError::Offline { retry_after_s }) => {
                Self::Answer(Answer::Offline { retry_after_s })
            }
            Err(ClientError::Refused(problem)) => Self::Answer(Answer::Refused {
                status: problem.status,
                code: problem.code,
                retry_after_s: problem.retry_after_s,
            }),
            Err(ClientError::ClockSkew) => Self::Skew,
            Err(ClientError::Key(error)) => Self::Key(error),
            Err(_) => Self::Answer(Answer::Unreadable),
        }
    }
}

/// One round.
pub(crate) struct Round<'v> {
    pub(crate) vault: &'v Vault,
    pub(crate) client: Client,
    pub(crate) settings: CloudSettings,
    pub(super) log: TrustedLog,
    task: SyncTask,
    queue: VecDeque<(i64, Task, bool)>,
    newest: i64,
    /// Does not fit into the account's storage.
    held: BTreeSet<i64>,
    /// Waits for what a pull may bring.
    later: BTreeSet<i64>,
    pub(super) unchecked: Option<VecDeque<Kept>>,
    /// Looked up when a grantee's batch is first asked for, again after a pull.
    pub(super) writers: Option<Writers>,
    pub(super) frozen: Option<String>,
}

impl<'v> Round<'v> {
    pub(crate) fn new(
        vault: &'v Vault,
        transport: &Arc<dyn Transport>,
        network: Network,
    ) -> Result<Self, Error> {
        vault.with(|core| {
            if !core.account.is_confirmed() {
                return Err(crate::kit::KitError::NotConfirmed.into());
            }
            core.adopt_kept_channels()?;
            core.end_expired_grants()?;
            let reader = core.store.reader();
            let settings = CloudSettings::load(&reader)?.ok_or(ClientError::NotConnected)?;
            let log = settings.log()?;
            let env = &core.env;
            let client = Client::new(transport.clone(), env.clock.clone(), env.random.clone())
                .resume(Number::Offset.load(&reader)?, link::load_session(&reader)?);
            Ok(Self {
                vault,
                client,
                settings,
                log,
                task: SyncTask::new(network, link::load_backoff(&reader)?),
                queue: VecDeque::new(),
                newest: -1,
                held: BTreeSet::new(),
                later: BTreeSet::new(),
                unchecked: None,
                writers: None,
                frozen: link::frozen(&reader)?,
            })
        })
    }

    /// Does one step; false when there is none now.
    pub(super) async fn step(&mut self) -> Result<bool, Error> {
        if self.frozen.is_some() {
            return Ok(false);
        }
        let view = self.view()?;
        let now_ms = self.now_ms()?;
        let server_ms = now_ms.saturating_add(self.client.offset_ms());
        let Some(step) = self.task.next_request(&view, now_ms, server_ms) else {
            return Ok(false);
        };
        let answer = match self.ask(step).await {
            Ok(answer) => answer,
            Err(Error::Store(StoreError::Full)) => Answer::NotKept,
            Err(error) => return Err(error),
        };
        let mut draw = [0; 8];
        let verdict = self.vault.with(|core| {
            core.env.random.fill(&mut draw)?;
            Ok::<_, Error>(
                self.task
                    .resolve(step, answer, core.env.clock.now_ms(), || {
                        u64::from_be_bytes(draw)
                    }),
            )
        })?;
        match self.keep(verdict) {
            Err(Error::Store(StoreError::Full)) => Ok(false),
            other => other.map(|()| true),
        }
    }

    pub(super) fn finish(self) -> Result<SyncReport, Error> {
        let view = self.view_now()?;
        let now_ms = self.now_ms()?;
        let server_ms = now_ms.saturating_add(self.client.offset_ms());
        let report = self.task.finish(&view, now_ms, server_ms);
        let (quota, head) = self.vault.with(|core| {
            let reader = core.store.reader();
            let head = Head::load(&self.settings.origin, &reader)?;
            Ok::<_, Error>((link::load_quota(&reader)?, head))
        })?;
        let frozen = self.frozen;
        if report.done && frozen.is_none() {
            self.vault
                .with(crate::devices::secrets::RestoredBy::forget)?;
        }
        Ok(SyncReport {
            sent: report.sent,
            set_aside: report.set_aside,
            checked: report.checked,
            storage_full: report.full,
            done: report.done && frozen.is_none(),
            retry_at_ms: report.retry_at_ms,
            quota: quota.map(Into::into),
            stale: head.is_some_and(|head| head.stale),
            frozen,
        })
    }

    pub(super) fn now_ms(&self) -> Result<i64, Error> {
        self.vault.with(|core| Ok(core.env.clock.now_ms()))
    }

    fn view(&mut self) -> Result<View, Error> {
        let (newest, reload) = self.vault.with(|core| {
            let newest = core.store.reader().newest_queued()?;
            let reload = newest != self.newest;
            let queue = if reload { Some(core.queue()?) } else { None };
            Ok::<_, Error>((newest, queue))
        })?;
        self.newest = newest;
        if let Some(queue) = reload {
            self.queue = queue;
        }
        self.view_now()
    }

    fn view_now(&self) -> Result<View, Error> {
        let pick = |wanted: &dyn Fn(&(i64, Task, bool)) -> bool| {
            let mut items = self
                .queue
                .iter()
                .filter(|(id, ..)| !self.held.contains(id) && !self.later.contains(id));
            items.find(|item| wanted(item)).map(|(id, task, _)| Queued {
                id: *id,
                batch: matches!(task, Task::Batch { .. }),
            })
        };
        let unchecked = self.unchecked.as_ref().and_then(VecDeque::front);
        let unchecked = unchecked.and_then(|kept| i64::try_from(kept.index).ok());
        self.vault.with(|core| {
            let reader = core.store.reader();
            let cursor = Number::Cursor.load(&reader)?;
            Ok(View {
                registered: Number::Registered.load(&reader)? == 1,
                session_end_ms: self.client.session().map(|session| session.end_ms()),
                cursor: u64::try_from(cursor).unwrap_or(0),
                first: pick(&|_| true),
                first_urgent: pick(&|(.., series)| !series),
                first_small: pick(&|(_, task, _)| !matches!(task, Task::Batch { .. })),
                unchecked,
            })
        })
    }

    async fn ask(&mut self, step: Step) -> Result<Answer, Error> {
        let asked = match step {
            Step::Register => self.register().await?,
            Step::SignIn => match self.sign_in().await? {
                // an account that is not known any more may be a log that was rolled back
                refused @ Asked::Answer(Answer::Refused {
                    status: 401 | 403 | 404,
                    ..
                }) => {
                    let _ = self.head().await?;
                    refused
                }
                asked => asked,
            },
            Step::Pull { after } => self.pull(after).await?,
            Step::Reconcile => self.reconcile().await?,
            Step::Announce(id) | Step::Part(id, _) | Step::Commit(id) => {
                let Some((batch, revision)) = self.batch_item(id) else {
                    return Ok(Answer::Done);
                };
                match step {
                    Step::Announce(_) => self.announce(&batch, revision).await?,
                    Step::Part(_, part) => self.part(&batch, revision, part).await?,
                    _ => self.commit(&batch, revision).await?,
                }
            }
            Step::Send(id) => match self.queue.iter().find(|(item, ..)| *item == id) {
                None => Asked::Gone,
                Some((_, task, _)) => {
                    let task = task.clone();
                    self.send_or_set_aside(&task).await?
                }
            },
            Step::Head => self.head().await?,
            Step::Check(index) => self.check(index).await?,
        };
        match asked {
            Asked::Done => {
                if let (Some(item), false) = (step.item(), matches!(step, Step::Part(..))) {
                    self.unqueue(item)?;
                }
                Ok(Answer::Done)
            }
            Asked::Gone => {
                if let Some(item) = step.item() {
                    self.unqueue(item)?;
                }
                Ok(Answer::Done)
            }
            Asked::Later => {
                self.later.extend(step.item());
                Ok(Answer::Done)
            }
            Asked::Skew => {
                let learned = self.client.learn_time().await;
                match Asked::from_answer(learned.map(drop)) {
                    Asked::Done => {
                        self.keep_offset()?;
                        Ok(Answer::Skewed)
                    }
                    Asked::Answer(answer) => Ok(answer),
                    _ => Ok(Answer::Unreadable),
                }
            }
            Asked::Key(error) => Err(error.into()),
            Asked::Answer(answer) => {
                if matches!(&answer, Answer::Refused { code, .. } if code == slug::QUOTA) {
                    self.learn_quota().await?;
                }
                Ok(answer)
            }
        }
    }

    /// The cloud never had what this device read there: a log that was rolled back says so by its
    /// head. Where the log holds, all changes are read again; what is here stays.
    async fn reconcile(&mut self) -> Result<Asked, Error> {
        let asked = self.head().await?;
        if matches!(asked, Asked::Done) && self.frozen.is_none() {
            self.vault
                .with(|core| Ok::<_, Error>(core.store.write(|tx| Number::Cursor.save(0, tx))?))?;
        }
        Ok(asked)
    }

    /// How much is used: what is told with each batch is older where one found no room.
    async fn learn_quota(&self) -> Result<(), Error> {
        let told: Result<Quota, _> = self.client.call("GET", "/v1/quota", None::<&()>).await;
        let Ok(quota) = told else { return Ok(()) };
        self.vault
            .with(|core| Ok(core.store.write(|tx| link::save_quota(&quota, tx))?))
    }

    /// An item that this version cannot read, or whose row is gone, does not stop the queue.
    async fn send_or_set_aside(&mut self, task: &Task) -> Result<Asked, Error> {
        match self.send(task).await {
            Err(Error::Open(error)) => Ok(Asked::aside(error.code())),
            Err(Error::NotFound | Error::Hpke(_) | Error::Cloud(_)) => Ok(Asked::aside(LOCAL)),
            other => other,
        }
    }

    fn batch_item(&self, id: i64) -> Option<([u8; 16], u32)> {
        match self.queue.iter().find(|(item, ..)| *item == id) {
            Some((_, Task::Batch { batch, revision }, _)) => Some((*batch, *revision)),
            _ => None,
        }
    }

    fn unqueue(&mut self, id: i64) -> Result<(), Error> {
        self.vault
            .with(|core| Ok::<_, Error>(core.store.write(|tx| tx.unqueue(id))?))?;
        self.queue.retain(|(item, ..)| *item != id);
        Ok(())
    }

    fn keep(&mut self, verdict: Verdict) -> Result<(), Error> {
        let queue = &self.queue;
        let task_of = |id: i64| {
            queue
                .iter()
                .find(|(item, ..)| *item == id)
                .map(|(_, t, _)| t)
        };
        match verdict {
            Verdict::Go => {
                // written only when there was something to forget
                self.vault.with(|core| {
                    if link::load_backoff(&core.store.reader())?.failures > 0 {
                        core.store
                            .write(|tx| link::save_backoff(Backoff::default(), tx))?;
                    }
                    Ok::<_, Error>(())
                })?;
            }
            Verdict::Wait(backoff) => {
                self.vault.with(|core| {
                    Ok::<_, Error>(core.store.write(|tx| link::save_backoff(backoff, tx))?)
                })?;
            }
            Verdict::Forget => {
                self.client = self.client.clone().resume(self.client.offset_ms(), None);
                self.vault
                    .with(|core| Ok::<_, Error>(core.store.write(link::forget_session)?))?;
            }
            Verdict::SetAside(id, code) => {
                log::warn!("outbox item {id} set aside: {code}");
                let grant = match task_of(id) {
                    Some(Task::Other { what, bytes }) => match Errand::of(*what, bytes) {
                        Ok(Errand::Grant(body)) => Some(body.terms.grant.0),
                        _ => None,
                    },
                    _ => None,
                };
                self.vault.with(|core| {
                    grant.map_or(Ok(()), |grant| core.drop_grant(&grant))?;
                    Ok::<_, Error>(core.store.write(|tx| {
                        super::save_reason(id, &code, tx)?;
                        tx.quarantine(id, true)
                    })?)
                })?;
                self.queue.retain(|(item, ..)| *item != id);
            }
            Verdict::SealAnew(id) => {
                if let Some(Task::Batch { batch, .. }) = task_of(id) {
                    let batch = *batch;
                    self.vault.with(|core| {
                        let row = core.index.row_of(&batch);
                        let indexed = row.and_then(|row| Some((row, core.index.get(row)?)));
                        let Some((row, key)) = indexed else {
                            return Ok(()); // erased meanwhile
                        };
                        let key = key.header.stream_key;
                        // the cloud says so: closed here too, whatever the pull will bring
                        core.close_streams(&[key])?;
                        core.reseal(row)
                    })?;
                }
            }
            Verdict::SignAnew(id) => {
                let server_ms = self.client.server_now_ms();
                let task = task_of(id).cloned();
                let signed = self.vault.with(|core| match &task {
                    Some(task) => core.sign_anew(id, task, server_ms),
                    None => Ok(None),
                });
                match signed {
                    Ok(Some(task)) => {
                        let item = self.queue.iter_mut().find(|(item, ..)| *item == id);
                        if let Some((_, queued, _)) = item {
                            *queued = task;
                        }
                    }
                    Ok(None) => {}
                    // nobody at the phone: asked again with the next round
                    Err(Error::Key(KeyError::Refused | KeyError::Cancelled)) => {
                        self.held.insert(id);
                    }
                    Err(error) => return Err(error),
                }
            }
            Verdict::Full | Verdict::Hold(_) => {
                if let Verdict::Hold(id) = verdict {
                    self.held.insert(id);
                }
                self.vault.with(|core| {
                    Ok::<_, Error>(core.store.write(|tx| Number::Full.save(1, tx))?)
                })?;
            }
        }
        Ok(())
    }

    fn keep_offset(&self) -> Result<(), Error> {
        let offset = self.client.offset_ms();
        self.vault
            .with(|core| Ok(core.store.write(|tx| Number::Offset.save(offset, tx))?))
    }

    pub(crate) async fn register(&mut self) -> Result<Asked, Error> {
        let (founder, account) = self.vault.with(|core| {
            let statement = core.statement()?;
            let has_secret =
                crate::account::VaultSecret::load(&core.store.reader(), None)?.is_some();
            let account = NewAccount {
                aik: Bytes(core.account.aik.clone()),
                kk: Bytes(core.account.kk.clone()),
                device: statement,
            };
            Ok::<_, Error>((has_secret && account.device.by.is_none(), account))
        })?;
        let answer = if founder {
            let answer: Result<Quota, _> = self
                .client
                .open("POST", "/v1/accounts", Some(&account))
                .await;
            answer.map(drop)
        } else {
            let body = Some(&account.device);
            self.client.open_tell("POST", "/v1/devices", body).await
        };
        let asked = Asked::from_answer(answer);
        if asked == Asked::Done {
            self.vault.with(|core| {
                Ok::<_, Error>(core.store.write(|tx| Number::Registered.save(1, tx))?)
            })?;
        }
        Ok(asked)
    }

    pub(crate) async fn sign_in(&mut self) -> Result<Asked, Error> {
        let (keystore, alias, id) = self.vault.with(|core| {
            let keystore = core.env.keystore.clone();
            let id = key_id(&keystore.public(&core.account.dsk)?);
            Ok::<_, Error>((keystore, core.account.dsk.clone(), id))
        })?;
        let limits: Result<Limits, _> = self.client.open("GET", "/v1/limits", None::<&()>).await;
        let limits = match limits {
            Ok(limits) => limits,
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        let length_s = limits.session_s.min(SESSION_S);
        let signed = self
            .client
            .sign_in(&self.settings.origin, id, length_s, |message| {
                keystore.sign(&alias, message)
            })
            .await;
        let asked = Asked::from_answer(signed);
        if asked == Asked::Done {
            let (client, session) = (&self.client, self.client.session().cloned());
            self.vault.with(|core| {
                Ok::<_, Error>(core.store.write(|tx| {
                    link::save_limits(&limits, tx)?;
                    Number::Offset.save(client.offset_ms(), tx)?;
                    session.map_or(Ok(()), |session| link::save_session(&session, tx))
                })?)
            })?;
        }
        Ok(asked)
    }

    async fn pull(&mut self, after: u64) -> Result<Asked, Error> {
        let target = format!("/v1/changes?after={after}&limit={PAGE}");
        let page: Result<Changes, _> = self.client.call("GET", &target, None::<&()>).await;
        let page = match page {
            Ok(page) => page,
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        let server_ms = self.client.server_now_ms();
        let (frozen, cursor) = self.vault.with(|core| {
            let frozen = core.apply_changes(&page.changes, &self.settings.origin, server_ms)?;
            let cursor = Number::Cursor.load(&core.store.reader())?;
            Ok::<_, Error>((frozen, u64::try_from(cursor).unwrap_or(0)))
        })?;
        if let Some(code) = frozen {
            self.frozen = Some(code.to_owned());
        }
        if cursor >= page.latest {
            self.vault.with(|core| core.store.write(after_pull))?;
        }
        // a page with a hole, or none where there should be one
        if frozen.is_none() && cursor == after && page.latest > after {
            return Ok(Asked::Answer(Answer::Unreadable));
        }
        if cursor > after {
            self.newest = -1; // items may have left the outbox, or come back to it
            self.rescan();
            self.writers = None;
            self.try_again();
        }
        Ok(Asked::Answer(Answer::Pulled {
            cursor,
            latest: page.latest,
        }))
    }

    /// What waited for something else may have got it.
    pub(crate) fn try_again(&mut self) {
        self.later.clear();
    }

    /// What is checked already is looked up again.
    pub(super) fn rescan(&mut self) {
        self.unchecked = None;
    }
}

impl Core {
    /// What waits in the outbox: number, task, whether it is a series.
    fn queue(&self) -> Result<VecDeque<(i64, Task, bool)>, Error> {
        let mut queue = VecDeque::new();
        for item in self.store.reader().queued(false)? {
            let Ok(task) = Task::decode(&item.plain) else {
                log::warn!("outbox item {} is of a newer version", item.id);
                continue;
            };
            let series = match &task {
                Task::Batch { batch, .. } => {
                    let row = self.index.row_of(batch).and_then(|row| self.index.get(row));
                    row.is_none_or(|batch| !batch.header.manual)
                }
                Task::Other { what, bytes } => {
                    matches!(Errand::of(*what, bytes), Ok(Errand::Fetch(_)))
                }
                _ => false,
            };
            queue.push_back((item.id, task, series));
        }
        Ok(queue)
    }

    /// The statement of this device, as the cloud takes it.
    pub(crate) fn statement(&self) -> Result<DeviceStatement, Error> {
        let reader = self.store.reader();
        let statement = Statement::load(&reader)?;
        let keystore = self.env.keystore.as_ref();
        Ok(DeviceStatement {
            account: Id16(self.account.id),
            dsk: Bytes(keystore.public(&self.account.dsk)?.to_vec()),
            dek: Bytes(keystore.public(&self.account.dek)?.to_vec()),
            time: statement.time_ms,
            by: crate::devices::stated_by(&reader)?.map(Id16),
            signature: Sig64(statement.signature),
        })
    }
}

impl From<Rejection> for Error {
    fn from(_: Rejection) -> Self {
        DAMAGED.into()
    }
}

/// A session lasts a day at most.
const SESSION_S: u32 = 86_400;
/// Changes of a page.
const PAGE: u32 = 200;
/// Code of an item that this device itself cannot make sense of.
const LOCAL: &str = "local";
