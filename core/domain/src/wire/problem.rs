//! RFC 9457 problem details with stable slugs.

use serde::{Deserialize, Serialize};

/// Why the cloud refused: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `https://vitalwitness.example/problems/` followed by the slug.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for a person, without health data.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// The stable code ([`slug`]); what programs branch on.
    pub code: String,
    /// Seconds to wait before trying again, if waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

/// Stable problem codes. A code never changes its meaning.
pub mod slug {
    /// The body is not what the endpoint takes.
    pub const BAD_REQUEST: &str = "bad_request";
    /// No session, or one that has ended: sign in again.
    pub const SESSION: &str = "session_required";
    /// The request's signature, digest, nonce or time does not hold.
    pub const SIGNATURE: &str = "request_signature";
    /// The signer's clock is too far off the server's.
    pub const CLOCK: &str = "clock_skew";
    /// Table I, a grant's terms or an event rule forbids it.
    pub const FORBIDDEN: &str = "forbidden";
    /// This takes a signature that a session does not replace: the account's key (the recovery
    /// kit), or for ending a device a grant key.
    pub const KIT: &str = "kit_required";
    /// A vault secret that the cloud gave was made by no device of the account. Said by phones.
    pub const RECOVERY: &str = "recovery_signature";
    /// The grant is revoked.
    pub const REVOKED: &str = "grant_revoked";
    /// The grant or delivery has expired.
    pub const EXPIRED: &str = "grant_expired";
    /// The certificate is revoked, expired or not of this authority.
    pub const CERTIFICATE: &str = "certificate_refused";
    /// Nothing of that name, or not for this caller.
    pub const NOT_FOUND: &str = "not_found";
    /// Another thing of that name exists with other bytes.
    pub const CONFLICT: &str = "conflict";
    /// The batch was sealed under a stream key that is closed: pull, then seal anew.
    pub const KEY_CLOSED: &str = "stream_key_closed";
    /// The log refuses the event (replayed, wrong signer, wrong order).
    pub const EVENT_REFUSED: &str = "event_refused";
    /// The event's time is ahead of the log's clock.
    pub const FROM_FUTURE: &str = "FROM_FUTURE";
    /// The account's storage is full; what is stored stays, the phone keeps collecting.
    pub const QUOTA: &str = "quota_exceeded";
    /// A body or count over the limit.
    pub const TOO_LARGE: &str = "too_large";
    /// Bytes do not have the digest that was announced.
    pub const DIGEST: &str = "digest_mismatch";
    /// The changes asked for are gone: reconcile.
    pub const GONE: &str = "cursor_gone";
    /// Too many requests: wait.
    pub const RATE: &str = "rate_limited";
    /// The server cannot write at the moment (disk full, shutting down).
    pub const UNAVAILABLE: &str = "unavailable";
    /// A fault of the server; the code in its log.
    pub const INTERNAL: &str = "internal";
}
