//! Grants: what an owner lets an organisation do, and what has become of it.
//!
//! ```text
//! state      Grant      Deny       Revoke     Expire
//! Requested  Granted    Denied     NotGranted Expired (after the wanted end)
//! Granted    Granted*   Granted*   Revoked    Expired (after its expiry)
//! Denied     Denied*    Denied*    Denied*    Denied*
//! Revoked    Revoked*   Revoked*   Revoked*   Revoked*
//! Expired    Expired*   Expired*   Revoked    Expired*
//! ```
//! A star is a refusal with that code. An expired grant can still be revoked: the two clocks may
//! differ, and the owner's word is final.
//!
//! [`Share::authorize`] and [`GrantDocument::authorize`] are the only ways to an [`Access`]. The
//! cloud has the [`Terms`] only; the scope is sealed to the grantee, and enforced by keys.

mod document;

pub use document::{GrantDocument, GrantError, RequestDocument, Rights};

use crate::policy::{self, Action, Category, Role};
use crate::record::{Hash, Id};
use std::fmt;

/// What of a grant is not sealed: who, where, what for rights, until when.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The grant's id.
    pub grant: Id,
    /// The channel; its first byte is the category.
    pub channel: Id,
    /// The organisation.
    pub organisation: Id,
    /// The one person of it, if it names one.
    pub person: Option<Id>,
    /// What it lets them do.
    pub rights: Rights,
    /// From when, milliseconds since 1970 UTC.
    pub not_before_ms: i64,
    /// Until when, excluded.
    pub expiry_ms: i64,
}

/// What was asked for, as its REQUEST says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// recordhash of the REQUEST.
    pub hash: Hash,
    /// The channel.
    pub channel: Id,
    /// Who asks.
    pub organisation: Id,
    /// Until when it is wanted.
    pub wanted_end_ms: i64,
}

/// A request and what became of it, or a grant made unasked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Share {
    asked: Option<Asked>,
    terms: Option<Terms>,
    state: State,
}

/// Where a share stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The owner has not answered.
    Requested,
    /// The owner said yes.
    Granted,
    /// The owner said no; remembered.
    Denied,
    /// The owner took it back; final.
    Revoked,
    /// Its time is over.
    Expired,
}

/// What can happen to a share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The owner says yes, on these terms.
    Grant(Terms),
    /// The owner says no.
    Deny,
    /// The owner takes it back.
    Revoke,
    /// Its time is over.
    Expire,
}

/// Who wants to do something. Certificates and signatures were checked before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The organisation.
    pub organisation: Id,
    /// The person of it.
    pub person: Id,
    /// What the organisation is, as its certificate says.
    pub role: Role,
}

/// What a grantee wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Read records.
    Read,
    /// Append records of its own.
    Append,
    /// Answer requests for the owner, as their delegate.
    Act,
}

/// Permission, checked. Nothing else makes one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Access {
    terms: Terms,
    caller: Caller,
    deed: Deed,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The owner has not said yes.
    #[error("not granted")]
    NotGranted,
    /// The owner has said yes already.
    #[error("already granted")]
    Granted,
    /// The owner said no.
    #[error("denied")]
    Denied,
    /// The owner took it back.
    #[error("revoked")]
    Revoked,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come, or is not over.
    #[error("not yet")]
    NotYet,
    /// Granted to somebody else, or elsewhere.
    #[error("not a party of this grant")]
    NotParty,
    /// The grant does not give this right.
    #[error("the grant does not include this")]
    NoRight,
    /// The grant does not cover this code, month, episode or granularity.
    #[error("out of the grant's scope")]
    OutOfScope,
    /// No grant can give this (Table I).
    #[error("not allowed by Table I")]
    TableOne,
}

impl Refused {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotGranted => "not_granted",
            Self::Granted => "already_granted",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::NotParty => "not_party",
            Self::NoRight => "no_right",
            Self::OutOfScope => "out_of_scope",
            Self::TableOne => "table_one",
        }
    }
}

impl Share {
    /// A request the owner has not answered.
    pub const fn requested(asked: Asked) -> Self {
        Self {
            asked: Some(asked),
            terms: None,
            state: State::Requested,
        }
    }

    /// A grant made unasked.
    ///
    /// # Errors
    ///
    /// Expired if it would be over at `now_ms` or before it begins.
    pub fn granted(terms: Terms, now_ms: i64) -> Result<Self, Refused> {
        if terms.expiry_ms <= now_ms || terms.expiry_ms <= terms.not_before_ms {
            return Err(Refused::Expired);
        }
        Ok(Self {
            asked: None,
            terms: Some(terms),
            state: State::Granted,
        })
    }

