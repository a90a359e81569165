//! Grants and revocations, and the envelopes that carry stream keys.

use super::ShareError;
use super::kept::{GrantState, KeptGrant, KeptRequest, RequestState};
use crate::Error;
use crate::account::ephemeral;
use crate::bag::{BagSecret, GrantBytes};
use crate::channels::Channel;
use crate::keys::{key_id, random_bytes};
use crate::store::{DAMAGED, Kind, Priority, StoreError, Tx};
use crate::streams::StreamKey;
use crate::sync::errands::Errand;
use crate::sync::{entries, events};
use crate::tasks::Task;
use crate::vault::{Core, Vault};
use std::collections::BTreeSet;
use std::fmt;
use vitalwitness_domain::Secret32;
use vitalwitness_domain::envelope::{Contents, seal_envelope};
use vitalwitness_domain::grant::GrantDocument;
use vitalwitness_domain::hpke;
use vitalwitness_domain::policy;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::stream::{Month, StreamId};
use vitalwitness_domain::wire::{
    Bytes, Envelope, GrantTerms, Id16, NewEnvelopes, NewGrant, NewRevocation, Role, Sealed, Sig64,
};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::entry::{Event, EventType};

/// What of a request its owner leaves out. The grant's document says nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LeaveOut {
    /// Stream codes: `loinc|8867-4`.
    pub codes: BTreeSet<String>,
    /// Months.
    pub months: BTreeSet<Month>,
}

impl LeaveOut {
    /// Whether `stream` is left out.
    pub fn holds(&self, stream: &StreamId) -> bool {
        self.codes.contains(&stream.code) || self.months.contains(&stream.month)
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.array(2).array(self.codes.len());
        for code in &self.codes {
            out.text(code);
        }
        out.array(self.months.len());
        for month in &self.months {
            out.text(&month.to_string());
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        let mut left_out = Self::default();
        reader.array_of(2)?;
        for _ in 0..reader.array()? {
            left_out.codes.insert(reader.text()?.to_owned());
        }
        for _ in 0..reader.array()? {
            let month = reader.text()?.parse().map_err(|_| Rejection::Malformed)?;
            left_out.months.insert(month);
        }
        Ok(left_out)
    }
}

impl fmt::Debug for LeaveOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (codes, months) = (self.codes.len(), self.months.len());
        write!(f, "LeaveOut({codes} codes, {months} months)")
    }
}

impl Vault {
    /// Says yes to a request, with `leave_out` left out, until `expiry_ms`. Told with the next
    /// sync. Returns the grant's id.
    ///
    /// # Errors
    ///
    /// [`ShareError`]; [`crate::keys::KeyError::Refused`] without presence. Nothing is shared
    /// then.
    pub fn grant(&self, request: &Hash, leave_out: &LeaveOut, expiry_ms: i64) -> Result<Id, Error> {
        self.with(|core| core.grant(request, leave_out, expiry_ms))
    }

    /// Takes a grant back: told with the next sync, before anything else. What is sealed from now
    /// on is under keys the grantee never had; what it has fetched it may keep.
    ///
    /// # Errors
    ///
    /// [`ShareError::Revoked`]; [`crate::keys::KeyError::Refused`] without presence.
    pub fn revoke(&self, grant: &Id) -> Result<(), Error> {
        self.with(|core| core.revoke(grant))
    }
}

impl Core {
    fn grant(&mut self, request: &Hash, leave_out: &LeaveOut, expiry_ms: i64) -> Result<Id, Error> {
        let reader = self.store.reader();
        let asked = KeptRequest::load(request, &reader)?.ok_or(Error::NotFound)?;
        let checked = asked.answerable()?;
        let now_ms = self.server_ms()?;
        if expiry_ms <= now_ms {
            return Err(ShareError::Expired.into());
        }
        let channel = Channel::load(asked.channel[0], &reader)?.ok_or(DAMAGED)?;
        let wanted = checked.document()?;
        let random = self.env.random.as_ref();
        let document = GrantDocument {
            id: random_bytes(random)?,
            owner: channel.secrets.owner.id(),
            channel: channel.secrets.channel,
            organisation: checked.organisation.id,
            person: None,
            hpke_key: key_id(&wanted.hpke_spki),
            purpose: wanted.purpose,
            scope: wanted.scope,
            rights: wanted.rights,
            not_before_ms: now_ms.min(self.env.clock.now_ms()),
            expiry_ms,
            granularity: wanted.granularity,
            policy: POLICY.to_owned(),
        };
        let role = match checked.role {
            Role::Provider => policy::Role::Provider,
            Role::Insurer => policy::Role::Insurer,
            // Table I does not know it
            Role::Auditor => return Err(ShareError::NotChecked.into()),
        };
        document.check_for(role).map_err(ShareError::from)?;
        let kept = KeptGrant {
            left_out: leave_out.clone(),
            tracing_key: Secret32::new(random_bytes(random)?),
            organisation: checked.organisation.clone(),
            hpke_spki: wanted.hpke_spki,
            request: Some(*request),
            state: GrantState::Live,
            document,
        };
        let body = self.new_grant(&kept, &channel, now_ms)?;
        self.store.write(|tx| {
            entries::remember_signed(&body.event.event.0, tx)?;
            kept.save(tx)?;
            queue_grant(body, tx)?;
            KeptRequest::set_state(request, RequestState::Granted, tx)?;
            Ok::<_, Error>(())
        })?;
        Ok(kept.document.id)
    }

