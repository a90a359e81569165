//! Which characteristics a session reads and listens to.

use vitalwitness_domain::gatt::uuid;

/// Read once a link stands, in this order.
pub(super) const FACTS: [u16; 16] = [
    uuid::MANUFACTURER_NAME,
    uuid::MODEL_NUMBER,
    uuid::SERIAL_NUMBER,
    uuid::FIRMWARE_REVISION,
    uuid::BATTERY_LEVEL,
    uuid::BLOOD_PRESSURE_FEATURE,
    uuid::GLUCOSE_FEATURE,
    uuid::CGM_FEATURE,
    uuid::CGM_SESSION_START_TIME,
    uuid::WEIGHT_SCALE_FEATURE,
    uuid::BODY_COMPOSITION_FEATURE,
    uuid::PLX_FEATURES,
    uuid::FITNESS_MACHINE_FEATURE,
    uuid::PHYSICAL_ACTIVITY_FEATURES,
    uuid::DATE_TIME,
    // last: what lies between reading a clock and what it stamps is error
    uuid::CURRENT_TIME,
];

/// What carries measurements.
pub(super) const MEASURED: [u16; 22] = [
    uuid::HEART_RATE_MEASUREMENT,
    uuid::BLOOD_PRESSURE_MEASUREMENT,
    uuid::ENHANCED_BLOOD_PRESSURE,
    uuid::BLOOD_PRESSURE_RECORD,
    uuid::TEMPERATURE_MEASUREMENT,
    uuid::GLUCOSE_MEASUREMENT,
    uuid::GLUCOSE_CONTEXT,
    uuid::CGM_MEASUREMENT,
    uuid::PLX_SPOT_CHECK,
    uuid::PLX_CONTINUOUS,
    uuid::WEIGHT_MEASUREMENT,
    uuid::BODY_COMPOSITION_MEASUREMENT,
    uuid::RSC_MEASUREMENT,
    uuid::CSC_MEASUREMENT,
    uuid::TREADMILL_DATA,
    uuid::CROSS_TRAINER_DATA,
    uuid::ROWER_DATA,
    uuid::INDOOR_BIKE_DATA,
    uuid::STEP_ACTIVITY_SUMMARY,
    uuid::SLEEP_SUMMARY,
    uuid::LIVE_HEALTH_OBSERVATIONS,
    uuid::STORED_HEALTH_OBSERVATIONS,
];

/// What comes every second or so while it is worn.
pub(super) const STREAMS: [u16; 4] = [
    uuid::HEART_RATE_MEASUREMENT,
    uuid::PLX_CONTINUOUS,
    uuid::RSC_MEASUREMENT,
    uuid::CSC_MEASUREMENT,
];
