//! The programs of the Bluetooth guest (`tests/ble`, `docs/ble-tests.md`).

pub mod h4;
pub mod judge;
pub mod ledger;
pub mod pace;
pub mod report;
pub mod scenes;
pub mod steer;
pub mod turns;
