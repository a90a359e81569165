//! Everything the server keeps: rows behind [`Store`], sealed batches as files ([`Blobs`]).
//!
//! One method is one transaction: when it returns, all of it is durable or none of it is there.
//! What a method appends to the log and what it adds to an account's changes are part of it.

mod blob;
mod sqlite;
mod writer;

pub(crate) use blob::{Blobs, sync_folder};
pub(crate) use sqlite::Sqlite;

use crate::Result;
use crate::log::{GrantFact, PersonFact, Verified};
use vitalwitness_domain::wire::{
    BagItem, BatchInfo, BatchStatus, Changes, ChannelEntries, Colleague, Contact, Delivery,
    DeviceStatement, Directory, Envelope, GrantForGrantee, Hash32, Id16, KeyHandover, LogEntry,
    Logged, Manifest, NewAccess, NewAccount, NewBatch, NewChannel, NewGrant, NewRecovery,
    NewRevocation, Quota, Refusal, Request, Role,
};

/// All of it.
pub(crate) trait Store:
    Accounts + Channels + Batches + Sharing + Authority + KeyHolders + LogReads + Send + Sync
{
}

impl<S: Accounts + Channels + Batches + Sharing + Authority + KeyHolders + LogReads + Send + Sync>
    Store for S
{
}

/// A device and whether it may still open sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) statement: DeviceStatement,
    pub(crate) revoked: bool,
    /// When its end was decided, if that was kept.
    pub(crate) ended_ms: Option<i64>,
}

/// What a subject was when it signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    /// A device of an account.
    Device,
    /// A key with a certificate.
    Certified,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionRow {
    pub(crate) session: Id16,
    pub(crate) subject: Id16,
    pub(crate) kind: SubjectKind,
    pub(crate) spki: Vec<u8>,
    pub(crate) end_ms: i64,
}

/// Accounts, their devices, sessions, sealed secrets and changes.
pub(crate) trait Accounts {
    /// Idempotent: the same keys are the same account.
    fn create_account(&self, new: NewAccount) -> Result<Quota>;
    /// The account's AIK, by its id.
    fn account_key(&self, account: Id16) -> Result<Option<Vec<u8>>>;
    /// Idempotent by device.
    fn add_device(&self, statement: DeviceStatement) -> Result<()>;
    fn device(&self, device: Id16) -> Result<Option<Device>>;
    fn devices(&self, account: Id16) -> Result<Vec<Device>>;
    /// Ends the device and its sessions.
    fn revoke_device(&self, account: Id16, device: Id16, time: i64) -> Result<()>;
    fn open_session(&self, session: SessionRow) -> Result<()>;
    fn session(&self, session: Id16) -> Result<Option<SessionRow>>;
    fn end_session(&self, session: Id16) -> Result<()>;
    /// Generations ascend by one; the same one takes only the same bytes.
    fn put_recovery(&self, account: Id16, new: NewRecovery) -> Result<()>;
    /// The newest, or the one of `generation` if it is kept.
    fn recovery(&self, account: Id16, generation: Option<u32>) -> Result<Option<NewRecovery>>;
    fn put_bag(&self, account: Id16, item: BagItem) -> Result<()>;
    fn erase_bag(&self, account: Id16, item: Id16) -> Result<()>;
    fn changes(&self, account: Id16, after: u64, limit: u32) -> Result<Changes>;
    fn quota(&self, account: Id16) -> Result<Quota>;
    /// Deletes all rows but the log's entries; gives the batches whose files go.
    fn delete_account(&self, account: Id16) -> Result<Vec<(Id16, u32)>>;
    /// Forgets sessions that ended before `now_ms`.
    fn expire_sessions(&self, now_ms: i64) -> Result<()>;
}

/// A channel's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelRow {
    /// None: its account was deleted.
    pub(crate) account: Option<Id16>,
    pub(crate) owner: Id16,
}

