//! Values of Bluetooth characteristics, as devices send them, read.
//!
//! Answers one question: what does this value of this characteristic say? Bytes in, a [`Packet`]
//! out; what is measured becomes records by [`Reading::records`] once somebody has decided when it
//! applies. Pure: no radio, no clock, no state between two values; what needs several values to
//! make sense is a state machine of its own ([`join`], [`segments`], [`racp`], [`cadence`]).
//!
//! Sources: the GATT Specification Supplement (GSS) of the Bluetooth SIG for the layout of a
//! characteristic, named beside each parser; the service specification for what GSS leaves to it.
//!
//! What always holds:
//! - No value of any length makes a parser panic. A value that ends too early is refused whole
//!   ([`Refused::Truncated`]): half a measurement is none. The caller keeps the raw bytes.
//! - A number is exact: what was sent, in tens, never a float. NaN, `NRes`, infinities, reserved and
//!   "not known" values are absent with the reason ([`Amount::Absent`]), never a number.
//! - Reserved bits: the specifications tell a collector to go on as if they were zero, so it does,
//!   and [`Extra::reserved`] shows them. Octets after the last known field are kept in
//!   [`Extra::trailing`] if a reserved bit announces them; without one the length contradicts the
//!   flags, nothing in the value can be trusted, and it is refused ([`Refused::Overlong`]).
//! - A reserved number where the layout of all that follows hangs on it is refused
//!   ([`Refused::Reserved`]); where it is one word among others the word is `reserved`.
//! - A device's time stays as it was sent, possible or not ([`DeviceTime`]).
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod activity;
mod amount;
mod battery;
mod blood_pressure;
mod body;
mod bytes;
pub mod cadence;
pub mod cgm;
pub mod current_time;
mod cycling;
mod device;
mod fitness;
mod glucose;
pub mod health_sensor;
mod heart_rate;
pub mod join;
mod known;
pub mod measure;
mod oximeter;
pub mod racp;
mod reading;
mod records;
mod running;
pub mod segments;
mod thermometer;
mod time;
pub mod user;
pub mod uuid;
mod weight;

pub use amount::{Absent, Amount};
pub use known::Known;
pub use measure::Measure;
pub use reading::{Extra, Features, Measured, Reading};
pub use records::{At, Kept, Left};
pub use time::{DeviceTime, Elapsed, Zone};

use current_time::Clock;
use segments::Segment;
use std::fmt;

/// What one value says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet {
    /// Measurements, or parts of them, in the order sent; one except for CGM and bundles.
    Readings(Vec<Reading>),
    /// What the device is or can do: feature flags, a location, a range, its name and number.
    Features(Features),
    /// What the device answers on its record access control point.
    Answer(racp::Answer),
    /// What the device answers on its user control point.
    User(user::Answer),
    /// What its clock shows.
    Clock(Clock),
    /// How its local time stands to UTC.
    Zone(Zone),
    /// When its CGM session began; readings count minutes from here.
    SessionStart {
        /// Local time as sent.
        start: DeviceTime,
        /// How it stands to UTC.
        zone: Zone,
    },
    /// A part of a longer value ([`segments::Segments`]).
    Segment(Segment),
}

/// Why a value is not read. The raw bytes are still the caller's to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Keep the bytes: a later version may read this characteristic.
    #[error("no such characteristic is read here")]
    Unknown,
    /// Fewer bytes than its flags announce.
    #[error("value ends too early")]
    Truncated,
    /// More bytes than its flags announce.
    #[error("value is longer than its flags say")]
    Overlong,
    /// A number that no specification gives a meaning, and the rest depends on it.
    #[error("value uses a reserved number")]
    Reserved,
    /// A number outside what the specification allows.
    #[error("value is out of its range")]
    Range,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    Text,
    /// The check sum differs: ask again.
    #[error("check sum differs")]
    Checksum,
    /// It does not fit where the exchange stands: a part without its beginning, an answer to no
    /// question.
    #[error("not expected now")]
    Order,
}

impl Refused {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "gatt_unknown",
            Self::Truncated => "gatt_truncated",
            Self::Overlong => "gatt_overlong",
            Self::Reserved => "gatt_reserved",
            Self::Range => "gatt_range",
            Self::Text => "gatt_text",
            Self::Checksum => "gatt_checksum",
            Self::Order => "gatt_order",
        }
    }
}

