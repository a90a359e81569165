//! What a phone asks the cloud next, and what it makes of the answer. No I/O.
//!
//! One [`SyncTask`] lives for one round. The caller shows it the store ([`View`]), does the
//! [`Step`] it names, tells it the [`Answer`] and commits its [`Verdict`] together with what the
//! answer brought. A task may be dropped at any moment: everything it holds can be asked again.
//!
//! ```text
//! register → sign in → pull until caught up → outbox, by priority → pull → head → checks → done
//!                          ↑ stream_key_closed: the batch is sealed anew after a pull
//! ```
//!
//! | answer | next |
//! |---|---|
//! | done | the next step; the count of failures is 0 again |
//! | no answer, 429, 5xx, an answer that cannot be read | wait: full jitter up to 1 s, 2 s, 4 s ... 15 min, never less than Retry-After |
//! | the session ended | sign in; twice in a row: wait |
//! | the clock is off | correct it and ask again; twice in a row: wait |
//! | `stream_key_closed` | the item is to be sealed anew, after a pull |
//! | `FROM_FUTURE` | the item is to be signed anew by the corrected clock |
//! | `quota_exceeded` | batches stay queued, the rest goes on; collection never stops |
//! | `cursor_gone` | reconcile; twice in a round: wait |
//! | any other 4xx | the item is set aside with its code, the queue goes on |
//!
//! Invariant: nothing is sent before the phone has pulled all there is, so that a revoke by
//! another device closes its keys here first.

mod backoff;

pub use backoff::{Backoff, MAX_WAIT_MS};

use crate::wire::slug;

/// Number of an outbox item in its store.
pub type ItemId = i64;

/// Which items go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Devices, vault secrets, channels: nothing else can go before them.
    Account,
    /// Revocations.
    Revoke,
    /// Grants, denials, envelopes, secrets of the bag.
    Grant,
    /// Batches with entries made by hand.
    Manual,
    /// Batches of series.
    Series,
}

impl Priority {
    /// From the first to the last.
    pub const ALL: [Self; 5] = [
        Self::Account,
        Self::Revoke,
        Self::Grant,
        Self::Manual,
        Self::Series,
    ];

    /// Its number in a store, 0 first.
    pub const fn number(self) -> i64 {
        match self {
            Self::Account => 0,
            Self::Revoke => 1,
            Self::Grant => 2,
            Self::Manual => 3,
            Self::Series => 4,
        }
    }

    /// The priority of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.number() == number)
    }
}

/// An item at the head of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub id: ItemId,
    /// Whether it is a batch, which goes up in parts.
    pub batch: bool,
}

/// What the store holds at this moment. Items set aside or held until later are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// The cloud knows the account and this device.
    pub registered: bool,
    /// End of the session by the server's clock; none: there is no session.
    pub session_end_ms: Option<i64>,
    /// The last change that was applied.
    pub cursor: u64,
    /// The first item of all.
    pub first: Option<Queued>,
    /// The first item above [`Priority::Series`].
    pub first_urgent: Option<Queued>,
    /// The first item that is no batch.
    pub first_small: Option<Queued>,
    /// The first entry of the account that is under the accepted head and not checked.
    pub unchecked: Option<ItemId>,
}

/// What the network may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network {
    /// Bytes cost money. Nothing is held back for it: parts are small and resumable.
    pub metered: bool,
    /// The user saves data: series wait.
    pub low_data: bool,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Make the account, or add this device to it.
    Register,
    /// Open a session.
    SignIn,
    /// Ask for changes after a cursor.
    Pull {
        /// The cursor.
        after: u64,
    },
    /// The changes after the cursor are gone: compare what both sides hold.
    Reconcile,
    /// Announce a batch; the answer says which parts are missing.
    Announce(ItemId),
    /// Send one part of a batch.
    Part(ItemId, u32),
    /// Ask for the batch to be logged.
    Commit(ItemId),
    /// Send an item that is no batch.
    Send(ItemId),
    /// Fetch the log's head and check it against the accepted one.
    Head,
    /// Fetch and check the inclusion of an entry under the accepted head.
    Check(ItemId),
}

