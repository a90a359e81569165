//! What came until it is durable: handed over, and handed over again where it was not kept.

use super::{Phase, Session, tell};
use crate::ble::fault::{Fault, State};
use crate::ble::session::{Command, Intake, Now};

/// What was handed over and is not durable yet.
pub(super) struct Held {
    intake: Intake,
    again_at: Option<u64>,
    until: Option<u64>,
}

impl Held {
    pub(super) fn again_at(&self) -> Option<u64> {
        self.again_at
    }

    /// If it waits to be handed over again, that is due now.
    pub(super) fn at_once(&mut self) {
        self.again_at = self.again_at.map(|_| 0);
    }
}

impl Session {
    /// Hands over what came.
    pub(super) fn keep(&mut self, now: Now, out: &mut Vec<Command>) {
        if let Some(held) = &mut self.held {
            if held.again_at.is_some_and(|at| now.steady_ms >= at) {
                held.again_at = None;
                out.push(Command::Keep(held.intake.clone()));
            }
            return;
        }
        let cursor = self.history.cursor();
        let missing = self.history.missing();
        if self.arrived.is_empty() && cursor.is_none() && missing.is_none() {
            return;
        }
        let intake = Intake {
            items: std::mem::take(&mut self.arrived),
            cursor,
            missing,
            session_ms: self.counts_from_ms,
            clock: self.learned.clock,
        };
        self.held = Some(Held {
            intake: intake.clone(),
            again_at: None,
            until: None,
        });
        out.push(Command::Keep(intake));
    }

    pub(super) fn kept(&mut self, kept: u32, unclaimed: u32, now: Now, out: &mut Vec<Command>) {
        let held = self.held.take();
        if kept > 0 {
            // a link that stands and gives nothing is no success
            self.tries = 0;
            self.new_readings += u64::from(kept);
        }
        if held.is_some_and(|it| it.until.is_some()) {
            self.history.wait_anew(now.steady_ms);
            match self.phase {
                Phase::Live => self.show(State::Live, out),
                Phase::Remembering => self.show(self.history.state(), out),
                _ => {}
            }
        }
        if unclaimed > 0 {
            let because = Fault::WhichUser;
            let again_in_ms = 0;
            tell(
                State::Waiting {
                    again_in_ms,
                    because,
                },
                out,
            );
        }
    }

    /// Not durable: held for a while, so that a person can unlock, or make space. What the device
    /// stores is not acknowledged to it and comes again; what it does not store is here alone.
    pub(super) fn not_kept(&mut self, full: bool, now: Now, out: &mut Vec<Command>) {
        let because = if full {
            Fault::StorageFull
        } else {
            Fault::VaultClosed
        };
        let Some(held) = &mut self.held else {
            return;
        };
        let until = *held.until.get_or_insert(now.steady_ms + HOLD_MS);
        let late = now.steady_ms >= until || self.arrived.len() >= MOST_HELD;
        if late || self.ending.is_some() {
            self.held = None;
            self.arrived.clear();
            return self.end(Some(because));
        }
        held.again_at = Some(now.steady_ms + AGAIN_MS);
        let again_in_ms = AGAIN_MS;
        self.show(
            State::Waiting {
                again_in_ms,
                because,
            },
            out,
        );
    }
}

/// How long what could not be kept is held, and how often it is tried.
const HOLD_MS: u64 = 600_000;
const AGAIN_MS: u64 = 5_000;
/// So many values are held meanwhile at most.
const MOST_HELD: usize = 20_000;