/// Reads `value`, a notification, indication or read of the characteristic with this 16-bit UUID.
///
/// # Errors
///
/// Says why; see the module's rules. Never panics, whatever the bytes.
pub fn parse(characteristic: u16, value: &[u8], known: Known) -> Result<Packet, Refused> {
    match characteristic {
        uuid::HEART_RATE_MEASUREMENT => heart_rate::measurement(value),
        uuid::BODY_SENSOR_LOCATION => heart_rate::location(value),
        uuid::BATTERY_LEVEL => battery::level(value),
        uuid::BLOOD_PRESSURE_MEASUREMENT => blood_pressure::measurement(value, known),
        uuid::INTERMEDIATE_CUFF_PRESSURE => blood_pressure::cuff(value, known),
        uuid::BLOOD_PRESSURE_FEATURE => blood_pressure::feature(value),
        uuid::ENHANCED_BLOOD_PRESSURE => blood_pressure::enhanced(value, known),
        uuid::ENHANCED_CUFF_PRESSURE => blood_pressure::enhanced_cuff(value, known),
        uuid::TEMPERATURE_MEASUREMENT => thermometer::measurement(value),
        uuid::INTERMEDIATE_TEMPERATURE => thermometer::intermediate(value),
        uuid::TEMPERATURE_TYPE => thermometer::site(value),
        uuid::MEASUREMENT_INTERVAL => thermometer::interval(value),
        uuid::GLUCOSE_MEASUREMENT => glucose::measurement(value),
        uuid::GLUCOSE_CONTEXT => glucose::context(value),
        uuid::GLUCOSE_FEATURE => glucose::feature(value),
        uuid::RECORD_ACCESS_CONTROL_POINT => racp::answer(value),
        uuid::CGM_MEASUREMENT => cgm::measurement(value, known),
        uuid::CGM_FEATURE => cgm::feature(value),
        uuid::CGM_STATUS => cgm::status(value, known),
        uuid::CGM_SESSION_START_TIME => cgm::session_start(value, known),
        uuid::CGM_SESSION_RUN_TIME => cgm::run_time(value, known),
        uuid::CGM_SPECIFIC_OPS => cgm::specific_ops(value, known),
        uuid::PLX_SPOT_CHECK => oximeter::spot_check(value),
        uuid::PLX_CONTINUOUS => oximeter::continuous(value),
        uuid::PLX_FEATURES => oximeter::features(value),
        uuid::WEIGHT_MEASUREMENT => weight::measurement(value),
        uuid::WEIGHT_SCALE_FEATURE => weight::feature(value),
        uuid::BODY_COMPOSITION_MEASUREMENT => body::measurement(value),
        uuid::BODY_COMPOSITION_FEATURE => body::feature(value),
        uuid::RSC_MEASUREMENT => running::measurement(value),
        uuid::RSC_FEATURE => running::feature(value),
        uuid::CSC_MEASUREMENT => cycling::measurement(value),
        uuid::CSC_FEATURE => cycling::feature(value),
        uuid::SENSOR_LOCATION => cycling::location(value),
        uuid::TREADMILL_DATA
        | uuid::CROSS_TRAINER_DATA
        | uuid::ROWER_DATA
        | uuid::INDOOR_BIKE_DATA => fitness::data(characteristic, value),
        uuid::FITNESS_MACHINE_FEATURE => fitness::feature(value),
        uuid::TRAINING_STATUS => fitness::training_status(value),
        uuid::FITNESS_MACHINE_CONTROL_POINT => fitness::control(value),
        uuid::MANUFACTURER_NAME
        | uuid::MODEL_NUMBER
        | uuid::SERIAL_NUMBER
        | uuid::FIRMWARE_REVISION
        | uuid::HARDWARE_REVISION
        | uuid::SOFTWARE_REVISION => device::text(characteristic, value),
        uuid::SYSTEM_ID => device::system_id(value),
        uuid::PNP_ID => device::pnp_id(value),
        uuid::REGULATORY_CERTIFICATION => device::regulatory(value),
        uuid::CURRENT_TIME => current_time::current_time(value),
        uuid::LOCAL_TIME_INFORMATION => current_time::local_time(value),
        uuid::CURRENT_ELAPSED_TIME => current_time::current_elapsed(value),
        uuid::USER_INDEX => user::index(value),
        uuid::USER_CONTROL_POINT => user::answer(value),
        uuid::DATABASE_CHANGE_INCREMENT => user::changes(value),
        uuid::PHYSICAL_ACTIVITY_FEATURES => activity::features(value),
        uuid::GENERAL_ACTIVITY_SUMMARY
        | uuid::CARDIO_ACTIVITY_INSTANT
        | uuid::STEP_ACTIVITY_SUMMARY
        | uuid::SLEEP_INSTANT
        | uuid::SLEEP_SUMMARY => activity::data(characteristic, value),
        uuid::BLOOD_PRESSURE_RECORD
        | uuid::LIVE_HEALTH_OBSERVATIONS
        | uuid::STORED_HEALTH_OBSERVATIONS => segments::segment(characteristic, value, known),
        uuid::HEALTH_SENSOR_FEATURES => health_sensor::features(value),
        uuid::HEALTH_SENSOR_CONTROL_POINT => health_sensor::control(value),
        uuid::OBSERVATION_SCHEDULE_CHANGED => health_sensor::schedule(value),
        _ => Err(Refused::Unknown),
    }
}

impl Packet {
    /// The measurements in it; none for the other kinds.
    pub fn readings(&self) -> &[Reading] {
        match self {
            Self::Readings(readings) => readings,
            _ => &[],
        }
    }

    fn one(reading: Reading) -> Self {
        Self::Readings(vec![reading])
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Readings(readings) => f.debug_tuple("Readings").field(&readings.len()).finish(),
            Self::Features(features) => features.fmt(f),
            Self::Answer(answer) => answer.fmt(f),
            Self::User(answer) => answer.fmt(f),
            Self::Clock(clock) => clock.fmt(f),
            Self::Zone(zone) => zone.fmt(f),
            Self::SessionStart { .. } => f.write_str("SessionStart"),
            Self::Segment(segment) => segment.fmt(f),
        }
    }
}
