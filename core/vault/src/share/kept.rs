//! Requests and grants as the vault keeps them, sealed.

use super::{GrantView, LeaveOut, Party, ShareError};
use crate::Error;
use crate::store::{DAMAGED, Item, Kind, StoreError, Tx};
use crate::sync::errands;
use vitalwitness_domain::Secret32;
use vitalwitness_domain::grant::{GrantDocument, RequestDocument};
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::stream::StreamId;
use vitalwitness_domain::wire::{Request, Role};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use zeroize::Zeroizing;

pub use vitalwitness_domain::grant::Rights;

/// How a request shows that it was made from the owner's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    /// From the QR: with the secret that the cloud never saw.
    Qr,
    /// From the typed code.
    Typed,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Not answered.
    Waiting,
    /// The owner said yes.
    Granted,
    /// The owner said no; remembered.
    Denied,
}

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// In force.
    Live,
    /// The owner took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// A request with what was found out about it.
#[derive(Debug, Clone)]
pub(crate) struct KeptRequest {
    pub(crate) id: Hash,
    pub(crate) channel: Id,
    pub(crate) request: Request,
    pub(crate) checked: Option<CheckedRequest>,
    pub(crate) refused: Option<String>,
    pub(crate) state: RequestState,
}

/// What a request says, once everything about it holds.
#[derive(Debug, Clone)]
pub(crate) struct CheckedRequest {
    pub(crate) organisation: Party,
    pub(crate) role: Role,
    pub(crate) person: Party,
    pub(crate) person_role: String,
    pub(crate) document: Vec<u8>,
    pub(crate) proven: Proven,
    pub(crate) time_ms: i64,
    pub(crate) wanted_end_ms: i64,
}

impl CheckedRequest {
    pub(crate) fn document(&self) -> Result<RequestDocument, StoreError> {
        RequestDocument::decode(&self.document).map_err(|_| DAMAGED)
    }
}

impl KeptRequest {
    pub(crate) fn new(id: Hash, request: &Request) -> Self {
        Self {
            id,
            channel: request.channel.0,
            request: request.clone(),
            checked: None,
            refused: None,
            state: RequestState::Waiting,
        }
    }

    /// Refuses what is not checked or answered already.
    pub(crate) fn answerable(&self) -> Result<&CheckedRequest, Error> {
        if self.state != RequestState::Waiting {
            return Err(ShareError::Answered.into());
        }
        Ok(self.checked.as_ref().ok_or(ShareError::NotChecked)?)
    }

    pub(crate) fn organisation(&self) -> Result<Id, Error> {
        let checked = self.checked.as_ref().ok_or(ShareError::NotChecked)?;
        Ok(checked.organisation.id)
    }

    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(4).bytes(&self.id);
        out.bytes(&errands::json(&self.request)?);
        match &self.refused {
            None => out.null(),
            Some(code) => out.text(code),
        };
        match &self.checked {
            None => {
                out.null();
            }
            Some(checked) => {
                out.array(10);
                party(&checked.organisation, &mut out);
                out.int(number_of(checked.role));
                party(&checked.person, &mut out);
                out.text(&checked.person_role).bytes(&checked.document);
                out.bool(checked.proven == Proven::Qr);
                out.int(checked.time_ms).int(checked.wanted_end_ms);
            }
        }
        let state = match self.state {
            RequestState::Waiting => 0,
            RequestState::Granted => 1,
            RequestState::Denied => 2,
        };
        tx.put(Kind::Request, &self.id, state, &out.finish())
            .map(drop)
    }

    pub(crate) fn load(id: &Hash, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        tx.get(Kind::Request, id)?
            .map(|item| Self::read(&item))
            .transpose()
    }

    pub(crate) fn all(tx: &Tx<'_>) -> Result<Vec<Self>, StoreError> {
        tx.all(Kind::Request)?.iter().map(Self::read).collect()
    }

    pub(crate) fn set_state(id: &Hash, state: RequestState, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut kept = Self::load(id, tx)?.ok_or(DAMAGED)?;
        kept.state = state;
        kept.save(tx)
    }

    fn read(item: &Item) -> Result<Self, StoreError> {
        let mut reader = Reader::new(&item.plain);
        let mut parse = || {
            reader.array_of(4)?;
            let id = reader.byte_array()?;
            let request = reader.bytes()?.to_vec();
            let refused = if reader.take_null() {
                None
            } else {
                Some(reader.text()?.to_owned())
            };
            let checked = if reader.take_null() {
                None
            } else {
                reader.array_of(10)?;
                Some(CheckedRequest {
                    organisation: read_party(&mut reader)?,
                    role: role_of(reader.int()?)?,
                    person: read_party(&mut reader)?,
                    person_role: reader.text()?.to_owned(),
                    document: reader.bytes()?.to_vec(),
                    proven: if crate::header::bool_of(&mut reader)? {
                        Proven::Qr
                    } else {
                        Proven::Typed
                    },
                    time_ms: reader.int()?,
                    wanted_end_ms: reader.int()?,
                })
            };
            Ok::<_, Rejection>((id, request, refused, checked))
        };
        let (id, request, refused, checked) = parse().map_err(|_| DAMAGED)?;
        let request: Request = errands::read(&request)?;
        Ok(Self {
            id,
            channel: request.channel.0,
            request,
            checked,
            refused,
            state: match item.state {
                1 => RequestState::Granted,
                2 => RequestState::Denied,
                _ => RequestState::Waiting,
            },
        })
    }
}

