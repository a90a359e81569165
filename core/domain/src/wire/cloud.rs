//! Bodies of the cloud's HTTP interface, version 1. Who may call what: `docs/api.md`.

use super::{Bytes, Hash32, Id16, Sig64};
use serde::{Deserialize, Serialize};

macro_rules! wire {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty),* }
    };
}

wire!(
    /// `GET /v1/limits`.
    Limits {
        /// Largest part of an upload, bytes.
        part_bytes: u32,
        /// Largest sealed batch, bytes.
        batch_bytes: u64,
        /// Largest JSON body, bytes.
        body_bytes: u32,
        /// Longest session, seconds.
        session_s: u32,
        /// How far a request's `created` may be from the server's clock, seconds.
        clock_tolerance_s: u32,
        /// How long a delivery can be fetched, seconds.
        delivery_s: u32,
    }
);
wire!(
    /// `GET /v1/time`.
    Time {
        /// The server's clock.
        now_ms: i64,
    }
);
wire!(
    /// `GET /v1/trust`: what a client pins at its first contact, or compares with what it was given.
    TrustInfo {
        /// The trust bundle (`vw-trust/1` JSON as text), as a verifier takes it.
        bundle: String,
        /// DER of the certificate authority's root.
        ca: Bytes,
    }
);
wire!(
    /// A signed event on its way to the log.
    SubmittedEvent {
        /// Canonical bytes of the event.
        event: Bytes,
        /// Id of the signing key.
        signer: Id16,
        /// Signature over `vwE1` || signer || event.
        signature: Sig64,
        /// For ENROL: SPKI of the enrolled key. Else null.
        spki: Option<Bytes>,
    }
);
wire!(
    /// An event that is in the log.
    Logged {
        /// Full bytes of the entry.
        entry: Bytes,
        /// Its index in the log.
        index: u64,
    }
);
wire!(
    /// A device of an account, signed: `vwD1` || enc([1, origin, account, dsk SPKI, dek SPKI, time ms]).
    DeviceStatement {
        /// Id of the account: H(AIK SPKI)[0..16].
        account: Id16,
        /// SPKI of the key that opens sessions; the device's id is its key id.
        dsk: Bytes,
        /// SPKI of the key that vault secrets are sealed to.
        dek: Bytes,
        /// When it was stated.
        time: i64,
        /// Who signs: null = the account's AIK, else the id of a device of the account.
        by: Option<Id16>,
        /// The signature.
        signature: Sig64,
    }
);
wire!(
    /// `POST /v1/accounts`. Idempotent.
    NewAccount {
        /// SPKI of the account identity key (from the recovery kit).
        aik: Bytes,
        /// SPKI of the kit's HPKE key.
        kk: Bytes,
        /// The first device, signed by the AIK.
        device: DeviceStatement,
    }
);
wire!(
    /// `POST /v1/challenges` answers this. Good once, for a minute.
    Challenge {
        /// 32 random bytes.
        challenge: Hash32,
    }
);
wire!(
    /// `POST /v1/sessions`. `signature` is over `vwL1` || enc([origin, challenge, session SPKI, end ms]).
    NewSession {
        /// A device's id or a person's key id.
        subject: Id16,
        /// From `/v1/challenges`.
        challenge: Hash32,
        /// SPKI of the session key; it signs every request (RFC 9421).
        session: Bytes,
        /// When the session ends.
        end_ms: i64,
        /// By the subject's key.
        signature: Sig64,
    }
);
wire!(
    /// Answer to `POST /v1/sessions`: the `keyid` of signed requests.
    Session {
        /// Id of the session: its key's id.
        session: Id16,
        /// When it ends.
        end_ms: i64,
    }
);
wire!(
    /// `PUT /v1/recovery`: a vault secret, sealed to the kit and to each device.
    Recovery {
        /// Generation of the vault secret, from 1, ascending.
        generation: u32,
        /// One sealing per receiver.
        sealed: Vec<SealedTo>,
    }
);
wire!(
    /// An HPKE sealing.
    SealedTo {
        /// Id of the receiver's key.
        to: Id16,
        /// Encapsulated key, 65 bytes.
        enc: Bytes,
        /// Ciphertext and tag.
        ciphertext: Bytes,
    }
);
wire!(
    /// `PUT /v1/bag/{item}`: one secret of the account, sealed under the vault secret. Append only.
    BagItem {
        /// Random id.
        item: Id16,
        /// Generation of the vault secret it is sealed under.
        generation: u32,
        /// Nonce, ciphertext and tag.
        sealed: Bytes,
    }
);
wire!(
    /// `POST /v1/channels`. Idempotent by channel.
    NewChannel {
        /// Category byte and 15 random bytes.
        channel: Id16,
        /// Under which organisations find this channel: 16 random bytes, told by the owner's code.
        locator: Id16,
        /// SPKI of the P-256 key that requests are sealed to, made for this channel.
        inbox: Bytes,
        /// The owner's ENROL of itself, first; then ENROLs of this device's keys.
        enrol: Vec<SubmittedEvent>,
    }
);
wire!(
    /// `GET /v1/contacts/{locator}`, for grantees.
    Contact {
        /// The channel.
        channel: Id16,
        /// Id of its owner's key.
        owner: Id16,
        /// SPKI that requests are sealed to.
        inbox: Bytes,
    }
);
wire!(
    /// `POST /v1/batches`: announces an upload. Idempotent by batch and revision.
    NewBatch {
        /// Its channel.
        channel: Id16,
        /// Its id.
        batch: Id16,
        /// From 0; above 0 it takes the place of the revision before, under the same root.
        revision: u32,
        /// Id of the stream key.
        stream_key: Id16,
        /// Batch root.
        root: Hash32,
        /// Leaves of its tree.
        leaves: u32,
        /// Bytes of the sealed batch.
        bytes: u64,
        /// SHA-256 of the sealed batch.
        digest: Hash32,
        /// SHA-256 of each part, in order; all but the last have `part_bytes`.
        parts: Vec<Hash32>,
        /// The BATCH event; null for a revision above 0.
        event: Option<SubmittedEvent>,
    }
);
wire!(
    /// Where an upload stands.
    BatchStatus {
        /// Parts not here yet.
        missing: Vec<u32>,
        /// Once committed: the BATCH entry.
        logged: Option<Logged>,
        /// Bytes used and allowed.
        quota: Quota,
    }
);
wire!(
    /// `GET /v1/quota`, and with every batch.
    Quota {
        /// Bytes stored.
        used: u64,
        /// Bytes allowed.
        limit: u64,
    }
);
wire!(
    /// A stored batch, to whoever may see that it exists.
    BatchInfo {
        /// Its channel.
        channel: Id16,
        /// Its id.
        batch: Id16,
        /// Its newest revision.
        revision: u32,
        /// Id of the stream key.
        stream_key: Id16,
        /// Batch root.
        root: Hash32,
        /// Leaves of its tree.
        leaves: u32,
        /// Bytes.
        bytes: u64,
        /// SHA-256 of the bytes.
        digest: Hash32,
        /// Its BATCH entry's index in the log.
        index: u64,
        /// Its BATCH entry's place in the channel.
        seq: u64,
    }
);
wire!(
    /// `GET /v1/changes?after=N&limit=M`: what happened to the account, gapless.
    Changes {
        /// In order; cursors ascend by one.
        changes: Vec<Change>,
        /// The newest cursor there is.
        latest: u64,
    }
);
wire!(
    /// One change.
    Change {
        /// From 1.
        cursor: u64,
        /// What changed.
        what: What,
    }
);

