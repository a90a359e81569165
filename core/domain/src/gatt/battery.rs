//! Battery (service 180F). GSS Battery Level: one byte, 0 to 100 %.

use super::bytes::Bytes;
use super::measure::BATTERY;
use super::{Amount, Features, Measured, Packet, Refused, uuid};

/// GSS Battery Level; 101 to 255 are reserved.
pub(super) fn level(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let percent = bytes.u8()?;
    bytes.done()?;
    if percent > 100 {
        return Err(Refused::Range);
    }
    let mut features = Features::of(uuid::BATTERY_LEVEL);
    features.values.push(Measured {
        what: BATTERY,
        amount: Amount::whole(percent),
        unit: "%",
    });
    Ok(Packet::Features(features))
}
