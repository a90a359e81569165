//! The table.

use super::{Kind, Range, Shape};

/// `8867-4`.
pub const HEART_RATE: &str = "loinc|8867-4";
/// The panel; its components are the three below.
pub const BLOOD_PRESSURE: &str = "loinc|85354-9";
/// Component of the panel.
pub const SYSTOLIC: &str = "loinc|8480-6";
/// Component of the panel.
pub const DIASTOLIC: &str = "loinc|8462-4";
/// Component of the panel, if the cuff gives it.
pub const MEAN_PRESSURE: &str = "loinc|8478-0";
/// A training: its duration, with its type in the note `type`.
pub const EXERCISE: &str = "loinc|55411-3";
/// A symptom in words.
pub const SYMPTOM: &str = "loinc|75325-1";
/// A mood in words or on a scale; LOINC has no code for a plain diary mood.
pub const MOOD: &str = "vw|mood";

/// A row to start from: a number without names, ranges and further codes.
pub(super) const fn kind(
    name: &'static str,
    code: &'static str,
    display: &'static str,
    words: &'static str,
    unit: &'static str,
    category: &'static str,
) -> Kind {
    Kind {
        name,
        aliases: &[],
        code,
        display,
        words,
        shape: Shape::Number,
        unit,
        accepts: &[],
        range: None,
        category,
        also: &[],
        mdc: None,
        healthkit: &[],
        health_connect: None,
    }
}

pub(super) const fn range(low: i32, high: i32, unit: &'static str) -> Range {
    Range {
        low,
        high,
        unit,
        per_day: false,
    }
}

const fn per_day(low: i32, high: i32, unit: &'static str) -> Range {
    Range {
        low,
        high,
        unit,
        per_day: true,
    }
}

pub(super) const VITAL: &str = "vital-signs";
pub(super) const ACTIVITY: &str = "activity";
pub(super) const LAB: &str = "laboratory";
pub(super) const EXAM: &str = "exam";
const SURVEY: &str = "survey";
const PRESSURE: &[&str] = &["kPa"];
const TIME: &[&str] = &["h", "s"];
const LENGTH: &[&str] = &["km", "[mi_i]", "[ft_i]", "[yd_i]", "cm"];

