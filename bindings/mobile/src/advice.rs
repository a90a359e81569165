//! What a person can do about a code: one table, in English. Apps translate by code.

/// What a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum NextStep {
    /// Correct what was typed or chosen.
    Correct,
    /// Unlock the record.
    Unlock,
    /// Nothing: they said no, and may say yes another time.
    AskAgain,
    /// Nothing: this cannot be.
    Accept,
    /// Wait, then try again.
    TryLater,
    /// Sync, then try again.
    Sync,
    /// Name a cloud.
    Connect,
    /// Take out the recovery kit.
    FetchKit,
    /// Set the clock.
    SetClock,
    /// Switch Bluetooth on.
    SwitchOn,
    /// Allow Bluetooth in the system's settings.
    Allow,
    /// Bring the device near, wake it, wear it.
    BringNear,
    /// Pair the device.
    Pair,
    /// Say which user of the device the owner is.
    ChooseUser,
    /// Free space.
    FreeSpace,
    /// Restore from the kit, a backup or another device.
    Restore,
    /// Update the app.
    Update,
    /// Report the code.
    Report,
}

/// What to show for a code.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Advice {
    /// What a person can do.
    pub step: NextStep,
    /// One sentence in English.
    pub words: String,
}

/// What to show for the code of an error. A code that is not known is to be reported.
#[uniffi::export]
pub fn advice(code: String) -> Advice {
    let row = TABLE.iter().find(|(of, ..)| *of == code);
    let (_, step, words) = row.unwrap_or(&UNKNOWN);
    Advice {
        step: *step,
        words: (*words).to_owned(),
    }
}

/// Every code that an error may have, in the order of `docs/bindings.md`; those of receipts that do
/// not hold (`docs/receipt-format.md`) aside.
#[uniffi::export]
pub fn every_code() -> Vec<String> {
    TABLE.iter().map(|(code, ..)| (*code).to_owned()).collect()
}

type Row = (&'static str, NextStep, &'static str);

const UNKNOWN: Row = (
    "",
    NextStep::Report,
    "Something went wrong on our side; your records stay as they are.",
);

