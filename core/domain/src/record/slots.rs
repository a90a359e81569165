//! Records to and from the slots their hash covers, and what cannot be a record.

use super::slot::nfc;
use super::{
    Body, Context, Decided, Dose, Grade, Id, MedStatus, Money, NoteBody, Record, RecordError, Slot,
    Source, TEXT_LIMIT, Value,
};
use crate::decimal::Decimal;
use vitalwitness_proof::cbor;

impl Record {
    /// The slots of its schema, in order; text is put in NFC.
    ///
    /// `rid` is the record's id, derived by arrival or random. A record read from slots in NFC
    /// gives the same slots again; of another author's record keep the slots themselves.
    pub fn to_slots(&self, rid: &Id) -> Vec<cbor::Value> {
        let mut slots = Vec::with_capacity(10);
        slots.push(cbor::Value::Bytes(rid.to_vec()));
        slots.push(cbor::Value::Int(self.start_ms));
        slots.push(self.end_ms.map_or(cbor::Value::Null, cbor::Value::Int));
        slots.push(cbor::Value::Int(i64::from(self.offset_min)));
        self.body.push_slots(&mut slots);
        slots.push(array([
            cbor::Value::Int(i64::from(self.source.grade.number())),
            self.source
                .device
                .map_or(cbor::Value::Null, |id| cbor::Value::Bytes(id.to_vec())),
        ]));
        slots.push(
            self.context
                .as_ref()
                .map_or(cbor::Value::Null, |context| context.to_slot(text)),
        );
        slots
    }

    /// Reads the slots of `schema`. The result holds its rid and passes [`Record::check`].
    ///
    /// # Errors
    ///
    /// The first thing that no producer may write.
    pub fn from_slots(schema: &str, slots: &[cbor::Value]) -> Result<Self, RecordError> {
        let count = match schema {
            "obs/1" | "note/1" | "episode/1" => 8,
            "med/1" | "offer/1" | "cover/1" | "claim/1" => 9,
            "decision/1" => 10,
            _ => return Err(RecordError::Schema),
        };
        if slots.len() != count {
            return Err(RecordError::SlotCount);
        }
        let [rid, start, end, offset, body @ .., source, context] = slots else {
            return Err(RecordError::SlotCount);
        };
        let record = Self {
            rid: Some(Slot::Rid.bytes(rid)?),
            start_ms: Slot::Start.int(start)?,
            end_ms: match end {
                cbor::Value::Null => None,
                end => Some(Slot::End.int(end)?),
            },
            offset_min: i16::try_from(Slot::Offset.int(offset)?)
                .map_err(|_| RecordError::Offset)?,
            body: Body::from_slots(schema, body)?,
            source: source_from(source)?,
            context: Context::from_slot(context)?,
        };
        record.check()?;
        Ok(record)
    }

    /// Refuses what cannot be: no plausible human is refused, that is for [`Record::warnings`].
    ///
    /// # Errors
    ///
    /// The first impossible thing.
    pub fn check(&self) -> Result<(), RecordError> {
        let possible = EARLIEST_MS..=LATEST_MS;
        if !possible.contains(&self.start_ms)
            || self.end_ms.is_some_and(|end| !possible.contains(&end))
        {
            return Err(RecordError::Time);
        }
        if self.end_ms.is_some_and(|end| end < self.start_ms) {
            return Err(RecordError::EndBeforeStart);
        }
        if self.offset_min.unsigned_abs() > MAX_OFFSET_MIN {
            return Err(RecordError::Offset);
        }
        self.body.check()?;
        self.context.as_ref().map_or(Ok(()), Context::check)
    }
}

