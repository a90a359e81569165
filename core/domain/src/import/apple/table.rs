//! Which code an Apple type has, and what its values mean.
//!
//! Codes are the catalogue's; types without one are skipped and counted, never given a code that
//! means something else.

use crate::decimal::Decimal;
use crate::import::Skip;
use crate::observation::{self, Kind};
use crate::units;

/// How a type is read.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// A number with a unit.
    Quantity(&'static Kind),
    /// A stage of sleep; how long it lasted.
    Sleep,
    /// How long something lasted, under this code.
    Session(&'static str),
    /// A symptom of a degree, in words.
    Symptom(&'static str),
}

pub(super) fn form(kind: &str) -> Option<Form> {
    if kind.starts_with(QUANTITY) {
        return observation::by_healthkit(kind).map(Form::Quantity);
    }
    match kind.strip_prefix("HKCategoryTypeIdentifier")? {
        "SleepAnalysis" => Some(Form::Sleep),
        "MindfulSession" => Some(Form::Session(MINDFUL)),
        name => {
            let (_, words) = SYMPTOMS.iter().find(|(symptom, _)| *symptom == name)?;
            Some(Form::Symptom(words))
        }
    }
}

/// The number, its UCUM unit and the code of a quantity.
pub(super) fn measured(
    kind: &'static Kind,
    value: &str,
    unit: &str,
) -> Result<(Decimal, &'static str, &'static str), Skip> {
    let number = Decimal::parse_nearest(value).map_err(|_| Skip::Value)?;
    match (kind.unit, unit) {
        // A fraction of one.
        ("%", "%") => {
            let number = hundredfold(number).ok_or(Skip::Value)?;
            return Ok((number, "%", kind.code));
        }
        ("%", _) => return Err(Skip::Unit),
        ("1" | "kg/m2", "count") => return Ok((number, kind.unit, kind.code)),
        _ => {}
    }
    let unit = units::ucum(unit).ok_or(Skip::Unit)?;
    let kind = if kind.takes(unit) {
        kind
    } else {
        // Glucose by amount of substance is another code.
        let mut twins = kind
            .aliases
            .iter()
            .flat_map(|name| observation::named(name));
        twins.find(|twin| twin.takes(unit)).ok_or(Skip::Unit)?
    };
    Ok((number, unit, kind.code))
}

/// 0.98 to 98, exactly: the digits stay.
fn hundredfold(number: Decimal) -> Option<Decimal> {
    let (mut mantissa, mut exponent) = (number.mantissa(), number.exponent().checked_add(2)?);
    while exponent > 0 {
        mantissa = mantissa.checked_mul(10)?;
        exponent -= 1;
    }
    Decimal::new(mantissa, exponent).ok()
}

pub(super) fn sleep_code(value: &str) -> Option<&'static str> {
    match value.strip_prefix("HKCategoryValueSleepAnalysis")? {
        "Asleep" | "AsleepUnspecified" => Some("loinc|93832-4"),
        "AsleepCore" => Some("loinc|93830-8"),
        "AsleepDeep" => Some("loinc|93831-6"),
        "AsleepREM" => Some("loinc|93829-0"),
        "Awake" => Some("loinc|103215-0"),
        "InBed" => Some("vw|time-in-bed"),
        _ => None,
    }
}

/// How bad a symptom was.
pub(super) fn degree(value: &str) -> Option<&'static str> {
    let word = value.strip_prefix("HKCategoryValue")?;
    Some(match word {
        "SeverityUnspecified" | "PresencePresent" | "AppetiteChangesUnspecified" => "present",
        "SeverityNotPresent" | "PresenceNotPresent" | "AppetiteChangesNoChange" => "not present",
        "SeverityMild" => "mild",
        "SeverityModerate" => "moderate",
        "SeveritySevere" => "severe",
        "AppetiteChangesDecreased" => "decreased",
        "AppetiteChangesIncreased" => "increased",
        _ => return None,
    })
}

/// `TraditionalStrengthTraining` as words: `traditional strength training`.
pub(super) fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && small {
            words.push(' ');
        }
        small = letter.is_lowercase();
        words.extend(letter.to_lowercase());
    }
    words
}

pub(super) const QUANTITY: &str = "HKQuantityTypeIdentifier";
const MINDFUL: &str = "vw|mindful";

const SYMPTOMS: [(&str, &str); 39] = [
    ("AbdominalCramps", "abdominal cramps"),
    ("Acne", "acne"),
    ("AppetiteChanges", "appetite"),
    ("BladderIncontinence", "bladder incontinence"),
    ("Bloating", "bloating"),
    ("BreastPain", "breast pain"),
    ("ChestTightnessOrPain", "chest tightness or pain"),
    ("Chills", "chills"),
    ("Constipation", "constipation"),
    ("Coughing", "coughing"),
    ("Diarrhea", "diarrhoea"),
    ("Dizziness", "dizziness"),
    ("DrySkin", "dry skin"),
    ("Fainting", "fainting"),
    ("Fatigue", "fatigue"),
    ("Fever", "fever"),
    ("GeneralizedBodyAche", "body ache"),
    ("HairLoss", "hair loss"),
    ("Headache", "headache"),
    ("Heartburn", "heartburn"),
    ("HotFlashes", "hot flushes"),
    ("LossOfSmell", "loss of smell"),
    ("LossOfTaste", "loss of taste"),
    ("LowerBackPain", "lower back pain"),
    ("MemoryLapse", "memory lapse"),
    ("MoodChanges", "mood changes"),
    ("Nausea", "nausea"),
    ("NightSweats", "night sweats"),
    ("PelvicPain", "pelvic pain"),
    (
        "RapidPoundingOrFlutteringHeartbeat",
        "rapid or fluttering heartbeat",
    ),
    ("RunnyNose", "runny nose"),
    ("ShortnessOfBreath", "shortness of breath"),
    ("SinusCongestion", "sinus congestion"),
    ("SkippedHeartbeat", "skipped heartbeat"),
    ("SleepChanges", "sleep changes"),
    ("SoreThroat", "sore throat"),
    ("VaginalDryness", "vaginal dryness"),
    ("Vomiting", "vomiting"),
    ("Wheezing", "wheezing"),
];