/// What changed in an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// An entry in one of the account's channels, whoever signed it.
    Entry {
        /// Index in the log.
        index: u64,
        /// Full bytes.
        entry: Bytes,
        /// For ENROL: the key.
        spki: Option<Bytes>,
    },
    /// A batch was stored.
    Batch {
        /// Which.
        info: BatchInfo,
    },
    /// A bag item was stored.
    Bag {
        /// It.
        item: BagItem,
    },
    /// A batch was erased: its bytes are gone.
    Erased {
        /// Which.
        batch: Id16,
    },
    /// A bag item was erased.
    BagErased {
        /// Which.
        item: Id16,
    },
    /// Somebody asks.
    Request {
        /// The request.
        request: Request,
    },
    /// Something was refused to somebody: no entry, a row of the owner's activity.
    Refusal {
        /// The refusal.
        refusal: Refusal,
    },
    /// A stream key was closed.
    Closed {
        /// Its id.
        stream_key: Id16,
    },
    /// A vault secret was stored.
    Recovery {
        /// Its generation.
        generation: u32,
    },
}

wire!(
    /// A refusal that its owner sees.
    Refusal {
        /// When.
        time: i64,
        /// The channel.
        channel: Id16,
        /// The organisation that asked.
        organisation: Id16,
        /// The problem code it got.
        code: String,
    }
);
wire!(
    /// `POST /v1/requests`, and the owner's inbox. `event` is the signed REQUEST.
    Request {
        /// The channel asked for.
        channel: Id16,
        /// The signed REQUEST.
        event: SubmittedEvent,
        /// HPKE to the channel's inbox: a `grant::RequestDocument`.
        sealed: Sealed,
        /// From the owner's QR: HMAC-SHA256(secret, organisation HPKE SPKI || recordhash); null for a typed code.
        proof: Option<Hash32>,
        /// DER of the person's certificate.
        person: Bytes,
        /// DER of the organisation's certificate.
        organisation: Bytes,
    }
);
wire!(
    /// An HPKE sealing to a known key.
    Sealed {
        /// Encapsulated key, 65 bytes.
        enc: Bytes,
        /// Ciphertext and tag.
        ciphertext: Bytes,
    }
);
wire!(
    /// What of a grant the cloud sees. The whole document's hash is the GRANT's recordhash.
    GrantTerms {
        /// 16 random bytes.
        grant: Id16,
        /// The channel.
        channel: Id16,
        /// The organisation.
        organisation: Id16,
        /// A named person of it, or null: all.
        person: Option<Id16>,
        /// May read.
        read: bool,
        /// May append.
        append: bool,
        /// From when.
        not_before: i64,
        /// Until when.
        expiry: i64,
    }
);
wire!(
    /// A stream key, sealed to a grantee and signed by a device of the owner.
    Envelope {
        /// Id of the stream key.
        stream_key: Id16,
        /// Encapsulated key, 65 bytes.
        enc: Bytes,
        /// Ciphertext and tag.
        ciphertext: Bytes,
        /// Id of the device key.
        signer: Id16,
        /// Over `vwV1` || H(enc([grant, stream key, enc, ciphertext])).
        signature: Sig64,
    }
);
wire!(
    /// `POST /v1/grants`.
    NewGrant {
        /// What the cloud sees.
        terms: GrantTerms,
        /// The signed GRANT.
        event: SubmittedEvent,
        /// The whole document, HPKE to the organisation.
        document: Sealed,
        /// Keys of what is there already.
        envelopes: Vec<Envelope>,
    }
);
wire!(
    /// `POST /v1/envelopes`: keys opened since, for a live grant.
    NewEnvelopes {
        /// The grant.
        grant: Id16,
        /// The keys.
        envelopes: Vec<Envelope>,
    }
);
wire!(
    /// `POST /v1/denials`.
    NewDenial {
        /// The signed DENY.
        event: SubmittedEvent,
    }
);
wire!(
    /// `POST /v1/revocations`.
    NewRevocation {
        /// The signed REVOKE, of a GRANT or of a key's ENROL.
        event: SubmittedEvent,
        /// Stream keys that are closed with it, in the same transaction.
        closed: Vec<Id16>,
    }
);
wire!(
    /// `GET /v1/grants`, for the grantee.
    GrantForGrantee {
        /// Terms.
        terms: GrantTerms,
        /// The whole document, HPKE to the organisation.
        document: Sealed,
        /// The GRANT entry.
        logged: Logged,
        /// Revoked.
        revoked: bool,
    }
);
wire!(
    /// `GET /v1/channels/{id}/entries?after=SEQ`, for its parties.
    ChannelEntries {
        /// In order of seq, without gaps, up to 1,000.
        entries: Vec<Logged>,
        /// SPKIs of keys enrolled there.
        keys: Vec<Bytes>,
    }
);
wire!(
    /// `GET /v1/grants/{id}/manifest`.
    Manifest {
        /// Keys.
        envelopes: Vec<Envelope>,
        /// Batches under these keys.
        batches: Vec<BatchInfo>,
    }
);
wire!(
    /// `POST /v1/access`: the ACCESS is logged, then exactly these batches can be fetched.
    NewAccess {
        /// The grant.
        grant: Id16,
        /// The signed ACCESS over the roots.
        event: SubmittedEvent,
        /// The batches.
        batches: Vec<Id16>,
    }
);
wire!(
    /// Answer to `POST /v1/access`.
    Delivery {
        /// Its id.
        delivery: Id16,
        /// Until when.
        end_ms: i64,
        /// The ACCESS entry.
        logged: Logged,
    }
);
wire!(
    /// `GET /v1/log/inclusion?index=I&size=N` and `GET /v1/log/consistency?from=A&to=B`.
    Proof {
        /// Nodes, leaf to root for an inclusion.
        nodes: Vec<Hash32>,
    }
);
wire!(
    /// `GET /v1/receipts/{recordhash}`: the receipt from the entry up.
    EntryProof {
        /// The entry.
        logged: Logged,
        /// Inclusion path at the note's size.
        path: Vec<Hash32>,
        /// Signed note with cosignatures.
        note: String,
    }
);
wire!(
    /// `POST /v1/operator/organisations`, by the operator.
    NewOrganisation {
        /// Name, as people know it.
        name: String,
        /// `provider`, `insurer` or `auditor`.
        role: Role,
    }
);

