//! Whom a verifier trusts: logs with their witnesses, keys, Fabric channels.
//!
//! Its JSON form, the trust bundle, is read in `vitalwitness-domain`.

use crate::checkpoint::{KeyKind, NoteKey, is_name};
use crate::keys::{Id, PublicKey};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What the verifier trusts before it sees a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Logs by origin.
    pub logs: Vec<TrustedLog>,
    /// Keys whose holders the verifier knows.
    pub keys: Vec<PinnedKey>,
    /// Fabric channels that checkpoints are anchored in.
    pub fabric: Vec<FabricTrust>,
    /// Certificates (DER) of time stamp authorities.
    pub tsa: Vec<Vec<u8>>,
}

/// A log and who watches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedLog {
    /// Its origin, which is also its keys' name.
    pub origin: String,
    /// Its keys: the present one and those before it.
    pub keys: Vec<NoteKey>,
    /// Its witnesses.
    pub witnesses: Vec<NoteKey>,
    /// How many of them must have cosigned.
    pub quorum: usize,
}

/// A key with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedKey {
    /// H(SPKI)[0..16].
    pub id: Id,
    /// The key.
    pub key: PublicKey,
}

impl From<PublicKey> for PinnedKey {
    fn from(key: PublicKey) -> Self {
        Self { id: key.id(), key }
    }
}

/// A Fabric channel and whose endorsements count there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricTrust {
    /// The channel's name.
    pub channel: String,
    /// The chaincode's name.
    pub chaincode: String,
    /// Its organisations.
    pub msps: Vec<FabricMsp>,
    /// All of these hold: at least so many of these MSPs endorsed.
    pub policy: Vec<(usize, Vec<String>)>,
    /// Certificates (DER) that receipts may name without carrying them.
    pub certs: Vec<Vec<u8>>,
}

/// A Fabric organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricMsp {
    /// Its MSP id.
    pub id: String,
    /// Root certificates, DER.
    pub roots: Vec<Vec<u8>>,
    /// Revocation lists, DER.
    pub crls: Vec<Vec<u8>>,
}

impl Trust {
    /// Checks that the parts fit together.
    ///
    /// # Errors
    ///
    /// Names the first rule that is broken.
    pub fn check(&self) -> Result<(), BadTrust> {
        let origins: Vec<&str> = self.logs.iter().map(|log| log.origin.as_str()).collect();
        distinct(&origins, BadTrust::OriginTwice)?;
        let channels: Vec<&str> = self.fabric.iter().map(|it| it.channel.as_str()).collect();
        distinct(&channels, BadTrust::ChannelTwice)?;
        self.logs.iter().try_for_each(TrustedLog::check)?;
        self.fabric.iter().try_for_each(FabricTrust::check)
    }

    /// The log of that origin.
    pub fn log(&self, origin: &str) -> Option<&TrustedLog> {
        self.logs.iter().find(|log| log.origin == origin)
    }

    /// The pinned key of that id.
    pub fn key(&self, id: &Id) -> Option<&PublicKey> {
        self.keys
            .iter()
            .find(|pinned| pinned.id == *id)
            .map(|pinned| &pinned.key)
    }
}

impl TrustedLog {
    fn check(&self) -> Result<(), BadTrust> {
        if !is_name(&self.origin) {
            return Err(BadTrust::Name);
        }
        if self.keys.is_empty() {
            return Err(BadTrust::NoLogKey);
        }
        let own = |key: &NoteKey| key.kind == KeyKind::Log && key.name == self.origin;
        let witness = |key: &NoteKey| key.kind == KeyKind::Witness && is_name(&key.name);
        if !self.keys.iter().all(own) || !self.witnesses.iter().all(witness) {
            return Err(BadTrust::KeyKind);
        }
        if self.quorum > self.witnesses.len() {
            return Err(BadTrust::Quorum);
        }
        // one key under two names would vote twice
        let keys: Vec<[u8; 32]> = self
            .keys
            .iter()
            .chain(&self.witnesses)
            .map(|key| key.key)
            .collect();
        distinct(&keys, BadTrust::KeyTwice)
    }
}

impl FabricTrust {
    fn check(&self) -> Result<(), BadTrust> {
        let ids: Vec<&str> = self.msps.iter().map(|msp| msp.id.as_str()).collect();
        distinct(&ids, BadTrust::Policy)?;
        let can_hold = |(count, msps): &(usize, Vec<String>)| {
            *count > 0
                && *count <= msps.len()
                && msps.iter().all(|msp| ids.contains(&msp.as_str()))
                && distinct(msps, BadTrust::Policy).is_ok()
        };
        if self.policy.is_empty() || !self.policy.iter().all(can_hold) {
            return Err(BadTrust::Policy);
        }
        Ok(())
    }
}

/// Why a trust bundle cannot be used: the caller's error, not the receipt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadTrust {
    /// A name outside the grammar.
    Name,
    /// A log without a key.
    NoLogKey,
    /// A key of another kind or name than its place asks for.
    KeyKind,
    /// One key in two places.
    KeyTwice,
    /// One origin in two places.
    OriginTwice,
    /// One Fabric channel in two places.
    ChannelTwice,
    /// A quorum above the number of witnesses.
    Quorum,
    /// An endorsement policy that nothing or anything would satisfy.
    Policy,
}

impl fmt::Display for BadTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadTrust::Name => "a name is not 1 to 128 of A-Z a-z 0-9 . - _ : /",
            BadTrust::NoLogKey => "a log has no key",
            BadTrust::KeyKind => "a key has another type or name than its place asks for",
            BadTrust::KeyTwice => "a log and its witnesses share a key",
            BadTrust::OriginTwice => "two logs have one origin",
            BadTrust::ChannelTwice => "a Fabric channel is there twice",
            BadTrust::Quorum => "the quorum is above the number of witnesses",
            BadTrust::Policy => "an endorsement policy cannot hold",
        })
    }
}

impl core::error::Error for BadTrust {}

fn distinct<T: PartialEq>(items: &[T], otherwise: BadTrust) -> Result<(), BadTrust> {
    let mut rest = items;
    while let Some((first, others)) = rest.split_first() {
        if others.contains(first) {
            return Err(otherwise);
        }
        rest = others;
    }
    Ok(())
}
