//! The devices a person has: kept, listed, changed, forgotten.

use super::pairing::Confirmed;
use super::sensor::{Sensor, Whose};
use super::session::{Bond, Goal, Learned, Plan};
use crate::Error;
use crate::store::{Frame, Kind, StoreError, Tx};
use crate::vault::{Core, Vault};
use vitalwitness_domain::record::Id;

impl Vault {
    /// The devices, in the order they were first paired.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn sensors(&self) -> Result<Vec<Sensor>, Error> {
        self.with(|core| {
            let items = core.store.reader().all(Kind::Sensor)?;
            let sensors = items.iter().map(|item| Sensor::decode(&item.plain));
            Ok(sensors.collect::<Result<_, StoreError>>()?)
        })
    }

    /// A device.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn sensor(&self, id: &Id) -> Result<Sensor, Error> {
        self.with(|core| load(&core.store.reader(), id))
    }

    /// Takes a device in whose wearer was confirmed, with what it said of itself. One that was
    /// here before keeps its id, and with it what of its memory was read.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn keep_sensor(&self, confirmed: &Confirmed, learned: &Learned) -> Result<Sensor, Error> {
        self.with(|core| {
            let found = &confirmed.proposal.found;
            let id = core.sensor_id(&found.peripheral);
            let before = load(&core.store.reader(), &id).ok();
            let mut sensor = before.unwrap_or_default();
            sensor.id = id;
            sensor.peripheral.clone_from(&found.peripheral);
            sensor.name = name_of(confirmed, learned);
            sensor.wearer.clone_from(&confirmed.wearer);
            sensor.set_whose(confirmed.whose);
            sensor.plain_integers = confirmed.proposal.hint.is_some_and(|it| it.plain_integers);
            sensor.paired_ms = core.env.clock.now_ms();
            sensor.learn(learned);
            if !confirmed.keep_serial {
                sensor.about.serial = None;
            }
            core.store.write(|tx| save(&sensor, tx))?;
            Ok(sensor)
        })
    }

    /// Remembers what a device said of itself in a later session.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn learn_of_sensor(&self, id: &Id, learned: &Learned) -> Result<(), Error> {
        self.with(|core| {
            let mut sensor = load(&core.store.reader(), id)?;
            sensor.learn(learned);
            Ok(core.store.write(|tx| save(&sensor, tx))?)
        })
    }

    /// Says which user of a device the owner is.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn set_sensor_user(&self, id: &Id, whose: Whose) -> Result<(), Error> {
        self.with(|core| {
            let mut sensor = load(&core.store.reader(), id)?;
            sensor.set_whose(whose);
            Ok(core.store.write(|tx| save(&sensor, tx))?)
        })
    }

    /// Forgets a device and what it sent as it came. Its records stay; paired again, none of them
    /// comes twice.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn forget_sensor(&self, id: &Id) -> Result<(), Error> {
        self.with(|core| {
            load(&core.store.reader(), id)?;
            core.store.write(|tx| {
                tx.remove(Kind::Sensor, id)?;
                tx.remove_frames(id)
            })?;
            Ok(core.store.checkpoint()?)
        })
    }

    /// What a device sent, as it came, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn frames(&self, id: &Id) -> Result<Vec<Frame>, Error> {
        self.with(|core| Ok(core.store.reader().frames(id)?))
    }
}

impl Core {
    /// The id of a device: keyed, so that records do not tell its address.
    fn sensor_id(&self, peripheral: &str) -> Id {
        let name = ["sensor ", peripheral].concat();
        self.store.keys().tag(Kind::Sensor as u8, name.as_bytes())
    }
}

impl Sensor {
    /// A session with it. `present`: a person is there to pair it if it wants that.
    pub fn plan(&self, goal: Goal, present: bool) -> Plan {
        Plan {
            goal,
            bond: match (present, self.bonded) {
                (false, _) => Bond::Never,
                (true, false) => Bond::WhenAsked,
                (true, true) => Bond::First,
            },
            serial: self.about.serial.is_some(),
            plain_integers: self.plain_integers,
            session_ms: self.session_ms,
            user_unsaid: self.whose == Whose::Unsaid,
            cursors: self.cursors.clone(),
        }
    }

    /// What was refused as another person's is asked for again.
    fn set_whose(&mut self, whose: Whose) {
        if self.whose != whose {
            self.cursors.clear();
        }
        self.whose = whose;
    }

    fn learn(&mut self, learned: &Learned) {
        let (old, new) = (std::mem::take(&mut self.about), learned.about.clone());
        self.about.maker = new.maker.or(old.maker);
        self.about.model = new.model.or(old.model);
        self.about.serial = new.serial.or(old.serial);
        self.about.firmware = new.firmware.or(old.firmware);
        self.about.battery = new.battery.or(old.battery);
        self.about.several_users = new.several_users || old.several_users;
        self.about.services = if new.services.is_empty() {
            old.services
        } else {
            new.services
        };
        self.bonded = learned.bonded;
        if learned.clock.is_some() {
            // a small correction does not hide the one that matters
            let most = self.before.map_or(0, |it| it.behind_ms.abs());
            let set = self.clock.filter(|it| it.set_ms.is_some() && it.was_off());
            self.before = set.filter(|it| it.behind_ms.abs() >= most).or(self.before);
            self.clock = learned.clock;
        }
    }
}

pub(super) fn load(tx: &Tx<'_>, id: &Id) -> Result<Sensor, Error> {
    let item = tx.get(Kind::Sensor, id)?.ok_or(Error::NotFound)?;
    Ok(Sensor::decode(&item.plain)?)
}

pub(super) fn save(sensor: &Sensor, tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.put(Kind::Sensor, &sensor.id, 0, &sensor.encode())
        .map(|_| ())
}

fn name_of(confirmed: &Confirmed, learned: &Learned) -> String {
    let told = confirmed.proposal.found.name.clone();
    let model = confirmed.proposal.hint.map(|hint| hint.model.to_owned());
    told.or_else(|| learned.about.model.clone())
        .or(model)
        .unwrap_or_else(|| "unnamed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ble::sensor::ClockSeen;

    fn set(behind_ms: i64) -> Learned {
        Learned {
            clock: Some(ClockSeen {
                delta_ms: behind_ms,
                at_ms: 1_000,
                behind_ms,
                set_ms: Some(2_000),
            }),
            ..Learned::default()
        }
    }

    #[test]
    fn a_clock_set_by_three_seconds_does_not_hide_that_it_was_years_behind() {
        let years = 515_584_500_000;
        let mut sensor = Sensor::default();
        for behind_ms in [years, 3_000, -4_000, 0] {
            sensor.learn(&set(behind_ms));
        }
        assert_eq!(sensor.before.map(|it| it.behind_ms), Some(years));
    }
}