impl Body {
    fn push_slots(&self, slots: &mut Vec<cbor::Value>) {
        match self {
            Self::Observation { code, value } => {
                slots.extend([text(code), value.to_slot()]);
            }
            Self::Medicine { name, dose, status } => {
                let dose = match dose {
                    Dose::Quantity(number, unit) => array([decimal(*number), text(unit)]),
                    Dose::Text(words) => text(words),
                    Dose::Unsaid => cbor::Value::Null,
                };
                let status = position(&MED_STATUS, status);
                slots.extend([text(name), dose, status]);
            }
            Self::Note { kind, text: body } => slots.extend([text(kind), body.to_slot()]),
            Self::Episode { kind, title } => slots.extend([text(kind), text(title)]),
            Self::Offer {
                plan,
                premium,
                period,
                text: body,
            } => {
                let premium = [
                    decimal(premium.amount),
                    text(&premium.currency),
                    text(period),
                ];
                slots.extend([text(plan), array(premium), body.to_slot()]);
            }
            Self::Cover {
                policy,
                offer,
                text: body,
            } => slots.extend([text(policy), bytes(offer), body.to_slot()]),
            Self::Claim {
                kind,
                cover,
                amount,
            } => slots.extend([text(kind), bytes(cover), amount.to_slot()]),
            Self::Decision {
                kind,
                claim,
                status,
                amount,
            } => {
                let amount = amount.as_ref().map_or(cbor::Value::Null, Money::to_slot);
                let status = position(&DECIDED, status);
                slots.extend([text(kind), bytes(claim), status, amount]);
            }
        }
    }

    fn from_slots(schema: &str, slots: &[cbor::Value]) -> Result<Self, RecordError> {
        Ok(match (schema, slots) {
            ("obs/1", [code, value]) => Self::Observation {
                code: Slot::Code.string(code)?,
                value: Value::from_slot(value)?,
            },
            ("med/1", [name, dose, status]) => Self::Medicine {
                name: Slot::Code.string(name)?,
                dose: match dose {
                    cbor::Value::Null => Dose::Unsaid,
                    cbor::Value::Text(words) => Dose::Text(words.clone()),
                    dose => {
                        let (number, unit) = Slot::Value.quantity(dose)?;
                        Dose::Quantity(number, unit)
                    }
                },
                status: Slot::Status.one_of(&MED_STATUS, status)?,
            },
            ("note/1", [kind, body]) => Self::Note {
                kind: Slot::Code.string(kind)?,
                text: NoteBody::from_slot(body)?,
            },
            ("episode/1", [kind, title]) => Self::Episode {
                kind: Slot::Code.string(kind)?,
                title: Slot::Value.string(title)?,
            },
            ("offer/1", [plan, premium, body]) => {
                let [amount, currency, period] = Slot::Value.array(premium)? else {
                    return Err(Slot::Value.wrong());
                };
                Self::Offer {
                    plan: Slot::Code.string(plan)?,
                    premium: Money {
                        amount: Slot::Value.decimal(amount)?,
                        currency: Slot::Value.string(currency)?,
                    },
                    period: Slot::Value.string(period)?,
                    text: NoteBody::from_slot(body)?,
                }
            }
            ("cover/1", [policy, offer, body]) => Self::Cover {
                policy: Slot::Code.string(policy)?,
                offer: Slot::Reference.bytes(offer)?,
                text: NoteBody::from_slot(body)?,
            },
            ("claim/1", [kind, cover, amount]) => Self::Claim {
                kind: Slot::Code.string(kind)?,
                cover: Slot::Reference.bytes(cover)?,
                amount: Money::from_slot(amount)?,
            },
            ("decision/1", [kind, claim, status, amount]) => Self::Decision {
                kind: Slot::Code.string(kind)?,
                claim: Slot::Reference.bytes(claim)?,
                status: Slot::Status.one_of(&DECIDED, status)?,
                amount: match amount {
                    cbor::Value::Null => None,
                    amount => Some(Money::from_slot(amount)?),
                },
            },
            _ => return Err(RecordError::SlotCount),
        })
    }