/// Channels, their keys and entries.
pub(crate) trait Channels {
    /// Opens a channel with its first ENROLs. Idempotent.
    fn open_channel(
        &self,
        account: Id16,
        new: NewChannel,
        events: Vec<Verified>,
        now_ms: i64,
    ) -> Result<Vec<Logged>>;
    /// A further ENROL.
    fn enrol_key(&self, account: Id16, event: Verified, now_ms: i64) -> Result<Logged>;
    fn channel(&self, channel: Id16) -> Result<Option<ChannelRow>>;
    fn contact(&self, locator: Id16) -> Result<Option<Contact>>;
    /// SPKI of a key enrolled in the channel.
    fn channel_key(&self, channel: Id16, id: Id16) -> Result<Option<Vec<u8>>>;
    /// SPKI of a key that signs grants in a channel of the account, and is not revoked.
    fn grant_key(&self, account: Id16, id: Id16) -> Result<Option<Vec<u8>>>;
    /// Entries after `after`, up to `last`.
    fn entries(&self, channel: Id16, after: u64, last: u64) -> Result<ChannelEntries>;
    /// How far an organisation or person sees the channel: its last visible seq, 0 for none.
    fn visible_to(&self, channel: Id16, organisation: Id16, person: Id16) -> Result<u64>;
}

/// Who uploads, and for which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uploader {
    /// The owner of this account.
    Owner(Id16),
    /// A person of an organisation.
    Grantee(Id16, PersonFact),
}

/// Batches and their uploads.
pub(crate) trait Batches {
    /// Announces an upload; tells what is missing.
    fn announce(
        &self,
        by: Uploader,
        new: NewBatch,
        event: Option<Verified>,
        now_ms: i64,
    ) -> Result<BatchStatus>;
    /// What was announced.
    fn upload(&self, by: Uploader, batch: Id16, revision: u32) -> Result<NewBatch>;
    /// A part's bytes are durable.
    fn part_stored(&self, batch: Id16, revision: u32, part: u32) -> Result<()>;
    fn batch_status(&self, by: Uploader, batch: Id16, revision: u32) -> Result<BatchStatus>;
    /// The batch's bytes are durable in their place: log it and show it.
    fn commit_batch(
        &self,
        by: Uploader,
        batch: Id16,
        revision: u32,
        event: Option<Verified>,
        now_ms: i64,
    ) -> Result<BatchStatus>;
    fn batch(&self, batch: Id16) -> Result<Option<(Id16, BatchInfo)>>;
    /// Forgets the batch's bytes.
    fn erase_batch(&self, account: Id16, batch: Id16) -> Result<()>;
    /// Whether a file is still of use: (stored revision or announced upload).
    fn keeps_blob(&self, batch: Id16, revision: u32) -> Result<bool>;
}

/// Requests, grants, envelopes, deliveries.
pub(crate) trait Sharing {
    fn request(
        &self,
        request: Request,
        event: Verified,
        person: PersonFact,
        now_ms: i64,
    ) -> Result<Logged>;
    fn deny(&self, account: Id16, event: Verified, now_ms: i64) -> Result<Logged>;
    fn grant(&self, account: Id16, new: NewGrant, event: Verified, now_ms: i64) -> Result<Logged>;
    fn add_envelopes(
        &self,
        account: Id16,
        grant: Id16,
        envelopes: Vec<Envelope>,
        now_ms: i64,
    ) -> Result<()>;
    /// Ends a grant or key; closes the stream keys with it.
    fn revoke(
        &self,
        account: Id16,
        new: NewRevocation,
        event: Verified,
        now_ms: i64,
    ) -> Result<Logged>;
    /// At most `limit` grants whose GRANT entry stands after index `after`, in order of the log.
    fn grants_for(
        &self,
        organisation: Id16,
        person: Id16,
        page: (u64, u32),
    ) -> Result<Vec<GrantForGrantee>>;
    fn grant_fact(&self, grant: Id16) -> Result<Option<GrantFact>>;
    fn manifest(&self, grant: Id16) -> Result<Manifest>;
    /// Logs the ACCESS and opens a delivery of exactly these batches.
    fn access(
        &self,
        new: NewAccess,
        event: Verified,
        person: PersonFact,
        opening: Opening,
    ) -> Result<Delivery>;
    /// The grant of a delivery that opens `batch` to `person`.
    fn delivery(&self, delivery: Id16, batch: Id16, person: Id16) -> Result<Option<(Id16, i64)>>;
    /// Tells the owner of the channel that something was refused.
    fn note_refusal(&self, refusal: Refusal) -> Result<()>;
}