    /// The cloud took a grant: the account's other devices learn of it through the bag.
    pub(crate) fn tell_devices(&mut self, grant: &Id) -> Result<(), Error> {
        let Some(kept) = KeptGrant::load(grant, &self.store.reader())? else {
            return Ok(());
        };
        let secret = BagSecret::Grant(GrantBytes(kept.encode().to_vec()));
        self.store.write(|tx| secret.put(tx).map(drop))
    }

    /// The cloud will never take a grant: it is none.
    pub(crate) fn drop_grant(&mut self, grant: &Id) -> Result<(), Error> {
        self.store.write(|tx| {
            forget_envelopes(grant, tx)?;
            KeptGrant::set_state(grant, GrantState::Revoked, tx)?;
            Ok(())
        })
    }

    /// The signed GRANT with the keys of what is there.
    fn new_grant(
        &self,
        kept: &KeptGrant,
        channel: &Channel,
        now_ms: i64,
    ) -> Result<NewGrant, Error> {
        let document = &kept.document;
        let event = Event {
            receiver: Some(document.organisation),
            expiry: Some(document.expiry_ms),
            ..events::owner_event(EventType::Grant, &channel.secrets, document.hash(), now_ms)
        };
        let point = hpke::point_of_spki(&kept.hpke_spki).map_err(|_| DAMAGED)?;
        let info = hpke::info::grant(&document.channel, &document.id);
        let key = ephemeral(self.env.random.as_ref())?;
        let sealed = hpke::seal(&point, &info, &[], &document.encode(), key)?;
        let keys = self.streams.all().map(|(key, _)| key);
        let envelopes = keys
            .filter(|key| kept.shows(&key.stream))
            .map(|key| self.envelope(kept, key, channel))
            .collect::<Result<_, _>>()?;
        Ok(NewGrant {
            terms: GrantTerms {
                grant: Id16(document.id),
                channel: Id16(document.channel),
                organisation: Id16(document.organisation),
                person: document.person.map(Id16),
                read: document.rights.read,
                append: document.rights.append,
                not_before: document.not_before_ms,
                expiry: document.expiry_ms,
            },
            event: self.sign_with_presence(channel, &event)?,
            document: Sealed {
                enc: Bytes(sealed.enc.to_vec()),
                ciphertext: Bytes(sealed.ciphertext),
            },
            envelopes,
        })
    }

    fn envelope(
        &self,
        kept: &KeptGrant,
        key: &StreamKey,
        channel: &Channel,
    ) -> Result<Envelope, Error> {
        let contents = Contents {
            stream_key: key.key.duplicate(),
            tracing_key: kept.tracing_key.duplicate(),
        };
        let document = &kept.document;
        let unsigned = seal_envelope(
            &kept.hpke_spki,
            &document.channel,
            &document.id,
            &key.id,
            &contents,
            ephemeral(self.env.random.as_ref())?,
        )
        .map_err(|_| DAMAGED)?;
        let keystore = self.env.keystore.as_ref();
        let signature = keystore.sign(&channel.dsk, &unsigned.message())?;
        Ok(Envelope {
            stream_key: Id16(key.id),
            enc: Bytes(unsigned.enc.to_vec()),
            ciphertext: Bytes(unsigned.ciphertext),
            signer: Id16(key_id(&keystore.public(&channel.dsk)?)),
            signature: Sig64(signature),
        })
    }

    /// A new key's envelopes: one for each live grant that shows its stream.
    pub(crate) fn envelopes_of_key(
        &self,
        stream_key: &Id,
        now_ms: i64,
    ) -> Result<Vec<NewEnvelopes>, Error> {
        let Some(key) = self.streams.get(stream_key).cloned() else {
            return Ok(Vec::new());
        };
        let reader = self.store.reader();
        let mut all = Vec::new();
        for kept in KeptGrant::all(&reader)? {
            if !kept.is_live(now_ms) || !kept.shows(&key.stream) {
                continue;
            }
            let channel = Channel::load(key.stream.category, &reader)?.ok_or(DAMAGED)?;
            all.push(NewEnvelopes {
                grant: Id16(kept.document.id),
                envelopes: vec![self.envelope(&kept, &key, &channel)?],
            });
        }
        Ok(all)
    }

