//! The table of routes: what the router serves and the `OpenAPI` document lists.

use super::{Run, accounts, authority, batches, channels, colleagues, public, sharing};

/// One endpoint.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Its name in metrics and in the document.
    pub(crate) name: &'static str,
    pub(crate) who: Who,
    pub(crate) takes: Body,
    pub(crate) gives: Gives,
    /// One sentence.
    pub(crate) says: &'static str,
    pub(crate) run: Run,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// No signature asked.
    Anyone,
    /// A device's session.
    Owner,
    /// A person's session.
    Grantee,
    /// Either.
    Party,
    /// A session of a person whose organisation audits.
    Auditor,
    /// Any session.
    Session,
    /// The operator's token.
    Operator,
}

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nothing.
    Nothing,
    /// A wire type.
    Json(&'static str),
    /// Bytes of a part.
    Bytes,
}

/// What a call is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// 204.
    Nothing,
    /// A wire type.
    Json(&'static str),
    /// JSON that is no wire type.
    Document,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

macro_rules! routes {
    ($($method:ident $path:literal $name:literal $who:ident, $takes:expr, $gives:expr, $run:path, $says:literal;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            name: $name,
            who: Who::$who,
            takes: $takes,
            gives: $gives,
            says: $says,
            run: $run,
        }),*]
    };
}

