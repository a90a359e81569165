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
    HBA1C = live("hba1c");
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
        CONTROL = live("glucose");
        UNKNOWN = coded("glucose", "loinc|2339-0");
    }
}
