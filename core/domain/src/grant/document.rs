//! The signed documents of sharing: what is asked, and what is granted.

use super::{Access, Caller, Deed, Refused, Share, Terms};
use crate::policy::{self, Action, Category, Role};
use crate::record::{Hash, Id, TEXT_LIMIT, nfc};
use crate::scope::{Scope, ScopeError};
use crate::stream::{Granularity, StreamId};
use sha2::Digest;
use std::fmt;
use vitalwitness_proof::cbor::{self, Value};

/// What a grantee may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Read what the scope covers.
    pub read: bool,
    /// Append records, signed by their author.
    pub append: bool,
    /// Act for the owner, as delegate.
    pub act: bool,
}

/// What an owner grants. Its hash is the recordhash of the GRANT entry.
///
/// Encoded as `[1, grant id, owner, channel, organisation, person | null, HPKE key id, purpose,
/// scope, [read, append, act], not before ms, expiry ms, granularity, policy text id]`.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantDocument {
    /// 16 random bytes.
    pub id: Id,
    /// Id of the channel's owner key.
    pub owner: Id,
    /// The channel; its first byte is the category.
    pub channel: Id,
    /// The grantee.
    pub organisation: Id,
    /// The one person of it, if only one may.
    pub person: Option<Id>,
    /// Id of the HPKE key that stream keys are sealed to.
    pub hpke_key: Id,
    /// What for, in the owner's language.
    pub purpose: String,
    /// What it covers, as asked.
    pub scope: Scope,
    /// What it lets them do.
    pub rights: Rights,
    /// From when, milliseconds since 1970 UTC.
    pub not_before_ms: i64,
    /// Until when, excluded.
    pub expiry_ms: i64,
    /// As measured, or one record a day only.
    pub granularity: Granularity,
    /// Which text of conditions the owner saw.
    pub policy: String,
}

/// What a grantee asks for, sealed to the channel's inbox.
///
/// Encoded as `[1, salt, scope, purpose, organisation HPKE SPKI, message, [read, append, act],
/// granularity]`.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestDocument {
    /// 16 random bytes.
    pub salt: Id,
    /// What it wants.
    pub scope: Scope,
    /// What for.
    pub purpose: String,
    /// The organisation's HPKE key.
    pub hpke_spki: Vec<u8>,
    /// A word to the owner; may be empty.
    pub message: String,
    /// What it wants to do.
    pub rights: Rights,
    /// How finely.
    pub granularity: Granularity,
}

/// Why a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Not the encoding of such a document.
    #[error("document is malformed")]
    Malformed,
    /// Written by a newer app.
    #[error("document is of a newer version")]
    NewerVersion,
    /// Its scope is refused.
    #[error("scope is refused")]
    Scope(#[from] ScopeError),
    /// The scope reaches beyond the channel's category.
    #[error("scope is of another category than the channel")]
    Category,
    /// It ends before it begins.
    #[error("grant ends before it begins")]
    Dates,
    /// Neither reading nor appending nor acting.
    #[error("grant gives no right")]
    NoRight,
    /// No grant can give this (Table I).
    #[error("not allowed by Table I")]
    TableOne,
    /// A purpose is needed, of at most 1,024 bytes.
    #[error("purpose is empty or too long")]
    Purpose,
}

