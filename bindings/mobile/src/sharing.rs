//! Sharing: the code, requests with their rows, grants, and who did what.

use crate::error::VaultError;
use crate::names::{Digest, ShortId, Timestamp};
use crate::observer::Change;
use crate::record::{redacted, same_words};
use crate::vault::Vault;
use vitalwitness_domain::scope::{Codes, Scope};
use vitalwitness_domain::stream::{Granularity, Month};
use vitalwitness_domain::wire::Role;
use vitalwitness_vault::share;

/// The code by which an organisation finds one channel of the person and asks. It shares nothing.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct ShareCode {
    /// Text of the QR code: a request made from it is proven to be.
    pub text: String,
    /// For typing: without that proof, and the screen should say so.
    pub typed: String,
}

/// An organisation or person by the name in its certificate.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Party {
    /// Id of its key.
    pub id: ShortId,
    /// Its name; empty where no certificate of it was seen.
    pub name: String,
}

/// What an organisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum OrganisationKind {
    /// A clinic, a practice, a hospital.
    Provider,
    /// An insurer.
    Insurer,
    /// Reads the log's entries; gets no records.
    Auditor,
}

same_words!(OrganisationKind, Role, Provider, Insurer, Auditor);

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RequestState {
    /// Not answered.
    Waiting,
    /// The person said yes.
    Granted,
    /// The person said no; it stays no.
    Denied,
}

same_words!(RequestState, share::RequestState, Waiting, Granted, Denied);

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum GrantState {
    /// In force.
    Live,
    /// The person took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

same_words!(GrantState, share::GrantState, Live, Revoked, Expired);

/// A part of what is asked for: a category, codes, months.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct ScopePart {
    /// 1 personal data, 2 medical history, 3 insurance information.
    pub category: u8,
    /// Codes; nothing: all, also those not measured yet.
    pub codes: Option<Vec<String>>,
    /// First month: `2026-03`.
    pub from_month: String,
    /// Last month, included.
    pub to_month: String,
    /// Of one episode of treatment only.
    pub episode: Option<ShortId>,
}

/// The records of one code and month that a yes would show.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct PreviewRow {
    /// `loinc|8867-4`, `medicine`, a note's kind.
    pub code: String,
    /// `2026-03`.
    pub month: String,
    /// One a day, not as measured.
    pub daily: bool,
    /// Of which episode.
    pub episode: Option<ShortId>,
    /// How many records.
    pub records: u64,
    /// Start of the first.
    pub first: Timestamp,
    /// Start of the last.
    pub last: Timestamp,
}

/// Rights that are asked for or given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Rights {
    /// Read what the scope covers.
    pub read: bool,
    /// Append records, signed by their author.
    pub append: bool,
    /// Act for the owner, as delegate.
    pub act: bool,
}

/// Somebody asks. It was checked: certificate, log entry, signature.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct ShareRequest {
    /// Its id.
    pub id: Digest,
    /// Who asks.
    pub organisation: Party,
    /// What they are.
    pub kind: OrganisationKind,
    /// Which person of it.
    pub person: Party,
    /// What the person is there.
    pub person_role: String,
    /// Made from the QR code. If not, show a warning: the cloud could have put another key in its
    /// place, if the authority that certifies it helped.
    pub from_qr: bool,
    /// Why.
    pub purpose: String,
    /// What they add.
    pub message: String,
    /// What they ask for.
    pub scope: Vec<ScopePart>,
    /// What they want to do with it.
    pub rights: Rights,
    /// When they asked, as they say.
    pub time: Timestamp,
    /// Until when they want it.
    pub wanted_end: Timestamp,
    /// Exactly what a yes would show today.
    pub preview: Vec<PreviewRow>,
    /// Where it stands.
    pub state: RequestState,
}

/// A request that did not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RefusedRequest {
    /// Its id.
    pub id: Digest,
    /// Why: `cert_chain`, `directory`, `request_signature`, ...
    pub code: String,
}

/// What of a request is left out. To the grantee it looks like what was never measured.
#[derive(Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct LeaveOut {
    /// Codes.
    pub codes: Vec<String>,
    /// Months: `2026-03`.
    pub months: Vec<String>,
}