/// All of them.
pub(crate) fn routes() -> &'static [Route] {
    use self::Body::{Bytes, Json, Nothing};
    use self::Gives::{Document, Text};
    const NONE: Gives = Gives::Nothing;
    const RAW: Gives = Gives::Bytes;
    const fn to(name: &'static str) -> Gives {
        Gives::Json(name)
    }
    const ROUTES: &[Route] = routes! {
        GET "/healthz" "healthz" Anyone, Nothing, Text, public::healthz, "The process lives.";
        GET "/readyz" "readyz" Anyone, Nothing, Text, public::readyz, "The store can be written.";
        GET "/metrics" "metrics" Anyone, Nothing, Text, public::metrics, "Counts, for Prometheus; nothing personal.";
        GET "/v1/openapi.json" "openapi" Anyone, Nothing, Document, public::openapi_document, "This document.";
        GET "/v1/limits" "limits" Anyone, Nothing, to("Limits"), public::limits, "Sizes and times of this server.";
        GET "/v1/time" "time" Anyone, Nothing, to("Time"), public::time, "The server's clock.";
        GET "/v1/trust" "trust" Anyone, Nothing, to("TrustInfo"), public::trust, "What a client pins.";
        GET "/v1/ca/crl" "crl" Anyone, Nothing, RAW, public::crl, "The authority's revocation list, DER.";
        GET "/v1/log/checkpoint" "checkpoint" Anyone, Nothing, Text, public::checkpoint, "The log's signed note, with cosignatures.";
        GET "/v1/log/policy" "policy" Anyone, Nothing, Text, public::policy, "The text whose hash GENESIS records.";
        GET "/v1/log/tile/{level}/{*n}" "tile" Anyone, Nothing, RAW, public::tile, "A hash tile (C2SP tlog-tiles).";
        GET "/v1/log/inclusion" "inclusion" Anyone, Nothing, to("Proof"), public::inclusion, "The path of `index` in the tree of `size`.";
        GET "/v1/log/consistency" "consistency" Anyone, Nothing, to("Proof"), public::consistency, "That the tree of `to` extends that of `from`.";
        GET "/calendar/{id}/data" "calendar" Anyone, Nothing, Text, public::calendar, "The root a Chainpoint export leads to, in hex; `id` is its anchor_id.";
        GET "/v1/log/entries" "log_entries" Auditor, Nothing, to("LogEntries"), channels::log_entries, "All entries from an index on, with enrolled keys.";
        GET "/v1/directory" "directory" Anyone, Nothing, to("Directory"), authority::directory, "Who is enrolled.";
        POST "/v1/directory" "add_directory" Anyone, Json("NewDirectoryEntry"), to("Logged"), authority::add_directory, "An ENROL of an organisation or person, signed by itself.";
        POST "/v1/enrolments" "enrol" Anyone, Json("NewEnrolment"), to("Enrolment"), authority::enrol, "Certificates for keys, against a one-time code.";
        POST "/v1/accounts" "create_account" Anyone, Json("NewAccount"), to("Quota"), accounts::create, "An account and its first device. Idempotent.";
        POST "/v1/devices" "add_device" Anyone, Json("DeviceStatement"), NONE, accounts::add_device, "A further device, stated by the account's key or a device of it. Idempotent.";
        POST "/v1/challenges" "challenge" Anyone, Nothing, to("Challenge"), accounts::challenge, "A challenge, good once, for a minute.";
        POST "/v1/sessions" "open_session" Anyone, Json("NewSession"), to("Session"), accounts::open_session, "A session for a device or person.";

        DELETE "/v1/session" "end_session" Session, Nothing, NONE, accounts::end_session, "Ends the calling session.";
        GET "/v1/devices" "devices" Owner, Nothing, to("Devices"), accounts::devices, "The account's devices, those that have ended apart.";
        POST "/v1/devices/{device}/end" "end_device" Owner, Json("DeviceEnd"), NONE, accounts::end_device, "Ends a device, its sessions and what it stated later; signed by a grant key or the kit. Idempotent.";
        GET "/v1/recovery" "recovery" Owner, Nothing, to("NewRecovery"), accounts::recovery, "The newest vault secret, sealed and signed as it was put, or the one of `generation`: the newest or the one before.";
        PUT "/v1/recovery" "put_recovery" Owner, Json("NewRecovery"), NONE, accounts::put_recovery, "The vault secret that follows the newest; signed by the device that sends it, and a grant key or the kit. Idempotent.";
        PUT "/v1/bag/{item}" "put_bag" Owner, Json("BagItem"), NONE, accounts::put_bag, "A sealed secret of the account.";
        DELETE "/v1/bag/{item}" "erase_bag" Owner, Json("BagErasure"), NONE, accounts::erase_bag, "Erases a sealed secret; signed by a device. Idempotent.";
        GET "/v1/changes" "changes" Owner, Nothing, to("Changes"), accounts::changes, "What happened since a cursor, gapless.";
        GET "/v1/quota" "quota" Owner, Nothing, to("Quota"), accounts::quota, "Bytes used and allowed.";
        GET "/v1/export" "export" Owner, Nothing, Document, accounts::export, "All that is held of the account but the batches' bytes.";
        POST "/v1/account/deletion" "delete_account" Owner, Json("AccountDeletion"), NONE, accounts::delete, "Deletes all rows and files; signed by the kit. The log's entries stay.";
        POST "/v1/channels" "open_channel" Owner, Json("NewChannel"), to("ChannelEntries"), channels::open, "Opens a channel with its first ENROLs. Idempotent.";
        POST "/v1/entries" "add_entry" Owner, Json("SubmittedEvent"), to("Logged"), channels::add_entry, "A further ENROL of a key, by the owner key. Idempotent.";
        GET "/v1/channels/{channel}/entries" "entries" Party, Nothing, to("ChannelEntries"), channels::entries, "Entries after a seq, for parties; the directory for all who have a session.";
        GET "/v1/receipts/{recordhash}" "receipt" Party, Nothing, to("EntryProof"), channels::receipt, "The receipt of an entry, from the entry up.";
        GET "/v1/contacts/{locator}" "contact" Grantee, Nothing, to("Contact"), channels::contact, "The channel of an owner's code.";

        POST "/v1/batches" "announce" Party, Json("NewBatch"), to("BatchStatus"), batches::announce, "Announces an upload. Idempotent by batch and revision.";
        GET "/v1/batches/{batch}/{revision}" "batch_status" Party, Nothing, to("BatchStatus"), batches::status, "Where an upload stands.";
        PUT "/v1/batches/{batch}/{revision}/parts/{part}" "put_part" Party, Bytes, to("BatchStatus"), batches::put_part, "A part's bytes.";
        POST "/v1/batches/{batch}/{revision}/commit" "commit" Party, Nothing, to("BatchStatus"), batches::commit, "Checks the whole, logs the BATCH, shows it. Idempotent.";
        GET "/v1/objects/{batch}" "object" Owner, Nothing, RAW, batches::object, "A stored batch; takes Range.";
        DELETE "/v1/objects/{batch}" "erase" Owner, Nothing, NONE, batches::erase, "Erases a batch's bytes.";

        POST "/v1/requests" "request" Grantee, Json("Request"), to("Logged"), sharing::request, "Asks an owner; the REQUEST is logged. Idempotent.";
        POST "/v1/denials" "deny" Owner, Json("NewDenial"), to("Logged"), sharing::deny, "Denies a request. Idempotent.";
        POST "/v1/grants" "grant" Owner, Json("NewGrant"), to("Logged"), sharing::grant, "Grants, with the keys of what is there. Idempotent.";
        GET "/v1/grants" "grants" Grantee, Nothing, to("Grants"), sharing::grants, "Grants to the caller's organisation, page by page in order of the log.";
        POST "/v1/envelopes" "envelopes" Owner, Json("NewEnvelopes"), NONE, sharing::envelopes, "Keys opened since, for a live grant. Idempotent.";
        POST "/v1/revocations" "revoke" Owner, Json("NewRevocation"), to("Logged"), sharing::revoke, "Ends a grant or key and closes stream keys. Idempotent.";
        GET "/v1/grants/{grant}/manifest" "manifest" Grantee, Nothing, to("Manifest"), sharing::manifest, "The keys of a live grant and the batches under them.";
        POST "/v1/access" "access" Grantee, Json("NewAccess"), to("Delivery"), sharing::access, "Logs the ACCESS, then opens exactly its batches. Idempotent.";
        GET "/v1/deliveries/{delivery}/{batch}" "delivery" Grantee, Nothing, RAW, sharing::delivery, "A delivered batch; takes Range.";

        GET "/v1/colleagues" "colleagues" Grantee, Nothing, to("Colleagues"), colleagues::colleagues, "Persons of the caller's organisation, and who holds its key.";
        POST "/v1/colleagues/{person}/key" "hand_over" Grantee, Json("KeyHandover"), NONE, colleagues::hand_over, "The organisation's HPKE key, sealed to a colleague and signed.";
        GET "/v1/organisation-key" "organisation_key" Grantee, Nothing, to("HandedKey"), colleagues::organisation_key, "The organisation's HPKE key as it was sealed to the caller.";
        DELETE "/v1/organisation-key" "give_back" Grantee, Nothing, NONE, colleagues::give_back, "What was sealed to the caller did not open: a colleague may hand it over again. Idempotent.";

        POST "/v1/operator/organisations" "add_organisation" Operator, Json("NewOrganisation"), to("EnrolmentCode"), authority::add_organisation, "A new organisation and the code of its first person.";
        POST "/v1/operator/organisations/{organisation}/codes" "add_code" Operator, Nothing, to("EnrolmentCode"), authority::add_code, "A code for a further person.";
        POST "/v1/operator/certificates/{certificate}/revoke" "revoke_certificate" Operator, Nothing, NONE, authority::revoke_certificate, "Revokes a certificate, named by its SHA-256.";
    };
    ROUTES
}