    fn check(&self) -> Result<(), RecordError> {
        let name = |name: &str| Slot::Code.text(name, TEXT_LIMIT);
        match self {
            Self::Observation { code, value } => {
                check_code(code)?;
                value.check()
            }
            Self::Medicine {
                name: drug, dose, ..
            } => {
                name(drug)?;
                match dose {
                    Dose::Quantity(_, words) | Dose::Text(words) => {
                        Slot::Value.text(words, TEXT_LIMIT)
                    }
                    Dose::Unsaid => Ok(()),
                }
            }
            Self::Note { kind, text } => {
                name(kind)?;
                text.check()
            }
            Self::Episode { kind, title } => {
                name(kind)?;
                Slot::Value.text(title, TEXT_LIMIT)
            }
            Self::Offer {
                plan,
                premium,
                period,
                text,
            } => {
                name(plan)?;
                premium.check()?;
                Slot::Value.text(period, UNIT_LIMIT)?;
                text.check()
            }
            Self::Cover { policy, text, .. } => {
                name(policy)?;
                text.check()
            }
            Self::Claim { kind, amount, .. } => {
                name(kind)?;
                amount.check()
            }
            Self::Decision { kind, amount, .. } => {
                name(kind)?;
                amount.as_ref().map_or(Ok(()), Money::check)
            }
        }
    }
}

impl Value {
    fn to_slot(&self) -> cbor::Value {
        match self {
            Self::Quantity(number, unit) => array([decimal(*number), text(unit)]),
            Self::Components(parts) => cbor::Value::Array(
                parts
                    .iter()
                    .map(|(code, number, unit)| array([text(code), decimal(*number), text(unit)]))
                    .collect(),
            ),
            Self::Text(words) => text(words),
            Self::Waveform {
                root,
                count,
                period_ms,
                unit,
            } => array([bytes(root), size(*count), decimal(*period_ms), text(unit)]),
        }
    }

    fn from_slot(slot: &cbor::Value) -> Result<Self, RecordError> {
        let items = match slot {
            cbor::Value::Text(words) => return Ok(Self::Text(words.clone())),
            slot => Slot::Value.array(slot)?,
        };
        match items {
            [cbor::Value::Decimal { .. }, _] => {
                let (number, unit) = Slot::Value.quantity(slot)?;
                Ok(Self::Quantity(number, unit))
            }
            [root @ cbor::Value::Bytes(_), count, period, unit] => Ok(Self::Waveform {
                root: Slot::Value.bytes(root)?,
                count: Slot::Value.size(count)?,
                period_ms: Slot::Value.decimal(period)?,
                unit: Slot::Value.string(unit)?,
            }),
            parts => parts
                .iter()
                .map(|part| match Slot::Value.array(part)? {
                    [code, number, unit] => Ok((
                        Slot::Value.string(code)?,
                        Slot::Value.decimal(number)?,
                        Slot::Value.string(unit)?,
                    )),
                    _ => Err(Slot::Value.wrong()),
                })
                .collect::<Result<_, _>>()
                .map(Self::Components),
        }
    }

    fn check(&self) -> Result<(), RecordError> {
        match self {
            Self::Quantity(_, unit) => Slot::Value.text(unit, UNIT_LIMIT),
            Self::Components(parts) => {
                if parts.is_empty() {
                    return Err(RecordError::Empty(Slot::Value));
                }
                if parts.len() > MAX_COMPONENTS {
                    return Err(RecordError::TooLong(Slot::Value));
                }
                parts.iter().try_for_each(|(code, _, unit)| {
                    check_code(code)?;
                    Slot::Value.text(unit, UNIT_LIMIT)
                })
            }
            Self::Text(words) => Slot::Value.text(words, NOTE_LIMIT),
            Self::Waveform {
                count,
                period_ms,
                unit,
                ..
            } => {
                if *count == 0 || period_ms.mantissa() <= 0 {
                    return Err(RecordError::Empty(Slot::Value));
                }
                check_size(Slot::Value, *count)?;
                Slot::Value.text(unit, UNIT_LIMIT)
            }
        }
    }
}

impl NoteBody {
    fn to_slot(&self) -> cbor::Value {
        match self {
            Self::Text(words) => text(words),
            Self::File {
                hash,
                media_type,
                bytes: length,
            } => array([bytes(hash), text(media_type), size(*length)]),
        }
    }

