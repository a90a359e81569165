//! Records to the core and back.

use super::{
    Added, Body, Component, Context, Decision, Dose, MedicineStatus, Money, NewRecord, NoteText,
    Origin, Stage, StoredRecord, Value,
};
use crate::names::{Digest, Number, RecordId, ShortId, Timestamp};
use vitalwitness_domain::record::{self, Decided, Grade, MedStatus};
use vitalwitness_vault as core;
use vitalwitness_vault::store::BatchState;

impl From<NewRecord> for record::Record {
    fn from(new: NewRecord) -> Self {
        Self {
            rid: None,
            start_ms: new.start.0,
            end_ms: new.end.map(|end| end.0),
            offset_min: new.offset_min,
            body: new.body.into(),
            source: record::Source::typed(),
            context: new.context.map(Into::into),
        }
    }
}

impl From<core::Found> for StoredRecord {
    fn from(found: core::Found) -> Self {
        let record = found.record;
        Self {
            id: RecordId(found.rc),
            episode_id: ShortId(found.rid),
            category: record.category(),
            code: record.stream_code().to_owned(),
            start: Timestamp(record.start_ms),
            end: record.end_ms.map(Timestamp),
            offset_min: record.offset_min,
            body: record.body.into(),
            context: record.context.map(Context::from),
            origin: record.source.grade.into(),
            device: record.source.device.map(ShortId),
            stage: found.state.into(),
            corrected_by: found.corrected_by.map(RecordId),
            taken_back: found.voided,
        }
    }
}

impl From<core::Added> for Added {
    fn from(added: core::Added) -> Self {
        let warnings = added.warnings.iter();
        Self {
            id: RecordId(added.rc),
            episode_id: ShortId(added.rid),
            warnings: warnings.map(|it| it.code().to_owned()).collect(),
        }
    }
}

impl From<Body> for record::Body {
    fn from(body: Body) -> Self {
        match body {
            Body::Observation { code, value } => Self::Observation {
                code,
                value: value.into(),
            },
            Body::Medicine { name, dose, status } => Self::Medicine {
                name,
                dose: dose.into(),
                status: status.into(),
            },
            Body::Note { kind, text } => Self::Note {
                kind,
                text: text.into(),
            },
            Body::Episode { kind, title } => Self::Episode { kind, title },
            Body::Offer {
                plan,
                premium,
                period,
                text,
            } => Self::Offer {
                plan,
                premium: premium.into(),
                period,
                text: text.into(),
            },
            Body::Cover {
                policy,
                offer,
                text,
            } => Self::Cover {
                policy,
                offer: offer.0,
                text: text.into(),
            },
            Body::Claim {
                kind,
                cover,
                amount,
            } => Self::Claim {
                kind,
                cover: cover.0,
                amount: amount.into(),
            },
            Body::Decision {
                kind,
                claim,
                status,
                amount,
            } => Self::Decision {
                kind,
                claim: claim.0,
                status: status.into(),
                amount: amount.map(Into::into),
            },
        }
    }
}

impl From<record::Body> for Body {
    fn from(body: record::Body) -> Self {
        use record::Body as Core;
        match body {
            Core::Observation { code, value } => Self::Observation {
                code,
                value: value.into(),
            },
            Core::Medicine { name, dose, status } => Self::Medicine {
                name,
                dose: dose.into(),
                status: status.into(),
            },
            Core::Note { kind, text } => Self::Note {
                kind,
                text: text.into(),
            },
            Core::Episode { kind, title } => Self::Episode { kind, title },
            Core::Offer {
                plan,
                premium,
                period,
                text,
            } => Self::Offer {
                plan,
                premium: premium.into(),
                period,
                text: text.into(),
            },
            Core::Cover {
                policy,
                offer,
                text,
            } => Self::Cover {
                policy,
                offer: RecordId(offer),
                text: text.into(),
            },
            Core::Claim {
                kind,
                cover,
                amount,
            } => Self::Claim {
                kind,
                cover: RecordId(cover),
                amount: amount.into(),
            },
            Core::Decision {
                kind,
                claim,
                status,
                amount,
            } => Self::Decision {
                kind,
                claim: RecordId(claim),
                status: status.into(),
                amount: amount.map(Into::into),
            },
        }
    }
}

impl From<Value> for record::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Quantity { number, unit } => Self::Quantity(number.0, unit),
            Value::Components { parts } => {
                let parts = parts.into_iter();
                Self::Components(parts.map(|it| (it.code, it.number.0, it.unit)).collect())
            }
            Value::Text { text } => Self::Text(text),
            Value::Waveform {
                root,
                count,
                period_ms,
                unit,
            } => Self::Waveform {
                root: root.0,
                count,
                period_ms: period_ms.0,
                unit,
            },
        }
    }
}

