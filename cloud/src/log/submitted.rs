//! An event whose signature holds. There is no other way to get one into the log.

use crate::{Refusal, Result};
use vitalwitness_domain::wire::{Id16, SubmittedEvent};
use vitalwitness_proof::entry::{Event, EventType, SignedEvent};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::sha256;

/// A decoded event with a checked signature and, for ENROL, the enrolled key.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    /// What it says.
    pub(crate) event: Event,
    /// The submitted bytes.
    pub(crate) signed: SignedEvent,
    /// H(event bytes): the log holds each event once.
    pub(crate) hash: [u8; 32],
    /// ENROL: SPKI of the enrolled key.
    pub(crate) spki: Option<Vec<u8>>,
}

impl Verified {
    /// Reads `submitted` and checks its signature by the key in `spki`.
    ///
    /// # Errors
    ///
    /// `event_refused`: not canonical, or not signed by that key.
    pub(crate) fn new(submitted: &SubmittedEvent, spki: &[u8]) -> Result<Self> {
        let key = PublicKey::from_spki(spki)
            .map_err(|_| Refusal::event("the signer's key is no P-256 key"))?;
        let event = decode(submitted)?;
        let signed = SignedEvent {
            event: submitted.event.0.clone(),
            signer: submitted.signer.0,
            signature: submitted.signature.0,
        };
        signed
            .verify(event.kind, &key)
            .map_err(|_| Refusal::event("the event's signature does not hold"))?;
        if event.kind == EventType::Enrol
            && let Some(enrolled) = &submitted.spki
            && (event.recordhash != sha256(&[&enrolled.0])
                || PublicKey::from_spki(&enrolled.0).is_err())
        {
            return Err(Refusal::event("the ENROL is of another key").into());
        }
        Ok(Self {
            hash: sha256(&[&signed.event]),
            event,
            signed,
            spki: submitted.spki.as_ref().map(|spki| spki.0.clone()),
        })
    }

    /// The channel.
    pub(crate) fn channel(&self) -> Id16 {
        Id16(self.event.channel)
    }
}

/// Reads the event alone, to find out whose key must have signed it.
///
/// # Errors
///
/// `event_refused`.
pub(crate) fn decode(submitted: &SubmittedEvent) -> Result<Event> {
    if submitted.event.0.len() > 512 {
        return Err(Refusal::event("the event is too long").into());
    }
    Ok(Event::decode(&submitted.event.0)
        .map_err(|_| Refusal::event("the event is not in canonical form"))?)
}