const TABLE: [Row; 96] = [
    // InvalidInput
    (
        "name_unknown",
        NextStep::Correct,
        "Nothing of this name can be recorded.",
    ),
    (
        "text_empty",
        NextStep::Correct,
        "Say something, or leave it out.",
    ),
    (
        "text_too_long",
        NextStep::Correct,
        "This is too long; shorten it.",
    ),
    (
        "number_needed",
        NextStep::Correct,
        "A number is needed, such as 82.4.",
    ),
    (
        "unit_needed",
        NextStep::Correct,
        "A unit is needed: two are in use.",
    ),
    (
        "unit_wrong",
        NextStep::Correct,
        "This is not measured in that unit.",
    ),
    (
        "pair_needed",
        NextStep::Correct,
        "Two numbers are needed, such as 120/80.",
    ),
    (
        "code_malformed",
        NextStep::Correct,
        "This code is malformed.",
    ),
    (
        "end_before_start",
        NextStep::Correct,
        "The end is before the start.",
    ),
    (
        "offset_out_of_range",
        NextStep::Correct,
        "The time zone is out of range.",
    ),
    (
        "time_out_of_range",
        NextStep::Correct,
        "The time is out of range.",
    ),
    (
        "schema_unknown",
        NextStep::Correct,
        "This kind of record is not known.",
    ),
    (
        "slot_count",
        NextStep::Correct,
        "This is not a record of that kind.",
    ),
    (
        "slot_type",
        NextStep::Correct,
        "This is not a record of that kind.",
    ),
    (
        "limit_invalid",
        NextStep::Correct,
        "This number is out of range.",
    ),
    (
        "name_malformed",
        NextStep::Correct,
        "This is not a name of that kind.",
    ),
    (
        "not_found",
        NextStep::Correct,
        "There is nothing of that name.",
    ),
    (
        "no_vault",
        NextStep::Correct,
        "There is no record here yet.",
    ),
    (
        "exists",
        NextStep::Correct,
        "There is a record here already; it stays as it is.",
    ),
    (
        "kit_word",
        NextStep::Correct,
        "A word does not fit your recovery kit.",
    ),
    (
        "kit_word_count",
        NextStep::Correct,
        "A recovery kit has 24 words.",
    ),
    (
        "kit_checksum",
        NextStep::Correct,
        "These words do not belong together: one is wrong, or their order is.",
    ),
    (
        "kit_other_account",
        NextStep::Correct,
        "This is the recovery kit of another record.",
    ),
    (
        "not_for_this_key",
        NextStep::Correct,
        "It was not sealed for this record, or its bytes were changed.",
    ),
    ("not_backup", NextStep::Correct, "This is no backup."),
    (
        "backup_truncated",
        NextStep::Correct,
        "The end of the backup is missing; copy it again.",
    ),
    (
        "backup_damaged",
        NextStep::Correct,
        "The backup is damaged; copy it again.",
    ),
    (
        "file_unusable",
        NextStep::Correct,
        "The file cannot be read or written.",
    ),
    (
        "cloud_url",
        NextStep::Correct,
        "The address must be https://NAME.",
    ),
    (
        "bad_trust",
        NextStep::Correct,
        "This is no list of trusted logs.",
    ),
    (
        "needs_trust",
        NextStep::Correct,
        "Only what was checked is written: say which logs you trust.",
    ),
    (
        "too_large_for_qr",
        NextStep::Correct,
        "The receipt is too large for a QR code; show fewer fields.",
    ),
    (
        "wearer_not_confirmed",
        NextStep::Correct,
        "Say who wears it.",
    ),
    // Locked
    ("locked", NextStep::Unlock, "Your record is locked."),
    // Denied
    (
        "key_refused",
        NextStep::AskAgain,
        "The phone did not let you in; nothing was done.",
    ),
    (
        "key_cancelled",
        NextStep::AskAgain,
        "You cancelled; nothing was done.",
    ),
    (
        "kit_not_confirmed",
        NextStep::FetchKit,
        "Confirm your recovery kit first; nothing is synced before.",
    ),
    (
        "kit_needed",
        NextStep::FetchKit,
        "This needs your recovery kit.",
    ),
    (
        "kit_required",
        NextStep::FetchKit,
        "This needs your recovery kit.",
    ),
    (
        "answered",
        NextStep::Accept,
        "You answered this before; the decision stays.",
    ),
    ("expired", NextStep::Accept, "Its time is over."),
    (
        "revoked",
        NextStep::Accept,
        "You stopped sharing this before.",
    ),
    ("not_allowed", NextStep::Accept, "This cannot be shared."),
    (
        "forbidden",
        NextStep::Accept,
        "The service does not allow this.",
    ),
    (
        "grant_revoked",
        NextStep::Accept,
        "This is not shared any more.",
    ),
    (
        "grant_expired",
        NextStep::Accept,
        "This is not shared any more: its time is over.",
    ),
    (
        "certificate_refused",
        NextStep::Accept,
        "Their certificate is not valid.",
    ),
    (
        "conflict",
        NextStep::Accept,
        "Something else is there already.",
    ),
    ("stream_key_closed", NextStep::Sync, "Sync, then try again."),
    (
        "event_refused",
        NextStep::Accept,
        "The log does not take this.",
    ),
    (
        "FROM_FUTURE",
        NextStep::SetClock,
        "Your clock is ahead; set it.",
    ),
    (
        "clock_skew",
        NextStep::SetClock,
        "Your clock is off; set it.",
    ),
    (
        "quota_exceeded",
        NextStep::Accept,
        "Your storage at the service is full; records wait here.",
    ),
    (
        "too_large",
        NextStep::Accept,
        "This is too large for the service.",
    ),
    ("cursor_gone", NextStep::Sync, "Sync, then try again."),
    // NotNow
    (
        "offline",
        NextStep::TryLater,
        "No connection; nothing is lost.",
    ),
    (
        "rate_limited",
        NextStep::TryLater,
        "The service asks to wait; nothing is lost.",
    ),
    (
        "unavailable",
        NextStep::TryLater,
        "The service cannot do this right now; nothing is lost.",
    ),
    (
        "key_unavailable",
        NextStep::TryLater,
        "The phone's keys do not answer; unlock the phone and try again.",
    ),
    (
        "in_use",
        NextStep::TryLater,
        "Your record is open in another program.",
    ),
    (
        "not_logged",
        NextStep::Sync,
        "There is no receipt yet; sync gets it.",
    ),
    (
        "not_checked",
        NextStep::Sync,
        "This request is not checked yet, or did not hold; sync first.",
    ),
    (
        "not_connected",
        NextStep::Connect,
        "No service is named yet.",
    ),
    // Device
    (
        "radio_off",
        NextStep::SwitchOn,
        "Bluetooth is off or missing.",
    ),
    (
        "radio_not_allowed",
        NextStep::Allow,
        "This app may not use Bluetooth; allow it in the settings.",
    ),
    (
        "out_of_range",
        NextStep::BringNear,
        "The device does not answer. Bring it near and wake it.",
    ),
    (
        "quiet",
        NextStep::BringNear,
        "The device sends nothing. Bring it near and wear it.",
    ),
    (
        "needs_bonding",
        NextStep::Pair,
        "The device must be paired first.",
    ),
    (
        "bond_refused",
        NextStep::Pair,
        "Pairing was refused, or the number was wrong.",
    ),
    (
        "not_offered",
        NextStep::Accept,
        "The device does not offer this.",
    ),
    ("device_refused", NextStep::TryLater, "The device refused."),
    (
        "nothing_to_read",
        NextStep::Accept,
        "The device offers nothing that can be read here.",
    ),
    (
        "history_incomplete",
        NextStep::TryLater,
        "The device did not give all it stored; it is asked again.",
    ),
    (
        "history_refused",
        NextStep::TryLater,
        "The device refused to give its memory.",
    ),
    (
        "memory_not_read",
        NextStep::Accept,
        "The memory of this device cannot be read here; what it measures while connected can.",
    ),
    (
        "which_user",
        NextStep::ChooseUser,
        "Several people use this device: say which user you are.",
    ),
    (
        "not_readable",
        NextStep::TryLater,
        "A value could not be read. It is kept as it came.",
    ),
    (
        "vault_closed",
        NextStep::Unlock,
        "Your record is locked or faulty. Unlock it.",
    ),
    // StorageFull
    (
        "storage_full",
        NextStep::FreeSpace,
        "There is no space left; nothing new was saved.",
    ),
    // RestoreNeeded
    (
        "storage_corrupt",
        NextStep::Restore,
        "Your record file is damaged. It was set aside, not deleted; restore it.",
    ),
    (
        "wrong_key",
        NextStep::Restore,
        "The keys of this phone do not open this record; nothing was changed.",
    ),
    (
        "key_lost",
        NextStep::Restore,
        "A key of this phone is gone. Restore your record with the recovery kit.",
    ),
    // UpdateNeeded
    (
        "newer_schema",
        NextStep::Update,
        "A newer version wrote this record; update first.",
    ),
    (
        "newer_backup",
        NextStep::Update,
        "A newer version wrote this backup; update first.",
    ),
    (
        "sealed_newer",
        NextStep::Update,
        "A newer version sealed this; update first.",
    ),
    // Internal
    (
        "panic",
        NextStep::Report,
        "Something went wrong on our side; your records stay as they are.",
    ),
    (
        "stopped",
        NextStep::TryLater,
        "It was stopped; nothing is lost.",
    ),
    (
        "threads",
        NextStep::TryLater,
        "The phone gives no more threads; close other apps.",
    ),
    (
        "internal",
        NextStep::Report,
        "Something went wrong on our side; your records stay as they are.",
    ),
    (
        "storage",
        NextStep::Report,
        "Your record could not be read or written; try again.",
    ),
    (
        "key_store",
        NextStep::Report,
        "The phone's keys gave an answer that makes no sense.",
    ),
    (
        "answer_unreadable",
        NextStep::Report,
        "The service gave an answer that makes no sense; try again later.",
    ),
    (
        "bad_request",
        NextStep::Report,
        "The service did not understand this app.",
    ),
    (
        "session_required",
        NextStep::TryLater,
        "Sign in anew: sync again.",
    ),
    (
        "request_signature",
        NextStep::Report,
        "The service did not take this phone's signature.",
    ),
    (
        "digest_mismatch",
        NextStep::Report,
        "Bytes were changed on the way; sync again.",
    ),
];
