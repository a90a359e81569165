//! The rules inside a channel. Who may sign what is that of the log's own admission
//! (`docs/receipt-format.md` section 3); here it is read backwards, from what was admitted.

use super::{Audit, Code, Enrolled, InChannel, Member, Opening, is_key};
use crate::policy::{self, Action, Category, Role as Actor};
use crate::wire::Role;
use std::collections::hash_map::Entry as Slot;
use vitalwitness_proof::entry::{Entry, Event, EventType, Purpose};
use vitalwitness_proof::keys::id_of;

impl Audit {
    pub(super) fn in_channel(
        &mut self,
        entry: &Entry,
        spki: Option<&[u8]>,
        place: &mut InChannel,
    ) -> Vec<Code> {
        let event = &entry.event;
        let mut codes = Vec::new();
        if Category::of_channel(&event.channel).is_none() {
            codes.push(Code::Category);
        }
        let ends = matches!(
            event.kind,
            EventType::Request | EventType::Grant | EventType::Emergency
        );
        if ends != event.expiry.is_some() {
            codes.push(Code::Expiry);
        }
        match place.owner {
            None if event.enrols_owner() && entry.signed.signer == event.owner => {
                place.owner = Some(event.owner);
            }
            None => codes.push(Code::Owner),
            Some(owner) if owner != event.owner => codes.push(Code::Owner),
            Some(_) => {}
        }
        let by_grantee = match event.kind {
            EventType::Request | EventType::Access | EventType::Emergency => true,
            EventType::Batch => event.receiver.is_some(),
            _ => false,
        };
        if by_grantee {
            let (wrong, member) = self.by_member(entry);
            codes.extend(wrong);
            let counts = codes.is_empty();
            codes.extend(self.of_grantee(event, member.as_ref(), counts, place));
        } else {
            codes.extend(self.by_owner(entry, spki, place));
            let counts = codes.is_empty();
            codes.extend(self.of_owner(entry, spki, counts, place));
        }
        codes
    }

    /// A certified person signed it, for the receiver it names.
    fn by_member(&self, entry: &Entry) -> (Vec<Code>, Option<Member>) {
        let event = &entry.event;
        let Some(member) = self.member(&entry.signed.signer) else {
            return (vec![Code::SignerUnknown], None);
        };
        let mut codes = Vec::new();
        if entry.signed.verify(event.kind, &member.key).is_err() {
            codes.push(Code::EntrySignature);
        }
        let own = [Some(member.organisation), Some(entry.signed.signer)];
        if !own.contains(&event.receiver) {
            codes.push(Code::Receiver);
        }
        (codes, Some(member.clone()))
    }

    fn of_grantee(
        &self,
        event: &Event,
        member: Option<&Member>,
        counts: bool,
        place: &mut InChannel,
    ) -> Vec<Code> {
        let mut codes = Vec::new();
        let action = match event.kind {
            EventType::Batch => Action::Update,
            _ => Action::Query,
        };
        if let Some(member) = member
            && !is_allowed(member.role, event, action)
        {
            codes.push(Code::TableI);
        }
        match event.kind {
            EventType::Request if counts => {
                place.requests.insert(event.recordhash);
            }
            EventType::Emergency if counts => place.emergencies.push(opening(event)),
            EventType::Access | EventType::Batch => codes.extend(self.opened(event, place)),
            _ => {}
        }
        codes
    }

    /// Before it stands a live GRANT or EMERGENCY to the same receiver.
    fn opened(&self, event: &Event, place: &InChannel) -> Option<Code> {
        let all = place.grants.values().chain(&place.emergencies);
        let to_receiver = all.filter(|opening| opening.receiver == event.receiver);
        let mut worst = Some(Code::NoGrant);
        for opening in to_receiver {
            if opening.revoked {
                if worst == Some(Code::NoGrant) {
                    worst = Some(Code::GrantRevoked);
                }
            } else if self.is_over(opening.expiry, event.time) {
                worst = Some(Code::GrantExpired);
            } else {
                return None;
            }
        }
        worst
    }

    /// Over before it was logged: by the witnesses' time of the checkpoint before, or by what the
    /// entry itself says. Five minutes are left for witnesses that are slow and clocks that are off.
    fn is_over(&self, expiry: Option<i64>, claimed_ms: i64) -> bool {
        let since = self.after_ms.unwrap_or(0).max(claimed_ms);
        expiry.is_some_and(|expiry| expiry.saturating_add(SLACK_MS) <= since)
    }

