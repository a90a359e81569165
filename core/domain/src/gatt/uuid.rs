//! 16-bit numbers of services and characteristics (Bluetooth SIG, Assigned Numbers, section 3).

/// `XXXX` in `0000XXXX-0000-1000-8000-00805f9b34fb`; none for a UUID outside that range.
///
/// ```
/// use vitalwitness_domain::gatt::uuid;
/// let long = 0x0000_2a37_0000_1000_8000_0080_5f9b_34fb;
/// assert_eq!(uuid::short(long), Some(uuid::HEART_RATE_MEASUREMENT));
/// assert_eq!(uuid::long(uuid::HEART_RATE_MEASUREMENT), long);
/// ```
pub fn short(uuid: u128) -> Option<u16> {
    let [0, 0, high, low, rest @ ..] = uuid.to_be_bytes() else {
        return None;
    };
    let [_, _, _, _, base @ ..] = BASE.to_be_bytes();
    (rest == base).then_some(u16::from_be_bytes([high, low]))
}

/// The 128-bit UUID of a 16-bit number.
pub fn long(short: u16) -> u128 {
    BASE | u128::from(short).wrapping_shl(96)
}

const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5f9b_34fb;

macro_rules! numbers {
    ($($name:ident $number:literal $words:literal)*) => {
        $(#[doc = $words] pub const $name: u16 = $number;)*
    };
}

numbers! {
    CURRENT_TIME_SERVICE 0x1805 "Service: current time."
    GLUCOSE_SERVICE 0x1808 "Service: glucose."
    HEALTH_THERMOMETER_SERVICE 0x1809 "Service: health thermometer."
    DEVICE_INFORMATION_SERVICE 0x180a "Service: device information."
    HEART_RATE_SERVICE 0x180d "Service: heart rate."
    BATTERY_SERVICE 0x180f "Service: battery."
    BLOOD_PRESSURE_SERVICE 0x1810 "Service: blood pressure."
    RUNNING_SPEED_SERVICE 0x1814 "Service: running speed and cadence."
    CYCLING_SPEED_SERVICE 0x1816 "Service: cycling speed and cadence."
    BODY_COMPOSITION_SERVICE 0x181b "Service: body composition."
    USER_DATA_SERVICE 0x181c "Service: user data."
    WEIGHT_SCALE_SERVICE 0x181d "Service: weight scale."
    CGM_SERVICE 0x181f "Service: continuous glucose monitoring."
    PULSE_OXIMETER_SERVICE 0x1822 "Service: pulse oximeter."
    FITNESS_MACHINE_SERVICE 0x1826 "Service: fitness machine."
    PHYSICAL_ACTIVITY_SERVICE 0x183e "Service: physical activity monitor."
    ELAPSED_TIME_SERVICE 0x183f "Service: elapsed time."
    HEALTH_SENSOR_SERVICE 0x1840 "Service: generic health sensor."

    DATE_TIME 0x2a08 "Date Time: a part of other characteristics."
    LOCAL_TIME_INFORMATION 0x2a0f "Local Time Information: read and written."
    BATTERY_LEVEL 0x2a19 "Battery Level: read, notified."
    TEMPERATURE_MEASUREMENT 0x2a1c "Temperature Measurement: indicated."
    TEMPERATURE_TYPE 0x2a1d "Temperature Type: read."
    INTERMEDIATE_TEMPERATURE 0x2a1e "Intermediate Temperature: notified."
    GLUCOSE_MEASUREMENT 0x2a18 "Glucose Measurement: notified."
    MEASUREMENT_INTERVAL 0x2a21 "Measurement Interval: read, written, indicated."
    SYSTEM_ID 0x2a23 "System ID: read."
    MODEL_NUMBER 0x2a24 "Model Number String: read."
    SERIAL_NUMBER 0x2a25 "Serial Number String: read. Personal."
    FIRMWARE_REVISION 0x2a26 "Firmware Revision String: read."
    HARDWARE_REVISION 0x2a27 "Hardware Revision String: read."
    SOFTWARE_REVISION 0x2a28 "Software Revision String: read."
    MANUFACTURER_NAME 0x2a29 "Manufacturer Name String: read."
    REGULATORY_CERTIFICATION 0x2a2a "IEEE 11073-20601 Regulatory Certification Data List: read."
    CURRENT_TIME 0x2a2b "Current Time: read, written, notified."
    GLUCOSE_CONTEXT 0x2a34 "Glucose Measurement Context: notified."
    BLOOD_PRESSURE_MEASUREMENT 0x2a35 "Blood Pressure Measurement: indicated."
    INTERMEDIATE_CUFF_PRESSURE 0x2a36 "Intermediate Cuff Pressure: notified."
    HEART_RATE_MEASUREMENT 0x2a37 "Heart Rate Measurement: notified."
    BODY_SENSOR_LOCATION 0x2a38 "Body Sensor Location: read."
    HEART_RATE_CONTROL_POINT 0x2a39 "Heart Rate Control Point: written; 01 sets the energy to zero."
    BLOOD_PRESSURE_FEATURE 0x2a49 "Blood Pressure Feature: read."
    PNP_ID 0x2a50 "`PnP` ID: read."
    GLUCOSE_FEATURE 0x2a51 "Glucose Feature: read."
    RECORD_ACCESS_CONTROL_POINT 0x2a52 "Record Access Control Point: written, indicated."
    RSC_MEASUREMENT 0x2a53 "RSC Measurement: notified."
    RSC_FEATURE 0x2a54 "RSC Feature: read."
    CSC_MEASUREMENT 0x2a5b "CSC Measurement: notified."
    CSC_FEATURE 0x2a5c "CSC Feature: read."
    SENSOR_LOCATION 0x2a5d "Sensor Location: read."
    PLX_SPOT_CHECK 0x2a5e "PLX Spot-Check Measurement: indicated."
    PLX_CONTINUOUS 0x2a5f "PLX Continuous Measurement: notified."
    PLX_FEATURES 0x2a60 "PLX Features: read."
    DATABASE_CHANGE_INCREMENT 0x2a99 "Database Change Increment: read, written, notified."
    USER_INDEX 0x2a9a "User Index: read."
    BODY_COMPOSITION_FEATURE 0x2a9b "Body Composition Feature: read."
    BODY_COMPOSITION_MEASUREMENT 0x2a9c "Body Composition Measurement: indicated."
    WEIGHT_MEASUREMENT 0x2a9d "Weight Measurement: indicated."
    WEIGHT_SCALE_FEATURE 0x2a9e "Weight Scale Feature: read."
    USER_CONTROL_POINT 0x2a9f "User Control Point: written, indicated."
    CGM_MEASUREMENT 0x2aa7 "CGM Measurement: notified."
    CGM_FEATURE 0x2aa8 "CGM Feature: read."
    CGM_STATUS 0x2aa9 "CGM Status: read."
    CGM_SESSION_START_TIME 0x2aaa "CGM Session Start Time: read, written."
    CGM_SESSION_RUN_TIME 0x2aab "CGM Session Run Time: read."
    CGM_SPECIFIC_OPS 0x2aac "CGM Specific Ops Control Point: written, indicated."
    FITNESS_MACHINE_FEATURE 0x2acc "Fitness Machine Feature: read."
    TREADMILL_DATA 0x2acd "Treadmill Data: notified."
    CROSS_TRAINER_DATA 0x2ace "Cross Trainer Data: notified."
    ROWER_DATA 0x2ad1 "Rower Data: notified."
    INDOOR_BIKE_DATA 0x2ad2 "Indoor Bike Data: notified."
    TRAINING_STATUS 0x2ad3 "Training Status: read, notified."
    FITNESS_MACHINE_CONTROL_POINT 0x2ad9 "Fitness Machine Control Point: written, indicated."
    FITNESS_MACHINE_STATUS 0x2ada "Fitness Machine Status: notified."
    ENHANCED_BLOOD_PRESSURE 0x2b34 "Enhanced Blood Pressure Measurement: indicated."
    ENHANCED_CUFF_PRESSURE 0x2b35 "Enhanced Intermediate Cuff Pressure: notified."
    BLOOD_PRESSURE_RECORD 0x2b36 "Blood Pressure Record: notified."
    PHYSICAL_ACTIVITY_FEATURES 0x2b3b "Physical Activity Monitor Features: read."
    GENERAL_ACTIVITY_INSTANT 0x2b3c "General Activity Instantaneous Data: notified."
    GENERAL_ACTIVITY_SUMMARY 0x2b3d "General Activity Summary Data: notified."
    CARDIO_ACTIVITY_INSTANT 0x2b3e "`CardioRespiratory` Activity Instantaneous Data: notified."
    CARDIO_ACTIVITY_SUMMARY 0x2b3f "`CardioRespiratory` Activity Summary Data: notified."
    STEP_ACTIVITY_SUMMARY 0x2b40 "Step Counter Activity Summary Data: notified."
    SLEEP_INSTANT 0x2b41 "Sleep Activity Instantaneous Data: notified."
    SLEEP_SUMMARY 0x2b42 "Sleep Activity Summary Data: notified."
    PHYSICAL_ACTIVITY_CONTROL_POINT 0x2b43 "Physical Activity Monitor Control Point: written, indicated."
    PHYSICAL_ACTIVITY_SESSION 0x2b44 "Physical Activity Current Session: read, indicated."
    PHYSICAL_ACTIVITY_DESCRIPTOR 0x2b45 "Physical Activity Session Descriptor: indicated."
    LIVE_HEALTH_OBSERVATIONS 0x2b8b "Live Health Observations: notified, indicated."
    STORED_HEALTH_OBSERVATIONS 0x2bdd "Stored Health Observations: notified."
    OBSERVATION_SCHEDULE_CHANGED 0x2bf1 "Observation Schedule Changed: indicated."
    CURRENT_ELAPSED_TIME 0x2bf2 "Current Elapsed Time: read, written, indicated."
    HEALTH_SENSOR_FEATURES 0x2bf3 "Health Sensor Features: read, indicated."
    HEALTH_SENSOR_CONTROL_POINT 0x2bf4 "GHS Control Point: written, indicated."
}
