//! Sharing: requests, grants, denials, revocations, and who did what.
//!
//! A request counts only with a valid certificate chain, the inclusion of the organisation's
//! ENROL in the log, the person's signature, and, when it was made from the owner's QR, the proof
//! of it. What is left out of a grant is neither wrapped nor told: to the grantee it looks like
//! what was never measured.
//!
//! Invariant: no stream key leaves this module but sealed to a key that passed these checks, under
//! a live grant that covers its stream.

pub(crate) mod activity;
mod check;
mod code;
mod granting;
pub(crate) mod kept;
mod writers;

pub use activity::{Activity, Done};
pub use code::{NotShareCode, ShareCode};
pub use granting::LeaveOut;
pub use kept::{GrantState, Proven, RequestState, Rights};
pub(crate) use writers::{May, Writers};

use crate::Error;
use crate::channels::Channel;
use crate::client::ClientError;
use crate::store::{BatchState, Kind, Tx};
use crate::sync::errands::Errand;
use crate::sync::pull::fetch_again;
use crate::sync::{CloudSettings, entries, events, link};
use crate::tasks::Task;
use crate::vault::{Core, Vault};
use kept::{KeptGrant, KeptRequest};
use std::fmt;
use vitalwitness_domain::grant::GrantError;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::scope::Scope;
use vitalwitness_domain::stream::{Granularity, StreamId};
use vitalwitness_domain::wire::{Hash32, NewDenial, Request, Role};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::entry::{Event, EventType};
use vitalwitness_proof::sha256;

/// Why sharing was refused here, before anything left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// It was answered already; a decision stays.
    #[error("this request was answered before")]
    Answered,
    /// It is not checked yet (sync first), or was found to be forged.
    #[error("this request is not checked, or did not hold")]
    NotChecked,
    /// It is over, or would be.
    #[error("this has expired")]
    Expired,
    /// The grant was taken back already.
    #[error("this grant is revoked")]
    Revoked,
    /// Table I or the grant's own rules.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

/// A request, checked.
#[derive(Clone, PartialEq)]
pub struct RequestView {
    /// Its recordhash.
    pub id: Hash,
    /// Who asks.
    pub organisation: Party,
    /// What the organisation is.
    pub role: Role,
    /// Which person of it.
    pub person: Party,
    /// What the person is there, as the certificate says.
    pub person_role: String,
    /// Category byte of the channel asked for.
    pub category: u8,
    /// Why.
    pub purpose: String,
    /// What they add.
    pub message: String,
    /// What they ask for.
    pub scope: Scope,
    /// What they want to do with it.
    pub rights: Rights,
    /// As measured, or one a day.
    pub granularity: Granularity,
    /// Made from the QR, or from a typed code: then the cloud could have put another's key in its
    /// place, if the authority that certifies it helped.
    pub proven: Proven,
    /// When they asked, as they say.
    pub time_ms: i64,
    /// Until when they want it.
    pub wanted_end_ms: i64,
    /// Exactly what a yes would show today, stream by stream.
    pub rows: Vec<StreamRows>,
    /// Where it stands.
    pub state: RequestState,
}

impl fmt::Debug for RequestView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestView({:?})", self.state)
    }
}

/// An organisation or person by the name in its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Id of its key.
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// The records of a stream.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamRows {
    /// The stream.
    pub stream: StreamId,
    /// How many records.
    pub records: u64,
    /// Effective start of the first, ms UTC.
    pub first_ms: i64,
    /// Effective start of the last.
    pub last_ms: i64,
}

impl fmt::Debug for StreamRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamRows({:?})", self.stream)
    }
}

/// A request that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRequest {
    /// Its recordhash.
    pub id: Hash,
    /// Why: `cert_chain`, `directory`, `request_signature`, `request_key`, `request_proof`, ...
    pub code: String,
}

/// A grant.
#[derive(Clone, PartialEq)]
pub struct GrantView {
    /// Its id.
    pub id: Id,
    /// recordhash of its GRANT: H(document).
    pub recordhash: Hash,
    /// To whom.
    pub organisation: Party,
    /// What for.
    pub purpose: String,
    /// Category byte.
    pub category: u8,
    /// As asked; what was left out is in `left_out`.
    pub scope: Scope,
    /// What of it the owner left out.
    pub left_out: LeaveOut,
    /// What it lets them do.
    pub rights: Rights,
    /// Until when.
    pub expiry_ms: i64,
    /// Where it stands.
    pub state: GrantState,
}

impl fmt::Debug for GrantView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantView({:?})", self.state)
    }
}

