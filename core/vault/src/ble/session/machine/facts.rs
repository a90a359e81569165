//! What a device says of itself, and its clock.

use super::Session;
use crate::ble::session::clock::{clock_face, session_start};
use crate::ble::session::numbers::FACTS;
use crate::ble::session::{Call, Goal, Now};
use crate::ble::timing;
use vitalwitness_domain::gatt::current_time::{Reason, current_time_bytes};
use vitalwitness_domain::gatt::{self, Packet, uuid};

impl Session {
    /// Reads what the device is. Before anything is subscribed: on some systems a read also
    /// arrives as a notification.
    pub(super) fn prepare(&mut self) {
        for number in FACTS {
            if number == uuid::SERIAL_NUMBER && !self.plan.serial {
                continue;
            }
            // some cuffs wait a few seconds only: what does not change is read once
            if self.plan.goal != Goal::Meet && ONCE.contains(&number) {
                continue;
            }
            let found = self.offered.iter();
            let found = found.filter(|it| it.characteristic.number == number && it.reads());
            let calls = found.map(|it| Call::Read(it.characteristic));
            let calls: Vec<Call> = calls.take(1).collect();
            self.todo.extend(calls);
        }
    }

    /// Sets the device's clock to the one on the wall, where it can be set.
    pub(super) fn set_clock(&mut self, now: Now) -> Option<Call> {
        self.clock_due = false;
        let settable = self.offered.iter().find(|it| {
            it.characteristic.number == uuid::CURRENT_TIME && it.properties & 0x08 != 0
        })?;
        let bytes = current_time_bytes(now.wall_ms, now.offset_min, Reason::Reference);
        Some(Call::Write(settable.characteristic, bytes.ok()?))
    }

    pub(super) fn learn(&mut self, number: u16, bytes: &[u8], now: Now) {
        let about = &mut self.learned.about;
        let words = || {
            let text = String::from_utf8_lossy(bytes);
            let text = text.trim_matches(|letter: char| letter == '\0' || letter.is_whitespace());
            let text: String = text
                .chars()
                .filter(|it| !it.is_control())
                .take(64)
                .collect();
            (!text.is_empty()).then_some(text)
        };
        match number {
            uuid::MANUFACTURER_NAME => about.maker = words(),
            uuid::MODEL_NUMBER => about.model = words(),
            uuid::SERIAL_NUMBER => about.serial = words(),
            uuid::FIRMWARE_REVISION => about.firmware = words(),
            uuid::BATTERY_LEVEL => self.battery(bytes, now.wall_ms),
            uuid::CURRENT_TIME | uuid::DATE_TIME => {
                if let Some(face) = clock_face(bytes) {
                    let offset_min = now.offset_min;
                    let seen = timing::seen(face, now.wall_ms, &|_| offset_min);
                    self.clock_due = timing::is_off(seen);
                    self.learned.clock = Some(seen);
                }
            }
            uuid::CGM_SESSION_START_TIME => {
                self.counts_from_ms = session_start(bytes, now.offset_min);
                // another sensor counts its minutes from zero
                if self.counts_from_ms.is_some() && self.plan.session_ms != self.counts_from_ms {
                    self.history.forget(uuid::CGM_SERVICE);
                }
            }
            _ => {
                if let Ok(Packet::Features(features)) = gatt::parse(number, bytes, self.known) {
                    self.known.crc |= features.has("crc");
                    about.several_users |=
                        features.has("multiple-users") || features.has("user-data");
                }
            }
        }
    }

    pub(super) fn battery(&mut self, bytes: &[u8], at_ms: i64) {
        if let [percent @ 0..=100] = bytes {
            self.learned.about.battery = Some((*percent, at_ms));
        }
    }
}

/// What does not change while a device is paired.
const ONCE: [u16; 3] = [
    uuid::MANUFACTURER_NAME,
    uuid::MODEL_NUMBER,
    uuid::SERIAL_NUMBER,
];
