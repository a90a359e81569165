//! What a call that failed means.

use super::Session;
use crate::ble::fault::Fault;
use crate::ble::radio::RadioError;
use crate::ble::session::{Bond, Call, Command, Goal, Now};
use vitalwitness_domain::gatt::uuid;

impl Session {
    pub(super) fn failed(&mut self, error: RadioError, now: Now, out: &mut Vec<Command>) {
        let Some((call, _)) = self.doing.take() else {
            return;
        };
        match (&call, error) {
            (Call::Disconnect, _) if self.ending.is_none() => {
                self.lost(Fault::OutOfRange, now, out);
            }
            (Call::Disconnect, _) => {}
            (_, error) if self.ending.is_some() && error != RadioError::Unreachable => {}
            (_, RadioError::Off | RadioError::NotAllowed) => self.end(Some(error.into())),
            (Call::Connect, RadioError::NeedsBonding)
            | (Call::Bond, RadioError::BondRefused | RadioError::NeedsBonding) => {
                self.end(Some(error.into()));
            }
            (Call::Unbond, _) => self.end(Some(Fault::NeedsBonding)),
            (_, RadioError::Unreachable) | (Call::Connect | Call::Bond, _) => {
                self.lost(Fault::OutOfRange, now, out);
            }
            // what it is matters less than what it measures
            (Call::Read(_), RadioError::NeedsBonding)
                if self.learned.bonded && (self.bonding.tried || self.plan.goal != Goal::Meet) => {}
            // the system keeps a bond that the device forgot
            (_, RadioError::NeedsBonding)
                if self.learned.bonded
                    && !self.bonding.tried
                    && !self.bonding.removed
                    && self.plan.bond != Bond::Never =>
            {
                self.bonding.removed = true;
                self.todo.clear();
                self.todo.push_back(Call::Unbond);
            }
            (_, RadioError::NeedsBonding) => {
                if self.plan.bond != Bond::Never && !self.bonding.tried {
                    self.todo.push_front(call);
                    self.todo.push_front(Call::Bond);
                } else {
                    self.end(Some(Fault::NeedsBonding));
                }
            }
            (Call::Write(to, _), _) if to.number == uuid::RECORD_ACCESS_CONTROL_POINT => {
                self.history.refused();
            }
            // what the device is, a clock that cannot be set: readings matter more
            _ => {}
        }
    }
}
