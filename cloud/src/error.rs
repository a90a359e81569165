//! Why the server, or a call to it, did not do what was asked.

use vitalwitness_domain::wire::slug;

/// What a caller did wrong or must wait for: a status, a stable code, one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Stable code (`wire::slug`).
    pub code: &'static str,
    /// One sentence for a person, without health data.
    pub title: &'static str,
    /// Seconds to wait before trying again, if waiting helps.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    const fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        Self {
            status,
            code,
            title,
            retry_after_s: None,
        }
    }

    /// The body, path or query is not what the endpoint takes.
    pub const fn bad_request(title: &'static str) -> Self {
        Self::new(400, slug::BAD_REQUEST, title)
    }

    /// Well-formed, but its parts contradict each other.
    pub const fn contradiction(title: &'static str) -> Self {
        Self::new(422, slug::BAD_REQUEST, title)
    }

    /// No session, or an ended one.
    pub const fn session() -> Self {
        Self::new(401, slug::SESSION, "sign in first")
    }

    /// The request's signature, digest or nonce does not hold.
    pub const fn signature(title: &'static str) -> Self {
        Self::new(401, slug::SIGNATURE, title)
    }

    /// The signer's clock is too far off.
    pub const fn clock() -> Self {
        Self::new(
            401,
            slug::CLOCK,
            "this device's clock is too far off the server's",
        )
    }

    /// A rule forbids it.
    pub const fn forbidden(title: &'static str) -> Self {
        Self::new(403, slug::FORBIDDEN, title)
    }

    /// A session is not enough.
    pub const fn kit() -> Self {
        Self::new(
            403,
            slug::KIT,
            "a session is not enough: this takes a signature by the recovery kit, or by a grant key where that will do",
        )
    }

    /// The grant is revoked.
    pub const fn revoked() -> Self {
        Self::new(403, slug::REVOKED, "the grant is revoked")
    }

    /// The grant or delivery has expired.
    pub const fn expired() -> Self {
        Self::new(403, slug::EXPIRED, "the grant or delivery has expired")
    }

    /// The certificate does not count.
    pub const fn certificate() -> Self {
        Self::new(
            403,
            slug::CERTIFICATE,
            "the certificate is revoked, expired or not of this authority",
        )
    }

    /// Nothing of that name for this caller.
    pub const fn not_found() -> Self {
        Self::new(404, slug::NOT_FOUND, "nothing of that name is here")
    }

    /// Another thing has that name.
    pub const fn conflict(title: &'static str) -> Self {
        Self::new(409, slug::CONFLICT, title)
    }

    /// Sealed under a closed key.
    pub const fn key_closed() -> Self {
        Self::new(
            409,
            slug::KEY_CLOSED,
            "the stream key is closed: pull, then seal anew",
        )
    }

    /// The log does not take the event.
    pub const fn event(title: &'static str) -> Self {
        Self::new(422, slug::EVENT_REFUSED, title)
    }

    /// The event's time is ahead of the log's.
    pub const fn from_future() -> Self {
        Self::new(
            422,
            slug::FROM_FUTURE,
            "the event's time is more than five minutes ahead of the log's clock",
        )
    }

    /// The account's storage is full.
    pub const fn quota() -> Self {
        Self::new(
            507,
            slug::QUOTA,
            "your storage is full: what is stored stays, new records stay on the phone until you free space or raise the limit",
        )
    }

    /// Over a limit.
    pub const fn too_large(title: &'static str) -> Self {
        Self::new(413, slug::TOO_LARGE, title)
    }

    /// The bytes are not those announced.
    pub const fn digest() -> Self {
        Self::new(
            422,
            slug::DIGEST,
            "the bytes do not have the digest that was announced",
        )
    }

    /// The cursor is no cursor of this account.
    pub const fn gone() -> Self {
        Self::new(410, slug::GONE, "the changes asked for are gone: reconcile")
    }

    /// Too many requests.
    pub const fn rate(retry_after_s: u32) -> Self {
        let mut refusal = Self::new(429, slug::RATE, "too many requests: wait a moment");
        refusal.retry_after_s = Some(retry_after_s);
        refusal
    }

    /// The method is not one of this path.
    pub const fn method() -> Self {
        Self::new(
            405,
            slug::BAD_REQUEST,
            "this path does not take that method",
        )
    }

    /// The request took too long.
    pub const fn timeout() -> Self {
        let mut refusal = Self::new(408, slug::UNAVAILABLE, "the request took too long");
        refusal.retry_after_s = Some(2);
        refusal
    }

    /// The server cannot write or is stopping.
    pub const fn unavailable() -> Self {
        let mut refusal = Self::new(
            503,
            slug::UNAVAILABLE,
            "the server cannot store anything at the moment; nothing that was acknowledged is lost",
        );
        refusal.retry_after_s = Some(30);
        refusal
    }

    /// A fault of the server.
    pub const fn internal() -> Self {
        Self::new(500, slug::INTERNAL, "the server made a mistake")
    }
}

/// Why the server refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's next step is in the refusal.
    #[error("refused: {}", .0.code)]
    Refused(Refusal),
    /// The disk is full or the writer has stopped; nothing was written.
    #[error("cannot write")]
    Unavailable,
    /// Written by a newer server; refuse rather than guess.
    #[error("the data directory has schema {found}, this server knows {known}")]
    NewerSchema {
        /// In the file.
        found: u32,
        /// Of this server.
        known: u32,
    },
    /// What is stored contradicts itself; never continue on it.
    #[error("the stored data is damaged: {0}")]
    Corrupt(&'static str),
    /// One sentence that names the setting.
    #[error("{0}")]
    Config(String),
    /// A database fault; see the code in the log.
    #[error("database error")]
    Sqlite(#[source] rusqlite::Error),
    /// A file or network fault.
    #[error("{what}: {cause}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
    },
    /// A key or certificate could not be made or read.
    #[error("{0}")]
    Key(&'static str),
}

impl Error {
    /// Wraps an I/O error; a full disk becomes [`Error::Unavailable`].
    pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| match cause.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Unavailable
            }
            _ => Self::Io { what, cause },
        }
    }

    /// What the caller is told.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => *refusal,
            Self::Unavailable => Refusal::unavailable(),
            _ => Refusal::internal(),
        }
    }

    /// Why, for the server's own log: a code, never content.
    pub fn log_code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code,
            Self::Unavailable => "unavailable",
            Self::NewerSchema { .. } => "newer_schema",
            Self::Corrupt(what) | Self::Key(what) | Self::Io { what, .. } => what,
            Self::Config(_) => "config",
            Self::Sqlite(_) => "sqlite",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(cause: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match cause.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Unavailable,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt("the database file")
            }
            _ => Self::Sqlite(cause),
        }
    }
}

/// What calls give.
pub type Result<T, E = Error> = std::result::Result<T, E>;