    /// A key of the owner signed it, and may.
    fn by_owner(&mut self, entry: &Entry, spki: Option<&[u8]>, place: &InChannel) -> Vec<Code> {
        let (event, signer) = (&entry.event, &entry.signed.signer);
        if event.enrols_owner() && *signer == event.owner && !place.keys.contains_key(signer) {
            // its own key, which comes with it
            return match spki {
                None => {
                    self.unchecked += 1;
                    Vec::new()
                }
                Some(spki) if !is_key(spki, &event.recordhash) => vec![Code::Key],
                Some(spki) => self.signature(entry, &Enrolled::new(Some(spki), None)),
            };
        }
        let Some(enrolled) = place.keys.get(signer) else {
            return vec![Code::SignerUnknown];
        };
        let mut codes = self.signature(entry, enrolled);
        if enrolled.revoked {
            codes.push(Code::SignerRevoked);
        }
        let may = match enrolled.purpose {
            None => matches!(event.kind, EventType::Enrol | EventType::Revoke),
            Some(purpose) => purpose.may_sign(event.kind),
        };
        if !may {
            codes.push(Code::SignerPurpose);
        }
        codes
    }

    fn signature(&mut self, entry: &Entry, enrolled: &Enrolled) -> Vec<Code> {
        match &enrolled.key {
            None => {
                self.unchecked += 1;
                Vec::new()
            }
            Some(key) if entry.signed.verify(entry.event.kind, key).is_ok() => Vec::new(),
            Some(_) => vec![Code::EntrySignature],
        }
    }

    fn of_owner(
        &self,
        entry: &Entry,
        spki: Option<&[u8]>,
        counts: bool,
        place: &mut InChannel,
    ) -> Vec<Code> {
        let event = &entry.event;
        match event.kind {
            EventType::Enrol => enrol(event, spki, counts, place),
            EventType::Batch => {
                let category = Category::of_channel(&event.channel);
                let may = category
                    .is_none_or(|category| policy::allowed(Actor::Owner, category, Action::Update));
                if may { Vec::new() } else { vec![Code::TableI] }
            }
            EventType::Grant => self.grant(event, counts, place),
            EventType::Deny if !place.requests.contains(&event.recordhash) => {
                vec![Code::DenyNothing]
            }
            EventType::Revoke => revoke(entry, counts, place),
            _ => Vec::new(),
        }
    }

    fn grant(&self, event: &Event, counts: bool, place: &mut InChannel) -> Vec<Code> {
        let mut codes = Vec::new();
        match event.receiver.and_then(|receiver| self.member(&receiver)) {
            None => codes.push(Code::Receiver),
            Some(member) if !is_allowed(member.role, event, Action::Query) => {
                codes.push(Code::TableI);
            }
            Some(_) => {}
        }
        match place.grants.entry(event.recordhash) {
            Slot::Occupied(_) => codes.push(Code::GrantedTwice),
            Slot::Vacant(slot) if counts && codes.is_empty() => {
                slot.insert(opening(event));
            }
            Slot::Vacant(_) => {}
        }
        codes
    }
}

fn enrol(event: &Event, spki: Option<&[u8]>, counts: bool, place: &mut InChannel) -> Vec<Code> {
    let mut codes = Vec::new();
    let id = id_of(&event.recordhash);
    if spki.is_some_and(|spki| !is_key(spki, &event.recordhash)) || place.keys.contains_key(&id) {
        codes.push(Code::Key);
    }
    if event.receiver.is_some() {
        codes.push(Code::Receiver);
    }
    if counts && codes.is_empty() {
        let purpose = if event.enrols_owner() {
            None
        } else {
            Some(event.purpose.unwrap_or(Purpose::Device))
        };
        place.keys.insert(id, Enrolled::new(spki, purpose));
    }
    codes
}

/// A grant ends by a grant key, a key by the owner key; each once.
fn revoke(entry: &Entry, counts: bool, place: &mut InChannel) -> Vec<Code> {
    let event = &entry.event;
    let by_owner_key = entry.signed.signer == event.owner;
    let ended = if let Some(grant) = place.grants.get_mut(&event.recordhash) {
        if by_owner_key {
            return vec![Code::SignerPurpose];
        }
        if event.receiver.is_some() && event.receiver != grant.receiver {
            return vec![Code::Receiver];
        }
        &mut grant.revoked
    } else if let Some(key) = place.keys.get_mut(&id_of(&event.recordhash)) {
        if !by_owner_key || key.purpose.is_none() {
            return vec![Code::SignerPurpose];
        }
        &mut key.revoked
    } else {
        return vec![Code::RevokeNothing];
    };
    if *ended {
        return vec![Code::RevokeNothing];
    }
    *ended = counts;
    Vec::new()
}

fn opening(event: &Event) -> Opening {
    Opening {
        receiver: event.receiver,
        expiry: event.expiry,
        revoked: false,
    }
}

/// Table I, for a grantee; an auditor is nobody there.
fn is_allowed(role: Role, event: &Event, action: Action) -> bool {
    let actor = match role {
        Role::Provider => Actor::Provider,
        Role::Insurer => Actor::Insurer,
        Role::Auditor => return false,
    };
    let category = Category::of_channel(&event.channel);
    category.is_none_or(|category| policy::allowed(actor, category, action))
}

/// As much as the log lets a claimed time be ahead.
const SLACK_MS: i64 = 300_000;
