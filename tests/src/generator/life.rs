//! How the person lives: nights, trainings, illness, and the heart that follows.

use super::Plan;
use super::clock::at;
use super::dice::Dice;
use chrono::{Datelike, Days, NaiveDate};

/// One day from local midnight to local midnight; times in seconds since 1970.
pub(super) struct Day {
    pub(super) index: u32,
    pub(super) date: NaiveDate,
    pub(super) begin: i64,
    pub(super) end: i64,
    /// When the person got up, and goes to bed (perhaps after midnight).
    pub(super) wake: i64,
    pub(super) bed: i64,
    pub(super) training: Option<Training>,
    pub(super) ill: bool,
    seed: u64,
}

/// One training.
#[derive(Clone, Copy)]
pub(super) struct Training {
    pub(super) kind: &'static str,
    pub(super) distance: Option<&'static str>,
    pub(super) begin: i64,
    pub(super) minutes: i64,
    /// Heart rate it is done at.
    pub(super) effort: i64,
    /// Metres in a minute.
    pub(super) pace: i64,
}

impl Training {
    pub(super) fn end(&self) -> i64 {
        self.begin + self.minutes * 60
    }
}

impl Day {
    pub(super) fn of(plan: &Plan, index: u32) -> Self {
        let date = plan.first + Days::new(u64::from(index));
        let mut dice = Dice::of([plan.seed, 1, u64::from(index)]);
        let weekend = date.weekday().number_from_monday() > 5;
        let late = if weekend { 60 } else { 0 };
        // Ill for about five days, two or three times a year.
        let ill = (0..5).any(|back| {
            let first = u64::from(index).checked_sub(back);
            first.is_some_and(|first| Dice::of([plan.seed, 2, first]).once_in(90))
        });
        let wake = at(date, 400 + late + dice.around(12));
        let bed = at(date, 1_375 + late / 2 + dice.around(14));
        Self {
            index,
            date,
            begin: at(date, 0),
            end: at(date + Days::new(1), 0),
            wake,
            bed,
            training: training(date, weekend, &mut dice).filter(|_| !ill),
            ill,
            seed: plan.seed,
        }
    }

    pub(super) fn dice(&self, what: u64) -> Dice {
        Dice::of([self.seed, 16 + what, u64::from(self.index)])
    }

    /// Beats a minute at rest, lower as the year of training goes on.
    pub(super) fn resting(&self) -> i64 {
        let mut dice = self.dice(0);
        58 - i64::from(self.index) / 90 + dice.around(1) + if self.ill { 9 } else { 0 }
    }

    /// Beats a minute at `time` of this day.
    pub(super) fn heart_rate(&self, time: i64, dice: &mut Dice) -> i64 {
        let resting = self.resting();
        if let Some(training) = self.training {
            let into = time - training.begin;
            if (0..training.minutes * 60).contains(&into) {
                // Five minutes to warm up.
                let share = into.min(300);
                return resting + (training.effort - resting) * share / 300 + dice.around(3);
            }
            let after = time - training.end();
            if (0..1_200).contains(&after) {
                return resting
                    + 20
                    + (training.effort - resting - 20) * (1_200 - after) / 2_400
                    + dice.around(3);
            }
        }
        if self.asleep(time) {
            // Lowest towards four in the morning.
            let from_four = (time - self.begin - 4 * 3_600).abs().min(4 * 3_600);
            return resting - 4 + from_four / 3_600 + dice.around(1);
        }
        let moving = if self.walking(time) { 22 } else { 0 };
        resting + 12 + moving + dice.around(4)
    }

    pub(super) fn asleep(&self, time: i64) -> bool {
        time < self.wake || time >= self.bed
    }

    /// Whether the person walks in the ten minutes of `time`.
    pub(super) fn walking(&self, time: i64) -> bool {
        if self.asleep(time) {
            return false;
        }
        let slot = (time - self.begin) / SLOT;
        let hour = (time - self.begin) / 3_600;
        // To work, at noon, and home again.
        let often = match hour {
            7 | 8 | 12 | 17 | 18 => 2,
            9..=20 => 5,
            _ => 9,
        };
        let often = if self.ill { often * 4 } else { often };
        Dice::of([
            self.seed ^ u64::from(self.index),
            3,
            u64::try_from(slot).unwrap_or(0),
        ])
        .once_in(often)
    }

    /// Begins of the ten minutes in which the person walks.
    pub(super) fn walks(&self) -> impl Iterator<Item = i64> + '_ {
        let slots = (self.end - self.begin) / SLOT;
        (0..slots)
            .map(|slot| self.begin + slot * SLOT)
            .filter(|time| self.walking(*time))
    }
}

fn training(date: NaiveDate, weekend: bool, dice: &mut Dice) -> Option<Training> {
    let times = if weekend { 2 } else { 3 };
    if !dice.once_in(times) {
        return None;
    }
    let begin = at(date, if weekend { 600 } else { 1_090 } + dice.around(10));
    let (kind, distance, effort, pace, minutes) = match dice.between(0, 9) {
        0..=3 => ("Running", Some("DistanceWalkingRunning"), 152, 165, 40),
        4..=6 => ("Cycling", Some("DistanceCycling"), 138, 390, 65),
        7 => ("TraditionalStrengthTraining", None, 112, 0, 50),
        8 => ("Swimming", Some("DistanceSwimming"), 134, 40, 45),
        _ => ("Hiking", Some("DistanceWalkingRunning"), 118, 72, 150),
    };
    Some(Training {
        kind,
        distance,
        begin,
        minutes: minutes + dice.around(5),
        effort: effort + dice.around(3),
        pace: pace + pace * dice.around(3) / 100,
    })
}

/// Ten minutes.
pub(super) const SLOT: i64 = 600;
