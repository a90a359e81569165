//! What an auditor finds in a log: the rules of `docs/receipt-format.md` section 3, read from the
//! entries and the directory alone.
//!
//! Entries are taken one by one, in the log's order; each gives its findings. What makes an entry
//! count (who signed it, and whether they might) decides whether later entries may rest on it: a
//! GRANT by a key that may not grant opens nothing.
//!
//! Pure: no I/O and no clock. When something was logged is known from the witnesses' times of the
//! checkpoints before it ([`Audit::witnessed`]); what an event says of its time is a claim.
//!
//! Invariant: an honest log gives no finding. What cannot be checked (a key that was erased with
//! its account) is counted, never accused.

mod rules;

use crate::cert::{verify_organisation, verify_person};
use crate::wire::Role;
use std::collections::{HashMap, HashSet};
use vitalwitness_proof::entry::{Channel, DIRECTORY, Entry, EventType, Purpose, entry_leaf};
use vitalwitness_proof::keys::{Id, PublicKey, spki_id};
use vitalwitness_proof::merkle::Frontier;
use vitalwitness_proof::trust::TrustedLog;
use vitalwitness_proof::{Hash, sha256};

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// The entry's index in the log.
    pub index: u64,
    /// Its channel; zeros where it cannot be read.
    pub channel: Channel,
    /// Its number there, as it says.
    pub seq: u64,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What an auditor finds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The same in every language.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

codes! {
    /// The entry cannot be read.
    Unreadable = "MALFORMED",
    /// GENESIS stands elsewhere than at 0, or something else does at 0.
    Genesis = "GENESIS",
    /// Number or previous hash do not follow the entry before in the channel.
    SeqGap = "SEQ_GAP",
    /// The same event was logged before.
    Replayed = "REPLAYED",
    /// The channel names no category.
    Category = "CATEGORY",
    /// The channel begins without its owner's ENROL, or goes on with another owner.
    Owner = "OWNER",
    /// A type that states an expiry has none, or the reverse.
    Expiry = "EXPIRY",
    /// The key that came with an ENROL is not the one it enrols, or enrols twice.
    Key = "KEY",
    /// The signer is no key of the channel and nobody in the directory.
    SignerUnknown = "SIGNER_UNKNOWN",
    /// The signer's key was revoked before.
    SignerRevoked = "SIGNER_REVOKED",
    /// The signer's key may not sign this.
    SignerPurpose = "SIGNER_PURPOSE",
    /// The signer did not sign this.
    EntrySignature = "ENTRY_SIGNATURE",
    /// A directory entry has no certificate of the authority, or contradicts it.
    Certificate = "CERTIFICATE",
    /// The receiver is not the signer's organisation, not known, or must not be there.
    Receiver = "RECEIVER",
    /// Table I forbids it.
    TableI = "TABLE_I",
    /// No GRANT or EMERGENCY to this receiver stands before it.
    NoGrant = "NO_GRANT",
    /// Every one that stood before it was revoked before.
    GrantRevoked = "GRANT_REVOKED",
    /// Every one that stood before it and was not revoked had expired.
    GrantExpired = "GRANT_EXPIRED",
    /// The same document was granted before.
    GrantedTwice = "GRANTED_TWICE",
    /// A DENY answers no REQUEST of the channel.
    DenyNothing = "DENY_NOTHING",
    /// A REVOKE ends nothing of the channel, or what was ended before.
    RevokeNothing = "REVOKE_NOTHING",
}

/// A log as far as it was read.
#[derive(Debug)]
pub struct Audit {
    log_keys: Vec<PublicKey>,
    ca: Vec<u8>,
    members: HashMap<Id, Vec<Member>>,
    tree: Frontier,
    channels: HashMap<Channel, InChannel>,
    events: HashSet<Hash>,
    /// By when, at the latest, what comes now can have been logged: ms of the newest checkpoint
    /// that a quorum saw before.
    after_ms: Option<i64>,
    unchecked: u64,
}

/// Somebody with a certificate of the authority.
#[derive(Debug, Clone)]
struct Member {
    key: PublicKey,
    certificate: Hash,
    organisation: Id,
    role: Role,
    end_ms: i64,
}

/// What is known of a channel.
#[derive(Debug, Default)]
struct InChannel {
    owner: Option<Id>,
    last: Option<(Entry, Vec<u8>)>,
    keys: HashMap<Id, Enrolled>,
    requests: HashSet<Hash>,
    grants: HashMap<Hash, Opening>,
    emergencies: Vec<Opening>,
}

/// A key the owner enrolled.
#[derive(Debug)]
struct Enrolled {
    /// None: not told of any more.
    key: Option<PublicKey>,
    /// None: the owner key itself.
    purpose: Option<Purpose>,
    revoked: bool,
}

/// What lets somebody look.
#[derive(Debug, Clone)]
struct Opening {
    receiver: Option<Id>,
    expiry: Option<i64>,
    revoked: bool,
}

impl Audit {
    /// Of a log with these keys, whose organisations are certified by `ca` (DER).
    pub fn new(log: &TrustedLog, ca: &[u8]) -> Self {
        let keys = log.keys.iter();
        Self {
            log_keys: keys.map(|key| PublicKey::Ed25519(key.key)).collect(),
            ca: ca.to_vec(),
            members: HashMap::new(),
            tree: Frontier::new(),
            channels: HashMap::new(),
            events: HashSet::new(),
            after_ms: None,
            unchecked: 0,
        }
    }