impl Vault {
    /// The code of the channel of `category` (1 personal data, 2 medical history, 3 insurance
    /// information), made if there is none yet; found by others after the next sync.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotConnected`] before a cloud is named.
    pub fn share_code(&self, category: u8) -> Result<ShareCode, Error> {
        if !(1..=3).contains(&category) {
            return Err(Error::NotFound);
        }
        self.with(|core| {
            let reader = core.store.reader();
            let settings = CloudSettings::load(&reader)?.ok_or(ClientError::NotConnected)?;
            let channel = if let Some(channel) = Channel::load(category, &reader)? {
                channel
            } else {
                let keystore = core.env.keystore.as_ref();
                let random = core.env.random.as_ref();
                let channel = Channel::new(category, None, keystore, random)?;
                core.store.write(|tx| channel.found(tx))?;
                channel
            };
            let secrets = &channel.secrets;
            Ok(ShareCode::new(
                &settings.url,
                secrets.locator,
                secrets.code_secret,
            ))
        })
    }

    /// Requests that hold, newest first; also those that were answered.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn requests(&self) -> Result<Vec<RequestView>, Error> {
        self.with(|core| {
            let mut views = Vec::new();
            for kept in KeptRequest::all(&core.store.reader())? {
                if let Some(view) = core.request_view(&kept)? {
                    views.push(view);
                }
            }
            views.reverse();
            Ok(views)
        })
    }

    /// Requests that did not hold, and why: forged, or with a key the cloud put in.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn refused_requests(&self) -> Result<Vec<RefusedRequest>, Error> {
        self.with(|core| {
            let all = KeptRequest::all(&core.store.reader())?.into_iter();
            let refused = all.filter_map(|kept| {
                Some(RefusedRequest {
                    id: kept.id,
                    code: kept.refused?,
                })
            });
            Ok(refused.collect())
        })
    }

    /// Says no to a request; the decision is kept, and told with the next sync.
    ///
    /// # Errors
    ///
    /// [`ShareError::Answered`]; [`crate::keys::KeyError::Refused`] without presence.
    pub fn deny(&self, request: &Hash) -> Result<(), Error> {
        self.with(|core| {
            let reader = core.store.reader();
            let kept = KeptRequest::load(request, &reader)?.ok_or(Error::NotFound)?;
            kept.answerable()?;
            let channel = Channel::load(kept.channel[0], &reader)?.ok_or(Error::NotFound)?;
            let time = core.server_ms()?;
            let event = Event {
                receiver: Some(kept.organisation()?),
                ..events::owner_event(EventType::Deny, &channel.secrets, *request, time)
            };
            let body = NewDenial {
                event: core.sign_with_presence(&channel, &event)?,
            };
            core.store.write(|tx| {
                entries::remember_signed(&body.event.event.0, tx)?;
                Errand::Deny(body.clone()).queue(tx)?;
                tx.put(Kind::Denial, request, 0, &[])?;
                KeptRequest::set_state(request, RequestState::Denied, tx)
            })?;
            Ok(())
        })
    }

    /// Ids of all stream keys, closed ones too.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn stream_keys(&self) -> Result<Vec<Id>, Error> {
        self.with(|core| Ok(core.streams.all().map(|(key, _)| key.id).collect()))
    }

    /// Grants, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn grants(&self) -> Result<Vec<GrantView>, Error> {
        self.with(|core| {
            let now_ms = core.server_ms()?;
            let all = KeptGrant::all(&core.store.reader())?;
            Ok(all.iter().rev().map(|kept| kept.view(now_ms)).collect())
        })
    }
}

impl Core {
    pub(crate) fn sign_with_presence(
        &self,
        channel: &Channel,
        event: &Event,
    ) -> Result<vitalwitness_domain::wire::SubmittedEvent, Error> {
        let keystore = self.env.keystore.as_ref();
        let signer = crate::keys::key_id(&keystore.public(&channel.gsk)?);
        events::sign(event, &signer, |message| {
            Ok(keystore.sign(&channel.gsk, message)?)
        })
    }

    fn request_view(&self, kept: &KeptRequest) -> Result<Option<RequestView>, Error> {
        let Some(checked) = &kept.checked else {
            return Ok(None);
        };
        let document = checked.document()?;
        let rows = self.rows_of(kept.channel[0], |stream| document.scope.covers(stream));
        Ok(Some(RequestView {
            id: kept.id,
            organisation: checked.organisation.clone(),
            role: checked.role,
            person: checked.person.clone(),
            person_role: checked.person_role.clone(),
            category: kept.channel[0],
            purpose: document.purpose,
            message: document.message,
            scope: document.scope,
            rights: document.rights,
            granularity: document.granularity,
            proven: checked.proven,
            time_ms: checked.time_ms,
            wanted_end_ms: checked.wanted_end_ms,
            rows,
            state: kept.state,
        }))
    }

