//! Who may put what into the log (`docs/receipt-format.md` section 3), as one pure function.
//!
//! | type | signed by | needs |
//! |---|---|---|
//! | ENROL | owner key | its own first; each other key with a purpose; none twice |
//! | BATCH | device key, or person | receiver null; or a live grant with append, allowed by Table I |
//! | REQUEST | person | receiver = the person's organisation |
//! | GRANT | grant or delegate key | not expired, reading or appending allowed by Table I |
//! | DENY | grant or delegate key | names a REQUEST of the channel |
//! | REVOKE | grant or delegate key; owner key | names a live GRANT; names a live key |
//! | ACCESS | person | a live grant to the same receiver that may read |
//! | GENESIS, EMERGENCY | | refused |
//!
//! A REQUEST and a GRANT have an expiry, the others none. A DENY and a REVOKE name the receiver of
//! what they answer or end, or none.

use crate::Refusal;
use vitalwitness_domain::policy::{self, Action, Category, Role as Actor};
use vitalwitness_domain::wire::{Id16, Role};
use vitalwitness_proof::entry::{Event, EventType, Purpose};
use vitalwitness_proof::keys::id_of;

/// What the store knows of what an event touches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The channel's owner key; None: there is no such channel.
    pub(crate) owner: Option<Id16>,
    /// The signer's key in the channel.
    pub(crate) key: Option<KeyFact>,
    /// The signer as a certified person.
    pub(crate) person: Option<PersonFact>,
    /// The role of a GRANT's receiver, if it is certified.
    pub(crate) receiver_role: Option<Role>,
    /// The grant that the call names.
    pub(crate) grant: Option<GrantFact>,
    /// What the recordhash names in the channel.
    pub(crate) target: Target,
}

/// A key enrolled in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyFact {
    /// None: the owner key.
    pub(crate) purpose: Option<Purpose>,
    /// Ended by a REVOKE.
    pub(crate) revoked: bool,
}

/// A person with a certificate that chains to the authority, not revoked, not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PersonFact {
    /// The organisation.
    pub(crate) organisation: Id16,
    /// What it is.
    pub(crate) role: Role,
}

/// A grant's terms and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GrantFact {
    pub(crate) channel: Id16,
    pub(crate) organisation: Id16,
    pub(crate) person: Option<Id16>,
    pub(crate) read: bool,
    pub(crate) append: bool,
    pub(crate) not_before: i64,
    pub(crate) expiry: i64,
    pub(crate) revoked: bool,
}

impl GrantFact {
    /// Who its ACCESS names as receiver.
    pub(crate) fn receiver(&self) -> Id16 {
        self.person.unwrap_or(self.organisation)
    }

    /// Refuses a grant that is revoked, expired, not yet begun, or another's.
    pub(crate) fn live_for(
        &self,
        person: Id16,
        organisation: Id16,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        if self.organisation != organisation || self.person.is_some_and(|named| named != person) {
            return Err(Refusal::not_found());
        }
        if self.revoked {
            return Err(Refusal::revoked());
        }
        if now_ms >= self.expiry {
            return Err(Refusal::expired());
        }
        if now_ms < self.not_before {
            return Err(Refusal::forbidden("the grant has not begun"));
        }
        Ok(())
    }
}

/// What a recordhash names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Target {
    /// Nothing in this channel.
    #[default]
    Nothing,
    /// A REQUEST.
    Request {
        /// The organisation that asks.
        receiver: Id16,
    },
    /// A GRANT, and whether it is revoked.
    Grant {
        /// Ended already.
        revoked: bool,
        /// Whom it names.
        receiver: Id16,
    },
    /// A key's ENROL, and whether it is revoked.
    Key {
        /// Ended already.
        revoked: bool,
    },
}