    fn revoke(&mut self, grant: &Id) -> Result<(), Error> {
        let reader = self.store.reader();
        let kept = KeptGrant::load(grant, &reader)?.ok_or(Error::NotFound)?;
        if kept.state == GrantState::Revoked {
            return Err(ShareError::Revoked.into());
        }
        let channel = Channel::load(kept.document.channel[0], &reader)?.ok_or(DAMAGED)?;
        let time = self.server_ms()?;
        let hash = kept.document.hash();
        let event = Event {
            receiver: Some(kept.document.organisation),
            ..events::owner_event(EventType::Revoke, &channel.secrets, hash, time)
        };
        let closed = self.keys_shown(&kept);
        let body = NewRevocation {
            event: self.sign_with_presence(&channel, &event)?,
            closed: closed.iter().copied().map(Id16).collect(),
        };
        self.store.write(|tx| {
            entries::remember_signed(&body.event.event.0, tx)?;
            // A grant that has not left yet leaves before its revoke.
            let waits = forget_envelopes(grant, tx)?;
            let priority = if waits {
                Priority::Grant
            } else {
                Priority::Revoke
            };
            Errand::Revoke(body).queue_as(priority, tx)?;
            KeptGrant::set_state(grant, GrantState::Revoked, tx)?;
            closed
                .iter()
                .try_for_each(|id| tx.set_item_state(Kind::Stream, id, 1))?;
            Ok::<_, Error>(())
        })?;
        for id in &closed {
            self.streams.close(id);
        }
        Ok(())
    }

    /// Keys in use that the grant could read.
    fn keys_shown(&self, kept: &KeptGrant) -> Vec<Id> {
        let shown = self
            .streams
            .all()
            .filter(|(key, closed)| !closed && kept.shows(&key.stream));
        shown.map(|(key, _)| key.id).collect()
    }

    /// Grants whose time is over, by this clock or the server's: their keys close here, so that
    /// new data is under others.
    pub(crate) fn end_expired_grants(&mut self) -> Result<(), Error> {
        let now_ms = self.env.clock.now_ms().max(self.server_ms()?);
        for kept in KeptGrant::all(&self.store.reader())? {
            if kept.state != GrantState::Live || kept.is_live(now_ms) {
                continue;
            }
            let closed = self.keys_shown(&kept);
            self.store.write(|tx| {
                KeptGrant::set_state(&kept.document.id, GrantState::Expired, tx)?;
                closed
                    .iter()
                    .try_for_each(|id| tx.set_item_state(Kind::Stream, id, 1))
            })?;
            for id in &closed {
                self.streams.close(id);
            }
        }
        Ok(())
    }
}

/// Queues a grant; envelopes beyond the first thousand go behind it.
fn queue_grant(mut body: NewGrant, tx: &Tx<'_>) -> Result<(), StoreError> {
    let rest = body
        .envelopes
        .split_off(body.envelopes.len().min(PER_MESSAGE));
    let grant = body.terms.grant;
    Errand::Grant(body).queue(tx)?;
    for envelopes in rest.chunks(PER_MESSAGE) {
        let envelopes = envelopes.to_vec();
        Errand::Envelopes(NewEnvelopes { grant, envelopes }).queue(tx)?;
    }
    Ok(())
}

/// Drops envelopes of a grant that wait in the outbox. True: the grant itself waits there still.
pub(super) fn forget_envelopes(grant: &Id, tx: &Tx<'_>) -> Result<bool, Error> {
    let mut waits = false;
    for item in tx.queued(false)? {
        let Ok(Task::Other { what, bytes }) = Task::decode(&item.plain) else {
            continue;
        };
        match Errand::of(what, &bytes) {
            Ok(Errand::Grant(body)) if body.terms.grant.0 == *grant => waits = true,
            Ok(Errand::Envelopes(body)) if body.grant.0 == *grant => tx.unqueue(item.id)?,
            _ => {}
        }
    }
    Ok(waits)
}

/// A grant that another device made may not know keys that this one opened meanwhile: they are
/// offered again, and the cloud keeps the first of each.
pub(super) fn wrap_what_is_in_use(kept: &KeptGrant, tx: &Tx<'_>) -> Result<(), Error> {
    for item in tx.all(Kind::Stream)? {
        if item.state != 0 {
            continue;
        }
        let key = StreamKey::parse(&item.plain).map_err(|_| DAMAGED)?;
        if kept.shows(&key.stream) {
            let task = Task::Envelopes { stream_key: key.id };
            tx.queue(Priority::Grant, &task.encode())?;
        }
    }
    Ok(())
}

/// Which rules the grant is made under.
const POLICY: &str = "vw-table-1";
/// Envelopes of one message: under 1 MiB of JSON.
const PER_MESSAGE: usize = 1_000;
