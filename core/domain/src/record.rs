//! One record: a measurement, a medicine, a note, an episode of treatment, or a step of insurance.
//!
//! [`Record::to_slots`] gives the CBOR slots that the record hash covers (`docs/receipt-format.md`,
//! section 1) and [`Record::from_slots`] reads them. What a body can plausibly be is a warning
//! ([`Record::warnings`]); what cannot be is refused ([`Record::check`]).
//!
//! Invariant: Debug of nothing in here shows a value, a name, a text or a time.

mod debug;
mod slot;
mod slots;
mod warning;

pub use crate::context::Context;
pub(crate) use slot::nfc;
pub use slot::{RecordError, Slot};
pub use warning::{Warning, duplicate_dose};

use crate::decimal::Decimal;
use crate::stream::{Granularity, Month, StreamId};

/// 16 bytes that name a record, a key, a channel, a device or a grant.
pub type Id = [u8; 16];

/// SHA-256: a record hash or a batch root.
pub type Hash = [u8; 32];

/// One entry of a person's record.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id; none until the vault derives it by order of arrival.
    pub rid: Option<Id>,
    /// When it applies to, or begins, milliseconds since 1970 UTC.
    pub start_ms: i64,
    /// When it ends, if it lasts.
    pub end_ms: Option<i64>,
    /// Minutes to add to UTC for the clock on the wall there and then, -1080..=1080.
    pub offset_min: i16,
    /// What it says.
    pub body: Body,
    /// Where it comes from.
    pub source: Source,
    /// What it corrects or belongs to, and notes.
    pub context: Option<Context>,
}

/// What a record says. Words are NFC text once encoded.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// `obs/1`: a measurement, symptom, mood or training.
    Observation {
        /// `loinc|8867-4`, or `vw|...` where LOINC has none.
        code: String,
        /// What was observed.
        value: Value,
    },
    /// `med/1`: a medicine planned, taken or not taken.
    Medicine {
        /// As on the packet, or `rxnorm|197361`.
        name: String,
        /// How much.
        dose: Dose,
        /// Whether it was taken.
        status: MedStatus,
    },
    /// `note/1`: a note of a specialty, a quote request, an acceptance.
    Note {
        /// `dentistry`, `quote-request`, `acceptance`, ...
        kind: String,
        /// The note.
        text: NoteBody,
    },
    /// `episode/1`: a treatment that other records belong to.
    Episode {
        /// Specialty.
        kind: String,
        /// What people call it.
        title: String,
    },
    /// `offer/1`: an insurer's quote.
    Offer {
        /// The plan.
        plan: String,
        /// What it costs per period.
        premium: Money,
        /// UCUM of that period: `mo`, `a`.
        period: String,
        /// The conditions.
        text: NoteBody,
    },
    /// `cover/1`: the insurance agreed.
    Cover {
        /// Number of the policy.
        policy: String,
        /// Record hash of the offer.
        offer: Hash,
        /// The conditions.
        text: NoteBody,
    },
    /// `claim/1`: what is claimed under a cover.
    Claim {
        /// Specialty or reason.
        kind: String,
        /// Record hash of the cover.
        cover: Hash,
        /// How much.
        amount: Money,
    },
    /// `decision/1`: the insurer's answer to a claim.
    Decision {
        /// As in the claim.
        kind: String,
        /// Record hash of the claim.
        claim: Hash,
        /// Paid or not.
        status: Decided,
        /// How much is paid.
        amount: Option<Money>,
    },
}

/// What was observed.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A number and its UCUM unit.
    Quantity(Decimal, String),
    /// Component code, number, UCUM unit; at most 64.
    Components(Vec<(String, Decimal, String)>),
    /// Words.
    Text(String),
    /// Samples kept beside the record, under their own tree.
    Waveform {
        /// Root of the tree over the samples.
        root: Hash,
        /// How many samples.
        count: u64,
        /// Milliseconds between two samples.
        period_ms: Decimal,
        /// UCUM unit of a sample.
        unit: String,
    },
}

/// How much of a medicine.
#[derive(Clone, PartialEq, Eq)]
pub enum Dose {
    /// A number and its UCUM unit, `{tablet}` for tablets.
    Quantity(Decimal, String),
    /// In words.
    Text(String),
    /// Not said.
    Unsaid,
}

/// Whether a medicine was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MedStatus {
    /// To be taken.
    Planned,
    /// Taken.
    Taken,
    /// Not taken; the context may say why.
    NotTaken,
    /// No longer to be taken.
    Stopped,
}

/// An insurer's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decided {
    /// Nothing is paid.
    Refused,
    /// All is paid.
    Accepted,
    /// A part is paid.
    InPart,
}

/// Text, or a file by its hash.
#[derive(Clone, PartialEq, Eq)]
pub enum NoteBody {
    /// At most 65,536 bytes of text.
    Text(String),
    /// A file kept beside the record.
    File {
        /// SHA-256 of the file.
        hash: Hash,
        /// `application/pdf`.
        media_type: String,
        /// Its length in bytes.
        bytes: u64,
    },
}

/// An amount in a currency.
#[derive(Clone, PartialEq, Eq)]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// ISO 4217: `EUR`.
    pub currency: String,
}

/// Where a record comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// How far it can be trusted.
    pub grade: Grade,
    /// Reference of the measuring device, if one is known.
    pub device: Option<Id>,
}

/// How far the origin of a record can be trusted. Never "true", only "from where".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
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

impl Record {
    /// A record of `body`, typed by hand, without end and context.
    pub fn typed(start_ms: i64, offset_min: i16, body: Body) -> Self {
        Self {
            rid: None,
            start_ms,
            end_ms: None,
            offset_min,
            body,
            source: Source::typed(),
            context: None,
        }
    }