/// Decides whether the log takes `event` by `signer`. Signatures were checked before.
///
/// # Errors
///
/// Which rule forbids it.
pub(crate) fn admit(
    event: &Event,
    signer: Id16,
    facts: &Facts,
    now_ms: i64,
) -> Result<(), Refusal> {
    if event.time > now_ms.saturating_add(AHEAD_MS) {
        return Err(Refusal::from_future());
    }
    expiry(event)?;
    let category = Category::from_byte(event.channel[0])
        .ok_or(Refusal::event("the channel names no category"))?;
    if event.kind == EventType::Enrol && facts.owner.is_none() {
        return if event.enrols_owner() && signer.0 == event.owner {
            no_receiver(event)
        } else {
            Err(Refusal::event("a channel begins with its owner's ENROL"))
        };
    }
    match facts.owner {
        None => return Err(Refusal::not_found()),
        Some(owner) if owner.0 != event.owner => {
            return Err(Refusal::event("the channel has another owner"));
        }
        Some(_) => {}
    }
    match event.kind {
        EventType::Enrol => enrol(event, signer, facts),
        EventType::Batch if event.receiver.is_none() => {
            owner_key(event.kind, facts)?;
            allowed(Actor::Owner, category, Action::Update)
        }
        EventType::Batch => grantee_batch(event, signer, facts, now_ms, category),
        EventType::Request => {
            let person = person(facts)?;
            if event.receiver != Some(person.organisation.0) {
                return Err(Refusal::event("the receiver is not the signer's"));
            }
            Ok(())
        }
        EventType::Grant => grant(event, facts, now_ms, category),
        EventType::Deny => {
            owner_key(event.kind, facts)?;
            match facts.target {
                Target::Request { receiver } => names(event, receiver),
                _ => Err(Refusal::event("the DENY answers no REQUEST")),
            }
        }
        EventType::Revoke => revoke(event, signer, facts),
        EventType::Access => {
            let grant = named_grant(event, signer, facts, now_ms)?;
            if grant.read {
                Ok(())
            } else {
                Err(Refusal::forbidden("the grant does not allow reading"))
            }
        }
        _ => Err(Refusal::event("the log does not take this type")),
    }
}

/// Section 3: the wanted end (REQUEST), the grant's end (GRANT), the time box (EMERGENCY), else null.
fn expiry(event: &Event) -> Result<(), Refusal> {
    let ends = matches!(
        event.kind,
        EventType::Request | EventType::Grant | EventType::Emergency
    );
    match (ends, event.expiry) {
        (true, None) => Err(Refusal::event("this type of event states an expiry")),
        (false, Some(_)) => Err(Refusal::event("this type of event has no expiry")),
        _ => Ok(()),
    }
}

fn enrol(event: &Event, signer: Id16, facts: &Facts) -> Result<(), Refusal> {
    no_receiver(event)?;
    if signer.0 != event.owner {
        return Err(Refusal::event("only the owner key enrols keys"));
    }
    if event.purpose.is_none() {
        return Err(Refusal::event("the ENROL states no purpose"));
    }
    match facts.target {
        Target::Key { .. } => Err(Refusal::event("the key is enrolled already")),
        _ => Ok(()),
    }
}

fn grantee_batch(
    event: &Event,
    signer: Id16,
    facts: &Facts,
    now_ms: i64,
    category: Category,
) -> Result<(), Refusal> {
    let person = person(facts)?;
    let grant = named_grant(event, signer, facts, now_ms)?;
    if !grant.append {
        return Err(Refusal::forbidden("the grant does not allow writing"));
    }
    allowed(actor(person.role)?, category, Action::Update)
}

fn grant(event: &Event, facts: &Facts, now_ms: i64, category: Category) -> Result<(), Refusal> {
    owner_key(event.kind, facts)?;
    let Some(grant) = facts.grant else {
        return Err(Refusal::event("a GRANT comes with its terms"));
    };
    if event.expiry != Some(grant.expiry) || event.receiver != Some(grant.receiver().0) {
        return Err(Refusal::event("the GRANT contradicts its terms"));
    }
    if grant.expiry <= now_ms {
        return Err(Refusal::expired());
    }
    if grant.not_before >= grant.expiry {
        return Err(Refusal::event("the grant ends before it begins"));
    }
    if !matches!(facts.target, Target::Nothing) {
        return Err(Refusal::event("this document was granted before"));
    }
    let Some(role) = facts.receiver_role else {
        return Err(Refusal::certificate());
    };
    let actor = actor(role)?;
    if grant.read {
        allowed(actor, category, Action::Query)?;
    }
    if grant.append {
        allowed(actor, category, Action::Update)?;
    }
    Ok(())
}