    /// Where it stands; ask [`Share::authorize`], not this, whether something may be done.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What was asked.
    pub const fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    /// The terms, once granted.
    pub const fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// What becomes of it.
    ///
    /// # Errors
    ///
    /// The table of this module; `NotParty` if the terms answer another request.
    pub fn apply(self, event: Event, now_ms: i64) -> Result<Self, Refused> {
        let state = match (self.state, event) {
            (State::Requested, Event::Grant(terms)) => {
                let answers = self.asked.is_some_and(|asked| {
                    asked.channel == terms.channel && asked.organisation == terms.organisation
                });
                if !answers {
                    return Err(Refused::NotParty);
                }
                return Ok(Self {
                    asked: self.asked,
                    ..Self::granted(terms, now_ms)?
                });
            }
            (State::Requested, Event::Deny) => State::Denied,
            (State::Requested, Event::Revoke) => return Err(Refused::NotGranted),
            (State::Requested | State::Granted, Event::Expire) => {
                if self.end_ms() > now_ms {
                    return Err(Refused::NotYet);
                }
                State::Expired
            }
            (State::Granted, Event::Grant(_) | Event::Deny) => return Err(Refused::Granted),
            (State::Granted, Event::Revoke) => State::Revoked,
            (State::Expired, Event::Revoke) if self.terms.is_some() => State::Revoked,
            (State::Denied, _) => return Err(Refused::Denied),
            (State::Revoked, _) => return Err(Refused::Revoked),
            (State::Expired, _) => return Err(Refused::Expired),
        };
        Ok(Self { state, ..self })
    }

    /// Whether `caller` may do `deed` at `now_ms`, as far as the unsealed terms say.
    ///
    /// # Errors
    ///
    /// Says why not. To whom the grant was not made, it says only that.
    pub fn authorize(&self, caller: &Caller, deed: Deed, now_ms: i64) -> Result<Access, Refused> {
        let Some(terms) = self.terms else {
            let asked_by = self.asked.map(|asked| asked.organisation);
            return Err(match self.state {
                _ if asked_by != Some(caller.organisation) => Refused::NotParty,
                State::Denied => Refused::Denied,
                State::Expired => Refused::Expired,
                _ => Refused::NotGranted,
            });
        };
        if terms.organisation != caller.organisation
            || terms.person.is_some_and(|person| person != caller.person)
        {
            return Err(Refused::NotParty);
        }
        match self.state {
            State::Granted => {}
            State::Requested => return Err(Refused::NotGranted),
            State::Denied => return Err(Refused::Denied),
            State::Revoked => return Err(Refused::Revoked),
            State::Expired => return Err(Refused::Expired),
        }
        if now_ms >= terms.expiry_ms {
            return Err(Refused::Expired);
        }
        if now_ms < terms.not_before_ms {
            return Err(Refused::NotYet);
        }
        let category = Category::of_channel(&terms.channel).ok_or(Refused::TableOne)?;
        let (right, table) = match deed {
            Deed::Read => (
                terms.rights.read,
                policy::allowed(caller.role, category, Action::Query),
            ),
            Deed::Append => (
                terms.rights.append,
                policy::allowed(caller.role, category, Action::Update),
            ),
            Deed::Act => (
                terms.rights.act,
                policy::allowed(Role::Owner, category, Action::Query),
            ),
        };
        if !table {
            return Err(Refused::TableOne);
        }
        if !right {
            return Err(Refused::NoRight);
        }
        Ok(Access {
            terms,
            caller: *caller,
            deed,
        })
    }

    fn end_ms(&self) -> i64 {
        match (self.terms, self.asked) {
            (Some(terms), _) => terms.expiry_ms,
            (None, Some(asked)) => asked.wanted_end_ms,
            (None, None) => i64::MIN,
        }
    }
}

impl Access {
    /// The grant that gives it.
    pub const fn grant(&self) -> &Id {
        &self.terms.grant
    }

    /// The channel it is for.
    pub const fn channel(&self) -> &Id {
        &self.terms.channel
    }

    /// The receiver of its entries: the person if the grant names one, else the organisation.
    pub fn receiver(&self) -> &Id {
        self.terms
            .person
            .as_ref()
            .unwrap_or(&self.terms.organisation)
    }

    /// Who has it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What it is for.
    pub const fn deed(&self) -> Deed {
        self.deed
    }

    /// When it ends at the latest, excluded.
    pub const fn end_ms(&self) -> i64 {
        self.terms.expiry_ms
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("rights", &self.rights)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grant(_) => "Grant",
            Self::Deny => "Deny",
            Self::Revoke => "Revoke",
            Self::Expire => "Expire",
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("deed", &self.deed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