/// What an organisation is (Table I).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A clinic, a practice, a hospital.
    Provider,
    /// An insurer.
    Insurer,
    /// Reads the log's entries, all of them; asks for no records and gets none.
    Auditor,
}

wire!(
    /// `GET /v1/log/entries?from=INDEX`, for auditors.
    LogEntries {
        /// In the log's order, without gaps, up to 1,000.
        entries: Vec<LogEntry>,
    }
);
wire!(
    /// One of them.
    LogEntry {
        /// Its index in the log.
        index: u64,
        /// Full bytes of the entry.
        entry: Bytes,
        /// For ENROL of an owner's key: the key, while the account is there.
        spki: Option<Bytes>,
    }
);

wire!(
    /// A code that enrols once, for a day.
    EnrolmentCode {
        /// The code.
        code: String,
    }
);
wire!(
    /// `POST /v1/enrolments`: keys for certificates.
    NewEnrolment {
        /// The one-time code.
        code: String,
        /// SPKI of the organisation's key; null when the organisation has one.
        organisation: Option<Bytes>,
        /// SPKI of the organisation's HPKE key; null when it has one.
        hpke: Option<Bytes>,
        /// The person's name.
        person_name: String,
        /// SPKI of the person's signing key.
        person: Bytes,
        /// SPKI of the person's ECDH key.
        person_ecdh: Bytes,
        /// By the person's key over `vwC1` || H(code) || H(person SPKI).
        signature: Sig64,
    }
);
wire!(
    /// Answer to `POST /v1/enrolments`.
    Enrolment {
        /// The organisation's id: its key's id.
        organisation: Id16,
        /// DER of the organisation's certificate (carries its HPKE key).
        organisation_certificate: Bytes,
        /// DER of the person's certificate (carries the ECDH key).
        person_certificate: Bytes,
        /// DER of the authority's root.
        ca: Bytes,
    }
);
wire!(
    /// `POST /v1/directory`: ENROLs of the organisation and of persons, signed by themselves.
    NewDirectoryEntry {
        /// The signed ENROL.
        event: SubmittedEvent,
        /// DER of the certificate whose hash it carries.
        certificate: Bytes,
    }
);
wire!(
    /// `GET /v1/directory`: who is enrolled.
    Directory {
        /// All of them, in order of the log.
        enrolled: Vec<Enrolled>,
    }
);
wire!(
    /// One of them.
    Enrolled {
        /// The ENROL entry.
        logged: Logged,
        /// DER of the certificate.
        certificate: Bytes,
        /// Revoked by the authority.
        revoked: bool,
    }
);