fn revoke(event: &Event, signer: Id16, facts: &Facts) -> Result<(), Refusal> {
    match facts.target {
        Target::Grant { revoked, receiver } => {
            owner_key(event.kind, facts)?;
            if signer.0 == event.owner {
                return Err(Refusal::event("a grant ends by a grant key"));
            }
            names(event, receiver)?;
            final_once(revoked)
        }
        Target::Key { revoked } => {
            if signer.0 != event.owner || id_of(&event.recordhash) == event.owner {
                return Err(Refusal::event("a key ends by the owner key"));
            }
            no_receiver(event)?;
            final_once(revoked)
        }
        _ => Err(Refusal::event("the REVOKE ends nothing of this channel")),
    }
}

fn final_once(revoked: bool) -> Result<(), Refusal> {
    if revoked {
        Err(Refusal::event("it is revoked already"))
    } else {
        Ok(())
    }
}

/// The signer is a key of the owner that may sign this type.
fn owner_key(kind: EventType, facts: &Facts) -> Result<(), Refusal> {
    match facts.key {
        Some(KeyFact { revoked: true, .. }) => {
            Err(Refusal::event("the signing key is revoked in this channel"))
        }
        Some(KeyFact { purpose, .. }) if purpose.is_some_and(|may| may.may_sign(kind)) => Ok(()),
        Some(_) => Err(Refusal::event("the signing key has another purpose")),
        None => Err(Refusal::event(
            "the signing key is not enrolled in this channel",
        )),
    }
}

fn person(facts: &Facts) -> Result<PersonFact, Refusal> {
    let person = facts.person.ok_or(Refusal::certificate())?;
    actor(person.role).map(|_| person)
}

/// The grant that the call names, live, and the receiver that the event names.
fn named_grant(
    event: &Event,
    signer: Id16,
    facts: &Facts,
    now_ms: i64,
) -> Result<GrantFact, Refusal> {
    let person = person(facts)?;
    let grant = facts
        .grant
        .filter(|grant| grant.channel.0 == event.channel)
        .ok_or(Refusal::not_found())?;
    grant.live_for(signer, person.organisation, now_ms)?;
    if event.receiver != Some(grant.receiver().0) {
        return Err(Refusal::event("the receiver is not the grant's"));
    }
    Ok(grant)
}

fn no_receiver(event: &Event) -> Result<(), Refusal> {
    if event.receiver.is_none() {
        Ok(())
    } else {
        Err(Refusal::event("an event of a key has no receiver"))
    }
}

/// The event is told to `receiver` or to nobody.
fn names(event: &Event, receiver: Id16) -> Result<(), Refusal> {
    if event.receiver.is_none_or(|named| named == receiver.0) {
        Ok(())
    } else {
        Err(Refusal::event(
            "the receiver is not that of what this answers or ends",
        ))
    }
}

fn actor(role: Role) -> Result<Actor, Refusal> {
    match role {
        Role::Provider => Ok(Actor::Provider),
        Role::Insurer => Ok(Actor::Insurer),
        Role::Auditor => Err(Refusal::forbidden(
            "an auditor reads the log and nothing else",
        )),
    }
}

fn allowed(actor: Actor, category: Category, action: Action) -> Result<(), Refusal> {
    if policy::allowed(actor, category, action) {
        Ok(())
    } else {
        Err(Refusal::forbidden("Table I does not allow it"))
    }
}

/// How far an event may be ahead of the log's clock.
const AHEAD_MS: i64 = 300_000;

#[cfg(test)]
mod tests;