/// A grant with what its owner keeps of it; travels in the bag.
pub(crate) struct KeptGrant {
    pub(crate) document: GrantDocument,
    pub(crate) left_out: LeaveOut,
    pub(crate) tracing_key: Secret32,
    pub(crate) organisation: Party,
    pub(crate) hpke_spki: Vec<u8>,
    pub(crate) request: Option<Hash>,
    pub(crate) state: GrantState,
}

impl KeptGrant {
    /// Whether keys of `stream` go to the grantee: covered and not left out.
    pub(crate) fn shows(&self, stream: &StreamId) -> bool {
        self.document.rights.read
            && self.document.channel[0] == stream.category
            && self.document.covers(stream)
            && !self.left_out.holds(stream)
    }

    /// Whether new keys are still wrapped for it.
    pub(crate) fn is_live(&self, now_ms: i64) -> bool {
        self.state == GrantState::Live && now_ms < self.document.expiry_ms
    }

    pub(crate) fn view(&self, now_ms: i64) -> GrantView {
        let document = &self.document;
        GrantView {
            id: document.id,
            recordhash: document.hash(),
            organisation: self.organisation.clone(),
            purpose: document.purpose.clone(),
            category: document.channel[0],
            scope: document.scope.clone(),
            left_out: self.left_out.clone(),
            rights: document.rights,
            expiry_ms: document.expiry_ms,
            state: match self.state {
                GrantState::Live if now_ms >= document.expiry_ms => GrantState::Expired,
                state => state,
            },
        }
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new();
        out.array(8).int(1).bytes(&self.document.encode());
        self.left_out.encode(&mut out);
        out.bytes(self.tracing_key.expose());
        party(&self.organisation, &mut out);
        out.bytes(&self.hpke_spki);
        out.optional_bytes(self.request.as_ref().map(<[u8; 32]>::as_slice));
        Zeroizing::new(out.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(8)?;
        if reader.int()? != 1 {
            return Err(Rejection::UnsupportedVersion);
        }
        let document = GrantDocument::decode(reader.bytes()?).map_err(|_| Rejection::Malformed)?;
        let kept = Self {
            document,
            left_out: LeaveOut::decode(&mut reader)?,
            tracing_key: Secret32::new(reader.byte_array()?),
            organisation: read_party(&mut reader)?,
            hpke_spki: reader.bytes()?.to_vec(),
            request: reader.optional_byte_array()?,
            state: GrantState::Live,
        };
        reader.finish()?;
        Ok(kept)
    }

    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let state = state_number(self.state);
        tx.put(Kind::Grant, &self.document.id, state, &self.encode())
            .map(drop)
    }

    pub(crate) fn load(id: &Id, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        tx.get(Kind::Grant, id)?
            .map(|item| Self::read(&item))
            .transpose()
    }

    pub(crate) fn all(tx: &Tx<'_>) -> Result<Vec<Self>, StoreError> {
        tx.all(Kind::Grant)?.iter().map(Self::read).collect()
    }

    pub(crate) fn set_state(id: &Id, state: GrantState, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.set_item_state(Kind::Grant, id, state_number(state))
    }

    fn read(item: &Item) -> Result<Self, StoreError> {
        let mut kept = Self::decode(&item.plain).map_err(|_| DAMAGED)?;
        kept.state = match item.state {
            1 => GrantState::Revoked,
            2 => GrantState::Expired,
            _ => GrantState::Live,
        };
        Ok(kept)
    }
}

fn state_number(state: GrantState) -> i64 {
    match state {
        GrantState::Live => 0,
        GrantState::Revoked => 1,
        GrantState::Expired => 2,
    }
}

fn party(party: &Party, out: &mut Encoder) {
    out.bytes(&party.id).text(&party.name);
}

fn read_party(reader: &mut Reader<'_>) -> Result<Party, Rejection> {
    Ok(Party {
        id: reader.byte_array()?,
        name: reader.text()?.to_owned(),
    })
}

fn number_of(role: Role) -> i64 {
    match role {
        Role::Provider => 1,
        Role::Insurer => 2,
        Role::Auditor => 3,
    }
}

fn role_of(number: i64) -> Result<Role, Rejection> {
    match number {
        1 => Ok(Role::Provider),
        2 => Ok(Role::Insurer),
        3 => Ok(Role::Auditor),
        _ => Err(Rejection::Malformed),
    }
}