    /// Its schema: `obs/1`, `med/1`, `note/1`, `episode/1`, `offer/1`, `cover/1`, `claim/1`, `decision/1`.
    pub fn schema(&self) -> &'static str {
        match self.body {
            Body::Observation { .. } => "obs/1",
            Body::Medicine { .. } => "med/1",
            Body::Note { .. } => "note/1",
            Body::Episode { .. } => "episode/1",
            Body::Offer { .. } => "offer/1",
            Body::Cover { .. } => "cover/1",
            Body::Claim { .. } => "claim/1",
            Body::Decision { .. } => "decision/1",
        }
    }

    /// The category byte of the channel it belongs in.
    ///
    /// 3 insurance information: offer, cover and decision, which only an insurer writes (Table I).
    /// 2 medical history: what a clinician signed. 1 personal data: all else, also a claim.
    pub fn category(&self) -> u8 {
        use crate::policy::Category;
        let category = match self.body {
            Body::Offer { .. } | Body::Cover { .. } | Body::Decision { .. } => Category::Insurance,
            Body::Claim { .. } => Category::Personal,
            _ if self.source.grade == Grade::ClinicianSigned => Category::MedicalHistory,
            _ => Category::Personal,
        };
        category.byte()
    }

    /// The code of the stream it belongs in: the observation's code, the note's kind, or the schema's word.
    pub fn stream_code(&self) -> &str {
        match &self.body {
            Body::Observation { code, .. } => code,
            Body::Note { kind, .. } => kind,
            Body::Medicine { .. } => "medicine",
            Body::Episode { .. } => "episode",
            Body::Offer { .. } => "offer",
            Body::Cover { .. } => "cover",
            Body::Claim { .. } => "claim",
            Body::Decision { .. } => "decision",
        }
    }

    /// The episode of treatment it belongs to.
    pub fn episode(&self) -> Option<&Id> {
        self.context.as_ref()?.episode.as_ref()
    }

    /// The calendar month it began in, by its own clock on the wall.
    ///
    /// # Errors
    ///
    /// A time that [`Record::check`] refuses, too.
    pub fn month(&self) -> Result<Month, RecordError> {
        Month::of(self.start_ms, self.offset_min).map_err(|_| RecordError::Time)
    }

    /// The stream it belongs in.
    ///
    /// # Errors
    ///
    /// As [`Record::month`].
    pub fn stream(&self, granularity: Granularity) -> Result<StreamId, RecordError> {
        Ok(StreamId {
            category: self.category(),
            code: self.stream_code().to_owned(),
            episode: self.episode().copied(),
            granularity,
            month: self.month()?,
        })
    }

    /// The record that takes this one back: same stream, same time, no value of it.
    ///
    /// `rc` is this record's hash.
    #[must_use]
    pub fn void(&self, rc: Hash, reason: Option<String>, source: Source) -> Self {
        let word = || VOIDED.to_owned();
        let text = || NoteBody::Text(word());
        let nothing = || Money {
            amount: Decimal::whole(0),
            currency: "XXX".to_owned(),
        };
        let body = match &self.body {
            Body::Observation { code, .. } => Body::Observation {
                code: code.clone(),
                value: Value::Text(word()),
            },
            Body::Medicine { .. } => Body::Medicine {
                name: word(),
                dose: Dose::Unsaid,
                status: MedStatus::NotTaken,
            },
            Body::Note { kind, .. } => Body::Note {
                kind: kind.clone(),
                text: text(),
            },
            Body::Episode { .. } => Body::Episode {
                kind: word(),
                title: word(),
            },
            Body::Offer { period, .. } => Body::Offer {
                plan: word(),
                premium: nothing(),
                period: period.clone(),
                text: text(),
            },
            Body::Cover { offer, .. } => Body::Cover {
                policy: word(),
                offer: *offer,
                text: text(),
            },
            Body::Claim { cover, .. } => Body::Claim {
                kind: word(),
                cover: *cover,
                amount: nothing(),
            },
            Body::Decision { claim, .. } => Body::Decision {
                kind: word(),
                claim: *claim,
                status: Decided::Refused,
                amount: None,
            },
        };
        Self {
            rid: None,
            start_ms: self.start_ms,
            end_ms: None,
            offset_min: self.offset_min,
            body,
            source,
            context: Some(Context {
                voids: Some(rc),
                episode: self.episode().copied(),
                reason,
                ..Context::default()
            }),
        }
    }

    /// Whether it takes another record back.
    pub fn is_void(&self) -> bool {
        self.context
            .as_ref()
            .is_some_and(|context| context.voids.is_some())
    }
}

impl Source {
    /// Typed by hand.
    pub const fn typed() -> Self {
        Self {
            grade: Grade::Typed,
            device: None,
        }
    }
}

impl Grade {
    /// 0 to 4, as encoded.
    pub const fn number(self) -> u8 {
        match self {
            Self::Typed => 0,
            Self::Unbonded => 1,
            Self::Bonded => 2,
            Self::VendorFile => 3,
            Self::ClinicianSigned => 4,
        }
    }

    /// What people read.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Typed => "typed by hand",
            Self::Unbonded => "from a sensor",
            Self::Bonded => "from a paired sensor",
            Self::VendorFile => "from a vendor's file",
            Self::ClinicianSigned => "signed by a clinician",
        }
    }
}

/// Longest name, kind, title, unit or reason, in bytes.
pub(crate) const TEXT_LIMIT: usize = 1_024;
const VOIDED: &str = "voided";

#[cfg(test)]
mod tests;
