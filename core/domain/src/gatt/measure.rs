//! What a number of a device is of: its name, its code, its panel.

use crate::observation::{self, BLOOD_PRESSURE};

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Stable, in words joined by `-`: `heart-rate`.
    pub name: &'static str,
    /// `loinc|8867-4`, or `vw|...` where LOINC has none; none for what becomes no record by
    /// itself, such as a counter since the last reset.
    pub code: Option<&'static str>,
    /// The code of the panel it is a component of.
    pub panel: Option<&'static str>,
    /// IEEE 11073-10101 MDC code; the second coding of device measurements.
    pub mdc: Option<u32>,
}

const fn coded(name: &'static str, code: &'static str) -> Measure {
    Measure {
        name,
        code: Some(code),
        panel: None,
        mdc: None,
    }
}

const fn pressure(name: &'static str, code: &'static str) -> Measure {
    Measure {
        panel: Some(BLOOD_PRESSURE),
        ..coded(name, code)
    }
}

const fn mdc(measure: Measure, mdc: u32) -> Measure {
    Measure {
        mdc: Some(mdc),
        ..measure
    }
}

/// Shown while it is measured, or counted from a start that is not known: no record.
const fn live(name: &'static str) -> Measure {
    Measure {
        name,
        code: None,
        panel: None,
        mdc: None,
    }
}