pub(super) const KINDS: [Kind; 39] = [
    Kind {
        aliases: &["hr", "pulse", "heartbeat"],
        range: Some(range(25, 240, "/min")),
        mdc: Some(149_546),
        healthkit: &["HKQuantityTypeIdentifierHeartRate"],
        health_connect: Some("HeartRate"),
        ..kind(
            "heart-rate",
            HEART_RATE,
            "Heart rate",
            "Heart rate",
            "/min",
            VITAL,
        )
    },
    Kind {
        aliases: &["resting-hr", "resting-pulse"],
        range: Some(range(30, 130, "/min")),
        also: &[HEART_RATE],
        healthkit: &["HKQuantityTypeIdentifierRestingHeartRate"],
        health_connect: Some("RestingHeartRate"),
        ..kind(
            "resting-heart-rate",
            "loinc|40443-4",
            "Heart rate --resting",
            "Resting heart rate",
            "/min",
            VITAL,
        )
    },
    Kind {
        aliases: &["rr"],
        shape: Shape::Series,
        accepts: &["s"],
        range: Some(range(250, 2_500, "ms")),
        healthkit: &["HKDataTypeIdentifierHeartbeatSeries"],
        ..kind(
            "rr-interval",
            "loinc|8637-1",
            "R-R interval by EKG",
            "Time between heart beats",
            "ms",
            EXAM,
        )
    },
    Kind {
        aliases: &["sdnn", "hrv"],
        range: Some(range(3, 300, "ms")),
        also: &["loinc|112429-6"],
        healthkit: &["HKQuantityTypeIdentifierHeartRateVariabilitySDNN"],
        ..kind(
            "hrv-sdnn",
            "loinc|80404-7",
            "R-R interval.standard deviation (Heart rate variability)",
            "Heart rate variability (SDNN)",
            "ms",
            EXAM,
        )
    },
    // RMSSD is another statistic than SDNN and has no LOINC code: never merged.
    Kind {
        aliases: &["rmssd"],
        range: Some(range(3, 300, "ms")),
        health_connect: Some("HeartRateVariabilityRmssd"),
        ..kind(
            "hrv-rmssd",
            "vw|hrv-rmssd",
            "Heart rate variability RMSSD",
            "Heart rate variability (RMSSD)",
            "ms",
            EXAM,
        )
    },
    Kind {
        aliases: &["step"],
        range: Some(per_day(0, 100_000, "1")),
        healthkit: &["HKQuantityTypeIdentifierStepCount"],
        health_connect: Some("Steps"),
        ..kind(
            "steps",
            "loinc|55423-8",
            "Number of steps in unspecified time Pedometer",
            "Steps",
            "1",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["steps-24h"],
        range: Some(per_day(0, 100_000, "1")),
        ..kind(
            "steps-day",
            "loinc|41950-7",
            "Number of steps in 24 hour Measured",
            "Steps in 24 hours",
            "1",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["walking-distance", "walk"],
        accepts: LENGTH,
        range: Some(per_day(0, 150_000, "m")),
        healthkit: &["HKQuantityTypeIdentifierDistanceWalkingRunning"],
        health_connect: Some("Distance"),
        ..kind(
            "distance",
            "loinc|55430-3",
            "Walking distance unspecified time Pedometer",
            "Distance walked or run",
            "m",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["distance-24h"],
        accepts: LENGTH,
        range: Some(per_day(0, 150_000, "m")),
        ..kind(
            "distance-day",
            "loinc|41953-1",
            "Walking distance 24 hour Calculated",
            "Distance walked in 24 hours",
            "m",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["calories", "active-energy"],
        accepts: &["kJ"],
        range: Some(per_day(0, 12_000, "kcal")),
        healthkit: &["HKQuantityTypeIdentifierActiveEnergyBurned"],
        health_connect: Some("ActiveCaloriesBurned"),
        ..kind(
            "energy",
            "loinc|41981-2",
            "Calories burned",
            "Energy burned by activity",
            "kcal",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["sleep-total"],
        accepts: TIME,
        range: Some(per_day(0, 1_440, "min")),
        healthkit: &["HKCategoryTypeIdentifierSleepAnalysis"],
        health_connect: Some("SleepSession"),
        ..kind(
            "sleep",
            "loinc|93832-4",
            "Sleep duration",
            "Sleep",
            "min",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["rem-sleep", "rem"],
        accepts: TIME,
        range: Some(per_day(0, 1_440, "min")),
        ..kind(
            "sleep-rem",
            "loinc|93829-0",
            "REM sleep duration",
            "Dream (REM) sleep",
            "min",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["light-sleep"],
        accepts: TIME,
        range: Some(per_day(0, 1_440, "min")),
        ..kind(
            "sleep-light",
            "loinc|93830-8",
            "Light sleep duration",
            "Light sleep",
            "min",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["deep-sleep"],
        accepts: TIME,
        range: Some(per_day(0, 1_440, "min")),
        ..kind(
            "sleep-deep",
            "loinc|93831-6",
            "Deep sleep duration",
            "Deep sleep",
            "min",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["awake"],
        accepts: TIME,
        range: Some(per_day(0, 1_440, "min")),
        ..kind(
            "sleep-awake",
            "loinc|103215-0",
            "Wake after sleep onset",
            "Awake after falling asleep",
            "min",
            ACTIVITY,
        )
    },
    Kind {
        accepts: TIME,
        range: Some(per_day(0, 1_440, "min")),
        ..kind(
            "sleep-latency",
            "loinc|103212-7",
            "Sleep latency",
            "Time to fall asleep",
            "min",
            ACTIVITY,
        )
    },
    // No LOINC code says "in bed"; 93831-6 is deep sleep and is wrongly used for it elsewhere.
    Kind {
        aliases: &["in-bed"],
        accepts: TIME,
        range: Some(per_day(0, 1_440, "min")),
        ..kind(
            "time-in-bed",
            "vw|time-in-bed",
            "Time in bed",
            "Time in bed",
            "min",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["bp"],
        shape: Shape::Panel(&[SYSTOLIC, DIASTOLIC, MEAN_PRESSURE]),
        accepts: PRESSURE,
        mdc: Some(150_020),
        healthkit: &["HKCorrelationTypeIdentifierBloodPressure"],
        health_connect: Some("BloodPressure"),
        ..kind(
            "blood-pressure",
            BLOOD_PRESSURE,
            "Blood pressure panel with all children optional",
            "Blood pressure",
            "mm[Hg]",
            VITAL,
        )
    },
    Kind {
        accepts: PRESSURE,
        range: Some(range(60, 260, "mm[Hg]")),
        mdc: Some(150_021),
        healthkit: &["HKQuantityTypeIdentifierBloodPressureSystolic"],
        ..kind(
            "systolic",
            SYSTOLIC,
            "Systolic blood pressure",
            "Upper blood pressure",
            "mm[Hg]",
            VITAL,
        )
    },
    Kind {
        accepts: PRESSURE,
        range: Some(range(30, 160, "mm[Hg]")),
        mdc: Some(150_022),
        healthkit: &["HKQuantityTypeIdentifierBloodPressureDiastolic"],
        ..kind(
            "diastolic",
            DIASTOLIC,
            "Diastolic blood pressure",
            "Lower blood pressure",
            "mm[Hg]",
            VITAL,
        )
    },
    Kind {
        accepts: PRESSURE,
        range: Some(range(40, 200, "mm[Hg]")),
        mdc: Some(150_023),
        ..kind(
            "mean-pressure",
            MEAN_PRESSURE,
            "Mean blood pressure",
            "Mean blood pressure",
            "mm[Hg]",
            VITAL,
        )
    },
    Kind {
        aliases: &["oxygen", "oxygen-saturation", "o2"],
        range: Some(range(70, 100, "%")),
        also: &["loinc|59408-5"],
        mdc: Some(150_456),
        healthkit: &["HKQuantityTypeIdentifierOxygenSaturation"],
        health_connect: Some("OxygenSaturation"),
        ..kind(
            "spo2",
            "loinc|2708-6",
            "Oxygen saturation in Arterial blood",
            "Blood oxygen",
            "%",
            VITAL,
        )
    },
    Kind {
        aliases: &["temp", "body-temperature", "fever"],
        accepts: &["[degF]", "K"],
        range: Some(range(33, 43, "Cel")),
        mdc: Some(150_364),
        healthkit: &["HKQuantityTypeIdentifierBodyTemperature"],
        health_connect: Some("BodyTemperature"),
        ..kind(
            "temperature",
            "loinc|8310-5",
            "Body temperature",
            "Body temperature",
            "Cel",
            VITAL,
        )
    },
    Kind {
        accepts: &["[degF]", "K"],
        range: Some(range(33, 43, "Cel")),
        ..kind(
            "oral-temperature",
            "loinc|8331-1",
            "Oral temperature",
            "Temperature in the mouth",
            "Cel",
            VITAL,
        )
    },
    Kind {
        aliases: &["glucose", "blood-sugar"],
        range: Some(range(20, 600, "mg/dL")),
        healthkit: &["HKQuantityTypeIdentifierBloodGlucose"],
        health_connect: Some("BloodGlucose"),
        ..kind(
            "glucose-mass",
            "loinc|2339-0",
            "Glucose [Mass/volume] in Blood",
            "Blood glucose",
            "mg/dL",
            LAB,
        )
    },
    Kind {
        aliases: &["glucose", "blood-sugar"],
        range: Some(range(20, 600, "mg/dL")),
        ..kind(
            "glucose-molar",
            "loinc|15074-8",
            "Glucose [Moles/volume] in Blood",
            "Blood glucose",
            "mmol/L",
            LAB,
        )
    },
    Kind {
        aliases: &["capillary-glucose"],
        range: Some(range(20, 600, "mg/dL")),
        mdc: Some(160_184),
        ..kind(
            "capillary-glucose-mass",
            "loinc|41653-7",
            "Glucose [Mass/volume] in Capillary blood by Glucometer",
            "Finger-stick glucose",
            "mg/dL",
            LAB,
        )
    },
    Kind {
        aliases: &["capillary-glucose"],
        range: Some(range(20, 600, "mg/dL")),
        ..kind(
            "capillary-glucose-molar",
            "loinc|14743-9",
            "Glucose [Moles/volume] in Capillary blood by Glucometer",
            "Finger-stick glucose",
            "mmol/L",
            LAB,
        )
    },
    // The code is by mass; a sensor that shows mmol/L keeps its own unit.
    Kind {
        aliases: &["cgm"],
        accepts: &["mmol/L"],
        range: Some(range(20, 600, "mg/dL")),
        ..kind(
            "interstitial-glucose",
            "loinc|99504-3",
            "Glucose [Mass/volume] in Interstitial fluid",
            "Sensor glucose",
            "mg/dL",
            LAB,
        )
    },
    Kind {
        aliases: &["body-weight", "body-mass"],
        accepts: &["[lb_av]", "[stone_av]", "g"],
        range: Some(range(2, 400, "kg")),
        mdc: Some(188_736),
        healthkit: &["HKQuantityTypeIdentifierBodyMass"],
        health_connect: Some("Weight"),
        ..kind(
            "weight",
            "loinc|29463-7",
            "Body weight",
            "Weight",
            "kg",
            VITAL,
        )
    },
    Kind {
        aliases: &["body-mass-index"],
        range: Some(range(8, 100, "kg/m2")),
        healthkit: &["HKQuantityTypeIdentifierBodyMassIndex"],
        ..kind(
            "bmi",
            "loinc|39156-5",
            "Body mass index (BMI) [Ratio]",
            "Body mass index",
            "kg/m2",
            VITAL,
        )
    },
    Kind {
        aliases: &["body-height"],
        accepts: &["m", "[in_i]", "[ft_i]"],
        range: Some(range(30, 260, "cm")),
        healthkit: &["HKQuantityTypeIdentifierHeight"],
        health_connect: Some("Height"),
        ..kind(
            "height",
            "loinc|8302-2",
            "Body height",
            "Height",
            "cm",
            VITAL,
        )
    },
    Kind {
        aliases: &["fat"],
        range: Some(range(2, 70, "%")),
        healthkit: &["HKQuantityTypeIdentifierBodyFatPercentage"],
        health_connect: Some("BodyFat"),
        ..kind(
            "body-fat",
            "loinc|41982-0",
            "Percentage of body fat Measured",
            "Body fat",
            "%",
            EXAM,
        )
    },
    Kind {
        aliases: &["breathing", "respiration"],
        range: Some(range(4, 60, "/min")),
        healthkit: &["HKQuantityTypeIdentifierRespiratoryRate"],
        health_connect: Some("RespiratoryRate"),
        ..kind(
            "respiratory-rate",
            "loinc|9279-1",
            "Respiratory rate",
            "Breaths per minute",
            "/min",
            VITAL,
        )
    },
    Kind {
        aliases: &["exercise", "workout"],
        accepts: TIME,
        range: Some(range(0, 1_440, "min")),
        healthkit: &["HKWorkoutTypeIdentifier"],
        health_connect: Some("ExerciseSession"),
        ..kind(
            "training",
            EXERCISE,
            "Exercise duration",
            "Training",
            "min",
            ACTIVITY,
        )
    },
    // LOINC has no code for how long one meditates.
    Kind {
        aliases: &["meditation"],
        accepts: TIME,
        range: Some(range(0, 1_440, "min")),
        healthkit: &["HKCategoryTypeIdentifierMindfulSession"],
        ..kind(
            "mindful",
            "vw|mindful",
            "Mindful session",
            "Mindfulness",
            "min",
            ACTIVITY,
        )
    },
    Kind {
        aliases: &["symptoms"],
        shape: Shape::Words,
        ..kind("symptom", SYMPTOM, "Symptom", "Symptom", "", SURVEY)
    },
    Kind {
        shape: Shape::Rating,
        healthkit: &["HKDataTypeStateOfMind"],
        ..kind("mood", MOOD, "Mood", "Mood", "1", SURVEY)
    },
    // Daily life tied to a treatment, in words; LOINC's activity codes each mean one questionnaire.
    Kind {
        aliases: &["daily-activity"],
        shape: Shape::Words,
        ..kind(
            "activity",
            "vw|activity",
            "Daily activity",
            "Daily activity",
            "",
            SURVEY,
        )
    },
];