impl GrantDocument {
    /// Its one encoding.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&Value::Array(vec![
            Value::Int(VERSION),
            bytes(&self.id),
            bytes(&self.owner),
            bytes(&self.channel),
            bytes(&self.organisation),
            self.person.as_ref().map_or(Value::Null, |id| bytes(id)),
            bytes(&self.hpke_key),
            text(&self.purpose),
            self.scope.to_cbor(),
            self.rights.to_cbor(),
            Value::Int(self.not_before_ms),
            Value::Int(self.expiry_ms),
            Value::Text(self.granularity.name().to_owned()),
            text(&self.policy),
        ]))
    }

    /// Reads what [`GrantDocument::encode`] writes, and refuses what contradicts itself.
    ///
    /// # Errors
    ///
    /// The first defect.
    pub fn decode(encoded: &[u8]) -> Result<Self, GrantError> {
        let items = versioned(encoded)?;
        let [
            _,
            id,
            owner,
            channel,
            organisation,
            person,
            hpke_key,
            Value::Text(purpose),
            scope,
            rights,
            Value::Int(not_before_ms),
            Value::Int(expiry_ms),
            granularity,
            Value::Text(policy),
        ] = items.as_slice()
        else {
            return Err(GrantError::Malformed);
        };
        let document = Self {
            id: id_from(id)?,
            owner: id_from(owner)?,
            channel: id_from(channel)?,
            organisation: id_from(organisation)?,
            person: match person {
                Value::Null => None,
                person => Some(id_from(person)?),
            },
            hpke_key: id_from(hpke_key)?,
            purpose: purpose.clone(),
            scope: Scope::from_cbor(scope)?,
            rights: Rights::from_cbor(rights)?,
            not_before_ms: *not_before_ms,
            expiry_ms: *expiry_ms,
            granularity: granularity_from(granularity)?,
            policy: policy.clone(),
        };
        document.check()?;
        Ok(document)
    }

    /// recordhash of its GRANT: SHA-256 of the encoding.
    pub fn hash(&self) -> Hash {
        sha2::Sha256::digest(self.encode()).into()
    }

    /// The part that is not sealed.
    pub fn terms(&self) -> Terms {
        Terms {
            grant: self.id,
            channel: self.channel,
            organisation: self.organisation,
            person: self.person,
            rights: self.rights,
            not_before_ms: self.not_before_ms,
            expiry_ms: self.expiry_ms,
        }
    }

    /// Refuses a document that contradicts itself.
    ///
    /// # Errors
    ///
    /// The first contradiction.
    pub fn check(&self) -> Result<(), GrantError> {
        let category = Category::of_channel(&self.channel).ok_or(GrantError::Category)?;
        if !self.scope.is_within(category) {
            return Err(GrantError::Category);
        }
        if self.expiry_ms <= self.not_before_ms {
            return Err(GrantError::Dates);
        }
        if self.rights == Rights::default() {
            return Err(GrantError::NoRight);
        }
        check_purpose(&self.purpose)?;
        if self.policy.len() > TEXT_LIMIT {
            return Err(GrantError::Malformed);
        }
        Ok(())
    }

    /// Refuses a grant that Table I forbids to an organisation of `role`, before it is signed.
    ///
    /// # Errors
    ///
    /// As [`GrantDocument::check`], or `TableOne`.
    pub fn check_for(&self, role: Role) -> Result<(), GrantError> {
        self.check()?;
        let category = Category::of_channel(&self.channel).ok_or(GrantError::Category)?;
        if self.rights.append && !policy::allowed(role, category, Action::Update) {
            return Err(GrantError::TableOne);
        }
        Ok(())
    }

    /// Whether `stream` is covered: by the scope, and not more finely than granted.
    pub fn covers(&self, stream: &StreamId) -> bool {
        let fine = self.granularity == Granularity::Raw || stream.granularity == Granularity::Daily;
        fine && self.scope.covers(stream)
    }

    /// Whether `caller` may do `deed` to `stream` at `now_ms`. `share` says where this grant stands.
    ///
    /// # Errors
    ///
    /// As [`Share::authorize`], `OutOfScope`, or `NotParty` if `share` is of another grant.
    pub fn authorize(
        &self,
        share: &Share,
        caller: &Caller,
        stream: &StreamId,
        deed: Deed,
        now_ms: i64,
    ) -> Result<Access, Refused> {
        let access = share.authorize(caller, deed, now_ms)?;
        if share.terms() != Some(&self.terms()) {
            return Err(Refused::NotParty);
        }
        if !self.covers(stream) {
            return Err(Refused::OutOfScope);
        }
        Ok(access)
    }
}