    /// The streams that `wanted` picks, with how many records they hold.
    pub(crate) fn rows_of(
        &self,
        category: u8,
        wanted: impl Fn(&StreamId) -> bool,
    ) -> Vec<StreamRows> {
        let mut rows: Vec<StreamRows> = Vec::new();
        for (_, batch) in self.index.all() {
            let header = &batch.header;
            let counts = batch.state >= BatchState::Open && header.count > 0;
            if !counts || batch.stream.category != category || !wanted(&batch.stream) {
                continue;
            }
            match rows.iter_mut().find(|row| row.stream == batch.stream) {
                Some(row) => {
                    row.records += u64::from(header.count);
                    row.first_ms = row.first_ms.min(header.first_ms);
                    row.last_ms = row.last_ms.max(header.last_ms);
                }
                None => rows.push(StreamRows {
                    stream: batch.stream.clone(),
                    records: u64::from(header.count),
                    first_ms: header.first_ms,
                    last_ms: header.last_ms,
                }),
            }
        }
        rows.sort_by(|a, b| a.stream.cmp(&b.stream));
        rows
    }
}

/// A request came: kept unread, to be checked.
pub(crate) fn arrived(request: &Request, tx: &Tx<'_>) -> Result<(), Error> {
    let Ok(event) = Event::decode(&request.event.event.0) else {
        // kept by what came, to be shown among the refused ones
        let mut kept = KeptRequest::new(sha256(&[&request.event.event.0]), request);
        kept.refused = Some(check::UNREADABLE.to_owned());
        return Ok(kept.save(tx)?);
    };
    if KeptRequest::load(&event.recordhash, tx)?.is_some() {
        return Ok(());
    }
    let mut kept = KeptRequest::new(event.recordhash, request);
    let answered = ended_name(b"answered", &event.recordhash);
    if tx.get(Kind::Meta, &answered)?.is_some() {
        kept.state = RequestState::Denied;
    }
    kept.save(tx)?;
    Errand::CheckRequest(Hash32(event.recordhash)).queue(tx)?;
    Ok(())
}

/// A REVOKE of `recordhash` is in the log.
pub(crate) fn ended(recordhash: &Hash, tx: &Tx<'_>) -> Result<(), Error> {
    link::put(&ended_name(b"ended", recordhash), Encoder::new(), tx)?;
    forget_answers(recordhash, tx)?;
    for kept in KeptGrant::all(tx)? {
        if kept.document.hash() == *recordhash {
            granting::forget_envelopes(&kept.document.id, tx)?;
            KeptGrant::set_state(&kept.document.id, GrantState::Revoked, tx)?;
        }
    }
    Ok(())
}

/// A DENY of the request `recordhash` is in the log.
pub(crate) fn denied(recordhash: &Hash, tx: &Tx<'_>) -> Result<(), Error> {
    link::put(&ended_name(b"answered", recordhash), Encoder::new(), tx)?;
    forget_answers(recordhash, tx)?;
    if KeptRequest::load(recordhash, tx)?.is_some() {
        KeptRequest::set_state(recordhash, RequestState::Denied, tx)?;
    }
    Ok(())
}

/// What this device wanted to say of `recordhash` has been said, by it or by another device.
fn forget_answers(recordhash: &Hash, tx: &Tx<'_>) -> Result<(), Error> {
    for aside in [false, true] {
        for item in tx.queued(aside)? {
            let Ok(Task::Other { what, bytes }) = Task::decode(&item.plain) else {
                continue;
            };
            let event = match Errand::of(what, &bytes) {
                Ok(Errand::Revoke(body)) => body.event.event,
                Ok(Errand::Deny(body)) => body.event.event,
                _ => continue,
            };
            if Event::decode(&event.0).is_ok_and(|event| event.recordhash == *recordhash) {
                tx.unqueue(item.id)?;
            }
        }
    }
    Ok(())
}

/// Another device of the account granted; its keeping came with the bag.
pub(crate) fn learned(bytes: &[u8], tx: &Tx<'_>) -> Result<(), Error> {
    let Ok(mut kept) = KeptGrant::decode(bytes) else {
        log::warn!("a grant of a newer version is in the bag");
        return Ok(());
    };
    if tx.get(Kind::Grant, &kept.document.id)?.is_some() {
        return Ok(());
    }
    let name = ended_name(b"ended", &kept.document.hash());
    if tx.get(Kind::Meta, &name)?.is_some() {
        kept.state = GrantState::Revoked;
    }
    kept.save(tx)?;
    if let Some(request) = &kept.request
        && KeptRequest::load(request, tx)?.is_some()
    {
        KeptRequest::set_state(request, RequestState::Granted, tx)?;
    }
    if kept.state == GrantState::Live {
        granting::wrap_what_is_in_use(&kept, tx)?;
    }
    // what its grantee wrote may have come before it; a revoke counts by its place in the channel
    fetch_again(tx, |info| info.channel.0 == kept.document.channel)
}

fn ended_name(what: &[u8], hash: &Hash) -> Vec<u8> {
    [what, hash].concat()
}
