//! What is done with the emulated devices of a scene (`tests/ble/peripherals/scenes.py`), and what
//! must come of it.

use vitalwitness_vault::ble::{Fault, Goal, Whose};

/// A scene, from the phone's side.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// Its name, the devices' and ours.
    pub name: &'static str,
    /// What the device offers.
    pub service: u16,
    /// What the session is for.
    pub goal: Goal,
    /// Which user of the device the owner is.
    pub whose: Whose,
    /// What is done.
    pub play: Play,
    /// Events its device must have written down, at least so often: the fault did happen.
    pub must: &'static [(&'static str, u64)],
}

/// Which scenes are played one after the other; lanes are played beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What bonds: nobody pairs two devices at once.
    Bonding,
    /// What tells how late it is, then the night, in which the wall's time runs ahead.
    Clocks,
    /// The others.
    Free,
}

/// What is done with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    /// It is paired, and read to the end.
    Read,
    /// First with digits that it does not show: this is what a screen would say. Then with the right ones.
    WrongDigits(Fault),
    /// Paired and bonded; the bond is lost, and nobody is there; then somebody is.
    LostBond(Fault),
    /// Read to the end, and its battery stands so.
    Battery(u8),
    /// Read to the end, while the wall's time runs so that a value is a second.
    Night,
}

impl Scene {
    /// Where it is played.
    pub fn lane(&self) -> Lane {
        let bonds = |(event, _): &(&str, u64)| *event == "bonded";
        match self.play {
            Play::Night => Lane::Clocks,
            _ if self.must.iter().any(|(event, _)| *event == "clock set") => Lane::Clocks,
            _ if self.must.iter().any(bonds) => Lane::Bonding,
            _ => Lane::Free,
        }
    }
}

/// The digits that the emulated devices show.
pub const DIGITS: u32 = 123_456;

const fn scene(name: &'static str, service: u16, goal: Goal) -> Scene {
    Scene {
        name,
        service,
        goal,
        whose: Whose::Mine,
        play: Play::Read,
        must: &[],
    }
}

/// Every scene, in the order they begin in their lane.
pub const SCENES: [Scene; 26] = [
    Scene {
        must: &[("bonded", 1), ("out of range", 1)],
        ..scene("glucose", 0x1808, Goal::History)
    },
    scene("glucose-flood", 0x1808, Goal::History),
    Scene {
        must: &[("out of range", 1)],
        ..scene("glucose-away", 0x1808, Goal::History)
    },
    Scene {
        must: &[("bonded", 1)],
        ..scene("just-works", 0x1810, Goal::Live)
    },
    Scene {
        play: Play::WrongDigits(Fault::BondRefused),
        must: &[("bonding failed", 1), ("bonded", 1)],
        ..scene("wrong-passkey", 0x1810, Goal::Live)
    },
    Scene {
        play: Play::LostBond(Fault::NeedsBonding),
        must: &[("bonded", 2)],
        ..scene("no-agent", 0x1810, Goal::Live)
    },
    Scene {
        must: &[("bonded", 1)],
        ..scene("monitor", 0x181F, Goal::History)
    },
    scene("strap", 0x180D, Goal::Live),
    Scene {
        must: &[("out of range", 1)],
        ..scene("wanderer", 0x180D, Goal::Live)
    },
    scene("liar", 0x180D, Goal::Live),
    Scene {
        whose: Whose::User(1),
        ..scene("cuff", 0x1810, Goal::Live)
    },
    scene("cuff-plain", 0x1810, Goal::Live),
    scene("cuff-twice", 0x1810, Goal::Live),
    Scene {
        must: &[("clock set", 1)],
        ..scene("cuff-clock", 0x1810, Goal::Live)
    },
    scene("thermometer", 0x1809, Goal::Live),
    Scene {
        play: Play::Battery(3),
        ..scene("battery-low", 0x1809, Goal::Live)
    },
    scene("oximeter", 0x1822, Goal::Live),
    scene("oximeter-spot", 0x1822, Goal::Live),
    Scene {
        whose: Whose::User(1),
        ..scene("scale", 0x181D, Goal::Live)
    },
    scene("run", 0x1814, Goal::Live),
    scene("ride", 0x1816, Goal::Live),
    scene("machine", 0x1826, Goal::Live),
    scene("cuff-enhanced", 0x1810, Goal::Live),
    scene("walk", 0x183E, Goal::Live),
    scene("sensor", 0x1840, Goal::Live),
    Scene {
        play: Play::Night,
        must: &[("hangs up", 5)],
        ..scene("night", 0x180D, Goal::Live)
    },
];