impl RequestDocument {
    /// Its one encoding.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&Value::Array(vec![
            Value::Int(VERSION),
            bytes(&self.salt),
            self.scope.to_cbor(),
            text(&self.purpose),
            bytes(&self.hpke_spki),
            text(&self.message),
            self.rights.to_cbor(),
            Value::Text(self.granularity.name().to_owned()),
        ]))
    }

    /// Reads what [`RequestDocument::encode`] writes.
    ///
    /// # Errors
    ///
    /// The first defect.
    pub fn decode(encoded: &[u8]) -> Result<Self, GrantError> {
        let items = versioned(encoded)?;
        let [
            _,
            salt,
            scope,
            Value::Text(purpose),
            Value::Bytes(hpke_spki),
            Value::Text(message),
            rights,
            granularity,
        ] = items.as_slice()
        else {
            return Err(GrantError::Malformed);
        };
        let document = Self {
            salt: id_from(salt)?,
            scope: Scope::from_cbor(scope)?,
            purpose: purpose.clone(),
            hpke_spki: hpke_spki.clone(),
            message: message.clone(),
            rights: Rights::from_cbor(rights)?,
            granularity: granularity_from(granularity)?,
        };
        if document.rights == Rights::default() {
            return Err(GrantError::NoRight);
        }
        check_purpose(&document.purpose)?;
        if message.len() > TEXT_LIMIT || hpke_spki.len() > TEXT_LIMIT {
            return Err(GrantError::Malformed);
        }
        Ok(document)
    }

    /// recordhash of its REQUEST: H("vwQ1" || salt || enc(scope)).
    pub fn hash(&self) -> Hash {
        self.scope.request_hash(&self.salt)
    }
}

impl Rights {
    /// Reading only.
    pub const READ: Self = Self {
        read: true,
        append: false,
        act: false,
    };

    /// Reading and appending.
    pub const READ_APPEND: Self = Self {
        append: true,
        ..Self::READ
    };

    fn to_cbor(self) -> Value {
        Value::Array([self.read, self.append, self.act].map(Value::Bool).into())
    }

    fn from_cbor(value: &Value) -> Result<Self, GrantError> {
        match value {
            Value::Array(items) => match items.as_slice() {
                [Value::Bool(read), Value::Bool(append), Value::Bool(act)] => Ok(Self {
                    read: *read,
                    append: *append,
                    act: *act,
                }),
                _ => Err(GrantError::Malformed),
            },
            _ => Err(GrantError::Malformed),
        }
    }
}

impl fmt::Debug for GrantDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantDocument")
            .field("rights", &self.rights)
            .field("granularity", &self.granularity)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RequestDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestDocument")
            .field("rights", &self.rights)
            .field("granularity", &self.granularity)
            .finish_non_exhaustive()
    }
}

/// The items of an array whose first is the version.
fn versioned(encoded: &[u8]) -> Result<Vec<Value>, GrantError> {
    if encoded.len() > MAX_DOCUMENT {
        return Err(GrantError::Malformed);
    }
    let Ok(Value::Array(items)) = cbor::decode(encoded) else {
        return Err(GrantError::Malformed);
    };
    let is_nfc = |item: &Value| match item {
        Value::Text(words) => nfc(words) == words.as_str(),
        _ => true,
    };
    match items.first() {
        Some(Value::Int(VERSION)) if items.iter().all(is_nfc) => Ok(items),
        Some(Value::Int(newer)) if *newer > VERSION => Err(GrantError::NewerVersion),
        _ => Err(GrantError::Malformed),
    }
}

fn check_purpose(purpose: &str) -> Result<(), GrantError> {
    if purpose.trim().is_empty() || purpose.len() > TEXT_LIMIT {
        return Err(GrantError::Purpose);
    }
    Ok(())
}

/// Text in NFC; a document with other text is none that [`versioned`] takes.
fn text(words: &str) -> Value {
    Value::Text(nfc(words).into_owned())
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

fn id_from(value: &Value) -> Result<Id, GrantError> {
    match value {
        Value::Bytes(bytes) => bytes
            .as_slice()
            .try_into()
            .map_err(|_| GrantError::Malformed),
        _ => Err(GrantError::Malformed),
    }
}

fn granularity_from(value: &Value) -> Result<Granularity, GrantError> {
    match value {
        Value::Text(name) => Granularity::from_name(name).ok_or(GrantError::Malformed),
        _ => Err(GrantError::Malformed),
    }
}

const VERSION: i64 = 1;
const MAX_DOCUMENT: usize = 1 << 20;