impl Step {
    /// The outbox item it sends.
    pub fn item(self) -> Option<ItemId> {
        match self {
            Self::Announce(id) | Self::Part(id, _) | Self::Commit(id) | Self::Send(id) => Some(id),
            _ => None,
        }
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// Changes were applied.
    Pulled {
        /// The cursor now.
        cursor: u64,
        /// The newest there is.
        latest: u64,
    },
    /// The batch is announced.
    Announced {
        /// Parts that are not there yet.
        missing: Vec<u32>,
    },
    /// The cloud said no.
    Refused {
        /// HTTP status.
        status: u16,
        /// Problem code.
        code: String,
        /// Seconds to wait.
        retry_after_s: Option<u32>,
    },
    /// The phone's clock is off; it was corrected by what the server said.
    Skewed,
    /// No answer.
    Offline {
        /// Seconds to wait, if anybody said so.
        retry_after_s: Option<u32>,
    },
    /// An answer that is not what it should be.
    Unreadable,
    /// The phone itself could not keep the answer (its disk is full). Nothing moved.
    NotKept,
}

/// What the caller commits to its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing beyond what the answer brought.
    Go,
    /// Keep when to try again.
    Wait(Backoff),
    /// Forget the session.
    Forget,
    /// Set the item aside with this code.
    SetAside(ItemId, String),
    /// Seal the batch anew under an open key, after the next pull.
    SealAnew(ItemId),
    /// Sign the item's event anew by the corrected clock.
    SignAnew(ItemId),
    /// The account's storage is full: say so. Batches are not offered again in this round.
    Full,
    /// The account's storage is full for this item that is no batch: leave it out of the view
    /// until the next round.
    Hold(ItemId),
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Steps that were done.
    pub steps: u32,
    /// Items that the cloud took.
    pub sent: u32,
    /// Items set aside.
    pub set_aside: u32,
    /// Entries whose inclusion was checked.
    pub checked: u32,
    /// The account's storage is full.
    pub full: bool,
    /// Nothing is left to do now.
    pub done: bool,
    /// When to try again, by the phone's clock.
    pub retry_at_ms: Option<i64>,
}

/// One round.
#[derive(Debug, Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "six facts of a round, each true or not independently of the others"
)]
pub struct SyncTask {
    network: Network,
    backoff: Backoff,
    latest: Option<u64>,
    reconcile: bool,
    reconciled: bool,
    upload: Option<Upload>,
    sent_since_pull: bool,
    head: bool,
    refused_sign_in: bool,
    skewed: bool,
    stopped: bool,
    report: Report,
}

#[derive(Debug, Clone)]
struct Upload {
    item: ItemId,
    missing: Vec<u32>,
}

impl SyncTask {
    /// A round that goes on with the `backoff` that was kept.
    pub fn new(network: Network, backoff: Backoff) -> Self {
        Self {
            network,
            backoff,
            latest: None,
            reconcile: false,
            reconciled: false,
            upload: None,
            sent_since_pull: false,
            head: false,
            refused_sign_in: false,
            skewed: false,
            stopped: false,
            report: Report::default(),
        }
    }

    /// What to ask next; none: nothing now ([`SyncTask::finish`] says why).
    ///
    /// `now_ms` is the phone's clock; `server_ms` the same moment by the server's, as far as it
    /// is known.
    pub fn next_request(&self, view: &View, now_ms: i64, server_ms: i64) -> Option<Step> {
        if self.stopped || self.backoff.holds(now_ms) {
            return None;
        }
        if !view.registered {
            return Some(Step::Register);
        }
        let session = view
            .session_end_ms
            .is_some_and(|end| end > server_ms.saturating_add(SESSION_MARGIN_MS));
        if !session {
            return Some(Step::SignIn);
        }
        if self.reconcile {
            return Some(Step::Reconcile);
        }
        if self.latest.is_none_or(|latest| view.cursor < latest) {
            return Some(Step::Pull { after: view.cursor });
        }
        if let Some(item) = self.candidate(view) {
            return Some(self.send(item));
        }
        if self.sent_since_pull {
            // what the log made of the items that were sent
            return Some(Step::Pull { after: view.cursor });
        }
        if !self.head {
            return Some(Step::Head);
        }
        view.unchecked.map(Step::Check)
    }

    /// Takes the answer to `step`; says what to commit.
    ///
    /// `draw` gives a random number of the full range; it is asked once when waiting begins.
    pub fn resolve(
        &mut self,
        step: Step,
        answer: Answer,
        now_ms: i64,
        draw: impl FnOnce() -> u64,
    ) -> Verdict {
        self.report.steps += 1;
        match answer {
            Answer::Offline { retry_after_s } => self.wait(retry_after_s, now_ms, draw),
            Answer::Unreadable => self.wait(None, now_ms, draw),
            Answer::NotKept => {
                self.stopped = true;
                Verdict::Go
            }
            Answer::Skewed if self.skewed => self.wait(None, now_ms, draw),
            Answer::Skewed => {
                self.skewed = true;
                Verdict::Go
            }
            Answer::Refused {
                status,
                code,
                retry_after_s,
            } => self.refused(step, status, code, retry_after_s, now_ms, draw),
            Answer::Done | Answer::Pulled { .. } | Answer::Announced { .. } => {
                self.done(step, answer);
                Verdict::Go
            }
        }
    }

