//! Records as apps see them, and new ones.

use crate::error::VaultError;
use crate::names::{Digest, Number, RecordId, ShortId, Timestamp};
use std::collections::HashMap;
use vitalwitness_domain::observation;

mod convert;
pub(crate) use convert::same_words;

macro_rules! redacted {
    ($($name:ident),*) => {$(
        /// Redacted: it is of a person.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
pub(crate) use redacted;

/// Something to be recorded.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewRecord {
    /// When it applies to, or begins.
    pub start: Timestamp,
    /// When it ends, if it lasts.
    #[uniffi(default = None)]
    pub end: Option<Timestamp>,
    /// Minutes to add to UTC for the clock on the wall there and then, -1080 to 1080.
    pub offset_min: i16,
    /// What it says.
    pub body: Body,
    /// What it belongs to, and notes.
    #[uniffi(default = None)]
    pub context: Option<Context>,
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Body {
    /// A measurement, symptom, mood or training.
    Observation {
        /// `loinc|8867-4`, or `vw|...` where LOINC has none.
        code: String,
        /// What was observed.
        value: Value,
    },
    /// A medicine planned, taken or not taken.
    Medicine {
        /// As on the packet, or `rxnorm|197361`.
        name: String,
        /// How much.
        dose: Dose,
        /// Whether it was taken.
        status: MedicineStatus,
    },
    /// A note of a specialty, a quote request, an acceptance.
    Note {
        /// `dentistry`, `quote-request`, `acceptance`, ...
        kind: String,
        /// The note.
        text: NoteText,
    },
    /// A treatment that other records belong to.
    Episode {
        /// Specialty.
        kind: String,
        /// What people call it.
        title: String,
    },
    /// An insurer's quote.
    Offer {
        /// The plan.
        plan: String,
        /// What it costs per period.
        premium: Money,
        /// UCUM of that period: `mo`, `a`.
        period: String,
        /// The conditions.
        text: NoteText,
    },
    /// The insurance agreed.
    Cover {
        /// Number of the policy.
        policy: String,
        /// The offer.
        offer: RecordId,
        /// The conditions.
        text: NoteText,
    },
    /// What is claimed under a cover.
    Claim {
        /// Specialty or reason.
        kind: String,
        /// The cover.
        cover: RecordId,
        /// How much.
        amount: Money,
    },
    /// The insurer's answer to a claim.
    Decision {
        /// As in the claim.
        kind: String,
        /// The claim.
        claim: RecordId,
        /// Paid or not.
        status: Decision,
        /// How much is paid.
        amount: Option<Money>,
    },
}

/// What was observed.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Value {
    /// A number and its UCUM unit.
    Quantity {
        /// The number.
        number: Number,
        /// UCUM.
        unit: String,
    },
    /// Several numbers that belong together, such as a blood pressure; at most 64.
    Components {
        /// Each by its code.
        parts: Vec<Component>,
    },
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// Samples kept beside the record.
    Waveform {
        /// Root of the tree over the samples.
        root: Digest,
        /// How many samples.
        count: u64,
        /// Milliseconds between two samples.
        period_ms: Number,
        /// UCUM.
        unit: String,
    },
}

/// One of several numbers.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Component {
    /// `loinc|8480-6`.
    pub code: String,
    /// The number.
    pub number: Number,
    /// UCUM.
    pub unit: String,
}

/// How much of a medicine.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Dose {
    /// A number and its UCUM unit, `{tablet}` for tablets.
    Quantity {
        /// The number.
        number: Number,
        /// UCUM.
        unit: String,
    },
    /// In words.
    Text {
        /// The words.
        text: String,
    },
    /// Not said.
    Unsaid,
}

/// Whether a medicine was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum MedicineStatus {
    /// To be taken.
    Planned,
    /// Taken.
    Taken,
    /// Not taken.
    NotTaken,
    /// No longer to be taken.
    Stopped,
}

/// An insurer's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Decision {
    /// Nothing is paid.
    Refused,
    /// All is paid.
    Accepted,
    /// A part is paid.
    InPart,
}

/// Text, or a file by its hash.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum NoteText {
    /// At most 65,536 bytes of text.
    Text {
        /// The text.
        text: String,
    },
    /// A file kept beside the record.
    File {
        /// SHA-256 of the file.
        hash: Digest,
        /// `application/pdf`.
        media_type: String,
        /// Its length.
        bytes: u64,
    },
}

/// An amount in a currency.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Money {
    /// How much.
    pub amount: Number,
    /// ISO 4217: `EUR`.
    pub currency: String,
}

/// How a record hangs together with others, and notes on it.
#[derive(Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct Context {
    /// Record that this one replaces. Set by `Vault.replace`.
    #[uniffi(default = None)]
    pub supersedes: Option<RecordId>,
    /// Record that this one takes back. Set by `Vault.take_back`.
    #[uniffi(default = None)]
    pub voids: Option<RecordId>,
    /// Id of the episode of treatment it belongs to (`StoredRecord.episode_id`).
    #[uniffi(default = None)]
    pub episode: Option<ShortId>,
    /// What it was computed from, at most 64.
    #[uniffi(default = [])]
    pub derived_from: Vec<Digest>,
    /// Why absent, not taken, refused or corrected.
    #[uniffi(default = None)]
    pub reason: Option<String>,
    /// Notes by name, at most 32: `type` of a training, `arm` of a blood pressure.
    pub notes: HashMap<String, String>,
}