    /// Learns of the directory's certificates (DER), in any order. What does not chain to the
    /// authority is passed over: who relies on it is then unknown.
    pub fn know(&mut self, certificates: &[&[u8]]) {
        // organisations first: what a person may is what the organisation is
        for organisations in [true, false] {
            for certificate in certificates {
                self.know_one(certificate, organisations);
            }
        }
    }

    fn know_one(&mut self, certificate: &[u8], organisations: bool) {
        let hash = sha256(&[certificate]);
        if self
            .members
            .values()
            .flatten()
            .any(|it| it.certificate == hash)
        {
            return;
        }
        // valid at some time: whether it was when it was used is asked at use
        let Some(during) = crate::cert::begins_ms(certificate) else {
            return;
        };
        let found = if organisations {
            verify_organisation(certificate, &self.ca, during)
                .ok()
                .map(|it| (it.spki, it.id, it.id, it.role, it.not_after_ms))
        } else {
            verify_person(certificate, &self.ca, during)
                .ok()
                .and_then(|it| {
                    let role = self.member(&it.organisation)?.role;
                    Some((it.spki, it.id, it.organisation, role, it.not_after_ms))
                })
        };
        let Some((spki, id, organisation, role, end_ms)) = found else {
            return;
        };
        if let Ok(key) = PublicKey::from_spki(&spki) {
            self.members.entry(id).or_default().push(Member {
                key,
                certificate: hash,
                organisation,
                role,
                end_ms,
            });
        }
    }

    /// A quorum had seen the log, as far as it was taken, at `time_s`: what comes later was logged
    /// later, but for the minutes a witness takes.
    pub fn witnessed(&mut self, time_s: u64) {
        let ms = i64::try_from(time_s).unwrap_or(0).saturating_mul(1_000);
        self.after_ms = self.after_ms.max(Some(ms));
    }

    /// How many entries were taken.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The RFC 9162 root over them.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// How many signatures could not be checked, because their key is not told of any more.
    pub fn unchecked(&self) -> u64 {
        self.unchecked
    }

    /// Takes the next entry, with the key it enrols if that is told.
    pub fn take(&mut self, bytes: &[u8], spki: Option<&[u8]>) -> Vec<Finding> {
        let index = self.tree.size();
        self.tree.append(entry_leaf(bytes));
        let Ok(entry) = Entry::decode(bytes) else {
            return vec![Finding {
                code: Code::Unreadable,
                index,
                channel: DIRECTORY,
                seq: 0,
            }];
        };
        let mut codes = Vec::new();
        if (entry.event.kind == EventType::Genesis) != (index == 0) {
            codes.push(Code::Genesis);
        }
        if !self.events.insert(sha256(&[&entry.signed.event])) {
            codes.push(Code::Replayed);
        }
        let channel = entry.event.channel;
        let mut place = self.channels.remove(&channel).unwrap_or_default();
        let before = place.last.as_ref();
        if entry
            .check_follows(before.map(|(entry, bytes)| (entry, bytes.as_slice())))
            .is_err()
        {
            codes.push(Code::SeqGap);
        }
        if entry.event.kind == EventType::Genesis {
            codes.extend(self.genesis(&entry));
        } else if channel == DIRECTORY {
            codes.extend(self.enrolled_in_directory(&entry));
        } else {
            codes.extend(self.in_channel(&entry, spki, &mut place));
        }
        let seq = entry.seq;
        place.last = Some((entry, bytes.to_vec()));
        self.channels.insert(channel, place);
        codes.sort_unstable();
        codes.dedup();
        let finding = |code| Finding {
            code,
            index,
            channel,
            seq,
        };
        codes.into_iter().map(finding).collect()
    }

    fn member(&self, id: &Id) -> Option<&Member> {
        self.members.get(id).and_then(|all| all.last())
    }

    fn genesis(&self, entry: &Entry) -> Vec<Code> {
        let signed = |key: &PublicKey| entry.signed.verify(EventType::Genesis, key).is_ok();
        if self.log_keys.iter().any(signed) {
            Vec::new()
        } else {
            vec![Code::EntrySignature]
        }
    }

    fn enrolled_in_directory(&self, entry: &Entry) -> Vec<Code> {
        let event = &entry.event;
        let members = self.members.get(&event.owner).into_iter().flatten();
        let mut members = members.filter(|member| member.certificate == event.recordhash);
        let Some(member) = members.next() else {
            return vec![Code::Certificate];
        };
        let says = event.kind == EventType::Enrol
            && entry.signed.signer == event.owner
            && event.receiver.is_none()
            && event.expiry == Some(member.end_ms);
        if !says {
            return vec![Code::Certificate];
        }
        match entry.signed.verify(event.kind, &member.key) {
            Ok(()) => Vec::new(),
            Err(_) => vec![Code::EntrySignature],
        }
    }
}

impl Enrolled {
    fn new(spki: Option<&[u8]>, purpose: Option<Purpose>) -> Self {
        Self {
            key: spki.and_then(|spki| PublicKey::from_spki(spki).ok()),
            purpose,
            revoked: false,
        }
    }
}

/// Whether `spki` is the key with this hash.
fn is_key(spki: &[u8], hash: &Hash) -> bool {
    sha256(&[spki]) == *hash
        && PublicKey::from_spki(spki).is_ok_and(|key| key.id() == spki_id(spki))
}
