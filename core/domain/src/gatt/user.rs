//! User data (service 181C): which user of a scale or cuff is meant.
//!
//! GSS User Index, Database Change Increment. User Control Point: User Data Service 1.1, section
//! 3.2: registering a user gives an index, consent opens it; without consent a scale keeps its
//! stored readings back. GSS has no entry for the control point.

use super::bytes::Bytes;
use super::measure::CHANGES;
use super::{Amount, Features, Measured, Packet, Refused, uuid};
use std::borrow::Cow;

/// What to write to the User Control Point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Op code 1: a new user with this consent code, 0 to 9999.
    Register {
        /// Chosen by the person; a secret between them and the device.
        consent: u16,
    },
    /// Op code 2: opens a user's readings.
    Consent {
        /// The user's index.
        user: u8,
        /// What was chosen at registration.
        consent: u16,
    },
}

/// What a device answers on its User Control Point (op code 32).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The op code it answers.
    pub request: u8,
    /// How it ended.
    pub outcome: Outcome,
    /// The new user's index, after a registration.
    pub user: Option<u8>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 1.
    Success,
    /// 2.
    Unsupported,
    /// 3.
    InvalidParameter,
    /// 4.
    Failed,
    /// 5: the consent code is wrong, or was tried too often.
    NotAuthorized,
    /// 0 and 6 to 255.
    Reserved(u8),
}

impl Request {
    /// What to write.
    ///
    /// # Errors
    ///
    /// Range, if the consent code is above 9999 or the user is 255.
    pub fn bytes(self) -> Result<Vec<u8>, Refused> {
        let (start, consent): (&[u8], u16) = match &self {
            Self::Register { consent } => (&[1], *consent),
            Self::Consent { user: 255, .. } => return Err(Refused::Range),
            Self::Consent { user, consent } => (&[2, *user], *consent),
        };
        if consent > 9_999 {
            return Err(Refused::Range);
        }
        let mut bytes = start.to_vec();
        bytes.extend(consent.to_le_bytes());
        Ok(bytes)
    }
}

/// User Control Point, as indicated: 32, the request, the outcome, the user after a registration.
pub(super) fn answer(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    if bytes.u8()? != 0x20 {
        return Err(Refused::Reserved);
    }
    let request = bytes.u8()?;
    let outcome = match bytes.u8()? {
        1 => Outcome::Success,
        2 => Outcome::Unsupported,
        3 => Outcome::InvalidParameter,
        4 => Outcome::Failed,
        5 => Outcome::NotAuthorized,
        other => Outcome::Reserved(other),
    };
    let registered = request == 1 && outcome == Outcome::Success;
    let user = if registered { Some(bytes.u8()?) } else { None };
    bytes.done()?;
    Ok(Packet::User(Answer {
        request,
        outcome,
        user,
    }))
}

/// GSS User Index; 255 is "unknown user".
pub(super) fn index(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let user = bytes.u8()?;
    bytes.done()?;
    let word = match user {
        u8::MAX => Cow::Borrowed("not-known"),
        user => Cow::Owned(user.to_string()),
    };
    let mut features = Features::of(uuid::USER_INDEX);
    features.words.push(("user", word));
    Ok(Packet::Features(features))
}

/// User Data Service, Database Change Increment: how often the user's facts were changed.
pub(super) fn changes(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let count = bytes.u32()?;
    bytes.done()?;
    let mut features = Features::of(uuid::DATABASE_CHANGE_INCREMENT);
    features.values.push(Measured {
        what: CHANGES,
        amount: Amount::whole(count),
        unit: "1",
    });
    Ok(Packet::Features(features))
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Register { .. } => "Register",
            Self::Consent { .. } => "Consent",
        })
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("request", &self.request)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
