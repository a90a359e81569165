//! Events of the owner: made, signed, on their way.

use crate::Error;
use crate::channels::ChannelSecrets;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::wire::{
    Bytes, Id16, NewChannel, NewDenial, NewGrant, NewRecovery, NewRevocation, Sig64, SubmittedEvent,
};
use vitalwitness_proof::entry::{Event, EventType, event_message};

/// An event in a channel of the owner, without receiver, end and purpose.
pub(crate) fn owner_event(
    kind: EventType,
    secrets: &ChannelSecrets,
    recordhash: Hash,
    time: i64,
) -> Event {
    Event {
        kind,
        channel: secrets.channel,
        owner: secrets.owner.id(),
        receiver: None,
        recordhash,
        time,
        location: None,
        expiry: None,
        purpose: None,
    }
}

/// Signs an event with the key `signer`.
pub(crate) fn sign(
    event: &Event,
    signer: &Id,
    sign: impl FnOnce(&[u8]) -> Result<[u8; 64], Error>,
) -> Result<SubmittedEvent, Error> {
    let bytes = event.encode();
    let signature = sign(&event_message(signer, &bytes))?;
    Ok(SubmittedEvent {
        event: Bytes(bytes),
        signer: Id16(*signer),
        signature: Sig64(signature),
        spki: None,
    })
}

/// What holds events that this device signed.
pub(crate) trait Signed {
    /// Their bytes.
    fn events(&self) -> Vec<&[u8]>;
}

impl Signed for SubmittedEvent {
    fn events(&self) -> Vec<&[u8]> {
        vec![&self.event.0]
    }
}

impl Signed for NewChannel {
    fn events(&self) -> Vec<&[u8]> {
        self.enrol
            .iter()
            .map(|event| event.event.0.as_slice())
            .collect()
    }
}

impl Signed for NewGrant {
    fn events(&self) -> Vec<&[u8]> {
        self.event.events()
    }
}

impl Signed for NewDenial {
    fn events(&self) -> Vec<&[u8]> {
        self.event.events()
    }
}

impl Signed for NewRevocation {
    fn events(&self) -> Vec<&[u8]> {
        self.event.events()
    }
}

impl Signed for NewRecovery {
    fn events(&self) -> Vec<&[u8]> {
        Vec::new()
    }
}