impl From<record::Value> for Value {
    fn from(value: record::Value) -> Self {
        use record::Value as Core;
        match value {
            Core::Quantity(number, unit) => Self::Quantity {
                number: Number(number),
                unit,
            },
            Core::Components(parts) => {
                let parts = parts.into_iter().map(|(code, number, unit)| Component {
                    code,
                    number: Number(number),
                    unit,
                });
                Self::Components {
                    parts: parts.collect(),
                }
            }
            Core::Text(text) => Self::Text { text },
            Core::Waveform {
                root,
                count,
                period_ms,
                unit,
            } => Self::Waveform {
                root: Digest(root),
                count,
                period_ms: Number(period_ms),
                unit,
            },
        }
    }
}

impl From<Dose> for record::Dose {
    fn from(dose: Dose) -> Self {
        match dose {
            Dose::Quantity { number, unit } => Self::Quantity(number.0, unit),
            Dose::Text { text } => Self::Text(text),
            Dose::Unsaid => Self::Unsaid,
        }
    }
}

impl From<record::Dose> for Dose {
    fn from(dose: record::Dose) -> Self {
        match dose {
            record::Dose::Quantity(number, unit) => Self::Quantity {
                number: Number(number),
                unit,
            },
            record::Dose::Text(text) => Self::Text { text },
            record::Dose::Unsaid => Self::Unsaid,
        }
    }
}

macro_rules! same_words {
    ($ours:ty, $core:ty, $($word:ident),*) => {
        impl From<$ours> for $core {
            fn from(ours: $ours) -> Self {
                match ours { $(<$ours>::$word => <$core>::$word),* }
            }
        }
        impl From<$core> for $ours {
            fn from(core: $core) -> Self {
                match core { $(<$core>::$word => <$ours>::$word),* }
            }
        }
    };
}
pub(crate) use same_words;

same_words!(MedicineStatus, MedStatus, Planned, Taken, NotTaken, Stopped);
same_words!(Decision, Decided, Refused, Accepted, InPart);
same_words!(
    Origin,
    Grade,
    Typed,
    Unbonded,
    Bonded,
    VendorFile,
    ClinicianSigned
);

impl From<BatchState> for Stage {
    fn from(state: BatchState) -> Self {
        match state {
            BatchState::Open | BatchState::Frozen => Self::Open,
            BatchState::Sealed | BatchState::Queued => Self::Queued,
            BatchState::Stored => Self::Stored,
            BatchState::Logged => Self::Logged,
            BatchState::Witnessed => Self::Witnessed,
        }
    }
}

impl From<NoteText> for record::NoteBody {
    fn from(text: NoteText) -> Self {
        match text {
            NoteText::Text { text } => Self::Text(text),
            NoteText::File {
                hash,
                media_type,
                bytes,
            } => Self::File {
                hash: hash.0,
                media_type,
                bytes,
            },
        }
    }
}

impl From<record::NoteBody> for NoteText {
    fn from(text: record::NoteBody) -> Self {
        match text {
            record::NoteBody::Text(text) => Self::Text { text },
            record::NoteBody::File {
                hash,
                media_type,
                bytes,
            } => Self::File {
                hash: Digest(hash),
                media_type,
                bytes,
            },
        }
    }
}

impl From<Money> for record::Money {
    fn from(money: Money) -> Self {
        Self {
            amount: money.amount.0,
            currency: money.currency,
        }
    }
}

impl From<record::Money> for Money {
    fn from(money: record::Money) -> Self {
        Self {
            amount: Number(money.amount),
            currency: money.currency,
        }
    }
}

impl From<Context> for record::Context {
    fn from(context: Context) -> Self {
        Self {
            supersedes: context.supersedes.map(|it| it.0),
            voids: context.voids.map(|it| it.0),
            episode: context.episode.map(|it| it.0),
            derived_from: context.derived_from.into_iter().map(|it| it.0).collect(),
            reason: context.reason,
            notes: context.notes.into_iter().collect(),
        }
    }
}

impl From<record::Context> for Context {
    fn from(context: record::Context) -> Self {
        Self {
            supersedes: context.supersedes.map(RecordId),
            voids: context.voids.map(RecordId),
            episode: context.episode.map(ShortId),
            derived_from: context.derived_from.into_iter().map(Digest).collect(),
            reason: context.reason,
            notes: context.notes.into_iter().collect(),
        }
    }
}