macro_rules! measures {
    ($($name:ident = $measure:expr;)*) => {
        $(#[doc = "See its code and unit."] pub const $name: Measure = $measure;)*
    };
}

measures! {
    HEART_RATE = mdc(coded("heart-rate", "loinc|8867-4"), 149_546);
    RR_INTERVAL = coded("rr-interval", "loinc|8637-1");
    ENERGY_EXPENDED = live("energy-expended");
    BATTERY = live("battery");
    SYSTOLIC = mdc(pressure("systolic", observation::SYSTOLIC), 150_021);
    DIASTOLIC = mdc(pressure("diastolic", observation::DIASTOLIC), 150_022);
    MEAN_PRESSURE = mdc(pressure("mean-pressure", observation::MEAN_PRESSURE), 150_023);
    CUFF_PRESSURE = live("cuff-pressure");
    TEMPERATURE = mdc(coded("temperature", "loinc|8310-5"), 150_364);
    ORAL_TEMPERATURE = coded("oral-temperature", "loinc|8331-1");
    LIVE_TEMPERATURE = live("temperature-now");
    INTERVAL = live("interval");
    WEIGHT = mdc(coded("weight", "loinc|29463-7"), 188_736);
    BMI = coded("bmi", "loinc|39156-5");
    HEIGHT = coded("height", "loinc|8302-2");
    CARBOHYDRATE = live("carbohydrate");
    EXERCISE = live("exercise");
    EXERCISE_INTENSITY = live("exercise-intensity");
    MEDICATION_MASS = live("medication-mass");
    MEDICATION_VOLUME = live("medication-volume");
    HBA1C = coded("hba1c", "loinc|4548-4");
    BODY_FAT = coded("body-fat", "loinc|41982-0");
    BASAL_METABOLISM = coded("basal-metabolism", "vw|basal-metabolism");
    MUSCLE_PERCENTAGE = coded("muscle-percentage", "vw|muscle-percentage");
    MUSCLE_MASS = coded("muscle-mass", "vw|muscle-mass");
    FAT_FREE_MASS = coded("fat-free-mass", "vw|fat-free-mass");
    SOFT_LEAN_MASS = coded("soft-lean-mass", "vw|soft-lean-mass");
    BODY_WATER = coded("body-water", "vw|body-water");
    IMPEDANCE = coded("impedance", "vw|impedance");
    SATURATION = mdc(coded("spo2", "loinc|2708-6"), 150_456);
    FAST_SATURATION = live("spo2-fast");
    FAST_PULSE = live("pulse-fast");
    SLOW_SATURATION = live("spo2-slow");
    SLOW_PULSE = live("pulse-slow");
    PULSE_AMPLITUDE = coded("pulse-amplitude", "vw|pulse-amplitude");
    GLUCOSE_TREND = live("glucose-trend");
    CGM_QUALITY = live("quality");
    RUN_TIME = live("run-time");
    SPEED = coded("speed", "vw|speed");
    STEP_RATE = coded("step-rate", "vw|step-rate");
    STRIDE_LENGTH = coded("stride-length", "vw|stride-length");
    TOTAL_DISTANCE = live("total-distance");
    WHEEL_TURNS = live("wheel-turns");
    WHEEL_TIME = live("wheel-time");
    WHEEL_RATE = live("wheel-rate");
    CRANK_TURNS = live("crank-turns");
    CRANK_TIME = live("crank-time");
    CYCLING_CADENCE = coded("cycling-cadence", "vw|cycling-cadence");
    STROKE_RATE = coded("stroke-rate", "vw|stroke-rate");
    POWER = coded("power", "vw|power");
    CHANGES = live("changes");
    RESPIRATORY_RATE = coded("respiratory-rate", "loinc|9279-1");
    RESTING_HEART_RATE = coded("resting-heart-rate", "loinc|40443-4");
    DURATION = live("duration");
    PERIOD = live("period");
    UNTYPED = live("untyped");
}

/// What a fitness machine says of the session so far: shown, not kept.
pub mod machine {
    use super::{Measure, live};

    measures! {
        AVERAGE_SPEED = live("average-speed");
        DISTANCE = live("session-distance");
        INCLINATION = live("inclination");
        RAMP = live("ramp");
        CLIMB = live("climb");
        DESCENT = live("descent");
        PACE = live("pace-500m");
        AVERAGE_PACE = live("average-pace-500m");
        ENERGY = live("session-energy");
        ENERGY_PER_HOUR = live("energy-per-hour");
        ENERGY_PER_MINUTE = live("energy-per-minute");
        METABOLIC_EQUIVALENT = live("metabolic-equivalent");
        ELAPSED = live("elapsed");
        REMAINING = live("remaining");
        FORCE = live("force");
        AVERAGE_STEP_RATE = live("average-step-rate");
        STRIDES = live("strides");
        RESISTANCE = live("resistance");
        AVERAGE_POWER = live("average-power");
        STROKES = live("strokes");
        AVERAGE_STROKE_RATE = live("average-stroke-rate");
        AVERAGE_CADENCE = live("average-cadence");
    }
}

/// What a physical activity monitor says.
pub mod activity {
    use super::{Measure, coded, live};

    measures! {
        WALKING_STEPS = coded("walking-steps", "vw|walking-steps");
        INTENSE_STEPS = coded("intense-steps", "vw|intense-steps");
        FLOOR_STEPS = coded("floor-steps", "vw|floor-steps");
        DISTANCE = live("distance");
        WORN = live("worn-time");
        VO2_MAX = live("vo2-max");
        BEAT_INTERVAL = live("beat-interval");
        VARIABILITY = live("variability");
        RESTING_RESPIRATION = live("resting-respiration");
        LIGHT = live("light");
        LIGHT_UV = live("light-uv");
        LIGHT_IR = live("light-ir");
        LIGHT_LEAST = live("light-least");
        LIGHT_MOST = live("light-most");
        LIGHT_UV_LEAST = live("light-uv-least");
        LIGHT_UV_MOST = live("light-uv-most");
        LIGHT_IR_LEAST = live("light-ir-least");
        LIGHT_IR_MOST = live("light-ir-most");
        SLEEP_STAGE = live("sleep-stage");
        SLEEPING_HEART_RATE = coded("sleeping-heart-rate", "vw|sleeping-heart-rate");
        SLEEP_TIME = live("sleep-time");
        WAKE_TIME = live("wake-time");
        BED_TIME = live("bed-time");
        AWAKENINGS = live("awakenings");
        LATENCY = live("sleep-latency");
        EFFICIENCY = live("sleep-efficiency");
        SNOOZE = live("snooze");
        TURNS = live("turns");
        AFTER_ALARM = live("after-alarm");
        WALKING_ENERGY = live("walking-energy");
        INTENSE_ENERGY = live("intense-energy");
        ENERGY = live("total-energy");
        FAT_BURNED = live("fat-burned");
        MET_LEAST = live("met-least");
        MET_MOST = live("met-most");
        MET = live("met");
        SPEED_LEAST = live("speed-least");
        SPEED_MOST = live("speed-most");
        SPEED = live("average-speed");
        WALKING_TIME = live("walking-time");
        INTENSE_TIME = live("intense-time");
        CADENCE_LEAST = live("cadence-least");
        CADENCE_MOST = live("cadence-most");
        CADENCE = live("average-cadence");
        FLOORS = live("floors");
        CLIMB = live("climb");
        DESCENT = live("descent");
        COUNTS = live("activity-count");
        LEVEL_LEAST = live("activity-level-least");
        LEVEL_MOST = live("activity-level-most");
        LEVEL = live("activity-level");
        KIND = live("activity-type");
    }
}

/// Glucose by what it was measured in; one name, for there is one number in a reading.
pub mod glucose {
    use super::{Measure, coded, live, mdc};

    measures! {
        CAPILLARY_MASS = mdc(coded("glucose", "loinc|41653-7"), 160_184);
        CAPILLARY_MOLAR = coded("glucose", "loinc|14743-9");
        BLOOD_MASS = coded("glucose", "loinc|2339-0");
        BLOOD_MOLAR = coded("glucose", "loinc|15074-8");
        PLASMA_MASS = coded("glucose", "loinc|2345-7");
        PLASMA_MOLAR = coded("glucose", "loinc|14749-6");
        INTERSTITIAL = coded("glucose", "loinc|99504-3");
        INTERSTITIAL_MOLAR = coded("glucose", "vw|interstitial-glucose-molar");
        CONTROL = live("glucose");
    }
}