/// How far the origin of a record can be trusted. Never "true", only "from where".
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Origin {
    /// Typed by hand.
    Typed,
    /// Received by radio from a sensor that is not bonded.
    Unbonded,
    /// Received by radio from a bonded sensor.
    Bonded,
    /// Read from a vendor's file.
    VendorFile,
    /// Signed by a clinician or an organisation.
    ClinicianSigned,
}

/// How far a record is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Stage {
    /// On this device, not sealed yet.
    Open,
    /// Sealed; waits for the cloud.
    Queued,
    /// The cloud has it.
    Stored,
    /// Its entry is in the log, checked: it has a receipt.
    Logged,
    /// A quorum of witnesses has seen that log.
    Witnessed,
}

/// A record, and how it stands.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct StoredRecord {
    /// Its record hash.
    pub id: RecordId,
    /// Its id within its batch; that of an episode is what other records name.
    pub episode_id: ShortId,
    /// 1 personal data, 2 medical history, 3 insurance information.
    pub category: u8,
    /// Code of its stream: `loinc|8867-4`, `medicine`, a note's kind.
    pub code: String,
    /// When it applies to, or begins.
    pub start: Timestamp,
    /// When it ends, if it lasts.
    pub end: Option<Timestamp>,
    /// Minutes to add to UTC for the clock on the wall there and then.
    pub offset_min: i16,
    /// What it says.
    pub body: Body,
    /// What it belongs to, and notes.
    pub context: Option<Context>,
    /// From where.
    pub origin: Origin,
    /// The measuring device, if one is known.
    pub device: Option<ShortId>,
    /// How far it is.
    pub stage: Stage,
    /// The record that replaces it, or takes it back.
    pub corrected_by: Option<RecordId>,
    /// Taken back.
    pub taken_back: bool,
}

/// What became of an added record. It is durable.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Added {
    /// Names it from now on.
    pub id: RecordId,
    /// Its id within its batch; that of an episode is what other records name.
    pub episode_id: ShortId,
    /// What is unlikely about it, by stable codes; it is kept all the same: `out_of_range`,
    /// `unexpected_unit`, `pressure_order`, `unknown_code`, `duplicate_dose`.
    pub warnings: Vec<String>,
}

/// Something that can be recorded.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Kind {
    /// What a person types: `heart-rate`.
    pub name: String,
    /// `loinc|8867-4`.
    pub code: String,
    /// What people read, in English.
    pub words: String,
    /// UCUM unit it is usually kept in; empty for words.
    pub unit: String,
    /// Other UCUM units it may be kept in.
    pub accepts: Vec<String>,
    /// Whether its values add up over a day.
    pub adds_up: bool,
}

redacted!(
    NewRecord,
    Body,
    Value,
    Component,
    Dose,
    NoteText,
    Money,
    Context,
    StoredRecord,
    Added
);

/// Every kind of observation.
#[uniffi::export]
pub fn kinds() -> Vec<Kind> {
    let text = |words: &&str| (*words).to_owned();
    observation::all()
        .map(|kind| Kind {
            name: kind.name.to_owned(),
            code: kind.code.to_owned(),
            words: kind.words.to_owned(),
            unit: kind.unit.to_owned(),
            accepts: kind.accepts.iter().map(text).collect(),
            adds_up: kind.range.is_some_and(|range| range.per_day),
        })
        .collect()
}

/// Reads what a person typed as a value of `name`: (`blood-pressure`, `120/80`), (`weight`,
/// `12 st 8 lb`), (`medicine`, `ibuprofen 400 mg`), (`note/dentistry`, `...`).
#[uniffi::export]
pub fn typed_entry(
    name: String,
    text: String,
    start: Timestamp,
    offset_min: i16,
) -> Result<NewRecord, VaultError> {
    let entry = observation::entry(&name, &text);
    let entry = entry.map_err(|error| VaultError::input("text", error.code()))?;
    Ok(NewRecord {
        start,
        end: None,
        offset_min,
        body: entry.body.into(),
        context: entry.context.map(Context::from),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;
    use vitalwitness_domain::decimal::Decimal;

    #[test]
    fn debug_of_a_record_shows_nothing_of_it() {
        let (secret, number) = ("zaubernuss", Number(Decimal::whole(778_899)));
        let words = || secret.to_owned();
        let context = Context {
            reason: Some(words()),
            notes: [(words(), words())].into(),
            ..Context::default()
        };
        let value = Value::Components {
            parts: vec![Component {
                code: words(),
                number,
                unit: words(),
            }],
        };
        let body = Body::Observation {
            code: words(),
            value: value.clone(),
        };
        let record = NewRecord {
            start: Timestamp(1_778_877_887_788),
            end: None,
            offset_min: 0,
            body: body.clone(),
            context: Some(context.clone()),
        };
        let text = NoteText::Text { text: words() };
        let dose = Dose::Quantity {
            number,
            unit: words(),
        };
        let money = Money {
            amount: number,
            currency: words(),
        };
        let shown = format!(
            "{record:?} {body:?} {value:?} {context:?} {text:?} {dose:?} {money:?} {number:?} {:?}",
            RecordId([0xc7; 32])
        );
        for hidden in [secret, "778899", "1778877887788", "c7c7"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        let mut typed = typed_entry("weight".to_owned(), "82.40 kg".to_owned(), record.start, 0);
        assert!(format!("{typed:?}").contains("NewRecord(..)"));
        typed.as_mut().unwrap().offset_min = 7;
        assert!(!format!("{typed:?}").contains("82.4"));
    }
}