/// Who may see what.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Grant {
    /// Its id.
    pub id: ShortId,
    /// For its receipt: `Vault.event_receipt`.
    pub event: Digest,
    /// To whom.
    pub organisation: Party,
    /// What for.
    pub purpose: String,
    /// 1 personal data, 2 medical history, 3 insurance information.
    pub category: u8,
    /// As asked.
    pub scope: Vec<ScopePart>,
    /// What of it was left out.
    pub left_out: LeaveOut,
    /// What it lets them do.
    pub rights: Rights,
    /// Until when.
    pub expiry: Timestamp,
    /// Where it stands.
    pub state: GrantState,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Deed {
    /// A key of the owner was enrolled.
    Enrolled,
    /// Records were logged.
    Logged {
        /// How many.
        records: u64,
    },
    /// Somebody asked.
    Asked,
    /// The owner granted.
    Granted,
    /// The owner denied.
    Denied,
    /// The owner revoked a grant or a key.
    Revoked,
    /// Somebody got records.
    Accessed {
        /// How many; nothing: not found out.
        records: Option<u64>,
    },
    /// Somebody broke the glass.
    Emergency,
    /// Somebody was refused.
    Refused {
        /// Why.
        code: String,
    },
}

/// One row of what was done with the record.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Activity {
    /// When, as who did it says.
    pub time: Timestamp,
    /// 1 personal data, 2 medical history, 3 insurance information.
    pub category: u8,
    /// What.
    pub deed: Deed,
    /// The organisation it is about.
    pub organisation: Option<Party>,
    /// Who signed, where it was a person of the organisation.
    pub person: Option<Party>,
    /// For its receipt: `Vault.event_receipt`.
    pub event: Option<Digest>,
}

redacted!(
    ShareCode,
    ScopePart,
    PreviewRow,
    ShareRequest,
    LeaveOut,
    Grant,
    Activity
);

#[uniffi::export]
impl Vault {
    /// The code of a category (1 personal data, 2 medical history, 3 insurance information); found
    /// by others after the next sync.
    pub async fn share_code(&self, category: u8) -> Result<ShareCode, VaultError> {
        self.changing(Change::Sharing, move |vault| {
            let code = vault.share_code(category)?;
            Ok(ShareCode {
                text: code.text(),
                typed: code.typed(),
            })
        })
        .await
    }

    /// Requests that hold, newest first, with exactly the rows a yes would show; also those that
    /// were answered.
    pub async fn requests(&self) -> Result<Vec<ShareRequest>, VaultError> {
        self.with(|vault| {
            let requests = vault.requests()?.into_iter();
            Ok(requests.map(ShareRequest::from).collect())
        })
        .await
    }

    /// Requests that did not hold.
    pub async fn refused_requests(&self) -> Result<Vec<RefusedRequest>, VaultError> {
        self.with(|vault| {
            let refused = vault.refused_requests()?.into_iter();
            let each = refused.map(|it| RefusedRequest {
                id: Digest(it.id),
                code: it.code,
            });
            Ok(each.collect())
        })
        .await
    }

    /// Says yes to a request, without what is left out, until `until`. The person must be present.
    /// Told with the next sync. Returns the grant's id.
    pub async fn grant(
        &self,
        request: Digest,
        leave_out: LeaveOut,
        until: Timestamp,
    ) -> Result<ShortId, VaultError> {
        let leave_out = share::LeaveOut::try_from(leave_out)?;
        self.changing(Change::Sharing, move |vault| {
            vault.grant(&request.0, &leave_out, until.0).map(ShortId)
        })
        .await
    }

    /// Says no to a request; it stays no. The person must be present.
    pub async fn deny(&self, request: Digest) -> Result<(), VaultError> {
        self.changing(Change::Sharing, move |vault| vault.deny(&request.0))
            .await
    }

    /// Takes a grant back; takes effect with the next sync. What was seen by then stays seen. The
    /// person must be present.
    pub async fn revoke(&self, grant: ShortId) -> Result<(), VaultError> {
        self.changing(Change::Sharing, move |vault| vault.revoke(&grant.0))
            .await
    }

    /// Grants, newest first.
    pub async fn grants(&self) -> Result<Vec<Grant>, VaultError> {
        self.with(|vault| {
            let grants = vault.grants()?.into_iter();
            Ok(grants.map(Grant::from).collect())
        })
        .await
    }

