//! Whose batches count besides the owner's: a certified person's, whose organisation a live grant
//! lets append.
//!
//! Looked up once for many batches: which grants append, where their GRANT and REVOKE stand in the
//! channel, and the certificates that came with requests. Of who never asked, the certificate is
//! looked for in the directory (`Round::learn_writer`), checked as a request's is, and kept.

use super::kept::{KeptGrant, KeptRequest};
use crate::store::{StoreError, Tx};
use crate::sync::entries::Kept;
use crate::sync::link;
use std::collections::HashMap;
use vitalwitness_domain::cert::{verify_organisation, verify_person};
use vitalwitness_domain::grant::{Caller, Deed, Share};
use vitalwitness_domain::policy;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::stream::StreamId;
use vitalwitness_domain::wire::Role;
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_proof::keys::PublicKey;

/// Who of all grantees may append.
pub(crate) struct Writers {
    grants: Vec<Appending>,
    /// By signer.
    certificates: HashMap<Id, Vec<Certificates>>,
}

/// DER of a person's certificate and of the organisation's.
#[derive(PartialEq, Eq)]
pub(super) struct Certificates {
    pub(super) person: Vec<u8>,
    pub(super) organisation: Vec<u8>,
}

/// Whether a BATCH entry of a grantee counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    /// It does.
    Yes,
    /// No grant lets anybody of that receiver write there.
    No,
    /// A grant does; no certificate that is here says that the signer is of the receiver's.
    Unknown,
}

struct Appending {
    kept: KeptGrant,
    /// Number of its GRANT in the channel.
    from: Option<u64>,
    /// Number of its REVOKE.
    until: Option<u64>,
}

impl Writers {
    pub(crate) fn load(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let mut grants: HashMap<Hash, Appending> = KeptGrant::all(tx)?
            .into_iter()
            .filter(|kept| kept.document.rights.append)
            .map(|kept| {
                let (from, until) = (None, None);
                (kept.document.hash(), Appending { kept, from, until })
            })
            .collect();
        let mut certificates: HashMap<Id, Vec<Certificates>> = HashMap::new();
        if !grants.is_empty() {
            for kept in Kept::all(tx)? {
                let entry = kept.read()?;
                let named = grants.get_mut(&entry.event.recordhash);
                let named = named.filter(|of| of.kept.document.channel == entry.event.channel);
                match (entry.event.kind, named) {
                    (EventType::Grant, Some(grant)) => {
                        grant.from.get_or_insert(entry.seq);
                    }
                    (EventType::Revoke, Some(grant)) => {
                        grant.until.get_or_insert(entry.seq);
                    }
                    _ => {}
                }
            }
            for KeptRequest { request, .. } in KeptRequest::all(tx)? {
                let shown = Certificates {
                    person: request.person.0,
                    organisation: request.organisation.0,
                };
                let known = certificates.entry(request.event.signer.0).or_default();
                if !known.contains(&shown) {
                    known.push(shown);
                }
            }
        }
        Ok(Self {
            grants: grants.into_values().collect(),
            certificates,
        })
    }

    /// Whether a BATCH entry of a grantee is by one who might append to `stream` at its place.
    ///
    /// The beginning and a revoke are judged by the order of the channel, the end by the time that
    /// the event claims: the log, which has a clock, refuses later ones.
    pub(crate) fn may_append(&self, entry: &Entry, stream: &StreamId, ca: &[u8]) -> May {
        let event = &entry.event;
        let Some(receiver) = event.receiver else {
            return May::No;
        };
        let live = self.grants.iter().filter(|grant| {
            let document = &grant.kept.document;
            document.channel == event.channel
                && document.owner == event.owner
                && document.person.unwrap_or(document.organisation) == receiver
                && document.covers(stream)
                && !grant.kept.left_out.holds(stream)
                && grant.from.is_some_and(|from| from < entry.seq)
                && grant.until.is_none_or(|until| entry.seq < until)
        });
        let shares: Vec<(Share, i64)> = live
            .filter_map(|grant| {
                let terms = grant.kept.document.terms();
                // a clinic's clock may be behind the phone's, which dated the grant
                let time_ms = event.time.max(terms.not_before_ms);
                Some((Share::granted(terms, time_ms).ok()?, time_ms))
            })
            .collect();
        if shares.is_empty() {
            return May::No;
        }
        let callers = self.callers(entry, ca);
        if callers.is_empty() {
            return May::Unknown;
        }
        let may = shares.iter().any(|(share, time_ms)| {
            let mut callers = callers.iter();
            callers.any(|caller| share.authorize(caller, Deed::Append, *time_ms).is_ok())
        });
        if may { May::Yes } else { May::No }
    }

    /// Takes in what the directory said of a signer.
    pub(crate) fn learn(&mut self, signer: &Id, tx: &Tx<'_>) -> Result<(), StoreError> {
        let known = self.certificates.entry(*signer).or_default();
        for shown in kept_of(signer, tx)? {
            if !known.contains(&shown) {
                known.push(shown);
            }
        }
        Ok(())
    }

    /// As whom the certificates of the signer let it speak.
    fn callers(&self, entry: &Entry, ca: &[u8]) -> Vec<Caller> {
        let (signed, event) = (&entry.signed, &entry.event);
        let shown = self.certificates.get(&signed.signer).into_iter().flatten();
        let caller = |shown: &Certificates| {
            let person = verify_person(&shown.person, ca, event.time).ok()?;
            let organisation = verify_organisation(&shown.organisation, ca, event.time).ok()?;
            let key = PublicKey::from_spki(&person.spki).ok()?;
            signed.verify(event.kind, &key).ok()?;
            (person.organisation == organisation.id).then_some(Caller {
                organisation: organisation.id,
                person: person.id,
                role: match organisation.role {
                    Role::Provider => policy::Role::Provider,
                    Role::Insurer => policy::Role::Insurer,
                    // Table I does not know it
                    Role::Auditor => return None,
                },
            })
        };
        shown.filter_map(caller).collect()
    }
}

/// Keeps what the directory says of a signer.
pub(super) fn keep(
    signer: &Id,
    certificates: &[Certificates],
    tx: &Tx<'_>,
) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.array(certificates.len() * 2);
    for shown in certificates {
        out.bytes(&shown.person).bytes(&shown.organisation);
    }
    link::put(&name(signer), out, tx)
}

fn kept_of(signer: &Id, tx: &Tx<'_>) -> Result<Vec<Certificates>, StoreError> {
    let kept = link::get(&name(signer), tx, |reader| {
        let pairs = reader.array()? / 2;
        (0..pairs)
            .map(|_| {
                Ok(Certificates {
                    person: reader.bytes()?.to_vec(),
                    organisation: reader.bytes()?.to_vec(),
                })
            })
            .collect()
    })?;
    Ok(kept.unwrap_or_default())
}

fn name(signer: &Id) -> Vec<u8> {
    [b"writer".as_slice(), signer].concat()
}