    /// What the round did; `view` as it is now.
    pub fn finish(mut self, view: &View, now_ms: i64, server_ms: i64) -> Report {
        let waiting = self.backoff.holds(now_ms);
        self.report.retry_at_ms = waiting.then_some(self.backoff.until_ms);
        self.report.done =
            !waiting && !self.stopped && self.next_request(view, now_ms, server_ms).is_none();
        self.report
    }

    /// What of the outbox may go now.
    fn candidate(&self, view: &View) -> Option<Queued> {
        if self.report.full {
            view.first_small
        } else if self.network.low_data {
            view.first_urgent
        } else {
            view.first
        }
    }

    fn send(&self, item: Queued) -> Step {
        if !item.batch {
            return Step::Send(item.id);
        }
        match &self.upload {
            Some(upload) if upload.item == item.id => match upload.missing.first() {
                Some(part) => Step::Part(item.id, *part),
                None => Step::Commit(item.id),
            },
            _ => Step::Announce(item.id),
        }
    }

    fn done(&mut self, step: Step, answer: Answer) {
        self.backoff = Backoff::default();
        self.skewed = false;
        if step == Step::SignIn {
            return;
        }
        self.refused_sign_in = false;
        match (step, answer) {
            (Step::Pull { .. }, Answer::Pulled { latest, .. }) => {
                self.latest = Some(latest);
                self.sent_since_pull = false;
            }
            (Step::Reconcile, _) => {
                self.reconcile = false;
                self.reconciled = true;
                self.latest = None;
            }
            (Step::Announce(item), Answer::Announced { missing }) => {
                self.upload = Some(Upload { item, missing });
            }
            (Step::Part(item, part), _) => {
                if let Some(upload) = self.upload.as_mut().filter(|up| up.item == item) {
                    upload.missing.retain(|missing| *missing != part);
                }
            }
            (Step::Commit(_) | Step::Send(_), _) => {
                self.upload = None;
                self.head = false;
                self.sent_since_pull = true;
                self.report.sent += 1;
            }
            (Step::Head, _) => self.head = true,
            (Step::Check(_), _) => self.report.checked += 1,
            _ => {}
        }
    }

    fn refused(
        &mut self,
        step: Step,
        status: u16,
        code: String,
        retry_after_s: Option<u32>,
        now_ms: i64,
        draw: impl FnOnce() -> u64,
    ) -> Verdict {
        // 507 by its number, and yet no fault of the server
        let is_full = code == slug::QUOTA;
        if !is_full && (status == 429 || !(400..500).contains(&status)) {
            return self.wait(retry_after_s, now_ms, draw);
        }
        match (code.as_str(), step.item()) {
            (slug::SESSION, _) if !self.refused_sign_in && step != Step::SignIn => {
                self.refused_sign_in = true;
                Verdict::Forget
            }
            (slug::DIGEST, Some(_)) if matches!(step, Step::Part(..)) => {
                self.upload = None;
                self.wait(retry_after_s, now_ms, draw)
            }
            (slug::GONE, _) if matches!(step, Step::Pull { .. }) && !self.reconciled => {
                self.reconcile = true;
                Verdict::Go
            }
            (slug::GONE, _) if matches!(step, Step::Pull { .. }) => {
                self.wait(retry_after_s, now_ms, draw)
            }
            (slug::QUOTA, Some(item)) => {
                self.upload = None;
                self.report.full = true;
                if matches!(step, Step::Send(_)) {
                    Verdict::Hold(item)
                } else {
                    Verdict::Full
                }
            }
            (slug::KEY_CLOSED, Some(item)) => {
                self.upload = None;
                self.latest = None;
                Verdict::SealAnew(item)
            }
            (slug::FROM_FUTURE, Some(item)) if !self.skewed => {
                self.upload = None;
                self.skewed = true;
                Verdict::SignAnew(item)
            }
            // A replayed nonce, or signed anew and still ahead: the same item, a new request.
            (slug::SESSION | slug::SIGNATURE | slug::FROM_FUTURE, _) => {
                self.wait(retry_after_s, now_ms, draw)
            }
            (_, Some(item)) => {
                self.upload = None;
                self.report.set_aside += 1;
                Verdict::SetAside(item, code)
            }
            (_, None) => self.wait(retry_after_s, now_ms, draw),
        }
    }

    fn wait(
        &mut self,
        retry_after_s: Option<u32>,
        now_ms: i64,
        draw: impl FnOnce() -> u64,
    ) -> Verdict {
        self.backoff = self.backoff.after_failure(retry_after_s, now_ms, draw());
        Verdict::Wait(self.backoff)
    }
}

/// A session that ends within this is not begun with.
const SESSION_MARGIN_MS: i64 = 30_000;

#[cfg(test)]
mod tests;