    /// Who asked, who got in, who was refused, from `from` to before `to`, oldest first.
    pub async fn activity(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Activity>, VaultError> {
        self.with(move |vault| {
            let rows = vault.activity(from.0, to.0)?.into_iter();
            Ok(rows.map(Activity::from).collect())
        })
        .await
    }
}

impl From<share::Party> for Party {
    fn from(party: share::Party) -> Self {
        Self {
            id: ShortId(party.id),
            name: party.name,
        }
    }
}

impl From<share::Rights> for Rights {
    fn from(rights: share::Rights) -> Self {
        Self {
            read: rights.read,
            append: rights.append,
            act: rights.act,
        }
    }
}

fn parts(scope: &Scope) -> Vec<ScopePart> {
    let items = scope.items().iter();
    items
        .map(|item| ScopePart {
            category: item.category.byte(),
            codes: match &item.codes {
                Codes::All => None,
                Codes::Only(codes) => Some(codes.iter().cloned().collect()),
            },
            from_month: item.from.to_string(),
            to_month: item.to.to_string(),
            episode: item.episode.map(ShortId),
        })
        .collect()
}

impl From<share::StreamRows> for PreviewRow {
    fn from(rows: share::StreamRows) -> Self {
        Self {
            month: rows.stream.month.to_string(),
            daily: rows.stream.granularity == Granularity::Daily,
            episode: rows.stream.episode.map(ShortId),
            code: rows.stream.code,
            records: rows.records,
            first: Timestamp(rows.first_ms),
            last: Timestamp(rows.last_ms),
        }
    }
}

impl From<share::RequestView> for ShareRequest {
    fn from(view: share::RequestView) -> Self {
        Self {
            id: Digest(view.id),
            organisation: view.organisation.into(),
            kind: view.role.into(),
            person: view.person.into(),
            person_role: view.person_role,
            from_qr: view.proven == share::Proven::Qr,
            purpose: view.purpose,
            message: view.message,
            scope: parts(&view.scope),
            rights: view.rights.into(),
            time: Timestamp(view.time_ms),
            wanted_end: Timestamp(view.wanted_end_ms),
            preview: view.rows.into_iter().map(PreviewRow::from).collect(),
            state: view.state.into(),
        }
    }
}

impl From<share::GrantView> for Grant {
    fn from(view: share::GrantView) -> Self {
        Self {
            id: ShortId(view.id),
            event: Digest(view.recordhash),
            organisation: view.organisation.into(),
            purpose: view.purpose,
            category: view.category,
            scope: parts(&view.scope),
            left_out: LeaveOut {
                codes: view.left_out.codes.into_iter().collect(),
                months: view.left_out.months.iter().map(Month::to_string).collect(),
            },
            rights: view.rights.into(),
            expiry: Timestamp(view.expiry_ms),
            state: view.state.into(),
        }
    }
}

impl TryFrom<LeaveOut> for share::LeaveOut {
    type Error = VaultError;

    fn try_from(leave_out: LeaveOut) -> Result<Self, VaultError> {
        let months = leave_out.months.iter().map(|month| month.parse::<Month>());
        let months: Result<_, _> = months.collect();
        Ok(Self {
            codes: leave_out.codes.into_iter().collect(),
            months: months.map_err(|_| VaultError::input("months", "name_malformed"))?,
        })
    }
}

impl From<share::Activity> for Activity {
    fn from(row: share::Activity) -> Self {
        use share::Done;
        Self {
            time: Timestamp(row.time_ms),
            category: row.category,
            deed: match row.done {
                Done::Enrolled => Deed::Enrolled,
                Done::Logged { records, .. } => Deed::Logged { records },
                Done::Asked => Deed::Asked,
                Done::Granted => Deed::Granted,
                Done::Denied => Deed::Denied,
                Done::Revoked => Deed::Revoked,
                Done::Accessed { records, .. } => Deed::Accessed { records },
                Done::Emergency => Deed::Emergency,
                Done::Refused { code } => Deed::Refused { code },
            },
            organisation: row.organisation.map(Party::from),
            person: row.person.map(Party::from),
            event: row.recordhash.map(Digest),
        }
    }
}