/// What an access needs besides the call: the new delivery's id and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) delivery: Id16,
    pub(crate) now_ms: i64,
    pub(crate) end_ms: i64,
}

/// A certificate of the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) hash: Hash32,
    pub(crate) serial: Vec<u8>,
    /// Id of the certified key.
    pub(crate) subject: Id16,
    pub(crate) organisation: Id16,
    pub(crate) der: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) role: Role,
    pub(crate) end_ms: i64,
    pub(crate) revoked_ms: Option<i64>,
}

/// An organisation as the operator made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Organisation {
    pub(crate) number: i64,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Once it has a key: its id and certificate.
    pub(crate) enrolled: Option<(Id16, Vec<u8>)>,
}

/// A one-time code, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeRow {
    pub(crate) organisation: Organisation,
    pub(crate) end_ms: i64,
    /// Once used: H(request) and the answer it got.
    pub(crate) used: Option<(Hash32, String)>,
}

/// What an enrolment leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnrolmentRow {
    pub(crate) code: Hash32,
    pub(crate) request: Hash32,
    pub(crate) answer: String,
    pub(crate) organisation: i64,
    /// The organisation's certificate, if this made it.
    pub(crate) new_organisation: Option<Certificate>,
    pub(crate) person: Certificate,
}

/// Organisations, persons, their certificates and the public directory.
pub(crate) trait Authority {
    fn add_organisation(&self, name: String, role: Role, code: Hash32, end_ms: i64) -> Result<()>;
    fn add_code(&self, organisation: Id16, code: Hash32, end_ms: i64) -> Result<()>;
    fn code(&self, code: Hash32) -> Result<Option<CodeRow>>;
    /// Uses the code and stores the certificates.
    fn enrol(&self, row: EnrolmentRow) -> Result<()>;
    fn certificate(&self, hash: Hash32) -> Result<Option<Certificate>>;
    /// The newest certificate of a key that is neither revoked nor expired.
    fn valid_certificate(&self, subject: Id16, now_ms: i64) -> Result<Option<Certificate>>;
    fn revoke_certificate(&self, hash: Hash32, now_ms: i64) -> Result<()>;
    /// (serial, when), for the CRL.
    fn revoked_serials(&self) -> Result<Vec<(Vec<u8>, i64)>>;
    /// A directory ENROL. Idempotent.
    fn add_directory(&self, event: Verified, certificate: Hash32, now_ms: i64) -> Result<Logged>;
    fn directory(&self) -> Result<Directory>;
}

/// Persons of an organisation and who of them holds its HPKE key.
pub(crate) trait KeyHolders {
    /// In the order they were certified; expired certificates are left out.
    fn colleagues(&self, organisation: Id16, now_ms: i64) -> Result<Vec<Colleague>>;
    /// Only from one who holds the key, to one who does not; the same bytes again are fine.
    fn hand_over(&self, organisation: Id16, handover: KeyHandover) -> Result<()>;
    /// What was handed to the person, and the certificate of who did.
    fn handed(&self, person: Id16) -> Result<Option<(KeyHandover, Vec<u8>)>>;
    /// Forgets what was handed to the person, if anything was.
    fn give_back(&self, person: Id16) -> Result<()>;
}

/// Reads of the log.
pub(crate) trait LogReads {
    /// Entries of a recordhash, in order: (channel, seq, type, receiver, entry).
    fn by_recordhash(&self, recordhash: Hash32) -> Result<Vec<FoundEntry>>;
    /// Entries `from..end`, at most a page of them, with the keys they enrol.
    fn log_entries(&self, from: u64, end: u64) -> Result<Vec<LogEntry>>;
    /// The hashes of a tile so far.
    fn tile(&self, level: u32, n: u64) -> Result<Vec<u8>>;
    fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash32>>;
    fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash32>>;
    /// The root of the log's first `size` entries, which it has.
    fn root(&self, size: u64) -> Result<Hash32>;
    /// Whether the database answers.
    fn ping(&self) -> Result<()>;
}

/// An entry found by what it records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundEntry {
    pub(crate) channel: Id16,
    pub(crate) seq: u64,
    pub(crate) kind: u8,
    pub(crate) receiver: Option<Id16>,
    pub(crate) logged: Logged,
}