    fn from_slot(slot: &cbor::Value) -> Result<Self, RecordError> {
        if let cbor::Value::Text(words) = slot {
            return Ok(Self::Text(words.clone()));
        }
        match Slot::Text.array(slot)? {
            [hash, media_type, length] => Ok(Self::File {
                hash: Slot::Text.bytes(hash)?,
                media_type: Slot::Text.string(media_type)?,
                bytes: Slot::Text.size(length)?,
            }),
            _ => Err(Slot::Text.wrong()),
        }
    }

    fn check(&self) -> Result<(), RecordError> {
        match self {
            Self::Text(words) => Slot::Text.text(words, NOTE_LIMIT),
            Self::File {
                media_type, bytes, ..
            } => {
                check_size(Slot::Text, *bytes)?;
                Slot::Text.text(media_type, TEXT_LIMIT)
            }
        }
    }
}

impl Money {
    fn to_slot(&self) -> cbor::Value {
        array([decimal(self.amount), text(&self.currency)])
    }

    fn from_slot(slot: &cbor::Value) -> Result<Self, RecordError> {
        let (amount, currency) = Slot::Value.quantity(slot)?;
        Ok(Self { amount, currency })
    }

    fn check(&self) -> Result<(), RecordError> {
        Slot::Value.text(&self.currency, UNIT_LIMIT)
    }
}

/// `system|code`, both of printable ASCII without spaces.
fn check_code(code: &str) -> Result<(), RecordError> {
    let printable =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
    match code.split_once('|') {
        Some((system, rest))
            if code.len() <= CODE_LIMIT && printable(system) && printable(rest) =>
        {
            Ok(())
        }
        _ => Err(RecordError::Code),
    }
}

/// CBOR here holds integers up to 2^63-1.
fn check_size(slot: Slot, size: u64) -> Result<(), RecordError> {
    i64::try_from(size)
        .map(|_| ())
        .map_err(|_| RecordError::TooLong(slot))
}

fn source_from(slot: &cbor::Value) -> Result<Source, RecordError> {
    match Slot::Source.array(slot)? {
        [grade, device] => Ok(Source {
            grade: Slot::Source.one_of(&GRADES, grade)?,
            device: match device {
                cbor::Value::Null => None,
                device => Some(Slot::Source.bytes(device)?),
            },
        }),
        _ => Err(Slot::Source.wrong()),
    }
}

fn text(words: &str) -> cbor::Value {
    cbor::Value::Text(nfc(words).into_owned())
}

fn bytes(bytes: &[u8]) -> cbor::Value {
    cbor::Value::Bytes(bytes.to_vec())
}

fn array<const N: usize>(items: [cbor::Value; N]) -> cbor::Value {
    cbor::Value::Array(items.into())
}

fn decimal(number: Decimal) -> cbor::Value {
    cbor::Value::Decimal {
        exponent: number.exponent(),
        mantissa: number.mantissa(),
    }
}

fn size(size: u64) -> cbor::Value {
    cbor::Value::Int(i64::try_from(size).unwrap_or(i64::MAX))
}

fn position<T: PartialEq>(words: &[T], word: &T) -> cbor::Value {
    let index = words.iter().position(|known| known == word).unwrap_or(0);
    cbor::Value::Int(i64::try_from(index).unwrap_or(0))
}

const MED_STATUS: [MedStatus; 4] = [
    MedStatus::Planned,
    MedStatus::Taken,
    MedStatus::NotTaken,
    MedStatus::Stopped,
];
const DECIDED: [Decided; 3] = [Decided::Refused, Decided::Accepted, Decided::InPart];
const GRADES: [Grade; 5] = [
    Grade::Typed,
    Grade::Unbonded,
    Grade::Bonded,
    Grade::VendorFile,
    Grade::ClinicianSigned,
];
const CODE_LIMIT: usize = 64;
const UNIT_LIMIT: usize = 64;
const NOTE_LIMIT: usize = 65_536;
const MAX_COMPONENTS: usize = 64;
const MAX_OFFSET_MIN: u16 = 18 * 60;
const EARLIEST_MS: i64 = -2_208_988_800_000;
/// A day short of the year 10000: the wall clock's month is still in 9999.
const LATEST_MS: i64 = 253_402_300_799_999 - 86_400_000;
